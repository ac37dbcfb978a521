//! Low-rank adapters: what training changes, and what is laid over the weights of a model that stay as they are.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::config::DecoderConfig;
use crate::seed::Seed;

/// A linear layer of a block, by the name that Hugging Face gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Queries.
    QProj,
    /// Keys.
    KProj,
    /// Values.
    VProj,
    /// What attention gives back.
    OProj,
    /// The gate of the feed-forward layer.
    GateProj,
    /// Its values.
    UpProj,
    /// Its answer.
    DownProj,
}

impl Target {
    /// All of them, in the order of a block.
    pub const ALL: [Self; 7] = [
        Self::QProj,
        Self::KProj,
        Self::VProj,
        Self::OProj,
        Self::GateProj,
        Self::UpProj,
        Self::DownProj,
    ];

    /// As adapters name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }

    /// The part of a block that it belongs to.
    pub fn module(self) -> &'static str {
        match self {
            Self::QProj | Self::KProj | Self::VProj | Self::OProj => "self_attn",
            Self::GateProj | Self::UpProj | Self::DownProj => "mlp",
        }
    }

    /// Outputs and inputs of the layer in a model of these sizes.
    pub fn shape(self, config: &DecoderConfig) -> (usize, usize) {
        let (queries, keys) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        match self {
            Self::QProj => (queries, config.hidden),
            Self::KProj | Self::VProj => (keys, config.hidden),
            Self::OProj => (config.hidden, queries),
            Self::GateProj | Self::UpProj => (config.intermediate, config.hidden),
            Self::DownProj => (config.hidden, config.intermediate),
        }
    }
}

/// Where a low-rank update lies: block, then layer.
pub type Place = (usize, Target);

/// The two factors of one layer's update: `y + scale * (x A^T) B^T`.
#[derive(Debug, Clone)]
pub struct Factors {
    /// `[r, in]`, f32.
    pub a: Tensor,
    /// `[out, r]`, f32.
    pub b: Tensor,
}

/// What an adapter is made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoraSettings {
    /// Rank of the update, r.
    pub r: usize,
    /// The update is scaled by `alpha / r`.
    pub alpha: f64,
    /// The share of inputs that is left out while training.
    pub dropout: f64,
    /// The layers it is laid over.
    pub targets: Vec<Target>,
    /// The tokens from whose last occurrence on it is laid over a text; everywhere if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invocation: Vec<u32>,
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self {
            r: 8,
            alpha: 16.0,
            dropout: 0.05,
            targets: vec![Target::QProj, Target::VProj],
            invocation: Vec::new(),
        }
    }
}

/// Low-rank updates of one model.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// What each update is multiplied with: `alpha / r`, or `alpha / sqrt(r)` in a rank-stabilised one.
    pub scale: f64,
    /// The updates.
    pub factors: BTreeMap<Place, Factors>,
    /// The tokens from whose last occurrence on it is laid over a text (activated `LoRA`: Greenewald et al. 2025,
    /// arXiv:2504.12397); everywhere if there are none. What stands before them is read as the model by itself reads it, so
    /// that its keys, values and states serve every such adapter.
    pub invocation: Vec<u32>,
}

/// How the label of an adapter ends that is laid over answers, and not over what is read before them. No name holds a
/// slash.
pub const ANSWERS: &str = "/answers";

/// An adapter as it is known to people and to caches.
#[derive(Debug, Clone)]
pub struct NamedAdapter {
    /// What people call it.
    pub name: String,
    /// SHA-256 of the file with its factors.
    pub sha256: ContentHash,
    /// The factors.
    pub adapter: Adapter,
}

impl NamedAdapter {
    /// How records and screens name it: two adapters of one name are told apart by the beginning of their hash. Of one that
    /// is laid over answers alone, that is said too.
    pub fn label(&self) -> String {
        let where_laid = if self.adapter.invocation.is_empty() {
            ""
        } else {
            ANSWERS
        };
        format!("{}@{}{where_laid}", self.name, begins(&self.sha256))
    }
}

/// Whether `label` is that of the adapter with this hash, whatever it is called.
pub fn is_label_of(label: &str, sha256: &ContentHash) -> bool {
    let hash = label.strip_suffix(ANSWERS).unwrap_or(label).rsplit('@').next();
    hash == Some(begins(sha256).as_str())
}

/// The beginning of a hash, as labels show it.
pub fn begins(sha256: &ContentHash) -> String {
    sha256.to_string()[..12].to_owned()
}

impl Adapter {
    /// A new adapter, which changes nothing yet: A from Kaiming's uniform distribution with a = sqrt(5), B zero, as PEFT
    /// begins.
    ///
    /// # Errors
    /// The settings make no adapter.
    pub fn new(settings: &LoraSettings, config: &DecoderConfig, seed: Seed) -> Result<Self> {
        settings.check()?;
        let mut factors = BTreeMap::new();
        for layer in 0..config.layers {
            for &target in &settings.targets {
                let (out, input) = target.shape(config);
                // Kaiming's bound with a = sqrt(5): sqrt(6 / ((1 + 5) in)).
                let bound = 1.0 / (input as f64).sqrt();
                let mut stream = seed.branch(&format!("{layer} {}", target.name())).stream();
                let a: Vec<f32> = (0..settings.r * input)
                    .map(|_| ((stream.unit() * 2.0 - 1.0) * bound) as f32)
                    .collect();
                let part = Factors {
                    a: Tensor::from_vec(a, (settings.r, input), &Device::Cpu)?,
                    b: Tensor::zeros((out, settings.r), candle_core::DType::F32, &Device::Cpu)?,
                };
                factors.insert((layer, target), part);
            }
        }
        Ok(Self {
            scale: settings.alpha / settings.r as f64,
            factors,
            invocation: settings.invocation.clone(),
        })
    }

    /// Numbers that learn.
    pub fn parameters(&self) -> usize {
        let count = |f: &Factors| f.a.elem_count() + f.b.elem_count();
        self.factors.values().map(count).sum()
    }

    /// Checks that every update fits a layer of a model of these sizes.
    ///
    /// # Errors
    /// One does not.
    pub fn check(&self, config: &DecoderConfig) -> Result<()> {
        for ((layer, target), factors) in &self.factors {
            let ((rank, input), (out, other)) = (factors.a.dims2()?, factors.b.dims2()?);
            let expected = target.shape(config);
            if *layer >= config.layers || (out, input) != expected || rank != other {
                let what = format!(
                    "the adapter is for another model: its update of {} in block {layer} is [{out}, {input}], of rank {rank} and {other}; this model has {} blocks and there [{}, {}]",
                    target.name(),
                    config.layers,
                    expected.0,
                    expected.1
                );
                return Err(
                    Error::new(ErrorKind::Model, what).hint("use it with the model it was trained on")
                );
            }
        }
        Ok(())
    }
}

impl LoraSettings {
    /// Checks that an adapter can be made with these.
    ///
    /// # Errors
    /// The rank, scale, dropout or targets make no sense.
    pub fn check(&self) -> Result<()> {
        let bad = |what: String| Err(Error::new(ErrorKind::Usage, what));
        if !(1..=1024).contains(&self.r) {
            return bad(format!("lora.r is {}: it is from 1 to 1024", self.r));
        }
        if !self.alpha.is_finite() || self.alpha <= 0.0 {
            return bad(format!("lora.alpha is {}: it is above 0", self.alpha));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad(format!(
                "lora.dropout is {}: it is from 0 to below 1",
                self.dropout
            ));
        }
        let mut targets = self.targets.clone();
        targets.sort_unstable();
        targets.dedup();
        if targets.is_empty() || targets.len() != self.targets.len() {
            return bad("lora.targets names no layer, or one twice".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_leads_back_to_its_adapter() {
        let mut named = NamedAdapter {
            name: "of@two".to_owned(),
            sha256: ContentHash::of(b"one"),
            adapter: Adapter {
                scale: 1.0,
                factors: BTreeMap::new(),
                invocation: Vec::new(),
            },
        };
        for tokens in [Vec::new(), vec![1]] {
            named.adapter.invocation = tokens;
            let label = named.label();
            assert!(is_label_of(&label, &named.sha256), "{label}");
            assert!(!is_label_of(&label, &ContentHash::of(b"two")), "{label}");
        }
    }
}
