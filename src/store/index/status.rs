//! How far a dossier is: what the queue shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dossier::DossierMeta;
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
    /// The dimensions that the model has spoken on, with its last score and spread.
    pub assessed: Vec<Assessed>,
    /// The dimensions on which somebody's score stands, with the score, in order of dimension.
    pub decided: Vec<(DimensionId, f32)>,
    /// Who closed it, if it is closed.
    pub signed_off: Option<SignedOff>,
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
    /// The score.
    pub score: f32,
    /// Standard deviation around it, in levels: [`crate::engine::ScoreReading::spread`].
    pub spread: f32,
    /// Whether a person should look before anyone trusts it: [`Doubt`].
    pub in_doubt: bool,
}

/// Who closed a dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignedOff {
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
            signed_off: None,
            records: records.len() as u64,
            last: records.last().map(|r| r.at),
        };
        standing(records).for_each(|record| status.take(record));
        status.assessed.sort_by(|a, b| a.dimension.cmp(&b.dimension));
        status.decided.sort_by(|a, b| a.0.cmp(&b.0));
        Some(status)
    }

    /// The largest difference between a person's score and the model's.
    pub fn disagreement(&self) -> Option<f32> {
        self.decided
            .iter()
            .filter_map(|(dimension, score)| {
                let said = self.assessed.iter().find(|a| a.dimension == *dimension)?;
                Some((said.score - score).abs())
            })
            .reduce(f32::max)
    }

    fn take(&mut self, record: &Recorded) {
        match &record.entry {
            Entry::Dossier(read) => self.meta = Some(read.meta.clone()),
            Entry::Assessment(a) => {
                self.assessed.retain(|old| old.dimension != a.dimension);
                self.assessed.push(Assessed {
                    dimension: a.dimension.clone(),
                    score: a.reading.score,
                    spread: a.reading.spread(),
                    in_doubt: Doubt::about(&a.reading).is_some(),
                });
            }
            Entry::Decision(d) => {
                if let Act::Accept { score } | Act::Override { score, .. } = d.act {
                    self.decided.retain(|(dimension, _)| *dimension != d.dimension);
                    self.decided.push((d.dimension.clone(), score));
                }
            }
            Entry::SignOff(_) => {
                self.signed_off = Some(SignedOff {
                    seq: record.seq,
                    by: record.actor.clone(),
                    at: record.at,
                });
            }
            Entry::Comparison(_) | Entry::Undo(_) | Entry::Calibration(_) | Entry::Adapter(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
    use crate::store::testing::assessed;

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
