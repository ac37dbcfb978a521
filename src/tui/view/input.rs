//! A line to be typed, just above the hints.

use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::layout::Layout;
use crate::tui::state::overlay::Input;
use crate::tui::width::ELLIPSIS;

/// Draws the line; returns where the terminal's cursor belongs.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, input: &Input) -> Position {
    let area = Rect {
        y: layout.status.y.saturating_sub(2),
        height: 3,
        ..layout.status
    };
    let title = canvas.app.word(input.purpose.word());
    let inside = canvas.frame(area, title, true);
    let styles = canvas.styles();
    canvas.fill(inside, styles.text.patch(styles.input));
    let measure = canvas.measure();
    let mut room = usize::from(inside.width).saturating_sub(1);
    // A line longer than the box shows its end, the part being typed; what is before it leaves an ellipsis.
    let before = input.line.before();
    let columns = measure.text(before);
    let mut x = inside.x;
    if columns > room {
        x = canvas.text(
            (x, inside.y),
            inside.width,
            ELLIPSIS,
            styles.input.patch(styles.dim),
        );
        room = room.saturating_sub(measure.text(ELLIPSIS));
    }
    let first = measure.pieces(before).find(|p| columns - p.column <= room);
    let start = first.map_or(before.len(), |p| p.byte);
    let shown = &input.line.text()[start..];
    canvas.text(
        (x, inside.y),
        inside.right().saturating_sub(x),
        shown,
        styles.input,
    );
    let caret = measure.text(&before[start..]) as u16;
    Position::new(x + caret, inside.y)
}
