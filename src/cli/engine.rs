//! From the configuration to a running engine: what `score` and `review` share.

use std::sync::Arc;

use super::adapters;
use crate::config::{CalibrationChoice, Config};
use crate::engine::assessment::{ModelIdentity, RubricIdentity};
use crate::engine::calibration::Calibration;
use crate::engine::prompt::templates_hash;
use crate::engine::scorer::{PrefixCache, ScoreOptions};
use crate::engine::worker::{WorkerModel, set_threads};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::calibrate::decisions::For;
use crate::learn::calibrate::fresh::live;
use crate::model::backend::Backend;
use crate::model::local::ModelStore;
use crate::model::lora::NamedAdapter;
use crate::model::manifest::{Catalogue, Family};
use crate::store::{Reader, Workspace};

/// What scores of these weights under this rubric are read through.
///
/// # Errors
/// The workspace cannot be read, or the calibration's blob is not what was written.
pub fn calibration(
    config: &Config,
    model: &ModelIdentity,
    rubric: &RubricIdentity,
) -> Result<Option<Arc<Calibration>>> {
    if config.calibration == CalibrationChoice::None {
        return Ok(None);
    }
    let reader = Workspace::exists(&config.workspace).then(|| Reader::open(&config.workspace));
    let of = For {
        model,
        rubric,
        prompt_sha256: templates_hash(),
    };
    Ok(live(reader.transpose()?.as_ref(), of)?.map(Arc::new))
}

/// Finds the configured model, what is laid over it, and how to score with it; sets the size of the arithmetic's thread
/// pool.
///
/// # Errors
/// The model or the adapter is unknown, or its file is not here or not what it should be.
pub fn model(config: &Config) -> Result<WorkerModel> {
    let mut model = base(config)?;
    model.adapter = adapters::configured(config, &model.identity, &model.path)?;
    model.identity.adapter = model.adapter.as_deref().map(NamedAdapter::label);
    Ok(model)
}

/// The same, with nothing laid over it.
///
/// # Errors
/// The model is unknown, or its file is not here or not what it should be.
pub fn base(config: &Config) -> Result<WorkerModel> {
    set_threads(config.engine.threads);
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    let manifest = catalogue.find(&config.model)?;
    let does = match manifest.family {
        Family::Whisper => Some("hears recordings"),
        Family::Ge2e => Some("tells voices apart"),
        Family::PpOcr | Family::Qwen3Vl => Some("reads pictures"),
        Family::Llama | Family::Qwen2 | Family::Qwen3 => None,
    };
    if let Some(does) = does {
        let message = format!("{} {does}; it does not score", manifest.id);
        return Err(Error::new(ErrorKind::Usage, message).hint("`plumb models list` names those that read"));
    }
    let local = ModelStore::new(&config.models_dir).locate(manifest)?;
    Ok(WorkerModel {
        path: local.path,
        identity: ModelIdentity {
            id: config.model.clone(),
            sha256: local.sha256,
            adapter: None,
        },
        options: ScoreOptions {
            context_limit: config.engine.context_limit,
            shortlist: config.engine.shortlist,
            temperature: config.engine.temperature,
            weights: config.engine.weights,
            device: Backend::choose(config.engine.device),
            ..ScoreOptions::default()
        },
        cache: PrefixCache {
            folder: config.workspace.join("cache"),
            limit: config.engine.cache_mb as u64 * 1_000_000,
        },
        adapter: None,
    })
}
