//! A forward pass that can be differentiated with respect to an adapter's factors.
//!
//! The weights of the model do not learn: backwards, each block gives the gradient of its input and those of the
//! factors laid over its layers. With weights in blocks the forward pass is the one that scores, in integers, and the
//! derivative is that of the dense weights (`QLoRA`: Dettmers et al. 2023, arXiv:2305.14314).

use std::ops::Range;

use candle_core::{Device, Tensor};
use candle_nn::ops::rms_norm;

use super::block::{Activations, ActiveRows, Dropout, Gradients, Pass, Rope};
use super::{Decoder, last_occurrence};
use crate::error::{Error, ErrorKind, Result};
use crate::model::backend::Backend;
use crate::model::kernels::backward::{self, with_floats};
use crate::model::kernels::portable;
use crate::model::kernels::segments::{self, Inputs, Segment};
use crate::model::lora::Factors;

/// Sequences side by side, without padding; none sees another.
#[derive(Debug, Clone, Default)]
pub struct Pack {
    tokens: Vec<u32>,
    segments: Vec<Segment>,
}

impl Pack {
    /// Adds a sequence, and says which rows it has.
    pub fn push(&mut self, tokens: &[u32]) -> Range<usize> {
        self.push_after(0..0, tokens)
    }

    /// Adds a sequence that goes on behind the rows `prefix`: several may, and the prefix is read once.
    pub fn push_after(&mut self, prefix: Range<usize>, tokens: &[u32]) -> Range<usize> {
        let rows = self.tokens.len()..self.tokens.len() + tokens.len();
        self.tokens.extend_from_slice(tokens);
        self.segments.push(Segment {
            rows: rows.clone(),
            prefix,
        });
        rows
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// All tokens, row by row.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Whether an adapter is laid over each row that is laid over a text from the last occurrence of `invocation` on.
    fn active(&self, invocation: &[u32]) -> Vec<bool> {
        let mut marks = vec![false; self.rows()];
        for Segment { rows, prefix } in &self.segments {
            let places: Vec<usize> = prefix.clone().chain(rows.clone()).collect();
            let tokens: Vec<u32> = places.iter().map(|&at| self.tokens[at]).collect();
            let first = last_occurrence(&tokens, invocation).unwrap_or(places.len());
            places[first..].iter().for_each(|&at| marks[at] = true);
        }
        marks
    }

    fn positions(&self) -> impl Iterator<Item = usize> {
        self.segments
            .iter()
            .flat_map(|s| s.prefix.len()..s.prefix.len() + s.rows.len())
    }
}

/// How to run a training pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceOptions {
    /// Whether a block's activations are computed again backwards instead of kept (Chen et al. 2016, arXiv:1604.06174).
    pub checkpointing: bool,
    /// What is left out of the updates' inputs.
    pub dropout: Option<Dropout>,
}

/// What is the same in all blocks of a pass.
struct Everywhere {
    rope: Rope,
    active: Option<ActiveRows>,
}

/// A pass that went forwards, and can go backwards.
pub struct Trace<'a> {
    decoder: &'a Decoder,
    pack: &'a Pack,
    options: TraceOptions,
    every: Everywhere,
    /// What entered each block.
    inputs: Vec<Tensor>,
    /// What each block computed, where that was kept.
    kept: Vec<Option<Activations<Vec<f32>>>>,
    rows: Tensor,
    /// The residual stream of the wanted rows before the last norm.
    last: Tensor,
    /// `[wanted, H]`: after the last norm.
    pub hidden: Tensor,
}

impl Decoder {
    /// Runs whole sequences; `wanted` are the rows whose hidden states are asked for, in ascending order.
    ///
    /// # Errors
    /// A token is not in the vocabulary, or nothing is wanted.
    pub fn trace<'a>(&'a self, pack: &'a Pack, wanted: &[u32], options: TraceOptions) -> Result<Trace<'a>> {
        if let Some(token) = pack.tokens.iter().find(|&&t| t as usize >= self.config.vocab) {
            let what = format!(
                "token {token} is not among the {} of the vocabulary",
                self.config.vocab
            );
            return Err(Error::new(ErrorKind::Internal, what));
        }
        let active = (!self.invocation.is_empty()).then(|| pack.active(&self.invocation));
        let every = Everywhere {
            rope: Rope::new(pack.positions(), &self.frequencies, self.device())?,
            active: active
                .map(|marks| ActiveRows::new(marks, self.device()))
                .transpose()?,
        };
        let mut x = self.embedded(&pack.tokens)?;
        let (mut inputs, mut kept) = (Vec::new(), Vec::new());
        for layer in 0..self.blocks.len() {
            let (y, activations) = self.traced_block(layer, &x, pack, &every, options)?;
            kept.push((!options.checkpointing).then_some(activations));
            inputs.push(std::mem::replace(&mut x, y));
        }
        let rows = Tensor::new(wanted, self.device())?;
        let last = x.index_select(&rows, 0)?;
        let hidden = rms_norm(&last, &self.norm, self.config.norm_eps as f32)?;
        Ok(Trace {
            decoder: self,
            pack,
            options,
            every,
            inputs,
            kept,
            rows,
            last,
            hidden,
        })
    }

    /// Logits `[n, V]` of hidden states `[n, H]`.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.head.forward(hidden)
    }

    /// The gradient of hidden states for that of their logits, `[n, V]`.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn logits_backward(&self, d_logits: &Tensor) -> Result<Tensor> {
        self.head.backward(d_logits)
    }

    fn traced_block(
        &self,
        layer: usize,
        x: &Tensor,
        pack: &Pack,
        every: &Everywhere,
        options: TraceOptions,
    ) -> Result<(Tensor, Activations<Vec<f32>>)> {
        let heads = self.heads();
        let mut attend = |q: &Tensor, k: &Tensor, v: &Tensor| {
            if let Backend::Tensors(_) = self.backend {
                let attended = portable::attend_segments(heads, [q, k, v], &pack.segments)?;
                return Ok((attended, Vec::new()));
            }
            let attended = with_inputs(q, k, v, |inputs| segments::attend(heads, inputs, &pack.segments))?;
            let shape = (pack.rows(), heads.queries * heads.dim);
            let values = Tensor::from_vec(attended.values, shape, &Device::Cpu)?;
            Ok((values, attended.log_sums))
        };
        let pass = self.pass(layer, every, options.dropout);
        self.blocks[layer].forward(pass, x, &mut attend)
    }

    fn pass<'a>(&'a self, layer: usize, every: &'a Everywhere, dropout: Option<Dropout>) -> Pass<'a> {
        Pass {
            config: &self.config,
            layer,
            rope: &every.rope,
            active: every.active.as_ref(),
            dropout,
        }
    }
}

fn with_inputs<T>(q: &Tensor, k: &Tensor, v: &Tensor, run: impl FnOnce(Inputs) -> T) -> Result<T> {
    Ok(with_floats(q, |q| {
        with_floats(k, |k| with_floats(v, |v| Ok(run(Inputs { q, k, v }))))
    })?)
}

impl Trace<'_> {
    /// The gradients of the adapter's factors, on the processor, for `d_hidden` `[wanted, H]`, the gradient of the hidden states.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn backward(self, d_hidden: &Tensor) -> Result<Gradients> {
        let decoder = self.decoder;
        let d_last = backward::rms_norm(
            &self.last,
            &decoder.norm,
            d_hidden,
            decoder.config.norm_eps as f32,
        )?;
        let mut d = Tensor::zeros(
            (self.pack.rows(), decoder.config.hidden),
            d_last.dtype(),
            decoder.device(),
        )?
        .index_add(&self.rows, &d_last, 0)?;
        let mut gradients = Gradients::default();
        let blocks = self.inputs.into_iter().zip(self.kept).enumerate().rev();
        for (layer, (x, kept)) in blocks {
            let activations = match kept {
                Some(activations) => activations,
                None => {
                    decoder
                        .traced_block(layer, &x, self.pack, &self.every, self.options)?
                        .1
                }
            };
            let pass = decoder.pass(layer, &self.every, self.options.dropout);
            let attend_back = |a: &Activations<Vec<f32>>, dy: &Tensor| attend_back(decoder, self.pack, a, dy);
            d = decoder.blocks[layer].backward(pass, &activations, &d, &attend_back, &mut gradients)?;
        }
        for Factors { a, b } in gradients.0.values_mut() {
            *a = a.to_device(&Device::Cpu)?;
            *b = b.to_device(&Device::Cpu)?;
        }
        Ok(gradients)
    }
}

fn attend_back(
    decoder: &Decoder,
    pack: &Pack,
    activations: &Activations<Vec<f32>>,
    dy: &Tensor,
) -> Result<[Tensor; 3]> {
    let (q, k, v, attended, log_sums) = activations.attention();
    if let Backend::Tensors(_) = decoder.backend {
        let (heads, segments) = (decoder.heads(), &pack.segments);
        return Ok(portable::attend_segments_back(heads, [q, k, v], segments, dy)?);
    }
    let [dq, dk, dv] = with_inputs(q, k, v, |inputs| {
        with_floats(attended, |attended| {
            with_floats(dy, |dy| {
                let kept = (attended, log_sums.as_slice());
                Ok(segments::backward(
                    decoder.heads(),
                    inputs,
                    &pack.segments,
                    kept,
                    dy,
                ))
            })
        })
    })??;
    Ok([
        Tensor::from_vec(dq, q.shape(), &Device::Cpu)?,
        Tensor::from_vec(dk, k.shape(), &Device::Cpu)?,
        Tensor::from_vec(dv, v.shape(), &Device::Cpu)?,
    ])
}

#[cfg(test)]
mod tests;
