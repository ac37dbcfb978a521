//! Deciding: a pure state machine from events to effects, the decisions it makes, and the preferences they teach.
//!
//! No IO, no clock, no screen in here: time and ids come in with the events, work goes out as effects.

pub mod annotation;
pub mod comparison;
pub mod decision;
pub mod dimension;
pub mod event;
pub mod ledger;
pub mod machine;
pub mod preference;
pub mod standing;
pub mod summary;
#[cfg(test)]
pub(crate) mod testing;

pub use annotation::Annotation;
pub use comparison::{Choice, Comparison, Pair, Rewritten, Side};
pub use decision::{
    Act, AdapterRecord, AdapterStep, Calibrated, Decision, DossierRead, Entry, Finding, Gain, GateFigure,
    Seen, SignOff, SourceRead, Undo, Verdict,
};
pub use event::{Attachment, Draft, Effect, Event, Intent, Notice, OnScreen, Receipt, Recorded, Stamp};
pub use machine::{Review, Save, Setup};
pub use preference::PreferenceRecord;
pub use summary::Summary;
