//! Reading an answer while it is still being written.

use serde::Deserialize;

use crate::engine::event::TextField;
use crate::error::{Error, ErrorKind, Result};
use crate::sanitize;

/// Where the score's digit follows.
const BEFORE_SCORE: &str = r#""score":"#;

/// A complete answer, as the grammar shapes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Prompt numbers of the segments it rests on.
    pub evidence: Vec<u32>,
    /// The level it names, 1..=5.
    pub score: u8,
    /// Why.
    pub rationale: String,
    /// What to do next.
    pub suggestion: String,
}

impl Answer {
    /// Parses a complete answer; texts are sanitised and evidence loses its duplicates.
    ///
    /// # Errors
    /// The bytes are not such an answer.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut answer: Self = serde_json::from_slice(bytes).map_err(|e| {
            Error::new(ErrorKind::Engine, "the model's answer is not of the agreed form").because(e)
        })?;
        let mut seen = std::collections::HashSet::new();
        answer.evidence.retain(|n| seen.insert(*n));
        answer.rationale = sanitize::line(answer.rationale.trim()).into_owned();
        answer.suggestion = sanitize::line(answer.suggestion.trim()).into_owned();
        Ok(answer)
    }
}

/// An answer up to its score, the digit among it; all of an answer that names none.
pub fn up_to_score(answer: &str) -> &str {
    let digit = answer.find(BEFORE_SCORE).map(|at| at + BEFORE_SCORE.len());
    digit.and_then(|digit| answer.get(..=digit)).unwrap_or(answer)
}

/// The bytes of an answer so far, and what has been said of them.
#[derive(Debug, Default)]
pub struct PartialAnswer {
    bytes: Vec<u8>,
    told: [usize; 2],
}

impl PartialAnswer {
    /// How an answer begins that cites these numbers, up to where its score is written.
    pub fn opening(cited: &[u32]) -> String {
        let numbers: Vec<String> = cited.iter().map(u32::to_string).collect();
        format!(r#"{{"evidence":[{}],"score":"#, numbers.join(","))
    }

    /// Adds what was just written.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Everything so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The answer so far, once its score is written, as if it said no words.
    ///
    /// # Errors
    /// The score is not there yet.
    pub fn without_words(&self) -> Result<Answer> {
        let so_far = String::from_utf8_lossy(&self.bytes);
        let decided = up_to_score(&so_far);
        Answer::parse(format!(r#"{decided},"rationale":"","suggestion":""}}"#).as_bytes())
    }

    /// Whether the next token is the score's digit.
    pub fn at_score(&self) -> bool {
        self.bytes.ends_with(BEFORE_SCORE.as_bytes()) && self.evidence().is_some()
    }

    /// The evidence, once its list is closed.
    pub fn evidence(&self) -> Option<Vec<u32>> {
        let list = self.bytes.strip_prefix(br#"{"evidence":"#)?;
        let end = list.iter().position(|&b| b == b']')?;
        serde_json::from_slice(&list[..=end]).ok()
    }

    /// The words of `field` that have not been told yet, sanitised; none while a character is incomplete.
    pub fn news(&mut self, field: TextField) -> Option<String> {
        let (key, slot): (&[u8], usize) = match field {
            TextField::Rationale => (br#","rationale":""#, 0),
            TextField::Suggestion => (br#"","suggestion":""#, 1),
        };
        let start = self.bytes.windows(key.len()).position(|w| w == key)? + key.len();
        let text = open_string(&self.bytes[start..])?;
        let new = text.get(self.told[slot]..)?.to_owned();
        self.told[slot] = text.len();
        (!new.is_empty()).then(|| sanitize::line(&new).into_owned())
    }
}

/// The text of a JSON string that may not be closed yet, without an incomplete escape or character at its end.
fn open_string(bytes: &[u8]) -> Option<String> {
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b'"' {
        let step = match (bytes[end], bytes.get(end + 1)) {
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => 1,
        };
        if end + step > bytes.len() {
            break;
        }
        end += step;
    }
    let whole = match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
    };
    serde_json::from_str(&format!("\"{whole}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        r#"{"evidence":[12,40,12],"score":4,"rationale":"他\"说\"了\n算","suggestion":"多写"}"#;

    #[test]
    fn a_whole_answer_parses_without_duplicates_on_one_line() -> Result<()> {
        let answer = Answer::parse(WHOLE.as_bytes())?;
        assert_eq!(answer.evidence, [12, 40]);
        assert_eq!(answer.score, 4);
        assert_eq!(answer.rationale, "他\"说\"了 算");
        Ok(())
    }

    #[test]
    fn an_answer_is_cut_behind_its_score() {
        assert_eq!(up_to_score(WHOLE), r#"{"evidence":[12,40,12],"score":4"#);
        for other in [r#"{"verdict":"supports"}"#, r#"{"evidence":[1],"score":"#] {
            assert_eq!(up_to_score(other), other);
        }
    }

    #[test]
    fn words_are_told_once_and_only_whole() {
        let mut partial = PartialAnswer::default();
        let (mut rationale, mut suggestion) = (String::new(), String::new());
        let mut score_positions = Vec::new();
        for (i, byte) in WHOLE.bytes().enumerate() {
            partial.push(&[byte]);
            if partial.at_score() {
                score_positions.push(i + 1);
            }
            rationale += &partial.news(TextField::Rationale).unwrap_or_default();
            suggestion += &partial.news(TextField::Suggestion).unwrap_or_default();
        }
        assert_eq!(rationale, "他\"说\"了 算");
        assert_eq!(suggestion, "多写");
        assert_eq!(
            score_positions,
            [WHOLE
                .find('4')
                .map_or(0, |_| WHOLE.find(":4").map_or(0, |i| i + 1))]
        );
    }
}
