//! One block of the decoder: what it computes, and its derivative.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_nn::ops::rms_norm;
use candle_nn::rotary_emb::rope_thd;

use crate::error::Result;
use crate::model::backend::Backend;
use crate::model::config::DecoderConfig;
use crate::model::kernels::low_rank::LowRank;
use crate::model::kernels::{add, backward, swiglu};
use crate::model::linear::Linear;
use crate::model::lora::{Factors, Place, Target};
use crate::seed::Seed;

/// A linear layer, and what an adapter lays over it.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    base: Arc<dyn Linear>,
    update: Option<Update>,
}

#[derive(Debug, Clone)]
struct Update {
    factors: Factors,
    scale: f64,
    /// The factors as our kernel reads them; none where the tensors themselves are multiplied.
    packed: Option<Arc<LowRank>>,
}

impl Update {
    /// `y` with the update for `x` added, in the rows that are active.
    fn add_to(&self, y: &Tensor, x: &Tensor, active: Option<&ActiveRows>) -> Result<Tensor> {
        if let Some(packed) = &self.packed {
            return Ok(packed.add_to(y, x, active.map(|active| active.marks.as_slice()))?);
        }
        let Factors { a, b } = &self.factors;
        let update = |x: &Tensor| x.matmul(&a.t()?)?.matmul(&b.t()?)? * self.scale;
        Ok(match active {
            None => (y + update(x)?)?,
            Some(active) => y.index_add(&active.rows, &update(&x.index_select(&active.rows, 0)?)?, 0)?,
        })
    }
}

/// The rows of a pass that an adapter is laid over, where it is not laid over all of them.
#[derive(Debug)]
pub(super) struct ActiveRows {
    /// `[T]`: whether each is.
    marks: Vec<bool>,
    /// `[n]`, u32: which are.
    rows: Tensor,
}

impl ActiveRows {
    /// Those that `marks` marks.
    pub(super) fn new(marks: Vec<bool>, device: &Device) -> Result<Self> {
        let rows: Vec<u32> = (0..)
            .zip(&marks)
            .filter_map(|(i, active)| active.then_some(i))
            .collect();
        let count = rows.len();
        Ok(Self {
            marks,
            rows: Tensor::from_vec(rows, count, device)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.rows.elem_count() == 0
    }
}

impl From<Arc<dyn Linear>> for Layer {
    fn from(base: Arc<dyn Linear>) -> Self {
        Self { base, update: None }
    }
}

/// Which inputs of the low-rank updates are left out in one training pass, by a number for each entry: no mask is kept.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// The share that is left out.
    pub share: f64,
    /// Another one for each pass.
    pub seed: Seed,
}

impl Dropout {
    /// `x` with entries left out and the others raised, `x / (1 - share)`; also its own derivative.
    fn apply(self, x: &Tensor, (layer, target): Place) -> Result<Tensor> {
        use rayon::prelude::*;
        let kept = (1.0 / (1.0 - self.share)) as f32;
        // SplitMix64 of the index, so that every entry is drawn by itself.
        let seed = self.seed.branch(&format!("{layer} {}", target.name())).value();
        let draw = |i: u64| {
            let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        let limit = (self.share * 2_f64.powi(64)) as u64;
        // The same entries on every device.
        let factors: Vec<f32> = (0..x.elem_count())
            .into_par_iter()
            .with_min_len(1 << 14)
            .map(|i| if draw(i as u64) < limit { 0.0 } else { kept })
            .collect();
        Ok((x * Tensor::from_vec(factors, x.shape(), x.device())?)?)
    }
}

/// The gradients of an adapter's factors.
#[derive(Debug, Clone, Default)]
pub struct Gradients(pub BTreeMap<Place, Factors>);

impl Layer {
    /// The same layer under another update, or none.
    pub(super) fn with(&self, update: Option<(&Factors, f64)>, backend: &Backend) -> Result<Self> {
        let update = update.map(|(Factors { a, b }, scale)| -> Result<_> {
            let (factors, packed) = match backend {
                Backend::Kernels => {
                    let (a, b) = (a.clone(), b.clone());
                    let packed = LowRank::new(&a, &b, scale)?;
                    (Factors { a, b }, Some(Arc::new(packed)))
                }
                Backend::Tensors(device) => {
                    let (a, b) = (a.to_device(device)?, b.to_device(device)?);
                    (Factors { a, b }, None)
                }
            };
            Ok(Update {
                factors,
                scale,
                packed,
            })
        });
        Ok(Self {
            base: self.base.clone(),
            update: update.transpose()?,
        })
    }

    /// The update, where any row of the pass has it.
    fn update(&self, pass: Pass) -> Option<&Update> {
        let active = pass.active.is_none_or(|active| !active.is_empty());
        self.update.as_ref().filter(|_| active)
    }

    fn forward(&self, x: &Tensor, target: Target, pass: Pass) -> Result<Tensor> {
        let y = self.base.forward(x)?;
        Ok(match (self.update(pass), pass.dropout) {
            (None, _) => y,
            (Some(update), None) => update.add_to(&y, x, pass.active)?,
            (Some(update), Some(dropout)) => {
                update.add_to(&y, &dropout.apply(x, (pass.layer, target))?, pass.active)?
            }
        })
    }

    /// The gradient of `x` for the gradient `dy`; those of the update, laid over all rows, go into `gradients`.
    fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        target: Target,
        pass: Pass,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        debug_assert!(
            pass.active.is_none(),
            "nothing flows back to rows that have no update"
        );
        let dx = self.base.backward(dy)?;
        let Some(Update { factors, scale, .. }) = self.update(pass) else {
            return Ok(dx);
        };
        let place = (pass.layer, target);
        let leave_out = |x: &Tensor| pass.dropout.map_or_else(|| Ok(x.clone()), |d| d.apply(x, place));
        let x = leave_out(x)?;
        let inner = x.matmul(&factors.a.t()?)?;
        let d_inner = (dy.matmul(&factors.b)? * *scale)?;
        let gradient = Factors {
            a: d_inner.t()?.matmul(&x)?,
            b: (dy.t()?.matmul(&inner)? * *scale)?,
        };
        gradients.0.insert(place, gradient);
        Ok(add(&dx, &leave_out(&d_inner.matmul(&factors.a)?)?)?)
    }
}

/// Rotary embedding of the packed rows: `[T, D / 2]` each.
#[derive(Debug, Clone)]
pub(in crate::model) struct Rope {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Of rows at these positions; `frequencies`: `[D / 2]`.
    pub(super) fn new(
        positions: impl Iterator<Item = usize>,
        frequencies: &[f64],
        device: &Device,
    ) -> Result<Self> {
        let angles = positions.flat_map(|at| frequencies.iter().map(move |f| at as f64 * f));
        Self::of_angles(angles, frequencies.len(), device)
    }

    /// By these angles, `half` a row.
    pub(in crate::model) fn of_angles(
        angles: impl Iterator<Item = f64>,
        half: usize,
        device: &Device,
    ) -> Result<Self> {
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles
            .map(f64::sin_cos)
            .map(|(sin, cos)| (sin as f32, cos as f32))
            .unzip();
        let shape = (cos.len() / half, half);
        Ok(Self {
            cos: Tensor::from_vec(cos, shape, device)?,
            sin: Tensor::from_vec(sin, shape, device)?,
        })
    }

    /// The opposite rotation, which is the derivative's.
    pub(super) fn back(&self) -> Result<Self> {
        Ok(Self {
            cos: self.cos.clone(),
            sin: self.sin.neg()?,
        })
    }

    /// Rotates the halves of each head (the `NeoX` layout); `x`: `[T, heads, D]`.
    pub(in crate::model) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(rope_thd(&x.unsqueeze(0)?, &self.cos, &self.sin)?.squeeze(0)?)
    }
}

/// The weights of one block.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) attention_norm: Tensor,
    pub(super) query: Layer,
    pub(super) key: Layer,
    pub(super) value: Layer,
    pub(super) output: Layer,
    pub(super) head_norms: Option<(Tensor, Tensor)>,
    pub(super) feed_norm: Tensor,
    pub(super) gate: Layer,
    pub(super) up: Layer,
    pub(super) down: Layer,
}

/// What is the same for all rows of a pass, in one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) config: &'a DecoderConfig,
    pub(super) layer: usize,
    pub(super) rope: &'a Rope,
    /// The rows that an adapter is laid over; none stands for all.
    pub(super) active: Option<&'a ActiveRows>,
    pub(super) dropout: Option<Dropout>,
}

/// What a block computed on its way: the derivative reads it.
#[derive(Debug)]
pub(super) struct Activations<K> {
    x: Tensor,
    /// `x` after the first norm.
    normed: Tensor,
    /// Queries and keys `[T, heads, D]` before their own norms.
    raw: (Tensor, Tensor),
    /// After norms and rotation.
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attended: Tensor,
    /// What attention keeps for its derivative.
    kept: K,
    /// The residual stream after attention.
    middle: Tensor,
    fed: Tensor,
    gate: Tensor,
    up: Tensor,
}

/// Attention: queries `[T, heads, D]`, keys `[T, kv_heads, D]` and values `[T, kv_heads * D]` give `[T, heads * D]`, and
/// what its derivative needs.
type Attend<'a, K> = &'a mut dyn FnMut(&Tensor, &Tensor, &Tensor) -> Result<(Tensor, K)>;

/// The derivative of attention: from what was kept and the gradient of the answer, those of queries, keys and values, in
/// the shapes that these had.
type AttendBack<'a, K> = &'a dyn Fn(&Activations<K>, &Tensor) -> Result<[Tensor; 3]>;

impl<K> Activations<K> {
    /// Queries, keys, values, and what attention made of them and kept.
    pub(super) fn attention(&self) -> (&Tensor, &Tensor, &Tensor, &Tensor, &K) {
        (&self.q, &self.k, &self.v, &self.attended, &self.kept)
    }
}

impl Block {
    pub(super) fn layers_mut(&mut self) -> [(Target, &mut Layer); 7] {
        [
            (Target::QProj, &mut self.query),
            (Target::KProj, &mut self.key),
            (Target::VProj, &mut self.value),
            (Target::OProj, &mut self.output),
            (Target::GateProj, &mut self.gate),
            (Target::UpProj, &mut self.up),
            (Target::DownProj, &mut self.down),
        ]
    }

    /// The residual stream `[T, H]` behind this block.
    pub(super) fn forward<K>(
        &self,
        pass: Pass,
        x: &Tensor,
        attend: Attend<K>,
    ) -> Result<(Tensor, Activations<K>)> {
        let config = pass.config;
        let (rows, eps) = (x.dim(0)?, config.norm_eps as f32);
        let normed = rms_norm(x, &self.attention_norm, eps)?;
        let heads = |flat: Tensor, count: usize| flat.reshape((rows, count, config.head_dim));
        let q = heads(self.query.forward(&normed, Target::QProj, pass)?, config.heads)?;
        let k = heads(self.key.forward(&normed, Target::KProj, pass)?, config.kv_heads)?;
        let v = self.value.forward(&normed, Target::VProj, pass)?;
        let raw = (q, k);
        let (q, k) = match &self.head_norms {
            Some((q_norm, k_norm)) => (rms_norm(&raw.0, q_norm, eps)?, rms_norm(&raw.1, k_norm, eps)?),
            None => raw.clone(),
        };
        let (q, k) = (pass.rope.apply(&q)?, pass.rope.apply(&k)?);
        let (attended, kept) = attend(&q, &k, &v)?;
        let middle = add(x, &self.output.forward(&attended, Target::OProj, pass)?)?;
        let fed = rms_norm(&middle, &self.feed_norm, eps)?;
        let gate = self.gate.forward(&fed, Target::GateProj, pass)?;
        let up = self.up.forward(&fed, Target::UpProj, pass)?;
        let down = self.down.forward(&swiglu(&gate, &up)?, Target::DownProj, pass)?;
        let behind = add(&middle, &down)?;
        let activations = Activations {
            x: x.clone(),
            normed,
            raw,
            q,
            k,
            v,
            attended,
            kept,
            middle,
            fed,
            gate,
            up,
        };
        Ok((behind, activations))
    }

    /// The gradient of the residual stream before this block for that behind it, `dy` `[T, H]`.
    pub(super) fn backward<K>(
        &self,
        pass: Pass,
        on_the_way: &Activations<K>,
        dy: &Tensor,
        attend_back: AttendBack<K>,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let (eps, a) = (pass.config.norm_eps as f32, on_the_way);
        let mut back =
            |layer: &Layer, target, x: &Tensor, dy: &Tensor| layer.backward(x, dy, target, pass, gradients);
        let inner = swiglu(&a.gate, &a.up)?;
        let d_inner = back(&self.down, Target::DownProj, &inner, dy)?;
        let (d_gate, d_up) = backward::swiglu(&a.gate, &a.up, &d_inner)?;
        let d_fed = add(
            &back(&self.gate, Target::GateProj, &a.fed, &d_gate)?,
            &back(&self.up, Target::UpProj, &a.fed, &d_up)?,
        )?;
        let d_middle = add(dy, &backward::rms_norm(&a.middle, &self.feed_norm, &d_fed, eps)?)?;
        let d_attended = back(&self.output, Target::OProj, &a.attended, &d_middle)?;
        let [dq, dk, dv] = attend_back(a, &d_attended)?;
        let rope = pass.rope.back()?;
        let (mut dq, mut dk) = (rope.apply(&dq)?, rope.apply(&dk)?);
        if let Some((q_norm, k_norm)) = &self.head_norms {
            dq = backward::rms_norm(&a.raw.0, q_norm, &dq, eps)?;
            dk = backward::rms_norm(&a.raw.1, k_norm, &dk, eps)?;
        }
        let d_normed = add(
            &add(
                &back(&self.query, Target::QProj, &a.normed, &dq.flatten_from(1)?)?,
                &back(&self.key, Target::KProj, &a.normed, &dk.flatten_from(1)?)?,
            )?,
            &back(&self.value, Target::VProj, &a.normed, &dv)?,
        )?;
        Ok(add(
            &d_middle,
            &backward::rms_norm(&a.x, &self.attention_norm, &d_normed, eps)?,
        )?)
    }
}
