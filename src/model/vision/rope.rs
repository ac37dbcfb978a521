//! The rotation of the decoder's rows: M-RoPE as Qwen3-VL interleaves it.
//!
//! Every row has three positions: time, height and width. A token of text has the same number thrice, so that nothing
//! changes for text; the tokens of a picture share their time and count rows and columns from there.

use candle_core::Device;

use super::config::Config;
use crate::error::Result;
use crate::model::decoder::Rope;

/// The rotary frequencies and what each turns with.
#[derive(Debug)]
pub(super) struct Axes {
    /// base^(-2i/D), and 0, 1 or 2: time, height or width.
    frequencies: Vec<(f64, usize)>,
}

impl Axes {
    pub(super) fn new(config: &Config) -> Self {
        let (dim, base) = (config.text.head_dim, config.text.rope_base);
        let frequency = |i: usize| base.powf(-2.0 * i as f64 / dim as f64);
        let frequencies = (0..dim / 2).map(|i| (frequency(i), axis(i, config.sections)));
        Self {
            frequencies: frequencies.collect(),
        }
    }

    /// The rotations of rows at these positions.
    pub(super) fn rope(&self, positions: &[[usize; 3]], device: &Device) -> Result<Rope> {
        let row = |at: &[usize; 3]| {
            let at = *at;
            self.frequencies.iter().map(move |(f, axis)| at[*axis] as f64 * f)
        };
        Rope::of_angles(positions.iter().flat_map(row), self.frequencies.len(), device)
    }
}

/// What frequency `i` turns with: height and width take every third, as many as their section says, time the others.
fn axis(i: usize, sections: [usize; 3]) -> usize {
    let axis = i % 3;
    if i / 3 < sections[axis] { axis } else { 0 }
}

/// The positions of `len` tokens of which those from `first` on are a picture of `rows` times `columns`.
pub(super) fn positions(len: usize, first: usize, (rows, columns): (usize, usize)) -> Vec<[usize; 3]> {
    let before = (0..first).map(|at| [at; 3]);
    let picture = (0..rows * columns).map(|i| [first, first + i / columns, first + i % columns]);
    let behind = (first + rows.max(columns)..).map(|at| [at; 3]);
    before.chain(picture).chain(behind).take(len).collect()
}

/// The position of the first token behind these.
pub(super) fn behind(positions: &[[usize; 3]]) -> usize {
    positions.iter().flatten().max().map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published sections: height takes 1, 4 … 58, width 2, 5 … 59, time the rest of 64.
    #[test]
    fn the_sections_are_interleaved() {
        let axes: Vec<usize> = (0..64).map(|i| axis(i, [24, 20, 20])).collect();
        assert_eq!(axes[..6], [0, 1, 2, 0, 1, 2]);
        assert_eq!(axes[56..], [2, 0, 1, 2, 0, 0, 0, 0]);
        let count = |which| axes.iter().filter(|axis| **axis == which).count();
        assert_eq!([count(0), count(1), count(2)], [24, 20, 20]);
    }

    /// Two tokens, a picture of 2 x 3, two tokens: by hand after `get_rope_index`.
    #[test]
    fn text_goes_on_behind_the_longer_side_of_the_picture() {
        let all = positions(10, 2, (2, 3));
        let picture = [[2, 2, 2], [2, 2, 3], [2, 2, 4], [2, 3, 2], [2, 3, 3], [2, 3, 4]];
        assert_eq!(all[..2], [[0; 3], [1; 3]]);
        assert_eq!(all[2..8], picture);
        assert_eq!(all[8..], [[5; 3], [6; 3]]);
        assert_eq!(behind(&all), 7);
        assert_eq!(behind(&positions(8, 2, (2, 3))), 5);
    }
}
