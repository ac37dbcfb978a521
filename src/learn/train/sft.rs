//! Supervised fine-tuning: the likelihood of the samples' answers.

use std::collections::BTreeMap;

use serde_json::json;

use super::folder::RunFolder;
use super::learner::{Learner, Sum};
use super::loss::{Wanted, likelihood};
use super::optimiser::Parameters;
use super::sequences::{Family, Sequence, passes};
use super::{Found, Objective};
use crate::error::Result;
use crate::model::decoder::trace::{Pack, TraceOptions};
use crate::model::tokenizer::Tokenizer;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// Learning from answers.
pub struct Sft<'a> {
    /// What learns.
    pub learner: Learner<'a>,
    /// For what a person looks at.
    pub tokenizer: &'a Tokenizer,
    /// What is learnt from.
    pub train: &'a [Sequence],
    /// What is measured on.
    pub valid: &'a [Sequence],
}

impl Sft<'_> {
    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        let batch = &self.learner.settings.batch;
        let all: usize = (0..batch.epochs)
            .map(|epoch| self.epoch(epoch).len().div_ceil(batch.accumulation))
            .sum();
        if batch.max_steps == 0 {
            all
        } else {
            all.min(batch.max_steps)
        }
    }

    fn epoch(&self, epoch: usize) -> Vec<Vec<Family>> {
        let seed = Seed::root(self.learner.settings.seed).branch(&format!("epoch {epoch}"));
        passes(self.train, self.learner.settings.batch.pack, seed)
    }

    /// The passes of a step.
    fn passes(&self, step: usize) -> Vec<Vec<Family>> {
        let accumulation = self.learner.settings.batch.accumulation;
        let mut left = step;
        for epoch in 0..self.learner.settings.batch.epochs {
            let passes = self.epoch(epoch);
            let steps = passes.len().div_ceil(accumulation);
            if left < steps {
                return passes[left * accumulation..]
                    .iter()
                    .take(accumulation)
                    .cloned()
                    .collect();
            }
            left -= steps;
        }
        Vec::new()
    }

    /// The mean loss of a token of the validation answers, and the share of them that would have been written.
    fn evaluate(&self, parameters: &Parameters, watch: &dyn Watch) -> Result<BTreeMap<String, f64>> {
        let batch = &self.learner.settings.batch;
        let valid = &self.valid[..self.valid.len().min(batch.evaluate_on)];
        if valid.is_empty() {
            return Ok(BTreeMap::new());
        }
        let decoder = self.learner.model(parameters)?;
        let (mut loss, mut right, mut count) = (0.0, 0_usize, 0_usize);
        for pass in passes(valid, batch.pack, Seed::root(0)) {
            watch::check(watch, "the steps so far are saved")?;
            let Passed { pack, rows, tokens } = Passed::of(&pass, valid);
            let hidden = decoder.trace(&pack, &rows, TraceOptions::default())?.hidden;
            let wanted: Vec<Wanted> = tokens
                .iter()
                .map(|&token| Wanted { token, allowed: None })
                .collect();
            let told = likelihood(&decoder, &hidden, &wanted, 1.0, &|_, _| 0.0)?;
            loss -= told.log_probabilities.iter().map(|&p| f64::from(p)).sum::<f64>();
            right += told.greedy.iter().filter(|&&right| right).count();
            count += rows.len();
        }
        Ok([
            ("valid_loss".to_owned(), loss / count as f64),
            ("valid_accuracy".to_owned(), right as f64 / count as f64),
        ]
        .into())
    }
}

/// Sequences side by side, and what their answers' rows should say.
struct Passed {
    pack: Pack,
    rows: Vec<u32>,
    tokens: Vec<u32>,
}

impl Passed {
    fn of(pass: &[Family], sequences: &[Sequence]) -> Self {
        let (mut pack, mut rows, mut tokens) = (Pack::default(), Vec::new(), Vec::new());
        for Family { shared, members, .. } in pass {
            let alike = &sequences[members[0]].tokens[..*shared];
            let prefix = if alike.is_empty() { 0..0 } else { pack.push(alike) };
            for sequence in members.iter().map(|&i| &sequences[i]) {
                let first = pack.push_after(prefix.clone(), &sequence.tokens[*shared..]).start;
                for at in sequence.answer..sequence.tokens.len() {
                    rows.push((first + at - 1 - shared) as u32);
                    tokens.push(sequence.tokens[at]);
                }
            }
        }
        Self { pack, rows, tokens }
    }
}

impl Objective for Sft<'_> {
    fn begin(&self) -> Result<Parameters> {
        self.learner.begin()
    }

    fn step(&self, step: usize, parameters: &Parameters, watch: &dyn Watch) -> Result<Found> {
        let decoder = self.learner.model(parameters)?;
        let passes = self.passes(step);
        let members = passes.iter().flatten().flat_map(|family| &family.members);
        let learnt: usize = members.map(|&i| self.train[i].learnt()).sum();
        let weight = 1.0 / learnt.max(1) as f32;
        let (mut sum, mut found, mut loss, mut right) = (Sum::default(), Found::default(), 0.0, 0_usize);
        for (n, pass) in passes.iter().enumerate() {
            watch::check(watch, "the steps so far are saved")?;
            let Passed { pack, rows, tokens } = Passed::of(pass, self.train);
            let trace = decoder.trace(&pack, &rows, self.learner.options(step, n))?;
            let wanted: Vec<Wanted> = tokens
                .iter()
                .map(|&token| Wanted { token, allowed: None })
                .collect();
            let told = likelihood(&decoder, &trace.hidden, &wanted, 1.0, &|_, _| -weight)?;
            loss -= told.log_probabilities.iter().map(|&p| f64::from(p)).sum::<f64>();
            right += told.greedy.iter().filter(|&&right| right).count();
            sum.add(&trace.backward(&told.d_hidden)?)?;
            found.tokens += pack.rows();
        }
        let first = passes.first().and_then(|pass| pass.first());
        let first = first.map(|family| &self.train[family.members[0]]);
        found.samples = first.map(|s| self.shown(s)).into_iter().collect();
        found
            .figures
            .insert("loss".to_owned(), loss / learnt.max(1) as f64);
        found
            .figures
            .insert("accuracy".to_owned(), right as f64 / learnt.max(1) as f64);
        found.gradients = sum.done();
        Ok(found)
    }

    fn measure(
        &self,
        done: usize,
        parameters: &Parameters,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, f64>> {
        if self.learner.settings.batch.measures_after(done, self.steps()) {
            self.evaluate(parameters, watch)
        } else {
            Ok(BTreeMap::new())
        }
    }

    fn write(&self, parameters: &Parameters, folder: &RunFolder) -> Result<()> {
        self.learner.write(parameters, folder)
    }
}

impl Sft<'_> {
    fn shown(&self, sequence: &Sequence) -> serde_json::Value {
        let text = |tokens: &[u32]| String::from_utf8_lossy(&self.tokenizer.decode(tokens)).into_owned();
        json!({
            "id": sequence.id,
            "prompt": text(&sequence.tokens[..sequence.answer]),
            "answer": text(&sequence.tokens[sequence.answer..]),
        })
    }
}
