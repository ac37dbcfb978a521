//! A small dossier under review, for tests of this folder and of the screens.

use std::sync::Arc;

use jiff::Timestamp;
use ulid::Ulid;

use crate::dossier::{Dossier, Language, SourceKind};
use crate::engine::{Assessment, ModelIdentity, RubricIdentity, ScoreEvent, ScoreReading, Ticket, Trace};
use crate::error::Result;
use crate::evidence::{EvidenceLink, Place, resolve, testing};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, ModelId, Person, RubricId, SegmentNo};
use crate::review::comparison::{Candidate, Pair};
use crate::review::{
    Draft, Effect, Event, Intent, Notice, OnScreen, Receipt, Recorded, Review, Setup, Stamp,
};
use crate::rubric::builtin;

/// A review with a store and an engine that a test plays by hand.
pub struct Bench {
    pub review: Review,
    pub drafts: Vec<Draft>,
    pub asked: Vec<(Ticket, Vec<DimensionId>)>,
    pub told: Vec<Notice>,
    pub cancelled: Vec<Ticket>,
    clock: u64,
}

/// Three lines of a report and three of a meeting.
pub fn dossier() -> Arc<Dossier> {
    Arc::new(testing::dossier(
        Language::En,
        &[
            (
                "weekly.md",
                SourceKind::Weekly,
                "# Week 12\nLed five alignment meetings.\nFirst paint 3.2s to 1.1s.",
            ),
            (
                "meeting.md",
                SourceKind::Meeting,
                "Li: Let me sync.\nHan: Thanks.\nLi: I will follow up.",
            ),
        ],
    ))
}

pub fn setup() -> Result<Setup> {
    Ok(Setup {
        dossier: dossier(),
        rubric: Arc::new(builtin("core")?),
        checks: Arc::new([]),
        person: Person::new("hr.chen"),
        model: None,
        calibration: None,
        language: Language::En,
        seed: 7,
        blind: false,
        read_only: None,
    })
}

impl Bench {
    /// Opened with a model and no history.
    pub fn open() -> Result<Self> {
        Self::with(setup()?, Vec::new())
    }

    pub fn with(setup: Setup, history: Vec<Recorded>) -> Result<Self> {
        let mut bench = Self {
            review: Review::new(setup),
            drafts: Vec::new(),
            asked: Vec::new(),
            told: Vec::new(),
            cancelled: Vec::new(),
            clock: 0,
        };
        let stamp = bench.stamp();
        bench.send(Event::Opened {
            history,
            ticket: Some(Ticket(1)),
            stamp,
        });
        Ok(bench)
    }

    pub fn stamp(&mut self) -> Stamp {
        self.clock += 1;
        Stamp {
            at: Timestamp::from_second(1_767_225_600 + self.clock as i64).unwrap_or_default(),
            id: Ulid::from_parts(self.clock, 0),
        }
    }

    pub fn send(&mut self, event: Event) {
        for effect in self.review.handle(event) {
            match effect {
                Effect::Score(request) => self.asked.push((request.ticket, request.dimensions)),
                Effect::Cancel(ticket) => self.cancelled.push(ticket),
                Effect::Commit(draft) => self.drafts.push(draft),
                Effect::Tell(notice) => self.told.push(notice),
            }
        }
    }

    pub fn person(&mut self, intent: Intent) {
        let stamp = self.stamp();
        self.send(Event::Person {
            intent,
            seen: OnScreen::default(),
            stamp,
        });
    }

    pub fn engine(&mut self, event: ScoreEvent) {
        let stamp = self.stamp();
        let ticket = Ticket(1);
        self.send(Event::Engine { ticket, event, stamp });
    }

    /// The engine finishes a dimension with this score and spread, citing these segments.
    pub fn finish(&mut self, dimension: &str, score: f32, sd: f32, segments: &[u32]) {
        let assessment = assessment(&self.review, dimension, score, sd, segments);
        let trace = Arc::new(trace(&assessment));
        self.engine(ScoreEvent::Finished {
            assessment: Box::new(assessment),
            trace,
        });
    }

    /// The store writes everything it was given.
    pub fn save_all(&mut self) {
        for recorded in self.journal() {
            self.send(Event::Saved(Receipt {
                id: recorded.id,
                seq: recorded.seq,
                hash: recorded.hash,
            }));
        }
    }

    /// What the journal would hold.
    pub fn journal(&self) -> Vec<Recorded> {
        let numbered = (1_u64..).zip(&self.drafts);
        numbered
            .map(|(seq, d)| Recorded {
                seq,
                hash: ContentHash::of(&seq.to_be_bytes()),
                id: d.id.clone(),
                at: d.at,
                actor: d.actor.clone(),
                entry: d.entry.clone(),
            })
            .collect()
    }

    pub fn links(&self, segments: &[u32]) -> Vec<EvidenceLink> {
        let numbers: Vec<SegmentNo> = segments.iter().map(|n| SegmentNo(*n)).collect();
        resolve(self.review.dossier(), &numbers)
    }

    pub fn place(&self, segment: u32) -> Option<Place> {
        self.links(&[segment]).pop().map(|l| l.place)
    }
}

pub fn reading(score: f32, sd: f32) -> ScoreReading {
    ScoreReading {
        score,
        raw_score: score,
        sd,
        probabilities: [0.0, 0.05, 0.15, 0.4, 0.4],
        validity: 0.98,
        margin: None,
    }
}

pub fn assessment(review: &Review, dimension: &str, score: f32, sd: f32, segments: &[u32]) -> Assessment {
    let numbers: Vec<SegmentNo> = segments.iter().map(|n| SegmentNo(*n)).collect();
    Assessment {
        id: ContentHash::of(format!("{dimension} {score}").as_bytes()),
        dossier: review.dossier().meta.id.clone(),
        dimension: DimensionId::new(dimension),
        reading: reading(score, sd),
        calibration: None,
        evidence: resolve(review.dossier(), &numbers),
        rationale: "Led the meetings.".to_owned(),
        suggestion: "Share the notes.".to_owned(),
        omitted: 0,
        language: Language::En,
        model: ModelIdentity {
            id: ModelId::new("tiny"),
            sha256: ContentHash::ZERO,
            adapter: None,
        },
        rubric: RubricIdentity::of(review.rubric()),
        prompt_sha256: ContentHash::ZERO,
        seed: 7,
    }
}

pub fn trace(assessment: &Assessment) -> Trace {
    Trace {
        v: 1,
        dossier: assessment.dossier.clone(),
        dimension: assessment.dimension.clone(),
        prefix: vec![1],
        branch: vec![2],
        output: vec![3],
        logits: [0.0; 5],
        hidden: Vec::new(),
        text: Vec::new(),
        focus: None,
        seed: 7,
        model: assessment.model.clone(),
        rubric: assessment.rubric.clone(),
        prompt_sha256: assessment.prompt_sha256,
        segments: Vec::new(),
    }
}

/// Two answers about a dimension of the dossier `of`, drawn with `seed` and the one after it; the larger `seed`, the less
/// is known of the score.
pub fn pair_of(of: &str, dimension: &str, seed: u64) -> Pair {
    let candidate = |seed: u64| {
        let doubt = (seed as f32 / 20.0).min(0.5);
        let assessment = Assessment {
            id: ContentHash::of(format!("{of} {dimension} {seed}").as_bytes()),
            dossier: DossierId::new(of),
            dimension: DimensionId::new(dimension),
            reading: ScoreReading {
                probabilities: [0.0, 0.0, 0.0, doubt, 1.0 - doubt],
                ..reading(4.0, 0.5)
            },
            calibration: None,
            evidence: Vec::new(),
            rationale: format!("Led {seed} meetings."),
            suggestion: "Share the notes.".to_owned(),
            omitted: 0,
            language: Language::En,
            model: ModelIdentity {
                id: ModelId::new("tiny"),
                sha256: ContentHash::ZERO,
                adapter: None,
            },
            rubric: RubricIdentity {
                id: RubricId::new("core"),
                version: "1".to_owned(),
                sha256: ContentHash::ZERO,
            },
            prompt_sha256: ContentHash::ZERO,
            seed,
        };
        let trace = Trace {
            output: vec![seed as u32],
            seed,
            ..trace(&assessment)
        };
        Candidate { assessment, trace }
    };
    Pair {
        candidates: [candidate(seed), candidate(seed + 1)],
        doubt: None,
    }
}

/// The same of some dossier.
pub fn pair(dimension: &str, seed: u64) -> Pair {
    pair_of("d", dimension, seed)
}
