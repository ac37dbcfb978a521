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
struct Tile {
    /// `[in / block, 16, block / 4]`: four i8 each.
    words: Vec<Aligned<[u32; LANES]>>,
    /// `[in / block]`.
    scales: Vec<[Scale; ROWS]>,
}

#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
impl<const BLOCK: usize> Kernel<ROWS> for ByTiles<BLOCK> {
    type Tile = Tile;
    type Ready = Tiles;

    const TILES: usize = 8;

    fn run<T>(self, op: impl FnOnce(Tiles) -> T) -> T {
        self.0.run(BLOCK as u8, op)
    }

    #[inline(always)]
    fn quantise(rows: &[f32], matrix: &PackedMatrix) -> Tile {
        let (inputs, per_block) = (matrix.inputs, BLOCK / STEP);
        let mut tile = Tile {
            words: vec![Aligned([0; LANES]); inputs / STEP],
            scales: vec![[[0.0; 2]; ROWS]; inputs / BLOCK],
        };
        for (r, row) in rows.chunks_exact(inputs).enumerate() {
            let words = tile.words.chunks_exact_mut(per_block);
            for ((x, words), scales) in row.chunks_exact(BLOCK).zip(words).zip(&mut tile.scales) {
                scales[r] = quantise_block(x, |i, word| {
                    let at = r * per_block + i;
                    words[at / LANES].0[at % LANES] = word;
                });
            }
        }
        tile
    }

    #[inline(always)]
    fn sums(self, tiles: Tiles, matrix: &PackedMatrix, group: usize, tile: &Tile) -> [[f32; LANES]; ROWS] {
        let Self(Amx { lanes }) = self;
        let (weights, affine) = matrix.group(group);
        let per_block = BLOCK / STEP;
        let mut sums = [lanes.splat(0.0); ROWS];
        // The unit works on one block while the vectors take the one before it.
        let mut dots = [Sums::<i32>::default(); 2];
        let mut blocks = weights
            .chunks_exact(per_block)
            .zip(tile.words.chunks_exact(per_block));
        if let Some((weights, x)) = blocks.next() {
            tiles.dots::<BLOCK>(weights, x, &mut dots[0]);
        }
        for (i, (affine, scales)) in affine.iter().zip(&tile.scales).enumerate() {
            if let Some((weights, x)) = blocks.next() {
                tiles.dots::<BLOCK>(weights, x, &mut dots[(i + 1) % 2]);
            }
            let (factor, offset) = (lanes.load(&affine.0.factor), lanes.load(&affine.0.offset));
            for r in 0..ROWS {
                let [scale, scaled_sum] = scales[r];
                let dots = lanes.to_f32(pulp::cast(dots[i % 2].0[r]));
                sums[r] = lanes.mul_add(lanes.mul(factor, lanes.splat(scale)), dots, sums[r]);
                sums[r] = lanes.mul_add(offset, lanes.splat(scaled_sum), sums[r]);
            }
        }
        let mut stored = [[0.0; LANES]; ROWS];
        for (sums, stored) in sums.into_iter().zip(&mut stored) {
            lanes.store(sums, stored);
        }
        stored
    }
}
