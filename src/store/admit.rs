//! What the store takes: drafts whose names are sound and that cite only what is there.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, RecordId};
use crate::review::{Act, Entry};
use crate::store::index::rows;
use crate::store::record::Draft;
use crate::store::workspace::Workspace;

/// The longest name of anything, in bytes.
const MAX_NAME: usize = 200;

/// What a batch that is not yet written already holds.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    records: HashMap<RecordId, DossierId>,
    assessments: HashMap<ContentHash, DossierId>,
    blobs: Vec<ContentHash>,
}

impl Pending {
    pub(crate) fn add(&mut self, draft: &Draft) {
        let dossier = draft.entry.dossier();
        self.records
            .extend(dossier.map(|dossier| (draft.id.clone(), dossier.clone())));
        self.blobs.extend(draft.blobs.iter().map(|(hash, _)| *hash));
        if let Entry::Assessment(a) = &draft.entry {
            self.assessments.insert(a.id, a.dossier.clone());
        }
    }
}

/// Says why `draft` cannot be kept, if it cannot.
pub(crate) fn admit(workspace: &Workspace, pending: &Pending, draft: &Draft) -> Result<()> {
    names(draft)?;
    blobs_are_what_they_say(draft)?;
    scores(&draft.entry)?;
    for hash in cited_blobs(&draft.entry) {
        let given = draft.blobs.iter().any(|(h, _)| *h == hash) || pending.blobs.contains(&hash);
        if !given && !workspace.blobs.contains(&hash)? {
            return Err(unfit(
                draft,
                format!("it cites the blob {hash}, which nobody has given"),
            ));
        }
    }
    citations(workspace, pending, draft)
}

fn unfit(draft: &Draft, why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Input,
        format!(
            "record {} cannot be kept: {why}",
            draft.id.as_str().escape_debug()
        ),
    )
}

fn names(draft: &Draft) -> Result<()> {
    let id = draft.id.as_str();
    if id.is_empty()
        || id.len() > 64
        || !id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    {
        return Err(unfit(draft, "its id is not a word of letters and digits"));
    }
    let names = [
        Some(("actor", draft.actor.as_str())),
        Some(("role", &draft.role)),
        Some(("subject", draft.subject.as_str())),
        draft.entry.dossier().map(|dossier| ("dossier", dossier.as_str())),
    ];
    for (what, name) in names.into_iter().flatten() {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            return Err(unfit(
                draft,
                format!("the {what} must be 1 to {MAX_NAME} bytes without control characters"),
            ));
        }
    }
    Ok(())
}

fn blobs_are_what_they_say(draft: &Draft) -> Result<()> {
    match draft
        .blobs
        .iter()
        .find(|(hash, bytes)| ContentHash::of(bytes) != *hash)
    {
        Some((hash, _)) => Err(unfit(
            draft,
            format!("the bytes given for the blob {hash} are others"),
        )),
        None => Ok(()),
    }
}

/// Scores of people are 1 to 5 in halves.
fn scores(entry: &Entry) -> Result<()> {
    let given: Vec<f32> = match entry {
        Entry::Decision(d) => match d.act {
            Act::Accept { score } | Act::Override { score, .. } => vec![score],
            _ => Vec::new(),
        },
        Entry::Comparison(c) => c.rewritten.iter().map(|r| r.score).collect(),
        Entry::SignOff(s) => s.scores.iter().map(|(_, score)| *score).collect(),
        _ => Vec::new(),
    };
    match given
        .iter()
        .find(|s| !(1.0..=5.0).contains(*s) || (*s * 2.0).fract() != 0.0)
    {
        Some(score) => Err(Error::new(
            ErrorKind::Input,
            format!("{score} is no score: 1 to 5 in halves"),
        )),
        None => Ok(()),
    }
}

/// The blobs that an entry cites.
pub(crate) fn cited_blobs(entry: &Entry) -> Vec<ContentHash> {
    match entry {
        Entry::Dossier(read) => read
            .sources
            .iter()
            .flat_map(|s| [Some(s.sha256), s.rendition])
            .flatten()
            .collect(),
        Entry::Assessment(a) => vec![a.id],
        Entry::Comparison(c) => c.candidates.iter().map(|a| a.id).collect(),
        Entry::Calibration(c) => c.calibration.into_iter().collect(),
        Entry::Adapter(a) => a.adapter.into_iter().chain(a.manifest).collect(),
        Entry::Decision(_) | Entry::SignOff(_) | Entry::Undo(_) => Vec::new(),
    }
}

/// An undo and a decision speak of something of the same dossier.
fn citations(workspace: &Workspace, pending: &Pending, draft: &Draft) -> Result<()> {
    let (what, cited) = match &draft.entry {
        Entry::Undo(undo) => ("record", dossier_of_record(workspace, pending, &undo.record)?),
        Entry::Decision(decision) => match &decision.assessment {
            Some(id) => ("assessment", dossier_of_assessment(workspace, pending, id)?),
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    match cited {
        Some(dossier) if draft.entry.dossier() == Some(&dossier) => Ok(()),
        Some(_) => Err(unfit(draft, format!("the {what} it cites is of another dossier"))),
        None => Err(unfit(draft, format!("the {what} it cites is not in the journal"))),
    }
}

fn dossier_of_record(workspace: &Workspace, pending: &Pending, id: &RecordId) -> Result<Option<DossierId>> {
    if let Some(dossier) = pending.records.get(id) {
        return Ok(Some(dossier.clone()));
    }
    workspace.library().dossier_of_record(id)
}

fn dossier_of_assessment(
    workspace: &Workspace,
    pending: &Pending,
    id: &ContentHash,
) -> Result<Option<DossierId>> {
    if let Some(dossier) = pending.assessments.get(id) {
        return Ok(Some(dossier.clone()));
    }
    let seq = rows::assessment_seq(&*workspace.table, id)?;
    workspace.library().dossier_of(seq)
}
