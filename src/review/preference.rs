//! What decisions teach a model: from the records of a dossier to preferences, and nothing else goes in.
//!
//! For every person and every assessment they judged, the score that stands gives one preference: a pair when it lies half
//! a level or more from the model's, else an answer that may stay. Every link that a person added or dropped gives a pair
//! that differs in that link alone; one turned the other way gives none, for an answer names places and not what they
//! speak for, but its words do not stand any more. What was taken back teaches nothing. Each side of a pair ends after
//! the last field the person decided: the model's rationale argues for the other score.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Assessment, AssessmentId, RubricIdentity};
use crate::evidence::{EvidenceKind, EvidenceLink, Place};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, Person, RecordId, SubjectId};
use crate::review::comparison::{Comparison, Rewritten};
use crate::review::decision::{Act, Decision, Entry};
use crate::review::dimension::{same_link, turned};
use crate::review::event::Recorded;
use crate::review::standing::standing;

/// From this difference on, in levels, a person's score speaks against the model's.
pub const DISAGREES: f32 = 0.5;

/// What one decision teaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreferenceRecord {
    /// The decision's record id: one decision teaches at most one thing.
    pub id: RecordId,
    /// The decision's number.
    pub seq: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// Who decided.
    pub actor: Person,
    /// About whom.
    pub subject: SubjectId,
    /// Of which dossier.
    pub dossier: DossierId,
    /// Of which dimension.
    pub dimension: DimensionId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// Of which assessment; its prompt is the prompt.
    pub assessment: AssessmentId,
    /// Every record that it follows from, the decision first.
    pub decisions: Vec<RecordId>,
    /// What sort of decision.
    pub origin: Origin,
    /// The model's score was on the screen before the person decided.
    pub model_visible: bool,
    /// Why, as the person said.
    pub reason: Option<String>,
    /// What it teaches.
    #[serde(flatten)]
    pub lesson: Lesson,
}

/// What sort of decision a preference comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The model's score was let stand.
    Accept,
    /// A person's score was put in its place.
    Override,
    /// A link was added.
    LinkAdded,
    /// A link was dropped.
    LinkDropped,
    /// Two answers were compared.
    Comparison,
    /// The better one of two answers was rewritten.
    Rewriting,
}

/// A preference between two answers, or for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Lesson {
    /// One answer is better than another.
    Pair {
        /// The better one.
        chosen: Answer,
        /// The worse one.
        rejected: Answer,
        /// How much better, 0..=1: the difference of the scores over the length of the scale, 4.
        margin: f32,
    },
    /// One answer, good or bad.
    Single {
        /// The answer.
        answer: Answer,
        /// Whether it is good.
        label: bool,
    },
}

/// An answer, or the beginning of one up to the last field that was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The places it rests on, in order.
    pub evidence: Vec<Cited>,
    /// The score, unless the answer ends before it.
    pub score: Option<Target>,
    /// The rest, unless the answer ends before it.
    pub words: Option<Words>,
}

/// A place, found again from the source's bytes alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cited {
    /// The source's address.
    pub sha256: ContentHash,
    /// First byte in the source as read.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A score and the level tokens that stand for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The score.
    pub value: f32,
    /// Level tokens and their shares, which add up to 1: a half point is shared by its two neighbours.
    pub levels: Vec<(u8, f32)>,
}

/// The free text of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Why.
    pub rationale: String,
    /// What to do next.
    pub suggestion: String,
}

/// What `records`, all of one dossier in order of number, teach; in order of decision.
pub fn preferences(subject: &SubjectId, records: &[Recorded]) -> Vec<PreferenceRecord> {
    let standing: Vec<&Recorded> = standing(records).collect();
    let mut judged: BTreeMap<(AssessmentId, &Person), Judged<'_>> = BTreeMap::new();
    for &record in &standing {
        if let Entry::Decision(decision) = &record.entry
            && let Some(assessment) = assessment_of(decision, record.seq, &standing)
        {
            judged
                .entry((assessment.id, &record.actor))
                .or_insert_with(|| Judged::of(subject, assessment))
                .take(record, decision, assessment);
        }
    }
    let mut lessons: Vec<_> = judged.values().flat_map(Judged::preferences).collect();
    lessons.extend(compared(subject, &standing));
    lessons.sort_by_key(|p| p.seq);
    lessons
}

/// What comparisons teach. One that somebody else's settles teaches nothing any more, nor does a check.
fn compared(subject: &SubjectId, standing: &[&Recorded]) -> Vec<PreferenceRecord> {
    let all = standing.iter().filter_map(|record| match &record.entry {
        Entry::Comparison(comparison) => Some((*record, &**comparison)),
        _ => None,
    });
    let settled: HashSet<&RecordId> = all.clone().flat_map(|(_, c)| &c.settles).collect();
    all.filter(|(record, comparison)| comparison.check.is_none() && !settled.contains(&record.id))
        .filter_map(|(record, comparison)| preferred(subject, record, comparison))
        .collect()
}

/// The better answer rather than the other one; a rewritten one rather than what it was made from.
fn preferred(subject: &SubjectId, record: &Recorded, comparison: &Comparison) -> Option<PreferenceRecord> {
    let side = comparison.choice.side()?;
    let (better, other) = (
        &comparison.candidates[side.index()],
        &comparison.candidates[side.other().index()],
    );
    let (chosen, rejected, margin) = match &comparison.rewritten {
        Some(rewritten) => (
            Answer::rewritten(better, rewritten),
            Answer::whole(better),
            round((rewritten.score - better.reading.score).abs() / 4.0),
        ),
        None => (Answer::whole(better), Answer::whole(other), 0.0),
    };
    let follows_from = std::iter::once(&record.id).chain(&comparison.settles);
    Some(PreferenceRecord {
        id: record.id.clone(),
        seq: record.seq,
        at: record.at,
        actor: record.actor.clone(),
        subject: subject.clone(),
        dossier: comparison.dossier.clone(),
        dimension: comparison.dimension.clone(),
        rubric: comparison.rubric.clone(),
        assessment: better.id,
        decisions: follows_from.cloned().collect(),
        origin: if comparison.rewritten.is_some() {
            Origin::Rewriting
        } else {
            Origin::Comparison
        },
        model_visible: true,
        reason: None,
        lesson: Lesson::Pair {
            chosen,
            rejected,
            margin,
        },
    })
}

/// The assessment that a decision is about: the last record of it, for one read through another calibration keeps its
/// address. Who decided before the model had spoken judged what it said next.
fn assessment_of<'a>(decision: &Decision, seq: u64, standing: &[&'a Recorded]) -> Option<&'a Assessment> {
    let mut spoken = standing.iter().filter_map(|r| match &r.entry {
        Entry::Assessment(a) if a.dimension == decision.dimension => Some((r.seq, &**a)),
        _ => None,
    });
    match &decision.assessment {
        Some(id) => spoken.rfind(|(at, a)| *at < seq && a.id == *id),
        None => spoken.find(|(at, a)| *at > seq && a.rubric.sha256 == decision.rubric.sha256),
    }
    .map(|(_, a)| a)
}

/// One assessment and what one person did about it.
struct Judged<'a> {
    subject: &'a SubjectId,
    /// As it was read when the person decided.
    assessment: &'a Assessment,
    verdict: Option<(&'a Recorded, &'a Decision)>,
    /// The last edit of every link that was edited.
    edits: Vec<Edit<'a>>,
}

#[derive(Clone, Copy)]
struct Edit<'a> {
    record: &'a Recorded,
    decision: &'a Decision,
    link: &'a EvidenceLink,
    added: bool,
    reason: Option<&'a String>,
}

impl<'a> Judged<'a> {
    fn of(subject: &'a SubjectId, assessment: &'a Assessment) -> Self {
        Self {
            subject,
            assessment,
            verdict: None,
            edits: Vec::new(),
        }
    }

    fn take(&mut self, record: &'a Recorded, decision: &'a Decision, assessment: &'a Assessment) {
        let (link, added, reason) = match &decision.act {
            Act::Accept { .. } | Act::Override { .. } => {
                self.verdict = Some((record, decision));
                self.assessment = assessment;
                return;
            }
            Act::LinkAdded { link } => (link, true, None),
            Act::LinkDropped { link, reason } => (link, false, reason.as_ref()),
            Act::Note { .. } | Act::Reveal => return,
        };
        self.edits.retain(|e| !same_link(e.link, link));
        self.edits.push(Edit {
            record,
            decision,
            link,
            added,
            reason,
        });
    }

    fn preferences(&self) -> Vec<PreferenceRecord> {
        let links = self.effective().filter_map(|edit| self.of_link(edit));
        links.chain(self.of_verdict()).collect()
    }

    /// The links that the model named. Counts are the program's own and not part of an answer.
    fn models(&self) -> impl Iterator<Item = &'a EvidenceLink> {
        self.assessment.evidence.iter().filter(|l| is_cited(l))
    }

    /// The model's link at the place of `link`.
    fn model_link(&self, link: &EvidenceLink) -> Option<&'a EvidenceLink> {
        self.models().find(|l| same_link(l, link))
    }

    /// The edits that changed something in the end.
    fn effective(&self) -> impl Iterator<Item = &Edit<'a>> {
        self.edits.iter().filter(|edit| {
            let changes = match self.model_link(edit.link) {
                Some(of_model) => !edit.added || turned(of_model, edit.link),
                None => edit.added,
            };
            is_cited(edit.link) && changes
        })
    }

    /// The places of the answer as the person left them, `but` for one edit.
    fn evidence(&self, but: Option<&Edit<'_>>) -> Vec<Cited> {
        let edits: Vec<_> = self
            .effective()
            .filter(|edit| but.is_none_or(|b| !same_link(b.link, edit.link)))
            .collect();
        let dropped = |link: &EvidenceLink| edits.iter().any(|e| !e.added && same_link(e.link, link));
        let kept = self.models().filter(|link| !dropped(link));
        let added = edits.iter().filter(|e| e.added).map(|e| e.link);
        let added = added.filter(|link| self.model_link(link).is_none());
        kept.chain(added).map(|link| Cited::of(&link.place)).collect()
    }

    /// None where the answer would be the same.
    fn of_link(&self, edit: &Edit<'_>) -> Option<PreferenceRecord> {
        let (left, otherwise) = (self.evidence(None), self.evidence(Some(edit)));
        if left == otherwise {
            return None;
        }
        let ends_there = |evidence| Answer {
            evidence,
            score: None,
            words: None,
        };
        Some(PreferenceRecord {
            origin: if edit.added {
                Origin::LinkAdded
            } else {
                Origin::LinkDropped
            },
            reason: edit.reason.cloned(),
            ..self.record(
                edit.record,
                edit.decision,
                Lesson::Pair {
                    chosen: ends_there(left),
                    rejected: ends_there(otherwise),
                    margin: 0.0,
                },
            )
        })
    }

    fn of_verdict(&self) -> Option<PreferenceRecord> {
        let (record, decision) = self.verdict?;
        let (score, reason, origin) = match &decision.act {
            Act::Accept { score } => (*score, None, Origin::Accept),
            Act::Override { score, reason } => (*score, reason.clone(), Origin::Override),
            _ => return None,
        };
        let lesson = if origin == Origin::Override && self.difference(score) >= DISAGREES {
            self.pair(score)
        } else {
            Lesson::Single {
                answer: self.kept(score, origin),
                label: true,
            }
        };
        let mut preference = PreferenceRecord {
            origin,
            reason,
            ..self.record(record, decision, lesson)
        };
        let shaped_by = self.effective().map(|edit| edit.record.id.clone());
        preference.decisions.extend(shaped_by);
        Some(preference)
    }

    fn difference(&self, score: f32) -> f32 {
        (score - self.assessment.reading.score).abs()
    }

    fn pair(&self, score: f32) -> Lesson {
        let model = self.assessment.reading.score;
        Lesson::Pair {
            chosen: Answer {
                evidence: self.evidence(None),
                score: Some(Target::human(score)),
                words: None,
            },
            rejected: Answer {
                evidence: self.models().map(|link| Cited::of(&link.place)).collect(),
                score: Some(Target::model(model, score)),
                words: None,
            },
            margin: round(self.difference(score) / 4.0),
        }
    }

    /// The answer that may stay: whole when the person let all of it stand.
    fn kept(&self, score: f32, origin: Origin) -> Answer {
        let untouched = origin == Origin::Accept && score.fract() == 0.0 && self.effective().next().is_none();
        Answer {
            evidence: self.evidence(None),
            score: Some(Target::human(score)),
            words: untouched.then(|| Words {
                rationale: self.assessment.rationale.clone(),
                suggestion: self.assessment.suggestion.clone(),
            }),
        }
    }

    fn record(&self, record: &Recorded, decision: &Decision, lesson: Lesson) -> PreferenceRecord {
        PreferenceRecord {
            id: record.id.clone(),
            seq: record.seq,
            at: record.at,
            actor: record.actor.clone(),
            subject: self.subject.clone(),
            dossier: self.assessment.dossier.clone(),
            dimension: self.assessment.dimension.clone(),
            rubric: self.assessment.rubric.clone(),
            assessment: self.assessment.id,
            decisions: vec![record.id.clone()],
            origin: Origin::Override,
            model_visible: decision.seen.model_visible,
            reason: None,
            lesson,
        }
    }
}

fn is_cited(link: &EvidenceLink) -> bool {
    link.kind != EvidenceKind::Count
}

impl Answer {
    /// All of what the model said.
    fn whole(assessment: &Assessment) -> Self {
        let score = assessment.reading.score;
        Self {
            evidence: Cited::all(assessment),
            score: Some(Target::model(score, score)),
            words: Some(Words {
                rationale: assessment.rationale.clone(),
                suggestion: assessment.suggestion.clone(),
            }),
        }
    }

    /// The same evidence, and what a person said instead.
    fn rewritten(assessment: &Assessment, rewritten: &Rewritten) -> Self {
        Self {
            evidence: Cited::all(assessment),
            score: Some(Target::human(rewritten.score)),
            words: Some(Words {
                rationale: rewritten.rationale.clone(),
                suggestion: rewritten.suggestion.clone(),
            }),
        }
    }
}

impl Cited {
    /// The places that the model named.
    fn all(assessment: &Assessment) -> Vec<Self> {
        let named = assessment.evidence.iter().filter(|link| is_cited(link));
        named.map(|link| Self::of(&link.place)).collect()
    }

    fn of(place: &Place) -> Self {
        Self {
            sha256: place.sha256,
            start: place.start,
            end: place.end,
        }
    }
}

impl Target {
    /// A person's score: a half point is shared by its neighbours.
    fn human(score: f32) -> Self {
        let low = score.floor() as u8;
        let levels = if score.fract() == 0.0 {
            vec![(low, 1.0)]
        } else {
            vec![(low, 0.5), (low + 1, 0.5)]
        };
        Self { value: score, levels }
    }

    /// The model's score as the level it would have written: the nearest one, of two equally near the one farther from
    /// the person's.
    fn model(score: f32, human: f32) -> Self {
        let nearest = if (score.fract() - 0.5).abs() < f32::EPSILON && human > score {
            score.floor()
        } else {
            score.round()
        };
        Self {
            value: score,
            levels: vec![(nearest.clamp(1.0, 5.0) as u8, 1.0)],
        }
    }
}

/// Four decimals: a margin is no more exact than the scores it comes from.
fn round(margin: f32) -> f32 {
    (margin * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests;
