//! As `plumb score` does it: under the grammar, until each answer is complete.

use std::time::Instant;

use serde_json::json;

use super::{Clocked, Outcome, Session, facts};
use crate::engine::scorer::{Run, Scorer};
use crate::engine::{ScoreEvent, ScoreRequest, Timing};
use crate::error::{Error, ErrorKind, Result};

/// Scores the dossier of `request` anew in every run. `model_bytes` is the size of the file of the weights.
///
/// # Errors
/// Scoring fails; `Cancelled`.
pub fn run(
    session: &Session,
    scorer: &mut Scorer,
    request: &ScoreRequest,
    model_bytes: u64,
) -> Result<Outcome> {
    let plan = scorer.plan(request)?;
    let mut generated = 0;
    let measures = session.measure(|| {
        let clocked = once(session, scorer, request)?;
        generated = clocked.generated_tokens;
        Ok(clocked.sample("first_score_ms", model_bytes))
    })?;
    let branch_tokens = plan.branches.iter().map(|branch| branch.tokens.len()).sum();
    let mut facts = facts(request, &plan, branch_tokens, model_bytes);
    facts.extend([
        ("generated_tokens", json!(generated)),
        ("constrained", json!(true)),
    ]);
    Ok(Outcome { facts, measures })
}

/// When each thing was first heard of.
#[derive(Default)]
struct Heard {
    reading: Option<Instant>,
    prefix: Option<Instant>,
    score: Option<Instant>,
    dimension: Option<Instant>,
    done: Option<(Instant, Timing)>,
}

fn once(session: &Session, scorer: &mut Scorer, request: &ScoreRequest) -> Result<Clocked> {
    scorer.forget();
    let mut heard = Heard::default();
    let started = Instant::now();
    let mut sink = |event| heard.hear(session, &event);
    let cancelled = || session.watch.stopped();
    scorer.score(
        request,
        &mut Run {
            sink: &mut sink,
            cancelled: &cancelled,
        },
    )?;
    heard.clocked(started).ok_or_else(|| {
        Error::new(
            ErrorKind::Internal,
            "the engine did not tell of everything it did",
        )
    })
}

impl Heard {
    fn hear(&mut self, session: &Session, event: &ScoreEvent) {
        let now = Instant::now();
        match event {
            ScoreEvent::Prefill { done, total } => {
                self.reading.get_or_insert(now);
                if done == total {
                    self.prefix.get_or_insert(now);
                }
                session.watch.tell("reading the dossier", *done, *total);
            }
            ScoreEvent::Started { .. } => session.watch.tell("writing", 1, 1),
            ScoreEvent::Score { .. } => {
                self.score.get_or_insert(now);
            }
            ScoreEvent::Finished { .. } => {
                self.dimension.get_or_insert(now);
            }
            ScoreEvent::Done(timing) => self.done = Some((now, *timing)),
            _ => {}
        }
    }

    fn clocked(self, started: Instant) -> Option<Clocked> {
        let (ended, timing) = self.done?;
        Some(Clocked {
            started,
            reading: self.reading?,
            prefix: self.prefix?,
            first: self.score?,
            dimension: self.dimension?,
            ended,
            prefix_tokens: timing.prefill_tokens,
            generated_tokens: timing.generated_tokens,
            kv_bytes: timing.kv_bytes,
        })
    }
}
