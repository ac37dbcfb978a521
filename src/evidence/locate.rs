//! The words of a segment as its source holds them, with the way back to the source's bytes.
//!
//! In most formats a segment's words are its bytes. Inside JSON they may be escaped (`\u4e00`, `\"`), and a term must
//! be found all the same, at the bytes that spell it.

use std::ops::Range;

use super::Place;
use crate::dossier::{Dossier, Segment, Source, SourceFormat};
use crate::ingest::Unescaped;
use crate::sanitize::line;

/// The unescaped words of one segment.
pub struct Located<'a> {
    source: &'a Source,
    segment: &'a Segment,
    words: Unescaped<'a>,
}

impl<'a> Located<'a> {
    /// The words of `segment`.
    pub fn new(dossier: &'a Dossier, segment: &'a Segment) -> Self {
        let source = dossier.source_of(segment);
        let slice = source.slice(&segment.anchor);
        let words = match source.format {
            SourceFormat::Json | SourceFormat::Jsonl => Unescaped::json(slice),
            _ => Unescaped::plain(slice),
        };
        Self {
            source,
            segment,
            words,
        }
    }

    /// The words; untrusted, for comparing only.
    pub fn text(&self) -> &str {
        self.words.text()
    }

    /// The place of some of the words; `quote` is what to show for them, already safe to look at.
    pub fn place(&self, words: Range<usize>, quote: String) -> Place {
        let span = &self.segment.anchor.span;
        let (start, end) = (
            span.start + self.words.to_raw(words.start),
            span.start + self.words.to_raw(words.end),
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
            spot: self.source.spots.of(&(start..end)),
            speaker: self.segment.speaker.clone(),
            region: self.segment.anchor.region,
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
        let words = self.words.to_words(raw.start - span.start)..self.words.to_words(raw.end - span.start);
        let quote = line(self.text().get(words.clone())?).trim().to_owned();
        Some(self.place(words, quote))
    }
}
