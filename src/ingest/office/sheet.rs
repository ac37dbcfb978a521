//! A sheet of a workbook as text: what stands above a table, the row that heads it, and a row for each row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::docx::by;
use super::inline::marked;
use super::rendition::{CellText, Writer, one_line};
use crate::dossier::spot::{At, column_name};

/// More columns than this are not read.
const MAX_COLUMNS: u32 = 1024;
/// Cells of a row that heads a table, at least.
const MIN_HEADER: usize = 2;

/// A sheet; rows and columns count from 1.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) hidden: bool,
    /// What stands in the cells, row by row.
    pub(super) rows: BTreeMap<u32, BTreeMap<u32, Cell>>,
    pub(super) hidden_rows: BTreeSet<u32>,
    pub(super) hidden_columns: Vec<RangeInclusive<u32>>,
    /// What is said beside the cells, by row.
    pub(super) comments: BTreeMap<u32, Vec<Comment>>,
    /// Whether cells beyond the last column were left out.
    pub(super) cut: bool,
}

/// What somebody says beside a cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Comment {
    pub(super) column: u32,
    pub(super) author: String,
    pub(super) words: String,
}

/// What stands in a cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether it is words, as the head of a column is.
    pub(super) words: bool,
}

impl Sheet {
    /// Puts a cell in its place.
    pub(super) fn put(&mut self, row: u32, column: u32, cell: Cell) {
        if column > MAX_COLUMNS {
            self.cut = true;
        } else if !cell.text.trim().is_empty() {
            self.rows.entry(row).or_default().insert(column, cell);
        }
    }

    /// Whether a row looks like the head of a table: words in several cells, and a row right below.
    fn heads(&self, number: u32) -> bool {
        let head = self.rows.get(&number);
        let words = head.is_some_and(|row| row.len() >= MIN_HEADER && row.values().all(|cell| cell.words));
        words
            && self
                .rows
                .get(&(number + 1))
                .is_some_and(|below| below.len() >= MIN_HEADER)
    }

    /// Writes the sheet.
    pub(super) fn write(&self, out: &mut Writer) {
        if self.rows.is_empty() && self.comments.is_empty() {
            out.note(format!("the sheet {} is empty", self.name));
            return;
        }
        let sheet = out.sheet(&self.name);
        let hidden = if self.hidden { ", hidden" } else { "" };
        out.rule(&format!("[sheet {}{hidden}]", one_line(&self.name)));
        let mut table: Option<(Vec<String>, u32)> = None;
        let mut last = 0;
        for (&number, row) in &self.rows {
            if out.is_full() {
                return;
            }
            let gap = number != last + 1;
            last = number;
            let cells = self.cells(sheet, number, row);
            if (gap || table.is_none()) && self.heads(number) {
                out.blank();
                out.header(&cells);
                table = Some((names(row), 0));
            } else if let Some((header, rows)) = &mut table {
                *rows += 1;
                out.row(*rows, header, &cells);
            } else {
                out.row(number, &[], &cells);
            }
            self.write_comments(out, sheet, number);
        }
        for number in self
            .comments
            .keys()
            .filter(|number| !self.rows.contains_key(number))
        {
            self.write_comments(out, sheet, *number);
        }
        if self.cut {
            out.note(format!(
                "the sheet {} has more than {MAX_COLUMNS} columns: the rest was left out",
                self.name
            ));
        }
    }

    /// The cells of a row from the first column on, marked where they are hidden, so that they stand below their heads.
    fn cells(&self, sheet: u32, number: u32, row: &BTreeMap<u32, Cell>) -> Vec<CellText> {
        let width = row.keys().next_back().copied().unwrap_or_default();
        let mut cells = vec![CellText::default(); width as usize];
        for (&column, cell) in row {
            let hidden = self.hidden
                || self.hidden_rows.contains(&number)
                || self
                    .hidden_columns
                    .iter()
                    .any(|columns| columns.contains(&column));
            let words = one_line(&cell.text);
            cells[column as usize - 1] = CellText {
                at: Some(At::Cell(sheet, number, column)),
                text: if hidden { marked("hidden", &words) } else { words },
            };
        }
        cells
    }

    fn write_comments(&self, out: &mut Writer, sheet: u32, number: u32) {
        for comment in self.comments.get(&number).into_iter().flatten() {
            let said = CellText {
                at: Some(At::Cell(sheet, number, comment.column)),
                text: marked(&by("comment", &comment.author), &one_line(&comment.words)),
            };
            let cell = format!("{}{number}", column_name(comment.column));
            out.row(number, &[cell], &[said]);
        }
    }
}

/// What the columns are called, from the first on.
fn names(row: &BTreeMap<u32, Cell>) -> Vec<String> {
    let width = row.keys().next_back().copied().unwrap_or_default();
    (1..=width)
        .map(|column| {
            row.get(&column)
                .map_or_else(String::new, |cell| one_line(&cell.text))
        })
        .collect()
}
