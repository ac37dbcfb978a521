//! The document: one source with its colours, the evidence marked in the text and named beside it, the cursor, the
//! selection and what a search found.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::layout::Layout;
use super::picture;
use crate::dossier::Source;
use crate::evidence::{Place, Polarity};
use crate::tui::highlight::{self, Mark, row};
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::state::document::{BADGES, Document, Margin, Row};
use crate::tui::theme::Styles;
use crate::tui::width::{Align, ELLIPSIS, Measure};
use crate::tui::words::Word;

/// Bytes of the longest character.
const MAX_CHARACTER: usize = 4;

/// Draws the pane.
pub(super) fn render(canvas: &mut Canvas<'_>, desk: &Desk, layout: &Layout) {
    if layout.document.is_empty() {
        return;
    }
    let document = &desk.document;
    let title = document
        .source()
        .map_or_else(|| canvas.app.word(Word::Document).to_owned(), |s| s.title.clone());
    canvas.frame(layout.document, &title, desk.focus == Pane::Document);
    if let Some(date) = document.source().and_then(|s| s.date) {
        canvas.frame_note(layout.document, &date.to_string(), canvas.styles().dim);
    }
    if let Some(picture) = document.source().and_then(|s| s.picture.as_ref()) {
        let region = document.segment().and_then(|segment| segment.anchor.region);
        picture::render(canvas, picture, region, layout.document_picture());
    }
    let area = layout.document_text();
    if document.text().trim().is_empty() {
        let style = canvas.styles().dim;
        canvas.text(
            (area.x, area.y),
            area.width,
            canvas.app.word(Word::EmptySource),
            style,
        );
        return;
    }
    let names = names(desk);
    let rows = document.rows();
    let last = rows.len().min(document.top() + usize::from(area.height));
    let visible = match rows.get(document.top()..last) {
        Some([first, .., last]) => start_of(first)..last.span.end,
        Some([only]) => start_of(only)..only.span.end,
        _ => 0..0,
    };
    let marks = marks(desk, &names, canvas.styles(), &visible);
    let cursor = document.cursor_rows();
    let shown = rows.iter().enumerate().skip(document.top());
    for (line, (n, row)) in shown.take(usize::from(area.height)).enumerate() {
        let at = Rect::new(area.x, area.y + line as u16, area.width, 1);
        if cursor.contains(&n) {
            let mark = canvas.theme().glyphs.cursor;
            canvas.text((area.x - 1, at.y), 1, mark, canvas.styles().title);
        }
        draw_row(canvas, desk, row, &marks, at);
    }
    canvas.more(area, document.top() > 0, last < rows.len());
}

/// The first byte that is drawn of a row.
fn start_of(row: &Row) -> usize {
    row.cells
        .first()
        .map_or(row.span.start, |cell| cell.span.start.min(row.span.start))
}

fn draw_row(canvas: &mut Canvas<'_>, desk: &Desk, at_row: &Row, marks: &[Mark<'_>], at: Rect) {
    let document = &desk.document;
    let text_x = at.x + document.margin().total() as u16;
    margin(canvas, document, &at_row.margin, at);
    let draw = |span: Range<usize>| {
        row(
            document.text(),
            span,
            document.highlights(),
            marks,
            canvas.theme(),
        )
    };
    let drawn = draw(at_row.span.clone());
    let spans = if at_row.cells.is_empty() {
        drawn.spans
    } else {
        in_columns(at_row, canvas.measure(), draw)
    };
    let room = at.right().saturating_sub(text_x + BADGES as u16);
    let text = Rect::new(text_x, at.y, room, 1);
    canvas.line(text, 0, &Line::from(spans));
    let others = others_at(desk, &at_row.span);
    if let Some(badge) = badge(canvas, &drawn.badges, others) {
        let style = if drawn.badges.is_empty() {
            canvas.styles().dim
        } else {
            canvas.styles().evidence
        };
        let x = text.right() + 1;
        canvas.text((x, at.y), at.right().saturating_sub(x), &badge, style);
    }
}

/// A line of a table's row, its cells at their columns; what stands between them looks as what follows is marked.
fn in_columns<'t>(
    at_row: &Row,
    measure: Measure,
    draw: impl Fn(Range<usize>) -> highlight::Row<'t>,
) -> Vec<Span<'t>> {
    let mut spans = Vec::new();
    let (mut column, mut style) = (0, Style::new());
    for cell in &at_row.cells {
        spans.push(Span::styled(
            " ".repeat(cell.column.saturating_sub(column)),
            style,
        ));
        let shown = draw(cell.span.clone()).spans;
        column = cell.column + shown.iter().map(|s| measure.text(&s.content)).sum::<usize>();
        spans.extend(shown);
        let end = cell.span.end;
        style = draw(end..at_row.span.end.min(end + MAX_CHARACTER))
            .spans
            .first()
            .map_or(style, |s| s.style);
        if cell.cut {
            spans.push(Span::styled(ELLIPSIS, style));
            column += measure.text(ELLIPSIS);
        }
    }
    spans
}

/// Which of the selected score's links end here, and how many other scores use the row.
fn badge(canvas: &Canvas<'_>, own: &[&str], others: usize) -> Option<String> {
    if own.is_empty() && others == 0 {
        return None;
    }
    let refers = canvas.theme().glyphs.refers;
    let mut parts: Vec<String> = own.first().map(|n| (*n).to_owned()).into_iter().collect();
    let more = own.len().saturating_sub(1) + others;
    if more > 0 {
        parts.push(format!("+{more}"));
    }
    Some(format!("{refers} {}", parts.join(" ")))
}

/// How many other dimensions cite something that ends in this row.
fn others_at(desk: &Desk, row: &Range<usize>) -> usize {
    let Some(source) = desk.document.source() else {
        return 0;
    };
    let mut dimensions: Vec<&str> = desk
        .review
        .citing(&source.hash, source.shown.to_original(row.clone()))
        .filter(|c| {
            let end = source.shown.to_shown(c.span.clone()).end;
            row.start < end && end <= row.end
        })
        .map(|c| c.dimension.as_str())
        .filter(|d| desk.dimension().is_none_or(|own| own.id.as_str() != *d))
        .collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions.len()
}

fn margin(canvas: &mut Canvas<'_>, document: &Document, margin: &Margin, at: Rect) {
    let width = document.margin();
    let dim = canvas.styles().dim;
    match margin {
        Margin::Continued => {}
        Margin::Line(n) => {
            let number = canvas.pad(&n.to_string(), width.first, Align::Right);
            canvas.text((at.x, at.y), width.first as u16, &number, dim);
        }
        Margin::Said { time, speaker } => {
            let time = canvas.pad(time, width.first, Align::Right);
            let x = canvas.text((at.x, at.y), width.first as u16, &time, dim);
            let style = canvas.theme().syntax.speaker;
            canvas.text((x + 1, at.y), width.second as u16, speaker, style);
        }
    }
}

/// `E1`, `E2`, … for the links of the selected dimension.
fn names(desk: &Desk) -> Vec<String> {
    (1..=desk.links().len()).map(|n| format!("E{n}")).collect()
}

/// What lies over the text, lowest first.
fn marks<'n>(desk: &Desk, names: &'n [String], styles: &Styles, visible: &Range<usize>) -> Vec<Mark<'n>> {
    let document = &desk.document;
    let Some(source) = document.source() else {
        return Vec::new();
    };
    let unsure = unsure(source, visible).map(|span| mark(span, styles.dim));
    let orders = source.orders().map(|(segment, _)| document.shown(segment));
    let orders = orders.filter(|span| span.start < visible.end && visible.start < span.end);
    let mut marks: Vec<Mark<'_>> = unsure.chain(orders.map(|span| mark(span, styles.warn))).collect();
    if let Some(segment) = document.segment() {
        marks.push(mark(document.shown(segment), styles.selected));
    }
    let selected = desk.link();
    for (view, name) in desk.links().iter().zip(names) {
        let focused = selected.as_ref() == Some(view.link);
        for place in places(view.link).filter(|p| p.sha256 == source.hash) {
            let style = match (focused, view.link.polarity) {
                (true, _) => styles.evidence_focus,
                (false, Polarity::Supports) => styles.evidence,
                (false, Polarity::Contradicts) => styles.evidence_against,
            };
            marks.push(Mark {
                badge: Some(name.as_str()),
                ..mark(source.shown.to_shown(place.span()), style)
            });
        }
    }
    marks.extend(found(desk, styles, |s| {
        s.start < visible.end && visible.start < s.end
    }));
    if let Some(selection) = document.selected() {
        marks.push(mark(selection, styles.selection));
    }
    marks
}

/// The words of a recording that may have been misheard.
fn unsure<'s>(source: &'s Source, visible: &Range<usize>) -> impl Iterator<Item = Range<usize>> + 's {
    let seen = source.shown.to_original(visible.clone());
    let from = source.unsure.partition_point(|span| span.end <= seen.start);
    let spans = source.unsure.iter().skip(from);
    spans
        .take_while(move |span| span.start < seen.end)
        .map(|span| source.shown.to_shown(span.clone()))
}

fn mark(span: Range<usize>, style: Style) -> Mark<'static> {
    Mark {
        span,
        style,
        badge: None,
    }
}

/// A search may find a word a hundred thousand times; only what `shows` is drawn.
fn found(desk: &Desk, styles: &Styles, shows: impl Fn(&Range<usize>) -> bool) -> Vec<Mark<'static>> {
    let Some(find) = &desk.find else {
        return Vec::new();
    };
    let current = find.current().map(|(n, _)| n);
    let here = find
        .matches()
        .iter()
        .enumerate()
        .filter(|(_, m)| m.source == desk.document.index() && shows(&m.span));
    here.map(|(n, m)| {
        let style = if current == Some(n) {
            styles.matched_current
        } else {
            styles.matched
        };
        mark(m.span.clone(), style)
    })
    .collect()
}

/// Every place a link points at: of a count all occurrences.
fn places(link: &crate::evidence::EvidenceLink) -> impl Iterator<Item = &Place> {
    let occurrences = link.count.as_ref().map_or(&[][..], |c| c.occurrences.as_slice());
    let own = occurrences.is_empty().then_some(&link.place);
    own.into_iter().chain(occurrences)
}
