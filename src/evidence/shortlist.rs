//! The segments of a dossier that are worth a model's attention for one dimension.
//!
//! A weighted sum of BM25 scores, one query each for the definition, every behaviour, every signal and every anchor (so
//! that shortfalls are looked for too), of how many signals a segment holds, and of what can be known without words: a
//! neighbour of a good segment, the employee's own voice, a colleague's judgement and a longer sentence are each a little
//! more likely to be evidence. Where a model that has read the dossier ranks the segments too, both rankings count
//! (reciprocal rank fusion; Cormack et al., 2009). Then the best are spread over the sources.
//!
//! The weights are round numbers chosen on five of the ten samples and checked on the other five; the test
//! `tests/it/shortlist.rs` prints what they reach. Matching by words has a ceiling: evidence that shares no word with
//! the rubric is found only by its neighbours.

use std::collections::{BTreeSet, HashMap};

use super::search::Index;
use super::signals::Counters;
use crate::dossier::{Dossier, Language, Segment, SegmentKind, SourceKind};
use crate::id::SegmentNo;
use crate::rubric::Dimension;

/// Weight of the definition as a query.
const DEFINITION: f32 = 1.0;
/// Weight of each behaviour as a query.
const BEHAVIOUR: f32 = 0.5;
/// Weight of each signal's terms as a query.
const SIGNAL: f32 = 1.5;
/// Weight of each anchor as a query.
const ANCHOR: f32 = 0.5;
/// For each of the dimension's signals that the segment holds.
const HELD_SIGNAL: f32 = 4.0;
/// Share of each neighbour's score.
const NEIGHBOUR: f32 = 0.25;
/// For the employee's own words where speakers are told apart; against other people's.
const OWN_VOICE: f32 = 1.0;
/// For what colleagues write.
const COLLEAGUE: f32 = 0.5;
/// For the logarithm of the length in terms.
const LENGTH: f32 = 0.5;
/// What is added to a rank before its reciprocal is taken: the larger, the less the first few stand out.
const RANK: f32 = 20.0;

/// At most `limit` of the segments in `ranked`, the most promising first there, in document order here. Every source gives
/// at least one while there is room; no source gives more than half while others have segments left.
pub fn shortlist(dossier: &Dossier, ranked: &[SegmentNo], limit: usize) -> Vec<SegmentNo> {
    let mut chosen = spread(dossier, ranked, limit);
    chosen.sort_unstable();
    chosen
}

/// All segments that are no headings, the most promising for the dimension first. `read` are segments as a model that has
/// read the dossier ranks them.
pub fn rank(
    dossier: &Dossier,
    index: &Index,
    dimension: &Dimension,
    language: Language,
    read: Option<&[SegmentNo]>,
) -> Vec<SegmentNo> {
    let by_rules = by_rules(dossier, index, dimension, language);
    match read {
        Some(read) => fused(&by_rules, read),
        None => by_rules,
    }
}

/// All segments that are no headings, by their words and what can be known without them.
fn by_rules(dossier: &Dossier, index: &Index, dimension: &Dimension, language: Language) -> Vec<SegmentNo> {
    let words = by_words(dossier, index, dimension, language);
    let mut ranked: Vec<(SegmentNo, f32)> = Vec::new();
    let mut from = 0;
    for source in &dossier.sources {
        let own = &words[from..from + source.segments.len()];
        for (at, segment) in source.segments.iter().enumerate() {
            let before = at.checked_sub(1).map_or(0.0, |before| own[before]);
            let after = own.get(at + 1).copied().unwrap_or_default();
            let form = by_form(dossier, segment, index.lengths()[from + at]);
            if segment.kind != SegmentKind::Heading {
                ranked.push((segment.no, own[at] + NEIGHBOUR * (before + after) + form));
            }
        }
        from += source.segments.len();
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.into_iter().map(|(no, _)| no).collect()
}

/// The segments of the first ranking, by both.
fn fused(by_rules: &[SegmentNo], read: &[SegmentNo]) -> Vec<SegmentNo> {
    let worth = |rank: usize| 1.0 / (RANK + rank as f32);
    let of_read: HashMap<SegmentNo, f32> = read.iter().enumerate().map(|(i, no)| (*no, worth(i))).collect();
    let both = by_rules.iter().enumerate().map(|(i, no)| {
        let read = of_read.get(no).copied().unwrap_or_default();
        (*no, worth(i) + read)
    });
    let mut both: Vec<(SegmentNo, f32)> = both.collect();
    both.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    both.into_iter().map(|(no, _)| no).collect()
}

/// What the words of each segment are worth, in document order.
fn by_words(dossier: &Dossier, index: &Index, dimension: &Dimension, language: Language) -> Vec<f32> {
    let segments: Vec<&Segment> = dossier.segments().collect();
    let mut worth = vec![0.0; segments.len()];
    let counters = Counters::new(dimension, language);
    let terms = dimension.signals.iter().flat_map(|s| s.zh.iter().chain(&s.en));
    let candidates: BTreeSet<usize> = terms.flat_map(|t| index.candidates(t)).collect();
    for at in candidates {
        worth[at] += HELD_SIGNAL * counters.present(&segments[at].text) as f32;
    }
    for (weight, query) in queries(dimension, language) {
        let scores = index.scores(&query);
        let best = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for (worth, score) in worth.iter_mut().zip(scores) {
            *worth += weight * score / best;
        }
    }
    worth
}

fn queries(dimension: &Dimension, language: Language) -> Vec<(f32, String)> {
    let mut queries = vec![(DEFINITION, dimension.definition.get(language).to_owned())];
    let behaviours = dimension.behaviours.iter().map(|b| b.text.get(language));
    queries.extend(behaviours.map(|text| (BEHAVIOUR, text.to_owned())));
    let signals = dimension.signals.iter().map(|s| s.terms(language));
    queries.extend(signals.map(|terms| (SIGNAL, terms.join(" "))));
    let anchors = dimension.anchors.iter().map(|a| a.get(language));
    queries.extend(anchors.map(|text| (ANCHOR, text.to_owned())));
    queries
}

/// What can be said of a segment's worth without its words.
fn by_form(dossier: &Dossier, segment: &Segment, terms: u32) -> f32 {
    let voice = match &segment.speaker {
        None => 0.0,
        Some(speaker) if dossier.meta.is_employee(speaker) => OWN_VOICE,
        Some(_) => -OWN_VOICE,
    };
    let colleague = dossier.source_of(segment).kind == SourceKind::Peer;
    let length = (1.0 + terms as f32).ln();
    voice + if colleague { COLLEAGUE } else { 0.0 } + LENGTH * length
}

/// The best `limit` of `ranked`, none of the sources forgotten and none dominating.
fn spread(dossier: &Dossier, ranked: &[SegmentNo], limit: usize) -> Vec<SegmentNo> {
    let source = |no: &SegmentNo| dossier.segment(*no).map_or(0, |s| s.source);
    let mut taken = vec![0_usize; dossier.sources.len()];
    let mut chosen: Vec<SegmentNo> = Vec::new();
    let mut seen = BTreeSet::new();
    for most in [1, limit.div_ceil(2), limit] {
        for no in ranked {
            let from = &mut taken[source(no)];
            if chosen.len() < limit && *from < most && seen.insert(*no) {
                *from += 1;
                chosen.push(*no);
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::evidence::testing;
    use crate::rubric::builtin;

    /// The numbers listed for the core rubric's first dimension, collaboration.
    fn listed(sources: &[(&str, SourceKind, &str)], limit: usize) -> Result<Vec<u32>> {
        let dossier = testing::dossier(Language::En, sources);
        let rubric = builtin("core")?;
        let index = Index::build(&dossier);
        let ranked = rank(&dossier, &index, &rubric.dimensions[0], Language::En, None);
        let found = shortlist(&dossier, &ranked, limit);
        Ok(found.into_iter().map(|no| no.0).collect())
    }

    #[test]
    fn what_speaks_of_the_dimension_comes_and_headings_do_not() -> Result<()> {
        let text =
            "# Cross-team sync\nBought a mug\nAligned the payments team on one plan\nRain again\nSunny";
        assert_eq!(listed(&[("w.md", SourceKind::Weekly, text)], 1)?, [3]);
        Ok(())
    }

    #[test]
    fn every_source_is_heard_and_none_takes_more_than_half() -> Result<()> {
        let loud = "aligned the team\nunblocked the team\nsynced the team\nhelped the team\naligned again";
        let quiet = "rain\nsun\nwind";
        let sources = [
            ("a.md", SourceKind::Weekly, loud),
            ("b.md", SourceKind::Weekly, quiet),
            ("c.md", SourceKind::Weekly, "fog"),
        ];
        let found = listed(&sources, 4)?;
        assert_eq!(found.iter().filter(|no| **no <= 5).count(), 2, "{found:?}");
        assert!(found.contains(&9), "{found:?}");
        assert!(found.is_sorted());
        Ok(())
    }

    /// Signals are looked for only where the index has their rarest term: none may be missed by that.
    #[test]
    fn every_held_signal_is_among_the_candidates() -> Result<()> {
        let text = "跨团队对齐\nbug数Bugs少\nA 1:1 with Bo\nshout-out! I'll take it\nMy Mistake\n先对齐T+1\nrolled out";
        let dossier = testing::dossier(Language::Zh, &[("a.md", SourceKind::Weekly, text)]);
        let index = Index::build(&dossier);
        let mut held = 0;
        for dimension in builtin("core")?.dimensions {
            let counters = Counters::new(&dimension, Language::Zh);
            let terms = dimension.signals.iter().flat_map(|s| s.zh.iter().chain(&s.en));
            let candidates: BTreeSet<usize> = terms.flat_map(|t| index.candidates(t)).collect();
            for (at, segment) in dossier.segments().enumerate() {
                let present = counters.present(&segment.text);
                held += present;
                assert!(present == 0 || candidates.contains(&at), "{}", segment.text);
            }
        }
        assert!(held >= 6, "{held}");
        Ok(())
    }

    #[test]
    fn a_short_dossier_is_listed_whole() -> Result<()> {
        assert_eq!(
            listed(&[("a.md", SourceKind::Weekly, "rain\nsun\nwind")], 16)?,
            [1, 2, 3]
        );
        assert_eq!(listed(&[("a.md", SourceKind::Weekly, "rain")], 0)?, [0; 0]);
        Ok(())
    }

    /// Both sentences share no word with the rubric; one stands next to a sentence that does.
    #[test]
    fn a_neighbour_and_the_own_voice_lift() -> Result<()> {
        let near = "mug on the shelf\nplenty of nothing\nplenty of nothing\nunblocked the team";
        assert_eq!(listed(&[("a.md", SourceKind::Weekly, near)], 2)?, [3, 4]);
        let voices = "Bo: cup on the shelf\nAda: mug on the shelf";
        assert_eq!(listed(&[("a.md", SourceKind::Chat, voices)], 1)?, [2]);
        Ok(())
    }
}
