//! How likely the model finds words that somebody else wrote.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Run, Scorer, seen};
use crate::engine::answer::PartialAnswer;
use crate::engine::event::ScoreRequest;
use crate::engine::plan::Plan;
use crate::engine::reading;
use crate::error::Result;
use crate::id::{DimensionId, SegmentNo};
use crate::model::decoder::Step;

/// What a person says of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAnswer {
    /// The segments it rests on: it begins with these where nothing says beforehand which ones are to be cited.
    pub evidence: Vec<SegmentNo>,
    /// The level, 1 to 5.
    pub level: u8,
    /// Why.
    pub rationale: String,
    /// What to do next.
    pub suggestion: String,
}

impl KnownAnswer {
    /// Behind the evidence.
    fn words(&self) -> String {
        let text = |words: &str| serde_json::Value::from(words).to_string();
        format!(
            r#"{},"rationale":{},"suggestion":{}}}"#,
            self.level,
            text(&self.rationale),
            text(&self.suggestion)
        )
    }

    fn numbers(&self, plan: &Plan) -> Vec<u32> {
        let number = |no: &SegmentNo| plan.segments.binary_search(no).ok();
        let numbers = self.evidence.iter().filter_map(number);
        numbers.filter_map(|i| u32::try_from(i + 1).ok()).collect()
    }
}

impl Scorer {
    /// The mean logarithm of the probability of a token of each answer's words, behind the question as it is asked when the
    /// dossier is scored, the lines that would be cited and the level. The dimensions of `request` that have an answer, in its order.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn likelihood(
        &mut self,
        request: &ScoreRequest,
        answers: &BTreeMap<DimensionId, KnownAnswer>,
        run: &mut Run,
    ) -> Result<Vec<f64>> {
        let prepared = self.prepare(request, run)?;
        let mut found = Vec::new();
        for branch in &prepared.plan.branches {
            run.check()?;
            let Some(answer) = answers.get(&branch.dimension) else {
                continue;
            };
            let numbers = answer.numbers(&prepared.plan);
            let opening = PartialAnswer::opening(branch.cited.as_ref().unwrap_or(&numbers));
            let mut tokens = branch.tokens.clone();
            tokens.extend(self.tokenizer.encode(&opening)?);
            let words = self.tokenizer.encode(&answer.words())?;
            // The level is given; each token is told by the row before it.
            let first = tokens.len() as u32;
            let wanted: Vec<u32> = (first..first + words.len() as u32 - 1).collect();
            tokens.extend(&words);
            let step = Step {
                tokens: &tokens,
                spans: &[tokens.len()],
                wanted: &wanted,
            };
            let mut kv = seen(&prepared.plan, &prepared.prefix, branch.cited.as_deref());
            let logits = self.decoder.forward(&step, &mut [&mut kv])?.logits;
            let rows = reading::rows(&logits)?;
            let told = rows.par_iter().zip(&words[1..]);
            let sum: f64 = told.map(|(row, &token)| log_probability(row, token)).sum();
            found.push(sum / rows.len() as f64);
        }
        Ok(found)
    }
}

/// The logarithm of a token's probability among all.
fn log_probability(logits: &[f32], token: u32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|&x| f64::from(x - largest).exp()).sum();
    let own = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    f64::from(own - largest) - total.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: odds of 1, 2 and 5.
    #[test]
    fn a_token_has_its_share() {
        let logits = [0.0, 2.0_f32.ln(), 5.0_f32.ln()];
        assert!((log_probability(&logits, 1).exp() - 0.25).abs() < 1e-6);
        assert!(log_probability(&logits, 3).exp() <= 0.0);
    }

    #[test]
    fn words_are_the_answers_json() {
        let answer = KnownAnswer {
            evidence: Vec::new(),
            level: 4,
            rationale: "said \"yes\"".to_owned(),
            suggestion: "go on".to_owned(),
        };
        assert_eq!(
            answer.words(),
            r#"4,"rationale":"said \"yes\"","suggestion":"go on"}"#
        );
    }
}
