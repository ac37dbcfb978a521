//! The file operations under the journal and the blobs, as a trait, so that tests can put a disk beneath that fails,
//! tears and forgets. Reads and writes name their offset: there is no cursor to lose.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::Error;

#[cfg(test)]
pub(crate) mod sim;

/// How [`Vfs::open`] treats a file that is there, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It must exist.
    Existing,
    /// It is created, or emptied if it was there.
    Fresh,
}

/// A file system.
pub trait Vfs: Send + Sync + fmt::Debug {
    /// Opens a file for writing.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn VfsFile>>;
    /// The whole of a file.
    ///
    /// # Errors
    /// Whatever the disk refuses; `NotFound` when there is no such file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// `len` bytes of a file from `offset`.
    ///
    /// # Errors
    /// Whatever the disk refuses; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>>;
    /// The names in a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Whether there is such a file or folder.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Makes a folder; one that is there already is fine.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file.
pub trait VfsFile: Send + fmt::Debug {
    /// Writes some of `bytes` at `offset` and says how many.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts or extends the file.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the content durable. Never called again after it has failed: the system may have dropped the pages.
    ///
    /// # Errors
    /// Whatever the disk refuses.
    fn sync_data(&self) -> io::Result<()>;
}

/// Writes all of `bytes`, over short and interrupted writes.
///
/// # Errors
/// The first refusal that is not an interruption.
pub fn write_all_at(file: &dyn VfsFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// A refusal of the disk as this room reports it: a full disk gets its own advice.
pub(crate) fn refused(doing: &str, path: &Path, source: io::Error) -> Error {
    let full = matches!(
        source.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    );
    let error = Error::io(doing, path, source);
    if full {
        error.hint(
            "free some space on this disk and start again; everything that was answered \"saved\" is kept",
        )
    } else {
        error.hint("everything that was answered \"saved\" is kept; check the disk, then start again")
    }
}

/// The operating system's file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealVfs;

impl Vfs for RealVfs {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn VfsFile>> {
        let fresh = mode == Mode::Fresh;
        let file = File::options()
            .write(true)
            .create(fresh)
            .truncate(fresh)
            .open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = vec![0; len];
        File::open(path)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

#[derive(Debug)]
struct RealFile(File);

impl VfsFile for RealFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;
        self.0.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
