//! One dimension under review: what the model says, what people decided, and which of the two stands.

use jiff::Timestamp;

use crate::engine::event::TextField;
use crate::engine::{Assessment, AssessmentId, ModelIdentity, ScoreReading};
use crate::evidence::{EvidenceLink, Place};
use crate::id::{DimensionId, Person, RecordId};
use crate::review::decision::{Act, Decision};

/// Above this standard deviation (levels) the model's opinion spreads over three levels or more: an even split over
/// three neighbours has 0.82.
const WIDE_SPREAD: f32 = 0.8;

/// Below this share of probability on the five level tokens the model was not answering the question.
pub const LOW_VALIDITY: f32 = 0.5;

/// How far the model is with a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nobody asked it.
    #[default]
    Idle,
    /// Waiting for its turn.
    Queued,
    /// Speaking.
    Scoring,
    /// Complete.
    Scored,
    /// Not to be had: why, one line.
    Failed(String),
}

/// Why a person should look before anyone trusts a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The distribution is wide.
    Spread,
    /// The model was not answering in levels.
    Validity,
    /// People's ratings lie too far around the calibrated score.
    Margin,
}

impl Doubt {
    /// The doubt about a reading, if there is one.
    pub fn about(reading: &ScoreReading) -> Option<Self> {
        if reading.validity < LOW_VALIDITY {
            return Some(Self::Validity);
        }
        match reading.margin {
            // What people gave where the model said such things counts for more than how sure it was.
            Some(_) => reading.needs_a_person().then_some(Self::Margin),
            None => (reading.sd > WIDE_SPREAD).then_some(Self::Spread),
        }
    }
}

/// Where a dimension stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody asked the model.
    Unscored,
    /// Waiting for the model.
    Queued,
    /// The model is speaking.
    Scoring,
    /// The model has spoken, nobody has decided.
    Scored,
    /// The model has spoken and is not to be trusted unseen.
    NeedsHuman(Doubt),
    /// The model failed and nobody has decided.
    Failed,
    /// A person decided.
    Decided(VerdictKind),
}

/// How a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    /// The model's score stands.
    Accepted,
    /// The person's score stands against the model's.
    Overridden,
    /// The person scored before the model did.
    ByHand,
}

/// The decision that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How.
    pub kind: VerdictKind,
    /// The score.
    pub score: f32,
    /// Why, if said.
    pub reason: Option<String>,
    /// By whom.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// In which record.
    pub record: RecordId,
}

/// Something a person said.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteView {
    /// The words.
    pub text: String,
    /// The place they speak of.
    pub place: Option<Place>,
    /// By whom.
    pub by: Person,
    /// In which record.
    pub record: RecordId,
}

/// Who linked a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The model.
    Model,
    /// A person.
    Person,
}

/// A link that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkView<'a> {
    /// The link.
    pub link: &'a EvidenceLink,
    /// Who made it.
    pub origin: Origin,
}

/// What the model says of the dimension.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelSide {
    /// How far it is.
    pub phase: Phase,
    /// The score, as soon as it is known.
    pub reading: Option<ScoreReading>,
    /// What it rests on, as soon as it is known.
    pub links: Vec<EvidenceLink>,
    /// Why, as far as it has streamed.
    pub rationale: String,
    /// What to do next, as far as it has streamed.
    pub suggestion: String,
    /// Segments that did not fit the context.
    pub omitted: u32,
    /// The complete assessment's address.
    pub assessment: Option<AssessmentId>,
    /// Which weights made it.
    pub by: Option<ModelIdentity>,
}

impl ModelSide {
    /// A complete assessment.
    pub fn complete(assessment: &Assessment) -> Self {
        Self {
            phase: Phase::Scored,
            reading: Some(assessment.reading),
            links: assessment.evidence.clone(),
            rationale: assessment.rationale.clone(),
            suggestion: assessment.suggestion.clone(),
            omitted: assessment.omitted,
            assessment: Some(assessment.id),
            by: Some(assessment.model.clone()),
        }
    }

    /// Whether other weights than `model` said it; none accepts any.
    pub fn by_others(&self, model: Option<&ModelIdentity>) -> bool {
        matches!((&self.by, model), (Some(by), Some(model)) if by != model)
    }

    /// Appends streamed words.
    pub fn stream(&mut self, field: TextField, text: &str) {
        match field {
            TextField::Rationale => self.rationale.push_str(text),
            TextField::Suggestion => self.suggestion.push_str(text),
        }
    }
}

/// What people decided about the dimension: the sum of their records that were not taken back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HumanSide {
    /// The decision that stands.
    pub verdict: Option<Verdict>,
    /// Links people added, one a place: the last word on it.
    pub added: Vec<EvidenceLink>,
    /// Links people dropped, whoever had made them, and why. [`DimensionState::dropped`] are the model's.
    pub dropped: Vec<(EvidenceLink, Option<String>)>,
    /// Notes, oldest first.
    pub notes: Vec<NoteView>,
    /// Somebody looked before scoring.
    pub revealed: bool,
}

impl HumanSide {
    /// Adds one decision.
    pub fn apply(&mut self, record: &RecordId, by: &Person, at: Timestamp, decision: &Decision) {
        match &decision.act {
            Act::Accept { score } => {
                self.decide(VerdictKind::Accepted, *score, None, (record, by, at));
            }
            Act::Override { score, reason } => {
                let kind = match decision.seen.model_score {
                    Some(_) => VerdictKind::Overridden,
                    None => VerdictKind::ByHand,
                };
                self.decide(kind, *score, reason.clone(), (record, by, at));
            }
            Act::LinkAdded { link } => self.add(link),
            Act::LinkDropped { link, reason } => self.drop_link(link, reason.as_ref()),
            Act::Note { text, place } => self.notes.push(NoteView {
                text: text.clone(),
                place: place.clone(),
                by: by.clone(),
                record: record.clone(),
            }),
            Act::Reveal => self.revealed = true,
        }
    }

    fn decide(
        &mut self,
        kind: VerdictKind,
        score: f32,
        reason: Option<String>,
        (record, by, at): (&RecordId, &Person, Timestamp),
    ) {
        self.verdict = Some(Verdict {
            kind,
            score,
            reason,
            by: by.clone(),
            at,
            record: record.clone(),
        });
    }

    fn add(&mut self, link: &EvidenceLink) {
        self.dropped.retain(|(d, _)| !same_link(d, link));
        match self.added.iter_mut().find(|l| same_link(l, link)) {
            Some(before) => before.clone_from(link),
            None => self.added.push(link.clone()),
        }
    }

    /// The model may have made the link too, or may make it yet.
    fn drop_link(&mut self, link: &EvidenceLink, reason: Option<&String>) {
        self.added.retain(|l| !same_link(l, link));
        self.dropped.retain(|(d, _)| !same_link(d, link));
        self.dropped.push((link.clone(), reason.cloned()));
    }
}

/// One dimension under review.
#[derive(Debug, Clone, PartialEq)]
pub struct DimensionState {
    /// Which.
    pub id: DimensionId,
    /// What the model says.
    pub model: ModelSide,
    /// What people decided.
    pub human: HumanSide,
    /// The model's score has been on a screen; once seen, it cannot be unseen.
    pub shown: bool,
}

impl DimensionState {
    /// A dimension nobody has looked at.
    pub fn new(id: DimensionId) -> Self {
        Self {
            id,
            model: ModelSide::default(),
            human: HumanSide::default(),
            shown: false,
        }
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        if let Some(verdict) = &self.human.verdict {
            return Standing::Decided(verdict.kind);
        }
        match (&self.model.phase, self.model.reading) {
            (Phase::Failed(_), _) => Standing::Failed,
            (Phase::Idle, None) => Standing::Unscored,
            (Phase::Queued, _) => Standing::Queued,
            (Phase::Scored, Some(reading)) => {
                Doubt::about(&reading).map_or(Standing::Scored, Standing::NeedsHuman)
            }
            _ => Standing::Scoring,
        }
    }

    /// The links that stand: the model's without those that people dropped or turned the other way, then the people's.
    pub fn links(&self) -> Vec<LinkView<'_>> {
        let of_model = self
            .model
            .links
            .iter()
            .filter(|l| !self.human.dropped.iter().any(|(d, _)| same_link(d, l)))
            .filter(|l| !self.human.added.iter().any(|a| turned(a, l)))
            .map(|link| LinkView {
                link,
                origin: Origin::Model,
            });
        let of_people = self
            .human
            .added
            .iter()
            .filter(|a| {
                let says_so = |l: &EvidenceLink| same_link(l, a) && !turned(a, l);
                !self.model.links.iter().any(says_so)
            })
            .map(|link| LinkView {
                link,
                origin: Origin::Person,
            });
        of_model.chain(of_people).collect()
    }

    /// The links of the model's that people dropped, and why.
    pub fn dropped(&self) -> impl Iterator<Item = &(EvidenceLink, Option<String>)> {
        let dropped = self.human.dropped.iter();
        dropped.filter(|(d, _)| self.model.links.iter().any(|l| same_link(l, d)))
    }

    /// The model's score as accepting it would record it: the nearest half level.
    pub fn acceptable(&self) -> Option<f32> {
        match self.model.phase {
            Phase::Scored => self.model.reading.map(|r| to_half(r.score)),
            _ => None,
        }
    }

    /// The score that stands: the person's, else the model's.
    pub fn score(&self) -> Option<f32> {
        let decided = self.human.verdict.as_ref().map(|v| v.score);
        decided.or_else(|| self.model.reading.map(|r| r.score))
    }
}

/// The nearest half level in 1..=5.
pub fn to_half(score: f32) -> f32 {
    ((score * 2.0).round() / 2.0).clamp(1.0, 5.0)
}

/// Whether a score is a whole or half level in 1..=5.
pub fn is_level(score: f32) -> bool {
    (1.0..=5.0).contains(&score) && (score * 2.0).fract() == 0.0
}

/// Whether one link speaks for what the other one speaks against, at the same place.
pub fn turned(a: &EvidenceLink, b: &EvidenceLink) -> bool {
    a.polarity != b.polarity && same_link(a, b)
}

/// Whether two links point at the same thing, whoever made them and whatever they speak for.
pub fn same_link(a: &EvidenceLink, b: &EvidenceLink) -> bool {
    a.kind == b.kind
        && a.place.sha256 == b.place.sha256
        && a.place.span() == b.place.span()
        && a.count.as_ref().map(|c| &c.term) == b.count.as_ref().map(|c| &c.term)
}
