//! Where text stands: differentiable binarisation (Liao et al. 2020). The network gives each pixel the probability that
//! it is text, for letters shrunk to their middle; patches of likely pixels become rectangles and grow back.

use image::RgbImage;
use image::imageops::{self, FilterType};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};

use super::geometry::{Point, Slanted};
use super::{Network, failed};
use crate::error::Result;

/// The network takes sizes that are multiples of this.
const STEP: u32 = 32;
/// Small pictures are enlarged, at most to twice their size, until their longer side has so many pixels.
const LEAST: u32 = 960;
/// The longer side of what the network sees, at most.
const MOST: u32 = 1920;
/// A pixel is text from this probability on.
const PIXEL: f32 = 0.3;
/// A rectangle is text when its pixels' mean is at least this.
const RECTANGLE: f32 = 0.6;
/// How far a patch grows back: by this times its area over its perimeter.
const GROWTH: f32 = 1.5;
/// Rectangles lower than this are specks, in pixels of what the network sees.
const LOWEST: f32 = 3.0;
/// The mean and the deviation of the colours the network was trained on: blue, green, red.
const MEAN: [f32; 3] = [0.406, 0.456, 0.485];
const DEVIATION: [f32; 3] = [0.225, 0.224, 0.229];

/// The places of the lines of text in a picture, in its pixels.
pub(super) fn places(network: &Network, picture: &RgbImage) -> Result<Vec<Slanted>> {
    let (width, height) = size_for(picture.dimensions());
    let seen = imageops::resize(picture, width, height, FilterType::Triangle);
    let map: NdTensor<f32, 4> = network.run(input(&seen))?;
    let [_, _, rows, columns] = map.shape();
    if (columns, rows) != (width as usize, height as usize) {
        return Err(failed("gave a map of another size"));
    }
    let map: NdTensorView<f32, 2> = map.slice((0, 0));
    let scale = [
        picture.width() as f32 / width as f32,
        picture.height() as f32 / height as f32,
    ];
    let found = rectangles(&map.to_vec(), width as usize);
    Ok(found.into_iter().map(|r| r.scaled(scale)).collect())
}

/// The size at which a picture is looked at.
fn size_for((width, height): (u32, u32)) -> (u32, u32) {
    let longer = width.max(height).max(1);
    let wanted = if longer < LEAST {
        (longer * 2).min(LEAST)
    } else {
        longer.min(MOST)
    };
    let scale = wanted as f32 / longer as f32;
    let stepped = |side: u32| {
        let steps = (side as f32 * scale / STEP as f32).round();
        (steps as u32).clamp(1, MOST / STEP) * STEP
    };
    (stepped(width), stepped(height))
}

/// The picture as the network takes it: its colours as planes, blue first.
fn input(picture: &RgbImage) -> NdTensor<f32, 4> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut planes = Vec::with_capacity(3 * width * height);
    for (plane, colour) in [2, 1, 0].into_iter().enumerate() {
        let value = |p: &image::Rgb<u8>| (f32::from(p.0[colour]) / 255.0 - MEAN[plane]) / DEVIATION[plane];
        planes.extend(picture.pixels().map(value));
    }
    NdTensor::from_data([1, 3, height, width], planes)
}

/// The rectangles of text in a map of probabilities, row after row of so many columns.
fn rectangles(map: &[f32], columns: usize) -> Vec<Slanted> {
    patches(map, columns)
        .into_iter()
        .filter_map(|edge| {
            let core = Slanted::around(&edge)?;
            if core.height < LOWEST || mean_in(map, columns, &core) < RECTANGLE {
                return None;
            }
            let perimeter = 2.0 * (core.length + core.height);
            let grown = core.grown(core.area() * GROWTH / perimeter);
            (grown.height >= LOWEST + 2.0).then_some(grown)
        })
        .collect()
}

/// The edges of the patches of likely pixels, which touch at sides or corners: of every row the two ends, as corners of
/// pixels.
fn patches(map: &[f32], columns: usize) -> Vec<Vec<Point>> {
    let mut seen = vec![false; map.len()];
    let mut found = Vec::new();
    for start in 0..map.len() {
        if map[start] > PIXEL && !seen[start] {
            found.push(patch(map, columns, start, &mut seen));
        }
    }
    found
}

fn patch(map: &[f32], columns: usize, start: usize, seen: &mut [bool]) -> Vec<Point> {
    let rows = map.len() / columns;
    let mut edge = Vec::new();
    let mut open = vec![start];
    seen[start] = true;
    while let Some(at) = open.pop() {
        let (x, y) = (at % columns, at / columns);
        let mut inside = 0;
        for ny in y.saturating_sub(1)..(y + 2).min(rows) {
            for nx in x.saturating_sub(1)..(x + 2).min(columns) {
                let next = ny * columns + nx;
                if map[next] <= PIXEL {
                    continue;
                }
                inside += 1;
                if !seen[next] {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        // A pixel with all nine around it is no corner of the hull.
        if inside < 9 {
            let (x, y) = (x as f32, y as f32);
            edge.extend([[x, y], [x + 1.0, y], [x, y + 1.0], [x + 1.0, y + 1.0]]);
        }
    }
    edge
}

/// The mean of the probabilities in a rectangle.
fn mean_in(map: &[f32], columns: usize, rectangle: &Slanted) -> f32 {
    let rows = map.len() / columns;
    let [left, top, right, bottom] = rectangle.bounds();
    let across =
        |from: f32, to: f32, most: usize| (from.max(0.0) as usize)..(to.max(0.0).ceil() as usize).min(most);
    let (mut sum, mut count) = (0.0, 0_u32);
    for y in across(top, bottom, rows) {
        for x in across(left, right, columns) {
            if rectangle.holds([x as f32 + 0.5, y as f32 + 0.5]) {
                sum += map[y * columns + x];
                count += 1;
            }
        }
    }
    sum / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of 40 by 20 with two bars of text and a speck: 20 x 4 grows by 1.5 * 80 / 48 = 2.5 on every side.
    #[test]
    fn patches_become_rectangles_and_grow_back() {
        let mut map = vec![0.0; 40 * 20];
        let mut fill = |left: usize, top: usize, width: usize, height: usize, p: f32| {
            for y in top..top + height {
                map[y * 40 + left..y * 40 + left + width].fill(p);
            }
        };
        fill(5, 4, 20, 4, 0.9);
        fill(30, 4, 6, 10, 0.5);
        fill(2, 15, 1, 1, 0.9);
        let found = rectangles(&map, 40);
        assert_eq!(found.len(), 1, "the pale one and the speck are none: {found:?}");
        assert_eq!(found[0].bounds().map(|v| (v * 10.0) as i32), [25, 15, 275, 105]);
    }

    #[test]
    fn sizes_are_steps_and_keep_the_shape() {
        assert_eq!(size_for((800, 500)), (960, 608));
        assert_eq!(size_for((320, 160)), (640, 320));
        assert_eq!(size_for((8000, 4000)), (1920, 960));
        assert_eq!(size_for((5000, 3)), (1920, 32));
    }
}
