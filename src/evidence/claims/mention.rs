//! A quantity in its place: what it is said of, and whether it is claimed at all or only a goal or the past.

use std::collections::BTreeSet;
use std::ops::Range;

use super::quantity::{self, Quantity, Unit};
use super::topic::{Topic, Vocabulary};
use crate::dossier::{Dossier, Segment, SegmentKind};
use crate::evidence::Place;
use crate::evidence::locate::Located;
use crate::sanitize::line;

/// A claimed quantity with the words around it.
#[derive(Debug, Clone)]
pub(super) struct Mention<'a> {
    pub(super) segment: &'a Segment,
    pub(super) quantity: Quantity,
    /// What it is about: its clause, the label before it, the cells of its row that name something.
    pub(super) topic: Topic,
    /// For things counted in words: what stands behind the number.
    pub(super) nouns: Topic,
    /// The months that are named with it, 1 to 12.
    pub(super) months: BTreeSet<usize>,
    /// The goal that is named with it.
    pub(super) goal: Option<Quantity>,
    /// The codes counted, where a list of exactly as many follows in brackets.
    pub(super) items: BTreeSet<String>,
    /// What is counted or measured, as it stands.
    pub(super) term: String,
    pub(super) place: Place,
}

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
/// Columns of goals.
const GOAL_COLUMNS: [&str; 5] = ["目标值", "计划", "target", "plan", "planned"];
/// Columns that name what a row measures.
const KEY_COLUMNS: [&str; 4] = ["关键结果", "kr", "key result", "指标"];
/// Columns that name what several rows are about.
const HEADING_COLUMNS: [&str; 3] = ["目标", "o", "objective"];
/// Columns of the past.
const PAST_COLUMNS: [&str; 7] = ["立项", "上周", "去年", "年初", "last", "before", "was"];

/// What is claimed in a segment.
pub(super) fn of<'a>(dossier: &'a Dossier, segment: &'a Segment, words: &Vocabulary) -> Vec<Mention<'a>> {
    match segment.kind {
        SegmentKind::Heading => Vec::new(),
        SegmentKind::Row => in_row(dossier, segment, words),
        _ => in_prose(dossier, segment, words),
    }
}

fn in_prose<'a>(dossier: &'a Dossier, segment: &'a Segment, words: &Vocabulary) -> Vec<Mention<'a>> {
    let located = Located::new(dossier, segment);
    let text = located.text();
    let found: Vec<Stated> = quantity::find(text)
        .into_iter()
        .map(|q| Stated::of(text, q))
        .collect();
    let goals: Vec<&Quantity> = found
        .iter()
        .filter(|s| s.role == Role::Goal)
        .map(|s| &s.quantity)
        .collect();
    let claimed = found.iter().filter(|s| s.role == Role::Claim);
    let mention = |stated: &Stated| {
        let span = &stated.quantity.span;
        let clause = &text[stated.clause.clone()];
        let mut topic = stated.topic(text, words);
        topic.extend(
            label(&text[..stated.clause.start])
                .map(|l| words.topic(l))
                .unwrap_or_default(),
        );
        Mention {
            segment,
            topic,
            nouns: stated.nouns(text, words),
            months: months(&text[..span.end]),
            goal: goals
                .iter()
                .find(|g| g.unit == stated.quantity.unit)
                .map(|g| (*g).clone()),
            items: items(&text[span.end..], stated.quantity.value),
            term: line(clause.trim()).into_owned(),
            place: located.place(span.clone(), line(&text[span.clone()]).into_owned()),
            quantity: stated.quantity.clone(),
        }
    };
    claimed.map(mention).collect()
}

fn in_row<'a>(dossier: &'a Dossier, segment: &'a Segment, words: &Vocabulary) -> Vec<Mention<'a>> {
    let located = Located::new(dossier, segment);
    let cells = cells(segment);
    let join = |wanted: fn(&Cell) -> bool| -> String {
        let texts: Vec<&str> = cells.iter().filter(|c| wanted(c)).map(|c| c.text).collect();
        texts.join(" ")
    };
    let label = join(|c| c.is_label);
    let label_topic = words.topic(&label);
    let row_topic = words.topic(&join(|c| c.is_label || c.is_heading));
    let goal = cells
        .iter()
        .filter(|c| c.role == Role::Goal)
        .find_map(|c| c.quantities().into_iter().next());
    let mut found = Vec::new();
    let mut from = 0;
    for cell in &cells {
        from = start_of(located.text(), from, cell.text);
        let mut within = from;
        for quantity in cell.quantities() {
            let literal = &cell.text[quantity.span.clone()];
            let Some(at) = located.text()[within..].find(literal).map(|at| within + at) else {
                continue;
            };
            within = at + literal.len();
            let stated = Stated::of(cell.text, quantity);
            if cell.role != Role::Claim || stated.role != Role::Claim {
                continue;
            }
            let mut topic = stated.topic(cell.text, words);
            let mut nouns = stated.nouns(cell.text, words);
            topic.extend(row_topic.iter().cloned());
            nouns.extend(label_topic.iter().cloned());
            found.push(Mention {
                segment,
                topic,
                nouns,
                months: months(cell.text),
                goal: goal
                    .clone()
                    .filter(|g| literal == cell.text && g.unit.is_comparable(stated.quantity.unit)),
                items: BTreeSet::new(),
                term: if cell.is_label {
                    cell.text.to_owned()
                } else {
                    label.trim().to_owned()
                },
                place: located.place(at..within, literal.to_owned()),
                quantity: stated.quantity,
            });
        }
    }
    found
}

/// Whether a number is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Claim,
    Goal,
    Past,
}

/// A quantity in its clause.
struct Stated {
    quantity: Quantity,
    clause: Range<usize>,
    role: Role,
}

impl Stated {
    fn of(text: &str, quantity: Quantity) -> Self {
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
    fn topic(&self, text: &str, words: &Vocabulary) -> Topic {
        let span = &self.quantity.span;
        let mut topic = words.topic(&text[self.clause.start..span.start]);
        topic.extend(words.topic(&text[span.end..self.clause.end]));
        topic
    }

    fn nouns(&self, text: &str, words: &Vocabulary) -> Topic {
        let behind = &text[self.quantity.span.end..self.clause.end];
        let end = behind
            .char_indices()
            .nth(NOUN_CHARACTERS)
            .map_or(behind.len(), |(at, _)| at);
        words.topic(&behind[..end])
    }
}

/// A cell of a table's row.
struct Cell<'a> {
    text: &'a str,
    role: Role,
    /// It names what the row is about.
    is_label: bool,
    /// It names what several rows are about.
    is_heading: bool,
}

impl Cell<'_> {
    /// The quantities in it; a number that fills the cell counts things.
    fn quantities(&self) -> Vec<Quantity> {
        let found = quantity::find(self.text);
        if found.is_empty() {
            quantity::bare(self.text).into_iter().collect()
        } else {
            found
        }
    }
}

fn cells(segment: &Segment) -> Vec<Cell<'_>> {
    let split: Vec<(String, &str)> = segment
        .text
        .split("; ")
        .map(|whole| whole.split_once(": ").unwrap_or(("", whole)))
        .map(|(header, text)| (header.to_lowercase(), text))
        .collect();
    let is_key = |header: &str| KEY_COLUMNS.contains(&header);
    let keyed = split.iter().any(|(header, _)| is_key(header));
    let first_text = split.iter().position(|(_, text)| is_words(text));
    let mut cells = Vec::new();
    for (at, (header, text)) in split.iter().enumerate() {
        cells.push(Cell {
            text,
            role: column_role(header),
            is_label: if keyed {
                is_key(header)
            } else {
                first_text == Some(at)
            },
            is_heading: HEADING_COLUMNS.contains(&header.as_str()),
        });
    }
    cells
}

fn is_words(text: &str) -> bool {
    quantity::find(text).is_empty() && quantity::bare(text).is_none()
}

fn column_role(header: &str) -> Role {
    if GOAL_COLUMNS.contains(&header) {
        Role::Goal
    } else if PAST_COLUMNS.iter().any(|c| header.contains(c)) {
        Role::Past
    } else {
        Role::Claim
    }
}

/// Where a cell begins in the row as it stands; a cell of several lines is found by its first word.
fn start_of(row: &str, from: usize, cell: &str) -> usize {
    let word = cell.split_whitespace().next().unwrap_or_default();
    let rest = &row[from..];
    rest.find(cell)
        .or_else(|| rest.find(word))
        .map_or(from, |at| from + at)
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

/// What stands before the last colon, where it is short enough to be a label.
fn label(before: &str) -> Option<&str> {
    let label = &before[..before.rfind([':', '：'])?];
    let start = label
        .char_indices()
        .rfind(|(_, c)| matches!(c, '。' | ';' | '；' | '\n'));
    let label = &label[start.map_or(0, |(at, c)| at + c.len_utf8())..];
    (label.chars().count() <= LABEL_CHARACTERS).then_some(label)
}

/// The months that a text names.
fn months(text: &str) -> BTreeSet<usize> {
    let chinese = text.match_indices('月').filter_map(|(at, _)| {
        let before = text[..at].trim_end();
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        before[before.len() - digits..].parse().ok()
    });
    let capital = |w: &&str| w.starts_with(|c: char| c.is_ascii_uppercase());
    let english = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(capital)
        .filter_map(|w| quantity::month(&w.to_ascii_lowercase()));
    chinese.chain(english).collect()
}

/// The codes in the brackets that follow in the same sentence, where there are exactly `n`.
fn items(behind: &str, n: f64) -> BTreeSet<String> {
    let sentence = behind.split(['。', '.', '；']).next().unwrap_or_default();
    let list = sentence
        .split_once(['(', '（'])
        .and_then(|(_, rest)| rest.split_once([')', '）']));
    let items: BTreeSet<String> = list
        .map(|(list, _)| list)
        .unwrap_or_default()
        .split([',', '、', '，'])
        .map(|item| item.trim().to_lowercase())
        .collect();
    let listed = items.len() >= 2 && (items.len() as f64 - n).abs() < 0.5;
    if listed { items } else { BTreeSet::new() }
}

impl Mention<'_> {
    /// Whether the number stands for things whose kind only its noun tells.
    pub(super) fn needs_noun(&self) -> bool {
        self.quantity.unit == Unit::Things(None)
    }
}
