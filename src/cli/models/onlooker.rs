//! What a person sees of a pull, and how they stop it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::interrupt;
use crate::model::Manifest;
use crate::model::pull::Watch;
use crate::sanitize;

/// Shows a pull on standard error: a bar on a terminal, else one line a step.
pub struct Onlooker {
    terminal: bool,
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl Onlooker {
    /// Starts watching for Ctrl-c.
    pub fn new() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        interrupt::watch(Arc::clone(&stopped));
        Self {
            terminal: std::io::stderr().is_terminal(),
            bar: ProgressBar::hidden(),
            stopped,
        }
    }

    /// A model's pull begins.
    pub fn begin(&mut self, manifest: &Manifest) {
        if self.terminal {
            let bytes = manifest.weights().bytes.unwrap_or(0);
            let template =
                "{decimal_bytes:>10} of {decimal_total_bytes} {wide_bar} {decimal_bytes_per_sec} {eta}";
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = ProgressBar::new(bytes).with_style(style);
        }
    }

    /// A model's pull has ended, one way or the other.
    pub fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }
}

impl Watch for Onlooker {
    fn step(&mut self, line: &str) {
        // Nobody to tell is no reason to stop.
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{}", sanitize::line(line));
        });
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
