//! The decoder's own arithmetic, for what candle runs scalar, in several sweeps or in f32 only: the product with
//! quantised weights, attention, and the gated activation; and what of it training differentiates.

pub mod attention;
pub mod backward;
pub mod lanes;
pub mod low_rank;
pub mod portable;
pub mod product;
pub mod segments;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use half::f16;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// `silu(gate) * up`, element by element; both `[T, I]`, f32, contiguous.
///
/// # Errors
/// The shapes differ or a tensor is not contiguous.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if !gate.device().is_cpu() {
        return gate.silu()? * up;
    }
    gate.apply_op2_no_bwd(
        up,
        &Elementwise("swiglu", |gate: f32, up: f32| up * gate / (1.0 + exp(-gate))),
    )
}

/// `a + b`, element by element; both contiguous f32. candle's own wakes a second pool of threads for it.
///
/// # Errors
/// The shapes differ or a tensor is not contiguous.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.device().is_cpu() {
        return a + b;
    }
    a.apply_op2_no_bwd(b, &Elementwise("add", |a: f32, b: f32| a + b))
}

/// How many of `count` things one task takes: at most `most`, in as few rounds of all threads as that allows, and as even
/// as whole things can be.
fn share(count: usize, most: usize, threads: usize) -> usize {
    let rounds = count.div_ceil(most.max(1) * threads).max(1);
    count.div_ceil(threads * rounds).max(1)
}

/// Elements one task takes at a time.
const CHUNK: usize = 1 << 14;

/// A function of two tensors of one shape.
struct Elementwise<F>(&'static str, F);

impl<F: Fn(f32, f32) -> f32 + Sync> CustomOp2 for Elementwise<F> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (floats(s1, l1)?, floats(s2, l2)?);
        if l1.shape() != l2.shape() {
            bail!("{}: {:?} and {:?} differ", self.0, l1.shape(), l2.shape());
        }
        let mut out = vec![0_f32; a.len()];
        let arch = Arch::new();
        out.par_chunks_mut(CHUNK)
            .zip(a.par_chunks(CHUNK))
            .zip(b.par_chunks(CHUNK))
            .for_each(|((out, a), b)| {
                arch.dispatch(Part {
                    function: &self.1,
                    out,
                    a,
                    b,
                });
            });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

/// Some elements of a function of two tensors. A type of its own: a closure is compiled for any processor where the
/// compiler does not inline the call of it.
struct Part<'a, F> {
    function: &'a F,
    out: &'a mut [f32],
    a: &'a [f32],
    b: &'a [f32],
}

impl<F: Fn(f32, f32) -> f32> WithSimd for Part<'_, F> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((o, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            *o = (self.function)(a, b);
        }
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

/// `x` as f32, exactly; `x` is finite. Without a call, so that loops over it are vectorised: the bits of the mantissa and
/// the exponent are put where those of an f32 are, and the difference of the exponents' biases is multiplied in.
#[inline(always)]
pub(super) fn widen(x: f16) -> f32 {
    /// 2^(127 - 15).
    const BIASES: f32 = f32::from_bits((112 + 127) << 23);
    let bits = u32::from(x.to_bits());
    f32::from_bits((bits & 0x7fff) << 13 | (bits & 0x8000) << 16) * BIASES
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
