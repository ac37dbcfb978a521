//! GRPO (Shao et al. 2024, arXiv:2402.03300): several answers to one prompt, each rewarded, and those better than their
//! group made likelier.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::answering::{Manner, Rewards, Task, Writer, Written};
use super::judge::Judge;
use super::learner::{Learner, Sum};
use super::loss::{Wanted, likelihood};
use super::optimiser::Parameters;
use super::settings::{GrpoSettings, LossType, Reference, Scaling};
use super::{Found, Objective};
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::error::Result;
use crate::model::decoder::Decoder;
use crate::model::decoder::trace::{Pack, TraceOptions};
use crate::model::tokenizer::Tokenizer;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// Keeps the quotient of a group without differences finite.
const STEADY: f64 = 1e-4;

/// Learning from rewards.
pub struct Grpo<'a> {
    /// What learns.
    pub learner: Learner<'a>,
    /// The tokenizer of the base.
    pub tokenizer: &'a Arc<Tokenizer>,
    /// The shape of answers.
    pub grammars: &'a GrammarFactory,
    /// The tokens of the levels.
    pub levels: &'a LevelTokens,
    /// What is answered.
    pub tasks: &'a [Task],
    /// What is measured on.
    pub held_out: &'a [Task],
    /// What says which answers people prefer, if anything does.
    pub judge: Option<&'a Judge>,
}

/// How much better than its group each answer is: `(R - mean) / (std + 1e-4)`, or `R - mean`; the deviation is that of a
/// sample.
pub fn advantages(rewards: &[f64], scaling: Scaling) -> Vec<f64> {
    let n = rewards.len() as f64;
    let mean = rewards.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = rewards.iter().map(|r| (r - mean).powi(2)).sum();
    let scale = match scaling {
        Scaling::Std => (squares / (n - 1.0).max(1.0)).sqrt() + STEADY,
        Scaling::None => 1.0,
    };
    rewards.iter().map(|r| (r - mean) / scale).collect()
}

/// One token's part of the loss, before averaging.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLoss {
    /// `-min(ratio A, clip(ratio) A) + beta k3`.
    pub value: f64,
    /// Its derivative by the logarithm of the token's probability.
    pub slope: f64,
    /// `k3 = exp(reference - log p) - (reference - log p) - 1` (Schulman 2020): what the divergence is estimated by.
    pub divergence: f64,
    /// Whether the ratio no longer counts.
    pub clipped: bool,
}

/// The loss of a token whose logarithm of the probability is `now`, was `then` when it was drawn, and is `reference` in
/// the reference.
pub fn token_loss(settings: &GrpoSettings, advantage: f64, now: f64, then: f64, reference: f64) -> TokenLoss {
    let ratio = (now - then).exp();
    let bounded = ratio.clamp(1.0 - settings.epsilon, 1.0 + settings.epsilon_high);
    let (free, held) = (ratio * advantage, bounded * advantage);
    let clipped = held < free;
    let apart = reference - now;
    let divergence = apart.exp() - apart - 1.0;
    TokenLoss {
        value: -free.min(held) + settings.beta * divergence,
        slope: if clipped { 0.0 } else { -free } + settings.beta * (1.0 - apart.exp()),
        divergence,
        clipped,
    }
}

/// What a token of an answer with `tokens` chosen ones weighs, in a step of `answers` answers.
fn weight(settings: &GrpoSettings, tokens: usize, answers: usize) -> f64 {
    let length = match settings.loss {
        LossType::Grpo => tokens.max(1),
        LossType::DrGrpo => settings.longest_answer,
    };
    1.0 / (length * answers.max(1)) as f64
}

/// Sums over the tokens of a step.
#[derive(Default)]
struct Tally {
    loss: f64,
    divergence: f64,
    clipped: usize,
    tokens: usize,
}

impl Grpo<'_> {
    fn settings(&self) -> &GrpoSettings {
        &self.learner.settings.grpo
    }

    fn manner(&self, temperature: f64) -> Manner {
        Manner {
            temperature,
            longest: self.settings().longest_answer,
            words: self.settings().words,
        }
    }

    fn seed(&self, name: &str) -> Seed {
        Seed::root(self.learner.settings.seed).branch(name)
    }

    /// The tasks of a step.
    fn tasks(&self, step: usize) -> Vec<&Task> {
        let (count, seed) = (self.settings().prompts, self.learner.settings.seed);
        let prompts = step * count..(step + 1) * count;
        drawn(self.tasks, prompts, Seed::root(seed))
    }

    /// Adds the gradients of one group to `sum`.
    fn learn(
        &self,
        models: (&Decoder, &Decoder),
        task: &Task,
        group: &[(Written, f64)],
        answers: usize,
        tally: &mut Tally,
        sum: &mut Sum,
    ) -> Result<usize> {
        let (decoder, reference) = models;
        let mut pack = Pack::default();
        let prompt = pack.push(&task.prompt);
        let (mut rows, mut wanted, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for (written, advantage) in group {
            let own = pack.push_after(prompt.clone(), &written.tokens);
            let weight = weight(self.settings(), written.choices.len(), answers);
            for choice in &written.choices {
                // The first token of an answer follows the last of the prompt.
                let row = if choice.at == 0 {
                    prompt.end - 1
                } else {
                    own.start + choice.at - 1
                };
                rows.push(row as u32);
                wanted.push(Wanted {
                    token: written.tokens[choice.at],
                    allowed: Some(&choice.allowed),
                });
                known.push((*advantage, f64::from(choice.log_probability), weight));
            }
        }
        if rows.is_empty() {
            return Ok(pack.rows());
        }
        let temperature = self.settings().temperature;
        let other = {
            // Gone before the pass that learns takes its memory.
            let trace = reference.trace(&pack, &rows, TraceOptions::ONLY_FORWARDS)?;
            likelihood(reference, &trace.hidden, &wanted, temperature, &|_, _| 0.0)?.log_probabilities
        };
        // No dropout: the probabilities have to be those that the answers were drawn with.
        let options = TraceOptions {
            checkpointing: self.learner.checkpointing,
            dropout: None,
        };
        let trace = decoder.trace(&pack, &rows, options)?;
        let loss = |row: usize, now: f32| {
            let (advantage, then, _) = known[row];
            token_loss(
                self.settings(),
                advantage,
                f64::from(now),
                then,
                f64::from(other[row]),
            )
        };
        let told = likelihood(decoder, &trace.hidden, &wanted, temperature, &|row, now| {
            (loss(row, now).slope * known[row].2) as f32
        })?;
        for (row, &now) in told.log_probabilities.iter().enumerate() {
            let loss = loss(row, now);
            tally.loss += loss.value * known[row].2;
            tally.divergence += loss.divergence;
            tally.clipped += usize::from(loss.clipped);
            tally.tokens += 1;
        }
        sum.add(&trace.backward(&told.d_hidden)?)?;
        Ok(pack.rows())
    }

    /// What each answer is worth, in parts.
    fn rewards(&self, task: &Task, written: &[Written]) -> Result<Vec<Rewards>> {
        let of = |w: &Written| Rewards::of(task, w.answer.as_ref());
        let mut rewards: Vec<Rewards> = written.iter().map(of).collect();
        if let Some(judge) = self.judge {
            // As it learnt them: with the end of the answer behind it.
            let ended = |w: &Written| [&w.tokens[..], &[self.tokenizer.end()]].concat();
            let answers: Vec<Vec<u32>> = written.iter().map(ended).collect();
            let worth = judge.worth(&task.prompt, &answers)?;
            for ((rewards, worth), written) in rewards.iter_mut().zip(worth).zip(written) {
                rewards.model = if written.answer.is_some() { worth } else { 0.0 };
            }
        }
        Ok(rewards)
    }

    /// Rewards shuffled within a group, for a control.
    fn shuffled(&self, mut rewards: Vec<f64>, seed: Seed) -> Vec<f64> {
        if self.settings().shuffled {
            seed.branch("shuffled").stream().shuffle(&mut rewards);
        }
        rewards
    }
}

impl Objective for Grpo<'_> {
    fn begin(&self) -> Result<Parameters> {
        self.learner.begin()
    }

    fn step(&self, step: usize, parameters: &Parameters, watch: &dyn Watch) -> Result<Found> {
        let decoder = self.learner.model(parameters)?;
        let reference = match (self.settings().reference, self.learner.start) {
            (Reference::Start, Some(start)) => self.learner.decoder.with_adapter(Some(start))?,
            _ => self.learner.decoder.clone(),
        };
        let writer = Writer {
            decoder: &decoder,
            tokenizer: self.tokenizer,
            grammars: self.grammars,
            levels: self.levels,
            manner: self.manner(self.settings().temperature),
        };
        let answers = self.settings().prompts * self.settings().group;
        let (mut tally, mut sum, mut found) = (Tally::default(), Sum::default(), Found::default());
        let mut parts: Vec<Rewards> = Vec::new();
        let (mut totals, mut spread) = (0.0, 0.0);
        for (n, task) in self.tasks(step).into_iter().enumerate() {
            watch::check(watch, "the steps so far are saved")?;
            let seed = self.seed(&format!("answers {step} {n}"));
            let written = writer.answers(&vec![task; self.settings().group], seed)?;
            let rewards = self.rewards(task, &written)?;
            let total: Vec<f64> = rewards
                .iter()
                .map(|r| r.total(&self.settings().weights))
                .collect();
            totals += total.iter().sum::<f64>();
            let learnt = self.shuffled(total.clone(), seed);
            let advantages = advantages(&learnt, self.settings().scaling);
            spread += deviation(&total);
            found.tokens += written.iter().map(|w| w.tokens.len()).sum::<usize>();
            let shown = written.iter().zip(&rewards).zip(&total).zip(&advantages);
            found.samples.extend(shown.map(|(((w, rewards), total), advantage)| {
                json!({
                    "task": task.id, "answer": w.text, "rewards": rewards, "reward": total, "advantage": advantage,
                })
            }));
            parts.extend(rewards);
            let group: Vec<(Written, f64)> = written.into_iter().zip(advantages).collect();
            found.tokens += self.learn(
                (&decoder, &reference),
                task,
                &group,
                answers,
                &mut tally,
                &mut sum,
            )?;
        }
        let mean = |of: fn(&Rewards) -> f64| parts.iter().map(of).sum::<f64>() / parts.len().max(1) as f64;
        let tokens = tally.tokens.max(1) as f64;
        found.figures = [
            ("loss", tally.loss),
            ("kl", tally.divergence / tokens),
            ("clipped", tally.clipped as f64 / tokens),
            ("reward", totals / answers as f64),
            ("reward_spread", spread / self.settings().prompts as f64),
            ("reward_score", mean(|r| r.score)),
            ("reward_evidence", mean(|r| r.evidence)),
            ("reward_schema", mean(|r| r.schema)),
            ("reward_counts", mean(|r| r.counts)),
            ("reward_model", mean(|r| r.model)),
            ("chosen_tokens", tokens / answers as f64),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        found.gradients = sum.done();
        Ok(found)
    }

    fn measure(
        &self,
        done: usize,
        parameters: &Parameters,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, f64>> {
        let due = self
            .learner
            .settings
            .batch
            .measures_after(done, self.settings().steps);
        let tasks = &self.held_out[..self.held_out.len().min(self.learner.settings.batch.evaluate_on)];
        if !due || tasks.is_empty() {
            return Ok(BTreeMap::new());
        }
        let decoder = self.learner.model(parameters)?;
        let writer = Writer {
            decoder: &decoder,
            tokenizer: self.tokenizer,
            grammars: self.grammars,
            levels: self.levels,
            manner: self.manner(self.settings().temperature),
        };
        let mut rewards = Vec::new();
        for task in tasks {
            watch::check(watch, "the steps so far are saved")?;
            // Drawn, for it is the mean reward of drawn answers that is raised; the same draws each time.
            let group = vec![task; self.settings().group];
            let written = writer.answers(&group, self.seed("held out").branch(&task.id))?;
            rewards.extend(self.rewards(task, &written)?);
        }
        let mean = |of: &dyn Fn(&Rewards) -> f64| rewards.iter().map(of).sum::<f64>() / rewards.len() as f64;
        Ok([
            ("valid_reward", mean(&|r| r.total(&self.settings().weights))),
            ("valid_score", mean(&|r| r.score)),
            ("valid_evidence", mean(&|r| r.evidence)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
    }

    fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()> {
        self.learner.write(parameters, dir)
    }
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// The tasks of some prompts, counted through all steps: each comes once before one comes again.
fn drawn(tasks: &[Task], prompts: Range<usize>, seed: Seed) -> Vec<&Task> {
    prompts
        .map(|n| {
            let mut order: Vec<usize> = (0..tasks.len()).collect();
            let round = format!("round {}", n / tasks.len());
            seed.branch(&round).stream().shuffle(&mut order);
            &tasks[order[n % tasks.len()]]
        })
        .collect()
}

#[cfg(test)]
mod tests;
