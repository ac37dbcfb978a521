//! What is built is different, apart, and right by its own account.

use super::*;
use crate::id::DossierId;
use crate::watch::Nobody;

fn small(seed: u64) -> Result<Dataset> {
    build(Order { samples: 300, seed }, &[], &Nobody)
}

#[test]
fn parts_are_apart_and_samples_differ() -> Result<()> {
    let dataset = small(1)?;
    assert!(dataset.part(Part::Train).len() + dataset.part(Part::Valid).len() >= 300);
    let held_out: BTreeSet<&str> = dataset
        .part(Part::HeldOut)
        .iter()
        .map(|s| s.subject.as_str())
        .collect();
    assert!(held_out.len() >= 60, "{}", held_out.len());
    let mut texts = HashSet::new();
    for sample in dataset.parts.values().flatten() {
        assert!(
            texts.insert((&sample.messages[1].content, &sample.messages[2].content)),
            "{}",
            sample.id
        );
    }
    assert_eq!(small(1)?.part(Part::Train), dataset.part(Part::Train));
    assert_ne!(small(2)?.part(Part::Train), dataset.part(Part::Train));
    Ok(())
}

/// Every family is used and fills its places; answers in JSON parse, and cite lines that the question shows.
#[test]
fn every_answer_is_one() -> Result<()> {
    let dataset = build(
        Order {
            samples: 2_000,
            seed: 3,
        },
        &[],
        &Nobody,
    )?;
    let mut families = BTreeSet::new();
    for sample in dataset.parts.values().flatten() {
        families.extend(sample.family.clone());
        let [system, user, answer] = &sample.messages[..] else {
            return Err(Error::new(ErrorKind::Internal, "not three messages"));
        };
        for message in [system, user, answer] {
            assert!(
                !message.content.is_empty() && !message.content.contains("{{"),
                "{}",
                sample.id
            );
        }
        if matches!(sample.kind, Some(Kind::Rationale | Kind::Suggestion)) {
            continue;
        }
        let value: serde_json::Value = serde_json::from_str(&answer.content).map_err(|e| {
            Error::new(ErrorKind::Internal, format!("{}: {}", sample.id, answer.content)).because(e)
        })?;
        let cited = value["evidence"].as_array().into_iter().flatten();
        for number in cited.filter_map(serde_json::Value::as_u64) {
            assert!(
                user.content.contains(&number.to_string()),
                "{} {number}",
                sample.id
            );
        }
        if sample.kind == Some(Kind::Scoring) {
            assert!(
                (1..=5).contains(&value["score"].as_u64().unwrap_or_default()),
                "{}",
                answer.content
            );
            assert_eq!(
                value["evidence"].as_array().map(Vec::len),
                Some(2),
                "{}",
                answer.content
            );
        }
    }
    assert_eq!(families.len(), Families::load()?.len(), "{families:?}");
    Ok(())
}

/// What a person is asked to be rated in begins alike, papers and all, and is told apart by the dimension; one question in nine
/// has nothing to cite, and nothing but the papers tells which.
#[test]
fn questions_for_a_level_begin_alike() -> Result<()> {
    let dataset = small(2)?;
    let mut of_people: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in dataset.parts.values().flatten() {
        if sample.kind.is_some_and(Kind::asks_for_a_level) {
            of_people.entry(&sample.subject).or_default().push(sample);
        }
    }
    for (person, asked) in &of_people {
        assert!((4..=5).contains(&asked.len()), "{person} {}", asked.len());
        let first = &asked[0].messages;
        for other in &asked[1..] {
            assert_eq!(other.messages[0].content, first[0].content, "{person}");
            let pairs = first[1].content.chars().zip(other.messages[1].content.chars());
            let alike: String = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
            assert!(
                asked[0]
                    .material
                    .iter()
                    .all(|line| without_numbers(&alike).contains(line.as_str())),
                "{person}"
            );
            assert!(other.messages[1].content != first[1].content, "{person}");
        }
    }
    let all: usize = of_people.values().map(Vec::len).sum();
    let refusals = of_people
        .values()
        .flatten()
        .filter(|s| s.kind == Some(Kind::Refusal));
    let share = refusals.count() as f64 / all as f64;
    assert!((0.08..0.16).contains(&share), "{share}");
    Ok(())
}

#[test]
fn decisions_join_and_the_shipped_dossiers_do_not() -> Result<()> {
    let example = |dossier: &str| Example {
        dossier: DossierId::new(dossier),
        subject: dossier.into(),
        messages: ["system", "user", "assistant"]
            .map(|role| Message {
                role,
                content: format!("{role} of {dossier}"),
            })
            .to_vec(),
    };
    let examples = [example("d-1"), example(SHIPPED[0]), example("d-1")];
    let dataset = build(Order { samples: 10, seed: 1 }, &examples, &Nobody)?;
    let decided: Vec<&Sample> = (dataset.parts.values().flatten())
        .filter(|s| s.origin == Origin::Decision)
        .collect();
    assert_eq!(decided.len(), 1);
    assert_eq!((dataset.shipped, decided[0].subject.as_str()), (1, "d-1"));
    assert!(dataset.duplicates >= 1);
    Ok(())
}

#[test]
fn a_held_out_line_that_is_learnt_from_is_found() -> Result<()> {
    let mut dataset = small(1)?;
    let line = dataset.part(Part::HeldOut)[0].material[0].clone();
    dataset.check_for_leaks()?;
    if let Some(sample) = dataset.parts.get_mut(&Part::Train).and_then(|of| of.first_mut()) {
        sample.material.push(line);
    }
    let message = dataset
        .check_for_leaks()
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default();
    assert!(
        message.starts_with("the split leaks: a held-out line"),
        "{message}"
    );
    Ok(())
}

/// A cell, a count and a verdict, each worked out again from what the question shows.
#[test]
fn answers_follow_from_their_questions() -> Result<()> {
    let dataset = small(5)?;
    let of = |kind| {
        dataset
            .part(Part::Train)
            .iter()
            .filter(move |s| s.kind == Some(kind))
    };
    for sample in of(Kind::Table) {
        let value: serde_json::Value = serde_json::from_str(&sample.messages[2].content).unwrap_or_default();
        let cell = value["value"].as_str().unwrap_or("?");
        assert!(sample.messages[1].content.contains(cell), "{}", sample.id);
    }
    for sample in of(Kind::Ordering) {
        let value: serde_json::Value = serde_json::from_str(&sample.messages[2].content).unwrap_or_default();
        let mut order: Vec<&str> = value["order"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str())
            .collect();
        order.sort_unstable();
        assert_eq!(order, ["A", "B", "C"], "{}", sample.id);
    }
    Ok(())
}
