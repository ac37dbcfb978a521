//! What people decided, as ratings: the last word of each person on each dimension of each dossier, beside what the
//! model had said there.

use std::collections::BTreeMap;

use half::f16;

use super::Observation;
use crate::engine::{AssessmentId, ModelIdentity, RubricIdentity, Trace, reading};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, Person, SubjectId};
use crate::metrics::mean;
use crate::review::standing::standing;
use crate::review::{Act, Entry, Recorded};
use crate::store::blobs::Blobs;

/// For which scores a calibration is fitted: those of these weights under this rubric and wording of the prompt.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    /// Which weights.
    pub model: &'a ModelIdentity,
    /// Which rubric.
    pub rubric: &'a RubricIdentity,
    /// SHA-256 over the prompt templates.
    pub prompt_sha256: ContentHash,
}

impl For<'_> {
    /// Where states of segments are read, it does not matter what was laid over the answer.
    fn made(self, trace: &Trace) -> bool {
        let alike = match trace.focus {
            Some(_) => trace.model.reads_as() == self.model.reads_as(),
            None => trace.model == *self.model,
        };
        alike && trace.rubric == *self.rubric && trace.prompt_sha256 == self.prompt_sha256
    }
}

/// The ratings that the records of one dossier add up to; of scores whose text was read under `focus`, since states that
/// were pooled otherwise are not comparable.
///
/// # Errors
/// `Damaged` or `Io` when a trace that a decision cites cannot be read.
pub fn observations(
    subject: &SubjectId,
    records: &[Recorded],
    blobs: &Blobs,
    of: For<'_>,
    focus: Option<ContentHash>,
) -> Result<Vec<Observation>> {
    let mut found = Vec::new();
    for ((dossier, dimension), said) in last_words(records) {
        let trace = trace(blobs, &said.about)?;
        // An older layout kept no state of the text.
        if !of.made(&trace) || trace.focus != focus || trace.text.is_empty() {
            continue;
        }
        let wide = |bits: &[u16]| bits.iter().map(|b| f16::from_bits(*b).to_f32()).collect();
        found.push(Observation {
            item: dossier.as_str().to_owned(),
            group: subject.as_str().to_owned(),
            dimension,
            level: mean(&said.levels.into_values().collect::<Vec<_>>()).unwrap_or_default(),
            text: wide(&trace.text),
            hidden: wide(&trace.hidden),
            reading: reading::read(trace.logits, &trace.logits),
        });
    }
    Ok(found)
}

/// What people last said of one dimension of one dossier.
#[derive(Debug, Clone, PartialEq)]
struct LastWords {
    /// The assessment that the last of them spoke about.
    about: AssessmentId,
    /// The level of each.
    levels: BTreeMap<Person, f64>,
}

/// The levels that stand, the last one of each person.
fn last_words(records: &[Recorded]) -> BTreeMap<(DossierId, DimensionId), LastWords> {
    let mut words: BTreeMap<(DossierId, DimensionId), LastWords> = BTreeMap::new();
    for record in standing(records) {
        let Entry::Decision(decision) = &record.entry else {
            continue;
        };
        let (Act::Accept { score } | Act::Override { score, .. }) = decision.act else {
            continue;
        };
        if let Some(about) = decision.assessment {
            let place = (decision.dossier.clone(), decision.dimension.clone());
            let levels = BTreeMap::new();
            let said = words.entry(place).or_insert(LastWords { about, levels });
            said.about = about;
            said.levels.insert(record.actor.clone(), f64::from(score));
        }
    }
    words
}

fn trace(blobs: &Blobs, assessment: &AssessmentId) -> Result<Trace> {
    let bytes = blobs.get(assessment)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let what = format!("the trace {assessment} cannot be read");
        Error::new(ErrorKind::Damaged, what).because(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{assessed, clock, decided, read, undone};

    /// By hand: chen's second word replaces the first, wu's was taken back, and li speaks of the newer assessment.
    #[test]
    fn the_last_word_of_each_person_counts() {
        let (old, new) = (
            assessed("r2", 1, "delivery", 3.0),
            assessed("r3", 1, "delivery", 4.0),
        );
        let put = |id: &str, by: &str, about, score: f32| {
            let act = Act::Override { score, reason: None };
            let mut draft = decided(id, 1, "delivery", Some(about), act);
            draft.actor = by.into();
            draft
        };
        let drafts = [
            read("r1", 1),
            old.clone(),
            new.clone(),
            put("r4", "chen", &old, 2.0),
            put("r5", "chen", &old, 2.5),
            put("r6", "wu", &old, 5.0),
            put("r7", "li", &new, 3.5),
            undone("r8", 1, "r6"),
            decided("r9", 1, "quality", None, Act::Accept { score: 4.0 }),
        ];
        let records: Vec<Recorded> = (1..)
            .zip(drafts)
            .map(|(seq, draft)| Recorded {
                seq,
                hash: ContentHash::ZERO,
                id: draft.id,
                at: clock().0,
                actor: draft.actor,
                entry: draft.entry,
            })
            .collect();
        let words = last_words(&records);
        assert_eq!(
            words.len(),
            1,
            "a word about no assessment has nothing beside it: {words:?}"
        );
        let said = &words[&("d1".into(), "delivery".into())];
        assert_eq!(Some(said.about), new.blobs.first().map(|(hash, _)| *hash));
        let levels: Vec<(&str, f64)> = said.levels.iter().map(|(p, l)| (p.as_str(), *l)).collect();
        assert_eq!(levels, [("chen", 2.5), ("li", 3.5)]);
    }
}
