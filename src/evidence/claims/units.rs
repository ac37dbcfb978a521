//! The units behind a number.

use super::quantity::Unit;

/// A unit, how many of its scale one is, and how many bytes spell it, the blanks before it included.
pub(super) struct Scale {
    pub(super) unit: Unit,
    pub(super) times: f64,
    pub(super) length: usize,
    pub(super) rough: bool,
}

/// Spelling, unit, and how many milliseconds or bytes one is; a spelling before those that begin it.
const UNITS: [(&str, Unit, f64); 36] = [
    ("%", Unit::Percent, 1.0),
    ("％", Unit::Percent, 1.0),
    ("percent", Unit::Percent, 1.0),
    ("毫秒", Unit::Duration, 1.0),
    ("ms", Unit::Duration, 1.0),
    ("秒", Unit::Duration, 1_000.0),
    ("seconds", Unit::Duration, 1_000.0),
    ("sec", Unit::Duration, 1_000.0),
    ("s", Unit::Duration, 1_000.0),
    ("分钟", Unit::Duration, 60_000.0),
    ("minutes", Unit::Duration, 60_000.0),
    ("minute", Unit::Duration, 60_000.0),
    ("mins", Unit::Duration, 60_000.0),
    ("min", Unit::Duration, 60_000.0),
    ("m", Unit::Duration, 60_000.0),
    ("个小时", Unit::Duration, 3_600_000.0),
    ("小时", Unit::Duration, 3_600_000.0),
    ("hours", Unit::Duration, 3_600_000.0),
    ("hour", Unit::Duration, 3_600_000.0),
    ("hrs", Unit::Duration, 3_600_000.0),
    ("hr", Unit::Duration, 3_600_000.0),
    ("h", Unit::Duration, 3_600_000.0),
    ("TB", Unit::Bytes, 1e12),
    ("GB", Unit::Bytes, 1e9),
    ("MB", Unit::Bytes, 1e6),
    ("KB", Unit::Bytes, 1e3),
    ("天", Unit::Things(Some('天')), 1.0),
    ("周", Unit::Things(Some('周')), 1.0),
    ("days", Unit::Things(Some('天')), 1.0),
    ("day", Unit::Things(Some('天')), 1.0),
    ("weeks", Unit::Things(Some('周')), 1.0),
    ("week", Unit::Things(Some('周')), 1.0),
    ("months", Unit::Things(Some('月')), 1.0),
    ("元", Unit::Money, 1.0),
    ("美元", Unit::Money, 1.0),
    ("块钱", Unit::Money, 1.0),
];

/// In milliseconds.
const SECOND: f64 = 1_000.0;
/// In milliseconds.
const MINUTE: f64 = 60_000.0;

/// Words that stand between a number and its measure word without changing it.
const ROUGHLY: [&str; 4] = ["多", "余", "来", "+"];

/// The measure words that reports count with.
const MEASURES: &str = "次个笔家篇份节人单台件条批步回轮种项章字封张版处类倍名位场";

/// English words behind a number that are no nouns: nothing is counted there.
const NO_NOUNS: [&str; 35] = [
    "of", "in", "to", "and", "at", "on", "by", "from", "or", "is", "was", "were", "for", "the", "with",
    "per", "out", "more", "before", "after", "as", "a", "that", "until", "than", "if", "am", "pm", "we", "i",
    "it", "he", "she", "they", "you",
];

/// The unit or measure word at the start of `after`, with its multiplier.
pub(super) fn chinese(after: &str) -> Option<Scale> {
    let (times, mut length) = multiplier(after);
    let rough = ROUGHLY
        .iter()
        .find(|r| after[length..].trim_start_matches(' ').starts_with(**r));
    if let Some(rough) = rough {
        length = after.len() - after[length..].trim_start_matches(' ').len() + rough.len();
    }
    let rough = rough.is_some();
    let rest = after[length..].trim_start_matches(' ');
    let blanks = after.len() - length - rest.len();
    let spelled = UNITS
        .iter()
        .find(|(spelling, ..)| begins_with_word(rest, spelling));
    if let Some((spelling, unit, scale)) = spelled {
        return Some(Scale {
            unit: *unit,
            times: times * scale,
            length: length + blanks + spelling.len(),
            rough,
        });
    }
    if is_minutes_before_seconds(rest) {
        return Some(Scale {
            unit: Unit::Duration,
            times: MINUTE,
            length: length + blanks + "分".len(),
            rough,
        });
    }
    let measure = rest.chars().next().filter(|c| MEASURES.contains(*c));
    let unit = match (measure, times > 1.0) {
        (Some(measure), _) => Unit::Things(Some(measure)),
        (None, true) => Unit::Money,
        (None, false) => return None,
    };
    Some(Scale {
        unit,
        times,
        length: length + measure.map_or(0, |m| blanks + m.len_utf8()),
        rough,
    })
}

/// Whether `分` begins `text` and seconds follow: alone it may be points as well as minutes.
fn is_minutes_before_seconds(text: &str) -> bool {
    let number = |c: char| c.is_ascii_digit() || "一二三四五六七八九十".contains(c);
    let behind = text.strip_prefix('分').map(str::trim_start).unwrap_or_default();
    let unit = behind.trim_start_matches(number);
    unit.len() < behind.len() && unit.trim_start().starts_with('秒')
}

/// The unit at the start of `after`, or a noun: then things are counted, and only the number is spelt.
pub(super) fn english(after: &str) -> Option<Scale> {
    let rest = after.trim_start_matches([' ', '-']);
    let blanks = after.len() - rest.len();
    let spelled = UNITS
        .iter()
        .find(|(spelling, ..)| begins_with_word(rest, spelling));
    if let Some((spelling, unit, times)) = spelled {
        return Some(Scale {
            unit: *unit,
            times: *times,
            length: blanks + spelling.len(),
            rough: false,
        });
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let noun = blanks > 0 && word.len() > 1 && !NO_NOUNS.contains(&word.to_ascii_lowercase().as_str());
    let listed = blanks > 0 && rest.starts_with('(');
    (noun || listed).then_some(Scale {
        unit: Unit::Things(None),
        times: 1.0,
        length: 0,
        rough: false,
    })
}

/// The next smaller part of a duration whose last part was counted in `than` milliseconds.
pub(super) fn smaller(after: &str, than: f64) -> Option<Scale> {
    let rest = after.trim_start_matches(' ');
    let blanks = after.len() - rest.len();
    let scale = |times: f64, spelling: &str| Scale {
        unit: Unit::Duration,
        times,
        length: blanks + spelling.len(),
        rough: false,
    };
    if than > MINUTE {
        let minutes = ["分钟", "分", "min", "m"];
        let spelt = minutes.iter().find(|s| begins_with_word(rest, s));
        return spelt.map(|s| scale(MINUTE, s));
    }
    let seconds = ["秒", "s", "sec"].iter().find(|s| begins_with_word(rest, s));
    seconds.filter(|_| than > SECOND).map(|s| scale(SECOND, s))
}

/// The multiplier at the start of `after` and the bytes that spell it; 1 and 0 where there is none.
pub(super) fn multiplier(after: &str) -> (f64, usize) {
    let rest = after.trim_start_matches(' ');
    let blanks = after.len() - rest.len();
    let spelled = [("万", 1e4), ("亿", 1e8), ("k", 1e3), ("K", 1e3), ("M", 1e6)];
    spelled
        .iter()
        .find(|(spelling, _)| begins_with_word(rest, spelling))
        .map_or((1.0, 0), |(spelling, times)| (*times, blanks + spelling.len()))
}

/// Whether `text` begins with `word`, and a word of Latin letters ends there.
pub(super) fn begins_with_word(text: &str, word: &str) -> bool {
    let Some(rest) = text.strip_prefix(word) else {
        return false;
    };
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    !(letter(word.chars().next_back()) && letter(rest.chars().next()))
}
