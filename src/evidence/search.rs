//! Okapi BM25 over the segments of a dossier.
//!
//! Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), equation 3.15, with the
//! Robertson/Spärck Jones weight (1976) without relevance information, kept positive by adding one inside the
//! logarithm: idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)).

use std::collections::{BTreeMap, HashMap};

use super::words;
use crate::dossier::Dossier;
use crate::id::SegmentNo;

/// How fast repetitions of a term stop mattering.
const K1: f32 = 1.2;
/// How much a long segment's counts are discounted.
const B: f32 = 0.75;

/// The terms of a dossier's segments, ready to be searched.
#[derive(Debug, Clone)]
pub struct Index {
    segments: Vec<SegmentNo>,
    /// Terms in each segment.
    lengths: Vec<u32>,
    average: f32,
    /// For each term the segments (positions in `segments`) that hold it, and how often.
    postings: HashMap<String, Vec<(u32, u32)>>,
}

impl Index {
    /// Indexes every segment, headings included.
    pub fn build(dossier: &Dossier) -> Self {
        let mut index = Self {
            segments: Vec::new(),
            lengths: Vec::new(),
            average: 0.0,
            postings: HashMap::new(),
        };
        for segment in dossier.segments() {
            index.add(segment.no, &segment.text);
        }
        let total: f64 = index.lengths.iter().map(|n| f64::from(*n)).sum();
        index.average = (total / index.lengths.len().max(1) as f64) as f32;
        index
    }

    /// The segments that share a term with `query`, best first, at most `limit`; equal scores in document order.
    pub fn search(&self, query: &str, limit: usize) -> Vec<(SegmentNo, f32)> {
        let scores = self.scores(query).into_iter();
        let mut ranked: Vec<(SegmentNo, f32)> = self.segments.iter().copied().zip(scores).collect();
        ranked.retain(|(_, score)| *score > 0.0);
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(limit);
        ranked
    }

    /// The score of every segment, in document order. Function words count only in a query of nothing else.
    pub fn scores(&self, query: &str) -> Vec<f32> {
        let mut terms = words::search_terms(query);
        if !terms.iter().all(|t| words::is_common(t)) {
            terms.retain(|t| !words::is_common(t));
        }
        let mut scores = vec![0.0; self.segments.len()];
        for (term, repeats) in frequencies(terms) {
            for (at, score) in self.weigh(&term) {
                scores[at as usize] += score * repeats as f32;
            }
        }
        scores
    }

    /// Positions, in document order, of the segments that may hold `phrase`: all that hold its rarest term.
    pub fn candidates(&self, phrase: &str) -> impl Iterator<Item = usize> {
        let postings = |term: String| self.postings.get(&term).map_or(&[][..], Vec::as_slice);
        let terms = words::search_terms(phrase).into_iter();
        let rarest = terms.map(postings).min_by_key(|held| held.len());
        rarest.unwrap_or_default().iter().map(|(at, _)| *at as usize)
    }

    /// How many terms each segment has, in document order.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// What one term adds to each segment that holds it.
    fn weigh<'a>(&'a self, term: &str) -> impl Iterator<Item = (u32, f32)> + use<'a> {
        let postings = self.postings.get(term).map_or(&[][..], Vec::as_slice);
        let (all, holding) = (self.segments.len() as f32, postings.len() as f32);
        let idf = (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln();
        postings.iter().map(move |&(at, count)| {
            let (count, length) = (count as f32, self.lengths[at as usize] as f32);
            let norm = 1.0 - B + B * length / self.average;
            (at, idf * count * (K1 + 1.0) / (count + K1 * norm))
        })
    }

    fn add(&mut self, no: SegmentNo, text: &str) {
        let at = self.segments.len() as u32;
        let terms = words::search_terms(text);
        self.segments.push(no);
        self.lengths.push(terms.len() as u32);
        for (term, count) in frequencies(terms) {
            self.postings.entry(term).or_default().push((at, count));
        }
    }
}

/// Each term once, with how often it occurs, in a fixed order, so that sums of scores are the same in every run.
fn frequencies(terms: Vec<String>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for term in terms {
        *counts.entry(term).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::{Language, SourceKind};
    use crate::evidence::testing;

    fn index(text: &str) -> Index {
        Index::build(&testing::dossier(
            Language::En,
            &[("a.md", SourceKind::Weekly, text)],
        ))
    }

    /// By hand, for `release` in "shipped the release", "the release slipped, a late release", "lunch": N = 3, n = 2,
    /// idf = ln(1 + 1.5 / 2.5) = 0.470004; lengths 3, 6, 1, mean 10/3;
    /// first: 0.470004 * 2.2 / (1 + 1.2 (0.25 + 0.75 * 0.9)) = 0.490051;
    /// second: 0.470004 * 2 * 2.2 / (2 + 1.2 (0.25 + 0.75 * 1.8)) = 0.527556.
    #[test]
    fn scores_are_okapi_bm25() {
        let found =
            index("shipped the release\nthe release slipped, a late release\nlunch").search("releases", 9);
        let numbers: Vec<u32> = found.iter().map(|(no, _)| no.0).collect();
        assert_eq!(numbers, [2, 1]);
        assert!((found[0].1 - 0.527_556).abs() < 1e-5, "{found:?}");
        assert!((found[1].1 - 0.490_051).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn chinese_is_found_by_pairs_and_rare_terms_lead() {
        let index = index("今天对齐了进展\n今天吃了面\n今天加班\nOKR 今天定了");
        let first = |query: &str| index.search(query, 1).first().map(|(no, _)| no.0);
        assert_eq!(first("今天对齐"), Some(1));
        assert_eq!(first("okr"), Some(4));
        assert_eq!(first("发布"), None);
        assert_eq!(index.search("今天", 2).len(), 2);
    }

    #[test]
    fn nothing_to_search_finds_nothing() {
        assert!(index("").search("a", 5).is_empty());
        assert!(index("a b").search("", 5).is_empty());
    }
}
