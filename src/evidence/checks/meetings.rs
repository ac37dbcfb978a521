//! A count of meetings against the transcripts: "held 5 syncs" is supported where five transcripts show one.
//!
//! The count is one of things ("5 次", "five"), and in the same clause stand a word for a meeting and a signal of the
//! rubric (跨团队, sync). A transcript shows one where the employee speaks in it and the signal is said by anybody, once a
//! transcript. Fewer transcripts than claimed say nothing: a dossier holds those that somebody put there.

use super::Counterpoint;
use crate::dossier::{Dossier, Language, Segment, SourceKind};
use crate::evidence::claims::{Claim, Unit};
use crate::evidence::signals::{Counters, Searched};
use crate::evidence::speaker::{self, Speaker};
use crate::evidence::{Place, Polarity};
use crate::rubric::Rubric;

/// Words for a meeting: Chinese as they stand, English by stem.
const CHINESE: [&str; 6] = ["会", "同步", "评审", "对齐", "沟通", "分享"];
const ENGLISH: [&str; 8] = [
    "meet", "sync", "session", "workshop", "review", "call", "standup", "retro",
];

/// The transcripts that show what `claim` counts, where they are enough.
pub(super) fn held(dossier: &Dossier, rubric: &Rubric, claim: &Claim) -> Vec<Counterpoint> {
    if !matches!(claim.unit, Unit::Things(_)) || claim.claimed < 1.0 || !names_meeting(&claim.term) {
        return Vec::new();
    }
    let counters: Vec<Counters> = rubric
        .dimensions
        .iter()
        .map(|d| Counters::new(d, Language::Zh))
        .collect();
    let signals = |text: &str| -> Vec<(usize, String)> {
        let text = Searched::of(text);
        let dimensions = counters.iter().enumerate();
        let spans =
            dimensions.flat_map(|(d, c)| c.spans(&text).into_iter().map(move |(s, _)| (d, s.to_owned())));
        spans.collect()
    };
    let wanted = signals(&claim.term);
    let shows = |segment: &&Segment| signals(&segment.text).iter().any(|s| wanted.contains(s));
    let transcripts = dossier.sources.iter().filter(|s| s.kind == SourceKind::Meeting);
    let attended = transcripts.filter(|source| {
        let mut segments = source.segments.iter();
        segments.any(|s| speaker::of(dossier, s) == Speaker::Subject)
    });
    let shown = attended.filter_map(|source| source.segments.iter().find(shows));
    let found: Vec<Counterpoint> = shown
        .map(|segment| Counterpoint {
            place: Place::of(dossier, segment),
            polarity: Polarity::Supports,
            value: None,
        })
        .collect();
    if (found.len() as f64) < claim.claimed {
        return Vec::new();
    }
    found
}

fn names_meeting(term: &str) -> bool {
    let stems = crate::evidence::words::words(term);
    CHINESE.iter().any(|word| term.contains(word)) || stems.iter().any(|w| ENGLISH.contains(&w.stem.as_str()))
}
