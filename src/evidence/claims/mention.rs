//! A quantity in its place, with what tells whether another one measures the same.

use std::collections::BTreeSet;

use super::quantity::{self, Quantity, Unit};
use super::stated::{Role, Stated, items, label, months, previous};
use super::topic::{Topic, Vocabulary};
use super::{chart, row};
use crate::dossier::{Dossier, Segment, SegmentKind, SourceFormat};
use crate::evidence::Place;
use crate::evidence::locate::Located;
use crate::sanitize::line;

/// Bytes of the longest segment that is looked at: no statement is longer, and what is may be made to cost time.
const MAX_BYTES: usize = 4_000;

/// A claimed quantity with the words around it.
#[derive(Debug, Clone)]
pub(super) struct Mention<'a> {
    pub(super) segment: &'a Segment,
    pub(super) quantity: Quantity,
    /// What it is about: its clause, the label before it, the cells of its row that name something.
    pub(super) topic: Topic,
    /// For things counted in words: what stands behind the number.
    pub(super) nouns: Topic,
    /// The months that are named with it, 1 to 12.
    pub(super) months: BTreeSet<usize>,
    /// The goal that is named with it.
    pub(super) goal: Option<Quantity>,
    /// What another statement must name to speak of the same: of a value in a chart its category and series.
    pub(super) only: Topic,
    /// It is a value in a chart.
    pub(super) is_of_chart: bool,
    /// The codes counted, where a list of exactly as many follows in brackets.
    pub(super) items: BTreeSet<String>,
    /// What is counted or measured, as it stands.
    pub(super) term: String,
    pub(super) place: Place,
}

/// What is claimed in a segment.
pub(super) fn of<'a>(dossier: &'a Dossier, segment: &'a Segment, words: &Vocabulary) -> Vec<Mention<'a>> {
    match segment.kind {
        SegmentKind::Heading => Vec::new(),
        _ if segment.text.len() > MAX_BYTES => Vec::new(),
        SegmentKind::Row => row::mentions(dossier, segment, words),
        _ if dossier.source_of(segment).format == SourceFormat::Picture => {
            chart::mention(dossier, segment, words).into_iter().collect()
        }
        _ => in_prose(dossier, segment, words),
    }
}

fn in_prose<'a>(dossier: &'a Dossier, segment: &'a Segment, words: &Vocabulary) -> Vec<Mention<'a>> {
    let located = Located::new(dossier, segment);
    let text = located.text();
    let found = quantity::find(text).into_iter().map(|q| Stated::of(text, q));
    let (claimed, others): (Vec<Stated>, Vec<Stated>) = found.partition(|s| s.role == Role::Claim);
    let goals: Vec<Quantity> = others
        .into_iter()
        .filter(|s| s.role == Role::Goal)
        .map(|s| s.quantity)
        .collect();
    claimed
        .into_iter()
        .map(|stated| stated_in(segment, &located, stated, &goals, words))
        .collect()
}

fn stated_in<'a>(
    segment: &'a Segment,
    located: &Located<'_>,
    stated: Stated,
    goals: &[Quantity],
    words: &Vocabulary,
) -> Mention<'a> {
    let text = located.text();
    let span = stated.quantity.span.clone();
    let of_label = label(&text[..stated.clause.start]).map(|l| words.topic(l));
    let mut topic = stated.topic(text, words);
    if topic.is_empty() {
        // `Norvane Pharmacy, $412k`: a clause of a number alone is about what stands before it.
        topic = words.topic(previous(text, stated.clause.start));
    }
    Mention {
        segment,
        topic: &topic | &of_label.unwrap_or_default(),
        nouns: stated.nouns(text, words),
        months: months(&text[..span.end]),
        goal: goals.iter().find(|g| g.unit == stated.quantity.unit).cloned(),
        only: Topic::new(),
        is_of_chart: false,
        items: items(&text[span.end..], stated.quantity.value),
        term: line(text[stated.clause].trim()).into_owned(),
        place: located.place(span.clone(), line(&text[span]).into_owned()),
        quantity: stated.quantity,
    }
}

impl Mention<'_> {
    /// Whether the number stands for things whose kind only its noun tells.
    pub(super) fn needs_noun(&self) -> bool {
        self.quantity.unit == Unit::Things(None)
    }

    /// Whether this statement names what `other` asks for.
    pub(super) fn names_what_is_asked_by(&self, other: &Self) -> bool {
        let is_of_month = other.is_of_chart && !other.months.is_empty();
        other.only.is_subset(&self.topic) && !(is_of_month && self.months.is_empty())
    }
}
