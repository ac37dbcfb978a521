//! What to read of a dossier that is longer than the model's context.
//!
//! Half of the budget is shared evenly among the sources, so that none falls silent; the rest goes to the segments
//! that matter most to any dimension, wherever they stand. What is left out is returned too, so that it can be said.

use std::collections::BTreeSet;

use super::search::Index;
use super::shortlist;
use crate::dossier::{Dossier, Language, Segment};
use crate::id::SegmentNo;
use crate::rubric::Rubric;

/// Which segments are read and which are not; both in document order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Read.
    pub kept: Vec<SegmentNo>,
    /// Left out.
    pub omitted: Vec<SegmentNo>,
}

/// Chooses segments whose costs sum to at most `budget`; `cost` is in the budget's unit, such as tokens.
pub fn select(
    dossier: &Dossier,
    index: &Index,
    rubric: &Rubric,
    language: Language,
    budget: usize,
    cost: impl Fn(&Segment) -> usize,
) -> Selection {
    let costs: Vec<(&Segment, usize)> = dossier.segments().map(|s| (s, cost(s))).collect();
    if costs.iter().map(|(_, cost)| cost).sum::<usize>() <= budget {
        return Selection {
            kept: dossier.segments().map(|s| s.no).collect(),
            omitted: Vec::new(),
        };
    }
    let mut purse = Purse::new(dossier.sources.len(), budget);
    let order = by_importance(&costs, &rank(dossier, index, rubric, language));
    let floor = budget / 2 / dossier.sources.len().max(1);
    let mut kept = vec![false; costs.len()];
    for most in [floor, budget] {
        for &at in &order {
            let (segment, cost) = costs[at];
            kept[at] = kept[at] || purse.pay(segment.source, cost, most);
        }
    }
    partition(&costs, &kept)
}

/// Segments by their importance to any dimension: the best one of each, then the second of each, and so on.
fn rank(dossier: &Dossier, index: &Index, rubric: &Rubric, language: Language) -> Vec<SegmentNo> {
    let of = |d| shortlist::rank(dossier, index, d, language, None);
    let rankings: Vec<Vec<SegmentNo>> = rubric.dimensions.iter().map(of).collect();
    let longest = rankings.iter().map(Vec::len).max().unwrap_or_default();
    let rounds = (0..longest).flat_map(|place| rankings.iter().filter_map(move |r| r.get(place).copied()));
    let mut seen = BTreeSet::new();
    rounds.filter(|no| seen.insert(*no)).collect()
}

/// Positions in `costs`: the ranked ones first, then the others as they stand.
fn by_importance(costs: &[(&Segment, usize)], ranked: &[SegmentNo]) -> Vec<usize> {
    let position = |no: &SegmentNo| costs.binary_search_by_key(no, |(s, _)| s.no).ok();
    let mut order: Vec<usize> = ranked.iter().filter_map(position).collect();
    let mut seen = vec![false; costs.len()];
    for at in &order {
        seen[*at] = true;
    }
    order.extend((0..costs.len()).filter(|at| !seen[*at]));
    order
}

fn partition(costs: &[(&Segment, usize)], kept: &[bool]) -> Selection {
    let mut selection = Selection::default();
    for ((segment, _), kept) in costs.iter().zip(kept) {
        if *kept {
            selection.kept.push(segment.no);
        } else {
            selection.omitted.push(segment.no);
        }
    }
    selection
}

/// What is left to spend, and what each source has had.
struct Purse {
    left: usize,
    spent: Vec<usize>,
}

impl Purse {
    fn new(sources: usize, budget: usize) -> Self {
        Self {
            left: budget,
            spent: vec![0; sources],
        }
    }

    /// Pays for a segment unless that goes over what is left or over `most` for its source.
    fn pay(&mut self, source: usize, cost: usize, most: usize) -> bool {
        let affordable = cost <= self.left && self.spent[source] + cost <= most;
        if affordable {
            self.left -= cost;
            self.spent[source] += cost;
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::SourceKind;
    use crate::error::Result;
    use crate::evidence::testing;
    use crate::rubric::builtin;

    /// A long weekly report, in which two lines of a hundred speak of the rubric, and a short peer note.
    fn long_dossier() -> Dossier {
        let mut weekly: Vec<String> = (0..100)
            .map(|i| format!("lunch menu number {i} was soup"))
            .collect();
        weekly[40] = "Aligned the payments team on one deadline".to_owned();
        weekly[90] = "Unblocked Joel and wrote the runbook".to_owned();
        let peer = "Nice person\nSeen at lunch";
        testing::dossier(
            Language::En,
            &[
                ("w.md", SourceKind::Weekly, &weekly.join("\n")),
                ("p.md", SourceKind::Peer, peer),
            ],
        )
    }

    fn selected(dossier: &Dossier, budget: usize) -> Result<Selection> {
        let index = Index::build(dossier);
        let rubric = builtin("core")?;
        Ok(select(dossier, &index, &rubric, Language::En, budget, |_| 10))
    }

    #[test]
    fn what_fits_is_kept_whole() -> Result<()> {
        let dossier = long_dossier();
        let selection = selected(&dossier, 1020)?;
        assert_eq!(selection.kept.len(), 102);
        assert!(selection.omitted.is_empty());
        Ok(())
    }

    #[test]
    fn the_important_is_kept_within_the_budget_and_no_source_falls_silent() -> Result<()> {
        let dossier = long_dossier();
        let selection = selected(&dossier, 65)?;
        assert_eq!(selection.kept.len(), 6);
        for no in [41, 91] {
            assert!(selection.kept.contains(&SegmentNo(no)), "{no} of {selection:?}");
        }
        let peer = selection.kept.iter().filter(|no| no.0 > 100).count();
        assert!(peer > 0, "{selection:?}");
        assert!(selection.kept.is_sorted() && selection.omitted.is_sorted());
        let mut all = [selection.kept, selection.omitted].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq((1..=102).map(SegmentNo)));
        Ok(())
    }

    #[test]
    fn a_budget_too_small_for_anything_keeps_nothing() -> Result<()> {
        let dossier = long_dossier();
        assert!(selected(&dossier, 9)?.kept.is_empty());
        assert_eq!(selected(&dossier, 9)?.omitted.len(), 102);
        Ok(())
    }
}
