//! The product with vector instructions: four rows at a time.

use std::ops::Range;

use super::{Kernel, PackedMatrix, Panel, STEP, Scale, quantise_block};
use crate::model::kernels::lanes::{LANES, Lanes};

/// Rows a tile works on at once: with more, the sums of AVX2 leave the registers.
const ROWS: usize = 4;

/// With weights of at most `BITS` bits.
#[derive(Clone, Copy)]
pub(super) struct ByLanes<L, const BITS: u32>(pub L);

/// Row by row in each step.
pub(super) struct Tile {
    /// Inputs of a block.
    block: usize,
    /// `[in / 4]`: four i8 of each row.
    words: Vec<[u32; ROWS]>,
    /// `[in / block]`.
    scales: Vec<[Scale; ROWS]>,
}

impl Tile {
    #[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
    #[inline(always)]
    fn quantise<const BLOCK: usize>(rows: &[f32], inputs: usize) -> Self {
        let mut tile = Self {
            block: BLOCK,
            words: vec![[0; ROWS]; inputs / STEP],
            scales: vec![[[0.0; 2]; ROWS]; inputs / BLOCK],
        };
        for (r, row) in rows.chunks_exact(inputs).enumerate() {
            let words = tile.words.chunks_exact_mut(BLOCK / STEP);
            let blocks = row.as_chunks::<BLOCK>().0.iter();
            for ((x, words), scales) in blocks.zip(words).zip(&mut tile.scales) {
                let bytes;
                (bytes, scales[r]) = quantise_block(x);
                for (words, bytes) in words.iter_mut().zip(bytes.as_chunks::<STEP>().0) {
                    words[r] = u32::from_le_bytes(*bytes);
                }
            }
        }
        tile
    }
}

#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
impl<L: Lanes, const BITS: u32> Kernel<ROWS> for ByLanes<L, BITS> {
    type Tile = Tile;
    type Ready<'a> = ();

    const TILES: usize = 32;

    fn run<T>(self, op: impl FnOnce(&mut ()) -> T) -> T {
        self.0.run(
            #[inline(always)]
            || op(&mut ()),
        )
    }

    fn quantise(self, rows: &[f32], matrix: &PackedMatrix) -> Tile {
        self.0.run(
            #[inline(always)]
            || match matrix.form.block() {
                16 => Tile::quantise::<16>(rows, matrix.inputs),
                _ => Tile::quantise::<32>(rows, matrix.inputs),
            },
        )
    }

    fn unpack<'a>(self, matrix: &'a PackedMatrix, group: usize, blocks: Range<usize>, panel: &mut Panel<'a>) {
        panel.fill_by(self.0, matrix, group, blocks);
    }

    #[inline(always)]
    fn add(self, (): &mut (), panel: &Panel, tile: &Tile, stored: &mut [[f32; LANES]; ROWS]) {
        let Self(lanes) = self;
        let (weights, affine) = panel.filled(tile.block);
        let per_block = tile.block / STEP;
        let words = tile.words.chunks_exact(per_block).skip(panel.blocks.start);
        let scales = &tile.scales[panel.blocks.clone()];
        let mut sums = *stored;
        let blocks = weights.chunks_exact(per_block).zip(words).zip(affine).zip(scales);
        for (i, (((weights, x), affine), scales)) in blocks.enumerate() {
            panel.ask(i);
            let dots = lanes.dots::<ROWS, BITS>(weights, x);
            let (factor, offset) = (lanes.load(&affine.0.factor), lanes.load(&affine.0.offset));
            // In memory and not in registers: those are for the integer sums.
            for ((sums, dots), [scale, scaled_sum]) in sums.iter_mut().zip(dots).zip(scales) {
                let sum = lanes.mul_add(
                    lanes.mul(factor, lanes.splat(*scale)),
                    lanes.to_f32(dots),
                    lanes.load(sums),
                );
                lanes.store(lanes.mul_add(offset, lanes.splat(*scaled_sum), sum), sums);
            }
        }
        *stored = sums;
    }
}
