//! What is laid over the model: a list to choose from, and what follows when another is.

use super::notice::Told;
use super::overlay::{AdapterList, Confirm, Overlay};
use super::{App, Effect};
use crate::learn::adapters::Choice;
use crate::learn::shelf::Worn;
use crate::review::{AdapterRecord, Event, Receipt};
use crate::tui::words::Word;

impl App {
    /// Whether this is what is laid over the model now, whatever the journal says.
    pub fn wears(&self, record: &AdapterRecord) -> bool {
        let model = self.settings.model.as_ref();
        model.is_some_and(|model| model.wears(record.adapter.as_ref()))
    }

    /// Shows what may be laid over the model, once it is read; without a model there is nothing to read.
    pub(super) fn show_adapters(&mut self) -> Vec<Effect> {
        let is_shown = self.turn_over(Overlay::Adapters(AdapterList::default()));
        let model = self.settings.model.iter().filter(|_| is_shown);
        model.map(|_| Effect::ListAdapters).collect()
    }

    /// The list was read; its cursor begins on what is worn.
    pub(super) fn adapters(&mut self, read: Result<Vec<Choice>, String>) -> Vec<Effect> {
        let mut choices = read.iter().flatten();
        let cursor = choices.position(|choice| self.wears(&choice.record));
        let shown = self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Adapters(list) => Some(list),
            _ => None,
        });
        if let Some(list) = shown {
            *list = AdapterList {
                read: Some(read),
                cursor: cursor.unwrap_or_default(),
            };
        }
        Vec::new()
    }

    /// Asks whether scores are to come from what is under the cursor: every later one will. What is live already is only taken
    /// into use; nothing is recorded, so nothing is asked.
    pub(super) fn ask_put_live(&mut self) -> Vec<Effect> {
        if self.settings.model.is_none() {
            return self.hint(Word::ModelMissing, &[]);
        }
        if self.settings.read_only.is_some() {
            return self.hint(Word::ReadOnly, &[]);
        }
        let Some(Overlay::Adapters(list)) = self.overlays.last() else {
            return Vec::new();
        };
        let Some(Choice { record, live }) = list.choices().get(list.cursor).cloned() else {
            return Vec::new();
        };
        if live && self.wears(&record) {
            return self.hint(Word::AdapterIsLive, &[]);
        }
        let record = Box::new(record);
        if live {
            return self.take_into_use(record, Word::AdapterTaken);
        }
        self.overlays.push(Overlay::Confirm(Confirm::PutLive(record)));
        Vec::new()
    }

    /// Has it put live.
    pub(super) fn put_live(&mut self, record: Box<AdapterRecord>) -> Vec<Effect> {
        self.take_into_use(record, Word::AdapterGoesLive)
    }

    /// Has scores come from it, and says so in `word`; the list makes room for what comes of it.
    fn take_into_use(&mut self, record: Box<AdapterRecord>, word: Word) -> Vec<Effect> {
        self.overlays
            .retain(|overlay| !matches!(overlay, Overlay::Adapters(_)));
        let name = self.adapter_name(&record.name);
        self.told = Some(Told::done(self.fill(word, &[("name", &name)])));
        vec![Effect::PutLive(record)]
    }

    /// Scores come from something else now, and that is on record unless it was live anyway; or everything stays as it was.
    pub(super) fn worn(&mut self, worn: Result<(Box<Worn>, Option<Receipt>), String>) -> Vec<Effect> {
        let (worn, receipt) = match worn {
            Ok(worn) => worn,
            Err(reason) => {
                let text = self.fill(Word::AdapterNotWorn, &[("reason", &reason)]);
                self.told = Some(Told::error(text));
                return Vec::new();
            }
        };
        let Worn {
            model,
            adapter,
            calibration,
        } = *worn;
        let name = self.adapter_name(adapter.as_ref().map_or("", |adapter| &adapter.name));
        self.settings.model = Some(model.clone());
        self.settings.calibration.clone_from(&calibration);
        let ticket = self.next_ticket();
        let mut effects = vec![Effect::Wear(adapter)];
        effects.extend(self.review(Event::Worn {
            model,
            calibration,
            ticket,
        }));
        let text = match &receipt {
            Some(receipt) => {
                let record = receipt.seq.to_string();
                self.fill(Word::AdapterWentLive, &[("name", &name), ("record", &record)])
            }
            None => self.fill(Word::AdapterIsWorn, &[("name", &name)]),
        };
        self.told = Some(Told::done(text));
        effects.extend(receipt.into_iter().flat_map(|r| self.review(Event::Saved(r))));
        effects
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::dossier::Language;
    use crate::engine::{Calibration, ModelIdentity};
    use crate::error::{Error, ErrorKind, Result};
    use crate::hash::ContentHash;
    use crate::id::RecordId;
    use crate::model::lora::{Adapter, NamedAdapter};
    use crate::review::{AdapterStep, Calibrated};
    use crate::tui::keys::Mode;
    use crate::tui::state::{Message, Settings};
    use crate::tui::testing::{Answer, Stage, choice, settings};

    const SAMPLE: &str = "zh-lilei-2026h1";

    fn missing(what: &str) -> Error {
        Error::new(ErrorKind::Internal, format!("no {what}"))
    }

    fn named(name: &str) -> NamedAdapter {
        NamedAdapter {
            name: name.to_owned(),
            sha256: ContentHash::of(name.as_bytes()),
            adapter: Adapter {
                scale: 1.0,
                factors: BTreeMap::new(),
                invocation: Vec::new(),
            },
        }
    }

    /// The model by itself, which is live, and two adapters.
    fn choices() -> Vec<Choice> {
        let base = Choice {
            live: true,
            ..choice("", AdapterStep::RolledBack)
        };
        let own = choice("own", AdapterStep::Shipped);
        vec![base, own, choice("trial", AdapterStep::Overridden)]
    }

    /// A dossier on the desk, one dimension scored and accepted, and the list open.
    fn stage(settings: Settings) -> Result<Stage> {
        let mut stage = Stage::with(settings, (140, 40), &[SAMPLE])?;
        stage.send(Message::Open(0));
        let answer = Answer {
            score: 4.2,
            sd: 0.5,
            segments: &[5],
            rationale: "because",
            suggestion: "do",
        };
        stage.finish("collaboration", &answer)?;
        stage.press("a A")?;
        stage.send(Message::Adapters(Ok(choices())));
        Ok(stage)
    }

    fn told(stage: &Stage) -> &str {
        stage.app.told().map_or("", |t| t.text.as_str())
    }

    /// What is asked to be put live, if anything is.
    fn chosen(stage: &Stage) -> Option<&AdapterRecord> {
        match stage.effects.last() {
            Some(Effect::PutLive(record)) => Some(record),
            _ => None,
        }
    }

    fn wearing(name: &str) -> Result<ModelIdentity> {
        let model = settings(Language::En)?.model.ok_or_else(|| missing("model"))?;
        Ok(ModelIdentity {
            adapter: Some(named(name).label()),
            ..model
        })
    }

    #[test]
    fn scores_come_from_what_was_chosen_once_that_is_on_record() -> Result<()> {
        let mut stage = stage(settings(Language::En)?)?;
        let before = stage.asked.len();
        stage.press("j enter")?;
        assert_eq!((chosen(&stage), stage.app.mode()), (None, Mode::Confirm));
        assert!(stage.screen()?.contains("Scores will come from own"));
        stage.press("n")?;
        assert_eq!((chosen(&stage), stage.app.mode()), (None, Mode::Adapters));
        stage.press("enter y")?;
        assert_eq!(chosen(&stage).map(|r| r.name.as_str()), Some("own"));
        assert_eq!(told(&stage), "putting own live...");
        assert_eq!((stage.app.mode(), stage.asked.len()), (Mode::Review, before));
        let calibration = Arc::new(Calibration::example(BTreeMap::new()));
        let worn = Worn {
            model: wearing("own")?,
            adapter: Some(Arc::new(named("own"))),
            calibration: Some(Arc::clone(&calibration)),
        };
        let receipt = Receipt {
            id: RecordId::new("R"),
            seq: 7,
            hash: ContentHash::ZERO,
        };
        stage.send(Message::Worn(Ok((Box::new(worn), Some(receipt)))));
        assert_eq!(told(&stage), "scores come from own from here on, record #7");
        assert!(stage.screen()?.contains("saved #7"));
        let [.., Effect::Wear(Some(adapter)), Effect::Cancel(ended)] = &stage.effects[..] else {
            return Err(missing("change"));
        };
        let [.., earlier, request] = &stage.asked[..] else {
            return Err(missing("request"));
        };
        assert_eq!((adapter.name.as_str(), *ended), ("own", earlier.ticket));
        assert!(request.ticket > earlier.ticket);
        let all = stage.app.settings().rubric.dimensions.len();
        assert_eq!(request.dimensions.len(), all, "other weights said it");
        let through = request.calibration.as_ref();
        assert!(through.is_some_and(|used| Arc::ptr_eq(used, &calibration)));
        let desk = stage.app.desk().ok_or_else(|| missing("desk"))?;
        assert_eq!(
            desk.review.dimensions()[0].score(),
            Some(4.0),
            "what a person decided stands"
        );
        assert_eq!(stage.app.settings().model, Some(wearing("own")?));
        Ok(())
    }

    /// The program was started with another adapter than the one that is live.
    #[test]
    fn what_is_live_anyway_is_only_worn() -> Result<()> {
        let trial = Settings {
            model: Some(wearing("trial")?),
            ..settings(Language::En)?
        };
        let mut stage = stage(trial)?;
        stage.press("g g enter")?;
        assert_eq!(
            chosen(&stage).map(|r| r.name.as_str()),
            Some(""),
            "nothing is asked"
        );
        assert_eq!(stage.app.mode(), Mode::Review);
        assert_eq!(told(&stage), "taking the model by itself into use...");
        let model = settings(Language::En)?.model.ok_or_else(|| missing("model"))?;
        let worn = Worn {
            model: model.clone(),
            adapter: None,
            calibration: None,
        };
        stage.send(Message::Worn(Ok((Box::new(worn), None))));
        assert_eq!(told(&stage), "scores come from the model by itself from here on");
        assert!(stage.effects.iter().any(|e| matches!(e, Effect::Wear(None))));
        assert_eq!(stage.app.settings().model, Some(model));
        Ok(())
    }

    #[test]
    fn nothing_changes_without_a_record() -> Result<()> {
        let mut stage = stage(settings(Language::En)?)?;
        let before = (stage.asked.len(), stage.app.settings().model.clone());
        stage.press("G enter y")?;
        assert_eq!(chosen(&stage).map(|r| r.name.as_str()), Some("trial"));
        stage.send(Message::Worn(Err("no space left".to_owned())));
        assert!(told(&stage).contains("no space left"), "{}", told(&stage));
        assert_eq!((stage.asked.len(), stage.app.settings().model.clone()), before);
        assert!(!stage.effects.iter().any(|e| matches!(e, Effect::Wear(_))));
        Ok(())
    }

    #[test]
    fn who_may_not_write_changes_nothing() -> Result<()> {
        let mut stage = stage(Settings {
            read_only: Some("an auditor changes nothing".to_owned()),
            ..settings(Language::En)?
        })?;
        stage.press("j enter")?;
        assert_eq!(
            (told(&stage), chosen(&stage)),
            (stage.app.word(Word::ReadOnly), None)
        );
        Ok(())
    }

    /// Reading the journal takes a while, and may fail.
    #[test]
    fn the_list_says_what_became_of_it() -> Result<()> {
        let mut stage = Stage::with(settings(Language::En)?, (140, 40), &[SAMPLE])?;
        stage.press("A")?;
        assert!(stage.screen()?.contains("reading the adapters..."));
        stage.send(Message::Adapters(Err("no such blob".to_owned())));
        assert!(stage.screen()?.contains("cannot be read: no such blob"));
        stage.press("A")?;
        assert_eq!(stage.app.mode(), Mode::Queue, "the key that opens it closes it");
        Ok(())
    }

    #[test]
    fn without_a_model_there_is_nothing_to_choose() -> Result<()> {
        let settings = Settings {
            model: None,
            ..settings(Language::En)?
        };
        let mut stage = Stage::with(settings, (140, 40), &[SAMPLE])?;
        stage.press("A")?;
        let listed = |e: &Effect| matches!(e, Effect::ListAdapters);
        assert!(!stage.effects.iter().any(listed), "{:?}", stage.effects);
        assert!(stage.screen()?.contains("No model is loaded"));
        stage.press("j enter")?;
        assert_eq!(told(&stage), stage.app.word(Word::ModelMissing));
        stage.press("q")?;
        assert_eq!(stage.app.mode(), Mode::Queue);
        Ok(())
    }

    /// The program may have been started with another adapter than the one that is live.
    #[test]
    fn the_cursor_begins_on_what_is_worn_and_that_can_be_put_live() -> Result<()> {
        let wearing = Settings {
            model: Some(wearing("trial")?),
            ..settings(Language::En)?
        };
        let mut worn = stage(wearing)?;
        worn.press("enter y")?;
        assert_eq!(chosen(&worn).map(|r| r.name.as_str()), Some("trial"));
        let mut live = stage(settings(Language::En)?)?;
        live.press("enter")?;
        assert_eq!(
            (told(&live), chosen(&live)),
            (live.app.word(Word::AdapterIsLive), None)
        );
        Ok(())
    }

    /// A fit may end after another adapter was laid over the model.
    #[test]
    fn a_calibration_of_other_weights_is_not_taken_into_use() -> Result<()> {
        let mut stage = Stage::queue(Language::En, (140, 40), &[SAMPLE])?;
        let other = Calibration::example(BTreeMap::new());
        let own = Calibration {
            model: stage
                .app
                .settings()
                .model
                .clone()
                .ok_or_else(|| missing("model"))?,
            ..other.clone()
        };
        for (calibration, used) in [(other, false), (own, true)] {
            let record = Calibrated {
                model: calibration.model.clone(),
                rubric: calibration.rubric.clone(),
                calibration: None,
                ratings: 20,
                dimensions: Vec::new(),
                cause: "fitted to decisions".to_owned(),
                data: None,
            };
            stage.send(Message::Calibrated(Arc::new(calibration), Box::new(record)));
            assert_eq!(stage.app.settings().calibration.is_some(), used);
        }
        Ok(())
    }
}
