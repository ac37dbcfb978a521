//! The screens: pure functions from the state to a buffer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::keys::Mode;
use crate::tui::state::App;
use crate::tui::words::Word;

mod adapters;
pub mod annotation;
mod calibration;
mod canvas;
mod confirm;
mod dimensions;
mod document;
pub mod evidence;
mod header;
mod hints;
mod input;
pub mod layout;
mod list;
pub mod overlay;
mod picture;
mod profile;
pub mod queue;
mod reason;
mod sources;
mod strip;
mod training;

use canvas::Canvas;
use layout::{Layout, MIN, Shape};

/// Draws everything; returns where the terminal's cursor belongs while text is typed.
pub fn render(app: &App, buffer: &mut Buffer) -> Option<Position> {
    let layout = Layout::of(app);
    let mut canvas = Canvas::new(app, buffer);
    let area = Rect::new(0, 0, app.size().width, app.size().height);
    canvas.fill(area, canvas.styles().text);
    if layout.shape == Shape::TooSmall {
        too_small(&mut canvas, area);
        return None;
    }
    header::render(&mut canvas, layout.header);
    match app.desk() {
        None => match app.annotating() {
            Some(annotating) => annotation::render(&mut canvas, annotating, &layout),
            None => queue::render(&mut canvas, &layout),
        },
        Some(desk) => {
            sources::render(&mut canvas, desk, layout.sources);
            document::render(&mut canvas, desk, &layout);
            dimensions::render(&mut canvas, desk, layout.dimensions);
            evidence::render(&mut canvas, desk, layout.evidence);
            strip::render(&mut canvas, desk, &layout);
        }
    }
    hints::render(&mut canvas, layout.hints);
    let cursor = overlay::render(&mut canvas, &layout);
    // A line that is typed lies where messages stand.
    if app.mode() != Mode::Input {
        hints::status(&mut canvas, layout.status);
    }
    cursor
}

/// One clear message instead of a screen that does not fit.
fn too_small(canvas: &mut Canvas<'_>, area: Rect) {
    let app = canvas.app;
    let need = format!("{}x{}", MIN.0, MIN.1);
    let have = format!("{}x{}", area.width, area.height);
    let lines = [
        app.word(Word::TooSmall).to_owned(),
        app.fill(Word::TooSmallNeed, &[("need", &need), ("have", &have)]),
        app.word(Word::TooSmallHow).to_owned(),
    ];
    let columns = usize::from(area.width);
    let lines: Vec<&str> = lines
        .iter()
        .flat_map(|l| canvas.measure().wrap(l, columns).into_iter().map(|r| &l[r]))
        .collect();
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (row, text) in (top..area.height).zip(lines) {
        let width = canvas.measure().text(text).min(usize::from(area.width)) as u16;
        let x = (area.width - width) / 2;
        canvas.text((x, row), area.width - x, text, canvas.styles().warn);
    }
}

#[cfg(test)]
mod tests;
