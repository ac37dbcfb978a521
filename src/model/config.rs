//! The sizes of a decoder, read from a GGUF file's own metadata.

use crate::error::Result;
use crate::model::gguf::Gguf;

/// The families this decoder runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama and its relatives (`SmolLM2`): no biases; GGUF files hold q and k rows permuted.
    Llama,
    /// Qwen2 and Qwen2.5: biases on q, k and v.
    Qwen2,
    /// Qwen3: an RMS norm over each head of q and k instead of biases.
    Qwen3,
}

/// The sizes of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// Which family.
    pub family: Family,
    /// Number of blocks.
    pub layers: usize,
    /// Width of the residual stream, H.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head, D.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub intermediate: usize,
    /// Tokens in the vocabulary, V.
    pub vocab: usize,
    /// Positions the model was trained for.
    pub context: usize,
    /// Base of the rotary frequencies.
    pub rope_base: f64,
    /// Epsilon of the RMS norms.
    pub norm_eps: f64,
}

impl DecoderConfig {
    /// Reads the sizes.
    ///
    /// # Errors
    /// The architecture is unknown, a key is missing, or the sizes contradict each other.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self> {
        let arch = gguf.text("general.architecture")?;
        let family = match arch {
            "llama" => Family::Llama,
            "qwen2" => Family::Qwen2,
            "qwen3" => Family::Qwen3,
            other => {
                return Err(gguf
                    .error(format!(
                        "architecture {other:?} is not one of llama, qwen2, qwen3"
                    ))
                    .hint("`plumb models list` names the models that run"));
            }
        };
        let number = |key: &str| gguf.number(&format!("{arch}.{key}"));
        let hidden = number("embedding_length")?;
        let heads = number("attention.head_count")?;
        let head_dim = number("attention.key_length").or_else(|_| {
            hidden
                .checked_div(heads)
                .ok_or_else(|| gguf.error("attention.head_count is zero"))
        })?;
        let config = Self {
            family,
            layers: number("block_count")?,
            hidden,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head_dim,
            intermediate: number("feed_forward_length")?,
            vocab: gguf.texts("tokenizer.ggml.tokens")?.len(),
            context: number("context_length")?,
            rope_base: gguf.real(&format!("{arch}.rope.freq_base")).unwrap_or(10_000.0),
            norm_eps: gguf.real(&format!("{arch}.attention.layer_norm_rms_epsilon"))?,
        };
        config.check(gguf)?;
        Ok(config)
    }

    /// Query heads per key head, G.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    fn check(&self, gguf: &Gguf) -> Result<()> {
        let whole = self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads);
        if !whole || self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return Err(gguf.error(format!(
                "{} heads, {} key heads and head width {} do not fit together",
                self.heads, self.kv_heads, self.head_dim
            )));
        }
        Ok(())
    }
}
