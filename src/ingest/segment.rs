//! A citable place while its source is read, before it has a number and a line.

use std::ops::Range;

use crate::dossier::{Region, SegmentKind, TimeSpan};
use crate::sanitize::line;

/// What a reader finds in a text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// In the order of their spans, which do not overlap.
    pub(super) segments: Vec<RawSegment>,
    /// What could not be read, a line each; the rest was.
    pub(super) notes: Vec<String>,
}

/// A citable place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawSegment {
    pub(super) kind: SegmentKind,
    /// Bytes of the text that the reader was given.
    pub(super) span: Range<usize>,
    /// Sanitised, on one line.
    pub(super) text: String,
    pub(super) speaker: Option<String>,
    pub(super) row: Option<u32>,
    pub(super) column: Option<u32>,
    pub(super) time: Option<TimeSpan>,
    pub(super) at: Option<String>,
    pub(super) region: Option<Region>,
    pub(super) confidence: Option<f32>,
}

impl RawSegment {
    /// A place whose words are those of `span`.
    pub(super) fn words(kind: SegmentKind, text: &str, span: Range<usize>) -> Self {
        Self::saying(kind, &text[span.clone()], span)
    }

    /// A place whose words are `said`, which `span` spells in some other way.
    pub(super) fn saying(kind: SegmentKind, said: &str, span: Range<usize>) -> Self {
        Self {
            kind,
            span,
            text: line(said).into_owned(),
            speaker: None,
            row: None,
            column: None,
            time: None,
            at: None,
            region: None,
            confidence: None,
        }
    }
}

/// A name as a source gives it, safe to show; none where there is nothing to show.
pub(super) fn name(text: &str) -> Option<String> {
    let shown = line(text);
    let trimmed = shown.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The lines of `text`, without their line feeds and carriage returns.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let begin = start;
        start += line.len();
        begin..begin + line.trim_end_matches(['\r', '\n']).len()
    })
}
