//! Bars: rectangles on one base, each with a category below the base and a label at its end, or measured against ticks.
//!
//! Everything here speaks of standing bars. Bars that lie come with both axes exchanged.

use super::legend::Legend;
use super::patch::Patch;
use super::rect::Rect;
use super::scale::Scale;
use super::scene::{Found, Read};
use super::word::Word;

/// Bars end on their base within so many pixels.
const BASE: f32 = 3.0;
/// The narrowest and the lowest bar, in pixels: thinner things are axes and ticks.
const NARROWEST: f32 = 4.0;
const LOWEST: f32 = 2.5;
/// The bars of a chart have one width, within this share.
const WIDTH: f32 = 0.3;
/// A label stands at most so many letters from the end of its bar.
const LABEL: f32 = 1.7;
/// A printed value may differ from the measured one by this share of the axis.
const DISAGREES: f64 = 0.06;

/// A bar, and what belongs to it.
struct Bar {
    patch: Patch,
    /// Its end away from the base.
    tip: f32,
    /// Grows down from the base.
    hangs: bool,
    /// Stands on another bar.
    stacked: bool,
    label: Option<usize>,
    category: Option<usize>,
}

/// A category: its words, one below the other.
struct Category {
    words: Vec<usize>,
    at: Rect,
}

/// Reads the bars of a chart. None where there are not two of them with values.
pub(super) fn read(words: &[Word], patches: &[Patch], legend: &Legend) -> Option<Found> {
    let scale = Scale::of(words);
    let ticks: &[usize] = scale.as_ref().map_or(&[], |s| &s.ticks);
    let rectangles = candidates(words, patches);
    let (base, mut bars) = on_base(&rectangles)?;
    let taken: Vec<usize> = ticks.iter().copied().chain(legend.words()).collect();
    let categories = categories(words, base, &bars, &taken);
    assign_categories(&mut bars, &categories);
    let named: Vec<usize> = categories.iter().flat_map(|c| c.words.clone()).collect();
    let free = |i: &usize| !taken.contains(i) && !named.contains(i);
    assign_labels(&mut bars, words, free);
    let values = values(&bars, words, &categories, scale.as_ref(), legend);
    let labelled = bars.iter().filter(|bar| bar.label.is_some()).count();
    if values.len() < 2 || categories.is_empty() || (scale.is_none() && labelled * 2 < bars.len()) {
        return None;
    }
    let labels = bars.iter().filter_map(|bar| bar.label);
    let used = taken.iter().copied().chain(labels).chain(named).collect();
    Some(Found { values, used })
}

/// The rectangles that may be bars: no frames around others, no cells with words in them, no hairs.
fn candidates(words: &[Word], patches: &[Patch]) -> Vec<Patch> {
    let solid = |p: &&Patch| p.is_rectangle() && p.at.width() >= NARROWEST && p.at.height() >= LOWEST;
    let rectangles: Vec<&Patch> = patches.iter().filter(solid).collect();
    let is_bar = |p: &&&Patch| {
        let frames = rectangles.iter().any(|q| q.at != p.at && p.at.holds(&q.at));
        let cell = words.iter().any(|w| w.number().is_none() && p.at.holds(&w.at));
        !frames && !cell
    };
    rectangles.iter().filter(is_bar).map(|p| **p).collect()
}

/// The base that most bars stand on, the bars on it, and those on top of them.
fn on_base(rectangles: &[Patch]) -> Option<(f32, Vec<Bar>)> {
    let stand = |base: f32| {
        rectangles
            .iter()
            .filter(move |p| (p.at.bottom - base).abs() <= BASE)
    };
    // Of two bases with as many bars the one with the larger bars.
    let weight = |base: f32| {
        (
            stand(base).count(),
            stand(base).map(|p| p.at.height()).sum::<f32>(),
        )
    };
    let base = rectangles.iter().map(|p| p.at.bottom).max_by(|a, b| {
        weight(*a)
            .0
            .cmp(&weight(*b).0)
            .then(weight(*a).1.total_cmp(&weight(*b).1))
    })?;
    let mut bars: Vec<Bar> = stand(base).map(|p| bar(*p, false, false)).collect();
    let hanging = rectangles
        .iter()
        .filter(|p| (p.at.top - base).abs() <= BASE && p.at.height() > BASE);
    bars.extend(hanging.map(|p| bar(*p, true, false)));
    // The largest of them surely is a bar.
    let largest = bars
        .iter()
        .map(|b| b.patch.at)
        .max_by(|a, b| a.area().total_cmp(&b.area()))?;
    bars.retain(|b| (b.patch.at.width() - largest.width()).abs() <= WIDTH * largest.width());
    if bars.len() < 2 {
        return None;
    }
    stack(rectangles, &mut bars);
    Some((base, bars))
}

fn bar(patch: Patch, hangs: bool, stacked: bool) -> Bar {
    Bar {
        tip: if hangs { patch.at.bottom } else { patch.at.top },
        patch,
        hangs,
        stacked,
        label: None,
        category: None,
    }
}

/// Adds the bars that stand on other bars, floor by floor.
fn stack(rectangles: &[Patch], bars: &mut Vec<Bar>) {
    let on = |upper: &Rect, lower: &Bar| {
        !lower.hangs
            && (upper.bottom - lower.tip).abs() <= BASE
            && (upper.left - lower.patch.at.left).abs() <= BASE
            && (upper.right - lower.patch.at.right).abs() <= BASE
    };
    loop {
        let known = |p: &Patch| bars.iter().any(|b| b.patch == *p);
        let next: Vec<Patch> = rectangles
            .iter()
            .filter(|p| !known(p) && bars.iter().any(|lower| on(&p.at, lower)))
            .copied()
            .collect();
        if next.is_empty() {
            return;
        }
        bars.extend(next.into_iter().map(|p| bar(p, false, true)));
    }
}

/// The labels in the first line below the base, and in the lines right under it that have one for several of them.
fn categories(words: &[Word], base: f32, bars: &[Bar], taken: &[usize]) -> Vec<Category> {
    let reach = bars.iter().fold((f32::MAX, f32::MIN), |(low, high), bar| {
        let half = bar.patch.at.width();
        (
            low.min(bar.patch.at.left - half),
            high.max(bar.patch.at.right + half),
        )
    });
    let below = words.iter().enumerate().filter(|(i, word)| {
        let start = word.at.top - base;
        !taken.contains(i)
            && start > -0.6 * word.letter
            && word.at.y() > base
            && (reach.0..reach.1).contains(&word.at.x())
    });
    let mut below: Vec<(usize, &Word)> = below.collect();
    below.sort_by(|a, b| a.1.at.top.total_cmp(&b.1.at.top));
    let Some((_, first)) = below.first() else {
        return Vec::new();
    };
    if first.at.top - base > 4.0 * first.letter {
        return Vec::new();
    }
    let line = |word: &Word| {
        let (top, middle) = (word.at.top - first.at.top, word.at.y() - first.at.y());
        top.abs() <= 0.7 * word.letter || middle.abs() <= 0.5 * word.letter
    };
    let (row, rest): (Vec<_>, Vec<_>) = below.iter().partition(|(_, word)| line(word));
    let mut categories: Vec<Category> = row
        .into_iter()
        .map(|(i, word)| Category {
            words: vec![i],
            at: word.at,
        })
        .collect();
    let under = |c: &Category, word: &Word| {
        (c.at.x() - word.at.x()).abs() <= 0.8 * word.letter && word.at.top - c.at.bottom < 0.6 * word.letter
    };
    let second: Vec<_> = rest
        .into_iter()
        .filter(|(_, word)| categories.iter().any(|c| under(c, word)))
        .collect();
    // One alone is the name of the axis.
    if second.len() > 1 {
        for (i, word) in second {
            if let Some(category) = categories.iter_mut().find(|c| under(c, word)) {
                category.words.push(i);
                category.at = category.at.with(&word.at);
            }
        }
    }
    categories.sort_by(|a, b| a.at.x().total_cmp(&b.at.x()));
    categories
}

/// Every bar belongs to the category whose name is nearest.
fn assign_categories(bars: &mut [Bar], categories: &[Category]) {
    for bar in bars {
        let off = |i: &usize| (categories[*i].at.x() - bar.patch.at.x()).abs();
        bar.category = (0..categories.len()).min_by(|a, b| off(a).total_cmp(&off(b)));
    }
}

/// Gives numbers to bars, the nearest pair first.
fn assign_labels(bars: &mut [Bar], words: &[Word], free: impl Fn(&usize) -> bool) {
    let mut pairs = Vec::new();
    for (b, bar) in bars.iter().enumerate() {
        for (w, word) in words.iter().enumerate() {
            if let Some(distance) = distance(bar, word).filter(|_| free(&w) && word.number().is_some()) {
                pairs.push((distance, b, w));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut given = Vec::new();
    for (_, b, w) in pairs {
        if bars[b].label.is_none() && !given.contains(&w) {
            bars[b].label = Some(w);
            given.push(w);
        }
    }
}

/// How far a label is from where the label of a bar would stand: before its end, or in it.
fn distance(bar: &Bar, word: &Word) -> Option<f32> {
    let at = &bar.patch.at;
    let beside = (word.at.x() - at.x()).abs();
    if beside > (0.5 * at.width()).max(word.letter) {
        return None;
    }
    let gap = if bar.hangs {
        word.at.top - bar.tip
    } else {
        bar.tip - word.at.bottom
    };
    let beyond = (-0.7..LABEL).contains(&(gap / word.letter));
    if beyond && !bar.stacked {
        return Some(beside + gap.abs());
    }
    // In the bar: as good a place as any, but labels beyond it are nearer.
    at.holds(&word.at).then_some(beside + word.letter)
}

fn values(
    bars: &[Bar],
    words: &[Word],
    categories: &[Category],
    scale: Option<&Scale>,
    legend: &Legend,
) -> Vec<Read> {
    let mut ordered: Vec<&Bar> = bars.iter().collect();
    ordered.sort_by(|a, b| {
        let place = |bar: &Bar| legend.place(bar.patch.colour);
        place(a)
            .cmp(&place(b))
            .then(a.patch.at.left.total_cmp(&b.patch.at.left))
    });
    // Bars stacked on others are worth their own length; so are those that hang, below nothing.
    let worth = |bar: &Bar| {
        let scale = scale?;
        let tip = scale.at(bar.tip);
        let value = if bar.stacked {
            scale.stretch(bar.patch.at.height())
        } else {
            tip
        };
        Some(scale.rounded(value))
    };
    let span = scale.map_or(0.0, |s| {
        let tallest = bars.iter().map(|b| b.patch.at.height()).fold(0.0, f32::max);
        s.stretch(tallest)
    });
    let mut values: Vec<Read> = Vec::new();
    for bar in ordered {
        let read = match (bar.label, worth(bar)) {
            (Some(label), worth) => {
                let read = Read::printed(&words[label], bar.patch.at.with(&words[label].at));
                worth.map_or(read.clone(), |worth| agreed(read, worth, span))
            }
            (None, Some(worth)) => Read::measured(worth, bar.patch.at),
            (None, None) => continue,
        };
        let category = bar.category.map(|c| {
            let parts = categories[c].words.iter().map(|w| words[*w].text.as_str());
            parts.collect::<Vec<_>>().join(" ")
        });
        values.push(Read {
            series: legend.name(bar.patch.colour).unwrap_or_default().to_owned(),
            category: category.unwrap_or_default(),
            ..read
        });
    }
    values
}

/// A printed value beside what its bar measures: where only a lost decimal point makes the difference, it is put back;
/// where they differ otherwise, what is printed stands but is less sure.
fn agreed(read: Read, worth: f64, span: f64) -> Read {
    let room = (span * DISAGREES).max(1e-9);
    let Some(number) = read.number else { return read };
    if (number - worth).abs() <= room {
        return read;
    }
    let plain = read.text.bytes().all(|b| b.is_ascii_digit());
    let near = |digits: &i32| plain && (number / 10_f64.powi(*digits) - worth).abs() <= room;
    match [1, 2].iter().find(|digits| near(digits)) {
        Some(&digits) if read.text.len() > digits as usize => {
            let number = number / 10_f64.powi(digits);
            Read {
                number: Some(number),
                text: format!("{number:.*}", digits as usize),
                confidence: read.confidence * 0.8,
                ..read
            }
        }
        _ => Read {
            confidence: read.confidence * 0.5,
            ..read
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::{filled, word};

    const RED: [u8; 3] = [200, 30, 30];
    const BLUE: [u8; 3] = [30, 30, 200];

    fn found(words: &[Word], patches: &[Patch]) -> Vec<(String, String, Option<f64>, bool)> {
        let read = read(words, patches, &Legend::of(words, patches));
        let values = read.map(|found| found.values).unwrap_or_default();
        values
            .into_iter()
            .map(|v| (v.series, v.category, v.number, v.measured))
            .collect()
    }

    fn value(category: &str, value: f64, measured: bool) -> (String, String, Option<f64>, bool) {
        (String::new(), category.to_owned(), Some(value), measured)
    }

    /// Two bars on the base 200, labels above them, no axis.
    #[test]
    fn printed_labels_are_the_values() {
        let words = [
            word("12", 60.0, 90.0),
            word("20", 120.0, 30.0),
            word("Q1", 60.0, 212.0),
            word("Q2", 120.0, 212.0),
        ];
        let patches = [
            filled([45.0, 100.0, 75.0, 200.0], BLUE),
            filled([105.0, 40.0, 135.0, 200.0], BLUE),
        ];
        assert_eq!(
            found(&words, &patches),
            [value("Q1", 12.0, false), value("Q2", 20.0, false)]
        );
    }

    /// Ticks 0, 10, 20 at 200, 120, 40: 8 pixels a unit. The bar to 100 is 12.5; the one labelled 2 without its point
    /// reaches to 40.
    #[test]
    fn without_labels_bars_are_measured() {
        let mut words = vec![
            word("20", 10.0, 40.0),
            word("10", 10.0, 120.0),
            word("0", 13.0, 200.0),
            word("Q1", 60.0, 212.0),
            word("Q2", 120.0, 212.0),
        ];
        let patches = [
            filled([45.0, 100.0, 75.0, 200.0], BLUE),
            filled([105.0, 40.0, 135.0, 200.0], BLUE),
        ];
        assert_eq!(
            found(&words, &patches),
            [value("Q1", 12.5, true), value("Q2", 20.0, true)]
        );
        words.push(word("125", 60.0, 90.0));
        assert_eq!(
            found(&words, &patches)[0],
            value("Q1", 12.5, false),
            "a lost point is put back"
        );
    }

    #[test]
    fn stacked_bars_are_worth_their_own_length() {
        let words = [
            word("20", 10.0, 40.0),
            word("10", 10.0, 120.0),
            word("0", 13.0, 200.0),
            word("Q1", 60.0, 212.0),
            word("Q2", 120.0, 212.0),
        ];
        let patches = [
            filled([45.0, 120.0, 75.0, 200.0], BLUE),
            filled([45.0, 80.0, 75.0, 120.0], RED),
            filled([105.0, 160.0, 135.0, 200.0], BLUE),
        ];
        let values: Vec<_> = found(&words, &patches).into_iter().map(|v| v.2).collect();
        assert_eq!(values, [Some(10.0), Some(5.0), Some(5.0)]);
    }

    #[test]
    fn lying_bars_are_standing_ones_with_axes_exchanged() {
        let words = [
            word("12", 210.0, 60.0),
            word("7", 155.0, 120.0),
            word("Ann", 85.0, 60.0),
            word("Bo", 88.0, 120.0),
        ];
        let patches = [
            filled([100.0, 45.0, 200.0, 75.0], BLUE),
            filled([100.0, 105.0, 150.0, 135.0], BLUE),
        ];
        let words: Vec<Word> = words.iter().map(Word::flipped).collect();
        let patches: Vec<Patch> = patches.iter().map(Patch::flipped).collect();
        assert_eq!(
            found(&words, &patches),
            [value("Ann", 12.0, false), value("Bo", 7.0, false)]
        );
    }

    #[test]
    fn cells_with_words_are_no_bars() {
        let words = [
            word("Goal", 60.0, 190.0),
            word("Done", 120.0, 190.0),
            word("x", 60.0, 212.0),
        ];
        let patches = [
            filled([30.0, 180.0, 90.0, 200.0], BLUE),
            filled([90.0, 180.0, 150.0, 200.0], RED),
        ];
        assert!(found(&words, &patches).is_empty());
    }
}
