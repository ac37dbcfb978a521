//! Opening the index: trusted when the last closing was good and a child process finds the same rows, else renamed away
//! and made anew from the journal. No cleverer diagnosis.

use std::path::{Path, PathBuf};

use super::database::{Database, take_mark};
use super::memory::Memory;
use super::{Table, probe};
use crate::error::{Error, Result};
use crate::store::journal::Tip;

/// Where the rows are to lie.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// On disk; `program` answers probes.
    Disk { path: PathBuf, program: PathBuf },
    /// In memory.
    Memory,
}

/// Opens the rows of a journal whose last record is `tip`; `fill` makes them anew, `notes` gets what was put right.
pub(crate) fn open(
    place: &Place,
    tip: Tip,
    notes: &mut Vec<String>,
    fill: &mut dyn FnMut(&mut dyn Table) -> Result<()>,
) -> Result<Box<dyn Table>> {
    if let Place::Disk { path, program } = place {
        if let Some(table) = trusted(path, program, tip) {
            return Ok(table);
        }
        match renewed(path, tip, notes, fill) {
            Ok(table) => return Ok(table),
            Err(error) => notes.push(format!("the index is kept in memory: {error}")),
        }
    }
    let mut table = Memory::default();
    fill(&mut table)?;
    Ok(Box::new(table))
}

/// The database on disk, if it can be trusted to hold the rows of exactly this journal.
fn trusted(path: &Path, program: &Path, tip: Tip) -> Option<Box<dyn Table>> {
    let mark = take_mark(path)?;
    if mark.applied != tip || probe::ask(program, path)? != mark {
        return None;
    }
    let database = Database::open(path).ok()?;
    Some(Box::new(database))
}

fn renewed(
    path: &Path,
    tip: Tip,
    notes: &mut Vec<String>,
    fill: &mut dyn FnMut(&mut dyn Table) -> Result<()>,
) -> Result<Box<dyn Table>> {
    if put_away(path)? {
        let records = tip.seq;
        notes.push(format!(
            "the index had not been closed in good order, or was an earlier version's; it was made anew from {records} records"
        ));
    }
    let mut database = Box::new(Database::open(path)?);
    fill(&mut *database)?;
    database.checkpoint()?;
    Ok(database)
}

/// Renames the database away, in place of the one put away before; whether there was one.
fn put_away(path: &Path) -> Result<bool> {
    let old = path.with_extension("old");
    let refused = |e| Error::io("put away", path, e);
    if !path.exists() {
        return Ok(false);
    }
    if old.exists() {
        std::fs::remove_dir_all(&old).map_err(refused)?;
    }
    std::fs::rename(path, &old).map_err(refused)?;
    Ok(true)
}

/// Puts the database of a workspace away, so that the next opening makes it anew.
pub(crate) fn discard(path: &Path) -> Result<()> {
    take_mark(path);
    put_away(path).map(drop)
}
