//! Tables of comma- or tab-separated values: a row is a segment.
//!
//! A row says `Header: cell; Header: cell`, cells that are empty left out, so that it can be read without the table. Its
//! span is the row as it stands in the file, quotes included and the line break not.

use std::io::{Chain, Read as _};
use std::ops::Range;

use csv::{ReaderBuilder, StringRecord};

use super::segment::{RawSegment, Reading};
use crate::dossier::SegmentKind;

const BLANK_LINE: &[u8] = b"\n";

/// Reads a table whose first row names the columns.
pub(super) fn read(text: &str) -> Reading {
    let mut reader = reader(text, delimiter(text));
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
        let said = row_text(header, &trimmed(&record));
        reading.segments.extend(row_segment(&said, span, row));
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

/// The row at `span`, which says `said`; none when it says nothing.
pub(super) fn row_segment(said: &str, span: Range<usize>, number: u32) -> Option<RawSegment> {
    (!said.is_empty()).then(|| RawSegment {
        row: Some(number),
        ..RawSegment::saying(SegmentKind::Row, said, span)
    })
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

/// The mark that the first line uses most: tab, semicolon or comma.
pub(super) fn delimiter(text: &str) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let count = |mark: u8| first.bytes().filter(|b| *b == mark).count();
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|mark| (count(*mark), *mark == b','))
        .unwrap_or(b',')
}
