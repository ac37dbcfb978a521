//! What goes into the engine and what comes out of it, as values.

use std::sync::Arc;

use crate::dossier::{Dossier, Language};
use crate::engine::assessment::{Assessment, ScoreReading, Timing, Trace};
use crate::engine::calibration::Calibration;
use crate::evidence::EvidenceLink;
use crate::id::{DimensionId, SegmentNo};
use crate::model::lora::NamedAdapter;
use crate::rubric::Rubric;

/// One request among others. A newer ticket wins; events of older ones are stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Score this dossier by this rubric.
#[derive(Debug, Clone)]
pub struct ScoreRequest {
    /// Its number, chosen by the asker, ascending.
    pub ticket: Ticket,
    /// The dossier.
    pub dossier: Arc<Dossier>,
    /// The rubric.
    pub rubric: Arc<Rubric>,
    /// Which dimensions, the first one first; empty means all in rubric order.
    pub dimensions: Vec<DimensionId>,
    /// The language of prompt and answer.
    pub language: Language,
    /// Root of the run's random numbers.
    pub seed: u64,
    /// Links and scores only, no words: several times as fast once the dossier is read.
    pub score_only: bool,
    /// Also how much each cited segment carries.
    pub influence: bool,
    /// What people's ratings taught, where it was fitted to these weights and this rubric.
    pub calibration: Option<Arc<Calibration>>,
}

/// What one cited segment carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Influence {
    /// Which.
    pub segment: SegmentNo,
    /// The score where it could not be seen. The segment carries the score minus this one.
    pub without: ScoreReading,
}

/// What the engine says while it works. `Token` and `Prefill` may be merged or dropped on the way to a slow screen;
/// `Finished`, `Done`, `Failed` and `Cancelled` never are.
#[derive(Debug, Clone)]
pub enum ScoreEvent {
    /// The model is being read from disk; fraction 0..=1.
    Loading(f32),
    /// The request waits for its turn.
    Queued,
    /// The dossier is being read.
    Prefill {
        /// Tokens read.
        done: usize,
        /// Tokens to read.
        total: usize,
    },
    /// A dimension's branch begins.
    Started {
        /// Which.
        dimension: DimensionId,
    },
    /// More of the answer's text (sanitised): the words of the rationale or the suggestion, in order.
    Token {
        /// Of which dimension.
        dimension: DimensionId,
        /// Of which field.
        field: TextField,
        /// The words to append.
        text: String,
    },
    /// The links are known.
    Evidence {
        /// Of which dimension.
        dimension: DimensionId,
        /// What it rests on.
        links: Vec<EvidenceLink>,
    },
    /// The score is known.
    Score {
        /// Of which dimension.
        dimension: DimensionId,
        /// The score.
        reading: ScoreReading,
    },
    /// A dimension is complete.
    Finished {
        /// What the model says.
        assessment: Box<Assessment>,
        /// How it came to say it.
        trace: Arc<Trace>,
    },
    /// What a segment carries that a finished dimension cites; only where it was asked for.
    Influence {
        /// Which dimension.
        dimension: DimensionId,
        /// What the segment carries.
        influence: Influence,
    },
    /// All dimensions are complete.
    Done(Timing),
    /// The request failed; what had finished stays.
    Failed {
        /// One line.
        message: String,
        /// What to do next.
        hints: Vec<String>,
    },
    /// The request was cancelled.
    Cancelled,
}

/// The free-text fields of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// Why.
    Rationale,
    /// What to do next.
    Suggestion,
}

/// Something that scores: the local worker, or a script in a test of the screens.
pub trait Backend: Send {
    /// Takes a request; its events arrive on the channel the backend was made with. The newest request wins: older
    /// ones are cancelled.
    fn submit(&self, request: ScoreRequest);
    /// Stops the work on a request; `Cancelled` follows unless it had ended.
    fn cancel(&self, ticket: Ticket);
    /// From the next request on, scores with `adapter` over the weights, or with none: nothing is loaded again.
    fn wear(&self, adapter: Option<Arc<NamedAdapter>>);
}
