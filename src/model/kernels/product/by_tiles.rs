//! The product with the matrix unit: eight or sixteen rows at a time. The integer sums of a block are the unit's, and what
//! follows them is done in the order in which vector instructions do it.

use std::ops::Range;

use super::{Kernel, Multiply, PackedMatrix, Panel, STEP, Scale, quantise_block};
use crate::model::kernels::lanes::amx::{Amx, Sums, Tiles};
use crate::model::kernels::lanes::{Aligned, LANES, Lanes as _};

/// With fewer rows vector instructions are faster than a tile that is mostly empty.
pub(super) const ENOUGH_ROWS: usize = 5;
/// Rows of the smaller tile: a rubric has about as many dimensions, which write side by side.
const FEW: usize = 8;
const MANY: usize = 16;

/// `product`, by the matrix unit.
pub(super) fn multiply(amx: Amx, product: Multiply) -> Vec<f32> {
    let few = product.x.len() <= FEW * product.matrix.inputs;
    match (product.matrix.form.block(), few) {
        (16, true) => product.by(ByTiles::<FEW, 16>(amx)),
        (16, false) => product.by(ByTiles::<MANY, 16>(amx)),
        (_, true) => product.by(ByTiles::<FEW, 32>(amx)),
        (_, false) => product.by(ByTiles::<MANY, 32>(amx)),
    }
}

/// `R` rows at a time, with blocks of `BLOCK` inputs.
#[derive(Clone, Copy)]
struct ByTiles<const R: usize, const BLOCK: usize>(Amx);

/// Block by block.
struct Tile<const R: usize, const BLOCK: usize> {
    /// `[in / block]`: of each row the i8.
    blocks: Vec<Aligned<[[u8; BLOCK]; R]>>,
    /// `[in / block]`.
    scales: Vec<[Scale; R]>,
}

/// The registers, and where they leave their sums: the unit works on one block while the vectors take the one before it.
struct Ready<'a, const R: usize, const BLOCK: usize> {
    tiles: &'a Tiles<R, BLOCK>,
    dots: [Sums<i32, R>; 2],
}

#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
impl<const R: usize, const BLOCK: usize> Kernel<R> for ByTiles<R, BLOCK> {
    type Tile = Tile<R, BLOCK>;
    type Ready<'a> = Ready<'a, R, BLOCK>;

    const TILES: usize = 8;

    fn run<T>(self, op: impl FnOnce(&mut Self::Ready<'_>) -> T) -> T {
        self.0.run(
            #[inline(always)]
            |tiles| {
                op(&mut Ready {
                    tiles,
                    dots: [Aligned([[0; LANES]; R]); 2],
                })
            },
        )
    }

    fn quantise(self, rows: &[f32], matrix: &PackedMatrix) -> Tile<R, BLOCK> {
        let inputs = matrix.inputs;
        let mut tile = Tile {
            blocks: vec![Aligned([[0; BLOCK]; R]); inputs / BLOCK],
            scales: vec![[[0.0; 2]; R]; inputs / BLOCK],
        };
        self.0.lanes().run(
            #[inline(always)]
            || {
                for (r, row) in rows.chunks_exact(inputs).enumerate() {
                    let blocks = tile.blocks.iter_mut().zip(&mut tile.scales);
                    for (x, (block, scales)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
                        (block.0[r], scales[r]) = quantise_block(x);
                    }
                }
            },
        );
        tile
    }

    fn unpack<'a>(self, matrix: &'a PackedMatrix, group: usize, blocks: Range<usize>, panel: &mut Panel<'a>) {
        panel.fill_by(self.0.lanes(), matrix, group, blocks);
    }

    #[inline(always)]
    fn add(
        self,
        ready: &mut Ready<R, BLOCK>,
        panel: &Panel,
        tile: &Tile<R, BLOCK>,
        stored: &mut [[f32; LANES]; R],
    ) {
        let lanes = self.0.lanes();
        let (weights, affine) = panel.filled(BLOCK);
        let mut sums = [lanes.splat(0.0); R];
        for (sums, stored) in sums.iter_mut().zip(&*stored) {
            *sums = lanes.load(stored);
        }
        let (x, scales) = (
            &tile.blocks[panel.blocks.clone()],
            &tile.scales[panel.blocks.clone()],
        );
        let mut blocks = weights.chunks_exact(BLOCK / STEP).zip(x);
        if let Some((weights, x)) = blocks.next() {
            ready.tiles.dots(weights, x, &mut ready.dots[0]);
        }
        for (i, (affine, scales)) in affine.iter().zip(scales).enumerate() {
            if let Some((weights, x)) = blocks.next() {
                ready.tiles.dots(weights, x, &mut ready.dots[(i + 1) % 2]);
            }
            panel.ask(i);
            let (factor, offset) = (lanes.load(&affine.0.factor), lanes.load(&affine.0.offset));
            let dots = &ready.dots[i % 2];
            for r in 0..R {
                let [scale, scaled_sum] = scales[r];
                let dots = lanes.to_f32(pulp::cast(dots.0[r]));
                sums[r] = lanes.mul_add(lanes.mul(factor, lanes.splat(scale)), dots, sums[r]);
                sums[r] = lanes.mul_add(offset, lanes.splat(scaled_sum), sums[r]);
            }
        }
        for (sums, stored) in sums.into_iter().zip(stored) {
            lanes.store(sums, stored);
        }
    }
}
