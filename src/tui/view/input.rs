//! A line to be typed, just above the hints.

use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::layout::Layout;
use crate::tui::state::overlay::Input;

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
    let room = usize::from(inside.width).saturating_sub(1);
    // A line longer than the box shows its end: the part being typed.
    let before = input.line.before();
    let mut start = 0;
    while measure.text(&before[start..]) > room {
        let Some(first) = measure.pieces(&before[start..]).next() else {
            break;
        };
        start += first.text.len();
    }
    canvas.text(
        (inside.x, inside.y),
        inside.width,
        &input.line.text()[start..],
        styles.input,
    );
    let caret = measure.text(&before[start..]) as u16;
    Position::new(inside.x + caret, inside.y)
}
