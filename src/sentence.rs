//! Where sentences end, in Chinese, English and mixtures of both.
//!
//! A rule for each mark, no dictionary: `。！？；` end a sentence, `.!?` do before a space or a Chinese character unless
//! the stop belongs to an abbreviation, an initial, a number or a name, and an ellipsis does once enough was said before
//! it. Closing quotes and brackets go with the sentence they close. Inside a short quotation or bracket nothing ends,
//! so that `问「整体还剩多少？」，回了「快了」。` stays whole. Sentences beyond [`MAX_CHARACTERS`] are cut at a comma.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use unicode_segmentation::UnicodeSegmentation as _;

mod abbreviation;

/// No segment is longer, but for the header that stands before a cell of a table.
pub const MAX_CHARACTERS: usize = 400;
/// Where a cut piece would be shorter than this, the comma is passed over.
const MIN_CUT_CHARACTERS: usize = 60;
/// An ellipsis after fewer characters is a pause, not an end.
const MIN_BEFORE_ELLIPSIS: usize = 8;
/// A longer quotation is cut into its sentences.
const MAX_SHIELD_BYTES: usize = 240;

/// Marks that open and close with the same character.
const TWINS: [char; 5] = ['"', '\'', '*', '_', '`'];
/// A sentence does not begin with one of these: what stands before it goes on.
const NEVER_FIRST: &str = "，、：；,;:。！？!?…）)」』”’》〉】〕]}";

/// The part of `span` without the white space at both ends.
pub fn trim(text: &str, span: Range<usize>) -> Range<usize> {
    let slice = &text[span.clone()];
    let start = span.end - slice.trim_start().len();
    start..start + slice.trim().len()
}

/// Calls `found` with the span of every sentence of `block` in `text`, trimmed; sentences without a letter or digit
/// are left out.
pub fn split(text: &str, block: Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    let base = block.start;
    let mut splitter = Splitter::new(&text[block]);
    let mut start = 0;
    while let Some(end) = splitter.next_end() {
        cut(text, base + start..base + end, found);
        start = end;
    }
    cut(text, base + start..base + splitter.text.len(), found);
}

/// The same for a span that is one sentence: cut only where it is too long.
pub fn cut(text: &str, span: Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    pieces(text, span, &mut |piece| {
        if text[piece.clone()].contains(char::is_alphanumeric) {
            found(piece);
        }
    });
}

/// The same for what somebody said or wrote as one: pieces without a letter or digit are kept.
pub fn pieces(text: &str, span: Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    let mut rest = trim(text, span);
    while let Some(cut) = overlong(&text[rest.clone()]) {
        found(trim(text, rest.start..rest.start + cut));
        rest = trim(text, rest.start + cut..rest.end);
    }
    if !rest.is_empty() {
        found(rest);
    }
}

/// Where to cut a sentence that is too long: behind its last comma, else at its last space, else at the limit.
fn overlong(sentence: &str) -> Option<usize> {
    if sentence.len() <= MAX_CHARACTERS {
        return None;
    }
    let (limit, _) = sentence.char_indices().nth(MAX_CHARACTERS)?;
    let head = &sentence[..limit];
    let least = head
        .char_indices()
        .nth(MIN_CUT_CHARACTERS)
        .map_or(0, |(at, _)| at);
    let behind = |pattern: &dyn Fn(char) -> bool| {
        let (at, mark) = head.char_indices().rev().find(|(_, c)| pattern(*c))?;
        (at >= least).then_some(at + mark.len_utf8())
    };
    behind(&|c| "，；、：,;:".contains(c))
        .or_else(|| behind(&char::is_whitespace))
        .or_else(|| last_grapheme(head))
        .or(Some(limit))
}

/// The last place where no accent or joined emoji would be torn apart.
fn last_grapheme(head: &str) -> Option<usize> {
    let tail = head.char_indices().rev().nth(MIN_CUT_CHARACTERS)?.0;
    let (at, _) = head[tail..].grapheme_indices(true).next_back()?;
    (at > 0).then_some(tail + at)
}

/// The marks that may end a sentence.
fn is_end(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '；' | '｡' | '.' | '!' | '?' | '…' | '⋯')
}

/// For each of [`TWINS`], whether it is open.
type Open = [bool; TWINS.len()];

struct Splitter<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// Short quotations and brackets, their closing mark included, in order and apart.
    shields: Peekable<std::vec::IntoIter<Range<usize>>>,
    start: usize,
    /// Which of [`TWINS`] are open in the sentence at hand.
    open: Open,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
            shields: shields(text).into_iter().peekable(),
            start: 0,
            open: [false; TWINS.len()],
        }
    }

    /// The end of the next sentence that something follows; none when the rest is one.
    fn next_end(&mut self) -> Option<usize> {
        let mut previous = ' ';
        while let Some((at, c)) = self.chars.next() {
            if is_end(c) {
                let run = self.cluster(at);
                if self.ends(c, &run) {
                    self.start = run.closed;
                    self.open = [false; TWINS.len()];
                    return Some(run.closed);
                }
            } else if let Some(twin) = TWINS.iter().position(|t| *t == c && previous != c) {
                self.open[twin] = !self.open[twin];
            }
            previous = c;
        }
        None
    }

    /// Takes the marks that end a sentence together (`？！`, `...`) and the closing marks behind them.
    fn cluster(&mut self, at: usize) -> Cluster {
        let mut stopped = self.take_while(|c, _| is_end(c)).unwrap_or(at);
        if stopped == at {
            stopped = self.here();
        }
        let mut closed = stopped;
        while let Some(end) = self.take_while(|c, open| closes(c, open) || is_end(c)) {
            closed = end;
        }
        for (open, twin) in self.open.iter_mut().zip(TWINS) {
            *open = *open && !self.text[stopped..closed].contains(twin);
        }
        Cluster { at, stopped, closed }
    }

    /// Takes characters while `wanted`, and says where they ended; none when there were none.
    fn take_while(&mut self, wanted: impl Fn(char, Open) -> bool) -> Option<usize> {
        let mut end = None;
        while let Some((at, c)) = self.chars.next_if(|(_, c)| wanted(*c, self.open)) {
            end = Some(at + c.len_utf8());
        }
        end
    }

    fn here(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn ends(&mut self, mark: char, run: &Cluster) -> bool {
        let after = &self.text[run.closed..];
        let Some(next) = after.chars().next() else {
            return false;
        };
        let quoted_on = run.closed > run.stopped && after.trim_start().starts_with(char::is_lowercase);
        if NEVER_FIRST.contains(next) || quoted_on || self.shielded(run.closed) {
            return false;
        }
        let spaced = next.is_whitespace() || !next.is_ascii();
        match mark {
            '…' | '⋯' => self.said_enough(run.at),
            '.' => spaced && self.stop_ends(run, after),
            '!' | '?' => spaced,
            _ => true,
        }
    }

    fn shielded(&mut self, end: usize) -> bool {
        while self.shields.next_if(|s| s.end <= end).is_some() {}
        self.shields.peek().is_some_and(|s| s.start < end)
    }

    fn said_enough(&self, at: usize) -> bool {
        self.text[self.start..at]
            .trim()
            .chars()
            .nth(MIN_BEFORE_ELLIPSIS)
            .is_some()
    }

    fn stop_ends(&self, run: &Cluster, after: &str) -> bool {
        let dots = run.stopped - run.at;
        let wide = self.text[run.at..run.stopped].contains(|c| is_end(c) && !matches!(c, '.' | '…' | '⋯'));
        if wide {
            return true;
        }
        let next = after.trim_start();
        if dots > 1 {
            return !next.starts_with(char::is_lowercase) && self.said_enough(run.at);
        }
        !abbreviation::continues(&self.text[self.start..run.at], next)
    }
}

/// Marks that end a sentence, and what closes with it.
struct Cluster {
    at: usize,
    stopped: usize,
    closed: usize,
}

fn closes(c: char, open: Open) -> bool {
    is_closer(c) || TWINS.iter().zip(open).any(|(twin, open)| *twin == c && open)
}

/// What closes a quotation or bracket that `open` opens.
fn closer(open: char) -> Option<char> {
    let close = match open {
        '（' => '）',
        '(' => ')',
        '「' => '」',
        '『' => '』',
        '“' => '”',
        '‘' => '’',
        '《' => '》',
        '〈' => '〉',
        '【' => '】',
        '〔' => '〕',
        '[' => ']',
        '{' => '}',
        '"' => '"',
        _ => return None,
    };
    Some(close)
}

fn is_closer(c: char) -> bool {
    matches!(
        c,
        '）' | ')' | '」' | '』' | '”' | '’' | '》' | '〉' | '】' | '〕' | ']' | '}'
    )
}

/// The outermost short quotations and brackets.
fn shields(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<(char, usize)> = Vec::new();
    for (at, c) in text.char_indices() {
        let closed =
            (is_closer(c) || c == '"').then(|| open.iter().rev().take(8).position(|(close, _)| *close == c));
        if let Some(depth) = closed.flatten() {
            let from = open.len() - 1 - depth;
            let (_, start) = open[from];
            open.truncate(from);
            let end = at + c.len_utf8();
            if end - start <= MAX_SHIELD_BYTES {
                while found.pop_if(|inner| inner.start > start).is_some() {}
                found.push(start..end);
            }
        } else if let Some(close) = closer(c) {
            open.push((close, at));
        }
    }
    found
}

#[cfg(test)]
mod tests;
