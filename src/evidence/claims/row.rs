//! The numbers of a table's row: what they measure stands in other cells, and columns say which are goals.

use std::collections::BTreeSet;
use std::ops::Range;

use super::mention::Mention;
use super::quantity::{self, Quantity};
use super::stated::{Role, Stated, months};
use super::topic::{Topic, Vocabulary};
use crate::dossier::{Dossier, Segment};
use crate::evidence::locate::Located;

/// Columns of goals.
const GOAL_COLUMNS: [&str; 5] = ["目标值", "计划", "target", "plan", "planned"];
/// Columns that name what a row measures.
const KEY_COLUMNS: [&str; 4] = ["关键结果", "kr", "key result", "指标"];
/// Columns that name what several rows are about.
const HEADING_COLUMNS: [&str; 3] = ["目标", "o", "objective"];
/// Columns that say how far something has come, not what was reached.
const PROGRESS_COLUMNS: [&str; 6] = ["进度", "完成进度", "完成比例", "progress", "% done", "% complete"];
/// Columns of the past.
const PAST_COLUMNS: [&str; 7] = ["立项", "上周", "去年", "年初", "last", "before", "was"];

/// What is claimed in a row.
pub(super) fn mentions<'a>(
    dossier: &'a Dossier,
    segment: &'a Segment,
    words: &Vocabulary,
) -> Vec<Mention<'a>> {
    let located = Located::new(dossier, segment);
    let row = Row::new(segment, words);
    let mut found = Vec::new();
    let mut from = 0;
    for cell in &row.cells {
        from = start_of(located.text(), from, cell.text);
        let mut within = from;
        for quantity in cell.quantities() {
            let literal = &cell.text[quantity.span.clone()];
            let Some(at) = located.text()[within..].find(literal) else {
                continue;
            };
            let span = within + at..within + at + literal.len();
            within = span.end;
            let stated = Stated::of(cell.text, quantity);
            if cell.role == Role::Claim && stated.role == Role::Claim {
                found.push(row.mention(segment, cell, stated, &located, span, words));
            }
        }
    }
    found
}

/// The cells of a row and what they say together.
struct Row<'a> {
    cells: Vec<Cell<'a>>,
    /// What names the row, and its terms.
    label: String,
    nouns: Topic,
    /// The terms of the label and of what names several rows.
    topic: Topic,
    goal: Option<Quantity>,
}

impl<'a> Row<'a> {
    fn new(segment: &'a Segment, words: &Vocabulary) -> Self {
        let cells = cells(segment);
        let join = |wanted: fn(&Cell) -> bool| {
            let texts: Vec<&str> = cells.iter().filter(|c| wanted(c)).map(|c| c.text).collect();
            texts.join(" ")
        };
        let label = join(|c| c.is_label);
        let goals = cells.iter().filter(|c| c.role == Role::Goal);
        Self {
            nouns: words.topic(&label),
            topic: words.topic(&join(|c| c.is_label || c.is_heading)),
            goal: goals.flat_map(Cell::quantities).next(),
            label,
            cells,
        }
    }

    /// A number of one of the cells; `span` is where the row's words spell it.
    fn mention<'d>(
        &self,
        segment: &'d Segment,
        cell: &Cell<'_>,
        stated: Stated,
        located: &Located<'_>,
        span: Range<usize>,
        words: &Vocabulary,
    ) -> Mention<'d> {
        let literal = &cell.text[stated.quantity.span.clone()];
        let is_result = |g: &Quantity| literal == cell.text && g.unit.is_comparable(stated.quantity.unit);
        let term = if cell.is_label { cell.text } else { &self.label };
        Mention {
            segment,
            topic: &stated.topic(cell.text, words) | &self.topic,
            nouns: &stated.nouns(cell.text, words) | &self.nouns,
            months: months(cell.text),
            goal: self.goal.clone().filter(is_result),
            only: Topic::new(),
            is_of_chart: false,
            items: BTreeSet::new(),
            term: term.to_owned(),
            place: located.place(span, literal.to_owned()),
            quantity: stated.quantity,
        }
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
    } else if PROGRESS_COLUMNS.contains(&header) || PAST_COLUMNS.iter().any(|c| header.contains(c)) {
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
