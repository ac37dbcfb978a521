//! The product of f32 activations with weights of 4 to 8 bits, in integers.
//!
//! Weights are affine in blocks along the input: `w = factor * u + offset`, `u` unsigned, as every GGUF block format
//! can be written. Activations are quantised to i8 with one scale a block, as in llama.cpp's `Q8_1`. The integer sums
//! of a block are exact, and the blocks of one output are summed in their order: a row's result does not depend on the
//! rows beside it, nor on what computes it.

mod by_lanes;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod by_tiles;
mod packed;

use std::ops::Range;

use rayon::prelude::*;

use crate::model::kernels::lanes::{self, LANES, Lanes, WithLanes};
use crate::model::kernels::share;
use by_lanes::ByLanes;
use packed::Panel;
pub use packed::{Block, Form, PackedMatrix, Scales};

/// Tasks a thread, where the weights are shared out: who is held up has less left to do.
const TASKS: usize = 4;
/// Inputs of one step: the bytes of one 32-bit word.
const STEP: usize = 4;

impl PackedMatrix {
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
        match self.matrix.form.bits {
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

    /// Unpacks some blocks of a group of outputs. Called inside `run`, and compiled for the processor by itself.
    fn unpack<'a>(self, matrix: &'a PackedMatrix, group: usize, blocks: Range<usize>, panel: &mut Panel<'a>);

    /// Adds to the sums of one tile what the panel gives. Called inside `run`.
    fn add(self, ready: &mut Self::Ready<'_>, panel: &Panel, tile: &Self::Tile, sums: &mut [[f32; LANES]; R]);
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

/// A part of a product: some tiles through some groups of outputs.
struct Task<'a, T> {
    groups: Range<usize>,
    tiles: &'a [T],
    /// Of each row of the tiles that there is, these outputs.
    rows: Vec<&'a mut [f32]>,
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
        let tasks: Vec<Task<K::Tile>> = if 2 * per_task >= K::TILES {
            y.chunks_mut(per_task * R * outputs)
                .zip(tiles.chunks(per_task))
                .map(|(y, tiles)| Task {
                    groups: 0..groups,
                    tiles,
                    rows: y.chunks_mut(outputs).collect(),
                })
                .collect()
        } else {
            let per_task = groups.div_ceil(TASKS * threads);
            let task = |first| Task {
                groups: first..groups.min(first + per_task),
                tiles: &tiles,
                rows: Vec::new(),
            };
            let mut tasks: Vec<_> = (0..groups).step_by(per_task).map(task).collect();
            for row in y.chunks_mut(outputs) {
                for (task, part) in tasks.iter_mut().zip(row.chunks_mut(per_task * LANES)) {
                    task.rows.push(part);
                }
            }
            tasks
        };
        tasks
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| self.run(kernel, task));
        y
    }

    fn run<K: Kernel<R>, const R: usize>(&self, kernel: K, mut task: Task<K::Tile>) {
        let mut sums = vec![[[0.0; LANES]; R]; task.tiles.len()];
        kernel.run(
            #[inline(always)]
            |ready| {
                let mut panel = Panel::default();
                for (i, group) in task.groups.enumerate() {
                    sums.fill([[0.0; LANES]; R]);
                    for blocks in self.matrix.parts() {
                        kernel.unpack(self.matrix, group, blocks, &mut panel);
                        for (sums, tile) in sums.iter_mut().zip(task.tiles) {
                            kernel.add(ready, &panel, tile, sums);
                            panel.next = &[];
                        }
                    }
                    for (row, sums) in task.rows.iter_mut().zip(sums.as_flattened()) {
                        self.finish(sums, group, &mut row[i * LANES..]);
                    }
                }
            },
        );
    }

    /// Writes the sums of one group of outputs, and their bias, to the beginning of `y`, as far as there are such outputs.
    #[inline]
    fn finish(&self, sums: &[f32; LANES], group: usize, y: &mut [f32]) {
        let first = group * LANES;
        let count = LANES.min(self.matrix.outputs - first);
        y[..count].copy_from_slice(&sums[..count]);
        for (y, bias) in y.iter_mut().zip(self.bias.iter().skip(first).take(count)) {
            *y += bias;
        }
    }
}

#[cfg(test)]
mod tests;
