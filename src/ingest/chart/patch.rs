//! Patches of one colour: bars, legend swatches, tracks, lines.

use image::{Rgb, RgbImage};

use super::rect::Rect;

/// Colours are alike when no channel differs by more: room for what JPEG does.
const ALIKE: u8 = 20;
/// Smaller patches are specks or parts of letters.
const LEAST_PIXELS: usize = 24;
/// A patch is a rectangle when it fills so much of its frame; labels printed on it leave holes.
const FILLED: f32 = 0.72;

/// A patch of one colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Patch {
    pub(super) at: Rect,
    pub(super) colour: [u8; 3],
    /// How many pixels it has.
    pub(super) pixels: usize,
}

impl Patch {
    /// Whether it is a filled upright rectangle.
    pub(super) fn is_rectangle(&self) -> bool {
        self.pixels as f32 >= FILLED * self.at.width() * self.at.height()
    }

    pub(super) fn flipped(&self) -> Self {
        Self {
            at: self.at.flipped(),
            ..*self
        }
    }
}

/// Whether two colours are alike.
pub(super) fn alike(a: [u8; 3], b: [u8; 3]) -> bool {
    apart(a, b) <= ALIKE
}

/// The largest difference of a channel.
pub(super) fn apart(a: [u8; 3], b: [u8; 3]) -> u8 {
    (0..3).map(|c| a[c].abs_diff(b[c])).max().unwrap_or(0)
}

/// How far a colour is from grey.
pub(super) fn vivid(colour: [u8; 3]) -> u8 {
    let [r, g, b] = colour;
    r.max(g).max(b) - r.min(g).min(b)
}

/// The colour that most pixels have.
pub(super) fn background(picture: &RgbImage) -> [u8; 3] {
    let mut counts = std::collections::BTreeMap::new();
    let step = (picture.len() / 3 / 40_000).max(1);
    for Rgb(colour) in picture.pixels().step_by(step) {
        *counts.entry(colour.map(|c| c >> 3)).or_insert((0_u32, *colour)) = (
            counts.get(&colour.map(|c| c >> 3)).map_or(0, |(n, _)| *n) + 1,
            *colour,
        );
    }
    counts
        .into_values()
        .max_by_key(|(n, _)| *n)
        .map_or([255; 3], |(_, colour)| colour)
}

/// The patches of a picture that differ from its background, which touch at sides.
pub(super) fn patches(picture: &RgbImage) -> Vec<Patch> {
    let background = background(picture);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels: &[[u8; 3]] = picture.as_raw().as_chunks().0;
    let mut seen = vec![false; width * height];
    let mut open = Vec::new();
    let mut found = Vec::new();
    for start in 0..pixels.len() {
        let colour = pixels[start];
        if seen[start] || alike(colour, background) {
            continue;
        }
        let (mut left, mut top, mut right, mut bottom, mut count) = (width, height, 0, 0, 0);
        seen[start] = true;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            (left, right, count) = (left.min(x), right.max(x + 1), count + 1);
            (top, bottom) = (top.min(y), bottom.max(y + 1));
            let around = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                (y > 0).then(|| at.saturating_sub(width)),
                (y + 1 < height).then_some(at + width),
            ];
            for next in around.into_iter().flatten() {
                if !seen[next] && alike(pixels[next], colour) {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        if count >= LEAST_PIXELS {
            let at = Rect::new([left, top, right, bottom].map(|v| v as f32));
            found.push(Patch {
                at,
                colour,
                pixels: count,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_told_by_colour_and_shape() {
        let mut picture = RgbImage::from_pixel(60, 40, Rgb([255; 3]));
        for (x, y, colour) in (0..10).flat_map(|x| (0..20).map(move |y| (x + 5, y + 10, [200, 30, 30]))) {
            picture.put_pixel(x, y, Rgb(colour));
            picture.put_pixel(x + 10, y, Rgb([30, 30, 200]));
        }
        (0..30).for_each(|i| picture.put_pixel(28 + i, 5 + i, Rgb([0, 0, 0])));
        let found = patches(&picture);
        assert_eq!(found.len(), 2, "a slanted hair is no patch: {found:?}");
        assert_eq!(found[0].at, Rect::new([5.0, 10.0, 15.0, 30.0]));
        assert!(found.iter().all(Patch::is_rectangle));
        assert!(alike(found[1].colour, [30, 30, 200]));
    }
}
