//! A reward model at work: what answers are worth, and of which two it cannot tell the better one.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::reward::{HEAD, HEAD_FILE, LENGTH_PENALTY, charged, means, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::decoder::trace::{Pack, TraceOptions};
use crate::model::decoder::{Decoder, Step};
use crate::model::kv::{BranchKv, SharedPrefix};
use crate::model::peft;
use crate::review::Pair;
use crate::sanitize::line;

/// Tokens of the papers that are read at once.
const CHUNK: usize = 512;

/// A reward model that was learnt, over the weights that it was learnt on.
pub struct Judge {
    decoder: Decoder,
    /// `[1, H]`.
    head: Tensor,
    /// What the logarithm of an answer's length is charged with.
    length_penalty: f64,
    /// SHA-256 over the adapter's factors and the head: the first step leaves the factors as they were.
    pub sha256: ContentHash,
}

impl Judge {
    /// Whether there is a reward model in `dir`, without loading it.
    ///
    /// # Errors
    /// There is none.
    pub fn check(dir: &Path) -> Result<()> {
        if dir.join(HEAD_FILE).exists() {
            return Ok(());
        }
        let what = format!("{} holds no reward model", line(&dir.display().to_string()));
        Err(Error::new(ErrorKind::Usage, what)
            .hint("`plumb train reward` makes one; name the adapter folder of its run"))
    }

    /// What `plumb train reward` left in `dir`: an adapter, and the head beside it.
    ///
    /// # Errors
    /// There is no reward model, or it is one over a model of other sizes.
    pub fn load(dir: &Path, base: &Decoder) -> Result<Self> {
        Self::check(dir)?;
        let path = dir.join(HEAD_FILE);
        let bad = |what: &str| {
            Error::new(
                ErrorKind::Model,
                format!("{}: {what}", line(&path.display().to_string())),
            )
        };
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let mut tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|e| bad("is no safetensors file").because(e))?;
        let head = tensors.remove(HEAD).ok_or_else(|| {
            bad(&format!("lacks {HEAD}")).hint("another version made it; `plumb train reward` makes it again")
        })?;
        let length_penalty = match tensors.remove(LENGTH_PENALTY) {
            None => 0.0,
            Some(penalty) => penalty
                .to_dtype(DType::F64)?
                .to_vec1::<f64>()
                .ok()
                .and_then(|penalty| penalty.first().copied())
                .filter(|penalty| penalty.is_finite() && *penalty >= 0.0)
                .ok_or_else(|| bad(&format!("{LENGTH_PENALTY} is no number from 0 on")))?,
        };
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
            length_penalty,
            head: head.to_dtype(DType::F32)?.to_device(base.device())?,
            sha256: ContentHash::of(&[&loaded.sha256.bytes()[..], &bytes].concat()),
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
        let spans: Vec<Range<usize>> = answers
            .iter()
            .map(|answer| pack.push_after(prompt.clone(), answer))
            .collect();
        let states = self
            .decoder
            .trace(&pack, &rows(&spans), TraceOptions::ONLY_FORWARDS)?
            .hidden;
        let rewards = self.rewards(&states, &spans)?;
        Ok(rewards.into_iter().map(|r| 1.0 / (1.0 + (-r).exp())).collect())
    }

    /// The rewards of answers, as they were learnt; `states` are those of their [`rows`].
    fn rewards(&self, states: &Tensor, answers: &[Range<usize>]) -> Result<Vec<f64>> {
        let said: Vec<f32> = means(states, answers)?
            .matmul(&self.head.t()?)?
            .flatten_all()?
            .to_vec1()?;
        if said.iter().all(|reward| reward.is_finite()) {
            let of = |(said, answer): (f32, &Range<usize>)| charged(said, self.length_penalty, answer.len());
            return Ok(said.into_iter().zip(answers).map(of).collect());
        }
        let what = "the reward model gives no finite numbers: its training went astray";
        Err(Error::new(ErrorKind::Model, what).hint("train it again with a smaller learning_rate"))
    }

    /// The papers that answers are about, as the reward model reads them.
    ///
    /// # Errors
    /// The arithmetic fails.
    pub fn read(&self, papers: &[u32]) -> Result<Arc<SharedPrefix>> {
        let mut root = BranchKv::root(self.decoder.geometry());
        for tokens in papers.chunks(CHUNK) {
            let step = Step {
                tokens,
                spans: &[tokens.len()],
                wanted: &[],
            };
            self.decoder.forward(&step, &mut [&mut root])?;
        }
        root.freeze()
    }

    /// How far it is from knowing which of two answers people prefer, in bits: the entropy of the probability that it
    /// gives either, 1 where it cannot tell (Settles 2009). `papers` are what both are about; `end` is the token that
    /// answers end with.
    ///
    /// # Errors
    /// The arithmetic fails.
    pub fn doubt(&self, papers: &Arc<SharedPrefix>, pair: &Pair, end: u32) -> Result<f32> {
        let texts = pair.candidates.each_ref().map(|c| {
            let trace = &c.trace;
            [&trace.branch[..], &trace.output, &[end]].concat()
        });
        let spans = texts.each_ref().map(Vec::len);
        let whole = spans[0] + spans[1];
        let written = pair.candidates.each_ref().map(|c| c.trace.output.len() + 1);
        // Answers alone, not the question before them.
        let answers = [spans[0] - written[0]..spans[0], whole - written[1]..whole];
        let step = Step {
            tokens: &texts.concat(),
            spans: &spans,
            wanted: &rows(&answers),
        };
        let mut branches = [BranchKv::fork(papers), BranchKv::fork(papers)];
        let [left, right] = &mut branches;
        let states = self.decoder.states(&step, &mut [left, right])?;
        let rewards = self.rewards(&states, &answers)?;
        Ok(entropy(rewards[0] - rewards[1]) as f32)
    }
}

/// The entropy, in bits, of a choice whose log-odds are `apart`.
fn entropy(apart: f64) -> f64 {
    let p = 1.0 / (1.0 + (-apart.abs()).exp());
    let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    part(p) + part(1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: even odds are one bit; 3 to 1 are 2 - 3/4 log2 3 = 0.8112781; certainty is none, either way round.
    #[test]
    fn the_entropy_of_a_choice_by_hand() {
        assert!((entropy(0.0) - 1.0).abs() < 1e-12);
        let three = 3.0_f64.ln();
        assert!((entropy(three) - 0.811_278_1).abs() < 1e-6);
        assert!((entropy(-three) - entropy(three)).abs() < 1e-12);
        assert!(entropy(1e4).abs() < 1e-12 && entropy(-1e4).abs() < 1e-12);
    }
}
