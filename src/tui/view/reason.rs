//! The reason picker: what is about to be recorded, and the letters that say why.

use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::hints::hint_word;
use super::layout::Layout;
use super::overlay::centred;
use crate::tui::state::overlay::{Pending, ReasonPicker};
use crate::tui::words::{Reason, Word};

/// Draws the picker over the document, so that the scores stay in view.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, picker: &ReasonPicker) -> Option<Position> {
    let app = canvas.app;
    let (title, what) = match &picker.pending {
        Pending::Score(dimension, score) => (
            Word::ReasonTitle,
            app.fill(
                Word::PendingScore,
                &[
                    ("dimension", app.dimension_name(dimension)),
                    ("score", &format!("{score:.1}")),
                ],
            ),
        ),
        Pending::Drop(_, link) => (Word::ReasonDropTitle, app.place_label(&link.place)),
    };
    let height = Reason::ALL.len() as u16 + 4;
    let body = if layout.document.is_empty() {
        layout.body
    } else {
        layout.document
    };
    let area = centred(body, 52, height);
    let inside = canvas.frame(area, app.word(title), true);
    canvas.text(
        (inside.x + 1, inside.y),
        inside.width.saturating_sub(1),
        &what,
        canvas.styles().human,
    );
    let top = list_top(picker, inside);
    let rows = inside.height.saturating_sub(2);
    for (y, (n, reason)) in Reason::ALL
        .iter()
        .enumerate()
        .skip(top)
        .take(usize::from(rows))
        .enumerate()
    {
        let line = Rect::new(inside.x, inside.y + 1 + y as u16, inside.width, 1);
        draw(canvas, *reason, picker.cursor == Some(n), line);
    }
    let help = Rect::new(
        inside.x + 1,
        inside.bottom().saturating_sub(1),
        inside.width.saturating_sub(1),
        1,
    );
    canvas.text((help.x, help.y), help.width, &keys(canvas), canvas.styles().dim);
    None
}

fn list_top(picker: &ReasonPicker, inside: Rect) -> usize {
    let rows = usize::from(inside.height.saturating_sub(2));
    super::list::top(picker.cursor.unwrap_or(0), Reason::ALL.len(), rows)
}

fn draw(canvas: &mut Canvas<'_>, reason: Reason, selected: bool, line: Rect) {
    let mark = if selected {
        canvas.theme().glyphs.cursor
    } else {
        " "
    };
    canvas.text((line.x, line.y), 1, mark, canvas.styles().title);
    let key = reason.key().to_string();
    let x = canvas.text((line.x + 2, line.y), 1, &key, canvas.styles().hint_key);
    let word = canvas.app.word(reason.word());
    canvas.text(
        (x + 1, line.y),
        line.right().saturating_sub(x + 1),
        word,
        canvas.styles().text,
    );
    if selected {
        canvas.tint(line, canvas.styles().selected);
    }
}

fn keys(canvas: &Canvas<'_>) -> String {
    use crate::tui::keys::Action;
    let keymap = &canvas.app.settings().keymap;
    let actions = [Action::Skip, Action::Score, Action::Half, Action::Close];
    let hints = actions.into_iter().filter_map(|a| {
        let word = canvas.app.word(hint_word(canvas.app, a)?);
        Some(format!("{} {word}", keymap.short_label(a)))
    });
    hints.collect::<Vec<_>>().join("  ")
}
