//! The sizes of a decoder, read from a GGUF file's own metadata.

use crate::error::Result;
use crate::model::gguf::Gguf;

/// No width, head count or depth is larger; products of two of them then fit.
const MAX_SIZE: usize = 1 << 20;

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
    /// The architecture is unknown, a key is missing, the sizes contradict each other, or the model needs something
    /// that this decoder does not do.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self> {
        let (family, arch) = family(gguf)?;
        let keys = Keys { gguf, arch };
        let hidden = keys.number("embedding_length")?;
        let heads = keys.number("attention.head_count")?;
        let config = Self {
            family,
            layers: keys.number("block_count")?,
            hidden,
            heads,
            kv_heads: keys.number_or("attention.head_count_kv", heads)?,
            head_dim: keys.number_or("attention.key_length", hidden.checked_div(heads).unwrap_or(0))?,
            intermediate: keys.number("feed_forward_length")?,
            vocab: gguf.texts("tokenizer.ggml.tokens")?.len(),
            context: keys.number("context_length")?,
            rope_base: keys.real_or("rope.freq_base", 10_000.0)?,
            norm_eps: gguf.real(&keys.name("attention.layer_norm_rms_epsilon"))?,
        };
        config.check().map_err(|what| gguf.error(what))?;
        keys.refuse_other_attention(config.head_dim)?;
        Ok(config)
    }

    /// Query heads per key head, G.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Whether these are the sizes of a decoder that runs here.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn check(&self) -> std::result::Result<(), String> {
        let sizes = [
            self.layers,
            self.hidden,
            self.heads,
            self.head_dim,
            self.intermediate,
        ];
        if sizes.iter().any(|size| !(1..=MAX_SIZE).contains(size)) {
            return Err(format!(
                "layers, widths and heads {sizes:?} are not those of a decoder"
            ));
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if !positive(self.rope_base) || !positive(self.norm_eps) {
            return Err(format!(
                "rotary base {} or norm epsilon {} is not a positive number",
                self.rope_base, self.norm_eps
            ));
        }
        let whole = self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads);
        if !whole || !self.head_dim.is_multiple_of(16) {
            return Err(format!(
                "{} heads, {} key heads and head width {} do not fit together",
                self.heads, self.kv_heads, self.head_dim
            ));
        }
        Ok(())
    }
}

/// The family and its name in the file's keys.
fn family(gguf: &Gguf) -> Result<(Family, &str)> {
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
    Ok((family, arch))
}

/// Reads the keys of one architecture. A key that may be missing must still hold a number when it is there.
struct Keys<'a> {
    gguf: &'a Gguf,
    arch: &'a str,
}

impl Keys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.arch)
    }

    fn number(&self, key: &str) -> Result<usize> {
        self.gguf.number(&self.name(key))
    }

    fn number_or(&self, key: &str, default: usize) -> Result<usize> {
        if self.gguf.knows(&self.name(key)) {
            self.number(key)
        } else {
            Ok(default)
        }
    }

    fn real_or(&self, key: &str, default: f64) -> Result<f64> {
        let name = self.name(key);
        if self.gguf.knows(&name) {
            self.gguf.real(&name)
        } else {
            Ok(default)
        }
    }

    /// A rotation of part of a head, wider values or stretched positions would load and then answer nonsense.
    fn refuse_other_attention(&self, head_dim: usize) -> Result<()> {
        for key in ["rope.dimension_count", "attention.value_length"] {
            let size = self.number_or(key, head_dim)?;
            if size != head_dim {
                let name = self.name(key);
                return Err(self.gguf.error(format!(
                    "{name} is {size}, the head width {head_dim}: not supported"
                )));
            }
        }
        let scaling = self.name("rope.scaling.type");
        if self.gguf.knows(&scaling) && self.gguf.text(&scaling)? != "none" {
            let kind = self.gguf.text(&scaling)?;
            return Err(self.gguf.error(format!("{scaling} {kind:?} is not supported")));
        }
        Ok(())
    }
}
