//! Who reads pictures: the model, found and loaded when the first picture needs it, and what it read before.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::{Chart, decode, read};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::model::ocr::Ocr;
use crate::model::{Catalogue, LocalModel, Manifest, ModelStore};

/// The model that reads pictures.
pub const MODEL: &str = "pp-ocrv5";
/// Changes with everything that changes what is read in a picture.
pub const READER: &str = "chart-1";

/// Reads pictures, each once: what was read is kept by the picture's bytes, the model's and the reader's version.
pub struct Sight {
    means: Option<Means>,
}

/// What reading takes.
struct Means {
    store: ModelStore,
    manifests: PathBuf,
    threads: usize,
    /// Where what was read is kept.
    folder: PathBuf,
    ocr: OnceLock<std::result::Result<Ready, String>>,
}

/// The model, found; loaded with the first picture that was not read before.
struct Ready {
    model: LocalModel,
    ocr: OnceLock<std::result::Result<Ocr, String>>,
}

impl Sight {
    /// Reads nothing.
    pub const BLIND: Self = Self { means: None };

    /// Reads with the model of this configuration; keeps what it read in the workspace's cache.
    pub fn of(config: &Config) -> Self {
        Self {
            means: Some(Means {
                store: ModelStore::new(&config.models_dir),
                manifests: config.manifests_dir(),
                threads: config.engine.threads,
                folder: config.workspace.join("cache").join("charts"),
                ocr: OnceLock::new(),
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
}

impl Means {
    fn look(&self, bytes: &[u8]) -> std::result::Result<Chart, String> {
        let ready = self.ocr.get_or_init(|| self.find().map_err(|e| one_line(&e)));
        let ready = ready.as_ref().map_err(Clone::clone)?;
        let kept = self
            .folder
            .join(format!("{}.json", key(&ready.model.manifest, bytes)));
        let before = std::fs::read(&kept).ok();
        if let Some(chart) = before.and_then(|json| serde_json::from_slice(&json).ok()) {
            return Ok(chart);
        }
        let picture = decode(bytes)?;
        let load = || Ocr::load(&ready.model, self.threads).map_err(|e| one_line(&e));
        let ocr = ready.ocr.get_or_init(load).as_ref().map_err(Clone::clone)?;
        let lines = ocr.read(&picture).map_err(|e| one_line(&e))?;
        let chart = read(&picture, &lines);
        // A folder that cannot be written to only costs the next reading its time.
        let _ = self.keep(&kept, &chart);
        Ok(chart)
    }

    fn find(&self) -> Result<Ready> {
        let catalogue = Catalogue::load(&self.manifests)?;
        Ok(Ready {
            model: self.store.locate(catalogue.find(&ModelId::new(MODEL))?)?,
            ocr: OnceLock::new(),
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

/// What a reading is kept under.
fn key(model: &Manifest, bytes: &[u8]) -> ContentHash {
    let files = model.files.iter().filter_map(|file| file.sha256);
    let parts = files.map(|hash| hash.to_string()).collect::<Vec<_>>().join(" ");
    ContentHash::of(format!("{READER} {parts} {}", ContentHash::of(bytes)).as_bytes())
}

/// An error and its first hint.
fn one_line(error: &Error) -> String {
    match error.hints().first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
