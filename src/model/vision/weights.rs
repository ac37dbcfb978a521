//! The tensors of a model in safetensors files, read one by one: the files are larger than what is made of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Metadata, TensorInfo};

use crate::error::{Error, ErrorKind, Result, without_backtrace};
use crate::model::decoder::Weights;
use crate::model::linear::WeightForm;

/// The longest list of tensors, in bytes: what the format's own reader takes.
const LONGEST_LIST: u64 = 100_000_000;
/// Numbers that share a scale in `Q8_0`.
const BLOCK: usize = 32;

/// The files of one model.
#[derive(Debug)]
pub(super) struct Files {
    /// What the decoder's matrices become.
    form: WeightForm,
    /// By name: the file and the place in it.
    tensors: HashMap<String, (PathBuf, u64, TensorInfo)>,
}

impl Files {
    /// Reads the lists of all files.
    ///
    /// # Errors
    /// `Io` when one cannot be read, `Model` when one is no whole safetensors file.
    pub(super) fn open(paths: &[PathBuf], form: WeightForm) -> Result<Self> {
        let mut tensors = HashMap::new();
        for path in paths {
            let (start, list) = list(path)?;
            for (name, info) in list.tensors() {
                tensors.insert(name, (path.clone(), start, info.clone()));
            }
        }
        Ok(Self { form, tensors })
    }

    /// One tensor in f32, by its own name.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub(super) fn dense(&self, name: &str) -> Result<Tensor> {
        let missing = || self.error(format!("tensor {name} is missing"));
        let (path, start, info) = self.tensors.get(name).ok_or_else(missing)?;
        let unread = |e| Error::io("read", path, e);
        let mut file = File::open(path).map_err(unread)?;
        let (from, to) = info.data_offsets;
        file.seek(SeekFrom::Start(start + from as u64)).map_err(unread)?;
        let mut bytes = vec![0; to - from];
        file.read_exact(&mut bytes).map_err(unread)?;
        let dense = || -> candle_core::Result<Tensor> {
            let dtype = DType::try_from(info.dtype)?;
            Tensor::from_raw_buffer(&bytes, dtype, &info.shape, &Device::Cpu)?.to_dtype(DType::F32)
        };
        dense().map_err(|e| {
            self.error(format!("tensor {name} cannot be read"))
                .because(without_backtrace(e))
        })
    }
}

/// Where the tensors of a file begin, and which there are.
fn list(path: &PathBuf) -> Result<(u64, Metadata)> {
    let unread = |e| Error::io("read", path, e);
    let broken = || {
        let what = format!("{} is no whole safetensors file", path.display());
        Error::new(ErrorKind::Model, what).hint("`plumb models verify` reads the model's files again")
    };
    let mut file = File::open(path).map_err(unread)?;
    let size = file.metadata().map_err(unread)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| broken())?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_LIST.min(size) {
        return Err(broken());
    }
    let mut json = vec![0; length as usize];
    file.read_exact(&mut json).map_err(|_| broken())?;
    let list: Metadata = serde_json::from_slice(&json).map_err(|e| broken().because(e))?;
    let start = 8 + length;
    if start + list.data_len() as u64 != size {
        return Err(broken());
    }
    Ok((start, list))
}

/// The decoder's tensors, under the names that GGUF gives them.
impl Weights for Files {
    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(&hub_name(name))
    }

    /// As blocks, matrices are rounded to eight bits, as the decoder's kernels read them; vectors never.
    fn tensor(&self, name: &str) -> Result<QTensor> {
        let dense = self.dense(&hub_name(name))?;
        let rows = dense.rank() == 2 && dense.dim(1)?.is_multiple_of(BLOCK);
        let dtype = match self.form {
            WeightForm::Blocks if rows => GgmlDType::Q8_0,
            _ => GgmlDType::F32,
        };
        Ok(QTensor::quantize(&dense, dtype)?)
    }

    fn error(&self, what: String) -> Error {
        let path = self.tensors.values().map(|(path, ..)| path).min();
        let path = path.map(|path| path.display().to_string()).unwrap_or_default();
        Error::new(ErrorKind::Model, format!("{path}: {what}"))
    }
}

/// The name that Hugging Face's implementation gives to a tensor of the decoder.
fn hub_name(name: &str) -> String {
    let decoder = "model.language_model";
    match *name.split('.').collect::<Vec<_>>() {
        ["blk", layer, part, what] => format!("{decoder}.layers.{layer}.{}.{what}", hub_part(part)),
        ["token_embd", what] => format!("{decoder}.embed_tokens.{what}"),
        ["output_norm", what] => format!("{decoder}.norm.{what}"),
        ["output", what] => format!("lm_head.{what}"),
        _ => name.to_owned(),
    }
}

/// The same for a part of a block.
fn hub_part(part: &str) -> &str {
    match part {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => other,
    }
}
