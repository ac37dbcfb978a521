//! Numbers that words state and nothing that they rest on does: a model may have made them up.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::EvidenceLink;
use crate::dossier::Dossier;

/// The numbers in `words` that stand in none of the quotes and counts of `links`, nor in title or date of their sources or in
/// what a prompt says of the person, as they are written; each once.
pub fn unfounded<'a, 'l>(
    words: &'a str,
    dossier: &Dossier,
    links: impl IntoIterator<Item = &'l EvidenceLink>,
) -> Vec<&'a str> {
    let mut known = BTreeSet::new();
    let mut know = |text: &str| known.extend(numbers(text).map(|n| plain(n).into_owned()));
    know(&dossier.meta.cycle);
    know(&dossier.meta.role);
    for link in links {
        know(&link.place.quote);
        if let Some(count) = &link.count {
            know(&count.n.to_string());
        }
        let source = dossier
            .sources
            .iter()
            .find(|source| source.path == link.place.source);
        if let Some(source) = source {
            know(&source.title);
            source.date.iter().for_each(|date| know(&date.to_string()));
        }
    }
    let mut told = Vec::new();
    for number in numbers(words) {
        if !known.contains(&*plain(number)) && !told.contains(&number) {
            told.push(number);
        }
    }
    told
}

/// The numbers in a text, a point between digits and a comma before thousands belonging to them.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let digit = |c: char| c.is_ascii_digit();
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(digit)?..];
        let inside = |(at, c): (usize, char)| {
            let digits = rest[at + c.len_utf8()..]
                .chars()
                .take_while(char::is_ascii_digit)
                .count();
            let joins = match c {
                '.' => digits > 0,
                // Of thousands; between others it is a list.
                ',' => digits == 3,
                _ => false,
            };
            !(digit(c) || joins)
        };
        let end = rest
            .char_indices()
            .find(|&found| inside(found))
            .map_or(rest.len(), |found| found.0);
        let (number, behind) = rest.split_at(end);
        rest = behind;
        Some(number)
    })
}

/// 1,500 is 1500, and 05 is 5.
fn plain(number: &str) -> Cow<'_, str> {
    let number = number.trim_start_matches('0');
    match number {
        "" => Cow::Borrowed("0"),
        number if number.contains(',') => Cow::Owned(number.replace(',', "")),
        number => Cow::Borrowed(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::{Language, SourceKind};
    use crate::evidence::testing::dossier;
    use crate::evidence::{EvidenceKind, Place, Polarity};

    #[test]
    fn numbers_are_read_whole() {
        let found: Vec<&str> = numbers("2.1万单, 1,500 of 05/28. Cut 36%, in 2. Then x9").collect();
        assert_eq!(found, ["2.1", "1,500", "05", "28", "36", "2", "9"]);
        assert_eq!(
            numbers("weeks 3,4,5 and 12,3456").collect::<Vec<_>>(),
            ["3", "4", "5", "12", "3456"]
        );
        assert_eq!(plain("1,500"), "1500");
        assert_eq!((plain("05"), plain("0")), ("5".into(), "0".into()));
    }

    #[test]
    fn what_is_quoted_is_founded() {
        let text = "Cut it by 36% in 2 weeks.\nIt was 1,500 before.";
        let dossier = dossier(Language::En, &[("week-12.md", SourceKind::Weekly, text)]);
        let links: Vec<EvidenceLink> = dossier
            .segments()
            .map(|segment| EvidenceLink {
                kind: EvidenceKind::Quote,
                polarity: Polarity::Supports,
                place: Place::of(&dossier, segment),
                count: None,
            })
            .collect();
        let words = "In week 12 cut 1500 by 36 %, in 02 weeks and 3 days; 3 days";
        assert_eq!(unfounded(words, &dossier, &links), ["3"]);
        assert_eq!(unfounded(words, &dossier, &links[..1]), ["1500", "3"]);
    }
}
