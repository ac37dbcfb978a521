//! How many of the segments that decided the samples' levels the shortlists hold.

use std::collections::BTreeSet;
use std::io::Write as _;

use plumbline::evidence::{Index, rank, shortlist};
use plumbline::metrics::Found;
use plumbline::rubric::builtin;

use crate::env::Outcome;
use crate::levels::{Sample, samples};

/// Shortlist lengths, and the recall that each must reach: two points below what it reached when it was tuned. By
/// chance, a list of 24 of the samples' 100 to 240 citable segments would hold about one in six.
const FLOORS: [(usize, f64); 3] = [(12, 0.37), (16, 0.44), (24, 0.54)];

/// What the shortlists of `limit` segments hold of the key segments, all dimensions of one sample.
fn found(sample: &Sample, index: &Index, limit: usize) -> Outcome<Found> {
    let Sample { dossier, levels, .. } = sample;
    let mut sum = Found::default();
    for (rating, dimension) in levels.rating.iter().zip(&builtin(&levels.rubric)?.dimensions) {
        let keys = rating.behaviour.iter().filter_map(|b| b.segment(dossier));
        let keys: BTreeSet<_> = keys.map(|s| s.no).collect();
        let ranked = rank(dossier, index, dimension, dossier.meta.language, None);
        let listed = shortlist(dossier, &ranked, limit);
        sum = sum.plus(Found::of(&listed.into_iter().collect(), &keys));
    }
    Ok(sum)
}

#[test]
fn shortlists_hold_what_decided_the_levels_more_often_than_not() -> Outcome {
    let mut totals = FLOORS.map(|_| Found::default());
    for sample in samples()? {
        let index = Index::build(&sample.dossier);
        for (total, (limit, _)) in totals.iter_mut().zip(FLOORS) {
            *total = total.plus(found(&sample, &index, limit)?);
        }
    }
    for (total, (limit, floor)) in totals.into_iter().zip(FLOORS) {
        let recall = total.recall().ok_or("no key segments")?;
        let Found { hits, wanted, .. } = total;
        writeln!(
            std::io::stderr(),
            "shortlist recall@{limit}: {recall:.3} ({hits} of {wanted})"
        )?;
        assert!(recall >= floor, "recall@{limit} is {recall:.3}, below {floor}");
    }
    Ok(())
}
