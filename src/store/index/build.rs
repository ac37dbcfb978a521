//! Making the rows from the journal alone: through the history of one dossier after the other.

use super::{Change, Table, applied_change, rows};
use crate::error::Result;
use crate::store::journal::Tip;
use crate::store::query::History;

/// Changes written at once.
const CHUNK: usize = 4_000;

/// How far an opening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many records were read.
    Records(u64),
    /// The rows of so many dossiers of so many were made.
    Dossiers {
        /// Done.
        done: usize,
        /// Of.
        of: usize,
    },
}

/// Fills an empty `table` with the rows of `histories`, of which there are `of`, up to `tip`.
pub(crate) fn build(
    table: &mut dyn Table,
    histories: impl Iterator<Item = Result<History>>,
    of: usize,
    tip: Tip,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    let mut pending = vec![applied_change(tip)?];
    for (done, history) in (1..).zip(histories) {
        pending.extend(rows::of_dossier(&history?)?.into_iter().filter(Change::is_row));
        progress(Progress::Dossiers { done, of });
        if pending.len() >= CHUNK {
            table.fill(std::mem::take(&mut pending))?;
        }
    }
    table.fill(pending)
}
