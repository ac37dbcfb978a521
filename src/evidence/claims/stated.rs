//! The statement a quantity stands in: where it begins and ends, what it speaks of, and whether the number is claimed at
//! all or is a goal or the past.

use std::collections::BTreeSet;
use std::ops::Range;

use super::number::month;
use super::quantity::Quantity;
use super::topic::{Topic, Vocabulary};

/// Marks at which one statement ends and the next begins.
const BREAKS: &str = "，,；;。！？!?（）()|：:—→";
/// How many characters behind a number may name what is counted.
const NOUN_CHARACTERS: usize = 24;
/// A longer text before a colon is no label.
const LABEL_CHARACTERS: usize = 40;

/// Words right before a number that make it a goal.
const GOAL: [&str; 12] = [
    "目标",
    "计划",
    "原定",
    "预计",
    "≥",
    "≤",
    "<=",
    ">=",
    "target",
    "target of",
    "targets",
    "planned",
];
/// Words right before a number that make it a state of the past, or a part of another number.
const PAST: [&str; 20] = [
    "从",
    "由",
    "年初",
    "去年",
    "上周",
    "上线前",
    "之前",
    "原来",
    "立项写的",
    "里有",
    "中有",
    "其中",
    "还有",
    "from",
    "last week",
    "vs",
    "under",
    "<",
    ">",
    "=",
];
/// What follows the number before a change.
const CHANGE: [&str; 9] = ["→", "->", "到", "提到", "降到", "减到", "升到", "to ", "提升到"];

/// Whether a number is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Claim,
    Goal,
    Past,
}

/// A quantity in its clause.
pub(super) struct Stated {
    pub(super) quantity: Quantity,
    pub(super) clause: Range<usize>,
    pub(super) role: Role,
}

impl Stated {
    /// Reads what the words around a quantity make of it.
    pub(super) fn of(text: &str, quantity: Quantity) -> Self {
        let clause = clause(text, &quantity.span);
        let before = text[clause.start..quantity.span.start].trim().to_lowercase();
        let behind = text[quantity.span.end..].trim_start();
        let changes = CHANGE.iter().any(|w| behind.starts_with(w)) || text[clause.end..].starts_with('→');
        let role = if GOAL.iter().any(|w| before.ends_with(w)) {
            Role::Goal
        } else if changes || before == "was" || before == "were" || PAST.iter().any(|w| before.ends_with(w)) {
            Role::Past
        } else {
            Role::Claim
        };
        Self {
            quantity,
            clause,
            role,
        }
    }

    /// The terms of the clause around the number.
    pub(super) fn topic(&self, text: &str, words: &Vocabulary) -> Topic {
        let span = &self.quantity.span;
        let mut topic = words.topic(&text[self.clause.start..span.start]);
        topic.extend(words.topic(&text[span.end..self.clause.end]));
        topic
    }

    /// The terms right behind the number, which name what is counted.
    pub(super) fn nouns(&self, text: &str, words: &Vocabulary) -> Topic {
        let behind = &text[self.quantity.span.end..self.clause.end];
        let end = behind
            .char_indices()
            .nth(NOUN_CHARACTERS)
            .map_or(behind.len(), |(at, _)| at);
        words.topic(&behind[..end])
    }
}

/// The statement that holds `span`.
fn clause(text: &str, span: &Range<usize>) -> Range<usize> {
    let breaks = |at: usize, c: char| {
        let next = text[at + c.len_utf8()..].chars().next();
        BREAKS.contains(c) || (c == '.' && next.is_none_or(char::is_whitespace))
    };
    let start = text[..span.start].char_indices().rfind(|(at, c)| breaks(*at, *c));
    let mut behind = text[span.end..].char_indices().map(|(at, c)| (span.end + at, c));
    let end = behind.find(|(at, c)| breaks(*at, *c));
    start.map_or(0, |(at, c)| at + c.len_utf8())..end.map_or(text.len(), |(at, _)| at)
}

/// The statement before the one that begins at `start`, in the same sentence or the one before.
pub(super) fn previous(text: &str, start: usize) -> &str {
    let Some(end) = text[..start].char_indices().next_back().map(|(at, _)| at) else {
        return "";
    };
    &text[clause(text, &(end..end)).start..end]
}

/// What stands before the last colon, where it is short enough to be a label.
pub(super) fn label(before: &str) -> Option<&str> {
    let label = &before[..before.rfind([':', '：'])?];
    let start = label
        .char_indices()
        .rfind(|(_, c)| matches!(c, '。' | ';' | '；' | '\n'));
    let label = &label[start.map_or(0, |(at, c)| at + c.len_utf8())..];
    (label.chars().count() <= LABEL_CHARACTERS).then_some(label)
}

/// The months that a text names.
pub(super) fn months(text: &str) -> BTreeSet<usize> {
    let chinese = text.match_indices('月').filter_map(|(at, _)| {
        let before = text[..at].trim_end();
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        before[before.len() - digits..].parse().ok()
    });
    let capital = |w: &&str| w.starts_with(|c: char| c.is_ascii_uppercase());
    let english = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(capital)
        .filter_map(|w| month(&w.to_ascii_lowercase()));
    chinese.chain(english).collect()
}

/// The codes in the brackets that follow in the same sentence, where there are exactly `n`.
pub(super) fn items(behind: &str, n: f64) -> BTreeSet<String> {
    let sentence = behind.split(['。', '.', '；']).next().unwrap_or_default();
    let list = sentence
        .split_once(['(', '（'])
        .and_then(|(_, rest)| rest.split_once([')', '）']));
    let list = list.map(|(list, _)| list).unwrap_or_default();
    let codes = list
        .split([',', '、', '，'])
        .map(|item| item.trim().to_lowercase());
    let items: BTreeSet<String> = codes.collect();
    let listed = items.len() >= 2 && (items.len() as f64 - n).abs() < 0.5;
    if listed { items } else { BTreeSet::new() }
}
