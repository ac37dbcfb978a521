//! Cross-checks: what the employee claims, held against the other places that speak of it.
//!
//! Three rules, none of them a model, so that anyone can check an answer by hand. All prefer silence to a wrong
//! "contradicts".
//! - **A number** of the employee's own documents against every number for the same thing in another source, tables and
//!   charts included: see [`super::claims`]. One place with another number contradicts.
//! - **A count of meetings** against the transcripts of the dossier: see [`meetings`]. Enough transcripts support it; too
//!   few say nothing, because no dossier holds every meeting.
//! - **A statement** of the self-review against chats and meetings: see [`said`].
//!
//! A check names both ends, so that a person can read the two places side by side and decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::claims::{Claim, Recount, recount};
use super::{Place, Polarity};
use crate::dossier::{Dossier, SourceKind};
use crate::id::SegmentNo;
use crate::rubric::Rubric;

mod ahead;
mod meetings;
mod opposites;
mod said;
mod statement;
#[cfg(test)]
mod tests;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// A number, against every other source.
    Number,
    /// A statement, against chats and meetings.
    Words,
}

/// What the other places say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// At least one place says the same, and none otherwise.
    Supports,
    /// At least one place says otherwise.
    Contradicts,
    /// No place was found that speaks of it.
    NotFound,
    /// It holds too little that could be looked for.
    NotCheckable,
}

/// A claim with what other places say of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What is checked.
    pub basis: Basis,
    /// Where it is claimed.
    pub place: Place,
    /// What is counted or measured, as it stands there; of a statement all of it.
    pub term: String,
    /// The claimed number, in the scale of its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<f64>,
    /// What they say together.
    pub outcome: Outcome,
    /// The other places, in document order; of a statement the strongest.
    pub others: Vec<Counterpoint>,
}

/// Another place that speaks of a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterpoint {
    /// The place.
    pub place: Place,
    /// Whether it says the same.
    pub polarity: Polarity,
    /// The number there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// Every claim that can be checked, in document order, numbers before statements at one place.
pub fn cross_check(dossier: &Dossier, rubric: &Rubric) -> Vec<Check> {
    let mut checks: Vec<Check> = numbers(dossier, rubric);
    let against = contradicted(&checks);
    checks.extend(said::checks(dossier, &against));
    checks.sort_by_key(|c| (c.place.segment, c.basis, c.place.start));
    checks
}

/// The segments that contradict one another by their numbers, both ways round.
fn contradicted(checks: &[Check]) -> BTreeSet<(SegmentNo, SegmentNo)> {
    let pairs = checks.iter().flat_map(|check| {
        let others = check
            .others
            .iter()
            .filter(|o| o.polarity == Polarity::Contradicts);
        others.map(|other| (check.place.segment, other.place.segment))
    });
    pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// The numbers alone. One that another claim is held against is not a claim once more.
pub fn numbers(dossier: &Dossier, rubric: &Rubric) -> Vec<Check> {
    let claims = recount(dossier, rubric).into_iter();
    let mut checks: Vec<Check> = claims.map(|claim| number(dossier, rubric, claim)).collect();
    let spot = |place: &Place| (place.segment, place.start);
    let others = checks.iter().flat_map(|c| &c.others);
    let met: BTreeSet<(SegmentNo, usize)> = others.map(|o| spot(&o.place)).collect();
    checks.retain(|c| c.outcome != Outcome::NotFound || !met.contains(&spot(&c.place)));
    checks
}

fn number(dossier: &Dossier, rubric: &Rubric, claim: Claim) -> Check {
    let held = meetings::held(dossier, rubric, &claim);
    let outcome = match claim.verdict {
        Recount::Differs => Outcome::Contradicts,
        Recount::Agrees => Outcome::Supports,
        Recount::Unverified if held.is_empty() => Outcome::NotFound,
        Recount::Unverified => Outcome::Supports,
    };
    let found = claim.found.into_iter().map(|other| Counterpoint {
        place: other.place,
        polarity: side(other.agrees),
        value: Some(other.value),
    });
    let others = found.chain(held).collect();
    Check {
        basis: Basis::Number,
        place: claim.place,
        term: claim.term,
        claimed: Some(claim.claimed),
        outcome,
        others,
    }
}

fn side(agrees: bool) -> Polarity {
    if agrees {
        Polarity::Supports
    } else {
        Polarity::Contradicts
    }
}

/// The other end of a check, seen from one of its places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End<'a> {
    /// Whether both ends say the same.
    pub polarity: Polarity,
    /// The number at this end; none for statements.
    pub own: Option<&'a str>,
    /// The other place.
    pub place: &'a Place,
}

/// The other ends of all checks that touch `segment`, those that contradict first.
pub fn ends(checks: &[Check], segment: SegmentNo) -> Vec<End<'_>> {
    let mut ends: Vec<End<'_>> = checks.iter().flat_map(|check| check.ends(segment)).collect();
    ends.sort_by_key(|e| (e.polarity == Polarity::Supports, e.place.segment, e.place.start));
    ends
}

impl Check {
    /// The other ends, seen from `segment`.
    fn ends(&self, segment: SegmentNo) -> impl Iterator<Item = End<'_>> {
        let is_claim = self.place.segment == segment;
        let seen = self
            .others
            .iter()
            .filter(move |o| is_claim || o.place.segment == segment);
        seen.map(move |other| {
            let (here, there) = if is_claim {
                (&self.place, &other.place)
            } else {
                (&other.place, &self.place)
            };
            End {
                polarity: other.polarity,
                own: (self.basis == Basis::Number).then_some(here.quote.as_str()),
                place: there,
            }
        })
    }

    /// Whether the claim stands in the self-review.
    pub fn is_of_self_review(&self, dossier: &Dossier) -> bool {
        let segment = dossier.segment(self.place.segment);
        segment.is_some_and(|s| dossier.source_of(s).kind == SourceKind::SelfReview)
    }
}
