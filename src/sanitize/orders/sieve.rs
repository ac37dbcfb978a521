//! Which of many patterns may match a text, found in one pass over it: a pattern needs certain words, and most texts have
//! none of them. The words are read off the patterns themselves (as in Cox, Regular Expression Matching with a Trigram
//! Index, 2012), so that no list of them can go stale. A pattern that passes need not match.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A class of more characters than this is no need.
const MOST_CHARACTERS: usize = 16;

/// Words of which every text that matches has one.
type Need = Vec<Vec<u8>>;

/// The words of all patterns, and what they tell of each.
pub(super) struct Sieve {
    words: AhoCorasick,
    /// By word: the needs that it fills, numbered through all patterns.
    fills: Vec<Vec<usize>>,
    /// By pattern: its needs.
    needs: Vec<Range<usize>>,
}

impl Sieve {
    /// # Panics
    /// One of the patterns is none.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Self {
        let mut fills: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        let (mut needs, mut count) = (Vec::new(), 0);
        // One space is in every text.
        let telling = |need: &Need| need.iter().all(|word| word != b" ");
        for pattern in patterns {
            let first = count;
            let parsed = regex_syntax::parse(pattern).expect("the patterns are constants");
            for need in needs_of(&parsed).into_iter().filter(telling) {
                for word in need {
                    fills.entry(word).or_default().push(count);
                }
                count += 1;
            }
            needs.push(first..count);
        }
        let (words, fills): (Vec<_>, Vec<_>) = fills.into_iter().unzip();
        let words = AhoCorasick::new(words).expect("the words are few");
        Self { words, fills, needs }
    }

    /// The numbers of the patterns of which every need is filled, in order.
    pub(super) fn passed(&self, text: &str) -> Vec<usize> {
        let mut filled = vec![false; self.needs.last().map_or(0, |last| last.end)];
        for found in self.words.find_overlapping_iter(text) {
            for &need in &self.fills[found.pattern()] {
                filled[need] = true;
            }
        }
        let passes = |needs: &Range<usize>| filled[needs.clone()].iter().all(|&filled| filled);
        let patterns = self.needs.iter().enumerate();
        patterns
            .filter(|(_, needs)| passes(needs))
            .map(|(at, _)| at)
            .collect()
    }
}

fn needs_of(pattern: &Hir) -> Vec<Need> {
    match pattern.kind() {
        HirKind::Literal(word) => vec![vec![word.0.to_vec()]],
        HirKind::Class(Class::Unicode(class)) => {
            let characters = class.iter().flat_map(|range| range.start()..=range.end());
            let words: Need = characters
                .take(MOST_CHARACTERS + 1)
                .map(|c| c.to_string().into_bytes())
                .collect();
            let few = words.len() <= MOST_CHARACTERS;
            few.then_some(words).into_iter().collect()
        }
        HirKind::Capture(group) => needs_of(&group.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => needs_of(&repeated.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(needs_of).collect(),
        HirKind::Alternation(branches) => {
            let best: Option<Vec<Need>> = branches.iter().map(longest).collect();
            best.map(|needs| needs.concat()).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The need of a branch whose shortest word is the longest.
fn longest(branch: &Hir) -> Option<Need> {
    let shortest = |need: &Need| need.iter().map(Vec::len).min();
    needs_of(branch).into_iter().max_by_key(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_match_passes_and_what_cannot_does_not() {
        let patterns = [
            r"(?:ignore|forget)(?: all)? rules?\b",
            r"(?:^|[,。])给.{0,4}[1-5] ?分",
            r"a*|b",
            r"(?P<told>we )?score [a-z]+",
        ];
        let sieve = Sieve::new(patterns.into_iter());
        assert_eq!(sieve.passed("ignore the rules"), [0, 2]);
        assert_eq!(sieve.passed("ignore the rest"), [2]);
        assert_eq!(sieve.passed("他给了5分"), [1, 2]);
        assert_eq!(sieve.passed("他给了8分"), [2]);
        assert_eq!(sieve.passed("score it"), [2, 3]);
    }
}
