//! What every objective has in common: a base that stays as it is, an adapter that learns, and sums of gradients.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use super::optimiser::Parameters;
use super::settings::Settings;
use crate::error::Result;
use crate::model::decoder::trace::TraceOptions;
use crate::model::decoder::{Decoder, Dropout, Gradients};
use crate::model::lora::{Adapter, Factors};
use crate::model::peft;
use crate::seed::Seed;

/// What learns and how.
pub struct Learner<'a> {
    /// The base, without an adapter.
    pub decoder: &'a Decoder,
    /// Everything that can be set.
    pub settings: &'a Settings,
    /// The adapter that the run begins with; a new one if there is none.
    pub start: Option<&'a Adapter>,
    /// The base as adapters name it.
    pub base: Option<&'a str>,
    /// Whether a block's activations are computed again backwards.
    pub checkpointing: bool,
}

impl Learner<'_> {
    /// The factors before the first step.
    ///
    /// # Errors
    /// They do not fit the model.
    pub fn begin(&self) -> Result<Parameters> {
        let seed = Seed::root(self.settings.seed).branch("adapter");
        let adapter = match self.start {
            Some(adapter) => adapter.clone(),
            None => Adapter::new(&self.settings.lora, self.decoder.config(), seed)?,
        };
        Ok(Parameters(peft::tensors(&adapter)))
    }

    /// The model under the factors among `parameters`.
    ///
    /// # Errors
    /// They do not fit the model.
    pub fn model(&self, parameters: &Parameters) -> Result<Decoder> {
        self.decoder.with_adapter(Some(&self.adapter(parameters)?))
    }

    /// The adapter among `parameters`.
    ///
    /// # Errors
    /// A layer has one factor only.
    pub fn adapter(&self, parameters: &Parameters) -> Result<Adapter> {
        let lora = &self.settings.lora;
        let scale = self.start.map_or(lora.alpha / lora.r as f64, |a| a.scale);
        peft::adapter(&parameters.0, scale, lora.invocation.clone())
    }

    /// How the pass `pass` of step `step` is run.
    pub fn options(&self, step: usize, pass: usize) -> TraceOptions {
        let share = self.settings.lora.dropout;
        let seed = Seed::root(self.settings.seed).branch(&format!("dropout {step} {pass}"));
        TraceOptions {
            checkpointing: self.checkpointing,
            dropout: (share > 0.0).then_some(Dropout { share, seed }),
        }
    }

    /// Writes the adapter in PEFT's layout into `dir`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()> {
        peft::save(dir, &self.adapter(parameters)?, &self.settings.lora, self.base)
    }
}

/// Adds gradients up, as the parameters are named.
#[derive(Default)]
pub struct Sum(BTreeMap<String, Tensor>);

impl Sum {
    /// Adds those of one pass.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn add(&mut self, gradients: &Gradients) -> Result<()> {
        for (place, Factors { a, b }) in &gradients.0 {
            self.add_one(peft::name(*place, 'A'), a)?;
            self.add_one(peft::name(*place, 'B'), b)?;
        }
        Ok(())
    }

    /// Adds one of a name.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn add_one(&mut self, name: String, gradient: &Tensor) -> Result<()> {
        let sum = match self.0.remove(&name) {
            Some(sum) => (sum + gradient)?,
            None => gradient.clone(),
        };
        self.0.insert(name, sum);
        Ok(())
    }

    /// The sums.
    pub fn done(self) -> Parameters {
        Parameters(self.0)
    }
}
