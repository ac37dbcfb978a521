//! Office files: each is rendered as plain text, with where its stretches lie in the file, and that text is cited.
//!
//! A renderer is a plain function from bytes to a [`Rendition`]. These files come from anywhere and their formats are
//! large, so the renderers run in a child process of this same program ([`Parser::Child`]) that may neither write nor
//! open files, and that is ended when it takes too much time or memory. What a reader of the file would not see is kept
//! and marked: `[hidden: …]`, `[deleted by Bo: …]`, `[inserted by Bo: …]`, `[comment by Bo: …]`, `[notes: …]`.
//!
//! The same bytes give the same rendition as long as [`VERSION`] is the same; records cite bytes of it.

use std::path::PathBuf;

use super::kept::Kept;
use crate::dossier::SourceFormat;
use crate::hash::ContentHash;

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
mod scan;
mod sheet;
mod slides;
mod unpack;
mod web;
mod workbook;
mod xml;

pub use child::{COMMAND, answer};
pub use rendition::{Block, BlockKind, Rendition, Scan};
pub(in crate::ingest) use scan::read as read_scans;
pub(in crate::ingest) use unpack::{MAX_ARCHIVE, Member, Unpacked};

/// What stands for the encoding of a source that was rendered; changes with the text that a renderer gives.
pub const VERSION: &str = "rendition 1";

/// The same where pages of it were read by the reader of pictures.
const VERSION_READ: &str = "rendition 1, page 2";

/// Where office files are rendered, and where the renditions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parser {
    /// The program that is run with [`COMMAND`]; none where files are rendered in this process, without a sandbox.
    program: Option<PathBuf>,
    kept: Option<Kept>,
}

impl Parser {
    /// In this process, without a sandbox: for tests, and for text that is no file.
    pub const HERE: Self = Self {
        program: None,
        kept: None,
    };

    /// In a child process of the program that runs.
    pub fn of_this_program() -> Self {
        Self::by(std::env::current_exe().unwrap_or_default())
    }

    /// In a child process that runs `program`.
    fn by(program: PathBuf) -> Self {
        Self {
            program: Some(program),
            kept: None,
        }
    }

    /// The same, each file once: its rendition is kept in `folder`.
    #[must_use]
    pub fn keeping(self, folder: PathBuf) -> Self {
        Self {
            kept: Some(Kept::new(folder)),
            ..self
        }
    }

    /// The rendition of a file of `format`, whose bytes have this hash.
    ///
    /// # Errors
    /// What is wrong with the file, in one line without its name.
    pub fn render(&self, format: SourceFormat, bytes: &[u8], hash: ContentHash) -> Result<Rendition, String> {
        foreign(format, bytes)?;
        let key = format!("{VERSION} {format:?} {hash}");
        let before: Option<Rendition> = self.kept.as_ref().and_then(|kept| kept.find(&key));
        if let Some(rendition) = before.filter(Rendition::is_sound) {
            return Ok(rendition);
        }
        let rendition = match &self.program {
            Some(program) => child::render(program, format, bytes),
            None => render(format, bytes),
        }?;
        if let Some(kept) = &self.kept {
            kept.keep(&key, &rendition);
        }
        Ok(rendition)
    }

    /// A page of a PDF as a picture.
    ///
    /// # Errors
    /// What is wrong with the page, in one line.
    pub(in crate::ingest) fn draw(&self, pdf: &[u8], page: u32) -> Result<Vec<u8>, String> {
        match &self.program {
            Some(program) => child::draw(program, pdf, page),
            None => pdf::picture(pdf, page),
        }
    }

    /// The files in an archive.
    ///
    /// # Errors
    /// What is wrong with it, in one line without its name.
    pub(in crate::ingest) fn unpack(&self, archive: &[u8]) -> Result<Unpacked, String> {
        match &self.program {
            Some(program) => child::unpack(program, archive),
            None => unpack::unpack(archive),
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
#[cfg(test)]
pub(in crate::ingest) use tests::archive;
