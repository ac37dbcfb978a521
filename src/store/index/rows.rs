//! Which rows the history of a dossier makes. They are made anew whenever the dossier gets a record.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::status::DossierStatus;
use super::{Change, Table, Tree, bad_row, from_row, to_row};
use crate::error::Result;
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, RecordId};
use crate::review::preference::{PreferenceRecord, preferences};
use crate::review::standing::standing;
use crate::review::{Act, Decision, Entry, Recorded};
use crate::store::query::History;

/// A decision in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecisionRow {
    pub(crate) id: RecordId,
    pub(crate) dossier: DossierId,
    pub(crate) dimension: DimensionId,
    pub(crate) act: String,
    pub(crate) score: Option<f32>,
    /// Nobody took it back.
    pub(crate) stands: bool,
}

impl DecisionRow {
    fn of(record: &Recorded, decision: &Decision, stands: bool) -> Self {
        let score = match &decision.act {
            Act::Accept { score } | Act::Override { score, .. } => Some(*score),
            _ => None,
        };
        Self {
            id: record.id.clone(),
            dossier: decision.dossier.clone(),
            dimension: decision.dimension.clone(),
            act: decision.act.name().to_owned(),
            score,
            stands,
        }
    }
}

/// The rows of a dossier with this history, and the removal of those that it no longer makes.
pub(crate) fn of_dossier(history: &History) -> Result<Vec<Change>> {
    let History { subject, records } = history;
    let Some(status) = DossierStatus::of(subject, records) else {
        return Ok(Vec::new());
    };
    let mut changes = vec![Change::put(
        Tree::Dossiers,
        status.dossier.as_str(),
        to_row(&status)?,
    )];
    let stands: HashSet<u64> = standing(records).map(|r| r.seq).collect();
    let lessons = preferences(subject, records).into_iter().map(|p| (p.seq, p));
    let lessons: HashMap<u64, PreferenceRecord> = lessons.collect();
    let mut assessed = HashSet::new();
    for record in records {
        let seq = record.seq.to_be_bytes();
        match &record.entry {
            Entry::Assessment(a) if assessed.insert(a.id) => {
                changes.push(Change::put(Tree::Assessments, a.id.bytes().as_slice(), seq));
            }
            Entry::Decision(d) => {
                let row = DecisionRow::of(record, d, stands.contains(&record.seq));
                changes.push(Change::put(Tree::Decisions, seq, to_row(&row)?));
                changes.push(lesson(&lessons, record.seq)?);
            }
            Entry::Comparison(_) => changes.push(lesson(&lessons, record.seq)?),
            _ => {}
        }
    }
    Ok(changes)
}

/// What the record numbered `seq` teaches, or that it teaches nothing.
fn lesson(lessons: &HashMap<u64, PreferenceRecord>, seq: u64) -> Result<Change> {
    let key = seq.to_be_bytes();
    Ok(match lessons.get(&seq) {
        Some(lesson) => Change::put(Tree::Pairs, key, to_row(lesson)?),
        None => Change::remove(Tree::Pairs, key),
    })
}

/// Those of `changes` that change something in `table`.
pub(crate) fn only_new(table: &dyn Table, changes: Vec<Change>) -> Result<Vec<Change>> {
    let mut new = Vec::with_capacity(changes.len());
    for change in changes {
        if table.get(change.tree, &change.key)? != change.value {
            new.push(change);
        }
    }
    Ok(new)
}

/// The number of the first record that holds this assessment.
pub(crate) fn assessment_seq(table: &dyn Table, id: &ContentHash) -> Result<Option<u64>> {
    let row = table.get(Tree::Assessments, id.bytes())?;
    row.map(|bytes| bytes.try_into().map(u64::from_be_bytes).map_err(|_| bad_row()))
        .transpose()
}

/// The rows of a tree, read.
pub(crate) fn all<T: serde::de::DeserializeOwned>(table: &dyn Table, tree: Tree) -> Result<Vec<T>> {
    let rows = table.scan(tree, b"")?;
    rows.iter().map(|(_, value)| from_row(value)).collect()
}
