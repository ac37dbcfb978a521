//! The adapters of a model as a workspace holds them: what was said of each, and where its factors lie.

use std::path::Path;
use std::sync::Arc;

use super::adapters::{self, BuiltIn, Choice, built_in, choices, decode, history};
use super::calibrate::decisions::For;
use super::calibrate::fresh;
use crate::engine::assessment::{ModelIdentity, RubricIdentity};
use crate::engine::calibration::Calibration;
use crate::engine::prompt::templates_hash;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::lora::NamedAdapter;
use crate::review::AdapterRecord;
use crate::store::{Reader, Record, Workspace};

/// The adapters of a model: the one that comes with the program, and those that the journal knows.
pub struct Shelf {
    model: ModelIdentity,
    records: Vec<Record>,
    /// None where there is no workspace yet.
    reader: Option<Reader>,
    built_in: Option<BuiltIn>,
}

/// What scores come from.
#[derive(Debug, Clone)]
pub struct Worn {
    /// The model with what is laid over it.
    pub model: ModelIdentity,
    /// What that is; none for the model by itself.
    pub adapter: Option<Arc<NamedAdapter>>,
    /// What its scores are read through.
    pub calibration: Option<Arc<Calibration>>,
}

impl Shelf {
    /// Of the weights `model`, which lie at `weights`, as the workspace at `root` knows them now.
    ///
    /// # Errors
    /// The workspace or the weights cannot be read.
    pub fn open(root: &Path, model: &ModelIdentity, weights: &Path) -> Result<Self> {
        let model = ModelIdentity {
            adapter: None,
            ..model.clone()
        };
        let reader = Workspace::exists(root).then(|| Reader::open(root)).transpose()?;
        let records = reader
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), Reader::of_no_dossier)?;
        Ok(Self {
            built_in: built_in(&model, weights)?,
            model,
            records,
            reader,
        })
    }

    /// The records that speak of no dossier, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What comes with the program for this model.
    pub fn built_in(&self) -> Option<&BuiltIn> {
        self.built_in.as_ref()
    }

    /// What was said of adapters for this model, in order.
    pub fn history(&self) -> Vec<&AdapterRecord> {
        let said = self.records.iter().map(|r| &r.entry);
        history(self.built_in.as_ref(), said, &self.model)
    }

    /// The factors that are live; none where the model answers by itself.
    pub fn live(&self) -> Option<ContentHash> {
        adapters::live(&self.history()).and_then(|record| record.adapter)
    }

    /// What may be laid over the model.
    pub fn choices(&self) -> Vec<Choice> {
        choices(&self.history(), &self.model)
    }

    /// What `record` needs beside it: of what comes with the program its factors, so that the journal stays whole without it.
    pub fn blobs_of(&self, record: &AdapterRecord) -> Vec<(ContentHash, Vec<u8>)> {
        let shipped = self.shipped(record);
        shipped.map_or_else(Vec::new, |own| own.blobs.clone())
    }

    /// What comes with the program, if that is what `record` speaks of.
    fn shipped(&self, record: &AdapterRecord) -> Option<&BuiltIn> {
        self.built_in
            .as_ref()
            .filter(|own| record.adapter == own.record.adapter)
    }

    /// The bytes that a record cites.
    ///
    /// # Errors
    /// They are gone, or are not what was written.
    pub fn blob(&self, hash: ContentHash) -> Result<Vec<u8>> {
        let own = self.built_in.iter().flat_map(|own| &own.blobs);
        if let Some((_, bytes)) = own.into_iter().find(|(own, _)| *own == hash) {
            return Ok(bytes.clone());
        }
        let reader = self
            .reader
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a record of a workspace that is not there"))?;
        reader.blobs().get(&hash)
    }

    /// The adapter that `record` speaks of.
    ///
    /// # Errors
    /// Its factors are gone, or are not what was imported.
    pub fn adapter(&self, record: &AdapterRecord) -> Result<NamedAdapter> {
        match self.shipped(record) {
            Some(own) => Ok(own.adapter.clone()),
            None => decode(record, &self.blob(record.adapter.unwrap_or(ContentHash::ZERO))?),
        }
    }

    /// What scores come from with that which `record` speaks of; read through the calibration in use for it under `rubric`, or
    /// without a rubric as the model says them.
    ///
    /// # Errors
    /// Its factors or its calibration are gone, or are not what was written.
    pub fn worn(&self, record: &AdapterRecord, rubric: Option<&RubricIdentity>) -> Result<Worn> {
        let adapter = record.adapter.map(|_| self.adapter(record)).transpose()?;
        let model = ModelIdentity {
            adapter: adapter.as_ref().map(NamedAdapter::label),
            ..self.model.clone()
        };
        let of = |rubric| For {
            model: &model,
            rubric,
            prompt_sha256: templates_hash(),
        };
        let calibration = match rubric {
            Some(rubric) => fresh::live(self.reader.as_ref(), of(rubric))?,
            None => None,
        };
        Ok(Worn {
            adapter: adapter.map(Arc::new),
            calibration: calibration.map(Arc::new),
            model,
        })
    }
}
