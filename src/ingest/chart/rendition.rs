//! A chart as text that can be cited: a line a value, so that every value is a segment with its region.

use std::fmt::Write as _;

use super::{Chart, Kind, Value};
use crate::dossier::{Region, SegmentKind};
use crate::ingest::segment::{RawSegment, Reading};

/// The text of a chart and its segments. The same chart always gives the same text.
pub(super) fn of(chart: &Chart) -> (String, Reading) {
    let mut page = Page::default();
    let title = chart.title.as_str();
    if !title.is_empty() {
        page.line(SegmentKind::Heading, title, of_title(chart));
    }
    match chart.kind {
        Kind::Table => rows(chart, &mut page),
        _ => chart.values.iter().for_each(|value| {
            page.line(
                SegmentKind::Sentence,
                &said(title, value),
                Some((value.region, value.confidence)),
            )
        }),
    }
    for text in chart.text.iter().filter(|text| text.apart) {
        page.line(
            SegmentKind::Sentence,
            &text.text,
            Some((text.region, text.confidence)),
        );
    }
    (page.text, page.reading)
}

/// `Title; Series: category = 12`; what was measured is `≈ 12 (measured)`.
fn said(title: &str, value: &Value) -> String {
    let mut said = String::new();
    if !title.is_empty() {
        let _ = write!(said, "{title}; ");
    }
    if !value.series.is_empty() {
        let _ = write!(said, "{}: ", value.series);
    }
    let Value { category, text, .. } = value;
    let _ = if value.measured {
        write!(said, "{category} ≈ {text} (measured)")
    } else {
        write!(said, "{category} = {text}")
    };
    said
}

/// Every row as `Header: cell; Header: cell`.
fn rows(chart: &Chart, page: &mut Page) {
    for (n, row) in chart.values.chunk_by(|a, b| a.series == b.series).enumerate() {
        let cells = row.iter().map(|cell| format!("{}: {}", cell.category, cell.text));
        let cells: Vec<String> = cells.collect();
        let seen = row.iter().map(|cell| (cell.region, cell.confidence)).reduce(both);
        page.line(SegmentKind::Row, &cells.join("; "), seen);
        if let Some(segment) = page.reading.segments.last_mut() {
            segment.row = Some(n as u32 + 1);
        }
    }
}

/// Where a piece of text stands, and how sure its characters are.
type Seen = (Region, f32);

/// Where the title stands: around the lines whose words it has.
fn of_title(chart: &Chart) -> Option<Seen> {
    let mut rest = chart.title.as_str();
    let mut seen = None;
    for text in &chart.text {
        if let Some(after) = rest.strip_prefix(text.text.as_str()) {
            rest = after.trim_start();
            let own = (text.region, text.confidence);
            seen = Some(seen.map_or(own, |before| both(before, own)));
        }
        if rest.is_empty() {
            break;
        }
    }
    seen
}

/// Around both, as sure as the less sure.
fn both((Region(a), sure): Seen, (Region(b), other): Seen) -> Seen {
    let around = Region([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    (around, sure.min(other))
}

/// The text as far as it goes.
#[derive(Default)]
struct Page {
    text: String,
    reading: Reading,
}

impl Page {
    fn line(&mut self, kind: SegmentKind, said: &str, seen: Option<Seen>) {
        let start = self.text.len();
        self.text.push_str(said);
        let span = start..self.text.len();
        let mut segment = RawSegment::words(kind, &self.text, span);
        segment.region = seen.map(|(region, _)| region);
        segment.confidence = seen.map(|(_, confidence)| confidence);
        self.reading.segments.push(segment);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::Text;

    fn value(series: &str, category: &str, text: &str, measured: bool) -> Value {
        Value {
            series: series.to_owned(),
            category: category.to_owned(),
            value: text.parse().ok(),
            text: text.to_owned(),
            region: Region([1, 2, 3, 4]),
            confidence: 0.9,
            measured,
        }
    }

    #[test]
    fn every_value_is_a_line_with_its_region() {
        let title = Text {
            text: "Bugs fixed".to_owned(),
            region: Region([5, 5, 90, 20]),
            confidence: 0.9,
            apart: false,
        };
        let note = Text {
            text: "Source: tracker".to_owned(),
            apart: true,
            ..title.clone()
        };
        let chart = Chart {
            kind: Kind::Bar,
            title: "Bugs fixed".to_owned(),
            values: vec![value("Ann", "Q1", "12", false), value("", "Q2", "7.5", true)],
            text: vec![title, note],
            note: None,
        };
        let (text, reading) = of(&chart);
        let expected =
            "Bugs fixed\nBugs fixed; Ann: Q1 = 12\nBugs fixed; Q2 ≈ 7.5 (measured)\nSource: tracker\n";
        assert_eq!(text, expected);
        assert_eq!(reading.segments[0].region, Some(Region([5, 5, 90, 20])));
        assert_eq!(reading.segments[1].region, Some(Region([1, 2, 3, 4])));
        assert_eq!(
            &text[reading.segments[1].span.clone()],
            "Bugs fixed; Ann: Q1 = 12"
        );
    }

    #[test]
    fn a_row_of_a_table_is_one_line() {
        let chart = Chart {
            kind: Kind::Table,
            title: String::new(),
            values: vec![
                value("Docs", "Target", "12", false),
                value("Docs", "Actual", "9", false),
            ],
            text: Vec::new(),
            note: None,
        };
        let (text, reading) = of(&chart);
        assert_eq!(text, "Target: 12; Actual: 9\n");
        assert_eq!(reading.segments[0].row, Some(1));
    }
}
