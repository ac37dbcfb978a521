//! The vision transformer of Qwen3-VL: patches to states of the decoder.
//!
//! Every patch is embedded by one linear layer and gets its place twice: a learned embedding, interpolated to the
//! picture's size, and a rotation by row and column in each head. Attention is over the whole picture. In the end, and
//! behind some of the blocks, the patches of one token are merged into a state of the decoder's width.

use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{D, IndexOp as _, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};

use super::config::VisionConfig;
use super::picture::Seen;
use super::weights::Files;
use crate::error::Result;
use crate::model::backend::Backend;
use crate::model::decoder::{Rope, Weights as _};
use crate::model::linear::{self, Linear, WeightForm};

/// Epsilon of the layer norms.
const EPSILON: f32 = 1e-6;
/// Base of the rotary frequencies.
const BASE: f64 = 10_000.0;
/// Patches whose scores are held at once.
const QUERIES: usize = 256;

/// The weights of the tower, in f32.
#[derive(Debug)]
pub(super) struct Tower {
    config: VisionConfig,
    backend: Backend,
    embedding: Arc<dyn Linear>,
    /// `[side * side, hidden]`.
    positions: Tensor,
    blocks: Vec<Block>,
    merger: Merger,
    deep: Vec<Merger>,
}

#[derive(Debug)]
struct Block {
    norms: [Norm; 2],
    qkv: Arc<dyn Linear>,
    output: Arc<dyn Linear>,
    up: Arc<dyn Linear>,
    down: Arc<dyn Linear>,
}

/// A layer norm.
#[derive(Debug)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(layer_norm(x, &self.weight, &self.bias, EPSILON)?)
    }
}

/// Makes one state of the patches of a token.
#[derive(Debug)]
struct Merger {
    norm: Norm,
    /// The norm is over all patches of a token together, not over each.
    joined: bool,
    up: Arc<dyn Linear>,
    down: Arc<dyn Linear>,
}

impl Merger {
    /// `[n, hidden]` to `[n / merged, out]`.
    fn forward(&self, x: &Tensor, merged: usize) -> Result<Tensor> {
        let (patches, width) = x.dims2()?;
        let shape = (patches / merged, merged * width);
        let x = if self.joined {
            self.norm.forward(&x.reshape(shape)?)?
        } else {
            self.norm.forward(x)?.reshape(shape)?
        };
        self.down.forward(&self.up.forward(&x)?.gelu_erf()?)
    }
}

impl Tower {
    pub(super) fn load(config: &VisionConfig, files: &Files, backend: &Backend) -> Result<Self> {
        let part = Part {
            files,
            backend,
            at: "model.visual".to_owned(),
        };
        let (hidden, joined) = (config.hidden, config.hidden * config.merged());
        let block = |i: usize| {
            let part = part.of(&format!("blocks.{i}"));
            Ok(Block {
                norms: [part.norm("norm1", hidden)?, part.norm("norm2", hidden)?],
                qkv: part.linear("attn.qkv", 3 * hidden, hidden)?,
                output: part.linear("attn.proj", hidden, hidden)?,
                up: part.linear("mlp.linear_fc1", config.intermediate, hidden)?,
                down: part.linear("mlp.linear_fc2", hidden, config.intermediate)?,
            })
        };
        let merger = |name: &str, width: usize| {
            let part = part.of(name);
            Ok(Merger {
                norm: part.norm("norm", width)?,
                joined: width == joined,
                up: part.linear("linear_fc1", joined, joined)?,
                down: part.linear("linear_fc2", config.out, joined)?,
            })
        };
        let deep = |i: usize| merger(&format!("deepstack_merger_list.{i}"), joined);
        let side = config.side();
        Ok(Self {
            embedding: part.linear("patch_embed.proj", hidden, config.patch_len())?,
            positions: part.tensor("pos_embed.weight", &[side * side, hidden])?,
            blocks: (0..config.depth).map(block).collect::<Result<_>>()?,
            merger: merger("merger", hidden)?,
            deep: (0..config.deep.len()).map(deep).collect::<Result<_>>()?,
            config: config.clone(),
            backend: backend.clone(),
        })
    }

    /// The states of a picture's tokens, and those for the first blocks of the decoder: `[tokens, out]` each.
    pub(super) fn forward(&self, seen: &Seen) -> Result<(Tensor, Vec<Tensor>)> {
        let mut x = (self.embedded(seen)? + self.placed(seen)?)?;
        let rope = self.rope(seen)?;
        let merged = self.config.merged();
        let mut deep = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            x = self.block(block, &x, &rope)?;
            if let Some(which) = self.config.deep.iter().position(|at| *at == i) {
                deep.push(self.deep[which].forward(&x, merged)?);
            }
        }
        Ok((self.merger.forward(&x, merged)?, deep))
    }

    /// The patches, embedded: `[n, hidden]`.
    fn embedded(&self, seen: &Seen) -> Result<Tensor> {
        let shape = (seen.rows * seen.columns, self.config.patch_len());
        let pixels = Tensor::from_slice(&seen.pixels, shape, self.backend.device())?;
        self.embedding.forward(&pixels)
    }

    /// The learned embeddings of the places, interpolated between the four around each: `[n, hidden]`.
    fn placed(&self, seen: &Seen) -> Result<Tensor> {
        let side = self.config.side();
        let along = |at: usize, of: usize| at as f64 * (side - 1) as f64 / (of.max(2) - 1) as f64;
        let (mut corners, mut shares) = ([const { Vec::new() }; 4], [const { Vec::new() }; 4]);
        for (row, column) in seen.places(self.config.merge) {
            let (y, x) = (along(row, seen.rows), along(column, seen.columns));
            for corner in 0..4 {
                let ((top, down), (left, right)) =
                    (between(y, corner / 2, side), between(x, corner % 2, side));
                corners[corner].push((top * side + left) as u32);
                shares[corner].push((down * right) as f32);
            }
        }
        let mut placed = None;
        for (corners, shares) in corners.into_iter().zip(shares) {
            let shares = Tensor::new(shares, self.backend.device())?.unsqueeze(1)?;
            let corners = Tensor::new(corners, self.backend.device())?;
            let part = self.positions.index_select(&corners, 0)?.broadcast_mul(&shares)?;
            placed = Some(match placed {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        Ok(placed.map_or_else(|| self.positions.narrow(0, 0, 0), Ok)?)
    }

    /// The rotations: one half of the frequencies turns with the row, the other with the column.
    fn rope(&self, seen: &Seen) -> Result<Rope> {
        let half = self.config.head_dim() / 2;
        let frequencies: Vec<f64> = (0..half / 2)
            .map(|i| BASE.powf(-2.0 * i as f64 / half as f64))
            .collect();
        let angles = seen
            .places(self.config.merge)
            .flat_map(|(row, column)| [row, column])
            .flat_map(|at| frequencies.iter().map(move |f| at as f64 * f));
        Rope::of_angles(angles, half, self.backend.device())
    }

    fn block(&self, block: &Block, x: &Tensor, rope: &Rope) -> Result<Tensor> {
        let attended = self.attention(block, &block.norms[0].forward(x)?, rope)?;
        let x = (x + attended)?;
        let up = block.up.forward(&block.norms[1].forward(&x)?)?.gelu()?;
        Ok((x + block.down.forward(&up)?)?)
    }

    /// Every patch reads every other: `[n, hidden]`.
    fn attention(&self, block: &Block, x: &Tensor, rope: &Rope) -> Result<Tensor> {
        let (heads, dim) = (self.config.heads, self.config.head_dim());
        let patches = x.dim(0)?;
        let qkv = block.qkv.forward(x)?.reshape((patches, 3, heads, dim))?;
        let rotated = |which: usize| rope.apply(&qkv.i((.., which))?.contiguous()?);
        let by_head = |x: Tensor| x.transpose(0, 1)?.contiguous();
        let (q, k) = (by_head(rotated(0)?)?, by_head(rotated(1)?)?.t()?);
        let v = by_head(qkv.i((.., 2))?)?;
        let mut attended = Vec::new();
        for first in (0..patches).step_by(QUERIES) {
            let q = q.narrow(1, first, QUERIES.min(patches - first))?.contiguous()?;
            let scores = (q.matmul(&k)? / (dim as f64).sqrt())?;
            attended.push(softmax_last_dim(&scores)?.matmul(&v)?);
        }
        let attended = Tensor::cat(&attended, 1)?.transpose(0, 1)?;
        block
            .output
            .forward(&attended.contiguous()?.flatten_from(D::Minus2)?)
    }
}

/// Of the two whole places around `at`, the lower or the upper one, and its share.
fn between(at: f64, which: usize, side: usize) -> (usize, f64) {
    let (low, past) = (at.floor(), at.fract());
    let share = if which == 0 { 1.0 - past } else { past };
    ((low as usize + which).min(side - 1), share)
}

/// A part of the tower, by the names of its tensors.
struct Part<'a> {
    files: &'a Files,
    backend: &'a Backend,
    at: String,
}

impl Part<'_> {
    fn of(&self, name: &str) -> Self {
        Self {
            at: format!("{}.{name}", self.at),
            ..*self
        }
    }

    fn tensor(&self, name: &str, dims: &[usize]) -> Result<Tensor> {
        let name = format!("{}.{name}", self.at);
        let tensor = self.files.dense(&name)?;
        // The patch embedding is written as a convolution whose stride is its size: a product all the same.
        let tensor = if tensor.rank() > dims.len() {
            tensor.flatten_from(dims.len() - 1)?
        } else {
            tensor
        };
        if tensor.dims() != dims {
            let what = format!("{name} is {:?}, expected {dims:?}", tensor.dims());
            return Err(self.files.error(what));
        }
        Ok(tensor.to_device(self.backend.device())?)
    }

    fn norm(&self, name: &str, width: usize) -> Result<Norm> {
        Ok(Norm {
            weight: self.tensor(&format!("{name}.weight"), &[width])?,
            bias: self.tensor(&format!("{name}.bias"), &[width])?,
        })
    }

    fn linear(&self, name: &str, out: usize, input: usize) -> Result<Arc<dyn Linear>> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        let weight = QTensor::quantize(&weight, GgmlDType::F32)?;
        let bias = self.tensor(&format!("{name}.bias"), &[out])?;
        linear::load(&weight, Some(bias), WeightForm::F32, self.backend, &|row| row)
    }
}

#[cfg(test)]
impl Tower {
    /// The patches embedded, and the embeddings of their places.
    pub(super) fn first_states(&self, seen: &Seen) -> Result<(Tensor, Tensor)> {
        Ok((self.embedded(seen)?, self.placed(seen)?))
    }
}
