//! Reads the blocks of a model from where its tensors are kept.

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};

use super::block::Block;
use crate::error::{Error, Result};
use crate::model::backend::Backend;
use crate::model::config::{DecoderConfig, Family};
use crate::model::gguf::Gguf;
use crate::model::linear::{self, Linear, WeightForm};

/// Where the tensors of a decoder are kept, by their GGUF names.
pub(in crate::model) trait Weights: Sync {
    /// Whether there is such a tensor.
    fn has(&self, name: &str) -> bool;

    /// Reads one tensor, in the format in which it is to be used.
    ///
    /// # Errors
    /// There is no such tensor, or it cannot be read.
    fn tensor(&self, name: &str) -> Result<QTensor>;

    /// An error about them.
    fn error(&self, what: String) -> Error;
}

impl Weights for Gguf {
    fn has(&self, name: &str) -> bool {
        self.has(name)
    }

    fn tensor(&self, name: &str) -> Result<QTensor> {
        self.tensor(name)
    }

    fn error(&self, what: String) -> Error {
        self.error(what)
    }
}

/// Reads the tensors of one model.
pub(super) struct Loader<'a> {
    pub(super) weights: &'a dyn Weights,
    pub(super) config: &'a DecoderConfig,
    pub(super) form: WeightForm,
    pub(super) backend: &'a Backend,
}

impl Loader<'_> {
    pub(super) fn block(&self, i: usize) -> Result<Block> {
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
            query: self.rotated(&name("attn_q"), queries, c.heads)?.into(),
            key: self.rotated(&name("attn_k"), keys, c.kv_heads)?.into(),
            value: self.linear(&name("attn_v"), keys, c.hidden)?.into(),
            output: self.linear(&name("attn_output"), c.hidden, queries)?.into(),
            head_norms,
            feed_norm: self.vector(&name("ffn_norm.weight"), c.hidden)?,
            gate: self.linear(&name("ffn_gate"), c.intermediate, c.hidden)?.into(),
            up: self.linear(&name("ffn_up"), c.intermediate, c.hidden)?.into(),
            down: self.linear(&name("ffn_down"), c.hidden, c.intermediate)?.into(),
        })
    }

    pub(super) fn tensor(&self, name: &str, dims: &[usize]) -> Result<QTensor> {
        let tensor = self.weights.tensor(name)?;
        if tensor.shape().dims() != dims {
            let what = format!("{name} is {:?}, expected {dims:?}", tensor.shape());
            return Err(self.weights.error(what));
        }
        Ok(tensor)
    }

    pub(super) fn vector(&self, name: &str, len: usize) -> Result<Tensor> {
        let vector = self.tensor(name, &[len])?.dequantize(&Device::Cpu)?;
        Ok(vector.to_device(self.backend.device())?)
    }

    fn bias(&self, name: &str, out: usize) -> Result<Option<Tensor>> {
        let name = format!("{name}.bias");
        self.weights
            .has(&name)
            .then(|| self.vector(&name, out))
            .transpose()
    }

    /// A bias is optional in the format; a model trained with one answers nonsense without it.
    fn require_biases(&self, layers: &[String]) -> Result<()> {
        let missing = layers
            .iter()
            .map(|layer| format!("{layer}.bias"))
            .find(|name| !self.weights.has(name));
        missing.map_or(Ok(()), |name| {
            Err(self.weights.error(format!("tensor {name} is missing")))
        })
    }

    fn linear(&self, name: &str, out: usize, input: usize) -> Result<Arc<dyn Linear>> {
        self.in_order(name, out, input, &|row| row)
    }

    /// A layer whose output is rotated. Llama files pair neighbouring rows of a head for the rotation; they are put
    /// back into halves here, so that one rotation serves all families and adapters need no permutation.
    fn rotated(&self, name: &str, out: usize, heads: usize) -> Result<Arc<dyn Linear>> {
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
    ) -> Result<Arc<dyn Linear>> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        let rows: Vec<u32> = (0..out).map(|i| row(i) as u32).collect();
        let bias = self.bias(name, out)?;
        let bias = bias
            .map(|bias| bias.index_select(&Tensor::new(rows, self.backend.device())?, 0))
            .transpose()?;
        linear::load(&weight, bias, self.form, self.backend, row)
    }

    /// base^(-2i/D), divided by the file's own factors where it has them (Llama 3.1 long-context scaling).
    pub(super) fn frequencies(&self) -> Result<Vec<f64>> {
        let dim = self.config.head_dim;
        let factors = if self.weights.has("rope_freqs.weight") {
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
