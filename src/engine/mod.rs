//! The scoring engine: one dossier read once, every dimension a branch of it, answers streamed as events.

pub mod assessment;
pub mod event;

pub use assessment::{Assessment, AssessmentId, ModelIdentity, RubricIdentity, ScoreReading, Timing, Trace};
pub use event::{Backend, ScoreEvent, ScoreRequest, Ticket};
