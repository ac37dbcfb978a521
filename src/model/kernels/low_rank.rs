//! What a low-rank update adds to a linear layer (Hu et al. 2021, arXiv:2106.09685): `y + scale * (x A^T) B^T`.
//!
//! A row's sums do not depend on the rows beside it, so that a forked, a batched and a chunked pass give the same bits
//! with an adapter as without one.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::floats;
use super::lanes::LANES;

/// Rows one task takes.
const ROWS: usize = 8;

/// The two factors, as the product reads them.
#[derive(Debug, Clone)]
pub struct LowRank {
    inputs: usize,
    outputs: usize,
    /// `[r, in]`.
    a: Vec<f32>,
    /// `[r, out]`, scaled.
    b: Vec<f32>,
}

impl LowRank {
    /// From `a` `[r, in]` and `b` `[out, r]`.
    ///
    /// # Errors
    /// The ranks differ.
    pub fn new(a: &Tensor, b: &Tensor, scale: f64) -> Result<Self> {
        let ((rank, inputs), (outputs, other)) = (a.dims2()?, b.dims2()?);
        if rank != other {
            bail!("low-rank update: ranks {rank} and {other} differ");
        }
        Ok(Self {
            inputs,
            outputs,
            a: a.flatten_all()?.to_vec1()?,
            b: (b.t()? * scale)?.contiguous()?.flatten_all()?.to_vec1()?,
        })
    }

    /// `y` `[T, out]` with the update for `x` `[T, in]` added, in the rows that `active` `[T]` marks; in all of them
    /// where there is no `active`.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn add_to(&self, y: &Tensor, x: &Tensor, active: Option<&[bool]>) -> Result<Tensor> {
        y.apply_op2_no_bwd(x, &Added { update: self, active })
    }

    #[expect(clippy::inline_always, reason = "must be compiled where it is dispatched")]
    #[inline(always)]
    fn row(&self, x: &[f32], y: &mut [f32]) {
        for (a, b) in self
            .a
            .chunks_exact(self.inputs)
            .zip(self.b.chunks_exact(self.outputs))
        {
            let product = dot(a, x);
            for (y, b) in y.iter_mut().zip(b) {
                *y = product.mul_add(*b, *y);
            }
        }
    }
}

/// Some rows.
struct Rows<'a> {
    update: &'a LowRank,
    x: &'a [f32],
    y: &'a mut [f32],
    active: Option<&'a [bool]>,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { update, x, y, active } = self;
        for (i, (y, x)) in y
            .chunks_exact_mut(update.outputs)
            .zip(x.chunks_exact(update.inputs))
            .enumerate()
        {
            if active.is_none_or(|active| active[i]) {
                update.row(x, y);
            }
        }
    }
}

/// Sixteen sums side by side, so that the loop is vectorised without changing its order.
#[expect(clippy::inline_always, reason = "must be compiled where it is dispatched")]
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] = a[i].mul_add(b[i], sums[i]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// An update on its way.
struct Added<'a> {
    update: &'a LowRank,
    active: Option<&'a [bool]>,
}

impl CustomOp2 for Added<'_> {
    fn name(&self) -> &'static str {
        "low-rank update"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, x) = (floats(s1, l1)?, floats(s2, l2)?);
        let ((rows, outputs), (other, inputs)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        let Self { update, active } = self;
        let marked = active.is_none_or(|active| active.len() == rows);
        if rows != other || outputs != update.outputs || inputs != update.inputs || !marked {
            bail!(
                "low-rank update [{}, {}]: got [{rows}, {outputs}] and [{other}, {inputs}]",
                update.outputs,
                update.inputs
            );
        }
        let mut out = y.to_vec();
        let arch = Arch::new();
        out.par_chunks_mut(ROWS * outputs)
            .zip(x.par_chunks(ROWS * inputs))
            .enumerate()
            .for_each(|(i, (y, x))| {
                let first = i * ROWS;
                let active = active.map(|active| &active[first..(first + ROWS).min(rows)]);
                arch.dispatch(Rows { update, x, y, active });
            });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn it_is_the_product_of_the_factors() -> Result<()> {
        let normal = |shape: (usize, usize)| Tensor::randn(0_f32, 1.0, shape, &Device::Cpu);
        let (a, b, x, y) = (
            normal((3, 37))?,
            normal((21, 3))?,
            normal((19, 37))?,
            normal((19, 21))?,
        );
        let update = LowRank::new(&a, &b, 0.5)?;
        let got = update.add_to(&y, &x, None)?;
        let expected = (&y + (x.matmul(&a.t()?)?.matmul(&b.t()?)? * 0.5)?)?;
        let worst: f32 = (&got - &expected)?.abs()?.max_all()?.to_scalar()?;
        assert!(worst < 1e-4, "{worst}");
        // One row alone gives the same bits.
        let alone = update.add_to(
            &y.narrow(0, 17, 1)?.contiguous()?,
            &x.narrow(0, 17, 1)?.contiguous()?,
            None,
        )?;
        let row = got.narrow(0, 17, 1)?;
        assert_eq!(alone.to_vec2::<f32>()?, row.to_vec2::<f32>()?);
        // Rows that are not marked stay as they are.
        let marks: Vec<bool> = (0..19).map(|row| row % 3 == 0).collect();
        let some = update.add_to(&y, &x, Some(&marks))?.to_vec2::<f32>()?;
        let (got, y_rows) = (got.to_vec2::<f32>()?, y.to_vec2::<f32>()?);
        for (row, marked) in marks.iter().enumerate() {
            assert_eq!(some[row], if *marked { &got } else { &y_rows }[row], "{row}");
        }
        assert!(update.add_to(&y, &x, Some(&marks[1..])).is_err());
        assert!(update.add_to(&x, &y, None).is_err());
        assert!(LowRank::new(&a, &a, 1.0).is_err());
        Ok(())
    }
}
