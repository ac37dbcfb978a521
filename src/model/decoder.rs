//! The decoder of the Llama, Qwen2 and Qwen3 families.
//!
//! One forward pass serves everything: reading a prefix in chunks, ragged branch prompts, batched decoding and forced
//! tokens. Rows are packed without padding; each span of rows belongs to one branch; all branches of a pass read the
//! same shared prefix, so that attention over it is one matrix product for all of them. Inference only.

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use candle_nn::ops::rms_norm;
use candle_nn::rotary_emb::rope_thd;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::model::config::{DecoderConfig, Family};
use crate::model::gguf::Gguf;
use crate::model::kernels::attention::{Attention, Span};
use crate::model::kernels::{add, swiglu};
use crate::model::kv::{BranchKv, Geometry, Number};
use crate::model::linear::{self, Linear, WeightForm};

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

/// What a pass gives for the rows that were wanted.
#[derive(Debug)]
pub struct Output {
    /// `[wanted, H]`: the residual stream after the last norm.
    pub hidden: Tensor,
    /// `[wanted, V]`: raw logits.
    pub logits: Tensor,
}

/// The weights of one model, ready to run.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    geometry: Geometry,
    embedding: Arc<QTensor>,
    blocks: Vec<Block>,
    norm: Tensor,
    head: Box<dyn Linear>,
    /// Inverse frequencies of the rotary embedding, `head_dim / 2` of them, in f64: angles of far positions stay exact.
    frequencies: Vec<f64>,
}

#[derive(Debug)]
struct Block {
    attention_norm: Tensor,
    query: Box<dyn Linear>,
    key: Box<dyn Linear>,
    value: Box<dyn Linear>,
    output: Box<dyn Linear>,
    head_norms: Option<(Tensor, Tensor)>,
    feed_norm: Tensor,
    gate: Box<dyn Linear>,
    up: Box<dyn Linear>,
    down: Box<dyn Linear>,
}

impl Decoder {
    /// Loads the weights; `progress` hears the fraction of blocks that are ready, from any thread.
    ///
    /// # Errors
    /// A tensor is missing or has the wrong shape.
    pub fn load(gguf: &Gguf, form: WeightForm, progress: &(dyn Fn(f32) + Sync)) -> Result<Self> {
        let config = DecoderConfig::from_gguf(gguf)?;
        let loader = Loader {
            gguf,
            config: &config,
            form,
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
        let head = if gguf.has("output.weight") {
            linear::load(&loader.tensor("output.weight", &table)?, None, form, &|row| row)?
        } else {
            linear::load(&embedding, None, form, &|row| row)?
        };
        Ok(Self {
            blocks,
            embedding: Arc::new(embedding),
            norm: loader.vector("output_norm.weight", config.hidden)?,
            head,
            frequencies: loader.frequencies()?,
            geometry: Geometry {
                layers: config.layers,
                kv_heads: config.kv_heads,
                dim: config.head_dim,
                hidden: config.hidden,
                number: match form {
                    WeightForm::Blocks => Number::F16,
                    WeightForm::F32 => Number::F32,
                },
            },
            config,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// How its keys and values lie in memory: what a branch is made with.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Runs `step`; each branch then holds the keys and values of its span.
    ///
    /// # Errors
    /// The spans do not add up, the branches do not share one prefix, or a token is not in the vocabulary.
    pub fn forward(&self, step: &Step, branches: &mut [&mut BranchKv]) -> Result<Output> {
        check(step, branches, self.config.vocab)?;
        let ids = Tensor::new(step.tokens, &Device::Cpu)?;
        let mut x = self.embedding.embedding(&ids)?;
        let rope = self.rope(step, branches)?;
        for (i, block) in self.blocks.iter().enumerate() {
            x = self.block(block, i, &x, &rope, step, branches)?;
            if i == self.middle() {
                add_states(&x, step, branches)?;
            }
        }
        for (branch, &span) in branches.iter_mut().zip(step.spans) {
            branch.advance(span);
        }
        let wanted = Tensor::new(step.wanted, &Device::Cpu)?;
        let hidden = rms_norm(
            &x.index_select(&wanted, 0)?,
            &self.norm,
            self.config.norm_eps as f32,
        )?;
        let logits = self.head.forward(&hidden)?;
        Ok(Output { hidden, logits })
    }

    /// The block whose output says most of a text as a whole: behind it the states turn to the next token.
    fn middle(&self) -> usize {
        self.blocks.len() * 2 / 3
    }

    fn block(
        &self,
        block: &Block,
        layer: usize,
        x: &Tensor,
        rope: &Rope,
        step: &Step,
        branches: &mut [&mut BranchKv],
    ) -> Result<Tensor> {
        let eps = self.config.norm_eps as f32;
        let normed = rms_norm(x, &block.attention_norm, eps)?;
        let heads =
            |y: Tensor, n: usize| Ok::<_, Error>(y.reshape((step.tokens.len(), n, self.config.head_dim))?);
        let mut q = heads(block.query.forward(&normed)?, self.config.heads)?;
        let mut k = heads(block.key.forward(&normed)?, self.config.kv_heads)?;
        let v = block.value.forward(&normed)?;
        if let Some((q_norm, k_norm)) = &block.head_norms {
            q = rms_norm(&q, q_norm, eps)?;
            k = rms_norm(&k, k_norm, eps)?;
        }
        let (q, k) = (rope.apply(&q)?, rope.apply(&k)?);
        let attended = self.attend(layer, &q, &k, &v, step, branches)?;
        let x = add(x, &block.output.forward(&attended)?)?;
        let normed = rms_norm(&x, &block.feed_norm, eps)?;
        let fed = swiglu(&block.gate.forward(&normed)?, &block.up.forward(&normed)?)?;
        Ok(add(&x, &block.down.forward(&fed)?)?)
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

    fn rope(&self, step: &Step, branches: &[&mut BranchKv]) -> Result<Rope> {
        let positions = branches
            .iter()
            .zip(step.spans)
            .flat_map(|(b, &span)| b.position()..b.position() + span);
        let half = self.frequencies.len();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in positions {
            for frequency in &self.frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push(c as f32);
                sin.push(s as f32);
            }
        }
        let shape = (step.tokens.len(), half);
        Ok(Rope {
            cos: Tensor::from_vec(cos, shape, &Device::Cpu)?,
            sin: Tensor::from_vec(sin, shape, &Device::Cpu)?,
        })
    }
}

/// Adds the states `[T, H]` of each span to its branch.
fn add_states(states: &Tensor, step: &Step, branches: &mut [&mut BranchKv]) -> Result<()> {
    let hidden = states.dim(1)?;
    let states = states.flatten_all()?.to_vec1::<f32>()?;
    let mut rest = &states[..];
    for (branch, &span) in branches.iter_mut().zip(step.spans) {
        let (own, others) = rest.split_at(span * hidden);
        branch.add_states(own);
        rest = others;
    }
    Ok(())
}

/// Rotary embedding of the packed rows: `[T, D / 2]` each.
struct Rope {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Rotates the halves of each head (the `NeoX` layout); `x`: `[T, heads, D]`.
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(rope_thd(&x.unsqueeze(0)?, &self.cos, &self.sin)?.squeeze(0)?)
    }
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

/// Reads the tensors of one file by their GGUF names.
struct Loader<'a> {
    gguf: &'a Gguf,
    config: &'a DecoderConfig,
    form: WeightForm,
}

impl Loader<'_> {
    fn block(&self, i: usize) -> Result<Block> {
        let c = self.config;
        let (queries, keys) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let name = |part: &str| format!("blk.{i}.{part}");
        if c.family == Family::Qwen2 {
            self.require_biases(&["attn_q", "attn_k", "attn_v"].map(name))?;
        }
        let head_norms = match c.family {
            Family::Qwen3 => Some((
                self.vector(&name("attn_q_norm.weight"), c.head_dim)?,
                self.vector(&name("attn_k_norm.weight"), c.head_dim)?,
            )),
            Family::Llama | Family::Qwen2 => None,
        };
        Ok(Block {
            attention_norm: self.vector(&name("attn_norm.weight"), c.hidden)?,
            query: self.rotated(&name("attn_q"), queries, c.heads)?,
            key: self.rotated(&name("attn_k"), keys, c.kv_heads)?,
            value: self.linear(&name("attn_v"), keys, c.hidden)?,
            output: self.linear(&name("attn_output"), c.hidden, queries)?,
            head_norms,
            feed_norm: self.vector(&name("ffn_norm.weight"), c.hidden)?,
            gate: self.linear(&name("ffn_gate"), c.intermediate, c.hidden)?,
            up: self.linear(&name("ffn_up"), c.intermediate, c.hidden)?,
            down: self.linear(&name("ffn_down"), c.hidden, c.intermediate)?,
        })
    }

    fn tensor(&self, name: &str, dims: &[usize]) -> Result<QTensor> {
        let tensor = self.gguf.tensor(name)?;
        if tensor.shape().dims() != dims {
            return Err(self
                .gguf
                .error(format!("{name} is {:?}, expected {dims:?}", tensor.shape())));
        }
        Ok(tensor)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Tensor> {
        Ok(self.tensor(name, &[len])?.dequantize(&Device::Cpu)?)
    }

    fn bias(&self, name: &str, out: usize) -> Result<Option<Tensor>> {
        let name = format!("{name}.bias");
        self.gguf.has(&name).then(|| self.vector(&name, out)).transpose()
    }

    /// A bias is optional in the format; a model trained with one answers nonsense without it.
    fn require_biases(&self, layers: &[String]) -> Result<()> {
        let missing = layers
            .iter()
            .map(|layer| format!("{layer}.bias"))
            .find(|name| !self.gguf.has(name));
        missing.map_or(Ok(()), |name| {
            Err(self.gguf.error(format!("tensor {name} is missing")))
        })
    }

    fn linear(&self, name: &str, out: usize, input: usize) -> Result<Box<dyn Linear>> {
        self.in_order(name, out, input, &|row| row)
    }

    /// A layer whose output is rotated. Llama files pair neighbouring rows of a head for the rotation; they are put
    /// back into halves here, so that one rotation serves all families and adapters need no permutation.
    fn rotated(&self, name: &str, out: usize, heads: usize) -> Result<Box<dyn Linear>> {
        let dim = out / heads;
        let paired = |row: usize| {
            let (head, half, i) = (row / dim, row % dim / (dim / 2), row % (dim / 2));
            head * dim + 2 * i + half
        };
        match self.config.family {
            Family::Llama => self.in_order(name, out, self.config.hidden, &paired),
            Family::Qwen2 | Family::Qwen3 => self.linear(name, out, self.config.hidden),
        }
    }

    /// A layer whose output `i` is row `row(i)` of the file.
    fn in_order(
        &self,
        name: &str,
        out: usize,
        input: usize,
        row: &dyn Fn(usize) -> usize,
    ) -> Result<Box<dyn Linear>> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        let rows: Vec<u32> = (0..out).map(|i| row(i) as u32).collect();
        let bias = self.bias(name, out)?;
        let bias = bias
            .map(|bias| bias.index_select(&Tensor::new(rows, &Device::Cpu)?, 0))
            .transpose()?;
        linear::load(&weight, bias, self.form, row)
    }

    /// base^(-2i/D), divided by the file's own factors where it has them (Llama 3.1 long-context scaling).
    fn frequencies(&self) -> Result<Vec<f64>> {
        let dim = self.config.head_dim;
        let factors = if self.gguf.has("rope_freqs.weight") {
            self.vector("rope_freqs.weight", dim / 2)?.to_vec1::<f32>()?
        } else {
            vec![1.0; dim / 2]
        };
        Ok((0..dim / 2)
            .zip(factors)
            .map(|(i, factor)| self.config.rope_base.powf(-2.0 * i as f64 / dim as f64) / f64::from(factor))
            .collect())
    }
}

#[cfg(test)]
mod tests;
