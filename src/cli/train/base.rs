//! The model that a run begins with: opened to count and to estimate, then loaded to learn.

use std::sync::Arc;

use super::TrainArgs;
use crate::cli::engine;
use crate::cli::onlooker::Onlooker;
use crate::config::{Config, WeightForm};
use crate::engine::worker::WorkerModel;
use crate::error::Result;
use crate::hash::ContentHash;
use crate::learn::train::estimate::{Estimate, Load, estimate};
use crate::learn::train::folder::{DataIdentity, MachineIdentity, Manifest, RunKind, check_base};
use crate::learn::train::learner::Learner;
use crate::learn::train::settings::Over;
use crate::learn::train::{Objective, Settings};
use crate::model::backend::Backend;
use crate::model::chat::ChatFrame;
use crate::model::config::DecoderConfig;
use crate::model::decoder::Decoder;
use crate::model::gguf::Gguf;
use crate::model::lora::{Adapter, LoraSettings};
use crate::model::peft;
use crate::model::tokenizer::Tokenizer;
use crate::watch::Watch;

/// A base that is not loaded yet, and the settings of a run.
pub(super) struct Base {
    pub(super) model: WorkerModel,
    backend: Backend,
    gguf: Gguf,
    sizes: DecoderConfig,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) frame: ChatFrame,
    pub(super) settings: Settings,
    start: Option<(Adapter, ContentHash)>,
}

impl Base {
    /// Reads what the model is, not its weights, and the adapter that the run begins with.
    pub(super) fn new(how: &TrainArgs, config: &Config) -> Result<Self> {
        let mut settings = Settings::load(how.settings.as_deref())?;
        let model = engine::base(config)?;
        let gguf = Gguf::open(&model.path)?;
        let tokenizer = Arc::new(Tokenizer::from_gguf(&gguf)?);
        let backend = Backend::open(model.options.device)?;
        backend.round_products();
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        if settings.over == Over::Answers {
            settings.lora.invocation.clone_from(&frame.before_answer);
        }
        let sizes = DecoderConfig::from_gguf(&gguf)?;
        let start = match &how.from {
            None => None,
            Some(dir) => {
                check_base(dir, &model.identity)?;
                let start = peft::load(dir, &sizes)?;
                // It goes on being laid over what it was laid over.
                let invocation = &start.settings.invocation;
                frame.check_invocation(invocation, &tokenizer)?;
                settings.over = match invocation.as_slice() {
                    [] => Over::Everything,
                    _ => Over::Answers,
                };
                settings.lora = LoraSettings {
                    dropout: settings.lora.dropout,
                    ..start.settings
                };
                Some((start.adapter, start.sha256))
            }
        };
        Ok(Self {
            model,
            backend,
            gguf,
            sizes,
            tokenizer,
            frame,
            settings,
            start,
        })
    }

    /// What learning from so much takes.
    pub(super) fn estimate(&self, load: Load) -> Result<Estimate> {
        let form = self.model.options.weights;
        estimate(&self.settings, &self.sizes, form, load, &self.backend)
    }

    /// Loads the weights, for a run that takes what `estimate` says.
    pub(super) fn load(self, estimate: &Estimate, watch: &Onlooker) -> Result<Loaded> {
        let form = self.model.options.weights;
        let decoder = Decoder::load(&self.gguf, form, &self.backend, &|part| {
            watch.tell("loading the weights", (part * 100.0) as usize, 100);
        })?;
        Ok(Loaded {
            checkpointing: estimate.checkpointing,
            decoder,
            start: self.start,
            model: self.model,
            settings: self.settings,
        })
    }
}

/// A base with its weights.
pub(super) struct Loaded {
    pub(super) decoder: Decoder,
    start: Option<(Adapter, ContentHash)>,
    model: WorkerModel,
    pub(super) settings: Settings,
    checkpointing: bool,
}

impl Loaded {
    /// What an objective learns with.
    pub(super) fn learner(&self) -> Learner<'_> {
        Learner {
            decoder: &self.decoder,
            settings: &self.settings,
            start: self.start.as_ref().map(|(adapter, _)| adapter),
            base: Some(self.model.identity.id.as_str()),
            checkpointing: self.checkpointing,
        }
    }

    /// What the run is, as its folder keeps it.
    pub(super) fn manifest(
        &self,
        kind: RunKind,
        objective: &dyn Objective,
        steps: usize,
        data: DataIdentity,
    ) -> Result<Manifest> {
        Ok(Manifest {
            kind,
            model: self.model.identity.clone(),
            start: self.start.as_ref().map(|(_, sha256)| *sha256),
            judge: None,
            settings: self.settings.clone(),
            weights: Some(
                match self.model.options.weights {
                    WeightForm::Blocks => "blocks",
                    WeightForm::F32 => "f32",
                }
                .to_owned(),
            ),
            data,
            steps,
            parameters: objective
                .begin()?
                .0
                .values()
                .map(candle_core::Tensor::elem_count)
                .sum(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            machine: MachineIdentity::here(),
        })
    }
}
