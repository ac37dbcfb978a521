//! Reading everything again: the chain, the canonical form of every record, and every blob that a record cites.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::admit::cited_blobs;
use crate::store::blobs::Blobs;
use crate::store::journal::scan::{Ending, Met, scan};
use crate::store::journal::{Damage, Tip, head};
use crate::store::record::Record;
use crate::store::vfs::RealVfs;
use crate::store::workspace::Layout;

/// What reading everything found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Everything is what was written.
    pub sound: bool,
    /// Sound records.
    pub records: u64,
    /// Files that hold them.
    pub files: usize,
    /// The last sound record.
    pub head: Tip,
    /// Bytes of an unfinished write at the end, never answered as saved.
    pub unfinished_bytes: u64,
    /// Blobs that records cite.
    pub blobs: usize,
    /// What is wrong with some of them, one line each.
    pub bad_blobs: Vec<String>,
    /// Where the journal is not what was written.
    pub damage: Option<Damage>,
}

impl Verdict {
    /// The error that this verdict is; none when everything is sound.
    pub fn error(&self) -> Option<Error> {
        if let Some(damage) = &self.damage {
            return Some(damage.error());
        }
        let first = self.bad_blobs.first()?;
        let others = match self.bad_blobs.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        Some(
            Error::new(ErrorKind::Damaged, format!("{first}{others}"))
                .hint("put the blobs folder back from a copy of the workspace"),
        )
    }
}

/// Reads the workspace at `root` from end to end, without its lock.
///
/// # Errors
/// `Input` when there is no workspace there, `Io` when it cannot be read. Damage is a verdict, not an error.
pub fn verify(root: &Path) -> Result<Verdict> {
    let (vfs, layout) = (Arc::new(RealVfs), Layout::of(root));
    layout.must_exist(&*vfs)?;
    let blobs = Blobs::new(vfs.clone(), layout.blobs.clone());
    let (mut files, mut cited, mut odd) = (BTreeSet::new(), BTreeSet::new(), None);
    let traces = layout.traces(&*vfs)?;
    let reading = head::read(&*vfs, &layout.journal)?;
    let found = scan(&*vfs, &layout.journal, reading, traces, &mut |met| {
        files.insert(met.at.segment);
        match canonical(&met) {
            Ok(record) => cited.extend(cited_blobs(&record.entry)),
            Err(what) => odd = odd.take().or(Some(met.damage(what))),
        }
        Ok(())
    })?;
    let (damage, unfinished_bytes) = match found.ending {
        Ending::Damaged(damage) => (Some(damage), 0),
        Ending::Torn { bytes, .. } => (None, bytes),
        Ending::Clean => (None, 0),
    };
    let (damage, bad_blobs) = (odd.or(damage), bad(&blobs, &cited));
    Ok(Verdict {
        sound: damage.is_none() && bad_blobs.is_empty(),
        records: found.tip.seq,
        files: files.len(),
        head: found.tip,
        unfinished_bytes,
        blobs: cited.len(),
        bad_blobs,
        damage,
    })
}

/// The record, if its JSON is exactly what it would be written as.
fn canonical(met: &Met<'_>) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(met.json).map_err(|e| format!("its body is unknown: {e}"))?;
    match record.encode() {
        Ok(line) if line.hash == met.tip.hash => Ok(record),
        _ => Err("it is not in canonical form".to_owned()),
    }
}

fn bad(blobs: &Blobs, cited: &BTreeSet<ContentHash>) -> Vec<String> {
    let errors = cited.iter().filter_map(|hash| blobs.get(hash).err());
    errors.map(|error| error.to_string()).collect()
}
