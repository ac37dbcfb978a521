//! Bad model files: each ends in one clear line, none in a panic.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use plumbline::error::{Error, ErrorKind};
use plumbline::model::backend::Backend;
use plumbline::model::chat::ChatFrame;
use plumbline::model::decoder::{Decoder, Step};
use plumbline::model::gguf::Gguf;
use plumbline::model::kv::BranchKv;
use plumbline::model::linear::WeightForm;
use plumbline::model::tokenizer::Tokenizer;

use crate::env::Outcome;
use crate::tiny::Tiny;

/// Everything a program does with a model file: opens it, loads it, and runs three tokens.
fn use_file(path: &Path) -> Result<(), Error> {
    let gguf = Gguf::open(path)?;
    let decoder = Decoder::load(&gguf, WeightForm::default(), &Backend::Kernels, &|_| {})?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let step = Step {
        tokens: &[0, 1, 2],
        spans: &[3],
        wanted: &[2],
    };
    let mut branch = BranchKv::root(decoder.geometry());
    decoder.forward(&step, &mut [&mut branch])?;
    Ok(())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Outcome<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("model.gguf")
    }

    fn write(&self, bytes: &[u8]) -> Outcome<PathBuf> {
        std::fs::write(self.path(), bytes)?;
        Ok(self.path())
    }

    /// The bytes of a tiny model that is in order.
    fn good(&self, arch: &str) -> Outcome<Vec<u8>> {
        Tiny::new(arch)?.write(&self.path())?;
        use_file(&self.path())?;
        Ok(std::fs::read(self.path())?)
    }
}

/// The file is refused with one line that names it and holds `words`.
fn refused(path: &Path, words: &str) -> Outcome {
    let error = use_file(path)
        .err()
        .ok_or_else(|| format!("accepted, expected {words:?}"))?;
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Model, "{message}");
    assert!(message.contains(words), "expected {words:?} in: {message}");
    assert!(message.contains("model.gguf"), "no file in: {message}");
    is_one_readable_line(&message);
    Ok(())
}

/// Names in a broken header can hold anything, of any length; none of it may reach a terminal as it is.
fn is_one_readable_line(message: &str) {
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.chars().count() < 1000, "{} characters", message.len());
}

fn changed(arch: &str, words: &str, change: impl FnOnce(&mut Tiny) -> candle_core::Result<()>) -> Outcome {
    let folder = Folder::new()?;
    let mut tiny = Tiny::new(arch)?;
    change(&mut tiny)?;
    tiny.write(&folder.path())?;
    refused(&folder.path(), words)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn missing_and_foreign_files() -> Outcome {
    let folder = Folder::new()?;
    refused(&folder.path(), "cannot open the model file")?;
    let hints = use_file(&folder.path()).err().map(|e| e.hints().to_vec());
    assert_eq!(hints, Some(vec!["fetch it with `plumb models pull`".to_owned()]));
    refused(&folder.write(b"")?, "not a whole GGUF file")?;
    refused(&folder.write(b"GG")?, "not a whole GGUF file")?;
    refused(
        &folder.write(b"PK\x03\x04 not a model, but long enough to be read as one")?,
        "magic",
    )?;
    refused(
        &folder.write(b"GGUF\x63\0\0\0 a version of the far future, with more bytes behind it")?,
        "version",
    )
}

/// Cut anywhere, the file is refused when it is opened, not when a tensor is missed later.
#[test]
fn truncated_files() -> Outcome {
    let folder = Folder::new()?;
    let good = folder.good("qwen3")?;
    let step = good.len() / 150;
    // The writer pads the last tensor to 32 bytes; more than that is a loss.
    for kept in (0..good.len() - 32).step_by(step) {
        let path = folder.write(&good[..kept])?;
        assert!(Gguf::open(&path).is_err(), "{kept} of {} bytes", good.len());
        refused(&path, "not a whole GGUF file")?;
    }
    Ok(())
}

#[test]
fn every_metadata_key_is_needed_and_of_one_kind() -> Outcome {
    // Defaults: Hugging Face's own for the base, one head a key head, hidden / heads. Missing is fine, nonsense is not.
    let optional = [
        "rope.freq_base",
        "attention.head_count_kv",
        "attention.key_length",
        "ggml.pre",
    ];
    for arch in ["llama", "qwen2", "qwen3"] {
        for key in Tiny::new(arch)?.metadata.keys() {
            if !optional.iter().any(|o| key.ends_with(o)) {
                changed(arch, key, |tiny| {
                    tiny.metadata.remove(key);
                    Ok(())
                })?;
            }
            changed(arch, key, |tiny| {
                tiny.set(key, Value::Bool(true));
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn every_tensor_is_needed_and_of_one_shape() -> Outcome {
    for arch in ["llama", "qwen2", "qwen3"] {
        for name in Tiny::new(arch)?.tensors.keys() {
            // Without an output matrix the embedding serves, as in the small model.
            if name != "output.weight" {
                changed(arch, name, |tiny| {
                    tiny.tensors.remove(name);
                    Ok(())
                })?;
            }
            changed(arch, name, |tiny| {
                let odd = Tensor::zeros((3, 32), DType::F32, &Device::Cpu)?;
                tiny.tensors
                    .insert(name.clone(), QTensor::quantize(&odd, GgmlDType::F32)?);
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn other_architectures_and_attentions() -> Outcome {
    let set = |key: &'static str, value: Value, words: &str| {
        changed("qwen3", words, |tiny| {
            tiny.set(key, value);
            Ok(())
        })
    };
    set(
        "general.architecture",
        text("mamba"),
        "\"mamba\" is not one of llama, qwen2, qwen3",
    )?;
    set(
        "qwen3.rope.scaling.type",
        text("yarn"),
        "qwen3.rope.scaling.type \"yarn\" is not supported",
    )?;
    set(
        "qwen3.rope.dimension_count",
        Value::U32(16),
        "qwen3.rope.dimension_count is 16",
    )?;
    set(
        "qwen3.attention.value_length",
        Value::U32(64),
        "qwen3.attention.value_length is 64",
    )?;
    set(
        "qwen3.attention.head_count_kv",
        Value::U32(3),
        "do not fit together",
    )?;
    set(
        "qwen3.attention.head_count_kv",
        Value::U32(0),
        "do not fit together",
    )?;
    set(
        "qwen3.attention.key_length",
        Value::U32(31),
        "do not fit together",
    )?;
    set(
        "qwen3.attention.head_count",
        Value::U32(0),
        "not those of a decoder",
    )?;
    set(
        "qwen3.block_count",
        Value::U32(u32::MAX),
        "not those of a decoder",
    )?;
    set(
        "qwen3.embedding_length",
        Value::U64(u64::MAX),
        "not those of a decoder",
    )?;
    set(
        "qwen3.rope.freq_base",
        Value::F32(f32::NAN),
        "not a positive number",
    )?;
    set(
        "qwen3.attention.layer_norm_rms_epsilon",
        Value::F32(-1.0),
        "not a positive number",
    )
}

#[test]
fn broken_tokenizers() -> Outcome {
    let set = |key: &'static str, value: Value, words: &str| {
        changed("qwen3", words, |tiny| {
            tiny.set(key, value);
            Ok(())
        })
    };
    set(
        "tokenizer.ggml.model",
        text("bert"),
        "\"bert\" is not the byte-level BPE",
    )?;
    set("tokenizer.ggml.pre", text("tekken"), "\"tekken\" is not known")?;
    set(
        "tokenizer.ggml.eos_token_id",
        Value::U32(9999),
        "the end token 9999",
    )?;
    set(
        "tokenizer.ggml.merges",
        Value::Array(vec![text("ab")]),
        "has no space",
    )?;
    set(
        "tokenizer.ggml.merges",
        Value::Array(vec![text("☃ ☃")]),
        "merges do not fit",
    )?;
    set(
        "tokenizer.ggml.token_type",
        Value::Array(vec![Value::I32(1)]),
        "tokens but 1 token types",
    )?;
    set(
        "tokenizer.ggml.tokens",
        Value::Array(vec![Value::I32(1)]),
        "not text",
    )
}

/// A special token without a name would be found everywhere.
#[test]
fn a_nameless_special_token_ends_no_search() -> Outcome {
    let folder = Folder::new()?;
    let mut tiny = Tiny::new("qwen3")?;
    if let Some(Value::Array(tokens)) = tiny.metadata.get_mut("tokenizer.ggml.tokens") {
        tokens.pop();
        tokens.push(text(""));
    }
    tiny.write(&folder.path())?;
    let tokenizer = Tokenizer::from_gguf(&Gguf::open(&folder.path())?)?;
    assert_eq!(tokenizer.encode_template("ab")?.len(), 2);
    Ok(())
}

/// Where `key` stands in `bytes`, past its end.
fn after(bytes: &[u8], key: &str) -> Outcome<usize> {
    let at = bytes
        .windows(key.len())
        .position(|window| window == key.as_bytes());
    Ok(at.ok_or("no such key")? + key.len())
}

#[test]
fn headers_made_to_harm() -> Outcome {
    let folder = Folder::new()?;
    let mut tiny = Tiny::new("qwen3")?;
    tiny.set("general.alignment", Value::U32(32));
    tiny.write(&folder.path())?;
    let good = std::fs::read(folder.path())?;
    let patched = |at: usize, value: &[u8], words: &str| {
        let mut bytes = good.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        refused(&folder.write(&bytes)?, words)
    };
    // Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Counts stand at 8 and 16; a key is followed by
    // the kind of its value (4 bytes), a list by the kind and number of its elements, a tensor's name by its rank.
    let huge = u64::MAX.to_le_bytes();
    patched(8, &huge, "tensor_count")?;
    patched(16, &huge, "not a whole GGUF file")?;
    patched(24, &huge, "longer than the format allows")?;
    let alignment = after(&good, "general.alignment")?;
    patched(alignment + 4, &0_u32.to_le_bytes(), "general.alignment")?;
    patched(alignment, &5_u32.to_le_bytes(), "general.alignment")?;
    let tokens = after(&good, "tokenizer.ggml.tokens")?;
    patched(tokens + 8, &huge, "too long")?;
    patched(tokens + 8, &(1_u64 << 20).to_le_bytes(), "not a whole GGUF file")?;
    patched(tokens + 4, &9_u32.to_le_bytes(), "list of lists")?;
    patched(tokens, &77_u32.to_le_bytes(), "unknown kind")?;
    patched(tokens + 16, &huge, "out of range")?;
    let name = "blk.0.attn_norm.weight";
    let tensor = after(&good, name)?;
    patched(tensor, &9_u32.to_le_bytes(), "dimensions")?;
    patched(tensor + 4, &huge, "reaches past the end of the file")?;
    patched(
        after(&good, "token_embd.weight")? + 4,
        &[huge, huge].concat(),
        "reaches past the end of the file",
    )?;
    // After the only dimension: the block format and the place.
    patched(tensor + 12, &99_u32.to_le_bytes(), "dtype")?;
    patched(tensor + 16, &huge, "reaches past the end of the file")
}

/// 400 headers with one to three bytes changed: whatever they say now, they end in an answer or an error of ours.
#[test]
fn flipped_bytes_never_panic() -> Outcome {
    let folder = Folder::new()?;
    let good = folder.good("qwen3")?;
    let header = after(&good, "token_embd.weight")? + 64;
    let mut state = 42_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for _ in 0..400 {
        let mut bytes = good.clone();
        for _ in 0..=random(3) {
            bytes[random(header)] = random(256) as u8;
        }
        match use_file(&folder.write(&bytes)?) {
            Ok(()) => {}
            Err(error) => {
                refused += 1;
                is_one_readable_line(&error.to_string());
            }
        }
    }
    assert!((100..400).contains(&refused), "{refused} of 400 were refused");
    Ok(())
}
