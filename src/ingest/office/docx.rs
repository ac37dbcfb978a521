//! Text documents of Office Open XML: headings, paragraphs, lists and tables in order, with comments, notes, tracked
//! changes and hidden text marked where they stand.

use std::collections::HashMap;

use super::archive::Archive;
use super::inline::{Inline, marked};
use super::rels::Rels;
use super::rendition::{CellText, Rendition, Writer};
use super::xml::{Piece, Tag, Xml};

/// Smaller letters than this cannot be read, in half points.
const TINY: u32 = 8;
const BODY: &str = "word/document.xml";

/// Renders a document.
pub(super) fn render(bytes: &[u8]) -> Result<Rendition, String> {
    let mut archive = Archive::open(bytes)?;
    let text = archive.needed(BODY)?;
    let rels = Rels::of(&mut archive, BODY)?;
    let mut parts = |kind: &str| -> Result<Vec<String>, String> {
        let paths = rels.of_kind(kind).into_iter();
        paths.filter_map(|path| archive.xml(&path).transpose()).collect()
    };
    let asides = Asides {
        comments: asides(&parts("/comments")?, "comment"),
        footnotes: asides(&parts("/footnotes")?, "footnote"),
        endnotes: asides(&parts("/endnotes")?, "endnote"),
    };
    let styles = parts("/styles")?
        .first()
        .map(|s| Styles::of(s))
        .unwrap_or_default();
    let mut body = Body::new(&asides, &styles);
    body.read(&text);
    for (kind, mark) in [("/header", "header"), ("/footer", "footer")] {
        let mut seen = Vec::new();
        for part in parts(kind)? {
            let words = plain(&part);
            if !seen.contains(&words) {
                body.out.prose("", &marked(mark, &words));
                seen.push(words);
            }
        }
    }
    Ok(body.out.finish())
}

/// What stands beside the text, by id: who wrote it, and the words.
type Aside = HashMap<String, (String, String)>;

struct Asides {
    comments: Aside,
    footnotes: Aside,
    endnotes: Aside,
}

fn asides(parts: &[String], element: &str) -> Aside {
    let mut found = HashMap::new();
    for part in parts {
        let mut own: Option<(String, String, String)> = None;
        let mut in_text = false;
        for piece in Xml::new(part) {
            match piece {
                Piece::Open(tag) if tag.name() == element => {
                    let of = |name| tag.get(name).unwrap_or_default();
                    own = Some((of("id"), of("author"), String::new()));
                }
                Piece::Open(tag) => in_text = tag.name() == "t",
                Piece::Text(text) if in_text => {
                    own.iter_mut().for_each(|(_, _, words)| words.push_str(&text))
                }
                Piece::Text(_) => {}
                Piece::Close(name) if name == element => {
                    if let Some((id, author, words)) = own.take() {
                        found.insert(id, (author, words));
                    }
                }
                Piece::Close(name) => {
                    in_text = false;
                    if name == "p" {
                        own.iter_mut().for_each(|(_, _, words)| words.push(' '));
                    }
                }
            }
        }
    }
    found
}

/// The words of a part without their structure.
fn plain(part: &str) -> String {
    let mut words = String::new();
    let mut in_text = false;
    for piece in Xml::new(part) {
        match piece {
            Piece::Open(tag) => in_text = tag.name() == "t",
            Piece::Text(text) if in_text => words.push_str(&text),
            Piece::Text(_) => {}
            Piece::Close(name) => {
                in_text = false;
                if name == "p" {
                    words.push(' ');
                }
            }
        }
    }
    words
}

/// What the styles of a document mean.
#[derive(Debug, Default)]
struct Styles {
    /// The level of the heading that a style makes, from 1.
    headings: HashMap<String, usize>,
    /// Styles whose text is hidden.
    hidden: Vec<String>,
    /// Styles of list items.
    lists: Vec<String>,
}

impl Styles {
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut own = String::new();
        for piece in Xml::new(text) {
            let Piece::Open(tag) = piece else { continue };
            match tag.name() {
                "style" => own = tag.get("styleId").unwrap_or_default(),
                "name" => {
                    let name = tag.get("val").unwrap_or_default().to_ascii_lowercase();
                    let level = name.strip_prefix("heading ").and_then(|n| n.parse().ok());
                    if let Some(level) = level.or((name == "title").then_some(1)) {
                        found.headings.insert(own.clone(), level);
                    }
                }
                "outlineLvl" => {
                    if let Some(level) = tag.number::<usize>("val").filter(|n| *n < 9) {
                        found.headings.entry(own.clone()).or_insert(level + 1);
                    }
                }
                "numPr" => found.lists.push(own.clone()),
                "vanish" if tag.is_on() => found.hidden.push(own.clone()),
                _ => {}
            }
        }
        found
    }
}

/// A paragraph in the making.
#[derive(Debug, Default)]
struct Paragraph {
    line: Inline,
    heading: Option<usize>,
    listed: bool,
    hidden: bool,
    /// What is said beside it, marked.
    beside: Vec<String>,
}

/// A table in the making.
#[derive(Debug, Default)]
struct Table {
    header: Vec<String>,
    rows: u32,
    row: Vec<CellText>,
    beside: Vec<String>,
}

/// What the words at hand look like.
#[derive(Debug, Default)]
struct Look {
    /// The run's properties hide it.
    hidden: bool,
    /// White letters are hidden unless something darker lies behind them.
    white: bool,
    shaded: bool,
}

/// The state of the body.
struct Body<'a> {
    asides: &'a Asides,
    styles: &'a Styles,
    out: Writer,
    /// The paragraphs that are open: text boxes nest.
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    /// Tracked changes that are open, as marks.
    changes: Vec<String>,
    look: Look,
    in_properties: bool,
    in_text: bool,
}

impl<'a> Body<'a> {
    fn new(asides: &'a Asides, styles: &'a Styles) -> Self {
        Self {
            asides,
            styles,
            out: Writer::default(),
            paragraphs: Vec::new(),
            tables: Vec::new(),
            changes: Vec::new(),
            look: Look::default(),
            in_properties: false,
            in_text: false,
        }
    }

    fn read(&mut self, text: &str) {
        let mut xml = Xml::new(text);
        while let Some(piece) = xml.next() {
            match piece {
                // The same again for older programs.
                Piece::Open(tag) if tag.name() == "Fallback" => xml.pass_over(),
                Piece::Open(tag) => self.open(&tag),
                Piece::Text(words) if self.in_text => self.say(&words),
                Piece::Text(_) => {}
                Piece::Close(name) => self.close(&name),
            }
            if self.out.is_full() {
                break;
            }
        }
        if xml.is_broken() {
            self.out
                .note("the document breaks off; what follows was left out");
        }
        while !self.paragraphs.is_empty() {
            self.end_paragraph();
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "tbl" => self.tables.push(Table::default()),
            "tc" => {
                self.look.shaded = false;
                if let Some(table) = self.tables.last_mut() {
                    table.row.push(CellText::default());
                }
            }
            "shd" | "highlight" => self.look.shaded |= dark(tag),
            "pPr" | "rPr" | "sectPr" => self.in_properties = true,
            "ins" | "moveTo" if !self.in_properties => self.changes.push(change("inserted", tag)),
            "del" | "moveFrom" if !self.in_properties => self.changes.push(change("deleted", tag)),
            "r" => (self.look.hidden, self.look.white) = (false, false),
            "t" | "delText" => self.in_text = true,
            "tab" if !self.in_properties => self.say("\t"),
            "br" | "cr" => self.say("\n"),
            "noBreakHyphen" => self.say("-"),
            "commentReference" => self.beside(&self.asides.comments, tag, "comment"),
            "footnoteReference" => self.beside(&self.asides.footnotes, tag, "footnote"),
            "endnoteReference" => self.beside(&self.asides.endnotes, tag, "endnote"),
            "docPr" => {
                let words = tag.get("descr").unwrap_or_default();
                if !words.trim().is_empty() {
                    self.mark("picture", &words);
                }
            }
            name if self.in_properties => self.property(name, tag),
            _ => {}
        }
    }

    fn property(&mut self, name: &str, tag: &Tag<'_>) {
        match name {
            "vanish" | "webHidden" => self.look.hidden |= tag.is_on(),
            "color" => {
                self.look.white = tag.get("val").is_some_and(|v| v.eq_ignore_ascii_case("ffffff"));
            }
            "sz" => self.look.hidden |= tag.number::<u32>("val").is_some_and(|size| size < TINY),
            "rStyle" => {
                let style = tag.get("val").unwrap_or_default();
                self.look.hidden |= self.styles.hidden.contains(&style);
            }
            _ => {}
        }
        let styles = self.styles;
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        match name {
            "pStyle" => {
                let style = tag.get("val").unwrap_or_default();
                paragraph.heading = styles.headings.get(&style).copied().or(paragraph.heading);
                paragraph.hidden = styles.hidden.contains(&style);
                paragraph.listed |= styles.lists.contains(&style);
            }
            "outlineLvl" => {
                let level = tag.number::<usize>("val").filter(|n| *n < 9);
                paragraph.heading = level.map(|n| n + 1).or(paragraph.heading);
            }
            "numPr" => paragraph.listed = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" => self.end_paragraph(),
            "tr" => self.end_row(),
            "tbl" => drop(self.tables.pop()),
            "pPr" => {
                self.in_properties = false;
                // What the mark at the paragraph's end looks like says nothing of its words.
                (self.look.hidden, self.look.white) = (false, false);
            }
            "tc" => self.look.shaded = false,
            "rPr" | "sectPr" => self.in_properties = false,
            "ins" | "moveTo" | "del" | "moveFrom" if !self.in_properties => drop(self.changes.pop()),
            "t" | "delText" => self.in_text = false,
            _ => {}
        }
    }

    /// Words of the paragraph at hand, under all the marks that stand over them.
    fn say(&mut self, words: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let unseen = self.look.hidden || paragraph.hidden || self.look.white && !self.look.shaded;
        let hidden = unseen.then_some("hidden");
        let marks: Vec<&str> = self.changes.iter().map(String::as_str).chain(hidden).collect();
        let mark = marks.join(", ");
        paragraph
            .line
            .push((!marks.is_empty()).then_some(mark.as_str()), words);
    }

    fn mark(&mut self, mark: &str, words: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.line.push(Some(mark), words);
        }
    }

    fn beside(&mut self, from: &Aside, tag: &Tag<'_>, what: &str) {
        let Some((author, words)) = tag.get("id").and_then(|id| from.get(&id)) else {
            return;
        };
        let mark = by(what, author);
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.beside.push(marked(&mark, words));
        }
    }

    fn end_paragraph(&mut self) {
        let Some(done) = self.paragraphs.pop() else { return };
        let words = done.line.text();
        self.look.shaded &= !self.tables.is_empty();
        if let Some(table) = self.tables.last_mut() {
            if let Some(cell) = table.row.last_mut() {
                cell.text.push_str(&words);
                cell.text.push(' ');
            }
            table.beside.extend(done.beside);
            return;
        }
        match done.heading {
            Some(level) => self.out.heading(level, &words),
            None => self.out.prose(if done.listed { "- " } else { "" }, &words),
        }
        for words in done.beside {
            self.out.prose("  ", &words);
        }
    }

    /// The row of an inner table is words of the cell around it.
    fn end_row(&mut self) {
        let inner = self.tables.len() > 1;
        let Some(table) = self.tables.last_mut() else {
            return;
        };
        let row = std::mem::take(&mut table.row);
        let beside = std::mem::take(&mut table.beside);
        if inner {
            let words: Vec<String> = row.into_iter().map(|cell| cell.text).collect();
            let outer = self.tables.len() - 2;
            if let Some(cell) = self.tables[outer].row.last_mut() {
                cell.text.push_str(&words.join(" "));
            }
            self.tables[outer].beside.extend(beside);
            return;
        }
        table.rows += 1;
        if table.rows == 1 {
            table.header = row
                .iter()
                .map(|cell| super::rendition::one_line(&cell.text))
                .collect();
            self.out.blank();
            self.out.header(&row);
        } else {
            self.out.row(table.rows - 1, &table.header, &row);
        }
        for words in beside {
            self.out.prose("  ", &words);
        }
    }
}

/// Whether what lies behind the letters is coloured.
fn dark(tag: &Tag<'_>) -> bool {
    let colour = tag.get("fill").or_else(|| tag.get("val")).unwrap_or_default();
    !matches!(
        colour.to_ascii_lowercase().as_str(),
        "" | "auto" | "ffffff" | "none" | "clear" | "white"
    )
}

/// `deleted by Bo`.
fn change(what: &str, tag: &Tag<'_>) -> String {
    by(what, &tag.get("author").unwrap_or_default())
}

/// `comment by Bo`, or `comment` where nobody is named.
pub(super) fn by(what: &str, author: &str) -> String {
    match author.trim() {
        "" => what.to_owned(),
        author => format!("{what} by {}", author.replace(['[', ']', ':'], " ")),
    }
}
