//! The reward model: one number for an answer, higher for the answer that people prefer.
//!
//! An adapter and a linear head on the hidden state of the answer's last token (Bradley & Terry 1952; Ouyang et al. 2022,
//! arXiv:2203.02155), with the margin of Llama 2 (Touvron et al. 2023, arXiv:2307.09288):
//! `-log sigmoid(r_c - r_r - m) + lambda (r_c + r_r)^2`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::json;

use super::folder::RunFolder;
use super::learner::{Learner, Sum};
use super::optimiser::Parameters;
use super::sequences::shuffle;
use super::{Found, Objective};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::export::Comparison;
use crate::model::chat::ChatFrame;
use crate::model::decoder::Decoder;
use crate::model::decoder::trace::{Pack, TraceOptions};
use crate::model::peft;
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// The head among the parameters, and in its file.
pub const HEAD: &str = "score.weight";
/// The file of the head, beside the adapter's.
pub const HEAD_FILE: &str = "reward_head.safetensors";
/// Parts into which confidences are sorted to be compared with how often they are right.
const BINS: usize = 10;

/// A comparison in tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What was not sampled independently.
    pub group: String,
    /// The prompt.
    pub prompt: Vec<u32>,
    /// The better answer, its end among its tokens.
    pub chosen: Vec<u32>,
    /// The other one.
    pub rejected: Vec<u32>,
    /// How much better.
    pub margin: f32,
}

impl Pair {
    /// A comparison in tokens.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn of(comparison: &Comparison, tokenizer: &Tokenizer, frame: &ChatFrame) -> Result<Self> {
        let said = |role: &str| {
            let message = comparison.prompt.iter().find(|m| m.role == role);
            message.map_or("", |m| m.content.as_str())
        };
        let answer = |text: &str| -> Result<Vec<u32>> {
            let mut tokens = tokenizer.encode(text)?;
            tokens.push(tokenizer.end());
            Ok(tokens)
        };
        Ok(Self {
            group: comparison.group.clone(),
            prompt: super::sequences::prompt(tokenizer, frame, said("system"), said("user"))?,
            chosen: answer(&comparison.chosen)?,
            rejected: answer(&comparison.rejected)?,
            margin: comparison.margin,
        })
    }

    fn tokens(&self) -> usize {
        self.prompt.len() + self.chosen.len() + self.rejected.len()
    }

    /// How much longer the better answer is, in logarithms.
    fn longer(&self) -> f64 {
        (self.chosen.len() as f64).ln() - (self.rejected.len() as f64).ln()
    }
}

/// Splits pairs by their groups, a share of which is held out: to learn from, and to measure on.
///
/// # Errors
/// There are too few groups to hold one out, or every pair says the same.
pub fn split(pairs: Vec<Pair>, held_out: f64, seed: u64) -> Result<(Vec<Pair>, Vec<Pair>)> {
    let mut groups: Vec<String> = pairs
        .iter()
        .map(|p| p.group.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if groups.len() < 2 || pairs.len() < MIN_PAIRS {
        let what = format!(
            "{} pairs of {} people or topics: a reward model takes at least {MIN_PAIRS} of 2",
            pairs.len(),
            groups.len()
        );
        return Err(Error::new(ErrorKind::Input, what)
            .hint("decide more scores, or name a file of pairs with --pairs"));
    }
    shuffle(&mut groups, &mut Seed::root(seed).branch("held out").stream());
    let count = ((groups.len() as f64 * held_out).round() as usize).clamp(1, groups.len() - 1);
    let out: BTreeSet<&String> = groups[..count].iter().collect();
    Ok(pairs.into_iter().partition(|p| !out.contains(&p.group)))
}

/// Fewer say nothing about anybody's preferences.
const MIN_PAIRS: usize = 8;

/// The loss of a pair, and its derivatives by the rewards of the better and of the other answer.
pub fn pair_loss(chosen: f64, rejected: f64, margin: f64, centre: f64) -> (f64, f64, f64) {
    let apart = chosen - rejected - margin;
    // log(1 + e^-x), without overflow.
    let loss = (-apart.abs()).exp().ln_1p() + (-apart).max(0.0);
    let slope = -1.0 / (1.0 + apart.exp());
    let sum = chosen + rejected;
    (
        loss + centre * sum * sum,
        slope + 2.0 * centre * sum,
        -slope + 2.0 * centre * sum,
    )
}

/// Learning from comparisons.
pub struct RewardModel<'a> {
    /// What learns.
    pub learner: Learner<'a>,
    /// What is learnt from.
    pub train: &'a [Pair],
    /// What is measured on: other groups.
    pub held_out: &'a [Pair],
}

/// A reward model that was learnt, over the weights that it was learnt on.
pub struct Judge {
    decoder: Decoder,
    /// `[1, H]`.
    head: Tensor,
    /// SHA-256 of the adapter's factors.
    pub sha256: ContentHash,
}

impl Judge {
    /// What `plumb train reward` left in `dir`: an adapter, and the head beside it.
    ///
    /// # Errors
    /// There is no reward model, or it is one over a model of other sizes.
    pub fn load(dir: &Path, base: &Decoder) -> Result<Self> {
        let path = dir.join(HEAD_FILE);
        if !path.exists() {
            let what = format!("{} holds no reward model", line(&dir.display().to_string()));
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("`plumb train reward` makes one; name the adapter folder of its run"));
        }
        let bad = |what: &str| {
            Error::new(
                ErrorKind::Model,
                format!("{}: {what}", line(&path.display().to_string())),
            )
        };
        let head = candle_core::safetensors::load(&path, &Device::Cpu)
            .map_err(|e| bad("is no safetensors file").because(e))?
            .remove(HEAD)
            .ok_or_else(|| bad(&format!("lacks {HEAD}")))?;
        let width = base.config().hidden;
        if head.dims() != [1, width] {
            return Err(bad(&format!(
                "is {:?}, this model needs [1, {width}]",
                head.dims()
            )));
        }
        let loaded = peft::load(dir, base.config())?;
        Ok(Self {
            decoder: base.with_adapter(Some(&loaded.adapter))?,
            head: head.to_dtype(DType::F32)?.to_device(base.device())?,
            sha256: loaded.sha256,
        })
    }

    /// What each answer to a prompt is worth: the probability, in 0..1, that it is preferred to an answer whose reward
    /// is 0, the mean that training keeps rewards at.
    ///
    /// # Errors
    /// The arithmetic fails.
    pub fn worth(&self, prompt: &[u32], answers: &[Vec<u32>]) -> Result<Vec<f64>> {
        let mut pack = Pack::default();
        let prompt = pack.push(prompt);
        let last = |answer: &Vec<u32>| (pack.push_after(prompt.clone(), answer).end - 1) as u32;
        let rows: Vec<u32> = answers.iter().map(last).collect();
        let hidden = self.decoder.trace(&pack, &rows, ONLY_FORWARDS)?.hidden;
        let said: Vec<f32> = hidden.matmul(&self.head.t()?)?.flatten_all()?.to_vec1()?;
        Ok(said
            .into_iter()
            .map(|r| 1.0 / (1.0 + (-f64::from(r)).exp()))
            .collect())
    }
}

/// Nothing is kept for a derivative.
const ONLY_FORWARDS: TraceOptions = TraceOptions {
    checkpointing: true,
    dropout: None,
};

/// The rewards of pairs.
struct Rewarded {
    chosen: Vec<f64>,
    rejected: Vec<f64>,
}

/// Pairs side by side, each prompt read once; the last rows of the better answers, then of the others.
fn packed(pairs: &[&Pair]) -> (Pack, Vec<u32>) {
    let (mut pack, mut better, mut worse) = (Pack::default(), Vec::new(), Vec::new());
    for pair in pairs {
        let prompt = pack.push(&pair.prompt);
        better.push((pack.push_after(prompt.clone(), &pair.chosen).end - 1) as u32);
        worse.push((pack.push_after(prompt, &pair.rejected).end - 1) as u32);
    }
    better.extend(worse);
    (pack, better)
}

impl RewardModel<'_> {
    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        let batch = &self.learner.settings.batch;
        let all = self.passes().len().div_ceil(batch.accumulation) * batch.epochs;
        if batch.max_steps == 0 {
            all
        } else {
            all.min(batch.max_steps)
        }
    }

    /// Tokens of all pairs, and their number.
    pub fn tokens(&self) -> usize {
        self.train.iter().map(Pair::tokens).sum()
    }

    /// Pairs that fit into one pass together, in the order of the file.
    fn passes(&self) -> Vec<Vec<usize>> {
        in_packs(self.train, self.learner.settings.batch.pack)
    }

    fn head(parameters: &Parameters) -> Result<Tensor> {
        let missing = || Error::new(ErrorKind::Internal, "the reward model has no head");
        Ok(parameters.0.get(HEAD).ok_or_else(missing)?.clone())
    }

    /// The reward of an answer of `tokens` tokens whose head says `said`.
    fn charged(&self, said: f64, tokens: usize) -> f64 {
        said - self.learner.settings.reward.length_penalty * (tokens.max(1) as f64).ln()
    }

    /// Rewards of pairs, `said` being what the head says of their rows.
    fn rewarded(&self, pairs: &[&Pair], said: &[f32]) -> Rewarded {
        let (better, worse) = said.split_at(pairs.len());
        let of = |said: &[f32], length: fn(&Pair) -> usize| {
            let both = said.iter().zip(pairs);
            both.map(|(&said, pair)| self.charged(f64::from(said), length(pair)))
                .collect()
        };
        Rewarded {
            chosen: of(better, |p| p.chosen.len()),
            rejected: of(worse, |p| p.rejected.len()),
        }
    }

    fn evaluate(&self, parameters: &Parameters, watch: &dyn Watch) -> Result<BTreeMap<String, f64>> {
        let decoder = self.learner.model(parameters)?;
        let head = Self::head(parameters)?;
        let pairs = &self.held_out[..self
            .held_out
            .len()
            .min(self.learner.settings.batch.evaluate_on.max(1))];
        let mut apart = Vec::new();
        for pass in in_packs(pairs, self.learner.settings.batch.pack) {
            watch::check(watch, "the steps so far are saved")?;
            let pairs: Vec<&Pair> = pass.iter().map(|&i| &pairs[i]).collect();
            let said = said(&decoder, &head, &pairs)?;
            let Rewarded { chosen, rejected } = self.rewarded(&pairs, &said);
            apart.extend(chosen.iter().zip(&rejected).map(|(c, r)| c - r));
        }
        let longer: Vec<f64> = pairs.iter().map(Pair::longer).collect();
        Ok([
            ("valid_accuracy", accuracy(&apart)),
            ("valid_longer_wins", accuracy(&longer)),
            ("valid_calibration_error", calibration_error(&apart)),
            ("valid_length_bias", correlation(&apart, &longer)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
    }
}

/// What the head says of the pairs' last rows: the better answers', then the others'.
fn said(decoder: &Decoder, head: &Tensor, pairs: &[&Pair]) -> Result<Vec<f32>> {
    let (pack, rows) = packed(pairs);
    let hidden = decoder.trace(&pack, &rows, ONLY_FORWARDS)?.hidden;
    let head = head.to_device(hidden.device())?;
    Ok(hidden.matmul(&head.t()?)?.flatten_all()?.to_vec1()?)
}

/// Pairs put into passes one after the other, until the next would not fit.
fn in_packs(pairs: &[Pair], capacity: usize) -> Vec<Vec<usize>> {
    let mut passes: Vec<Vec<usize>> = Vec::new();
    let mut used = usize::MAX;
    for (i, pair) in pairs.iter().enumerate() {
        let tokens = pair.tokens();
        if used.saturating_add(tokens) > capacity {
            passes.push(Vec::new());
            used = 0;
        }
        used += tokens;
        if let Some(pass) = passes.last_mut() {
            pass.push(i);
        }
    }
    passes
}

/// How often the better answer has the higher reward; equal rewards are half right.
fn accuracy(apart: &[f64]) -> f64 {
    let right = |&d: &f64| {
        if d > 0.0 {
            1.0
        } else if d < 0.0 {
            0.0
        } else {
            0.5
        }
    };
    apart.iter().map(right).sum::<f64>() / apart.len().max(1) as f64
}

/// The expected calibration error (Guo et al. 2017, arXiv:1706.04599): by how much the confidence `sigmoid(|r_c - r_r|)`
/// differs from how often it is right, in ten equal parts of [0.5, 1].
fn calibration_error(apart: &[f64]) -> f64 {
    let mut bins = [(0.0, 0.0, 0_usize); BINS];
    for &d in apart {
        let confidence = 1.0 / (1.0 + (-d.abs()).exp());
        let bin = (((confidence - 0.5) * 2.0 * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(d > 0.0));
        bins[bin].2 += 1;
    }
    let gaps = bins
        .iter()
        .map(|(confidence, right, _)| (confidence - right).abs());
    gaps.sum::<f64>() / apart.len().max(1) as f64
}

/// Pearson's; 0 where one side does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> = a.iter().copied().zip(b.iter().copied()).collect();
    crate::metrics::pearson(&pairs).unwrap_or(0.0)
}

impl Objective for RewardModel<'_> {
    fn begin(&self) -> Result<Parameters> {
        let mut parameters = self.learner.begin()?;
        let width = self.learner.decoder.config().hidden;
        let head = Tensor::zeros((1, width), DType::F32, &Device::Cpu)?;
        parameters.0.insert(HEAD.to_owned(), head);
        Ok(parameters)
    }

    fn step(&self, step: usize, parameters: &Parameters, watch: &dyn Watch) -> Result<Found> {
        let settings = self.learner.settings;
        let decoder = self.learner.model(parameters)?;
        let head = Self::head(parameters)?.to_device(decoder.device())?;
        let mut passes = self.passes();
        let steps = passes.len().div_ceil(settings.batch.accumulation);
        let seed = Seed::root(settings.seed).branch(&format!("epoch {}", step / steps));
        shuffle(&mut passes, &mut seed.stream());
        let first = step % steps * settings.batch.accumulation;
        let passes = &passes[first..(first + settings.batch.accumulation).min(passes.len())];
        let count: usize = passes.iter().map(Vec::len).sum();
        let (mut sum, mut found, mut total, mut apart) = (Sum::default(), Found::default(), 0.0, Vec::new());
        for (n, pass) in passes.iter().enumerate() {
            watch::check(watch, "the steps so far are saved")?;
            let pairs: Vec<&Pair> = pass.iter().map(|&i| &self.train[i]).collect();
            let (pack, rows) = packed(&pairs);
            let trace = decoder.trace(&pack, &rows, self.learner.options(step, n))?;
            let said: Vec<f32> = trace.hidden.matmul(&head.t()?)?.flatten_all()?.to_vec1()?;
            let Rewarded { chosen, rejected } = self.rewarded(&pairs, &said);
            let (mut by_better, mut by_worse) = (Vec::new(), Vec::new());
            for ((&chosen, &rejected), pair) in chosen.iter().zip(&rejected).zip(&pairs) {
                let (loss, by_chosen, by_rejected) =
                    pair_loss(chosen, rejected, f64::from(pair.margin), settings.reward.centre);
                total += loss;
                apart.push(chosen - rejected);
                by_better.push((by_chosen / count as f64) as f32);
                by_worse.push((by_rejected / count as f64) as f32);
            }
            by_better.extend(by_worse);
            let by_reward = Tensor::from_vec(by_better, (rows.len(), 1), decoder.device())?;
            let by_head = by_reward.t()?.matmul(&trace.hidden)?;
            sum.add_one(HEAD.to_owned(), &by_head.to_device(&Device::Cpu)?)?;
            found.tokens += pack.rows();
            sum.add(&trace.backward(&by_reward.matmul(&head)?)?)?;
            found.samples.extend(pairs.iter().zip(chosen).zip(rejected).take(1).map(|((pair, c), r)| {
                json!({ "group": pair.group, "chosen": c, "rejected": r, "margin": pair.margin })
            }));
        }
        found
            .figures
            .insert("loss".to_owned(), total / count.max(1) as f64);
        found.figures.insert("accuracy".to_owned(), accuracy(&apart));
        found.gradients = sum.done();
        Ok(found)
    }

    fn measure(
        &self,
        done: usize,
        parameters: &Parameters,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, f64>> {
        let due = self.learner.settings.batch.measures_after(done, self.steps());
        if due && !self.held_out.is_empty() {
            self.evaluate(parameters, watch)
        } else {
            Ok(BTreeMap::new())
        }
    }

    fn write(&self, parameters: &Parameters, folder: &RunFolder) -> Result<()> {
        self.learner.write(parameters, folder)?;
        let path = folder.adapter().join(HEAD_FILE);
        let head = [(HEAD.to_owned(), Self::head(parameters)?)].into();
        candle_core::safetensors::save(&head, &path)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }

    /// By hand: 1 - 0 - 0.5 = 0.5; log(1 + e^-0.5) = 0.4740770; slope -1 / (1 + e^0.5) = -0.3775407; the centre adds
    /// 0.1 * 1 and 0.2 to both slopes.
    #[test]
    fn the_loss_of_a_pair_by_hand() {
        let (loss, better, worse) = pair_loss(1.0, 0.0, 0.5, 0.1);
        close(loss, 0.574_077_0);
        close(better, -0.177_540_7);
        close(worse, 0.577_540_7);
        let (far, slope, _) = pair_loss(-400.0, 400.0, 0.0, 0.0);
        assert_eq!((far, slope), (800.0, -1.0));
    }

    #[test]
    fn slopes_are_those_of_the_differences() {
        for (chosen, rejected) in [(0.3, -0.4), (-2.0, 1.0), (5.0, 4.9)] {
            let at = |c: f64, r: f64| pair_loss(c, r, 0.25, 0.02).0;
            let (_, by_chosen, by_rejected) = pair_loss(chosen, rejected, 0.25, 0.02);
            let h = 1e-5;
            close(
                by_chosen,
                (at(chosen + h, rejected) - at(chosen - h, rejected)) / (2.0 * h),
            );
            close(
                by_rejected,
                (at(chosen, rejected + h) - at(chosen, rejected - h)) / (2.0 * h),
            );
        }
    }

    /// By hand: confidences 0.5 (right: no, the answers are equal) and 0.9 twice, right once: gaps 0.5 and 0.8, over 3.
    #[test]
    fn measures_by_hand() {
        let nine = 9.0_f64.ln();
        let apart = [0.0, nine, -nine];
        close(accuracy(&apart), 0.5);
        close(calibration_error(&apart), (0.5 + 0.8) / 3.0);
    }

    fn pair(group: &str, length: usize) -> Pair {
        Pair {
            group: group.to_owned(),
            prompt: vec![1; 4],
            chosen: vec![2; length],
            rejected: vec![3; length],
            margin: 0.0,
        }
    }

    #[test]
    fn groups_are_on_one_side() -> Result<()> {
        let pairs: Vec<Pair> = (0..40).map(|i| pair(&format!("g{}", i % 10), i + 1)).collect();
        let (train, held_out) = split(pairs, 0.2, 0)?;
        assert_eq!((train.len(), held_out.len()), (32, 8));
        let groups = |pairs: &[Pair]| pairs.iter().map(|p| p.group.clone()).collect::<BTreeSet<_>>();
        assert!(groups(&train).is_disjoint(&groups(&held_out)));
        let few = split(vec![pair("a", 1), pair("b", 1), pair("b", 2)], 0.2, 0);
        assert!(few.is_err_and(|e| e.message().contains("3 pairs of 2")));
        Ok(())
    }

    #[test]
    fn passes_hold_what_fits() {
        let pairs: Vec<Pair> = [3, 3, 3, 40, 1].map(|n| pair("g", n)).into();
        assert_eq!(in_packs(&pairs, 20), [vec![0, 1], vec![2], vec![3], vec![4]]);
    }
}
