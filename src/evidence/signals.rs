//! How often a rubric's signals occur, with every occurrence.
//!
//! The rules, so that anyone can count again:
//! - A Chinese term counts where it stands as it is and is a run of whole words or half of a compound: 按时 is not in
//!   按时间, 测试 is in 测试环境 (see [`super::boundary::Boundaries::are_words`]).
//! - English terms match whole words by stem, a phrase only where nothing but spaces and hyphens stands between its
//!   words. Terms of both languages are counted in every dossier, because Chinese reports hold English words.
//! - No stretch of text counts twice for one signal: of two terms that overlap, the one that begins first counts, and of
//!   two that begin together the longer.
//! - Headings do not count: a form whose heading says "risks" would show a risk raised in every report.
//! - In a chat or a transcript that names its speakers, a signal of the dimension counts only where the employee speaks:
//!   that others "sync" says nothing of the employee. An adverse signal counts from everybody, for it is others who
//!   complain. Where no speaker is named, nobody can tell, and every occurrence counts.

use std::cmp::Reverse;
use std::ops::Range;

use super::boundary::Boundaries;
use super::locate::Located;
use super::words::{self, Word};
use super::{Count, EvidenceKind, EvidenceLink, Place, speaker};
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
        let text = Searched::of(located.text());
        let others = speaker::is_another(dossier, segment);
        for (counter, places) in counters.iter().zip(&mut found) {
            if others && counter.signal.polarity() == Polarity::Supports {
                continue;
            }
            for (term, span) in counter.matches(&text) {
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

    /// Where the signals occur in `text`, with the signal's id.
    pub fn spans(&self, text: &Searched<'_>) -> Vec<(&str, Range<usize>)> {
        let of = |c: &Counter<'a>| {
            let found = c.matches(text).into_iter();
            found
                .map(|(_, span)| (c.signal.id.as_str(), span))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Where the signals that speak against the dimension occur in `text`.
    pub fn adverse(&self, text: &str) -> Vec<Range<usize>> {
        let text = Searched::of(text);
        let adverse = self
            .0
            .iter()
            .filter(|c| c.signal.polarity() == Polarity::Contradicts);
        let spans = adverse.flat_map(|c| c.matches(&text));
        spans.map(|(_, span)| span).collect()
    }

    /// How many of the dimension's signals occur in `text`.
    pub fn present(&self, text: &str) -> usize {
        let text = Searched::of(text);
        let present = self.0.iter().filter(|c| !c.matches(&text).is_empty());
        present.count()
    }
}

/// A text, ready to be searched for terms.
pub struct Searched<'a> {
    text: &'a str,
    words: Vec<Word>,
    boundaries: Boundaries<'a>,
}

impl<'a> Searched<'a> {
    /// Finds the English words; Chinese ones are found when a term asks for them.
    pub fn of(text: &'a str) -> Self {
        Self {
            text,
            words: words::words(text),
            boundaries: Boundaries::of(text),
        }
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
    fn matches(&self, text: &Searched<'_>) -> Vec<(usize, Range<usize>)> {
        let mut all: Vec<(usize, Range<usize>)> = Vec::new();
        for (i, term) in self.terms.iter().enumerate() {
            match term {
                Term::Exact(term) => all.extend(exact(text, term).map(|span| (i, span))),
                Term::Stems(_, stems) => all.extend(phrases(text, stems).map(|span| (i, span))),
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

/// Where `term` stands in `text` as whole words: Latin letters at its ends must end a word there, so that `bug` is not in
/// `debug`, and Chinese characters a word of the dictionary.
fn exact<'a>(searched: &'a Searched<'_>, term: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let text = searched.text;
    let joins = |a: Option<char>, b: Option<char>| {
        a.is_some_and(|c| c.is_ascii_alphanumeric()) && b.is_some_and(|c| c.is_ascii_alphanumeric())
    };
    let spans = text.match_indices(term).map(|(at, m)| at..at + m.len());
    spans.filter(move |span| {
        let (before, after) = (
            text[..span.start].chars().next_back(),
            text[span.end..].chars().next(),
        );
        !joins(before, term.chars().next())
            && !joins(term.chars().next_back(), after)
            && searched.boundaries.are_words(span)
    })
}

/// Where the words with these stems stand side by side in `text`.
fn phrases<'a>(searched: &'a Searched<'_>, stems: &'a [String]) -> impl Iterator<Item = Range<usize>> + 'a {
    let text = searched.text;
    let windows = searched.words.windows(stems.len().max(1));
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

    /// Only what the employee (Ada) says counts for a signal of the dimension; a colleague's complaint counts too.
    #[test]
    fn in_talk_the_employee_is_counted_and_others_only_where_they_complain() -> Result<()> {
        let talk = "Ada: 先同步进展\nBo: 我也同步进展\nAda: 再同步进展\n会议室换了，同步进展\nBo: 催了三次";
        let dossier = testing::dossier(Language::Zh, &[("m.vtt", SourceKind::Meeting, talk)]);
        let at = |line, word: &str| (line, word.to_owned());
        let expected = vec![
            (
                "同步进展".to_owned(),
                2,
                vec![at(1, "同步进展"), at(3, "同步进展")],
            ),
            ("催了".to_owned(), 1, vec![at(5, "催了")]),
        ];
        assert_eq!(counted(&dossier, "collaboration")?, expected);
        let links = count_signals(&dossier, &dimension("collaboration")?, Language::Zh);
        let said: Vec<usize> = links
            .iter()
            .filter_map(|l| Some(l.count.as_ref()?.said_by_employee(&dossier.meta)))
            .collect();
        assert_eq!(said, [2, 0]);
        let unnamed = testing::dossier(
            Language::Zh,
            &[("m.vtt", SourceKind::Meeting, "先同步进展\n再同步进展")],
        );
        assert_eq!(counted(&unnamed, "collaboration")?[0].1, 2, "nobody is named");
        Ok(())
    }

    #[test]
    fn a_chinese_term_is_whole_words() -> Result<()> {
        let text = "直觉按时间就对\n按时交付\n在测试环境里试";
        let dossier = testing::dossier(Language::Zh, &[("w.md", SourceKind::Weekly, text)]);
        let on_time = counted(&dossier, "delivery")?;
        assert!(
            on_time.contains(&("按时".to_owned(), 1, vec![(2, "按时".to_owned())])),
            "{on_time:?}"
        );
        let test = counted(&dossier, "quality")?;
        assert!(
            test.contains(&("测试".to_owned(), 1, vec![(3, "测试".to_owned())])),
            "{test:?}"
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
