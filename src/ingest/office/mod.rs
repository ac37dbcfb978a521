//! Office files: each is rendered as plain text, with where its stretches lie in the file, and that text is cited.
//!
//! A renderer is a plain function from bytes to a [`Rendition`]. These files come from anywhere and their formats are
//! large, so the renderers run in a child process of this same program ([`Parser::Child`]) that may neither write nor
//! open files, and that is ended when it takes too much time or memory. What a reader of the file would not see is kept
//! and marked: `[hidden: …]`, `[deleted by Bo: …]`, `[inserted by Bo: …]`, `[comment by Bo: …]`, `[notes: …]`.
//!
//! The same bytes give the same rendition as long as [`VERSION`] is the same; records cite bytes of it.

use std::path::PathBuf;

use crate::dossier::SourceFormat;

mod archive;
mod child;
mod docx;
mod inline;
mod mail;
mod page;
mod pdf;
mod rels;
mod rendition;
mod sandbox;
mod sheet;
mod slides;
mod web;
mod workbook;
mod xml;

pub use child::{COMMAND, answer};
pub use rendition::{Block, BlockKind, Rendition};

/// What stands for the encoding of a source that was rendered; changes with the text that a renderer gives.
pub const VERSION: &str = "rendition 1";

/// Where office files are rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parser {
    /// In a child process that runs this program with [`COMMAND`].
    Child(PathBuf),
    /// In this process, without a sandbox: for the child itself and for tests.
    Here,
}

impl Parser {
    /// In a child process of the program that runs.
    pub fn of_this_program() -> Self {
        Self::Child(std::env::current_exe().unwrap_or_default())
    }

    /// The rendition of a file of `format`.
    ///
    /// # Errors
    /// What is wrong with the file, in one line without its name.
    pub fn render(&self, format: SourceFormat, bytes: &[u8]) -> Result<Rendition, String> {
        foreign(format, bytes)?;
        match self {
            Self::Child(program) => child::ask(program, format, bytes),
            Self::Here => render(format, bytes),
        }
    }
}

/// Renders the file; for text formats there is nothing to render.
///
/// # Errors
/// What is wrong with the file, in one line without its name.
pub fn render(format: SourceFormat, bytes: &[u8]) -> Result<Rendition, String> {
    match format {
        SourceFormat::Docx => docx::render(bytes),
        SourceFormat::Pptx => slides::render(bytes),
        SourceFormat::Xlsx => workbook::xlsx(bytes),
        SourceFormat::Ods => workbook::ods(bytes),
        SourceFormat::Pdf => pdf::render(bytes),
        SourceFormat::Html => Ok(web::render(bytes)),
        SourceFormat::Eml => mail::render(bytes),
        _ => Err("is no office file".to_owned()),
    }
}

/// The first bytes of zip archives, and so of all newer office files.
const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of office files from before 2007, and of encrypted newer ones.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The name of the part that holds an encrypted office file, as its directory spells it.
const ENCRYPTED: &str = "EncryptedPackage";

/// A file whose first bytes belong to another format than its name says.
fn foreign(format: SourceFormat, bytes: &[u8]) -> Result<(), String> {
    use SourceFormat::{Docx, Ods, Pdf, Pptx, Xlsx};
    let is_zip = matches!(format, Docx | Pptx | Xlsx | Ods);
    let head = &bytes[..bytes.len().min(1024)];
    let pdf = head.windows(5).any(|w| w == b"%PDF-");
    if bytes.starts_with(OLE) {
        let name: Vec<u8> = ENCRYPTED.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let encrypted = bytes.windows(name.len()).any(|w| w == name);
        return Err(if encrypted {
            "is encrypted; save it without a password".to_owned()
        } else {
            "is an office file from before 2007 under another name; save it as .docx, .xlsx or .pptx"
                .to_owned()
        });
    }
    match (format, pdf, bytes.starts_with(ZIP)) {
        (Pdf, true, _) => Ok(()),
        (Pdf, false, true) => Err("is a zip or office file under another name; rename it".to_owned()),
        (Pdf, false, false) => Err("is no PDF".to_owned()),
        (_, true, _) => Err("is a PDF under another name; rename it to .pdf".to_owned()),
        (_, false, zip) if is_zip && !zip => Err("is no office file: it is no zip archive".to_owned()),
        (_, false, true) if !is_zip => {
            Err("is a zip or office file under another name; rename it".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
