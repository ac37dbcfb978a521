//! The same weights in another layout: files that whisper.cpp and candle read, made from what the package index carries.
//!
//! Tensors are read and written one at a time; the largest one, the vocabulary's, is what is held in memory.

use std::io::{Read, Seek, Write};

use crate::error::Result;

mod ctranslate2;
mod ggml;
pub(super) mod resemblyzer;
mod silero;
mod vocabulary;
mod whisper;

/// Writes the Whisper model of a `CTranslate2` file as ggml; `tokenizer` is its `tokenizer.json`, and lies behind the
/// model's own bytes where none is given.
///
/// # Errors
/// `Model` when the file is not what it should be, `Io` when the disk refuses.
pub fn whisper(model: impl Read + Seek, tokenizer: Option<&[u8]>, out: &mut impl Write) -> Result<()> {
    whisper::convert(model, tokenizer, out)
}

/// Writes the Silero voice detector of a safetensors file as ggml.
///
/// # Errors
/// As [`whisper`].
pub fn silero(model: &[u8], out: &mut impl Write) -> Result<()> {
    silero::convert(model, out)
}

/// Writes the weights of Resemblyzer's voice encoder, a checkpoint of `PyTorch` (its layout before 1.6), as safetensors.
///
/// # Errors
/// As [`whisper`].
pub fn resemblyzer(checkpoint: &[u8], out: &mut impl Write) -> Result<()> {
    resemblyzer::convert(checkpoint, out)
}
