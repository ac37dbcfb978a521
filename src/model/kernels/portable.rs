//! The decoder's arithmetic in candle's operations, for devices that the kernels of this room do not run on. The same
//! formulas: the tests hold each against its kernel on the processor, where both run.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::segments::{Heads, Segment};

/// Keys and values of one layer. Immutable: more makes another.
#[derive(Debug, Clone)]
pub struct Rows {
    /// `[kv_heads, n, D]`.
    keys: Tensor,
    /// `[kv_heads, n, D]`.
    values: Tensor,
}

impl Rows {
    /// From `[n, kv_heads, D]` each.
    ///
    /// # Errors
    /// The device refuses.
    pub fn new(keys: &Tensor, values: &Tensor) -> Result<Self> {
        let held = |x: &Tensor| x.transpose(0, 1)?.contiguous();
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
}

/// Attention of queries `[T, heads, D]` over keys that all rows see, and over others that they see as `mask` says:
/// `[T, heads * D]`.
///
/// # Errors
/// The shapes do not fit.
pub fn attend(
    q: &Tensor,
    heads: Heads,
    shared: Option<&Rows>,
    own: &Rows,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let group = heads.queries / heads.keys;
    let q = (grouped(q, heads.keys)? / (heads.dim as f64).sqrt())?;
    let scores = masked(q.matmul(&own.keys.t()?)?, mask)?;
    let attended = match shared {
        None => softmax_last_dim(&scores)?.matmul(&own.values)?,
        Some(shared) => {
            let before = shared.keys.dim(1)?;
            let scores = Tensor::cat(&[&q.matmul(&shared.keys.t()?)?, &scores], 2)?;
            let weights = softmax_last_dim(&scores)?;
            let part = |from: usize, count: usize| weights.narrow(2, from, count)?.contiguous();
            let seen = part(0, before)?.matmul(&shared.values)?;
            (seen + part(before, own.keys.dim(1)?)?.matmul(&own.values)?)?
        }
    };
    ungrouped(&attended, group)?.flatten_from(1)
}

/// What is added to the scores of `rows` that are the last of `seen`, so that none sees what comes after it,
/// `[rows, 1, seen]`; none where one row sees everything.
///
/// # Errors
/// The device refuses.
pub fn mask(rows: usize, seen: usize, device: &Device) -> Result<Option<Tensor>> {
    if rows <= 1 {
        return Ok(None);
    }
    // Made where it is used: for a long text it is larger than everything that is sent to a card.
    let own = Tensor::arange((seen - rows) as u32, seen as u32, device)?.reshape((rows, 1, 1))?;
    let others = Tensor::arange(0, seen as u32, device)?.reshape((1, 1, seen))?;
    let shape = (rows, 1, seen);
    let never = Tensor::full(f32::NEG_INFINITY, shape, device)?;
    let sees = own.broadcast_ge(&others)?;
    sees.where_cond(&Tensor::zeros(shape, DType::F32, device)?, &never)
        .map(Some)
}

/// The same for rows of which each sees what its own list says: `[rows, 1, seen]`.
///
/// # Errors
/// The device refuses.
pub fn allowed(sees: &[Vec<bool>], device: &Device) -> Result<Tensor> {
    let width = sees.first().map_or(0, Vec::len);
    let add = |&sees: &bool| if sees { 0.0 } else { f32::NEG_INFINITY };
    let values: Vec<f32> = sees.iter().flatten().map(add).collect();
    Tensor::from_vec(values, (sees.len(), 1, width), device)
}

/// Scores `[kv_heads, T * group, n]` with a mask `[T, 1, n]` added.
fn masked(scores: Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let Some(mask) = mask else {
        return Ok(scores);
    };
    let (kv_heads, rows, seen) = scores.dims3()?;
    let tokens = mask.dim(0)?;
    scores
        .reshape((kv_heads, tokens, rows / tokens, seen))?
        .broadcast_add(mask)?
        .reshape((kv_heads, rows, seen))
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
    /// `[kv_heads, before + n, D]`.
    keys: Tensor,
    values: Tensor,
    /// `[kv_heads, n * group, before + n]`.
    weights: Tensor,
}

impl Seen {
    fn new(heads: Heads, [q, k, v]: [&Tensor; 3], segment: &Segment) -> Result<Self> {
        let Segment { rows, before } = segment;
        let of = |x: &Tensor, rows: &Range<usize>| x.narrow(0, rows.start, rows.len());
        let own = behind(silent(q, k)?, rows);
        let seen = |x: &Tensor| {
            let x = x.reshape((x.dim(0)?, heads.keys, heads.dim))?;
            let keys = before.iter().chain([&own]).filter(|keys| !keys.is_empty());
            let parts = keys.map(|keys| of(&x, keys)).collect::<Result<Vec<_>>>()?;
            Tensor::cat(&parts, 0)?.transpose(0, 1)?.contiguous()
        };
        let queries = grouped(&of(q, rows)?.contiguous()?, heads.keys)?;
        let queries = (queries / (heads.dim as f64).sqrt())?;
        let (keys, values) = (seen(k)?, seen(v)?);
        let mask = mask(rows.len(), segment.seen_by_all() + rows.len(), q.device())?;
        let scores = masked(queries.matmul(&keys.t()?)?, mask.as_ref())?;
        Ok(Self {
            weights: softmax_last_dim(&scores)?,
            queries,
            keys,
            values,
        })
    }
}

/// How many keys belong to rows that do not ask.
fn silent(q: &Tensor, k: &Tensor) -> Result<usize> {
    Ok(k.dim(0)? - q.dim(0)?)
}

/// Rows behind so many others.
fn behind(others: usize, rows: &Range<usize>) -> Range<usize> {
    others + rows.start..others + rows.end
}

/// What [`super::segments::attend`] gives, `[T, heads * D]`; queries `[T, heads, D]`, keys `[N + T, kv_heads, D]`, values
/// `[N + T, kv_heads * D]`.
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

/// The gradients of queries, keys and values for the gradient `dy` `[T, heads * D]`, in the shapes these have; those of keys
/// and values whose rows do not ask are 0.
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
    let silent = silent(inputs[0], inputs[1])?;
    let zeros = Tensor::zeros((heads.keys, total, heads.dim), DType::F32, dy.device())?;
    let (mut dq, mut dk, mut dv) = (Vec::new(), zeros.clone(), zeros);
    for segment in segments {
        let Segment { rows, before } = segment;
        let seen = Seen::new(heads, inputs, segment)?;
        let dy = grouped(&dy.narrow(0, rows.start, rows.len())?.contiguous()?, heads.keys)?;
        let d_weights = dy.matmul(&seen.values.t()?)?;
        let along = (&d_weights * &seen.weights)?.sum_keepdim(2)?;
        let d_scores = (&seen.weights * d_weights.broadcast_sub(&along)?)?;
        dq.push(ungrouped(&(d_scores.matmul(&seen.keys)? / scale)?, group)?);
        let d_keys = d_scores.transpose(1, 2)?.contiguous()?.matmul(&seen.queries)?;
        let d_values = seen.weights.transpose(1, 2)?.contiguous()?.matmul(&dy)?;
        for (whole, part) in [(&mut dk, d_keys), (&mut dv, d_values)] {
            let mut first = 0;
            for to in before.iter().chain([&behind(silent, rows)]) {
                let from = first;
                first += to.len();
                if to.is_empty() || to.start < silent {
                    continue;
                }
                let (start, end) = (to.start - silent, to.end - silent);
                let part = part.narrow(1, from, to.len())?;
                let part = part.pad_with_zeros(1, start, total - end)?;
                *whole = (&*whole + part)?;
            }
        }
    }
    let back = |x: Tensor, like: &Tensor| {
        let x = x.pad_with_zeros(1, silent, 0)?;
        x.transpose(0, 1)?.contiguous()?.reshape(like.shape())
    };
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
