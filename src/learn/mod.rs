//! Learning from decisions: preferences leave the program in the formats of the training frameworks.

pub mod export;
pub mod prompts;

pub use export::{Exported, Format, Message, Prompts, export};
pub use prompts::TracePrompts;
