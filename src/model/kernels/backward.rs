//! The derivatives of the decoder's elementwise arithmetic. What candle runs fused it does not differentiate, so
//! training asks here; each function is held against finite differences.

use candle_core::{Device, Result, Storage, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{CHUNK, exp, floats, portable};

/// Calls `read` with the numbers of a contiguous f32 tensor on the CPU, without copying them.
///
/// # Errors
/// The tensor is of another kind, or `read` fails.
pub fn with_floats<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => read(floats(storage, layout)?),
        _ => bail!("the numbers lie on another device"),
    }
}

/// The gradient of `x / rms(x) * weight` with respect to `x` (Zhang & Sennrich 2019, arXiv:1910.07467), for its
/// gradient `dy`; `x` and `dy`: `[.., H]`, contiguous, `weight`: `[H]`.
///
/// With `n = 1 / sqrt(mean(x^2) + eps)` and `g = dy * weight`: `dx = n g - x n^3 mean(g x)`.
///
/// # Errors
/// The shapes do not fit.
pub fn rms_norm(x: &Tensor, weight: &Tensor, dy: &Tensor, eps: f32) -> Result<Tensor> {
    let width = weight.dim(0)?;
    if x.dims() != dy.dims() || x.dims().last() != Some(&width) {
        bail!(
            "norm of {:?} with {:?} and {width} weights",
            x.shape(),
            dy.shape()
        );
    }
    if !x.device().is_cpu() {
        return portable::rms_norm_back(x, weight, dy, eps);
    }
    let mut out = vec![0_f32; x.elem_count()];
    let arch = Arch::new();
    with_floats(x, |x| {
        with_floats(weight, |weight| {
            with_floats(dy, |dy| {
                out.par_chunks_mut(width)
                    .zip(x.par_chunks(width))
                    .zip(dy.par_chunks(width))
                    .with_min_len(8)
                    .for_each(|((out, x), dy)| {
                        let row = NormRow {
                            out,
                            x,
                            weight,
                            dy,
                            eps,
                        };
                        arch.dispatch(row);
                    });
                Ok(())
            })
        })
    })?;
    Tensor::from_vec(out, x.shape(), &Device::Cpu)
}

/// One row of the norm's gradient.
struct NormRow<'a> {
    out: &'a mut [f32],
    x: &'a [f32],
    weight: &'a [f32],
    dy: &'a [f32],
    eps: f32,
}

impl WithSimd for NormRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            out,
            x,
            weight,
            dy,
            eps,
        } = self;
        let count = x.len() as f32;
        let squares: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let norm = 1.0 / (squares as f32 / count + eps).sqrt();
        let along: f64 = x
            .iter()
            .zip(weight)
            .zip(dy)
            .map(|((&x, &w), &dy)| f64::from(x) * f64::from(w * dy))
            .sum();
        let back = norm * norm * norm * (along as f32 / count);
        for (((out, &x), &w), &dy) in out.iter_mut().zip(x).zip(weight).zip(dy) {
            *out = norm * w * dy - back * x;
        }
    }
}

/// The gradients of `silu(gate) * up` with respect to `gate` and `up`, for its gradient `dy`; all of one shape.
///
/// # Errors
/// The shapes differ.
pub fn swiglu(gate: &Tensor, up: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
    if gate.dims() != up.dims() || gate.dims() != dy.dims() {
        bail!(
            "gated activation of {:?}, {:?} and {:?}",
            gate.shape(),
            up.shape(),
            dy.shape()
        );
    }
    if !gate.device().is_cpu() {
        return portable::swiglu_back(gate, up, dy);
    }
    let (mut d_gate, mut d_up) = (vec![0_f32; gate.elem_count()], vec![0_f32; gate.elem_count()]);
    let arch = Arch::new();
    with_floats(gate, |gate| {
        with_floats(up, |up| {
            with_floats(dy, |dy| {
                (d_gate.par_chunks_mut(CHUNK), d_up.par_chunks_mut(CHUNK))
                    .into_par_iter()
                    .zip(gate.par_chunks(CHUNK))
                    .zip(up.par_chunks(CHUNK))
                    .zip(dy.par_chunks(CHUNK))
                    .for_each(|((((d_gate, d_up), gate), up), dy)| {
                        let part = Gated {
                            gate,
                            up,
                            dy,
                            d_gate,
                            d_up,
                        };
                        arch.dispatch(part);
                    });
                Ok(())
            })
        })
    })?;
    let tensor = |values| Tensor::from_vec(values, gate.shape(), &Device::Cpu);
    Ok((tensor(d_gate)?, tensor(d_up)?))
}

/// Some elements of the gated activation's gradients.
struct Gated<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    dy: &'a [f32],
    d_gate: &'a mut [f32],
    d_up: &'a mut [f32],
}

impl WithSimd for Gated<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let inputs = self.gate.iter().zip(self.up).zip(self.dy);
        let outputs = self.d_gate.iter_mut().zip(self.d_up);
        for (((&gate, &up), &dy), (d_gate, d_up)) in inputs.zip(outputs) {
            let sigmoid = 1.0 / (1.0 + exp(-gate));
            *d_up = dy * gate * sigmoid;
            *d_gate = dy * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernels;

    fn normal(shape: &[usize]) -> Result<Tensor> {
        Tensor::randn(0_f32, 1.0, shape, &Device::Cpu)
    }

    /// The largest difference of `gradient` from central differences of `sum(f(x) * dy)`, as a share of the largest entry.
    fn off(x: &Tensor, dy: &Tensor, gradient: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<f32> {
        const STEP: f32 = 1e-2;
        let values = x.flatten_all()?.to_vec1::<f32>()?;
        let loss = |values: Vec<f32>| -> Result<f64> {
            let y = f(&Tensor::from_vec(values, x.shape(), &Device::Cpu)?)?;
            (y * dy)?
                .to_dtype(candle_core::DType::F64)?
                .sum_all()?
                .to_scalar()
        };
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        let largest = gradient.iter().fold(0_f32, |a, b| a.max(b.abs()));
        let mut worst = 0_f32;
        for i in 0..values.len() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[i] += by;
                loss(values)
            };
            let slope = (moved(STEP)? - moved(-STEP)?) as f32 / (2.0 * STEP);
            worst = worst.max((slope - gradient[i]).abs() / largest);
        }
        Ok(worst)
    }

    #[test]
    fn the_norm_has_the_slope_of_its_differences() -> Result<()> {
        let (x, dy, weight) = (normal(&[3, 32])?, normal(&[3, 32])?, normal(&[32])?);
        let gradient = rms_norm(&x, &weight, &dy, 1e-5)?;
        let worst = off(&x, &dy, &gradient, |x| candle_nn::ops::rms_norm(x, &weight, 1e-5))?;
        assert!(worst < 1e-3, "{worst}");
        assert!(rms_norm(&x, &normal(&[31])?, &dy, 1e-5).is_err());
        Ok(())
    }

    #[test]
    fn the_gated_activation_has_the_slopes_of_its_differences() -> Result<()> {
        let (gate, up, dy) = (normal(&[4, 16])?, normal(&[4, 16])?, normal(&[4, 16])?);
        let (d_gate, d_up) = swiglu(&gate, &up, &dy)?;
        let by_gate = off(&gate, &dy, &d_gate, |gate| kernels::swiglu(gate, &up))?;
        let by_up = off(&up, &dy, &d_up, |up| kernels::swiglu(&gate, up))?;
        assert!(by_gate < 1e-3 && by_up < 1e-3, "{by_gate} {by_up}");
        assert!(swiglu(&gate, &up, &normal(&[4, 15])?).is_err());
        Ok(())
    }
}
