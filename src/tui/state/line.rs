//! A line of text being typed.

use crossterm::event::KeyCode;
use unicode_segmentation::UnicodeSegmentation;

use crate::sanitize;
use crate::tui::keys::Key;

/// Longer lines are cut: a note is not a document, and a paste may be anything.
const MAX_BYTES: usize = 16 * 1024;

/// A line of text being typed, with its caret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEdit {
    text: String,
    caret: usize,
}

impl LineEdit {
    /// Starts with `text`, the caret behind it.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            caret: text.len(),
            text,
        }
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part before the caret.
    pub fn before(&self) -> &str {
        &self.text[..self.caret]
    }

    /// Puts text at the caret; line breaks and hidden characters in it become visible.
    pub fn insert(&mut self, text: &str) {
        let safe = sanitize::line(text);
        let room = MAX_BYTES.saturating_sub(self.text.len());
        let fits = safe.floor_char_boundary(room.min(safe.len()));
        self.text.insert_str(self.caret, &safe[..fits]);
        self.caret += fits;
    }

    /// Takes an editing key; false when it means nothing here.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match key.code() {
            KeyCode::Backspace => self.remove(self.previous()..self.caret),
            KeyCode::Delete => self.remove(self.caret..self.next()),
            KeyCode::Left => self.caret = self.previous(),
            KeyCode::Right => self.caret = self.next(),
            KeyCode::Home => self.caret = 0,
            KeyCode::End => self.caret = self.text.len(),
            KeyCode::Char('w') => self.remove(self.word_start()..self.caret),
            _ => return false,
        }
        true
    }

    fn remove(&mut self, range: std::ops::Range<usize>) {
        self.caret = range.start;
        self.text.replace_range(range, "");
    }

    fn previous(&self) -> usize {
        let cluster = self.before().graphemes(true).next_back();
        self.caret - cluster.map_or(0, str::len)
    }

    fn next(&self) -> usize {
        let cluster = self.text[self.caret..].graphemes(true).next();
        self.caret + cluster.map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let before = self.before().trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut LineEdit, keys: &str) -> Result<(), String> {
        for key in keys.split(' ') {
            line.key(key.parse()?);
        }
        Ok(())
    }

    #[test]
    fn edits_by_clusters() -> Result<(), String> {
        let mut line = LineEdit::new("牵头👩‍👩‍👧");
        press(&mut line, "backspace left backspace x end !")?;
        assert_eq!(line.text(), "x头!");
        press(&mut line, "home delete a space b ctrl-w")?;
        assert_eq!((line.text(), line.before()), ("a 头!", "a "));
        Ok(())
    }

    #[test]
    fn a_paste_is_one_safe_line_of_bounded_length() {
        let mut line = LineEdit::default();
        line.insert("two\nlines \u{1b}[31m");
        assert!(!line.text().contains(['\n', '\u{1b}']), "{:?}", line.text());
        line.insert(&"好".repeat(MAX_BYTES));
        assert!(line.text().len() <= MAX_BYTES);
    }
}
