//! Comma-separated values: header, separators, numbers.

use super::{Reader, Run, Token};

/// A table at work.
#[derive(Default)]
pub(super) struct Table {
    past_header: bool,
    /// Inside a quoted cell; such a cell may hold newlines.
    quoted: bool,
}

impl Reader for Table {
    fn read(&mut self, line: &str, start: usize, runs: &mut Vec<Run>) {
        let mut cell = 0;
        let row = line.trim_end_matches('\n');
        for (at, c) in row.char_indices() {
            match c {
                '"' => self.quoted = !self.quoted,
                ',' if !self.quoted => {
                    self.cell(row, cell..at, start, runs);
                    runs.push(Run {
                        span: start + at..start + at + 1,
                        token: Token::Punctuation,
                    });
                    cell = at + 1;
                }
                _ => {}
            }
        }
        self.cell(row, cell..row.len(), start, runs);
        self.past_header |= !self.quoted;
    }
}

impl Table {
    fn cell(&self, row: &str, span: std::ops::Range<usize>, start: usize, runs: &mut Vec<Run>) {
        let text = row[span.clone()].trim().trim_matches('"');
        let token = if self.past_header {
            is_figure(text).then_some(Token::Number)
        } else {
            Some(Token::Heading)
        };
        if let Some(token) = token.filter(|_| !span.is_empty()) {
            let span = start + span.start..start + span.end;
            runs.push(Run { span, token });
        }
    }
}

/// `62%`, `-1,200.5`, `2026-03-20`, `4/5`, `￥300`: figures, not words.
fn is_figure(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "+-.,:/% $¥￥%".contains(c))
}
