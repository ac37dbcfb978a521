//! What a model does not see: who people are, how to reach them, and what must not weigh in a judgement.
//!
//! Names become pseudonyms, the same ones all through a dossier and in the order in which they first occur, so that a
//! dossier that grows keeps those it had. Known names are the employee's, those of everybody who speaks in a source, and
//! the `people` of `dossier.toml`. Phone and identity numbers, addresses of mail, and words that tell age, health,
//! family, faith or origin are blotted out. What is stored and cited stays as it is: only the prompt is changed, and
//! what the model says of a pseudonym is shown with the name again.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::dossier::{Dossier, Language};
use crate::rubric::Rubric;

/// A shorter part of a name is left alone: it may be any word.
const SHORTEST_PART: usize = 3;

/// Numbers and addresses that lead to a person, with what to write instead in Chinese and in English. Chinese identity
/// numbers have 17 digits and a check character (GB 11643), mobile numbers 11 digits that begin with 13 to 19.
static NUMBERS: LazyLock<[(Regex, [&str; 2]); 4]> = LazyLock::new(|| {
    [
        (
            pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
            ["〈邮箱〉", "<email>"],
        ),
        (
            pattern(r"(?-u:\b)[1-9][0-9]{16}[0-9Xx](?-u:\b)"),
            ["〈证件号〉", "<id number>"],
        ),
        (
            pattern(r"(?-u:\b)1[3-9][0-9]{9}(?-u:\b)"),
            ["〈电话〉", "<phone>"],
        ),
        (
            pattern(r"\+[0-9]{1,3}[ -]?[0-9][0-9 -]{6,14}[0-9]"),
            ["〈电话〉", "<phone>"],
        ),
    ]
});

/// What tells of age, health, family, faith or origin (the protected attributes of most labour laws).
static PROTECTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"[0-9]{2} ?周?岁|怀孕|孕期|产假|产检|哺乳期|备孕|流产|已婚|未婚|已育|未育|离异|离婚|单亲|",
        r"汉族|回族|藏族|蒙古族|维吾尔族|壮族|满族|朝鲜族|少数民族|佛教|基督教|天主教|伊斯兰教|穆斯林|",
        r"残疾|残障|抑郁症|抑郁|焦虑症|病假|住院|化疗|同性恋|跨性别|",
        r"(?i:(?-u:\b)(?:[0-9]{2} years? old|aged [0-9]{2}|pregnan(?:t|cy)|(?:maternity|paternity|parental|sick|medical) leave|",
        r"married|divorced|single (?:mother|father|parent)|disabilit(?:y|ies)|wheelchair|depression|chemotherapy|",
        r"muslim|christian|catholic|jewish|hindu|buddhist|gay|lesbian|transgender)(?-u:\b))",
    ))
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// The pseudonyms of one dossier; none where nothing is to be hidden.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    hidden: Option<Hidden>,
}

#[derive(Debug, Clone)]
struct Hidden {
    language: Language,
    names: Regex,
    /// Every known name and part of one, with its pseudonym.
    pseudonyms: HashMap<String, String>,
    aliases: Regex,
    /// The name of every pseudonym.
    people: HashMap<String, String>,
}

impl Redaction {
    /// Nothing is hidden.
    pub fn none() -> Self {
        Self::default()
    }

    /// What `rubric` hides of a dossier, its pseudonyms in `language`.
    pub fn by(rubric: &Rubric, dossier: &Dossier, language: Language) -> Self {
        if rubric.redact {
            Self::of(dossier, language)
        } else {
            Self::none()
        }
    }

    /// That of a dossier, its pseudonyms in `language`.
    pub fn of(dossier: &Dossier, language: Language) -> Self {
        let text: Vec<&str> = dossier.segments().map(|s| s.text.as_str()).collect();
        let (mut pseudonyms, mut people) = (HashMap::new(), HashMap::new());
        for (n, name) in everybody(dossier).into_iter().enumerate() {
            let alias = pseudonym(n, language);
            for part in parts(&name, &text) {
                pseudonyms.entry(part).or_insert_with(|| alias.clone());
            }
            let number = dossier.meta.subject.id.as_str();
            if n == 0 && number.len() >= SHORTEST_PART {
                pseudonyms.insert(number.to_owned(), alias.clone());
            }
            people.insert(alias, name);
        }
        Self {
            hidden: any_of(pseudonyms.keys())
                .zip(any_of(people.keys()))
                .map(|(names, aliases)| Hidden {
                    language,
                    names,
                    pseudonyms,
                    aliases,
                    people,
                }),
        }
    }

    /// What the employee is called in the prompt; none where names are not hidden.
    pub fn subject(&self) -> Option<String> {
        self.hidden.as_ref().map(|hidden| pseudonym(0, hidden.language))
    }

    /// `text` as a model may see it.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(hidden) = &self.hidden else {
            return Cow::Borrowed(text);
        };
        let nth = usize::from(hidden.language == Language::En);
        let mut shown = Cow::Borrowed(text);
        for (numbers, instead) in &*NUMBERS {
            shown = replaced(shown, numbers, |_| instead[nth].to_owned());
        }
        let protected = ["〈受保护信息〉", "<protected>"][nth];
        shown = replaced(shown, &PROTECTED, |_| protected.to_owned());
        replaced(shown, &hidden.names, |name| {
            hidden
                .pseudonyms
                .get(name)
                .cloned()
                .unwrap_or_else(|| name.to_owned())
        })
    }

    /// What a model wrote, with the names of those it speaks of.
    pub fn reveal<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(hidden) = &self.hidden else {
            return Cow::Borrowed(text);
        };
        replaced(Cow::Borrowed(text), &hidden.aliases, |alias| {
            hidden
                .people
                .get(alias)
                .cloned()
                .unwrap_or_else(|| alias.to_owned())
        })
    }
}

fn replaced<'t>(text: Cow<'t, str>, what: &Regex, with: impl Fn(&str) -> String) -> Cow<'t, str> {
    if !what.is_match(&text) {
        return text;
    }
    Cow::Owned(
        what.replace_all(&text, |found: &Captures<'_>| with(&found[0]))
            .into_owned(),
    )
}

/// The employee first, then who speaks, in order, then the other people of the manifest.
fn everybody(dossier: &Dossier) -> Vec<String> {
    let speakers = dossier.segments().filter_map(|s| s.speaker.as_deref());
    let named = std::iter::once(dossier.meta.subject.name.as_str())
        .chain(speakers)
        .chain(dossier.meta.people.iter().map(String::as_str));
    let mut seen = BTreeSet::new();
    named
        .map(without_remark)
        .filter(|name| name.chars().count() > 1 && seen.insert((*name).to_owned()))
        .map(str::to_owned)
        .collect()
}

/// `Han Mei (design)` without what stands in brackets.
fn without_remark(name: &str) -> &str {
    let end = name.find(['(', '（', '[', '【']).unwrap_or(name.len());
    name[..end].trim()
}

/// A name, and those of its words that are nothing else in `texts`: `Will` is, where somebody will do something.
fn parts(name: &str, texts: &[&str]) -> Vec<String> {
    let words = name.split_whitespace().filter(|word| {
        let lower = word.to_lowercase();
        let capital = word.starts_with(char::is_uppercase);
        let as_word = || texts.iter().any(|text| has_word(text, &lower));
        capital && word.chars().count() >= SHORTEST_PART && !as_word()
    });
    let mut parts = vec![name.to_owned()];
    parts.extend(words.filter(|word| *word != name).map(str::to_owned));
    parts
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// `Person A`, `Person B` …, `Person AA`.
fn pseudonym(n: usize, language: Language) -> String {
    let mut letters = String::new();
    let mut left = n + 1;
    while left > 0 {
        left -= 1;
        letters.insert(0, char::from(b'A' + (left % 26) as u8));
        left /= 26;
    }
    match (n, language) {
        (0, Language::Zh) => format!("员工{letters}"),
        (_, Language::Zh) => format!("同事{letters}"),
        (_, Language::En) => format!("Person {letters}"),
    }
}

/// Any of some words: whole ones where they are of Latin letters, the longest of several.
fn any_of<'a>(words: impl Iterator<Item = &'a String>) -> Option<Regex> {
    let mut words: Vec<&String> = words.filter(|w| !w.is_empty()).collect();
    words.sort_by_key(|w| (std::cmp::Reverse(w.len()), *w));
    let bounded = |word: &String| {
        let edge = |c: Option<char>| {
            if c.is_some_and(|c| c.is_ascii_alphanumeric()) {
                r"(?-u:\b)"
            } else {
                ""
            }
        };
        let (first, last) = (word.chars().next(), word.chars().next_back());
        format!("{}{}{}", edge(first), regex::escape(word), edge(last))
    };
    let all: Vec<String> = words.into_iter().map(bounded).collect();
    (!all.is_empty())
        .then(|| Regex::new(&all.join("|")).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::ingest::of_text;

    /// A dossier of lines, each with who says it.
    fn dossier(language: Language, name: &str, lines: &[(&str, &str)]) -> Result<Dossier> {
        let text: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
        let mut dossier = of_text("d", "-", language, &text.join("\n\n"))?;
        for (segment, (speaker, _)) in dossier.sources[0].segments.iter_mut().zip(lines) {
            segment.speaker = (!speaker.is_empty()).then(|| (*speaker).to_owned());
        }
        name.clone_into(&mut dossier.meta.subject.name);
        Ok(dossier)
    }

    #[test]
    fn names_become_pseudonyms_and_come_back() -> Result<()> {
        let lines = [
            ("Mei Han", "Priya Nair will ship it."),
            ("Will Ford", "Priya wrote a good note."),
        ];
        let dossier = dossier(Language::En, "Priya Nair", &lines)?;
        let redaction = Redaction::of(&dossier, Language::En);
        let seen = redaction.hide("Priya's note helped; I will ask Mei and Will Ford.");
        assert_eq!(seen, "Person A's note helped; I will ask Person B and Person C.");
        // `Will` alone may be the verb.
        assert_eq!(redaction.hide("Will it ship?"), "Will it ship?");
        assert_eq!(
            redaction.reveal("Person A answered Person B, not Person BB."),
            "Priya Nair answered Mei Han, not Person BB."
        );
        assert_eq!(redaction.subject().as_deref(), Some("Person A"));
        Ok(())
    }

    #[test]
    fn chinese_names_need_no_spaces_around_them() -> Result<()> {
        let lines = [("李雷", "我同步一下。"), ("韩梅梅（产品）", "谢谢李雷。")];
        let mut dossier = dossier(Language::Zh, "李雷", &lines)?;
        dossier.meta.people = vec!["周敏".to_owned()];
        let redaction = Redaction::of(&dossier, Language::Zh);
        let seen = redaction.hide("李雷请韩梅梅和周敏评审");
        assert_eq!(seen, "员工A请同事B和同事C评审");
        assert_eq!(redaction.reveal(&seen), "李雷请韩梅梅和周敏评审");
        Ok(())
    }

    #[test]
    fn numbers_addresses_and_protected_words_are_blotted_out() -> Result<()> {
        let zh = dossier(Language::Zh, "李雷", &[("", "本周周报。")])?;
        let zh = Redaction::of(&zh, Language::Zh);
        let cases = [
            ("致电13812345678。", "致电〈电话〉。"),
            ("证件 11010519491231002X 已核", "证件 〈证件号〉 已核"),
            ("写信 li.lei@example.com 即可", "写信 〈邮箱〉 即可"),
            ("她35岁，刚休完产假", "她〈受保护信息〉，刚休完〈受保护信息〉"),
            ("共 11 位 12345678901 号单", "共 11 位 12345678901 号单"),
        ];
        for (text, expected) in cases {
            assert_eq!(zh.hide(text), expected);
        }
        let en = dossier(Language::En, "Priya Nair", &[("", "A report.")])?;
        let en = Redaction::of(&en, Language::En);
        let text = "Back from maternity leave; call +44 20 7946 0958. The flag was disabled.";
        assert_eq!(
            en.hide(text),
            "Back from <protected>; call <phone>. The flag was disabled."
        );
        assert_eq!(Redaction::none().hide(text), text);
        Ok(())
    }

    #[test]
    fn pseudonyms_do_not_run_out() {
        let letters = |n| pseudonym(n, Language::Zh);
        assert_eq!(
            [letters(0), letters(25), letters(26), letters(27)],
            ["员工A", "同事Z", "同事AA", "同事AB"]
        );
    }
}
