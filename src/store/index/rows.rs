//! Which rows records make. Two kinds: those of one record alone, and those of a dossier's whole history, which are made
//! anew whenever the dossier gets a record.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::status::DossierStatus;
use super::{Change, Table, Tree, from_row, to_row};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, RecordId, SubjectId};
use crate::review::preference::{PreferenceRecord, preferences};
use crate::review::standing::standing;
use crate::review::{Act, Decision, Entry, Receipt, Recorded};
use crate::store::journal::Location;

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

/// The records of one dossier, whose they are, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub(crate) subject: SubjectId,
    pub(crate) records: Vec<Recorded>,
}

/// The rows of one record alone.
pub(crate) fn of_record(record: &Recorded, at: Location) -> Vec<Change> {
    let seq = record.seq.to_be_bytes();
    vec![
        Change::put(Tree::Records, seq, location_bytes(at)),
        Change::put(
            Tree::Ids,
            record.id.as_str(),
            [&seq, record.hash.bytes().as_slice()].concat(),
        ),
        Change::put(
            Tree::Timeline,
            timeline_key(record.entry.dossier(), record.seq),
            Vec::new(),
        ),
    ]
}

/// The rows of a dossier with this history, as far as they differ from what `table` holds.
pub(crate) fn of_dossier(table: &dyn Table, history: &History) -> Result<Vec<Change>> {
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
    let lessons: HashMap<u64, PreferenceRecord> = preferences(subject, records)
        .into_iter()
        .map(|p| (p.seq, p))
        .collect();
    let mut assessed = HashSet::new();
    for record in records {
        let seq = record.seq.to_be_bytes();
        match &record.entry {
            Entry::Assessment(a) if assessed.insert(a.id) => {
                changes.push(Change::put(Tree::Assessments, a.id.bytes().as_slice(), seq));
            }
            Entry::Decision(d) => {
                let row = decision_row(record, d, stands.contains(&record.seq));
                changes.push(Change::put(Tree::Decisions, seq, to_row(&row)?));
                changes.push(match lessons.get(&record.seq) {
                    Some(lesson) => Change::put(Tree::Pairs, seq, to_row(lesson)?),
                    None => Change::remove(Tree::Pairs, seq),
                });
            }
            _ => {}
        }
    }
    only_new(table, changes)
}

fn only_new(table: &dyn Table, changes: Vec<Change>) -> Result<Vec<Change>> {
    let mut new = Vec::with_capacity(changes.len());
    for change in changes {
        if table.get(change.tree, &change.key)? != change.value {
            new.push(change);
        }
    }
    Ok(new)
}

fn decision_row(record: &Recorded, decision: &Decision, stands: bool) -> DecisionRow {
    let score = match &decision.act {
        Act::Accept { score } | Act::Override { score, .. } => Some(*score),
        _ => None,
    };
    DecisionRow {
        id: record.id.clone(),
        dossier: decision.dossier.clone(),
        dimension: decision.dimension.clone(),
        act: decision.act.name().to_owned(),
        score,
        stands,
    }
}

/// The key under which record `seq` stands in its dossier's timeline.
fn timeline_key(dossier: &DossierId, seq: u64) -> Vec<u8> {
    [timeline_prefix(dossier).as_slice(), &seq.to_be_bytes()].concat()
}

/// What the keys of a dossier's timeline start with; ids hold no zero byte.
fn timeline_prefix(dossier: &DossierId) -> Vec<u8> {
    [dossier.as_str().as_bytes(), b"\0"].concat()
}

/// The numbers of a dossier's records, in order.
pub(crate) fn timeline(table: &dyn Table, dossier: &DossierId) -> Result<Vec<u64>> {
    let prefix = timeline_prefix(dossier);
    table
        .scan(Tree::Timeline, &prefix)?
        .iter()
        .map(|(key, _)| seq_of(&key[prefix.len()..]))
        .collect()
}

/// Where record `seq` lies; none when there is no such record.
pub(crate) fn location(table: &dyn Table, seq: u64) -> Result<Option<Location>> {
    let row = table.get(Tree::Records, &seq.to_be_bytes())?;
    row.map(|bytes| location_of(&bytes).ok_or_else(bad)).transpose()
}

/// The receipt of the record called `id`; none when there is no such record.
pub(crate) fn receipt(table: &dyn Table, id: &RecordId) -> Result<Option<Receipt>> {
    let row = table.get(Tree::Ids, id.as_str().as_bytes())?;
    row.map(|bytes| receipt_of(id, &bytes).ok_or_else(bad))
        .transpose()
}

/// The number of the first record that holds this assessment.
pub(crate) fn assessment_seq(table: &dyn Table, id: &ContentHash) -> Result<Option<u64>> {
    let row = table.get(Tree::Assessments, id.bytes())?;
    row.map(|bytes| seq_of(&bytes)).transpose()
}

/// The rows of a tree, read.
pub(crate) fn all<T: serde::de::DeserializeOwned>(table: &dyn Table, tree: Tree) -> Result<Vec<T>> {
    let rows = table.scan(tree, b"")?;
    rows.iter().map(|(_, value)| from_row(value)).collect()
}

fn bad() -> Error {
    Error::new(ErrorKind::Internal, "a row of the index cannot be read").hint("run `plumb journal rebuild`")
}

fn seq_of(bytes: &[u8]) -> Result<u64> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| bad())
}

fn location_bytes(at: Location) -> Vec<u8> {
    [
        at.segment.to_be_bytes().as_slice(),
        &at.offset.to_be_bytes(),
        &at.len.to_be_bytes(),
    ]
    .concat()
}

fn location_of(bytes: &[u8]) -> Option<Location> {
    let (segment, rest) = bytes.split_first_chunk::<8>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    Some(Location {
        segment: u64::from_be_bytes(*segment),
        offset: u64::from_be_bytes(*offset),
        len: u32::from_be_bytes(rest.try_into().ok()?),
    })
}

fn receipt_of(id: &RecordId, bytes: &[u8]) -> Option<Receipt> {
    let (seq, hash) = bytes.split_first_chunk::<8>()?;
    Some(Receipt {
        id: id.clone(),
        seq: u64::from_be_bytes(*seq),
        hash: ContentHash::from_bytes(hash.try_into().ok()?),
    })
}
