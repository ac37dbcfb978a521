//! Lists that can be counted: a heading with the items under it.

use std::collections::BTreeSet;

use super::mention::Mention;
use super::quantity::{Quantity, Unit};
use super::topic::{Topic, Vocabulary};
use crate::dossier::{Dossier, Segment, SegmentKind, Source};
use crate::evidence::Place;

/// One mention for every heading that is followed by a numbered list of two items or more.
pub(super) fn of<'a>(dossier: &'a Dossier, words: &Vocabulary) -> Vec<Mention<'a>> {
    dossier
        .sources
        .iter()
        .flat_map(|source| sections(source).map(move |section| (source, section)))
        .filter_map(|(source, section)| list(dossier, source, section, words))
        .collect()
}

/// Each heading with what stands under it.
fn sections(source: &Source) -> impl Iterator<Item = &[Segment]> {
    source
        .segments
        .chunk_by(|_, next| next.kind != SegmentKind::Heading)
        .filter(|section| section[0].kind == SegmentKind::Heading)
}

fn list<'a>(
    dossier: &'a Dossier,
    source: &'a Source,
    section: &'a [Segment],
    words: &Vocabulary,
) -> Option<Mention<'a>> {
    let (heading, body) = section.split_first()?;
    let items = body.iter().filter(|s| is_numbered(source, s)).count();
    let only = body.first().is_some_and(|s| is_numbered(source, s));
    let topic = words.topic(&heading.text);
    (only && items >= 2).then(|| Mention {
        segment: heading,
        quantity: Quantity::counted(items),
        nouns: topic.clone(),
        topic,
        months: BTreeSet::new(),
        goal: None,
        only: Topic::new(),
        is_of_chart: false,
        items: BTreeSet::new(),
        term: heading.text.clone(),
        place: Place::of(dossier, heading),
    })
}

/// Whether a list number stands before the segment on its line.
fn is_numbered(source: &Source, segment: &Segment) -> bool {
    let before = &source.raw[..segment.anchor.span.start];
    let line = before.rsplit('\n').next().unwrap_or_default().trim();
    let digits = line.trim_end_matches(['.', ')', '、']);
    digits.len() < line.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

impl Quantity {
    /// A number of things that were counted.
    fn counted(n: usize) -> Self {
        Self {
            value: n as f64,
            unit: Unit::Things(None),
            step: 1.0,
            rough: false,
            span: 0..0,
        }
    }
}
