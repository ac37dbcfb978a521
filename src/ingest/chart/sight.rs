//! Who reads pictures: the model, found and loaded when the first picture needs it, and what it read before.
//!
//! There are two readers: PP-OCR with rules for charts, and a vision-language model, which is asked. Where the second gives
//! no table of facts, the first one's reading stands, with a note.

use std::path::PathBuf;
use std::sync::OnceLock;

use image::RgbImage;

use super::{Chart, decode, read, told};
use crate::config::{Config, EngineConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::model::local::Presence;
use crate::model::manifest::Family;
use crate::model::ocr::Ocr;
use crate::model::vision::Vision;
use crate::model::{Catalogue, LocalModel, Manifest, ModelStore};

/// The model that reads pictures by rules.
pub const MODEL: &str = "pp-ocrv5";
/// Changes with everything that changes what is read in a picture by rules.
const RULES: &str = "chart-1";
/// Changes with everything that changes what a vision-language model is asked, and what is made of its answer.
const TOLD: &str = "told-1";

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
    /// Where what was read is kept.
    folder: PathBuf,
    readers: OnceLock<std::result::Result<Readers, String>>,
}

/// Who reads, and who does where that one fails.
struct Readers {
    first: Ready,
    second: Option<Ready>,
}

/// A model, found; loaded with the first picture that was not read before.
struct Ready {
    model: LocalModel,
    reader: OnceLock<std::result::Result<Box<dyn Reader>, String>>,
}

/// A model that reads pictures.
trait Reader: Send + Sync {
    /// What is in the picture.
    ///
    /// # Errors
    /// Why it could not be read, in one line.
    fn read(&self, picture: &RgbImage) -> std::result::Result<Chart, String>;
}

impl Reader for Ocr {
    fn read(&self, picture: &RgbImage) -> std::result::Result<Chart, String> {
        let lines = self.read(picture).map_err(|e| one_line(&e))?;
        Ok(read(picture, &lines))
    }
}

impl Reader for Vision {
    fn read(&self, picture: &RgbImage) -> std::result::Result<Chart, String> {
        let answer = self.ask(picture, told::INSTRUCTION).map_err(|e| one_line(&e))?;
        told::chart(&answer, picture.dimensions())
    }
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
                folder: config.workspace.join("cache").join("charts"),
                readers: OnceLock::new(),
            }),
        }
    }

    /// What is in the picture with these bytes.
    ///
    /// # Errors
    /// Why it could not be read and what to do, in one line without its name.
    pub fn look(&self, bytes: &[u8]) -> std::result::Result<Chart, String> {
        let means = self.means.as_ref().ok_or("is a picture; not read here")?;
        means.look(bytes)
    }

    /// Who reads pictures and which version of it: what is read may change with it.
    pub(super) fn version(&self) -> &'static str {
        let readers = self
            .means
            .as_ref()
            .and_then(|means| means.readers.get()?.as_ref().ok());
        readers.map_or(RULES, |readers| readers.first.version())
    }
}

impl Means {
    fn look(&self, bytes: &[u8]) -> std::result::Result<Chart, String> {
        let readers = self.readers.get_or_init(|| self.find().map_err(|e| one_line(&e)));
        let Readers { first, second } = readers.as_ref().map_err(Clone::clone)?;
        self.once(first, bytes, |read| {
            let why = match read {
                Err(why) if first.model.manifest.id.as_str() != MODEL => why,
                read => return read,
            };
            let id = &first.model.manifest.id;
            let Some(second) = second else {
                return Err(format!(
                    "{id}: {why}; `plumb models pull {MODEL}` brings another reader"
                ));
            };
            let mut chart = self.once(second, bytes, |read| read)?;
            chart.note = Some(format!("{id}: {why}; read by {MODEL}"));
            Ok(chart)
        })
    }

    /// What a reader read in the picture before, or reads now; `then` has the last word on what is kept.
    fn once(
        &self,
        ready: &Ready,
        bytes: &[u8],
        then: impl FnOnce(std::result::Result<Chart, String>) -> std::result::Result<Chart, String>,
    ) -> std::result::Result<Chart, String> {
        let kept = self.folder.join(format!("{}.json", ready.key(bytes)));
        let before = std::fs::read(&kept).ok();
        if let Some(chart) = before.and_then(|json| serde_json::from_slice(&json).ok()) {
            return Ok(chart);
        }
        if !self.patient && ready.version() == TOLD {
            let id = &ready.model.manifest.id;
            return Err(format!(
                "was not read by {id} yet: run `plumb ingest` on the dossier first"
            ));
        }
        let picture = decode(bytes)?;
        let reader = ready.reader.get_or_init(|| ready.load(self.engine)).as_ref();
        let loaded = reader.map_err(Clone::clone);
        let chart = then(loaded.and_then(|reader| reader.read(&picture)))?;
        if reader.is_ok() {
            // A folder that cannot be written to only costs the next reading its time.
            let _ = self.keep(&kept, &chart);
        }
        Ok(chart)
    }

    fn find(&self) -> Result<Readers> {
        let catalogue = Catalogue::load(&self.manifests)?;
        let rules = catalogue.find(&ModelId::new(MODEL))?;
        let here = |manifest: &&Manifest| {
            let mut files = manifest.files.iter();
            files.all(|file| matches!(self.store.presence(manifest, file), Presence::Present { .. }))
        };
        let first = match &self.wanted {
            Some(id) => catalogue.find(id)?,
            None => catalogue
                .iter()
                .filter(|manifest| manifest.family == Family::Qwen3Vl)
                .find(here)
                .unwrap_or(rules),
        };
        if !matches!(first.family, Family::Qwen3Vl | Family::PpOcr) {
            let message = format!("{} reads no pictures", first.id);
            return Err(Error::new(ErrorKind::Usage, message).hint(format!("picture_model = \"{MODEL}\"")));
        }
        let second = Some(rules).filter(|rules| rules.id != first.id && here(rules));
        Ok(Readers {
            first: self.ready(first)?,
            second: second.map(|rules| self.ready(rules)).transpose()?,
        })
    }

    fn ready(&self, manifest: &Manifest) -> Result<Ready> {
        Ok(Ready {
            model: self.store.locate(manifest)?,
            reader: OnceLock::new(),
        })
    }

    fn keep(&self, path: &std::path::Path, chart: &Chart) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, chart)?;
        file.persist(path)?;
        Ok(())
    }
}

impl Ready {
    fn load(&self, engine: EngineConfig) -> std::result::Result<Box<dyn Reader>, String> {
        let loaded: Result<Box<dyn Reader>> = match self.model.manifest.family {
            Family::Qwen3Vl => Vision::load(&self.model, &engine).map(|vision| Box::new(vision) as _),
            _ => Ocr::load(&self.model, engine.threads).map(|ocr| Box::new(ocr) as _),
        };
        loaded.map_err(|e| one_line(&e))
    }

    fn version(&self) -> &'static str {
        match self.model.manifest.family {
            Family::Qwen3Vl => TOLD,
            _ => RULES,
        }
    }

    /// What a reading is kept under.
    fn key(&self, bytes: &[u8]) -> ContentHash {
        let files = self.model.manifest.files.iter().filter_map(|file| file.sha256);
        // A manifest need not name the hash of its weights.
        let parts: Vec<String> = std::iter::once(self.model.sha256)
            .chain(files)
            .map(|hash| hash.to_string())
            .collect();
        let (version, parts) = (self.version(), parts.join(" "));
        ContentHash::of(format!("{version} {parts} {}", ContentHash::of(bytes)).as_bytes())
    }
}

/// An error and its first hint.
fn one_line(error: &Error) -> String {
    match error.hints().first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
