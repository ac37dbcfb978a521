//! From the configuration to a running engine: what `score` and `review` share.

use crate::config::Config;
use crate::engine::assessment::ModelIdentity;
use crate::engine::scorer::{PrefixCache, ScoreOptions};
use crate::engine::worker::{WorkerModel, set_threads};
use crate::error::Result;
use crate::model::local::ModelStore;
use crate::model::manifest::Catalogue;

/// Finds the configured model and how to score with it; sets the size of the arithmetic's thread pool.
///
/// # Errors
/// The model is unknown, or its file is not here or not what it should be.
pub fn model(config: &Config) -> Result<WorkerModel> {
    set_threads(config.engine.threads);
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    let local = ModelStore::new(&config.models_dir).locate(catalogue.find(&config.model)?)?;
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
            ..ScoreOptions::default()
        },
        cache: PrefixCache {
            folder: config.workspace.join("cache"),
            limit: config.engine.cache_mb as u64 * 1_000_000,
        },
    })
}
