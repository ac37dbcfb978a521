//! The decoder without prompts and grammars: a text of any length, reading it, and branches that write side by side.

use std::sync::Arc;

use super::Session;
use crate::engine::reading;
use crate::error::Result;
use crate::model::decoder::{Decoder, Step};
use crate::model::kv::{BranchKv, SharedPrefix};
use crate::model::tokenizer::Tokenizer;

/// Text in both languages.
const TEXT: &str = include_str!("../../rubrics/core.toml");

/// The first `count` tokens of a fixed text that is repeated: the same ones in every run.
pub(super) fn text(tokenizer: &Tokenizer, count: usize) -> Result<Vec<u32>> {
    let tokens = tokenizer.encode(TEXT)?;
    Ok(tokens.into_iter().cycle().take(count).collect())
}

/// Reads `tokens` in chunks, as the scorer reads a prefix.
pub(super) fn read(
    session: &Session,
    decoder: &Decoder,
    tokens: &[u32],
    chunk: usize,
) -> Result<Arc<SharedPrefix>> {
    let mut kv = BranchKv::root(decoder.geometry());
    for chunk in tokens.chunks(chunk) {
        session.check()?;
        let step = Step {
            tokens: chunk,
            spans: &[chunk.len()],
            wanted: &[],
        };
        decoder.forward(&step, &mut [&mut kv])?;
        session.watch.tell("reading", kv.len(), tokens.len());
    }
    decoder.finish()?;
    kv.freeze()
}

/// Branches of one prefix that always write the likeliest token.
pub(super) struct Writers<'a> {
    session: &'a Session<'a>,
    decoder: &'a Decoder,
    kvs: Vec<BranchKv>,
    /// What each says next.
    next: Vec<u32>,
}

impl<'a> Writers<'a> {
    /// Forks `count` branches.
    pub(super) fn fork(
        session: &'a Session,
        decoder: &'a Decoder,
        prefix: &Arc<SharedPrefix>,
        count: usize,
    ) -> Self {
        Self {
            session,
            decoder,
            kvs: (0..count).map(|_| BranchKv::fork(prefix)).collect(),
            next: Vec::new(),
        }
    }

    /// One pass: each branch reads its prompt (never an empty one) and has the token after it.
    pub(super) fn read(&mut self, prompts: &[&[u32]]) -> Result<()> {
        self.session.check()?;
        let spans: Vec<usize> = prompts.iter().map(|prompt| prompt.len()).collect();
        let mut end = 0;
        let last = spans.iter().map(|span| {
            end += span;
            end as u32 - 1
        });
        let step = Step {
            tokens: &prompts.concat(),
            spans: &spans,
            wanted: &last.collect::<Vec<_>>(),
        };
        let mut kvs: Vec<&mut BranchKv> = self.kvs.iter_mut().collect();
        let output = self.decoder.forward(&step, &mut kvs)?;
        self.next = reading::rows(&output.logits)?
            .iter()
            .map(|row| likeliest(row))
            .collect();
        Ok(())
    }

    /// One pass: each branch reads what it wrote.
    pub(super) fn write(&mut self) -> Result<()> {
        let next = std::mem::take(&mut self.next);
        let prompts: Vec<&[u32]> = next.chunks(1).collect();
        self.read(&prompts)
    }

    /// Bytes of keys and values, without the prefix.
    pub(super) fn bytes(&self) -> usize {
        self.kvs.iter().map(BranchKv::bytes).sum()
    }
}

/// The index of the largest number, the first one of equals. Two sweeps that the compiler makes vectors of.
fn likeliest(row: &[f32]) -> u32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = row.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (most, &x) in most.iter_mut().zip(chunk) {
            *most = larger(*most, x);
        }
    }
    let largest = most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger);
    row.iter().position(|&x| x >= largest).unwrap_or_default() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_token_is_found_wherever_it_stands() {
        for at in [0, 15, 16, 39] {
            let mut row = vec![-1.0; 40];
            row[at] = 2.0;
            assert_eq!(likeliest(&row), at as u32);
        }
        assert_eq!(likeliest(&[0.0, 3.0, 3.0]), 1);
    }
}
