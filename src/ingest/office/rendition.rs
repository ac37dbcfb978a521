//! What an office file becomes: its text, what of it can be cited, and where that lies in the file.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{VERSION, VERSION_READ};
use crate::dossier::spot::At;
use crate::dossier::{Region, SegmentKind, Spots};
use crate::ingest::chart::Text;
use crate::ingest::segment::{RawSegment, Reading, name};
use crate::sanitize::line;
use crate::sentence;

/// More text than this is not read: no reviewer could.
pub(super) const MAX_TEXT: usize = 8 << 20;
/// More places than this are not read.
const MAX_BLOCKS: usize = 200_000;

/// An office file as plain text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// The text; untrusted.
    pub text: String,
    /// What can be cited, in order and apart.
    pub blocks: Vec<Block>,
    /// Where it lies in the file.
    pub spots: Spots,
    /// What could not be read, a line each.
    pub notes: Vec<String>,
    /// The pages without text, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<Scan>,
}

/// A page that something is drawn on, but no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Its number, from 1.
    pub page: u32,
    /// Where its words belong in the text.
    pub at: usize,
}

/// A stretch of the text that can be cited, whole or sentence by sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its bytes.
    pub span: Range<usize>,
    /// Row and column of a table, from 1; the column where a long row is cut into its cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<(u32, Option<u32>)>,
    /// Who says it; untrusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Where it stands in the picture of its page, and how sure the reader of pictures is of its characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<(Region, f32)>,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockKind {
    /// A heading, or the row that heads a table.
    Heading,
    /// A paragraph: each sentence is a place.
    Prose,
    /// A row or a cell of a table.
    Row,
    /// A line of a scanned page.
    Line,
}

impl Rendition {
    /// Whether every span lies on characters of the text, in order and apart: what a child answers is not trusted.
    pub(super) fn is_sound(&self) -> bool {
        let text = &self.text;
        let sound = |spans: &[&Range<usize>]| {
            let apart = spans.windows(2).all(|pair| pair[0].end <= pair[1].start);
            apart && spans.iter().all(|span| text.get((*span).clone()).is_some())
        };
        let blocks: Vec<_> = self.blocks.iter().map(|block| &block.span).collect();
        let marks: Vec<_> = self.spots.marks.iter().map(|(span, _)| span).collect();
        let scans: Vec<_> = self.scans.iter().map(|scan| scan.at..scan.at).collect();
        sound(&blocks) && sound(&marks) && sound(&scans.iter().collect::<Vec<_>>())
    }

    /// Names that are shown, made safe to show.
    pub(super) fn tidied(mut self) -> Self {
        for sheet in &mut self.spots.sheets {
            *sheet = line(sheet).into_owned();
        }
        for note in &mut self.notes {
            *note = line(note).into_owned();
        }
        self
    }

    /// Who rendered it, and the version.
    pub(in crate::ingest) fn version(&self) -> &'static str {
        if self.blocks.iter().any(|block| block.seen.is_some()) {
            VERSION_READ
        } else {
            VERSION
        }
    }

    /// The same with the lines that were read on its scanned pages, as many as were read.
    pub(super) fn with_read(mut self, pages: &[Vec<Text>]) -> Self {
        let scans = std::mem::take(&mut self.scans);
        let mut done = Self {
            notes: self.notes,
            ..Self::default()
        };
        done.spots.sheets = self.spots.sheets;
        let mut blocks = self.blocks.into_iter().peekable();
        let mut marks = self.spots.marks.into_iter().peekable();
        let mut from = 0;
        for (n, to) in scans.iter().map(|s| s.at).chain([self.text.len()]).enumerate() {
            let by = done.text.len() - from;
            let moved = |span: &Range<usize>| span.start + by..span.end + by;
            done.text.push_str(&self.text[from..to]);
            while let Some(block) = blocks.next_if(|block| block.span.end <= to) {
                let span = moved(&block.span);
                done.blocks.push(Block { span, ..block });
            }
            while let Some((span, at)) = marks.next_if(|(span, _)| span.end <= to) {
                done.spots.marks.push((moved(&span), at));
            }
            from = to;
            if let (Some(scan), Some(lines)) = (scans.get(n), pages.get(n)) {
                lines.iter().for_each(|text| done.line(scan.page, text));
                done.text.push('\n');
            }
        }
        done
    }

    fn line(&mut self, page: u32, text: &Text) {
        let start = self.text.len();
        self.text.push_str(&text.text);
        let span = start..self.text.len();
        self.text.push('\n');
        self.spots.marks.push((span.clone(), At::Page(page)));
        self.blocks.push(Block {
            kind: BlockKind::Line,
            span,
            cell: None,
            speaker: None,
            seen: Some((text.region, text.confidence)),
        });
    }

    /// The places that can be cited.
    pub(in crate::ingest) fn reading(&self) -> Reading {
        let mut segments = Vec::new();
        for block in &self.blocks {
            let kind = match block.kind {
                BlockKind::Heading => SegmentKind::Heading,
                BlockKind::Prose | BlockKind::Line => SegmentKind::Sentence,
                BlockKind::Row => SegmentKind::Row,
            };
            let mut found = |span| {
                segments.push(RawSegment {
                    speaker: block.speaker.as_deref().and_then(name),
                    row: block.cell.map(|(row, _)| row),
                    column: block.cell.and_then(|(_, column)| column),
                    region: block.seen.map(|(region, _)| region),
                    confidence: block.seen.map(|(_, confidence)| confidence),
                    ..RawSegment::words(kind, &self.text, span)
                });
            };
            match block.kind {
                BlockKind::Prose => sentence::split(&self.text, block.span.clone(), &mut found),
                BlockKind::Heading | BlockKind::Row | BlockKind::Line => {
                    sentence::cut(&self.text, block.span.clone(), &mut found)
                }
            }
        }
        Reading {
            segments,
            notes: self.notes.clone(),
        }
    }
}

/// Writes a rendition from top to bottom.
#[derive(Debug, Default)]
pub(super) struct Writer {
    done: Rendition,
    at: Option<At>,
    speaker: Option<String>,
    full: bool,
}

/// A cell on its way into a row: where it lies, and what it says.
#[derive(Debug, Clone, Default)]
pub(super) struct CellText {
    pub(super) at: Option<At>,
    pub(super) text: String,
}

impl Writer {
    /// What was written.
    pub(super) fn finish(mut self) -> Rendition {
        if self.full {
            self.note("longer than a person can read: the rest was left out");
        }
        self.done
    }

    /// Whether no more is taken; renderers stop then.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.done.text.is_empty()
    }

    /// What follows lies there.
    pub(super) fn at(&mut self, at: At) {
        self.at = Some(at);
    }

    /// Says who says what follows.
    pub(super) fn speaker(&mut self, speaker: Option<String>) {
        self.speaker = speaker;
    }

    /// A sheet that cells lie in; its number in [`At::Cell`].
    pub(super) fn sheet(&mut self, name: &str) -> u32 {
        self.done.spots.sheets.push(name.to_owned());
        self.done.spots.sheets.len() as u32 - 1
    }

    /// What could not be read.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.done.notes.push(note.into());
    }

    /// A page without text: its words belong here.
    pub(super) fn scan(&mut self, page: u32) {
        let at = self.done.text.len();
        self.done.scans.push(Scan { page, at });
    }

    /// A line between the words of the file, such as `[p. 3]`; not to be cited.
    pub(super) fn rule(&mut self, words: &str) {
        self.blank();
        self.put(words);
        self.put("\n\n");
    }

    /// An empty line, unless there is one.
    pub(super) fn blank(&mut self) {
        if !self.done.text.is_empty() && !self.done.text.ends_with("\n\n") {
            self.put("\n");
        }
    }

    /// A heading of a level from 1.
    pub(super) fn heading(&mut self, level: usize, words: &str) {
        let words = one_line(words);
        if !words.is_empty() {
            self.blank();
            self.put(&"#".repeat(level.clamp(1, 6)));
            self.put(" ");
            self.block(BlockKind::Heading, None, &words);
            self.put("\n\n");
        }
    }

    /// A paragraph, `mark` before its first line; every line of it is cut into sentences by itself.
    pub(super) fn prose(&mut self, mark: &str, words: &str) {
        let mut mark = mark;
        for words in words.split(['\n', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}']) {
            let words = one_line(words);
            if !words.is_empty() {
                self.put(mark);
                mark = "";
                self.block(BlockKind::Prose, None, &words);
                self.put("\n");
            }
        }
    }

    /// The row that heads a table.
    pub(super) fn header(&mut self, cells: &[CellText]) {
        let start = self.done.text.len();
        self.cells(&[], cells);
        self.push(BlockKind::Heading, None, start);
        self.put("\n");
    }

    /// A row of a table, `Header: cell; Header: cell`. A long one gives its cells one by one.
    pub(super) fn row(&mut self, number: u32, header: &[String], cells: &[CellText]) {
        let start = self.done.text.len();
        let spans = self.cells(header, cells);
        let long = self.done.text[start..]
            .chars()
            .nth(sentence::MAX_CHARACTERS)
            .is_some();
        if long && spans.len() > 1 {
            for (column, span) in spans {
                self.push_span(BlockKind::Row, Some((number, Some(column))), span);
            }
        } else {
            self.push(BlockKind::Row, Some((number, None)), start);
        }
        self.put("\n");
    }

    /// The cells that say something, each with its header; the column and the span of each.
    fn cells(&mut self, header: &[String], cells: &[CellText]) -> Vec<(u32, Range<usize>)> {
        let mut spans = Vec::new();
        for (column, cell) in (1..).zip(cells) {
            let words = one_line(&cell.text);
            if words.is_empty() {
                continue;
            }
            if !spans.is_empty() {
                self.put("; ");
            }
            let start = self.done.text.len();
            if let Some(name) = header.get(column as usize - 1).filter(|name| !name.is_empty()) {
                self.put(name);
                self.put(": ");
            }
            self.put(&words);
            let span = start..self.done.text.len();
            if let Some(at) = cell.at.filter(|_| !span.is_empty()) {
                self.done.spots.marks.push((span.clone(), at));
            }
            spans.push((column, span));
        }
        spans
    }

    fn block(&mut self, kind: BlockKind, cell: Option<(u32, Option<u32>)>, words: &str) {
        let start = self.done.text.len();
        self.put(words);
        self.push(kind, cell, start);
    }

    fn push(&mut self, kind: BlockKind, cell: Option<(u32, Option<u32>)>, start: usize) {
        self.push_span(kind, cell, start..self.done.text.len());
    }

    fn push_span(&mut self, kind: BlockKind, cell: Option<(u32, Option<u32>)>, span: Range<usize>) {
        if span.is_empty() {
            return;
        }
        if self.done.blocks.len() >= MAX_BLOCKS {
            self.full = true;
            return;
        }
        let own = self
            .done
            .spots
            .marks
            .last()
            .is_some_and(|(last, _)| last.end > span.start);
        if let Some(at) = self.at.filter(|_| !own) {
            self.done.spots.marks.push((span.clone(), at));
        }
        self.done.blocks.push(Block {
            kind,
            span,
            cell,
            speaker: self.speaker.clone(),
            seen: None,
        });
    }

    fn put(&mut self, words: &str) {
        self.full |= self.done.text.len() + words.len() > MAX_TEXT;
        if !self.full {
            self.done.text.push_str(words);
        }
    }
}

/// The words on one line: white space of every kind becomes a space, and none is left at the ends.
pub(super) fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
