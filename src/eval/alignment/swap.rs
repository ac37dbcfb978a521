//! The numbers of texts against tables and charts, and against those of another person.
//!
//! A rule that confirms numbers whatever table it is given says nothing. So every number that a person's own tables and
//! charts speak of is held against the tables and charts of the next dossier, of the same language and another person
//! where there is one: it must no longer be confirmed.

use std::collections::BTreeMap;

use super::Aligned;
use crate::dossier::{Dossier, Source, SourceFormat, SourceKind};
use crate::evidence::checks::numbers;
use crate::evidence::{Place, Polarity};
use crate::hash::ContentHash;
use crate::id::SegmentNo;
use crate::rubric::Rubric;

/// A number in a text, by where it stands.
type Number = (ContentHash, usize);

/// Of every number in a text of dossier `at` of which a table or a chart speaks: whether it is confirmed, and whether the
/// tables and charts of another person confirm it. Nothing where there is no other person.
pub(super) fn confirmed(aligned: &[Aligned], at: usize, rubric: &Rubric) -> Vec<(bool, bool)> {
    let own = &aligned[at].dossier;
    let Some(other) = partner(aligned, at) else {
        return Vec::new();
    };
    let swapped = told(&with_tables_of(own, &aligned[other].dossier), rubric);
    let told = told(own, rubric).into_iter();
    told.map(|(number, own)| (own, swapped.get(&number).copied().unwrap_or(false)))
        .collect()
}

/// The next dossier of another person, of the same language where there is one.
fn partner(aligned: &[Aligned], at: usize) -> Option<usize> {
    let own = &aligned[at].dossier.meta;
    let following = (1..aligned.len()).map(|step| (at + step) % aligned.len());
    let others = following.filter(|i| aligned[*i].dossier.meta.subject.id != own.subject.id);
    let others: Vec<usize> = others.collect();
    let same = others
        .iter()
        .find(|i| aligned[**i].dossier.meta.language == own.language);
    same.or(others.first()).copied()
}

/// Whether the tables and charts of a dossier confirm the numbers of its texts, of those of which they speak.
fn told(dossier: &Dossier, rubric: &Rubric) -> BTreeMap<Number, bool> {
    let mut told: BTreeMap<Number, bool> = BTreeMap::new();
    for check in numbers(dossier, rubric) {
        for other in &check.others {
            let agrees = other.polarity == Polarity::Supports;
            let text = match (
                is_of_table(dossier, &check.place),
                is_of_table(dossier, &other.place),
            ) {
                (false, true) => &check.place,
                (true, false) => &other.place,
                _ => continue,
            };
            let confirmed = told.entry((text.sha256, text.start)).or_insert(true);
            *confirmed &= agrees;
        }
    }
    told
}

fn is_of_table(dossier: &Dossier, place: &Place) -> bool {
    dossier
        .sources
        .iter()
        .any(|s| s.path == place.source && is_table(s))
}

/// Whether a source is a table or a chart as a whole.
fn is_table(source: &Source) -> bool {
    use SourceFormat::{Csv, Ods, Picture, Xlsx};
    source.kind == SourceKind::Okr
        || (matches!(source.format, Csv | Ods | Picture | Xlsx) && source.kind != SourceKind::Chat)
}

/// A dossier with another's tables and charts in the place of its own.
fn with_tables_of(own: &Dossier, other: &Dossier) -> Dossier {
    let texts = own.sources.iter().filter(|s| !is_table(s));
    let tables = other.sources.iter().filter(|s| is_table(s));
    let mut swapped = Dossier {
        sources: texts.chain(tables).cloned().collect(),
        ..own.clone()
    };
    let mut no = 0;
    for (at, source) in swapped.sources.iter_mut().enumerate() {
        for segment in &mut source.segments {
            no += 1;
            segment.no = SegmentNo(no);
            segment.source = at;
        }
    }
    swapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::eval::alignment::tests::two_people;
    use crate::rubric::builtin;

    #[test]
    fn another_s_tables_confirm_nothing() -> Result<()> {
        let all = two_people();
        let rubric = builtin("core")?;
        let mut first = confirmed(&all, 0, &rubric);
        first.sort_unstable();
        assert_eq!(first, [(false, false), (true, false)]);
        assert_eq!(confirmed(&all, 1, &rubric), [(true, false)]);
        assert_eq!(confirmed(&all[1..], 0, &rubric), [], "nobody to swap with");
        Ok(())
    }
}
