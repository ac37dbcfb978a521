//! One file of a dossier, from the disk to a [`Source`].

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::encoding::{Decoded, decode};
use super::format::{self, Format, Reader};
use super::office::{self, Rendition};
use super::segment::{RawSegment, Reading};
use super::witness::Seen;
use super::{Limits, Parser, Sight, Witness};
use crate::dossier::manifest::SourceEntry;
use crate::dossier::{Anchor, Segment, Source, SourceFormat, Spots};
use crate::hash::ContentHash;
use crate::id::SegmentNo;
use crate::sanitize::orders::order;
use crate::sanitize::{Visible, line};

/// So much of a file is looked at to tell text from anything else.
const SAMPLE_BYTES: usize = 1 << 16;
/// One control character in so many bytes is more than any text has.
const BYTES_PER_CONTROL: usize = 20;

/// Who renders office files, who reads their scanned pages, and who sees it.
#[derive(Clone, Copy)]
pub(super) struct Eyes<'a> {
    pub(super) office: &'a Parser,
    pub(super) sight: &'a Sight,
    pub(super) witness: &'a dyn Witness,
}

/// A file that was read, its segments not yet numbered.
pub(super) struct FileRead {
    pub(super) source: Source,
    /// What could not be read of it, a line each.
    pub(super) notes: Vec<String>,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// In one line without its name.
    pub why: String,
    /// Whether it is a recording that nobody has tried to hear yet.
    pub unheard: bool,
}

impl Unread {
    /// A recording that nobody has tried to hear yet; `why` says who would.
    pub fn unheard(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            unheard: true,
        }
    }
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { why, unheard: false }
    }
}

/// Reads the file of `entry` under `root`, which has no symbolic links in it.
///
/// The error is what is wrong with the file, in one line without its name.
pub(super) fn read(
    root: &Path,
    entry: &SourceEntry,
    limits: Limits,
    eyes: Eyes<'_>,
) -> Result<FileRead, String> {
    format::of(&entry.path)?;
    read_bytes(entry, load(root, &entry.path, limits)?, eyes)
}

/// Reads the file of `entry` from its bytes.
pub(super) fn read_bytes(entry: &SourceEntry, bytes: Vec<u8>, eyes: Eyes<'_>) -> Result<FileRead, String> {
    let named = format::of(&entry.path)?;
    let (hash, size) = (ContentHash::of(&bytes), bytes.len() as u64);
    let text = match named.reader {
        Reader::Text(read) => Text::decoded(named, read, bytes)?,
        Reader::Office => {
            let seen = Seen::begin(eyes.witness, &entry.path)?;
            let rendition = eyes.office.render(named.name, &bytes, hash)?;
            let draw = |page| eyes.office.draw(&bytes, page);
            let told = |done, total| seen.page(done, total);
            Text::rendered(named, office::read_scans(rendition, hash, eyes.sight, draw, told))
        }
    };
    if text.reading.segments.is_empty() {
        let cause = text
            .reading
            .notes
            .first()
            .map_or(String::new(), |n| format!(": {n}"));
        return Err(format!("nothing in it that could be cited{cause}"));
    }
    let shown = Visible::of_file(&text.raw);
    let source = Source {
        path: entry.path.clone(),
        title: title(entry),
        kind: entry.kind,
        format: text.format,
        date: entry.date,
        hash,
        bytes: size,
        encoding: text.encoding,
        segments: anchored(&text.raw, &text.spots, text.reading.segments),
        raw: text.raw,
        spots: text.spots,
        shown,
        unsure: Vec::new(),
        picture: None,
    };
    Ok(FileRead {
        source,
        notes: text.reading.notes,
    })
}

/// A file as text, and what was found in it.
struct Text {
    raw: String,
    format: SourceFormat,
    encoding: &'static str,
    spots: Spots,
    reading: Reading,
}

impl Text {
    fn decoded(named: &'static Format, read: fn(&str) -> Reading, bytes: Vec<u8>) -> Result<Self, String> {
        let decoded = text_of(bytes)?;
        let (format, mut reading) = interpret(named, read, &decoded.text);
        if decoded.broken > 0 {
            reading.notes.push(format!(
                "{} unreadable places in {}, shown as \u{fffd}",
                decoded.broken, decoded.encoding
            ));
        }
        Ok(Self {
            raw: decoded.text,
            format,
            encoding: decoded.encoding,
            spots: Spots::default(),
            reading,
        })
    }

    fn rendered(named: &'static Format, rendition: Rendition) -> Self {
        Self {
            reading: rendition.reading(),
            encoding: rendition.version(),
            raw: rendition.text,
            format: named.name,
            spots: rendition.spots,
        }
    }
}

pub(super) fn title(entry: &SourceEntry) -> String {
    let file = || Path::new(&entry.path).file_name().and_then(|n| n.to_str());
    let title = entry.title.as_deref().or_else(file).unwrap_or(&entry.path);
    line(title).into_owned()
}

/// The path of a regular file inside the dossier.
pub(super) fn inside(root: &Path, path: &str) -> Result<PathBuf, String> {
    let full = root.join(path).canonicalize().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("cannot be read: {e}"),
    })?;
    if !full.starts_with(root) {
        return Err("leads out of the dossier through a symbolic link; not read".to_owned());
    }
    let refused = |e: std::io::Error| format!("cannot be read: {e}");
    if !full.metadata().map_err(refused)?.is_file() {
        return Err("is no regular file".to_owned());
    }
    Ok(full)
}

/// The file's bytes: not none, not more than allowed.
pub(super) fn load(root: &Path, path: &str, limits: Limits) -> Result<Vec<u8>, String> {
    let refused = |e: std::io::Error| format!("cannot be read: {e}");
    let full = inside(root, path)?;
    let mut bytes = Vec::new();
    let file = File::open(&full).map_err(refused)?;
    file.take(limits.max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    match bytes.len() as u64 {
        0 => Err("is empty".to_owned()),
        n if n > limits.max_bytes => Err(format!("is larger than {} MB; not read", limits.max_bytes >> 20)),
        _ => Ok(bytes),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<Decoded, String> {
    let known = [
        (&b"%PDF"[..], "a PDF"),
        (b"PK\x03\x04", "a zip or office file"),
        (b"\x89PNG", "a picture"),
    ];
    if let Some((_, what)) = known.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(format!("is {what} under another name; not read"));
    }
    let decoded = decode(bytes);
    let sample = decoded.text.bytes().take(SAMPLE_BYTES);
    let controls = sample
        .filter(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | b'\x1b'))
        .count();
    if controls * BYTES_PER_CONTROL > decoded.text.len().min(SAMPLE_BYTES) {
        return Err("is not text".to_owned());
    }
    Ok(decoded)
}

/// Finds the format and reads; spans are bytes of the whole text, which may begin with a byte order mark.
fn interpret(named: &'static Format, read: fn(&str) -> Reading, text: &str) -> (SourceFormat, Reading) {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = text.len() - body.len();
    let format = format::by_content(named, body);
    let read = match format.reader {
        Reader::Text(read) => read,
        Reader::Office => read,
    };
    let mut reading = read(body);
    for segment in &mut reading.segments {
        segment.span = segment.span.start + offset..segment.span.end + offset;
    }
    (format.name, reading)
}

pub(super) fn anchored(text: &str, spots: &Spots, segments: Vec<RawSegment>) -> Vec<Segment> {
    let (mut counted, mut line) = (0, 1);
    let anchored = segments.into_iter().map(|raw| {
        line += text[counted..raw.span.start].matches('\n').count() as u32;
        counted = raw.span.start;
        Segment {
            no: SegmentNo(0),
            source: 0,
            kind: raw.kind,
            order: order(&raw.text),
            text: raw.text,
            speaker: raw.speaker,
            anchor: Anchor {
                spot: spots.of(&raw.span),
                span: raw.span,
                line,
                row: raw.row,
                column: raw.column,
                time: raw.time,
                at: raw.at,
                region: raw.region,
            },
            confidence: raw.confidence,
        }
    });
    anchored.collect()
}
