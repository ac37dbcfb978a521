//! Attention with an online softmax over blocks of keys (Dao et al. 2022, arXiv:2205.14135; Milakov & Gimelshein 2018,
//! arXiv:1805.02867): no row of scores longer than a block is ever held.
//!
//! A row meets its blocks in the order of their positions, and what one row computes does not depend on the rows beside
//! it. Blocks lie at the same positions in every branch, so a forked, a batched and a chunked pass give the same bits on
//! one machine; processors that multiply in other ways ([`by_lanes`], [`by_tiles`]) differ in the last ones.

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
    /// The attended values, `[T, heads * D]`.
    pub fn run(&self) -> Vec<f32> {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if let Some(amx) = lanes::amx::Amx::get()
            && by_tiles::fits(self.geometry)
        {
            return self.by::<by_tiles::ByTiles>(amx);
        }
        lanes::dispatch(*self)
    }

    fn by<'a, K: Kernel<'a>>(&'a self, processor: K::Processor) -> Vec<f32> {
        let width = self.heads * self.geometry.dim;
        let tokens = self.queries.len() / width;
        let per_task = per_task(
            tokens,
            K::ROWS * self.geometry.kv_heads / self.heads,
            rayon::current_num_threads(),
        );
        let mut out = vec![0.0; self.queries.len()];
        out.par_chunks_mut(per_task * width)
            .enumerate()
            .for_each(|(task, out)| {
                for head in 0..self.geometry.kv_heads {
                    let part = Part {
                        pass: self,
                        head,
                        first_token: task * per_task,
                        tokens: out.len() / width,
                    };
                    let mut kernel = K::new(processor, part);
                    part.visit(|block, rows, seen| kernel.block(block, rows, seen));
                    kernel.write(out);
                }
            });
        out
    }
}

impl WithLanes for Attention<'_> {
    type Output = Vec<f32>;

    fn with<L: Lanes>(self, lanes: L) -> Vec<f32> {
        self.by::<ByLanes<L>>(lanes)
    }
}

/// Tokens of a task: at most `most`, as few as keep all threads at work, and the same number in all tasks.
fn per_task(tokens: usize, most: usize, threads: usize) -> usize {
    let rounds = tokens.div_ceil(most.max(1) * threads);
    tokens.div_ceil(threads * rounds.max(1)).max(1)
}

/// How some rows go through keys and values, a block at a time.
trait Kernel<'a> {
    /// What the processor has for it.
    type Processor: Copy + Sync;
    /// Query rows of one task and head: enough to use a block well while it is in the cache.
    const ROWS: usize;

    /// Before the first block.
    fn new(processor: Self::Processor, part: Part<'a>) -> Self;

    /// Takes `rows` through one block; `seen` says how many of its keys a row sees.
    fn block(&mut self, block: &KvBlock, rows: Range<usize>, seen: &dyn Fn(usize) -> usize);

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

    /// Gives every block that a row sees to `take`, in order of position, with the rows that see it and how many of its keys
    /// each sees.
    fn visit(&self, mut take: impl FnMut(&KvBlock, Range<usize>, &dyn Fn(usize) -> usize)) {
        let (pass, group, first_token) = (self.pass, self.group(), self.first_token);
        let tokens = first_token..first_token + self.tokens;
        for block in pass.shared {
            take(block, 0..self.rows(), &|_| BLOCK);
        }
        let base = pass.shared.len() * BLOCK;
        for span in pass.spans {
            let first = span.first_row.max(tokens.start);
            let end = (span.first_row + span.rows).min(tokens.end);
            if first >= end {
                continue;
            }
            let rows = (first - tokens.start) * group..(end - tokens.start) * group;
            let last = span.position + (end - 1 - span.first_row);
            for (i, block) in span.blocks.iter().enumerate() {
                let start = base + i * BLOCK;
                if start > last {
                    break;
                }
                take(block, rows.clone(), &|row| {
                    let position = span.position + (first_token + row / group - span.first_row);
                    (position + 1).saturating_sub(start).min(BLOCK)
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
