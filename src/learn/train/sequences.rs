//! Instruction samples as tokens, and how they lie side by side in passes.

use std::path::Path;

use serde::Deserialize;

use super::settings::Settings;
use crate::engine::answer::up_to_score;
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
    /// How the answer begins where that is given beforehand: it is read, not learnt.
    #[serde(default)]
    pub given: String,
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
    /// Where what is learnt begins.
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
        Error::io("read", path, e).hint("`plumb dataset build --out DIR` makes a dataset: name its folder")
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

/// A sample in tokens; without its `words` an answer stops at its score.
///
/// # Errors
/// The tokenizer fails.
pub fn sequence(
    tokenizer: &Tokenizer,
    frame: &ChatFrame,
    item: &Instruction,
    words: bool,
) -> Result<Sequence> {
    let mut tokens = prompt(tokenizer, frame, item.content("system"), item.content("user"))?;
    tokens.extend(tokenizer.encode(&item.given)?);
    let answer = tokens.len();
    let whole = item.content("assistant");
    let learnt = if words { whole } else { up_to_score(whole) };
    tokens.extend(tokenizer.encode(learnt.strip_prefix(&item.given).unwrap_or(learnt))?);
    if is_ended(learnt) {
        tokens.push(tokenizer.end());
    }
    Ok(Sequence {
        id: item.id.clone(),
        tokens,
        answer,
    })
}

/// Whether an answer says all that it has to: that of a decision stops behind the last thing that was decided, where the model is
/// to go on.
pub fn is_ended(answer: &str) -> bool {
    !answer.starts_with('{') || serde_json::from_str::<serde::de::IgnoredAny>(answer).is_ok()
}

/// Sequences that begin alike: a pass reads once what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Tokens that all begin with.
    pub shared: usize,
    /// Indices of the sequences.
    pub members: Vec<usize>,
    /// Tokens that are read.
    pub tokens: usize,
}

/// Fewer tokens in common are read again.
const WORTH_SHARING: usize = 256;

/// Neighbours that begin alike, as families that are read in at most `capacity` tokens: about one dossier, each dimension
/// is asked behind the same papers.
pub fn families(sequences: &[Sequence], capacity: usize) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for (i, sequence) in sequences.iter().enumerate() {
        let joined = families
            .last()
            .and_then(|family| family.with(i, sequences, capacity));
        match (joined, families.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => families.push(Family {
                shared: 0,
                members: vec![i],
                tokens: sequence.tokens.len(),
            }),
        }
    }
    families
}

impl Family {
    /// The family and one more, where that is worth it and there is room.
    fn with(&self, new: usize, sequences: &[Sequence], capacity: usize) -> Option<Self> {
        let (first, new_one) = (&sequences[self.members[0]], &sequences[new]);
        // What is learnt is each sequence's own, and so is the token before it.
        let most = match self.shared {
            0 => first.answer.saturating_sub(1),
            shared => shared,
        };
        let most = most.min(new_one.answer.saturating_sub(1));
        let pairs = first.tokens[..most].iter().zip(&new_one.tokens);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        if shared < WORTH_SHARING.max(self.shared / 2) {
            return None;
        }
        let members: Vec<usize> = self.members.iter().copied().chain([new]).collect();
        let own = members.iter().map(|&i| sequences[i].tokens.len() - shared);
        let tokens = shared + own.sum::<usize>();
        (tokens <= capacity).then_some(Self {
            shared,
            members,
            tokens,
        })
    }
}

/// The passes of one epoch: families side by side in packs of `capacity` tokens, each sequence once, in an order of the
/// epoch's own.
pub fn passes(sequences: &[Sequence], capacity: usize, seed: Seed) -> Vec<Vec<Family>> {
    let mut stream = seed.stream();
    let mut families = families(sequences, capacity);
    stream.shuffle(&mut families);
    let lengths: Vec<usize> = families.iter().map(|family| family.tokens).collect();
    let mut bins = first_fit_decreasing(&lengths, capacity);
    // The fullest bins hold the longest samples: their order must not be that of the lengths.
    stream.shuffle(&mut bins);
    let of = |bin: Vec<usize>| bin.into_iter().map(|i| families[i].clone()).collect();
    bins.into_iter().map(of).collect()
}

/// The [`passes`] of all epochs of a run.
pub fn epochs(sequences: &[Sequence], settings: &Settings) -> Vec<Vec<Vec<Family>>> {
    let seed = |epoch| Seed::root(settings.seed).branch(&format!("epoch {epoch}"));
    (0..settings.batch.epochs)
        .map(|epoch| passes(sequences, settings.batch.pack, seed(epoch)))
        .collect()
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
        let flat = |passes: Vec<Vec<Family>>| -> Vec<usize> {
            let families = passes.into_iter().flatten();
            families.flat_map(|family| family.members).collect()
        };
        let mut first = flat(epoch(0));
        assert_ne!(first, flat(epoch(1)));
        assert_eq!(first, flat(epoch(0)));
        first.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
        let tokens = |bin: &Vec<Family>| bin.iter().map(|family| family.tokens).sum::<usize>();
        assert!(epoch(0).iter().all(|bin| tokens(bin) <= 100));
    }

    /// By hand: three share 300 tokens and read 300 + 3 * 50; the fourth would not fit into 460, and the fifth shares
    /// too little.
    #[test]
    fn what_sequences_begin_with_alike_is_read_once() {
        let like = |own: u32, shared: usize, length: usize| Sequence {
            id: own.to_string(),
            tokens: (0..length as u32)
                .map(|i| if (i as usize) < shared { i } else { 1000 + own })
                .collect(),
            answer: length - 20,
        };
        let mut sequences: Vec<Sequence> = (0..4).map(|own| like(own, 300, 350)).collect();
        sequences.push(like(9, 200, 350));
        let found = families(&sequences, 460);
        let told: Vec<_> = found
            .iter()
            .map(|f| (f.shared, f.members.clone(), f.tokens))
            .collect();
        assert_eq!(
            told,
            [(300, vec![0, 1, 2], 450), (0, vec![3], 350), (0, vec![4], 350)]
        );
        // Where the answer begins behind the first tokens, nothing behind them is shared.
        let short = |own| Sequence {
            answer: 290,
            ..like(own, 300, 350)
        };
        assert_eq!(families(&[short(0), short(1)], 1000)[0].shared, 289);
    }

    #[test]
    fn an_answer_that_goes_on_has_no_end() {
        let cases = [
            (
                r#"{"evidence":[1],"score":4,"rationale":"b","suggestion":"c"}"#,
                true,
            ),
            (r#"{"evidence":[1]"#, false),
            (r#"{"evidence":[1],"score":4,"rationale":"b"#, false),
            ("Plan the handover a week ahead.", true),
        ];
        for (answer, ended) in cases {
            assert_eq!(is_ended(answer), ended, "{answer}");
        }
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
