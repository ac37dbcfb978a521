//! The decoder's arithmetic in candle's operations, for devices that the kernels of this room do not run on. The same
//! formulas: the tests hold each against its kernel on the processor, where both run.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::segments::{Heads, Segment};

/// Keys and values of one layer, in the order of their positions. Immutable: more makes another.
#[derive(Debug, Clone)]
pub struct Rows {
    /// `[kv_heads, n, D]`.
    keys: Tensor,
    /// `[kv_heads, n, D]`.
    values: Tensor,
}

impl Rows {
    /// Those of new positions, `[n, kv_heads, D]` each, held as `dtype`.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn new(keys: &Tensor, values: &Tensor, dtype: DType) -> Result<Self> {
        let held = |x: &Tensor| x.transpose(0, 1)?.contiguous()?.to_dtype(dtype);
        Ok(Self {
            keys: held(keys)?,
            values: held(values)?,
        })
    }

    /// These, and `more` behind them.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn then(&self, more: &Self) -> Result<Self> {
        Ok(Self {
            keys: Tensor::cat(&[&self.keys, &more.keys], 1)?,
            values: Tensor::cat(&[&self.values, &more.values], 1)?,
        })
    }

    /// Only those at `kept`.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn only(&self, kept: &[u32]) -> Result<Self> {
        let kept = Tensor::new(kept, self.keys.device())?;
        Ok(Self {
            keys: self.keys.index_select(&kept, 1)?,
            values: self.values.index_select(&kept, 1)?,
        })
    }

    /// How many positions.
    pub fn len(&self) -> usize {
        self.keys.dims()[1]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of both.
    pub fn bytes(&self) -> usize {
        2 * self.keys.elem_count() * self.keys.dtype().size_in_bytes()
    }

    /// Keys and values as f32: scores of half precision would move the weights of far positions.
    fn widened(&self) -> Result<(Tensor, Tensor)> {
        Ok((self.keys.to_dtype(DType::F32)?, self.values.to_dtype(DType::F32)?))
    }
}

/// What the rows of one branch see beyond what all see.
#[derive(Debug)]
pub struct Own<'a> {
    /// The rows of the pass.
    pub rows: Range<usize>,
    /// The branch's own keys and values; the last ones are those of its rows.
    pub seen: &'a Rows,
    /// From [`mask`].
    pub mask: Option<&'a Tensor>,
}

/// Attention of queries `[T, heads, D]` over keys that all rows see and those that each branch has: `[T, heads * D]`.
///
/// # Errors
/// The shapes do not fit.
pub fn attend(q: &Tensor, heads: Heads, shared: Option<&Rows>, spans: &[Own]) -> Result<Tensor> {
    let group = heads.queries / heads.keys;
    let q = (grouped(q, heads.keys)? / (heads.dim as f64).sqrt())?;
    let shared = match shared {
        Some(rows) => {
            let (keys, values) = rows.widened()?;
            Some((q.matmul(&keys.t()?)?, values))
        }
        None => None,
    };
    let mut out = Vec::with_capacity(spans.len());
    for span in spans {
        let (first, count) = (span.rows.start * group, span.rows.len() * group);
        let (keys, values) = span.seen.widened()?;
        let own = masked(
            q.narrow(1, first, count)?.contiguous()?.matmul(&keys.t()?)?,
            span.mask,
        )?;
        let Some((scores, shared)) = &shared else {
            out.push(softmax_last_dim(&own)?.matmul(&values)?);
            continue;
        };
        let before = scores.dim(2)?;
        let scores = Tensor::cat(&[&scores.narrow(1, first, count)?.contiguous()?, &own], 2)?;
        let weights = softmax_last_dim(&scores)?;
        let seen = weights.narrow(2, 0, before)?.contiguous()?.matmul(shared)?;
        let own = weights.narrow(2, before, own.dim(2)?)?.contiguous()?;
        out.push((seen + own.matmul(&values)?)?);
    }
    ungrouped(&Tensor::cat(&out, 1)?, group)?.flatten_from(1)
}

/// What is added to the scores `[group * rows, seen]` of rows that are the last of what is seen, so that none sees what
/// comes after it; none where one row sees everything.
///
/// # Errors
/// The device refuses.
pub fn mask(rows: usize, seen: usize, group: usize, device: &Device) -> Result<Option<Tensor>> {
    if rows <= 1 {
        return Ok(None);
    }
    let after = |i: usize| (0..rows).map(move |j| if j > i / group { f32::NEG_INFINITY } else { 0.0 });
    let triangle: Vec<f32> = (0..rows * group).flat_map(after).collect();
    let triangle = Tensor::from_vec(triangle, (rows * group, rows), device)?;
    if seen == rows {
        return Ok(Some(triangle));
    }
    let before = Tensor::zeros((rows * group, seen - rows), DType::F32, device)?;
    Tensor::cat(&[&before, &triangle], 1).map(Some)
}

fn masked(scores: Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    match mask {
        Some(mask) => scores.broadcast_add(mask),
        None => Ok(scores),
    }
}

/// `[T, heads, D]` to `[kv_heads, T * group, D]`: the queries that share keys side by side.
fn grouped(x: &Tensor, kv_heads: usize) -> Result<Tensor> {
    let (rows, heads, dim) = x.dims3()?;
    let group = heads / kv_heads;
    x.reshape((rows, kv_heads, group, dim))?
        .transpose(0, 1)?
        .contiguous()?
        .reshape((kv_heads, rows * group, dim))
}

/// The way back from [`grouped`].
fn ungrouped(x: &Tensor, group: usize) -> Result<Tensor> {
    let (kv_heads, rows, dim) = x.dims3()?;
    x.reshape((kv_heads, rows / group, group, dim))?
        .transpose(0, 1)?
        .contiguous()?
        .reshape((rows / group, kv_heads * group, dim))
}

/// One segment of a training pass, ready to be multiplied.
struct Seen {
    /// `[kv_heads, n * group, D]`, scaled.
    queries: Tensor,
    /// `[kv_heads, prefix + n, D]`.
    keys: Tensor,
    values: Tensor,
    /// `[kv_heads, n * group, prefix + n]`.
    weights: Tensor,
}

impl Seen {
    fn new(heads: Heads, [q, k, v]: [&Tensor; 3], segment: &Segment) -> Result<Self> {
        let Segment { rows, prefix } = segment;
        let of = |x: &Tensor, rows: &Range<usize>| x.narrow(0, rows.start, rows.len());
        let seen = |x: &Tensor| {
            let x = x.reshape((x.dim(0)?, heads.keys, heads.dim))?;
            let own = of(&x, rows)?;
            let all = if prefix.is_empty() {
                own
            } else {
                Tensor::cat(&[&of(&x, prefix)?, &own], 0)?
            };
            all.transpose(0, 1)?.contiguous()
        };
        let queries = grouped(&of(q, rows)?.contiguous()?, heads.keys)?;
        let queries = (queries / (heads.dim as f64).sqrt())?;
        let (keys, values) = (seen(k)?, seen(v)?);
        let group = heads.queries / heads.keys;
        let mask = mask(rows.len(), prefix.len() + rows.len(), group, q.device())?;
        let scores = masked(queries.matmul(&keys.t()?)?, mask.as_ref())?;
        Ok(Self {
            weights: softmax_last_dim(&scores)?,
            queries,
            keys,
            values,
        })
    }
}

/// What [`super::segments::attend`] gives, `[T, heads * D]`; queries `[T, heads, D]`, keys `[T, kv_heads, D]`, values
/// `[T, kv_heads * D]`.
///
/// # Errors
/// The shapes do not fit.
pub fn attend_segments(heads: Heads, inputs: [&Tensor; 3], segments: &[Segment]) -> Result<Tensor> {
    let group = heads.queries / heads.keys;
    let parts = segments.iter().map(|segment| {
        let seen = Seen::new(heads, inputs, segment)?;
        ungrouped(&seen.weights.matmul(&seen.values)?, group)
    });
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?.flatten_from(1)
}

/// The gradients of queries, keys and values for the gradient `dy` `[T, heads * D]`, in the shapes these have.
///
/// # Errors
/// The shapes do not fit.
pub fn attend_segments_back(
    heads: Heads,
    inputs: [&Tensor; 3],
    segments: &[Segment],
    dy: &Tensor,
) -> Result<[Tensor; 3]> {
    let (group, scale) = (heads.queries / heads.keys, (heads.dim as f64).sqrt());
    let total = dy.dim(0)?;
    let dy = dy.reshape((total, heads.queries, heads.dim))?;
    let zeros = Tensor::zeros((heads.keys, total, heads.dim), DType::F32, dy.device())?;
    let (mut dq, mut dk, mut dv) = (Vec::new(), zeros.clone(), zeros);
    for segment in segments {
        let Segment { rows, prefix } = segment;
        let seen = Seen::new(heads, inputs, segment)?;
        let dy = grouped(&dy.narrow(0, rows.start, rows.len())?.contiguous()?, heads.keys)?;
        let d_weights = dy.matmul(&seen.values.t()?)?;
        let along = (&d_weights * &seen.weights)?.sum_keepdim(2)?;
        let d_scores = (&seen.weights * d_weights.broadcast_sub(&along)?)?;
        dq.push(ungrouped(&(d_scores.matmul(&seen.keys)? / scale)?, group)?);
        let d_keys = d_scores.transpose(1, 2)?.contiguous()?.matmul(&seen.queries)?;
        let d_values = seen.weights.transpose(1, 2)?.contiguous()?.matmul(&dy)?;
        for (whole, part) in [(&mut dk, d_keys), (&mut dv, d_values)] {
            let (before, count) = (prefix.len(), rows.len());
            for (from, to) in [(0..before, prefix), (before..before + count, rows)] {
                if from.is_empty() {
                    continue;
                }
                let part = part.narrow(1, from.start, from.len())?;
                let part = part.pad_with_zeros(1, to.start, total - to.end)?;
                *whole = (&*whole + part)?;
            }
        }
    }
    let back = |x: Tensor, like: &Tensor| x.transpose(0, 1)?.contiguous()?.reshape(like.shape());
    Ok([
        Tensor::cat(&dq, 0)?.reshape(inputs[0].shape())?,
        back(dk, inputs[1])?,
        back(dv, inputs[2])?,
    ])
}

/// [`super::backward::rms_norm`].
///
/// # Errors
/// The shapes do not fit.
pub fn rms_norm_back(x: &Tensor, weight: &Tensor, dy: &Tensor, eps: f32) -> Result<Tensor> {
    let last = x.rank() - 1;
    let norm = (x.sqr()?.mean_keepdim(last)? + f64::from(eps))?.sqrt()?.recip()?;
    let g = dy.broadcast_mul(weight)?;
    let along = ((&g * x)?.mean_keepdim(last)? * norm.powf(3.0)?)?;
    g.broadcast_mul(&norm)? - x.broadcast_mul(&along)?
}

/// [`super::backward::swiglu`].
///
/// # Errors
/// The shapes differ.
pub fn swiglu_back(gate: &Tensor, up: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
    let sigmoid = (gate.neg()?.exp()? + 1.0)?.recip()?;
    let silu = (gate * &sigmoid)?;
    // sigmoid (1 + gate (1 - sigmoid))
    let slope = (&sigmoid + (&silu * sigmoid.affine(-1.0, 1.0)?)?)?;
    Ok((((dy * up)? * slope)?, (dy * silu)?))
}

#[cfg(test)]
mod tests;
