//! The values of a chart, a line each: `Title; Series: category = 12`, measured ones `≈ 12 (measured)`.

use std::collections::BTreeSet;

use super::mention::Mention;
use super::quantity::{self, Quantity};
use super::stated::months;
use super::topic::{Topic, Vocabulary};
use super::units;
use crate::dossier::{Dossier, Segment};
use crate::evidence::locate::Located;

/// What a line says, where it is the value of a category that has a name of its own.
pub(super) fn mention<'a>(
    dossier: &'a Dossier,
    segment: &'a Segment,
    words: &Vocabulary,
) -> Option<Mention<'a>> {
    let located = Located::new(dossier, segment);
    let text = located.text();
    let (head, written) = text.rsplit_once(" = ").or_else(|| text.rsplit_once(" ≈ "))?;
    let (number, measured) = match written.strip_suffix(" (measured)") {
        Some(number) => (number, true),
        None => (written, false),
    };
    let (series, category) = named(head);
    let of_series = words.topic(series);
    if !series.is_empty() && of_series.is_empty() && series != dossier.meta.cycle {
        return None;
    }
    let months = months(category);
    let of_category = if months.is_empty() {
        words.topic(category)
    } else {
        Topic::new()
    };
    if months.is_empty() && of_category.is_empty() {
        return None;
    }
    let mut quantity = value(number, head)?;
    quantity.rough |= measured;
    let at = text.len() - written.len();
    let topic = words.topic(head);
    Some(Mention {
        segment,
        nouns: topic.clone(),
        topic,
        months,
        goal: None,
        only: &of_series | &of_category,
        is_of_chart: true,
        items: BTreeSet::new(),
        term: crate::sanitize::line(head).into_owned(),
        place: located.place(at..at + number.len(), crate::sanitize::line(number).into_owned()),
        quantity,
    })
}

/// The series, empty where there is one without a name, and the category.
fn named(head: &str) -> (&str, &str) {
    let last = head.rsplit_once("; ").map_or(head, |(_, last)| last);
    last.split_once(": ").unwrap_or(("", last))
}

/// The number, in the unit it is written with, else in the one that stands in brackets in the title.
fn value(number: &str, head: &str) -> Option<Quantity> {
    let mut found = quantity::find(number);
    if !found.is_empty() {
        return Some(found.remove(0));
    }
    let mut bare = quantity::bare(number)?;
    if let Some(scale) = bracketed(head).and_then(units::chinese) {
        bare.unit = scale.unit;
        bare.value *= scale.times;
        bare.step *= scale.times;
    }
    Some(bare)
}

/// What stands in the first brackets.
fn bracketed(head: &str) -> Option<&str> {
    let (_, rest) = head.split_once(['(', '（'])?;
    Some(rest.split_once([')', '）'])?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::claims::Unit;

    #[test]
    fn a_line_is_series_category_and_value() {
        assert_eq!(named("Reviews done; 2026H1: Search"), ("2026H1", "Search"));
        assert_eq!(named("Reviews done; Search"), ("", "Search"));
        assert_eq!(named("Search"), ("", "Search"));
        let read = |number, head| value(number, head).map(|q| (q.value, q.unit));
        assert_eq!(read("99.5%", "Uptime"), Some((99.5, Unit::Percent)));
        assert_eq!(read("99.5", "Uptime (%)"), Some((99.5, Unit::Percent)));
        assert_eq!(read("1.5", "耗时（小时）"), Some((5_400_000.0, Unit::Duration)));
        assert_eq!(read("1,200", "Tickets"), Some((1_200.0, Unit::Things(None))));
        assert_eq!(read("n/a", "Tickets"), None);
    }
}
