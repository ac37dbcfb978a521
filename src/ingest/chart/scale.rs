//! A value axis: numbers in a column whose heights follow their values.

use super::word::Word;

/// Ticks stand under each other when their right or left ends, or their middles, are this near, in heights of a letter.
const ALIGNED: f32 = 1.2;
/// A tick may be off its place by this share of a letter's height.
const OFF: f32 = 0.35;
/// So many ticks make an axis.
const TICKS: usize = 3;

/// A vertical value axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// The value at the upper edge of the picture.
    start: f64,
    /// What a pixel further down adds: negative where values grow upwards.
    step: f64,
    /// Which words are its ticks.
    pub(super) ticks: Vec<usize>,
    /// How far right its ticks reach.
    pub(super) right: f32,
}

impl Scale {
    /// The axis with the most ticks among the words of a picture.
    pub(super) fn of(words: &[Word]) -> Option<Self> {
        let numbers: Vec<(usize, f64, &Word)> = words
            .iter()
            .enumerate()
            .filter_map(|(i, word)| Some((i, word.number()?, word)))
            .collect();
        let mut best: Option<Self> = None;
        for (at, first) in numbers.iter().enumerate() {
            for second in &numbers[at + 1..] {
                let Some(scale) = Self::through(first, second, &numbers) else {
                    continue;
                };
                let better = |b: &Self| (scale.ticks.len(), -scale.right) > (b.ticks.len(), -b.right);
                if best.as_ref().is_none_or(better) {
                    best = Some(scale);
                }
            }
        }
        best.filter(|scale| scale.ticks.len() >= TICKS)
    }

    /// The axis through two of its ticks, and which numbers lie on it.
    fn through(
        (_, a, first): &(usize, f64, &Word),
        (_, b, second): &(usize, f64, &Word),
        numbers: &[(usize, f64, &Word)],
    ) -> Option<Self> {
        let down = f64::from(second.at.y() - first.at.y());
        if down.abs() < 4.0 || (a - b).abs() < f64::EPSILON || !under(first, second) {
            return None;
        }
        let step = (b - a) / down;
        let start = a - step * f64::from(first.at.y());
        let on = |(_, value, word): &&(usize, f64, &Word)| {
            let at = (value - start) / step;
            let off = (at - f64::from(word.at.y())).abs();
            off <= f64::from(OFF * word.letter).max(2.0) && under(first, word)
        };
        let ticks: Vec<_> = numbers.iter().filter(on).collect();
        let right = ticks.iter().map(|t| t.2.at.right).fold(0.0, f32::max);
        Some(Self {
            start,
            step,
            ticks: ticks.iter().map(|t| t.0).collect(),
            right,
        })
    }

    /// The value at a height.
    pub(super) fn at(&self, y: f32) -> f64 {
        self.start + self.step * f64::from(y)
    }

    /// How much a stretch of so many pixels is worth.
    pub(super) fn stretch(&self, pixels: f32) -> f64 {
        (self.step * f64::from(pixels)).abs()
    }

    /// A value as it can be told from pixels: to about a third of one.
    pub(super) fn rounded(&self, value: f64) -> f64 {
        let fine = 10_f64.powf(self.step.abs().max(1e-9).log10().floor());
        let rounded = (value / fine).round() * fine;
        // Without the noise of binary fractions.
        format!("{rounded:.*}", (-fine.log10()).max(0.0) as usize)
            .parse()
            .unwrap_or(rounded)
    }
}

/// Whether two labels stand in one column.
fn under(a: &Word, b: &Word) -> bool {
    let near = |x: f32, y: f32| (x - y).abs() <= ALIGNED * a.letter.min(b.letter) * 0.5;
    near(a.at.right, b.at.right) || near(a.at.left, b.at.left) || near(a.at.x(), b.at.x())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::word;

    /// Ticks 0, 5, 10, 15 every 40 pixels from 200 up, 8 pixels a unit; the label 12 in a bar is none of them.
    #[test]
    fn ticks_make_an_axis_and_labels_do_not() {
        let words = [
            word("15", 20.0, 80.0),
            word("10", 20.0, 120.0),
            word("5", 24.0, 160.0),
            word("0", 24.0, 200.0),
            word("12", 90.0, 104.0),
            word("Q1", 90.0, 215.0),
        ];
        let scale = Scale::of(&words).expect("an axis");
        assert_eq!(scale.ticks, [0, 1, 2, 3]);
        assert!((scale.at(104.0) - 12.0).abs() < 1e-6);
        assert!((scale.stretch(40.0) - 5.0).abs() < 1e-6);
        assert!(
            (scale.rounded(11.9634) - 12.0).abs() < 1e-9,
            "8 pixels a unit tell tenths"
        );
    }

    #[test]
    fn two_numbers_are_no_axis() {
        assert_eq!(Scale::of(&[word("1", 0.0, 0.0), word("2", 0.0, 50.0)]), None);
    }
}
