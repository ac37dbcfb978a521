//! Answers to the dataset's scorings, written as the product writes them, and what they are worth.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use toktrie::SimpleVob;

use super::sequences::{Instruction, prompt};
use super::settings::RewardWeights;
use crate::engine::answer::{Answer, PartialAnswer};
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::{self, LevelTokens};
use crate::error::{Error, ErrorKind, Result};
use crate::model::chat::ChatFrame;
use crate::model::decoder::{Decoder, Step};
use crate::model::kv::BranchKv;
use crate::model::tokenizer::Tokenizer;
use crate::seed::{Seed, Stream};

/// No paper has more numbered lines.
const MOST_LINES: u32 = 10_000;

/// A scoring with a known answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The sample's id.
    pub id: String,
    /// Whose papers.
    pub subject: String,
    /// The tokens of the prompt.
    pub prompt: Vec<u32>,
    /// The numbers of the lines that may be cited.
    pub lines: Vec<u32>,
    /// What the user's message says: where numbers are looked up.
    pub text: String,
    /// The level.
    pub score: u8,
    /// The lines it rests on.
    pub evidence: BTreeSet<u32>,
}

/// The fields of a known answer that answers are held against.
#[derive(Deserialize)]
struct Known {
    evidence: BTreeSet<u32>,
    score: u8,
}

impl Task {
    /// The task in a sample; none in one whose answer is no scoring, or has its evidence given.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn of(item: &Instruction, tokenizer: &Tokenizer, frame: &ChatFrame) -> Result<Option<Self>> {
        let Ok(known) = serde_json::from_str::<Known>(item.content("assistant")) else {
            return Ok(None);
        };
        if !item.given.is_empty() || !(1..=5).contains(&known.score) {
            return Ok(None);
        }
        let text = item.content("user");
        let lines: Vec<u32> = (1..=MOST_LINES).take_while(|n| numbered(text, *n)).collect();
        if !known.evidence.iter().all(|n| lines.contains(n)) {
            return Ok(None);
        }
        Ok(Some(Self {
            id: item.id.clone(),
            subject: item.subject.clone(),
            prompt: prompt(tokenizer, frame, item.content("system"), text)?,
            lines,
            text: text.to_owned(),
            score: known.score,
            evidence: known.evidence,
        }))
    }
}

/// The scorings among some samples.
///
/// # Errors
/// The tokenizer fails.
pub fn tasks(items: &[Instruction], tokenizer: &Tokenizer, frame: &ChatFrame) -> Result<Vec<Task>> {
    let each = items.iter().map(|item| Task::of(item, tokenizer, frame));
    each.filter_map(Result::transpose).collect()
}

/// Whether a line of `text` begins with the number `n` as the lines of papers do: in marks of some kind, or behind a single
/// letter. A level's description may begin with a number, too, behind a word or before one.
pub fn numbered(text: &str, n: u32) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        let lettered = line.strip_prefix(char::is_alphabetic);
        let line = lettered.unwrap_or(line);
        let digits: String = line.chars().take_while(char::is_ascii_digit).collect();
        let mark = line[digits.len()..].chars().next();
        let marks = |c: char| !c.is_alphanumeric() && (lettered.is_some() || !c.is_whitespace());
        digits.parse() == Ok(n) && mark.is_some_and(marks)
    })
}

/// How answers are written.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// 0 writes the likeliest tokens.
    pub temperature: f64,
    /// The most tokens.
    pub longest: usize,
    /// Whether they go on behind the score.
    pub words: bool,
}

/// A token that was chosen among several.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its index among the tokens of the answer.
    pub at: usize,
    /// Among which it was chosen.
    pub allowed: SimpleVob,
    /// The logarithm of its probability among them, at the temperature it was drawn at.
    pub log_probability: f32,
}

/// An answer that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// The tokens that could have been others.
    pub choices: Vec<Choice>,
    /// What it says, if it came to its end.
    pub answer: Option<Answer>,
    /// Its bytes as text.
    pub text: String,
    /// The expected level where the score's digit was about to be written, if it came so far.
    pub expected: Option<f64>,
}

/// Writes answers.
pub struct Writer<'a> {
    /// The model.
    pub decoder: &'a Decoder,
    /// Its tokenizer.
    pub tokenizer: &'a Arc<Tokenizer>,
    /// The shape of answers.
    pub grammars: &'a GrammarFactory,
    /// The tokens of the levels.
    pub levels: &'a LevelTokens,
    /// How.
    pub manner: Manner,
}

/// One answer on its way.
struct Open {
    grammar: crate::engine::grammar::Grammar,
    kv: BranchKv,
    pending: Vec<u32>,
    partial: PartialAnswer,
    stream: Stream,
    temperature: f64,
    written: Written,
    scored: bool,
}

impl Writer<'_> {
    /// An answer to each task, all written side by side; what their prompts begin with alike is read once. Answer i
    /// draws from branch i of `seed`.
    ///
    /// # Errors
    /// The arithmetic or the grammar fails.
    pub fn answers(&self, tasks: &[&Task], seed: Seed) -> Result<Vec<Written>> {
        self.answers_at(tasks, |_| self.manner.temperature, seed)
    }

    /// The likeliest answer to a task, and `draws` that are drawn; the task is read once.
    ///
    /// # Errors
    /// As [`Self::answers`].
    pub fn likeliest_and_drawn(
        &self,
        task: &Task,
        draws: usize,
        seed: Seed,
    ) -> Result<(Written, Vec<Written>)> {
        let temperature = |i| if i == 0 { 0.0 } else { self.manner.temperature };
        let mut written = self
            .answers_at(&vec![task; draws + 1], temperature, seed)?
            .into_iter();
        let missing = || Error::new(ErrorKind::Internal, "an answer is missing");
        Ok((written.next().ok_or_else(missing)?, written.collect()))
    }

    fn answers_at(
        &self,
        tasks: &[&Task],
        temperature: impl Fn(usize) -> f64,
        seed: Seed,
    ) -> Result<Vec<Written>> {
        let shared = shared_prefix(tasks, self.decoder.invocation());
        let mut root = BranchKv::root(self.decoder.geometry());
        if let Some(task) = tasks.first().filter(|_| shared > 0) {
            let step = Step {
                tokens: &task.prompt[..shared],
                spans: &[shared],
                wanted: &[],
            };
            self.decoder.forward(&step, &mut [&mut root])?;
        }
        let prefix = root.freeze()?;
        let mut open: Vec<Open> = tasks
            .iter()
            .enumerate()
            .map(|(i, task)| {
                Ok(Open {
                    grammar: self.grammars.answer(&task.lines)?,
                    kv: BranchKv::fork(&prefix),
                    pending: task.prompt[shared..].to_vec(),
                    partial: PartialAnswer::default(),
                    stream: seed.branch(&i.to_string()).stream(),
                    temperature: temperature(i),
                    written: Written {
                        tokens: Vec::new(),
                        choices: Vec::new(),
                        answer: None,
                        text: String::new(),
                        expected: None,
                    },
                    scored: false,
                })
            })
            .collect::<Result<_>>()?;
        while open.iter().any(|o| !o.pending.is_empty()) {
            self.advance(&mut open)?;
        }
        open.into_iter().map(|o| Ok(self.close(o))).collect()
    }

    fn advance(&self, open: &mut [Open]) -> Result<()> {
        let mut live: Vec<&mut Open> = open.iter_mut().filter(|o| !o.pending.is_empty()).collect();
        let tokens: Vec<u32> = live.iter().flat_map(|o| o.pending.iter().copied()).collect();
        let spans: Vec<usize> = live.iter().map(|o| o.pending.len()).collect();
        let ends = spans.iter().scan(0, |end, span| {
            *end += *span as u32;
            Some(*end - 1)
        });
        let wanted: Vec<u32> = ends.collect();
        let output = {
            let mut kvs: Vec<&mut BranchKv> = live.iter_mut().map(|o| &mut o.kv).collect();
            let step = Step {
                tokens: &tokens,
                spans: &spans,
                wanted: &wanted,
            };
            self.decoder.forward(&step, &mut kvs)?
        };
        let rows = reading::rows(&output.logits)?;
        live.into_par_iter()
            .zip(&rows)
            .try_for_each(|(open, logits)| self.write(open, logits))
    }

    /// Chooses the next token, and takes those that can only follow.
    fn write(&self, open: &mut Open, logits: &[f32]) -> Result<()> {
        let allowed = open.grammar.mask()?;
        open.pending.clear();
        let (token, log_probability) = draw(logits, &allowed, open.temperature, &mut open.stream)?;
        if token == self.tokenizer.end() {
            return Ok(());
        }
        if allowed.num_set() > 1 {
            open.written.choices.push(Choice {
                at: open.written.tokens.len(),
                allowed,
                log_probability,
            });
        }
        open.grammar.take(token)?;
        if open.partial.at_score() {
            let reading = reading::read(self.levels.logits(logits), logits);
            open.written.expected = Some(f64::from(reading.raw_score));
            open.scored = true;
        }
        open.pending.push(token);
        let ended = !self.manner.words && open.scored;
        if !ended {
            open.pending.extend(open.grammar.take_forced());
        }
        for &token in &open.pending {
            open.partial.push(self.tokenizer.bytes(token));
        }
        open.written.tokens.extend(&open.pending);
        if ended || open.grammar.is_done() || open.written.tokens.len() >= self.manner.longest {
            open.pending.clear();
        }
        Ok(())
    }

    fn close(&self, open: Open) -> Written {
        let answer = if self.manner.words {
            Answer::parse(open.partial.bytes())
        } else {
            open.partial.without_words()
        };
        Written {
            answer: answer.ok().filter(|_| open.scored),
            text: String::from_utf8_lossy(open.partial.bytes()).into_owned(),
            ..open.written
        }
    }
}

/// How many tokens all prompts begin with alike. Left over of each prompt are its last token, to be answered behind, and
/// all from the last occurrence of `invocation` on: an adapter that waits for it has to see the whole of it behind what is
/// shared.
fn shared_prefix(tasks: &[&Task], invocation: &[u32]) -> usize {
    let Some((first, others)) = tasks.split_first() else {
        return 0;
    };
    let alike = |task: &&Task| {
        first
            .prompt
            .iter()
            .zip(&task.prompt)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let before = |task: &&Task| {
        let mut windows = task.prompt.windows(invocation.len().max(1));
        let invoked = windows.rposition(|window| window == invocation);
        invoked.unwrap_or(task.prompt.len().saturating_sub(1))
    };
    let most = tasks.iter().map(before).min().unwrap_or(0);
    let alike = others.iter().map(alike).min().unwrap_or(first.prompt.len());
    alike.min(most)
}

/// Draws a token among `allowed` at `temperature`, or takes the likeliest at 0; with it, the logarithm of its
/// probability among them.
fn draw(logits: &[f32], allowed: &SimpleVob, temperature: f64, stream: &mut Stream) -> Result<(u32, f32)> {
    let inverse = if temperature > 0.0 { 1.0 / temperature } else { 1.0 };
    let mut entries: Vec<(u32, f64)> = Vec::new();
    allowed.iter_set_entries(|token| {
        if let Some(&logit) = logits.get(token) {
            entries.push((token as u32, f64::from(logit) * inverse));
        }
    });
    let largest = entries.iter().fold(f64::NEG_INFINITY, |a, e| a.max(e.1));
    if !largest.is_finite() {
        let what = "the grammar allows no token with a finite logit";
        return Err(Error::new(ErrorKind::Engine, what));
    }
    let total: f64 = entries.iter().map(|e| (e.1 - largest).exp()).sum();
    let log_probability = |logit: f64| (logit - largest - total.ln()) as f32;
    if temperature <= 0.0 {
        let best = entries
            .iter()
            .find(|e| e.1 >= largest)
            .copied()
            .unwrap_or_default();
        return Ok((best.0, log_probability(best.1)));
    }
    let mut left = stream.unit() * total;
    for &(token, logit) in &entries {
        left -= (logit - largest).exp();
        if left < 0.0 {
            return Ok((token, log_probability(logit)));
        }
    }
    let last = entries.last().copied().unwrap_or_default();
    Ok((last.0, log_probability(last.1)))
}

/// What an answer is worth, in parts; each lies in 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Rewards {
    /// 1 minus the distance from the known level, in quarters.
    pub score: f64,
    /// F1 of the cited lines.
    pub evidence: f64,
    /// Whether it has the asked form and came to its end.
    pub schema: f64,
    /// The share of the numbers in its rationale that stand in the papers; 1 where it states none.
    pub counts: f64,
    /// What the reward model says.
    pub model: f64,
}

impl Rewards {
    /// Of an answer to a task. The reward model's part is 0: it is added by whoever has one.
    pub fn of(task: &Task, answer: Option<&Answer>) -> Self {
        let Some(answer) = answer.filter(|a| (1..=5).contains(&a.score)) else {
            return Self::default();
        };
        let cited: BTreeSet<u32> = answer.evidence.iter().copied().collect();
        Self {
            score: 1.0 - f64::from(answer.score.abs_diff(task.score)) / 4.0,
            evidence: f1(&cited, &task.evidence),
            schema: 1.0,
            counts: stated(&answer.rationale, &task.text),
            model: 0.0,
        }
    }

    /// The sum that is learnt from, as a share of the most it can be.
    pub fn total(&self, weights: &RewardWeights) -> f64 {
        let parts = [
            (self.score, weights.score),
            (self.evidence, weights.evidence),
            (self.schema, weights.schema),
            (self.counts, weights.counts),
            (self.model, weights.model),
        ];
        let most: f64 = parts.iter().map(|p| p.1).sum();
        parts.iter().map(|p| p.0 * p.1).sum::<f64>() / most.max(1e-12)
    }
}

/// The harmonic mean of precision and recall; 1 where nothing was to be cited and nothing is.
pub fn f1<T: Ord>(cited: &BTreeSet<T>, known: &BTreeSet<T>) -> f64 {
    match (cited.len(), known.len()) {
        (0, 0) => 1.0,
        (a, b) => 2.0 * cited.intersection(known).count() as f64 / (a + b) as f64,
    }
}

/// The share of the numbers in `words` that stand in `text`.
fn stated(words: &str, text: &str) -> f64 {
    let numbers = |s: &str| -> Vec<String> {
        s.split(|c: char| !c.is_ascii_digit())
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let known: BTreeSet<String> = numbers(text).into_iter().collect();
    let said = numbers(words);
    if said.is_empty() {
        return 1.0;
    }
    said.iter().filter(|n| known.contains(*n)).count() as f64 / said.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_in_many_ways() {
        for text in [
            "[1] a\n[2] b",
            "(1) a\n(2) b",
            "S1｜a\nS2｜b",
            "L1 <x> a\nL2 <x> b",
            "1. a\n2. b",
            "  (1) W: a\n  (2) c",
        ] {
            assert!(
                numbered(text, 1) && numbered(text, 2) && !numbered(text, 3),
                "{text}"
            );
        }
        assert!(!numbered("2024H1 was good", 2024));
        for level in [
            "Level 4: leads",
            "4 级＝带队",
            "● 4 级：带队",
            "第 4 级——带队",
            "4 = leads",
        ] {
            assert!(!numbered(level, 4), "{level}");
        }
    }

    /// By hand: the prompts differ in their last token alone, and an adapter may wait for two tokens before it.
    #[test]
    fn what_an_adapter_waits_for_is_left_to_each_answer() {
        let task = |last: u32| Task {
            id: String::new(),
            subject: String::new(),
            prompt: vec![7, 8, 1, 2, 7, 8, 10, last],
            lines: Vec::new(),
            text: String::new(),
            score: 3,
            evidence: BTreeSet::new(),
        };
        let (one, other) = (task(11), task(12));
        let shared = |tasks: &[&Task]| [&[][..], &[7, 8], &[5]].map(|tokens| shared_prefix(tasks, tokens));
        assert_eq!(shared(&[&one, &other]), [7, 4, 7]);
        assert_eq!(shared(&[&one, &one]), [7, 4, 7]);
        assert_eq!(shared_prefix(&[], &[]), 0);
    }

    #[test]
    fn a_score_that_is_no_level_makes_no_task() -> Result<()> {
        let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
        let path = folder.path().join("tiny.gguf");
        crate::model::testing::Tiny::new("qwen2")?.write(&path)?;
        let tokenizer = Tokenizer::from_gguf(&crate::model::gguf::Gguf::open(&path)?)?;
        let frame = ChatFrame {
            before_system: Vec::new(),
            before_user: Vec::new(),
            before_answer: Vec::new(),
        };
        let said = |role: &str, content: String| super::super::sequences::Said {
            role: role.to_owned(),
            content,
        };
        let of = |score: u8| {
            let answer = format!(r#"{{"evidence":[1],"score":{score}}}"#);
            let item = Instruction {
                id: "1".to_owned(),
                subject: String::new(),
                kind: None,
                given: String::new(),
                messages: vec![said("user", "[1] a".to_owned()), said("assistant", answer)],
            };
            Task::of(&item, &tokenizer, &frame)
        };
        assert!(of(5)?.is_some() && of(0)?.is_none() && of(6)?.is_none());
        Ok(())
    }

    /// By hand: two of three cited are right, two of four known are cited: 2 * 2 / 7.
    #[test]
    fn rewards_by_hand() {
        let task = Task {
            id: String::new(),
            subject: String::new(),
            prompt: Vec::new(),
            lines: (1..9).collect(),
            text: "[1] cut it by 36% in 2 weeks".to_owned(),
            score: 4,
            evidence: [1, 2, 3, 4].into(),
        };
        let answer = Answer {
            evidence: vec![1, 2, 9],
            score: 2,
            rationale: "cut by 36% in 5 weeks".to_owned(),
            suggestion: String::new(),
        };
        let rewards = Rewards::of(&task, Some(&answer));
        assert!((rewards.score - 0.5).abs() < 1e-12);
        assert!((rewards.evidence - 4.0 / 7.0).abs() < 1e-12);
        assert!((rewards.counts - 0.5).abs() < 1e-12 && (rewards.schema - 1.0).abs() < 1e-12);
        let weights = RewardWeights {
            score: 2.0,
            evidence: 0.0,
            schema: 1.0,
            counts: 1.0,
            model: 0.0,
        };
        // (2 * 0.5 + 1 + 0.5) / 4.
        assert!((rewards.total(&weights) - 0.625).abs() < 1e-12);
        assert!(Rewards::of(&task, None).total(&weights).abs() < 1e-12);
        assert!((f1::<u32>(&BTreeSet::new(), &BTreeSet::new()) - 1.0).abs() < 1e-12);
        assert!(f1(&[1].into(), &BTreeSet::new()).abs() < 1e-12);
    }

    #[test]
    fn draws_keep_to_what_is_allowed_and_to_its_odds() -> Result<()> {
        let mut allowed = SimpleVob::alloc(4);
        allowed.allow_token(1);
        allowed.allow_token(3);
        // Odds of 1 to 3 at temperature 1; token 2 is likelier and not allowed.
        let logits = [0.0, 0.0, 9.0, 3.0_f32.ln()];
        let mut stream = Seed::root(1).stream();
        let mut threes = 0;
        for _ in 0..2000 {
            let (token, p) = draw(&logits, &allowed, 1.0, &mut stream)?;
            assert!(token == 1 || token == 3);
            threes += usize::from(token == 3);
            let expected: f32 = if token == 3 { 0.75 } else { 0.25 };
            assert!((p - expected.ln()).abs() < 1e-6);
        }
        assert!((1440..1560).contains(&threes), "{threes}");
        assert_eq!(draw(&logits, &allowed, 0.0, &mut stream)?.0, 3);
        assert!(draw(&logits, &SimpleVob::alloc(4), 1.0, &mut stream).is_err());
        Ok(())
    }
}
