//! Long work and who waits for it: how far it is goes out, the wish to end it comes in.

use crate::error::{Error, ErrorKind, Result};

/// Who hears how far some work is, and may end it.
pub trait Watch: Sync {
    /// `done` of `total` of what is being done now.
    fn tell(&self, doing: &str, done: usize, total: usize);

    /// Whether to end at the next safe place.
    fn stopped(&self) -> bool;
}

/// Ends the work where its watcher wants that; `left` says what becomes of what was done.
///
/// # Errors
/// `Cancelled`.
pub fn check(watch: &dyn Watch, left: &str) -> Result<()> {
    if watch.stopped() {
        return Err(Error::new(
            ErrorKind::Cancelled,
            format!("stopped before the end; {left}"),
        ));
    }
    Ok(())
}

/// Nobody waits.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Watch for Nobody {
    fn tell(&self, _: &str, _: usize, _: usize) {}

    fn stopped(&self) -> bool {
        false
    }
}
