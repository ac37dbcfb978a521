//! Without the grammar, for comparison with other engines: the same prefix, prompts of one length, and as many of the
//! likeliest tokens as were asked for. Nothing is skipped and nothing ends early, so that every engine does the same work.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::json;

use super::{Clocked, Outcome, Session, facts};
use crate::bench::fits;
use crate::bench::passes::{self, Writers};
use crate::engine::ScoreRequest;
use crate::engine::plan::Plan;
use crate::engine::scorer::Scorer;
use crate::error::Result;

/// Tokens of each branch's prompt.
pub const BRANCH_TOKENS: usize = 200;

/// What is read and how much is written.
#[derive(Debug, Clone)]
pub struct Free {
    plan: Plan,
    branches: Vec<Vec<u32>>,
    generate: usize,
}

impl Free {
    /// The prefix of `request`; each dimension's prompt cut to [`BRANCH_TOKENS`], or repeated until it is as long;
    /// `generate` tokens a branch, at least one.
    ///
    /// # Errors
    /// The dossier cannot be planned; `Usage` when all of that does not fit the model's context.
    pub fn plan(scorer: &Scorer, request: &ScoreRequest, generate: usize) -> Result<Self> {
        let plan = scorer.plan(request)?;
        let context = scorer.decoder().config().context;
        fits(plan.prefix.len() + BRANCH_TOKENS + generate, context)?;
        let branches = plan.branches.iter().map(|branch| of_length(&branch.tokens));
        Ok(Self {
            branches: branches.collect(),
            plan,
            generate,
        })
    }

    /// The token ids for another engine: a line with the prefix, then one a branch.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for sequence in std::iter::once(&self.plan.prefix).chain(&self.branches) {
            let ids: Vec<String> = sequence.iter().map(u32::to_string).collect();
            // Writing to a string never fails.
            let _ = writeln!(text, "{}", ids.join(" "));
        }
        text
    }

    /// Reads the prefix, all prompts in one pass, and writes all branches side by side; `chunk` tokens of the prefix a
    /// pass.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn run(
        &self,
        session: &Session,
        scorer: &Scorer,
        request: &ScoreRequest,
        (chunk, model_bytes): (usize, u64),
    ) -> Result<Outcome> {
        let measures = session.measure(|| {
            let clocked = self.once(session, scorer, chunk)?;
            Ok(clocked.sample("first_token_ms", model_bytes))
        })?;
        let count = self.branches.len();
        let mut facts = facts(request, &self.plan, BRANCH_TOKENS * count, model_bytes);
        facts.extend([
            ("generated_tokens", json!(self.generate * count)),
            ("constrained", json!(false)),
        ]);
        Ok(Outcome { facts, measures })
    }

    fn once(&self, session: &Session, scorer: &Scorer, chunk: usize) -> Result<Clocked> {
        let decoder = scorer.decoder();
        let started = Instant::now();
        let prefix = passes::read(session, decoder, &self.plan.prefix, chunk)?;
        let read = Instant::now();
        let mut writers = Writers::fork(session, decoder, &prefix, self.branches.len());
        let prompts: Vec<&[u32]> = self.branches.iter().map(Vec::as_slice).collect();
        writers.read(&prompts)?;
        let first = Instant::now();
        for written in 1..self.generate {
            session.watch.tell("writing", written, self.generate);
            writers.write()?;
        }
        let ended = Instant::now();
        Ok(Clocked {
            started,
            reading: started,
            prefix: read,
            first,
            dimension: ended,
            ended,
            prefix_tokens: self.plan.prefix.len(),
            generated_tokens: self.generate * self.branches.len(),
            kv_bytes: prefix.bytes() + writers.bytes(),
        })
    }
}

fn of_length(tokens: &[u32]) -> Vec<u32> {
    tokens.iter().copied().cycle().take(BRANCH_TOKENS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_cut_or_repeated() {
        let short = of_length(&[1, 2, 3]);
        assert_eq!((short.len(), &short[..4]), (BRANCH_TOKENS, &[1, 2, 3, 1][..]));
        let long: Vec<u32> = (0..300).collect();
        assert_eq!(of_length(&long), &long[..BRANCH_TOKENS]);
    }
}
