//! Rated texts, pairs and evidence from anywhere: one JSON object a line, in one form each.
//!
//! What a form asks for is checked when it is read: a wrong line is named with its number, and nothing runs on half a
//! file. Fields that no form knows are passed over.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::sanitize::line;

/// A text with what people gave it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RatedText {
    /// Unique in the file.
    pub id: String,
    /// What was not sampled independently: a prompt, an author. Never on both sides of a split.
    pub group: String,
    /// The language it is written in.
    pub lang: Language,
    /// What it answers, or where it comes from.
    #[serde(default)]
    pub context: String,
    /// The text.
    pub text: String,
    /// The mean rating by name.
    pub dims: BTreeMap<String, f64>,
    /// The lowest and the highest rating.
    pub scale: (f64, f64),
}

impl RatedText {
    /// A rating on the levels 1 to 5.
    pub fn level(&self, rating: f64) -> f64 {
        let (low, high) = self.scale;
        1.0 + 4.0 * (rating - low) / (high - low)
    }
}

/// Which of two texts is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Majority {
    /// The first.
    A,
    /// The second.
    B,
    /// Neither.
    Tie,
}

/// Two answers to one prompt, and which one people find better.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RatedPair {
    /// Unique in the file.
    pub id: String,
    /// What was not sampled independently. Never on both sides of a split.
    pub group: String,
    /// The language; English where nothing is said.
    #[serde(default = "english")]
    pub lang: Language,
    /// What both answer.
    pub prompt: String,
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// What most people say.
    pub majority: Majority,
}

fn english() -> Language {
    Language::En
}

/// A question to a document, and the passages that answer it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RatedEvidence {
    /// Unique in the file.
    pub id: String,
    /// What was not sampled independently.
    pub group: String,
    /// The language it is written in.
    pub lang: Language,
    /// What is asked about.
    pub document: String,
    /// What is asked.
    pub question: String,
    /// Spans in characters, not bytes: first, and one past the last.
    pub gold: Vec<(usize, usize)>,
    /// One list an annotator; the one that fits best counts.
    #[serde(default)]
    pub golds: Vec<Vec<(usize, usize)>>,
}

impl RatedEvidence {
    /// The annotators' lists.
    pub fn annotators(&self) -> &[Vec<(usize, usize)>] {
        if self.golds.is_empty() {
            std::slice::from_ref(&self.gold)
        } else {
            &self.golds
        }
    }
}

/// One line of a form.
pub trait Item: DeserializeOwned {
    /// What a person calls it.
    const NAME: &'static str;

    /// Unique in the file.
    fn id(&self) -> &str;

    /// What is wrong with it, if anything is.
    fn fault(&self) -> Option<String>;
}

impl Item for RatedText {
    const NAME: &'static str = "a rated text";

    fn id(&self) -> &str {
        &self.id
    }

    fn fault(&self) -> Option<String> {
        let (low, high) = self.scale;
        if low >= high {
            return Some(format!("the scale [{low}, {high}] has no room"));
        }
        let outside = self.dims.iter().find(|(_, r)| !(low..=high).contains(*r));
        match outside {
            Some((name, rating)) => Some(format!("{name} is {rating}, outside of {low} to {high}")),
            None if self.text.trim().is_empty() => Some("the text is empty".to_owned()),
            None if self.dims.is_empty() => Some("dims is empty".to_owned()),
            None => None,
        }
    }
}

impl Item for RatedPair {
    const NAME: &'static str = "a pair";

    fn id(&self) -> &str {
        &self.id
    }

    fn fault(&self) -> Option<String> {
        let empty = [("a", &self.a), ("b", &self.b)];
        let empty = empty.into_iter().find(|(_, text)| text.trim().is_empty());
        empty.map(|(name, _)| format!("{name} is empty"))
    }
}

impl Item for RatedEvidence {
    const NAME: &'static str = "a question with evidence";

    fn id(&self) -> &str {
        &self.id
    }

    fn fault(&self) -> Option<String> {
        let characters = self.document.chars().count();
        let spans = self.gold.iter().chain(self.golds.iter().flatten());
        let mut outside = spans.filter(|(start, end)| start >= end || *end > characters);
        outside
            .next()
            .map(|(start, end)| format!("[{start}, {end}] is no span of its {characters} characters"))
    }
}

/// Reads a file of one form.
///
/// # Errors
/// The file cannot be read, holds nothing, or a line of it is not of the form: file and line are named.
pub fn read<T: Item>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    parse(&line(&path.display().to_string()), &text)
}

/// Parses the lines of `text`, which comes from `name`.
///
/// # Errors
/// As [`read`], but for the file.
pub fn parse<T: Item>(name: &str, text: &str) -> Result<Vec<T>> {
    let mut ids = HashSet::new();
    let mut items = Vec::new();
    for (number, content) in (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()) {
        let wrong = |what: String| {
            let message = format!("{name}, line {number}: {}", line(&what));
            Error::new(ErrorKind::Input, message).hint(format!("one JSON object a line, each {}", T::NAME))
        };
        let item: T = serde_json::from_str(content).map_err(|e| wrong(format!("not {}: {e}", T::NAME)))?;
        if let Some(fault) = item.fault() {
            return Err(wrong(fault));
        }
        if !ids.insert(item.id().to_owned()) {
            return Err(wrong(format!("the id {:?} stands twice", item.id())));
        }
        items.push(item);
    }
    if items.is_empty() {
        return Err(Error::new(ErrorKind::Input, format!("{name} holds nothing")));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"id":"1","group":"g","lang":"en","text":"Hello.","dims":{"Tone":25},"scale":[0,100],"x":1}"#;

    fn message<T: Item>(text: &str) -> String {
        parse::<T>("f.jsonl", text)
            .err()
            .map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn ratings_are_put_on_the_levels() {
        let texts: Vec<RatedText> = parse("f", TEXT).expect("a text");
        assert!((texts[0].level(texts[0].dims["Tone"]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let twice = format!("{TEXT}\n\n{TEXT}\n");
        assert_eq!(
            message::<RatedText>(&twice),
            r#"f.jsonl, line 3: the id "1" stands twice"#
        );
        assert_eq!(
            message::<RatedText>(&TEXT.replace("25", "101")),
            "f.jsonl, line 1: Tone is 101, outside of 0 to 100"
        );
        assert!(message::<RatedText>("{}").contains("line 1: not a rated text: missing field `id`"));
        assert_eq!(message::<RatedText>(" \n"), "f.jsonl holds nothing");
        let pair = r#"{"id":"1","group":"g","prompt":"p","a":"x","b":" ","majority":"tie"}"#;
        assert_eq!(message::<RatedPair>(pair), "f.jsonl, line 1: b is empty");
    }

    #[test]
    fn spans_count_characters() {
        let item = |end: usize| {
            format!(
                r#"{{"id":"1","group":"g","lang":"zh","document":"上线了","question":"?","gold":[[1,{end}]]}}"#
            )
        };
        let read: Vec<RatedEvidence> = parse("f", &item(3)).expect("a question");
        assert_eq!(read[0].annotators(), [vec![(1, 3)]]);
        assert_eq!(
            message::<RatedEvidence>(&item(4)),
            "f.jsonl, line 1: [1, 4] is no span of its 3 characters"
        );
    }
}
