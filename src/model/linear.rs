//! Linear layers behind one seam, so that the decoder does not know how its weights are held.

use candle_core::quantized::QTensor;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::gguf::blocks;
use crate::model::kernels::{floats, product::PackedMatrix};

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

/// How the decoder holds the weights of its linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightForm {
    /// As quantised in the file, multiplied in integers where the format allows it: the fast one.
    #[default]
    Blocks,
    /// Dequantised to f32: the reference, five to eight times as large.
    F32,
}

/// A linear layer from the blocks of a file; output `i` is row `row(i)` of `weight`.
///
/// # Errors
/// The block format is unknown.
pub fn load(
    weight: &QTensor,
    bias: Option<Tensor>,
    form: WeightForm,
    row: &dyn Fn(usize) -> usize,
) -> Result<Box<dyn Linear>> {
    let shape = weight.shape().dims2()?;
    if form == WeightForm::Blocks
        && let Some(weight) = blocks::pack(weight.dtype(), &weight.data()?, shape, row)
    {
        let bias = bias.map_or(Ok(Vec::new()), |bias| bias.to_vec1())?;
        return Ok(Box::new(Quantised { weight, bias }));
    }
    let rows: Vec<u32> = (0..shape.0).map(|i| row(i) as u32).collect();
    let weight = weight.dequantize(&Device::Cpu)?;
    let weight = weight.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
    Ok(Box::new(Dequantised { weight, bias }))
}

/// A layer whose weight was dequantised to f32 when it was loaded.
#[derive(Debug)]
struct Dequantised {
    /// `[out, in]`.
    weight: Tensor,
    /// `[out]`.
    bias: Option<Tensor>,
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

/// A layer whose weight stays quantised; activations are quantised to i8 as they come.
#[derive(Debug)]
struct Quantised {
    weight: PackedMatrix,
    /// `[out]`, or nothing.
    bias: Vec<f32>,
}

impl Linear for Quantised {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.apply_op1_no_bwd(self)?)
    }

    fn dense(&self, dtype: DType) -> Result<Tensor> {
        let weight = Tensor::from_vec(self.weight.dense(), self.weight.shape(), &Device::Cpu)?;
        Ok(weight.to_dtype(dtype)?)
    }
}

impl CustomOp1 for Quantised {
    fn name(&self) -> &'static str {
        "quantised-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (rows, inputs) = layout.shape().dims2()?;
        let (outputs, expected) = self.weight.shape();
        if inputs != expected {
            candle_core::bail!("quantised-product: {inputs} inputs, expected {expected}");
        }
        let y = self.weight.multiply(floats(storage, layout)?, &self.bias);
        Ok((CpuStorage::F32(y), Shape::from((rows, outputs))))
    }
}
