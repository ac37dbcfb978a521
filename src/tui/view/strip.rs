//! In one column: the selected dimension in short, the state of all others, and the tabs of the panes.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::dimensions;
use super::layout::Layout;
use crate::tui::keys::Action;
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::words::Word;

/// Draws both lines.
pub(super) fn render(canvas: &mut Canvas<'_>, desk: &Desk, layout: &Layout) {
    if layout.strip.is_empty() {
        return;
    }
    strip(canvas, desk, layout.strip);
    tabs(canvas, desk, layout.tabs);
}

fn strip(canvas: &mut Canvas<'_>, desk: &Desk, area: Rect) {
    let signs: Vec<Span<'static>> = desk
        .review
        .dimensions()
        .iter()
        .map(|d| {
            let (glyph, _, style) = dimensions::badge(canvas, desk, d);
            Span::styled(glyph, style)
        })
        .collect();
    let width = signs.len() as u16;
    let right = Rect::new(area.right().saturating_sub(width + 1), area.y, width, 1);
    if let Some(state) = desk.dimension() {
        let mut line = dimensions::row_of(canvas, desk, state);
        line.spans.insert(0, Span::raw(" "));
        let room = Rect {
            width: right.x.saturating_sub(area.x + 1),
            ..area
        };
        canvas.line(room, 0, &line);
    }
    canvas.line(right, 0, &Line::from(signs));
}

fn tabs(canvas: &mut Canvas<'_>, desk: &Desk, area: Rect) {
    let panes = [
        (Pane::Sources, Word::Sources, Action::PaneSources),
        (Pane::Document, Word::Document, Action::PaneDocument),
        (Pane::Dimensions, Word::Dimensions, Action::PaneDimensions),
        (Pane::Evidence, Word::Evidence, Action::PaneEvidence),
    ];
    let mut x = area.x + 1;
    for (pane, word, action) in panes {
        let key = canvas.app.settings().keymap.short_label(action);
        let focused = desk.focus == pane;
        let name = canvas.app.word(word);
        let (open, close) = if focused { ("[", "]") } else { (" ", " ") };
        let start = x;
        let end = area.right();
        x = canvas.text((x, area.y), end.saturating_sub(x), open, canvas.styles().title);
        x = canvas.text((x, area.y), end.saturating_sub(x), &key, canvas.styles().hint_key);
        x = canvas.text(
            (x + 1, area.y),
            end.saturating_sub(x + 1),
            name,
            canvas.styles().hint_text,
        );
        x = canvas.text((x, area.y), end.saturating_sub(x), close, canvas.styles().title);
        if focused {
            canvas.tint(Rect::new(start, area.y, x - start, 1), canvas.styles().selected);
        }
        x += 1;
    }
}
