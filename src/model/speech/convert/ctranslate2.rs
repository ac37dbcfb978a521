//! `CTranslate2`'s `model.bin`, version 6, as its own library lays it out. Everything is little endian:
//!
//! ```text
//! u32 version, text specification, u32 revision
//! u32 variables, then for each:
//!     text name, u8 rank, u32 dimension * rank, u8 type, u32 bytes, bytes
//! u32 aliases, then for each: text alias, text name
//! ```
//!
//! A text is a u16 length that counts the NUL at its end. Types: 0 f32, 1 i8, 2 i16, 3 i32, 4 f16, 5 bf16. A variable that
//! two names lead to is written once; the other name is an alias.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use half::f16;

use crate::error::{Error, ErrorKind, Result};

const VERSION: u32 = 6;
const SPECIFICATION: &str = "WhisperSpec";
/// More is not a Whisper model, but a length that was read at the wrong place.
const MAX_VARIABLES: u32 = 100_000;
const MAX_RANK: u8 = 4;

/// An open model: where each variable lies.
pub(super) struct Model<R> {
    file: R,
    variables: HashMap<String, Variable>,
    end: u64,
}

#[derive(Clone)]
struct Variable {
    dims: Vec<usize>,
    kind: u8,
    at: u64,
    bytes: usize,
}

/// A variable's numbers, in half precision as most of such files hold them.
pub(super) struct Tensor {
    /// Rows first.
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f16>,
}

impl Tensor {
    /// The part of it whose first index is in `part` of `of` equal parts.
    pub(super) fn part(&self, part: usize, of: usize) -> Self {
        let each = self.values.len() / of;
        let mut dims = self.dims.clone();
        if let Some(rows) = dims.first_mut() {
            *rows /= of;
        }
        Self {
            dims,
            values: self.values[part * each..(part + 1) * each].to_vec(),
        }
    }
}

impl<R: Read + Seek> Model<R> {
    /// Reads the names and places of all variables.
    pub(super) fn open(mut file: R) -> Result<Self> {
        let version = u32_of(&mut file)?;
        let specification = text_of(&mut file)?;
        if version != VERSION || specification != SPECIFICATION {
            return Err(bad("it is no Whisper model in CTranslate2's layout, version 6"));
        }
        u32_of(&mut file)?;
        let count = u32_of(&mut file)?.min(MAX_VARIABLES);
        let mut variables = HashMap::new();
        for _ in 0..count {
            let name = text_of(&mut file)?;
            let variable = Variable::read(&mut file)?;
            file.seek(SeekFrom::Current(variable.bytes as i64))
                .map_err(refused)?;
            variables.insert(name, variable);
        }
        for _ in 0..u32_of(&mut file)?.min(MAX_VARIABLES) {
            let (alias, name) = (text_of(&mut file)?, text_of(&mut file)?);
            if let Some(variable) = variables.get(&name).cloned() {
                variables.insert(alias, variable);
            }
        }
        let end = file.stream_position().map_err(refused)?;
        Ok(Self { file, variables, end })
    }

    /// Whether there is such a variable.
    pub(super) fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// The dimensions of a variable, rows first.
    pub(super) fn dims(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.variable(name)?.dims)
    }

    /// The numbers of a variable.
    pub(super) fn tensor(&mut self, name: &str) -> Result<Tensor> {
        let Variable {
            dims,
            kind,
            at,
            bytes,
        } = self.variable(name)?.clone();
        self.file.seek(SeekFrom::Start(at)).map_err(refused)?;
        let mut raw = Vec::new();
        self.file
            .by_ref()
            .take(bytes as u64)
            .read_to_end(&mut raw)
            .map_err(refused)?;
        let values: Vec<f16> = match kind {
            0 => raw
                .as_chunks()
                .0
                .iter()
                .map(|b| f16::from_f32(f32::from_le_bytes(*b)))
                .collect(),
            4 => raw.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b)).collect(),
            _ => return Err(bad(format!("{name} is quantised; only f16 and f32 are read"))),
        };
        if values.len() != dims.iter().product::<usize>() {
            return Err(bad(format!("{name} has {} numbers, not {dims:?}", values.len())));
        }
        Ok(Tensor { dims, values })
    }

    /// What lies behind the model's own bytes.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(self.end)).map_err(refused)?;
        let mut rest = Vec::new();
        self.file.read_to_end(&mut rest).map_err(refused)?;
        Ok(rest)
    }

    fn variable(&self, name: &str) -> Result<&Variable> {
        self.variables
            .get(name)
            .ok_or_else(|| bad(format!("there is no {name} in it")))
    }
}

impl Variable {
    fn read(file: &mut (impl Read + Seek)) -> Result<Self> {
        let rank = bytes_of::<1>(file)?[0];
        if rank > MAX_RANK {
            return Err(bad("a variable has too many dimensions"));
        }
        let dims = (0..rank)
            .map(|_| Ok(u32_of(file)? as usize))
            .collect::<Result<_>>()?;
        let kind = bytes_of::<1>(file)?[0];
        let bytes = u32_of(file)? as usize;
        let at = file.stream_position().map_err(refused)?;
        Ok(Self {
            dims,
            kind,
            at,
            bytes,
        })
    }
}

fn bytes_of<const N: usize>(file: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(refused)?;
    Ok(bytes)
}

fn u32_of(file: &mut impl Read) -> Result<u32> {
    bytes_of(file).map(u32::from_le_bytes)
}

fn text_of(file: &mut impl Read) -> Result<String> {
    let length = u16::from_le_bytes(bytes_of(file)?);
    let mut text = vec![0; usize::from(length)];
    file.read_exact(&mut text).map_err(refused)?;
    text.pop();
    String::from_utf8(text).map_err(|_| bad("a name in it is no text"))
}

/// What is wrong with the file that is converted.
pub(super) fn bad(why: impl Into<String>) -> Error {
    Error::new(
        ErrorKind::Model,
        format!("the model cannot be converted: {}", why.into()),
    )
}

fn refused(cause: std::io::Error) -> Error {
    match cause.kind() {
        std::io::ErrorKind::UnexpectedEof => bad("it breaks off"),
        _ => Error::new(ErrorKind::Io, "the model cannot be read").because(cause),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u16 + 1).to_le_bytes());
        out.extend(text.as_bytes());
        out.push(0);
    }

    /// A file in the layout of the module's docs, its variables all in half precision.
    pub(in super::super) fn file(variables: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
        let mut out = 6_u32.to_le_bytes().to_vec();
        text(&mut out, "WhisperSpec");
        out.extend(3_u32.to_le_bytes());
        out.extend((variables.len() as u32).to_le_bytes());
        for (name, dims, values) in variables {
            text(&mut out, name);
            out.push(dims.len() as u8);
            dims.iter().for_each(|&d| out.extend((d as u32).to_le_bytes()));
            out.push(4);
            out.extend((values.len() as u32 * 2).to_le_bytes());
            values
                .iter()
                .for_each(|&v| out.extend(f16::from_f32(v).to_le_bytes()));
        }
        out.extend(1_u32.to_le_bytes());
        text(&mut out, "decoder/projection/weight");
        text(&mut out, &variables[0].0);
        out
    }

    #[test]
    fn variables_are_found_by_name_and_by_alias_and_the_rest_is_kept_apart() -> Result<()> {
        let one = ("a/weight".to_owned(), vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]);
        let mut bytes = file(&[one, ("b".to_owned(), vec![1], vec![0.5])]);
        bytes.extend(b"{}");
        let mut model = Model::open(std::io::Cursor::new(bytes))?;
        assert_eq!(model.rest()?, b"{}");
        assert_eq!(model.tensor("b")?.values, [f16::from_f32(0.5)]);
        let tensor = model.tensor("decoder/projection/weight")?;
        let second = tensor.part(1, 2);
        assert_eq!(second.dims, [1, 2]);
        assert_eq!(second.values, [f16::from_f32(3.0), f16::from_f32(4.0)]);
        assert!(
            model
                .tensor("c")
                .is_err_and(|e| e.to_string().contains("no c in it"))
        );
        Ok(())
    }

    #[test]
    fn another_file_or_half_a_one_is_refused() {
        let whole = file(&[("a".to_owned(), vec![1], vec![1.0])]);
        for bytes in [b"GGUF".to_vec(), whole[..whole.len() - 9].to_vec(), Vec::new()] {
            let error = Model::open(std::io::Cursor::new(bytes)).err();
            assert!(error.is_some_and(|e| e.kind() == ErrorKind::Model));
        }
    }
}
