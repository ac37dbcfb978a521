//! One dossier by one rubric: the time to each thing that somebody waits for, and the memory it takes.

mod constrained;
mod free;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::figures::{Rows, Sample};
use super::{Outcome, Session, milliseconds};
use crate::engine::plan::Plan;
use crate::engine::{ScoreRequest, Ticket};
use crate::error::{Error, Result};
use crate::ingest;
use crate::machine;
use crate::rubric::Rubric;

pub use constrained::run as constrained;
pub use free::{BRANCH_TOKENS, Free};

/// What the program would ask for when it scores the dossier in `dir`.
///
/// # Errors
/// The folder is no dossier.
pub fn request(dir: &Path, rubric: Rubric) -> Result<ScoreRequest> {
    let dossier = ingest::open(dir)?;
    Ok(ScoreRequest {
        ticket: Ticket(1),
        language: dossier.meta.language,
        dossier: Arc::new(dossier),
        rubric: Arc::new(rubric),
        dimensions: Vec::new(),
        seed: 0,
        score_only: false,
        influence: false,
        calibration: None,
    })
}

/// Bytes of the file of the weights.
///
/// # Errors
/// The system does not tell.
pub fn model_bytes(path: &Path) -> Result<u64> {
    let meta = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
    Ok(meta.len())
}

/// The moments and counts of one run.
struct Clocked {
    /// The request.
    started: Instant,
    /// The prefix begins to be read: the prompts are planned.
    reading: Instant,
    /// The prefix is read.
    prefix: Instant,
    /// The first score is known, or the first token written.
    first: Instant,
    /// The first dimension is complete.
    dimension: Instant,
    /// All are.
    ended: Instant,
    prefix_tokens: usize,
    generated_tokens: usize,
    kv_bytes: usize,
}

impl Clocked {
    /// The figures; `first` is what the first thing is called.
    fn sample(&self, first: &str, model_bytes: u64) -> Sample {
        let per_second = |count: usize, from, to| count as f64 / milliseconds(from, to) * 1e3;
        let since = |moment| milliseconds(self.started, moment);
        let mut sample = Sample::from_iter([
            ("whole_ms", since(self.ended)),
            ("prefix_ms", since(self.prefix)),
            (first, since(self.first)),
            ("first_dimension_ms", since(self.dimension)),
            (
                "prefill_tokens_per_s",
                per_second(self.prefix_tokens, self.reading, self.prefix),
            ),
            (
                "decode_tokens_per_s",
                per_second(self.generated_tokens, self.prefix, self.ended),
            ),
            ("kv_bytes", self.kv_bytes as f64),
        ]);
        if let Some(peak) = machine::peak_rss() {
            sample.extend([
                ("peak_rss_bytes", peak as f64),
                ("peak_rss_per_model_byte", peak as f64 / model_bytes as f64),
            ]);
        }
        sample
    }
}

/// What a run is about; `branch_tokens` are those of all prompts.
fn facts(request: &ScoreRequest, plan: &Plan, branch_tokens: usize, model_bytes: u64) -> Rows<Value> {
    Rows::from_iter([
        ("dossier", json!(request.dossier.meta.id)),
        ("rubric", json!(request.rubric.id)),
        ("prefix_tokens", json!(plan.prefix.len())),
        ("omitted_segments", json!(plan.omitted)),
        ("branches", json!(plan.branches.len())),
        ("branch_tokens", json!(branch_tokens)),
        ("model_bytes", json!(model_bytes)),
    ])
}
