//! Which records stand: an undo takes a record back, and an undo may itself be taken back.

use std::collections::HashSet;

use crate::id::RecordId;
use crate::review::{Entry, Recorded};

/// The records that nobody took back, in order. `records` are all of one dossier, in order of number.
pub fn standing(records: &[Recorded]) -> impl Iterator<Item = &Recorded> {
    let gone = taken_back(records);
    records.iter().filter(move |r| !gone.contains(&r.id))
}

/// What an undo took back: read from the end, so that an undo that was itself taken back does nothing.
fn taken_back(records: &[Recorded]) -> HashSet<&RecordId> {
    let mut gone = HashSet::new();
    for record in records.iter().rev() {
        if let Entry::Undo(undo) = &record.entry
            && !gone.contains(&record.id)
        {
            gone.insert(&undo.record);
        }
    }
    gone
}
