//! Who reads pictures: the model, found and loaded when the first picture needs it, and what it read before.
//!
//! There are two readers: PP-OCR with rules for charts, and a vision-language model, which is asked. Where the second gives
//! no table of facts, the first one's reading stands, with a note. Pages of documents are read line by line, by the first.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use image::RgbImage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Chart, Text, decode, page, read, told};
use crate::config::{Config, EngineConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::ingest::kept::Kept;
use crate::model::local::Presence;
use crate::model::manifest::Family;
use crate::model::ocr::{Line, Ocr};
use crate::model::vision::Vision;
use crate::model::{Catalogue, LocalModel, Manifest, ModelStore};

/// The model that reads pictures by rules.
pub const MODEL: &str = "pp-ocrv5";
/// Changes with everything that changes what is read in a picture by rules.
const RULES: &str = "chart-2";
/// Changes with everything that changes what is read on a page.
const PAGE: &str = "page-2";
/// Changes with everything that changes what a vision-language model is asked, and what is made of its answer.
const TOLD: &str = "told-1";

/// What is made of a picture, or why nothing is: in one line.
type Seen<T> = std::result::Result<T, String>;

/// Reads pictures, each once: what was read is kept by the picture's bytes, the model's and the reader's version.
pub struct Sight {
    means: Option<Means>,
}

/// What reading takes.
struct Means {
    store: ModelStore,
    manifests: PathBuf,
    /// Who is to read; none: a vision-language model where one is here.
    wanted: Option<ModelId>,
    engine: EngineConfig,
    /// A vision-language model is asked though its answer takes minutes.
    patient: bool,
    /// What was read before.
    kept: Kept,
    readers: OnceLock<Seen<Readers>>,
}

/// Who reads.
struct Readers {
    /// Is asked about pictures first.
    asked: Option<Asked>,
    /// Reads by rules; or why it does not.
    rules: Seen<Rules>,
}

/// A vision-language model, found; loaded with the first picture that was not read before.
struct Asked {
    model: LocalModel,
    vision: OnceLock<Seen<Vision>>,
}

/// A model that finds and reads lines, likewise.
struct Rules {
    model: LocalModel,
    ocr: OnceLock<Seen<Ocr>>,
    /// Held while it reads: several readings at a time would only take more memory.
    turn: Mutex<()>,
}

impl Sight {
    /// Reads nothing.
    pub const BLIND: Self = Self { means: None };

    /// Reads with the model of this configuration; keeps what it read in the workspace's cache.
    pub fn of(config: &Config) -> Self {
        Self::with(config, true)
    }

    /// The same, but nobody is kept waiting: what a vision-language model has to be asked about is a problem.
    pub fn kept(config: &Config) -> Self {
        Self::with(config, false)
    }

    fn with(config: &Config, patient: bool) -> Self {
        Self {
            means: Some(Means {
                store: ModelStore::new(&config.models_dir),
                manifests: config.manifests_dir(),
                wanted: config.picture_model.clone(),
                engine: config.engine,
                patient,
                kept: Kept::new(config.workspace.join("cache").join("charts")),
                readers: OnceLock::new(),
            }),
        }
    }

    /// What is in the picture with these bytes.
    ///
    /// # Errors
    /// Why it could not be read and what to do, in one line without its name.
    pub fn look(&self, bytes: &[u8]) -> Seen<Chart> {
        let means = self.means()?;
        match means.readers()? {
            Readers {
                asked: Some(asked),
                rules,
            } => means.ask(asked, rules, bytes),
            Readers { asked: None, rules } => means.chart(rules.as_ref().map_err(Clone::clone)?, bytes),
        }
    }

    /// The lines of a page of the file with this hash; `draw` gives the page as a picture, if it was not read before.
    ///
    /// # Errors
    /// As [`Sight::look`], and those of `draw`.
    pub(in crate::ingest) fn page(
        &self,
        (file, page): (ContentHash, u32),
        draw: impl FnOnce() -> Seen<Vec<u8>>,
    ) -> Seen<Vec<Text>> {
        let what = format!("{PAGE} {file} {page}");
        let means = self.means()?;
        let picture = || decode(&draw()?);
        means.by_rules(means.rules()?, &what, picture, |_, lines| page::texts(lines))
    }

    /// Whether it reads pages at all.
    ///
    /// # Errors
    /// Why not and what to do, in one line.
    pub(in crate::ingest) fn opens(&self) -> Seen<()> {
        self.means()?.rules().map(drop)
    }

    fn means(&self) -> Seen<&Means> {
        self.means
            .as_ref()
            .ok_or_else(|| "pictures are not read here".to_owned())
    }

    /// Who reads pictures and which version of it: what is read may change with it.
    pub(super) fn version(&self) -> &'static str {
        let readers = self
            .means
            .as_ref()
            .and_then(|means| means.readers.get()?.as_ref().ok());
        match readers {
            Some(Readers { asked: Some(_), .. }) => TOLD,
            _ => RULES,
        }
    }
}

impl Means {
    fn readers(&self) -> Seen<&Readers> {
        let readers = self.readers.get_or_init(|| self.find().map_err(|e| one_line(&e)));
        readers.as_ref().map_err(Clone::clone)
    }

    fn rules(&self) -> Seen<&Rules> {
        self.readers()?.rules.as_ref().map_err(Clone::clone)
    }

    /// What the vision-language model says; where that is no table of facts, what the rules find.
    fn ask(&self, asked: &Asked, rules: &Seen<Rules>, bytes: &[u8]) -> Seen<Chart> {
        let id = &asked.model.manifest.id;
        let key = key(&asked.model, &format!("{TOLD} {}", ContentHash::of(bytes)));
        if let Some(before) = self.kept.find(&key) {
            return Ok(before);
        }
        if !self.patient {
            return Err(format!(
                "was not read by {id} yet: run `plumb ingest` on the dossier first"
            ));
        }
        let picture = decode(bytes)?;
        let load = || Vision::load(&asked.model, &self.engine).map_err(|e| one_line(&e));
        let vision = asked.vision.get_or_init(load).as_ref();
        let answer = vision.map_err(Clone::clone).and_then(|vision| {
            let answer = vision
                .ask(&picture, told::INSTRUCTION)
                .map_err(|e| one_line(&e))?;
            told::chart(&answer, picture.dimensions())
        });
        let chart = match (answer, rules) {
            (Ok(chart), _) => chart,
            (Err(why), Ok(rules)) => Chart {
                note: Some(format!("{id}: {why}; read by {}", rules.model.manifest.id)),
                ..self.chart(rules, bytes)?
            },
            (Err(why), Err(_)) => {
                return Err(format!(
                    "{id}: {why}; `plumb models pull {MODEL}` brings another reader"
                ));
            }
        };
        // A model that could not be loaded may be next time.
        if vision.is_ok() {
            self.kept.keep(&key, &chart);
        }
        Ok(chart)
    }

    /// What the rules find.
    fn chart(&self, rules: &Rules, bytes: &[u8]) -> Seen<Chart> {
        let what = format!("{RULES} {}", ContentHash::of(bytes));
        self.by_rules(rules, &what, || decode(bytes), read)
    }

    /// What was kept of `what`, or what `make` makes of the lines in the picture.
    fn by_rules<T: Serialize + DeserializeOwned>(
        &self,
        rules: &Rules,
        what: &str,
        picture: impl FnOnce() -> Seen<RgbImage>,
        make: impl FnOnce(&RgbImage, &[Line]) -> T,
    ) -> Seen<T> {
        let key = key(&rules.model, what);
        if let Some(before) = self.kept.find(&key) {
            return Ok(before);
        }
        let picture = picture()?;
        let _turn = rules.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let load = || Ocr::load(&rules.model, self.engine.threads).map_err(|e| one_line(&e));
        let ocr = rules.ocr.get_or_init(load).as_ref().map_err(Clone::clone)?;
        let lines = ocr.read(&picture).map_err(|e| one_line(&e))?;
        let made = make(&picture, &lines);
        self.kept.keep(&key, &made);
        Ok(made)
    }

    fn find(&self) -> Result<Readers> {
        let catalogue = Catalogue::load(&self.manifests)?;
        let here = |manifest: &&Manifest| {
            let mut files = manifest.files.iter();
            files.all(|file| matches!(self.store.presence(manifest, file), Presence::Present { .. }))
        };
        let first = if let Some(id) = &self.wanted {
            Some(catalogue.find(id)?)
        } else {
            let mut asked = catalogue.iter().filter(|m| m.family == Family::Qwen3Vl);
            asked.find(here)
        };
        let (asked, rules) = match first.map(|manifest| manifest.family) {
            None => (None, None),
            Some(Family::Qwen3Vl) => (first, None),
            Some(Family::PpOcr) => (None, first),
            Some(_) => {
                let message = format!("{} reads no pictures", first.map_or("", |m| m.id.as_str()));
                return Err(
                    Error::new(ErrorKind::Usage, message).hint(format!("picture_model = \"{MODEL}\""))
                );
            }
        };
        let rules = match rules {
            Some(rules) => rules,
            None => catalogue.find(&ModelId::new(MODEL))?,
        };
        let asked = asked.map(|asked| self.store.locate(asked)).transpose()?;
        Ok(Readers {
            asked: asked.map(|model| Asked {
                model,
                vision: OnceLock::new(),
            }),
            rules: self
                .store
                .locate(rules)
                .map_err(|e| one_line(&e))
                .map(|model| Rules {
                    model,
                    ocr: OnceLock::new(),
                    turn: Mutex::new(()),
                }),
        })
    }
}

/// What a reading is kept under.
fn key(model: &LocalModel, what: &str) -> String {
    let files = model.manifest.files.iter().filter_map(|file| file.sha256);
    // A manifest need not name the hash of its weights.
    let parts: Vec<String> = std::iter::once(model.sha256)
        .chain(files)
        .map(|hash| hash.to_string())
        .collect();
    format!("{} {what}", parts.join(" "))
}

/// An error and its first hint.
fn one_line(error: &Error) -> String {
    match error.hints().first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
