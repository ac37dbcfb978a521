//! What a stretch of text is about, so that two statements of one thing can be told from two things.
//!
//! Words that a rubric's signal lists together (跨组, 跨团队) count as one: the rubric's author has said that they mean
//! the same. What remains is compared by stems and pairs of characters, weighted by how rare they are in the dossier.

use std::collections::{BTreeSet, HashMap};

use super::Overlap;
use crate::dossier::{Dossier, Language};
use crate::evidence::signals::Counters;
use crate::evidence::words;
use crate::rubric::Rubric;

/// The terms of a text, numbers left out.
pub(super) type Topic = BTreeSet<String>;

/// How rare a term is, is told from at most so many segments, spread over the dossier.
const MAX_SEGMENTS: usize = 4_000;

/// How the texts of one dossier are compared.
pub(super) struct Vocabulary<'a> {
    signals: Vec<(&'a str, Counters<'a>)>,
    segments: f32,
    /// In how many segments a term occurs.
    holding: HashMap<String, f32>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn new(dossier: &Dossier, rubric: &'a Rubric) -> Self {
        let mut vocabulary = Self {
            signals: rubric
                .dimensions
                .iter()
                .map(|d| (d.id.as_str(), Counters::new(d, Language::Zh)))
                .collect(),
            segments: 0.0,
            holding: HashMap::new(),
        };
        let every = dossier.segments().count() / MAX_SEGMENTS + 1;
        for segment in dossier.segments().step_by(every) {
            vocabulary.segments += 1.0;
            for term in vocabulary.topic(&segment.text) {
                *vocabulary.holding.entry(term).or_default() += 1.0;
            }
        }
        vocabulary
    }

    /// The terms of `text`.
    pub(super) fn topic(&self, text: &str) -> Topic {
        let mut topic = Topic::new();
        let mut rest = text.as_bytes().to_vec();
        let words = words::words(text);
        for (dimension, counters) in &self.signals {
            for (signal, span) in counters.spans(text, &words) {
                topic.insert(format!("{dimension}/{signal}"));
                rest[span].fill(b' ');
            }
        }
        let rest = String::from_utf8_lossy(&rest);
        topic.extend(words::terms(&rest).into_iter().filter(|t| says_something(t)));
        topic
    }

    /// How much the two share.
    pub(super) fn overlap(&self, a: &Topic, b: &Topic) -> Overlap {
        let weight = a.intersection(b).map(|t| self.weight(t)).sum::<f32>();
        let total = |topic: &Topic| topic.iter().map(|t| self.weight(t)).sum::<f32>();
        Overlap {
            weight,
            share: weight / total(a).min(total(b)).max(f32::MIN_POSITIVE),
        }
    }

    /// ln(1 + N / n) / ln(1 + N): one for a term that stands in one of the N segments, less for commoner ones.
    fn weight(&self, term: &str) -> f32 {
        let holding = self.holding.get(term).copied().unwrap_or(1.0);
        (1.0 + self.segments / holding).ln() / (1.0 + self.segments).ln()
    }
}

fn says_something(term: &str) -> bool {
    let number = term.starts_with(|c: char| c.is_ascii_digit());
    let letter = term.len() == 1;
    !number && !letter && !words::is_common(term)
}
