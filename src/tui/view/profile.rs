//! The profile over the screen: scores of person and model, where they come from, and the plan for what is weak.

use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::canvas::Canvas;
use super::layout::{Layout, inner};
use super::overlay::{centred, scrolled};
use crate::tui::profile;
use crate::tui::state::App;
use crate::tui::words::Word;

/// Draws the profile from its `top`-th line on.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, top: usize) -> Option<Position> {
    let area = area(layout);
    let lines = lines(canvas.app, area)?;
    let inside = canvas.frame(area, canvas.app.word(Word::Profile), true);
    scrolled(canvas, inside, &lines, top);
    None
}

/// The last line that it scrolls to: the one above which a full page is left.
pub(super) fn last_top(app: &App) -> usize {
    let area = area(&Layout::of(app));
    let lines = lines(app, area).map_or(0, |l| l.len());
    lines.saturating_sub(usize::from(inner(area).height))
}

fn area(layout: &Layout) -> Rect {
    centred(layout.body, 100, layout.body.height)
}

fn lines(app: &App, area: Rect) -> Option<Vec<Line<'static>>> {
    let settings = app.settings();
    Some(profile::lines(
        &app.profile()?,
        settings.language,
        &settings.theme,
        settings.measure,
        usize::from(inner(area).width),
    ))
}
