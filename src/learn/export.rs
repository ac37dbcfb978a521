//! Preferences as the training frameworks read them, one JSON object a line.
//!
//! ms-swift: reward model and DPO (`messages` that end with the better answer, `rejected_response`, `margin`), KTO
//! (`messages`, `label`), GRPO (`messages` without an answer, `gold_score`, `gold_evidence`; further columns reach the
//! reward function by name). TRL: `prompt`, `chosen`, `rejected`, `margin`; `prompt`, `completion`, `label`; `prompt` and
//! columns. None of these can say that a score lies between two level tokens: a half point becomes one line for each.

use std::io::Write;

use serde::Serialize;

use crate::engine::AssessmentId;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::SubjectId;
use crate::review::PreferenceRecord;
use crate::review::preference::{Answer, Cited, Lesson, Origin, Target, Words};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// ms-swift, reward model or DPO: pairs
    MsSwiftRm,
    /// ms-swift, KTO: answers with a label
    MsSwiftKto,
    /// ms-swift, GRPO: prompts with what a person decided
    MsSwiftGrpo,
    /// TRL, reward model or DPO: pairs
    Trl,
    /// TRL, KTO: answers with a label
    TrlKto,
    /// TRL, GRPO: prompts with what a person decided
    TrlGrpo,
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What it says.
    pub content: String,
}

/// Where the prompts of assessments come from.
pub trait Prompts {
    /// The messages that were put to the model, without its answer.
    ///
    /// # Errors
    /// The prompt cannot be had again.
    fn messages(&self, assessment: &AssessmentId) -> Result<Vec<Message>>;

    /// The places shown to the model: prompt number i + 1 is source, first byte, one past the last.
    ///
    /// # Errors
    /// The prompt cannot be had again.
    fn segments(&self, assessment: &AssessmentId) -> Result<Vec<(ContentHash, usize, usize)>>;
}

/// What an export did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Lines written.
    pub lines: usize,
    /// Preferences that the format has no use for.
    pub other: usize,
    /// Pairs whose sides differ only in places that were not shown to the model, so that it cannot cite them.
    pub unseen: usize,
}

/// Writes what `records` teach in `format`.
///
/// # Errors
/// A prompt cannot be had again, or `out` refuses.
pub fn export(
    format: Format,
    records: &[PreferenceRecord],
    prompts: &dyn Prompts,
    out: &mut dyn Write,
) -> Result<Exported> {
    let mut done = Exported::default();
    for record in records {
        let lesson = Spelled::of(record, prompts)?;
        if lesson.is_unseen() {
            done.unseen += 1;
            continue;
        }
        let lines = lesson.lines(format)?;
        done.other += usize::from(lines.is_empty());
        done.lines += lines.len();
        for line in lines {
            writeln!(out, "{line}")
                .map_err(|e| Error::new(ErrorKind::Io, "cannot write the export").because(e))?;
        }
    }
    Ok(done)
}

/// What a person decided, as an example of a good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// About whom.
    pub subject: SubjectId,
    /// The system's and the user's message, and the answer that stands.
    pub messages: Vec<Message>,
}

/// The answers that people let stand or put in place of the model's, as far as the model could have given them. The
/// better of two answers of the model need not be a good one.
///
/// # Errors
/// A prompt cannot be had again.
pub fn examples(records: &[PreferenceRecord], prompts: &dyn Prompts) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for record in records.iter().filter(|r| r.origin != Origin::Comparison) {
        let lesson = Spelled::of(record, prompts)?;
        if lesson.is_unseen() {
            continue;
        }
        examples.extend(lesson.better.iter().map(|answer| Example {
            subject: record.subject.clone(),
            messages: lesson.answered(answer),
        }));
    }
    Ok(examples)
}

/// Two answers to one prompt, the better one known.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What was not sampled independently: a person, a topic.
    pub group: String,
    /// The system's and the user's message.
    pub prompt: Vec<Message>,
    /// The better answer.
    pub chosen: String,
    /// The other one.
    pub rejected: String,
    /// How much better, in quarters of the scale; 0 where nobody said.
    pub margin: f32,
}

/// The pairs in what people decided, as far as the model could have given both sides.
///
/// # Errors
/// A prompt cannot be had again.
pub fn comparisons(records: &[PreferenceRecord], prompts: &dyn Prompts) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for record in records {
        let lesson = Spelled::of(record, prompts)?;
        comparisons.extend(lesson.pairs().map(|(chosen, rejected)| Comparison {
            group: record.subject.as_str().to_owned(),
            prompt: lesson.prompt.clone(),
            chosen: chosen.to_owned(),
            rejected: rejected.to_owned(),
            margin: lesson.margin,
        }));
    }
    Ok(comparisons)
}

/// A lesson spelled out as text: a half point as the alternatives it stands for.
struct Spelled {
    prompt: Vec<Message>,
    better: Vec<String>,
    worse: Vec<String>,
    margin: f32,
    gold: Option<(f32, Vec<u32>)>,
}

impl Spelled {
    fn of(preference: &PreferenceRecord, prompts: &dyn Prompts) -> Result<Self> {
        let segments = prompts.segments(&preference.assessment)?;
        let spell = |answer: &Answer| completions(answer, &numbers(&answer.evidence, &segments));
        let (kept, better, worse, margin) = match &preference.lesson {
            Lesson::Pair {
                chosen,
                rejected,
                margin,
            } => (Some(chosen), spell(chosen)?, spell(rejected)?, *margin),
            Lesson::Single { answer, label: true } => (Some(answer), spell(answer)?, Vec::new(), 0.0),
            Lesson::Single { answer, label: false } => (None, Vec::new(), spell(answer)?, 0.0),
        };
        // The better of two answers of the model need not be a good one.
        let stands = preference.origin != Origin::Comparison;
        let gold = kept.filter(|_| stands).and_then(|answer| {
            let score = answer.score.as_ref()?.value;
            Some((score, numbers(&answer.evidence, &segments)))
        });
        Ok(Self {
            prompt: prompts.messages(&preference.assessment)?,
            better,
            worse,
            margin,
            gold,
        })
    }

    /// A pair whose sides read alike.
    fn is_unseen(&self) -> bool {
        !self.better.is_empty() && self.better == self.worse
    }

    fn lines(&self, format: Format) -> Result<Vec<String>> {
        let prompt = &self.prompt;
        match format {
            Format::MsSwiftRm => json_lines(self.pairs().map(|(better, worse)| SwiftPair {
                messages: self.answered(better),
                rejected_response: worse,
                margin: self.margin,
            })),
            Format::MsSwiftKto => json_lines(self.labelled().map(|(answer, label)| SwiftLabelled {
                messages: self.answered(answer),
                label,
            })),
            Format::MsSwiftGrpo => {
                json_lines(self.gold.iter().map(|(gold_score, gold_evidence)| SwiftGold {
                    messages: prompt,
                    gold_score: *gold_score,
                    gold_evidence,
                }))
            }
            Format::Trl => json_lines(self.pairs().map(|(better, worse)| TrlPair {
                prompt,
                chosen: [said(better)],
                rejected: [said(worse)],
                margin: self.margin,
            })),
            Format::TrlKto => json_lines(self.labelled().map(|(answer, label)| TrlLabelled {
                prompt,
                completion: [said(answer)],
                label,
            })),
            Format::TrlGrpo => json_lines(self.gold.iter().map(|(gold_score, gold_evidence)| TrlGold {
                prompt,
                gold_score: *gold_score,
                gold_evidence,
            })),
        }
    }

    /// Every better alternative against every worse one that reads differently.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.better.iter().flat_map(|better| {
            let worse = self.worse.iter().filter(move |worse| *worse != better);
            worse.map(move |worse| (better.as_str(), worse.as_str()))
        })
    }

    /// Every alternative; one that stands on both sides is neither good nor bad.
    fn labelled(&self) -> impl Iterator<Item = (&str, bool)> {
        let only = |ours: &'_ [String], theirs: &'_ [String]| -> Vec<usize> {
            (0..ours.len()).filter(|&i| !theirs.contains(&ours[i])).collect()
        };
        let good = only(&self.better, &self.worse).into_iter();
        let bad = only(&self.worse, &self.better).into_iter();
        good.map(|i| (self.better[i].as_str(), true))
            .chain(bad.map(|i| (self.worse[i].as_str(), false)))
    }

    fn answered(&self, answer: &str) -> Vec<Message> {
        self.prompt.iter().cloned().chain([said(answer)]).collect()
    }
}

fn said(answer: &str) -> Message {
    Message {
        role: "assistant",
        content: answer.to_owned(),
    }
}

#[derive(Serialize)]
struct SwiftPair<'a> {
    messages: Vec<Message>,
    rejected_response: &'a str,
    margin: f32,
}

#[derive(Serialize)]
struct SwiftLabelled {
    messages: Vec<Message>,
    label: bool,
}

#[derive(Serialize)]
struct SwiftGold<'a> {
    messages: &'a [Message],
    gold_score: f32,
    gold_evidence: &'a [u32],
}

#[derive(Serialize)]
struct TrlPair<'a> {
    prompt: &'a [Message],
    chosen: [Message; 1],
    rejected: [Message; 1],
    margin: f32,
}

#[derive(Serialize)]
struct TrlLabelled<'a> {
    prompt: &'a [Message],
    completion: [Message; 1],
    label: bool,
}

#[derive(Serialize)]
struct TrlGold<'a> {
    prompt: &'a [Message],
    gold_score: f32,
    gold_evidence: &'a [u32],
}

fn json_lines<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Vec<String>> {
    rows.map(|row| {
        serde_json::to_string(&row)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot write JSON").because(e))
    })
    .collect()
}

/// The prompt numbers of `places`: every segment that a place touches, each once, in order of the places.
pub fn numbers(places: &[Cited], segments: &[(ContentHash, usize, usize)]) -> Vec<u32> {
    let mut numbers = Vec::new();
    for place in places {
        for (number, (sha256, start, end)) in (1..).zip(segments) {
            let touches = *sha256 == place.sha256 && *start < place.end && place.start < *end;
            if touches && !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    numbers
}

/// The answer in the model's own form, one text for every level token that its score stands for.
fn completions(answer: &Answer, numbers: &[u32]) -> Result<Vec<String>> {
    let evidence = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let beginning = format!("{{\"evidence\":[{evidence}]");
    let Some(Target { levels, .. }) = &answer.score else {
        return Ok(vec![beginning]);
    };
    let rest = match &answer.words {
        Some(words) => ending(words)?,
        None => String::new(),
    };
    let spelled = levels
        .iter()
        .map(|(level, _)| format!("{beginning},\"score\":{level}{rest}"));
    Ok(spelled.collect())
}

fn ending(words: &Words) -> Result<String> {
    let quoted = |text: &str| {
        serde_json::to_string(text)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot write JSON").because(e))
    };
    let (rationale, suggestion) = (quoted(&words.rationale)?, quoted(&words.suggestion)?);
    Ok(format!(
        ",\"rationale\":{rationale},\"suggestion\":{suggestion}}}"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
