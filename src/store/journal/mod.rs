//! The journal: append-only files of hash-chained records, the truth of the workspace.
//!
//! A batch of records is saved by one write, one `fdatasync`, and the new `HEAD`; only then may anybody be told. After any
//! refusal of the disk the journal takes nothing more: the system may have dropped what it could not write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::record::{Line, Record, unwrap_line};
use crate::store::vfs::{Mode, Vfs, VfsFile, refused, write_all_at};

pub(crate) mod catalogue;
pub(crate) mod head;
mod recover;
pub(crate) mod scan;

pub(crate) use recover::{Recovered, recover};
pub use scan::Damage;

/// A new file is begun when the last one has reached this many bytes.
pub const SEGMENT_BYTES: u64 = 16 << 20;

/// The last record of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Its number; 0 when there is none.
    pub seq: u64,
    /// SHA-256 of its JSON; zeros when there is none.
    pub hash: ContentHash,
}

impl Tip {
    /// Before the first record.
    pub const START: Self = Self {
        seq: 0,
        hash: ContentHash::ZERO,
    };
}

/// Where a record's line lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    /// The number of the first record in its file.
    pub(crate) segment: u64,
    /// Its first byte.
    pub(crate) offset: u64,
    /// Its length without the newline.
    pub(crate) len: u32,
}

/// `000000000001.jsonl` for the file that starts with #1.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:012}.jsonl")
}

/// The number of the first record in a file of this name, if it is one of the journal's.
fn segment_start(name: &str) -> Option<u64> {
    let first = name.strip_suffix(".jsonl")?.parse().ok()?;
    (segment_name(first) == name).then_some(first)
}

/// Reads the record at `at`, and its hash.
pub(crate) fn read(vfs: &dyn Vfs, dir: &Path, at: Location) -> Result<(ContentHash, Record)> {
    let path = dir.join(segment_name(at.segment));
    let line = vfs
        .read_at(&path, at.offset, at.len as usize)
        .map_err(|e| refused("read", &path, e))?;
    let damaged = |why: String| {
        Error::new(
            ErrorKind::Damaged,
            format!("{} byte {}: {why}", path.display(), at.offset),
        )
        .hint("run `plumb journal verify`")
    };
    let (hash, json) = unwrap_line(&line).map_err(damaged)?;
    let record = serde_json::from_slice(json).map_err(|e| damaged(e.to_string()))?;
    Ok((hash, record))
}

/// The journal, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    tip: Tip,
    head: head::Head,
    open: Option<OpenSegment>,
    segment_bytes: u64,
}

#[derive(Debug)]
struct OpenSegment {
    first: u64,
    len: u64,
    path: PathBuf,
    file: Box<dyn VfsFile>,
}

impl Journal {
    /// The last record.
    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// Saves `lines`, which continue the chain; when it returns, they are on the disk and `HEAD` says so.
    pub(crate) fn append(&mut self, lines: &[&Line]) -> Result<Vec<Location>> {
        let Some(last) = lines.last() else {
            return Ok(Vec::new());
        };
        let tip = Tip {
            seq: self.tip.seq + lines.len() as u64,
            hash: last.hash,
        };
        let segment = self.segment()?;
        let mut bytes = Vec::with_capacity(lines.iter().map(|l| l.bytes.len()).sum());
        let mut places = Vec::with_capacity(lines.len());
        for line in lines {
            places.push(Location {
                segment: segment.first,
                offset: segment.len + bytes.len() as u64,
                len: (line.bytes.len() - 1) as u32,
            });
            bytes.extend_from_slice(&line.bytes);
        }
        write_all_at(&*segment.file, &bytes, segment.len)
            .and_then(|()| segment.file.sync_data())
            .map_err(|e| refused("write", &segment.path, e))?;
        segment.len += bytes.len() as u64;
        self.head.advance(tip)?;
        self.tip = tip;
        Ok(places)
    }

    /// The file to append to; a new one when the last is full.
    fn segment(&mut self) -> Result<&mut OpenSegment> {
        let full = self.open.as_ref().is_none_or(|s| s.len >= self.segment_bytes);
        if full {
            self.open = Some(self.begin_segment()?);
        }
        self.open
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the journal has no open file"))
    }

    fn begin_segment(&self) -> Result<OpenSegment> {
        let first = self.tip.seq + 1;
        let path = self.dir.join(segment_name(first));
        let create = || {
            let file = self.vfs.open(&path, Mode::Fresh)?;
            file.sync_data()?;
            self.vfs.sync_dir(&self.dir)?;
            Ok(file)
        };
        let file = create().map_err(|e| refused("create", &path, e))?;
        Ok(OpenSegment {
            first,
            len: 0,
            path,
            file,
        })
    }
}
