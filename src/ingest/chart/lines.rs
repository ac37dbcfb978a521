//! Lines over categories: at the place of every category the height of each line's colour, and the label printed there.

use std::collections::BTreeMap;

use image::RgbImage;

use super::legend::Legend;
use super::patch::{apart, background, vivid};
use super::rect::Rect;
use super::scale::Scale;
use super::scene::{Found, Read, Scene};
use super::word::Word;

/// Pixels within this are of a line's colour; its edges are mixed with the background.
const NEAR: u8 = 52;
/// Colours of lines are so far from grey.
const VIVID: u8 = 50;
/// A line is seen over this share of the categories.
const SPANS: f32 = 0.6;
/// A label stands at most so many letters from its point.
const LABEL: f32 = 1.9;

/// A point of a line.
struct Point {
    series: usize,
    category: usize,
    x: f32,
    y: f32,
    label: Option<usize>,
}

/// A line's colour and name.
struct Series {
    colour: [u8; 3],
    name: String,
}

/// The part of the picture where lines are.
struct Plot {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    /// Where the legend lies: its swatches have the lines' colours.
    legend: Option<Rect>,
}

/// Reads the lines of a chart. None where there is no axis with ticks, or no line.
pub(super) fn read(scene: &Scene<'_>, legend: &Legend) -> Option<Found> {
    let words = &scene.words;
    let scale = Scale::of(words)?;
    let taken: Vec<usize> = scale.ticks.iter().copied().chain(legend.words()).collect();
    let categories = categories(words, &scale, &taken);
    let (first, last) = (words.get(*categories.first()?)?, words.get(*categories.last()?)?);
    let ticks = scale.ticks.iter().map(|i| words[*i].at.y());
    let letter = first.letter;
    let plot = Plot {
        left: first.at.x() - 1.5 * letter,
        right: last.at.x() + 1.5 * letter,
        top: ticks.clone().fold(f32::MAX, f32::min) - 1.5 * letter,
        bottom: ticks.fold(f32::MIN, f32::max) + 0.5 * letter,
        legend: frame(words, legend),
    };
    let series = series(scene.picture, legend, &plot);
    let across = evened(categories.iter().map(|i| words[*i].at.x()).collect());
    let mut points: Vec<Point> = Vec::new();
    for (s, line) in series.iter().enumerate() {
        let on = across.iter().enumerate().filter_map(|(category, &x)| {
            let y = height(scene.picture, &plot, line.colour, x)?;
            Some(Point {
                series: s,
                category,
                x,
                y,
                label: None,
            })
        });
        let on: Vec<Point> = on.collect();
        if on.len() as f32 >= SPANS * categories.len() as f32 {
            points.extend(on);
        }
    }
    assign_labels(&mut points, words, |i| {
        !taken.contains(i) && !categories.contains(i)
    });
    let values: Vec<Read> = points
        .iter()
        .map(|point| Read {
            series: series[point.series].name.clone(),
            category: words[categories[point.category]].text.clone(),
            ..value(point, words, &scale, letter)
        })
        .collect();
    let labels = points.iter().filter_map(|point| point.label);
    let used = taken
        .iter()
        .copied()
        .chain(labels)
        .chain(categories.iter().copied())
        .collect();
    (values.len() >= 2).then_some(Found { values, used })
}

fn value(point: &Point, words: &[Word], scale: &Scale, letter: f32) -> Read {
    let half = 0.5 * letter;
    let around = Rect::new([point.x - half, point.y - half, point.x + half, point.y + half]);
    match point.label {
        Some(label) => Read::printed(&words[label], around.with(&words[label].at)),
        None => Read::measured(scale.rounded(scale.at(point.y)), around),
    }
}

/// The names along the lower edge, from left to right: the first line of words below the lowest tick.
fn categories(words: &[Word], scale: &Scale, taken: &[usize]) -> Vec<usize> {
    let lowest = scale
        .ticks
        .iter()
        .map(|i| words[*i].at.y())
        .fold(f32::MIN, f32::max);
    let below = |(i, word): &(usize, &Word)| {
        !taken.contains(i)
            && !word.standing
            && word.at.y() > lowest + 0.3 * word.letter
            && word.at.x() > scale.right
    };
    let below: Vec<(usize, &Word)> = words.iter().enumerate().filter(below).collect();
    let Some(top) = below.iter().map(|(_, w)| w.at.top).min_by(f32::total_cmp) else {
        return Vec::new();
    };
    let mut row: Vec<(usize, &Word)> = below
        .into_iter()
        .filter(|(_, word)| (word.at.top - top).abs() <= 0.8 * word.letter)
        .collect();
    row.sort_by(|a, b| a.1.at.x().total_cmp(&b.1.at.x()));
    row.into_iter().map(|(i, _)| i).collect()
}

/// The places of the categories, which are even, whatever a name's box lost at one end (Theil-Sen). Left as they are where
/// most are not.
fn evened(places: Vec<f32>) -> Vec<f32> {
    let pairs = (0..places.len()).flat_map(|i| (i + 1..places.len()).map(move |j| (i, j)));
    let step = median(
        pairs
            .map(|(i, j)| (places[j] - places[i]) / (j - i) as f32)
            .collect(),
    );
    let start = median(
        places
            .iter()
            .enumerate()
            .map(|(i, x)| x - step * i as f32)
            .collect(),
    );
    let even: Vec<f32> = (0..places.len()).map(|i| start + step * i as f32).collect();
    let near = places
        .iter()
        .zip(&even)
        .filter(|(a, b)| (*a - *b).abs() <= 4.0)
        .count();
    if near >= 3 && near * 2 > places.len() {
        even
    } else {
        places
    }
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Where the legend lies, its names included.
fn frame(words: &[Word], legend: &Legend) -> Option<Rect> {
    let parts = legend.entries.iter().map(|e| e.swatch.at.with(&words[e.word].at));
    parts.reduce(|a, b| a.with(&b))
}

/// The lines: the legend's colours, or without a legend the vivid colours that reach over most of the plot.
fn series(picture: &RgbImage, legend: &Legend, plot: &Plot) -> Vec<Series> {
    if !legend.entries.is_empty() {
        let series = legend.entries.iter().map(|entry| Series {
            colour: entry.swatch.colour,
            name: entry.name.clone(),
        });
        return series.collect();
    }
    let mut counts: BTreeMap<[u8; 3], u32> = BTreeMap::new();
    let background = background(picture);
    plot.pixels(picture).for_each(|(_, _, colour)| {
        if vivid(colour) >= VIVID && apart(colour, background) > NEAR {
            *counts.entry(colour.map(|c| c & 0xf8)).or_default() += 1;
        }
    });
    let mut counts: Vec<([u8; 3], u32)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut found: Vec<Series> = Vec::new();
    for (colour, count) in counts {
        let long = count as f32 >= 0.5 * (plot.right - plot.left);
        if long && found.iter().all(|s| apart(s.colour, colour) > NEAR) {
            let name = String::new();
            found.push(Series { colour, name });
        }
    }
    found
}

impl Plot {
    /// The pixels of the plot that are not the legend's.
    fn pixels<'a>(&'a self, picture: &'a RgbImage) -> impl Iterator<Item = (f32, f32, [u8; 3])> + 'a {
        let clamp = |at: f32, most: u32| (at.max(0.0) as u32).min(most);
        let (left, right) = (
            clamp(self.left, picture.width()),
            clamp(self.right, picture.width()),
        );
        let (top, bottom) = (
            clamp(self.top, picture.height()),
            clamp(self.bottom, picture.height()),
        );
        let all = (left..right).flat_map(move |x| (top..bottom).map(move |y| (x, y)));
        all.filter_map(move |(x, y)| {
            let at = (x as f32 + 0.5, y as f32 + 0.5);
            let inside = |r: Rect| (r.left..r.right).contains(&at.0) && (r.top..r.bottom).contains(&at.1);
            (!self.legend.is_some_and(inside)).then(|| (at.0, at.1, picture.get_pixel(x, y).0))
        })
    }
}

/// The height of a line near `x`: the middle of its colour's largest run there. Lines are steep, so only few columns
/// count.
fn height(picture: &RgbImage, plot: &Plot, colour: [u8; 3], x: f32) -> Option<f32> {
    let near = Plot {
        left: x - 2.5,
        right: x + 2.5,
        ..*plot
    };
    let mut rows: BTreeMap<u32, (f32, f32)> = BTreeMap::new();
    for (_, y, seen) in near.pixels(picture) {
        let far = apart(seen, colour);
        // Axes and grids are grey.
        if far <= NEAR && vivid(seen) >= vivid(colour) / 3 {
            let weight = 1.0 - f32::from(far) / (2.0 * f32::from(NEAR));
            let row = rows.entry(y as u32).or_default();
            *row = (row.0 + weight, row.1 + weight * y);
        }
    }
    let mut runs: Vec<(u32, f32, f32)> = Vec::new();
    for (row, (weight, moment)) in rows {
        match runs.last_mut() {
            Some(run) if run.0 + 2 >= row => *run = (row, run.1 + weight, run.2 + moment),
            _ => runs.push((row, weight, moment)),
        }
    }
    let largest = runs.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (largest.1 >= 1.5).then_some(largest.2 / largest.1)
}

/// Gives numbers to points, the nearest pair first.
fn assign_labels(points: &mut [Point], words: &[Word], free: impl Fn(&usize) -> bool) {
    let mut pairs = Vec::new();
    for (p, point) in points.iter().enumerate() {
        for (w, word) in words.iter().enumerate() {
            let (dx, dy) = (word.at.x() - point.x, word.at.y() - point.y);
            let beside = dx.abs() <= word.letter.max(0.6 * word.at.width());
            if free(&w) && word.number().is_some() && beside && dy.abs() <= LABEL * word.letter {
                pairs.push((dx.abs() + dy.abs(), p, w));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut given = Vec::new();
    for (_, p, w) in pairs {
        if points[p].label.is_none() && !given.contains(&w) {
            points[p].label = Some(w);
            given.push(w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::word;
    use image::Rgb;

    #[test]
    fn one_name_that_is_off_is_put_back() {
        let whole =
            |places: Vec<f32>| -> Vec<i32> { evened(places).iter().map(|x| x.round() as i32).collect() };
        let one_off = vec![92.0, 200.0, 300.0, 400.0, 500.0];
        assert_eq!(whole(one_off), [100, 200, 300, 400, 500]);
        let uneven = vec![100.0, 150.0, 330.0, 360.0];
        assert_eq!(whole(uneven), [100, 150, 330, 360]);
    }

    /// A line from (60, 180) up to (160, 80) over ticks 0, 10, 20 at 200, 120, 40: 8 pixels a unit.
    #[test]
    fn a_line_is_measured_at_its_categories_and_read_where_labelled() {
        let mut picture = RgbImage::from_pixel(220, 240, Rgb([255; 3]));
        for x in 60..=160 {
            for y in 0..3 {
                picture.put_pixel(x, 239 - x + y, Rgb([30, 30, 200]));
            }
        }
        let mut words = vec![
            word("20", 10.0, 40.0),
            word("10", 10.0, 120.0),
            word("0", 13.0, 200.0),
            word("Q1", 60.0, 214.0),
            word("Q2", 110.0, 214.0),
            word("Q3", 160.0, 214.0),
        ];
        let found = |words: Vec<Word>| -> Vec<(String, Option<f64>, bool)> {
            let scene = Scene::new(&picture, words, Vec::new());
            let found = read(&scene, &Legend::default())
                .map(|f| f.values)
                .unwrap_or_default();
            found
                .into_iter()
                .map(|v| (v.category, v.number, v.measured))
                .collect()
        };
        let measured: Vec<_> = found(words.clone())
            .into_iter()
            .map(|v| v.1.unwrap_or(-1.0))
            .collect();
        for (value, real) in measured.iter().zip([2.5, 8.75, 15.0]) {
            assert!((value - real).abs() <= 0.25, "{measured:?}");
        }
        words.push(word("9", 110.0, 116.0));
        assert_eq!(found(words)[1], ("Q2".to_owned(), Some(9.0), false));
    }
}
