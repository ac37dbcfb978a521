//! Okapi BM25 over the segments of a dossier.
//!
//! Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), equation 3.15, with the
//! Robertson/Spärck Jones weight (1976) without relevance information, kept positive by adding one inside the
//! logarithm: idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)).

use std::cmp::Reverse;
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
        let mut scores: HashMap<u32, f32> = HashMap::new();
        for (term, repeats) in frequencies(words::terms(query)) {
            for (at, score) in self.weigh(&term) {
                *scores.entry(at).or_default() += score * repeats as f32;
            }
        }
        let mut ranked: Vec<(u32, f32)> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(limit);
        ranked
            .into_iter()
            .map(|(at, score)| (self.segments[at as usize], score))
            .collect()
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
        let terms = words::terms(text);
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

/// Positions in several rankings joined into one order by reciprocal rank fusion (Cormack, Clarke & Büttcher, 2009):
/// the sum of weight / (60 + rank). Best first; ties in document order.
pub fn fuse(rankings: &[(f32, Vec<SegmentNo>)]) -> Vec<SegmentNo> {
    const K: f32 = 60.0;
    let mut scores: BTreeMap<SegmentNo, f32> = BTreeMap::new();
    for (weight, ranking) in rankings {
        for (rank, no) in ranking.iter().enumerate() {
            *scores.entry(*no).or_default() += weight / (K + rank as f32 + 1.0);
        }
    }
    let mut order: Vec<(SegmentNo, f32)> = scores.into_iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(Reverse(b.0).cmp(&Reverse(a.0))));
    order.into_iter().map(|(no, _)| no).collect()
}
