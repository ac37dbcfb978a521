//! The way back from a segment's span to its text, for whoever holds the bytes and an anchor.

use std::borrow::Cow;

use crate::dossier::{Segment, SegmentKind, Source, SourceFormat};
use crate::sanitize::line;

use super::{chat, pipes, table};

/// The text of a segment, derived from the bytes its span covers; for a table row also from the table's header. None
/// when the span does not hold what a segment of its kind holds.
pub fn reread(source: &Source, segment: &Segment) -> Option<String> {
    let slice = source.raw.get(segment.anchor.span.clone())?;
    let said = match segment.kind {
        SegmentKind::Heading | SegmentKind::Sentence | SegmentKind::Utterance => Cow::Borrowed(slice),
        SegmentKind::Message => Cow::Owned(chat::decode(slice)?.trim().to_owned()),
        SegmentKind::Row if source.format == SourceFormat::Csv => Cow::Owned(csv_row(&source.raw, slice)),
        SegmentKind::Row => Cow::Owned(pipe_row(&source.raw, segment, slice)?),
    };
    Some(line(&said).into_owned())
}

fn csv_row(raw: &str, slice: &str) -> String {
    let body = raw.strip_prefix('\u{feff}').unwrap_or(raw);
    let delimiter = table::delimiter(body);
    table::row_text(
        &table::first_row(body, delimiter),
        &table::first_row(slice, delimiter),
    )
}

/// The header stands above the rows and above the rule.
fn pipe_row(raw: &str, segment: &Segment, slice: &str) -> Option<String> {
    let above = segment.anchor.row? as usize;
    let before: Vec<&str> = raw[..segment.anchor.span.start].lines().collect();
    let indented = usize::from(!raw[..segment.anchor.span.start].ends_with('\n'));
    let header = before.len().checked_sub(above + 1 + indented)?;
    Some(table::row_text(
        &pipes::cells(before[header]),
        &pipes::cells(slice),
    ))
}
