//! Reading the journal from end to end: every line's hash, number and link to the line before, and a verdict on how it
//! ends.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::head::Reading;
use super::{Location, Tip, segment_name, segment_start};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::record::{VERSION, unwrap_line};
use crate::store::vfs::{Vfs, refused};

/// Where the journal is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The file's name in the journal folder.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The record that should stand there.
    pub seq: u64,
    /// What is wrong.
    pub what: String,
}

impl Damage {
    /// The error that this damage is.
    pub fn error(&self) -> Error {
        let Self {
            file,
            line,
            seq,
            what,
        } = self;
        Error::new(
            ErrorKind::Damaged,
            format!("the journal is damaged at {file} line {line}, record #{seq}: {what}"),
        )
        .hint("nothing will be written; put the journal folder back from a copy, or read what is sound with `plumb journal show`")
    }
}

/// What to do when the index speaks against a journal that was put back on purpose.
const RIGHT_ONE: &str = "if this journal is the right one, remove index.clean";

/// How the journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// After a whole record.
    Clean,
    /// In the middle of a write that was never answered: the bytes from `offset` of the last segment.
    Torn { offset: u64, bytes: u64 },
    /// It is not what was written.
    Damaged(Damage),
}

/// What lies beside the journal and tells of its records. Read it before the journal, which only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traces {
    /// There are blobs: none is ever written before `HEAD` is.
    pub(crate) blobs: bool,
    /// The last record that the index knew when it was last closed in good order, `HEAD` having said it before.
    pub(crate) index: Option<Tip>,
}

/// One file of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The number of its first record.
    pub(crate) first: u64,
    /// Its sound bytes.
    pub(crate) len: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The last sound record.
    pub(crate) tip: Tip,
    /// The last segment, if there is one.
    pub(crate) last: Option<Segment>,
    /// How it ends.
    pub(crate) ending: Ending,
}

/// A sound line, as it is met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met<'a> {
    pub(crate) at: Location,
    /// Its number in its file, from 1.
    pub(crate) line: usize,
    pub(crate) tip: Tip,
    pub(crate) json: &'a [u8],
}

impl Met<'_> {
    /// The damage that this line is.
    pub(crate) fn damage(&self, what: String) -> Damage {
        Damage {
            file: segment_name(self.at.segment),
            line: self.line,
            seq: self.tip.seq,
            what,
        }
    }
}

/// The part of a record that the chain is made of.
#[derive(Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    prev: ContentHash,
}

/// Reads the journal in `dir`, holds it against `head` and `traces`, and shows every sound line to `visit`, in order.
pub(crate) fn scan(
    vfs: &dyn Vfs,
    dir: &Path,
    head: Reading,
    traces: Traces,
    visit: &mut dyn FnMut(Met<'_>) -> Result<()>,
) -> Result<Scan> {
    let segments = list(vfs, dir)?;
    let mut walk = Walk {
        dir: dir.to_path_buf(),
        head,
        traces,
        tip: Tip::START,
        last: None,
    };
    for (i, &first) in segments.iter().enumerate() {
        let is_last = i + 1 == segments.len();
        if let Some(ending) = walk.segment(vfs, first, is_last, visit)? {
            return Ok(walk.end(ending));
        }
    }
    let ending = walk.verdict(&segments);
    Ok(walk.end(ending))
}

fn list(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<u64>> {
    let names = vfs.list(dir).map_err(|e| refused("read", dir, e))?;
    Ok(names.iter().filter_map(|name| segment_start(name)).collect())
}

struct Walk {
    dir: PathBuf,
    head: Reading,
    traces: Traces,
    tip: Tip,
    last: Option<Segment>,
}

impl Walk {
    /// Walks one segment; an ending when it is the wrong place to go on.
    fn segment(
        &mut self,
        vfs: &dyn Vfs,
        first: u64,
        is_last: bool,
        visit: &mut dyn FnMut(Met<'_>) -> Result<()>,
    ) -> Result<Option<Ending>> {
        if first != self.tip.seq + 1 {
            let what = format!("the file starts with #{first}: a part of the journal is missing");
            return Ok(Some(self.damaged(first, 1, what)));
        }
        let path = self.dir.join(segment_name(first));
        let bytes = vfs.read(&path).map_err(|e| refused("read", &path, e))?;
        self.last = Some(Segment { first, len: 0 });
        let (mut offset, mut number) = (0, 0);
        while offset < bytes.len() {
            number += 1;
            let rest = &bytes[offset..];
            match self.line(rest) {
                Ok((len, tip, json)) => {
                    let at = Location {
                        segment: first,
                        offset: offset as u64,
                        len: len as u32,
                    };
                    visit(Met {
                        at,
                        line: number,
                        tip,
                        json,
                    })?;
                    self.tip = tip;
                    offset += len + 1;
                    self.last = Some(Segment {
                        first,
                        len: offset as u64,
                    });
                }
                Err(what) => return Ok(Some(self.fault(first, number, is_last, rest.len(), what))),
            }
        }
        Ok(None)
    }

    /// The first line of `rest`: its length without the newline, its tip and its JSON.
    fn line<'a>(&self, rest: &'a [u8]) -> Result<(usize, Tip, &'a [u8]), String> {
        let len = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or("the line has no end")?;
        let (hash, json) = unwrap_line(&rest[..len])?;
        let envelope: Envelope = serde_json::from_slice(json).map_err(|e| format!("not a record: {e}"))?;
        if envelope.v != VERSION {
            return Err(format!(
                "layout version {} is unknown to this program",
                envelope.v
            ));
        }
        if envelope.seq != self.tip.seq + 1 {
            return Err(format!(
                "record #{} stands where #{} belongs",
                envelope.seq,
                self.tip.seq + 1
            ));
        }
        if envelope.prev != self.tip.hash {
            return Err("it does not follow the record before it".to_owned());
        }
        self.agrees(Tip {
            seq: envelope.seq,
            hash,
        })
        .map(|tip| (len, tip, json))
    }

    /// The tip, if neither `HEAD` nor the index knows another record with its number.
    fn agrees(&self, tip: Tip) -> Result<Tip, String> {
        let is_another = |known: Tip| known.seq == tip.seq && known.hash != tip.hash;
        if matches!(self.head, Reading::Tip { tip: head, .. } if is_another(head)) {
            return Err("HEAD names another record with this number".to_owned());
        }
        if self.traces.index.is_some_and(is_another) {
            return Err(format!(
                "the index was closed with another record of this number; {RIGHT_ONE}"
            ));
        }
        Ok(tip)
    }

    /// The index has known a record that the journal does not have.
    fn index_knows_more(&self) -> bool {
        self.traces.index.is_some_and(|known| known.seq > self.tip.seq)
    }

    /// A line that is not sound: torn when it can only be a write that was never answered, else damage.
    fn fault(&self, first: u64, number: usize, is_last: bool, left: usize, what: String) -> Ending {
        let unanswered = matches!(
            self.head,
            Reading::Tip { tip, other_broken: false, .. } if tip.seq <= self.tip.seq
        );
        if is_last && unanswered && !self.index_knows_more() {
            let offset = self.last.map_or(0, |s| s.len);
            return Ending::Torn {
                offset,
                bytes: left as u64,
            };
        }
        self.damaged(first, number, what)
    }

    /// The verdict after the last line of the last segment.
    fn verdict(&self, segments: &[u64]) -> Ending {
        let file = segments.last().copied().unwrap_or(1);
        match self.head {
            Reading::Tip { tip, .. } if tip.seq > self.tip.seq => self.damaged(
                file,
                0,
                format!(
                    "the journal ends with #{} but HEAD says that #{} was saved",
                    self.tip.seq, tip.seq
                ),
            ),
            Reading::Unreadable => self.damaged(file, 0, "HEAD cannot be read".to_owned()),
            Reading::Absent if !segments.is_empty() => self.damaged(file, 0, "HEAD is missing".to_owned()),
            Reading::Absent if self.traces.blobs => {
                let what = "the journal's files are gone, but the blobs that its records cite are there";
                self.damaged(file, 0, what.to_owned())
            }
            _ => self.against_index(file),
        }
    }

    /// The verdict of the index on a journal that is sound by itself.
    fn against_index(&self, file: u64) -> Ending {
        match self.traces.index {
            Some(known) if self.index_knows_more() => self.damaged(
                file,
                0,
                format!(
                    "the journal ends with #{} but the index was closed with #{}; {RIGHT_ONE}",
                    self.tip.seq, known.seq
                ),
            ),
            _ => Ending::Clean,
        }
    }

    fn damaged(&self, first: u64, line: usize, what: String) -> Ending {
        Ending::Damaged(Damage {
            file: segment_name(first),
            line,
            seq: self.tip.seq + 1,
            what,
        })
    }

    fn end(self, ending: Ending) -> Scan {
        Scan {
            tip: self.tip,
            last: self.last,
            ending,
        }
    }
}
