//! Which records stand: an undo takes a record back, and an undo may itself be taken back.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Entry;
use crate::id::{Person, RecordId, SubjectId};

/// One record of the journal, as far as deciding is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its number.
    pub seq: u64,
    /// As its maker named it.
    pub id: RecordId,
    /// When the store took it.
    pub at: Timestamp,
    /// Who.
    pub actor: Person,
    /// Whom it speaks of.
    pub subject: SubjectId,
    /// What happened.
    pub entry: Entry,
}

/// The facts that nobody took back, in order. `facts` are all of one dossier, in order of number.
pub fn standing(facts: &[Fact]) -> impl Iterator<Item = &Fact> {
    let gone = taken_back(facts);
    facts.iter().filter(move |f| !gone.contains(&f.id))
}

/// The records that an undo took back: read from the end, so that an undo that was itself taken back does nothing.
fn taken_back(facts: &[Fact]) -> HashSet<&RecordId> {
    let mut gone = HashSet::new();
    for fact in facts.iter().rev() {
        if let Entry::Undo(undo) = &fact.entry
            && !gone.contains(&fact.id)
        {
            gone.insert(&undo.record);
        }
    }
    gone
}
