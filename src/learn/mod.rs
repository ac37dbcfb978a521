//! Learning from decisions: scores are calibrated to people's, and preferences leave the program in the formats of the
//! training frameworks.

pub mod adapters;
pub mod calibrate;
pub mod dataset;
pub mod export;
pub mod forms;
pub mod gate;
pub mod generate;
pub mod kept;
pub mod prompts;
pub mod scaleout;
pub mod shelf;
pub mod texts;
pub mod train;

pub use export::{Comparison, Example, Exported, Format, Message, Prompts, comparisons, examples, export};
pub use prompts::TracePrompts;
