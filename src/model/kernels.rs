//! The decoder's own arithmetic, for what candle runs scalar, in several sweeps or in f32 only: the product with
//! quantised weights, attention, and the gated activation. Inference only: no backward.

pub mod attention;
pub mod lanes;
pub mod product;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

/// `silu(gate) * up`, element by element; both `[T, I]`, f32, contiguous.
///
/// # Errors
/// The shapes differ or a tensor is not contiguous.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.apply_op2_no_bwd(up, &SwiGlu)
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

/// e^x to about 2 units in the last place for x in [-87, 88], 0 below: x = n ln 2 + r with |r| <= ln 2 / 2, a
/// polynomial for e^r (Cephes `expf`), and n added to the exponent bits. No branch and no call, so that loops over it
/// are vectorised.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds to a whole number and leaves that number in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let inside = x.clamp(-87.0, 88.0);
    let shifted = inside.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_4, inside);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let value = p.mul_add(r * r, r + 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { value * power }
}

/// The numbers of a contiguous f32 tensor.
pub(super) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("expected a contiguous tensor, got strides {:?}", layout.stride());
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

#[cfg(test)]
mod tests;
