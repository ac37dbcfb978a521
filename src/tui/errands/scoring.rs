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
use crate::learn::calibrate::fresh::Fresh;
use crate::learn::shelf::{Shelf, Worn};
use crate::review::{AdapterRecord, AdapterStep};
use crate::store::record::new_id;
use crate::store::{Draft, StoreHandle};
use crate::tui::state::Message;

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
    fn shelf(&self) -> Result<Shelf> {
        Shelf::open(&self.workspace, &self.model, &self.weights)
    }

    /// Whether so many new scores by people are enough to fit the calibration anew.
    pub(super) fn refits_after(&self, scores: usize) -> bool {
        self.calibrated && self.refit_every > 0 && scores >= self.refit_every
    }

    /// Fits the calibration anew, unless a person went back to an earlier one.
    pub(super) fn fit(&self) -> Result<Option<Fresh>> {
        let of = For {
            model: &self.model,
            rubric: &self.rubric,
            prompt_sha256: templates_hash(),
        };
        Fresh::unasked(&self.workspace, of)
    }

    /// Takes a calibration into use; nothing where it cannot be on record.
    pub(super) async fn calibrate(&self, fresh: Fresh, store: &StoreHandle, role: &str) -> Option<Message> {
        let id = new_id(Timestamp::now());
        let draft = fresh.draft(id, self.person.clone(), role.to_owned()).ok()?;
        store.commit(draft).await.ok()?;
        let message = Message::Calibrated(Arc::new(fresh.calibration), Box::new(fresh.record));
        Some(message)
    }

    /// Reads what may be laid over the model.
    pub(super) async fn list(self, answers: Sender<Message>) {
        let read = aside(move || Ok(self.shelf()?.choices())).await;
        let _ = answers
            .send(Message::Adapters(read.map_err(|e| e.to_string())))
            .await;
    }

    /// Puts an adapter live, or the model by itself. The record comes first: without it nothing changes. What is live anyway is
    /// only worn.
    pub(super) async fn put_live(
        &mut self,
        chosen: AdapterRecord,
        store: &StoreHandle,
        role: &str,
    ) -> Message {
        let (scoring, role) = (self.clone(), role.to_owned());
        let kept = match aside(move || scoring.ready(chosen, role)).await {
            Ok((Some(draft), worn)) => store.commit(draft).await.map(|receipt| (worn, Some(receipt))),
            Ok((None, worn)) => Ok((worn, None)),
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

    /// The record by which `chosen` goes live, unless it is, and what scores come from then.
    fn ready(&self, chosen: AdapterRecord, role: String) -> Result<(Option<Draft>, Worn)> {
        let shelf = self.shelf()?;
        let worn = shelf.worn(&chosen, self.calibrated.then_some(&self.rubric))?;
        if shelf.live() == chosen.adapter {
            return Ok((None, worn));
        }
        let blobs = shelf.blobs_of(&chosen);
        let by = (self.person.clone(), role);
        let record = chosen.unasked(AdapterStep::Chosen, None);
        let draft = adapters::draft(record, new_id(Timestamp::now()), by, blobs);
        Ok((Some(draft), worn))
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
    use crate::review::Entry;
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
            for (nth, name) in [(0, ""), (1, "a")] {
                let Message::Worn(Ok((worn, Some(receipt)))) =
                    put_live(&mut scoring, nth, store, "reviewer")?
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
                assert_eq!((said.name.as_str(), said.step), (name, AdapterStep::Chosen));
                assert_eq!(record.actor, scoring.person);
            }
            Ok(())
        })
    }

    #[test]
    fn what_is_live_anyway_is_worn_without_another_record() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| failed("a folder").because(e))?;
        let mut scoring = scoring(dir.path());
        let workspace = scoring.workspace.clone();
        with_store(&workspace, |store| {
            overridden(&scoring, dir.path(), store)?;
            let message = put_live(&mut scoring, 1, store, "reviewer")?;
            assert!(
                matches!(&message, Message::Worn(Ok((worn, None))) if worn.adapter.is_some()),
                "{message:?}"
            );
            assert!(scoring.model.adapter.is_some());
            assert_eq!(Reader::open(&workspace)?.tip().seq, 1);
            Ok(())
        })
    }

    #[test]
    fn a_calibration_is_fitted_anew_only_where_one_is_in_use() {
        let due = |calibrated, refit_every, scores| {
            let scoring = Scoring {
                calibrated,
                refit_every,
                ..scoring(Path::new("."))
            };
            scoring.refits_after(scores)
        };
        assert!(due(true, 20, 20));
        assert!(!due(true, 20, 19) && !due(true, 0, 20) && !due(false, 20, 20));
    }

    #[test]
    fn without_a_record_nothing_is_worn() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| failed("a folder").because(e))?;
        let mut scoring = scoring(dir.path());
        let workspace = scoring.workspace.clone();
        with_store(&workspace, |store| {
            overridden(&scoring, dir.path(), store)?;
            scoring.model.adapter = Some("a".to_owned());
            let before = scoring.model.clone();
            let message = put_live(&mut scoring, 0, store, "no\nrole")?;
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
