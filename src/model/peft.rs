//! Adapters in the layout of Hugging Face's PEFT: `adapter_config.json` beside `adapter_model.safetensors`.
//!
//! The rows of q and k lie here as they do there (a Llama GGUF file's permutation is undone when the model is loaded), so
//! factors go in and out as they are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::config::DecoderConfig;
use crate::model::lora::{Adapter, Factors, LoraSettings, Place, Target};
use crate::sanitize::line;

/// The file with the factors.
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// The file with the settings.
pub const CONFIG: &str = "adapter_config.json";

/// What of `adapter_config.json` is written, and read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PeftConfig {
    peft_type: String,
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    base_model_name_or_path: Option<String>,
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    lora_dropout: f64,
    #[serde(default)]
    target_modules: Option<Modules>,
    #[serde(default)]
    bias: Option<String>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    modules_to_save: Option<Vec<String>>,
    /// Of an activated `LoRA`: it is laid over a text from their last occurrence on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alora_invocation_tokens: Option<Vec<u32>>,
    #[serde(default)]
    rank_pattern: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    alpha_pattern: BTreeMap<String, serde_json::Value>,
    /// The rest, of which some may not be set.
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
}

/// A list of names, or an expression over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Modules {
    Names(BTreeSet<String>),
    Expression(String),
}

/// An adapter that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The factors.
    pub adapter: Adapter,
    /// What it was made with; targets are those that have factors.
    pub settings: LoraSettings,
    /// SHA-256 of the file with the factors.
    pub sha256: ContentHash,
    /// That file.
    pub bytes: Vec<u8>,
    /// The base it names, if any.
    pub base: Option<String>,
    /// Tensors that belong to a layer of the model.
    pub matched: usize,
    /// Tensors in the file.
    pub tensors: usize,
}

/// The name of a factor, as PEFT stores it.
pub fn name((layer, target): Place, factor: char) -> String {
    format!(
        "base_model.model.model.layers.{layer}.{}.{}.lora_{factor}.weight",
        target.module(),
        target.name()
    )
}

/// The place and the factor that a name stands for.
fn place(name: &str) -> Option<(Place, char)> {
    let rest = name
        .strip_prefix("base_model.model.")?
        .trim_start_matches("model.")
        .strip_prefix("layers.")?;
    let mut parts = rest.split('.');
    let layer = parts.next()?.parse().ok()?;
    let (module, target) = (parts.next()?, parts.next()?);
    let target = Target::ALL
        .into_iter()
        .find(|t| t.name() == target && t.module() == module)?;
    let factor = match parts.next()? {
        "lora_A" => 'A',
        "lora_B" => 'B',
        _ => return None,
    };
    // `lora_A.weight`, and `lora_A.default.weight` of adapters that were saved with their name.
    (parts.next_back()? == "weight").then_some(((layer, target), factor))
}

/// The factors by their names.
pub fn tensors(adapter: &Adapter) -> BTreeMap<String, Tensor> {
    let both = |(place, factors): (&Place, &Factors)| {
        [
            (name(*place, 'A'), factors.a.clone()),
            (name(*place, 'B'), factors.b.clone()),
        ]
    };
    adapter.factors.iter().flat_map(both).collect()
}

/// The adapter whose factors are among `tensors`, the names of which are [`name`]s; others are passed over. It is laid over
/// a text from the last occurrence of `invocation` on.
///
/// # Errors
/// A layer has one factor only.
pub fn adapter<'a>(
    tensors: impl IntoIterator<Item = (&'a String, &'a Tensor)>,
    scale: f64,
    invocation: Vec<u32>,
) -> Result<Adapter> {
    let mut halves: BTreeMap<Place, (Option<Tensor>, Option<Tensor>)> = BTreeMap::new();
    for (name, tensor) in tensors {
        if let Some((place, factor)) = place(name) {
            let half = halves.entry(place).or_default();
            let part = if factor == 'A' { &mut half.0 } else { &mut half.1 };
            *part = Some(tensor.clone());
        }
    }
    let mut factors = BTreeMap::new();
    for ((layer, target), half) in halves {
        let (Some(a), Some(b)) = half else {
            let what = format!(
                "the adapter has one factor only of {} in block {layer}",
                target.name()
            );
            return Err(Error::new(ErrorKind::Model, what));
        };
        factors.insert((layer, target), Factors { a, b });
    }
    Ok(Adapter {
        scale,
        factors,
        invocation,
    })
}

/// The adapter in the bytes of a file of factors that was taken in before.
///
/// # Errors
/// It is no such file.
pub fn decode(bytes: &[u8], settings: &LoraSettings) -> Result<Adapter> {
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    let floats: BTreeMap<String, Tensor> = tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)))
        .collect::<Result<_>>()?;
    adapter(
        &floats,
        settings.alpha / settings.r as f64,
        settings.invocation.clone(),
    )
}

/// Writes both files into the folder `dir`, which exists.
///
/// # Errors
/// A file cannot be written.
pub fn save(dir: &Path, adapter: &Adapter, settings: &LoraSettings, base: Option<&str>) -> Result<()> {
    let config = PeftConfig {
        peft_type: "LORA".to_owned(),
        task_type: Some("CAUSAL_LM".to_owned()),
        base_model_name_or_path: base.map(str::to_owned),
        r: settings.r,
        lora_alpha: settings.alpha,
        lora_dropout: settings.dropout,
        target_modules: Some(Modules::Names(
            settings.targets.iter().map(|t| t.name().to_owned()).collect(),
        )),
        bias: Some("none".to_owned()),
        use_rslora: false,
        modules_to_save: None,
        alora_invocation_tokens: Some(settings.invocation.clone()).filter(|tokens| !tokens.is_empty()),
        rank_pattern: BTreeMap::new(),
        alpha_pattern: BTreeMap::new(),
        more: [
            ("use_dora", false),
            ("fan_in_fan_out", false),
            ("inference_mode", true),
        ]
        .map(|(name, set)| (name.to_owned(), set.into()))
        .into(),
    };
    let path = dir.join(WEIGHTS);
    let tensors: HashMap<String, Tensor> = tensors(adapter).into_iter().collect();
    candle_core::safetensors::save(&tensors, &path)
        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(e))?;
    let path = dir.join(CONFIG);
    let text = serde_json::to_string_pretty(&config)
        .map_err(|e| Error::new(ErrorKind::Internal, "an adapter's settings are not JSON").because(e))?;
    std::fs::write(&path, text + "\n").map_err(|e| Error::io("write", &path, e))
}

/// Reads an adapter for a model of these sizes.
///
/// # Errors
/// A file is missing or broken, the adapter is of a kind that is not applied here, no tensor belongs to a layer of the
/// model, or one has another shape than its layer.
pub fn load(dir: &Path, config: &DecoderConfig) -> Result<Loaded> {
    let path = dir.join(CONFIG);
    let shown = line(&dir.display().to_string()).into_owned();
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Error::io("read", &path, e).hint(
            "an adapter is a folder in PEFT's layout: adapter_config.json beside adapter_model.safetensors",
        )
    })?;
    let path = dir.join(WEIGHTS);
    let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    read(&shown, &text, bytes, config)
}

/// The adapter that `text`, its settings, and `bytes`, its factors, make for a model of these sizes; faults name `shown`.
///
/// # Errors
/// As [`load`], but for the files.
pub fn read(shown: &str, text: &str, bytes: Vec<u8>, config: &DecoderConfig) -> Result<Loaded> {
    let bad = |what: String| Error::new(ErrorKind::Model, format!("{shown}: {what}"));
    let peft: PeftConfig = serde_json::from_str(text)
        .map_err(|e| bad(format!("{CONFIG} is not an adapter's: {}", line(&e.to_string()))))?;
    if let Some(what) = peft.unapplied() {
        return Err(bad(format!("{what}: such an adapter cannot be applied here")).hint("train a plain LoRA"));
    }
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
        .map_err(|e| bad(format!("{WEIGHTS} is no safetensors file")).because(e))?;
    let matched: BTreeMap<String, Tensor> = tensors
        .iter()
        .filter(|(name, _)| place(name).is_some())
        .map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(DType::F32)?)))
        .collect::<Result<_>>()?;
    let count = tensors.len();
    if matched.len() != count {
        let names: BTreeSet<&String> = tensors.keys().filter(|n| place(n).is_none()).collect();
        let first = names.first().map_or_else(String::new, |n| line(n).into_owned());
        let hint = "an adapter for this decoder names layers as base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight does";
        let what = format!(
            "{} of {count} tensors belong to a layer; {first} does not",
            matched.len()
        );
        return Err(bad(what).hint(hint));
    }
    if matched.is_empty() {
        return Err(bad("0 of 0 tensors belong to a layer".to_owned()));
    }
    let scale = peft.lora_alpha
        / if peft.use_rslora {
            (peft.r as f64).sqrt()
        } else {
            peft.r as f64
        };
    let invocation = peft.alora_invocation_tokens.unwrap_or_default();
    let adapter = adapter(&matched, scale, invocation.clone())?;
    adapter.check(config)?;
    let targets: BTreeSet<Target> = adapter.factors.keys().map(|(_, target)| *target).collect();
    if adapter
        .factors
        .values()
        .any(|f| f.a.dim(0).unwrap_or(0) != peft.r)
    {
        return Err(bad(format!(
            "{CONFIG} says r = {}, the factors have another rank",
            peft.r
        )));
    }
    Ok(Loaded {
        settings: LoraSettings {
            r: peft.r,
            alpha: scale * peft.r as f64,
            dropout: peft.lora_dropout,
            targets: targets.into_iter().collect(),
            invocation,
        },
        sha256: ContentHash::of(&bytes),
        bytes,
        base: peft.base_model_name_or_path,
        matched: matched.len(),
        tensors: count,
        adapter,
    })
}

impl PeftConfig {
    /// What it asks for that is not done here.
    fn unapplied(&self) -> Option<String> {
        let bias = self.bias.as_deref().unwrap_or("none");
        let set = |name: &&str| self.more.get(*name) == Some(&true.into());
        if self.peft_type != "LORA" {
            Some(format!("peft_type is {}", line(&self.peft_type)))
        } else if let Some(name) = ["use_dora", "fan_in_fan_out"].iter().find(|name| set(name)) {
            Some(format!("{name} is set"))
        } else if bias != "none" {
            Some(format!("bias is {}", line(bias)))
        } else if self.modules_to_save.as_ref().is_some_and(|m| !m.is_empty()) {
            Some("modules_to_save names layers that are trained whole".to_owned())
        } else if !self.rank_pattern.is_empty() || !self.alpha_pattern.is_empty() {
            Some("rank_pattern or alpha_pattern is set".to_owned())
        } else if self.r == 0 {
            Some("r is 0".to_owned())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backend::Backend;
    use crate::model::decoder::Decoder;
    use crate::model::gguf::Gguf;
    use crate::model::linear::WeightForm;
    use crate::model::testing::Tiny;
    use crate::seed::Seed;

    fn sizes(arch: &str) -> Result<DecoderConfig> {
        let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
        let path = folder.path().join("tiny.gguf");
        Tiny::new(arch)?.write(&path)?;
        Ok(Decoder::load(
            &Gguf::open(&path)?,
            WeightForm::Blocks,
            &Backend::Kernels,
            &|_| {},
        )?
        .config()
        .clone())
    }

    fn saved(settings: &LoraSettings) -> Result<(tempfile::TempDir, Adapter, DecoderConfig)> {
        let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
        let config = sizes("llama")?;
        let adapter = Adapter::new(settings, &config, Seed::root(4))?;
        save(folder.path(), &adapter, settings, Some("somebody/model"))?;
        Ok((folder, adapter, config))
    }

    #[test]
    fn what_is_written_comes_back() -> Result<()> {
        comes_back(&LoraSettings::default())?;
        comes_back(&LoraSettings {
            invocation: vec![7, 8],
            ..LoraSettings::default()
        })
    }

    fn comes_back(settings: &LoraSettings) -> Result<()> {
        let (folder, adapter, config) = saved(settings)?;
        let back = load(folder.path(), &config)?;
        assert_eq!(back.settings, *settings);
        assert_eq!(back.adapter.invocation, settings.invocation);
        assert_eq!(decode(&back.bytes, settings)?.invocation, settings.invocation);
        assert_eq!((back.matched, back.tensors), (12, 12));
        assert_eq!(back.base.as_deref(), Some("somebody/model"));
        assert!((back.adapter.scale - 2.0).abs() < 1e-12);
        for (name, tensor) in tensors(&adapter) {
            let other = &tensors(&back.adapter)[&name];
            assert_eq!(tensor.to_vec2::<f32>()?, other.to_vec2::<f32>()?, "{name}");
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_and_where() -> Result<()> {
        let (folder, adapter, config) = saved(&LoraSettings::default())?;
        let message = |dir: &Path, config: &DecoderConfig| {
            load(dir, config)
                .err()
                .map_or_else(String::new, |e| e.to_string())
        };
        assert!(message(folder.path(), &sizes("qwen3")?).contains("is for another model"));
        let edit = |from: &str, to: &str| -> Result<String> {
            let path = folder.path().join(CONFIG);
            let was = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
            std::fs::write(&path, was.replace(from, to)).map_err(|e| Error::io("write", &path, e))?;
            let said = message(folder.path(), &config);
            std::fs::write(&path, was).map_err(|e| Error::io("write", &path, e))?;
            Ok(said)
        };
        assert!(edit("\"LORA\"", "\"IA3\"")?.contains("peft_type is IA3"));
        assert!(edit("\"use_dora\": false", "\"use_dora\": true")?.contains("use_dora"));
        assert!(edit("\"r\": 8", "\"r\": 4")?.contains("another rank"));
        assert!(edit("{", "[")?.contains("is not an adapter's"));
        // Names of another kind of model.
        let strange: HashMap<String, Tensor> = tensors(&adapter)
            .into_iter()
            .map(|(name, tensor)| (name.replace("layers", "h"), tensor))
            .collect();
        candle_core::safetensors::save(&strange, folder.path().join(WEIGHTS))?;
        assert!(message(folder.path(), &config).contains("0 of 12 tensors belong to a layer"));
        std::fs::write(folder.path().join(WEIGHTS), "no").map_err(candle_core::Error::from)?;
        assert!(message(folder.path(), &config).contains("no safetensors file"));
        assert!(message(&folder.path().join("none"), &config).contains("cannot read"));
        Ok(())
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let at = (12, Target::DownProj);
        assert_eq!(
            name(at, 'B'),
            "base_model.model.model.layers.12.mlp.down_proj.lora_B.weight"
        );
        assert_eq!(place(&name(at, 'B')), Some((at, 'B')));
        let named = "base_model.model.model.layers.3.self_attn.q_proj.lora_A.default.weight";
        assert_eq!(place(named), Some(((3, Target::QProj), 'A')));
        assert_eq!(
            place("base_model.model.model.layers.3.mlp.q_proj.lora_A.weight"),
            None
        );
        assert_eq!(place("base_model.model.lm_head.lora_A.weight"), None);
    }
}
