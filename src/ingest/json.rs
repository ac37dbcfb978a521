//! Where the values of a JSON text lie: a scanner that reports spans, which parsers to values do not.
//!
//! It is lenient about what it skips, keeps no stack deeper than a counter, and leaves the decoding of strings to
//! `serde_json`.

use std::ops::Range;

/// A position in a JSON text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A key and its value, as spans of the text; the key without its quotes.
pub(super) type Field = (Range<usize>, Range<usize>);

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte behind white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\r', '\n']);
        self.at = self.text.len() - rest.len();
        rest.bytes().next()
    }

    /// Takes `byte` if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The fields of the object that comes next; none when what comes is no whole object.
    pub(super) fn object(&mut self) -> Option<Vec<Field>> {
        if !self.take(b'{') {
            return None;
        }
        let mut fields = Vec::new();
        while !self.take(b'}') {
            if !fields.is_empty() && !self.take(b',') {
                return None;
            }
            let key = self.string()?;
            if !self.take(b':') {
                return None;
            }
            fields.push((key.start + 1..key.end - 1, self.value()?));
        }
        Some(fields)
    }

    /// The string that comes next, quotes included.
    fn string(&mut self) -> Option<Range<usize>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        let mut escaped = false;
        for (i, byte) in self.text.as_bytes()[start + 1..].iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at = start + 1 + i + 1;
                    return Some(start..self.at);
                }
                _ => {}
            }
        }
        None
    }

    /// The value that comes next, whatever it is.
    fn value(&mut self) -> Option<Range<usize>> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            b',' | b'}' | b']' | b':' => None,
            _ => {
                let start = self.at;
                let rest = &self.text[start..];
                self.at += rest
                    .find([',', '}', ']', ' ', '\t', '\r', '\n'])
                    .unwrap_or(rest.len());
                Some(start..self.at)
            }
        }
    }

    fn nested(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
            if depth == 0 {
                return Some(start..self.at);
            }
        }
    }
}
