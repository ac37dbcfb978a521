//! Untrusted text made safe to look at: control, bidirectional, zero-width, tag, private-use and unassigned characters
//! become visible marks (`␛`, `⟦U+202E⟧`), and every byte of the result maps back to the bytes it came from.
//!
//! Nothing is removed without a trace, because hidden text is evidence. Left alone are line feeds, tabs, and emoji as
//! people type them: U+FE0F behind a pictograph or in a keycap, and U+200D between two pictographs. Flags made of tag
//! characters, and joiners inside words of other scripts, do get marks. The carriage return of a CRLF line break is
//! folded into the line feed and is no finding.

use std::borrow::Cow;
use std::ops::Range;

mod hidden;
pub mod orders;

pub use hidden::HiddenKind;
use hidden::{Suspect, Verdict};

const BOM: char = '\u{FEFF}';

/// Text whose every character can be seen, with the map back to where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visible {
    text: String,
    marks: Vec<Mark>,
}

/// A place where the visible text differs from the original; between two marks both run in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    original: usize,
    shown: usize,
    original_len: u8,
    shown_len: u8,
    /// None where there is nothing to warn of.
    kind: Option<HiddenKind>,
}

/// A hidden character that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What sort of character.
    pub kind: HiddenKind,
    /// Its first byte in the original.
    pub offset: usize,
}

impl Visible {
    /// Makes `original` visible.
    pub fn of(original: &str) -> Self {
        Self::default().extend(original, 0)
    }

    /// Makes a whole file visible: a byte order mark at its start is how the file was saved, and no finding.
    pub fn of_file(original: &str) -> Self {
        if !original.starts_with(BOM) {
            return Self::of(original);
        }
        let bom = Mark {
            original: 0,
            shown: 0,
            original_len: BOM.len_utf8() as u8,
            shown_len: 0,
            kind: None,
        };
        let start = Self {
            text: String::new(),
            marks: vec![bom],
        };
        start.extend(original, BOM.len_utf8())
    }

    fn extend(mut self, original: &str, from: usize) -> Self {
        self.text.reserve(original.len() - from);
        let mut copied = from;
        for suspect in hidden::scan(&original[from..]) {
            let at = from + suspect.at;
            self.text.push_str(&original[copied..at]);
            self.mark(at, &suspect);
            copied = at + suspect.character.len_utf8();
        }
        self.text.push_str(&original[copied..]);
        self
    }

    fn mark(&mut self, original: usize, suspect: &Suspect) {
        let shown = self.text.len();
        let kind = match suspect.verdict {
            Verdict::Fold => None,
            Verdict::Mark(kind) => {
                hidden::push_mark(suspect.character, &mut self.text);
                Some(kind)
            }
        };
        self.marks.push(Mark {
            original,
            shown,
            original_len: suspect.character.len_utf8() as u8,
            shown_len: (self.text.len() - shown) as u8,
            kind,
        });
    }

    /// The safe text; line feeds and tabs stand in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing was hidden.
    pub fn is_clean(&self) -> bool {
        self.findings().next().is_none()
    }

    /// The hidden characters, in order.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.marks.iter().filter_map(|mark| {
            Some(Finding {
                kind: mark.kind?,
                offset: mark.original,
            })
        })
    }

    /// The span of the original that became `shown`; a mark that is cut counts whole.
    pub fn to_original(&self, shown: Range<usize>) -> Range<usize> {
        self.carry(&shown, Mark::shown_span, Mark::original_span)
    }

    /// Where a span of the original stands in the visible text; a character that is cut counts whole.
    pub fn to_shown(&self, original: Range<usize>) -> Range<usize> {
        self.carry(&original, Mark::original_span, Mark::shown_span)
    }

    /// Carries a span across: a start goes behind what was folded there and to the start of a mark that it cuts, an end
    /// goes before what was folded there and to the end of a mark that it cuts.
    fn carry(&self, span: &Range<usize>, from: Side, to: Side) -> Range<usize> {
        let passed = self.marks.partition_point(|m| from(m).end <= span.start);
        let mut start = self.step(passed, span.start, from, to);
        if let Some(cut) = self.marks.get(passed).filter(|m| from(m).start < span.start) {
            start = to(cut).start;
        }
        let passed = self.marks.partition_point(|m| from(m).start < span.end);
        let end = self.step(passed, span.end, from, to);
        start.min(end)..end
    }

    /// An offset behind the first `passed` marks; one inside the last of them goes to its end.
    fn step(&self, passed: usize, at: usize, from: Side, to: Side) -> usize {
        match passed.checked_sub(1).and_then(|i| self.marks.get(i)) {
            Some(mark) => to(mark).end + at.saturating_sub(from(mark).end),
            None => at,
        }
    }
}

/// One of the two texts that a mark stands in.
type Side = fn(&Mark) -> Range<usize>;

impl Mark {
    fn original_span(&self) -> Range<usize> {
        self.original..self.original + usize::from(self.original_len)
    }

    fn shown_span(&self) -> Range<usize> {
        self.shown..self.shown + usize::from(self.shown_len)
    }
}

/// `text` made visible and on one line: for file names, messages, segments and model output.
///
/// Every run of line feeds, tabs and the spaces around them becomes one space; other spaces stay, at the ends too, so
/// that pieces of a stream can be joined.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let shown = match hidden::scan(text).next() {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(Visible::of(text).text),
    };
    if shown.contains(['\n', '\t']) {
        Cow::Owned(fold(&shown))
    } else {
        shown
    }
}

fn fold(text: &str) -> String {
    let mut pieces = text.split(['\n', '\t']);
    let mut out = String::with_capacity(text.len());
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.truncate(out.trim_end_matches(' ').len());
        out.push(' ');
        out.push_str(piece.trim_start_matches(' '));
    }
    out
}

/// Whether a terminal may be sent this character as part of a cell: the last gate behind everything above.
///
/// True for U+200D, U+FE0E and U+FE0F, which emoji need and which cannot command or reorder anything.
pub fn is_safe_char(character: char) -> bool {
    hidden::is_safe(character)
}

#[cfg(test)]
mod tests;
