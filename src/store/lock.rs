//! The one lock of a workspace: an operating system lock on the file `LOCK`, gone with the process that held it, and in
//! the file who that is.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// Who has the workspace.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    user: String,
    since: jiff::Timestamp,
}

/// The lock, held while this lives.
#[derive(Debug)]
pub(crate) struct WorkspaceLock {
    file: File,
}

impl Drop for WorkspaceLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child that was forked a moment ago and has not yet begun its own program holds
        // the file too, and with it the lock.
        let _ = self.file.unlock();
    }
}

impl WorkspaceLock {
    /// Takes the lock of the workspace at `root`.
    ///
    /// # Errors
    /// `Locked` with the holder's name when somebody has it.
    pub(crate) fn take(root: &Path, clock: &dyn Clock) -> Result<Self> {
        let path = root.join("LOCK");
        let refused = |e| Error::io("lock", &path, e);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(root, &mut file)),
            Err(TryLockError::Error(e)) => return Err(refused(e)),
        }
        sign(&mut file, clock).map_err(refused)?;
        Ok(Self { file })
    }
}

fn sign(file: &mut File, clock: &dyn Clock) -> std::io::Result<()> {
    let holder = Holder {
        pid: std::process::id(),
        user: user(),
        since: clock.now(),
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(&holder)?.as_bytes())
}

fn held(root: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    let holder = file
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |h| {
            format!(
                "{} (process {}) since {:.0}",
                h.user.escape_debug(),
                h.pid,
                h.since
            )
        },
    );
    Error::new(
        ErrorKind::Locked,
        format!("the workspace {} is in use by {who}", root.display()),
    )
    .hint("leave that session first, or give this one its own with --workspace DIR")
    .hint("reading needs no lock: `plumb journal verify`, `plumb pairs list`")
}

fn user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}
