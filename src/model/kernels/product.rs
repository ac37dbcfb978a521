//! The product of f32 activations with weights of 4 to 8 bits, in integers.
//!
//! Weights are affine in blocks along the input: `w = factor * u + offset`, `u` unsigned, as every GGUF block format
//! can be written. Activations are quantised to i8 with one scale a block, as in llama.cpp's `Q8_1`. The integer sums
//! of a block are exact, and the blocks of one output are summed in their order: a row's result does not depend on the
//! rows beside it, nor on what computes it.

mod by_lanes;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod by_tiles;

use rayon::prelude::*;

use crate::model::kernels::lanes::{self, Aligned, LANES, Lanes, WithLanes};
use crate::model::kernels::share;
use by_lanes::ByLanes;

/// Tasks a thread, where the weights are shared out: who is held up has less left to do.
const TASKS: usize = 4;
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
    weights: Vec<Aligned<[u8; 64]>>,
    /// `[out / 16, in / block]`.
    affine: Vec<Aligned<Affine>>,
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
            weights: vec![Aligned([0; 64]); groups * (inputs / STEP)],
            affine: vec![Aligned::default(); groups * (inputs / block)],
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
            word.0[lane * STEP..][..STEP].copy_from_slice(quants);
        }
        let affine = &mut self.affine[group * (self.inputs / self.block) + index].0;
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
                    let quant = words[i / STEP].0[lane * STEP + i % STEP];
                    let affine = &affine[i / self.block].0;
                    *w = affine.factor[lane] * f32::from(quant) + affine.offset[lane];
                }
            });
        dense
    }

    /// `x W^T + bias` for `x` `[rows, in]` and a bias `[out]`, or none at all: `[rows, out]`.
    pub fn multiply(&self, x: &[f32], bias: &[f32]) -> Vec<f32> {
        debug_assert!(bias.is_empty() || bias.len() == self.outputs);
        let product = Multiply {
            matrix: self,
            x,
            bias,
        };
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if x.len() >= by_tiles::ENOUGH_ROWS * self.inputs
            && let Some(amx) = lanes::amx::Amx::get()
        {
            return by_tiles::multiply(amx, product);
        }
        lanes::dispatch(product)
    }

    /// The weights of one group of outputs, and what belongs to their blocks.
    fn group(&self, group: usize) -> (&[Aligned<[u8; 64]>], &[Aligned<Affine>]) {
        let (steps, blocks) = (self.inputs / STEP, self.inputs / self.block);
        (
            &self.weights[group * steps..][..steps],
            &self.affine[group * blocks..][..blocks],
        )
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
            4 => self.by(ByLanes::<L, 4>(lanes)),
            5 => self.by(ByLanes::<L, 5>(lanes)),
            6 => self.by(ByLanes::<L, 6>(lanes)),
            _ => self.by(ByLanes::<L, 8>(lanes)),
        }
    }
}

/// A way to multiply: `R` rows at a time with sixteen outputs.
trait Kernel<const R: usize>: Copy + Send + Sync {
    /// Quantised activations of `R` rows.
    type Tile: Send + Sync;
    /// What `run` gives to its work.
    type Ready<'a>;
    /// Most tiles that one task takes through all weights.
    const TILES: usize;

    /// Runs `op`, compiled for the processor. What `op` calls must be inlined into it.
    fn run<T>(self, op: impl FnOnce(&mut Self::Ready<'_>) -> T) -> T;

    /// Quantises at most `R` rows, each as long as a row of the matrix; missing rows are zero.
    fn quantise(self, rows: &[f32], matrix: &PackedMatrix) -> Self::Tile;

    /// The sums of one tile and one group of outputs. Called inside `run`.
    fn sums(
        self,
        ready: &mut Self::Ready<'_>,
        matrix: &PackedMatrix,
        group: usize,
        tile: &Self::Tile,
    ) -> [[f32; LANES]; R];
}

/// The scale of one row's block, and the scale times the sum of the block.
type Scale = [f32; 2];

/// `x` as i8, the scale, and the scale times the sum. Plain loops over arrays, which the compiler makes vectors of.
#[inline(always)]
fn quantise_block<const N: usize>(x: &[f32; N]) -> ([u8; N], Scale) {
    /// 1.5 * 2^23: adding it rounds to a whole number and leaves that number in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let mut most = [0.0_f32; LANES];
    for chunk in x.as_chunks::<LANES>().0 {
        for (most, x) in most.iter_mut().zip(chunk) {
            *most = if x.abs() > *most { x.abs() } else { *most };
        }
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            most[i] = if most[i + half] > most[i] {
                most[i + half]
            } else {
                most[i]
            };
        }
    }
    let largest = most[0];
    let scale = largest / 127.0;
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut bytes = [0; N];
    let mut sum = 0_i32;
    for (byte, x) in bytes.iter_mut().zip(x) {
        *byte = x.mul_add(inverse, ROUND).to_bits() as u8;
        sum += i32::from(byte.cast_signed());
    }
    (bytes, [scale, scale * sum as f32])
}

impl Multiply<'_> {
    fn by<K: Kernel<R>, const R: usize>(self, kernel: K) -> Vec<f32> {
        let (outputs, inputs) = self.matrix.shape();
        let tiles: Vec<K::Tile> = self
            .x
            .par_chunks(R * inputs)
            .map(|rows| kernel.quantise(rows, self.matrix))
            .collect();
        let mut y = vec![0.0; self.x.len() / inputs * outputs];
        let groups = outputs.div_ceil(LANES);
        let threads = rayon::current_num_threads();
        let per_task = share(tiles.len(), K::TILES, threads);
        // With fewer tiles to use them for, reading all weights in each task costs more than the products.
        if 2 * per_task >= K::TILES {
            y.par_chunks_mut(per_task * R * outputs)
                .zip(tiles.par_chunks(per_task))
                .for_each(|(y, tiles)| {
                    kernel.run(
                        #[inline(always)]
                        |ready| {
                            for group in 0..groups {
                                for (y, tile) in y.chunks_mut(R * outputs).zip(tiles) {
                                    let sums = kernel.sums(ready, self.matrix, group, tile);
                                    self.scatter(&sums, y, group);
                                }
                            }
                        },
                    );
                });
            return y;
        }
        // Each task takes all tiles through some of the weights.
        let per_task = groups.div_ceil(TASKS * threads);
        let mut sums = vec![[[0.0; LANES]; R]; groups * tiles.len()];
        sums.par_chunks_mut((per_task * tiles.len()).max(1))
            .enumerate()
            .for_each(|(task, sums)| {
                kernel.run(
                    #[inline(always)]
                    |ready| {
                        for (i, sums) in sums.chunks_mut(tiles.len()).enumerate() {
                            for (sums, tile) in sums.iter_mut().zip(&tiles) {
                                *sums = kernel.sums(ready, self.matrix, task * per_task + i, tile);
                            }
                        }
                    },
                );
            });
        y.par_chunks_mut(R * outputs).enumerate().for_each(|(tile, y)| {
            for group in 0..groups {
                self.scatter(&sums[group * tiles.len() + tile], y, group);
            }
        });
        y
    }

    /// Writes the sums of one group of outputs, and their bias, into the rows of `y` that there are.
    #[inline]
    fn scatter(&self, sums: &[[f32; LANES]], y: &mut [f32], group: usize) {
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

#[cfg(test)]
mod tests;
