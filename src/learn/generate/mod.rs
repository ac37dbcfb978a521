//! Made-up people: dossiers composed from behaviours, levels and styles, clearly marked as synthetic. What is shown at
//! which level is known by construction.
//!
//! The banks of training and of the held-out people share no sentence, name or project, so that what was learnt by
//! heart helps nobody there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::dossier::Language;
use crate::error::{Error, Result};
use crate::id::DimensionId;
use crate::seed::{Seed, Stream};

pub mod answers;
pub mod labelled;
pub mod person;

/// Which bank people are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To be learnt from.
    Train,
    /// To be measured on.
    HeldOut,
}

/// Sentences of one language and one split.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    language: Language,
    split: Split,
    filler: Vec<String>,
    slots: BTreeMap<String, Vec<String>>,
    dimension: Vec<Shown>,
}

/// What shows one dimension.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    id: DimensionId,
    /// What to do next at levels 1 and 2, 3, 4 and 5.
    low: Vec<String>,
    mid: Vec<String>,
    high: Vec<String>,
    /// Sentences of each level, 1 first.
    levels: [Vec<String>; 5],
}

const BANKS: [(&str, &str); 4] = [
    ("train.zh", include_str!("banks/train.zh.toml")),
    ("train.en", include_str!("banks/train.en.toml")),
    ("heldout.zh", include_str!("banks/heldout.zh.toml")),
    ("heldout.en", include_str!("banks/heldout.en.toml")),
];

impl Bank {
    /// The bank of a split in a language.
    ///
    /// # Errors
    /// The file is not of the layout: it is named with the line.
    pub fn load(split: Split, language: Language) -> Result<Self> {
        let name = match split {
            Split::Train => format!("train.{}", language.code()),
            Split::HeldOut => format!("heldout.{}", language.code()),
        };
        let text = BANKS
            .iter()
            .find(|(n, _)| *n == name)
            .map_or("", |(_, text)| text);
        toml::from_str(text).map_err(|fault| Error::toml(&format!("banks/{name}.toml"), text, &fault))
    }

    /// Every sentence about a dimension, as it stands in the bank.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        self.dimension
            .iter()
            .flat_map(|d| d.levels.iter().flatten())
            .map(String::as_str)
    }

    /// The level of the sentence that a text was filled in from.
    #[cfg(test)]
    pub(crate) fn level_of(&self, text: &str) -> Option<u8> {
        let from = |sentence: &String| {
            let mut rest = text;
            let mut literal = sentence.split(['{', '}']).step_by(2);
            let found = literal.all(|piece| match rest.find(piece) {
                Some(at) => {
                    rest = &rest[at + piece.len()..];
                    true
                }
                None => false,
            });
            found && (rest.is_empty() || sentence.ends_with('}'))
        };
        let levels = self.dimension.iter().flat_map(|shown| (1..).zip(&shown.levels));
        let mut of = levels.filter(|(_, sentences)| sentences.iter().any(from));
        of.next().map(|(level, _)| level)
    }

    /// The names that its people and projects have.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.values().flatten().map(String::as_str)
    }
}

/// In whose voice a sentence is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The person's own.
    Own,
    /// A colleague's about a woman.
    OfHer,
    /// A colleague's about a man.
    OfHim,
}

impl Voice {
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Own => ["I", "my"],
            Self::OfHer => ["She", "her"],
            Self::OfHim => ["He", "his"],
        }
    }
}

/// Puts names and numbers into a sentence of the bank.
fn filled(sentence: &str, bank: &Bank, voice: Voice, numbers: &mut Stream) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some((before, slot, after)) = next_slot(rest) {
        text.push_str(before);
        let [who, whose] = voice.words();
        match slot {
            "who" => text.push_str(who),
            "whose" => text.push_str(whose),
            "n" => text.push_str(&between(2, 9, numbers)),
            "big" => text.push_str(&between(10, 200, numbers)),
            "percent" => text.push_str(&between(5, 60, numbers)),
            "days" => text.push_str(&between(2, 14, numbers)),
            name => text.push_str(bank.slots.get(name).map_or("", |names| one_of(names, numbers))),
        }
        rest = after;
    }
    text + rest
}

/// What stands before the first `{slot}`, its name, and what stands after.
fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (slot, after) = rest.split_once('}')?;
    Some((before, slot, after))
}

fn between(low: usize, high: usize, numbers: &mut Stream) -> String {
    (low + numbers.below(high - low + 1)).to_string()
}

fn one_of<'a>(names: &'a [String], numbers: &mut Stream) -> &'a str {
    names.get(numbers.below(names.len())).map_or("", String::as_str)
}

/// The random numbers of the so-many-th person.
fn stream(seed: Seed, split: Split, language: Language, person: usize) -> Stream {
    let name = format!("{split:?} {} {person}", language.code());
    seed.branch(&name).stream()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SLOTS: [&str; 11] = [
        "who",
        "whose",
        "n",
        "big",
        "percent",
        "days",
        "project",
        "colleague",
        "team",
        "system",
        "role",
    ];

    #[test]
    fn every_bank_is_whole() -> Result<()> {
        for (language, split, least) in [
            (Language::Zh, Split::Train, 6),
            (Language::En, Split::Train, 6),
            (Language::Zh, Split::HeldOut, 4),
            (Language::En, Split::HeldOut, 4),
        ] {
            let bank = Bank::load(split, language)?;
            assert_eq!((bank.language, bank.split), (language, split));
            let core = crate::rubric::builtin("core")?;
            let ids: Vec<_> = bank.dimension.iter().map(|d| d.id.clone()).collect();
            assert_eq!(
                ids,
                core.dimensions.iter().map(|d| d.id.clone()).collect::<Vec<_>>()
            );
            for dimension in &bank.dimension {
                assert!(
                    dimension.levels.iter().all(|of| of.len() >= least),
                    "{}",
                    dimension.id
                );
                let suggestions = [&dimension.low, &dimension.mid, &dimension.high];
                assert!(suggestions.iter().all(|of| of.len() >= 2), "{}", dimension.id);
            }
            assert!(bank.filler.len() >= 20);
            for sentence in bank.sentences().chain(bank.filler.iter().map(String::as_str)) {
                let mut rest = sentence;
                while let Some((_, slot, after)) = next_slot(rest) {
                    assert!(SLOTS.contains(&slot), "{sentence}");
                    rest = after;
                }
                assert!(!rest.contains(['{', '}']), "{sentence}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_held_out_people_share_nothing_with_the_others() -> Result<()> {
        for language in [Language::Zh, Language::En] {
            let (train, held_out) = (
                Bank::load(Split::Train, language)?,
                Bank::load(Split::HeldOut, language)?,
            );
            let known: BTreeSet<&str> = train.sentences().chain(train.names()).collect();
            let shared: Vec<&str> = held_out
                .sentences()
                .chain(held_out.names())
                .filter(|s| known.contains(s))
                .collect();
            assert!(shared.is_empty(), "{shared:?}");
        }
        Ok(())
    }

    #[test]
    fn slots_are_filled_in_the_voice() -> Result<()> {
        let bank = Bank::load(Split::Train, Language::En)?;
        let mut numbers = Seed::root(1).stream();
        let text = filled(
            "{who} fixed {n} bugs in {whose} code for {project}.",
            &bank,
            Voice::OfHer,
            &mut numbers,
        );
        assert!(
            text.starts_with("She fixed ") && text.contains("in her code"),
            "{text}"
        );
        assert!(!text.contains('{'), "{text}");
        Ok(())
    }
}
