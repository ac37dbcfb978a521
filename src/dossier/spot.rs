//! Where a stretch of an office file's rendition lies in the file as people see it: a page, a slide, cells of a sheet.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The place that a person would turn to in the original file. Pages, slides, rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spot {
    /// A page.
    Page(u32),
    /// A slide.
    Slide(u32),
    /// Cells of a sheet.
    Cells {
        /// The sheet's name (sanitised).
        sheet: String,
        /// `B4`, or `A4:D4` for several.
        range: String,
    },
}

impl fmt::Display for Spot {
    /// `p. 3`, `slide 2`, `Sheet1!B4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(n) => write!(f, "p. {n}"),
            Self::Slide(n) => write!(f, "slide {n}"),
            Self::Cells { sheet, range } => write!(f, "{sheet}!{range}"),
        }
    }
}

/// One end of a stretch: where it lies, sheets by their place in [`Spots::sheets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// On this page.
    Page(u32),
    /// On this slide.
    Slide(u32),
    /// In the cell of this sheet, row and column.
    Cell(u32, u32, u32),
}

/// Where the stretches of a rendition lie; nothing for a source that is its own text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spots {
    /// The names of the sheets (sanitised).
    pub sheets: Vec<String>,
    /// Byte spans of the rendition, in order and apart.
    pub marks: Vec<(Range<usize>, At)>,
}

impl Spots {
    /// Where the bytes of `span` lie: for cells all that it touches in one sheet, else where it begins.
    pub fn of(&self, span: &Range<usize>) -> Option<Spot> {
        let from = self.marks.partition_point(|(own, _)| own.end <= span.start);
        let touched = &self.marks[from..];
        let touched = &touched[..touched.partition_point(|(own, _)| own.start < span.end)];
        match touched.first()?.1 {
            At::Page(n) => Some(Spot::Page(n)),
            At::Slide(n) => Some(Spot::Slide(n)),
            At::Cell(sheet, row, column) => {
                let mut corners = ((row, column), (row, column));
                for (_, at) in touched {
                    if let At::Cell(same, row, column) = *at
                        && same == sheet
                    {
                        corners.0 = (corners.0.0.min(row), corners.0.1.min(column));
                        corners.1 = (corners.1.0.max(row), corners.1.1.max(column));
                    }
                }
                Some(Spot::Cells {
                    sheet: self.sheets.get(sheet as usize)?.clone(),
                    range: range(corners.0, corners.1),
                })
            }
        }
    }
}

fn range(first: (u32, u32), last: (u32, u32)) -> String {
    let name = |(row, column): (u32, u32)| format!("{}{row}", column_name(column));
    if first == last {
        name(first)
    } else {
        format!("{}:{}", name(first), name(last))
    }
}

/// The letters of a column: 1 is `A`, 27 is `AA`.
pub fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_spreadsheets_do() {
        let names = [1, 26, 27, 52, 703, 16_384].map(column_name);
        assert_eq!(names, ["A", "Z", "AA", "AZ", "AAA", "XFD"]);
    }

    #[test]
    fn a_span_is_found_in_all_the_cells_it_touches() {
        let spots = Spots {
            sheets: vec!["Q1".to_owned()],
            marks: vec![
                (0..4, At::Cell(0, 4, 1)),
                (6..9, At::Cell(0, 4, 2)),
                (10..12, At::Page(3)),
            ],
        };
        let said = |span| spots.of(&span).map(|spot| spot.to_string());
        assert_eq!(said(0..9).as_deref(), Some("Q1!A4:B4"));
        assert_eq!(said(7..8).as_deref(), Some("Q1!B4"));
        assert_eq!(said(10..11).as_deref(), Some("p. 3"));
        assert_eq!(said(4..6), None);
    }
}
