//! Sentences in bulk: a bank's, each once, in no order, a page at a time; and as many about one made-up person as a real
//! folder holds.

use std::collections::BTreeMap;

use super::person::{drawn, shuffle};
use super::{Bank, Voice, filled};
use crate::id::DimensionId;
use crate::seed::Seed;

/// Sentences on a sheet.
const LINES: usize = 20;

/// A sentence of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// What it says.
    pub text: String,
    /// The dimension and the level that it shows; none shows nothing.
    pub shows: Option<(DimensionId, u8)>,
}

/// Every sentence of the bank on some sheet.
pub fn sheets(bank: &Bank, seed: Seed) -> Vec<Vec<Sentence>> {
    let mut numbers = seed.branch(&format!("sheets {}", bank.language.code())).stream();
    let nothing = bank.filler.iter().map(|text| (text, None));
    let something = bank.dimension.iter().flat_map(|dimension| {
        let levels = (1..).zip(&dimension.levels);
        levels.flat_map(move |(level, of)| {
            of.iter()
                .map(move |text| (text, Some((dimension.id.clone(), level))))
        })
    });
    let mut sentences: Vec<_> = nothing.chain(something).collect();
    shuffle(&mut sentences, &mut numbers);
    let voices = [Voice::Own, Voice::OfHer, Voice::OfHim];
    let written: Vec<Sentence> = sentences
        .into_iter()
        .map(|(text, shows)| Sentence {
            text: filled(text, bank, voices[numbers.below(voices.len())], &mut numbers),
            shows,
        })
        .collect();
    written.chunks(LINES).map(<[Sentence]>::to_vec).collect()
}

/// Sentences of a folder about each dimension.
const ABOUT_EACH: usize = 4;
/// Sentences of a folder about none.
const ABOUT_NONE: usize = 20;

/// Everything that a made-up person left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Unique; says that nobody is meant.
    pub id: String,
    /// The level of every dimension, drawn independently.
    pub levels: BTreeMap<DimensionId, u8>,
    /// The sentences, in no order. Like anybody, a person is now and then a level better or worse.
    pub lines: Vec<String>,
}

/// The so-many-th folder.
pub fn folder(bank: &Bank, seed: Seed, index: usize) -> Folder {
    let id = format!("synthetic-folder-{}-{index:04}", bank.language.code());
    let mut numbers = seed.branch(&id).stream();
    let mut levels = BTreeMap::new();
    let mut sentences: Vec<&String> = drawn(&bank.filler, ABOUT_NONE, &mut numbers);
    for dimension in &bank.dimension {
        let level = numbers.below(5);
        levels.insert(dimension.id.clone(), level as u8 + 1);
        let mut at = [level.saturating_sub(1), level, level, (level + 1).min(4)];
        shuffle(&mut at, &mut numbers);
        let mut taken: Vec<&String> = Vec::new();
        for level in &at[..ABOUT_EACH] {
            let mut fresh = drawn(&dimension.levels[*level], ABOUT_EACH, &mut numbers);
            fresh.retain(|sentence| !taken.contains(sentence));
            taken.extend(fresh.first());
        }
        sentences.extend(taken);
    }
    shuffle(&mut sentences, &mut numbers);
    let voices = [Voice::Own, Voice::OfHer, Voice::OfHim];
    let write = |text: &String| filled(text, bank, voices[numbers.below(voices.len())], &mut numbers);
    Folder {
        id,
        levels,
        lines: sentences.into_iter().map(write).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::learn::generate::Split;

    #[test]
    fn every_sentence_stands_on_one_sheet() -> Result<()> {
        let bank = Bank::load(Split::Train, Language::En)?;
        let sheets = sheets(&bank, Seed::root(0));
        let shown = sheets.iter().flatten().filter(|s| s.shows.is_some()).count();
        assert_eq!(shown, bank.sentences().count());
        let nothing = sheets.iter().flatten().filter(|s| s.shows.is_none()).count();
        assert_eq!(nothing, bank.filler.len());
        assert!(sheets.iter().all(|sheet| sheet.len() <= LINES));
        assert!(sheets.iter().flatten().all(|s| !s.text.contains('{')));
        Ok(())
    }

    #[test]
    fn a_folder_shows_every_dimension() -> Result<()> {
        let bank = Bank::load(Split::HeldOut, Language::Zh)?;
        let folder = folder(&bank, Seed::root(0), 3);
        assert_eq!(folder.levels.len(), bank.dimension.len());
        assert_eq!(folder.lines.len(), ABOUT_NONE + ABOUT_EACH * bank.dimension.len());
        let different: std::collections::BTreeSet<&String> = folder.lines.iter().collect();
        assert_eq!(different.len(), folder.lines.len());
        assert_eq!(folder, super::folder(&bank, Seed::root(0), 3));
        Ok(())
    }
}
