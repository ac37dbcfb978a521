//! What people are judged on: a versioned rubric of dimensions, read from TOML and checked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dossier::Language;
use crate::error::{Error, Result};
use crate::hash::ContentHash;
use crate::id::{DimensionId, RubricId};

mod builtin;
mod fault;
mod parse;
mod reader;
#[cfg(test)]
mod tests;

pub use builtin::{builtin, names};
pub use fault::{Fault, RubricErrors};

/// A text in both languages of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Bilingual {
    /// The text in `language`.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// Whether something speaks for or against a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Polarity {
    /// For it.
    Supports,
    /// Against it.
    Contradicts,
}

/// A behaviour that shows a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Unique in its dimension.
    pub id: String,
    /// What one would see.
    pub text: Bilingual,
}

/// Words whose occurrences are worth counting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Unique in its dimension.
    pub id: String,
    /// Chinese terms, matched as they stand, as whole words.
    pub zh: Vec<String>,
    /// English terms, matched by stem.
    pub en: Vec<String>,
}

impl Signal {
    /// Signals whose id begins so count what marks a shortfall.
    const ADVERSE: &str = "adverse-";

    /// Whether an occurrence speaks for or against the dimension.
    pub fn polarity(&self) -> Polarity {
        if self.id.starts_with(Self::ADVERSE) {
            Polarity::Contradicts
        } else {
            Polarity::Supports
        }
    }

    /// The terms in `language`.
    pub fn terms(&self, language: Language) -> &[String] {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// One dimension of a rubric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// Unique in the rubric.
    pub id: DimensionId,
    /// Short name.
    pub name: Bilingual,
    /// One sentence.
    pub definition: Bilingual,
    /// What levels 1 to 5 look like; index 0 is level 1.
    pub anchors: [Bilingual; 5],
    /// Expected behaviours.
    pub behaviours: Vec<Behaviour>,
    /// Countable signals.
    pub signals: Vec<Signal>,
}

/// A rubric, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rubric {
    /// Its name.
    pub id: RubricId,
    /// Its version.
    pub version: String,
    /// What to call it on screen.
    pub title: Bilingual,
    /// Whether names and what must not weigh are hidden from the model: see [`crate::ingest::redaction`].
    pub redact: bool,
    /// In the order they are shown and scored.
    pub dimensions: Vec<Dimension>,
    /// SHA-256 of the file's bytes.
    pub hash: ContentHash,
}

impl Rubric {
    /// Reads and checks a rubric file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a valid rubric: the message names the first fault.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Ok(Self::parse(&path.display().to_string(), &bytes)?)
    }

    /// The rubric that a person names: a file where the name has a `/` or a `.`, else one that comes with the program.
    ///
    /// # Errors
    /// No such rubric, or not a valid one.
    pub fn named(name: &str) -> Result<Self> {
        if name.contains(['/', '.']) {
            Self::load(Path::new(name))
        } else {
            builtin(name)
        }
    }

    /// The dimension called `id`.
    pub fn dimension(&self, id: &DimensionId) -> Option<&Dimension> {
        self.dimensions.iter().find(|d| &d.id == id)
    }
}
