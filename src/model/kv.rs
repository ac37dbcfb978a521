//! Keys and values: a shared prefix that nobody can change, and branches that own only what they added.
//!
//! Forking is an `Arc` clone plus an empty branch. A branch never writes into the prefix, so that no fork can corrupt
//! another.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, ErrorKind, Result};
use crate::model::config::DecoderConfig;

/// Keys and values of one layer, each `[kv_heads, capacity, head_dim]`, f32.
#[derive(Debug)]
struct Layer {
    keys: Tensor,
    values: Tensor,
}

/// The keys and values of tokens that every branch reads. Immutable.
#[derive(Debug)]
pub struct SharedPrefix {
    own: BranchKv,
}

impl SharedPrefix {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.own.own_len
    }

    /// Whether it holds no token.
    pub fn is_empty(&self) -> bool {
        self.own.own_len == 0
    }

    /// Keys and values of `layer`, each `[kv_heads, len, head_dim]`.
    ///
    /// # Errors
    /// There is no such layer.
    pub fn layer(&self, layer: usize) -> Result<(Tensor, Tensor)> {
        self.own.own(layer)
    }
}

/// The keys and values one branch added after its prefix.
#[derive(Debug)]
pub struct BranchKv {
    prefix: Option<Arc<SharedPrefix>>,
    layers: Vec<Layer>,
    own_len: usize,
    capacity: usize,
}

impl BranchKv {
    /// An empty branch of nothing.
    ///
    /// # Errors
    /// Memory for `capacity` tokens cannot be had.
    pub fn root(config: &DecoderConfig, capacity: usize) -> Result<Self> {
        Self::empty(config, None, capacity)
    }

    /// An empty branch of `prefix`.
    ///
    /// # Errors
    /// Memory for `capacity` tokens cannot be had.
    pub fn fork(config: &DecoderConfig, prefix: &Arc<SharedPrefix>, capacity: usize) -> Result<Self> {
        Self::empty(config, Some(prefix.clone()), capacity)
    }

    fn empty(config: &DecoderConfig, prefix: Option<Arc<SharedPrefix>>, capacity: usize) -> Result<Self> {
        let capacity = capacity.max(16);
        let shape = (config.kv_heads, capacity, config.head_dim);
        let buffer = || Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let layers = (0..config.layers)
            .map(|_| {
                Ok(Layer {
                    keys: buffer()?,
                    values: buffer()?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            prefix,
            layers,
            own_len: 0,
            capacity,
        })
    }

    /// Makes what this branch holds a prefix for others.
    ///
    /// # Errors
    /// The branch has a prefix itself (prefixes do not chain), or holds nothing.
    pub fn freeze(self) -> Result<Arc<SharedPrefix>> {
        if self.prefix.is_some() || self.is_empty() {
            return Err(Error::new(
                ErrorKind::Internal,
                "only a branch without a prefix that holds tokens can become a prefix",
            ));
        }
        Ok(Arc::new(SharedPrefix { own: self }))
    }

    /// The prefix, if it has one.
    pub fn prefix(&self) -> Option<&Arc<SharedPrefix>> {
        self.prefix.as_ref()
    }

    /// Number of tokens in the prefix and the branch: the position of the next token.
    pub fn len(&self) -> usize {
        self.prefix.as_ref().map_or(0, |p| p.len()) + self.own_len
    }

    /// Whether neither the prefix nor the branch holds a token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens of its own.
    pub fn own_len(&self) -> usize {
        self.own_len
    }

    /// Makes room for `more` tokens.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        let needed = self.own_len + more;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.next_power_of_two();
        for layer in &mut self.layers {
            layer.keys = grow(&layer.keys, capacity)?;
            layer.values = grow(&layer.values, capacity)?;
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Writes `keys` and `values` (`[kv_heads, t, head_dim]`, contiguous) of `layer` after the branch's own tokens.
    /// [`advance`](Self::advance) makes them count once every layer has written.
    pub(super) fn write(&self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<()> {
        let own = &self.layers[layer];
        own.keys.slice_set(keys, 1, self.own_len)?;
        own.values.slice_set(values, 1, self.own_len)?;
        Ok(())
    }

    /// Own keys and values of `layer`, the `pending` ones just written included.
    pub(super) fn with_pending(&self, layer: usize, pending: usize) -> Result<(Tensor, Tensor)> {
        let own = &self.layers[layer];
        let len = self.own_len + pending;
        Ok((own.keys.narrow(1, 0, len)?, own.values.narrow(1, 0, len)?))
    }

    fn own(&self, layer: usize) -> Result<(Tensor, Tensor)> {
        self.with_pending(layer, 0)
    }

    /// Counts `written` tokens as held.
    pub(super) fn advance(&mut self, written: usize) {
        self.own_len += written;
    }
}

fn grow(buffer: &Tensor, capacity: usize) -> Result<Tensor> {
    let (heads, _, dim) = buffer.dims3()?;
    let larger = Tensor::zeros((heads, capacity, dim), buffer.dtype(), buffer.device())?;
    larger.slice_set(buffer, 1, 0)?;
    Ok(larger)
}

#[cfg(test)]
impl BranchKv {
    /// A fork gone wrong on purpose: it shares its buffers with `other`, as a clone of candle's own cache would. The test
    /// of forks must notice.
    pub(super) fn aliasing(other: &Self) -> Self {
        let share = |layer: &Layer| Layer {
            keys: layer.keys.clone(),
            values: layer.values.clone(),
        };
        Self {
            prefix: other.prefix.clone(),
            layers: other.layers.iter().map(share).collect(),
            own_len: other.own_len,
            capacity: other.capacity,
        }
    }
}
