//! Ctrl-c in commands that can end at a safe place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first Ctrl-c sets `stopped`, which asks the work to end at the next safe place; a second one ends the program,
/// which must be safe too.
pub fn watch(stopped: Arc<AtomicBool>) {
    let wait = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            if stopped.swap(true, Ordering::Relaxed) {
                std::process::exit(1);
            }
        }
    };
    // Without the thread Ctrl-c ends the program at once.
    let _ = std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(wait);
}
