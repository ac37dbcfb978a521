//! Prefixes on disk: keys and values in pages of [`PAGE`] tokens, so that a dossier that was read once is not read again,
//! and one that grew is read from where it grew.
//!
//! A page is named by a hash over everything it depends on: the weights, how they are held, and every token up to its
//! end. Two dossiers that begin alike share their first pages; a changed rubric changes none. Pages are read, not mapped:
//! each is hashed before it is believed, and a file cut short under a mapping would end the program. Any page may be
//! deleted at any time: it only costs a reading. Only blocks are kept: a card reads a dossier faster than a disk.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use half::f16;
use rayon::prelude::*;

use super::{BLOCK, BranchKv, KvBlock, Layers};
use crate::hash::ContentHash;

/// Tokens in a page: a multiple of [`BLOCK`], so that pages hold whole blocks.
pub const PAGE: usize = 256;

/// To be raised whenever the arithmetic changes: keys and values that other code calculated are not reused.
const REVISION: u32 = 4;
/// How a page file begins.
const MAGIC: &[u8; 8] = b"plumbkv3";
/// Magic, the page's key, the hash of what follows.
const HEADER: usize = 8 + 32 + 32;
/// How a page file ends.
const ENDING: &str = "kv";
/// How a page that is being written begins.
const UNFINISHED: &str = ".page-";
/// An unfinished page of this age was left by a process that ended.
const ABANDONED: Duration = Duration::from_hours(1);

/// A part of a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its tokens' positions.
    pub tokens: Range<usize>,
    /// Names what was calculated, and from what.
    key: ContentHash,
}

/// The folder of pages of one set of weights.
#[derive(Debug, Clone)]
pub struct PageFolder {
    folder: PathBuf,
    limit: u64,
    root: ContentHash,
}

impl PageFolder {
    /// Pages in `folder`, at most `limit` bytes of them; `weights` says which weights calculate, adapter
    /// included, and how they and the keys are held.
    pub fn new(folder: impl Into<PathBuf>, limit: u64, weights: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            folder: folder.into(),
            limit,
            root: ContentHash::of(format!("{version} {REVISION} {weights}").as_bytes()),
        }
    }

    /// The page's keys and values after what `kv` holds, which is where it begins; false when they are not here.
    pub fn load(&self, page: &Page, kv: &mut BranchKv) -> bool {
        let path = self.path(page);
        let Ok(file) = File::options().read(true).write(true).open(&path) else {
            return false;
        };
        match read(&file, page, kv) {
            Ok(Some((states, blocks))) => {
                // The folder is kept small by the time of last use.
                let _ = file.set_modified(SystemTime::now());
                kv.states.extend(states);
                append(kv, blocks, page.tokens.len());
                true
            }
            Ok(None) => {
                // Damaged: it must not stand in the way of a good one.
                let _ = fs::remove_file(&path);
                false
            }
            Err(_) => false,
        }
    }

    /// Keeps the page's keys and values, which `kv` holds and with which it ends.
    ///
    /// # Errors
    /// Whatever the operating system refuses; nothing is lost by it.
    pub fn store(&self, page: &Page, kv: &BranchKv) -> io::Result<()> {
        let Layers::Blocks(layers) = &kv.layers else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let blocks = layers
            .iter()
            .flat_map(|blocks| &blocks[page.tokens.start / BLOCK..page.tokens.end.div_ceil(BLOCK)]);
        let hidden = kv.geometry.hidden;
        let states = &kv.states[page.tokens.start * hidden..page.tokens.end * hidden];
        let parts = parts(states, blocks.map(|block| &**block));
        private_folder(&self.folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(page.key.bytes())?;
        file.write_all(hash(&parts).bytes())?;
        for part in parts {
            file.write_all(part)?;
        }
        file.persist(self.path(page))?;
        Ok(())
    }

    /// Removes the pages that were not used for longest until the others fit.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn trim(&self) -> io::Result<()> {
        let mut pages = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (path, meta) = (entry.path(), entry.metadata()?);
            let used = meta.modified()?;
            if path.extension().is_some_and(|e| e == ENDING) {
                pages.push((used, meta.len(), path));
            } else if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
                && used.elapsed().is_ok_and(|age| age > ABANDONED)
            {
                let _ = fs::remove_file(path);
            }
        }
        pages.sort();
        let mut total: u64 = pages.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in pages {
            if total <= self.limit {
                break;
            }
            // Another process may have been faster.
            let _ = fs::remove_file(path);
            total -= bytes;
        }
        Ok(())
    }

    fn path(&self, page: &Page) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", page.key))
    }

    /// The pages of a prefix, in order; the last one may be shorter.
    pub fn pages(&self, tokens: &[u32]) -> Vec<Page> {
        let mut key = self.root;
        let mut start = 0;
        let page = |tokens: &[u32]| {
            let bytes: Vec<u8> = tokens.iter().flat_map(|t| t.to_le_bytes()).collect();
            key = ContentHash::of(&[&key.bytes()[..], &bytes].concat());
            start += tokens.len();
            Page {
                tokens: start - tokens.len()..start,
                key,
            }
        };
        tokens.chunks(PAGE).map(page).collect()
    }
}

/// What a page file holds: the states of its tokens, and its blocks, layer by layer.
fn parts<'a>(states: &'a [f16], blocks: impl Iterator<Item = &'a KvBlock>) -> Vec<&'a [u8]> {
    let blocks = blocks.flat_map(|block| [block.keys.bytes(), block.values.bytes()]);
    std::iter::once(bytemuck::cast_slice(states))
        .chain(blocks)
        .collect()
}

/// The states and the blocks of a page; none when the file is not what it should be.
fn read(mut file: &File, page: &Page, kv: &BranchKv) -> io::Result<Option<(Vec<f16>, Vec<KvBlock>)>> {
    let geometry = kv.geometry;
    let count = page.tokens.len().div_ceil(BLOCK) * geometry.layers;
    let mut states = vec![f16::ZERO; page.tokens.len() * geometry.hidden];
    let expected = HEADER + size_of_val(&states[..]) + count * geometry.block_bytes();
    if file.metadata()?.len() != expected as u64 {
        return Ok(None);
    }
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    file.read_exact(bytemuck::cast_slice_mut(&mut states))?;
    let mut blocks = vec![KvBlock::empty(geometry); count];
    for block in &mut blocks {
        file.read_exact(block.keys.bytes_mut())?;
        file.read_exact(block.values.bytes_mut())?;
    }
    let hash = hash(&parts(&states, blocks.iter()));
    let expected = [&MAGIC[..], page.key.bytes(), hash.bytes()].concat();
    Ok((header[..] == expected).then_some((states, blocks)))
}

/// A hash over all parts; each is hashed by itself, so that every core can take some.
fn hash(parts: &[&[u8]]) -> ContentHash {
    let hashes: Vec<[u8; 32]> = parts
        .par_iter()
        .map(|part| *ContentHash::of(part).bytes())
        .collect();
    ContentHash::of(hashes.as_flattened())
}

fn append(kv: &mut BranchKv, blocks: Vec<KvBlock>, tokens: usize) {
    let each = tokens.div_ceil(BLOCK);
    let mut blocks = blocks.into_iter().map(Arc::new);
    let Layers::Blocks(layers) = &mut kv.layers else {
        return;
    };
    for layer in layers {
        layer.extend(blocks.by_ref().take(each));
    }
    kv.advance(tokens);
}

/// Makes a folder that only its owner can read: keys and values tell what was read.
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests;
