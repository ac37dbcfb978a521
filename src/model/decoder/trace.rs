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
    stretches: Vec<Stretch>,
}

/// Rows that stand side by side.
#[derive(Debug, Clone)]
struct Stretch {
    rows: Range<usize>,
    /// The rows of the stretch that it goes on behind; none if empty.
    prefix: Range<usize>,
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
        self.stretches.push(Stretch {
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
        let mut marks = vec![invocation.is_empty(); self.rows()];
        for Stretch { rows, prefix } in self.stretches.iter().filter(|_| !invocation.is_empty()) {
            let places: Vec<usize> = prefix.clone().chain(rows.clone()).collect();
            let tokens: Vec<u32> = places.iter().map(|&at| self.tokens[at]).collect();
            let first = last_occurrence(&tokens, invocation).unwrap_or(places.len());
            places[first..].iter().for_each(|&at| marks[at] = true);
        }
        marks
    }
}

/// The rows of a pack in two parts: those before an adapter's invocation, which nothing that learns touches and nothing
/// flows back to, and those that it is laid over.
#[derive(Debug, Default)]
struct Layout {
    frozen: Part,
    live: Part,
    /// Where each row lies within its part.
    places: Vec<usize>,
    active: Vec<bool>,
}

#[derive(Debug, Default)]
struct Part {
    tokens: Vec<u32>,
    positions: Vec<usize>,
    /// Keys are numbered through both parts, the frozen ones first.
    segments: Vec<Segment>,
}

impl Layout {
    fn of(pack: &Pack, invocation: &[u32]) -> Self {
        let active = pack.active(invocation);
        let frozen = active.iter().filter(|active| !**active).count();
        let mut layout = Self::default();
        for Stretch { rows, prefix } in &pack.stretches {
            let (before, own) = (layout.keys(&active, frozen, prefix), rows.start);
            let first_live = rows.clone().find(|&row| active[row]).unwrap_or(rows.end);
            let mut before: Vec<Range<usize>> = before.into_iter().collect();
            for (rows, part) in [
                (rows.start..first_live, &mut layout.frozen),
                (first_live..rows.end, &mut layout.live),
            ] {
                if rows.is_empty() {
                    continue;
                }
                let at = part.tokens.len()..part.tokens.len() + rows.len();
                part.tokens.extend(&pack.tokens[rows.clone()]);
                part.positions
                    .extend(rows.clone().map(|row| prefix.len() + row - own));
                part.segments.push(Segment {
                    rows: at.clone(),
                    before: before.clone(),
                });
                layout.places.extend(at.clone());
                before.push(at);
            }
        }
        layout.active = active;
        layout
    }

    /// The keys of rows that were laid out.
    fn keys(&self, active: &[bool], frozen: usize, rows: &Range<usize>) -> Vec<Range<usize>> {
        let first_live = rows.clone().find(|&row| active[row]).unwrap_or(rows.end);
        let of = |rows: Range<usize>, behind: usize| {
            let first = self.places[rows.start];
            behind + first..behind + first + rows.len()
        };
        let mut keys = Vec::new();
        if rows.start < first_live {
            keys.push(of(rows.start..first_live, 0));
        }
        if first_live < rows.end {
            keys.push(of(first_live..rows.end, frozen));
        }
        keys
    }

    /// Where each of some rows lies, the frozen ones first.
    fn numbered(&self, rows: &[u32]) -> Vec<u32> {
        let place = |&row: &u32| {
            let row = row as usize;
            let others = if self.active[row] {
                self.frozen.tokens.len()
            } else {
                0
            };
            (others + self.places[row]) as u32
        };
        rows.iter().map(place).collect()
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

impl TraceOptions {
    /// Of a pass that is never gone through backwards: nothing is kept for a derivative.
    pub const ONLY_FORWARDS: Self = Self {
        checkpointing: true,
        dropout: None,
    };
}

/// What is the same in all blocks of a pass.
struct Everywhere {
    layout: Layout,
    rope: Rope,
    frozen_rope: Rope,
    /// None: what is frozen is read as the model by itself reads it.
    frozen_active: ActiveRows,
    options: TraceOptions,
}

/// Keys `[N, kv_heads, D]` and values `[N, kv_heads * D]` of rows that are frozen.
type Frozen = (Tensor, Tensor);

/// A pass that went forwards, and can go backwards.
pub struct Trace<'a> {
    decoder: &'a Decoder,
    every: Everywhere,
    /// What entered each block.
    inputs: Vec<Tensor>,
    /// What each block computed, where that was kept.
    kept: Vec<Option<Activations<Vec<f32>>>>,
    /// What each block reads and does not change.
    frozen: Vec<Option<Frozen>>,
    rows: Tensor,
    /// The residual stream of the wanted rows before the last norm.
    last: Tensor,
    /// `[wanted, H]`: after the last norm.
    pub hidden: Tensor,
}

impl Decoder {
    /// Runs whole sequences; `wanted` are the rows whose hidden states are asked for, in the order of the answer. What stands before the
    /// invocation of an adapter is read once, forwards.
    ///
    /// # Errors
    /// A token is not in the vocabulary, nothing is wanted, or the adapter is laid over no row.
    pub fn trace<'a>(&'a self, pack: &Pack, wanted: &[u32], options: TraceOptions) -> Result<Trace<'a>> {
        if let Some(token) = pack.tokens.iter().find(|&&t| t as usize >= self.config.vocab) {
            let what = format!(
                "token {token} is not among the {} of the vocabulary",
                self.config.vocab
            );
            return Err(Error::new(ErrorKind::Internal, what));
        }
        let layout = Layout::of(pack, &self.invocation);
        if layout.live.tokens.is_empty() {
            let what = "the adapter is laid over nothing of what is read";
            return Err(Error::new(ErrorKind::Internal, what));
        }
        let rope = |part: &Part| Rope::new(part.positions.iter().copied(), &self.frequencies, self.device());
        let rows = Tensor::new(layout.numbered(wanted), self.device())?;
        let every = Everywhere {
            rope: rope(&layout.live)?,
            frozen_rope: rope(&layout.frozen)?,
            frozen_active: ActiveRows::new(vec![false; layout.frozen.tokens.len()], self.device())?,
            layout,
            options,
        };
        let mut x = self.embedded(&every.layout.live.tokens)?;
        let mut before = match every.layout.frozen.tokens.as_slice() {
            [] => None,
            tokens => Some(self.embedded(tokens)?),
        };
        let (mut inputs, mut kept, mut frozen) = (Vec::new(), Vec::new(), Vec::new());
        for layer in 0..self.blocks.len() {
            let read = before.map(|x| self.frozen_block(layer, &x, &every)).transpose()?;
            let (states, read) = read.unzip();
            before = states;
            let (y, activations) = self.traced_block(layer, &x, read.as_ref(), &every)?;
            kept.push((!options.checkpointing).then_some(activations));
            inputs.push(std::mem::replace(&mut x, y));
            frozen.push(read);
        }
        let all = before.map_or_else(|| Ok(x.clone()), |before| Tensor::cat(&[&before, &x], 0))?;
        let last = all.index_select(&rows, 0)?;
        let hidden = rms_norm(&last, &self.norm, self.config.norm_eps as f32)?;
        Ok(Trace {
            decoder: self,
            every,
            inputs,
            kept,
            frozen,
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
        frozen: Option<&Frozen>,
        every: &Everywhere,
    ) -> Result<(Tensor, Activations<Vec<f32>>)> {
        let segments = &every.layout.live.segments;
        let mut attend = |q: &Tensor, k: &Tensor, v: &Tensor| {
            let (k, v) = behind(frozen, k, v)?;
            self.attend_segments([q, &k, &v], segments)
        };
        self.blocks[layer].forward(self.pass(layer, every), x, &mut attend)
    }

    /// The states of frozen rows behind a block, and what others see of them in it.
    fn frozen_block(&self, layer: usize, x: &Tensor, every: &Everywhere) -> Result<(Tensor, Frozen)> {
        let segments = &every.layout.frozen.segments;
        let pass = Pass {
            rope: &every.frozen_rope,
            active: Some(&every.frozen_active),
            dropout: None,
            ..self.pass(layer, every)
        };
        let mut seen = None;
        let mut attend = |q: &Tensor, k: &Tensor, v: &Tensor| {
            seen = Some((k.clone(), v.clone()));
            self.attend_segments([q, k, v], segments)
        };
        let (states, _) = self.blocks[layer].forward(pass, x, &mut attend)?;
        let seen = seen.ok_or_else(|| Error::new(ErrorKind::Internal, "a block did not attend"))?;
        Ok((states, seen))
    }

    /// What rows see, and the logarithms of the sums of their weights where the derivative needs them.
    fn attend_segments(&self, [q, k, v]: [&Tensor; 3], segments: &[Segment]) -> Result<(Tensor, Vec<f32>)> {
        let heads = self.heads();
        if let Backend::Tensors(_) = self.backend {
            let attended = portable::attend_segments(heads, [q, k, v], segments)?;
            return Ok((attended, Vec::new()));
        }
        let attended = with_inputs(q, k, v, |inputs| segments::attend(heads, inputs, segments))?;
        let shape = (q.dim(0)?, heads.queries * heads.dim);
        let values = Tensor::from_vec(attended.values, shape, &Device::Cpu)?;
        Ok((values, attended.log_sums))
    }

    fn pass<'a>(&'a self, layer: usize, every: &'a Everywhere) -> Pass<'a> {
        Pass {
            config: &self.config,
            layer,
            rope: &every.rope,
            active: None,
            dropout: every.options.dropout,
        }
    }
}

/// Keys and values of all rows: those of frozen ones, and behind them these.
fn behind(frozen: Option<&Frozen>, k: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok(match frozen {
        None => (k.clone(), v.clone()),
        Some((keys, values)) => (Tensor::cat(&[keys, k], 0)?, Tensor::cat(&[values, v], 0)?),
    })
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
        let Layout { frozen, live, .. } = &self.every.layout;
        let (silent, learning) = (frozen.tokens.len(), live.tokens.len());
        let all = (silent + learning, decoder.config.hidden);
        let mut d = Tensor::zeros(all, d_last.dtype(), decoder.device())?
            .index_add(&self.rows, &d_last, 0)?
            .narrow(0, silent, learning)?
            .contiguous()?;
        let mut gradients = Gradients::default();
        let blocks = self.inputs.into_iter().zip(self.kept).zip(self.frozen);
        for (layer, ((x, kept), frozen)) in blocks.enumerate().rev() {
            let activations = match kept {
                Some(activations) => activations,
                None => decoder.traced_block(layer, &x, frozen.as_ref(), &self.every)?.1,
            };
            let pass = decoder.pass(layer, &self.every);
            let segments = &self.every.layout.live.segments;
            let attend_back = |a: &Activations<Vec<f32>>, dy: &Tensor| {
                attend_back(decoder, segments, frozen.as_ref(), a, dy)
            };
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
    segments: &[Segment],
    frozen: Option<&Frozen>,
    activations: &Activations<Vec<f32>>,
    dy: &Tensor,
) -> Result<[Tensor; 3]> {
    let (q, k, v, attended, log_sums) = activations.attention();
    let (all_k, all_v) = behind(frozen, k, v)?;
    let heads = decoder.heads();
    let [dq, dk, dv] = if let Backend::Tensors(_) = decoder.backend {
        portable::attend_segments_back(heads, [q, &all_k, &all_v], segments, dy)?
    } else {
        let [dq, dk, dv] = with_inputs(q, &all_k, &all_v, |inputs| {
            with_floats(attended, |attended| {
                with_floats(dy, |dy| {
                    let kept = (attended, log_sums.as_slice());
                    Ok(segments::backward(heads, inputs, segments, kept, dy))
                })
            })
        })??;
        [
            Tensor::from_vec(dq, q.shape(), &Device::Cpu)?,
            Tensor::from_vec(dk, all_k.shape(), &Device::Cpu)?,
            Tensor::from_vec(dv, all_v.shape(), &Device::Cpu)?,
        ]
    };
    // Nothing flows back into what is frozen.
    let own = |d: Tensor, like: &Tensor| d.narrow(0, d.dim(0)? - like.dim(0)?, like.dim(0)?)?.contiguous();
    Ok([dq, own(dk, k)?, own(dv, v)?])
}

#[cfg(test)]
mod tests;
