//! Where the cells of comma- or tab-separated values lie, which readers to values do not tell.

use std::ops::Range;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRow {
    /// The row, without the line break behind it.
    pub span: Range<usize>,
    /// Its cells from left to right; at least one.
    pub cells: Vec<Cell>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it, without the quotes around it; white space at the ends included.
    pub span: Range<usize>,
    /// Whether quotes stand around it, and each quotation mark in it twice.
    pub quoted: bool,
}

/// The rows of a table from byte `from` on; blank lines are none.
pub fn rows(text: &str, from: usize, delimiter: u8) -> impl Iterator<Item = CellRow> {
    let mut at = from;
    std::iter::from_fn(move || {
        let rest = text[at..].trim_start_matches(['\r', '\n']);
        at = text.len() - rest.len();
        (!rest.is_empty()).then(|| {
            let row = row_at(text, at, delimiter);
            at = row.span.end;
            row
        })
    })
}

fn row_at(text: &str, from: usize, delimiter: u8) -> CellRow {
    let mut cells = Vec::new();
    let mut at = from;
    loop {
        let (cell, end) = cell_at(text, at, delimiter);
        cells.push(cell);
        if text.as_bytes().get(end) != Some(&delimiter) {
            let span = from..end;
            return CellRow { span, cells };
        }
        at = end + 1;
    }
}

/// The cell that begins at a byte, and where it ends, quotes included.
fn cell_at(text: &str, from: usize, delimiter: u8) -> (Cell, usize) {
    let bytes = text.as_bytes();
    let ends = |b: &u8| *b == delimiter || matches!(b, b'\r' | b'\n');
    let end_from = |at: usize| bytes[at..].iter().position(ends).map_or(bytes.len(), |n| at + n);
    let close = (bytes.get(from) == Some(&b'"'))
        .then(|| closing_quote(bytes, from + 1))
        .flatten();
    let end = end_from(close.map_or(from, |close| close + 1));
    let cell = match close {
        Some(close) if text[close + 1..end].trim().is_empty() => Cell {
            span: from + 1..close,
            quoted: true,
        },
        _ => Cell {
            span: from..end,
            quoted: false,
        },
    };
    (cell, end)
}

/// The quotation mark that ends a cell: the first that is not one of two.
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == b'"')?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The mark that the first line uses most: tab, semicolon or comma.
pub fn delimiter(text: &str) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let count = |mark: u8| first.bytes().filter(|b| *b == mark).count();
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|mark| (count(*mark), *mark == b','))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_at_their_bytes() {
        let text = "a, b ,\"c,\n\"\"d\"\"\"\r\n\n\"e\"x,\"f";
        let found: Vec<Vec<(&str, bool)>> = rows(text, 0, b',')
            .map(|row| {
                row.cells
                    .iter()
                    .map(|c| (&text[c.span.clone()], c.quoted))
                    .collect()
            })
            .collect();
        let first = vec![("a", false), (" b ", false), ("c,\n\"\"d\"\"", true)];
        let second = vec![("\"e\"x", false), ("\"f", false)];
        assert_eq!(found, [first, second]);
    }
}
