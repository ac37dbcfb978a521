//! Learning from decisions: scores are calibrated to people's, and preferences leave the program in the formats of the
//! training frameworks.

pub mod calibrate;
pub mod export;
pub mod forms;
pub mod prompts;
pub mod texts;

pub use export::{Exported, Format, Message, Prompts, export};
pub use prompts::TracePrompts;
