//! The data card: what is in a dataset, counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Dataset, Kind, Origin, Part, Sample};

/// Counts of one part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Samples.
    pub samples: usize,
    /// People or dossiers they belong to.
    pub subjects: usize,
    /// Tokens of all messages with their frame.
    pub tokens: usize,
    /// Tokens of the longest sample.
    pub longest: usize,
    /// By what they teach; `decision` for what people decided.
    pub kinds: BTreeMap<String, usize>,
    /// By language.
    pub languages: BTreeMap<&'static str, usize>,
    /// By origin.
    pub origins: BTreeMap<Origin, usize>,
    /// Of scorings: by the level that is answered.
    pub levels: BTreeMap<String, usize>,
    /// By template family.
    pub families: BTreeMap<String, usize>,
}

/// What is in a dataset. Its shape is stable: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// Root of the random numbers.
    pub seed: u64,
    /// Whose tokenizer counted the tokens.
    pub tokenizer: String,
    /// By part.
    pub parts: BTreeMap<Part, Counts>,
    /// Samples left out since another one reads the same.
    pub duplicates: usize,
    /// Decisions about the shipped samples, left out.
    pub shipped_left_out: usize,
    /// Tokens of one packed sequence.
    pub pack: usize,
    /// Packed sequences of what is learnt from.
    pub sequences: usize,
    /// The share of them that is not padding.
    pub utilisation: f64,
}

impl Counts {
    /// Counts `samples`, whose lengths in tokens are `lengths`.
    pub fn of(samples: &[Sample], lengths: &[usize]) -> Self {
        let mut counts = Self {
            samples: samples.len(),
            tokens: lengths.iter().sum(),
            longest: lengths.iter().copied().max().unwrap_or_default(),
            ..Self::default()
        };
        let mut subjects: Vec<&str> = samples.iter().map(|s| s.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        counts.subjects = subjects.len();
        for sample in samples {
            *counts.kinds.entry(kind(sample)).or_default() += 1;
            *counts.languages.entry(sample.language.code()).or_default() += 1;
            *counts.origins.entry(sample.origin).or_default() += 1;
            if let Some(level) = level(sample) {
                *counts.levels.entry(level).or_default() += 1;
            }
            if let Some(family) = &sample.family {
                *counts.families.entry(family.clone()).or_default() += 1;
            }
        }
        counts
    }
}

fn kind(sample: &Sample) -> String {
    let name = |kind: Kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned);
    sample
        .kind
        .and_then(name)
        .unwrap_or_else(|| "decision".to_owned())
}

/// The level that a scoring answers.
fn level(sample: &Sample) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(&sample.messages.last()?.content).ok()?;
    Some(answer.get("score")?.to_string())
}

impl Card {
    /// The card as a page of Markdown.
    pub fn markdown(&self) -> String {
        let mut page = String::from(
            "# Instruction samples\n\nMade by `plumb dataset build`. Synthetic subjects are made up: they mean nobody. The \
             held-out people come from\nbanks of their own, which share no sentence, name or project with those that are \
             learnt from.\n\n| part | samples | subjects | tokens | longest |\n|---|---:|---:|---:|---:|\n",
        );
        for (part, c) in &self.parts {
            let name = serde_json::to_value(part).unwrap_or_default();
            let name = name.as_str().unwrap_or_default();
            let _ = writeln!(
                page,
                "| {name} | {} | {} | {} | {} |",
                c.samples, c.subjects, c.tokens, c.longest
            );
        }
        let _ = writeln!(
            page,
            "\nSeed {}; tokens as {} counts them. {} sequences of {} tokens, {:.1} % of them used. {} samples that read like \
             another were left out, and {} decisions about the shipped dossiers.",
            self.seed,
            self.tokenizer,
            self.sequences,
            self.pack,
            self.utilisation * 100.0,
            self.duplicates,
            self.shipped_left_out
        );
        if let Some(train) = self.parts.get(&Part::Train) {
            for (title, counts) in [
                ("kind", &train.kinds),
                ("level", &train.levels),
                ("family", &train.families),
            ] {
                let _ = writeln!(page, "\n| {title} | samples to learn from |\n|---|---:|");
                for (name, n) in counts {
                    let _ = writeln!(page, "| {name} | {n} |");
                }
            }
        }
        page
    }
}

/// The card of a dataset; `lengths` are the samples' lengths in tokens, part by part.
pub fn card(
    dataset: &Dataset,
    lengths: &BTreeMap<Part, Vec<usize>>,
    (seed, tokenizer): (u64, &str),
    (pack, bins): (usize, &[Vec<usize>]),
) -> Card {
    let of = |part: &Part| lengths.get(part).map_or(&[][..], Vec::as_slice);
    Card {
        seed,
        tokenizer: tokenizer.to_owned(),
        parts: (dataset.parts.iter())
            .map(|(part, samples)| (*part, Counts::of(samples, of(part))))
            .collect(),
        duplicates: dataset.duplicates,
        shipped_left_out: dataset.shipped,
        pack,
        sequences: bins.len(),
        utilisation: super::pack::utilisation(bins, of(&Part::Train), pack),
    }
}
