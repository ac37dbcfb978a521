//! How fast branches of one prefix write side by side.

use std::time::Instant;

use serde_json::json;

use super::figures::Rows;
use super::passes::{self, Writers};
use super::{Outcome, Session, fits, milliseconds};
use crate::engine::scorer::Scorer;
use crate::error::Result;

/// What is written. None of it is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decode {
    /// Branches that write side by side.
    pub branches: usize,
    /// Tokens of the prefix, which is read before the clock runs.
    pub prefix: usize,
    /// Tokens that each branch writes.
    pub tokens: usize,
    /// Tokens of the prefix a pass.
    pub chunk: usize,
}

/// Writes; the end of a text is a token like any other.
///
/// # Errors
/// `Usage` when prefix and tokens do not fit the model's context; `Cancelled`.
pub fn run(session: &Session, scorer: &Scorer, wanted: Decode) -> Result<Outcome> {
    let decoder = scorer.decoder();
    fits(wanted.prefix + wanted.tokens, decoder.config().context)?;
    let text = passes::text(scorer.tokenizer(), wanted.prefix + wanted.branches)?;
    // Each branch begins with a token of its own.
    let (text, first) = text.split_at(wanted.prefix);
    let prefix = passes::read(session, decoder, text, wanted.chunk)?;
    let measures = session.measure(|| {
        let mut writers = Writers::fork(session, decoder, &prefix, wanted.branches);
        let started = Instant::now();
        writers.read(&first.chunks(1).collect::<Vec<_>>())?;
        for _ in 1..wanted.tokens {
            writers.write()?;
        }
        let ms = milliseconds(started, Instant::now());
        let written = (wanted.branches * wanted.tokens) as f64;
        Ok(Rows::from_iter([
            ("whole_ms", ms),
            ("pass_ms", ms / wanted.tokens as f64),
            ("decode_tokens_per_s", written / ms * 1e3),
            ("kv_bytes", (prefix.bytes() + writers.bytes()) as f64),
        ]))
    })?;
    let facts = [
        ("prefix_tokens", json!(wanted.prefix)),
        ("branches", json!(wanted.branches)),
        ("tokens_a_branch", json!(wanted.tokens)),
    ];
    Ok(Outcome {
        facts: facts.into_iter().collect(),
        measures,
    })
}
