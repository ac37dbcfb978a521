//! The layout whisper.cpp reads: numbers in front, then tensors up to the end of the file, each as
//!
//! ```text
//! i32 dimensions, i32 length of the name, i32 type, i32 size * dimensions, name, data
//! ```
//!
//! little endian, the sizes with the innermost first. Type 0 is f32, 1 is f16.

use std::io::Write;

use half::f16;

use crate::error::{Error, ErrorKind, Result};

/// What every ggml file begins with.
pub(super) const MAGIC: i32 = 0x6767_6d6c;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    F32,
    F16,
}

/// Writes whole numbers.
pub(super) fn numbers(out: &mut impl Write, numbers: &[i32]) -> Result<()> {
    numbers.iter().try_for_each(|n| raw(out, &n.to_le_bytes()))
}

/// Writes bytes as they are.
pub(super) fn raw(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot write the converted model").because(e))
}

/// Writes one tensor; `dims` has the rows first.
pub(super) fn tensor(
    out: &mut impl Write,
    name: &str,
    dims: &[usize],
    kind: Type,
    values: impl Iterator<Item = f32>,
) -> Result<()> {
    numbers(
        out,
        &[dims.len() as i32, name.len() as i32, i32::from(kind == Type::F16)],
    )?;
    let sizes: Vec<i32> = dims.iter().rev().map(|&d| d as i32).collect();
    numbers(out, &sizes)?;
    raw(out, name.as_bytes())?;
    let data: Vec<u8> = match kind {
        Type::F32 => values.flat_map(f32::to_le_bytes).collect(),
        Type::F16 => values.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect(),
    };
    raw(out, &data)
}
