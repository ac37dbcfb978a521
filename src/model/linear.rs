//! Linear layers behind one seam, so that the decoder does not know how its weights are held.

use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};

use crate::error::Result;

/// `y = x W^T + b`.
pub trait Linear: Send + Sync + std::fmt::Debug {
    /// `x`: `[T, in]`, f32; the answer: `[T, out]`, f32.
    ///
    /// # Errors
    /// The shapes do not fit.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// The weight as a dense `[out, in]` tensor of `dtype`: what training differentiates through.
    ///
    /// # Errors
    /// The conversion fails.
    fn dense(&self, dtype: DType) -> Result<Tensor>;
}

/// A layer whose weight was dequantised to f32 when it was loaded.
#[derive(Debug)]
pub struct Dequantised {
    /// `[out, in]`.
    weight: Tensor,
    /// `[out]`.
    bias: Option<Tensor>,
}

impl Dequantised {
    /// From a dense weight `[out, in]` and a bias `[out]`, both f32.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// Dequantises `weight` (`[out, in]` in any GGUF block format).
    ///
    /// # Errors
    /// The block format is unknown.
    pub fn from_blocks(weight: &QTensor, bias: Option<Tensor>) -> Result<Self> {
        Ok(Self::new(weight.dequantize(&Device::Cpu)?, bias))
    }
}

impl Linear for Dequantised {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight.t()?)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }

    fn dense(&self, dtype: DType) -> Result<Tensor> {
        Ok(self.weight.to_dtype(dtype)?)
    }
}
