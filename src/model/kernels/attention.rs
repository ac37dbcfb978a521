//! Attention with an online softmax over blocks of keys (Dao et al. 2022, arXiv:2205.14135; Milakov & Gimelshein 2018,
//! arXiv:1805.02867): no row of scores longer than a block is ever held.
//!
//! A row meets its blocks in the order of their positions, and what one row computes does not depend on the rows beside
//! it. Blocks lie at the same positions in every branch, so a forked, a batched and a chunked pass give the same bits.

use std::sync::Arc;

use rayon::prelude::*;

use crate::model::kernels::exp;
use crate::model::kernels::lanes::{self, LANES, Lanes, WithLanes};
use crate::model::kv::{BLOCK, Geometry, KvBlock};

/// Rows worked on at once: two registers of sums each, which leaves AVX2 enough of its sixteen for the rest of the loop.
const ROWS: usize = 5;
/// Query rows of one task and head: enough to use a block of keys well while it is in the cache.
const TASK_ROWS: usize = 60;

/// Keys of one layer that some rows see.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// The rows (tokens of the pass) of one branch, by their range.
    pub first_row: usize,
    /// How many.
    pub rows: usize,
    /// Position of its first row.
    pub position: usize,
    /// The branch's own blocks.
    pub blocks: &'a [Arc<KvBlock>],
}

/// What one pass attends to in one layer.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Sizes.
    pub geometry: Geometry,
    /// Query heads.
    pub heads: usize,
    /// `[T, heads * D]`.
    pub queries: &'a [f32],
    /// Whole blocks from position 0 that every row sees.
    pub shared: &'a [Arc<KvBlock>],
    /// What each branch has beyond them; its first block begins where `shared` ends.
    pub spans: &'a [Span<'a>],
}

impl Attention<'_> {
    /// The attended values, `[T, heads * D]`.
    pub fn run(&self) -> Vec<f32> {
        lanes::dispatch(*self)
    }
}

impl WithLanes for Attention<'_> {
    type Output = Vec<f32>;

    fn with<L: Lanes>(self, lanes: L) -> Vec<f32> {
        let width = self.heads * self.geometry.dim;
        let tokens = self.queries.len() / width;
        let group = self.heads / self.geometry.kv_heads;
        let per_task = (TASK_ROWS / group)
            .min(tokens.div_ceil(rayon::current_num_threads()))
            .max(1);
        let mut out = vec![0.0; self.queries.len()];
        out.par_chunks_mut(per_task * width)
            .enumerate()
            .for_each(|(task, out)| {
                for kv_head in 0..self.geometry.kv_heads {
                    Head::new(&self, kv_head, task * per_task, out.len() / width).run(lanes, out);
                }
            });
        out
    }
}

/// Some tokens' queries of one key-value head.
struct Head<'a> {
    pass: &'a Attention<'a>,
    index: usize,
    first_token: usize,
    group: usize,
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

impl<'a> Head<'a> {
    fn new(pass: &'a Attention<'a>, kv_head: usize, first_token: usize, tokens: usize) -> Self {
        let dim = pass.geometry.dim;
        let group = pass.heads / pass.geometry.kv_heads;
        let tiles = (tokens * group).div_ceil(ROWS);
        let scale = 1.0 / (dim as f32).sqrt();
        let mut queries = vec![[0.0; ROWS]; tiles * dim];
        for row in 0..tokens * group {
            let (token, head) = (first_token + row / group, kv_head * group + row % group);
            let query = &pass.queries[(token * pass.heads + head) * dim..][..dim];
            let tile = &mut queries[row / ROWS * dim..][..dim];
            for (to, q) in tile.iter_mut().zip(query) {
                to[row % ROWS] = q * scale;
            }
        }
        Self {
            pass,
            index: kv_head,
            first_token,
            group,
            queries,
            states: vec![
                State {
                    largest: [f32::NEG_INFINITY; ROWS],
                    total: [0.0; ROWS]
                };
                tiles
            ],
            sums: vec![[[0.0; LANES]; ROWS]; tiles * (dim / LANES)],
            space: [Vec::new(), Vec::new()],
        }
    }

    fn run<L: Lanes>(mut self, lanes: L, out: &mut [f32]) {
        let pass = self.pass;
        let width = pass.heads * pass.geometry.dim;
        let tokens = self.first_token..self.first_token + out.len() / width;
        for block in pass.shared {
            self.block(lanes, block, 0..tokens.len() * self.group, |_| BLOCK);
        }
        let base = pass.shared.len() * BLOCK;
        for span in pass.spans {
            let first = span.first_row.max(tokens.start);
            let end = (span.first_row + span.rows).min(tokens.end);
            if first >= end {
                continue;
            }
            let rows = (first - tokens.start) * self.group..(end - tokens.start) * self.group;
            let last = span.position + (end - 1 - span.first_row);
            for (i, block) in span.blocks.iter().enumerate() {
                let start = base + i * BLOCK;
                if start > last {
                    break;
                }
                let (group, first_token) = (self.group, self.first_token);
                self.block(lanes, block, rows.clone(), |row| {
                    let position = span.position + (first_token + row / group - span.first_row);
                    (position + 1).saturating_sub(start).min(BLOCK)
                });
            }
        }
        self.write(out);
    }

    /// Takes `rows` through one block; `seen` says how many of its keys a row sees. Compiled for the processor by itself:
    /// in a larger function the sums of the inner loops did not all keep their registers.
    fn block<L: Lanes>(
        &mut self,
        lanes: L,
        block: &KvBlock,
        rows: std::ops::Range<usize>,
        seen: impl Fn(usize) -> usize,
    ) {
        let (dim, head) = (self.pass.geometry.dim, self.index);
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
                        if rows.contains(&row) { seen(row) } else { 0 }
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

    /// Normalises, and writes the rows of this head into `out` (`[tokens, heads * D]`).
    fn write(&self, out: &mut [f32]) {
        let (dim, heads) = (self.pass.geometry.dim, self.pass.heads);
        let tokens = out.len() / (heads * dim);
        for row in 0..tokens * self.group {
            let (token, head) = (row / self.group, self.index * self.group + row % self.group);
            let (tile, r) = (row / ROWS, row % ROWS);
            let inverse = 1.0 / self.states[tile].total[r];
            let sums = &self.sums[tile * (dim / LANES)..][..dim / LANES];
            let out = &mut out[(token * heads + head) * dim..][..dim];
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

#[cfg(test)]
mod tests;
