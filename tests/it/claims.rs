//! The contradictions between numbers that the samples' authors wrote in, found by recounting; and every claim of six
//! self-reviews beside what a person says of it, who read the sources before the rules were asked (`claims.toml`).

use std::collections::BTreeSet;
use std::io::Write as _;

use plumbline::eval::alignment::labels::{Answer, Label};
use plumbline::evidence::{Basis, Recount, checks, cross_check, recount};
use plumbline::rubric::builtin;

use crate::env::Outcome;
use crate::levels::{Sample, samples};

/// Every claim that must be found to differ: sample, where it is claimed, and the other numbers; `=` marks those that
/// agree. The list is complete: a claim that differs and is not in it fails the test too, so it also measures precision.
/// Judged by reading the sources: all of them speak of one thing. They differ in fact, or, where a note says so, in
/// definition or time.
const DIFFERENT: [(&str, &str, &str); 19] = [
    // Rounded or re-measured: 0.6 s and 640 ms are the same, the OKR has the mean of November.
    (
        "en-sarah-chen-2025h2",
        "okr-2025h2.csv 690 ms",
        "weekly-w45.md 640 ms",
    ),
    (
        "en-sarah-chen-2025h2",
        "self-review.md 0.6 s",
        "okr-2025h2.csv 690 ms, =weekly-w45.md 640 ms",
    ),
    (
        "en-sarah-chen-2026h1",
        "self-review.md five",
        "chat-oncall.jsonl 3",
    ),
    (
        "en-sarah-chen-2026h1",
        "okr-2026h1.csv 22 min",
        "project-failover-phase2.md 19 min",
    ),
    (
        "en-tom-okafor-2026h1",
        "self-review.md $1.42M",
        "okr-2026h1.csv $1.31M",
    ),
    (
        "zh-chenjie-2026h1",
        "self-review.md 两小时",
        "okr-2026h1.csv 2.5h",
    ),
    ("zh-chenjie-2026h1", "okr-2026h1.csv 70%", "weekly-w24.md 90%"),
    (
        "zh-hanmeimei-2026h1",
        "project-workbench-3.md 12 家",
        "=weekly-w18.md 12 家, peer-notes.txt 20 家, =peer-notes.txt 12 家",
    ),
    (
        "zh-hanmeimei-2026h1",
        "self-review.md 38%",
        "project-workbench-3.md 26%, okr-2026h1.csv 26%",
    ),
    (
        "zh-hanmeimei-2026h1",
        "self-review.md 20 家",
        "weekly-w18.md 12 家, project-workbench-3.md 12 家",
    ),
    (
        "zh-hanmeimei-2026h1",
        "okr-2026h1.csv 0 次",
        "project-workbench-3.md 14 次, peer-notes.txt 14 次",
    ),
    (
        "zh-lilei-2026h1",
        "self-review.md 5 次",
        "weekly-w23.md 跨组会（H1 累计）, =okr-2026h1.csv 5 次",
    ),
    ("zh-lilei-2026h1", "self-review.md 75%", "weekly-w23.md 58%"),
    (
        "zh-lilei-2026h1",
        "okr-2026h1.csv 41 分钟",
        "weekly-w23.md 52min, project-clearing-v2.md 52 分钟",
    ),
    (
        "zh-lilei-2026h1",
        "okr-2026h1.csv 75%",
        "weekly-w23.md 58%, project-clearing-v2.md 58%",
    ),
    (
        "zh-lilei-2026h1",
        "okr-2026h1.csv 5 次",
        "weekly-w23.md 跨组会（H1 累计）",
    ),
    (
        "zh-wangqiang-2026h1",
        "self-review.md 4100 万",
        "okr-2026h1.csv 3860 万",
    ),
    (
        "zh-wangqiang-2026h1",
        "self-review.md 1480 万",
        "okr-2026h1.csv 1420 万",
    ),
    // By definition: with and without the interfaces in canary.
    (
        "zh-zhaomin-2026h1",
        "okr-2026h1.csv 74%",
        "project-regression.md 78%",
    ),
];

#[test]
fn claims_that_other_sources_contradict_are_found_and_no_others() -> Outcome {
    let mut found = BTreeSet::new();
    for sample in samples()? {
        let claims = recount(&sample.dossier, &builtin("core")?);
        for claim in claims.iter().filter(|c| c.verdict == Recount::Differs) {
            let others: Vec<String> = claim
                .found
                .iter()
                .map(|c| {
                    format!(
                        "{}{} {}",
                        if c.agrees { "=" } else { "" },
                        c.place.source,
                        c.place.quote
                    )
                })
                .collect();
            let own = format!("{} {}", claim.place.source, claim.place.quote);
            found.insert((sample.id.clone(), own, others.join(", ")));
        }
    }
    let expected =
        DIFFERENT.map(|(sample, own, others)| (sample.to_owned(), own.to_owned(), others.to_owned()));
    let expected = BTreeSet::from(expected);
    let missed: Vec<_> = expected.difference(&found).collect();
    let unexpected: Vec<_> = found.difference(&expected).collect();
    assert!(
        missed.is_empty() && unexpected.is_empty(),
        "missed {missed:#?}\nunexpected {unexpected:#?}"
    );
    Ok(())
}

#[test]
fn every_place_of_a_claim_gives_its_words_back() -> Outcome {
    for sample in samples()? {
        for claim in recount(&sample.dossier, &builtin("core")?) {
            for place in std::iter::once(&claim.place).chain(claim.found.iter().map(|c| &c.place)) {
                let source = sample.dossier.sources.iter().find(|s| s.path == place.source);
                let bytes = source.and_then(|s| s.raw.get(place.span())).unwrap_or_default();
                assert_eq!(bytes, place.quote, "{}: {place:?}", sample.id);
            }
        }
    }
    Ok(())
}

/// The samples that were looked at while the rules were written, and those that were not.
const SEEN: [&str; 4] = [
    "en-sarah-chen-2026h1",
    "en-tom-okafor-2026h1",
    "zh-lilei-2026h1",
    "zh-wangqiang-2026h1",
];
const UNSEEN: [&str; 2] = ["en-priya-nair-2026h1", "zh-chenjie-2026h1"];

/// The answers of the rules, and those that are not the person's, in words.
fn answers(ids: &[&str]) -> Outcome<(Vec<Answer>, Vec<String>)> {
    let (mut all, mut other) = (Vec::new(), Vec::new());
    let wanted = samples()?.into_iter().filter(|s| ids.contains(&s.id.as_str()));
    for Sample { id, dossier, .. } in wanted {
        let checks = cross_check(&dossier, &builtin("core")?);
        for label in Label::load(&dossier.root.join("claims.toml"), &dossier)? {
            let answer = label.answer(&dossier, &checks);
            if answer.expected != answer.said {
                let number = label.number.as_deref().unwrap_or_default();
                let (said, expected) = (answer.said, answer.expected);
                other.push(format!(
                    "{id}: {number} \u{201c}{}\u{201d}: {expected:?}, said {said:?}",
                    label.quote
                ));
            }
            all.push(answer);
        }
    }
    Ok((all, other))
}

/// How many of the answers of one sort are right, how many were given, and how many people gave.
fn found(answers: &[Answer], basis: Basis, outcome: checks::Outcome) -> (usize, usize, usize) {
    let of = answers.iter().filter(|a| a.basis == basis);
    let right = of
        .clone()
        .filter(|a| a.said == outcome && a.expected == outcome)
        .count();
    let said = of.clone().filter(|a| a.said == outcome).count();
    (right, said, of.filter(|a| a.expected == outcome).count())
}

/// Prints the figures, and holds the rules to what they are for: a wrong contradiction is worse than a missed one.
#[test]
fn what_people_say_of_claims_is_what_the_rules_say_or_they_are_silent() -> Outcome {
    let mut err = std::io::stderr();
    for (name, ids) in [("seen", &SEEN[..]), ("unseen", &UNSEEN[..])] {
        let (all, other) = answers(ids)?;
        for basis in [Basis::Number, Basis::Words] {
            for outcome in [checks::Outcome::Contradicts, checks::Outcome::Supports] {
                let (right, said, there) = found(&all, basis, outcome);
                writeln!(
                    err,
                    "{name}: {basis:?} {outcome:?}: {right} of {said} said are right, {right} of {there} found"
                )?;
                assert_eq!(right, said, "{name}: {basis:?} {outcome:?}: {other:#?}");
                // What is found today; fewer is a step back.
                assert!(4 * right >= there, "{name}: {basis:?} {outcome:?}: {other:#?}");
            }
        }
        for line in other {
            writeln!(err, "{line}")?;
        }
    }
    Ok(())
}

#[test]
fn every_place_of_a_check_gives_its_words_back() -> Outcome {
    for Sample { id, dossier, .. } in samples()? {
        let checks = cross_check(&dossier, &builtin("core")?);
        assert!(checks.len() > 10, "{id}: {}", checks.len());
        for check in &checks {
            let ends = check.others.iter().map(|o| &o.place);
            for place in std::iter::once(&check.place).chain(ends) {
                let segment = dossier.segment(place.segment).ok_or("no such segment")?;
                let now = plumbline::evidence::Place::within(&dossier, segment, place.span());
                assert_eq!(now.as_ref(), Some(place), "{id}");
            }
        }
    }
    Ok(())
}
