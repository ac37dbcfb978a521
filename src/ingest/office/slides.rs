//! Presentations of Office Open XML: slide by slide, with what the speaker noted and what others remarked.

use std::collections::HashMap;

use super::archive::Archive;
use super::docx::by;
use super::inline::{Inline, marked};
use super::rels::Rels;
use super::rendition::{CellText, Rendition, Writer, one_line};
use super::xml::{Piece, Tag, Xml};
use crate::dossier::spot::At;

/// Smaller letters than this cannot be read, in hundredths of a point.
const TINY: u32 = 400;
/// More slides than this are not read.
const MAX_SLIDES: usize = 2_000;
const PRESENTATION: &str = "ppt/presentation.xml";

/// Renders a presentation.
pub(super) fn render(bytes: &[u8]) -> Result<Rendition, String> {
    let mut archive = Archive::open(bytes)?;
    let text = archive.needed(PRESENTATION)?;
    let rels = Rels::of(&mut archive, PRESENTATION)?;
    let (ids, size) = order(&text);
    let mut authors = HashMap::new();
    for part in [rels.of_kind("/commentAuthors"), rels.of_kind("/authors")].concat() {
        let text = archive.xml(&part)?.unwrap_or_default();
        for piece in Xml::new(&text) {
            if let Piece::Open(tag) = piece
                && let (Some(id), Some(name)) = (tag.get("id"), tag.get("name"))
            {
                authors.insert(id, name);
            }
        }
    }
    let mut out = Writer::default();
    if ids.len() > MAX_SLIDES {
        out.note(format!("more than {MAX_SLIDES} slides: the rest was left out"));
    }
    for (number, id) in (1..).zip(ids.iter().take(MAX_SLIDES)) {
        let path = rels.get(id).unwrap_or_default().to_owned();
        let Some(text) = archive.xml(&path)? else {
            out.note(format!("slide {number} is missing"));
            continue;
        };
        Slide::new(&mut out, number, size).read(&text);
        let own = Rels::of(&mut archive, &path)?;
        for part in own.of_kind("/notesSlide") {
            let text = archive.xml(&part)?.unwrap_or_default();
            for words in notes(&text) {
                out.prose("", &marked("notes", &words));
            }
        }
        for part in own.of_kind("/comments") {
            let text = archive.xml(&part)?.unwrap_or_default();
            for (author, words) in comments(&text) {
                let author = authors.get(&author).map_or("", String::as_str);
                out.prose("  ", &marked(&by("comment", author), &words));
            }
        }
        if out.is_full() {
            break;
        }
    }
    Ok(out.finish())
}

/// The relations of the slides in order, and the size of each.
fn order(text: &str) -> (Vec<String>, (i64, i64)) {
    let (mut ids, mut size) = (Vec::new(), (i64::MAX, i64::MAX));
    for piece in Xml::new(text) {
        let Piece::Open(tag) = piece else { continue };
        match tag.name() {
            "sldId" => ids.extend(tag.relation()),
            "sldSz" => {
                size = (
                    tag.number("cx").unwrap_or(i64::MAX),
                    tag.number("cy").unwrap_or(i64::MAX),
                )
            }
            _ => {}
        }
    }
    (ids, size)
}

/// The paragraphs of a speaker's notes; the number of the slide is none of them.
fn notes(text: &str) -> Vec<String> {
    let (mut found, mut line, mut in_text, mut in_field) = (Vec::new(), String::new(), false, false);
    for piece in Xml::new(text) {
        match piece {
            Piece::Open(tag) => match tag.name() {
                "t" => in_text = !in_field,
                "fld" => in_field = true,
                _ => {}
            },
            Piece::Text(words) if in_text => line.push_str(&words),
            Piece::Text(_) => {}
            Piece::Close(name) => match name.as_str() {
                "t" => in_text = false,
                "fld" => in_field = false,
                "p" => found.push(std::mem::take(&mut line)),
                _ => {}
            },
        }
    }
    found
}

/// The comments on a slide: the author's id, and the words. Two generations of the format, one shape.
fn comments(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut in_text = false;
    for piece in Xml::new(text) {
        match piece {
            Piece::Open(tag) => match tag.name() {
                "cm" | "reply" => found.push((tag.get("authorId").unwrap_or_default(), String::new())),
                "t" | "text" => in_text = true,
                _ => {}
            },
            Piece::Text(words) if in_text => found
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|(_, text)| text.push_str(&words)),
            Piece::Text(_) => {}
            Piece::Close(name) => in_text &= !(name == "t" || name == "text"),
        }
    }
    found
}

/// What the shape at hand looks like.
#[derive(Debug, Default)]
struct Look {
    title: bool,
    /// The shape is hidden, or lies off the slide.
    hidden: bool,
    /// The letters are.
    tiny: bool,
}

/// A slide while it is read.
struct Slide<'a> {
    out: &'a mut Writer,
    number: u32,
    size: (i64, i64),
    line: Inline,
    in_text: bool,
    look: Look,
    /// The whole slide is not shown.
    unshown: bool,
    /// The heads of the table at hand, and how many rows it has had.
    table: Option<(Vec<String>, u32)>,
    row: Vec<CellText>,
    in_cell: bool,
}

impl<'a> Slide<'a> {
    fn new(out: &'a mut Writer, number: u32, size: (i64, i64)) -> Self {
        Self {
            out,
            number,
            size,
            line: Inline::default(),
            in_text: false,
            look: Look::default(),
            unshown: false,
            table: None,
            row: Vec::new(),
            in_cell: false,
        }
    }

    fn read(&mut self, text: &str) {
        let mut xml = Xml::new(text);
        let mut started = false;
        while let Some(piece) = xml.next() {
            match piece {
                Piece::Open(tag) if !started => {
                    started = true;
                    self.unshown = tag.get("show").is_some_and(|v| v == "0" || v == "false");
                    let word = if self.unshown { ", hidden" } else { "" };
                    self.out.rule(&format!("[slide {}{word}]", self.number));
                    self.out.at(At::Slide(self.number));
                }
                Piece::Open(tag) if tag.name() == "Fallback" => xml.pass_over(),
                Piece::Open(tag) => self.open(&tag),
                Piece::Text(words) if self.in_text => self.say(&words),
                Piece::Text(_) => {}
                Piece::Close(name) => self.close(&name),
            }
        }
        if xml.is_broken() {
            self.out.note(format!(
                "slide {} breaks off; the rest of it was left out",
                self.number
            ));
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "sp" | "pic" | "graphicFrame" | "cxnSp" => self.look = Look::default(),
            "cNvPr" => {
                self.look.hidden |= tag.get("hidden").is_some_and(|v| v == "1" || v == "true");
                let words = tag.get("descr").unwrap_or_default();
                if !words.trim().is_empty() {
                    self.out.prose("", &marked("picture", &words));
                }
            }
            "ph" => {
                self.look.title = tag
                    .get("type")
                    .is_some_and(|kind| kind == "title" || kind == "ctrTitle")
            }
            "off" => {
                let beyond = |name: &str, most: i64| tag.number::<i64>(name).is_some_and(|n| n >= most);
                self.look.hidden |= beyond("x", self.size.0) || beyond("y", self.size.1);
            }
            "rPr" => self.look.tiny = tag.number::<u32>("sz").is_some_and(|size| size < TINY),
            "r" => self.look.tiny = false,
            "t" => self.in_text = true,
            "br" => self.say("\n"),
            "tbl" => self.table = Some((Vec::new(), 0)),
            "tc" => {
                self.in_cell = true;
                self.row.push(CellText::default());
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tc" => self.in_cell = false,
            "tr" => self.end_row(),
            "tbl" => self.table = None,
            _ => {}
        }
    }

    fn say(&mut self, words: &str) {
        let hidden = (self.look.hidden || self.look.tiny || self.unshown).then_some("hidden");
        self.line.push(hidden, words);
    }

    fn end_paragraph(&mut self) {
        let words = std::mem::take(&mut self.line).text();
        match self.row.last_mut() {
            Some(cell) if self.in_cell => {
                cell.text.push_str(&words);
                cell.text.push(' ');
            }
            _ if self.look.title => self.out.heading(2, &words),
            _ => self.out.prose("- ", &words),
        }
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        let Some((header, rows)) = &mut self.table else {
            return;
        };
        if header.is_empty() {
            *header = row.iter().map(|cell| one_line(&cell.text)).collect();
            self.out.header(&row);
        } else {
            *rows += 1;
            self.out.row(*rows, header, &row);
        }
    }
}
