//! Instruction samples as tokens, and how they lie side by side in passes.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::dataset::pack::first_fit_decreasing;
use crate::model::chat::ChatFrame;
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;
use crate::seed::Seed;

/// One line of a dataset, as far as training reads it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Instruction {
    /// Unique in the dataset.
    pub id: String,
    /// Whose papers.
    #[serde(default)]
    pub subject: String,
    /// What it teaches, where that is said.
    #[serde(default)]
    pub kind: Option<String>,
    /// System, user, assistant.
    pub messages: Vec<Said>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Said {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What it says.
    pub content: String,
}

impl Instruction {
    /// What the roles say; empty where one says nothing.
    pub fn content(&self, role: &str) -> &str {
        let said = self.messages.iter().find(|m| m.role == role);
        said.map_or("", |m| m.content.as_str())
    }
}

/// One sample in tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// The sample's id.
    pub id: String,
    /// All tokens, the answer's end among them.
    pub tokens: Vec<u32>,
    /// Where the answer begins.
    pub answer: usize,
}

impl Sequence {
    /// Tokens that are learnt.
    pub fn learnt(&self) -> usize {
        self.tokens.len() - self.answer
    }
}

/// The samples of a file, and what they are known by.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The samples.
    pub items: Vec<Instruction>,
    /// SHA-256 of the file.
    pub sha256: ContentHash,
}

/// Reads the samples of one file.
///
/// # Errors
/// The file cannot be read, is empty, or a line is no sample.
pub fn read(path: &Path) -> Result<Samples> {
    let bytes = std::fs::read(path).map_err(|e| {
        Error::io("read", path, e).hint("`plumb dataset build` makes a dataset; name its folder with --data")
    })?;
    let name = line(&path.display().to_string()).into_owned();
    let wrong = |what: String| Error::new(ErrorKind::Input, format!("{name}{what}"));
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong(" is not UTF-8".to_owned()))?;
    let mut items = Vec::new();
    for (number, content) in (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()) {
        let item: Instruction = serde_json::from_str(content)
            .map_err(|e| wrong(format!(", line {number}: not a sample: {}", line(&e.to_string()))))?;
        if item.content("assistant").trim().is_empty() || item.content("user").trim().is_empty() {
            return Err(wrong(format!(
                ", line {number}: a sample has a user's message and an assistant's answer"
            )));
        }
        items.push(item);
    }
    if items.is_empty() {
        return Err(wrong(" holds no sample".to_owned()));
    }
    Ok(Samples {
        items,
        sha256: ContentHash::of(&bytes),
    })
}

/// The tokens of a prompt, up to where the answer begins.
///
/// # Errors
/// The tokenizer fails.
pub fn prompt(tokenizer: &Tokenizer, frame: &ChatFrame, system: &str, user: &str) -> Result<Vec<u32>> {
    let mut tokens = frame.before_system.clone();
    tokens.extend(tokenizer.encode(system)?);
    tokens.extend(&frame.before_user);
    tokens.extend(tokenizer.encode(user)?);
    tokens.extend(&frame.before_answer);
    Ok(tokens)
}

/// A sample in tokens.
///
/// # Errors
/// The tokenizer fails.
pub fn sequence(tokenizer: &Tokenizer, frame: &ChatFrame, item: &Instruction) -> Result<Sequence> {
    let mut tokens = prompt(tokenizer, frame, item.content("system"), item.content("user"))?;
    let answer = tokens.len();
    tokens.extend(tokenizer.encode(item.content("assistant"))?);
    tokens.push(tokenizer.end());
    Ok(Sequence {
        id: item.id.clone(),
        tokens,
        answer,
    })
}

/// The passes of one epoch: sequences side by side in packs of `capacity` tokens, each sequence once, in an order of the
/// epoch's own.
pub fn passes(sequences: &[Sequence], capacity: usize, seed: Seed) -> Vec<Vec<usize>> {
    let mut stream = seed.stream();
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    shuffle(&mut order, &mut stream);
    let lengths: Vec<usize> = order.iter().map(|&i| sequences[i].tokens.len()).collect();
    let mut bins = first_fit_decreasing(&lengths, capacity);
    // The fullest bins hold the longest samples: their order must not be that of the lengths.
    shuffle(&mut bins, &mut stream);
    let back = |bin: Vec<usize>| bin.into_iter().map(|i| order[i]).collect();
    bins.into_iter().map(back).collect()
}

/// Fisher and Yates' shuffle.
pub fn shuffle<T>(items: &mut [T], stream: &mut crate::seed::Stream) {
    for i in (1..items.len()).rev() {
        items.swap(i, stream.below(i + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: usize) -> Sequence {
        Sequence {
            id: length.to_string(),
            tokens: vec![0; length],
            answer: length / 2,
        }
    }

    #[test]
    fn every_sequence_is_read_once_an_epoch_in_another_order() {
        let sequences: Vec<Sequence> = (10..60).map(of_length).collect();
        let epoch = |n: u64| passes(&sequences, 100, Seed::root(n));
        let flat = |passes: Vec<Vec<usize>>| passes.concat();
        let mut first = flat(epoch(0));
        assert_ne!(first, flat(epoch(1)));
        assert_eq!(first, flat(epoch(0)));
        first.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
        assert!(
            epoch(0)
                .iter()
                .all(|bin| bin.iter().map(|&i| sequences[i].tokens.len()).sum::<usize>() <= 100)
        );
    }

    #[test]
    fn a_wrong_line_is_named() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::io("make", Path::new("."), e))?;
        let path = folder.path().join("train.jsonl");
        let message = |text: &str| -> Result<String> {
            std::fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
            Ok(read(&path).err().map_or_else(String::new, |e| e.to_string()))
        };
        let good =
            r#"{"id":"1","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
        assert_eq!(message(good)?, "");
        assert!(message(&format!("{good}\n{{}}\n"))?.contains("train.jsonl, line 2: not a sample"));
        assert!(message(r#"{"id":"1","messages":[]}"#)?.contains("line 1: a sample has"));
        assert!(message("\n")?.contains("holds no sample"));
        Ok(())
    }
}
