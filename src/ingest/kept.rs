//! What was made of a file is kept, so that it is made once: office files as text, pictures and pages as what was read in
//! them. Each is named by a hash over everything it depends on, and may be deleted at any time.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hash::ContentHash;

/// A folder of what was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What was kept under `key`; what cannot be understood counts as not there.
    pub(super) fn find<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json = std::fs::read(self.path(key)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Keeps `made` under `key`. A folder that cannot be written to only costs the next reading its time.
    pub(super) fn keep<T: Serialize>(&self, key: &str, made: &T) {
        let _ = self.write(key, made);
    }

    fn write<T: Serialize>(&self, key: &str, made: &T) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut file = std::io::BufWriter::new(tempfile::NamedTempFile::new_in(&self.folder)?);
        serde_json::to_writer(&mut file, made)?;
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.persist(self.path(key))?;
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder
            .join(format!("{}.json", ContentHash::of(key.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_what_is_broken_is_not() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let kept = Kept::new(folder.path().join("made"));
        assert_eq!(kept.find::<Vec<u8>>("a"), None);
        kept.keep("a", &[1, 2]);
        assert_eq!(kept.find("a"), Some(vec![1, 2]));
        assert_eq!(kept.find::<Vec<u8>>("b"), None);
        std::fs::write(kept.path("a"), "[1,")?;
        assert_eq!(kept.find::<Vec<u8>>("a"), None);
        Ok(())
    }
}
