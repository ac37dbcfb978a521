//! Tables: words in rows under the heads of columns.

use super::rect::Rect;
use super::scene::{Found, Read};
use super::word::Word;

/// Words whose middles differ by less than this share of a letter stand in one row.
const LEVEL: f32 = 0.55;
/// A line this near below its row, in letters, goes on with its cells.
const WRAPPED: f32 = 1.1;
/// So much of the grid is filled.
const FULL: f32 = 0.7;

/// The words of a row, from left to right.
type Row = Vec<usize>;

/// The words of a row by column.
type Cells = Vec<Vec<usize>>;

/// Reads a table of at least so many columns. None where there is no head with two rows under it, or where the first
/// column is mostly numbers and so is everything else.
pub(super) fn read(words: &[Word], columns: usize) -> Option<Found> {
    let rows = rows(words);
    let head_at = rows.iter().position(|row| row.len() >= columns)?;
    let head = &rows[head_at];
    let heads = head.iter().filter(|i| words[**i].number().is_none()).count();
    if heads * 2 < head.len() || rows.len() < head_at + 3 {
        return None;
    }
    let body = body(words, head, &rows[head_at + 1..]);
    let filled: usize = body
        .iter()
        .map(|cells| cells.iter().filter(|c| !c.is_empty()).count())
        .sum();
    let named = body.iter().filter(|cells| !cells[0].is_empty()).count();
    let plenty = filled as f32 >= FULL * (body.len() * head.len()) as f32;
    if body.len() < 2 || !plenty || named < body.len() || !has_words(words, &body) {
        return None;
    }
    let mut found = Found::default();
    found.used.extend(head);
    for cells in &body {
        let series = joined(words, &cells[0]);
        found.used.extend(cells.iter().flatten());
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            found.values.push(value(
                words,
                cell,
                series.clone(),
                words[head[column]].text.clone(),
            ));
        }
    }
    Some(found)
}

fn value(words: &[Word], cell: &[usize], series: String, category: String) -> Read {
    let at = cell
        .iter()
        .map(|i| words[*i].at)
        .reduce(|a, b| a.with(&b))
        .unwrap_or_default();
    let sure = cell.iter().map(|i| words[*i].confidence).fold(1.0, f32::min);
    let text = joined(words, cell);
    Read {
        series,
        category,
        number: super::number::number(&text),
        text,
        at,
        confidence: sure,
        measured: false,
    }
}

/// The words in rows, from top to bottom.
fn rows(words: &[Word]) -> Vec<Row> {
    let mut order: Vec<usize> = (0..words.len()).filter(|i| !words[*i].standing).collect();
    order.sort_by(|a, b| words[*a].at.y().total_cmp(&words[*b].at.y()));
    let mut rows: Vec<Row> = Vec::new();
    for i in order {
        let level = |row: &Row| {
            let first = &words[row[0]];
            (words[i].at.y() - first.at.y()).abs() <= LEVEL * first.letter.min(words[i].letter)
        };
        match rows.last_mut().filter(|row| level(row)) {
            Some(row) => row.push(i),
            None => rows.push(vec![i]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| words[*a].at.left.total_cmp(&words[*b].at.left));
    }
    rows
}

/// The rows under a head, every word in the column it stands in, as far as they are rows: a row of one word that is no
/// wrapped cell ends the table.
fn body(words: &[Word], head: &Row, rows: &[Row]) -> Vec<Cells> {
    let columns: Vec<Rect> = head.iter().map(|i| words[*i].at).collect();
    let mut body: Vec<Cells> = Vec::new();
    let mut last: Option<Rect> = None;
    for row in rows {
        let mut cells: Cells = vec![Vec::new(); columns.len()];
        row.iter()
            .for_each(|i| cells[column(&columns, &words[*i].at)].push(*i));
        let at = words[row[0]].at;
        let near = last.is_some_and(|l| at.y() - l.y() <= WRAPPED * words[row[0]].letter);
        let partly = cells.iter().filter(|c| !c.is_empty()).count() < columns.len();
        match body.last_mut() {
            Some(above) if near && partly => {
                above.iter_mut().zip(cells).for_each(|(a, b)| a.extend(b));
            }
            _ if row.len() < 2 => break,
            _ => body.push(cells),
        }
        last = Some(at);
    }
    body
}

/// The column whose head stands over a place, or nearest to it.
fn column(columns: &[Rect], at: &Rect) -> usize {
    let off = |i: &usize| {
        let head = &columns[*i];
        let edges = [head.left - at.left, head.right - at.right, head.x() - at.x()];
        edges.into_iter().map(f32::abs).fold(f32::MAX, f32::min)
    };
    (0..columns.len())
        .min_by(|a, b| off(a).total_cmp(&off(b)))
        .unwrap_or(0)
}

/// Whether some column is mostly words: charts have numbers on their axis and at their bars.
fn has_words(words: &[Word], body: &[Cells]) -> bool {
    let columns = body.first().map_or(0, Vec::len);
    (0..columns).any(|column| {
        let cells = body.iter().filter(|cells| !cells[column].is_empty());
        let wordy = cells.filter(|cells| cells[column].iter().all(|i| words[*i].number().is_none()));
        wordy.count() * 3 >= body.len() * 2
    })
}

fn joined(words: &[Word], cell: &[usize]) -> String {
    let parts: Vec<&str> = cell.iter().map(|i| words[*i].text.as_str()).collect();
    let wide = |c: Option<char>| c.is_some_and(|c| c >= '\u{2e80}');
    parts.iter().fold(String::new(), |mut text, part| {
        // A wrapped line of Chinese goes on without a space.
        let tight = wide(text.chars().last()) && wide(part.chars().next());
        if !text.is_empty() && !tight {
            text.push(' ');
        }
        text + part
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::word;

    fn table() -> Vec<Word> {
        let rows = [
            ["Key result", "Target", "Actual"],
            ["Latency", "300 ms", "280 ms"],
            ["Docs", "12", "9"],
        ];
        let mut words = vec![word("Progress of the half-year", 150.0, 10.0)];
        for (y, row) in rows.iter().enumerate() {
            let cell = |(x, text): (usize, &&str)| word(text, 60.0 + 90.0 * x as f32, 40.0 + 30.0 * y as f32);
            words.extend(row.iter().enumerate().map(cell));
        }
        words
    }

    #[test]
    fn cells_are_named_by_row_and_column() {
        let mut words = table();
        words.push(word("p95", 60.0, 83.0));
        let found = read(&words, 3).map(|f| f.values).unwrap_or_default();
        let found: Vec<_> = found
            .iter()
            .map(|v| (v.series.as_str(), v.category.as_str(), v.text.as_str(), v.number))
            .collect();
        let expected = [
            ("Latency p95", "Key result", "Latency p95", None),
            ("Latency p95", "Target", "300 ms", Some(300.0)),
            ("Latency p95", "Actual", "280 ms", Some(280.0)),
            ("Docs", "Key result", "Docs", None),
            ("Docs", "Target", "12", Some(12.0)),
            ("Docs", "Actual", "9", Some(9.0)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn ticks_and_labels_are_no_table() {
        let words = [
            word("Ann", 60.0, 10.0),
            word("Bo", 120.0, 10.0),
            word("Cy", 180.0, 10.0),
            word("20", 10.0, 40.0),
            word("18", 120.0, 42.0),
            word("10", 10.0, 80.0),
            word("9", 60.0, 78.0),
        ];
        assert!(read(&words, 3).is_none());
    }
}
