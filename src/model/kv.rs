//! Keys and values: a shared prefix that nobody can change, and branches that own only what they added.
//!
//! They are held in blocks of [`BLOCK`] positions. Forking is an `Arc` clone plus a copy of the prefix's last, incomplete
//! block: a branch never writes into the prefix, and every position lies in the same place of the same block in every
//! branch, so that attention sums in one order whatever was forked, batched or read in chunks.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::config::DecoderConfig;
use crate::model::kernels::lanes::LANES;

/// Positions in a block.
pub const BLOCK: usize = 64;

/// The sizes that say how keys and values lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Number of layers.
    pub layers: usize,
    /// Key-value heads of a layer.
    pub kv_heads: usize,
    /// Numbers in one key: a multiple of 16.
    pub dim: usize,
}

impl From<&DecoderConfig> for Geometry {
    fn from(config: &DecoderConfig) -> Self {
        Self {
            layers: config.layers,
            kv_heads: config.kv_heads,
            dim: config.head_dim,
        }
    }
}

/// Keys and values of [`BLOCK`] positions in one layer, zero where nothing was written.
#[derive(Debug, Clone)]
pub struct KvBlock {
    /// `[kv_heads, BLOCK / 16, dim]` of sixteen positions: what a query is multiplied with lies side by side.
    keys: Vec<[f32; LANES]>,
    /// `[kv_heads, dim / 16, BLOCK]` of sixteen dimensions.
    values: Vec<[f32; LANES]>,
}

impl KvBlock {
    /// A block without a position.
    pub fn empty(geometry: Geometry) -> Self {
        let size = geometry.kv_heads * geometry.dim * BLOCK / LANES;
        Self {
            keys: vec![[0.0; LANES]; size],
            values: vec![[0.0; LANES]; size],
        }
    }

    /// Writes the key and the value (each `[kv_heads * dim]`) of the position `slot` of the block.
    pub fn write(&mut self, geometry: Geometry, slot: usize, key: &[f32], value: &[f32]) {
        let dim = geometry.dim;
        for head in 0..geometry.kv_heads {
            let keys = &mut self.keys[(head * (BLOCK / LANES) + slot / LANES) * dim..][..dim];
            for (lanes, k) in keys.iter_mut().zip(&key[head * dim..]) {
                lanes[slot % LANES] = *k;
            }
            let values = &mut self.values[head * (dim / LANES) * BLOCK..];
            let parts = value[head * dim..][..dim].as_chunks::<LANES>().0;
            for (to, part) in values.iter_mut().skip(slot).step_by(BLOCK).zip(parts) {
                *to = *part;
            }
        }
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.values)
    }

    /// Keys of one head: `[BLOCK / 16, dim]` of sixteen positions.
    pub fn keys(&self, head: usize, dim: usize) -> &[[f32; LANES]] {
        let size = dim * BLOCK / LANES;
        &self.keys[head * size..][..size]
    }

    /// Values of one head: `[dim / 16, BLOCK]` of sixteen dimensions.
    pub fn values(&self, head: usize, dim: usize) -> &[[f32; LANES]] {
        let size = dim * BLOCK / LANES;
        &self.values[head * size..][..size]
    }
}

/// The keys and values of tokens that every branch reads. Immutable.
#[derive(Debug)]
pub struct SharedPrefix {
    own: BranchKv,
}

impl SharedPrefix {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.own.len
    }

    /// Whether it holds no token.
    pub fn is_empty(&self) -> bool {
        self.own.len == 0
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.own.bytes()
    }

    /// Its whole blocks in `layer`: an incomplete last one is not among them.
    pub fn blocks(&self, layer: usize) -> &[KvBlock] {
        &self.own.layers[layer][..self.own.len / BLOCK]
    }
}

/// The keys and values one branch added after its prefix.
#[derive(Debug)]
pub struct BranchKv {
    geometry: Geometry,
    prefix: Option<Arc<SharedPrefix>>,
    /// Blocks of each layer, from the position where the prefix's whole blocks end.
    layers: Vec<Vec<KvBlock>>,
    /// Tokens in the prefix and here.
    len: usize,
}

impl BranchKv {
    /// An empty branch of nothing.
    pub fn root(config: &DecoderConfig) -> Self {
        let geometry = Geometry::from(config);
        Self {
            geometry,
            prefix: None,
            layers: vec![Vec::new(); geometry.layers],
            len: 0,
        }
    }

    /// A branch of `prefix` that has added nothing yet.
    pub fn fork(prefix: &Arc<SharedPrefix>) -> Self {
        let incomplete = |blocks: &Vec<KvBlock>| blocks[prefix.len() / BLOCK..].to_vec();
        Self {
            geometry: prefix.own.geometry,
            prefix: Some(prefix.clone()),
            layers: prefix.own.layers.iter().map(incomplete).collect(),
            len: prefix.len(),
        }
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
        self.len
    }

    /// Whether neither the prefix nor the branch holds a token.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the keys and values in its own blocks, what it copied of its prefix's last block included.
    pub fn bytes(&self) -> usize {
        self.layers.iter().flatten().map(KvBlock::bytes).sum()
    }

    /// The sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Writes `keys` and `values` (`[t, kv_heads * dim]`) of `layer` after what the branch holds.
    /// [`advance`](Self::advance) makes them count once every layer has written.
    pub(super) fn write(&mut self, layer: usize, keys: &[f32], values: &[f32]) {
        let base = self.base();
        let width = self.geometry.kv_heads * self.geometry.dim;
        let blocks = &mut self.layers[layer];
        for (i, (key, value)) in keys
            .chunks_exact(width)
            .zip(values.chunks_exact(width))
            .enumerate()
        {
            let at = self.len + i - base;
            if at / BLOCK == blocks.len() {
                blocks.push(KvBlock::empty(self.geometry));
            }
            blocks[at / BLOCK].write(self.geometry, at % BLOCK, key, value);
        }
    }

    /// Its own blocks of `layer`; the first begins where the prefix's whole blocks end.
    pub(super) fn blocks(&self, layer: usize) -> &[KvBlock] {
        &self.layers[layer]
    }

    /// Counts `written` tokens as held.
    pub(super) fn advance(&mut self, written: usize) {
        self.len += written;
    }

    /// Position of its first own block.
    fn base(&self) -> usize {
        self.prefix.as_ref().map_or(0, |p| p.len() / BLOCK * BLOCK)
    }
}

#[cfg(test)]
impl BranchKv {
    /// What two branches that share one buffer would see: this one's own blocks become those of `other`.
    pub(super) fn overwrite_with(&mut self, other: &Self) {
        self.layers.clone_from(&other.layers);
        // The buffer is as long as its longest user has made it.
        let blocks = self.len.div_ceil(BLOCK) - self.base() / BLOCK;
        for layer in &mut self.layers {
            layer.resize(blocks, KvBlock::empty(self.geometry));
        }
    }
}
