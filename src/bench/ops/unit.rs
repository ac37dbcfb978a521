//! What a processor's matrix unit gives where its sums are used as the kernels use them, over the first cache, on all threads
//! at once: each product of weights is stored, and those of attention are taken up again after every 64 numbers. In
//! registers alone it gives several times as much, which nothing here could use.

use std::hint::black_box;

use crate::model::kernels::lanes::amx::{Amx, Factor, QUARTET, ROWS, Sums};
use crate::model::kernels::lanes::{Aligned, LANES};

/// Rounds of a loop: about a millisecond.
const ROUNDS: usize = 1 << 13;
/// The same for products of attention, each of which is many.
const ATTENTION_ROUNDS: usize = ROUNDS / 16;
/// Numbers of a head along which attention sums.
const DEPTH: usize = 64;

/// Integer dot products along a block of `BLOCK` inputs: the operations that a thread did.
pub(super) fn dots<const BLOCK: usize>(amx: Amx) -> f64 {
    rayon::broadcast(|_| {
        let weights = [Aligned([3_u8; 4 * LANES]); 8];
        let x = Aligned([[5_u8; BLOCK]; ROWS]);
        let mut sums = Sums::<i32>::default();
        amx.run::<ROWS, BLOCK, _>(
            #[inline(always)]
            |tiles| {
                for _ in 0..ROUNDS {
                    tiles.dots(black_box(&weights[..BLOCK / 4]), black_box(&x), &mut sums);
                }
            },
        );
        black_box(&sums);
    });
    (ROUNDS * ROWS * LANES * BLOCK * 2) as f64
}

/// Products as attention makes them: the useful operations that a thread did, which is a third of all.
pub(super) fn products(amx: Amx) -> f64 {
    rayon::broadcast(|_| {
        let left = [Factor::default(); DEPTH / 32];
        let right = [Factor::default(); DEPTH / 32 * QUARTET];
        let mut sums = [Sums::<f32>::default(); QUARTET];
        amx.run(
            #[inline(always)]
            |tiles| {
                for _ in 0..ATTENTION_ROUNDS {
                    tiles.products::<false>(black_box(&left), black_box(&right), QUARTET, &mut sums);
                }
            },
        );
        black_box(&sums);
    });
    (ATTENTION_ROUNDS * ROWS * LANES * QUARTET * DEPTH * 2) as f64
}
