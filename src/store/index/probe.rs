//! Trying the database in a child process first: a damaged one may hang or abort, and only a process can be put down.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::database::{Database, Mark};
use crate::error::{Error, ErrorKind, Result};

/// The hidden command of the program that answers a probe.
pub const COMMAND: &str = "__index-probe";

/// Longer than this, and the database hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The child's side: opens the database and prints what its rows are.
///
/// # Errors
/// The database cannot be opened or read.
pub fn answer(path: &Path, out: &mut dyn std::io::Write) -> Result<()> {
    let mark = Database::open(path)?.mark()?;
    serde_json::to_writer(out, &mark)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot write to standard output").because(e))
}

/// What the rows of the database at `path` are, found out by a child process that runs `program`; none when it fails,
/// whatever way.
pub(crate) fn ask(program: &Path, path: &Path) -> Option<Mark> {
    let mut child = Command::new(program)
        .arg(COMMAND)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    if !ends_well(&mut child) {
        return None;
    }
    let said = child.wait_with_output().ok()?.stdout;
    serde_json::from_slice(&said).ok()
}

fn ends_well(child: &mut Child) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) | Err(_) => {
                // It may have ended meanwhile; either way nothing of it is used.
                drop(child.kill());
                drop(child.wait());
                return false;
            }
        }
    }
}
