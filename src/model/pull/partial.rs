//! A file that is still arriving: `<file>.partial`, or `<file>.parts` where it comes in parts, with a note beside it
//! that says where its bytes came from.
//!
//! Only bytes from the very same origin are gone on with, and the two kinds do not overwrite each other. The hash runs along, so that a finished file is known to be
//! right before it takes its place; what was there from an earlier pull is read once.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;

/// What a file that arrives in one piece is called meanwhile.
const PARTIAL: &str = ".partial";
/// What a file that arrives in parts is called meanwhile.
const PARTS: &str = ".parts";

/// A file that is still arriving.
pub struct Partial {
    target: PathBuf,
    path: PathBuf,
    file: File,
    note: Note,
    /// Bytes here, all of them hashed.
    written: u64,
    hasher: Sha256,
    /// The size it will have.
    total: u64,
}

/// Where the bytes came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    origin: String,
    /// For a file that comes in parts: the size after each finished one. Bytes after the last are worth nothing.
    ends: Option<Vec<u64>>,
}

impl Partial {
    /// Opens the partial of `target`, keeping what is there of the same `origin`; `in_parts` says that only whole
    /// parts can be gone on with.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(target: &Path, origin: &str, total: u64, in_parts: bool) -> Result<Self> {
        let path = beside(target, if in_parts { PARTS } else { PARTIAL });
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| Error::io("write", &path, e))?;
        let mut partial = Self {
            target: target.to_owned(),
            path,
            file,
            note: Note {
                origin: origin.to_owned(),
                ends: in_parts.then(Vec::new),
            },
            written: 0,
            hasher: Sha256::new(),
            total,
        };
        partial.take_over().map_err(|e| partial.refused(e))?;
        Ok(partial)
    }

    /// Keeps what an earlier pull left, if it is worth anything, and drops the rest.
    fn take_over(&mut self) -> std::io::Result<()> {
        let length = self.file.metadata()?.len().min(self.total);
        let left = std::fs::read(self.note_path()).ok();
        let left = left.and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let keep = match left {
            Some(note) if note.origin == self.note.origin => self.worth(note, length),
            _ => 0,
        };
        self.hash_what_is_here(keep)?;
        self.cut(keep)
    }

    /// How many of `length` bytes can be gone on with.
    fn worth(&mut self, left: Note, length: u64) -> u64 {
        let Some(mut ends) = left.ends else {
            return length;
        };
        ends.retain(|&end| end <= length);
        let keep = ends.last().copied().unwrap_or(0);
        self.note.ends = Some(ends);
        keep
    }

    fn hash_what_is_here(&mut self, bytes: u64) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut rest = bytes;
        let mut buffer = vec![0; 1 << 20];
        while rest > 0 {
            let want = rest.min(buffer.len() as u64) as usize;
            self.file.read_exact(&mut buffer[..want])?;
            self.hasher.update(&buffer[..want]);
            rest -= want as u64;
        }
        Ok(())
    }

    /// Drops everything after `bytes`, which are hashed, and writes the note.
    fn cut(&mut self, bytes: u64) -> std::io::Result<()> {
        self.written = bytes;
        if self.file.metadata()?.len() != bytes {
            self.file.set_len(bytes)?;
        }
        self.file.seek(SeekFrom::Start(bytes))?;
        self.write_note()
    }

    fn write_note(&self) -> std::io::Result<()> {
        std::fs::write(self.note_path(), serde_json::to_vec(&self.note)?)
    }

    fn note_path(&self) -> PathBuf {
        beside(&self.path, ".from")
    }

    /// Bytes here.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many parts are here whole.
    pub fn parts(&self) -> usize {
        self.note.ends.as_ref().map_or(0, Vec::len)
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `Io` when the disk refuses, `Model` when there are more than there should be.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.written + bytes.len() as u64 > self.total {
            let total = self.total;
            self.remove();
            return Err(Error::new(
                ErrorKind::Model,
                format!("the source gave more than {total} bytes"),
            ));
        }
        self.file.write_all(bytes).map_err(|e| self.refused(e))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Notes that a part is here whole.
    ///
    /// # Errors
    /// `Io`.
    pub fn end_part(&mut self) -> Result<()> {
        let end = self.written;
        self.note.ends.get_or_insert_default().push(end);
        self.write_note().map_err(|e| self.refused(e))
    }

    /// Starts again from nothing.
    ///
    /// # Errors
    /// `Io`.
    pub fn restart(&mut self) -> Result<()> {
        self.hasher = Sha256::new();
        self.note.ends = self.note.ends.as_ref().map(|_| Vec::new());
        self.cut(0).map_err(|e| self.refused(e))
    }

    /// Puts the file in its place when it is what it should be; removes it when it is not.
    ///
    /// # Errors
    /// `Model` with both hashes when it is another file, `Io` when the disk refuses.
    pub fn finish(mut self, expected: Option<ContentHash>) -> Result<ContentHash> {
        let found = ContentHash::from_bytes(std::mem::take(&mut self.hasher).finalize().into());
        if self.written != self.total || expected.is_some_and(|expected| expected != found) {
            self.remove();
            return Err(self.another_file(found, expected));
        }
        self.place().map_err(|e| self.refused(e))?;
        Ok(found)
    }

    fn place(&self) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.target)?;
        let folder = self.target.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        self.tidy();
        Ok(())
    }

    /// Removes what is beside a file in its place: the note, and what the other kind of source left.
    fn tidy(&self) {
        for path in [PARTIAL, PARTS].map(|ending| beside(&self.target, ending)) {
            let _ = std::fs::remove_file(beside(&path, ".from"));
            let _ = std::fs::remove_file(path);
        }
    }

    /// Gives up what is here: it is not the file. What cannot be removed is overwritten by the next pull.
    fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(self.note_path());
    }

    fn another_file(&self, found: ContentHash, expected: Option<ContentHash>) -> Error {
        let (written, total) = (self.written, self.total);
        let message = match expected {
            Some(expected) if written == total => {
                format!("what came has sha256 {found}, expected {expected}; it was thrown away")
            }
            _ => format!("what came has {written} bytes, expected {total}; it was thrown away"),
        };
        Error::new(ErrorKind::Model, message)
    }

    fn refused(&self, cause: std::io::Error) -> Error {
        let full = matches!(
            cause.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
        );
        let error = Error::io("write", &self.path, cause);
        if full {
            error.hint("free some space and pull again: what is here is kept")
        } else {
            error
        }
    }
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn bytes_of_the_same_origin_are_kept_and_others_are_not() -> Outcome {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("x");
        Partial::open(&target, "a", 6, false)?.write(b"abc")?;
        let mut again = Partial::open(&target, "a", 6, false)?;
        assert_eq!(again.written(), 3);
        again.write(b"def")?;
        assert_eq!(
            again.finish(Some(ContentHash::of(b"abcdef")))?,
            ContentHash::of(b"abcdef")
        );
        assert_eq!(std::fs::read(&target)?, b"abcdef");
        assert_eq!(
            std::fs::read_dir(folder.path())?.count(),
            1,
            "nothing is left beside it"
        );

        Partial::open(&target, "a", 6, false)?.write(b"abc")?;
        assert_eq!(Partial::open(&target, "b", 6, false)?.written(), 0);
        Ok(())
    }

    #[test]
    fn only_whole_parts_are_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("x");
        let mut partial = Partial::open(&target, "a", 6, true)?;
        partial.write(b"ab")?;
        partial.end_part()?;
        partial.write(b"cd")?;
        drop(partial);
        let mut again = Partial::open(&target, "a", 6, true)?;
        assert_eq!((again.written(), again.parts()), (2, 1));
        again.write(b"cdef")?;
        assert!(again.finish(Some(ContentHash::of(b"abcdef"))).is_ok());
        Ok(())
    }

    #[test]
    fn another_file_is_thrown_away_with_both_hashes_named() -> Outcome {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("x");
        let mut partial = Partial::open(&target, "a", 3, false)?;
        partial.write(b"abd")?;
        let error = partial
            .finish(Some(ContentHash::of(b"abc")))
            .err()
            .ok_or("accepted")?;
        assert!(error.message().contains(&ContentHash::of(b"abd").to_string()));
        assert!(error.message().contains(&ContentHash::of(b"abc").to_string()));
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn more_than_expected_is_refused_at_once() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut partial = Partial::open(&folder.path().join("x"), "a", 3, false)?;
        partial.write(b"ab")?;
        assert!(partial.write(b"cd").is_err());
        Ok(())
    }

    /// `/dev/full` refuses every byte with "no space left on device", as a full disk does.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_one_clear_message() -> Outcome {
        let folder = tempfile::tempdir()?;
        std::os::unix::fs::symlink("/dev/full", folder.path().join("x.partial"))?;
        let mut partial = Partial::open(&folder.path().join("x"), "a", 3, false)?;
        let error = partial.write(b"abc").err().ok_or("written")?;
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert!(error.hints()[0].contains("free some space"));
        Ok(())
    }
}
