//! Numbers that a dossier claims, recounted: where else the same thing is stated, and whether with the same number.
//!
//! A rule, not a model, so that anyone can check it, and built to be right rather than complete: numbers are compared
//! only across sources, only in the same unit and within a factor of ten, and only where the words around them share
//! enough that is rare in the dossier, or where both name the same goal or list the same codes; an uncommon number that
//! is repeated beside a common word is the same. Numbers of two weekly
//! reports are not compared: they are expected to change. A value in a chart is compared only with a statement that names
//! its category and its series, because the bars beside it measure something else. Words without numbers ("finished on time") are beyond it.

use serde::Serialize;

use super::Place;
use super::rarity::Overlap;
use crate::dossier::{Dossier, Source, SourceKind};
use crate::rubric::Rubric;

mod chart;
mod lists;
mod mention;
mod number;
mod quantity;
mod row;
mod stated;
mod topic;
mod units;

use mention::Mention;
pub use quantity::{Quantity, Unit};
use topic::Vocabulary;

/// More quantities than this are not looked at, those of the employee's own documents first: every two are compared.
const MAX_QUANTITIES: usize = 2_000;
/// How much two statements must share: as much as one word that stands nowhere else.
const ENOUGH: Overlap = Overlap {
    weight: 1.0,
    share: 0.35,
};
/// The same for things counted with a telling measure word, such as 家.
const ENOUGH_WITH_MEASURE: Overlap = Overlap {
    weight: 0.6,
    share: 0.25,
};
/// The same where all that one of them says is in the other.
const ENOUGH_WHEN_CONTAINED: Overlap = Overlap {
    weight: 0.7,
    share: 0.95,
};
/// Measure words for anything, which tell nothing.
const COMMON_MEASURES: [char; 6] = ['个', '次', '人', '天', '周', '月'];
/// No slip of memory makes a number ten times as large.
const MAX_RATIO: f64 = 10.0;

/// What a recount says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recount {
    /// All other places give the same number.
    Agrees,
    /// At least one other place gives another number.
    Differs,
    /// No other place speaks of it.
    Unverified,
}

/// A number that the employee's own documents claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// The number, in its place.
    pub place: Place,
    /// What is counted or measured, as it stands there.
    pub term: String,
    /// The number, in the scale of its unit.
    pub claimed: f64,
    /// What it measures.
    pub unit: Unit,
    /// The other places that speak of it, in document order.
    pub found: Vec<Counterpart>,
    /// What they say.
    pub verdict: Recount,
}

/// Another place that states what a claim states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterpart {
    /// The number there, or the heading of a list that was counted.
    pub place: Place,
    /// The number, in the scale of its unit.
    pub value: f64,
    /// Whether it is the claimed number, as far as the way of writing tells.
    pub agrees: bool,
}

/// Every number claimed in the self-review, the objectives, the project reports and the weekly reports, in document
/// order, with what other sources say. Two sources that contradict each other are reported once, under the one that is
/// first in that list; what no source repeats is reported for self-review and objectives only.
pub fn recount(dossier: &Dossier, rubric: &Rubric) -> Vec<Claim> {
    let words = Vocabulary::new(dossier, rubric);
    let (own, others): (Vec<&Source>, Vec<&Source>) =
        dossier.sources.iter().partition(|s| rank(s.kind).is_some());
    let segments = own.into_iter().chain(others).flat_map(|s| &s.segments);
    let stated = segments.flat_map(|s| mention::of(dossier, s, &words));
    let mut mentions: Vec<Mention> = lists::of(dossier, &words);
    mentions.extend(stated.take(MAX_QUANTITIES));
    mentions.sort_by_key(|m| (m.segment.no, m.place.start));
    let claim = |claim: &Mention| {
        let rank = rank(kind(dossier, claim))?;
        let others = mentions.iter().filter(|m| is_other(dossier, claim, m));
        let found: Vec<Counterpart> = others
            .filter(|m| is_same(&words, claim, m))
            .map(|m| counterpart(claim, m))
            .collect();
        let told = !found.is_empty() || (rank < 2 && !claim.topic.is_empty());
        told.then(|| judged(claim, found))
    };
    mentions.iter().filter_map(claim).collect()
}

fn judged(claim: &Mention, found: Vec<Counterpart>) -> Claim {
    let verdict = match (found.is_empty(), found.iter().all(|c| c.agrees)) {
        (true, _) => Recount::Unverified,
        (false, true) => Recount::Agrees,
        (false, false) => Recount::Differs,
    };
    Claim {
        place: claim.place.clone(),
        term: claim.term.clone(),
        claimed: claim.quantity.value,
        unit: claim.quantity.unit,
        found,
        verdict,
    }
}

fn counterpart(claim: &Mention, other: &Mention) -> Counterpart {
    Counterpart {
        place: other.place.clone(),
        value: other.quantity.value,
        agrees: claim.quantity.agrees(&other.quantity),
    }
}

fn kind(dossier: &Dossier, mention: &Mention) -> SourceKind {
    dossier.source_of(mention.segment).kind
}

/// Whose claims are looked at, those that stand to gain most first.
fn rank(kind: SourceKind) -> Option<usize> {
    const CLAIMANTS: [SourceKind; 4] = [
        SourceKind::SelfReview,
        SourceKind::Okr,
        SourceKind::Project,
        SourceKind::Weekly,
    ];
    CLAIMANTS.iter().position(|k| *k == kind)
}

/// Whether `other` is a place to check `claim` against.
fn is_other(dossier: &Dossier, claim: &Mention, other: &Mention) -> bool {
    let (own, its) = (kind(dossier, claim), kind(dossier, other));
    let told_there = rank(its).is_some_and(|its| rank(own).is_some_and(|own| its < own));
    claim.segment.source != other.segment.source && own != its && !told_there
}

/// Whether both numbers measure the same thing.
fn is_same(words: &Vocabulary, a: &Mention, b: &Mention) -> bool {
    let listed = a.items.intersection(&b.items).count() >= 2;
    let goals = a.goal.as_ref().zip(b.goal.as_ref());
    let same_goal = goals.is_some_and(|(a, b)| a.unit == b.unit && a.value.total_cmp(&b.value).is_eq());
    let telling_goal = a.goal.as_ref().is_some_and(Quantity::is_telling);
    listed
        || (is_possible(a, b) && ((same_goal && telling_goal) || is_alike(words, a, b) || is_repeated(a, b)))
}

/// Whether both give the same number, one that not everybody uses, and share a word: no two things happen to be
/// `$412k` beside one customer's name.
fn is_repeated(a: &Mention, b: &Mention) -> bool {
    let same = a.quantity.unit == b.quantity.unit && a.quantity.value.total_cmp(&b.quantity.value).is_eq();
    same && a.quantity.is_telling() && !a.topic.is_disjoint(&b.topic)
}

/// Whether nothing speaks against two numbers measuring the same thing.
fn is_possible(a: &Mention, b: &Mention) -> bool {
    let (low, high) = {
        let (x, y) = (a.quantity.value.abs(), b.quantity.value.abs());
        (x.min(y), x.max(y))
    };
    let months = a.months.is_empty() || b.months.is_empty() || !a.months.is_disjoint(&b.months);
    let nouns = !(a.needs_noun() && b.needs_noun() && a.nouns.is_disjoint(&b.nouns));
    a.quantity.unit.is_comparable(b.quantity.unit)
        && a.names_what_is_asked_by(b)
        && b.names_what_is_asked_by(a)
        && (low == 0.0 || high <= low * MAX_RATIO)
        && months
        && nouns
}

/// Whether the words around two numbers are alike enough for their units.
fn is_alike(words: &Vocabulary, a: &Mention, b: &Mention) -> bool {
    let overlap = words.overlap(&a.topic, &b.topic);
    let unit = a.quantity.unit;
    let measured =
        matches!(unit, Unit::Things(Some(m)) if !COMMON_MEASURES.contains(&m)) && unit == b.quantity.unit;
    let counted = matches!(unit, Unit::Things(_));
    overlap.reaches(ENOUGH)
        || (measured && overlap.reaches(ENOUGH_WITH_MEASURE))
        || (!counted && overlap.reaches(ENOUGH_WHEN_CONTAINED))
}

#[cfg(test)]
mod tests;
