//! A statement of the self-review against what was said in chats and meetings.
//!
//! The rule, for a sentence of the self-review that is not about what lies ahead and one utterance or message. Words that
//! both hold are weighed by how rare they are in the dossier (1 stands nowhere else, see [`Rarity::weight`]).
//! - It **contradicts** where another person denies a word that the claim says and two words or more are shared, weighing
//!   1.2; or where it holds the opposite of what the claim says of a thing (on time, late: [`super::opposites`]), said by
//!   anybody, and a word is shared that weighs 0.5.
//! - It **supports** where two words or more are shared, weighing 1.5 and a fifth of the shorter one, neither denies a
//!   word of the other, none is the opposite of the other, the utterance asks nothing, and where the claim gives numbers it
//!   gives one of them and, by the numbers' own rule, contradicts none. Anybody may say it, the employee too:
//!   what was said at the time is on record.
//! - A claim with fewer than two telling words is not checkable; one that nothing was found for is not found.

use std::collections::BTreeSet;

use super::opposites::Stance;
use super::statement::Statement;
use super::{Basis, Check, Counterpoint, Outcome, ahead};
use crate::dossier::{Dossier, Segment, SegmentKind, SourceKind};
use crate::evidence::rarity::{Overlap, Rarity};
use crate::evidence::speaker::{self, Speaker};
use crate::evidence::{Place, Polarity};
use crate::id::SegmentNo;

/// Places shown of one side.
const PLACES: usize = 3;
/// A longer text is no utterance.
const MAX_BYTES: usize = 4_000;
/// More claims and more talk than this are not compared, each with each.
const MAX_CLAIMS: usize = 400;
/// More messages and utterances than this are not looked at.
const MAX_TALK: usize = 20_000;
/// What a supporting place shares at least.
const SUPPORTS: Overlap = Overlap {
    weight: 1.5,
    share: 0.2,
};
/// What a denial shares at least.
const DENIES: f32 = 1.2;
/// What an opposite shares at least.
const OPPOSES: f32 = 0.5;

/// Every sentence of the self-review with what was said of it; `against` are segments whose numbers differ.
pub(super) fn checks(dossier: &Dossier, against: &BTreeSet<(SegmentNo, SegmentNo)>) -> Vec<Check> {
    let claims = dossier
        .sources
        .iter()
        .filter(|s| s.kind == SourceKind::SelfReview);
    let claims: Vec<&Segment> = claims
        .flat_map(ahead::behind)
        .filter(|s| is_short(s))
        .take(MAX_CLAIMS)
        .collect();
    let talk = dossier
        .sources
        .iter()
        .filter(|s| matches!(s.kind, SourceKind::Chat | SourceKind::Meeting))
        .flat_map(|s| &s.segments)
        .filter(|s| s.kind != SegmentKind::Heading && is_short(s));
    let talk: Vec<Spoken> = talk.take(MAX_TALK).map(|s| Spoken::new(dossier, s)).collect();
    if claims.is_empty() || talk.is_empty() {
        return Vec::new();
    }
    let claimed: Vec<(&Segment, Statement)> =
        claims.into_iter().map(|s| (s, statement(dossier, s))).collect();
    let topics = claimed
        .iter()
        .map(|(_, s)| &s.topic)
        .chain(talk.iter().map(|s| &s.said.topic));
    let rarity = Rarity::of(topics.cloned());
    claimed
        .iter()
        .map(|(segment, claim)| {
            let differs = |other: &Segment| against.contains(&(segment.no, other.no));
            let sides = talk.iter().filter_map(|spoken| {
                let (polarity, weight) = spoken.side(claim, &rarity)?;
                let holds = polarity == Polarity::Contradicts || !differs(spoken.segment);
                holds.then_some((polarity, weight, spoken.segment))
            });
            check(dossier, segment, claim, sides.collect())
        })
        .collect()
}

fn statement(dossier: &Dossier, segment: &Segment) -> Statement {
    Statement::without(&segment.text, &dossier.meta.subject.name)
}

fn is_short(segment: &Segment) -> bool {
    segment.text.len() <= MAX_BYTES
}

/// A message or an utterance.
struct Spoken<'a> {
    segment: &'a Segment,
    said: Statement,
    speaker: Speaker,
}

impl<'a> Spoken<'a> {
    fn new(dossier: &Dossier, segment: &'a Segment) -> Self {
        Self {
            segment,
            said: statement(dossier, segment),
            speaker: speaker::of(dossier, segment),
        }
    }

    /// Which side it takes, and how strongly.
    fn side(&self, claim: &Statement, rarity: &Rarity) -> Option<(Polarity, f32)> {
        let shared = claim.topic.intersection(&self.said.topic).count();
        if shared == 0 {
            return None;
        }
        let overlap = rarity.overlap(&claim.topic, &self.said.topic);
        let opposed = Stance::meets(&claim.stance, &self.said.stance);
        let denied = self.speaker == Speaker::Other && claim.is_denied_by(&self.said);
        let against =
            (denied && shared >= 2 && overlap.weight >= DENIES) || (opposed && overlap.weight >= OPPOSES);
        if against {
            return Some((Polarity::Contradicts, overlap.weight));
        }
        let same = !opposed
            && !claim.clashes(&self.said)
            && !self.said.asks
            && !claim.gives_other_numbers(&self.said);
        let supports = same && shared >= 2 && overlap.reaches(SUPPORTS);
        supports.then_some((Polarity::Supports, overlap.weight))
    }
}

/// A place with the side it takes, and how strongly.
type Side<'a> = (Polarity, f32, &'a Segment);

fn check(dossier: &Dossier, segment: &Segment, claim: &Statement, mut found: Vec<Side<'_>>) -> Check {
    let checkable = claim.topic.len() >= 2;
    if !checkable {
        found.clear();
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.no.cmp(&b.2.no)));
    let of = |side| {
        found
            .iter()
            .filter(move |(polarity, ..)| *polarity == side)
            .take(PLACES)
    };
    let mut others: Vec<Counterpoint> = of(Polarity::Contradicts)
        .chain(of(Polarity::Supports))
        .map(|(polarity, _, segment)| Counterpoint {
            place: Place::of(dossier, segment),
            polarity: *polarity,
            value: None,
        })
        .collect();
    others.sort_by_key(|o| o.place.segment);
    let against = others.iter().any(|o| o.polarity == Polarity::Contradicts);
    let outcome = match (checkable, others.is_empty(), against) {
        (false, ..) => Outcome::NotCheckable,
        (_, true, _) => Outcome::NotFound,
        (_, _, true) => Outcome::Contradicts,
        _ => Outcome::Supports,
    };
    Check {
        basis: Basis::Words,
        place: Place::of(dossier, segment),
        term: segment.text.clone(),
        claimed: None,
        outcome,
        others,
    }
}
