//! Whether what is claimed, shown and said agrees: the multimodal figures, over dossiers and without a model that judges.
//!
//! - Claims: how many the rules of [`crate::evidence::checks`] find supported, contradicted and not found, and beside
//!   people's answers (`claims.toml`) how often each answer is right and how many of them are found.
//! - Consistency: of the numbers in texts of which a table or a chart speaks, the share that it confirms; and the same
//!   numbers held against another person's tables and charts, where it must fall.
//! - Charts: the share of the values written down beside a picture (`NAME.values.json`) that are read in it.
//! - Time codes: the share of the captions written down beside a recording (`NAME.expected.vtt`) that are heard within
//!   two seconds of where they are spoken, and how far off the middle one of them is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::{Figure, figure};
use crate::dossier::Dossier;
use crate::evidence::checks::{Basis, Check, Outcome, cross_check};
use crate::metrics::median;
use crate::rubric::Rubric;
use crate::seed::Seed;

pub mod charts;
pub mod labels;
pub mod swap;
pub mod times;

use charts::ReadChart;
use labels::{Answer, Label};
use times::Heard;

/// A dossier with what people wrote down beside it.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// The dossier.
    pub dossier: Dossier,
    /// The answers that people gave beforehand; none where there is no such file.
    pub labels: Vec<Label>,
    /// What its recordings were heard to say, beside what they say.
    pub heard: Vec<Heard>,
}

/// A figure and over how many things it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// Things.
    pub n: usize,
    /// None where there are none.
    #[serde(flatten)]
    pub figure: Option<Figure>,
}

/// What the rules say of the claims of one basis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Claims {
    /// Claims that were looked at.
    pub n: usize,
    /// The share that another place supports.
    pub supported: Option<Figure>,
    /// The share that another place contradicts.
    pub contradicted: Option<Figure>,
    /// The share that no place speaks of.
    pub not_found: Option<Figure>,
    /// The share that holds too little to look for.
    pub not_checkable: Option<Figure>,
}

/// Answers of one sort beside people's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Of the answers of this sort, the share that people gave too.
    pub precision: Measured,
    /// Of those that people gave, the share that was found.
    pub recall: Measured,
}

/// The answers of one basis beside people's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Judged {
    /// Claims that supports another place.
    pub supports: Agreement,
    /// Claims that contradicts another place.
    pub contradicts: Agreement,
    /// The share of all answers that are people's.
    pub accuracy: Measured,
    /// Of the claims rightly found supported or contradicted, the share where the place that people named is named.
    pub place: Measured,
}

/// All figures. Intervals are over people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Dossiers.
    pub dossiers: usize,
    /// People.
    pub groups: usize,
    /// What the rules say, by basis.
    pub claims: BTreeMap<Basis, Claims>,
    /// The same beside people's answers, by basis.
    pub labelled: BTreeMap<Basis, Judged>,
    /// Numbers in texts that a table or a chart confirms, of those of which one speaks.
    pub consistency: Measured,
    /// The same numbers, against the tables and charts of another person.
    pub consistency_swapped: Measured,
    /// How far it falls.
    pub swap_drop: Measured,
    /// Values printed in charts that are read as they are.
    pub chart_values_printed: Measured,
    /// Values measured in charts that are within 2 % of the largest.
    pub chart_values_measured: Measured,
    /// Captions heard within two seconds.
    pub time_codes: Measured,
    /// The median distance of a caption that was heard from where it is spoken, in seconds.
    pub time_distance: Measured,
}

/// One person's share of every figure.
#[derive(Debug, Default)]
struct Cells {
    outcomes: Vec<(Basis, Outcome)>,
    answers: Vec<Answer>,
    /// Numbers of which a table or chart speaks: whether it confirms them, and whether another person's does.
    confirmed: Vec<(bool, bool)>,
    /// Of a chart, whether a value is printed, and whether it was read.
    values: Vec<(bool, bool)>,
    /// How far off captions were heard, in milliseconds; none where one was not.
    heard: Vec<Option<u64>>,
}

/// Holds claims against the other places, people's answers, and other people's tables.
pub fn compare(aligned: &[Aligned], charts: &[ReadChart], rubric: &Rubric) -> Compared {
    let mut people: BTreeMap<String, Cells> = BTreeMap::new();
    for (at, one) in aligned.iter().enumerate() {
        let checks = cross_check(&one.dossier, rubric);
        let subject = one.dossier.meta.subject.id.to_string();
        let cells = people.entry(subject).or_default();
        let own = checks.iter().filter(|c| is_counted(c, &one.dossier));
        cells.outcomes.extend(own.map(|c| (c.basis, c.outcome)));
        let answers = one.labels.iter().map(|label| label.answer(&one.dossier, &checks));
        cells.answers.extend(answers);
        cells.confirmed.extend(swap::confirmed(aligned, at, rubric));
        cells.heard.extend(one.heard.iter().flat_map(Heard::distances));
    }
    for chart in charts {
        let cells = people.entry(chart.owner.clone()).or_default();
        cells
            .values
            .extend(chart.read.iter().map(|read| (chart.printed, *read)));
    }
    figures(aligned.len(), &people.into_values().collect::<Vec<_>>())
}

/// Numbers count wherever the employee claims them, statements in the self-review.
fn is_counted(check: &Check, dossier: &Dossier) -> bool {
    check.basis == Basis::Number || check.is_of_self_review(dossier)
}

/// Of all that `of` gives of a person, the share that is true.
fn share(people: &[Cells], of: impl Fn(&Cells) -> Vec<bool>) -> Measured {
    let counted: Vec<(usize, usize)> = people
        .iter()
        .map(|cells| {
            let all = of(cells);
            (all.iter().filter(|yes| **yes).count(), all.len())
        })
        .collect();
    Measured {
        n: counted.iter().map(|(_, n)| n).sum(),
        figure: figure(&counted, seed(), |drawn| {
            let (yes, n) = drawn.iter().fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
            (n > 0).then(|| f64::from(yes as u32) / f64::from(n as u32))
        }),
    }
}

fn seed() -> Seed {
    Seed::root(0).branch("alignment")
}

fn figures(dossiers: usize, people: &[Cells]) -> Compared {
    let confirmed = share(people, |c| c.confirmed.iter().map(|(own, _)| *own).collect());
    let swapped = share(people, |c| c.confirmed.iter().map(|(_, other)| *other).collect());
    let bases = [Basis::Number, Basis::Words];
    let value = |printed: bool| {
        share(people, |c| {
            let of = c.values.iter().filter(|(is, _)| *is == printed);
            of.map(|(_, read)| *read).collect()
        })
    };
    Compared {
        dossiers,
        groups: people.iter().filter(|c| !c.outcomes.is_empty()).count(),
        claims: bases.map(|basis| (basis, claims(people, basis))).into(),
        labelled: bases.map(|basis| (basis, judged(people, basis))).into(),
        consistency: confirmed,
        consistency_swapped: swapped,
        swap_drop: drop(people),
        chart_values_printed: value(true),
        chart_values_measured: value(false),
        time_codes: share(people, |c| c.heard.iter().copied().map(times::is_near).collect()),
        time_distance: distance(people),
    }
}

/// The median of the distances, in seconds.
fn distance(people: &[Cells]) -> Measured {
    let seconds = |ms: &Option<u64>| ms.map(|ms| ms as f64 / 1_000.0);
    let heard: Vec<Vec<f64>> = people
        .iter()
        .map(|cells| cells.heard.iter().filter_map(seconds).collect())
        .collect();
    Measured {
        n: heard.iter().map(Vec::len).sum(),
        figure: figure(&heard, seed(), |drawn| {
            let all: Vec<f64> = drawn.iter().flat_map(|of| of.iter().copied()).collect();
            median(&all)
        }),
    }
}

fn claims(people: &[Cells], basis: Basis) -> Claims {
    let of = |outcome: Outcome| {
        share(people, |c| {
            let own = c.outcomes.iter().filter(|(b, _)| *b == basis);
            own.map(|(_, o)| *o == outcome).collect()
        })
    };
    let supported = of(Outcome::Supports);
    Claims {
        n: supported.n,
        supported: supported.figure,
        contradicted: of(Outcome::Contradicts).figure,
        not_found: of(Outcome::NotFound).figure,
        not_checkable: of(Outcome::NotCheckable).figure,
    }
}

fn judged(people: &[Cells], basis: Basis) -> Judged {
    let over = |counts: &dyn Fn(&Answer) -> bool, is_right: &dyn Fn(&Answer) -> bool| {
        share(people, |c| {
            let own = c.answers.iter().filter(|a| a.basis == basis && counts(a));
            own.map(is_right).collect()
        })
    };
    let of = |outcome: Outcome| Agreement {
        precision: over(&|a| a.said == outcome, &|a| a.expected == outcome),
        recall: over(&|a| a.expected == outcome, &|a| a.said == outcome),
    };
    let is_right = |a: &Answer| a.said == a.expected;
    Judged {
        supports: of(Outcome::Supports),
        contradicts: of(Outcome::Contradicts),
        accuracy: over(&|_| true, &is_right),
        place: over(&|a| is_right(a) && a.expected != Outcome::NotFound, &|a| {
            a.names_place
        }),
    }
}

/// The share confirmed minus the share that another person's tables confirm.
fn drop(people: &[Cells]) -> Measured {
    let confirmed: Vec<&Vec<(bool, bool)>> = people.iter().map(|c| &c.confirmed).collect();
    Measured {
        n: confirmed.iter().map(|c| c.len()).sum(),
        figure: figure(&confirmed, seed(), |drawn| {
            let all: Vec<(bool, bool)> = drawn.iter().flat_map(|c| c.iter().copied()).collect();
            let (own, other) = (
                all.iter().filter(|c| c.0).count(),
                all.iter().filter(|c| c.1).count(),
            );
            let n = f64::from(all.len() as u32);
            (n > 0.0).then(|| (f64::from(own as u32) - f64::from(other as u32)) / n)
        }),
    }
}

#[cfg(test)]
mod tests;
