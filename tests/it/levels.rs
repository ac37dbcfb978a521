//! The levels that the samples' author and a second, blind rater set, and the sample dossiers they belong to.

use std::path::{Path, PathBuf};

use plumbline::dossier::{Dossier, Segment};
use plumbline::ingest;
use serde::Deserialize;

use crate::env::Outcome;

/// `levels.toml` or `blind.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// The rubric's id.
    pub rubric: String,
    /// One a dimension.
    pub rating: Vec<Rating>,
}

/// The level of one dimension.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// The dimension's id.
    pub dimension: String,
    /// 1 to 5, halves allowed.
    pub level: f64,
    /// Why.
    pub note: String,
    /// The key behaviours.
    #[serde(default)]
    pub behaviour: Vec<KeyBehaviour>,
}

/// A behaviour that decided the level, with the words that show it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBehaviour {
    /// A behaviour's id.
    pub id: String,
    /// For or against.
    pub polarity: plumbline::rubric::Polarity,
    /// The source's path.
    pub source: String,
    /// Its exact words.
    pub quote: String,
}

/// A sample dossier and its ratings.
pub struct Sample {
    /// The folder's name.
    pub id: String,
    /// What was read from it.
    pub dossier: Dossier,
    /// The author's levels.
    pub levels: Levels,
    /// The second rating.
    pub blind: Option<Levels>,
}

/// The folder of all samples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// All samples, by name.
pub fn samples() -> Outcome<Vec<Sample>> {
    let folders = ingest::find(&folder())?;
    folders.iter().map(|dir| sample(dir)).collect()
}

fn sample(dir: &Path) -> Outcome<Sample> {
    let blind = dir.join("blind.toml");
    Ok(Sample {
        id: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        dossier: ingest::open(dir)?,
        levels: read(&dir.join("levels.toml"))?,
        blind: blind.exists().then(|| read(&blind)).transpose()?,
    })
}

fn read(path: &Path) -> Outcome<Levels> {
    let text = std::fs::read_to_string(path)?;
    Ok(toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?)
}

impl KeyBehaviour {
    /// The segment that holds the quotation, the first one if it begins in one and ends in the next.
    pub fn segment<'a>(&self, dossier: &'a Dossier) -> Option<&'a Segment> {
        let source = dossier.sources.iter().find(|s| s.path == self.source)?;
        let start = source.raw.find(&self.quote)?;
        let holds = |s: &&Segment| s.anchor.span.contains(&start);
        source.segments.iter().find(holds)
    }
}

/// Pairs of the author's and the blind level, and the dimension they belong to.
pub fn pairs(samples: &[Sample]) -> Vec<(&str, (f64, f64))> {
    let rated = samples
        .iter()
        .filter_map(|s| Some((&s.levels, s.blind.as_ref()?)));
    rated
        .flat_map(|(levels, blind)| levels.rating.iter().zip(&blind.rating))
        .map(|(a, b)| (a.dimension.as_str(), (a.level, b.level)))
        .collect()
}
