//! From the letters of a page to its lines, and from lines to paragraphs.
//!
//! A page says where letters stand and no more. Lines keep the order in which they were drawn, which is the order they
//! are read in by nearly every program that writes PDFs, columns included. Letters on one base line make a line, a gap is
//! a space, and a line that reaches the right edge of its column goes on in the next.

use hayro_interpret::kurbo::{Point, Vec2};

use super::inline::Inline;
use super::rendition::Writer;

/// A gap of so much of a letter's size is a space.
const SPACE: f64 = 0.18;
/// Letters whose base lines differ by less, of their size, stand on one line.
const SAME_LINE: f64 = 0.45;
/// A gap of more, of a letter's size, ends a line: the next column begins.
const COLUMN_GAP: f64 = 12.0;
/// Lines farther apart than this, of their size, are not one paragraph.
const LEADING: f64 = 1.9;
/// A line that ends nearer to the edge than this, of its size, is full.
const FULL: f64 = 3.0;
/// A heading's letters are so much larger than the body's.
const HEADING: f64 = 1.15;
/// A longer line in large letters is no heading.
const MAX_HEADING: usize = 120;

/// A letter where it was drawn, in points from the top left.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) start: Point,
    pub(super) end: Point,
    pub(super) size: f64,
    pub(super) mark: Option<&'static str>,
    pub(super) words: String,
}

impl Letter {
    /// Whether `other` is the same letter drawn again.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        self.words == other.words && (self.start - other.start).hypot() < self.size * 0.1
    }

    /// The direction of writing.
    fn direction(&self) -> Vec2 {
        let along = self.end - self.start;
        if along.hypot() > 0.0 {
            along / along.hypot()
        } else {
            Vec2::new(1.0, 0.0)
        }
    }
}

/// Letters on one base line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    words: Inline,
    /// The same without marks, for what it looks like.
    plain: String,
    size: f64,
    /// Where it begins, along and across the direction of writing.
    left: f64,
    right: f64,
    base: f64,
    direction: Vec2,
}

/// The lines of a page.
pub(super) fn lines(letters: &[Letter]) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    for letter in letters {
        match found.last_mut() {
            Some(line) if line.takes(letter) => line.add(letter),
            _ => found.push(Line::of(letter)),
        }
    }
    found.retain(|line| !line.plain.trim().is_empty());
    found
}

impl Line {
    fn of(letter: &Letter) -> Self {
        let direction = letter.direction();
        let mut line = Self {
            words: Inline::default(),
            plain: String::new(),
            size: letter.size,
            left: along(letter.start, direction),
            right: along(letter.start, direction),
            base: across(letter.start, direction),
            direction,
        };
        line.add(letter);
        line
    }

    fn takes(&self, letter: &Letter) -> bool {
        let size = self.size.max(letter.size);
        let gap = along(letter.start, self.direction) - self.right;
        let level = (across(letter.start, self.direction) - self.base).abs() < size * SAME_LINE;
        let straight = letter.direction().dot(self.direction) > 0.99;
        level && straight && gap > -size && gap < size * COLUMN_GAP
    }

    fn add(&mut self, letter: &Letter) {
        let gap = along(letter.start, self.direction) - self.right;
        if gap > self.size.max(letter.size) * SPACE && !self.plain.ends_with(' ') && !self.plain.is_empty() {
            self.plain.push(' ');
            self.words.push(letter.mark, " ");
        }
        self.plain.push_str(&letter.words);
        self.words.push(letter.mark, &letter.words);
        self.size = self.size.max(letter.size);
        self.right = self.right.max(along(letter.end, self.direction));
    }

    /// Whether `next` goes on with what this line says; `edge` is the right edge of its column.
    fn goes_on(&self, next: &Self, edge: f64) -> bool {
        let size = self.size.max(next.size);
        let down = next.base - self.base;
        let alike = (self.size - next.size).abs() < size * 0.1 && self.direction.dot(next.direction) > 0.99;
        let full = self.right > edge - size * FULL;
        alike && full && down > 0.0 && down < size * LEADING && !starts_item(&next.plain)
    }
}

fn along(at: Point, direction: Vec2) -> f64 {
    at.to_vec2().dot(direction)
}

fn across(at: Point, direction: Vec2) -> f64 {
    at.to_vec2().dot(Vec2::new(-direction.y, direction.x))
}

fn starts_item(words: &str) -> bool {
    words
        .trim_start()
        .starts_with(['•', '·', '▪', '◦', '–', '●', '■', '-', '*'])
}

/// The size of most letters.
pub(super) fn body_size<'a>(lines: impl Iterator<Item = &'a Line>) -> f64 {
    let mut sizes = std::collections::BTreeMap::new();
    for line in lines {
        *sizes.entry((line.size * 2.0).round() as u64).or_insert(0) += line.plain.len();
    }
    let most = sizes.into_iter().max_by_key(|(_, letters)| *letters);
    most.map_or(0.0, |(size, _)| size as f64 / 2.0)
}

/// Writes the paragraphs of a page; larger letters than the body's are headings.
pub(super) fn write(out: &mut Writer, lines: &[Line], body: f64) {
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        let mut words = first.words.text();
        let mut last = at;
        while let Some(next) = lines
            .get(last + 1)
            .filter(|next| lines[last].goes_on(next, edge(lines, last)))
        {
            join(&mut words, &next.words.text());
            last += 1;
        }
        let large = first.size > body * HEADING && words.chars().nth(MAX_HEADING).is_none();
        if large {
            out.heading(
                if first.size > body * HEADING * HEADING {
                    1
                } else {
                    2
                },
                &words,
            );
        } else {
            out.prose("", &words);
        }
        at = last + 1;
    }
}

/// The right edge of the column that a line stands in: the farthest end of the lines near it that begin where it does.
fn edge(lines: &[Line], at: usize) -> f64 {
    const NEAR: usize = 12;
    let own = &lines[at];
    let near = &lines[at.saturating_sub(NEAR)..(at + NEAR).min(lines.len())];
    let same = near
        .iter()
        .filter(|l| (l.left - own.left).abs() < own.size * FULL);
    same.map(|l| l.right).fold(own.right, f64::max)
}

/// Puts the next line behind: with a space between words, without one between Chinese characters, and a word that was
/// divided is whole again.
fn join(words: &mut String, next: &str) {
    let (last, first) = (words.chars().next_back(), next.trim_start().chars().next());
    let divided = words.ends_with('-')
        && words.chars().rev().nth(1).is_some_and(char::is_lowercase)
        && first.is_some_and(char::is_lowercase);
    if divided {
        words.pop();
    } else if !last.is_some_and(is_wide) || !first.is_some_and(is_wide) {
        words.push(' ');
    }
    words.push_str(next.trim_start());
}

/// Characters of scripts that put no space between words.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(x: f64, y: f64, text: &str) -> Vec<Letter> {
        text.chars()
            .enumerate()
            .map(|(i, c)| Letter {
                start: Point::new(x + 6.0 * i as f64, y),
                end: Point::new(x + 6.0 * (i + 1) as f64, y),
                size: 12.0,
                mark: None,
                words: c.to_string(),
            })
            .collect()
    }

    #[test]
    fn full_lines_go_on_and_short_ones_do_not() {
        let drawn = [
            letters(50.0, 100.0, "The move went live and no de-"),
            letters(50.0, 114.0, "pot saw it. All reports came"),
            letters(50.0, 128.0, "on time."),
            letters(50.0, 142.0, "Next week"),
            letters(300.0, 100.0, "Second column"),
        ]
        .concat();
        let lines = lines(&drawn);
        assert_eq!(lines.len(), 5);
        let mut out = Writer::default();
        write(&mut out, &lines, 12.0);
        let said =
            "The move went live and no depot saw it. All reports came on time.\nNext week\nSecond column\n";
        assert_eq!(out.finish().text, said);
    }
}
