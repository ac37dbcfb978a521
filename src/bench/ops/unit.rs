//! What a processor's matrix unit gives, in bare loops over the first cache, on all threads at once.

use std::hint::black_box;

use crate::model::kernels::lanes::amx::{Amx, Factor, QUARTET, ROWS, Sums};
use crate::model::kernels::lanes::{Aligned, LANES};

/// Rounds of a loop: about a millisecond.
const ROUNDS: usize = 1 << 13;
/// Inputs of a block of weights, a byte each.
const BLOCK: usize = 32;
/// Numbers of a head along which attention sums.
const DEPTH: usize = 64;

/// Integer dot products along a block: the operations that a thread did.
pub(super) fn dots(amx: Amx) -> f64 {
    rayon::broadcast(|_| {
        let weights = [Aligned([3_u8; 4 * LANES]); BLOCK / 4];
        let x = Aligned([[5_u8; BLOCK]; ROWS]);
        let mut sums = Sums::<i32>::default();
        amx.run(
            BLOCK as u8,
            #[inline(always)]
            |tiles| {
                for _ in 0..ROUNDS {
                    tiles.dots(black_box(&weights), black_box(&x), &mut sums);
                }
            },
        );
        black_box(&sums);
    });
    (ROUNDS * ROWS * LANES * BLOCK * 2) as f64
}

/// Products as attention makes them: the useful operations that a thread did, which is a third of all.
pub(super) fn products(amx: Amx) -> f64 {
    const ROUNDS: usize = self::ROUNDS / 16;
    rayon::broadcast(|_| {
        let left = [[Factor::default(); 2]; DEPTH / 32];
        let right = [[Factor::default(); 2]; DEPTH / 32 * QUARTET];
        let mut sums = [Sums::<f32>::default(); QUARTET];
        amx.run(
            64,
            #[inline(always)]
            |tiles| {
                for _ in 0..ROUNDS {
                    tiles.products::<false>(black_box(&left), black_box(&right), QUARTET, &mut sums);
                }
            },
        );
        black_box(&sums);
    });
    (ROUNDS * ROWS * LANES * QUARTET * DEPTH * 2) as f64
}
