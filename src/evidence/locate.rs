//! The words of a segment as its source holds them, with the way back to the source's bytes.
//!
//! In most formats a segment's words are its bytes. Inside JSON they may be escaped (`\u4e00`, `\"`), and a term must
//! be found all the same, at the bytes that spell it.

use std::borrow::Cow;
use std::ops::Range;

use super::Place;
use crate::dossier::{Dossier, Segment, Source, SourceFormat};
use crate::sanitize::line;

/// The unescaped words of one segment.
pub struct Located<'a> {
    source: &'a Source,
    segment: &'a Segment,
    text: Cow<'a, str>,
    /// For unescaped text: (offset in `text`, offset in the slice) at the start and end of every escape.
    jumps: Vec<(usize, usize)>,
}

impl<'a> Located<'a> {
    /// The words of `segment`.
    pub fn new(dossier: &'a Dossier, segment: &'a Segment) -> Self {
        let source = dossier.source_of(segment);
        let slice = source.slice(&segment.anchor);
        let json = matches!(source.format, SourceFormat::Json | SourceFormat::Jsonl);
        let (text, jumps) = if json && slice.contains('\\') {
            unescape(slice)
        } else {
            (Cow::Borrowed(slice), Vec::new())
        };
        Self {
            source,
            segment,
            text,
            jumps,
        }
    }

    /// The words; untrusted, for comparing only.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of some of the words; `quote` is what to show for them, already safe to look at.
    pub fn place(&self, words: Range<usize>, quote: String) -> Place {
        let span = &self.segment.anchor.span;
        let (start, end) = (
            span.start + self.raw(words.start),
            span.start + self.raw(words.end),
        );
        let before = self.source.raw.get(span.start..start).unwrap_or_default();
        let newlines = before.bytes().filter(|b| *b == b'\n').count() as u32;
        Place {
            source: self.source.path.clone(),
            sha256: self.source.hash,
            segment: self.segment.no,
            start,
            end,
            line: self.segment.anchor.line + newlines,
            time: self.segment.anchor.time,
            speaker: self.segment.speaker.clone(),
            quote,
        }
    }

    /// The place of these bytes of the source; none where they do not lie on characters inside the segment.
    pub fn part(&self, raw: Range<usize>) -> Option<Place> {
        let span = &self.segment.anchor.span;
        if raw.start < span.start || raw.end > span.end || raw.is_empty() {
            return None;
        }
        self.source.raw.get(raw.clone())?;
        let words = self.words(raw.start - span.start)..self.words(raw.end - span.start);
        let quote = line(self.text.get(words.clone())?).trim().to_owned();
        Some(self.place(words, quote))
    }

    /// The offset in the words of an offset in the slice.
    fn words(&self, at: usize) -> usize {
        let next = self.jumps.partition_point(|(_, raw)| *raw <= at);
        match next.checked_sub(1).map(|i| self.jumps[i]) {
            Some((words, raw)) => words + (at - raw),
            None => at,
        }
    }

    /// The offset in the slice of an offset in the words.
    fn raw(&self, at: usize) -> usize {
        let next = self.jumps.partition_point(|(words, _)| *words <= at);
        match next.checked_sub(1).map(|i| self.jumps[i]) {
            Some((words, raw)) => raw + (at - words),
            None => at,
        }
    }
}

/// Undoes JSON's escapes; an escape that means nothing stays as it is.
fn unescape(slice: &str) -> (Cow<'_, str>, Vec<(usize, usize)>) {
    let mut text = String::with_capacity(slice.len());
    let mut jumps = Vec::new();
    let mut at = 0;
    while let Some(found) = slice[at..].find('\\') {
        text.push_str(&slice[at..at + found]);
        at += found;
        let (c, length) = escape(&slice[at..]).unwrap_or(('\\', 1));
        jumps.push((text.len(), at));
        text.push(c);
        at += length;
        jumps.push((text.len(), at));
    }
    text.push_str(&slice[at..]);
    (Cow::Owned(text), jumps)
}

/// The character that the escape at the start of `text` stands for, and how many bytes spell it.
fn escape(text: &str) -> Option<(char, usize)> {
    let c = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode_escape(text),
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        _ => return None,
    };
    Some((c, 2))
}

fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |from: usize| u16::from_str_radix(text.get(from..from + 4)?, 16).ok();
    let first = unit(2)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c, 6));
    }
    let second = (text.get(6..8)? == "\\u").then(|| unit(8))??;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((c, 12))
}
