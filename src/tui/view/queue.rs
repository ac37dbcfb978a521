//! The list of dossiers: who, how far, what is in doubt, where people and model disagree.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::Canvas;
use super::layout::Layout;
use super::list;
use crate::review::Summary;
use crate::tui::state::App;
use crate::tui::state::queue::QueueRow;
use crate::tui::theme::Badge;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// A column of the list.
struct Column {
    word: Word,
    width: usize,
    align: Align,
    text: fn(&Canvas<'_>, &QueueRow) -> (String, Style),
}

/// The columns, and how wide they are at most; the name takes what is left.
fn columns(wide: bool) -> Vec<Column> {
    use Align::{Left, Right};
    let column = |word, width, align, text| Column {
        word,
        width,
        align,
        text,
    };
    let mut columns = vec![column(Word::QueueSubject, 0, Left, name as _)];
    if wide {
        columns.push(column(Word::QueueRole, 20, Left, role as _));
    }
    columns.push(column(Word::QueueCycle, 7, Left, cycle as _));
    columns.push(column(Word::QueueProgress, 12, Left, progress as _));
    columns.push(column(Word::QueueDoubts, 6, Right, doubts as _));
    if wide {
        columns.push(column(Word::QueueSpread, 6, Right, spread as _));
    }
    columns.push(column(Word::QueueGap, 5, Right, disagreement as _));
    columns.push(column(Word::QueueState, 14, Left, state as _));
    columns
}

/// The first dossier shown, a position among the visible ones.
pub fn top(app: &App, height: usize) -> usize {
    let queue = app.queue();
    list::top(queue.cursor(), queue.visible().len(), height)
}

/// Draws the list.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout) {
    let app = canvas.app;
    let queue = app.queue();
    let visible = queue.visible();
    canvas.frame(layout.body, app.word(Word::Queue), true);
    let mut note = format!(
        "{}  {}",
        app.word(queue.filter.word()),
        app.word(queue.sort.word())
    );
    if !queue.search.is_empty() {
        note = format!("/{}  {note}", queue.search);
    }
    canvas.frame_note(layout.body, &note, canvas.styles().dim);
    let rows = layout.queue_rows();
    let columns = columns(rows.width >= 104);
    heads(canvas, &columns, rows);
    if visible.is_empty() {
        let word = if queue.rows().is_empty() {
            Word::NoDossiers
        } else {
            Word::NoMatches
        };
        canvas.text(
            (rows.x + 2, rows.y),
            rows.width,
            app.word(word),
            canvas.styles().dim,
        );
    }
    let height = usize::from(rows.height);
    let top = top(app, height);
    for (y, index) in visible.iter().skip(top).take(height).enumerate() {
        let line = Rect::new(rows.x, rows.y + y as u16, rows.width, 1);
        if let Some(row) = queue.rows().get(*index) {
            draw(canvas, &columns, row, line);
        }
        if top + y == queue.cursor() {
            canvas.text(
                (line.x, line.y),
                1,
                canvas.theme().glyphs.cursor,
                canvas.styles().title,
            );
            canvas.tint(line, canvas.styles().selected);
        }
    }
    canvas.more(rows, top > 0, top + height < visible.len());
}

fn widths(columns: &[Column], rows: Rect) -> Vec<usize> {
    let fixed: usize = columns.iter().map(|c| c.width + 2).sum();
    let name = usize::from(rows.width).saturating_sub(fixed + 1);
    let widths = columns.iter().map(|c| if c.width == 0 { name } else { c.width });
    widths.collect()
}

fn heads(canvas: &mut Canvas<'_>, columns: &[Column], rows: Rect) {
    let mut x = rows.x + 2;
    for (column, width) in columns.iter().zip(widths(columns, rows)) {
        let text = canvas.pad(canvas.app.word(column.word), width, column.align);
        x = canvas.text((x, rows.y - 1), width as u16, &text, canvas.styles().dim) + 2;
    }
}

fn draw(canvas: &mut Canvas<'_>, columns: &[Column], row: &QueueRow, line: Rect) {
    let mut x = line.x + 2;
    if let Err(message) = &row.meta {
        let text = format!("{} {}  {message}", canvas.theme().glyphs.failed, row.name());
        canvas.text(
            (x, line.y),
            line.width.saturating_sub(2),
            &text,
            canvas.styles().error,
        );
        return;
    }
    for (column, width) in columns.iter().zip(widths(columns, line)) {
        let (text, style) = (column.text)(canvas, row);
        let text = canvas.pad(&text, width, column.align);
        x = canvas.text((x, line.y), width as u16, &text, style) + 2;
    }
}

fn name(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let id = row.meta.as_ref().map_or("", |m| m.subject.id.as_str());
    (format!("{} ({id})", row.name()), canvas.styles().text)
}

fn role(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let role = row.meta.as_ref().map_or_else(
        |_| String::new(),
        |m| match &m.level {
            Some(level) => format!("{} {level}", m.role),
            None => m.role.clone(),
        },
    );
    (role, canvas.styles().dim)
}

fn cycle(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let cycle = row.meta.as_ref().map_or("", |m| m.cycle.as_str());
    (cycle.to_owned(), canvas.styles().dim)
}

/// Cells of the bar.
const CELLS: usize = 8;

/// A bar of eight cells and the figures.
fn progress(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let Summary { decided, total, .. } = row.summary;
    let glyphs = &canvas.theme().glyphs;
    let filled = (decided * CELLS).checked_div(total).unwrap_or(0).min(CELLS);
    let bar = glyphs.bar_full.repeat(filled) + &glyphs.bar_empty.repeat(CELLS - filled);
    (format!("{bar} {decided}/{total}"), canvas.styles().human)
}

fn doubts(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    match row.summary.in_doubt {
        0 => (String::new(), canvas.styles().dim),
        n => (
            format!("{} {n}", canvas.theme().glyphs.needs_human),
            canvas.styles().warn,
        ),
    }
}

fn spread(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let plus_minus = canvas.theme().glyphs.plus_minus;
    let text = row.summary.spread.map(|s| format!("{plus_minus}{s:.1}"));
    (text.unwrap_or_default(), canvas.styles().model)
}

fn disagreement(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let text = row.summary.disagreement.map(|d| format!("{d:.1}"));
    let style = if row.summary.disagreement.unwrap_or_default() >= 1.0 {
        canvas.styles().warn
    } else {
        canvas.styles().dim
    };
    (text.unwrap_or_default(), style)
}

fn state(canvas: &Canvas<'_>, row: &QueueRow) -> (String, Style) {
    let summary = &row.summary;
    let (badge, word) = if summary.signed_off {
        (Badge::SignedOff, Word::StateSignedOff)
    } else if summary.total > 0 && summary.decided == summary.total {
        (Badge::Decided, Word::StateToSign)
    } else if summary.decided > 0 {
        (Badge::Decided, Word::StateStarted)
    } else if summary.scored > 0 {
        (Badge::Scored, Word::StateScored)
    } else {
        (Badge::Queued, Word::StateUnread)
    };
    let glyph = badge.glyph(&canvas.theme().glyphs, 0);
    (
        format!("{glyph} {}", canvas.app.word(word)),
        badge.style(canvas.theme()),
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ratatui::buffer::Buffer;

    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::tui::testing::Stage;

    /// Figures that cannot be are no reason to lose the screen.
    #[test]
    fn more_decided_than_there_is_fills_the_bar_and_no_more() -> Result<()> {
        let stage = Stage::queue(Language::En, (120, 30), &[])?;
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 30));
        let canvas = Canvas::new(&stage.app, &mut buffer);
        let of = |decided, total| {
            let row = QueueRow {
                path: PathBuf::from("d1"),
                meta: Err("unreadable".to_owned()),
                summary: Summary {
                    total,
                    decided,
                    ..Summary::default()
                },
            };
            progress(&canvas, &row).0
        };
        let full = canvas.theme().glyphs.bar_full.repeat(CELLS);
        assert_eq!(of(9, 8), format!("{full} 9/8"));
        assert_eq!(of(8, 8), format!("{full} 8/8"));
        Ok(())
    }
}
