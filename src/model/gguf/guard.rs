//! Looks a GGUF header over before candle reads it: candle divides by the file's alignment as it stands, and keeps every
//! element of a list in 32 bytes, so that a hostile file could end the process or fill the memory.
//!
//! Only what candle's own reader leaves open is checked; wrong magic, counts, kinds and lengths it reports itself.

use std::fs::File;
use std::io::{self, BufReader, Read};

use candle_core::quantized::gguf_file::Content;

/// Elements of all lists together. A vocabulary of 256k tokens with its kinds, scores and merges has about a million.
const MAX_ELEMENTS: u64 = 1 << 23;
/// The format's own limit for the length of a key.
const MAX_KEY: u64 = 1 << 16;

const MAGIC: [u32; 2] = [0x4655_4747, 0x4747_5546];
const U32: u32 = 4;
const STRING: u32 = 8;
const LIST: u32 = 9;

/// Walks the metadata without keeping it; the reader stands somewhere else afterwards.
///
/// # Errors
/// The file ends too early, or holds what candle must not see.
pub(super) fn before_reading(reader: &mut BufReader<File>) -> io::Result<()> {
    let mut walk = Walk {
        reader,
        wide: true,
        elements: 0,
    };
    let (magic, version) = (walk.number()?, walk.number()?);
    if !MAGIC.contains(&magic) || !(1..=3).contains(&version) {
        return Ok(());
    }
    walk.wide = version != 1;
    let (_tensors, pairs) = (walk.length()?, walk.length()?);
    for _ in 0..pairs {
        walk.pair()?;
    }
    Ok(())
}

/// Every tensor must lie within the `bytes` of the file: its size is then known to fit into memory's arithmetic.
///
/// # Errors
/// The first tensor that does not, in words.
pub(super) fn after_reading(content: &Content, bytes: u64) -> Result<(), String> {
    for (name, info) in &content.tensor_infos {
        let elements = info
            .shape
            .dims()
            .iter()
            .try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        let end = elements
            .and_then(|n| (n / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size()))
            .and_then(|size| (size as u64).checked_add(info.offset))
            .and_then(|end| end.checked_add(content.tensor_data_offset));
        if end.is_none_or(|end| end > bytes) {
            return Err(format!("tensor {name:?} reaches past the end of the file"));
        }
    }
    Ok(())
}

struct Walk<'a> {
    reader: &'a mut BufReader<File>,
    /// Lengths have 8 bytes; 4 in version 1.
    wide: bool,
    elements: u64,
}

impl Walk<'_> {
    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.reader.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn length(&mut self) -> io::Result<u64> {
        let low = u64::from(self.number()?);
        let high = if self.wide { u64::from(self.number()?) } else { 0 };
        Ok(low | high << 32)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = i64::try_from(bytes).map_err(|_| bad("a length is out of range"))?;
        self.reader.seek_relative(bytes)
    }

    fn pair(&mut self) -> io::Result<()> {
        let length = self.length()?;
        if length > MAX_KEY {
            return Err(bad("a metadata key is longer than the format allows"));
        }
        let mut key = vec![0; length as usize];
        self.reader.read_exact(&mut key)?;
        let kind = self.number()?;
        if key != b"general.alignment" {
            return self.value(kind);
        }
        if kind != U32 || self.number()? == 0 {
            return Err(bad("general.alignment is not a positive 32-bit number"));
        }
        Ok(())
    }

    fn value(&mut self, kind: u32) -> io::Result<()> {
        match kind {
            STRING => {
                let length = self.length()?;
                self.skip(length)
            }
            LIST => self.list(),
            _ => self.skip(width(kind)?),
        }
    }

    fn list(&mut self) -> io::Result<()> {
        let kind = self.number()?;
        let length = self.length()?;
        self.elements = self.elements.saturating_add(length);
        if self.elements > MAX_ELEMENTS {
            return Err(bad("the lists in the metadata are too long"));
        }
        match kind {
            LIST => Err(bad("a list of lists in the metadata")),
            STRING => (0..length).try_for_each(|_| self.value(STRING)),
            _ => self.skip(width(kind)? * length),
        }
    }
}

fn width(kind: u32) -> io::Result<u64> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(bad("a metadata value of unknown kind")),
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
