//! The progress bar on standard error; silent without a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::ScoreEvent;
use crate::error::Result;

/// What the bar shows.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(100);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    /// Moves with the run.
    pub(super) fn follow(&mut self, event: &ScoreEvent) {
        match event {
            ScoreEvent::Loading(fraction) => self.show("loading the model", (fraction * 100.0) as u64, 100),
            ScoreEvent::Prefill { done, total } => {
                self.show("reading the dossier", *done as u64, *total as u64);
            }
            ScoreEvent::Started { .. } => self.bar.set_message("writing"),
            ScoreEvent::Done(_) | ScoreEvent::Failed { .. } | ScoreEvent::Cancelled => {
                self.bar.finish_and_clear();
            }
            _ => {}
        }
    }

    /// Prints something while the bar is out of the way.
    pub(super) fn pause(&self, print: impl FnOnce() -> Result<()>) -> Result<()> {
        self.bar.suspend(print)
    }

    fn show(&self, message: &'static str, position: u64, length: u64) {
        self.bar.set_message(message);
        self.bar.set_length(length);
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
