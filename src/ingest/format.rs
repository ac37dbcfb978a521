//! Which formats there are, how a file is recognised as one, and who reads it: one table.

use std::path::Path;

use super::segment::Reading;
use super::{chart, chat, cues, prose, table};
use crate::dossier::SourceFormat;

/// A format and its reader. A new format is a line in [`FORMATS`] and a reader.
pub(super) struct Format {
    pub(super) name: SourceFormat,
    extensions: &'static [&'static str],
    /// Reads a text without byte order mark; spans are bytes of that text.
    pub(super) read: fn(&str) -> Reading,
}

const FORMATS: [Format; 7] = [
    Format {
        name: SourceFormat::Markdown,
        extensions: &["md", "markdown"],
        read: prose::markdown,
    },
    Format {
        name: SourceFormat::Text,
        extensions: &["txt", "text"],
        read: prose::plain,
    },
    Format {
        name: SourceFormat::Jsonl,
        extensions: &["jsonl", "ndjson"],
        read: chat::read_lines,
    },
    Format {
        name: SourceFormat::Json,
        extensions: &["json"],
        read: chat::read_list,
    },
    Format {
        name: SourceFormat::Csv,
        extensions: &["csv", "tsv"],
        read: table::read,
    },
    Format {
        name: SourceFormat::Vtt,
        extensions: &["vtt"],
        read: cues::read,
    },
    Format {
        name: SourceFormat::Srt,
        extensions: &["srt"],
        read: cues::read,
    },
];

/// The extensions that are read, for messages.
pub(super) fn known() -> String {
    let texts = FORMATS.iter().flat_map(|f| f.extensions).copied();
    let all: Vec<&str> = texts.chain(chart::EXTENSIONS).collect();
    all.join(", ")
}

/// The format of a file by its extension; none when nobody reads it. A file without an extension is text.
pub(super) fn by_name(path: &str) -> Option<&'static Format> {
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
