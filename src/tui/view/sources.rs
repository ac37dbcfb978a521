//! The list of sources: title, kind, how many places of it the selected score rests on; and what could not be read.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::canvas::Canvas;
use super::list;
use crate::dossier::Problem;
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::state::hearing::Progress;
use crate::tui::state::labels::kind_word;
use crate::tui::words::Word;

/// Rows that the reason of one problem may take.
const REASON: usize = 3;

/// Draws the list.
pub(super) fn render(canvas: &mut Canvas<'_>, desk: &Desk, area: Rect) {
    if area.is_empty() {
        return;
    }
    let app = canvas.app;
    let inside = canvas.frame(area, app.word(Word::Sources), desk.focus == Pane::Sources);
    let dossier = desk.review.dossier();
    if dossier.sources.is_empty() {
        canvas.text(
            (inside.x, inside.y),
            inside.width,
            app.word(Word::NoSources),
            canvas.styles().dim,
        );
    }
    let problems = problems(canvas, desk, inside.width);
    let shown = problems.len().min(usize::from(inside.height) / 2);
    let room = usize::from(inside.height) - shown;
    let current = desk.document.index();
    let top = list::top(current, dossier.sources.len(), room);
    for (row, index) in (top..dossier.sources.len()).take(room).enumerate() {
        source(canvas, desk, index, inside, row as u16);
    }
    canvas.more(inside, top > 0, top + room < dossier.sources.len());
    for (row, line) in problems.iter().take(shown).enumerate() {
        canvas.line(inside, (room + row) as u16, line);
    }
}

/// What could not be read, and why, in rows of their own; of a recording that is being heard, how far it is.
fn problems(canvas: &Canvas<'_>, desk: &Desk, columns: u16) -> Vec<Line<'static>> {
    let (app, styles) = (canvas.app, canvas.styles());
    let glyphs = &canvas.theme().glyphs;
    let mut lines = Vec::new();
    for Problem { path, message } in &desk.review.dossier().problems {
        let progress = desk.hearing.as_ref().and_then(|h| h.of(path));
        let (sign, style, message) = match progress {
            None => (glyphs.failed, styles.error, message.clone()),
            Some(Progress::Waits) => (
                glyphs.queued,
                styles.dim,
                app.word(Word::WaitsToBeHeard).to_owned(),
            ),
            Some(Progress::Heard(done, total)) => {
                let heard = app.heard_of(done, total);
                (glyphs.spin(app.tick()), styles.text, heard)
            }
        };
        let name = format!("{sign} {path}");
        let name = canvas.measure().truncate(&name, usize::from(columns));
        lines.push(Line::styled(name.into_owned(), style));
        let room = usize::from(columns.saturating_sub(2));
        let reason = canvas.measure().wrap(&message, room);
        lines.extend(reason.into_iter().take(REASON).map(|part| {
            let part = format!("  {}", &message[part]);
            Line::styled(part, styles.dim)
        }));
    }
    lines
}

fn source(canvas: &mut Canvas<'_>, desk: &Desk, index: usize, inside: Rect, row: u16) {
    let Some(source) = desk.review.dossier().sources.get(index) else {
        return;
    };
    let styles = canvas.styles();
    let selected = index == desk.document.index();
    let line = Rect::new(inside.x, inside.y + row, inside.width, 1);
    let cited = desk
        .links()
        .iter()
        .filter(|l| l.link.place.sha256 == source.hash)
        .count();
    let note = if cited > 0 {
        format!("{} {cited}", canvas.theme().glyphs.refers)
    } else {
        String::new()
    };
    let mut end = canvas.right(line, 0, &note, styles.evidence);
    let kind = canvas.app.word(kind_word(source.kind));
    let measure = canvas.measure();
    let needed = measure.text(&source.title) + measure.text(kind) + 4;
    if line.x + needed as u16 <= end {
        let left = Rect {
            width: end.saturating_sub(line.x + 1),
            ..line
        };
        end = canvas.right(left, 0, kind, styles.dim);
    }
    let mark = if selected {
        canvas.theme().glyphs.cursor
    } else if source.shown.is_clean() && source.orders().next().is_none() {
        " "
    } else {
        "!"
    };
    canvas.text(
        (line.x, line.y),
        1,
        mark,
        if selected { styles.title } else { styles.warn },
    );
    let room = end.saturating_sub(line.x + 3);
    canvas.text((line.x + 2, line.y), room, &source.title, styles.text);
    if selected {
        canvas.tint(line, styles.selected);
    }
}
