//! Whether the disk can take a file, asked before the first byte is fetched.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Left free for everything else on the disk.
const MARGIN: u64 = 64 << 20;

/// Refuses when `folder`'s disk cannot take `bytes` more.
///
/// # Errors
/// `Io`, naming what is needed and what is there.
pub fn check(folder: &Path, bytes: u64) -> Result<()> {
    match free(folder) {
        // A disk that does not tell is tried.
        Some(free) if free < bytes.saturating_add(MARGIN) => Err(too_small(folder, bytes, free)),
        _ => Ok(()),
    }
}

/// Bytes that an ordinary user may still write to the disk of `folder`.
pub fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn too_small(folder: &Path, bytes: u64, free: u64) -> Error {
    let mb = |bytes: u64| bytes.div_ceil(1_000_000);
    let message = format!(
        "not enough space for a model: {} has {} MB free, {} MB are needed",
        folder.display(),
        mb(free),
        mb(bytes + MARGIN)
    );
    Error::new(ErrorKind::Io, message).hint("free some, or let PLUMB_MODELS name a folder on another disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_size_is_refused_with_both_numbers() {
        let folder = std::env::temp_dir();
        assert!(check(&folder, 1).is_ok());
        let error = check(&folder, 1 << 60)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(error.contains("1152921504674 MB are needed"), "{error}");
    }
}
