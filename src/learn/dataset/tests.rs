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
