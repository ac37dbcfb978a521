//! The sizes of a vision-language model, from the `config.json` beside its weights.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::config::{DecoderConfig, Family};

/// What this program reads, as `config.json` calls it.
const KIND: &str = "qwen3_vl";

/// The sizes of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) text: DecoderConfig,
    pub(super) vision: VisionConfig,
    /// How many rotary frequencies turn with time, height and width.
    pub(super) sections: [usize; 3],
    /// The token whose places in the prompt the picture takes.
    pub(super) image_token: u32,
}

/// The sizes of the tower.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct VisionConfig {
    /// Number of blocks.
    pub(super) depth: usize,
    /// Width of a patch's state.
    #[serde(rename = "hidden_size")]
    pub(super) hidden: usize,
    #[serde(rename = "hidden_act")]
    activation: String,
    /// Width of the feed-forward layer.
    #[serde(rename = "intermediate_size")]
    pub(super) intermediate: usize,
    #[serde(rename = "num_heads")]
    pub(super) heads: usize,
    #[serde(rename = "in_channels")]
    channels: usize,
    /// Pixels on a side of a patch.
    #[serde(rename = "patch_size")]
    pub(super) patch: usize,
    /// Patches on a side of what becomes one token.
    #[serde(rename = "spatial_merge_size")]
    pub(super) merge: usize,
    #[serde(rename = "temporal_patch_size")]
    frames: usize,
    /// Width of a token's state.
    #[serde(rename = "out_hidden_size")]
    pub(super) out: usize,
    /// Learned positions: a square.
    #[serde(rename = "num_position_embeddings")]
    positions: usize,
    /// The blocks whose states the first blocks of the decoder get too.
    #[serde(rename = "deepstack_visual_indexes")]
    pub(super) deep: Vec<usize>,
}

/// Red, green and blue.
pub(super) const CHANNELS: usize = 3;
/// A patch is of two frames; a picture is two times the same.
pub(super) const FRAMES: usize = 2;

impl VisionConfig {
    /// Numbers of one patch, as the tower reads them.
    pub(super) fn patch_len(&self) -> usize {
        CHANNELS * FRAMES * self.patch * self.patch
    }

    /// Width of one head.
    pub(super) fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    /// Patches in what becomes one token.
    pub(super) fn merged(&self) -> usize {
        self.merge * self.merge
    }

    /// Learned positions on a side.
    pub(super) fn side(&self) -> usize {
        self.positions.isqrt()
    }

    fn check(&self) -> std::result::Result<(), String> {
        let sizes = [
            self.depth,
            self.hidden,
            self.intermediate,
            self.heads,
            self.patch,
            self.merge,
            self.out,
            self.positions,
        ];
        if sizes.iter().any(|size| !(1..=1 << 16).contains(size)) || self.patch * self.merge > 1 << 10 {
            return Err(format!("sizes {sizes:?} are not those of a vision tower"));
        }
        if (self.channels, self.frames) != (CHANNELS, FRAMES) {
            return Err(format!(
                "{} channels in {} frames a patch; read are {CHANNELS} in {FRAMES}",
                self.channels, self.frames
            ));
        }
        // Each half of a head turns with one direction, in pairs.
        if !self.hidden.is_multiple_of(4 * self.heads) || self.side().pow(2) != self.positions {
            return Err(format!(
                "width {}, {} heads and {} positions do not fit together",
                self.hidden, self.heads, self.positions
            ));
        }
        if self.activation != "gelu_pytorch_tanh" {
            return Err(format!("activation {:?} is not read here", self.activation));
        }
        if self.deep.iter().any(|block| *block >= self.depth) {
            return Err(format!("deepstack blocks {:?} of {}", self.deep, self.depth));
        }
        Ok(())
    }
}

/// `config.json`, as far as it matters here.
#[derive(Deserialize)]
struct Written {
    text_config: Text,
    vision_config: VisionConfig,
    image_token_id: u32,
}

/// What is read first: everything else depends on it.
#[derive(Deserialize)]
struct Kind {
    model_type: String,
}

#[derive(Deserialize)]
struct Text {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    rope_theta: f64,
    rope_scaling: Scaling,
    #[serde(default)]
    attention_bias: bool,
}

#[derive(Deserialize)]
struct Scaling {
    #[serde(default)]
    rope_type: Option<String>,
    #[serde(default)]
    mrope_interleaved: bool,
    mrope_section: [usize; 3],
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// `Io` when it cannot be read; `Model` when it is that of another family, or the sizes contradict each other.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Self::parse(&json).map_err(|what| Error::new(ErrorKind::Model, format!("{}: {what}", path.display())))
    }

    fn parse(json: &[u8]) -> std::result::Result<Self, String> {
        let no_config = |e: serde_json::Error| format!("is no configuration of a model: {e}");
        let Kind { model_type } = serde_json::from_slice(json).map_err(no_config)?;
        if model_type != KIND {
            return Err(format!(
                "the model is of the family {model_type:?}; read here is {KIND:?}"
            ));
        }
        let written: Written = serde_json::from_slice(json).map_err(no_config)?;
        let config = Self {
            sections: written.text_config.sections()?,
            text: written.text_config.decoder(),
            vision: written.vision_config,
            image_token: written.image_token_id,
        };
        config.text.check()?;
        config.vision.check()?;
        let half = config.text.head_dim / 2;
        if config
            .sections
            .iter()
            .try_fold(0_usize, |sum, n| sum.checked_add(*n))
            != Some(half)
        {
            return Err(format!(
                "sections {:?} do not make {half} frequencies",
                config.sections
            ));
        }
        let fits = config.vision.out == config.text.hidden && config.vision.deep.len() <= config.text.layers;
        if !fits || config.image_token as usize >= config.text.vocab {
            return Err("the tower does not fit the decoder".to_owned());
        }
        Ok(config)
    }
}

impl Text {
    fn decoder(&self) -> DecoderConfig {
        DecoderConfig {
            family: Family::Qwen3,
            layers: self.num_hidden_layers,
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            intermediate: self.intermediate_size,
            vocab: self.vocab_size,
            context: self.max_position_embeddings,
            rope_base: self.rope_theta,
            norm_eps: self.rms_norm_eps,
        }
    }

    /// The sections of the rotation; other rotations, biases or activations would load and then answer nonsense.
    fn sections(&self) -> std::result::Result<[usize; 3], String> {
        let scaling = &self.rope_scaling;
        let plain = scaling.rope_type.as_deref().is_none_or(|kind| kind == "default");
        if !plain || !scaling.mrope_interleaved {
            return Err("its rotary embedding is not the interleaved one of Qwen3-VL".to_owned());
        }
        if self.attention_bias || self.hidden_act != "silu" {
            return Err("its decoder has biases or another activation than silu".to_owned());
        }
        Ok(scaling.mrope_section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = include_str!("../../../tests/data/qwen3-vl-tiny/config.json");

    #[test]
    fn the_sizes_are_read() {
        let config = Config::parse(TINY.as_bytes()).expect("a configuration");
        assert_eq!((config.text.layers, config.text.head_dim), (3, 16));
        assert_eq!((config.vision.side(), config.vision.head_dim()), (6, 8));
        assert_eq!((config.sections, config.image_token), ([4, 2, 2], 261));
    }

    #[test]
    fn what_is_not_read_here_is_refused_by_one_clear_line() {
        let cases = [
            ("\"qwen3_vl\"", "\"qwen2_5_vl\"", "the family \"qwen2_5_vl\""),
            ("\"silu\"", "\"gelu\"", "another activation"),
            ("\"num_heads\": 2", "\"num_heads\": 3", "do not fit together"),
            (
                "\"num_position_embeddings\": 36",
                "\"num_position_embeddings\": 37",
                "37 positions",
            ),
            ("\"depth\": 3", "\"depth\": 0", "not those of a vision tower"),
            (
                "\"head_dim\": 16",
                "\"head_dim\": 32",
                "do not make 16 frequencies",
            ),
            (
                "\"out_hidden_size\": 32",
                "\"out_hidden_size\": 64",
                "does not fit the decoder",
            ),
            (
                "\"image_token_id\": 261",
                "\"image_token_id\": 4000",
                "does not fit the decoder",
            ),
            ("\"in_channels\": 3", "\"in_channels\": 1", "1 channels"),
            (
                "\"mrope_interleaved\": true",
                "\"mrope_interleaved\": false",
                "not the interleaved one",
            ),
        ];
        for (right, wrong, said) in cases {
            assert!(TINY.contains(right), "{right}");
            let refused = Config::parse(TINY.replace(right, wrong).as_bytes()).expect_err(wrong);
            assert!(refused.contains(said) && !refused.contains('\n'), "{refused}");
        }
        assert!(
            Config::parse(b"{")
                .expect_err("broken")
                .contains("no configuration")
        );
    }
}
