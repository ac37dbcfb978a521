//! Where Chinese words begin and end, so that a term is found as words and not as two halves of others.
//!
//! Cut by jieba with the dictionary that it brings along, without its guess at words that no dictionary has: a guess
//! joins characters, and a term inside a joined word would be lost. Nothing is cut, and the dictionary not loaded, until
//! a Chinese term stands next to another Chinese character: a dossier in English never pays for it.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::OnceLock;

use jieba_rs::Jieba;

use super::words::is_unspaced;

/// Read once, when the first text is cut, and never changed.
static DICTIONARY: OnceLock<Jieba> = OnceLock::new();

fn dictionary() -> &'static Jieba {
    DICTIONARY.get_or_init(Jieba::new)
}

/// The words of `text` in order, all of it: Chinese words, and what stands between them as it comes.
pub fn cut(text: &str) -> impl Iterator<Item = Range<usize>> {
    let words = dictionary().cut(text, false);
    words.into_iter().map(|word| word.byte_start..word.byte_end)
}

/// The boundaries of a text, found when they are first asked for.
pub struct Boundaries<'a> {
    text: &'a str,
    words: OnceCell<Vec<Range<usize>>>,
}

impl<'a> Boundaries<'a> {
    /// Of this text.
    pub fn of(text: &'a str) -> Self {
        Self {
            text,
            words: OnceCell::new(),
        }
    }

    /// Whether `span` is a run of whole words, or one half of a compound: 测试 in 测试环境, but not in what only looks so,
    /// 按时 in 按|时间. Both halves must be words of the dictionary of two characters or more: with a single character (方向感) it
    /// is another word.
    pub fn are_words(&self, span: &Range<usize>) -> bool {
        (self.is_boundary(span.start) && self.is_boundary(span.end)) || self.is_half(span)
    }

    fn words(&self) -> &[Range<usize>] {
        self.words.get_or_init(|| cut(self.text).collect())
    }

    fn is_boundary(&self, at: usize) -> bool {
        let before = self.text[..at].chars().next_back();
        let after = self.text[at..].chars().next();
        let inside = before.is_some_and(is_unspaced) && after.is_some_and(is_unspaced);
        !inside || self.words().binary_search_by_key(&at, |w| w.start).is_ok()
    }

    fn is_half(&self, span: &Range<usize>) -> bool {
        let words = self.words();
        let holding = words.partition_point(|w| w.end < span.end);
        let Some(word) = words.get(holding).filter(|w| w.start <= span.start) else {
            return false;
        };
        let rest = if word.start == span.start {
            span.end..word.end
        } else if word.end == span.end {
            word.start..span.start
        } else {
            return false;
        };
        let known = |part: &str| part.chars().count() >= 2 && dictionary().has_word(part);
        known(&self.text[rest]) && known(&self.text[span.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        cut(text).map(|span| &text[span]).collect()
    }

    /// Loading is what the first Chinese term of a run costs; it happens beside the keys, never under one.
    #[test]
    fn the_dictionary_loads_in_no_time_to_speak_of() -> std::io::Result<()> {
        use std::io::Write as _;
        let start = std::time::Instant::now();
        assert!(Jieba::new().has_word("进展"));
        let took = start.elapsed();
        writeln!(std::io::stderr(), "dictionary loaded in {took:?}")?;
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
        Ok(())
    }

    /// As the dictionary of jieba has it.
    #[test]
    fn text_is_cut_into_the_dictionary_s_words() {
        assert_eq!(words("我们已同步进展"), ["我们", "已", "同步", "进展"]);
        let text = "上线后 bug 少了41%";
        assert_eq!(words(text).concat(), text, "nothing is left out");
    }

    #[test]
    fn a_term_is_whole_words_or_not_there() {
        let whole = |text: &str, term: &str| {
            let start = text.find(term).unwrap_or_default();
            Boundaries::of(text).are_words(&(start..start + term.len()))
        };
        assert!(whole("我们已同步进展了", "同步进展"));
        assert!(whole("对齐", "对齐"));
        assert!(whole("先align再说", "align"));
        assert!(!whole("直觉按时间就对", "按时"));
        assert!(!whole("另外又按不同比例造了", "同比"));
        assert!(!whole("票打回来了", "打回"));
    }

    #[test]
    fn half_of_a_compound_is_a_word_and_a_longer_word_is_another() {
        let whole = |text: &str, term: &str| {
            let start = text.find(term).unwrap_or_default();
            Boundaries::of(text).are_words(&(start..start + term.len()))
        };
        assert!(whole("他在测试环境里试", "测试"));
        assert!(whole("会议纪要从来没有", "纪要"));
        assert!(!whole("他方向感强", "方向"));
    }
}
