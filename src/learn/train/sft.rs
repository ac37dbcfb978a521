//! Supervised fine-tuning: the likelihood of the samples' answers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::learner::{Learner, Sum};
use super::loss::{Wanted, likelihood};
use super::optimiser::Parameters;
use super::sequences::{Family, Sequence, epochs, passes};
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
    /// The passes of each epoch.
    epochs: Vec<Vec<Vec<Family>>>,
}

impl<'a> Sft<'a> {
    /// Learning from `train`, measured on `valid`.
    pub fn new(
        learner: Learner<'a>,
        tokenizer: &'a Tokenizer,
        train: &'a [Sequence],
        valid: &'a [Sequence],
    ) -> Self {
        Self {
            epochs: epochs(train, learner.settings),
            learner,
            tokenizer,
            train,
            valid,
        }
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        let batch = &self.learner.settings.batch;
        batch.steps(self.epochs.iter().map(Vec::len))
    }

    /// The passes of a step.
    fn passes(&self, step: usize) -> &[Vec<Family>] {
        let accumulation = self.learner.settings.batch.accumulation;
        let mut steps = self.epochs.iter().flat_map(|passes| passes.chunks(accumulation));
        steps.nth(step).unwrap_or_default()
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
            let hidden = decoder.trace(&pack, &rows, TraceOptions::ONLY_FORWARDS)?.hidden;
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

    fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()> {
        self.learner.write(parameters, dir)
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
