//! The decoder of the Llama, Qwen2 and Qwen3 families.
//!
//! One forward pass serves everything: reading a prefix in chunks, ragged branch prompts, batched decoding and forced
//! tokens. Rows are packed without padding; each span of rows belongs to one branch; all branches of a pass read the
//! same shared prefix, so that attention over it is one matrix product for all of them. Inference only.

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use candle_nn::ops::{rms_norm, sigmoid};
use candle_nn::rotary_emb::rope_thd;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::model::config::{DecoderConfig, Family};
use crate::model::gguf::Gguf;
use crate::model::kernels::{softmax_with_lse, swiglu};
use crate::model::kv::BranchKv;
use crate::model::linear::{Dequantised, Linear};

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
    pub fn load(gguf: &Gguf, progress: &(dyn Fn(f32) + Sync)) -> Result<Self> {
        let config = DecoderConfig::from_gguf(gguf)?;
        let loader = Loader {
            gguf,
            config: &config,
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
            Dequantised::from_blocks(&loader.tensor("output.weight", &table)?, None)?
        } else {
            Dequantised::from_blocks(&embedding, None)?
        };
        Ok(Self {
            blocks,
            embedding: Arc::new(embedding),
            norm: loader.vector("output_norm.weight", config.hidden)?,
            head: Box::new(head),
            frequencies: loader.frequencies()?,
            config,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Runs `step`; each branch then holds the keys and values of its span.
    ///
    /// # Errors
    /// The spans do not add up, the branches do not share one prefix, or a token is not in the vocabulary.
    pub fn forward(&self, step: &Step, branches: &mut [&mut BranchKv]) -> Result<Output> {
        check(step, branches, self.config.vocab)?;
        for (branch, &span) in branches.iter_mut().zip(step.spans) {
            branch.reserve(span)?;
        }
        let ids = Tensor::new(step.tokens, &Device::Cpu)?;
        let mut x = self.embedding.embedding(&ids)?;
        let rope = self.rope(step, branches)?;
        for (i, block) in self.blocks.iter().enumerate() {
            x = self.block(block, i, &x, &rope, step, branches)?;
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

    fn block(
        &self,
        block: &Block,
        layer: usize,
        x: &Tensor,
        rope: &Rope,
        step: &Step,
        branches: &[&mut BranchKv],
    ) -> Result<Tensor> {
        let eps = self.config.norm_eps as f32;
        let normed = rms_norm(x, &block.attention_norm, eps)?;
        let heads =
            |y: Tensor, n: usize| Ok::<_, Error>(y.reshape((step.tokens.len(), n, self.config.head_dim))?);
        let mut q = heads(block.query.forward(&normed)?, self.config.heads)?;
        let mut k = heads(block.key.forward(&normed)?, self.config.kv_heads)?;
        let v = heads(block.value.forward(&normed)?, self.config.kv_heads)?;
        if let Some((q_norm, k_norm)) = &block.head_norms {
            q = rms_norm(&q, q_norm, eps)?;
            k = rms_norm(&k, k_norm, eps)?;
        }
        let (q, k) = (rope.apply(&q)?, rope.apply(&k)?);
        let attended = self.attend(layer, &q, &k, &v, step, branches)?;
        let x = (x + block.output.forward(&attended)?)?;
        let normed = rms_norm(&x, &block.feed_norm, eps)?;
        let fed = swiglu(&block.gate.forward(&normed)?, &block.up.forward(&normed)?)?;
        Ok((x + block.down.forward(&fed)?)?)
    }

    /// `q`: `[T, heads, D]`, `k`, `v`: `[T, kv_heads, D]`, all contiguous; the answer: `[T, heads * D]`.
    fn attend(
        &self,
        layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        step: &Step,
        branches: &[&mut BranchKv],
    ) -> Result<Tensor> {
        let DecoderConfig {
            kv_heads,
            head_dim,
            heads,
            ..
        } = self.config;
        let (t, group) = (step.tokens.len(), self.config.group());
        // [T, Hkv, G, D] -> [Hkv, G, T, D]
        let q = q
            .reshape((t, kv_heads, group, head_dim))?
            .permute((1, 2, 0, 3))?
            .contiguous()?;
        let (k, v) = (k.transpose(0, 1)?.contiguous()?, v.transpose(0, 1)?.contiguous()?);
        let mut own = Vec::with_capacity(branches.len());
        let mut start = 0;
        for (branch, &span) in branches.iter().zip(step.spans).filter(|(_, span)| **span > 0) {
            branch.write(
                layer,
                &k.narrow(1, start, span)?.contiguous()?,
                &v.narrow(1, start, span)?.contiguous()?,
            )?;
            let (keys, values) = branch.with_pending(layer, span)?;
            let q = q.narrow(2, start, span)?;
            own.push(attend_to(&q, &keys, &values, Some(branch.own_len()))?);
            start += span;
        }
        let own = Attended::concatenate(&own)?;
        let merged = match branches.first().and_then(|b| b.prefix()) {
            Some(prefix) => {
                let (keys, values) = prefix.layer(layer)?;
                own.merge(&attend_to(&q, &keys, &values, None)?)?
            }
            None => own.out,
        };
        Ok(merged.permute((2, 0, 1, 3))?.reshape((t, heads * head_dim))?)
    }

    fn rope(&self, step: &Step, branches: &[&mut BranchKv]) -> Result<Rope> {
        let positions = branches
            .iter()
            .zip(step.spans)
            .flat_map(|(b, &span)| b.len()..b.len() + span);
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

/// Attention of `q` `[Hkv, G, t, D]` over `keys` and `values` `[Hkv, n, D]`.
fn attend_to(q: &Tensor, keys: &Tensor, values: &Tensor, causal: Option<usize>) -> Result<Attended> {
    let (kv_heads, group, t, dim) = q.dims4()?;
    let n = keys.dim(1)?;
    let scale = 1.0 / (dim as f32).sqrt();
    let rows = q.reshape((kv_heads, group * t, dim))?;
    let scores = rows.matmul(&keys.transpose(1, 2)?)?;
    let weights = softmax_with_lse(&scores, scale, t, causal)?;
    let out = weights.narrow(2, 0, n)?.matmul(values)?;
    Ok(Attended {
        out: out.reshape((kv_heads, group, t, dim))?,
        lse: weights.narrow(2, n, 1)?.reshape((kv_heads, group, t, 1))?,
    })
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

/// The result of attention over some of the keys, with what is needed to merge it with the rest.
struct Attended {
    /// `[Hkv, G, T, D]`.
    out: Tensor,
    /// `[Hkv, G, T, 1]`: log of the sum of exp(scores).
    lse: Tensor,
}

impl Attended {
    /// Joins spans of rows.
    fn concatenate(parts: &[Self]) -> Result<Self> {
        let join = |part: fn(&Self) -> &Tensor| Tensor::cat(&parts.iter().map(part).collect::<Vec<_>>(), 2);
        Ok(Self {
            out: join(|p| &p.out)?,
            lse: join(|p| &p.lse)?,
        })
    }

    /// Merges attention over two disjoint sets of keys: the shares are the softmax of the two log-sums.
    fn merge(&self, other: &Self) -> Result<Tensor> {
        let share = sigmoid(&(&self.lse - &other.lse)?)?;
        let difference = (&self.out - &other.out)?;
        Ok((&other.out + difference.broadcast_mul(&share)?)?)
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

    fn matrix(&self, name: &str, out: usize, input: usize) -> Result<Tensor> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        Ok(weight.dequantize(&Device::Cpu)?)
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
        Ok(Box::new(Dequantised::new(
            self.matrix(name, out, input)?,
            self.bias(name, out)?,
        )))
    }

    /// A layer whose output is rotated. Llama files pair neighbouring rows of a head for the rotation; they are put
    /// back into halves here, so that one rotation serves all families and adapters need no permutation.
    fn rotated(&self, name: &str, out: usize, heads: usize) -> Result<Box<dyn Linear>> {
        let mut weight = self.matrix(name, out, self.config.hidden)?;
        let mut bias = self.bias(name, out)?;
        if self.config.family == Family::Llama {
            weight = halves(&weight, heads)?;
            bias = bias
                .map(|b| halves(&b.unsqueeze(1)?, heads)?.squeeze(1))
                .transpose()?;
        }
        Ok(Box::new(Dequantised::new(weight, bias)))
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

/// Rows of each head from neighbouring pairs to halves: `[heads, D/2, 2, in]` -> `[heads, 2, D/2, in]`.
fn halves(weight: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let (out, input) = weight.dims2()?;
    let half = out / heads / 2;
    weight
        .reshape((heads, half, 2, input))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((out, input))
}

#[cfg(test)]
mod tests;
