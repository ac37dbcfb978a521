//! Every text of the interface, Chinese and English, from one table.
//!
//! A [`Word`] cannot exist without both languages: the table in [`table`](self) makes the enum and its texts in one
//! go. Texts with places to fill carry `{name}`; [`Word::fill`] puts values there. What is specific to a rubric or a
//! dossier comes from those, never from here.

use crate::dossier::Language;

mod reason;
mod table;

pub use reason::Reason;
pub use table::Word;

impl Word {
    /// The text with each `{name}` replaced by its value.
    ///
    /// Values are put in as they are and not searched again, so a value that holds braces does no harm.
    pub fn fill(self, language: Language, values: &[(&str, &str)]) -> String {
        let mut rest = self.text(language);
        let mut filled = String::with_capacity(rest.len() + 16);
        while let Some((before, name, after)) = next_slot(rest) {
            filled.push_str(before);
            if let Some((_, value)) = values.iter().find(|(n, _)| *n == name) {
                filled.push_str(value);
            } else {
                filled.push('{');
                filled.push_str(name);
                filled.push('}');
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// The text before the first `{name}`, the name, and the text after it.
fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::tui::width::Measure;

    fn slots(mut text: &str) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        while let Some((_, name, after)) = next_slot(text) {
            names.insert(name);
            text = after;
        }
        names
    }

    /// The text without its `{name}`s.
    fn literal(mut text: &str) -> String {
        let mut own = String::new();
        while let Some((before, _, after)) = next_slot(text) {
            own.push_str(before);
            text = after;
        }
        own + text
    }

    #[test]
    fn both_languages_fill_the_same_places() {
        for word in Word::ALL {
            let (zh, en) = (word.text(Language::Zh), word.text(Language::En));
            assert_eq!(slots(zh), slots(en), "{word:?}");
        }
    }

    #[test]
    fn every_word_is_written_in_its_language() {
        for word in Word::ALL {
            let (zh, en) = (word.text(Language::Zh), word.text(Language::En));
            assert!(!en.is_empty() && en.trim() == en, "{word:?}: {en:?}");
            assert!(en.is_ascii(), "{word:?}: {en:?}");
            let own = literal(zh);
            let chinese = own.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
            assert!(
                chinese || !own.chars().any(char::is_alphabetic),
                "{word:?}: {zh:?}"
            );
        }
    }

    /// Chinese text uses full-width punctuation; a Latin comma or full stop in it is a slip.
    #[test]
    fn chinese_punctuation_is_chinese() {
        for word in Word::ALL {
            let zh = word.text(Language::Zh);
            let slip = zh.char_indices().any(|(i, c)| {
                ",.;:?!".contains(c) && zh[..i].chars().next_back().is_some_and(|p| p > '\u{2E80}')
            });
            assert!(!slip, "{word:?}: {zh:?}");
        }
    }

    /// The compiler cannot say: the table itself names every text.
    #[test]
    fn every_word_is_used_somewhere() -> std::io::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut named) = (vec![root], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("words/table.rs") {
                    let text = std::fs::read_to_string(path)?;
                    let names = text.split(|c: char| !c.is_ascii_alphanumeric());
                    named.extend(names.map(str::to_owned));
                }
            }
        }
        let unused: Vec<_> = Word::ALL
            .iter()
            .filter(|w| !named.contains(&format!("{w:?}")))
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
        Ok(())
    }

    #[test]
    fn titles_fit_their_panes() {
        use Word as W;
        for word in [
            W::Sources,
            W::Document,
            W::Dimensions,
            W::Evidence,
            W::Rationale,
            W::Suggestion,
        ] {
            for language in [Language::Zh, Language::En] {
                assert!(Measure::default().text(word.text(language)) <= 12, "{word:?}");
            }
        }
    }

    #[test]
    fn values_are_put_in_and_not_searched_again() {
        let filled = Word::SavedRecord.fill(Language::En, &[("record", "{hash}"), ("hash", "3f9a")]);
        assert_eq!(filled, "saved #{hash} 3f9a");
    }

    #[test]
    fn a_missing_value_stays_visible() {
        assert_eq!(
            Word::SavedRecord.fill(Language::Zh, &[("record", "7")]),
            "已保存 #7 {hash}"
        );
    }
}
