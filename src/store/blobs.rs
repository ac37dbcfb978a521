//! Content-addressed files: raw sources, model outputs. A blob is written whole under another name, made durable, then
//! given its own name, so that a name that exists always leads to the bytes it promises.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::vfs::{Mode, Vfs, refused, write_all_at};

/// Whether a folder of this name is one that blobs lie in: the first two digits of their addresses.
pub(crate) fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The blobs of a workspace.
#[derive(Debug, Clone)]
pub struct Blobs {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
}

impl Blobs {
    /// The blobs under `dir`.
    pub(crate) fn new(vfs: Arc<dyn Vfs>, dir: PathBuf) -> Self {
        Self { vfs, dir }
    }

    fn place(&self, hash: &ContentHash) -> (PathBuf, PathBuf) {
        let hex = hash.to_string();
        let shard = self.dir.join(&hex[..2]);
        let file = shard.join(&hex[2..]);
        (shard, file)
    }

    /// Whether there is a blob of this address.
    ///
    /// # Errors
    /// `Io` when the disk cannot tell.
    pub fn contains(&self, hash: &ContentHash) -> Result<bool> {
        let (_, file) = self.place(hash);
        self.vfs.exists(&file).map_err(|e| refused("read", &file, e))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// `Io` when there is none, `Damaged` when the bytes are not the ones its name promises.
    pub fn get(&self, hash: &ContentHash) -> Result<Vec<u8>> {
        let (_, file) = self.place(hash);
        let bytes = self.vfs.read(&file).map_err(|e| Error::io("read", &file, e))?;
        if ContentHash::of(&bytes) == *hash {
            return Ok(bytes);
        }
        Err(Error::new(
            ErrorKind::Damaged,
            format!("the blob {} does not hold what its name says", file.display()),
        )
        .hint("put this file back from a copy of the workspace"))
    }

    /// Keeps `bytes`, durably when it returns. The caller has checked that `hash` is theirs.
    pub(crate) fn put(&self, hash: &ContentHash, bytes: &[u8]) -> Result<()> {
        let (shard, file) = self.place(hash);
        self.write(&shard, &file, bytes)
            .map_err(|e| refused("write", &file, e))
    }

    fn write(&self, shard: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
        if self.vfs.exists(file)? {
            // An earlier process may have died between the name and its durability.
            self.vfs.sync_dir(shard)?;
            return self.vfs.sync_dir(&self.dir);
        }
        self.vfs.create_dir(shard)?;
        let fresh = file.with_extension("new");
        let out = self.vfs.open(&fresh, Mode::Fresh)?;
        write_all_at(&*out, bytes, 0)?;
        out.sync_data()?;
        self.vfs.rename(&fresh, file)?;
        self.vfs.sync_dir(shard)?;
        self.vfs.sync_dir(&self.dir)
    }
}
