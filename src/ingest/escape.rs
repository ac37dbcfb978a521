//! Text whose format spells some characters in another way, undone, with the way back to the bytes that spell it.
//!
//! In most formats words are their bytes. Inside JSON they may be escaped (`\u4e00`, `\"`), inside a quoted cell a
//! quotation mark stands twice, and inside a pipe table `\|` is a bar. What is looked for in the words must be found all
//! the same, and what is cut must not be cut inside an escape.

use std::borrow::Cow;

/// The words that a stretch of a source spells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unescaped<'a> {
    text: Cow<'a, str>,
    /// (offset in `text`, offset in the stretch) at the start and end of every escape.
    jumps: Vec<(usize, usize)>,
}

/// The character that the escape at the start of a text stands for, and how many bytes spell it.
type Escape = fn(&str) -> Option<(char, usize)>;

impl<'a> Unescaped<'a> {
    /// A stretch that is its own words.
    pub fn plain(slice: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(slice),
            jumps: Vec::new(),
        }
    }

    /// The inside of a JSON string; an escape that means nothing stays as it is.
    pub fn json(slice: &'a str) -> Self {
        Self::of(slice, '\\', json_escape)
    }

    /// The inside of a quoted cell of comma-separated values.
    pub(super) fn quoted(slice: &'a str) -> Self {
        Self::of(slice, '"', |text| text.starts_with("\"\"").then_some(('"', 2)))
    }

    /// A cell of a Markdown pipe table.
    pub(super) fn piped(slice: &'a str) -> Self {
        Self::of(slice, '\\', |text| text.starts_with("\\|").then_some(('|', 2)))
    }

    fn of(slice: &'a str, mark: char, escape: Escape) -> Self {
        if !slice.contains(mark) {
            return Self::plain(slice);
        }
        let mut text = String::with_capacity(slice.len());
        let mut jumps = Vec::new();
        let mut at = 0;
        while let Some(found) = slice[at..].find(mark) {
            text.push_str(&slice[at..at + found]);
            at += found;
            let (c, length) = escape(&slice[at..]).unwrap_or((mark, mark.len_utf8()));
            jumps.push((text.len(), at));
            text.push(c);
            at += length;
            jumps.push((text.len(), at));
        }
        text.push_str(&slice[at..]);
        Self {
            text: Cow::Owned(text),
            jumps,
        }
    }

    /// The words; untrusted.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The words alone.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        self.text
    }

    /// The offset in the words of an offset in the stretch.
    pub fn to_words(&self, at: usize) -> usize {
        let next = self.jumps.partition_point(|(_, raw)| *raw <= at);
        match next.checked_sub(1).map(|i| self.jumps[i]) {
            Some((words, raw)) => words + (at - raw),
            None => at,
        }
    }

    /// The offset in the stretch of an offset in the words.
    pub fn to_raw(&self, at: usize) -> usize {
        let next = self.jumps.partition_point(|(words, _)| *words <= at);
        match next.checked_sub(1).map(|i| self.jumps[i]) {
            Some((words, raw)) => raw + (at - words),
            None => at,
        }
    }
}

fn json_escape(text: &str) -> Option<(char, usize)> {
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
