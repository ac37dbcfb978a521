//! A folder that other machines train from: data, the rewards in Python, and what starts a run.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::export::{Format, Prompts, examples, export};
use crate::learn::train::answering::Task;
use crate::learn::train::sequences::{Instruction, Said, is_ended};
use crate::model::chat::ChatFrame;
use crate::model::tokenizer::Tokenizer;
use crate::review::PreferenceRecord;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Framework {
    /// ms-swift
    MsSwift,
    /// TRL
    Trl,
}

/// What is exported.
pub struct Material<'a> {
    /// What people decided.
    pub records: &'a [PreferenceRecord],
    /// Where their prompts come from.
    pub prompts: &'a dyn Prompts,
    /// Samples of a dataset, or [`decided`] ones.
    pub samples: &'a [Instruction],
    /// Says which samples are scorings.
    pub tokenizer: &'a Tokenizer,
    /// As the tokenizer.
    pub frame: &'a ChatFrame,
    /// The base, as hubs name it.
    pub base: &'a str,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The lines of each file.
    pub lines: BTreeMap<&'static str, usize>,
    /// Samples that are not to be imitated elsewhere.
    pub left_out: LeftOut,
}

/// Samples that no other framework learns as they are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LeftOut {
    /// How their answers begin is given beforehand: elsewhere it would be learnt.
    pub given: usize,
    /// Their answers stop behind the last thing that was decided: elsewhere it would be learnt to end there.
    pub unfinished: usize,
}

/// What people decided, as samples.
///
/// # Errors
/// A prompt cannot be had again.
pub fn decided(records: &[PreferenceRecord], prompts: &dyn Prompts) -> Result<Vec<Instruction>> {
    let sample = |(n, example): (usize, crate::learn::Example)| {
        let said = example.messages.into_iter().map(|message| Said {
            role: message.role.to_owned(),
            content: message.content,
        });
        Instruction {
            id: format!("decision-{n:05}"),
            subject: example.subject.to_string(),
            kind: None,
            given: String::new(),
            messages: said.collect(),
        }
    };
    Ok((1..).zip(examples(records, prompts)?).map(sample).collect())
}

/// Writes the folder, which exists and is empty.
///
/// # Errors
/// A prompt cannot be had again, or the disk refuses.
pub fn write(dir: &Path, framework: Framework, material: &Material) -> Result<Written> {
    let data = dir.join("data");
    std::fs::create_dir(&data).map_err(|e| Error::io("create", &data, e))?;
    let formats = match framework {
        Framework::MsSwift => [
            ("rm.jsonl", Format::MsSwiftRm),
            ("kto.jsonl", Format::MsSwiftKto),
            ("grpo.jsonl", Format::MsSwiftGrpo),
        ],
        Framework::Trl => [
            ("rm.jsonl", Format::Trl),
            ("kto.jsonl", Format::TrlKto),
            ("grpo.jsonl", Format::TrlGrpo),
        ],
    };
    let mut counts = BTreeMap::new();
    for (name, format) in formats {
        let mut lines = Vec::new();
        let mut count = export(format, material.records, material.prompts, &mut lines)?.lines;
        if name == "grpo.jsonl" {
            let mut tasks = Vec::new();
            for sample in material.samples {
                let task = Task::of(sample, material.tokenizer, material.frame)?;
                tasks.extend(task.map(|task| (sample, task)));
            }
            (lines, count) = to_answer(framework, &lines, &tasks)?;
        }
        put(&data.join(name), &lines)?;
        counts.insert(name, count);
    }
    let (lines, left_out) = to_imitate(framework, material.samples);
    put(&data.join("sft.jsonl"), &lines.concat())?;
    counts.insert("sft.jsonl", lines.len());
    scripts(dir, framework, material.base, &counts)?;
    Ok(Written {
        lines: counts,
        left_out,
    })
}

/// The samples to imitate, a line each. Neither framework leaves out of the loss how an answer begins that is given
/// beforehand, and both put an end behind every answer.
fn to_imitate(framework: Framework, samples: &[Instruction]) -> (Vec<Vec<u8>>, LeftOut) {
    let (mut lines, mut left_out) = (Vec::new(), LeftOut::default());
    for sample in samples {
        if !sample.given.is_empty() {
            left_out.given += 1;
        } else if !is_ended(sample.content("assistant")) {
            left_out.unfinished += 1;
        } else {
            lines.push(taught(framework, sample));
        }
    }
    (lines, left_out)
}

/// The prompts to answer, and how many they are: those of `decisions`, and those of `tasks` that are not among them.
fn to_answer(
    framework: Framework,
    decisions: &[u8],
    tasks: &[(&Instruction, Task)],
) -> Result<(Vec<u8>, usize)> {
    let (mut lines, known) = with_papers(framework, decisions)?;
    let mut count = known.len();
    let known: HashSet<String> = known.into_iter().collect();
    for (sample, task) in tasks {
        if !known.contains(&task.text) {
            lines.extend(rewarded(framework, sample, task));
            count += 1;
        }
    }
    Ok((lines, count))
}

/// A line of JSON.
fn line(value: &serde_json::Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// The column that holds the messages of a prompt.
fn column(framework: Framework) -> &'static str {
    match framework {
        Framework::MsSwift => "messages",
        Framework::Trl => "prompt",
    }
}

fn message(role: &str, content: &str) -> serde_json::Value {
    json!({ "role": role, "content": content })
}

fn asked(sample: &Instruction) -> Vec<serde_json::Value> {
    ["system", "user"]
        .into_iter()
        .filter(|role| !sample.content(role).is_empty())
        .map(|role| message(role, sample.content(role)))
        .collect()
}

/// A sample to imitate.
fn taught(framework: Framework, sample: &Instruction) -> Vec<u8> {
    let answer = message("assistant", sample.content("assistant"));
    let mut asked = asked(sample);
    line(&match framework {
        Framework::MsSwift => {
            asked.push(answer);
            json!({ "messages": asked })
        }
        Framework::Trl => json!({ "prompt": asked, "completion": [answer] }),
    })
}

/// A prompt whose answers are rewarded.
fn rewarded(framework: Framework, sample: &Instruction, task: &Task) -> Vec<u8> {
    line(&json!({
        column(framework): asked(sample),
        "gold_score": task.score,
        "gold_evidence": task.evidence,
        "papers": task.text,
    }))
}

/// Adds the papers, which the rewards look numbers up in, to lines that have none; the papers of each line.
fn with_papers(framework: Framework, lines: &[u8]) -> Result<(Vec<u8>, Vec<String>)> {
    let broken = |e| Error::new(ErrorKind::Internal, "an export is not JSON").because(e);
    let (mut out, mut all) = (Vec::new(), Vec::new());
    for text in lines.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let mut row: serde_json::Value = serde_json::from_slice(text).map_err(broken)?;
        let papers: Vec<String> = row[column(framework)]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|m| m["role"] == "user")
            .filter_map(|m| Some(m["content"].as_str()?.to_owned()))
            .collect();
        let papers = papers.join("\n");
        row["papers"] = papers.as_str().into();
        out.extend(line(&row));
        all.push(papers);
    }
    Ok((out, all))
}

fn scripts(
    dir: &Path,
    framework: Framework,
    base: &str,
    counts: &BTreeMap<&'static str, usize>,
) -> Result<()> {
    let (name, launch) = match framework {
        Framework::MsSwift => ("ms-swift", "bash swift.sh"),
        Framework::Trl => ("trl", "python3 trl_train.py"),
    };
    let counts: Vec<String> = counts
        .iter()
        .map(|(file, n)| format!("- `data/{file}`: {n}"))
        .collect();
    let page = include_str!("scaleout/README.in.md")
        .replace("@FRAMEWORK@", name)
        .replace("@LAUNCH@", launch)
        .replace("@BASE@", base)
        .replace("@COUNTS@", &counts.join("\n"));
    put(&dir.join("README.md"), page.as_bytes())?;
    put(
        &dir.join("plumb_rewards.py"),
        include_bytes!("scaleout/plumb_rewards.py"),
    )?;
    match framework {
        Framework::MsSwift => {
            put(
                &dir.join("swift_plugin.py"),
                include_bytes!("scaleout/swift_plugin.py"),
            )?;
            let script = include_str!("scaleout/swift.sh").replace("@BASE@", base);
            put(&dir.join("swift.sh"), script.as_bytes())
        }
        Framework::Trl => {
            let script = include_str!("scaleout/trl_train.py").replace("@BASE@", base);
            put(&dir.join("trl_train.py"), script.as_bytes())
        }
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = std::fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Error::io("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::export::tests::{Twelve, accepted};

    fn sample(answer: &str, given: &str) -> Instruction {
        let said = |role: &str, content: &str| Said {
            role: role.to_owned(),
            content: content.to_owned(),
        };
        Instruction {
            id: "s".to_owned(),
            subject: "E1".to_owned(),
            kind: None,
            given: given.to_owned(),
            messages: vec![said("user", "[1] Led it."), said("assistant", answer)],
        }
    }

    const WHOLE: &str = r#"{"evidence":[1],"score":4,"rationale":"Led it.","suggestion":"Plan."}"#;

    #[test]
    fn only_whole_answers_are_imitated_elsewhere() {
        let samples = [
            sample(WHOLE, ""),
            sample("Plan a week ahead.", ""),
            sample(WHOLE, r#"{"evidence":[1],"score":"#),
            sample(r#"{"evidence":[1]"#, ""),
            sample(r#"{"evidence":[1],"score":4"#, ""),
        ];
        for framework in [Framework::MsSwift, Framework::Trl] {
            let (lines, left_out) = to_imitate(framework, &samples);
            let expected = LeftOut {
                given: 1,
                unfinished: 2,
            };
            assert_eq!((lines.len(), left_out), (2, expected));
        }
    }

    #[test]
    fn what_people_let_stand_is_imitated_without_a_dataset() -> Result<()> {
        let samples = decided(&[accepted()], &Twelve)?;
        assert_eq!(samples[0].subject, "E1");
        assert!(
            samples[0]
                .content("assistant")
                .starts_with(r#"{"evidence":[5],"score":4,"#)
        );
        let (lines, left_out) = to_imitate(Framework::Trl, &samples);
        assert_eq!((lines.len(), left_out), (1, LeftOut::default()));
        Ok(())
    }

    /// An answer that somebody let stand is a decision and, where a dataset was built since, a sample.
    #[test]
    fn a_prompt_is_put_once() -> Result<()> {
        let sample = sample(WHOLE, "");
        let task = |text: &str| Task {
            id: String::new(),
            subject: String::new(),
            prompt: Vec::new(),
            lines: vec![1],
            text: text.to_owned(),
            score: 4,
            evidence: [1].into(),
        };
        let decision = json!({ "messages": asked(&sample), "gold_score": 4.0, "gold_evidence": [1] });
        let tasks = [(&sample, task("[1] Led it.")), (&sample, task("[1] Another."))];
        let (lines, count) = to_answer(Framework::MsSwift, &line(&decision), &tasks)?;
        assert_eq!(count, 2);
        let papers: Vec<String> = (lines.split(|&b| b == b'\n').filter(|l| !l.is_empty()))
            .filter_map(|l| serde_json::from_slice::<serde_json::Value>(l).ok())
            .map(|row| row["papers"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(papers, ["[1] Led it.", "[1] Another."]);
        Ok(())
    }
}
