//! Instruction samples in bulk: from made-up people through template families, and from what people decided.
//!
//! Splits are by subject. Nothing that stands in the samples which come with the program is learnt from, and no line that
//! a held-out question shows may be shown by one that is learnt from: that is checked, not trusted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::export::{Example, Message};
use crate::learn::generate::person::{Person, drawn};
use crate::learn::generate::{Bank, Split};
use crate::review::PreferenceRecord;
use crate::rubric::{Rubric, builtin};
use crate::seed::{Seed, Stream};
use crate::watch::{self, Watch};

pub mod card;
mod compose;
mod family;
pub mod pack;
mod reviews;

use compose::{Composer, lines};
pub use family::{Families, Family, Kind, Worded};

/// The dossiers that come with the program: measured on, never learnt from.
pub const SHIPPED: [&str; 14] = [
    "en-helen-moss-2026h1",
    "en-marta-lind-2026h1",
    "en-priya-nair-2026h1",
    "en-sarah-chen-2025h2",
    "en-sarah-chen-2026h1",
    "en-tom-okafor-2026h1",
    "zh-chenjie-2026h1",
    "zh-hanmeimei-2026h1",
    "zh-lilei-2025h2",
    "zh-lilei-2026h1",
    "zh-sunyue-2026h1",
    "zh-wangfang-2026h1",
    "zh-wangqiang-2026h1",
    "zh-zhaomin-2026h1",
];

/// Kinds of samples that one made-up person gives beside scorings. A refusal is among those of every other person: one in
/// nine questions for a level then has nothing to cite.
const OTHER_KINDS: usize = 5;
/// One in so many subjects to learn from is kept for watching the training.
const VALID_ONE_IN: u64 = 20;
/// People held out, half of them in each language.
const HELD_OUT_PEOPLE: usize = 64;

/// What a sample is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// To learn from.
    Train,
    /// To watch the training by.
    Valid,
    /// To measure on: people of other banks.
    HeldOut,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::HeldOut];

    /// Its file in a dataset's folder.
    pub fn file(self) -> &'static str {
        match self {
            Self::Train => "train.jsonl",
            Self::Valid => "valid.jsonl",
            Self::HeldOut => "heldout.jsonl",
        }
    }
}

/// Where a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A made-up person.
    Synthetic,
    /// What a person decided.
    Decision,
}

/// One instruction with its answer. Its shape is stable: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Unique in the dataset.
    pub id: String,
    /// What it teaches; none of decisions, which are scorings in the product's own words.
    pub kind: Option<Kind>,
    /// The template family.
    pub family: Option<String>,
    /// Its language.
    pub language: Language,
    /// Whose papers.
    pub subject: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How the answer begins where that is given beforehand: it is not learnt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub given: String,
    /// System, user, assistant.
    pub messages: Vec<Message>,
    /// The lines that are shown, numbers left out; of a review, those that tell something.
    #[serde(skip)]
    material: Vec<String>,
}

/// What is built.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// The samples of each part.
    pub parts: BTreeMap<Part, Vec<Sample>>,
    /// Samples that were left out since another one reads the same.
    pub duplicates: usize,
    /// Decisions about shipped samples, left out by [`without_shipped`].
    pub shipped: usize,
}

/// What people decided, but for what is about the dossiers of [`SHIPPED`], and how much that is.
pub fn without_shipped(mut records: Vec<PreferenceRecord>) -> (Vec<PreferenceRecord>, usize) {
    let all = records.len();
    records.retain(|record| !SHIPPED.contains(&record.dossier.as_str()));
    let left_out = all - records.len();
    (records, left_out)
}

/// What to build.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Synthetic samples to learn from, at least.
    pub samples: usize,
    /// Root of the random numbers.
    pub seed: u64,
}

/// Builds a dataset; `examples` are what people decided, the shipped dossiers aside.
///
/// # Errors
/// A template or bank is broken, a line stands on both sides, or the watcher wants an end.
pub fn build(order: Order, examples: &[Example], watch: &dyn Watch) -> Result<Dataset> {
    let workshop = Workshop::open(Seed::root(order.seed))?;
    let mut dataset = Dataset::default();
    let mut known = HashSet::new();
    let mut made = 0;
    let mut index = 0;
    while made < order.samples {
        watch::check(watch, "nothing was written")?;
        watch.tell("composing samples", made, order.samples);
        for language in [Language::Zh, Language::En] {
            for sample in workshop.samples(Split::Train, language, index)? {
                made += usize::from(dataset.add(part_of(&sample.subject), sample, &mut known));
            }
        }
        index += 1;
        if index > order.samples {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("the banks do not give {} different samples", order.samples),
            ));
        }
    }
    for index in 0..HELD_OUT_PEOPLE / 2 {
        for language in [Language::Zh, Language::En] {
            for sample in workshop.samples(Split::HeldOut, language, index)? {
                dataset.add(Part::HeldOut, sample, &mut known);
            }
        }
    }
    for split in [Split::Train, Split::HeldOut] {
        for sample in reviews::reviews(split, &workshop.rubric, workshop.seed)? {
            let part = match split {
                Split::Train => part_of(&sample.subject),
                Split::HeldOut => Part::HeldOut,
            };
            dataset.add(part, sample, &mut known);
        }
    }
    for (n, example) in (1..).zip(examples) {
        let sample = of_decision(n, example);
        dataset.add(part_of(&sample.subject), sample, &mut known);
    }
    dataset.check_for_leaks()?;
    Ok(dataset)
}

/// The part that a subject who is not held out is in: one alone, whatever the dataset.
pub fn part_of(subject: &str) -> Part {
    if Seed::root(0).branch(subject).value().is_multiple_of(VALID_ONE_IN) {
        Part::Valid
    } else {
        Part::Train
    }
}

fn of_decision(n: usize, example: &Example) -> Sample {
    let text = example
        .messages
        .iter()
        .map(|m| m.content.as_str())
        .collect::<String>();
    let chinese = text.chars().any(crate::evidence::words::is_unspaced);
    Sample {
        id: format!("decision-{n:05}"),
        kind: None,
        family: None,
        language: if chinese { Language::Zh } else { Language::En },
        subject: example.subject.as_str().to_owned(),
        origin: Origin::Decision,
        given: String::new(),
        messages: example.messages.clone(),
        material: Vec::new(),
    }
}

/// Everything that samples are made with.
struct Workshop {
    families: Families,
    banks: BTreeMap<(Split, &'static str), Bank>,
    rubric: Rubric,
    seed: Seed,
}

impl Workshop {
    fn open(seed: Seed) -> Result<Self> {
        let mut banks = BTreeMap::new();
        for split in [Split::Train, Split::HeldOut] {
            for language in [Language::Zh, Language::En] {
                banks.insert((split, language.code()), Bank::load(split, language)?);
            }
        }
        Ok(Self {
            families: Families::load()?,
            banks,
            rubric: builtin("core")?,
            seed,
        })
    }

    /// What the so-many-th person of a bank gives.
    fn samples(&self, split: Split, language: Language, index: usize) -> Result<Vec<Sample>> {
        let bank = &self.banks[&(split, language.code())];
        let person = Person::make(bank, self.seed, index);
        let mut numbers = self.seed.branch(&person.id).stream();
        let others: Vec<Kind> = Kind::ALL.into_iter().filter(|k| *k != Kind::Scoring).collect();
        let mut kinds = vec![Kind::Scoring];
        kinds.extend(drawn(&others, OTHER_KINDS, &mut numbers));
        // All questions for a level stand side by side: they begin alike up to what is asked, and are read as one.
        kinds.sort_by_key(|kind| !kind.asks_for_a_level());
        let asked = self.family(Kind::Scoring, language, &mut numbers)?;
        let composer = Composer {
            bank,
            rubric: &self.rubric,
            person: &person,
        };
        let mut samples = Vec::new();
        for kind in kinds {
            let family = if kind.asks_for_a_level() {
                asked
            } else {
                self.family(kind, language, &mut numbers)?
            };
            for values in composer.values(kind, &mut numbers) {
                let worded = self.families.render(family, &values)?;
                let material = lines(&values).iter().map(|line| without_numbers(line)).collect();
                samples.push(Sample {
                    material,
                    ..sample(&person, samples.len() + 1, kind, worded)
                });
            }
        }
        Ok(samples)
    }

    fn family(&self, kind: Kind, language: Language, numbers: &mut Stream) -> Result<&Family> {
        let families = self.families.of(kind, language);
        families.get(numbers.below(families.len())).ok_or_else(|| {
            let what = format!("no template family for {kind:?} in {}", language.code());
            Error::new(ErrorKind::Internal, what)
        })
    }
}

fn sample(person: &Person, n: usize, kind: Kind, worded: Worded) -> Sample {
    let message = |role, content| Message { role, content };
    Sample {
        id: format!("{}-{n}", person.id),
        kind: Some(kind),
        family: Some(worded.family),
        language: person.language,
        subject: person.id.clone(),
        origin: Origin::Synthetic,
        given: String::new(),
        messages: vec![
            message("system", worded.system),
            message("user", worded.user),
            message("assistant", worded.answer),
        ],
        material: Vec::new(),
    }
}

fn without_numbers(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "")
}

impl Dataset {
    /// Adds a sample unless one reads the very same.
    fn add(&mut self, part: Part, sample: Sample, known: &mut HashSet<ContentHash>) -> bool {
        let text: Vec<&str> = sample.messages[1..].iter().map(|m| m.content.as_str()).collect();
        let new = known.insert(ContentHash::of(text.join("\n").as_bytes()));
        if new {
            self.parts.entry(part).or_default().push(sample);
        } else {
            self.duplicates += 1;
        }
        new
    }

    /// The samples of a part.
    pub fn part(&self, part: Part) -> &[Sample] {
        self.parts.get(&part).map_or(&[], Vec::as_slice)
    }

    fn check_for_leaks(&self) -> Result<()> {
        let learnt = || self.part(Part::Train).iter().chain(self.part(Part::Valid));
        let leak = |what: String| {
            Err(Error::new(
                ErrorKind::Internal,
                format!("the split leaks: {what}"),
            ))
        };
        let subjects =
            |part| -> BTreeSet<&str> { self.part(part).iter().map(|s| s.subject.as_str()).collect() };
        for (a, b) in [
            (Part::Train, Part::Valid),
            (Part::Train, Part::HeldOut),
            (Part::Valid, Part::HeldOut),
        ] {
            if let Some(subject) = subjects(a).intersection(&subjects(b)).next() {
                return leak(format!("{subject} stands in two parts"));
            }
        }
        let known: HashSet<&str> = learnt().flat_map(|s| &s.material).map(String::as_str).collect();
        let held_out = self.part(Part::HeldOut).iter().flat_map(|s| &s.material);
        match held_out.into_iter().find(|line| known.contains(line.as_str())) {
            Some(line) => leak(format!("a held-out line is learnt from: {line}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
