//! Workbooks: the cells as calamine reads them, and what it does not tell of them, read from the parts themselves.

use std::io::Cursor;

use calamine::{Data, Ods, OdsError, Reader as _, SheetVisible, Xlsx, XlsxError};

use super::archive::Archive;
use super::rels::Rels;
use super::rendition::{Rendition, Writer};
use super::sheet::{Cell, Comment, Sheet};
use super::xml::{Piece, Tag, Xml};

/// More cells than this are not read.
const MAX_CELLS: usize = 1 << 20;
const WORKBOOK: &str = "xl/workbook.xml";

/// Renders a workbook of Office Open XML.
pub(super) fn xlsx(bytes: &[u8]) -> Result<Rendition, String> {
    let mut archive = Archive::open(bytes)?;
    archive.needed(WORKBOOK)?;
    archive.measure()?;
    let mut archive = Archive::open(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| xlsx_fault(&e))?;
    let mut out = Writer::default();
    let (mut cells, listed) = (0, book.sheets_metadata().to_vec());
    for (name, path) in sheet_paths(&mut archive)? {
        let visible = listed.iter().find(|s| s.name == name).map(|s| s.visible);
        let mut sheet = Sheet {
            hidden: visible.is_some_and(|v| v != SheetVisible::Visible),
            name,
            ..Sheet::default()
        };
        match fill(&mut book, &mut sheet, &mut cells) {
            Ok(true) => {}
            Ok(false) => out.note(format!("more than {MAX_CELLS} cells: the rest was left out")),
            Err(error) => out.note(format!(
                "the sheet {} breaks off: {}",
                sheet.name,
                xlsx_fault(&error)
            )),
        }
        beside(&mut archive, &path, &mut sheet)?;
        sheet.write(&mut out);
    }
    Ok(out.finish())
}

/// The cells of a sheet, one after the other: what the file says of its size would not fit any memory. False where
/// there were too many.
fn fill(book: &mut Xlsx<Cursor<&[u8]>>, sheet: &mut Sheet, cells: &mut usize) -> Result<bool, XlsxError> {
    let name = sheet.name.clone();
    let mut reader = book.worksheet_cells_reader(&name)?;
    while let Some((cell, style)) = reader.next_cell_with_style_id()? {
        *cells += 1;
        if *cells > MAX_CELLS {
            return Ok(false);
        }
        let format = reader.styles().get(style).and_then(|s| s.number_format.as_ref());
        let percent = format.is_some_and(|f| f.format_code.contains('%'));
        let (row, column) = cell.get_position();
        sheet.put(
            row + 1,
            column + 1,
            shown(&Data::from(cell.get_value().clone()), percent),
        );
    }
    Ok(true)
}

/// What is wrong with a workbook.
fn xlsx_fault(error: &XlsxError) -> String {
    match error {
        XlsxError::Password => "is encrypted; save it without a password".to_owned(),
        error => format!("is damaged: {error}"),
    }
}

/// Renders a workbook of `OpenDocument`.
pub(super) fn ods(bytes: &[u8]) -> Result<Rendition, String> {
    Archive::open(bytes)?.measure()?;
    let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(|e| match e {
        OdsError::Password => "is encrypted; save it without a password".to_owned(),
        error => format!("is damaged or of another kind: {error}"),
    })?;
    let mut out = Writer::default();
    for listed in book.sheets_metadata().to_vec() {
        let mut sheet = Sheet {
            hidden: listed.visible != SheetVisible::Visible,
            name: listed.name,
            ..Sheet::default()
        };
        match book.worksheet_range(&sheet.name) {
            Ok(range) => {
                let (top, left) = range.start().unwrap_or_default();
                for (row, column, value) in range.used_cells().take(MAX_CELLS) {
                    sheet.put(
                        top + row as u32 + 1,
                        left + column as u32 + 1,
                        shown(value, false),
                    );
                }
            }
            Err(error) => out.note(format!("the sheet {} cannot be read: {error}", sheet.name)),
        }
        sheet.write(&mut out);
    }
    Ok(out.finish())
}

/// A value as a spreadsheet shows it, near enough to be found again.
fn shown(value: &Data, percent: bool) -> Cell {
    let words = matches!(value, Data::String(_));
    let text = match value {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        Data::Int(n) => n.to_string(),
        Data::Float(n) if percent => format!("{}%", number(n * 100.0)),
        Data::Float(n) => number(*n),
        Data::Bool(true) => "TRUE".to_owned(),
        Data::Bool(false) => "FALSE".to_owned(),
        Data::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, ..) = moment.to_ymd_hms_milli();
            match (hour, minute) {
                (0, 0) => format!("{year}-{month:02}-{day:02}"),
                _ => format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            }
        }
        Data::DateTime(length) => number(length.as_f64()),
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Error(error) => error.to_string(),
    };
    Cell { text, words }
}

/// The 15 digits that spreadsheets keep, without zeros behind.
fn number(n: f64) -> String {
    let kept: f64 = format!("{n:.14e}").parse().unwrap_or(n);
    kept.to_string()
}

/// The sheets in the order of the workbook, with their parts.
fn sheet_paths(archive: &mut Archive<'_>) -> Result<Vec<(String, String)>, String> {
    let rels = Rels::of(archive, WORKBOOK)?;
    let text = archive.needed(WORKBOOK)?;
    let mut found = Vec::new();
    for piece in Xml::new(&text) {
        if let Piece::Open(tag) = piece
            && tag.name() == "sheet"
            && let (Some(name), Some(id)) = (tag.get("name"), tag.relation())
            && let Some(path) = rels.get(&id)
        {
            found.push((name, path.to_owned()));
        }
    }
    Ok(found)
}

/// Hidden rows, hidden columns and comments of a sheet.
fn beside(archive: &mut Archive<'_>, path: &str, sheet: &mut Sheet) -> Result<(), String> {
    let text = archive.xml(path)?.unwrap_or_default();
    for piece in Xml::new(&text) {
        let Piece::Open(tag) = piece else { continue };
        let hidden = || tag.get("hidden").is_some_and(|v| v == "1" || v == "true");
        match tag.name() {
            "row" if hidden() => sheet.hidden_rows.extend(tag.number::<u32>("r")),
            "col" if hidden() => {
                if let (Some(first), Some(last)) = (tag.number("min"), tag.number("max")) {
                    sheet.hidden_columns.push(first..=last);
                }
            }
            _ => {}
        }
    }
    for part in Rels::of(archive, path)?.of_kind("/comments") {
        let text = archive.xml(&part)?.unwrap_or_default();
        comments(&text, sheet);
    }
    Ok(())
}

fn comments(text: &str, sheet: &mut Sheet) {
    let mut authors: Vec<String> = Vec::new();
    let mut own: Option<(u32, Comment)> = None;
    let mut inside = String::new();
    for piece in Xml::new(text) {
        match piece {
            Piece::Open(tag) => {
                tag.name().clone_into(&mut inside);
                match tag.name() {
                    "author" => authors.push(String::new()),
                    "comment" => own = comment(&tag, &authors),
                    _ => {}
                }
            }
            Piece::Text(words) if inside == "author" => {
                authors
                    .iter_mut()
                    .last()
                    .into_iter()
                    .for_each(|author| author.push_str(&words));
            }
            Piece::Text(words) if inside == "t" => {
                own.iter_mut()
                    .for_each(|(_, comment)| comment.words.push_str(&words));
            }
            Piece::Text(_) => {}
            Piece::Close(name) => {
                inside.clear();
                if let Some((row, comment)) = own.take_if(|_| name == "comment") {
                    sheet.comments.entry(row).or_default().push(comment);
                }
            }
        }
    }
}

/// A comment that has no words yet, and its row.
fn comment(tag: &Tag<'_>, authors: &[String]) -> Option<(u32, Comment)> {
    let (row, column) = place(&tag.get("ref")?)?;
    let author = tag.number::<usize>("authorId").and_then(|n| authors.get(n));
    let comment = Comment {
        column,
        author: author.cloned().unwrap_or_default(),
        words: String::new(),
    };
    Some((row, comment))
}

/// Row and column of a cell's name.
fn place(name: &str) -> Option<(u32, u32)> {
    let digits = name.find(|c: char| c.is_ascii_digit())?;
    let column = name[..digits].bytes().try_fold(0u32, |column, letter| {
        let letter = letter.to_ascii_uppercase();
        let value = letter
            .is_ascii_uppercase()
            .then(|| u32::from(letter - b'A') + 1)?;
        column.checked_mul(26)?.checked_add(value)
    })?;
    (column > 0).then_some((name[digits..].parse().ok()?, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_spreadsheets_show_them() {
        let said = [0.1 + 0.2, 1_000_000.0, 0.05 * 100.0, -2.5].map(number);
        assert_eq!(said, ["0.3", "1000000", "5", "-2.5"]);
        assert_eq!(shown(&Data::Float(0.953), true).text, "95.3%");
    }

    #[test]
    fn names_of_cells_are_places() {
        assert_eq!(place("B4"), Some((4, 2)));
        assert_eq!(place("AA10"), Some((10, 27)));
        assert_eq!(place("4"), None);
        assert_eq!(place("A?"), None);
    }
}
