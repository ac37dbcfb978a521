//! What a line of text says: it is cut out straight, brought to the height the network knows, and read in batches of
//! lines of like length.

use image::RgbImage;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::ctc::{self, Glyph, Reading};
use super::geometry::{Point, Slanted};
use super::{Line, Network, failed};
use crate::error::Result;

/// The height of the network's input.
const HEIGHT: usize = 48;
/// The shortest and the longest input. Longer lines are squeezed.
const SHORTEST: usize = 96;
const LONGEST: usize = 2400;
/// Inputs are padded to multiples of this, so that few shapes occur.
const STEP: usize = 32;
/// A batch is at most so long altogether.
const BATCH: usize = 3200;
/// Below this confidence a line is no text but something like it.
const LEAST_CONFIDENCE: f32 = 0.5;

/// A line is read without its upper and lower edge: letters are sharper when they fill the height, and ticks of axes stay
/// out. This is left of it.
const TRIMMED: f32 = 0.78;
/// Below this confidence it is read again in its whole height.
const DOUBTFUL: f32 = 0.985;
/// What a tick looks like.
const STROKES: [char; 8] = ['一', '丨', '|', '-', '–', '—', '_', '\''];
/// So much is added at both ends, as a share of the height: letters at the very edge get lost.
const MARGIN: f32 = 0.15;

/// A line to read, and which of the places it belongs to.
struct Strip {
    place: usize,
    from: Slanted,
    /// The columns that are not padding.
    width: usize,
}

/// Reads the text at the given places of a picture.
pub(super) fn lines(
    network: &Network,
    keys: &[String],
    picture: &RgbImage,
    places: &[Slanted],
) -> Result<Vec<Line>> {
    let look = |strips: Vec<Strip>| -> Result<Vec<Option<(Slanted, Reading)>>> {
        let mut surest: Vec<Option<(Slanted, Reading)>> = vec![None; places.len()];
        for (strip, reading) in read_all(network, keys, picture, strips)? {
            let slot = &mut surest[strip.place];
            if slot
                .as_ref()
                .is_none_or(|(_, r)| r.confidence < reading.confidence)
            {
                *slot = Some((strip.from, reading));
            }
        }
        Ok(surest)
    };
    let trimmed = |place: &Slanted| Slanted {
        height: place.height * TRIMMED,
        ..*place
    };
    let first = places.iter().map(trimmed).enumerate();
    let mut best = look(first.flat_map(|(i, place)| strips((i, &place))).collect())?;
    let doubtful =
        |slot: &Option<(Slanted, Reading)>| slot.as_ref().is_some_and(|(_, r)| r.confidence < DOUBTFUL);
    let again = places.iter().enumerate().filter(|(i, _)| doubtful(&best[*i]));
    let whole = look(again.flat_map(strips).collect())?;
    for (slot, whole) in best.iter_mut().zip(whole) {
        let better = |(_, whole): &(Slanted, Reading)| {
            slot.as_ref().is_none_or(|(_, trimmed)| says_more(whole, trimmed))
        };
        if let Some(whole) = whole.filter(better) {
            *slot = Some(whole);
        }
    }
    let sure = best.into_iter().flatten();
    let sure = sure.filter(|(_, r)| r.confidence >= LEAST_CONFIDENCE && !r.glyphs.is_empty());
    Ok(sure.map(|(place, reading)| line(place, reading)).collect())
}

/// Whether the reading of a line in its whole height is the better one. By the sum of the characters' probabilities, not
/// by their mean: a character that fills its box, such as 口 or 日, is taken for a part of the edge when the line is
/// trimmed, and a reading without it is the surer one for leaving it out. At the ends strokes do not count: there the
/// ticks of an axis look like them.
fn says_more(whole: &Reading, trimmed: &Reading) -> bool {
    let sum = |reading: &Reading| {
        let text: String = reading.glyphs.iter().map(|g| g.ch).collect();
        let counted = text.trim_matches(STROKES).chars().count();
        reading.confidence * counted as f32
    };
    whole.confidence >= LEAST_CONFIDENCE && sum(whole) > sum(trimmed)
}

/// Reads strips in batches of like length.
fn read_all(
    network: &Network,
    keys: &[String],
    picture: &RgbImage,
    mut strips: Vec<Strip>,
) -> Result<Vec<(Strip, Reading)>> {
    strips.sort_by_key(|strip| strip.width);
    let mut readings = Vec::new();
    while let Some(rest) = strips.get(readings.len()..).filter(|rest| !rest.is_empty()) {
        let batch = &rest[..batch_of(rest[0].width, rest)];
        readings.extend(read(network, keys, picture, batch)?);
    }
    Ok(strips.into_iter().zip(readings).collect())
}

fn line(place: Slanted, mut reading: Reading) -> Line {
    settle_case(&mut reading.glyphs);
    Line {
        text: reading.glyphs.iter().map(|g| g.ch).collect(),
        glyphs: reading.glyphs,
        place,
        confidence: reading.confidence,
    }
}

/// Capitals that only their size tells from small letters are small ones inside a word of small letters: `MOn` is `Mon`.
fn settle_case(glyphs: &mut [Glyph]) {
    for at in 1..glyphs.len() {
        let small = |i: usize| glyphs.get(i).is_some_and(|g: &Glyph| g.ch.is_ascii_lowercase());
        let inside = glyphs[at - 1].ch.is_ascii_alphabetic() && (small(at - 1) || small(at + 1));
        if inside && "COSUVWXZ".contains(glyphs[at].ch) {
            glyphs[at].ch = glyphs[at].ch.to_ascii_lowercase();
        }
    }
}

/// The ways to read a place: standing text may run up or down.
fn strips((place, &from): (usize, &Slanted)) -> Vec<Strip> {
    let from = Slanted {
        length: from.length + 2.0 * MARGIN * from.height,
        ..from
    };
    let wide = (from.length / from.height.max(1.0) * HEIGHT as f32).ceil() as usize;
    let width = wide.clamp(8, LONGEST);
    let strip = |from| Strip { place, from, width };
    if from.is_standing() {
        vec![strip(from), strip(from.reversed())]
    } else {
        vec![strip(from)]
    }
}

fn padded(width: usize) -> usize {
    width.max(SHORTEST).next_multiple_of(STEP)
}

/// How many of the strips, which grow longer, are read together: little padding, and not too much at once.
fn batch_of(shortest: usize, strips: &[Strip]) -> usize {
    let longest = padded(shortest) * 5 / 4;
    let fits = |(at, strip): &(usize, &Strip)| {
        let width = padded(strip.width);
        *at == 0 || (width <= longest && width * (at + 1) <= BATCH)
    };
    strips.iter().enumerate().take_while(fits).count()
}

fn read(network: &Network, keys: &[String], picture: &RgbImage, batch: &[Strip]) -> Result<Vec<Reading>> {
    let width = padded(batch.iter().map(|s| s.width).max().unwrap_or(0));
    let mut planes = vec![0.0; batch.len() * 3 * HEIGHT * width];
    for (strip, planes) in batch.iter().zip(planes.chunks_exact_mut(3 * HEIGHT * width)) {
        cut(picture, strip, width, planes);
    }
    let output: NdTensor<f32, 3> =
        network.run(NdTensor::from_data([batch.len(), 3, HEIGHT, width], planes))?;
    let [count, steps, classes] = output.shape();
    if count != batch.len() || classes != keys.len() {
        return Err(failed("knows other characters than its list of keys"));
    }
    let output = output.into_data();
    let readings = output.chunks_exact(steps * classes).zip(batch);
    Ok(readings
        .map(|(probabilities, strip)| {
            let wide = steps as f32 * strip.width as f32 / width as f32;
            ctc::best_path(probabilities.chunks_exact(classes), keys, wide)
        })
        .collect())
}

/// Cuts a strip out of the picture into planes of blue, green and red between -1 and 1; what is behind it stays grey.
fn cut(picture: &RgbImage, strip: &Strip, width: usize, planes: &mut [f32]) {
    // Large letters are averaged, not picked from.
    let fine = (strip.from.height / HEIGHT as f32).ceil().clamp(1.0, 8.0) as usize;
    let share =
        |at: usize, part: usize, of: usize| (at as f32 + (part as f32 + 0.5) / fine as f32) / of as f32;
    for y in 0..HEIGHT {
        for x in 0..strip.width {
            let mut sum = [0.0; 3];
            for (i, j) in (0..fine).flat_map(|i| (0..fine).map(move |j| (i, j))) {
                let point = strip.from.at(share(x, i, strip.width), share(y, j, HEIGHT));
                let colour = sample(picture, point);
                (0..3).for_each(|c| sum[c] += colour[c]);
            }
            for (plane, colour) in [2, 1, 0].into_iter().enumerate() {
                let mean = sum[colour] / (fine * fine) as f32;
                planes[(plane * HEIGHT + y) * width + x] = mean / 127.5 - 1.0;
            }
        }
    }
}

/// The colour at a point between pixels; beyond the edge it is the edge's.
fn sample(picture: &RgbImage, [x, y]: Point) -> [f32; 3] {
    let clamp = |at: f32, size: u32| (at - 0.5).clamp(0.0, size as f32 - 1.0);
    let (x, y) = (clamp(x, picture.width()), clamp(y, picture.height()));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = (
        (left + 1).min(picture.width() - 1),
        (top + 1).min(picture.height() - 1),
    );
    let (a, b) = (x.fract(), y.fract());
    let at = |x, y| picture.get_pixel(x, y).0.map(f32::from);
    let (tl, tr, bl, br) = (at(left, top), at(right, top), at(left, bottom), at(right, bottom));
    std::array::from_fn(|c| {
        let upper = tl[c] + (tr[c] - tl[c]) * a;
        let lower = bl[c] + (br[c] - bl[c]) * a;
        upper + (lower - upper) * b
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(width: usize) -> Strip {
        let from = Slanted {
            centre: [1.0, 1.0],
            along: [1.0, 0.0],
            length: 2.0,
            height: 2.0,
        };
        Strip {
            place: 0,
            from,
            width,
        }
    }

    #[test]
    fn batches_hold_lines_of_like_length() {
        let strips: Vec<Strip> = [40, 90, 96, 400, 410, 2400, 2400].map(strip).into();
        assert_eq!(batch_of(40, &strips), 3);
        assert_eq!(batch_of(400, &strips[3..]), 2);
        assert_eq!(
            batch_of(2400, &strips[5..]),
            1,
            "never none, never more than fits"
        );
    }

    /// The numbers are those of a line of `samples/office/mixed.pdf`, rounded.
    #[test]
    fn a_character_more_is_worth_more_than_a_little_certainty() {
        let reading = |text: &str, confidence| Reading {
            glyphs: text.chars().map(|ch| Glyph { ch, at: 0.0 }).collect(),
            confidence,
        };
        let trimmed = reading("期：2026年518", 0.98);
        assert!(says_more(&reading("日期：2026年518日", 0.94), &trimmed));
        assert!(!says_more(&reading("期：2026年518", 0.97), &trimmed));
        assert!(
            !says_more(&reading("搜索优化一", 0.96), &reading("搜索优化", 0.98)),
            "a tick"
        );
        assert!(
            !says_more(&reading("日期：2026年5月18日地点：苏州二号仓", 0.4), &trimmed),
            "what is no text"
        );
    }

    #[test]
    fn capitals_inside_words_are_small() {
        let settled = |text: &str| -> String {
            let mut glyphs: Vec<Glyph> = text.chars().map(|ch| Glyph { ch, at: 0.0 }).collect();
            settle_case(&mut glyphs);
            glyphs.iter().map(|g| g.ch).collect()
        };
        assert_eq!(settled("MOn AUg"), "Mon Aug");
        assert_eq!(settled("OKR SQL W12 Ops"), "OKR SQL W12 Ops");
    }

    /// Two by two pixels, the left column black, the right one white: halfway between is grey.
    #[test]
    fn colours_between_pixels_are_mixed() {
        let mut picture = RgbImage::new(2, 2);
        picture.put_pixel(1, 0, image::Rgb([255; 3]));
        picture.put_pixel(1, 1, image::Rgb([255; 3]));
        assert!((sample(&picture, [1.0, 1.0])[0] - 127.5).abs() < 1e-3);
        assert!(sample(&picture, [-9.0, 0.0])[1] < 1e-3);
        assert!(sample(&picture, [9.0, 9.0])[2] > 254.9);
    }
}
