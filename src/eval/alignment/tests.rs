//! Two people by hand: what every figure must be.

use super::*;
use crate::dossier::{Language, SourceKind};
use crate::error::Result;
use crate::evidence::testing;
use crate::id::SubjectId;
use crate::rubric::builtin;

const TALK: &str = "nice weather\nwho wants tea\nthe lift is broken\nsee you on Monday";

fn aligned(subject: &str, own: &str, table: &str) -> Aligned {
    let sources = [
        ("s.md", SourceKind::SelfReview, own),
        ("o.csv", SourceKind::Okr, table),
        ("c.txt", SourceKind::Chat, TALK),
    ];
    let mut dossier = testing::dossier(Language::En, &sources);
    dossier.meta.subject.id = SubjectId::new(subject);
    Aligned {
        dossier,
        labels: Vec::new(),
        heard: Vec::new(),
    }
}

/// One whose tables confirm one number of two, and one whose tables confirm the only one.
pub(super) fn two_people() -> [Aligned; 2] {
    [
        aligned(
            "E1",
            "Checkout availability 99.95%\nFailover drill took 14 min",
            "Checkout availability 99.95%\nFailover drill 22 min",
        ),
        aligned("E2", "Churn model recall 81%", "Churn model recall 81%"),
    ]
}

/// By hand: three numbers in texts of which a table speaks, two confirmed; no other person's table speaks of any.
#[test]
fn the_figures_are_those_counted_by_hand() -> Result<()> {
    let all = two_people();
    let chart = ReadChart {
        owner: "E1".to_owned(),
        printed: true,
        read: vec![true, true, true, false],
    };
    let compared = compare(&all, &[chart], &builtin("core")?);
    let value = |m: Measured| (m.n, m.figure.map(|f| (f.value * 1000.0).round() / 1000.0));
    assert_eq!((compared.dossiers, compared.groups), (2, 2));
    assert_eq!(value(compared.consistency), (3, Some(0.667)));
    assert_eq!(value(compared.consistency_swapped), (3, Some(0.0)));
    assert_eq!(value(compared.swap_drop), (3, Some(0.667)));
    assert_eq!(value(compared.chart_values_printed), (4, Some(0.75)));
    assert_eq!(value(compared.chart_values_measured), (0, None));
    assert_eq!(value(compared.time_codes), (0, None));
    assert_eq!(value(compared.time_distance), (0, None));
    let numbers = compared.claims[&Basis::Number];
    assert_eq!(numbers.n, 3);
    assert_eq!(
        numbers.contradicted.map(|f| (f.value * 3.0).round() as u32),
        Some(1)
    );
    Ok(())
}

#[test]
fn the_distance_of_captions_is_the_median_of_those_heard() -> Result<()> {
    let cue = |start_ms, text: &str| times::Cue {
        start_ms,
        text: text.to_owned(),
    };
    let of = |starts: &[u64]| -> Result<Measured> {
        let words = [
            "drill took fourteen minutes",
            "queue stopped again",
            "checklist is written",
        ];
        let said = words.map(|words| cue(10_000, words)).into();
        let heard = starts
            .iter()
            .zip(words)
            .map(|(start, words)| cue(*start, words))
            .collect();
        let mut all = two_people();
        all[0].heard = vec![Heard { heard, said }];
        Ok(compare(&all, &[], &builtin("core")?).time_distance)
    };
    let value = |m: Measured| (m.n, m.figure.map(|f| (f.value * 1000.0).round()));
    assert_eq!(value(of(&[10_500, 10_100])?), (2, Some(300.0)));
    assert_eq!(value(of(&[10_500, 10_100, 9_000])?), (3, Some(500.0)));
    Ok(())
}
