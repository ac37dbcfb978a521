//! From a picture to patches: scaled so that both sides are whole tokens, its pixels from -1 to 1, patch by patch.

use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::config::{CHANNELS, FRAMES, VisionConfig};
use crate::error::{Error, ErrorKind, Result};

/// The fewest tokens of a picture: a smaller one is made larger. The models' own setting.
const LEAST: usize = 64;
/// The most tokens of a picture: a larger one is made smaller. The models take 16 384; this many read a chart, and cost a
/// hundredth of their attention.
const MOST: usize = 1280;
/// How much longer than wide a picture may be.
const LONGEST: usize = 200;

/// The patches of a picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// `[rows * columns, channel, frame, y, x]`; the patches of one token lie side by side, tokens row by row.
    pub(super) pixels: Vec<f32>,
    /// Patches from top to bottom.
    pub(super) rows: usize,
    /// Patches from left to right.
    pub(super) columns: usize,
}

impl Seen {
    /// Tokens from top to bottom and from left to right.
    pub(super) fn merged(&self, merge: usize) -> (usize, usize) {
        (self.rows / merge, self.columns / merge)
    }

    /// Where the patches stand, in the order of the pixels: row and column.
    pub(super) fn places(&self, merge: usize) -> impl Iterator<Item = (usize, usize)> {
        let (_, columns) = self.merged(merge);
        let count = self.rows * self.columns;
        (0..count).map(move |i| {
            let (token, within) = (i / (merge * merge), i % (merge * merge));
            let (row, column) = (token / columns * merge, token % columns * merge);
            (row + within / merge, column + within % merge)
        })
    }
}

/// The patches of a picture.
///
/// # Errors
/// `Input` when it is too narrow for its length.
pub(super) fn patches(picture: &RgbImage, config: &VisionConfig) -> Result<Seen> {
    let size = (picture.width() as usize, picture.height() as usize);
    let (width, height) = scaled(size, config.patch * config.merge)?;
    // The bicubic filter with a = -1/2, wider where the picture becomes smaller. As in the models' own processor, the picture
    // is whole numbers again between the two directions.
    let bicubic = |picture: &RgbImage, width, height| resize(picture, width, height, FilterType::CatmullRom);
    let wide = bicubic(picture, width as u32, picture.height());
    let scaled = bicubic(&wide, width as u32, height as u32);
    let patch = config.patch;
    let mut seen = Seen {
        pixels: Vec::with_capacity(FRAMES * CHANNELS * width * height),
        rows: height / patch,
        columns: width / patch,
    };
    let mut pixels = std::mem::take(&mut seen.pixels);
    for (row, column) in seen.places(config.merge) {
        for channel in 0..CHANNELS {
            let at = |i: usize| {
                let (x, y) = (column * patch + i % patch, row * patch + i / patch);
                f32::from(scaled.get_pixel(x as u32, y as u32).0[channel]) / 127.5 - 1.0
            };
            // The two frames are the same.
            (0..FRAMES).for_each(|_| pixels.extend((0..patch * patch).map(at)));
        }
    }
    seen.pixels = pixels;
    Ok(seen)
}

/// Width and height in whole tokens of `unit` pixels, near to the picture's own and in its proportions.
fn scaled((width, height): (usize, usize), unit: usize) -> Result<(usize, usize)> {
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 || long > LONGEST * short {
        let what =
            format!("the picture of {width} x {height} pixels is more than {LONGEST} times as long as wide");
        return Err(Error::new(ErrorKind::Input, what));
    }
    let (least, most) = (LEAST * unit * unit, MOST * unit * unit);
    let area = (width * height) as f64;
    let by = |factor: f64, whole: fn(f64) -> f64| {
        let side = |side: usize| (whole(side as f64 * factor / unit as f64) as usize).max(1) * unit;
        (side(width), side(height))
    };
    let (near_width, near_height) = by(1.0, f64::round_ties_even);
    Ok(match near_width * near_height {
        near if near > most => by((most as f64 / area).sqrt(), f64::floor),
        near if near < least => by((least as f64 / area).sqrt(), f64::ceil),
        _ => (near_width, near_height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand after `smart_resize` of transformers 4.57.1 with the published factor of 32.
    #[test]
    fn both_sides_become_whole_tokens() -> Result<()> {
        let cases = [
            // 1000 / 32 = 31.25, 600 / 32 = 18.75.
            ((1000, 600), (992, 608)),
            // Halves go to the even number: 2.5 and 3.5, then below 64 tokens: times sqrt(65536 / 8960) = 2.7045.
            ((80, 112), (224, 320)),
            // 16.5 and 15.5 go to 16.
            ((528, 496), (512, 512)),
            // 15 and 14: exactly as it was.
            ((480, 448), (480, 448)),
            // Four megapixels become at most 1280 tokens: times sqrt(1310720 / 4000000) = 0.57243.
            ((2000, 2000), (1120, 1120)),
            // 4000 x 100: 125 x 3 tokens.
            ((4000, 100), (4000, 96)),
            // 16 x 3200: the height alone is within, the width at least one token; 100 tokens.
            ((16, 3200), (32, 3200)),
        ];
        for (from, to) in cases {
            assert_eq!(scaled(from, 32)?, to, "{from:?}");
        }
        assert!(scaled((10, 2001), 32).is_err());
        assert!(scaled((0, 0), 32).is_err());
        Ok(())
    }
}
