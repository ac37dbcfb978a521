//! Charts: from the words and the colours of a picture to values, each with the region it was read in.
//!
//! What is printed counts: a label at a bar or a point is its value. Only where none is printed, the bar's end or the
//! line's height is measured against the ticks of the axis, marked as measured, and less sure. What is no chart, table or
//! progress list is text, line by line.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::dossier::Region;
use crate::model::ocr::Line;

mod bars;
mod legend;
mod lines;
mod number;
mod page;
mod patch;
mod picture;
mod progress;
mod rect;
mod rendition;
mod scale;
mod scene;
mod sight;
mod source;
mod table;
#[cfg(test)]
mod testing;
mod told;
mod word;

pub use picture::{MAX_PIXELS, decode};
pub use sight::{MODEL, Sight};
pub(super) use source::{EXTENSIONS, is_picture, source};

/// What is read in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What sort of picture it is.
    pub kind: Kind,
    /// What stands above it; empty where nothing does.
    pub title: String,
    /// Its values: series by series, of a table row by row.
    pub values: Vec<Value>,
    /// All its text, from top to bottom.
    pub text: Vec<Text>,
    /// Why another model read it than the one that was to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What sort of picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Bars, standing or lying.
    Bar,
    /// Lines over categories.
    Line,
    /// Rows and columns.
    Table,
    /// How far each of several things has come.
    Progress,
    /// None of these.
    Text,
}

/// One value of a chart. Its texts are sanitised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Which of several series it belongs to; of a table the row. Empty where there is one without a name.
    pub series: String,
    /// What it is the value of; of a table the column.
    pub category: String,
    /// The number, a scale such as `k` multiplied in; none for a cell of words.
    pub value: Option<f64>,
    /// As printed; for a measured value the number.
    pub text: String,
    /// The bar or point with its label, or the cell.
    #[serde(rename = "box")]
    pub region: Region,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
    /// Whether it was measured against the axis, not printed.
    pub measured: bool,
}

/// A line of text in a picture, sanitised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// Where it stands.
    #[serde(rename = "box")]
    pub region: Region,
    /// How sure its characters are, 0 to 1.
    pub confidence: f32,
    /// Whether it is something of its own: neither the title nor part of a value, an axis or a legend.
    pub apart: bool,
}

/// To three places: more is noise.
fn rounded(confidence: f32) -> f32 {
    (confidence * 1000.0).round() / 1000.0
}

/// Makes a chart of what was read in a picture.
pub fn read(picture: &RgbImage, lines: &[Line]) -> Chart {
    let patches = patch::patches(picture);
    let words = word::words(lines, &patches);
    scene::Scene::new(picture, words, patches).chart()
}
