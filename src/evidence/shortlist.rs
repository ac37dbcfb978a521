//! The segments of a dossier that are worth a model's attention for one dimension.
//!
//! Every expected behaviour is a query of its own, so that a dimension with one much-discussed behaviour still shows
//! the others; the definition and the signals are queries too. The rankings are fused, then spread over the sources.

use super::search::{self, Index};
use super::signals::Counters;
use crate::dossier::{Dossier, Language, SegmentKind};
use crate::id::SegmentNo;
use crate::rubric::Dimension;

/// At most `limit` segments for `dimension`, in document order. Headings are left out; every source that has a
/// candidate gives one; no source gives more than half while others have candidates left.
pub fn shortlist(
    dossier: &Dossier,
    index: &Index,
    dimension: &Dimension,
    language: Language,
    limit: usize,
) -> Vec<SegmentNo> {
    let ranked = rank(dossier, index, dimension, language);
    let mut chosen = spread(dossier, &ranked, limit);
    chosen.sort_unstable();
    chosen
}

/// All candidates of a dimension, best first.
pub fn rank(dossier: &Dossier, index: &Index, dimension: &Dimension, language: Language) -> Vec<SegmentNo> {
    let query = |weight: f32, text: &str| {
        let found = index.search(text, usize::MAX);
        (weight, found.into_iter().map(|(no, _)| no).collect())
    };
    let mut rankings: Vec<(f32, Vec<SegmentNo>)> = Vec::new();
    rankings.push(query(1.0, dimension.definition.get(language)));
    for behaviour in &dimension.behaviours {
        rankings.push(query(1.0, behaviour.text.get(language)));
    }
    for signal in &dimension.signals {
        rankings.push(query(1.0, &signal.terms(language).join(" ")));
    }
    let citable = dossier.segments().filter(|s| s.kind != SegmentKind::Heading);
    let counters = Counters::new(dimension, language);
    let signalled = citable.filter(|s| counters.present(&s.text) > 0);
    rankings.push((1.0, signalled.map(|s| s.no).collect()));
    let heading = |no: &SegmentNo| {
        dossier
            .segment(*no)
            .is_none_or(|s| s.kind == SegmentKind::Heading)
    };
    let mut ranked = search::fuse(&rankings);
    ranked.retain(|no| !heading(no));
    ranked
}

/// The best `limit` of `ranked`, none of the sources forgotten and none dominating.
fn spread(dossier: &Dossier, ranked: &[SegmentNo], limit: usize) -> Vec<SegmentNo> {
    let source = |no: &SegmentNo| dossier.segment(*no).map_or(0, |s| s.source);
    let mut taken = vec![0_usize; dossier.sources.len()];
    let mut chosen: Vec<SegmentNo> = Vec::new();
    for most in [1, limit.div_ceil(2), limit] {
        for no in ranked {
            let from = &mut taken[source(no)];
            if chosen.len() < limit && *from < most && !chosen.contains(no) {
                *from += 1;
                chosen.push(*no);
            }
        }
    }
    chosen
}
