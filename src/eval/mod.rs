//! Measuring the judge: may this model, with this calibration, score these people?
//!
//! Every figure stands with its 95 % bootstrap interval over groups and beside what the plainest rivals reach on the same
//! material: the length of the text, its words, and always the same answer.

pub mod alignment;
pub mod answers;
pub mod baselines;
pub mod dossiers;
pub mod evidence;
pub mod figures;
pub mod pairs;
pub mod ratings;
pub mod splits;

pub use figures::{Figure, figure};
