//! Levels that people gave a dossier beforehand (`levels.toml`, `blind.toml`), for measuring how close a model comes.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::dossier::tomlfile::TomlFile;
use crate::dossier::{Dossier, Segment, Source};
use crate::error::Result;
use crate::id::{DimensionId, RubricId, SegmentNo};
use crate::rubric::Polarity;
use crate::sanitize::line;

/// The levels that one person gave, dimension by dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// By which rubric.
    pub rubric: RubricId,
    /// One a dimension, in the order of the file.
    pub ratings: Vec<Rating>,
}

/// The level of one dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// Which dimension.
    pub dimension: DimensionId,
    /// 1 to 5 in halves.
    pub level: f32,
    /// Why, in a sentence (sanitised).
    pub note: String,
    /// What the level rests on; empty in a file that gives levels only.
    pub behaviours: Vec<KeyBehaviour>,
}

/// A behaviour that the person saw at a place of the dossier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBehaviour {
    /// A behaviour of the rubric.
    pub id: String,
    /// Whether it was shown, or its opposite.
    pub polarity: Polarity,
    /// The source's path in the dossier.
    pub source: String,
    /// Words of that source, exactly.
    pub quote: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rubric: String,
    rating: Vec<RatingTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatingTable {
    dimension: Spanned<String>,
    level: Spanned<f32>,
    note: String,
    #[serde(default)]
    behaviour: Vec<KeyBehaviour>,
}

impl Levels {
    /// Reads a file of levels.
    ///
    /// # Errors
    /// The file is missing, or wrong: the message names the file, the line and the field.
    pub fn load(path: &Path) -> Result<Self> {
        Self::check(&TomlFile::read(path)?)
    }

    fn check(file: &TomlFile) -> Result<Self> {
        let read: File = file.parse()?;
        let mut ratings: Vec<Rating> = Vec::with_capacity(read.rating.len());
        for table in read.rating {
            let (at, dimension) = (table.dimension.span().start, table.dimension.into_inner());
            if ratings.iter().any(|r| r.dimension.as_str() == dimension) {
                return Err(file.fault(at, "is rated twice"));
            }
            let (at, level) = (table.level.span().start, table.level.into_inner());
            if !(1.0..=5.0).contains(&level) || (level * 2.0).fract() != 0.0 {
                return Err(file.fault(at, "a level is 1 to 5 in halves"));
            }
            ratings.push(Rating {
                dimension: DimensionId::new(dimension),
                level,
                note: line(&table.note).into_owned(),
                behaviours: table.behaviour,
            });
        }
        Ok(Self {
            rubric: RubricId::new(read.rubric),
            ratings,
        })
    }
}

impl KeyBehaviour {
    /// The segments that hold the quote: each one that holds all of it, else those it runs across; none where it stands
    /// nowhere in the source.
    pub fn segments(&self, dossier: &Dossier) -> Vec<SegmentNo> {
        let Some(source) = dossier.sources.iter().find(|s| s.path == self.source) else {
            return Vec::new();
        };
        let quote = line(&self.quote);
        let whole = |s: &&Segment| s.text.contains(quote.as_ref());
        let found: Vec<SegmentNo> = source.segments.iter().filter(whole).map(|s| s.no).collect();
        if found.is_empty() {
            across(source, &self.quote)
        } else {
            found
        }
    }
}

fn across(source: &Source, quote: &str) -> Vec<SegmentNo> {
    let Some(start) = source.raw.find(quote) else {
        return Vec::new();
    };
    let end = start + quote.len();
    let touched = |s: &&Segment| s.anchor.span.start < end && start < s.anchor.span.end;
    source.segments.iter().filter(touched).map(|s| s.no).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Option<String> {
        Levels::check(&TomlFile::new("levels.toml", text))
            .err()
            .map(|e| e.to_string())
    }

    #[test]
    fn levels_are_halves_from_one_to_five_and_one_a_dimension() {
        let rating = |dimension: &str, level: &str| {
            format!("[[rating]]\ndimension = \"{dimension}\"\nlevel = {level}\nnote = \"n\"\n")
        };
        let file = |ratings: String| format!("rubric = \"core\"\n{ratings}");
        assert_eq!(error(&file(rating("a", "4.5") + &rating("b", "1.0"))), None);
        for level in ["0.5", "5.5", "3.2", "nan"] {
            let expected = "levels.toml line 4: rating[1].level: a level is 1 to 5 in halves";
            assert_eq!(error(&file(rating("a", level))).as_deref(), Some(expected));
        }
        let twice = error(&file(rating("a", "4.5") + &rating("a", "1.0")));
        let expected = "levels.toml line 7: rating[2].dimension: is rated twice";
        assert_eq!(twice.as_deref(), Some(expected));
    }
}
