//! A folder that other machines train from: data, the rewards in Python, and what starts a run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::export::{Format, Prompts, export};
use crate::learn::train::answering::Task;
use crate::learn::train::sequences::Instruction;
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
    /// Samples of a dataset.
    pub samples: &'a [Instruction],
    /// Says which samples are scorings.
    pub tokenizer: &'a Tokenizer,
    /// As the tokenizer.
    pub frame: &'a ChatFrame,
    /// The base, as hubs name it.
    pub base: &'a str,
}

/// Writes the folder, which exists and is empty; the lines of each file.
///
/// # Errors
/// A prompt cannot be had again, or the disk refuses.
pub fn write(dir: &Path, framework: Framework, material: &Material) -> Result<BTreeMap<&'static str, usize>> {
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
            lines = with_papers(framework, &lines)?;
            for sample in material.samples {
                if let Some(task) = Task::of(sample, material.tokenizer, material.frame)? {
                    lines.extend(rewarded(framework, sample, &task));
                    count += 1;
                }
            }
        }
        put(&data.join(name), &lines)?;
        counts.insert(name, count);
    }
    // Neither framework leaves out of the loss how an answer begins that is given beforehand.
    let samples = material.samples.iter().filter(|sample| sample.given.is_empty());
    let lines: Vec<Vec<u8>> = samples.map(|sample| taught(framework, sample)).collect();
    put(&data.join("sft.jsonl"), &lines.concat())?;
    counts.insert("sft.jsonl", lines.len());
    scripts(dir, framework, material.base, &counts)?;
    Ok(counts)
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

/// Adds the papers, which the rewards look numbers up in, to lines that have none.
fn with_papers(framework: Framework, lines: &[u8]) -> Result<Vec<u8>> {
    let broken = |e| Error::new(ErrorKind::Internal, "an export is not JSON").because(e);
    let mut out = Vec::new();
    for text in lines.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let mut row: serde_json::Value = serde_json::from_slice(text).map_err(broken)?;
        let papers: Vec<String> = row[column(framework)]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|m| m["role"] == "user")
            .filter_map(|m| Some(m["content"].as_str()?.to_owned()))
            .collect();
        row["papers"] = papers.join("\n").into();
        out.extend(line(&row));
    }
    Ok(out)
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
