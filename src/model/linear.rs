//! Linear layers behind one seam, so that the decoder does not know how its weights are held.

use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Module as _, Shape, Tensor};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef};

pub use crate::config::WeightForm;
use crate::error::Result;
use crate::model::backend::Backend;
use crate::model::gguf::blocks;
use crate::model::kernels::{floats, product::PackedMatrix};

/// `y = x W^T + b`.
pub trait Linear: Send + Sync + std::fmt::Debug {
    /// `x`: `[T, in]`, f32; the answer: `[T, out]`, f32.
    ///
    /// # Errors
    /// The shapes do not fit.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// The gradient with respect to `x` for the gradient `dy` `[T, out]` of the answer: `dy W`, `[T, in]`, f32. The
    /// weights themselves do not learn.
    ///
    /// # Errors
    /// The shapes do not fit.
    fn backward(&self, dy: &Tensor) -> Result<Tensor>;
}

/// A linear layer from the blocks of a file; output `i` is row `row(i)` of `weight`.
///
/// # Errors
/// The block format is unknown.
pub fn load(
    weight: &QTensor,
    bias: Option<Tensor>,
    form: WeightForm,
    backend: &Backend,
    row: &dyn Fn(usize) -> usize,
) -> Result<Arc<dyn Linear>> {
    let shape = weight.shape().dims2()?;
    if let (WeightForm::Blocks, Backend::Tensors(device)) = (form, backend)
        && !matches!(weight.dtype(), GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16)
    {
        return Ok(Arc::new(OnDevice::new(weight, bias, device, row)?));
    }
    if form == WeightForm::Blocks
        && matches!(backend, Backend::Kernels)
        && let Some(weight) = blocks::pack(weight.dtype(), &weight.data()?, shape, row)
    {
        let bias = bias.map_or(Ok(Vec::new()), |bias| bias.to_vec1())?;
        return Ok(Arc::new(Quantised { weight, bias }));
    }
    let rows: Vec<u32> = (0..shape.0).map(|i| row(i) as u32).collect();
    let weight = weight.dequantize(&Device::Cpu)?;
    let weight = weight.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
    let weight = weight.to_device(backend.device())?;
    Ok(Arc::new(Dequantised { weight, bias }))
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

    fn backward(&self, dy: &Tensor) -> Result<Tensor> {
        Ok(dy.matmul(&self.weight)?)
    }
}

/// A layer whose weight stays as it is in the file, multiplied by candle's own kernels on a device.
#[derive(Debug)]
struct OnDevice {
    /// `[out, in]`.
    weight: Arc<QTensor>,
    product: QMatMul,
    /// `[out]`.
    bias: Option<Tensor>,
}

impl OnDevice {
    fn new(
        weight: &QTensor,
        bias: Option<Tensor>,
        device: &Device,
        row: &dyn Fn(usize) -> usize,
    ) -> Result<Self> {
        let (outputs, inputs) = weight.shape().dims2()?;
        let dtype = weight.dtype();
        let (bytes, width) = (weight.data()?, inputs / dtype.block_size() * dtype.type_size());
        let rows = (0..outputs).flat_map(|i| &bytes[row(i) * width..][..width]);
        let storage = QStorage::from_data(rows.copied().collect::<Vec<u8>>().into(), device, dtype)?;
        let weight = Arc::new(QTensor::new(storage, (outputs, inputs))?);
        Ok(Self {
            product: QMatMul::from_arc(weight.clone())?,
            weight,
            bias,
        })
    }
}

impl Linear for OnDevice {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.product.forward(x)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }

    /// The weights are dense for the length of the product.
    fn backward(&self, dy: &Tensor) -> Result<Tensor> {
        Ok(dy.matmul(&self.weight.dequantize(dy.device())?)?)
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

    /// The product with the weights as they are used, some outputs at a time: they are never all dense.
    fn backward(&self, dy: &Tensor) -> Result<Tensor> {
        Ok(dy.apply_op1_no_bwd(&Backward(&self.weight))?)
    }
}

/// Outputs whose weights are dense at once.
const PANEL: usize = 512;

struct Backward<'a>(&'a PackedMatrix);

impl CustomOp1 for Backward<'_> {
    fn name(&self) -> &'static str {
        "quantised-product-backward"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (rows, outputs) = layout.shape().dims2()?;
        let (expected, inputs) = self.0.shape();
        if outputs != expected {
            candle_core::bail!("{}: {outputs} outputs, expected {expected}", self.name());
        }
        let dy = MatRef::from_row_major_slice(floats(storage, layout)?, rows, outputs);
        let mut dx = vec![0_f32; rows * inputs];
        let mut first = 0;
        while first < outputs {
            let count = PANEL.min(outputs - first);
            let panel = self.0.dense(first..first + count);
            matmul(
                MatMut::from_row_major_slice_mut(&mut dx, rows, inputs),
                Accum::Add,
                dy.subcols(first, count),
                MatRef::from_row_major_slice(&panel, count, inputs),
                1.0,
                faer::Par::rayon(0),
            );
            first += count;
        }
        Ok((CpuStorage::F32(dx), Shape::from((rows, inputs))))
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
