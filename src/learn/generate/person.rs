//! One made-up person: what they are like, and the papers that show it.

use std::collections::BTreeMap;

use super::{Bank, Shown, Split, Voice, filled, one_of, stream};
use crate::dossier::Language;
use crate::id::DimensionId;
use crate::seed::{Seed, Stream};

/// Dimensions that a person's papers show something of; of the others they say nothing.
const SHOWN: usize = 4;
/// Sentences that show each.
const SENTENCES: usize = 2;
/// Sentences that show nothing.
const FILLER: usize = 3;

/// A line of a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1, 2, 3 … through all papers.
    pub number: u32,
    /// Who says it, where the paper tells.
    pub speaker: Option<String>,
    /// What it says.
    pub text: String,
    /// The dimension it shows something of.
    pub shows: Option<DimensionId>,
}

/// A paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// What it is called.
    pub title: &'static str,
    /// What sort of paper it is.
    pub kind: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A made-up person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Unique; says that nobody is meant.
    pub id: String,
    /// The language of the papers.
    pub language: Language,
    /// From which bank.
    pub split: Split,
    /// The job.
    pub role: String,
    /// The review cycle.
    pub cycle: String,
    /// The level of each dimension that the papers show, drawn independently: one says nothing of another.
    pub levels: BTreeMap<DimensionId, u8>,
    /// The papers.
    pub papers: Vec<Paper>,
}

/// Title and sort of the papers, and whether they are in the person's own voice.
type Style = [(&'static str, &'static str, bool); 3];

const TRAIN_ZH: Style = [
    ("第 12 周周报", "周报", true),
    ("同事意见", "同事评价", false),
    ("站会纪要", "会议记录", true),
];
const HELD_OUT_ZH: Style = [
    ("月末小结", "工作小结", true),
    ("班组反馈", "同事反馈", false),
    ("晨会记录", "例会记录", true),
];
const TRAIN_EN: Style = [
    ("Week 12", "weekly report", true),
    ("What colleagues say", "peer notes", false),
    ("Stand-up", "meeting transcript", true),
];
const HELD_OUT_EN: Style = [
    ("Month in brief", "monthly summary", true),
    ("Notes from the floor", "colleague feedback", false),
    ("Morning huddle", "huddle notes", true),
];

impl Person {
    /// The so-many-th person of a bank.
    pub fn make(bank: &Bank, seed: Seed, index: usize) -> Self {
        let (language, split) = (bank.language, bank.split);
        let mut numbers = stream(seed, split, language, index);
        let shown = drawn(&bank.dimension, SHOWN, &mut numbers);
        let mut levels = BTreeMap::new();
        let mut sentences: Vec<(Option<DimensionId>, &str)> = Vec::new();
        for dimension in shown {
            let level = numbers.below(5);
            levels.insert(dimension.id.clone(), level as u8 + 1);
            let of = drawn(&dimension.levels[level], SENTENCES, &mut numbers);
            sentences.extend(
                of.into_iter()
                    .map(|text| (Some(dimension.id.clone()), text.as_str())),
            );
        }
        let filler = drawn(&bank.filler, FILLER, &mut numbers);
        sentences.extend(filler.into_iter().map(|text| (None, text.as_str())));
        numbers.shuffle(&mut sentences);
        let of = match split {
            Split::Train => "train",
            Split::HeldOut => "heldout",
        };
        let code = language.code();
        Self {
            id: format!("synthetic-{of}-{code}-{index:04}"),
            language,
            split,
            role: one_of(bank.slots.get("role").map_or(&[], Vec::as_slice), &mut numbers).to_owned(),
            cycle: format!("20{}H{}", 22 + numbers.below(5), 1 + numbers.below(2)),
            levels,
            papers: papers(bank, &sentences, &mut numbers),
        }
    }

    /// All lines, in order of number.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.papers.iter().flat_map(|paper| &paper.lines)
    }

    /// The lines that show something of a dimension.
    pub fn shows<'a>(&'a self, dimension: &'a DimensionId) -> impl Iterator<Item = &'a Line> {
        self.lines()
            .filter(move |line| line.shows.as_ref() == Some(dimension))
    }
}

fn papers(bank: &Bank, sentences: &[(Option<DimensionId>, &str)], numbers: &mut Stream) -> Vec<Paper> {
    let style = match (bank.split, bank.language) {
        (Split::Train, Language::Zh) => TRAIN_ZH,
        (Split::HeldOut, Language::Zh) => HELD_OUT_ZH,
        (Split::Train, Language::En) => TRAIN_EN,
        (Split::HeldOut, Language::En) => HELD_OUT_EN,
    };
    let of_others = if numbers.below(2) == 0 {
        Voice::OfHer
    } else {
        Voice::OfHim
    };
    let each = sentences.len().div_ceil(style.len());
    let mut number = 0;
    let mut papers = Vec::new();
    for ((title, kind, own), sentences) in style.into_iter().zip(sentences.chunks(each)) {
        let mut lines = Vec::new();
        for (shows, sentence) in sentences {
            number += 1;
            let voice = if own { Voice::Own } else { of_others };
            lines.push(Line {
                number,
                speaker: None,
                text: filled(sentence, bank, voice, numbers),
                shows: shows.clone(),
            });
        }
        papers.push(Paper { title, kind, lines });
    }
    papers
}

impl Bank {
    /// What somebody at `level` of a dimension should do next.
    pub fn suggestion(&self, dimension: &DimensionId, level: u8, numbers: &mut Stream) -> String {
        let of = |shown: &Shown| match level {
            1 | 2 => shown.low.clone(),
            3 => shown.mid.clone(),
            _ => shown.high.clone(),
        };
        let known = self.dimension.iter().find(|shown| shown.id == *dimension);
        let suggestions = known.map(of).unwrap_or_default();
        filled(one_of(&suggestions, numbers), self, Voice::Own, numbers)
    }

    /// A sentence of a dimension at a level, filled in.
    pub fn sentence(&self, dimension: &DimensionId, level: u8, voice: Voice, numbers: &mut Stream) -> String {
        let known = self.dimension.iter().find(|shown| shown.id == *dimension);
        let of = known.map_or(&[][..], |shown| &shown.levels[usize::from(level.clamp(1, 5)) - 1]);
        filled(one_of(of, numbers), self, voice, numbers)
    }

    /// Its dimensions.
    pub fn dimensions(&self) -> impl Iterator<Item = &DimensionId> {
        self.dimension.iter().map(|shown| &shown.id)
    }

    /// A sentence that shows nothing.
    pub fn aside(&self, numbers: &mut Stream) -> String {
        filled(one_of(&self.filler, numbers), self, Voice::Own, numbers)
    }

    /// A name of a slot.
    pub fn name(&self, slot: &str, numbers: &mut Stream) -> String {
        one_of(self.slots.get(slot).map_or(&[], Vec::as_slice), numbers).to_owned()
    }
}

/// `count` of the items, none twice, in the order they were drawn.
pub fn drawn<'a, T>(items: &'a [T], count: usize, numbers: &mut Stream) -> Vec<&'a T> {
    let mut left: Vec<&T> = items.iter().collect();
    let mut drawn = Vec::new();
    while drawn.len() < count && !left.is_empty() {
        drawn.push(left.swap_remove(numbers.below(left.len())));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    #[test]
    fn a_person_is_what_the_papers_show() -> Result<()> {
        let bank = Bank::load(Split::Train, Language::Zh)?;
        let person = Person::make(&bank, Seed::root(1), 3);
        assert_eq!(person.levels.len(), SHOWN);
        let lines: Vec<&Line> = person.lines().collect();
        assert_eq!(lines.len(), SHOWN * SENTENCES + FILLER);
        assert!(lines.iter().zip(1..).all(|(line, n)| line.number == n));
        for dimension in person.levels.keys() {
            assert_eq!(person.shows(dimension).count(), SENTENCES);
        }
        assert_eq!(person, Person::make(&bank, Seed::root(1), 3));
        assert_ne!(person, Person::make(&bank, Seed::root(2), 3));
        Ok(())
    }

    /// Of 300 people with four levels each, those of two dimensions are correlated by chance alone.
    #[test]
    fn levels_of_a_person_are_independent() -> Result<()> {
        let bank = Bank::load(Split::Train, Language::En)?;
        let mut pairs = Vec::new();
        for index in 0..300 {
            let person = Person::make(&bank, Seed::root(1), index);
            let levels: Vec<f64> = person.levels.values().map(|level| f64::from(*level)).collect();
            pairs.push((levels[0], levels[1]));
        }
        let r = crate::metrics::pearson(&pairs).unwrap_or(1.0);
        // Three standard errors of r = 0 at n = 300.
        assert!(r.abs() < 0.174, "{r}");
        Ok(())
    }

    #[test]
    fn things_are_drawn_once() {
        let mut numbers = Seed::root(1).stream();
        let items: Vec<u32> = (0..9).collect();
        let mut found: Vec<u32> = drawn(&items, 20, &mut numbers).into_iter().copied().collect();
        assert_ne!(found, items);
        found.sort_unstable();
        assert_eq!(found, items);
    }
}
