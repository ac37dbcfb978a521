//! Attention over packed segments, with its derivative: what training runs.
//!
//! Rows of one pass belong to segments. A row sees the rows of its own segment up to itself, and, before them, the rows
//! of what it goes on from: many answers to one prompt stand in one pass and the prompt is read, and differentiated,
//! once. Nothing else is seen, so packing side by side changes no number. The weights are recomputed for the derivative
//! from the logarithm of their sums (Dao et al. 2022, arXiv:2205.14135).

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::exp;

/// Query rows worked on at once: their weights stay in the cache, and rows far before the end skip the keys behind them.
const ROWS: usize = 64;

/// Rows that see each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its rows; each sees those up to itself.
    pub rows: Range<usize>,
    /// The keys that all of them see, in order of position, before their own.
    pub before: Vec<Range<usize>>,
}

impl Segment {
    /// How many keys all of its rows see.
    pub fn seen_by_all(&self) -> usize {
        self.before.iter().map(Range::len).sum()
    }
}

/// The sizes of the heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Key and value heads.
    pub keys: usize,
    /// Width of one, D.
    pub dim: usize,
}

/// Queries `[T, queries * D]`, keys and values `[N + T, keys * D]`: the first N belong to rows that do not ask.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
}

impl Inputs<'_> {
    /// How many keys belong to rows that do not ask, N.
    fn silent(&self, heads: Heads) -> usize {
        self.k.len() / (heads.keys * heads.dim) - self.q.len() / (heads.queries * heads.dim)
    }
}

/// What attention gives.
#[derive(Debug, Clone)]
pub struct Attended {
    /// `[T, queries * D]`.
    pub values: Vec<f32>,
    /// `[T, queries]`: the logarithm of the sum of the exponentials of a row's scores.
    pub log_sums: Vec<f32>,
}

/// One task: a segment's rows and one key head.
struct Task<'a> {
    heads: Heads,
    inputs: Inputs<'a>,
    segment: &'a Segment,
    head: usize,
    /// Keys and values that are seen, `[before + rows, D]`.
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// A part of the rows of a task, in one query head.
struct Part {
    /// Column of the query head.
    head: usize,
    /// Within the segment.
    rows: Range<usize>,
    /// How many keys the last row sees.
    seen: usize,
}

/// The attended values of all rows.
pub fn attend(heads: Heads, inputs: Inputs, segments: &[Segment]) -> Attended {
    let rows = inputs.q.len() / (heads.queries * heads.dim);
    let group = heads.queries / heads.keys;
    let done: Vec<(usize, usize, Attended)> = tasks(heads, segments)
        .map(|(i, head)| {
            let task = Task::new(heads, inputs, &segments[i], head);
            (i, head, task.forward())
        })
        .collect();
    let mut out = Attended {
        values: vec![0.0; inputs.q.len()],
        log_sums: vec![0.0; rows * heads.queries],
    };
    for (i, head, part) in done {
        let rows = segments[i].rows.clone();
        scatter(
            &part.values,
            &mut out.values,
            rows.clone(),
            head,
            group * heads.dim,
            heads.keys,
        );
        scatter(&part.log_sums, &mut out.log_sums, rows, head, group, heads.keys);
    }
    out
}

/// The gradients of queries, keys and values for the gradient `dy` of the attended values; with it, what [`attend`] gave. Those
/// of keys and values whose rows do not ask are 0.
pub fn backward(
    heads: Heads,
    inputs: Inputs,
    segments: &[Segment],
    (values, log_sums): (&[f32], &[f32]),
    dy: &[f32],
) -> [Vec<f32>; 3] {
    let group = heads.queries / heads.keys;
    let done: Vec<(usize, usize, [Vec<f32>; 3])> = tasks(heads, segments)
        .map(|(i, head)| {
            let task = Task::new(heads, inputs, &segments[i], head);
            (i, head, task.backward((values, log_sums), dy))
        })
        .collect();
    let silent = inputs.silent(heads);
    let mut dq = vec![0.0; inputs.q.len()];
    let (mut dk, mut dv) = (vec![0.0; inputs.k.len()], vec![0.0; inputs.v.len()]);
    for (i, head, [q, k, v]) in done {
        let Segment { rows, before } = &segments[i];
        let dim = heads.dim;
        scatter(&q, &mut dq, rows.clone(), head, group * dim, heads.keys);
        for (part, whole) in [(k, &mut dk), (v, &mut dv)] {
            let mut rest = &part[..];
            for keys in before
                .iter()
                .cloned()
                .chain(std::iter::once(silent + rows.start..silent + rows.end))
            {
                let (own, others) = rest.split_at(keys.len() * dim);
                if keys.start >= silent {
                    scatter(own, whole, keys, head, dim, heads.keys);
                }
                rest = others;
            }
        }
    }
    [dq, dk, dv]
}

/// Every segment with every key head.
fn tasks(heads: Heads, segments: &[Segment]) -> impl ParallelIterator<Item = (usize, usize)> {
    (0..segments.len() * heads.keys)
        .into_par_iter()
        .with_max_len(1)
        .map(move |task| (task / heads.keys, task % heads.keys))
}

/// Adds `part` `[rows, width]` to the columns of head `head` of `whole` `[T, heads * width]`.
fn scatter(part: &[f32], whole: &mut [f32], rows: Range<usize>, head: usize, width: usize, heads: usize) {
    for (part, row) in part.chunks_exact(width).zip(rows) {
        let to = &mut whole[(row * heads + head) * width..][..width];
        to.iter_mut().zip(part).for_each(|(to, from)| *to += from);
    }
}

impl<'a> Task<'a> {
    fn new(heads: Heads, inputs: Inputs<'a>, segment: &'a Segment, head: usize) -> Self {
        let silent = inputs.silent(heads);
        let gather = |from: &[f32]| {
            let before = segment.before.iter().cloned().flatten();
            let own = segment.rows.clone().map(|row| silent + row);
            before
                .chain(own)
                .flat_map(|row| &from[(row * heads.keys + head) * heads.dim..][..heads.dim])
                .copied()
                .collect()
        };
        Self {
            heads,
            segment,
            head,
            keys: gather(inputs.k),
            values: gather(inputs.v),
            inputs,
        }
    }

    fn group(&self) -> usize {
        self.heads.queries / self.heads.keys
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let (group, first) = (self.group(), self.head * self.group());
        let (count, before) = (self.segment.rows.len(), self.segment.seen_by_all());
        (first..first + group).flat_map(move |head| {
            (0..count).step_by(ROWS).map(move |start| {
                let end = (start + ROWS).min(count);
                Part {
                    head,
                    rows: start..end,
                    seen: before + end,
                }
            })
        })
    }

    /// The rows of a part in a tensor `[T, queries * D]`.
    fn of<'b>(&self, part: &Part, whole: &'b [f32]) -> MatRef<'b, f32> {
        let (width, first) = (self.heads.queries * self.heads.dim, self.segment.rows.start);
        let rows = &whole[(first + part.rows.start) * width..(first + part.rows.end) * width];
        MatRef::from_row_major_slice(rows, part.rows.len(), width)
            .subcols(part.head * self.heads.dim, self.heads.dim)
    }

    fn seen<'b>(&self, part: &Part, of: &'b [f32]) -> MatRef<'b, f32> {
        MatRef::from_row_major_slice(&of[..part.seen * self.heads.dim], part.seen, self.heads.dim)
    }

    /// The scaled scores of a part, `[rows, seen]`.
    fn scores<'b>(&self, part: &Part, space: &'b mut Vec<f32>) -> &'b mut [f32] {
        space.resize(part.rows.len() * part.seen, 0.0);
        let scale = 1.0 / (self.heads.dim as f32).sqrt();
        let scores = MatMut::from_row_major_slice_mut(space, part.rows.len(), part.seen);
        let (queries, keys) = (self.of(part, self.inputs.q), self.seen(part, &self.keys));
        matmul(scores, Accum::Replace, queries, keys.transpose(), scale, Par::Seq);
        space
    }

    /// How many keys the so-many-th row of a part sees.
    fn seen_by(&self, part: &Part, row: usize) -> usize {
        self.segment.seen_by_all() + part.rows.start + row + 1
    }

    fn forward(&self) -> Attended {
        let (dim, group, count) = (self.heads.dim, self.group(), self.segment.rows.len());
        let mut out = Attended {
            values: vec![0.0; count * group * dim],
            log_sums: vec![0.0; count * group],
        };
        let (mut space, arch) = (Vec::new(), Arch::new());
        for part in self.parts() {
            let in_group = part.head - self.head * group;
            let scores = self.scores(&part, &mut space);
            for (row, scores) in scores.chunks_exact_mut(part.seen).enumerate() {
                let seen = self.seen_by(&part, row);
                let log_sum = arch.dispatch(Normalise { scores, seen });
                out.log_sums[(part.rows.start + row) * group + in_group] = log_sum;
            }
            let weights = MatRef::from_row_major_slice(scores, part.rows.len(), part.seen);
            let rows = &mut out.values[part.rows.start * group * dim..part.rows.end * group * dim];
            let to = MatMut::from_row_major_slice_mut(rows, part.rows.len(), group * dim)
                .subcols_mut(in_group * dim, dim);
            matmul(
                to,
                Accum::Replace,
                weights,
                self.seen(&part, &self.values),
                1.0,
                Par::Seq,
            );
        }
        out
    }

    /// With weights P and their gradient dP = dy V^T: dS = P (dP - sum(dy y)), dQ = dS K, dK = dS^T Q, dV = P^T dy.
    fn backward(&self, (values, log_sums): (&[f32], &[f32]), dy: &[f32]) -> [Vec<f32>; 3] {
        let (dim, group, count) = (self.heads.dim, self.group(), self.segment.rows.len());
        let scale = 1.0 / (dim as f32).sqrt();
        let mut dq = vec![0.0; count * group * dim];
        let (mut dk, mut dv) = (vec![0.0; self.keys.len()], vec![0.0; self.keys.len()]);
        let (mut space, mut d_space, arch) = (Vec::new(), Vec::new(), Arch::new());
        for part in self.parts() {
            let (rows, seen) = (part.rows.len(), part.seen);
            let in_group = part.head - self.head * group;
            let d_out = self.of(&part, dy);
            let y = self.of(&part, values);
            let weights = self.scores(&part, &mut space);
            d_space.resize(rows * seen, 0.0);
            let d_weights = MatMut::from_row_major_slice_mut(&mut d_space, rows, seen);
            let seen_values = self.seen(&part, &self.values);
            matmul(
                d_weights,
                Accum::Replace,
                d_out,
                seen_values.transpose(),
                1.0,
                Par::Seq,
            );
            let both = weights.chunks_exact_mut(seen).zip(d_space.chunks_exact_mut(seen));
            for (row, (weights, d_scores)) in both.enumerate() {
                let at = self.segment.rows.start + part.rows.start + row;
                let log_sum = log_sums[at * self.heads.queries + part.head];
                let along: f32 = (0..dim).map(|i| d_out[(row, i)] * y[(row, i)]).sum();
                let seen = self.seen_by(&part, row);
                let row = Differentiate {
                    scores: weights,
                    gradients: d_scores,
                    seen,
                    log_sum,
                    along,
                };
                arch.dispatch(row);
            }
            let weights = MatRef::from_row_major_slice(weights, rows, seen);
            let d_scores = MatRef::from_row_major_slice(&d_space, rows, seen);
            let own = &mut dq[part.rows.start * group * dim..part.rows.end * group * dim];
            let own =
                MatMut::from_row_major_slice_mut(own, rows, group * dim).subcols_mut(in_group * dim, dim);
            matmul(
                own,
                Accum::Replace,
                d_scores,
                self.seen(&part, &self.keys),
                scale,
                Par::Seq,
            );
            let queries = self.of(&part, self.inputs.q);
            for (to, weights, from, factor) in [
                (&mut dk, d_scores, queries, scale),
                (&mut dv, weights, d_out, 1.0),
            ] {
                let to = MatMut::from_row_major_slice_mut(&mut to[..seen * dim], seen, dim);
                matmul(to, Accum::Add, weights.transpose(), from, factor, Par::Seq);
            }
        }
        [dq, dk, dv]
    }
}

/// Turns the first `seen` scores into weights and the others into 0; the logarithm of the sum of the exponentials.
struct Normalise<'a> {
    scores: &'a mut [f32],
    seen: usize,
}

impl WithSimd for Normalise<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let (scores, hidden) = self.scores.split_at_mut(self.seen);
        hidden.fill(0.0);
        let largest = scores
            .iter()
            .fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
        for score in scores.iter_mut() {
            *score = exp(*score - largest);
        }
        let total: f32 = scores.iter().sum();
        let inverse = 1.0 / total;
        for score in scores.iter_mut() {
            *score *= inverse;
        }
        largest + total.ln()
    }
}

/// Turns scores into weights, and the gradients of the weights into those of the scores.
struct Differentiate<'a> {
    scores: &'a mut [f32],
    gradients: &'a mut [f32],
    seen: usize,
    log_sum: f32,
    along: f32,
}

impl WithSimd for Differentiate<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (scores, hidden) = self.scores.split_at_mut(self.seen);
        hidden.fill(0.0);
        let (gradients, unseen) = self.gradients.split_at_mut(self.seen);
        unseen.fill(0.0);
        for (score, gradient) in scores.iter_mut().zip(gradients) {
            *score = exp(*score - self.log_sum);
            *gradient = *score * (*gradient - self.along);
        }
    }
}

#[cfg(test)]
mod tests;
