//! From a review to a profile: what stands, what the model said, and what the rubric expects next.

use jiff::tz::TimeZone;

use super::{At, Checks, Claim, Dimension, Evidence, Profile, Reading};
use crate::dossier::Language;
use crate::evidence::{EvidenceLink, Outcome, Place, Polarity};
use crate::review::Review;
use crate::review::dimension::DimensionState;
use crate::rubric;
use crate::tui::words::Reason;

/// Links shown per dimension; the rest is on the screen and in the journal.
const LINKS: usize = 3;

/// The profile of a review as it stands.
pub fn of_review(review: &Review, language: Language, zone: &TimeZone) -> Profile {
    let meta = &review.dossier().meta;
    let rubric = review.rubric();
    Profile {
        name: meta.subject.name.clone(),
        id: meta.subject.id.to_string(),
        role: meta.role.clone(),
        grade: meta.level.clone(),
        cycle: meta.cycle.clone(),
        rubric: format!("{} {}", rubric.title.get(language), rubric.version),
        reviewer: reviewers(review),
        scored_by: scored_by(review),
        signed_off: review
            .ledger()
            .signed_off()
            .map(|(act, _)| zone.to_datetime(act.at).date().to_string()),
        dimensions: review
            .dimensions()
            .iter()
            .zip(&rubric.dimensions)
            .map(|(state, dimension)| dimension_of(review, state, dimension, language))
            .collect(),
        checks: checks_of(review),
        earlier: Vec::new(),
    }
}

/// What the claims met; those that cannot be checked are not counted.
fn checks_of(review: &Review) -> Checks {
    let checkable = review
        .checks()
        .iter()
        .filter(|c| c.outcome != Outcome::NotCheckable);
    let of = |outcome: Outcome| checkable.clone().filter(move |c| c.outcome == outcome);
    let end = |place: &Place| Evidence {
        supports: false,
        source: title_of(review, place),
        at: at(review, place),
        claim: Claim::Quote(place.quote.clone()),
    };
    let ends = of(Outcome::Contradicts).flat_map(|check| {
        let others = check
            .others
            .iter()
            .filter(|o| o.polarity == Polarity::Contradicts);
        others.map(|other| (end(&check.place), end(&other.place)))
    });
    Checks {
        n: checkable.clone().count(),
        supported: of(Outcome::Supports).count(),
        contradicted: of(Outcome::Contradicts).count(),
        against: ends.collect(),
    }
}

/// Everybody whose score stands, once each, in the order of the dimensions.
fn reviewers(review: &Review) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for verdict in review
        .dimensions()
        .iter()
        .filter_map(|d| d.human.verdict.as_ref())
    {
        if !names.contains(&verdict.by.as_str()) {
            names.push(verdict.by.as_str());
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn scored_by(review: &Review) -> Option<String> {
    let by = review.dimensions().iter().find_map(|d| d.model.by.as_ref())?;
    Some(match &by.adapter {
        Some(adapter) => format!("{} + {adapter}", by.id),
        None => by.id.to_string(),
    })
}

fn dimension_of(
    review: &Review,
    state: &DimensionState,
    rubric: &rubric::Dimension,
    language: Language,
) -> Dimension {
    let hidden = review.hidden(state);
    let human = state.human.verdict.as_ref().map(|v| v.score);
    let model = state.model.reading.filter(|_| !hidden).map(|r| Reading {
        score: r.score,
        sd: r.spread(),
    });
    let standing = human.or(model.map(|m| m.score));
    let level = standing.map(|s| (s.floor() as usize).clamp(1, 5));
    let text_of = |level: usize| {
        let anchor = rubric.anchors.get(level - 1);
        anchor.map_or_else(String::new, |a| a.get(language).to_owned())
    };
    Dimension {
        name: rubric.name.get(language).to_owned(),
        model,
        human,
        anchor: level.map_or_else(String::new, text_of),
        next: level.filter(|l| *l < 5).map(|l| ((l + 1) as u8, text_of(l + 1))),
        evidence: review
            .links(state)
            .iter()
            .take(LINKS)
            .map(|view| evidence_of(review, view.link))
            .collect(),
        suggestion: Some(review.names().reveal(&state.model.suggestion).into_owned())
            .filter(|s| !hidden && !s.is_empty()),
        remark: remark(state, language),
    }
}

/// The last note of the person's, else the reason of the override.
fn remark(state: &DimensionState, language: Language) -> Option<String> {
    let note = state.human.notes.last().map(|n| n.text.clone());
    note.or_else(|| {
        let reason = state.human.verdict.as_ref()?.reason.as_deref()?;
        Some(
            Reason::from_code(reason)
                .map_or(reason, |r| r.word().text(language))
                .to_owned(),
        )
    })
}

fn evidence_of(review: &Review, link: &EvidenceLink) -> Evidence {
    let place = &link.place;
    Evidence {
        supports: link.polarity == Polarity::Supports,
        source: title_of(review, place),
        at: at(review, place),
        claim: match &link.count {
            Some(count) => Claim::Count {
                term: count.term.clone(),
                n: count.n,
                said: count.said_by_employee(&review.dossier().meta) == count.n,
            },
            None => Claim::Quote(place.quote.clone()),
        },
    }
}

fn title_of(review: &Review, place: &Place) -> String {
    let mut sources = review.dossier().sources.iter();
    let source = sources.find(|s| s.hash == place.sha256);
    source.map_or_else(|| place.source.clone(), |s| s.title.clone())
}

fn at(review: &Review, place: &Place) -> At {
    let segment = review.dossier().segment_at(&place.sha256, place.start);
    let row = segment.and_then(|s| s.anchor.row);
    match (&place.spot, place.time, row) {
        (Some(spot), ..) => At::Spot(spot.clone()),
        (None, Some(time), _) => At::Time(time.clock()),
        (None, None, Some(row)) => At::Row(row),
        (None, None, None) => At::Line(place.line),
    }
}
