//! How rare a term is in a dossier, and so how much it says that two texts share it.

use std::collections::{BTreeSet, HashMap};

/// The terms of a text.
pub type Topic = BTreeSet<String>;

/// In how many texts of a dossier each term stands.
#[derive(Debug, Clone, Default)]
pub struct Rarity {
    texts: f32,
    holding: HashMap<String, f32>,
}

/// How much two topics share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// The weight of the common terms, in words that stand nowhere else.
    pub weight: f32,
    /// Its share of the lighter topic.
    pub share: f32,
}

impl Rarity {
    /// Of these texts.
    pub fn of(topics: impl IntoIterator<Item = Topic>) -> Self {
        let mut rarity = Self::default();
        for topic in topics {
            rarity.texts += 1.0;
            for term in topic {
                *rarity.holding.entry(term).or_default() += 1.0;
            }
        }
        rarity
    }

    /// ln(1 + N / n) / ln(1 + N): one for a term that stands in one of the N texts, less for commoner ones.
    pub fn weight(&self, term: &str) -> f32 {
        let holding = self.holding.get(term).copied().unwrap_or(1.0);
        (1.0 + self.texts / holding).ln() / (1.0 + self.texts).ln()
    }

    /// The weight of all terms of `topic`.
    pub fn total(&self, topic: &Topic) -> f32 {
        topic.iter().map(|t| self.weight(t)).sum()
    }

    /// How much the two share.
    pub fn overlap(&self, a: &Topic, b: &Topic) -> Overlap {
        let weight = a.intersection(b).map(|t| self.weight(t)).sum::<f32>();
        Overlap {
            weight,
            share: weight / self.total(a).min(self.total(b)).max(f32::MIN_POSITIVE),
        }
    }
}

impl Overlap {
    /// Whether it is `least` or more in both.
    pub fn reaches(self, least: Self) -> bool {
        self.weight >= least.weight && self.share >= least.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(terms: &[&str]) -> Topic {
        terms.iter().map(|t| (*t).to_owned()).collect()
    }

    /// By hand, N = 3: `a` stands in all three, ln 2 / ln 4 = 0.5; `b` in one, 1; `d` in none counts as in one.
    #[test]
    fn what_is_rare_weighs_more() {
        let rarity = Rarity::of([topic(&["a", "b"]), topic(&["a"]), topic(&["a", "c"])]);
        assert!((rarity.weight("a") - 0.5).abs() < 1e-6);
        assert!((rarity.weight("b") - 1.0).abs() < 1e-6);
        assert!((rarity.weight("d") - 1.0).abs() < 1e-6);
        let overlap = rarity.overlap(&topic(&["a", "b"]), &topic(&["a", "c", "d"]));
        assert!((overlap.weight - 0.5).abs() < 1e-6);
        assert!((overlap.share - 0.5 / 1.5).abs() < 1e-6, "the lighter has 1.5");
    }
}
