//! Building the rows from the journal alone: once through the records, then once through every dossier's history.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Change, Table, applied_change, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DossierId;
use crate::review::Recorded;
use crate::store::journal::head::Reading;
use crate::store::journal::scan::{Met, Scan, scan};
use crate::store::query::View;
use crate::store::record::Record;
use crate::store::vfs::Vfs;

/// Changes written at once.
const CHUNK: usize = 4_000;

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many records were read.
    Records(u64),
    /// So many dossiers of so many were gone through.
    Dossiers {
        /// Done.
        done: usize,
        /// Of.
        of: usize,
    },
}

/// Fills an empty `table` from the journal in `dir`, as far as that is sound.
pub(crate) fn build(
    table: &mut dyn Table,
    vfs: &dyn Vfs,
    dir: &Path,
    head: Reading,
    progress: &mut dyn FnMut(Progress),
) -> Result<Scan> {
    let mut dossiers = BTreeSet::new();
    let mut pending = Vec::new();
    let scan = scan(vfs, dir, head, &mut |met| {
        let record = read(&met)?;
        pending.extend(rows::of_record(&record, met.at));
        dossiers.insert(record.entry.dossier().clone());
        if met.tip.seq % 1_000 == 0 {
            progress(Progress::Records(met.tip.seq));
        }
        flush(table, &mut pending, CHUNK)
    })?;
    flush(table, &mut pending, 0)?;
    histories(table, vfs, dir, &dossiers, progress)?;
    table.apply(vec![applied_change(scan.tip)?])?;
    Ok(scan)
}

fn histories(
    table: &mut dyn Table,
    vfs: &dyn Vfs,
    dir: &Path,
    dossiers: &BTreeSet<DossierId>,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    let mut pending = Vec::new();
    for (done, dossier) in dossiers.iter().enumerate() {
        let view = View {
            vfs,
            journal: dir,
            table,
        };
        if let Some(history) = view.history(dossier)? {
            pending.extend(rows::of_dossier(table, &history)?);
        }
        progress(Progress::Dossiers {
            done: done + 1,
            of: dossiers.len(),
        });
        flush(table, &mut pending, CHUNK)?;
    }
    flush(table, &mut pending, 0)
}

fn flush(table: &mut dyn Table, pending: &mut Vec<Change>, above: usize) -> Result<()> {
    if pending.len() > above {
        table.apply(std::mem::take(pending))?;
    }
    Ok(())
}

fn read(met: &Met<'_>) -> Result<Recorded> {
    let record: Record = serde_json::from_slice(met.json).map_err(|e| {
        Error::new(
            ErrorKind::Damaged,
            format!(
                "record #{} has a body that this program does not know",
                met.tip.seq
            ),
        )
        .because(e)
        .hint("it may come from a newer version of plumb")
    })?;
    Ok(record.into_recorded(met.tip.hash))
}
