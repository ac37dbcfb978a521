//! The hub's own cache on this machine, as its Python library lays it out:
//! `models--<owner>--<name>/refs/<revision>` holds a commit, `snapshots/<commit>/<path>` is a link to
//! `blobs/<hash>`. It is only read from.

use std::path::{Path, PathBuf};

use super::Address;
use crate::hash::ContentHash;

/// A file found in the cache.
pub struct Cached {
    /// The blob itself, no link.
    pub blob: PathBuf,
    /// The SHA-256 the cache says it has, where the blob is named after one.
    pub sha256: Option<ContentHash>,
}

/// The file at `address`, if the cache holds it.
pub fn find(cache: &Path, address: &Address<'_>) -> Option<Cached> {
    let folder = cache.join(format!("models--{}", address.repository.replace('/', "--")));
    let named = std::fs::read_to_string(folder.join("refs").join(address.revision));
    let commit = named.map_or_else(|_| address.revision.to_owned(), |text| text.trim().to_owned());
    // The commit becomes a step of a path: it must not lead elsewhere.
    if commit.is_empty() || !commit.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let blob = folder
        .join("snapshots")
        .join(commit)
        .join(address.path)
        .canonicalize()
        .ok()?;
    let sha256 = blob.file_name()?.to_str()?.parse().ok();
    Some(Cached { blob, sha256 })
}

/// Puts the blob in `target`'s place without copying it: as a second name of the same bytes, else as a link.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn place(blob: &Path, target: &Path) -> std::io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let scratch = tempfile::tempdir_in(folder)?;
    let link = scratch.path().join("link");
    if std::fs::hard_link(blob, &link).is_err() {
        std::os::unix::fs::symlink(blob, &link)?;
    }
    std::fs::rename(&link, target)
}
