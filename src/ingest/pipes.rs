//! The rows of a Markdown pipe table.

use std::borrow::Cow;
use std::ops::Range;

use super::escape::Unescaped;
use super::segment::RawSegment;
use super::table;
use crate::sentence::trim;

/// Whether `line` heads a table: the line below draws the rule.
pub(super) fn is_header(line: &str, below: &str) -> bool {
    let rule = below.trim();
    let drawn = |cell: &str| {
        let dashes = cell.trim().trim_start_matches(':').trim_end_matches(':');
        !dashes.is_empty() && dashes.bytes().all(|b| b == b'-')
    };
    line.contains('|') && rule.contains('|') && inner(rule).split('|').all(drawn)
}

/// The cells of a row, trimmed, `\|` read as `|`.
pub(super) fn cells(line: &str) -> Vec<Cow<'_, str>> {
    let spans = spans(line).into_iter();
    spans.map(|s| Unescaped::piped(&line[s]).into_text()).collect()
}

/// Where the cells of a row lie in it, trimmed.
fn spans(line: &str) -> Vec<Range<usize>> {
    let whole = trim(line, 0..line.len());
    let bar = usize::from(line[whole.clone()].starts_with('|'));
    let (inside, from) = (inner(&line[whole.clone()]), whole.start + bar);
    let (mut spans, mut start) = (Vec::new(), 0);
    for (at, _) in inside.match_indices('|') {
        if !inside[..at].ends_with('\\') {
            spans.push(trim(line, from + start..from + at));
            start = at + 1;
        }
    }
    spans.push(trim(line, from + start..from + inside.len()));
    spans
}

fn inner(line: &str) -> &str {
    let line = line.strip_prefix('|').unwrap_or(line);
    match line.strip_suffix('|') {
        Some(inner) if !inner.ends_with('\\') => inner,
        _ => line,
    }
}

/// The row at `span`, cut into its cells where it is long; none when all its cells are empty.
pub(super) fn row(text: &str, span: Range<usize>, header: &[Cow<'_, str>], number: u32) -> Vec<RawSegment> {
    let slice = &text[span.clone()];
    let said = table::row_text(header, &cells(slice));
    let own = |s: Range<usize>| {
        (
            span.start + s.start..span.start + s.end,
            Unescaped::piped(&slice[s]),
        )
    };
    let cells: Vec<_> = if table::is_long(&said) {
        spans(slice).into_iter().map(own).collect()
    } else {
        Vec::new()
    };
    table::row_segments(&said, header, &cells, span, number)
}
