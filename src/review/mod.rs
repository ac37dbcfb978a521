//! Deciding: a pure state machine from events to effects, the decisions it makes, and the preferences they teach.
//!
//! No IO, no clock, no screen in here: time and ids come in with the events, work goes out as effects.

pub mod decision;

pub use decision::{Act, Decision, DossierRead, Entry, Seen, SignOff, SourceRead, Undo};
