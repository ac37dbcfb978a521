//! Numbers as charts print them.

/// What a unit multiplies by.
const SCALES: [(&str, f64); 6] = [
    ("k", 1e3),
    ("K", 1e3),
    ("M", 1e6),
    ("万", 1e4),
    ("亿", 1e8),
    ("千", 1e3),
];
/// A unit has at most so many characters; what is longer is no label of a value but words with a number.
const UNIT: usize = 4;

/// The number that a label prints, its scale multiplied in (`3.2k` is 3200) and its unit left off: `12`, `-3.5`, `1,204`,
/// `85%`, `¥12`, `320 ms`, `40天`. None where it is something else too.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text
        .trim()
        .replace(['−', '–', '—'], "-")
        .replace(['，', ','], ",");
    let text = text.trim_start_matches(['≈', '~', '¥', '$', '€', '￥', '+']);
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || matches!(c, '.' | ',') || (*at == 0 && *c == '-')))
        .map_or(text.len(), |(at, _)| at);
    let digits = text[..end].trim_end_matches(['.', ',']);
    let value: f64 = ungrouped(digits)?.parse().ok()?;
    let unit = text[end..].trim();
    let plain = |c: char| !c.is_ascii_digit() && !matches!(c, '-' | '/' | ':' | '年' | '月' | '日' | '季');
    let is_unit = unit.chars().count() <= UNIT && unit.chars().all(plain);
    let scale = SCALES
        .iter()
        .find(|(name, _)| unit.starts_with(name) && !unit.starts_with("km"));
    is_unit.then_some(value * scale.map_or(1.0, |(_, factor)| *factor))
}

/// Digits without the commas that part thousands. None where a comma parts something else.
fn ungrouped(digits: &str) -> Option<String> {
    let mut groups = digits.split('.').next()?.trim_start_matches('-').split(',');
    let first = groups.next()?;
    let mut rest = groups.peekable();
    let grouped = rest.peek().is_none() || first.len() <= 3;
    let whole = grouped && rest.all(|group| group.len() == 3);
    whole.then(|| digits.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_numbers_are_read_with_their_scale() {
        let cases = [
            ("12", 12.0),
            ("-3.5", -3.5),
            ("−7", -7.0),
            ("1,204", 1204.0),
            ("85%", 85.0),
            ("3.2k", 3200.0),
            ("1.5万", 15000.0),
            ("¥12", 12.0),
            ("320 ms", 320.0),
            ("40天", 40.0),
            ("0.", 0.0),
        ];
        for (text, value) in cases {
            assert_eq!(number(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_only_begins_with_a_number_is_none() {
        for text in [
            "",
            "-",
            "Q1",
            "3月",
            "2026-05",
            "12 of 15",
            "1,2",
            "5 bugs fixed",
            "1.2.3",
            "W12",
            "2026年",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
