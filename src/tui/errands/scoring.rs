//! The model that scores, and what changes about it while people decide: its calibration follows their scores, and another
//! adapter is laid over it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use super::fault;
use crate::engine::prompt::templates_hash;
use crate::engine::{ModelIdentity, RubricIdentity};
use crate::error::Result;
use crate::id::Person;
use crate::learn::adapters;
use crate::learn::calibrate::decisions::For;
use crate::learn::calibrate::fresh::{Fresh, live};
use crate::learn::shelf::Shelf;
use crate::model::lora::NamedAdapter;
use crate::review::AdapterRecord;
use crate::store::record::new_id;
use crate::store::{Draft, StoreHandle};
use crate::tui::state::{Message, Worn};

/// The model that scores.
#[derive(Debug, Clone)]
pub struct Scoring {
    /// Which weights, with what is laid over them.
    pub model: ModelIdentity,
    /// Where they lie.
    pub weights: PathBuf,
    /// By which rubric they score.
    pub rubric: RubricIdentity,
    /// Whether scores are read through a calibration.
    pub calibrated: bool,
    /// After so many scores by people the calibration is fitted anew; never after none.
    pub refit_every: usize,
    /// Whose decisions it is fitted to, and whose adapters there are.
    pub workspace: PathBuf,
    /// Who decides here.
    pub person: Person,
}

impl Scoring {
    /// The calibrations for scores of `model`.
    fn of<'a>(&'a self, model: &'a ModelIdentity) -> For<'a> {
        For {
            model,
            rubric: &self.rubric,
            prompt_sha256: templates_hash(),
        }
    }

    fn shelf(&self) -> Result<Shelf> {
        Shelf::open(&self.workspace, &self.model, &self.weights)
    }

    /// Fits the calibration anew and takes it into use. Too few decisions, or nothing gained by them, is nothing to tell:
    /// `plumb calibrate` says why.
    pub(super) async fn refit(self, store: StoreHandle, role: String, answers: Sender<Message>) {
        let person = self.person.clone();
        let fit = move || Fresh::of_decisions(&self.workspace, self.of(&self.model));
        let Ok(Ok(fresh)) = tokio::task::spawn_blocking(fit).await else {
            return;
        };
        let Ok(draft) = fresh.draft(new_id(Timestamp::now()), person, role) else {
            return;
        };
        if store.commit(draft).await.is_ok() {
            let message = Message::Calibrated(Arc::new(fresh.calibration), Box::new(fresh.record));
            let _ = answers.send(message).await;
        }
    }

    /// Reads what may be laid over the model.
    pub(super) async fn choices(&self) -> Message {
        let scoring = self.clone();
        let read = aside(move || Ok(scoring.shelf()?.choices())).await;
        Message::Adapters(read.map_err(|e| e.to_string()))
    }

    /// Puts an adapter live, or the model by itself. The record comes first: without it nothing changes.
    pub(super) async fn put_live(
        &mut self,
        chosen: AdapterRecord,
        store: &StoreHandle,
        role: &str,
    ) -> Message {
        let (scoring, role) = (self.clone(), role.to_owned());
        let kept = match aside(move || scoring.ready(chosen, role)).await {
            Ok((draft, worn)) => store.commit(draft).await.map(|receipt| (worn, receipt)),
            Err(error) => Err(error),
        };
        Message::Worn(match kept {
            Ok((worn, receipt)) => {
                self.model.clone_from(&worn.model);
                Ok((Box::new(worn), receipt))
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// The record by which `chosen` goes live, and what scores come from then.
    fn ready(&self, chosen: AdapterRecord, role: String) -> Result<(Draft, Worn)> {
        let shelf = self.shelf()?;
        let adapter = chosen.adapter.map(|_| shelf.adapter(&chosen)).transpose()?;
        let model = ModelIdentity {
            adapter: adapter.as_ref().map(NamedAdapter::label),
            ..self.model.clone()
        };
        let calibration = if self.calibrated {
            live(shelf.reader(), self.of(&model))?
        } else {
            None
        };
        let blobs = shelf.blobs_of(&chosen);
        let by = (self.person.clone(), role);
        let draft = adapters::draft(chosen.returned_to(None), new_id(Timestamp::now()), by, blobs);
        let worn = Worn {
            model,
            adapter: adapter.map(Arc::new),
            calibration: calibration.map(Arc::new),
        };
        Ok((draft, worn))
    }
}

/// Reads beside the loop.
async fn aside<T: Send + 'static>(read: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|stopped| Err(fault("the adapters could not be read", stopped)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::hash::ContentHash;
    use crate::id::RecordId;
    use crate::model::lora::{Adapter, Factors, LoraSettings, Target};
    use crate::model::peft;
    use crate::review::{AdapterStep, Entry};
    use crate::store::Reader;
    use crate::store::testing::with_store;

    fn failed(what: &str) -> Error {
        Error::new(ErrorKind::Internal, what.to_owned())
    }

    fn scoring(root: &Path) -> Scoring {
        Scoring {
            model: ModelIdentity {
                id: "m".into(),
                sha256: ContentHash::of(b"m"),
                adapter: None,
            },
            weights: root.join("none"),
            rubric: RubricIdentity {
                id: "r".into(),
                version: "1".to_owned(),
                sha256: ContentHash::of(b"r"),
            },
            calibrated: true,
            refit_every: 0,
            workspace: root.join("workspace"),
            person: "hr.chen".into(),
        }
    }

    /// The factors of an adapter of one layer, and what they were made with.
    fn factors(dir: &Path) -> Result<(Vec<u8>, LoraSettings)> {
        let settings = LoraSettings {
            r: 1,
            targets: vec![Target::QProj],
            ..LoraSettings::default()
        };
        let zeros = |shape| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let (a, b) = (zeros((1, 2))?, zeros((2, 1))?);
        let adapter = Adapter {
            scale: 1.0,
            factors: BTreeMap::from([((0, Target::QProj), Factors { a, b })]),
            invocation: Vec::new(),
        };
        peft::save(dir, &adapter, &settings, None)?;
        let path = dir.join(peft::WEIGHTS);
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        Ok((bytes, settings))
    }

    /// Puts the adapter `a` live over the gate.
    fn overridden(scoring: &Scoring, root: &Path, store: &StoreHandle) -> Result<()> {
        let (bytes, settings) = factors(root)?;
        let hash = ContentHash::of(&bytes);
        let record = AdapterRecord {
            name: "a".to_owned(),
            adapter: Some(hash),
            settings: Some(settings),
            step: AdapterStep::Overridden,
            ..AdapterRecord::by_itself(&scoring.model)
        };
        let by = (scoring.person.clone(), "reviewer".to_owned());
        let draft = adapters::draft(record, RecordId::new("R1"), by, vec![(hash, bytes)]);
        store.commit_blocking(draft).map(|_| ())
    }

    /// What is told when the so-many-th choice is put live.
    fn put_live(scoring: &mut Scoring, nth: usize, store: &StoreHandle, role: &str) -> Result<Message> {
        let choice = scoring.shelf()?.choices().into_iter().nth(nth);
        let record = choice.ok_or_else(|| failed("no choice"))?.record;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|e| failed("no runtime").because(e))?;
        Ok(runtime.block_on(scoring.put_live(record, store, role)))
    }

    #[test]
    fn what_goes_live_is_on_record_before_it_is_worn() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| failed("a folder").because(e))?;
        let mut scoring = scoring(dir.path());
        let workspace = scoring.workspace.clone();
        with_store(&workspace, |store| {
            overridden(&scoring, dir.path(), store)?;
            for (nth, name) in [(1, "a"), (0, "")] {
                let Message::Worn(Ok((worn, receipt))) = put_live(&mut scoring, nth, store, "reviewer")?
                else {
                    return Err(failed("it was not put live"));
                };
                assert_eq!(
                    scoring.model, worn.model,
                    "the calibration follows what scores now"
                );
                assert_eq!(worn.adapter.is_some(), nth == 1);
                assert_eq!(worn.model.adapter.is_some(), nth == 1);
                let reader = Reader::open(&workspace)?;
                let record = reader.record(receipt.seq)?.ok_or_else(|| failed("no record"))?.1;
                let Entry::Adapter(said) = &record.entry else {
                    return Err(failed("it speaks of something else"));
                };
                assert_eq!((said.name.as_str(), said.step), (name, AdapterStep::RolledBack));
                assert_eq!(record.actor, scoring.person);
            }
            Ok(())
        })
    }

    #[test]
    fn without_a_record_nothing_is_worn() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| failed("a folder").because(e))?;
        let mut scoring = scoring(dir.path());
        let workspace = scoring.workspace.clone();
        with_store(&workspace, |store| {
            overridden(&scoring, dir.path(), store)?;
            let before = scoring.model.clone();
            let message = put_live(&mut scoring, 1, store, "no\nrole")?;
            assert!(
                matches!(&message, Message::Worn(Err(why)) if why.contains("the role")),
                "{message:?}"
            );
            assert_eq!(scoring.model, before);
            assert_eq!(Reader::open(&workspace)?.tip().seq, 1);
            Ok(())
        })
    }
}
