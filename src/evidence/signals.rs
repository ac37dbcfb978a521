//! How often a rubric's signals occur, with every occurrence.
//!
//! The rules, so that anyone can count again: Chinese terms match as exact substrings; English terms match whole words
//! by stem, a phrase only where nothing but spaces and hyphens stands between its words; terms of both languages are
//! counted in every dossier, because Chinese reports hold English words. No stretch of text counts twice for one
//! signal: of two terms that overlap, the one that begins first counts, and of two that begin together the longer.
//! Headings do not count: a form whose heading says "risks" would show a risk raised in every report.

use std::cmp::Reverse;
use std::ops::Range;

use super::locate::Located;
use super::words::{self, Word};
use super::{Count, EvidenceKind, EvidenceLink, Place};
use crate::dossier::{Dossier, Language, SegmentKind};
use crate::rubric::{Dimension, Polarity, Signal};
use crate::sanitize::line;

/// One link for every term of the dimension's signals that occurs at all: signals in rubric order, the terms of
/// `language` before those of the other.
pub fn count_signals(dossier: &Dossier, dimension: &Dimension, language: Language) -> Vec<EvidenceLink> {
    let Counters(counters) = Counters::new(dimension, language);
    let mut found: Vec<Vec<Vec<Place>>> = counters.iter().map(|c| vec![Vec::new(); c.terms.len()]).collect();
    for segment in dossier.segments().filter(|s| s.kind != SegmentKind::Heading) {
        let located = Located::new(dossier, segment);
        let words = words::words(located.text());
        for (counter, places) in counters.iter().zip(&mut found) {
            for (term, span) in counter.matches(located.text(), &words) {
                let quote = line(&located.text()[span.clone()]).into_owned();
                places[term].push(located.place(span, quote));
            }
        }
    }
    let links = counters
        .iter()
        .zip(found)
        .flat_map(|(counter, places)| counter.links(places));
    links.collect()
}

/// The signals of a dimension, ready to be counted.
pub struct Counters<'a>(Vec<Counter<'a>>);

impl<'a> Counters<'a> {
    /// Prepares the terms of every signal; those of language `first` come before those of the other.
    pub fn new(dimension: &'a Dimension, first: Language) -> Self {
        Self(dimension.signals.iter().map(|s| Counter::new(s, first)).collect())
    }

    /// Where the signals occur in `text`, whose words are `words`, with the signal's id.
    pub fn spans(&self, text: &str, words: &[Word]) -> Vec<(&str, Range<usize>)> {
        let of = |c: &Counter<'a>| {
            let found = c.matches(text, words).into_iter();
            found
                .map(|(_, span)| (c.signal.id.as_str(), span))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Where the signals that speak against the dimension occur in `text`.
    pub fn adverse(&self, text: &str) -> Vec<Range<usize>> {
        let words = words::words(text);
        let adverse = self
            .0
            .iter()
            .filter(|c| c.signal.polarity() == Polarity::Contradicts);
        let spans = adverse.flat_map(|c| c.matches(text, &words));
        spans.map(|(_, span)| span).collect()
    }

    /// How many of the dimension's signals occur in `text`.
    pub fn present(&self, text: &str) -> usize {
        let words = words::words(text);
        let present = self.0.iter().filter(|c| !c.matches(text, &words).is_empty());
        present.count()
    }
}

/// A signal, ready to be counted.
struct Counter<'a> {
    signal: &'a Signal,
    terms: Vec<Term<'a>>,
}

enum Term<'a> {
    /// Found as it stands.
    Exact(&'a str),
    /// Found by the stems of its words.
    Stems(&'a str, Vec<String>),
}

impl<'a> Counter<'a> {
    fn new(signal: &'a Signal, first: Language) -> Self {
        let exact = signal.zh.iter().map(|t| Term::Exact(t));
        let stems = signal.en.iter().map(|t| {
            let stems = words::words(t).into_iter().map(|w| w.stem).collect();
            Term::Stems(t, stems)
        });
        let terms = match first {
            Language::Zh => exact.chain(stems).collect(),
            Language::En => stems.chain(exact).collect(),
        };
        Self { signal, terms }
    }

    /// What counts in `text`: the term and its bytes, in order, none overlapping.
    fn matches(&self, text: &str, words: &[Word]) -> Vec<(usize, Range<usize>)> {
        let mut all: Vec<(usize, Range<usize>)> = Vec::new();
        for (i, term) in self.terms.iter().enumerate() {
            match term {
                Term::Exact(term) => all.extend(exact(text, term).map(|span| (i, span))),
                Term::Stems(_, stems) => all.extend(phrases(text, words, stems).map(|span| (i, span))),
            }
        }
        all.sort_by_key(|(i, span)| (span.start, Reverse(span.end), *i));
        let mut free = 0;
        all.retain(|(_, span)| {
            let counts = span.start >= free;
            if counts {
                free = span.end;
            }
            counts
        });
        all
    }

    fn links(&self, places: Vec<Vec<Place>>) -> impl Iterator<Item = EvidenceLink> {
        self.terms
            .iter()
            .zip(places)
            .filter_map(|(term, occurrences)| self.link(term.text(), occurrences))
    }

    fn link(&self, term: &str, occurrences: Vec<Place>) -> Option<EvidenceLink> {
        Some(EvidenceLink {
            kind: EvidenceKind::Count,
            polarity: self.signal.polarity(),
            place: occurrences.first()?.clone(),
            count: Some(Count {
                signal: self.signal.id.clone(),
                term: term.to_owned(),
                n: occurrences.len(),
                occurrences,
            }),
        })
    }
}

impl Term<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Stems(text, _) => text,
        }
    }
}

/// Where `term` stands in `text`. Latin letters at its ends must end a word there, so that `bug` is not in `debug`.
fn exact<'a>(text: &'a str, term: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let joins = |a: Option<char>, b: Option<char>| {
        a.is_some_and(|c| c.is_ascii_alphanumeric()) && b.is_some_and(|c| c.is_ascii_alphanumeric())
    };
    let spans = text.match_indices(term).map(|(at, m)| at..at + m.len());
    spans.filter(move |span| {
        let (before, after) = (
            text[..span.start].chars().next_back(),
            text[span.end..].chars().next(),
        );
        !joins(before, term.chars().next()) && !joins(term.chars().next_back(), after)
    })
}

/// Where the words with these stems stand side by side in `text`.
fn phrases<'a>(
    text: &'a str,
    words: &'a [Word],
    stems: &'a [String],
) -> impl Iterator<Item = Range<usize>> + 'a {
    let windows = words.windows(stems.len().max(1));
    windows.filter_map(move |window| {
        let same = window.iter().zip(stems).all(|(w, s)| &w.stem == s);
        let joined = window
            .windows(2)
            .all(|w| text[w[0].span.end..w[1].span.start].chars().all(joins_words));
        let span = window.first()?.span.start..window.last()?.span.end;
        (!stems.is_empty() && same && joined).then_some(span)
    })
}

/// Whether `c` may stand between two words of one phrase.
fn joins_words(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}' | '\u{2011}' | ':' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::SourceKind;
    use crate::error::Result;
    use crate::evidence::testing;
    use crate::rubric::builtin;

    fn dimension(id: &str) -> Result<Dimension> {
        let rubric = builtin("core")?;
        let found = rubric.dimensions.into_iter().find(|d| d.id.as_str() == id);
        Ok(found.expect("a dimension of the core rubric"))
    }

    /// Term, number, and of every occurrence the line and the bytes as they stand.
    type Counted = (String, usize, Vec<(u32, String)>);

    fn counted(dossier: &Dossier, id: &str) -> Result<Vec<Counted>> {
        let links = count_signals(dossier, &dimension(id)?, dossier.meta.language);
        let counts = links.into_iter().filter_map(|l| l.count);
        let place = |p: &Place| {
            let source = dossier.sources.iter().find(|s| s.path == p.source);
            let bytes = source.and_then(|s| s.raw.get(p.span())).unwrap_or_default();
            (p.line, bytes.to_owned())
        };
        Ok(counts
            .map(|c| (c.term, c.n, c.occurrences.iter().map(place).collect()))
            .collect())
    }

    #[test]
    fn chinese_counts_exactly_and_finds_english_words_too() -> Result<()> {
        let text = "# 对齐\n周一对齐，周三再对齐。\n又 align 了一次，还 realign 过\n同步给后端";
        let dossier = testing::dossier(Language::Zh, &[("w.md", SourceKind::Weekly, text)]);
        let at = |line, word: &str| (line, word.to_owned());
        let expected = vec![
            ("同步给".to_owned(), 1, vec![at(4, "同步给")]),
            ("对齐".to_owned(), 2, vec![at(2, "对齐"), at(2, "对齐")]),
            ("align".to_owned(), 1, vec![at(3, "align")]),
        ];
        assert_eq!(counted(&dossier, "collaboration")?, expected);
        Ok(())
    }

    #[test]
    fn english_counts_by_stem_and_phrases_stay_together() -> Result<()> {
        let text =
            "Aligned the cross team plan; cross-team syncing helped.\nCross, team! The runbooks misalign.";
        let dossier = testing::dossier(Language::En, &[("w.md", SourceKind::Weekly, text)]);
        let at = |line, word: &str| (line, word.to_owned());
        let expected = vec![
            ("sync".to_owned(), 1, vec![at(1, "syncing")]),
            ("align".to_owned(), 1, vec![at(1, "Aligned")]),
            (
                "cross-team".to_owned(),
                2,
                vec![at(1, "cross team"), at(1, "cross-team")],
            ),
            ("runbook".to_owned(), 1, vec![at(2, "runbooks")]),
        ];
        assert_eq!(counted(&dossier, "collaboration")?, expected);
        Ok(())
    }

    #[test]
    fn no_stretch_counts_twice_and_latin_terms_end_with_the_word() -> Result<()> {
        let text = "bug 修了，debug 很久，Bugs 清零，单元测试测试覆盖率";
        let dossier = testing::dossier(Language::Zh, &[("w.md", SourceKind::Weekly, text)]);
        let counts: Vec<(String, usize)> = counted(&dossier, "quality")?
            .into_iter()
            .map(|(t, n, _)| (t, n))
            .collect();
        let expected = [("测试", 2), ("覆盖率", 1), ("bug", 1), ("bug", 1)].map(|(t, n)| (t.to_owned(), n));
        assert_eq!(counts, expected);
        Ok(())
    }

    #[test]
    fn terms_inside_json_escapes_are_found_at_the_bytes_that_spell_them() -> Result<()> {
        let text = r#"Ada: 先\u5bf9\u9f50，\"对齐\"再说"#;
        let dossier = testing::dossier(Language::Zh, &[("c.jsonl", SourceKind::Chat, text)]);
        let expected = vec![(1, r"\u5bf9\u9f50".to_owned()), (1, "对齐".to_owned())];
        assert_eq!(
            counted(&dossier, "collaboration")?,
            [("对齐".to_owned(), 2, expected)]
        );
        Ok(())
    }

    #[test]
    fn adverse_signals_contradict() -> Result<()> {
        let text = "He blamed QA. I missed the review, my mistake.";
        let dossier = testing::dossier(Language::En, &[("p.md", SourceKind::Peer, text)]);
        let links = count_signals(&dossier, &dimension("ownership")?, Language::En);
        let found: Vec<(Polarity, String)> = links
            .into_iter()
            .filter_map(|l| Some((l.polarity, l.count?.term)))
            .collect();
        let expected = [
            (Polarity::Supports, "my mistake".to_owned()),
            (Polarity::Supports, "I missed".to_owned()),
            (Polarity::Contradicts, "blame".to_owned()),
        ];
        assert_eq!(found, expected);
        Ok(())
    }
}
