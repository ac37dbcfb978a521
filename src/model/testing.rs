//! A tiny model of random weights, written as a GGUF file: for tests to which real weights would add nothing.
//!
//! The integration tests compile this file too, so it names nothing of this crate. The weights depend on the names of
//! the tensors only, so that every run sees the same model.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result, Tensor};

/// Positions the tiny model says it was trained for.
pub const CONTEXT: usize = 16_384;

const HIDDEN: usize = 64;
const LAYERS: usize = 3;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const FEED: usize = 96;

/// Merges of the byte-level vocabulary; the last two make 你 (E4 BD A0, whose bytes are written ä, ½ and ł).
const MERGES: [&str; 6] = ["Ġ t", "h e", "Ġt he", "e r", "ä ½", "ä½ ł"];
const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const CHAT_TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n\
                             {% endfor %}<|im_start|>assistant\n";

/// What the file will hold; tests change it before they write it.
pub struct Tiny {
    /// Metadata by key.
    pub metadata: BTreeMap<String, Value>,
    /// Tensors by GGUF name.
    pub tensors: BTreeMap<String, QTensor>,
}

impl Tiny {
    /// A whole model of the architecture `llama`, `qwen2` or `qwen3`. Matrices are `Q8_0`, vectors f32.
    ///
    /// # Errors
    /// candle fails.
    pub fn new(arch: &str) -> Result<Self> {
        // Qwen3's head width is its own; in the others it is HIDDEN / HEADS.
        let head_dim = if arch == "qwen3" { 32 } else { HIDDEN / HEADS };
        let mut tiny = Self {
            metadata: BTreeMap::new(),
            tensors: BTreeMap::new(),
        };
        tiny.sizes(arch, head_dim);
        tiny.tokenizer(if arch == "llama" { "smollm" } else { "qwen2" });
        let vocab = tokens().len();
        tiny.matrix("token_embd", vocab, HIDDEN, 1.0)?;
        tiny.matrix("output", vocab, HIDDEN, 3.0)?;
        tiny.vector("output_norm.weight", HIDDEN, 1.0)?;
        for layer in 0..LAYERS {
            tiny.block(arch, &format!("blk.{layer}."), head_dim)?;
        }
        Ok(tiny)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let metadata: Vec<_> = self.metadata.iter().map(|(k, v)| (k.as_str(), v)).collect();
        let tensors: Vec<_> = self.tensors.iter().map(|(k, v)| (k.as_str(), v)).collect();
        let mut file = BufWriter::new(File::create(path)?);
        gguf_file::write(&mut file, &metadata, &tensors)?;
        file.flush()?;
        Ok(())
    }

    /// Sets a metadata value.
    pub fn set(&mut self, key: &str, value: Value) {
        self.metadata.insert(key.to_owned(), value);
    }

    /// Sets a matrix `[out, input]` of normal numbers with deviation `gain / sqrt(input)`.
    ///
    /// # Errors
    /// candle fails.
    pub fn matrix(&mut self, name: &str, out: usize, input: usize, gain: f32) -> Result<()> {
        let name = format!("{name}.weight");
        let deviation = gain / (input as f32).sqrt();
        let values: Vec<f32> = normal(&name).take(out * input).map(|x| x * deviation).collect();
        let dense = Tensor::from_vec(values, (out, input), &Device::Cpu)?;
        self.tensors
            .insert(name, QTensor::quantize(&dense, GgmlDType::Q8_0)?);
        Ok(())
    }

    /// Sets a vector of numbers around `centre`.
    ///
    /// # Errors
    /// candle fails.
    pub fn vector(&mut self, name: &str, len: usize, centre: f32) -> Result<()> {
        let values: Vec<f32> = normal(name).take(len).map(|x| centre + 0.2 * x).collect();
        let dense = Tensor::from_vec(values, len, &Device::Cpu)?;
        self.tensors
            .insert(name.to_owned(), QTensor::quantize(&dense, GgmlDType::F32)?);
        Ok(())
    }

    fn sizes(&mut self, arch: &str, head_dim: usize) {
        self.set("general.architecture", Value::String(arch.to_owned()));
        let sizes = [
            ("block_count", LAYERS),
            ("context_length", CONTEXT),
            ("embedding_length", HIDDEN),
            ("feed_forward_length", FEED),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KV_HEADS),
            ("attention.key_length", head_dim),
        ];
        for (key, size) in sizes {
            self.set(&format!("{arch}.{key}"), Value::U32(size as u32));
        }
        self.set(&format!("{arch}.rope.freq_base"), Value::F32(100_000.0));
        self.set(
            &format!("{arch}.attention.layer_norm_rms_epsilon"),
            Value::F32(1e-6),
        );
    }

    fn tokenizer(&mut self, pre: &str) {
        let tokens = tokens();
        let plain = tokens.len() - SPECIAL.len();
        let kind = |id: usize| Value::I32(if id < plain { 1 } else { 3 });
        let kinds = (0..tokens.len()).map(kind).collect();
        let text = |text: &str| Value::String(text.to_owned());
        self.set("tokenizer.ggml.model", text("gpt2"));
        self.set("tokenizer.ggml.pre", text(pre));
        self.set("tokenizer.ggml.token_type", Value::Array(kinds));
        let tokens = tokens.into_iter().map(Value::String).collect();
        self.set("tokenizer.ggml.tokens", Value::Array(tokens));
        let merges = MERGES.iter().map(|m| text(m)).collect();
        self.set("tokenizer.ggml.merges", Value::Array(merges));
        self.set("tokenizer.ggml.eos_token_id", Value::U32(plain as u32 + 2));
        self.set("tokenizer.chat_template", text(CHAT_TEMPLATE));
    }

    fn block(&mut self, arch: &str, at: &str, head_dim: usize) -> Result<()> {
        let (queries, keys) = (HEADS * head_dim, KV_HEADS * head_dim);
        let name = |part: &str| format!("{at}{part}");
        // Queries and keys are large, so that attention is sharp and a wrong position or key shows in the logits.
        self.matrix(&name("attn_q"), queries, HIDDEN, 2.0)?;
        self.matrix(&name("attn_k"), keys, HIDDEN, 2.0)?;
        self.matrix(&name("attn_v"), keys, HIDDEN, 1.0)?;
        self.matrix(&name("attn_output"), HIDDEN, queries, 1.0)?;
        self.matrix(&name("ffn_gate"), FEED, HIDDEN, 1.0)?;
        self.matrix(&name("ffn_up"), FEED, HIDDEN, 1.0)?;
        self.matrix(&name("ffn_down"), HIDDEN, FEED, 1.0)?;
        self.vector(&name("attn_norm.weight"), HIDDEN, 1.0)?;
        self.vector(&name("ffn_norm.weight"), HIDDEN, 1.0)?;
        match arch {
            "qwen2" => {
                self.vector(&name("attn_q.bias"), queries, 0.0)?;
                self.vector(&name("attn_k.bias"), keys, 0.0)?;
                self.vector(&name("attn_v.bias"), keys, 0.0)
            }
            "qwen3" => {
                self.vector(&name("attn_q_norm.weight"), head_dim, 1.5)?;
                self.vector(&name("attn_k_norm.weight"), head_dim, 1.5)
            }
            _ => Ok(()),
        }
    }
}

/// The vocabulary: every byte, what the merges make, and the special tokens.
fn tokens() -> Vec<String> {
    let mut spare = 0x100_u32..;
    let bytes = (0..=u8::MAX).map(|byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte).to_string(),
        _ => spare
            .next()
            .and_then(char::from_u32)
            .map_or_else(String::new, String::from),
    });
    bytes
        .chain(MERGES.iter().map(|merge| merge.replace(' ', "")))
        .chain(SPECIAL.map(str::to_owned))
        .collect()
}

/// Standard normal numbers from the name of a tensor: `SplitMix64` (Steele, Lea and Flood 2014) and Box-Muller.
fn normal(name: &str) -> impl Iterator<Item = f32> {
    let mut state = name.bytes().fold(7_u64, |state, byte| {
        state.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut uniform = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    std::iter::repeat_with(move || {
        let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * uniform()).cos()) as f32
    })
}
