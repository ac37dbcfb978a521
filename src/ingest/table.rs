//! Tables of comma- or tab-separated values: a row is a segment.
//!
//! A row says `Header: cell; Header: cell`, cells that are empty left out, so that it can be read without the table. Its
//! span is the row as it stands in the file, quotes included and the line break not. A row that is too long is cut into
//! its cells, and those as prose is: each says `Header: words`, and its span is the words without the cell's quotes.

use std::io::{Chain, Read as _};
use std::ops::Range;

use csv::{ReaderBuilder, StringRecord};

use super::cells::{self, Cell};
use super::escape::Unescaped;
use super::segment::{RawSegment, Reading};
use crate::dossier::SegmentKind;
use crate::sentence::{self, MAX_CHARACTERS};

const BLANK_LINE: &[u8] = b"\n";
/// Where a cell stands alone, a longer header is left out.
const MAX_HEADER_CHARACTERS: usize = 100;

/// Reads a table whose first row names the columns.
pub(super) fn read(text: &str) -> Reading {
    let delimiter = cells::delimiter(text);
    let mut reader = reader(text, delimiter);
    let mut reading = Reading::default();
    let mut header = None;
    let mut row = 0;
    loop {
        let from = position(&reader);
        let mut record = StringRecord::new();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return reading,
            Err(e) => {
                reading.notes.push(format!("the table ends early: {e}"));
                return reading;
            }
        }
        let span = row_span(text, from..position(&reader));
        let Some(header) = &header else {
            header = Some(trimmed(&record));
            continue;
        };
        row += 1;
        let found = trimmed(&record);
        let said = row_text(header, &found);
        let cells = if is_long(&said) {
            own_cells(text, span.clone(), delimiter, &found)
        } else {
            Vec::new()
        };
        reading
            .segments
            .extend(row_segments(&said, header, &cells, span, row));
    }
}

/// A reader of `text` with a blank line before it: at the very start, csv would drop a U+FEFF that is part of a row.
type RowReader<'a> = csv::Reader<Chain<&'a [u8], &'a [u8]>>;

fn reader(text: &str, delimiter: u8) -> RowReader<'_> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(BLANK_LINE.chain(text.as_bytes()))
}

/// How far into the text the reader has come.
fn position(reader: &RowReader<'_>) -> usize {
    (reader.position().byte() as usize).saturating_sub(BLANK_LINE.len())
}

/// The cells of the first row, trimmed.
pub(super) fn first_row(text: &str, delimiter: u8) -> Vec<String> {
    let record = reader(text, delimiter).into_records().next();
    record
        .and_then(Result::ok)
        .map(|r| trimmed(&r))
        .unwrap_or_default()
}

/// The cells of a row in the text; none where they do not give the words that were read, so that the row stays whole.
fn own_cells<'t>(
    text: &'t str,
    span: Range<usize>,
    delimiter: u8,
    read: &[String],
) -> Vec<(Range<usize>, Unescaped<'t>)> {
    let row = cells::rows(&text[..span.end], span.start, delimiter).next();
    let of = |cell: Cell| {
        let slice = &text[cell.span.clone()];
        let plain = cell.quoted || !slice.contains('"');
        plain.then(|| (cell.span, Unescaped::quoted(slice)))
    };
    let cells: Option<Vec<_>> = row.and_then(|row| row.cells.into_iter().map(of).collect());
    let cells = cells.unwrap_or_default();
    let same = cells.iter().map(|(_, words)| words.text().trim()).eq(read);
    if same { cells } else { Vec::new() }
}

/// Whether a row has to be cut.
pub(super) fn is_long(said: &str) -> bool {
    said.chars().nth(MAX_CHARACTERS).is_some()
}

/// The row at `span`, which says `said`; where that is long and `cells` are given, each of them with its header.
pub(super) fn row_segments(
    said: &str,
    header: &[impl AsRef<str>],
    cells: &[(Range<usize>, Unescaped<'_>)],
    span: Range<usize>,
    number: u32,
) -> Vec<RawSegment> {
    let row = |column: Option<u32>, said: &str, span| RawSegment {
        row: Some(number),
        column,
        ..RawSegment::saying(SegmentKind::Row, said, span)
    };
    if said.is_empty() {
        return Vec::new();
    }
    if cells.is_empty() || !is_long(said) {
        return vec![row(None, said, span)];
    }
    let mut found = Vec::new();
    for (column, (cell, words)) in (1..).zip(cells) {
        sentence::pieces(words.text(), 0..words.text().len(), &mut |piece| {
            let span = cell.start + words.to_raw(piece.start)..cell.start + words.to_raw(piece.end);
            let said = cell_text(header, column, &words.text()[piece]);
            found.push(row(Some(column), &said, span));
        });
    }
    found
}

/// What a cell says alone: `Header: words`.
pub(super) fn cell_text(header: &[impl AsRef<str>], column: u32, words: &str) -> String {
    let name = header.get(column as usize - 1).map_or("", AsRef::as_ref);
    if name.is_empty() || name.chars().nth(MAX_HEADER_CHARACTERS).is_some() {
        return words.to_owned();
    }
    format!("{name}: {words}")
}

/// `Header: cell; Header: cell`; a cell without a header stands alone.
pub(super) fn row_text(header: &[impl AsRef<str>], cells: &[impl AsRef<str>]) -> String {
    let mut out = String::new();
    for (i, cell) in cells.iter().map(AsRef::as_ref).enumerate() {
        if cell.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str("; ");
        }
        if let Some(name) = header.get(i).map(AsRef::as_ref).filter(|n| !n.is_empty()) {
            out.push_str(name);
            out.push_str(": ");
        }
        out.push_str(cell);
    }
    out
}

fn trimmed(record: &StringRecord) -> Vec<String> {
    record.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The row between two positions of the reader, without the line breaks around it.
fn row_span(text: &str, read: Range<usize>) -> Range<usize> {
    let breaks = ['\r', '\n'];
    let slice = &text[read.clone()];
    let start = read.end - slice.trim_start_matches(breaks).len();
    start..start + slice.trim_matches(breaks).len()
}
