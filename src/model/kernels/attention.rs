//! Attention with an online softmax over blocks of keys (Dao et al. 2022, arXiv:2205.14135; Milakov & Gimelshein 2018,
//! arXiv:1805.02867): no row of scores longer than a block is ever held.
//!
//! A row meets its blocks in the order of their positions, and what one row computes does not depend on the rows beside
//! it. Blocks lie at the same positions in every branch, so a forked, a batched and a chunked pass give the same bits on
//! one machine. By vectors (`by_lanes`) and by a matrix unit (`by_tiles`) they differ by some 2^-17 of a score.

mod by_lanes;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod by_tiles;

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::model::kernels::lanes::{self, Lanes, WithLanes};
use crate::model::kv::{BLOCK, Geometry, KvBlock};
use by_lanes::ByLanes;

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
    /// The attended values, `[T, heads * D]`. The matrix unit is asked for one row as for many, though vectors would be as
    /// fast for one: a row must have the same bits whatever comes with it.
    pub fn run(&self) -> Vec<f32> {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if let Some(amx) = unit_for(self.geometry) {
            return self.by::<by_tiles::ByTiles>(amx);
        }
        lanes::dispatch(*self)
    }

    fn by<'a, K: Kernel<'a>>(&'a self, processor: K::Processor) -> Vec<f32> {
        let kv_heads = self.geometry.kv_heads;
        let width = self.heads * self.geometry.dim;
        let tokens = self.queries.len() / width;
        let most = (K::TASK_ROWS * kv_heads / self.heads).max(1);
        let per_task = tokens.div_ceil(parts(tokens, most, kv_heads)).max(1);
        let tasks = tokens.div_ceil(per_task) * kv_heads;
        let kernels: Vec<K> = (0..tasks)
            .into_par_iter()
            .with_max_len(1)
            .map(|task| {
                let first_token = task / kv_heads * per_task;
                let part = Part {
                    pass: self,
                    head: task % kv_heads,
                    first_token,
                    tokens: per_task.min(tokens - first_token),
                };
                let mut kernel = K::new(processor, part);
                part.visit(|block, rows, seen| kernel.block(block, rows, seen));
                kernel
            })
            .collect();
        let mut out = vec![0.0; self.queries.len()];
        out.par_chunks_mut(per_task * width)
            .zip(kernels.par_chunks(kv_heads))
            .for_each(|(out, kernels)| {
                for kernel in kernels {
                    kernel.write(out);
                }
            });
        out
    }
}

/// The matrix unit, where keys and values lie as it reads them.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn unit_for(geometry: Geometry) -> Option<lanes::amx::Amx> {
    lanes::amx::Amx::get().filter(|_| by_tiles::fits(geometry))
}

/// In which of the ways that differ in their last bits attention is calculated here: `tiles` or `lanes`.
pub fn way(geometry: Geometry) -> &'static str {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if unit_for(geometry).is_some() {
        return "tiles";
    }
    let _ = geometry;
    "lanes"
}

/// Into how many parts tokens are cut, of at most `most`, so that the parts of all `kv_heads` keep the threads equally long
/// at work.
fn parts(tokens: usize, most: usize, kv_heads: usize) -> usize {
    let threads = rayon::current_num_threads();
    let least = tokens.div_ceil(most);
    (least..=tokens.min(least + threads))
        .find(|parts| (parts * kv_heads).is_multiple_of(threads))
        .unwrap_or(least)
        .max(1)
}

impl WithLanes for Attention<'_> {
    type Output = Vec<f32>;

    fn with<L: Lanes>(self, lanes: L) -> Vec<f32> {
        self.by::<ByLanes<L>>(lanes)
    }
}

/// How many keys of a block the so-many-th row sees; none where every row sees all of them.
type Seen<'a> = Option<&'a dyn Fn(usize) -> usize>;

/// How some rows go through keys and values, a block at a time.
trait Kernel<'a>: Send + Sync {
    /// What the processor has for it.
    type Processor: Copy + Sync;
    /// Most query rows of one task: enough to use a block well while it is in the cache.
    const TASK_ROWS: usize;

    /// Before the first block.
    fn new(processor: Self::Processor, part: Part<'a>) -> Self;

    /// Takes `rows` through one block.
    fn block(&mut self, block: &KvBlock, rows: Range<usize>, seen: Seen);

    /// Normalises, and writes the rows into `out` (`[tokens, heads * D]`).
    fn write(&self, out: &mut [f32]);
}

/// Some tokens' queries of one key-value head. Its rows are token by token the heads that share the keys.
#[derive(Clone, Copy)]
struct Part<'a> {
    pass: &'a Attention<'a>,
    head: usize,
    first_token: usize,
    tokens: usize,
}

impl<'a> Part<'a> {
    /// Query heads that share the keys.
    fn group(&self) -> usize {
        self.pass.heads / self.pass.geometry.kv_heads
    }

    fn rows(&self) -> usize {
        self.tokens * self.group()
    }

    /// Where the row lies among those of the part's tokens (`[tokens, heads * D]`).
    fn place(&self, row: usize) -> Range<usize> {
        let (token, head) = (row / self.group(), self.head * self.group() + row % self.group());
        let dim = self.pass.geometry.dim;
        let first = (token * self.pass.heads + head) * dim;
        first..first + dim
    }

    /// The query of a row.
    fn query(&self, row: usize) -> &'a [f32] {
        let before = self.first_token * self.pass.heads * self.pass.geometry.dim;
        &self.pass.queries[before..][self.place(row)]
    }

    /// Gives every block that a row sees to `take`, in order of position, with the rows that see it.
    fn visit(&self, mut take: impl FnMut(&KvBlock, Range<usize>, Seen)) {
        let (pass, group, first_token) = (self.pass, self.group(), self.first_token);
        let tokens = first_token..first_token + self.tokens;
        for block in pass.shared {
            take(block, 0..self.rows(), None);
        }
        let base = pass.shared.len() * BLOCK;
        for span in pass.spans {
            let first = span.first_row.max(tokens.start);
            let end = (span.first_row + span.rows).min(tokens.end);
            if first >= end {
                continue;
            }
            let rows = (first - tokens.start) * group..(end - tokens.start) * group;
            let position = |token: usize| span.position + (token - span.first_row);
            for (i, block) in span.blocks.iter().enumerate() {
                let start = base + i * BLOCK;
                if start > position(end - 1) {
                    break;
                }
                let seen = |row| {
                    (position(first_token + row / group) + 1)
                        .saturating_sub(start)
                        .min(BLOCK)
                };
                let whole = start + BLOCK <= position(first) + 1;
                take(block, rows.clone(), (!whole).then_some(&seen));
            }
        }
    }
}

#[cfg(test)]
mod tests;
