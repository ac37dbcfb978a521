//! The likelihood of tokens and its derivative, some rows at a time: the logits of a long answer are never all in memory.

use candle_core::{DType, Tensor};
use rayon::prelude::*;
use toktrie::SimpleVob;

use crate::error::{Error, ErrorKind, Result};
use crate::model::backend::Backend;
use crate::model::decoder::Decoder;

/// Rows whose logits are in memory at once.
const CHUNK: usize = 256;

/// What a row should say.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The next token.
    pub token: u32,
    /// The tokens among which it was chosen, if not among all.
    pub allowed: Option<&'a SimpleVob>,
}

/// What the rows say.
#[derive(Debug)]
pub struct Likelihood {
    /// The logarithm of the probability of each row's token.
    pub log_probabilities: Vec<f32>,
    /// Whether each row's token is the likeliest.
    pub greedy: Vec<bool>,
    /// The gradient of the loss with respect to the hidden states, `[n, H]`.
    pub d_hidden: Tensor,
}

/// The probabilities of `wanted` behind the hidden states `[n, H]`, at `temperature`. `slope` says, for a row and the
/// logarithm of its probability, the derivative of the loss by that logarithm; where it is 0 everywhere, nothing is
/// differentiated.
///
/// With p the softmax of the logits over what is allowed: `d log p(token) / d logit(i) = ([i = token] - p(i)) / T`.
///
/// # Errors
/// The shapes do not fit, or a token is not in the vocabulary.
pub fn likelihood(
    decoder: &Decoder,
    hidden: &Tensor,
    wanted: &[Wanted],
    temperature: f64,
    slope: &(dyn Fn(usize, f32) -> f32 + Sync),
) -> Result<Likelihood> {
    let (rows, width) = hidden.dims2()?;
    let vocab = decoder.config().vocab;
    if rows != wanted.len() || wanted.iter().any(|w| w.token as usize >= vocab) {
        return Err(Error::new(
            ErrorKind::Internal,
            "likelihood: rows and tokens do not fit",
        ));
    }
    let mut log_probabilities = Vec::with_capacity(rows);
    let mut greedy = Vec::with_capacity(rows);
    let mut gradients = Vec::new();
    for (start, wanted) in (0..rows).step_by(CHUNK).zip(wanted.chunks(CHUNK)) {
        let hidden = hidden.narrow(0, start, wanted.len())?.contiguous()?;
        let logits = decoder.logits(&hidden)?;
        let slope = |row: usize, p: f32| slope(start + row, p);
        // What lies on a card stays there: the logits of a chunk are larger than everything else that moves.
        let part = match decoder.backend() {
            Backend::Kernels => by_row(&logits, wanted, temperature, &slope)?,
            Backend::Tensors(_) => by_tensors(&logits, wanted, temperature, &slope)?,
        };
        log_probabilities.extend(part.log_probabilities);
        greedy.extend(part.greedy);
        gradients.push(match part.d_logits {
            Some(d_logits) => decoder.logits_backward(&d_logits)?,
            None => Tensor::zeros((wanted.len(), width), DType::F32, decoder.device())?,
        });
    }
    let d_hidden = match gradients.as_slice() {
        [] => Tensor::zeros((0, width), DType::F32, decoder.device())?,
        parts => Tensor::cat(parts, 0)?,
    };
    Ok(Likelihood {
        log_probabilities,
        greedy,
        d_hidden,
    })
}

/// What some rows say.
struct Part {
    log_probabilities: Vec<f32>,
    greedy: Vec<bool>,
    /// The gradient of their logits, unless it is 0.
    d_logits: Option<Tensor>,
}

fn by_row(
    logits: &Tensor,
    wanted: &[Wanted],
    temperature: f64,
    slope: &(dyn Fn(usize, f32) -> f32 + Sync),
) -> Result<Part> {
    let vocab = logits.dim(1)?;
    let mut values = logits.flatten_all()?.to_vec1::<f32>()?;
    let told: Vec<(f32, bool, bool)> = values
        .par_chunks_mut(vocab)
        .zip(wanted)
        .enumerate()
        .map(|(i, (row, wanted))| differentiate(row, *wanted, temperature as f32, &|p| slope(i, p)))
        .collect();
    let learns = told.iter().any(|t| t.2);
    Ok(Part {
        log_probabilities: told.iter().map(|t| t.0).collect(),
        greedy: told.iter().map(|t| t.1).collect(),
        d_logits: learns
            .then(|| Tensor::from_vec(values, logits.shape(), logits.device()))
            .transpose()?,
    })
}

/// The same in candle's operations.
fn by_tensors(
    logits: &Tensor,
    wanted: &[Wanted],
    temperature: f64,
    slope: &(dyn Fn(usize, f32) -> f32 + Sync),
) -> Result<Part> {
    let (device, rows) = (logits.device(), wanted.len());
    let mut logits = logits.clone();
    if wanted.iter().any(|w| w.allowed.is_some()) {
        let mask = allowed(wanted, logits.dim(1)?);
        let mask = Tensor::from_vec(mask, logits.shape(), device)?;
        let never = Tensor::full(f32::NEG_INFINITY, logits.shape(), device)?;
        logits = mask.where_cond(&logits, &never)?;
    }
    let tokens: Vec<u32> = wanted.iter().map(|w| w.token).collect();
    let tokens = Tensor::from_vec(tokens, (rows, 1), device)?;
    let apart = logits.broadcast_sub(&logits.max_keepdim(1)?)?;
    let apart = (apart / temperature)?;
    let own = apart.gather(&tokens, 1)?;
    let weights = apart.exp()?;
    let total = weights.sum_keepdim(1)?;
    let log_probabilities: Vec<f32> = (&own - total.log()?)?.flatten_all()?.to_vec1()?;
    let greedy = own.flatten_all()?.to_vec1::<f32>()?;
    let told = log_probabilities.iter().enumerate();
    let slopes: Vec<f32> = told.map(|(row, &p)| slope(row, p) / temperature as f32).collect();
    let d_logits = if slopes.iter().any(|&s| s != 0.0) {
        let slopes = Tensor::from_vec(slopes, (rows, 1), device)?;
        let all = weights.broadcast_mul(&(&slopes / total)?.neg()?)?;
        Some(all.scatter_add(&tokens, &slopes, 1)?)
    } else {
        None
    };
    Ok(Part {
        log_probabilities,
        greedy: greedy.into_iter().map(|own| own >= 0.0).collect(),
        d_logits,
    })
}

/// `[n, V]`: 1 where a row's token could have been chosen.
fn allowed(wanted: &[Wanted], vocab: usize) -> Vec<u8> {
    let mut mask = vec![1; wanted.len() * vocab];
    mask.par_chunks_mut(vocab).zip(wanted).for_each(|(row, wanted)| {
        if let Some(allowed) = wanted.allowed {
            let says = |token: usize| u8::from(allowed.is_allowed(token as u32));
            row.iter_mut()
                .enumerate()
                .for_each(|(token, mask)| *mask = says(token));
        }
    });
    mask
}

/// Turns the logits of one row into their gradient; the logarithm of the token's probability, whether the token is the
/// likeliest, and whether the gradient is anything but 0.
fn differentiate(
    row: &mut [f32],
    wanted: Wanted,
    temperature: f32,
    slope: &dyn Fn(f32) -> f32,
) -> (f32, bool, bool) {
    if let Some(allowed) = wanted.allowed {
        for (token, logit) in row.iter_mut().enumerate() {
            if !allowed.is_allowed(token as u32) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
    let token = wanted.token as usize;
    let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    let greedy = row[token] >= largest;
    let inverse = 1.0 / temperature;
    let own = (row[token] - largest) * inverse;
    let mut total = 0.0_f64;
    for logit in row.iter_mut() {
        *logit = ((*logit - largest) * inverse).exp();
        total += f64::from(*logit);
    }
    let log_probability = (f64::from(own) - total.ln()) as f32;
    let slope = slope(log_probability);
    let factor = slope * inverse / total as f32;
    row.iter_mut().for_each(|p| *p *= -factor);
    row[token] += slope * inverse;
    (log_probability, greedy, slope != 0.0)
}

#[cfg(test)]
mod tests {
    use crate::model::gguf::Gguf;
    use candle_core::Device;

    use super::*;
    use crate::model::backend;
    use crate::model::linear::WeightForm;
    use crate::model::testing::Tiny;

    fn tiny() -> Result<Decoder> {
        tiny_on(&Backend::Kernels)
    }

    fn tiny_on(backend: &Backend) -> Result<Decoder> {
        let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
        let path = folder.path().join("tiny.gguf");
        Tiny::new("llama")?.write(&path)?;
        Decoder::load(&Gguf::open(&path)?, WeightForm::F32, backend, &|_| {})
    }

    /// More rows than a chunk, some of them with a mask: values against candle's own log-softmax, and the gradient
    /// against central differences of their weighted sum.
    #[test]
    fn values_and_slopes_are_those_of_the_softmax() -> Result<()> {
        values_and_slopes(&tiny()?)
    }

    /// On a card where this build uses one.
    #[test]
    fn another_backend_has_the_same_values_and_slopes() -> Result<()> {
        values_and_slopes(&tiny_on(&backend::other()?)?)
    }

    fn values_and_slopes(decoder: &Decoder) -> Result<()> {
        const ROWS: usize = 300;
        const STEP: f64 = 1e-3;
        let (vocab, width) = (decoder.config().vocab, decoder.config().hidden);
        let hidden = Tensor::randn(0_f32, 1.0, (ROWS, width), decoder.device())?;
        let mut few = SimpleVob::alloc(vocab);
        (0..vocab as u32).step_by(3).for_each(|t| few.allow_token(t));
        let wanted: Vec<Wanted> = (0..ROWS as u32)
            .map(|i| Wanted {
                token: i * 3 % 240,
                allowed: (i % 2 == 0).then_some(&few),
            })
            .collect();
        let weight = |row: usize| (row as f32 - 30.0) / 20.0;
        let run = |hidden: &Tensor| likelihood(decoder, hidden, &wanted, 0.7, &|row, _| weight(row));
        let got = run(&hidden)?;
        let logits = (decoder.logits(&hidden)? / 0.7)?;
        let plain = candle_nn::ops::log_softmax(&logits, 1)?.to_vec2::<f32>()?;
        for row in (1..ROWS).step_by(2) {
            let expected = plain[row][wanted[row].token as usize];
            assert!((got.log_probabilities[row] - expected).abs() < 1e-4, "row {row}");
        }
        let masked: Vec<f32> = logits.get(2)?.to_vec1::<f32>()?.into_iter().step_by(3).collect();
        let masked = candle_nn::ops::log_softmax(&Tensor::new(masked, &Device::Cpu)?, 0)?.to_vec1::<f32>()?;
        assert!((got.log_probabilities[2] - masked[2]).abs() < 1e-4);
        assert!(got.log_probabilities.iter().all(|&p| p <= 0.0) && got.greedy.len() == ROWS);

        let total = |hidden: &Tensor| -> Result<f64> {
            let told = run(hidden)?.log_probabilities;
            Ok((0..ROWS)
                .map(|row| f64::from(weight(row)) * f64::from(told[row]))
                .sum())
        };
        let length = got.d_hidden.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
        let direction = (&got.d_hidden / f64::from(length))?;
        let above = total(&(&hidden + (&direction * STEP)?)?)?;
        let below = total(&(&hidden - (&direction * STEP)?)?)?;
        let slope = (above - below) / (2.0 * STEP);
        assert!(
            (slope / f64::from(length) - 1.0).abs() < 0.01,
            "{slope} and {length}"
        );
        Ok(())
    }

    #[test]
    fn without_a_slope_nothing_is_differentiated() -> Result<()> {
        let decoder = tiny()?;
        let hidden = Tensor::randn(0_f32, 1.0, (2, decoder.config().hidden), &Device::Cpu)?;
        let wanted = [Wanted {
            token: 1,
            allowed: None,
        }; 2];
        let got = likelihood(&decoder, &hidden, &wanted, 1.0, &|_, _| 0.0)?;
        assert!(got.d_hidden.abs()?.sum_all()?.to_scalar::<f32>()? <= 0.0);
        assert!(likelihood(&decoder, &hidden, &wanted[..1], 1.0, &|_, _| 0.0).is_err());
        Ok(())
    }
}
