//! Markdown and plain text, block by block: headings, list items, quoted lines, table rows, lines of code, paragraphs.
//!
//! Not a renderer: what matters is that each block's words are found at their bytes. Marks inside a line (`**`, links,
//! code) stay in the words. A line break ends a sentence, unless the lines look wrapped at a fixed width. A line that is
//! wholly in brackets or between rules, as in `【周敏 / 风控】` and `--- Imani ---`, is a heading.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::pipes;
use super::segment::{RawSegment, Reading, lines};
use crate::dossier::SegmentKind;
use crate::sentence::{self, trim};

/// Widths at which editors and mail programs wrap, in columns.
const WRAP_COLUMNS: std::ops::RangeInclusive<usize> = 60..=120;
/// A bracketed line that is longer is a remark, not a heading.
const MAX_BRACKETED_CHARACTERS: usize = 60;
/// Quotation marks and list marks are looked for this deep.
const MAX_DEPTH: usize = 8;

/// Reads Markdown.
pub(super) fn markdown(text: &str) -> Reading {
    Prose::new(text, true).read()
}

/// Reads plain text: Markdown without headings, tables and fences, whose marks plain text uses in its own ways.
pub(super) fn plain(text: &str) -> Reading {
    Prose::new(text, false).read()
}

struct Prose<'a> {
    text: &'a str,
    lines: Vec<Range<usize>>,
    /// The line at hand, an index into `lines`.
    at: usize,
    markdown: bool,
    found: Vec<RawSegment>,
}

/// What stands at the start of a line, before its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Plain,
    Quoted,
    Item,
}

impl<'a> Prose<'a> {
    fn new(text: &'a str, markdown: bool) -> Self {
        Self {
            text,
            lines: lines(text).collect(),
            at: 0,
            markdown,
            found: Vec::new(),
        }
    }

    fn read(mut self) -> Reading {
        while self.at < self.lines.len() {
            let structure = self.markdown && (self.fence() || self.heading() || self.table());
            if !structure && !self.blank(self.at) {
                self.paragraph();
            } else if !structure {
                self.at += 1;
            }
        }
        Reading {
            segments: self.found,
            notes: Vec::new(),
        }
    }

    fn line(&self, at: usize) -> &'a str {
        self.lines.get(at).map_or("", |span| &self.text[span.clone()])
    }

    fn blank(&self, at: usize) -> bool {
        self.line(at).trim().is_empty()
    }

    fn push(&mut self, kind: SegmentKind, span: Range<usize>) {
        let span = trim(self.text, span);
        if self.text[span.clone()].contains(char::is_alphanumeric) {
            self.found.push(RawSegment::words(kind, self.text, span));
        }
    }

    fn push_sentences(&mut self, kind: SegmentKind, block: Range<usize>) {
        let (text, found) = (self.text, &mut self.found);
        sentence::split(text, block, &mut |span| {
            found.push(RawSegment::words(kind, text, span));
        });
    }

    /// A fenced block: every line in it is a place, the fences are not.
    fn fence(&mut self) -> bool {
        let Some(fence) = fence_of(self.line(self.at)) else {
            return false;
        };
        self.at += 1;
        while self.at < self.lines.len() {
            let closes = self.line(self.at).trim().starts_with(fence) && fence_only(self.line(self.at));
            if !closes {
                self.push_code();
            }
            self.at += 1;
            if closes {
                break;
            }
        }
        true
    }

    fn push_code(&mut self) {
        let span = trim(self.text, self.lines[self.at].clone());
        sentence::cut(self.text, span, &mut |piece| {
            self.found
                .push(RawSegment::words(SegmentKind::Sentence, self.text, piece));
        });
    }

    /// `# Heading`, or a line underlined with `===` or `---`.
    fn heading(&mut self) -> bool {
        let line = self.line(self.at);
        let span = self.lines[self.at].clone();
        let words = line.trim_start().trim_start_matches('#');
        let hashes = line.trim_start().len() - words.len();
        if (1..=6).contains(&hashes) && (words.is_empty() || words.starts_with([' ', '\t', '\u{3000}'])) {
            let end = span.start + line.trim_end().trim_end_matches('#').len();
            let start = span.end - words.len();
            self.heading_words(start..end.max(start));
            self.at += 1;
            return true;
        }
        if underline(self.line(self.at + 1)) && start_of(line).0 == Start::Plain && !self.blank(self.at) {
            self.heading_words(span);
            self.at += 2;
            return true;
        }
        false
    }

    fn heading_words(&mut self, span: Range<usize>) {
        let span = trim(self.text, span);
        sentence::cut(self.text, span, &mut |piece| {
            self.found
                .push(RawSegment::words(SegmentKind::Heading, self.text, piece));
        });
    }

    /// A pipe table: header, delimiter, rows.
    fn table(&mut self) -> bool {
        if !pipes::is_header(self.line(self.at), self.line(self.at + 1)) {
            return false;
        }
        let header = pipes::cells(self.line(self.at));
        self.at += 2;
        let mut row = 0;
        while self.line(self.at).contains('|') {
            row += 1;
            let span = trim(self.text, self.lines[self.at].clone());
            self.found.extend(pipes::row(self.text, span, &header, row));
            self.at += 1;
        }
        true
    }

    /// Lines that belong together, up to a blank line or another block.
    fn paragraph(&mut self) {
        let (start, offset) = start_of(self.line(self.at));
        let first = self.lines[self.at].start + offset..self.lines[self.at].end;
        let mut block = vec![first];
        self.at += 1;
        while start != Start::Quoted && self.goes_on() {
            block.push(trim(self.text, self.lines[self.at].clone()));
            self.at += 1;
        }
        for joined in unwrap_lines(self.text, &block) {
            self.push_block(joined);
        }
    }

    fn push_block(&mut self, block: Range<usize>) {
        let words = self.text[block.clone()].trim();
        if bracketed(words) || ruled(words) {
            self.push(SegmentKind::Heading, block);
        } else {
            self.push_sentences(SegmentKind::Sentence, block);
        }
    }

    fn goes_on(&self) -> bool {
        let line = self.line(self.at);
        let next = self.line(self.at + 1);
        let block = fence_of(line).is_some()
            || line.trim_start().starts_with('#')
            || pipes::is_header(line, next)
            || underline(line)
            || underline(next);
        !self.blank(self.at) && start_of(line).0 == Start::Plain && !(self.markdown && block)
    }
}

/// The marks at the start of a line (`>`, `-`, `3.`), and how many bytes they take.
fn start_of(line: &str) -> (Start, usize) {
    let mut rest = line.trim_start();
    let mut start = Start::Plain;
    for _ in 0..MAX_DEPTH {
        let (mark, behind) = if let Some(behind) = rest.strip_prefix('>') {
            (Start::Quoted, behind)
        } else if let Some(behind) = item(rest) {
            (Start::Item, behind)
        } else {
            break;
        };
        start = if start == Start::Quoted { start } else { mark };
        rest = behind.trim_start();
    }
    (start, line.len() - rest.len())
}

/// What stands behind a list mark.
fn item(line: &str) -> Option<&str> {
    let bullet = line.strip_prefix(['-', '*', '+', '•', '·', '–']);
    let behind = bullet.or_else(|| {
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = line.len() - number.len();
        ((1..=3).contains(&digits))
            .then_some(number)?
            .strip_prefix(['.', ')', '、', '）'])
    })?;
    let spaced =
        behind.starts_with([' ', '\t', '\u{3000}']) || line.contains(['、', '）', '•']) && bullet.is_none();
    spaced.then_some(behind)
}

/// The run of backticks or tildes that opens a fenced block.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then(|| &line[..length])
}

fn fence_only(line: &str) -> bool {
    line.trim().trim_matches(['`', '~']).is_empty()
}

fn underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 2 && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'))
}

fn bracketed(line: &str) -> bool {
    let inner = line
        .strip_prefix('【')
        .and_then(|l| l.strip_suffix('】'))
        .or_else(|| line.strip_prefix('[').and_then(|l| l.strip_suffix(']')));
    inner.is_some_and(|words| {
        let short = words.chars().nth(MAX_BRACKETED_CHARACTERS).is_none();
        short && !words.contains(['【', '】', '[', ']']) && words.contains(char::is_alphanumeric)
    })
}

/// `--- Imani Foster ---`, `=== Notes ===`.
fn ruled(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let short = line.chars().nth(MAX_BRACKETED_CHARACTERS).is_none();
    short && words.next().is_some_and(underline) && words.next_back().is_some_and(underline)
}

/// Joins the lines that an editor wrapped at a fixed width: those whose next word would not have fitted.
pub(super) fn unwrap_lines(text: &str, block: &[Range<usize>]) -> Vec<Range<usize>> {
    if let [only] = block {
        return vec![only.clone()];
    }
    let widths: Vec<usize> = block.iter().map(|l| text[l.clone()].width()).collect();
    let column = widths.iter().max().copied().unwrap_or_default();
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(block.len());
    for (i, line) in block.iter().enumerate() {
        let wraps = i > 0
            && WRAP_COLUMNS.contains(&column)
            && wrapped(&text[block[i - 1].clone()], &text[line.clone()], column);
        match joined.last_mut() {
            Some(last) if wraps => last.end = line.end,
            _ => joined.push(line.clone()),
        }
    }
    joined
}

fn wrapped(line: &str, next: &str, column: usize) -> bool {
    let word = next.split_whitespace().next().unwrap_or_default();
    let first = next.chars().next().unwrap_or(' ');
    let runs_on = first.is_lowercase()
        || !first.is_ascii()
        || line.ends_with(|c: char| c.is_lowercase() || ",，、".contains(c));
    let needed = if first.is_ascii() { word.width() } else { 2 };
    runs_on && line.width() + needed + usize::from(first.is_ascii()) > column
}
