//! The rows in sled 0.34.7: the only file that names it.
//!
//! Measured on that version: `flush()` does not reach the disk on Linux (it calls `sync_file_range`), and values above
//! 64 KiB go to files that are never synced. So this file syncs what sled wrote, and nothing here is the truth: a
//! database that was not closed in good order is made anew from the journal.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional as _};

use super::{Change, Row, Table, Tree, applied, digest};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::journal::Tip;

/// Pages kept in memory, in bytes.
const CACHE: u64 = 32 << 20;

/// To be raised whenever the rows of the same journal would be others: an index of another layout is made anew.
const LAYOUT: u32 = 3;

/// What the rows were when the database was last closed in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The last record that the rows know.
    pub(crate) applied: Tip,
    /// [`digest`] over all rows.
    pub(crate) digest: ContentHash,
    /// [`LAYOUT`] of the program that wrote them.
    pub(crate) layout: u32,
}

/// Rows in sled.
#[derive(Debug)]
pub(crate) struct Database {
    db: sled::Db,
    trees: Vec<sled::Tree>,
    path: PathBuf,
}

impl Database {
    /// Opens the database at `path`, making it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(None)
            .open()
            .map_err(failed)?;
        let trees = Tree::ALL
            .iter()
            .map(|tree| db.open_tree(tree.name()).map_err(failed))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            db,
            trees,
            path: path.to_path_buf(),
        })
    }

    /// What the rows are now.
    pub(crate) fn mark(&self) -> Result<Mark> {
        Ok(Mark {
            applied: applied(self)?,
            digest: digest(self)?,
            layout: LAYOUT,
        })
    }

    fn tree(&self, tree: Tree) -> &sled::Tree {
        &self.trees[tree as usize]
    }
}

impl Table for Database {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let row = self.tree(tree).get(key).map_err(failed)?;
        Ok(row.map(|value| value.to_vec()))
    }

    fn scan(&self, tree: Tree, prefix: &[u8]) -> Result<Vec<Row>> {
        self.tree(tree)
            .scan_prefix(prefix)
            .map(|row| {
                let (key, value) = row.map_err(failed)?;
                Ok((key.to_vec(), value.to_vec()))
            })
            .collect()
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<()> {
        self.trees
            .transaction(|trees| {
                for Change { tree, key, value } in &changes {
                    let tree = &trees[*tree as usize];
                    match value {
                        Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                        None => tree.remove(key.as_slice())?,
                    };
                }
                Ok::<(), ConflictableTransactionError<std::convert::Infallible>>(())
            })
            .map_err(|e| match e {
                TransactionError::Storage(e) => failed(e),
                TransactionError::Abort(never) => match never {},
            })
    }

    fn fill(&mut self, changes: Vec<Change>) -> Result<()> {
        let mut batches: Vec<sled::Batch> = self.trees.iter().map(|_| sled::Batch::default()).collect();
        for Change { tree, key, value } in changes {
            match value {
                Some(value) => batches[tree as usize].insert(key, value),
                None => batches[tree as usize].remove(key),
            }
        }
        let mut filled = self.trees.iter().zip(batches);
        filled.try_for_each(|(tree, batch)| tree.apply_batch(batch).map_err(failed))
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.db.flush().map_err(failed)?;
        sync_all(&self.path)
    }

    fn close(self: Box<Self>) -> Result<()> {
        let (path, mark) = (self.path.clone(), self.mark()?);
        drop(self);
        sync_all(&path)?;
        write_mark(&path, mark)
    }
}

/// Makes every file of the database durable, and their names.
fn sync_all(path: &Path) -> Result<()> {
    let sync = |path: &Path| -> std::io::Result<()> {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.is_file() {
                File::open(entry)?.sync_all()?;
            }
        }
        File::open(path)?.sync_all()
    };
    sync(path).map_err(|e| Error::io("write", path, e))
}

fn mark_path(path: &Path) -> PathBuf {
    path.with_extension("clean")
}

fn write_mark(path: &Path, mark: Mark) -> Result<()> {
    let (place, fresh) = (mark_path(path), path.with_extension("clean.new"));
    let write = || -> std::io::Result<()> {
        std::fs::write(&fresh, serde_json::to_vec(&mark)?)?;
        File::open(&fresh)?.sync_all()?;
        std::fs::rename(&fresh, &place)
    };
    write().map_err(|e| Error::io("write", &place, e))
}

/// The mark that the last good closing left; none when it was taken since, or cannot be read.
pub(crate) fn read_mark(path: &Path) -> Option<Mark> {
    let bytes = std::fs::read(mark_path(path)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Takes the mark that the last good closing left: none when there was no such closing. It is gone then, until the next.
pub(crate) fn take_mark(path: &Path) -> Option<Mark> {
    let place = mark_path(path);
    let bytes = std::fs::read(&place).ok()?;
    std::fs::remove_file(&place).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn failed(e: sled::Error) -> Error {
    Error::new(ErrorKind::Io, "the index cannot be used")
        .because(e)
        .hint("it holds nothing of its own: `plumb journal rebuild` makes it anew")
}
