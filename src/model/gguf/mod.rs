//! Reading GGUF files: typed metadata and tensors, with errors that name the file and the key.

pub mod blocks;
mod guard;

use std::error::Error as StdError;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};

use crate::error::{Error, ErrorKind, Result, without_backtrace};
use crate::sanitize;

/// An opened GGUF file: its header in memory, its tensors read on demand.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    content: Content,
}

impl Gguf {
    /// Reads the header.
    ///
    /// # Errors
    /// The file is missing, is not GGUF, or ends before its tensors do.
    pub fn open(path: &Path) -> Result<Self> {
        let mut reader = open(path)?;
        let content = read_header(&mut reader).map_err(|e| {
            Error::new(
                ErrorKind::Model,
                format!("{} is not a whole GGUF file", path.display()),
            )
            .because(excerpt(&*e))
            .hint("check it with `plumb models verify`, fetch it again with `plumb models pull`")
        })?;
        Ok(Self {
            path: path.to_owned(),
            content,
        })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file holds this tensor.
    pub fn has(&self, tensor: &str) -> bool {
        self.content.tensor_infos.contains_key(tensor)
    }

    /// Reads one tensor in its own block format. Opens the file anew, so that tensors can be read in parallel.
    ///
    /// # Errors
    /// There is no such tensor, or the file ends before it does.
    pub fn tensor(&self, name: &str) -> Result<QTensor> {
        let mut reader = open(&self.path)?;
        self.content.tensor(&mut reader, name, &Device::Cpu).map_err(|e| {
            self.error_because(format!("cannot read tensor {name}"), without_backtrace(e))
                .hint("the file may be cut short: `plumb models verify` tells")
        })
    }

    /// A text value.
    ///
    /// # Errors
    /// The key is missing or is no text.
    pub fn text(&self, key: &str) -> Result<&str> {
        match self.value(key)? {
            Value::String(text) => Ok(text),
            _ => Err(self.error(format!("{key} is not text"))),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// The key is missing or is no whole number.
    pub fn number(&self, key: &str) -> Result<usize> {
        integer(self.value(key)?).ok_or_else(|| self.error(format!("{key} is not a whole number")))
    }

    /// A number.
    ///
    /// # Errors
    /// The key is missing or is no number.
    pub fn real(&self, key: &str) -> Result<f64> {
        match self.value(key)? {
            Value::F32(x) => Ok(f64::from(*x)),
            Value::F64(x) => Ok(*x),
            other => integer(other)
                .map(|n| n as f64)
                .ok_or_else(|| self.error(format!("{key} is not a number"))),
        }
    }

    /// A list of texts.
    ///
    /// # Errors
    /// The key is missing or is no list of texts.
    pub fn texts(&self, key: &str) -> Result<Vec<&str>> {
        self.list(key)?
            .iter()
            .map(|v| match v {
                Value::String(text) => Ok(text.as_str()),
                _ => Err(self.error(format!("{key} holds something that is not text"))),
            })
            .collect()
    }

    /// A list of whole numbers.
    ///
    /// # Errors
    /// The key is missing or is no list of whole numbers.
    pub fn numbers(&self, key: &str) -> Result<Vec<usize>> {
        self.list(key)?
            .iter()
            .map(|v| integer(v).ok_or_else(|| self.error(format!("{key} holds something that is no number"))))
            .collect()
    }

    /// Whether the metadata has this key.
    pub fn knows(&self, key: &str) -> bool {
        self.content.metadata.contains_key(key)
    }

    /// An error about this file.
    pub fn error(&self, what: impl Display) -> Error {
        let what = excerpt(what);
        Error::new(ErrorKind::Model, format!("{}: {what}", self.path.display()))
    }

    /// An error about this file, with the words of what found it.
    pub fn error_because(&self, what: impl Display, cause: impl Display) -> Error {
        self.error(what).because(excerpt(cause))
    }

    fn value(&self, key: &str) -> Result<&Value> {
        self.content
            .metadata
            .get(key)
            .ok_or_else(|| self.error(format!("metadata key {key} is missing")))
    }

    fn list(&self, key: &str) -> Result<&[Value]> {
        match self.value(key)? {
            Value::Array(values) => Ok(values),
            _ => Err(self.error(format!("{key} is not a list"))),
        }
    }
}

/// Words about a file that may quote it: a name in a broken header can be megabytes of anything.
fn excerpt(words: impl Display) -> String {
    const LONGEST: usize = 300;
    let words = words.to_string();
    let line = sanitize::line(&words);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}

fn read_header(reader: &mut BufReader<File>) -> Result<Content, Box<dyn StdError + Send + Sync>> {
    guard::before_reading(reader)?;
    reader.rewind()?;
    let content = Content::read(reader).map_err(without_backtrace)?;
    guard::after_reading(&content, reader.get_ref().metadata()?.len())?;
    Ok(content)
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|e| {
        Error::new(
            ErrorKind::Model,
            format!("cannot open the model file {}", path.display()),
        )
        .because(e)
        .hint("fetch it with `plumb models pull`")
    })?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn integer(value: &Value) -> Option<usize> {
    match value {
        Value::U8(n) => Some(usize::from(*n)),
        Value::U16(n) => Some(usize::from(*n)),
        Value::U32(n) => usize::try_from(*n).ok(),
        Value::U64(n) => usize::try_from(*n).ok(),
        Value::I8(n) => usize::try_from(*n).ok(),
        Value::I16(n) => usize::try_from(*n).ok(),
        Value::I32(n) => usize::try_from(*n).ok(),
        Value::I64(n) => usize::try_from(*n).ok(),
        _ => None,
    }
}
