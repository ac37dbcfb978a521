//! Keys and values on a device: one log of all branches of a prefix, in the order they were written. A pass is then a few
//! large products however many branches it has; a mask keeps each branch to its own rows. With eight branches a card wrote
//! five times as fast as with a product for each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use candle_core::{Device, Tensor};

use super::{BranchKv, Layers};
use crate::error::{Error, ErrorKind, Result};
use crate::model::kernels::portable::{self, Rows};

/// What was written, layer by layer.
#[derive(Debug)]
struct Log {
    /// None before the first pass.
    layers: Vec<Option<Rows>>,
    /// Rows that every layer has.
    len: usize,
}

/// A log, and which of its rows belong to one branch, in the order of their positions.
#[derive(Debug, Clone)]
pub(super) struct Share {
    log: Arc<Mutex<Log>>,
    rows: Vec<u32>,
}

/// Where the branches of a prefix find the log they write into; it is gone when the last of them is.
#[derive(Debug, Default)]
pub(super) struct Meeting(Mutex<Weak<Mutex<Log>>>);

impl Meeting {
    /// A share of the log that others write into, or of a `fresh` one.
    pub(super) fn join(&self, fresh: impl FnOnce() -> Share) -> Share {
        let mut known = lock(&self.0);
        let share = known.upgrade().map_or_else(fresh, |log| Share {
            log,
            rows: Vec::new(),
        });
        *known = Arc::downgrade(&share.log);
        share
    }
}

impl Share {
    /// All `len` rows of a log of its own.
    pub(super) fn new(layers: Vec<Option<Rows>>, len: usize) -> Self {
        Self {
            log: Arc::new(Mutex::new(Log { layers, len })),
            rows: (0..len as u32).collect(),
        }
    }

    /// Everything in the log: a prefix has one of its own.
    pub(super) fn whole(&self, layer: usize) -> Option<Rows> {
        lock(&self.log).layers[layer].clone()
    }

    /// Only the rows at `kept`, in a log of their own.
    ///
    /// # Errors
    /// The device refuses.
    pub(super) fn only(&self, kept: &[u32]) -> Result<Self> {
        let of = |rows: &Option<Rows>| rows.as_ref().map(|rows| rows.only(kept)).transpose();
        let layers = lock(&self.log)
            .layers
            .iter()
            .map(of)
            .collect::<candle_core::Result<_>>()?;
        Ok(Self::new(layers, kept.len()))
    }

    /// The rows at `kept` of a log that is written on behind all of these rows, which others may share.
    pub(super) fn part(&self, meeting: &Meeting, kept: &[u32]) -> Self {
        let whole = || {
            let Log { layers, len } = &*lock(&self.log);
            Self::new(layers.clone(), *len)
        };
        Self {
            rows: kept.to_vec(),
            ..meeting.join(whole)
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// One pass over branches that write into one log.
pub(in crate::model) struct LogPass {
    log: Arc<Mutex<Log>>,
    first: usize,
    mask: Option<Tensor>,
}

impl LogPass {
    /// Of branches of which each has as many rows as its span says; none where keys and values lie in blocks.
    ///
    /// # Errors
    /// The branches do not share a log: they are from scratch, and there are several.
    pub(in crate::model) fn begin(
        branches: &[&mut BranchKv],
        spans: &[usize],
        device: &Device,
    ) -> Result<Option<Self>> {
        let shares: Vec<&Share> = branches.iter().filter_map(|b| b.share()).collect();
        let Some(share) = shares.first() else {
            return Ok(None);
        };
        if shares.iter().any(|other| !Arc::ptr_eq(&other.log, &share.log)) {
            let what = "forward pass: on a device, branches from scratch are run one by one";
            return Err(Error::new(ErrorKind::Internal, what));
        }
        let first = lock(&share.log).len;
        let mask = match (&shares[..], spans) {
            ([one], &[span]) if one.rows.len() == first => portable::mask(span, first + span, device)?,
            _ => Some(portable::allowed(&seen(&shares, spans, first), device)?),
        };
        Ok(Some(Self {
            log: share.log.clone(),
            first,
            mask,
        }))
    }

    /// Writes the pass's keys and values of a layer, `[T, kv_heads, D]`; the answer is everything in the log.
    ///
    /// # Errors
    /// The device refuses.
    pub(in crate::model) fn write(&self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<Rows> {
        let new = Rows::new(keys, values)?;
        let slot = &mut lock(&self.log).layers[layer];
        let all = match slot.take() {
            Some(rows) => rows.then(&new)?,
            None => new,
        };
        *slot = Some(all.clone());
        Ok(all)
    }

    /// What is added to the scores, so that each row sees its own branch up to itself.
    pub(in crate::model) fn mask(&self) -> Option<&Tensor> {
        self.mask.as_ref()
    }

    /// Gives each branch the rows of its span, once every layer has written.
    pub(in crate::model) fn end(self, branches: &mut [&mut BranchKv], spans: &[usize]) {
        let mut next = self.first as u32;
        for (branch, &span) in branches.iter_mut().zip(spans) {
            if let Layers::Tensors(share) = &mut branch.layers {
                share.rows.extend(next..next + span as u32);
            }
            next += span as u32;
        }
        lock(&self.log).len = next as usize;
    }
}

/// For each row of the pass, which rows of the log it sees; the pass's own begin at `first`.
fn seen(shares: &[&Share], spans: &[usize], first: usize) -> Vec<Vec<bool>> {
    let total = first + spans.iter().sum::<usize>();
    let mut start = first;
    let mut all = Vec::with_capacity(total - first);
    for (share, &span) in shares.iter().zip(spans) {
        let mut seen = vec![false; total];
        share.rows.iter().for_each(|&row| seen[row as usize] = true);
        for row in start..start + span {
            seen[row] = true;
            all.push(seen.clone());
        }
        start += span;
    }
    all
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
