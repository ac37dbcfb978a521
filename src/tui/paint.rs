//! How long a key takes to be seen: from the moment it is read to the end of the frame that follows it.
//!
//! `PLUMB_TRACE_PAINT=FILE` writes one line there at the end: how many keys, and their median, 99th percentile and
//! maximum in milliseconds.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The variable that names the file.
pub const VARIABLE: &str = "PLUMB_TRACE_PAINT";

/// Measures keys on their way to the screen.
#[derive(Debug, Default)]
pub struct PaintTrace {
    file: Option<PathBuf>,
    waiting: Vec<Instant>,
    samples: Vec<Duration>,
}

impl PaintTrace {
    /// Writes to `file` at the end; measures nothing without one.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// A key was read.
    pub fn read(&mut self, now: Instant) {
        if self.file.is_some() {
            self.waiting.push(now);
        }
    }

    /// A frame is on the terminal: every key read before it has been seen.
    pub fn painted(&mut self, now: Instant) {
        self.samples
            .extend(self.waiting.drain(..).map(|read| now.duration_since(read)));
    }

    /// One line: `keys 120  p50 1.2 ms  p99 8.0 ms  max 9.1 ms`.
    fn summary(&self) -> String {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            let sample = sorted.get(rank.max(1) - 1).copied().unwrap_or_default();
            sample.as_secs_f64() * 1000.0
        };
        format!(
            "keys {}  p50 {:.1} ms  p99 {:.1} ms  max {:.1} ms\n",
            sorted.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        )
    }

    /// Writes the figures.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> std::io::Result<()> {
        match &self.file {
            Some(file) => std::fs::write(file, self.summary()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_keys_between_frames() {
        let start = Instant::now();
        let mut trace = PaintTrace::new(Some(PathBuf::from("x")));
        for ms in 1..=100 {
            trace.read(start);
            trace.painted(start + Duration::from_millis(ms));
            trace.painted(start + Duration::from_secs(9));
        }
        assert_eq!(
            trace.summary(),
            "keys 100  p50 50.0 ms  p99 99.0 ms  max 100.0 ms\n"
        );
        assert_eq!(
            PaintTrace::default().summary(),
            "keys 0  p50 0.0 ms  p99 0.0 ms  max 0.0 ms\n"
        );
    }
}
