//! Text cut into what can be compared: English words by stem, Chinese by pairs of characters, numbers as they stand.
//!
//! Mixed text is cut by runs of one script, so `上线后 bugs 少了` gives pairs of the Chinese runs and the stem of the
//! English one. No dictionary is needed, and none can be out of date.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

/// A word of a script that separates words: letters and digits, with inner apostrophes and decimal points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Lowercase, stemmed by the Snowball English stemmer (Porter, 2001).
    pub stem: String,
    /// Bytes of the text it was found in.
    pub span: Range<usize>,
}

/// A stretch of text in one script.
enum Run<'a> {
    /// Chinese, or another script without word boundaries.
    Unspaced(&'a str),
    /// A word, with its first byte.
    Spaced(usize, &'a str),
}

/// The words of `text`, in order; Chinese is passed over.
pub fn words(text: &str) -> Vec<Word> {
    let stemmer = Stemmer::create(Algorithm::English);
    let word = |run| match run {
        Run::Spaced(start, word) => Some(Word {
            stem: stem(&stemmer, word),
            span: start..start + word.len(),
        }),
        Run::Unspaced(_) => None,
    };
    runs(text).filter_map(word).collect()
}

/// The search terms of `text`: stems of words, pairs of Chinese characters (a single character where it stands alone).
pub fn terms(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut terms = Vec::new();
    for run in runs(text) {
        match run {
            Run::Spaced(_, word) => terms.push(stem(&stemmer, word)),
            Run::Unspaced(run) => pairs(run, &mut terms),
        }
    }
    terms
}

/// The terms of `text` for search: as [`terms`], and every Chinese character alone, which finds what pairs miss where
/// a word is cut or said otherwise.
pub fn search_terms(text: &str) -> Vec<String> {
    let characters = text.chars().filter(|c| is_unspaced(*c));
    let mut found: Vec<String> = characters.map(String::from).collect();
    found.extend(terms(text).into_iter().filter(|t| !is_single(t)));
    found
}

/// Whether a term is an English word, stemmed or not, that says nothing of what a text is about.
pub fn is_common(term: &str) -> bool {
    COMMON.split(' ').any(|word| word == term)
}

/// Function words, and the verbs and adverbs that stand in every report.
const COMMON: &str = "a about after again all also an and any are as at back be been before between both but by can \
could did do does down each for from get go good got had has have he her him his how i if in into is it it's just \
last less made make mani many me more most much my new no not now of off on one onli only or other our out over own \
per said same see set she should so some still such than that the their them then there these they this those time \
to too two under until up us veri very was way we well were what when where which while who will with within would \
yes you your";

fn is_single(term: &str) -> bool {
    let mut characters = term.chars();
    characters.next().is_some_and(is_unspaced) && characters.next().is_none()
}

/// Whether `c` belongs to a script that is written without spaces between words.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0x2_0000..=0x3_FFFF)
}

fn stem(stemmer: &Stemmer, word: &str) -> String {
    let lower = word.to_lowercase().replace('’', "'");
    stemmer.stem(&lower).into_owned()
}

fn pairs(run: &str, terms: &mut Vec<String>) {
    let characters: Vec<char> = run.chars().collect();
    if let [only] = characters[..] {
        terms.push(only.to_string());
    }
    terms.extend(characters.windows(2).map(|pair| pair.iter().collect::<String>()));
}

fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let begin = rest + text[rest..].find(|c: char| c.is_alphanumeric() || is_unspaced(c))?;
        let unspaced = text[begin..].starts_with(is_unspaced);
        let end = begin + run_length(&text[begin..], unspaced);
        rest = end;
        let run = &text[begin..end];
        Some(if unspaced {
            Run::Unspaced(run)
        } else {
            Run::Spaced(begin, run)
        })
    })
}

/// Bytes of the run that `text` begins with.
fn run_length(text: &str, unspaced: bool) -> usize {
    let letter = |c: char| c.is_alphanumeric() && !is_unspaced(c);
    let mut before = None;
    for (at, c) in text.char_indices() {
        let next = || text[at + c.len_utf8()..].chars().next();
        let inside = match (unspaced, c) {
            (true, c) => is_unspaced(c),
            (false, '\'' | '’') => next().is_some_and(letter),
            (false, '.') => {
                before.is_some_and(|b: char| b.is_ascii_digit()) && next().is_some_and(|n| n.is_ascii_digit())
            }
            (false, c) => letter(c),
        };
        if !inside {
            return at;
        }
        before = Some(c);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_text_is_cut_by_script() {
        let found = terms("上线后 Bugs 少了41.5%，我们don't panic 对");
        let expected = [
            "上线", "线后", "bug", "少了", "41.5", "我们", "don't", "panic", "对",
        ];
        assert_eq!(found, expected);
    }

    /// Stems as the Snowball English stemmer's own vocabulary gives them (snowballstem.org, english/output.txt).
    #[test]
    fn words_keep_their_place_and_lose_their_ending() {
        let text = "Aligned — the teams’ alignment; aligning.";
        let found = words(text);
        let stems: Vec<&str> = found.iter().map(|w| w.stem.as_str()).collect();
        assert_eq!(stems, ["align", "the", "team", "align", "align"]);
        assert_eq!(&text[found[0].span.clone()], "Aligned");
        assert_eq!(&text[found[4].span.clone()], "aligning");
    }

    #[test]
    fn search_also_knows_single_characters() {
        assert_eq!(search_terms("上线 ok 对"), ["上", "线", "对", "上线", "ok"]);
        assert!(is_common("the") && !is_common("sync"));
    }

    #[test]
    fn a_decimal_point_stays_and_a_full_stop_goes() {
        assert_eq!(terms("v1.2. 3.5h"), ["v1.2", "3.5h"]);
        assert_eq!(terms(""), Vec::<String>::new());
    }
}
