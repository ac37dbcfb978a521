//! One row of a source for the screen: the text, its tokens' styles, and the marks over them.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::Span;

use super::Highlights;
use crate::sanitize;
use crate::tui::theme::Theme;
use crate::tui::width::TAB;

/// Something to show over a stretch of the visible text: evidence, a search match, the selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark<'a> {
    /// Bytes of the source's visible text.
    pub span: Range<usize>,
    /// Patched over what lies beneath.
    pub style: Style,
    /// A name such as `E1`, shown where the stretch ends.
    pub badge: Option<&'a str>,
}

/// A row ready to draw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row<'a> {
    /// The text in pieces of one style. Pieces with no style of their own leave the pane's as it is.
    pub spans: Vec<Span<'a>>,
    /// The names of the marks that end in this row, in the order of the marks.
    pub badges: Vec<&'a str>,
}

/// The bytes `row` of `text` with the styles of its tokens and, over them, of the marks; later marks lie on top.
///
/// Ranges that cut a character are widened to its start. Tabs become spaces, and a character that should have been
/// made visible before is made so now.
pub fn row<'a>(
    text: &'a str,
    row: Range<usize>,
    highlights: &Highlights,
    marks: &[Mark<'a>],
    theme: &Theme,
) -> Row<'a> {
    let row = text.floor_char_boundary(row.start)..text.floor_char_boundary(row.end);
    let runs = highlights.runs_in(row.clone());
    let marks: Vec<&Mark<'a>> = marks
        .iter()
        .filter(|m| m.span.start < row.end && row.start < m.span.end)
        .collect();
    let spans = runs.iter().map(|r| &r.span);
    let cuts = cuts(text, &row, spans.chain(marks.iter().map(|m| &m.span)));
    let piece = |ends: &[usize]| {
        let span = ends[0]..ends[1];
        let token = runs.iter().find(|r| covers(&r.span, &span));
        let style = token.map_or(Style::new(), |r| r.token.style(&theme.syntax));
        let over = marks.iter().filter(|m| covers(&m.span, &span));
        let style = over.fold(style, |s, m| s.patch(m.style));
        Span::styled(drawable(&text[span]), style)
    };
    Row {
        spans: cuts.windows(2).map(piece).collect(),
        badges: marks
            .iter()
            .filter(|m| ends_in(text, &m.span, &row))
            .filter_map(|m| m.badge)
            .collect(),
    }
}

/// Where the row must be cut so that each piece has one style, its own ends included.
fn cuts<'s>(text: &str, row: &Range<usize>, spans: impl Iterator<Item = &'s Range<usize>>) -> Vec<usize> {
    let mut cuts: Vec<usize> = spans
        .flat_map(|s| [s.start, s.end])
        .map(|at| text.floor_char_boundary(at).clamp(row.start, row.end))
        .chain([row.start, row.end])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn covers(outer: &Range<usize>, piece: &Range<usize>) -> bool {
    outer.start < piece.end && piece.start < outer.end
}

/// Whether the last thing to see of a mark stands in this row; spaces and newlines at its end do not count.
fn ends_in(text: &str, mark: &Range<usize>, row: &Range<usize>) -> bool {
    let end = text.floor_char_boundary(mark.end);
    let start = text.floor_char_boundary(mark.start);
    let seen = start + text[start..end].trim_end().len();
    row.start < seen && seen <= row.end
}

fn drawable(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return sanitize::line(text);
    }
    let parts: Vec<Cow<'_, str>> = text.split('\t').map(sanitize::line).collect();
    Cow::Owned(parts.join(&" ".repeat(TAB)))
}
