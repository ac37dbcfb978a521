//! Letters that stand alone. The detector was trained on words and often misses a single digit above a bar, so blots of
//! the size of a letter that lie in none of its places are proposed as well; only those that are surely digits count.

use image::RgbImage;

use super::Line;
use super::geometry::Slanted;

/// A pixel is ink when a channel differs from the picture's ground by more than this.
const INK: u8 = 90;
/// A letter is so high, as a share of the height of the lines around it.
const HEIGHT: std::ops::RangeInclusive<f32> = 0.28..=0.75;
/// Letters of one number are at most so far from each other, as a share of that height.
const GAP: f32 = 0.25;
/// A blot that fills more of its frame is a marker, unless it is as narrow as a one.
const FILLED: f32 = 0.74;
const NARROW: f32 = 0.45;
/// More blots than this are a photograph or a pattern.
const MOST: usize = 200;
/// How sure a digit that the detector missed has to be.
const SURE: f32 = 0.85;

/// A blot of ink: left, top, right, bottom.
type Blot = [usize; 4];

/// Places of letters that lie in none of the places found.
pub(super) fn places(picture: &RgbImage, found: &[Slanted]) -> Vec<Slanted> {
    let mut heights: Vec<f32> = found.iter().map(|place| place.height).collect();
    heights.sort_by(f32::total_cmp);
    let Some(&height) = heights.get(heights.len() / 2) else {
        return Vec::new();
    };
    let free = |blot: &Blot| {
        let middle = [(blot[0] + blot[2]) as f32 / 2.0, (blot[1] + blot[3]) as f32 / 2.0];
        !found.iter().any(|place| place.grown(2.0).holds(middle))
    };
    let blots: Vec<Blot> = blots(picture, height).into_iter().filter(free).collect();
    if blots.len() > MOST {
        return Vec::new();
    }
    joined(blots, GAP * height)
        .iter()
        .map(|blot| around(blot, height))
        .collect()
}

/// Whether what was read in such a place counts.
pub(super) fn counts(line: &Line) -> bool {
    let number = line
        .text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '%' | '-'));
    number && line.text.contains(|c: char| c.is_ascii_digit()) && line.confidence >= SURE
}

/// The line that a blot stands in, as the detector would have given it.
fn around(&[left, top, right, bottom]: &Blot, height: f32) -> Slanted {
    let margin = 0.25 * height;
    Slanted {
        centre: [(left + right) as f32 / 2.0, (top + bottom) as f32 / 2.0],
        along: [1.0, 0.0],
        length: (right - left) as f32 + 2.0 * margin,
        height,
    }
}

/// The blots of the size of a letter, for lines of this height.
fn blots(picture: &RgbImage, height: f32) -> Vec<Blot> {
    let (columns, rows) = (picture.width() as usize, picture.height() as usize);
    let ground = ground(picture);
    let ink = |p: &image::Rgb<u8>| (0..3).any(|c| p.0[c].abs_diff(ground[c]) > INK);
    let mut open: Vec<bool> = picture.pixels().map(ink).collect();
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for start in 0..open.len() {
        if !std::mem::take(&mut open[start]) {
            continue;
        }
        let (mut blot, mut count) = ([columns, rows, 0, 0], 0);
        stack.push(start);
        while let Some(at) = stack.pop() {
            let (x, y) = (at % columns, at / columns);
            blot = [
                blot[0].min(x),
                blot[1].min(y),
                blot[2].max(x + 1),
                blot[3].max(y + 1),
            ];
            count += 1;
            for ny in y.saturating_sub(1)..(y + 2).min(rows) {
                for nx in x.saturating_sub(1)..(x + 2).min(columns) {
                    let next = ny * columns + nx;
                    if std::mem::take(&mut open[next]) {
                        stack.push(next);
                    }
                }
            }
        }
        if is_letter(&blot, count, height) {
            found.push(blot);
        }
    }
    found
}

fn is_letter(&[left, top, right, bottom]: &Blot, count: usize, height: f32) -> bool {
    let (wide, high) = ((right - left) as f32, (bottom - top) as f32);
    let narrow = wide < NARROW * high;
    let solid = count as f32 > FILLED * wide * high;
    HEIGHT.contains(&(high / height)) && wide <= 1.1 * high && (narrow || !solid)
}

/// The colour of most pixels, to four bits a channel.
fn ground(picture: &RgbImage) -> [u8; 3] {
    let mut counts = vec![0_u32; 1 << 12];
    let place = |p: [u8; 3]| p.iter().fold(0, |at, c| at << 4 | usize::from(c >> 4));
    picture.pixels().for_each(|p| counts[place(p.0)] += 1);
    let most = (0..counts.len()).max_by_key(|at| counts[*at]).unwrap_or(0);
    [most >> 8, most >> 4 & 15, most & 15].map(|c| (c as u8) << 4 | 8)
}

/// Blots beside each other on one level as one.
fn joined(mut blots: Vec<Blot>, gap: f32) -> Vec<Blot> {
    blots.sort_unstable();
    let mut found: Vec<Blot> = Vec::new();
    for blot in blots {
        let beside = |last: &&mut Blot| {
            let level = last[1].abs_diff(blot[1]) <= 2 && last[3].abs_diff(blot[3]) <= 2;
            level && blot[0] as f32 - last[2] as f32 <= gap
        };
        match found.iter_mut().find(beside) {
            Some(last) => {
                *last = [
                    last[0],
                    last[1].min(blot[1]),
                    blot[2].max(last[2]),
                    last[3].max(blot[3]),
                ]
            }
            None => found.push(blot),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(picture: &mut RgbImage, [left, top, right, bottom]: Blot, hollow: bool) {
        for y in top..bottom {
            for x in left..right {
                let edge = x == left || y == top || x + 1 == right || y + 1 == bottom;
                if edge || !hollow {
                    picture.put_pixel(x as u32, y as u32, image::Rgb([0; 3]));
                }
            }
        }
    }

    #[test]
    fn letters_that_no_place_holds_are_proposed() {
        let mut picture = RgbImage::from_pixel(200, 100, image::Rgb([255; 3]));
        let word = around(&[20, 20, 60, 30], 20.0);
        ink(&mut picture, [30, 20, 36, 30], true);
        ink(&mut picture, [100, 20, 106, 30], true);
        ink(&mut picture, [108, 20, 114, 30], true);
        ink(&mut picture, [150, 20, 160, 30], false);
        ink(&mut picture, [100, 50, 140, 95], false);
        let found = places(&picture, &[word]);
        assert_eq!(found.len(), 1, "not the found word, a marker or a bar: {found:?}");
        assert!(found[0].holds([103.0, 25.0]) && found[0].holds([111.0, 25.0]));
    }
}
