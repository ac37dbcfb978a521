//! `HEAD`: the last record that was answered "saved", in two slots written in turn, so that a torn write of one leaves
//! the other.
//!
//! A slot is 512 bytes of text: `plumb-head 1 <seq> <hash> <sha256 of what precedes>`, spaces, a newline. Every bit of it
//! is checked.

use std::path::{Path, PathBuf};

use super::Tip;
use crate::error::Result;
use crate::hash::ContentHash;
use crate::store::vfs::{Mode, Vfs, VfsFile, refused, write_all_at};

const SLOT: usize = 512;

/// What `HEAD` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// There is no such file.
    Absent,
    /// Neither slot can be read.
    Unreadable,
    /// The last record that was answered "saved".
    Tip {
        tip: Tip,
        /// The slot that says so.
        slot: usize,
        /// The other slot cannot be read: a torn write, or damage.
        other_broken: bool,
    },
}

/// Reads `HEAD` of a journal folder.
pub(crate) fn read(vfs: &dyn Vfs, dir: &Path) -> Result<Reading> {
    let path = dir.join("HEAD");
    let bytes = match vfs.read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Reading::Absent),
        Err(e) => return Err(refused("read", &path, e)),
    };
    Ok(judge(&bytes))
}

fn judge(bytes: &[u8]) -> Reading {
    let slot = |i: usize| bytes.get(i * SLOT..(i + 1) * SLOT).and_then(decode);
    let whole = bytes.len() == 2 * SLOT;
    match (slot(0), slot(1)) {
        (Some(a), Some(b)) => {
            let (tip, slot) = if a.seq >= b.seq { (a, 0) } else { (b, 1) };
            Reading::Tip {
                tip,
                slot,
                other_broken: !whole,
            }
        }
        (Some(tip), None) => Reading::Tip {
            tip,
            slot: 0,
            other_broken: true,
        },
        (None, Some(tip)) => Reading::Tip {
            tip,
            slot: 1,
            other_broken: true,
        },
        (None, None) => Reading::Unreadable,
    }
}

fn encode(tip: Tip) -> Vec<u8> {
    let text = format!("plumb-head 1 {} {}", tip.seq, tip.hash);
    let sum = ContentHash::of(text.as_bytes());
    let mut bytes = format!("{text} {sum}").into_bytes();
    bytes.resize(SLOT - 1, b' ');
    bytes.push(b'\n');
    bytes
}

fn decode(bytes: &[u8]) -> Option<Tip> {
    let mut words = std::str::from_utf8(bytes).ok()?.split(' ');
    (words.next()? == "plumb-head" && words.next()? == "1").then_some(())?;
    let tip = Tip {
        seq: words.next()?.parse().ok()?,
        hash: words.next()?.parse().ok()?,
    };
    (encode(tip) == bytes).then_some(tip)
}

/// `HEAD`, open for writing.
#[derive(Debug)]
pub(crate) struct Head {
    path: PathBuf,
    file: Box<dyn VfsFile>,
    /// The slot to write next.
    next: usize,
}

impl Head {
    /// Makes a new `HEAD` that says "nothing yet", whole or not at all.
    pub(crate) fn create(vfs: &dyn Vfs, dir: &Path) -> Result<Self> {
        let (fresh, path) = (dir.join("HEAD.new"), dir.join("HEAD"));
        let empty = encode(Tip::START).repeat(2);
        let write = || -> std::io::Result<()> {
            let file = vfs.open(&fresh, Mode::Fresh)?;
            write_all_at(&*file, &empty, 0)?;
            file.sync_data()?;
            vfs.rename(&fresh, &path)?;
            vfs.sync_dir(dir)
        };
        write().map_err(|e| refused("create", &path, e))?;
        Self::open(vfs, dir, 0)
    }

    /// Opens `HEAD`, whose newest slot is `newest`.
    pub(crate) fn open(vfs: &dyn Vfs, dir: &Path, newest: usize) -> Result<Self> {
        let path = dir.join("HEAD");
        let file = vfs
            .open(&path, Mode::Existing)
            .map_err(|e| refused("open", &path, e))?;
        Ok(Self {
            path,
            file,
            next: 1 - newest,
        })
    }

    /// Says durably that everything up to `tip` is saved.
    pub(crate) fn advance(&mut self, tip: Tip) -> Result<()> {
        let offset = (self.next * SLOT) as u64;
        write_all_at(&*self.file, &encode(tip), offset)
            .and_then(|()| self.file.sync_data())
            .map_err(|e| refused("write", &self.path, e))?;
        self.next = 1 - self.next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(seq: u64) -> Tip {
        Tip {
            seq,
            hash: ContentHash::of(&seq.to_be_bytes()),
        }
    }

    #[test]
    fn the_newer_slot_speaks_and_every_flipped_bit_is_seen() {
        let whole = [encode(tip(7)), encode(tip(6))].concat();
        let Reading::Tip {
            tip: newest,
            slot: 0,
            other_broken: false,
        } = judge(&whole)
        else {
            unreachable!("both slots are sound")
        };
        assert_eq!(newest, tip(7));
        for bit in 0..whole.len() * 8 {
            let mut bad = whole.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit / 8 < SLOT { tip(6) } else { tip(7) };
            assert!(
                matches!(judge(&bad), Reading::Tip { tip, other_broken: true, .. } if tip == expected),
                "bit {bit} went unseen"
            );
        }
    }

    #[test]
    fn a_cut_head_is_never_taken_for_a_whole_one() {
        let whole = [encode(tip(7)), encode(tip(6))].concat();
        for len in 0..whole.len() {
            let said = judge(&whole[..len]);
            assert!(
                matches!(
                    said,
                    Reading::Unreadable
                        | Reading::Tip {
                            other_broken: true,
                            ..
                        }
                ),
                "cut to {len}"
            );
        }
    }
}
