//! Chat logs: one JSON object a message, one message a segment; a long one is cut as prose is.
//!
//! The span is the inside of the JSON string that holds the words, without its quotes and the white space at its ends, so
//! that undoing the escapes in the span gives the message. Field names are those that chat programs use; the first one
//! present counts, in any case of letters.

use std::ops::Range;

use super::escape::Unescaped;
use super::json::{Field, Scanner};
use super::segment::{RawSegment, Reading, lines, name};
use crate::dossier::SegmentKind;
use crate::sentence;

const TIME: [&str; 5] = ["time", "ts", "date", "timestamp", "created_at"];
const SPEAKER: [&str; 5] = ["from", "sender", "user", "name", "author"];
const WORDS: [&str; 4] = ["text", "content", "message", "body"];
/// Where an export keeps its messages, if the file is not a list itself.
const LISTS: [&str; 4] = ["messages", "items", "data", "records"];

/// Reads a log of one object a line.
pub(super) fn read_lines(text: &str) -> Reading {
    let mut log = Log::new(text);
    for (i, line) in lines(text).enumerate() {
        if text[line.clone()].trim().is_empty() {
            continue;
        }
        let mut scanner = Scanner::new(&text[..line.end], line.start);
        match scanner.object() {
            Some(fields) if scanner.peek().is_none() => log.message(&fields),
            _ => log.broken.push(i + 1),
        }
    }
    log.finish("lines that are no JSON object")
}

/// Reads a log that is a JSON list of objects, or an object that holds one.
pub(super) fn read_list(text: &str) -> Reading {
    let mut log = Log::new(text);
    let mut scanner = Scanner::new(text, list_start(text));
    if scanner.take(b'[') {
        loop {
            if scanner.take(b']') {
                break;
            }
            let from = scanner.at();
            let Some(fields) = scanner.object() else {
                log.broken.push(text[..from].matches('\n').count() + 1);
                break;
            };
            log.message(&fields);
            scanner.take(b',');
        }
    } else {
        log.broken.push(1);
    }
    log.finish("the list of messages breaks off; places")
}

/// Where the list begins: at the start, or behind one of [`LISTS`] in an object around it.
fn list_start(text: &str) -> usize {
    let fields = Scanner::new(text, 0).object().unwrap_or_default();
    let list = LISTS.iter().find_map(|key| value(text, &fields, &[key]));
    list.map_or(0, |span| span.start)
}

struct Log<'a> {
    text: &'a str,
    found: Vec<RawSegment>,
    broken: Vec<usize>,
    wordless: usize,
}

impl<'a> Log<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
            broken: Vec::new(),
            wordless: 0,
        }
    }

    fn message(&mut self, fields: &[Field]) {
        let Some(inside) = self.words(fields) else {
            self.wordless += 1;
            return;
        };
        let shown = |keys: &[&str]| name(&decode(&self.text[value(self.text, fields, keys)?])?);
        let (speaker, at) = (shown(&SPEAKER), shown(&TIME));
        let said = Unescaped::json(&self.text[inside.clone()]);
        sentence::pieces(said.text(), 0..said.text().len(), &mut |piece| {
            let span = inside.start + said.to_raw(piece.start)..inside.start + said.to_raw(piece.end);
            self.found.push(RawSegment {
                speaker: speaker.clone(),
                at: at.clone(),
                ..RawSegment::saying(SegmentKind::Message, &said.text()[piece], span)
            });
        });
    }

    /// The inside of the string that spells the words of a message.
    fn words(&self, fields: &[Field]) -> Option<Range<usize>> {
        let span = value(self.text, fields, &WORDS)?;
        let string = &self.text[span.clone()];
        let said = string.starts_with('"').then(|| decode(string))??;
        (!said.trim().is_empty()).then_some(span.start + 1..span.end - 1)
    }

    fn finish(self, broken: &str) -> Reading {
        let mut notes = Vec::new();
        if let Some(first) = self.broken.first() {
            notes.push(format!(
                "{broken}, left out: {}, the first at line {first}",
                self.broken.len()
            ));
        }
        if self.wordless > 0 {
            notes.push(format!("messages without text, left out: {}", self.wordless));
        }
        Reading {
            segments: self.found,
            notes,
        }
    }
}

/// The value of the first of `keys` that is there.
fn value(text: &str, fields: &[Field], keys: &[&str]) -> Option<Range<usize>> {
    let field = |key: &&str| {
        fields
            .iter()
            .find(|(k, _)| text[k.clone()].eq_ignore_ascii_case(key))
    };
    keys.iter().find_map(field).map(|(_, value)| value.clone())
}

/// A string or a number as text.
fn decode(value: &str) -> Option<String> {
    match value.bytes().next()? {
        b'"' => serde_json::from_str(value).ok(),
        b'0'..=b'9' | b'-' => Some(value.to_owned()),
        _ => None,
    }
}
