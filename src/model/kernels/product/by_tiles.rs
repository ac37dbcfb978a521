//! The product with the matrix unit: sixteen rows at a time. The integer sums of a block are the unit's, and what follows
//! them is done in the order in which vector instructions do it.

use super::{Kernel, Multiply, PackedMatrix, STEP, Scale, quantise_block};
use crate::model::kernels::lanes::amx::{Amx, ROWS, Sums, Tiles};
use crate::model::kernels::lanes::{Aligned, LANES, Lanes as _};

/// With fewer rows vector instructions are faster than a tile that is mostly empty.
pub(super) const ENOUGH_ROWS: usize = 6;

/// `product`, by the matrix unit.
pub(super) fn multiply(amx: Amx, product: Multiply) -> Vec<f32> {
    match product.matrix.block {
        16 => product.by(ByTiles::<16>(amx)),
        _ => product.by(ByTiles::<32>(amx)),
    }
}

/// With blocks of `BLOCK` inputs.
#[derive(Clone, Copy)]
struct ByTiles<const BLOCK: usize>(Amx);

/// Block by block.
struct Tile<const BLOCK: usize> {
    /// `[in / block]`: of each row the i8.
    blocks: Vec<Aligned<[[u8; BLOCK]; ROWS]>>,
    /// `[in / block]`.
    scales: Vec<[Scale; ROWS]>,
}

/// The registers, and where they leave their sums: the unit works on one block while the vectors take the one before it.
struct Ready {
    tiles: Tiles,
    dots: [Sums<i32>; 2],
}

#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
impl<const BLOCK: usize> Kernel<ROWS> for ByTiles<BLOCK> {
    type Tile = Tile<BLOCK>;
    type Ready = Ready;

    const TILES: usize = 8;

    fn run<T>(self, op: impl FnOnce(&mut Ready) -> T) -> T {
        self.0.run(
            BLOCK as u8,
            #[inline(always)]
            |tiles| {
                op(&mut Ready {
                    tiles,
                    dots: Default::default(),
                })
            },
        )
    }

    #[inline(always)]
    fn quantise(rows: &[f32], matrix: &PackedMatrix) -> Tile<BLOCK> {
        let inputs = matrix.inputs;
        let mut tile = Tile {
            blocks: vec![Aligned([[0; BLOCK]; ROWS]); inputs / BLOCK],
            scales: vec![[[0.0; 2]; ROWS]; inputs / BLOCK],
        };
        for (r, row) in rows.chunks_exact(inputs).enumerate() {
            let blocks = tile.blocks.iter_mut().zip(&mut tile.scales);
            for (x, (block, scales)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
                (block.0[r], scales[r]) = quantise_block(x);
            }
        }
        tile
    }

    #[inline(always)]
    fn sums(
        self,
        ready: &mut Ready,
        matrix: &PackedMatrix,
        group: usize,
        tile: &Tile<BLOCK>,
    ) -> [[f32; LANES]; ROWS] {
        let Self(Amx { lanes }) = self;
        let (weights, affine) = matrix.group(group);
        let mut sums = [lanes.splat(0.0); ROWS];
        let mut blocks = weights.chunks_exact(BLOCK / STEP).zip(&tile.blocks);
        if let Some((weights, x)) = blocks.next() {
            ready.tiles.dots(weights, x, &mut ready.dots[0]);
        }
        for (i, (affine, scales)) in affine.iter().zip(&tile.scales).enumerate() {
            if let Some((weights, x)) = blocks.next() {
                ready.tiles.dots(weights, x, &mut ready.dots[(i + 1) % 2]);
            }
            let (factor, offset) = (lanes.load(&affine.0.factor), lanes.load(&affine.0.offset));
            let dots = &ready.dots[i % 2];
            for r in 0..ROWS {
                let [scale, scaled_sum] = scales[r];
                let dots = lanes.to_f32(pulp::cast(dots.0[r]));
                sums[r] = lanes.mul_add(lanes.mul(factor, lanes.splat(scale)), dots, sums[r]);
                sums[r] = lanes.mul_add(offset, lanes.splat(scaled_sum), sums[r]);
            }
        }
        pulp::cast(sums)
    }
}
