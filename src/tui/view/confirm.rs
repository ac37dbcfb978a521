//! A question with yes and no.

use ratatui::layout::{Position, Rect};

use super::adapters;
use super::canvas::Canvas;
use super::layout::{Layout, inner};
use super::overlay::centred;
use crate::tui::keys::Action;
use crate::tui::state::overlay::Confirm;
use crate::tui::words::Word;

/// Columns of the text; the smallest screens have fewer.
const COLUMNS: u16 = 60;

/// Draws the question; before a sign-off also what will be final, before an adapter goes live what speaks most
/// against it.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, question: &Confirm) -> Option<Position> {
    let app = canvas.app;
    let (title, mut lines) = match question {
        Confirm::SignOff => {
            let mut lines = vec![app.word(Word::ConfirmSignOffBody).to_owned(), String::new()];
            lines.extend(scores(canvas));
            (Word::ConfirmSignOffTitle, lines)
        }
        Confirm::PutLive(record) => {
            let name = app.adapter_name(&record.name);
            let mut lines = vec![app.fill(Word::ConfirmPutLive, &[("name", &name)])];
            lines.extend(adapters::worst(canvas, record));
            (Word::ConfirmPutLiveTitle, lines)
        }
        Confirm::Overwrite(_, path) => {
            let path = crate::sanitize::line(&path.to_string_lossy()).into_owned();
            let question = app.fill(Word::ConfirmOverwrite, &[("path", &path)]);
            (Word::HintExport, vec![question])
        }
    };
    let columns = inner(centred(layout.body, COLUMNS + 4, 0)).width.min(COLUMNS);
    lines = lines
        .iter()
        .flat_map(|l| {
            let rows = canvas.measure().wrap(l, usize::from(columns));
            rows.into_iter().map(|r| l[r].to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let area = centred(layout.body, COLUMNS + 4, lines.len() as u16 + 4);
    let inside = canvas.frame(area, app.word(title), true);
    // One column beside the frame stays free where there is one.
    let margin = inside.width.saturating_sub(columns).min(1);
    let inside = Rect {
        x: inside.x + margin,
        width: inside.width.saturating_sub(margin),
        ..inside
    };
    for (y, text) in (0..inside.height.saturating_sub(2)).zip(&lines) {
        let at = (inside.x, inside.y + y);
        canvas.text(at, inside.width, text, canvas.styles().text);
    }
    answers(canvas, inside);
    None
}

fn scores(canvas: &Canvas<'_>) -> Vec<String> {
    let Some(desk) = canvas.app.desk() else {
        return Vec::new();
    };
    let decided = desk.review.dimensions().iter().filter_map(|d| {
        let score = d.human.verdict.as_ref()?.score;
        let name = canvas.app.dimension_name(&d.id);
        let name = canvas.pad(name, 20, crate::tui::width::Align::Left);
        Some(format!("{name} {score:.1}"))
    });
    decided.collect()
}

fn answers(canvas: &mut Canvas<'_>, inside: Rect) {
    let y = inside.bottom().saturating_sub(1);
    let mut x = inside.x;
    for (action, word) in [(Action::Yes, Word::Yes), (Action::No, Word::No)] {
        let key = canvas.app.settings().keymap.short_label(action);
        let end = inside.right();
        x = canvas.text((x, y), end.saturating_sub(x), &key, canvas.styles().hint_key);
        x = canvas.text(
            (x + 1, y),
            end.saturating_sub(x + 1),
            canvas.app.word(word),
            canvas.styles().hint_text,
        );
        x += 3;
    }
}
