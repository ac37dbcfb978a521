//! What a stretch of text is about, so that two statements of one thing can be told from two things.
//!
//! Words that a rubric's signal lists together (跨组, 跨团队) count as one: the rubric's author has said that they mean
//! the same. What remains is compared by stems and pairs of characters, weighted by how rare they are in the dossier.

use crate::dossier::{Dossier, Language};
pub(super) use crate::evidence::rarity::Topic;
use crate::evidence::rarity::{Overlap, Rarity};
use crate::evidence::signals::{Counters, Searched};
use crate::evidence::words;
use crate::rubric::Rubric;

/// How rare a term is, is told from at most so many segments, spread over the dossier.
const MAX_SEGMENTS: usize = 4_000;

/// How the texts of one dossier are compared.
pub(super) struct Vocabulary<'a> {
    signals: Vec<(&'a str, Counters<'a>)>,
    rarity: Rarity,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn new(dossier: &Dossier, rubric: &'a Rubric) -> Self {
        let dimensions = rubric.dimensions.iter();
        let mut vocabulary = Self {
            signals: dimensions
                .map(|d| (d.id.as_str(), Counters::new(d, Language::Zh)))
                .collect(),
            rarity: Rarity::default(),
        };
        let every = dossier.segments().count() / MAX_SEGMENTS + 1;
        let segments = dossier.segments().step_by(every);
        vocabulary.rarity = Rarity::of(segments.map(|s| vocabulary.topic(&s.text)));
        vocabulary
    }

    /// The terms of `text`.
    pub(super) fn topic(&self, text: &str) -> Topic {
        let mut topic = Topic::new();
        let mut rest = text.as_bytes().to_vec();
        let searched = Searched::of(text);
        for (dimension, counters) in &self.signals {
            for (signal, span) in counters.spans(&searched) {
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
        self.rarity.overlap(a, b)
    }
}

fn says_something(term: &str) -> bool {
    let number = term.starts_with(|c: char| c.is_ascii_digit());
    let letter = term.len() == 1;
    !number && !letter && !words::is_common(term)
}
