//! One pull a model at a time, across processes: an advisory lock that the operating system drops with its holder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::Watch;
use crate::error::{Error, ErrorKind, Result};

/// How often a waiting pull looks whether it may start or should stop.
const LOOK: Duration = Duration::from_millis(100);

/// Takes the lock of a model's folder, waiting for whoever has it; it is held as long as the file lives.
///
/// # Errors
/// `Io` when the folder cannot be written to, `Cancelled` when the watcher stopped the waiting.
pub fn take(folder: &Path, watch: &mut dyn Watch) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| Error::io("write", &path, e))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            Err(TryLockError::WouldBlock) if watch.stopped() => {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "stopped while another pull was at work",
                ));
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    watch.step("another pull of this model is at work; waiting for it");
                    told = true;
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}
