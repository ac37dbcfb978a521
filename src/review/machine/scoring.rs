//! The engine's arm: requests out, streamed answers in.

use std::sync::Arc;

use super::Review;
use crate::engine::event::TextField;
use crate::engine::{
    Assessment, Calibration, ModelIdentity, ScoreEvent, ScoreReading, ScoreRequest, Ticket, Timing, Trace,
};
use crate::evidence::EvidenceLink;
use crate::id::DimensionId;
use crate::review::decision::Entry;
use crate::review::dimension::{DimensionState, ModelSide, Phase};
use crate::review::event::{Attachment, Effect, Notice, Stamp};

/// What the engine is doing for this review.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Nothing was asked.
    Idle,
    /// The request waits.
    Waiting(Ticket),
    /// The model is being read from disk; fraction 0..=1.
    Loading(Ticket, f32),
    /// The dossier is being read: tokens done, of how many.
    Reading(Ticket, usize, usize),
    /// Dimensions are being scored.
    Scoring(Ticket),
    /// All complete.
    Done(Timing),
    /// It failed: why, and what to do.
    Failed(String, Vec<String>),
    /// The person stopped it.
    Stopped,
}

impl Work {
    /// The request under way.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Waiting(t) | Self::Loading(t, _) | Self::Reading(t, ..) | Self::Scoring(t) => Some(*t),
            _ => None,
        }
    }
}

impl Review {
    /// Asks the engine for these dimensions, or when empty for all that the weights of now have not assessed.
    pub(super) fn score(&mut self, ticket: Ticket, wanted: &[DimensionId]) -> Vec<Effect> {
        let asked = self.to_ask(wanted);
        if asked.is_empty() {
            return Vec::new();
        }
        for dimension in self.ledger.dimensions_mut() {
            if asked.contains(&dimension.id) {
                dimension.model = ModelSide {
                    phase: Phase::Queued,
                    ..ModelSide::default()
                };
            }
        }
        self.work = Work::Waiting(ticket);
        vec![Effect::Score(ScoreRequest {
            ticket,
            dossier: Arc::clone(&self.setup.dossier),
            rubric: Arc::clone(&self.setup.rubric),
            dimensions: asked,
            language: self.setup.language,
            seed: self.setup.seed,
            score_only: false,
            influence: false,
            calibration: self.setup.calibration.clone(),
        })]
    }

    /// The wanted ones first, then those that an older request, now ended by this one, had not finished.
    fn to_ask(&self, wanted: &[DimensionId]) -> Vec<DimensionId> {
        let model = self.setup.model.as_ref();
        let unfinished = |d: &&DimensionState| match wanted {
            [] => d.model.assessment.is_none() || d.model.by_others(model),
            _ => matches!(d.model.phase, Phase::Queued | Phase::Scoring) && !wanted.contains(&d.id),
        };
        let rest = self.ledger.dimensions().iter().filter(unfinished);
        wanted.iter().chain(rest.map(|d| &d.id)).cloned().collect()
    }

    /// Goes on with what is laid over the weights now: what others said is asked again, what people decided stands.
    pub(super) fn worn(
        &mut self,
        model: ModelIdentity,
        calibration: Option<Arc<Calibration>>,
        ticket: Ticket,
    ) -> Vec<Effect> {
        let mut effects = self.halt();
        self.setup.model = Some(model);
        self.setup.calibration = calibration;
        effects.extend(self.catch_up(Some(ticket)));
        effects
    }

    /// Ends what is under way, as if nobody had asked for it.
    pub(super) fn halt(&mut self) -> Vec<Effect> {
        let effects = self.stop();
        self.abandon(&Phase::Idle);
        self.work = Work::Idle;
        effects
    }

    /// Asks for what the weights of now have not said. A dossier that is closed keeps the scores it was closed with.
    pub(super) fn catch_up(&mut self, ticket: Option<Ticket>) -> Vec<Effect> {
        if self.ledger.signed_off().is_some() {
            return Vec::new();
        }
        self.forget_other_models();
        ticket.map_or_else(Vec::new, |ticket| self.score(ticket, &[]))
    }

    /// What other weights said is shown no more, even where nobody can be asked again.
    fn forget_other_models(&mut self) {
        let model = self.setup.model.as_ref();
        for dimension in self.ledger.dimensions_mut() {
            if dimension.model.by_others(model) {
                dimension.model = ModelSide::default();
            }
        }
    }

    pub(super) fn engine(&mut self, ticket: Ticket, event: ScoreEvent, stamp: Stamp) -> Vec<Effect> {
        if self.work.ticket() != Some(ticket) {
            return Vec::new();
        }
        match event {
            ScoreEvent::Loading(fraction) => self.progress(Work::Loading(ticket, fraction)),
            ScoreEvent::Queued => self.progress(Work::Waiting(ticket)),
            ScoreEvent::Prefill { done, total } => self.progress(Work::Reading(ticket, done, total)),
            ScoreEvent::Started { dimension } => self.started(ticket, &dimension),
            ScoreEvent::Token {
                dimension,
                field,
                text,
            } => self.token(&dimension, field, &text),
            ScoreEvent::Evidence { dimension, links } => self.evidence(&dimension, links),
            ScoreEvent::Score { dimension, reading } => self.reading(&dimension, reading),
            ScoreEvent::Finished { assessment, trace } => self.finished(*assessment, trace, stamp),
            // The workstation does not ask for it.
            ScoreEvent::Influence { .. } => Vec::new(),
            ScoreEvent::Done(timing) => self.done(timing),
            ScoreEvent::Failed { message, hints } => self.failed(message, hints),
            ScoreEvent::Cancelled => self.cancelled(),
        }
    }

    fn progress(&mut self, work: Work) -> Vec<Effect> {
        self.work = work;
        Vec::new()
    }

    fn started(&mut self, ticket: Ticket, dimension: &DimensionId) -> Vec<Effect> {
        self.with(dimension, |d| d.model.phase = Phase::Scoring);
        self.progress(Work::Scoring(ticket))
    }

    fn token(&mut self, dimension: &DimensionId, field: TextField, text: &str) -> Vec<Effect> {
        self.with(dimension, |d| d.model.stream(field, text))
    }

    fn evidence(&mut self, dimension: &DimensionId, links: Vec<EvidenceLink>) -> Vec<Effect> {
        self.with(dimension, |d| d.model.links = links)
    }

    fn reading(&mut self, dimension: &DimensionId, reading: ScoreReading) -> Vec<Effect> {
        self.with(dimension, |d| d.model.reading = Some(reading))
    }

    fn finished(&mut self, assessment: Assessment, trace: Arc<Trace>, stamp: Stamp) -> Vec<Effect> {
        let entry = Entry::Assessment(Box::new(assessment));
        let committed = self.commit(stamp.record(0), stamp, entry, vec![Attachment::Trace(trace)]);
        committed.into_iter().collect()
    }

    fn done(&mut self, timing: Timing) -> Vec<Effect> {
        self.work = Work::Done(timing);
        vec![Effect::Tell(Notice::ScoringDone)]
    }

    /// What had finished stays; the rest says why it is missing.
    fn failed(&mut self, message: String, hints: Vec<String>) -> Vec<Effect> {
        self.abandon(&Phase::Failed(message.clone()));
        self.work = Work::Failed(message.clone(), hints.clone());
        vec![Effect::Tell(Notice::ScoringFailed(message, hints))]
    }

    fn cancelled(&mut self) -> Vec<Effect> {
        self.abandon(&Phase::Idle);
        self.work = Work::Stopped;
        vec![Effect::Tell(Notice::Stopped)]
    }

    /// Half an answer is no answer: what has not finished loses its streamed parts.
    fn abandon(&mut self, phase: &Phase) {
        for dimension in self.ledger.dimensions_mut() {
            if matches!(dimension.model.phase, Phase::Queued | Phase::Scoring) {
                dimension.model = ModelSide {
                    phase: phase.clone(),
                    ..ModelSide::default()
                };
            }
        }
    }

    fn with(&mut self, dimension: &DimensionId, change: impl FnOnce(&mut DimensionState)) -> Vec<Effect> {
        self.ledger.dimension_mut(dimension).map(change);
        Vec::new()
    }
}
