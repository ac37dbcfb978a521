//! The profile over the screen: scores of person and model, where they come from, and the plan for what is weak.

use ratatui::layout::Position;

use super::canvas::Canvas;
use super::layout::Layout;
use super::overlay::centred;
use crate::tui::profile;
use crate::tui::words::Word;

/// Draws the profile from its `top`-th line on.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, top: usize) -> Option<Position> {
    let app = canvas.app;
    let values = app.profile()?;
    let area = centred(layout.body, 100, layout.body.height);
    let inside = canvas.frame(area, app.word(Word::Profile), true);
    let lines = profile::lines(
        &values,
        app.settings().language,
        canvas.theme(),
        canvas.measure(),
        usize::from(inside.width),
    );
    let height = usize::from(inside.height);
    let top = top.min(lines.len().saturating_sub(height));
    for (y, line) in lines.iter().skip(top).take(height).enumerate() {
        canvas.line(inside, y as u16, line);
    }
    canvas.more(inside, top > 0, top + height < lines.len());
    None
}
