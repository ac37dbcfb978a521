//! Which formats there are, how a file is recognised as one, and who reads it: one table.

use std::path::Path;

use super::segment::Reading;
use super::{chart, chat, cues, prose, table};
use crate::dossier::SourceFormat;
use crate::dossier::manifest::ARCHIVE;
use crate::model::speech::audio;

/// A format and its reader. A new format is a line in [`FORMATS`] and a reader.
pub(super) struct Format {
    pub(super) name: SourceFormat,
    extensions: &'static [&'static str],
    pub(super) reader: Reader,
}

/// Who reads a format.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// Reads a text without byte order mark; spans are bytes of that text.
    Text(fn(&str) -> Reading),
    /// An office file: its bytes are rendered first, see [`super::office`].
    Office,
}

const FORMATS: [Format; 14] = [
    Format {
        name: SourceFormat::Markdown,
        extensions: &["md", "markdown"],
        reader: Reader::Text(prose::markdown),
    },
    Format {
        name: SourceFormat::Text,
        extensions: &["txt", "text"],
        reader: Reader::Text(prose::plain),
    },
    Format {
        name: SourceFormat::Jsonl,
        extensions: &["jsonl", "ndjson"],
        reader: Reader::Text(chat::read_lines),
    },
    Format {
        name: SourceFormat::Json,
        extensions: &["json"],
        reader: Reader::Text(chat::read_list),
    },
    Format {
        name: SourceFormat::Csv,
        extensions: &["csv", "tsv"],
        reader: Reader::Text(table::read),
    },
    Format {
        name: SourceFormat::Vtt,
        extensions: &["vtt"],
        reader: Reader::Text(cues::read),
    },
    Format {
        name: SourceFormat::Srt,
        extensions: &["srt"],
        reader: Reader::Text(cues::read),
    },
    Format {
        name: SourceFormat::Pdf,
        extensions: &["pdf"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Docx,
        extensions: &["docx", "docm"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Pptx,
        extensions: &["pptx", "pptm"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Xlsx,
        extensions: &["xlsx", "xlsm"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Ods,
        extensions: &["ods"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Html,
        extensions: &["html", "htm"],
        reader: Reader::Office,
    },
    Format {
        name: SourceFormat::Eml,
        extensions: &["eml"],
        reader: Reader::Office,
    },
];

/// The formats of older programs, by extension, and what to save them as.
const OLDER: [(&str, &str); 7] = [
    ("doc", "docx"),
    ("rtf", "docx"),
    ("odt", "docx"),
    ("xls", "xlsx"),
    ("xlsb", "xlsx"),
    ("ppt", "pptx"),
    ("odp", "pptx"),
];

/// The extensions that are read, for messages.
fn known() -> String {
    let texts = FORMATS.iter().flat_map(|f| f.extensions).copied();
    let models = audio::EXTENSIONS.into_iter().chain(chart::EXTENSIONS);
    let all: Vec<&str> = texts.chain(models).chain([ARCHIVE]).collect();
    all.join(", ")
}

/// The format of a file by its extension.
///
/// # Errors
/// Nobody reads it: which ones are read, or what to save it as.
pub(super) fn of(path: &str) -> Result<&'static Format, String> {
    let unknown = || {
        let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
        let (own, new) = OLDER.iter().find(|(own, _)| *own == extension)?;
        Some(format!(
            ".{own} files are not read; save it as .{new} and name that in dossier.toml"
        ))
    };
    by_name(path).ok_or_else(|| {
        unknown().unwrap_or_else(|| format!("unknown kind of file; these are read: {}", known()))
    })
}

/// The format of a file by its extension; none when nobody reads it. A file without an extension is text.
fn by_name(path: &str) -> Option<&'static Format> {
    let Some(extension) = Path::new(path).extension() else {
        return find(SourceFormat::Text);
    };
    let extension = extension.to_str()?.to_ascii_lowercase();
    FORMATS
        .iter()
        .find(|f| f.extensions.contains(&extension.as_str()))
}

/// The format of a file once its text is known: logs and transcripts are often saved under each other's names.
pub(super) fn by_content(named: &'static Format, text: &str) -> &'static Format {
    let certain = matches!(named.name, SourceFormat::Markdown | SourceFormat::Csv);
    let seen = if certain { None } else { sniff(text, named.name) };
    seen.and_then(find).unwrap_or(named)
}

fn find(format: SourceFormat) -> Option<&'static Format> {
    FORMATS.iter().find(|f| f.name == format)
}

fn sniff(text: &str, named: SourceFormat) -> Option<SourceFormat> {
    let text = text.trim_start();
    let mut lines = text.lines();
    let (first, second) = (lines.next()?, lines.next().unwrap_or_default());
    if first.starts_with("WEBVTT") {
        Some(SourceFormat::Vtt)
    } else if second.contains("-->") && first.trim().bytes().all(|b| b.is_ascii_digit()) {
        Some(SourceFormat::Srt)
    } else if text
        .strip_prefix('[')
        .is_some_and(|t| t.trim_start().starts_with('{'))
    {
        Some(SourceFormat::Json)
    } else if first.starts_with("{\"") {
        let alone = second.trim().is_empty() && named == SourceFormat::Json;
        let whole = first.trim_end().ends_with('}') && !alone;
        Some(if whole {
            SourceFormat::Jsonl
        } else {
            SourceFormat::Json
        })
    } else {
        None
    }
}
