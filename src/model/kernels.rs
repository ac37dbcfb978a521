//! The two element-wise passes of the decoder that candle runs scalar or in several sweeps: the gated activation, and
//! the softmax of attention with its log-sum-exp. Inference only: no backward.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

/// `silu(gate) * up`, element by element; both `[T, I]`, f32, contiguous.
///
/// # Errors
/// The shapes differ or a tensor is not contiguous.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.apply_op2_no_bwd(up, &SwiGlu)
}

/// Softmax over the last dimension of attention scores, and its log-sum-exp.
///
/// `scores`: `[heads, rows, keys]`, f32, contiguous, before scaling. Row `r` belongs to query `r % queries`. With
/// `causal = Some(prior)`, query `q` sees the keys `0..=prior + q`; with `None` it sees all of them.
/// The answer is `[heads, rows, keys + 1]`: the weights, and in the last column the log of the sum of
/// exp(scaled scores), with which two softmaxes over disjoint keys are merged (Milakov & Gimelshein 2018,
/// arXiv:1805.02867; the merge as in `FlashDecoding`).
///
/// # Errors
/// The tensor is not contiguous f32 of rank 3, or its rows are not whole sets of `queries`.
pub fn softmax_with_lse(
    scores: &Tensor,
    scale: f32,
    queries: usize,
    causal: Option<usize>,
) -> Result<Tensor> {
    scores.apply_op1_no_bwd(&SoftmaxWithLse {
        scale,
        queries,
        causal,
    })
}

/// Elements one task takes at a time.
const CHUNK: usize = 1 << 14;

struct SwiGlu;

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (floats(s1, l1)?, floats(s2, l2)?);
        if gate.len() != up.len() {
            bail!("swiglu: gate has {:?}, up has {:?}", l1.shape(), l2.shape());
        }
        let mut out = vec![0_f32; gate.len()];
        let arch = Arch::new();
        out.par_chunks_mut(CHUNK)
            .zip(gate.par_chunks(CHUNK))
            .zip(up.par_chunks(CHUNK))
            .for_each(|((out, gate), up)| {
                arch.dispatch(|| {
                    for ((o, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                        *o = u * g / (1.0 + exp(-g));
                    }
                });
            });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

struct SoftmaxWithLse {
    scale: f32,
    queries: usize,
    causal: Option<usize>,
}

impl CustomOp1 for SoftmaxWithLse {
    fn name(&self) -> &'static str {
        "softmax-with-lse"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (heads, rows, keys) = layout.shape().dims3()?;
        let shape = Shape::from((heads, rows, keys + 1));
        if keys == 0 || rows == 0 {
            // Over no key at all the log-sum-exp is minus infinity, and there is no weight.
            return Ok((CpuStorage::F32(vec![f32::NEG_INFINITY; heads * rows]), shape));
        }
        if self.queries == 0 || !rows.is_multiple_of(self.queries) {
            bail!(
                "softmax-with-lse: {rows} rows are not a multiple of {} queries",
                self.queries
            );
        }
        let scores = floats(storage, layout)?;
        let mut out = vec![0_f32; heads * rows * (keys + 1)];
        let arch = Arch::new();
        out.par_chunks_mut(keys + 1)
            .zip(scores.par_chunks(keys))
            .enumerate()
            .with_min_len(16)
            .for_each(|(row, (out, scores))| {
                let query = row % rows % self.queries;
                let seen = self.causal.map_or(keys, |prior| (prior + query + 1).min(keys));
                let lse = arch.dispatch(|| softmax_row(&scores[..seen], self.scale, &mut out[..seen]));
                out[keys] = lse;
            });
        Ok((CpuStorage::F32(out), shape))
    }
}

/// Softmax of `scale * scores` into `out`; answers the log-sum-exp, minus infinity when there is no score.
#[expect(
    clippy::inline_always,
    reason = "must be compiled inside the dispatch to use its wide registers"
)]
#[inline(always)]
fn softmax_row(scores: &[f32], scale: f32, out: &mut [f32]) -> f32 {
    let max = maximum(scores) * scale;
    for (o, &s) in out.iter_mut().zip(scores) {
        *o = exp(s * scale - max);
    }
    let sum = sum(out);
    let inverse = 1.0 / sum;
    for o in out.iter_mut() {
        *o *= inverse;
    }
    max + sum.ln()
}

const LANES: usize = 16;

/// The largest element, in lanes, so that the compiler can use wide registers.
#[expect(
    clippy::inline_always,
    reason = "must be compiled inside the dispatch to use its wide registers"
)]
#[inline(always)]
fn maximum(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| a.max(b))
}

/// The sum, in lanes.
#[expect(
    clippy::inline_always,
    reason = "must be compiled inside the dispatch to use its wide registers"
)]
#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().chain(rest).sum()
}

/// e^x to about 2 units in the last place for x in [-87, 88], 0 below: x = n ln 2 + r with |r| <= ln 2 / 2, a
/// polynomial for e^r (Cephes `expf`), and n added to the exponent bits. No branch and no call, so that loops over it
/// are vectorised.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds to a whole number and leaves that number in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let inside = x.clamp(-87.0, 88.0);
    let shifted = inside * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = inside - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let value = p * r * r + r + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { value * power }
}

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("expected a contiguous tensor, got strides {:?}", layout.stride());
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

#[cfg(test)]
mod tests;
