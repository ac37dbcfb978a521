//! The product of f32 activations with weights of 4 to 8 bits, in integers.
//!
//! Weights are affine in blocks along the input: `w = factor * u + offset`, `u` unsigned, as every GGUF block format
//! can be written. Activations are quantised to i8 with one scale a block, as in llama.cpp's `Q8_1`. The integer sums
//! of a block are exact, and the blocks of one output are summed in their order: a row's result does not depend on the
//! rows beside it.

use rayon::prelude::*;

use crate::model::kernels::lanes::{self, LANES, Lanes, WithLanes};

/// Rows a tile works on at once: with more, the sums of AVX2 leave the registers.
const ROWS: usize = 4;
/// Tiles one task takes.
const TILES: usize = 16;
/// Inputs of one step: the bytes of one 32-bit word.
const STEP: usize = 4;

/// What is the same for the inputs of one block, for each of sixteen outputs.
#[derive(Debug, Clone, Copy, Default)]
struct Affine {
    factor: [f32; LANES],
    offset: [f32; LANES],
}

/// One block of weights of one output: `w[i] = factor * quants[i] + offset`.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// One for each input of the block.
    pub quants: &'a [u8],
    /// The step between neighbouring values.
    pub factor: f32,
    /// The value of 0.
    pub offset: f32,
}

/// A matrix `[out, in]`, packed for [`multiply`](Self::multiply).
#[derive(Debug)]
pub struct PackedMatrix {
    outputs: usize,
    inputs: usize,
    block: usize,
    bits: u32,
    /// `[out / 16, in / 4]`, each the words of sixteen outputs.
    weights: Vec<[u8; 64]>,
    /// `[out / 16, in / block]`.
    affine: Vec<Affine>,
}

impl PackedMatrix {
    /// All weights 0. `inputs` is a multiple of `block`, which is 16 or 32; `bits` is 4, 5, 6 or 8.
    pub fn zeros(outputs: usize, inputs: usize, block: usize, bits: u32) -> Self {
        debug_assert!(
            inputs.is_multiple_of(block) && matches!(block, 16 | 32) && matches!(bits, 4 | 5 | 6 | 8)
        );
        let groups = outputs.div_ceil(LANES);
        Self {
            outputs,
            inputs,
            block,
            bits,
            weights: vec![[0; 64]; groups * (inputs / STEP)],
            affine: vec![Affine::default(); groups * (inputs / block)],
        }
    }

    /// Sets the block `index` of the inputs of `output`.
    pub fn set(&mut self, output: usize, index: usize, block: &Block) {
        let (group, lane) = (output / LANES, output % LANES);
        let first = group * (self.inputs / STEP) + index * (self.block / STEP);
        for (word, quants) in self.weights[first..]
            .iter_mut()
            .zip(block.quants.as_chunks::<STEP>().0)
        {
            word[lane * STEP..][..STEP].copy_from_slice(quants);
        }
        let affine = &mut self.affine[group * (self.inputs / self.block) + index];
        affine.factor[lane] = block.factor;
        affine.offset[lane] = block.offset;
    }

    /// Number of outputs and inputs.
    pub fn shape(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    /// The weights of some outputs as f32, `[outputs, in]`.
    pub fn dense(&self, outputs: std::ops::Range<usize>) -> Vec<f32> {
        let mut dense = vec![0.0; outputs.len() * self.inputs];
        dense
            .par_chunks_mut(self.inputs)
            .zip(outputs)
            .for_each(|(row, output)| {
                let (group, lane) = (output / LANES, output % LANES);
                let words = &self.weights[group * (self.inputs / STEP)..];
                let affine = &self.affine[group * (self.inputs / self.block)..];
                for (i, w) in row.iter_mut().enumerate() {
                    let quant = words[i / STEP][lane * STEP + i % STEP];
                    let affine = &affine[i / self.block];
                    *w = affine.factor[lane] * f32::from(quant) + affine.offset[lane];
                }
            });
        dense
    }

    /// `x W^T + bias` for `x` `[rows, in]` and a bias `[out]`, or none at all: `[rows, out]`.
    pub fn multiply(&self, x: &[f32], bias: &[f32]) -> Vec<f32> {
        debug_assert!(bias.is_empty() || bias.len() == self.outputs);
        lanes::dispatch(Multiply {
            matrix: self,
            x,
            bias,
        })
    }
}

#[derive(Clone, Copy)]
struct Multiply<'a> {
    matrix: &'a PackedMatrix,
    x: &'a [f32],
    bias: &'a [f32],
}

impl WithLanes for Multiply<'_> {
    type Output = Vec<f32>;

    fn with<L: Lanes>(self, lanes: L) -> Vec<f32> {
        match self.matrix.bits {
            4 => self.multiply::<L, 4>(lanes),
            5 => self.multiply::<L, 5>(lanes),
            6 => self.multiply::<L, 6>(lanes),
            _ => self.multiply::<L, 8>(lanes),
        }
    }
}

/// Activations of up to four rows, row by row in each step.
struct Tile {
    /// `[in / 4]`: four i8 of each row.
    words: Vec<[u32; ROWS]>,
    /// `[in / block]`: of each row the scale, and the scale times the sum of the block.
    scales: Vec<[[f32; 2]; ROWS]>,
}

impl Tile {
    /// Quantises `rows`, each `inputs` long; missing rows are zero.
    fn quantise<L: Lanes>(lanes: L, rows: &[f32], inputs: usize, block: usize) -> Self {
        let mut tile = Self {
            words: vec![[0; ROWS]; inputs / STEP],
            scales: vec![[[0.0; 2]; ROWS]; inputs / block],
        };
        lanes.run(
            #[inline(always)]
            || {
                for (r, row) in rows.chunks_exact(inputs).enumerate() {
                    let words = tile.words.chunks_exact_mut(block / STEP);
                    for ((x, words), scales) in row.chunks_exact(block).zip(words).zip(&mut tile.scales) {
                        scales[r] = quantise_block(x, words, r);
                    }
                }
            },
        );
        tile
    }
}

/// Writes `x` as i8 into byte quadruples of row `r`; answers the scale, and the scale times the sum.
#[inline(always)]
fn quantise_block(x: &[f32], words: &mut [[u32; ROWS]], r: usize) -> [f32; 2] {
    /// 1.5 * 2^23: adding it rounds to a whole number and leaves that number in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let largest = x.iter().fold(0.0_f32, |a, &b| a.max(b.abs()));
    let scale = largest / 127.0;
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut sum = 0_i32;
    for (word, x) in words.iter_mut().zip(x.as_chunks::<STEP>().0) {
        let mut bytes = [0; STEP];
        for (byte, x) in bytes.iter_mut().zip(x) {
            *byte = x.mul_add(inverse, ROUND).to_bits() as u8;
            sum += i32::from(byte.cast_signed());
        }
        word[r] = u32::from_le_bytes(bytes);
    }
    [scale, scale * sum as f32]
}

impl Multiply<'_> {
    fn multiply<L: Lanes, const BITS: u32>(self, lanes: L) -> Vec<f32> {
        let (outputs, inputs) = self.matrix.shape();
        let tiles: Vec<Tile> = self
            .x
            .par_chunks(ROWS * inputs)
            .map(|rows| Tile::quantise(lanes, rows, inputs, self.matrix.block))
            .collect();
        let mut y = vec![0.0; self.x.len() / inputs * outputs];
        if tiles.len() >= TILES {
            // Many rows: each task takes some of them through all weights.
            y.par_chunks_mut(TILES * ROWS * outputs)
                .zip(tiles.par_chunks(TILES))
                .for_each(|(y, tiles)| {
                    lanes.run(
                        #[inline(always)]
                        || {
                            for group in 0..outputs.div_ceil(LANES) {
                                for (y, tile) in y.chunks_mut(ROWS * outputs).zip(tiles) {
                                    let sums = of_tile::<L, BITS>(lanes, self.matrix, group, tile);
                                    self.scatter(&sums, y, group);
                                }
                            }
                        },
                    );
                });
            return y;
        }
        // Few rows: each task takes them through some of the weights.
        let sums: Vec<[[f32; LANES]; ROWS]> = (0..outputs.div_ceil(LANES))
            .into_par_iter()
            .with_min_len(8)
            .flat_map_iter(|group| {
                let mut sums = vec![[[0.0; LANES]; ROWS]; tiles.len()];
                lanes.run(
                    #[inline(always)]
                    || {
                        for (sums, tile) in sums.iter_mut().zip(&tiles) {
                            *sums = of_tile::<L, BITS>(lanes, self.matrix, group, tile);
                        }
                    },
                );
                sums
            })
            .collect();
        for (i, sums) in sums.iter().enumerate() {
            let (group, tile) = (i / tiles.len(), i % tiles.len());
            self.scatter(sums, &mut y[tile * ROWS * outputs..], group);
        }
        y
    }

    /// Writes the sums of one group of outputs, and their bias, into the rows of `y` that there are.
    #[inline]
    fn scatter(&self, sums: &[[f32; LANES]; ROWS], y: &mut [f32], group: usize) {
        let outputs = self.matrix.outputs;
        let first = group * LANES;
        let count = LANES.min(outputs - first);
        for (row, sums) in y.chunks_exact_mut(outputs).zip(sums) {
            let row = &mut row[first..first + count];
            row.copy_from_slice(&sums[..count]);
            for (y, bias) in row.iter_mut().zip(self.bias.iter().skip(first)) {
                *y += bias;
            }
        }
    }
}

/// Four rows times sixteen outputs.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn of_tile<L: Lanes, const BITS: u32>(
    lanes: L,
    matrix: &PackedMatrix,
    group: usize,
    tile: &Tile,
) -> [[f32; LANES]; ROWS] {
    let (steps, blocks) = (matrix.inputs / STEP, matrix.inputs / matrix.block);
    let weights = &matrix.weights[group * steps..][..steps];
    let affine = &matrix.affine[group * blocks..][..blocks];
    let per_block = matrix.block / STEP;
    // In memory and not in registers: those are for the integer sums.
    let mut sums = [[0.0_f32; LANES]; ROWS];
    let words = weights
        .chunks_exact(per_block)
        .zip(tile.words.chunks_exact(per_block));
    for (((weights, x), affine), scales) in words.zip(affine).zip(&tile.scales) {
        let dots = lanes.dots::<ROWS, BITS>(weights, x);
        let (factor, offset) = (lanes.load(&affine.factor), lanes.load(&affine.offset));
        for ((sums, dots), [scale, scaled_sum]) in sums.iter_mut().zip(dots).zip(scales) {
            let sum = lanes.mul_add(
                lanes.mul(factor, lanes.splat(*scale)),
                lanes.to_f32(dots),
                lanes.load(sums),
            );
            lanes.store(lanes.mul_add(offset, lanes.splat(*scaled_sum), sum), sums);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
