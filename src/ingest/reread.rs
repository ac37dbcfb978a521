//! The way back from a segment's span to its text, for whoever holds the bytes and an anchor.

use std::borrow::Cow;

use crate::dossier::{Segment, SegmentKind, Source, SourceFormat};
use crate::sanitize::line;

use super::escape::Unescaped;
use super::{cells, pipes, table};

/// The text of a segment, derived from the bytes its span covers; for a table row also from the table's header. None
/// when the span does not hold what a segment of its kind holds.
pub fn reread(source: &Source, segment: &Segment) -> Option<String> {
    let slice = source.raw.get(segment.anchor.span.clone())?;
    let said = match segment.kind {
        SegmentKind::Heading | SegmentKind::Sentence | SegmentKind::Utterance => Cow::Borrowed(slice),
        SegmentKind::Message => Unescaped::json(slice).into_text(),
        SegmentKind::Row if source.format == SourceFormat::Picture => Cow::Borrowed(slice),
        SegmentKind::Row if source.format == SourceFormat::Csv => {
            Cow::Owned(csv_row(&source.raw, segment, slice))
        }
        SegmentKind::Row => Cow::Owned(pipe_row(&source.raw, segment, slice)?),
    };
    Some(line(&said).into_owned())
}

fn csv_row(raw: &str, segment: &Segment, slice: &str) -> String {
    let body = raw.strip_prefix('\u{feff}').unwrap_or(raw);
    let delimiter = cells::delimiter(body);
    let header = table::first_row(body, delimiter);
    match segment.anchor.column {
        Some(column) => table::cell_text(&header, column, Unescaped::quoted(slice).text()),
        None => table::row_text(&header, &table::first_row(slice, delimiter)),
    }
}

/// The header stands above the rows and above the rule.
fn pipe_row(raw: &str, segment: &Segment, slice: &str) -> Option<String> {
    let above = segment.anchor.row? as usize;
    let before: Vec<&str> = raw[..segment.anchor.span.start].lines().collect();
    let indented = usize::from(!raw[..segment.anchor.span.start].ends_with('\n'));
    let header = pipes::cells(before[before.len().checked_sub(above + 1 + indented)?]);
    Some(match segment.anchor.column {
        Some(column) => table::cell_text(&header, column, Unescaped::piped(slice).text()),
        None => table::row_text(&header, &pipes::cells(slice)),
    })
}
