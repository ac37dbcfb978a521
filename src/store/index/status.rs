//! How far a dossier is: what the queue shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dossier::DossierMeta;
use crate::engine::RubricIdentity;
use crate::id::{DimensionId, DossierId, Person, SubjectId};
use crate::review::dimension::Doubt;
use crate::review::standing::standing;
use crate::review::{Act, Entry, Recorded};

/// How far one dossier is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DossierStatus {
    /// Which.
    pub dossier: DossierId,
    /// About whom.
    pub subject: SubjectId,
    /// What `dossier.toml` said when it was last read.
    pub meta: Option<DossierMeta>,
    /// The dimensions that the model has spoken on by any rubric, with its last score and spread.
    pub assessed: Vec<Assessed>,
    /// The dimensions on which somebody's score stands by any rubric, in order of dimension.
    pub decided: Vec<Decided>,
    /// Who closed it, once for every rubric by which it is closed.
    pub signed_off: Vec<SignedOff>,
    /// How many records speak of it.
    pub records: u64,
    /// When the last of them was taken.
    pub last: Option<Timestamp>,
}

/// What the model says of a dimension, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessed {
    /// Which.
    pub dimension: DimensionId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// The score.
    pub score: f32,
    /// Standard deviation around it, in levels: [`crate::engine::ScoreReading::spread`].
    pub spread: f32,
    /// Whether a person should look before anyone trusts it: [`Doubt`].
    pub in_doubt: bool,
}

/// Somebody's score that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Of which dimension.
    pub dimension: DimensionId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// The score.
    pub score: f32,
}

/// Who closed a dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignedOff {
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// The record's number.
    pub seq: u64,
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

impl DossierStatus {
    /// What `records`, all of one dossier in order, add up to; none when there are none.
    pub fn of(subject: &SubjectId, records: &[Recorded]) -> Option<Self> {
        let mut status = Self {
            dossier: records.first()?.entry.dossier()?.clone(),
            subject: subject.clone(),
            meta: None,
            assessed: Vec::new(),
            decided: Vec::new(),
            signed_off: Vec::new(),
            records: records.len() as u64,
            last: records.last().map(|r| r.at),
        };
        standing(records).for_each(|record| status.take(record));
        status.assessed.sort_by(|a, b| a.dimension.cmp(&b.dimension));
        status.decided.sort_by(|a, b| a.dimension.cmp(&b.dimension));
        Some(status)
    }

    /// What of it counts under `rubric`, as in a review: what people decided by a rubric of its name and version, what
    /// the model said by its very text.
    #[must_use]
    pub fn under(&self, rubric: &RubricIdentity) -> Self {
        let mut status = self.clone();
        status.assessed.retain(|a| a.rubric.sha256 == rubric.sha256);
        status.decided.retain(|d| same_rubric(&d.rubric, rubric));
        status.signed_off.retain(|s| same_rubric(&s.rubric, rubric));
        status
    }

    /// The largest difference between a person's score and the model's by the same rubric.
    pub fn disagreement(&self) -> Option<f32> {
        self.decided
            .iter()
            .filter_map(|decided| {
                let said = self
                    .assessed
                    .iter()
                    .find(|a| a.dimension == decided.dimension && same_rubric(&a.rubric, &decided.rubric))?;
                Some((said.score - decided.score).abs())
            })
            .reduce(f32::max)
    }

    fn take(&mut self, record: &Recorded) {
        match &record.entry {
            Entry::Dossier(read) => self.meta = Some(read.meta.clone()),
            Entry::Assessment(a) => {
                self.assessed
                    .retain(|old| old.dimension != a.dimension || old.rubric.sha256 != a.rubric.sha256);
                self.assessed.push(Assessed {
                    dimension: a.dimension.clone(),
                    rubric: a.rubric.clone(),
                    score: a.reading.score,
                    spread: a.reading.spread(),
                    in_doubt: Doubt::about(&a.reading).is_some(),
                });
            }
            Entry::Decision(d) => {
                if let Act::Accept { score } | Act::Override { score, .. } = d.act {
                    self.decided
                        .retain(|old| old.dimension != d.dimension || !same_rubric(&old.rubric, &d.rubric));
                    self.decided.push(Decided {
                        dimension: d.dimension.clone(),
                        rubric: d.rubric.clone(),
                        score,
                    });
                }
            }
            Entry::SignOff(closed) => {
                self.signed_off
                    .retain(|old| !same_rubric(&old.rubric, &closed.rubric));
                self.signed_off.push(SignedOff {
                    rubric: closed.rubric.clone(),
                    seq: record.seq,
                    by: record.actor.clone(),
                    at: record.at,
                });
            }
            Entry::Comparison(_) | Entry::Undo(_) | Entry::Calibration(_) | Entry::Adapter(_) => {}
        }
    }
}

/// Whether what people did by the one rubric counts under the other, as in [`crate::review::ledger::Ledger`].
fn same_rubric(one: &RubricIdentity, other: &RubricIdentity) -> bool {
    one.id == other.id && one.version == other.version
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind, Result};
    use crate::hash::ContentHash;
    use crate::id::RubricId;
    use crate::review::SignOff;
    use crate::store::record::Draft;
    use crate::store::testing::{assessed, decided, dossier_id, read};

    /// `draft` as record `seq`, by a rubric of this name.
    fn recorded(seq: u64, mut draft: Draft, name: &str) -> Recorded {
        let rubric = identity(name);
        match &mut draft.entry {
            Entry::Assessment(a) => a.rubric = rubric,
            Entry::Decision(d) => d.rubric = rubric,
            _ => {}
        }
        Recorded {
            seq,
            hash: ContentHash::of(&seq.to_be_bytes()),
            id: draft.id,
            actor: draft.actor,
            at: Timestamp::UNIX_EPOCH,
            entry: draft.entry,
        }
    }

    fn identity(name: &str) -> RubricIdentity {
        RubricIdentity {
            id: RubricId::new(name),
            version: "1.0.0".to_owned(),
            sha256: ContentHash::of(name.as_bytes()),
        }
    }

    /// One dossier scored, decided and closed by one rubric, then decided otherwise by another.
    #[test]
    fn what_counts_under_one_rubric_does_not_under_another() -> Result<()> {
        let subject = SubjectId::new("E1");
        let accept = |id: &str, dimension, score| decided(id, 1, dimension, None, Act::Accept { score });
        let mut closing = read("r4", 1);
        closing.entry = Entry::SignOff(SignOff {
            dossier: dossier_id(1),
            rubric: identity("core"),
            scores: Vec::new(),
            note: None,
        });
        let records = [
            recorded(1, assessed("r1", 1, "delivery", 3.0), "core"),
            recorded(2, accept("r2", "delivery", 4.0), "core"),
            recorded(3, accept("r3", "quality", 4.0), "core"),
            recorded(4, closing, "core"),
            recorded(5, accept("r5", "delivery", 1.0), "sales"),
        ];
        let status = DossierStatus::of(&subject, &records)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "there are records"))?;
        let (core, sales) = (status.under(&identity("core")), status.under(&identity("sales")));
        assert_eq!(
            (core.assessed.len(), core.decided.len(), core.signed_off.len()),
            (1, 2, 1)
        );
        assert_eq!(core.disagreement(), Some(1.0));
        assert_eq!(
            (sales.assessed.len(), sales.decided.len(), sales.signed_off.len()),
            (0, 1, 0)
        );
        assert_eq!((sales.decided[0].score, sales.disagreement()), (1.0, None));
        Ok(())
    }

    /// By hand: nine of ten ratings within 1.645 levels are a standard deviation of 1.
    #[test]
    fn a_calibrated_score_is_as_uncertain_as_its_margin_says() {
        let status = |margin| {
            let draft = assessed("a", 1, "delivery", 3.0);
            let mut entry = draft.entry;
            if let Entry::Assessment(assessment) = &mut entry {
                assessment.reading.margin = margin;
            }
            let record = Recorded {
                seq: 1,
                hash: ContentHash::of(b"a"),
                id: draft.id,
                actor: draft.actor,
                at: Timestamp::UNIX_EPOCH,
                entry,
            };
            let status = DossierStatus::of(&draft.subject, &[record]).expect("a record");
            (status.assessed[0].spread, status.assessed[0].in_doubt)
        };
        assert_eq!(status(None), (0.5, false));
        assert_eq!(status(Some(1.645)), (1.0, true));
        assert!(!status(Some(0.9)).1);
    }
}
