//! The values that people wrote down beside a picture, and whether they are read in it.
//!
//! `NAME.values.json` beside `NAME.png`: `{"printed": true, "values": [{"series", "category", "text"}, …]}`. A printed value
//! is read where series, category and text are the same, blanks and the width of brackets aside; a measured one where
//! series and category are and the number is within 2 % of the largest.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::ingest::chart::{Chart, Value};
use crate::sanitize::line;

/// What stands behind the name of a picture.
const SUFFIX: &str = ".values.json";
/// Pictures that may have one.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// How far a measured value may be off, in shares of the largest.
const NEAR: f64 = 0.02;

/// The values of a picture.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Expected {
    /// Whether they are printed in it.
    pub printed: bool,
    /// The values.
    pub values: Vec<ExpectedValue>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ExpectedValue {
    /// Which of several series it belongs to; of a table the row.
    pub series: String,
    /// What it is the value of; of a table the column.
    pub category: String,
    /// As printed; of a measured value the number.
    pub text: String,
}

/// A chart that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadChart {
    /// What is drawn together: the employee whose dossier it lies in, else the picture.
    pub owner: String,
    /// Whether its values are printed.
    pub printed: bool,
    /// Of each value, whether it was read.
    pub read: Vec<bool>,
}

/// The pictures in a folder with values beside them: the picture and the file of values, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn find(dir: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::io("read the folder", dir, e))? {
        let values = entry.map_err(|e| Error::io("read the folder", dir, e))?.path();
        let name = values.file_name().map(|n| n.to_string_lossy().into_owned());
        let Some(stem) = name.as_deref().and_then(|n| n.strip_suffix(SUFFIX)) else {
            continue;
        };
        let pictures = PICTURES.iter().map(|ending| dir.join(format!("{stem}.{ending}")));
        found.extend(
            pictures
                .filter(|p| p.is_file())
                .map(|picture| (picture, values.clone())),
        );
    }
    found.sort();
    Ok(found)
}

impl Expected {
    /// Reads a file of values.
    ///
    /// # Errors
    /// It cannot be read, or is not of this form.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        serde_json::from_str(&text).map_err(|e| {
            let name = line(&path.display().to_string()).into_owned();
            Error::new(
                ErrorKind::Input,
                format!("{name}: not the values of a chart: {e}"),
            )
        })
    }

    /// Which of the values stand in `chart`.
    pub fn read_in(&self, chart: &Chart, owner: &str) -> ReadChart {
        let numbers = self.values.iter().filter_map(|v| v.text.parse::<f64>().ok());
        let largest = numbers.map(f64::abs).fold(0.0, f64::max);
        let is_read = |expected: &ExpectedValue| {
            let mut values = chart.values.iter();
            values.any(|read| expected.is(read, self.printed, largest))
        };
        ReadChart {
            owner: owner.to_owned(),
            printed: self.printed,
            read: self.values.iter().map(is_read).collect(),
        }
    }
}

impl ExpectedValue {
    fn is(&self, read: &Value, printed: bool, largest: f64) -> bool {
        let same =
            tight(&read.series) == tight(&self.series) && tight(&read.category) == tight(&self.category);
        let near = || {
            let numbers = read.value.zip(self.text.parse::<f64>().ok());
            numbers.is_some_and(|(a, b)| (a - b).abs() <= NEAR * largest)
        };
        same && if printed {
            tight(&read.text) == tight(&self.text)
        } else {
            near()
        }
    }
}

/// Without blanks, brackets of one width.
fn tight(text: &str) -> String {
    let tight = text.chars().filter(|c| !c.is_whitespace());
    tight.collect::<String>().replace('（', "(").replace('）', ")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Region;
    use crate::ingest::chart::Kind;

    fn chart(values: &[(&str, &str, f64)]) -> Chart {
        let value = |(category, text, value): &(&str, &str, f64)| Value {
            series: String::new(),
            category: (*category).to_owned(),
            value: Some(*value),
            text: (*text).to_owned(),
            region: Region([0, 0, 1, 1]),
            confidence: 1.0,
            measured: false,
        };
        Chart {
            kind: Kind::Bar,
            title: String::new(),
            values: values.iter().map(value).collect(),
            text: Vec::new(),
            note: None,
        }
    }

    fn expected(printed: bool, values: &[(&str, &str)]) -> Expected {
        let value = |(category, text): &(&str, &str)| ExpectedValue {
            series: String::new(),
            category: (*category).to_owned(),
            text: (*text).to_owned(),
        };
        Expected {
            printed,
            values: values.iter().map(value).collect(),
        }
    }

    #[test]
    fn printed_values_are_the_same_and_measured_ones_near() {
        let read = chart(&[("Jan", "12", 12.0), ("Feb(h)", "9.8", 9.8)]);
        let printed = expected(true, &[("Jan", "12"), ("Feb （h）", "9.8"), ("Mar", "12")]);
        assert_eq!(printed.read_in(&read, "x").read, [true, true, false]);
        // The largest is 12, so 0.24 pass.
        let measured = expected(false, &[("Jan", "12"), ("Feb(h)", "10")]);
        assert_eq!(measured.read_in(&read, "x").read, [true, true]);
        let measured = expected(false, &[("Jan", "12"), ("Feb(h)", "10.1")]);
        assert_eq!(measured.read_in(&read, "x").read, [true, false]);
    }
}
