//! Attention with vector instructions, in f32.

use std::ops::Range;

use super::{Kernel, Part, Seen};
use crate::model::kernels::exp;
use crate::model::kernels::lanes::{LANES, Lanes};
use crate::model::kv::{BLOCK, KvBlock};

/// Rows worked on at once: two registers of sums each, which leaves AVX2 enough of its sixteen for the rest of the loop.
const ROWS: usize = 5;

/// The queries of a part, and what they have attended to so far.
pub(super) struct ByLanes<'a, L> {
    lanes: L,
    part: Part<'a>,
    /// `[rows / ROWS, D]`: scaled queries, `ROWS` of them side by side.
    queries: Vec<[f32; ROWS]>,
    /// `[rows / ROWS]`.
    states: Vec<State>,
    /// `[rows / ROWS, D / 16]`: unnormalised sums of values.
    sums: Vec<[[f32; LANES]; ROWS]>,
    /// Where the keys and the values of a block are widened.
    space: [Vec<[f32; LANES]>; 2],
}

/// The online softmax of a tile.
#[derive(Clone, Copy)]
struct State {
    largest: [f32; ROWS],
    total: [f32; ROWS],
}

impl<'a, L: Lanes> Kernel<'a> for ByLanes<'a, L> {
    type Processor = L;

    const TASK_ROWS: usize = 60;

    fn new(lanes: L, part: Part<'a>) -> Self {
        let dim = part.pass.geometry.dim;
        let tiles = part.rows().div_ceil(ROWS);
        let scale = 1.0 / (dim as f32).sqrt();
        let mut queries = vec![[0.0; ROWS]; tiles * dim];
        for row in 0..part.rows() {
            let tile = &mut queries[row / ROWS * dim..][..dim];
            for (to, q) in tile.iter_mut().zip(part.query(row)) {
                to[row % ROWS] = q * scale;
            }
        }
        let state = State {
            largest: [f32::NEG_INFINITY; ROWS],
            total: [0.0; ROWS],
        };
        Self {
            lanes,
            part,
            queries,
            states: vec![state; tiles],
            sums: vec![[[0.0; LANES]; ROWS]; tiles * (dim / LANES)],
            space: [Vec::new(), Vec::new()],
        }
    }

    /// Compiled for the processor by itself: in a larger function the sums of the inner loops did not all keep their
    /// registers.
    fn block(&mut self, block: &KvBlock, rows: Range<usize>, seen: Seen) {
        let (lanes, dim, head) = (self.lanes, self.part.pass.geometry.dim, self.part.head);
        lanes.run(
            #[inline(always)]
            || {
                let [keys, values] = &mut self.space;
                let keys = block.keys(head, dim, keys);
                let values = block.values(head, dim, values);
                for tile in rows.start / ROWS..rows.end.div_ceil(ROWS) {
                    let queries = &self.queries[tile * dim..][..dim];
                    let mut scores = scores(lanes, queries, keys);
                    let seen = std::array::from_fn(|r| {
                        let row = tile * ROWS + r;
                        if rows.contains(&row) {
                            seen.map_or(BLOCK, |seen| seen(row))
                        } else {
                            0
                        }
                    });
                    let shrink = weights(&mut scores, &seen, &mut self.states[tile]);
                    let sums = &mut self.sums[tile * (dim / LANES)..][..dim / LANES];
                    for (sums, values) in sums.iter_mut().zip(values.chunks_exact(BLOCK)) {
                        add_values(lanes, &scores, &shrink, values, sums);
                    }
                }
            },
        );
    }

    fn write(&self, out: &mut [f32]) {
        let dim = self.part.pass.geometry.dim;
        for row in 0..self.part.rows() {
            let (tile, r) = (row / ROWS, row % ROWS);
            let inverse = 1.0 / self.states[tile].total[r];
            let sums = &self.sums[tile * (dim / LANES)..][..dim / LANES];
            let out = &mut out[self.part.place(row)];
            for (out, sums) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                for (out, sum) in out.iter_mut().zip(sums[r]) {
                    *out = sum * inverse;
                }
            }
        }
    }
}

/// A tile of queries (`[D]`) times the keys of a block (`[4, D]`).
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn scores<L: Lanes>(lanes: L, queries: &[[f32; ROWS]], keys: &[[f32; LANES]]) -> [[f32; BLOCK]; ROWS] {
    let mut scores = [[0.0; BLOCK]; ROWS];
    for (i, keys) in keys.chunks_exact(queries.len()).enumerate() {
        let mut sums = [lanes.splat(0.0); ROWS];
        for (q, k) in queries.iter().zip(keys) {
            let k = lanes.load(k);
            for r in 0..ROWS {
                sums[r] = lanes.mul_add(lanes.splat(q[r]), k, sums[r]);
            }
        }
        for r in 0..ROWS {
            lanes.store(sums[r], &mut scores[r].as_chunks_mut::<LANES>().0[i]);
        }
    }
    scores
}

/// Turns scores into exp(score - largest so far), those not seen into 0; answers by how much what was summed before shrinks.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn weights(scores: &mut [[f32; BLOCK]; ROWS], seen: &[usize; ROWS], state: &mut State) -> [f32; ROWS] {
    let mut shrink = [1.0; ROWS];
    for r in 0..ROWS {
        let scores = &mut scores[r];
        if seen[r] == 0 {
            scores.fill(0.0);
            continue;
        }
        scores[seen[r]..].fill(f32::NEG_INFINITY);
        let mut most = [f32::NEG_INFINITY; LANES];
        for chunk in scores.as_chunks::<LANES>().0 {
            for (most, &score) in most.iter_mut().zip(chunk) {
                *most = if score > *most { score } else { *most };
            }
        }
        let largest = most
            .iter()
            .fold(state.largest[r], |a, &b| if b > a { b } else { a });
        shrink[r] = exp(state.largest[r] - largest);
        let mut sums = [0.0; LANES];
        for chunk in scores.as_chunks_mut::<LANES>().0 {
            for (sum, score) in sums.iter_mut().zip(chunk) {
                *score = exp(*score - largest);
                *sum += *score;
            }
        }
        state.largest[r] = largest;
        state.total[r] = state.total[r].mul_add(shrink[r], sums.iter().sum::<f32>());
    }
    shrink
}

/// `sums * shrink + weights * values`, for sixteen of the dimensions; `values`: `[BLOCK]`.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn add_values<L: Lanes>(
    lanes: L,
    weights: &[[f32; BLOCK]; ROWS],
    shrink: &[f32; ROWS],
    values: &[[f32; LANES]],
    sums: &mut [[f32; LANES]; ROWS],
) {
    // A plain loop: what a closure calls is not sure to be compiled for the processor.
    let mut total = [lanes.splat(0.0); ROWS];
    for r in 0..ROWS {
        total[r] = lanes.mul(lanes.load(&sums[r]), lanes.splat(shrink[r]));
    }
    for (j, value) in values.iter().enumerate().take(BLOCK) {
        let value = lanes.load(value);
        for r in 0..ROWS {
            total[r] = lanes.mul_add(lanes.splat(weights[r][j]), value, total[r]);
        }
    }
    for r in 0..ROWS {
        lanes.store(total[r], &mut sums[r]);
    }
}
