//! The scoring engine: one dossier read once, every dimension a branch of it, answers streamed as events.

pub mod answer;
pub mod assessment;
pub mod calibration;
pub mod event;
pub mod focus;
pub mod grammar;
pub mod impression;
pub mod plan;
pub mod prompt;
pub mod reading;
pub mod sampler;
pub mod scorer;
pub mod worker;

pub use assessment::{Assessment, AssessmentId, ModelIdentity, RubricIdentity, ScoreReading, Timing, Trace};
pub use calibration::Calibration;
pub use event::{Backend, ScoreEvent, ScoreRequest, Ticket};
