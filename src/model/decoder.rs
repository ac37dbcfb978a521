//! The decoder of the Llama, Qwen2 and Qwen3 families.
//!
//! One forward pass serves everything: reading a prefix in chunks, ragged branch prompts, batched decoding and forced
//! tokens. Rows are packed without padding; each span of rows belongs to one branch; all branches of a pass read the
//! same shared prefix, so that attention over it is one matrix product for all of them. Training runs the same blocks
//! over whole sequences ([`trace`]).

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};
use candle_nn::ops::rms_norm;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::model::backend::Backend;
use crate::model::config::DecoderConfig;
use crate::model::gguf::Gguf;
use crate::model::kernels::attention::{Attention, Span};
use crate::model::kernels::portable;
use crate::model::kernels::segments::Heads;
use crate::model::kv::{BranchKv, Geometry, Held, LogPass, Number};
use crate::model::linear::{self, Linear, WeightForm};
use crate::model::lora::Adapter;

mod block;
mod loader;
pub mod trace;

pub(in crate::model) use block::Rope;
use block::{ActiveRows, Block, Pass};
pub use block::{Dropout, Gradients};
use loader::Loader;
pub(in crate::model) use loader::Weights;

/// One forward pass over packed rows.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The tokens of all spans, one after the other.
    pub tokens: &'a [u32],
    /// How many tokens each branch has, in the order of the branches; a branch may have none.
    pub spans: &'a [usize],
    /// The rows (indices into `tokens`) whose hidden state and logits are wanted.
    pub wanted: &'a [u32],
}

/// Rows of a pass that are patches of a picture, not tokens.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Patches<'a> {
    /// The first of them.
    pub(in crate::model) first: usize,
    /// `[n, H]`: their first states.
    pub(in crate::model) states: &'a Tensor,
    /// `[n, H]` each: what is added to their states behind each of the first blocks (`DeepStack`, arXiv:2406.04334).
    pub(in crate::model) deep: &'a [Tensor],
}

/// What a pass gives for the rows that were wanted.
#[derive(Debug)]
pub struct Output {
    /// `[wanted, H]`: the residual stream after the last norm.
    pub hidden: Tensor,
    /// `[wanted, V]`: raw logits.
    pub logits: Tensor,
}

/// The weights of one model, ready to run. A clone shares them.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: DecoderConfig,
    geometry: Geometry,
    backend: Backend,
    /// On the processor: few of its rows are ever read at once.
    embedding: Arc<QTensor>,
    blocks: Vec<Block>,
    norm: Tensor,
    head: Arc<dyn Linear>,
    /// Inverse frequencies of the rotary embedding, `head_dim / 2` of them, in f64: angles of far positions stay exact.
    frequencies: Vec<f64>,
    /// The tokens from which on its adapter is laid over a text; everywhere if there are none.
    invocation: Vec<u32>,
}

impl Decoder {
    /// Loads the weights to where `backend` calculates; `progress` hears the fraction of blocks that are ready, from any thread.
    ///
    /// # Errors
    /// A tensor is missing or has the wrong shape.
    pub fn load(
        gguf: &Gguf,
        form: WeightForm,
        backend: &Backend,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Self> {
        Self::of(DecoderConfig::from_gguf(gguf)?, gguf, form, backend, progress)
    }

    /// The same, of these sizes, with weights that need not lie in one GGUF file.
    ///
    /// # Errors
    /// A tensor is missing or has the wrong shape.
    pub(in crate::model) fn of(
        config: DecoderConfig,
        weights: &dyn Weights,
        form: WeightForm,
        backend: &Backend,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Self> {
        let loader = Loader {
            weights,
            config: &config,
            form,
            backend,
        };
        let ready = std::sync::atomic::AtomicUsize::new(0);
        let blocks = (0..config.layers)
            .into_par_iter()
            .map(|i| {
                let block = loader.block(i)?;
                let n = ready.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                progress(n as f32 / config.layers as f32);
                Ok(block)
            })
            .collect::<Result<_>>()?;
        let table = [config.vocab, config.hidden];
        let embedding = loader.tensor("token_embd.weight", &table)?;
        let head = if weights.has("output.weight") {
            linear::load(
                &loader.tensor("output.weight", &table)?,
                None,
                form,
                backend,
                &|row| row,
            )?
        } else {
            linear::load(&embedding, None, form, backend, &|row| row)?
        };
        Ok(Self {
            blocks,
            embedding: Arc::new(embedding),
            norm: loader.vector("output_norm.weight", config.hidden)?,
            head,
            frequencies: loader.frequencies()?,
            invocation: Vec::new(),
            geometry: Geometry {
                layers: config.layers,
                kv_heads: config.kv_heads,
                dim: config.head_dim,
                hidden: config.hidden,
                number: match (form, backend) {
                    (WeightForm::Blocks, Backend::Kernels) => Number::F16,
                    _ => Number::F32,
                },
                held: match backend {
                    Backend::Kernels => Held::Blocks,
                    Backend::Tensors(_) => Held::Tensors,
                },
            },
            backend: backend.clone(),
            config,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Where it runs, and by whose arithmetic.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Where its tensors lie.
    pub fn device(&self) -> &Device {
        self.backend.device()
    }

    /// Waits until everything that was begun is calculated: a card answers before it has.
    ///
    /// # Errors
    /// The device failed.
    pub fn finish(&self) -> Result<()> {
        Ok(self.device().synchronize()?)
    }

    /// How its keys and values lie in memory: what a branch is made with.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The same weights under an adapter, or under none: nothing is loaded again.
    ///
    /// # Errors
    /// The adapter is for a model of other sizes.
    pub fn with_adapter(&self, adapter: Option<&Adapter>) -> Result<Self> {
        adapter.map_or(Ok(()), |adapter| adapter.check(&self.config))?;
        let mut decoder = self.clone();
        decoder.invocation = adapter.map_or_else(Vec::new, |adapter| adapter.invocation.clone());
        for (i, block) in decoder.blocks.iter_mut().enumerate() {
            for (target, layer) in block.layers_mut() {
                let update = adapter.and_then(|a| Some((a.factors.get(&(i, target))?, a.scale)));
                *layer = layer.with(update, &self.backend)?;
            }
        }
        Ok(decoder)
    }

    /// The tokens from whose last occurrence on its adapter is laid over a text, where it is not laid over all of it. They
    /// are to be read in one pass.
    pub fn invocation(&self) -> &[u32] {
        &self.invocation
    }

    /// Runs `step`; each branch then holds the keys and values of its span.
    ///
    /// # Errors
    /// The spans do not add up, the branches do not share one prefix, or a token is not in the vocabulary.
    pub fn forward(&self, step: &Step, branches: &mut [&mut BranchKv]) -> Result<Output> {
        let rope = self.rope(step, branches)?;
        self.forward_turned(step, &rope, None, branches)
    }

    /// The same without the logits, which cost most where many rows are wanted: `[wanted, H]`, behind the last norm.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn states(&self, step: &Step, branches: &mut [&mut BranchKv]) -> Result<Tensor> {
        let rope = self.rope(step, branches)?;
        let x = self.through_blocks(step, &rope, None, branches)?;
        self.wanted(&x, step)
    }

    /// As [`Self::forward`] with a rotation for each row that does not follow from where it stands in the text, and with rows that are
    /// patches of a picture: their tokens are not looked up.
    ///
    /// # Errors
    /// As [`Self::forward`], or the patches do not fit.
    pub(in crate::model) fn forward_turned(
        &self,
        step: &Step,
        rope: &Rope,
        patches: Option<Patches>,
        branches: &mut [&mut BranchKv],
    ) -> Result<Output> {
        let x = self.through_blocks(step, rope, patches, branches)?;
        let hidden = self.wanted(&x, step)?;
        let logits = if step.wanted.is_empty() {
            Tensor::zeros((0, self.config.vocab), DType::F32, &Device::Cpu)?
        } else {
            self.head.forward(&hidden)?
        };
        Ok(Output { hidden, logits })
    }

    /// The wanted rows of what the blocks gave, behind the last norm.
    fn wanted(&self, x: &Tensor, step: &Step) -> Result<Tensor> {
        if step.wanted.is_empty() {
            return Ok(Tensor::zeros((0, self.config.hidden), DType::F32, &Device::Cpu)?);
        }
        let wanted = Tensor::new(step.wanted, self.device())?;
        let rows = x.index_select(&wanted, 0)?;
        Ok(rms_norm(&rows, &self.norm, self.config.norm_eps as f32)?)
    }

    /// Runs the rows of `step` through all blocks, `[T, H]`; each branch then holds the keys and values of its span.
    fn through_blocks(
        &self,
        step: &Step,
        rope: &Rope,
        patches: Option<Patches>,
        branches: &mut [&mut BranchKv],
    ) -> Result<Tensor> {
        check(step, branches, self.config.vocab)?;
        let mut x = self.embedded(step.tokens)?;
        if let Some(patches) = patches {
            x = over(&x, patches.first, patches.states, |_, states| Ok(states.clone()))?;
        }
        let active = self.active(step, branches)?;
        let log = LogPass::begin(branches, step.spans, self.device())?;
        for (i, block) in self.blocks.iter().enumerate() {
            let pass = Pass {
                config: &self.config,
                layer: i,
                rope,
                active: active.as_ref(),
                dropout: None,
            };
            let mut attend = |q: &Tensor, k: &Tensor, v: &Tensor| {
                let attended = match &log {
                    None => self.attend(i, q, k, v, step, branches)?,
                    Some(log) => self.attend_tensors(i, [q, k, v], log, branches)?,
                };
                Ok((attended, ()))
            };
            x = block.forward(pass, &x, &mut attend)?.0;
            if let Some((first, deep)) = patches.and_then(|p| Some((p.first, p.deep.get(i)?))) {
                x = over(&x, first, deep, |old, deep| Ok((old + deep)?))?;
            }
            if i == self.middle() && branches.iter().any(|branch| branch.keeps_states()) {
                keep_states(&x, step, branches)?;
            }
        }
        if let Some(log) = log {
            log.end(branches, step.spans);
        }
        for (branch, &span) in branches.iter_mut().zip(step.spans) {
            branch.advance(span);
        }
        Ok(x)
    }

    /// The rows that the adapter is laid over, where it is not laid over all of them.
    fn active(&self, step: &Step, branches: &mut [&mut BranchKv]) -> Result<Option<ActiveRows>> {
        if self.invocation.is_empty() {
            return Ok(None);
        }
        let mut marks = Vec::with_capacity(step.tokens.len());
        let mut tokens = step.tokens;
        for (branch, &span) in branches.iter_mut().zip(step.spans) {
            let (own, others) = tokens.split_at(span);
            let first = if branch.is_invoked() {
                Some(0)
            } else {
                last_occurrence(own, &self.invocation)
            };
            branch.invoke(first.is_some());
            marks.extend((0..span).map(|i| first.is_some_and(|first| i >= first)));
            tokens = others;
        }
        ActiveRows::new(marks, self.device()).map(Some)
    }

    /// The first states of tokens, `[T, H]`.
    fn embedded(&self, tokens: &[u32]) -> Result<Tensor> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        Ok(self.embedding.embedding(&ids)?.to_device(self.device())?)
    }

    fn heads(&self) -> Heads {
        Heads {
            queries: self.config.heads,
            keys: self.config.kv_heads,
            dim: self.config.head_dim,
        }
    }

    /// The block whose output says most of a text as a whole: behind it the states turn to the next token.
    fn middle(&self) -> usize {
        self.blocks.len() * 2 / 3
    }

    /// `q`: `[T, heads, D]`, `k`: `[T, kv_heads, D]`, `v`: `[T, kv_heads * D]`; the answer: `[T, heads * D]`.
    fn attend(
        &self,
        layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        step: &Step,
        branches: &mut [&mut BranchKv],
    ) -> Result<Tensor> {
        let width = self.config.kv_heads * self.config.head_dim;
        let (keys, values) = (
            k.flatten_all()?.to_vec1::<f32>()?,
            v.flatten_all()?.to_vec1::<f32>()?,
        );
        let mut first = 0;
        for (branch, &span) in branches.iter_mut().zip(step.spans) {
            let written = first * width..(first + span) * width;
            branch.write(layer, &keys[written.clone()], &values[written]);
            first += span;
        }
        let mut first_row = 0;
        let spans: Vec<Span> = branches
            .iter()
            .zip(step.spans)
            .map(|(branch, &rows)| {
                first_row += rows;
                Span {
                    first_row: first_row - rows,
                    rows,
                    position: branch.len(),
                    blocks: branch.blocks(layer),
                }
            })
            .collect();
        let shared = branches.first().and_then(|b| b.prefix());
        let attention = Attention {
            geometry: self.geometry,
            heads: self.config.heads,
            queries: &q.flatten_all()?.to_vec1::<f32>()?,
            shared: shared.map_or(&[], |prefix| prefix.blocks(layer)),
            spans: &spans,
        };
        let shape = (step.tokens.len(), self.config.heads * self.config.head_dim);
        Ok(Tensor::from_vec(attention.run(), shape, &Device::Cpu)?)
    }

    /// The same as [`Self::attend`], in tensors on the device.
    fn attend_tensors(
        &self,
        layer: usize,
        [q, k, v]: [&Tensor; 3],
        pass: &LogPass,
        branches: &[&mut BranchKv],
    ) -> Result<Tensor> {
        let own = pass.write(layer, k, &v.reshape(k.shape())?)?;
        let shared = branches.first().and_then(|b| b.prefix()?.rows(layer));
        Ok(portable::attend(
            q,
            self.heads(),
            shared.as_ref(),
            &own,
            pass.mask(),
        )?)
    }

    fn rope(&self, step: &Step, branches: &[&mut BranchKv]) -> Result<Rope> {
        let positions = branches
            .iter()
            .zip(step.spans)
            .flat_map(|(b, &span)| b.position()..b.position() + span);
        Rope::new(positions, &self.frequencies, self.device())
    }
}

/// Where `needle` begins last in `tokens`.
fn last_occurrence(tokens: &[u32], needle: &[u32]) -> Option<usize> {
    tokens
        .windows(needle.len().max(1))
        .rposition(|window| window == needle)
}

/// `x` with what `put` makes of the rows from `first` on and of `rows` in their place.
fn over(
    x: &Tensor,
    first: usize,
    rows: &Tensor,
    put: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (count, behind) = (rows.dim(0)?, first + rows.dim(0)?);
    let middle = put(&x.narrow(0, first, count)?, rows)?;
    let parts = [
        x.narrow(0, 0, first)?,
        middle,
        x.narrow(0, behind, x.dim(0)? - behind)?,
    ];
    Ok(Tensor::cat(&parts, 0)?)
}

/// Keeps the states `[T, H]` of each span in its branch.
fn keep_states(states: &Tensor, step: &Step, branches: &mut [&mut BranchKv]) -> Result<()> {
    let hidden = states.dim(1)?;
    let states = states.flatten_all()?.to_vec1::<f32>()?;
    let mut rest = &states[..];
    for (branch, &span) in branches.iter_mut().zip(step.spans) {
        let (own, others) = rest.split_at(span * hidden);
        if branch.keeps_states() {
            branch.keep_states(own);
        }
        rest = others;
    }
    Ok(())
}

fn check(step: &Step, branches: &[&mut BranchKv], vocab: usize) -> Result<()> {
    let bad = |what: String| Err(Error::new(ErrorKind::Internal, format!("forward pass: {what}")));
    let rows: usize = step.spans.iter().sum();
    if step.spans.len() != branches.len() || rows != step.tokens.len() || rows == 0 {
        return bad(format!(
            "{} branches, spans {:?}, {} tokens do not add up",
            branches.len(),
            step.spans,
            step.tokens.len()
        ));
    }
    let pointer = |b: &&mut BranchKv| b.prefix().map(Arc::as_ptr);
    if branches
        .windows(2)
        .any(|pair| pointer(&pair[0]) != pointer(&pair[1]))
    {
        return bad("the branches do not share one prefix".to_owned());
    }
    if let Some(token) = step.tokens.iter().find(|&&t| t as usize >= vocab) {
        return bad(format!(
            "token {token} is not among the {vocab} of the vocabulary"
        ));
    }
    if let Some(row) = step.wanted.iter().find(|&&r| r as usize >= rows) {
        return bad(format!("row {row} is wanted of {rows}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
