//! Frames for nobody, to measure what the screen costs: drawn, compared with the frame before, sent through the gate and
//! written as escape sequences, as on a terminal.

use std::io::{self, Sink};

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::gate::Gate;
use super::state::App;
use super::view;

/// A screen that nobody sees.
#[derive(Debug)]
pub struct Offscreen {
    gate: Gate<CrosstermBackend<Sink>>,
    shown: Buffer,
}

impl Offscreen {
    /// An empty one of so many columns and rows.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self {
            gate: Gate::new(CrosstermBackend::new(io::sink())),
            shown: Buffer::empty(Rect::new(0, 0, columns, rows)),
        }
    }

    /// Its columns and rows, for the state that is drawn here.
    pub fn size(&self) -> Size {
        self.shown.area.as_size()
    }

    /// Forgets what is shown, so that the next frame draws everything.
    pub fn forget(&mut self) {
        self.shown.reset();
    }

    /// Draws the state: what differs from the frame before goes through the gate. How many cells those were.
    ///
    /// # Errors
    /// None in practice: the writer takes everything.
    pub fn draw(&mut self, app: &App) -> io::Result<usize> {
        let mut next = Buffer::empty(self.shown.area);
        view::render(app, &mut next);
        let changed = self.shown.diff(&next);
        self.gate.draw(changed.iter().copied())?;
        let cells = changed.len();
        self.shown = next;
        Ok(cells)
    }

    /// Sends the whole frame that is shown through the gate again. How many cells those were.
    ///
    /// # Errors
    /// None in practice: the writer takes everything.
    pub fn pass(&mut self) -> io::Result<usize> {
        let blank = Buffer::empty(self.shown.area);
        let cells = blank.diff(&self.shown);
        self.gate.draw(cells.iter().copied())?;
        Ok(cells.len())
    }
}
