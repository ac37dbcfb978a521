//! The reward model: one number for an answer, higher for the answer that people prefer.
//!
//! An adapter and a linear head (Bradley & Terry 1952; Ouyang et al. 2022, arXiv:2203.02155), with the margin of Llama 2
//! (Touvron et al. 2023, arXiv:2307.09288): `-log sigmoid(r_c - r_r - m) + lambda (r_c + r_r)^2`. The head reads the mean
//! state of the answer's tokens, not that of the last one: what an answer is like lies in all of it, and the state behind its
//! end is made to say what comes next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::json;

use super::learner::{Learner, Sum};
use super::optimiser::Parameters;
use super::settings::Settings;
use super::{Found, Objective};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::export::Comparison;
use crate::model::chat::ChatFrame;
use crate::model::decoder::Decoder;
use crate::model::decoder::trace::{Pack, TraceOptions};
use crate::model::tokenizer::Tokenizer;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// The head among the parameters, and in its file; so called that a head on last states is not taken for one on means.
pub const HEAD: &str = "score_of_mean.weight";
/// Beside the head in its file: what the logarithm of an answer's length is charged with; nothing where it is missing.
pub const LENGTH_PENALTY: &str = "length_penalty";
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

    /// How much longer the better answer is, in logarithms.
    fn longer(&self) -> f64 {
        (self.chosen.len() as f64).ln() - (self.rejected.len() as f64).ln()
    }
}

/// Pairs of some groups to learn from, and of others to measure on.
#[derive(Debug)]
pub struct Split {
    /// What is learnt from.
    pub train: Vec<Pair>,
    /// What is measured on.
    pub held_out: Vec<Pair>,
    /// How many were longer than `batch.longest`.
    pub left_out: usize,
}

/// Leaves out pairs that are too long, and splits the others by their groups, a share of which is held out.
///
/// # Errors
/// There are too few groups to hold one out, or every pair prefers the same answer to the same other one.
pub fn split(mut pairs: Vec<Pair>, settings: &Settings) -> Result<Split> {
    let (count, longest) = (pairs.len(), settings.batch.longest);
    pairs.retain(|p| p.prompt.len() + p.chosen.len().max(p.rejected.len()) <= longest);
    let left_out = count - pairs.len();
    let mut groups: Vec<String> = pairs
        .iter()
        .map(|p| p.group.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if groups.len() < 2 || pairs.len() < MIN_PAIRS {
        let mut what = format!(
            "{} pairs of {} people or topics: a reward model takes at least {MIN_PAIRS} of 2",
            pairs.len(),
            groups.len()
        );
        let mut hint = "decide more scores, or name a file of pairs with --pairs";
        if left_out > 0 {
            what += &format!("; {left_out} more are left out as longer than {longest} tokens");
            hint = "raise batch.longest in the settings";
        }
        return Err(Error::new(ErrorKind::Input, what).hint(hint));
    }
    let first = (&pairs[0].chosen, &pairs[0].rejected);
    if pairs.iter().all(|p| (&p.chosen, &p.rejected) == first) {
        let what = format!(
            "all {} pairs prefer the same answer to the same other one: nothing can be learnt from them",
            pairs.len()
        );
        return Err(
            Error::new(ErrorKind::Input, what).hint("a reward model takes pairs of different answers")
        );
    }
    let mut stream = Seed::root(settings.seed).branch("held out").stream();
    stream.shuffle(&mut groups);
    let share = groups.len() as f64 * settings.reward.held_out;
    let out: BTreeSet<&String> = groups[..(share.round() as usize).clamp(1, groups.len() - 1)]
        .iter()
        .collect();
    let (train, held_out) = pairs.into_iter().partition(|p| !out.contains(&p.group));
    Ok(Split {
        train,
        held_out,
        left_out,
    })
}

/// The tokens of each pass through `pairs`.
pub fn passes(pairs: &[Pair], capacity: usize) -> Vec<usize> {
    let read = |pass: Vec<usize>| Bundle::of(pass.iter().map(|&i| &pairs[i])).pack.rows();
    in_packs(pairs, capacity).into_iter().map(read).collect()
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
    /// Pairs that fit into one pass together.
    passes: Vec<Vec<usize>>,
}

/// Pairs side by side: what several have in common, a prompt or an answer to it, is read once.
#[derive(Default)]
struct Bundle<'a> {
    pack: Pack,
    prompts: HashMap<&'a [u32], Range<usize>>,
    /// The place in `spans` of each answer to the prompt that begins at a row.
    answers: HashMap<(usize, &'a [u32]), usize>,
    /// The rows of each answer.
    spans: Vec<Range<usize>>,
    /// Of each pair the place in `spans` of the better answer and of the other one.
    pairs: Vec<[usize; 2]>,
}

impl<'a> Bundle<'a> {
    fn of(pairs: impl IntoIterator<Item = &'a Pair>) -> Self {
        let mut bundle = Self::default();
        pairs.into_iter().for_each(|pair| bundle.push(pair));
        bundle
    }

    fn push(&mut self, pair: &'a Pair) {
        let prompt = self.prompts.entry(&pair.prompt);
        let prompt = prompt.or_insert_with(|| self.pack.push(&pair.prompt)).clone();
        let both = [&pair.chosen, &pair.rejected].map(|answer| {
            *self.answers.entry((prompt.start, answer)).or_insert_with(|| {
                self.spans.push(self.pack.push_after(prompt.clone(), answer));
                self.spans.len() - 1
            })
        });
        self.pairs.push(both);
    }

    /// How many more tokens it has with `pair`.
    fn grows_by(&self, pair: &Pair) -> usize {
        let prompt = self.prompts.get(&pair.prompt[..]);
        let answers = [&pair.chosen, &pair.rejected];
        let known =
            |answer: &Vec<u32>| prompt.is_some_and(|p| self.answers.contains_key(&(p.start, &answer[..])));
        let new: usize = answers.iter().filter(|a| !known(a)).map(|a| a.len()).sum();
        new + if prompt.is_some() { 0 } else { pair.prompt.len() }
    }
}

impl<'a> RewardModel<'a> {
    /// Learning from `train`, measured on `held_out`.
    pub fn new(learner: Learner<'a>, train: &'a [Pair], held_out: &'a [Pair]) -> Self {
        Self {
            passes: in_packs(train, learner.settings.batch.pack),
            learner,
            train,
            held_out,
        }
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        let batch = &self.learner.settings.batch;
        batch.steps(std::iter::repeat_n(self.passes.len(), batch.epochs))
    }

    fn head(parameters: &Parameters) -> Result<Tensor> {
        let missing = || {
            Error::new(ErrorKind::Damaged, format!("the run's state lacks {HEAD}"))
                .hint("another version began it; begin another run with --run NAME")
        };
        Ok(parameters.0.get(HEAD).ok_or_else(missing)?.clone())
    }

    /// The rewards of the better and of the other answer of a pair, `said` being what the head says of its answers.
    fn rewards(&self, pair: &Pair, said: [f32; 2]) -> [f64; 2] {
        let penalty = self.learner.settings.reward.length_penalty;
        [
            charged(said[0], penalty, pair.chosen.len()),
            charged(said[1], penalty, pair.rejected.len()),
        ]
    }

    fn evaluate(&self, parameters: &Parameters, watch: &dyn Watch) -> Result<BTreeMap<String, f64>> {
        let decoder = self.learner.model(parameters)?;
        let head = Self::head(parameters)?;
        let pairs = &self.held_out[..self
            .held_out
            .len()
            .min(self.learner.settings.batch.evaluate_on.max(1))];
        let (mut apart, mut longer) = (Vec::new(), Vec::new());
        for pass in in_packs(pairs, self.learner.settings.batch.pack) {
            watch::check(watch, "the steps so far are saved")?;
            let pairs: Vec<&Pair> = pass.iter().map(|&i| &pairs[i]).collect();
            for (pair, said) in pairs.iter().zip(said(&decoder, &head, &pairs)?) {
                let [chosen, rejected] = self.rewards(pair, said);
                apart.push(chosen - rejected);
                longer.push(pair.longer());
            }
        }
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

/// The reward of an answer of `tokens` tokens of which the head says `said`.
pub(super) fn charged(said: f32, penalty: f64, tokens: usize) -> f64 {
    f64::from(said) - penalty * (tokens.max(1) as f64).ln()
}

/// The rows of some answers, one answer behind the other.
pub(super) fn rows(spans: &[Range<usize>]) -> Vec<u32> {
    spans
        .iter()
        .flat_map(|span| span.start as u32..span.end as u32)
        .collect()
}

/// The mean state of each answer, `[answers, H]`; `states` are those of their [`rows`].
///
/// # Errors
/// The arithmetic fails.
pub(super) fn means(states: &Tensor, spans: &[Range<usize>]) -> Result<Tensor> {
    let starts = spans
        .iter()
        .scan(0, |at, span| Some(std::mem::replace(at, *at + span.len())));
    let means = starts
        .zip(spans)
        .map(|(at, span)| states.narrow(0, at, span.len())?.mean_keepdim(0));
    Ok(Tensor::cat(&means.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
}

/// What a derivative by the mean state of each answer, `[answers, H]`, is by the states of their [`rows`].
fn by_rows(by_means: &Tensor, spans: &[Range<usize>]) -> Result<Tensor> {
    let device = by_means.device();
    let shares: Vec<f32> = spans.iter().map(|span| 1.0 / span.len() as f32).collect();
    let answers = (0_u32..)
        .zip(spans)
        .flat_map(|(answer, span)| vec![answer; span.len()]);
    let answers = Tensor::from_iter(answers, device)?;
    let shared = by_means.broadcast_mul(&Tensor::from_vec(shares, (spans.len(), 1), device)?)?;
    Ok(shared.index_select(&answers, 0)?)
}

/// What the head says of the answers of each pair.
fn said(decoder: &Decoder, head: &Tensor, pairs: &[&Pair]) -> Result<Vec<[f32; 2]>> {
    let bundle = Bundle::of(pairs.iter().copied());
    let trace = decoder.trace(&bundle.pack, &rows(&bundle.spans), TraceOptions::ONLY_FORWARDS)?;
    let head = head.to_device(decoder.device())?;
    let means = means(&trace.hidden, &bundle.spans)?;
    let said: Vec<f32> = means.matmul(&head.t()?)?.flatten_all()?.to_vec1()?;
    let of_pair = |pair: &[usize; 2]| pair.map(|answer| said[answer]);
    Ok(bundle.pairs.iter().map(of_pair).collect())
}

/// Pairs put into passes one after the other, until the next would not fit; those with one prompt stand together, so that
/// it is read once.
fn in_packs(pairs: &[Pair], capacity: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&i| &pairs[i].prompt);
    let mut passes: Vec<Vec<usize>> = Vec::new();
    let mut bundle = Bundle::default();
    for i in order {
        let fits = bundle.pack.rows() + bundle.grows_by(&pairs[i]) <= capacity;
        if let Some(pass) = passes.last_mut().filter(|_| fits) {
            pass.push(i);
        } else {
            passes.push(vec![i]);
            bundle = Bundle::default();
        }
        bundle.push(&pairs[i]);
    }
    passes
}

/// Whether the better answer has the higher reward; equal rewards are half right.
fn right(apart: f64) -> f64 {
    if apart > 0.0 {
        1.0
    } else if apart < 0.0 {
        0.0
    } else {
        0.5
    }
}

/// How often the better answer has the higher reward.
fn accuracy(apart: &[f64]) -> f64 {
    apart.iter().map(|&d| right(d)).sum::<f64>() / apart.len().max(1) as f64
}

/// The expected calibration error (Guo et al. 2017, arXiv:1706.04599): by how much the confidence `sigmoid(|r_c - r_r|)`
/// differs from how often it is right, in ten equal parts of [0.5, 1].
fn calibration_error(apart: &[f64]) -> f64 {
    let mut bins = [(0.0, 0.0, 0_usize); BINS];
    for &d in apart {
        let confidence = 1.0 / (1.0 + (-d.abs()).exp());
        let bin = (((confidence - 0.5) * 2.0 * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += confidence;
        bins[bin].1 += right(d);
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
        let mut passes = self.passes.clone();
        let steps = passes.len().div_ceil(settings.batch.accumulation);
        let seed = Seed::root(settings.seed).branch(&format!("epoch {}", step / steps));
        seed.stream().shuffle(&mut passes);
        let first = step % steps * settings.batch.accumulation;
        let passes = &passes[first..(first + settings.batch.accumulation).min(passes.len())];
        let count: usize = passes.iter().map(Vec::len).sum();
        let (mut sum, mut found, mut total, mut apart) = (Sum::default(), Found::default(), 0.0, Vec::new());
        for (n, pass) in passes.iter().enumerate() {
            watch::check(watch, "the steps so far are saved")?;
            let pairs: Vec<&Pair> = pass.iter().map(|&i| &self.train[i]).collect();
            let bundle = Bundle::of(pairs.iter().copied());
            let options = self.learner.options(step, n);
            let trace = decoder.trace(&bundle.pack, &rows(&bundle.spans), options)?;
            let means = means(&trace.hidden, &bundle.spans)?;
            let said: Vec<f32> = means.matmul(&head.t()?)?.flatten_all()?.to_vec1()?;
            let mut by_reward = vec![0.0; said.len()];
            for (i, (pair, answers)) in pairs.iter().zip(&bundle.pairs).enumerate() {
                let [chosen, rejected] = self.rewards(pair, answers.map(|answer| said[answer]));
                let (loss, by_chosen, by_rejected) =
                    pair_loss(chosen, rejected, f64::from(pair.margin), settings.reward.centre);
                total += loss;
                apart.push(chosen - rejected);
                by_reward[answers[0]] += (by_chosen / count as f64) as f32;
                by_reward[answers[1]] += (by_rejected / count as f64) as f32;
                if i == 0 {
                    let sample = json!({ "group": pair.group, "chosen": chosen, "rejected": rejected, "margin": pair.margin });
                    found.samples.push(sample);
                }
            }
            let by_reward = Tensor::from_vec(by_reward, (said.len(), 1), decoder.device())?;
            let by_head = by_reward.t()?.matmul(&means)?;
            sum.add_one(HEAD.to_owned(), &by_head.to_device(&Device::Cpu)?)?;
            found.tokens += bundle.pack.rows();
            let by_states = by_rows(&by_reward.matmul(&head)?, &bundle.spans)?;
            sum.add(&trace.backward(&by_states)?)?;
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

    fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()> {
        self.learner.write(parameters, dir)?;
        let path = dir.join(HEAD_FILE);
        let penalty = Tensor::new(&[self.learner.settings.reward.length_penalty], &Device::Cpu)?;
        let tensors = [
            (HEAD.to_owned(), Self::head(parameters)?),
            (LENGTH_PENALTY.to_owned(), penalty),
        ];
        candle_core::safetensors::save(&tensors.into(), &path)
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

    /// By hand: confidences 0.5 (half right: the answers are equal) and 0.9 twice, right once: gaps 0 and 0.8, over 3.
    #[test]
    fn measures_by_hand() {
        let nine = 9.0_f64.ln();
        let apart = [0.0, nine, -nine];
        close(accuracy(&apart), 0.5);
        close(calibration_error(&apart), 0.8 / 3.0);
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
        let settings = Settings::default();
        let Split {
            train,
            held_out,
            left_out,
        } = split(pairs, &settings)?;
        assert_eq!((train.len(), held_out.len(), left_out), (32, 8, 0));
        let groups = |pairs: &[Pair]| pairs.iter().map(|p| p.group.clone()).collect::<BTreeSet<_>>();
        assert!(groups(&train).is_disjoint(&groups(&held_out)));
        let few = split(vec![pair("a", 1), pair("b", 1), pair("b", 2)], &settings);
        assert!(few.is_err_and(|e| e.message().contains("3 pairs of 2")));
        Ok(())
    }

    #[test]
    fn pairs_that_are_left_out_are_counted_where_too_few_are_left() {
        let pairs = (0..20).map(|i| pair(&format!("g{i}"), if i < 7 { 12 } else { 13 }));
        let mut settings = Settings::default();
        settings.batch.longest = 16;
        let refused = split(pairs.collect(), &settings).err();
        let said = refused.map_or_else(String::new, |e| format!("{e}, {}", e.hints().join(", ")));
        assert!(said.contains("7 pairs of 7") && said.contains("13 more are left out as longer than 16"));
        assert!(said.contains("raise batch.longest"), "{said}");
    }

    #[test]
    fn pairs_that_all_say_the_same_are_refused() -> Result<()> {
        let mut pairs: Vec<Pair> = (0..9).map(|i| pair(&format!("g{i}"), 3)).collect();
        let same = split(pairs.clone(), &Settings::default());
        assert!(same.is_err_and(|e| e.kind() == ErrorKind::Input && e.message().contains("all 9 pairs")));
        pairs[8].chosen.push(7);
        split(pairs, &Settings::default())?;
        Ok(())
    }

    #[test]
    fn passes_hold_what_fits() {
        let apart = |(prompt, length)| Pair {
            prompt: vec![prompt; 4],
            ..pair("g", length)
        };
        let pairs: Vec<Pair> = [(1, 3), (2, 3), (3, 3), (4, 40), (5, 1)].map(apart).into();
        assert_eq!(in_packs(&pairs, 20), [vec![0, 1], vec![2], vec![3], vec![4]]);
        // What is too long for a pass is read in one of its own.
        assert_eq!(passes(&pairs, 20), [20, 10, 84, 6]);
    }

    /// Three pairs of three answers to one prompt of four tokens, and one to another: four answers and two prompts are read.
    #[test]
    fn what_pairs_have_in_common_is_read_once() {
        let of = |prompt: u32, chosen: u32, rejected: u32| Pair {
            prompt: vec![prompt; 4],
            chosen: vec![chosen; 3],
            rejected: vec![rejected; 3],
            ..pair("g", 1)
        };
        let pairs = [of(1, 7, 8), of(2, 7, 8), of(1, 8, 9), of(1, 7, 9)];
        assert_eq!(in_packs(&pairs, 13), [vec![0, 2, 3], vec![1]], "4 + 9, and 4 + 6");
        let bundle = Bundle::of(&pairs);
        assert_eq!(bundle.pack.rows(), 2 * 4 + 5 * 3);
        assert_eq!(bundle.pairs, [[0, 1], [2, 3], [1, 4], [0, 4]]);
        let ends = |answer: usize| bundle.pack.tokens()[bundle.spans[answer].end - 1];
        assert_eq!([0, 1, 2, 3, 4].map(ends), [7, 8, 7, 8, 9]);
    }

    #[test]
    fn answers_are_read_as_the_mean_of_their_rows() -> Result<()> {
        let spans = [4..6, 9..12];
        assert_eq!(rows(&spans), [4, 5, 9, 10, 11]);
        let states = Tensor::new(
            &[[1.0_f32, 0.0], [3.0, 0.0], [0.0, 3.0], [0.0, 6.0], [3.0, 0.0]],
            &Device::Cpu,
        )?;
        let by_means = Tensor::new(&[[1.0_f32], [6.0]], &Device::Cpu)?;
        let by_hand = [0.5, 0.5, 2.0, 2.0, 2.0].map(f64::from);
        let by_rows: Vec<f32> = by_rows(&by_means, &spans)?.flatten_all()?.to_vec1()?;
        assert_eq!(by_rows.iter().map(|d| f64::from(*d)).collect::<Vec<_>>(), by_hand);
        let means: Vec<Vec<f32>> = means(&states, &spans)?.to_vec2()?;
        for (mean, by_hand) in means.concat().iter().zip([2.0, 0.0, 1.0, 3.0]) {
            close(f64::from(*mean), by_hand);
        }
        Ok(())
    }
}
