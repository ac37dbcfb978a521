//! Finding text in all sources of a dossier.

use std::ops::Range;

use crate::dossier::Dossier;

/// A search and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    wanted: String,
    matches: Vec<Match>,
    current: usize,
}

/// One place where the text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which source, an index into the dossier's.
    pub source: usize,
    /// Bytes of its visible text.
    pub span: Range<usize>,
}

impl Find {
    /// Searches every source; capitals matter only when the wanted text has some.
    pub fn new(dossier: &Dossier, wanted: &str) -> Self {
        let exact = wanted.chars().any(char::is_uppercase);
        let matches = dossier
            .sources
            .iter()
            .enumerate()
            .flat_map(|(source, s)| {
                let spans = occurrences(s.shown.text(), wanted, exact);
                spans.into_iter().map(move |span| Match { source, span })
            })
            .collect();
        Self {
            wanted: wanted.to_owned(),
            matches,
            current: 0,
        }
    }

    /// Searches what the dossier has become; the current match stays, wherever `now` says its source is.
    pub fn reread(&mut self, dossier: &Dossier, now: impl Fn(usize) -> Option<usize>) {
        let current = self
            .current()
            .and_then(|(_, m)| Some((now(m.source)?, m.span.start)));
        *self = Self::new(dossier, &self.wanted);
        if let Some((source, byte)) = current {
            self.start_from(source, byte);
        }
    }

    /// What is looked for.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }

    /// Everything found, in order.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The match the cursor is on: its number from 0, and where it is.
    pub fn current(&self) -> Option<(usize, &Match)> {
        self.matches.get(self.current).map(|m| (self.current, m))
    }

    /// Makes the first match at or after a place the current one.
    pub fn start_from(&mut self, source: usize, byte: usize) {
        let after = |m: &Match| (m.source, m.span.start) >= (source, byte);
        self.current = self.matches.iter().position(after).unwrap_or(0);
    }

    /// Goes `by` matches further, around the end; true when it went around.
    pub fn step(&mut self, by: isize) -> bool {
        let count = self.matches.len() as isize;
        if count == 0 {
            return false;
        }
        let to = self.current as isize + by;
        self.current = to.rem_euclid(count) as usize;
        !(0..count).contains(&to)
    }
}

fn occurrences(text: &str, wanted: &str, exact: bool) -> Vec<Range<usize>> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let pattern = regex::escape(wanted);
    let built = regex::RegexBuilder::new(&pattern)
        .case_insensitive(!exact)
        .build();
    built.map_or_else(
        |_| Vec::new(),
        |regex| regex.find_iter(text).map(|m| m.range()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::testing::dossier;

    #[test]
    fn finds_in_every_source_and_goes_around() {
        let mut find = Find::new(&dossier(), "sync");
        assert_eq!(find.matches().len(), 1);
        assert_eq!(find.current().map(|(_, m)| m.source), Some(1));
        assert!(find.step(1), "around");
        let small = Find::new(&dossier(), "led").matches().len();
        assert_eq!((small, Find::new(&dossier(), "LED").matches().len()), (1, 0));
    }

    #[test]
    fn begins_at_the_cursor() {
        let mut find = Find::new(&dossier(), "i");
        find.start_from(1, 0);
        assert_eq!(find.current().map(|(_, m)| m.source), Some(1));
        find.start_from(9, 0);
        assert_eq!(find.current().map(|(n, _)| n), Some(0));
        let mut nothing = Find::new(&dossier(), "");
        assert!(!nothing.step(1) && nothing.current().is_none());
    }
}
