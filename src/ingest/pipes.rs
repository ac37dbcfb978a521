//! The rows of a Markdown pipe table.

use std::borrow::Cow;
use std::ops::Range;

use super::segment::RawSegment;
use super::table;

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
    let mut cells = Vec::new();
    let (line, mut start) = (inner(line.trim()), 0);
    for (at, _) in line.match_indices('|') {
        if !line[..at].ends_with('\\') {
            cells.push(cell(&line[start..at]));
            start = at + 1;
        }
    }
    cells.push(cell(&line[start..]));
    cells
}

fn inner(line: &str) -> &str {
    let line = line.strip_prefix('|').unwrap_or(line);
    match line.strip_suffix('|') {
        Some(inner) if !inner.ends_with('\\') => inner,
        _ => line,
    }
}

fn cell(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.contains("\\|") {
        Cow::Owned(text.replace("\\|", "|"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The row at `span`; none when all its cells are empty.
pub(super) fn row(
    text: &str,
    span: Range<usize>,
    header: &[Cow<'_, str>],
    number: u32,
) -> Option<RawSegment> {
    let said = table::row_text(header, &cells(&text[span.clone()]));
    table::row_segment(&said, span, number)
}
