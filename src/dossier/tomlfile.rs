//! Reading a TOML file into a type, with errors that name the file, the line and the field.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, ErrorKind, Result};
use crate::sanitize::line;

/// Nobody writes a larger one by hand.
const MAX_BYTES: u64 = 1 << 20;

/// A TOML file of the user's, kept for naming places in it.
pub(crate) struct TomlFile {
    name: String,
    text: String,
}

impl TomlFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = line(&path.display().to_string()).into_owned();
        let fail = |e| Error::new(ErrorKind::Io, format!("cannot read {name}")).because(e);
        let metadata = std::fs::metadata(path).map_err(fail)?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(input(format!("{name}: not a text file of at most 1 MB")));
        }
        let bytes = std::fs::read(path).map_err(fail)?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            input(format!("{name}: not UTF-8 at byte {at}")).hint("save the file as UTF-8")
        })?;
        Ok(Self::new(name, text.trim_start_matches('\u{feff}')))
    }

    /// A text that is called `name` in errors.
    pub(crate) fn new(name: impl Into<String>, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.to_owned(),
        }
    }

    /// The document as a `T`.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|e| {
            let offset = e.span().map_or(0, |s| s.start);
            self.fault(offset, e.message())
        })
    }

    /// An error at a byte offset of the document: `name line 7: source[2].kind: message`.
    pub(crate) fn fault(&self, offset: usize, message: &str) -> Error {
        let newlines = self.text.bytes().take(offset).filter(|b| *b == b'\n').count();
        let number = newlines + 1;
        let place = match self.field_at(offset) {
            field if field.is_empty() => format!("line {number}"),
            field => format!("line {number}: {field}"),
        };
        input(line(&format!("{} {place}: {message}", self.name)).into_owned())
    }

    /// An error about the document as a whole: `name: message`.
    pub(crate) fn whole(&self, message: &str) -> Error {
        input(line(&format!("{}: {message}", self.name)).into_owned())
    }

    /// The innermost field whose key or value covers `offset`; places in lists count from 1.
    fn field_at(&self, offset: usize) -> String {
        let (table, _) = DeTable::parse_recoverable(&self.text);
        let mut found = String::new();
        search(table.get_ref(), "", offset, &mut found);
        found
    }
}

fn input(message: String) -> Error {
    Error::new(ErrorKind::Input, message)
}

fn search(table: &DeTable<'_>, path: &str, offset: usize, found: &mut String) {
    for (key, value) in table {
        let name = key.get_ref();
        let field = match path {
            "" => name.to_string(),
            path => format!("{path}.{name}"),
        };
        if key.span().contains(&offset) || value.span().contains(&offset) {
            found.clone_from(&field);
        }
        search_value(value.get_ref(), &field, offset, found);
    }
}

fn search_value(value: &DeValue<'_>, path: &str, offset: usize, found: &mut String) {
    if let Some(table) = value.as_table() {
        search(table, path, offset, found);
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        let field = format!("{path}[{}]", i + 1);
        if item.span().contains(&offset) {
            found.clone_from(&field);
        }
        search_value(item.get_ref(), &field, offset, found);
    }
}
