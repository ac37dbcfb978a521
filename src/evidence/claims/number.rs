//! How numbers are written, and which of them are the names of days, versions and tickets.

use std::ops::Range;

use super::quantity::{Quantity, Unit};
use super::units;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Digits,
    Chinese,
    English,
}

/// A number without its unit.
pub(super) struct Number {
    pub(super) value: f64,
    /// One in the last digit.
    pub(super) step: f64,
    pub(super) span: Range<usize>,
    writing: Writing,
}

impl Number {
    /// The number that begins at `at`.
    pub(super) fn at(text: &str, at: usize) -> Option<Self> {
        let first = text[at..].chars().next()?;
        let before = text[..at].chars().next_back();
        if first.is_ascii_digit() {
            Self::digits(text, at)
        } else if CHINESE.contains(first) && !before.is_some_and(|c| CHINESE.contains(c) || c == '第') {
            Self::chinese(text, at)
        } else if first.is_ascii_alphabetic() && !before.is_some_and(char::is_alphanumeric) {
            Self::english(text, at)
        } else {
            None
        }
    }

    /// `1,842` or `2.5`; with `span` over all digits and marks, so that a date is skipped whole.
    pub(super) fn digits(text: &str, at: usize) -> Option<Self> {
        let mut value = String::new();
        let mut end = at;
        for (i, c) in text[at..].char_indices() {
            let next_digit = text[at + i + c.len_utf8()..].starts_with(|n: char| n.is_ascii_digit());
            match c {
                '0'..='9' => value.push(c),
                ',' if next_digit && !value.contains('.') => {}
                '.' if next_digit && !value.contains('.') => value.push(c),
                _ => break,
            }
            end = at + i + c.len_utf8();
        }
        let decimals = value.split_once('.').map_or(0, |(_, digits)| digits.len());
        Some(Self {
            value: value.parse().ok()?,
            step: 0.1_f64.powi(decimals as i32),
            span: at..end,
            writing: Writing::Digits,
        })
    }

    /// `两`, `三`, `十二`, `二十`; 一 alone is an article more often than a number.
    fn chinese(text: &str, at: usize) -> Option<Self> {
        let run: Vec<char> = text[at..].chars().take_while(|c| CHINESE.contains(*c)).collect();
        let digit = |c: &char| match c {
            '两' => Some(2),
            '十' => None,
            c => CHINESE.chars().position(|d| d == *c).map(|i| i + 1),
        };
        let value = match run.as_slice() {
            [one] if *one != '一' => digit(one).or((*one == '十').then_some(10))?,
            ['十', ones] => 10 + digit(ones)?,
            [tens, '十'] => 10 * digit(tens)?,
            [tens, '十', ones] => 10 * digit(tens)? + digit(ones)?,
            _ => return None,
        };
        let length: usize = run.iter().map(|c| c.len_utf8()).sum();
        Some(Self {
            value: value as f64,
            step: 1.0,
            span: at..at + length,
            writing: Writing::Chinese,
        })
    }

    fn english(text: &str, at: usize) -> Option<Self> {
        let length = text[at..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(text.len() - at);
        let word = text[at..at + length].to_ascii_lowercase();
        let value = ENGLISH.iter().position(|w| *w == word)? + 2;
        Some(Self {
            value: value as f64,
            step: 1.0,
            span: at..at + length,
            writing: Writing::English,
        })
    }

    /// The number with its unit; none where it is a date, a time, a code, an ordinal, or measures nothing.
    pub(super) fn measured(&self, text: &str) -> Option<Quantity> {
        let (before, after) = (&text[..self.span.start], &text[self.span.end..]);
        if self.writing == Writing::Digits && is_name(before, after) {
            return None;
        }
        if before.ends_with('$') {
            let (times, length) = units::multiplier(after);
            let mut money = self.of(Unit::Money, times, length);
            money.span = self.span.start - 1..self.span.end + length;
            return Some(money);
        }
        let scale = match self.writing {
            Writing::English => units::english(after)?,
            Writing::Digits => units::chinese(after).or_else(|| units::english(after))?,
            Writing::Chinese => units::chinese(after)?,
        };
        let mut quantity = self.of(scale.unit, scale.times, scale.length);
        quantity.rough = scale.rough;
        Some(quantity)
    }

    /// So many of a unit that is `times` its scale, spelt by the `length` bytes behind the number.
    pub(super) fn of(&self, unit: Unit, times: f64, length: usize) -> Quantity {
        Quantity {
            value: self.value * times,
            unit,
            step: self.step * times,
            rough: false,
            span: self.span.start..self.span.end + length,
        }
    }
}

/// The digits 1 to 9 and ten.
const CHINESE: &str = "一二三四五六七八九十两";

/// From two; `one` is a pronoun more often than a number.
const ENGLISH: [&str; 19] = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// Words that make the number after them a name.
const ORDINALS: [&str; 16] = [
    "week",
    "stage",
    "phase",
    "partition",
    "module",
    "chapter",
    "depot",
    "section",
    "level",
    "step",
    "day",
    "no",
    "page",
    "version",
    "ticket",
    "p",
];

/// Whether digits between `before` and `after` are part of a date, a time, a range, a code or an ordinal.
fn is_name(before: &str, after: &str) -> bool {
    let joins = |c: char| matches!(c, '-' | '–' | '~' | '/' | ':' | '.' | '_' | '#');
    let last = before.chars().next_back();
    let attached = last.is_some_and(|c| c.is_ascii_alphanumeric() || joins(c) || c == '第');
    let mut next = after.chars();
    let runs_on = next.next().is_some_and(joins) && next.next().is_some_and(char::is_alphanumeric);
    let dated = after.trim_start().starts_with(['月', '日', '号', '年', '档'])
        || ["st", "nd", "rd", "th"]
            .iter()
            .any(|end| units::begins_with_word(after, end));
    let word_before = before
        .trim_end()
        .rsplit(|c: char| !c.is_ascii_alphabetic())
        .next();
    let named = word_before.is_some_and(|w| {
        let lower = w.to_ascii_lowercase();
        !w.is_empty()
            && (ORDINALS.contains(&lower.as_str())
                || month(&lower).is_some() && units::chinese(after).is_none())
    });
    let word_after: String = after
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    attached
        || runs_on
        || dated
        || named
        || before.trim_end().ends_with('第')
        || month(&word_after.to_ascii_lowercase()).is_some()
}

/// The month, 1 to 12, that a lowercase word names in full or by its first three letters.
pub(super) fn month(word: &str) -> Option<usize> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let at = NAMES.iter().position(|name| *name == word || &name[..3] == word);
    at.or((word == "sept").then_some(8)).map(|at| at + 1)
}
