//! Choosing a token among those the grammar allows.

use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use toktrie::SimpleVob;

use crate::error::{Error, ErrorKind, Result};
use crate::seed::Seed;

/// How much less likely a token becomes for having been written lately (Keskar et al. 2019, arXiv:1909.05858, sec. 4.1).
/// Small models repeat themselves without it.
const REPETITION_PENALTY: f32 = 1.15;
/// How far back "lately" goes, in tokens.
const REPETITION_WINDOW: usize = 64;

/// The most likely token, or a draw by temperature.
pub struct Sampler {
    processor: Option<LogitsProcessor>,
}

/// Makes the last tokens of `written` less likely in `logits`. For free text only: a score is read from raw logits.
pub fn discourage_repetition(logits: &mut [f32], written: &[u32]) {
    let recent = &written[written.len().saturating_sub(REPETITION_WINDOW)..];
    let distinct: std::collections::HashSet<u32> = recent.iter().copied().collect();
    for token in distinct {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 {
                *logit / REPETITION_PENALTY
            } else {
                *logit * REPETITION_PENALTY
            };
        }
    }
}

impl Sampler {
    /// Draws from `seed` when `temperature` is above 0.
    pub fn new(temperature: f64, seed: Seed) -> Self {
        let processor = (temperature > 0.0)
            .then(|| LogitsProcessor::from_sampling(seed.value(), Sampling::All { temperature }));
        Self { processor }
    }

    /// Chooses among the tokens in `allowed`; the logits of the others become minus infinity.
    ///
    /// # Errors
    /// Nothing is allowed, or the logits are not finite.
    pub fn choose(&mut self, logits: &mut [f32], allowed: &SimpleVob) -> Result<u32> {
        match &mut self.processor {
            None => best(logits, allowed),
            Some(processor) => {
                let mut masked = vec![f32::NEG_INFINITY; logits.len()];
                allowed.iter_set_entries(|token| masked[token] = logits[token]);
                Ok(processor.sample(&Tensor::from_vec(masked, logits.len(), &Device::Cpu)?)?)
            }
        }
    }
}

/// The allowed token with the highest logit; the lowest id among equals.
fn best(logits: &[f32], allowed: &SimpleVob) -> Result<u32> {
    let mut best: Option<(usize, f32)> = None;
    allowed.iter_set_entries(|token| {
        if let Some(&logit) = logits.get(token)
            && best.is_none_or(|(_, highest)| logit > highest)
        {
            best = Some((token, logit));
        }
    });
    best.filter(|(_, logit)| logit.is_finite())
        .and_then(|(token, _)| u32::try_from(token).ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Engine,
                "the grammar allows no token with a finite logit",
            )
        })
}
