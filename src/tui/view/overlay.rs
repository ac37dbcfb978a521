//! What lies over the screen, bottom to top; and the two lists that typing narrows down.

use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::canvas::Canvas;
use super::layout::Layout;
use super::{adapters, calibration, confirm, input, list, profile, reason, training};
use crate::tui::state::App;
use crate::tui::state::overlay::{Overlay, Picker};
use crate::tui::state::picker::PickRow;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// Columns beside a box that are too few to be worth showing.
const SLIVER: u16 = 8;

/// Draws all of them; returns where the terminal's cursor belongs while text is typed.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout) -> Option<Position> {
    let mut cursor = None;
    for overlay in canvas.app.overlays() {
        cursor = match overlay {
            Overlay::Help(picker) => Some(help(canvas, layout, picker)),
            Overlay::Palette(picker) => Some(palette(canvas, layout, picker)),
            Overlay::Reason(picker) => reason::render(canvas, layout, picker),
            Overlay::Input(line) => Some(input::render(canvas, layout, line)),
            Overlay::Confirm(question) => confirm::render(canvas, layout, question),
            Overlay::Profile(top) => profile::render(canvas, layout, *top),
            Overlay::Training(run, top) => training::render(canvas, layout, run, *top),
            Overlay::Calibration(top) => calibration::render(canvas, layout, *top),
            Overlay::Adapters(list) => adapters::render(canvas, layout, list),
        };
    }
    cursor
}

/// The last row that the view on top scrolls to; none where it does not scroll by rows.
pub fn last_top(app: &App) -> Option<usize> {
    match app.overlays().last()? {
        Overlay::Profile(_) => Some(profile::last_top(app)),
        Overlay::Training(run, _) => Some(training::last_top(app, run)),
        Overlay::Calibration(_) => Some(calibration::last_top(app)),
        _ => None,
    }
}

/// Draws the rows of a view from its `top`-th on.
pub(super) fn scrolled(canvas: &mut Canvas<'_>, inside: Rect, lines: &[Line<'_>], top: usize) {
    let height = usize::from(inside.height);
    let top = top.min(lines.len().saturating_sub(height));
    for (y, line) in lines.iter().skip(top).take(height).enumerate() {
        canvas.line(inside, y as u16, line);
    }
    canvas.more(inside, top > 0, top + height < lines.len());
}

/// A box in the middle of the body; where only a sliver of the body would be left beside it, as wide as the body.
pub(super) fn centred(body: Rect, width: u16, height: u16) -> Rect {
    let width = if width + SLIVER > body.width {
        body.width
    } else {
        width
    };
    let height = height.min(body.height);
    Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + (body.height - height) / 2,
        width,
        height,
    }
}

fn help(canvas: &mut Canvas<'_>, layout: &Layout, picker: &Picker) -> Position {
    let rows = canvas.app.help_rows(picker.line.text());
    let area = centred(layout.body, 96, layout.body.height);
    let inside = canvas.frame(area, canvas.app.word(Word::Help), true);
    let cursor = search_line(canvas, inside, picker, Word::HelpSearch);
    let list = below(inside);
    // A heading before each section takes a row of its own.
    let mut lines: Vec<(Option<usize>, String)> = Vec::new();
    let mut group = None;
    for (n, row) in rows.iter().enumerate() {
        if row.group != group {
            group = row.group;
            lines.extend(group.map(|g| (None, canvas.app.word(g.word()).to_owned())));
        }
        lines.push((Some(n), String::new()));
    }
    let at = lines
        .iter()
        .position(|(n, _)| *n == Some(picker.cursor))
        .unwrap_or(0);
    let height = usize::from(list.height);
    let top = list::top(at, lines.len(), height);
    for (y, (n, heading)) in lines.iter().skip(top).take(height).enumerate() {
        let line = Rect::new(list.x, list.y + y as u16, list.width, 1);
        match n.and_then(|n| rows.get(n).map(|row| (n, row))) {
            Some((n, row)) => pick_row(canvas, row, n == picker.cursor, line, 16),
            None => {
                canvas.text((line.x, line.y), line.width, heading, canvas.styles().title);
            }
        }
    }
    nothing(canvas, list, rows.is_empty());
    canvas.more(list, top > 0, top + height < lines.len());
    cursor
}

fn palette(canvas: &mut Canvas<'_>, layout: &Layout, picker: &Picker) -> Position {
    let rows = canvas.app.palette_rows(picker.line.text());
    let area = centred(layout.body, 80, 20);
    let inside = canvas.frame(area, canvas.app.word(Word::Palette), true);
    let cursor = search_line(canvas, inside, picker, Word::PaletteSearch);
    let list = below(inside);
    let height = usize::from(list.height);
    let top = list::top(picker.cursor, rows.len(), height);
    for (y, (n, row)) in rows.iter().enumerate().skip(top).take(height).enumerate() {
        let line = Rect::new(list.x, list.y + y as u16, list.width, 1);
        pick_row(canvas, row, n == picker.cursor, line, 14);
    }
    nothing(canvas, list, rows.is_empty());
    canvas.more(list, top > 0, top + height < rows.len());
    cursor
}

fn below(inside: Rect) -> Rect {
    Rect {
        y: inside.y + 1,
        height: inside.height.saturating_sub(1),
        ..inside
    }
}

fn nothing(canvas: &mut Canvas<'_>, list: Rect, empty: bool) {
    if empty {
        let text = canvas.app.word(Word::NoMatches);
        canvas.text((list.x + 2, list.y), list.width, text, canvas.styles().dim);
    }
}

/// `> what is typed`, or what to type.
fn search_line(canvas: &mut Canvas<'_>, inside: Rect, picker: &Picker, empty: Word) -> Position {
    let line = Rect { height: 1, ..inside };
    let styles = canvas.styles();
    canvas.fill(line, styles.text.patch(styles.input));
    let x = canvas.text((line.x, line.y), 2, "> ", styles.input);
    let room = line.width.saturating_sub(2);
    if picker.line.text().is_empty() {
        canvas.text(
            (x, line.y),
            room,
            canvas.app.word(empty),
            styles.input.patch(styles.dim),
        );
        return Position::new(x, line.y);
    }
    canvas.text((x, line.y), room, picker.line.text(), styles.input);
    let before = canvas.measure().text(picker.line.before()) as u16;
    Position::new((x + before).min(line.right().saturating_sub(1)), line.y)
}

fn pick_row(canvas: &mut Canvas<'_>, row: &PickRow, selected: bool, line: Rect, keys: usize) {
    let styles = canvas.styles();
    let mark = if selected {
        canvas.theme().glyphs.cursor
    } else {
        " "
    };
    canvas.text((line.x, line.y), 1, mark, styles.title);
    let keys_text = canvas.pad(&row.keys, keys, Align::Left);
    let x = canvas.text((line.x + 2, line.y), keys as u16, &keys_text, styles.hint_key);
    let style = if row.enabled { styles.text } else { styles.dim };
    canvas.text(
        (x + 1, line.y),
        line.right().saturating_sub(x + 1),
        &row.text,
        style,
    );
    if selected {
        canvas.tint(line, styles.selected);
    }
}
