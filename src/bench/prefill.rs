//! How fast a text is read.

use std::time::Instant;

use serde_json::json;

use super::figures::Rows;
use super::{Outcome, Session, fits, milliseconds, passes};
use crate::engine::scorer::Scorer;
use crate::error::Result;

/// Reads `tokens` tokens, at least one, `chunk` of them a pass.
///
/// # Errors
/// `Usage` when the text does not fit the model's context; `Cancelled`.
pub fn run(session: &Session, scorer: &Scorer, tokens: usize, chunk: usize) -> Result<Outcome> {
    let decoder = scorer.decoder();
    fits(tokens, decoder.config().context)?;
    let text = passes::text(scorer.tokenizer(), tokens)?;
    let measures = session.measure(|| {
        let started = Instant::now();
        let prefix = passes::read(session, decoder, &text, chunk)?;
        let ms = milliseconds(started, Instant::now());
        Ok(Rows::from_iter([
            ("whole_ms", ms),
            ("prefill_tokens_per_s", tokens as f64 / ms * 1e3),
            ("kv_bytes", prefix.bytes() as f64),
        ]))
    })?;
    let facts = [("prefix_tokens", json!(tokens)), ("chunk_tokens", json!(chunk))];
    Ok(Outcome {
        facts: facts.into_iter().collect(),
        measures,
    })
}
