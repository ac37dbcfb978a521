//! What a person sees of long work, and how they stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::interrupt;
use crate::watch::Watch;

/// A bar on standard error, which shows itself only on a terminal; Ctrl-c ends the work at the next safe place.
pub struct Onlooker {
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl Onlooker {
    /// Starts watching for Ctrl-c.
    pub fn start() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        interrupt::watch(Arc::clone(&stopped));
        let bar = ProgressBar::new(0);
        // No ticks of its own: it must not work while something is measured.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        Self { bar, stopped }
    }

    /// The work has ended, one way or the other.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Onlooker {
    fn tell(&self, doing: &str, done: usize, total: usize) {
        self.bar.set_message(doing.to_owned());
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
