//! What is wrong with a rubric file, fault by fault, each with its line and its field.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// One thing wrong in a rubric file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Line of the file, from 1.
    pub line: u32,
    /// The field, such as `dimension[2].anchors[4].zh`; places in lists count from 1.
    pub field: String,
    /// What is wrong and what would be right. Text of the file only appears in it escaped.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, field, message } = self;
        match field.as_str() {
            "" => write!(f, "line {line}: {message}"),
            field => write!(f, "line {line}: {field}: {message}"),
        }
    }
}

/// Everything wrong in one rubric file, in order of line; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RubricErrors {
    /// The file, as it was named.
    pub file: String,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl fmt::Display for RubricErrors {
    /// One line: the first fault, and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(first) = self.faults.first() {
            write!(f, ": {first}")?;
        }
        match self.faults.len() {
            0 | 1 => Ok(()),
            n => write!(f, " (and {} more)", n - 1),
        }
    }
}

impl std::error::Error for RubricErrors {}

impl From<RubricErrors> for Error {
    fn from(errors: RubricErrors) -> Self {
        let hint = match errors.faults.len() {
            0 | 1 => "correct it and try again".to_owned(),
            n => format!("`plumb rubric check {}` lists all {n}", errors.file),
        };
        Self::new(ErrorKind::Input, format!("not a valid rubric: {errors}")).hint(hint)
    }
}
