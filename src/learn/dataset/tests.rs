//! What is built is different, apart, and right by its own account.

use super::*;
use crate::learn::train::answering::numbered;
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

/// Whether a question shows a line of this number; transcripts may name it behind who speaks, tables in their first cell.
fn is_shown(text: &str, number: u64) -> bool {
    let marks = [
        format!("(no. {number})\n"),
        format!("（第 {number} 段）\n"),
        format!("\n| {number} | "),
    ];
    numbered(text, number as u32) || marks.iter().any(|mark| text.contains(mark))
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
            assert!(is_shown(&user.content, number), "{} {number}", sample.id);
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
fn decisions_join() -> Result<()> {
    let example = |dossier: &str| Example {
        subject: dossier.into(),
        messages: ["system", "user", "assistant"]
            .map(|role| Message {
                role,
                content: format!("{role} of {dossier}"),
            })
            .to_vec(),
    };
    let examples = [example("d-1"), example("d-1")];
    let dataset = build(Order { samples: 10, seed: 1 }, &examples, &Nobody)?;
    let decided: Vec<&Sample> = (dataset.parts.values().flatten())
        .filter(|s| s.origin == Origin::Decision)
        .collect();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].subject, "d-1");
    assert!(dataset.duplicates >= 1);
    Ok(())
}

#[test]
fn decisions_about_the_shipped_dossiers_are_left_out() {
    let record = |dossier: &str| PreferenceRecord {
        dossier: dossier.into(),
        ..crate::learn::export::tests::accepted()
    };
    let (kept, left_out) = without_shipped(vec![record(SHIPPED[0]), record("d-1"), record(SHIPPED[13])]);
    assert_eq!((kept, left_out), (vec![record("d-1")], 2));
}

#[test]
fn every_shipped_dossier_is_known() -> Result<()> {
    let (mut found, mut folders) = (Vec::new(), vec![std::path::PathBuf::from("samples")]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).map_err(|e| Error::io("read", &folder, e))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("dossier.toml") {
                let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
                let id = text.lines().find_map(|line| line.strip_prefix("id = "));
                found.push(id.unwrap_or_default().trim_matches('"').to_owned());
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, SHIPPED);
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

/// A cell, a count, a verdict and an order, each worked out again from what the question shows.
#[test]
fn answers_follow_from_their_questions() -> Result<()> {
    let dataset = small(5)?;
    let mut worked_out: BTreeMap<Kind, usize> = BTreeMap::new();
    for sample in dataset.part(Part::Train) {
        let question = &sample.messages[1].content;
        let expected = match sample.kind {
            Some(Kind::Table) => cell(question),
            Some(Kind::Transcript) => count(question),
            Some(Kind::Contradiction) => verdict(question),
            Some(Kind::Ordering) => order(question, &Bank::load(Split::Train, sample.language)?),
            _ => continue,
        };
        let answer: serde_json::Value = serde_json::from_str(&sample.messages[2].content).unwrap_or_default();
        assert_eq!(Some(answer), expected, "{} {question}", sample.id);
        *worked_out.entry(sample.kind.unwrap_or(Kind::Table)).or_default() += 1;
    }
    assert_eq!(worked_out.len(), 4, "{worked_out:?}");
    Ok(())
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// The number that a text begins with, marks aside, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The cell that is asked for, by the names of its row and column.
fn cell(question: &str) -> Option<serde_json::Value> {
    let cells = |line: &'_ str| -> Vec<String> {
        let cells = match line.strip_prefix('|') {
            Some(row) => row.split_once('|').map_or("", |(_, cells)| cells),
            None => line
                .split_once([')', '）', '：', ':'])
                .map_or("", |(_, cells)| cells),
        };
        let cells = cells.split(['|', ';', '；']).map(str::trim);
        cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let table: Vec<Vec<String>> = question.lines().map(cells).filter(|row| row.len() == 4).collect();
    let (header, rows) = table.split_first()?;
    let row = |line: &str| rows.iter().position(|row| line.contains(&row[0]));
    let asks = |line: &&str| cells(line).len() != 4 && row(line).is_some();
    let asked = question.lines().find(asks)?;
    let at = row(asked)?;
    let names = asked.replace(&rows[at][0], "");
    let column = (1..4).find(|&column| names.contains(&header[column]))?;
    Some(serde_json::json!({ "value": rows[at][column], "evidence": [at + 1] }))
}

/// How often somebody says a term, and where.
fn count(question: &str) -> Option<serde_json::Value> {
    let asked = [
        [("How often does ", " say \""), (" say \"", "\", and where")],
        [("Speaker to follow: ", "\n"), ("Term to count: ", " (in capital")],
        [("\n“", "”说了几次“"), ("”说了几次“", "”，分别")],
        [("要留意的发言人：", "\n"), ("要统计的用词：", "\n")],
    ];
    let found =
        |[(a, b), (c, d)]: [(&str, &str); 2]| Some((between(question, a, b)?, between(question, c, d)?));
    let (speaker, term) = asked.into_iter().find_map(found)?;
    let mut said: Vec<(u32, String)> = Vec::new();
    let lines: Vec<&str> = question.lines().collect();
    for (line, next) in lines.iter().zip(lines.iter().skip(1).chain([&""])) {
        let (whose, text) = if line.starts_with('[') {
            let spoken = line.split_once("] ")?.1;
            spoken.split_once(": ").or_else(|| spoken.split_once('：'))?
        } else if let Some((before, _)) = line.split_once(" (no. ").or_else(|| line.split_once("（第 ")) {
            // Behind the time.
            (
                before.trim_start_matches(|c: char| c.is_ascii_digit() || ": 　".contains(c)),
                *next,
            )
        } else {
            continue;
        };
        let behind = line.split_once(" (no. ").or_else(|| line.split_once("（第 "));
        let (n, _) = number(behind.map_or(line, |(_, number)| number))?;
        if whose.trim() == speaker {
            said.push((n, text.to_lowercase()));
        }
    }
    let times = |text: &String| text.matches(term).count();
    let holds: Vec<u32> = (said.iter().filter(|(_, text)| times(text) > 0))
        .map(|(n, _)| *n)
        .collect();
    let count: usize = said.iter().map(|(_, text)| times(text)).sum();
    Some(serde_json::json!({ "count": count, "evidence": holds }))
}

/// Whether a claim stands among the lines, or does but for its numbers.
fn verdict(question: &str) -> Option<serde_json::Value> {
    let claimed = [
        ("\nClaim [", "]: ", ""),
        ("Statement ", " is to be checked: \"", "\""),
        ("\n待核对的说法 [", "]：", ""),
        ("需要核查的第 ", " 条陈述：“", "”"),
    ];
    let claim = |(before, between, after): (&str, &str, &str)| {
        let line = question.split_once(before)?.1.lines().next()?;
        line.split_once(between)?.1.strip_suffix(after)
    };
    let claim = claimed.into_iter().find_map(claim)?;
    let lines: Vec<(u32, &str)> = (question.lines())
        .filter(|line| line.starts_with('[') || line.starts_with("  S"))
        .filter_map(number)
        .map(|(n, rest)| (n, rest.trim_start_matches([']', ':', '：', ' '])))
        .collect();
    let of = |same: &dyn Fn(&str) -> bool| -> Vec<u32> {
        lines
            .iter()
            .filter(|(_, text)| same(text))
            .map(|(n, _)| *n)
            .collect()
    };
    let exact = of(&|text| text == claim);
    let (verdict, evidence) = if exact.is_empty() {
        let otherwise = of(&|text| without_numbers(text) == without_numbers(claim));
        let verdict = if otherwise.is_empty() {
            "not_found"
        } else {
            "contradicts"
        };
        (verdict, otherwise)
    } else {
        ("supports", exact)
    };
    Some(serde_json::json!({ "verdict": verdict, "evidence": evidence }))
}

/// The people by the level of what is said of them, the highest first.
fn order(question: &str, bank: &Bank) -> Option<serde_json::Value> {
    let mut people: Vec<(u8, &str)> = Vec::new();
    for label in ["A", "B", "C"] {
        let beginnings = [format!("\n{label}: "), format!("\n{label}：")];
        let listed = [format!("\nPerson {label}\n"), format!("\n人员 {label}\n")];
        let in_a_row = beginnings
            .iter()
            .find_map(|b| question.split_once(b)?.1.lines().next());
        let lines: Vec<&str> = if let Some(row) = in_a_row {
            row.split(if row.contains('／') { "／" } else { " / " }).collect()
        } else {
            let list = listed.iter().find_map(|b| Some(question.split_once(b)?.1))?;
            list.lines().map_while(|line| line.strip_prefix("- ")).collect()
        };
        people.push((lines.iter().find_map(|line| bank.level_of(line))?, label));
    }
    people.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    let order: Vec<&str> = people.into_iter().map(|(_, label)| label).collect();
    Some(serde_json::json!({ "order": order }))
}
