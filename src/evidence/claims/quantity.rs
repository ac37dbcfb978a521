//! Numbers with what they measure, as people write them in Chinese and English.
//!
//! Found are digits (`1,842`, `2.5`), Chinese numerals before a measure word (`三次`) and English number words before a
//! noun (`five incidents`), with per cent, durations, sizes, money and the multipliers 万, 亿, k and M. Dates, clock
//! times, ranges, versions, codes such as `KR1` or `INC-2340`, and ordinals are no quantities.

use std::ops::Range;

use serde::Serialize;

use super::number::Number;
use super::units;

/// What a number measures. Values are kept in one scale a kind: milliseconds, bytes, single things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Per cent.
    Percent,
    /// Time up to hours, in milliseconds.
    Duration,
    /// Storage, in bytes.
    Bytes,
    /// Money, or a bare multiple of ten thousand, which is how Chinese reports write money.
    Money,
    /// Things counted, with the Chinese measure word where there is one.
    Things(Option<char>),
}

/// A number and what it measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// In the unit's scale.
    pub value: f64,
    /// What it measures.
    pub unit: Unit,
    /// One in the last digit that is written.
    pub step: f64,
    /// Written as a rough number: `1700+`, `四十多`.
    pub rough: bool,
    /// Bytes of the text it stands in, unit included.
    pub span: Range<usize>,
}

/// Measure words of time: what is not measured in the same one is not the same.
const TIME: [char; 3] = ['天', '周', '月'];

impl Unit {
    /// Whether two numbers could measure the same thing.
    pub fn is_comparable(self, other: Self) -> bool {
        match (self, other) {
            (Self::Things(a), Self::Things(b)) if a == b => true,
            (Self::Things(None), Self::Things(Some(m))) | (Self::Things(Some(m)), Self::Things(None)) => {
                !TIME.contains(&m)
            }
            (a, b) => a == b,
        }
    }
}

impl Quantity {
    /// Of a share from 97 per cent up what is missing to the whole, else the number.
    fn rest(&self) -> f64 {
        if (97.0..=100.0).contains(&self.value) {
            100.0 - self.value
        } else {
            self.value.abs()
        }
    }

    /// Whether the number is not one that everybody uses: three digits or more, or tens of thousands.
    pub fn is_telling(&self) -> bool {
        self.value / self.step >= 100.0 || self.value >= 100_000.0
    }

    /// Whether two numbers are the same for a reader: one may be the other rounded, and three per cent pass, so that
    /// `about 40` is 41; of rough numbers twenty per cent. Of shares from 97 per cent up it is the rest that must be
    /// near: all of them are within three per cent, but 99.95 % and 99.5 % are ten times as many failures.
    pub fn agrees(&self, other: &Self) -> bool {
        let larger = match self.unit {
            Unit::Percent => self.rest().max(other.rest()),
            _ => self.value.abs().max(other.value.abs()),
        };
        let share = if self.rough || other.rough { 0.2 } else { 0.03 };
        let (apart, step) = ((self.value - other.value).abs(), self.step.max(other.step));
        apart < step / 2.0 || apart <= larger * share
    }
}

/// The quantities of `text`, in order.
pub fn find(text: &str) -> Vec<Quantity> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let Some(number) = Number::at(text, at) else {
            at += c.len_utf8();
            continue;
        };
        at = number.span.end;
        if let Some(mut quantity) = number.measured(text) {
            quantity.absorb_smaller(text);
            at = at.max(quantity.span.end);
            found.push(quantity);
        }
    }
    found
}

/// The number that `text` is, if it is nothing else.
pub fn bare(text: &str) -> Option<Quantity> {
    let number = Number::digits(text, 0).filter(|n| n.span.end == text.len())?;
    Some(number.of(Unit::Things(None), 1.0, 0))
}

impl Quantity {
    /// Takes in the smaller parts of a duration, as in `3 分 40 秒` or `4h10m`.
    fn absorb_smaller(&mut self, text: &str) {
        while self.unit == Unit::Duration {
            let behind = &text[self.span.end..];
            let at = self.span.end + behind.len() - behind.trim_start_matches(' ').len();
            let Some(number) = text[at..].chars().next().and_then(|_| Number::at(text, at)) else {
                return;
            };
            let Some(scale) = units::smaller(&text[number.span.end..], self.step) else {
                return;
            };
            self.value += number.value * scale.times;
            self.step = scale.times;
            self.span.end = number.span.end + scale.length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` -> value and unit of each quantity, with the words that spell it.
    fn found(text: &str) -> Vec<(f64, Unit, &str)> {
        let quantities = find(text).into_iter();
        quantities.map(|q| (q.value, q.unit, &text[q.span])).collect()
    }

    #[test]
    fn chinese_quantities_are_read_with_their_unit() {
        let things = |measure| Unit::Things(Some(measure));
        let cases = [
            ("牵头 5 次会", vec![(5.0, things('次'), "5 次")]),
            (
                "访谈十二家，改了二十一条",
                vec![(12.0, things('家'), "十二家"), (21.0, things('条'), "二十一条")],
            ),
            ("约 6,300 万笔", vec![(63_000_000.0, things('笔'), "6,300 万笔")]),
            ("新签 4100 万，", vec![(41_000_000.0, Unit::Money, "4100 万")]),
            ("影响 1700+ 单", vec![(1700.0, things('单'), "1700+ 单")]),
            ("三分四十秒", vec![(220_000.0, Unit::Duration, "三分四十秒")]),
            (
                "打 5 分，3 分 40 秒",
                vec![(220_000.0, Unit::Duration, "3 分 40 秒")],
            ),
            (
                "2 小时 25 分恢复",
                vec![(8_700_000.0, Unit::Duration, "2 小时 25 分")],
            ),
            ("覆盖率 58%", vec![(58.0, Unit::Percent, "58%")]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn english_quantities_are_read_with_their_unit() {
        let cases = [
            ("led five incidents", vec![(5.0, Unit::Things(None), "five")]),
            ("1h35m", vec![(5_700_000.0, Unit::Duration, "1h35m")]),
            (
                "p95 2.8 s to 640 ms",
                vec![
                    (2_800.0, Unit::Duration, "2.8 s"),
                    (640.0, Unit::Duration, "640 ms"),
                ],
            ),
            ("moved 1.9 TB", vec![(1.9e12, Unit::Bytes, "1.9 TB")]),
            (
                "$1.42M of $412k",
                vec![
                    (1_420_000.0, Unit::Money, "$1.42M"),
                    (412_000.0, Unit::Money, "$412k"),
                ],
            ),
            (
                "two weeks late",
                vec![(2.0, Unit::Things(Some('周')), "two weeks")],
            ),
            ("May 14 min", vec![(840_000.0, Unit::Duration, "14 min")]),
            ("Sarah 3 (2291, 2318, 2377)", vec![(3.0, Unit::Things(None), "3")]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn dates_times_codes_ranges_and_ordinals_are_no_quantities() {
        let texts = [
            "6/5 全量，5 月 27 号晚上，2026-06-12，第 23 周，第三批",
            "10:40 切完，W23 周报，KR1，P6，v2",
            "28 May, April 14, week 9, stage 1, INC-2340, 15-19 June, 9 Jan",
            "two of them, the 2nd, in 2026",
            "一个人",
        ];
        for text in texts {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn rounded_and_rough_numbers_agree() {
        let agree = |a: &str, b: &str| {
            let (a, b) = (find(a), find(b));
            assert_eq!((a.len(), b.len()), (1, 1));
            a[0].agrees(&b[0])
        };
        assert!(agree("0.6 s", "640 ms"));
        assert!(agree("40 分钟", "41 分钟"));
        assert!(agree("1700+ 单", "1842 单"));
        assert!(!agree("41 分钟", "52 分钟"));
        assert!(!agree("690 ms", "640 ms"));
        assert!(!agree("3 次", "5 次"));
        assert!(!agree("两小时", "2.5h"));
        assert!(!agree("99.95 %", "99.5%"));
        assert!(agree("99.94 %", "99.9%"), "rounded");
        assert!(agree("58%", "57%"));
    }
}
