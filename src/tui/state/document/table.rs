//! Tables in columns: each cell wraps inside its column.
//!
//! Columns are as wide as their widest cell while all of them fit. Else the table gets as few lines a row as it can:
//! short cells, such as figures and dates, stay whole as long as possible. What does not fit in [`MAX_LINES`] is cut,
//! with an ellipsis. Columns that do not fit at [`LEAST`] each lie beyond the pane's edge.

use std::ops::Range;

use super::layout::{Fit, Laid, Margin, Row, line_numbers, room};
use crate::dossier::Source;
use crate::ingest::cells::{self, CellRow};
use crate::tui::width::{ELLIPSIS, Measure};

/// Columns between two cells where there is room, and where there is not.
const GAPS: [usize; 2] = [2, 1];
/// No column is made narrower.
const LEAST: usize = 4;
/// Cells no wider than this are kept on one line as long as possible.
const SHORT: usize = 12;
/// No row takes more lines.
const MAX_LINES: usize = 6;

/// A piece of a table's cell that is drawn on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Bytes of the visible text.
    pub span: Range<usize>,
    /// The column of the row where it begins.
    pub column: usize,
    /// An ellipsis follows: more stands in the cell.
    pub cut: bool,
}

/// Lays a table out.
pub(super) fn rows(source: &Source, fit: Fit) -> Laid {
    let text = source.shown.text();
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n').count();
    let mut laid = Laid {
        margin: line_numbers(lines),
        ..Laid::default()
    };
    let mut read = Vec::new();
    for row in cells::rows(text, 0, cells::delimiter(text)) {
        if row.span.start >= fit.limit {
            laid.until = Some(row.span.start);
            break;
        }
        read.push(row);
    }
    let columns = columns(text, &read, fit.measure, room(fit.columns, laid.margin));
    let (mut line, mut counted) = (1, 0);
    for row in read {
        line += text[counted..row.span.start].matches('\n').count();
        counted = row.span.start;
        push(&mut laid, text, &row, line, &columns, fit.measure);
    }
    laid
}

/// Where a column begins and how wide it is.
type Column = (usize, usize);

fn push(laid: &mut Laid, text: &str, row: &CellRow, number: usize, columns: &[Column], measure: Measure) {
    let mut lines: Vec<Vec<Cell>> = vec![Vec::new()];
    for (cell, column) in row.cells.iter().zip(columns) {
        for (n, piece) in pieces(text, cell, *column, measure).into_iter().enumerate() {
            if n == lines.len() {
                lines.push(Vec::new());
            }
            lines[n].push(piece);
        }
    }
    let end = row.span.end;
    for (n, cells) in lines.into_iter().enumerate() {
        laid.rows.push(if n == 0 {
            let (span, margin) = (row.span.clone(), Margin::Line(number));
            Row { span, margin, cells }
        } else {
            let (span, margin) = (end..end, Margin::Continued);
            Row { span, margin, cells }
        });
    }
}

/// A cell in lines of its column.
fn pieces(text: &str, cell: &cells::Cell, (column, width): Column, measure: Measure) -> Vec<Cell> {
    let span = words(text, cell);
    if span.is_empty() {
        return Vec::new();
    }
    let mut wrapped = measure.wrap(&text[span.clone()], width);
    let more = wrapped.len() > MAX_LINES;
    wrapped.truncate(MAX_LINES);
    let last = wrapped.len() - 1;
    let piece = |(n, part): (usize, Range<usize>)| {
        let start = span.start + part.start;
        let shown = &text[start..span.start + part.end];
        let cut = more && n == last;
        let room = width.saturating_sub(measure.text(ELLIPSIS));
        let kept = if cut { measure.cut(shown, room) } else { None };
        Cell {
            span: start..start + kept.unwrap_or(shown.len()),
            column,
            cut,
        }
    };
    wrapped.into_iter().enumerate().map(piece).collect()
}

/// What stands in a cell, without the white space around it.
fn words(text: &str, cell: &cells::Cell) -> Range<usize> {
    let slice = &text[cell.span.clone()];
    let start = cell.span.end - slice.trim_start().len();
    start..start + slice.trim().len()
}

/// The columns of a table in a pane with so much room.
fn columns(text: &str, rows: &[CellRow], measure: Measure, room: usize) -> Vec<Column> {
    let natural = widest(text, rows, measure);
    let between = natural.len().saturating_sub(1);
    let [wide, narrow] = GAPS;
    let fits = natural.iter().sum::<usize>() + wide * between <= room;
    let gap = if fits { wide } else { narrow };
    let widths = if fits {
        natural
    } else {
        // A header wraps more readily than what stands below it.
        let mut below = widest(text, rows.get(1..).unwrap_or_default(), measure);
        below.resize(natural.len(), 0);
        squeezed(&below, &natural, room.saturating_sub(narrow * between))
    };
    let mut begin = 0;
    let placed = widths.into_iter().map(|width| {
        let column = (begin, width);
        begin += width + gap;
        column
    });
    placed.collect()
}

/// The widest line of every column.
fn widest(text: &str, rows: &[CellRow], measure: Measure) -> Vec<usize> {
    let mut widest: Vec<usize> = Vec::new();
    for row in rows {
        widest.resize(widest.len().max(row.cells.len()), 0);
        for (widest, cell) in widest.iter_mut().zip(&row.cells) {
            let lines = text[words(text, cell)].lines();
            let line = lines.map(|l| measure.text(l)).max();
            *widest = (*widest).max(line.unwrap_or(0));
        }
    }
    widest
}

/// Widths at which the rows take as few lines as they can.
fn squeezed(wanted: &[usize], natural: &[usize], room: usize) -> Vec<usize> {
    let at = |lines: usize, short: usize| -> Vec<usize> {
        let width = |(wanted, natural): (&usize, &usize)| {
            let least = LEAST.min(*natural);
            let share = if *wanted <= short {
                *wanted
            } else {
                wanted.div_ceil(lines)
            };
            share.max(least)
        };
        wanted.iter().zip(natural).map(width).collect()
    };
    let tries = [SHORT, 0]
        .into_iter()
        .flat_map(|short| (2..=MAX_LINES).map(move |lines| (lines, short)));
    let mut found = tries.map(|(lines, short)| at(lines, short));
    let mut widths = found
        .find(|widths| widths.iter().sum::<usize>() <= room)
        .unwrap_or_else(|| natural.iter().map(|n| LEAST.min(*n)).collect());
    for _ in widths.iter().sum::<usize>()..room {
        let missing = |i: &usize| natural[*i].saturating_sub(widths[*i]);
        if let Some(most) = (0..widths.len()).max_by_key(missing) {
            widths[most] += usize::from(missing(&most) > 0);
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::{Document, lay_out};
    use super::*;
    use crate::dossier::{Dossier, Language, SourceFormat, SourceKind};
    use crate::evidence::testing;

    const TEXT: &str = "目标,完成,备注\nO1 清分,\"1,000\n笔\",\n\nO2,0,\"很长很长的说明，说\"\"好\"\"\"\n";

    fn dossier(text: &str) -> Dossier {
        let mut dossier = testing::dossier(Language::Zh, &[("o.csv", SourceKind::Okr, text)]);
        dossier.sources[0].format = SourceFormat::Csv;
        dossier
    }

    /// Line number, and of each cell its column, its words and whether it is cut.
    type Drawn<'t> = (Margin, Vec<(usize, &'t str, bool)>);

    fn drawn(text: &str, columns: usize) -> Vec<Drawn<'_>> {
        let laid = lay_out(&dossier(text).sources[0], Measure::default(), columns, usize::MAX);
        let cell = |c: &Cell| (c.column, &text[c.span.clone()], c.cut);
        let rows = laid.rows.iter();
        rows.map(|r| (r.margin.clone(), r.cells.iter().map(cell).collect()))
            .collect()
    }

    #[test]
    fn cells_stand_in_columns_at_their_bytes() {
        let expected = [
            (
                Margin::Line(1),
                vec![(0, "目标", false), (9, "完成", false), (16, "备注", false)],
            ),
            (Margin::Line(2), vec![(0, "O1 清分", false), (9, "1,000", false)]),
            (Margin::Continued, vec![(9, "笔", false)]),
            (
                Margin::Line(5),
                vec![
                    (0, "O2", false),
                    (9, "0", false),
                    (16, "很长很长的说明，说\"\"好\"\"", false),
                ],
            ),
        ];
        assert_eq!(drawn(TEXT, 80), expected);
    }

    #[test]
    fn figures_stay_whole_and_long_cells_wrap() {
        let rows = drawn(TEXT, 12 + 7 + 1 + 5 + 1 + 10);
        let wrapped = [
            (
                Margin::Line(5),
                vec![(0, "O2", false), (8, "0", false), (14, "很长很长的", false)],
            ),
            (Margin::Continued, vec![(14, "说明，说\"\"", false)]),
            (Margin::Continued, vec![(14, "好\"\"", false)]),
        ];
        assert_eq!(rows[rows.len() - 3..], wrapped);
    }

    #[test]
    fn what_takes_too_many_lines_is_cut() {
        let text = format!("甲,乙\n1,{}\n", "很长的说明".repeat(20));
        let rows = drawn(&text, 30);
        assert_eq!(rows.len(), 1 + MAX_LINES);
        let cut: Vec<bool> = rows
            .iter()
            .filter_map(|(_, cells)| cells.last().map(|c| c.2))
            .collect();
        assert_eq!(cut, [false, false, false, false, false, false, true]);
    }

    #[test]
    fn pointing_and_selecting_land_on_what_is_drawn() {
        let mut document = Document::new(Arc::new(dossier(TEXT)), 0, Measure::default());
        document.resize(80, 20);
        let at = |words: &str| TEXT.find(words);
        assert_eq!(document.byte_at(1, 9), at("1,000"));
        assert_eq!(document.byte_at(1, 11), at("000"));
        assert_eq!(document.byte_at(1, 7), at("分,"), "the cell before the gap");
        assert_eq!(document.byte_at(1, 40), at("0\n笔"), "the last that is drawn");
        assert_eq!(document.byte_at(2, 9), at("笔"));
        assert_eq!(
            document.rows_of(&(at("O1").unwrap_or(0)..at("笔").unwrap_or(0))),
            1..3
        );
        let caret = |document: &Document| document.selection().map(|s| s.caret);
        let (from, to) = (at("清分").unwrap_or_default(), at("分,").unwrap_or_default());
        document.drag(from, to);
        document.select_step(true);
        assert_eq!(
            caret(&document),
            at("1,000"),
            "over the comma and the quotation mark"
        );
        document.select_rows(1);
        assert_eq!(caret(&document), at("笔"), "the same column");
        document.select_rows(1);
        assert_eq!(caret(&document), at("0,\"很"));
        document.select_step(false);
        assert_eq!(caret(&document), at("2,0"), "over the comma");
        document.drag(from, at("笔").unwrap_or_default());
        document.select_step(true);
        assert_eq!(caret(&document), at("O2"));
        document.select_step(false);
        assert_eq!(caret(&document), at("笔"));
        document.drag(from, to);
        document.select_to_row_end(true);
        assert_eq!(caret(&document), at("0\n笔"));
        assert_eq!(document.selected().map(|s| &TEXT[s]), Some("清分,\"1,000"));
    }

    proptest! {
        #[test]
        fn cells_do_not_overlap_and_fit(text in "[ab,李雷，\"“\n ]{0,80}", columns in 20_usize..90) {
            let laid = lay_out(&dossier(&text).sources[0], Measure::default(), columns, usize::MAX);
            let measure = Measure::default();
            let mut table_row = 0..0;
            for row in &laid.rows {
                prop_assert!(table_row.end <= row.span.start && row.span.end <= text.len());
                if !row.continues_table() {
                    table_row = row.span.clone();
                }
                let (mut end, mut free) = (table_row.start, 0);
                for cell in &row.cells {
                    prop_assert!(end <= cell.span.start && cell.span.end <= table_row.end);
                    prop_assert!(cell.column >= free);
                    end = cell.span.end;
                    free = cell.column + measure.text(&text[cell.span.clone()]) + usize::from(cell.cut);
                }
            }
        }
    }
}
