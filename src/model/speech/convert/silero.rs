//! Silero's voice detector, version 6, from its safetensors file to the layout in which whisper.cpp reads it: a short-time
//! Fourier transform as a convolution, four convolutions, an LSTM, and a last convolution to one probability for every
//! 512 samples.

use std::collections::HashMap;
use std::io::Write;

use candle_core::{Device, Tensor};

use super::ctranslate2::bad;
use super::ggml::{self, Type};
use crate::error::Result;

/// What whisper.cpp shows of the model; it reads no meaning into it.
const NAME: &[u8] = b"silero-16k";
const VERSION: [i32; 3] = [6, 2, 0];
/// Samples a step, and those of the step before that are heard again.
const WINDOW: i32 = 512;
const CONTEXT: i32 = 64;
/// The convolutions: channels in, channels out, width.
const CONVOLUTIONS: [[i32; 3]; 4] = [[129, 128, 3], [128, 64, 3], [64, 64, 3], [64, 128, 3]];
/// The LSTM's input and state, and the last convolution's channels in and out.
const REST: [i32; 4] = [128, 128, 128, 1];

/// Name here, name there, and how it is written.
const TENSORS: [(&str, &str, Type); 15] = [
    ("conv1.weight", "_model.encoder.0.reparam_conv.weight", Type::F16),
    ("conv1.bias", "_model.encoder.0.reparam_conv.bias", Type::F32),
    ("conv2.weight", "_model.encoder.1.reparam_conv.weight", Type::F16),
    ("conv2.bias", "_model.encoder.1.reparam_conv.bias", Type::F32),
    ("conv3.weight", "_model.encoder.2.reparam_conv.weight", Type::F16),
    ("conv3.bias", "_model.encoder.2.reparam_conv.bias", Type::F32),
    ("conv4.weight", "_model.encoder.3.reparam_conv.weight", Type::F16),
    ("conv4.bias", "_model.encoder.3.reparam_conv.bias", Type::F32),
    ("lstm_cell.weight_ih", "_model.decoder.rnn.weight_ih", Type::F32),
    ("lstm_cell.weight_hh", "_model.decoder.rnn.weight_hh", Type::F32),
    ("lstm_cell.bias_ih", "_model.decoder.rnn.bias_ih", Type::F32),
    ("lstm_cell.bias_hh", "_model.decoder.rnn.bias_hh", Type::F32),
    ("final_conv.weight", "_model.decoder.decoder.2.weight", Type::F16),
    ("final_conv.bias", "_model.decoder.decoder.2.bias", Type::F32),
    ("stft_conv.weight", "_model.stft.forward_basis_buffer", Type::F16),
];

/// Converts the detector.
pub(super) fn convert(model: &[u8], out: &mut impl Write) -> Result<()> {
    let unreadable = |e: candle_core::Error| bad("it is no safetensors file").because(e);
    let tensors = candle_core::safetensors::load_buffer(model, &Device::Cpu).map_err(unreadable)?;
    ggml::numbers(out, &[ggml::MAGIC, NAME.len() as i32])?;
    ggml::raw(out, NAME)?;
    ggml::numbers(out, &VERSION)?;
    ggml::numbers(out, &[WINDOW, CONTEXT, CONVOLUTIONS.len() as i32])?;
    CONVOLUTIONS
        .iter()
        .try_for_each(|sizes| ggml::numbers(out, sizes))?;
    ggml::numbers(out, &REST)?;
    TENSORS.iter().try_for_each(|row| write(&tensors, row, out))
}

fn write(tensors: &HashMap<String, Tensor>, row: &(&str, &str, Type), out: &mut impl Write) -> Result<()> {
    let (from, to, kind) = *row;
    let tensor = tensors
        .get(from)
        .ok_or_else(|| bad(format!("there is no {from} in it")))?;
    // The last convolution is one row of one column: whisper.cpp has it as a row.
    let mut dims = tensor.dims().to_vec();
    if from.starts_with("final_conv") {
        dims.retain(|&size| size > 1);
    }
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    ggml::tensor(out, to, &dims, kind, values.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// The shapes are those of Silero's own file, the size is that of the file whisper.cpp's makers publish.
    #[test]
    fn the_detector_comes_out_as_large_as_the_published_one() -> Outcome {
        let shapes: [(&str, &[usize]); 15] = [
            ("stft_conv.weight", &[258, 1, 256]),
            ("conv1.weight", &[128, 129, 3]),
            ("conv1.bias", &[128]),
            ("conv2.weight", &[64, 128, 3]),
            ("conv2.bias", &[64]),
            ("conv3.weight", &[64, 64, 3]),
            ("conv3.bias", &[64]),
            ("conv4.weight", &[128, 64, 3]),
            ("conv4.bias", &[128]),
            ("lstm_cell.weight_ih", &[512, 128]),
            ("lstm_cell.weight_hh", &[512, 128]),
            ("lstm_cell.bias_ih", &[512]),
            ("lstm_cell.bias_hh", &[512]),
            ("final_conv.weight", &[1, 128, 1]),
            ("final_conv.bias", &[1]),
        ];
        let folder = tempfile::tempdir()?;
        let mut tensors = HashMap::new();
        for (name, shape) in shapes {
            tensors.insert(name.to_owned(), Tensor::zeros(shape, DType::F32, &Device::Cpu)?);
        }
        let path = folder.path().join("a.safetensors");
        candle_core::safetensors::save(&tensors, &path)?;
        let mut out = Vec::new();
        convert(&std::fs::read(&path)?, &mut out)?;
        assert_eq!(out.len(), 885_098);
        tensors.remove("conv4.bias");
        candle_core::safetensors::save(&tensors, &path)?;
        let error = convert(&std::fs::read(&path)?, &mut out)
            .err()
            .ok_or("converted")?;
        assert!(error.to_string().contains("no conv4.bias"), "{error}");
        Ok(())
    }
}
