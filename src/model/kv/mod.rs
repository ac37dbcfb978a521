//! Keys and values: a shared prefix that nobody can change, and branches that own only what they added.
//!
//! They are held in blocks of [`BLOCK`] positions, copied when a branch writes into one that others hold too. Every
//! position lies in the same place of the same block in every branch, so that attention sums in one order whatever was
//! forked, batched or read in chunks. On a device that is not the processor they are tensors ([`Rows`]).

use std::ops::Range;
use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::model::kernels::lanes::LANES;
use crate::model::kernels::portable::Rows;
use crate::model::kernels::widen;

mod log;
pub mod pages;

pub(super) use log::LogPass;
use log::{Meeting, Share};

/// Positions in a block.
pub const BLOCK: usize = 64;

/// What keys and values are held as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Half as large; beside quantised weights the rounding is lost in theirs.
    F16,
    /// For the reference path.
    F32,
}

/// Where keys and values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// In blocks that this project's kernels read.
    Blocks,
    /// In tensors on the device that the model runs on.
    Tensors,
}

/// The sizes that say how keys and values lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Number of layers.
    pub layers: usize,
    /// Key-value heads of a layer.
    pub kv_heads: usize,
    /// Numbers in one key: a multiple of 16.
    pub dim: usize,
    /// Numbers in the state of a token.
    pub hidden: usize,
    /// What a number is held as.
    pub number: Number,
    /// Where they lie.
    pub held: Held,
}

impl Geometry {
    /// Bytes of one block: keys and values of [`BLOCK`] positions in one layer.
    pub fn block_bytes(self) -> usize {
        let size = match self.number {
            Number::F16 => 2,
            Number::F32 => 4,
        };
        2 * self.kv_heads * self.dim * BLOCK * size
    }
}

/// Numbers in sixteens.
#[derive(Debug, Clone)]
enum Lines {
    F16(Vec<[f16; LANES]>),
    F32(Vec<[f32; LANES]>),
}

impl Lines {
    fn zeros(number: Number, count: usize) -> Self {
        match number {
            Number::F16 => Self::F16(vec![[f16::ZERO; LANES]; count]),
            Number::F32 => Self::F32(vec![[0.0; LANES]; count]),
        }
    }

    fn get(&self, line: usize, lane: usize) -> f32 {
        match self {
            Self::F16(lines) => lines[line][lane].to_f32(),
            Self::F32(lines) => lines[line][lane],
        }
    }

    fn set(&mut self, line: usize, lane: usize, x: f32) {
        match self {
            Self::F16(lines) => lines[line][lane] = f16::from_f32(x),
            Self::F32(lines) => lines[line][lane] = x,
        }
    }

    /// Writes a line.
    fn put_line(&mut self, line: usize, numbers: &[f32; LANES]) {
        match self {
            Self::F16(lines) => lines[line] = to_f16(numbers),
            Self::F32(lines) => lines[line] = *numbers,
        }
    }

    /// Writes one lane of the sixteen lines from `first` on.
    fn put_column(&mut self, first: usize, lane: usize, numbers: &[f32; LANES]) {
        match self {
            Self::F16(lines) => {
                for (line, x) in lines[first..].iter_mut().zip(to_f16(numbers)) {
                    line[lane] = x;
                }
            }
            Self::F32(lines) => {
                for (line, x) in lines[first..].iter_mut().zip(numbers) {
                    line[lane] = *x;
                }
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::F16(lines) => bytemuck::cast_slice(lines),
            Self::F32(lines) => bytemuck::cast_slice(lines),
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::F16(lines) => bytemuck::cast_slice_mut(lines),
            Self::F32(lines) => bytemuck::cast_slice_mut(lines),
        }
    }

    /// Some lines as f32; `space` holds them where they have to be widened.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn widened<'a>(&'a self, lines: Range<usize>, space: &'a mut Vec<[f32; LANES]>) -> &'a [[f32; LANES]] {
        match self {
            Self::F32(all) => &all[lines],
            Self::F16(all) => {
                space.resize(lines.len(), [0.0; LANES]);
                for (to, from) in space.iter_mut().zip(&all[lines]) {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = widen(*from);
                    }
                }
                space
            }
        }
    }
}

/// Keys and values of [`BLOCK`] positions in one layer, zero where nothing was written.
#[derive(Debug, Clone)]
pub struct KvBlock {
    /// `[kv_heads, BLOCK / 16, dim]` of sixteen positions: what a query is multiplied with lies side by side.
    keys: Lines,
    /// `[kv_heads, dim / 16, BLOCK]` of sixteen dimensions.
    values: Lines,
}

impl KvBlock {
    /// A block without a position.
    pub fn empty(geometry: Geometry) -> Self {
        let count = geometry.kv_heads * geometry.dim * BLOCK / LANES;
        Self {
            keys: Lines::zeros(geometry.number, count),
            values: Lines::zeros(geometry.number, count),
        }
    }

    /// Writes the key and the value (each `[kv_heads * dim]`) of the position `slot` of the block.
    pub fn write(&mut self, geometry: Geometry, slot: usize, key: &[f32], value: &[f32]) {
        for (i, key) in key.as_chunks().0.iter().enumerate() {
            let (first, lane) = key_place(geometry.dim, slot, i * LANES);
            self.keys.put_column(first, lane, key);
        }
        for (i, value) in value.as_chunks().0.iter().enumerate() {
            self.values.put_line(value_place(slot, i * LANES).0, value);
        }
    }

    /// Takes the position `from_slot` of another block over into `slot`.
    fn take(&mut self, geometry: Geometry, slot: usize, from: &Self, from_slot: usize) {
        for i in 0..geometry.kv_heads * geometry.dim {
            let (to, at) = (
                key_place(geometry.dim, slot, i),
                key_place(geometry.dim, from_slot, i),
            );
            self.keys.set(to.0, to.1, from.keys.get(at.0, at.1));
            let (to, at) = (value_place(slot, i), value_place(from_slot, i));
            self.values.set(to.0, to.1, from.values.get(at.0, at.1));
        }
    }

    /// Keys `[BLOCK / 16, dim]` and values `[dim / 16, BLOCK]` of one head in sixteens, as they lie; `None` where they are no
    /// f16.
    pub fn as_f16(&self, head: usize, dim: usize) -> Option<(&[[f16; LANES]], &[[f16; LANES]])> {
        let size = dim * BLOCK / LANES;
        let lines = head * size..(head + 1) * size;
        match (&self.keys, &self.values) {
            (Lines::F16(keys), Lines::F16(values)) => Some((&keys[lines.clone()], &values[lines])),
            _ => None,
        }
    }

    /// Keys of one head: `[BLOCK / 16, dim]` of sixteen positions.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    pub fn keys<'a>(
        &'a self,
        head: usize,
        dim: usize,
        space: &'a mut Vec<[f32; LANES]>,
    ) -> &'a [[f32; LANES]] {
        let size = dim * BLOCK / LANES;
        self.keys.widened(head * size..(head + 1) * size, space)
    }

    /// Values of one head: `[dim / 16, BLOCK]` of sixteen dimensions.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    pub fn values<'a>(
        &'a self,
        head: usize,
        dim: usize,
        space: &'a mut Vec<[f32; LANES]>,
    ) -> &'a [[f32; LANES]] {
        let size = dim * BLOCK / LANES;
        self.values.widened(head * size..(head + 1) * size, space)
    }
}

/// The nearest f16 numbers; what is too large becomes the largest, since infinity would make every score of its row one.
fn to_f16(numbers: &[f32; LANES]) -> [f16; LANES] {
    let most = f16::MAX.to_f32();
    let mut rounded = [f16::ZERO; LANES];
    rounded.convert_from_f32_slice(&numbers.map(|x| x.clamp(-most, most)));
    rounded
}

/// Line and lane of number `i` of the key in `slot`.
fn key_place(dim: usize, slot: usize, i: usize) -> (usize, usize) {
    let (head, d) = (i / dim, i % dim);
    ((head * (BLOCK / LANES) + slot / LANES) * dim + d, slot % LANES)
}

/// Line and lane of number `i` of the value in `slot`.
fn value_place(slot: usize, i: usize) -> (usize, usize) {
    ((i / LANES) * BLOCK + slot, i % LANES)
}

/// The keys and values of some tokens, layer by layer.
#[derive(Debug, Clone)]
enum Layers {
    Blocks(Vec<Vec<Arc<KvBlock>>>),
    Tensors(Share),
}

impl Layers {
    fn empty(geometry: Geometry) -> Self {
        match geometry.held {
            Held::Blocks => Self::Blocks(vec![Vec::new(); geometry.layers]),
            Held::Tensors => Self::Tensors(Share::new(vec![None; geometry.layers], 0)),
        }
    }

    fn bytes(&self, geometry: Geometry) -> usize {
        match self {
            Self::Blocks(layers) => layers.iter().map(Vec::len).sum::<usize>() * geometry.block_bytes(),
            Self::Tensors(share) => {
                2 * share.len() * geometry.layers * geometry.kv_heads * geometry.dim * size_of::<f32>()
            }
        }
    }

    fn blocks(&self, layer: usize) -> &[Arc<KvBlock>] {
        match self {
            Self::Blocks(layers) => &layers[layer],
            Self::Tensors(_) => &[],
        }
    }
}

/// The keys and values of tokens that every branch reads. Immutable.
#[derive(Debug)]
pub struct SharedPrefix {
    own: BranchKv,
    /// Where its branches write, on a device.
    branches: Meeting,
    /// Where its excerpts do.
    excerpts: Meeting,
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

    /// Its whole blocks in `layer`: an incomplete last one is not among them.
    pub fn blocks(&self, layer: usize) -> &[Arc<KvBlock>] {
        &self.own.layers.blocks(layer)[..self.own.len / BLOCK]
    }

    /// All of it in `layer`, where it lies in tensors.
    pub fn rows(&self, layer: usize) -> Option<Rows> {
        self.own.share().and_then(|share| share.whole(layer))
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.own.bytes()
    }

    /// The mean state of the tokens at `places` in the middle of the decoder, each scaled to a mean square of 1:
    /// `[H]`; zero where there is none.
    pub fn mean_state(&self, places: Range<usize>) -> Vec<f32> {
        let hidden = self.own.geometry.hidden;
        let places = places.start.min(self.len())..places.end.min(self.len());
        let mut mean = vec![0.0; hidden];
        for state in self.own.states[places.start * hidden..places.end * hidden].chunks_exact(hidden) {
            for (sum, x) in mean.iter_mut().zip(state) {
                *sum += x.to_f32();
            }
        }
        let n = places.len().max(1) as f32;
        for sum in &mut mean {
            *sum /= n;
        }
        mean
    }

    /// The same prefix as if the tokens at `left_out` could not be seen. The others keep their keys, values and
    /// positions: what had read the tokens left out stays as it was. Blocks before them are shared, not copied.
    ///
    /// # Errors
    /// The device refuses.
    pub fn without(&self, left_out: Range<usize>) -> Result<Arc<Self>> {
        let kept = |first: usize| (first..self.len()).filter(|at| !left_out.contains(at));
        let layers = match &self.own.layers {
            Layers::Blocks(layers) => {
                let first = left_out.start.min(self.len()) / BLOCK;
                let kept: Vec<usize> = kept(first * BLOCK).collect();
                let of = |blocks: &Vec<Arc<KvBlock>>| self.packed(blocks, first, &kept);
                Layers::Blocks(layers.par_iter().map(of).collect())
            }
            Layers::Tensors(share) => {
                let kept: Vec<u32> = kept(0).map(|at| at as u32).collect();
                Layers::Tensors(share.only(&kept)?)
            }
        };
        let len = kept(0).count();
        let hidden = self.own.geometry.hidden;
        let states = |at: usize| &self.own.states[at * hidden..(at + 1) * hidden];
        Ok(Arc::new(Self {
            own: BranchKv {
                geometry: self.own.geometry,
                prefix: None,
                layers,
                states: kept(0).flat_map(states).copied().collect(),
                len,
                unseen: self.own.unseen + self.len() - len,
                invoked: self.own.invoked,
            },
            branches: Meeting::default(),
            excerpts: Meeting::default(),
        }))
    }

    /// A branch that sees the tokens at `kept` (ascending) alone: with the keys, values and positions that they have here, as if the
    /// others could not be seen. What comes behind it goes on at the position behind all of them.
    pub fn excerpt(&self, kept: &[usize]) -> BranchKv {
        let layers = match &self.own.layers {
            Layers::Blocks(layers) => Layers::Blocks(
                layers
                    .par_iter()
                    .map(|blocks| self.packed(blocks, 0, kept))
                    .collect(),
            ),
            Layers::Tensors(share) => {
                let kept: Vec<u32> = kept.iter().map(|&at| at as u32).collect();
                Layers::Tensors(share.part(&self.excerpts, &kept))
            }
        };
        BranchKv {
            geometry: self.own.geometry,
            prefix: None,
            layers,
            states: Vec::new(),
            len: kept.len(),
            unseen: self.own.unseen + self.len() - kept.len(),
            invoked: self.own.invoked,
        }
    }

    /// The first blocks as they are, and behind them the positions `kept`, side by side.
    fn packed(&self, blocks: &[Arc<KvBlock>], first: usize, kept: &[usize]) -> Vec<Arc<KvBlock>> {
        let geometry = self.own.geometry;
        let packed = kept.chunks(BLOCK).map(|kept| {
            let mut block = KvBlock::empty(geometry);
            for (slot, at) in kept.iter().enumerate() {
                block.take(geometry, slot, &blocks[at / BLOCK], at % BLOCK);
            }
            Arc::new(block)
        });
        blocks[..first].iter().cloned().chain(packed).collect()
    }
}

/// The keys and values one branch added after its prefix.
#[derive(Debug)]
pub struct BranchKv {
    geometry: Geometry,
    prefix: Option<Arc<SharedPrefix>>,
    /// In blocks: from the position where the prefix's whole blocks end. In tensors: from where the prefix ends.
    layers: Layers,
    /// The states of its tokens, `[len, H]`, each scaled to a mean square of 1; kept only where it may become a prefix.
    states: Vec<f16>,
    /// Tokens in the prefix and here.
    len: usize,
    /// Positions left out of the prefix.
    unseen: usize,
    /// Whether the tokens were read from which on an adapter is laid over the text.
    invoked: bool,
}

impl BranchKv {
    /// An empty branch of nothing.
    pub fn root(geometry: Geometry) -> Self {
        Self {
            geometry,
            prefix: None,
            layers: Layers::empty(geometry),
            states: Vec::new(),
            len: 0,
            unseen: 0,
            invoked: false,
        }
    }

    /// A branch of `prefix` that has added nothing yet.
    pub fn fork(prefix: &Arc<SharedPrefix>) -> Self {
        let incomplete = |blocks: &Vec<Arc<KvBlock>>| blocks[prefix.len() / BLOCK..].to_vec();
        let layers = match &prefix.own.layers {
            Layers::Blocks(layers) => Layers::Blocks(layers.iter().map(incomplete).collect()),
            Layers::Tensors(_) => {
                let fresh = || Share::new(vec![None; prefix.own.geometry.layers], 0);
                Layers::Tensors(prefix.branches.join(fresh))
            }
        };
        Self {
            geometry: prefix.own.geometry,
            prefix: Some(prefix.clone()),
            layers,
            states: Vec::new(),
            len: prefix.len(),
            unseen: prefix.own.unseen,
            invoked: prefix.own.invoked,
        }
    }

    /// Makes what this branch holds a prefix for others.
    ///
    /// # Errors
    /// The branch has a prefix itself or is an excerpt of one (prefixes do not chain), or holds nothing.
    pub fn freeze(self) -> Result<Arc<SharedPrefix>> {
        if self.is_empty() || !self.keeps_states() {
            return Err(Error::new(
                ErrorKind::Internal,
                "only a branch from scratch that holds tokens can become a prefix",
            ));
        }
        Ok(Arc::new(SharedPrefix {
            own: self,
            branches: Meeting::default(),
            excerpts: Meeting::default(),
        }))
    }

    /// The prefix, if it has one.
    pub fn prefix(&self) -> Option<&Arc<SharedPrefix>> {
        self.prefix.as_ref()
    }

    /// Number of tokens in the prefix and the branch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The position of the next token.
    pub fn position(&self) -> usize {
        self.len + self.unseen
    }

    /// Bytes of its own keys and values, without the prefix.
    pub fn bytes(&self) -> usize {
        self.layers.bytes(self.geometry)
    }

    /// Whether neither the prefix nor the branch holds a token.
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
        let Layers::Blocks(layers) = &mut self.layers else {
            return;
        };
        let blocks = &mut layers[layer];
        for (i, (key, value)) in keys
            .chunks_exact(width)
            .zip(values.chunks_exact(width))
            .enumerate()
        {
            let at = self.len + i - base;
            if at / BLOCK == blocks.len() {
                blocks.push(Arc::new(KvBlock::empty(self.geometry)));
            }
            Arc::make_mut(&mut blocks[at / BLOCK]).write(self.geometry, at % BLOCK, key, value);
        }
    }

    /// Its rows, where they lie in tensors.
    fn share(&self) -> Option<&Share> {
        match &self.layers {
            Layers::Blocks(_) => None,
            Layers::Tensors(share) => Some(share),
        }
    }

    /// Whether the states of what comes next are kept: what is asked about a text later is asked of its prefix.
    pub(super) fn keeps_states(&self) -> bool {
        self.prefix.is_none() && self.states.len() == self.len * self.geometry.hidden
    }

    /// Keeps the states of the tokens that are being written, `[t, H]`, each scaled to a mean square of 1.
    pub(super) fn keep_states(&mut self, states: &[f32]) {
        for state in states.chunks_exact(self.geometry.hidden) {
            let square: f32 = state.iter().map(|x| x * x).sum();
            let scale = (square / state.len() as f32 + f32::MIN_POSITIVE).sqrt().recip();
            self.states.extend(state.iter().map(|x| f16::from_f32(scale * x)));
        }
    }

    /// Its own blocks of `layer`; the first begins where the prefix's whole blocks end.
    pub(super) fn blocks(&self, layer: usize) -> &[Arc<KvBlock>] {
        self.layers.blocks(layer)
    }

    /// Whether an adapter is laid over what comes next.
    pub(super) fn is_invoked(&self) -> bool {
        self.invoked
    }

    /// Says whether one is.
    pub(super) fn invoke(&mut self, invoked: bool) {
        self.invoked = invoked;
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
        let Layers::Blocks(layers) = &mut self.layers else {
            return;
        };
        for layer in layers {
            layer.resize(blocks, Arc::new(KvBlock::empty(self.geometry)));
        }
    }
}
