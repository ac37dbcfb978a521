//! What a person is judged by: the dossier, its sources, the segments that can be cited, and where they lie.
//!
//! Immutable values. Reading files into them is [`crate::ingest`]'s work; this module only knows their shape and
//! [`manifest`] the layout of `dossier.toml`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::id::{DossierId, SegmentNo, SubjectId};
use crate::sanitize::Visible;
use crate::sanitize::orders::Order;

pub use crate::id::Language;
pub use preview::Preview;

pub mod manifest;
pub mod preview;
pub mod spot;
pub(crate) mod tomlfile;

pub use spot::{Spot, Spots};

/// The employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The same across cycles.
    pub id: SubjectId,
    /// As people call them.
    pub name: String,
}

/// What `dossier.toml` says, apart from the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DossierMeta {
    /// The dossier's own name.
    pub id: DossierId,
    /// Who is reviewed.
    pub subject: Subject,
    /// The job, as the organisation words it.
    pub role: String,
    /// The grade, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The review cycle, such as `2026H1`.
    pub cycle: String,
    /// The language of prompts for this dossier.
    pub language: Language,
    /// Other people whose names occur in the papers: a model does not see them, nor those of who speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Earlier cycles of the same person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierCycle>,
}

impl DossierMeta {
    /// Whether `speaker`, as a source names who speaks, is the employee: their id, or their name as [`is_same_name`]
    /// knows it, whatever stands in brackets behind it.
    pub fn is_employee(&self, speaker: &str) -> bool {
        let end = speaker.find(['(', '（', '[', '【']).unwrap_or(speaker.len());
        let said = speaker[..end].trim();
        said.eq_ignore_ascii_case(self.subject.id.as_str()) || is_same_name(said, &self.subject.name)
    }
}

/// Whether two names are one person's: the words of one are all among those of the other, as `Ada` and `Ada Byron`; a
/// Chinese name of two characters or more may stand in a longer word, as in `李雷同学`.
pub fn is_same_name(one: &str, other: &str) -> bool {
    /// Where the scripts that leave no space between words begin.
    const UNSPACED: char = '\u{2E80}';
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        let parts = lower.split(|c: char| !c.is_alphanumeric());
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    };
    let (one, other) = (words(one), words(other));
    let within = |part: &String, whole: &String| {
        let unspaced = part.chars().count() > 1 && part.chars().all(|c| c >= UNSPACED);
        part == whole || (unspaced && whole.contains(part.as_str()))
    };
    let holds = |whole: &[String], parts: &[String]| {
        !parts.is_empty()
            && parts
                .iter()
                .all(|part| whole.iter().any(|word| within(part, word)))
    };
    holds(&one, &other) || holds(&other, &one)
}

/// A pointer to the same person's dossier of an earlier cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierCycle {
    /// The earlier cycle's name.
    pub cycle: String,
    /// Its folder, relative to this dossier.
    pub path: String,
}

/// What a source is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A weekly or monthly report.
    Weekly,
    /// A report on a project.
    Project,
    /// What the employee says of themselves.
    SelfReview,
    /// What colleagues say.
    Peer,
    /// A chat log.
    Chat,
    /// Objectives and key results.
    Okr,
    /// A meeting.
    Meeting,
    /// Anything else.
    Other,
}

/// How a source is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
    /// A chat log, one JSON object a line.
    Jsonl,
    /// A chat log, a JSON array of objects.
    Json,
    /// A table of comma-separated values.
    Csv,
    /// `WebVTT` captions.
    Vtt,
    /// `SubRip` captions.
    Srt,
    /// A text document of Office Open XML.
    Docx,
    /// A presentation of Office Open XML.
    Pptx,
    /// A workbook of Office Open XML.
    Xlsx,
    /// A workbook of `OpenDocument`.
    Ods,
    /// A PDF.
    Pdf,
    /// A web page.
    Html,
    /// A mail message.
    Eml,
    /// A recording: its text is what was heard, as `WebVTT`.
    Recording,
    /// A chart or another picture: its text is what was read in it, a value a line.
    Picture,
}

impl SourceFormat {
    /// Whether a source of this format is read as a plain-text rendition of its file: its spans are bytes of that, not of
    /// the file.
    pub fn is_rendered(self) -> bool {
        use SourceFormat::{Docx, Eml, Html, Ods, Pdf, Picture, Pptx, Xlsx};
        matches!(self, Docx | Pptx | Xlsx | Ods | Pdf | Html | Eml | Picture)
    }
}

/// One file of a dossier after ingest.
#[derive(Debug, Clone)]
pub struct Source {
    /// As `dossier.toml` names it, relative to the dossier.
    pub path: String,
    /// What to call it on screen (sanitised); the file name when no title is given.
    pub title: String,
    /// What it is about.
    pub kind: SourceKind,
    /// How it is laid out.
    pub format: SourceFormat,
    /// The day it speaks of, if given.
    pub date: Option<Date>,
    /// SHA-256 of the raw bytes: the source's address.
    pub hash: ContentHash,
    /// Size of the raw file in bytes.
    pub bytes: u64,
    /// The encoding it was read as: `UTF-8`, `GB18030`, …; of an office file or a picture, who rendered it, and the version.
    pub encoding: &'static str,
    /// The source as read: decoded to UTF-8 and nothing else. For a UTF-8 file these are the file's own bytes, so that
    /// anchors are offsets in the file; an office file is read as its rendition, a recording as its transcript, a picture
    /// as what was read in it. NEVER show it: show [`Source::shown`].
    pub raw: String,
    /// Where the stretches of a rendition lie in the office file.
    pub spots: Spots,
    /// The same text with hidden and control characters made visible, and the map back.
    pub shown: Visible,
    /// The citable places, in order.
    pub segments: Vec<Segment>,
    /// Of a recording, the words that may have been misheard: bytes of [`Source::raw`], in order.
    pub unsure: Vec<Range<usize>>,
    /// What a picture looks like.
    pub picture: Option<Arc<Preview>>,
}

impl Source {
    /// Of a recording, a picture or a document with scanned pages, the address of the text that a model found in it: the
    /// SHA-256 of [`Source::raw`].
    pub fn rendition(&self) -> Option<ContentHash> {
        let by_model = matches!(self.format, SourceFormat::Recording | SourceFormat::Picture);
        let seen = || self.segments.iter().any(|segment| segment.confidence.is_some());
        (by_model || seen()).then(|| ContentHash::of(self.raw.as_bytes()))
    }

    /// The segments that read like orders to a model.
    pub fn orders(&self) -> impl Iterator<Item = (&Segment, Order)> {
        self.segments.iter().filter_map(|s| Some((s, s.order?)))
    }

    /// What there is to say of those; none where there are none.
    pub fn ordering(&self) -> Option<Ordering> {
        let (first, _) = self.orders().next()?;
        let kinds: BTreeSet<Order> = self.orders().map(|(_, order)| order).collect();
        Some(Ordering {
            places: self.orders().count(),
            first: first.no,
            kinds: kinds.into_iter().collect(),
        })
    }

    /// The exact text of a segment as it stands in the source. Untrusted: never show it.
    pub fn slice(&self, anchor: &Anchor) -> &str {
        self.raw.get(anchor.span.clone()).unwrap_or_default()
    }
}

/// What sort of place a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentKind {
    /// A heading of a document.
    Heading,
    /// A sentence, a list item, or a line of code.
    Sentence,
    /// A row of a table.
    Row,
    /// A chat message.
    Message,
    /// A cue of a transcript.
    Utterance,
}

/// The smallest thing that can be cited.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// 1..=N through the whole dossier.
    pub no: SegmentNo,
    /// Which source, an index into [`Dossier::sources`].
    pub source: usize,
    /// What sort of place it is.
    pub kind: SegmentKind,
    /// What it says, sanitised, on one line: ready for the screen and the prompt.
    pub text: String,
    /// Who says it, sanitised, where the source tells.
    pub speaker: Option<String>,
    /// Where it lies.
    pub anchor: Anchor,
    /// How sure a reader of pictures is of its characters, 0 to 1; none for what was not read in a picture.
    pub confidence: Option<f32>,
    /// What it orders a model to do, where it reads like an order to one.
    pub order: Option<Order>,
}

/// Where a segment lies in its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Byte span in [`Source::raw`]; on character boundaries.
    pub span: Range<usize>,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Data row of a table, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// The cell of that row, from 1, where a long row is cut into its cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// When it was said, for transcripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpan>,
    /// When it was written (ISO 8601 as the file says, sanitised), for chat logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The page, slide or cells, for office files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,
    /// The part of the picture, for charts; of the drawn page, for scans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// An upright rectangle of a picture, in its pixels: left, top, right, bottom, the latter two one past the last pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region(pub [u32; 4]);

/// A stretch of a recording, in milliseconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// First millisecond.
    pub start_ms: u64,
    /// One past the last millisecond.
    pub end_ms: u64,
}

impl TimeSpan {
    /// `14:05` or `1:02:03`.
    pub fn clock(self) -> String {
        let s = self.start_ms / 1000;
        match s / 3600 {
            0 => format!("{:02}:{:02}", s / 60, s % 60),
            h => format!("{h}:{:02}:{:02}", s / 60 % 60, s % 60),
        }
    }
}

/// Something a source could not give, in one line; the rest of the dossier opens all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, as `dossier.toml` names it (sanitised).
    pub path: String,
    /// What is wrong and what to do, one line.
    pub message: String,
    /// Whether it tells of [`Source::ordering`], which the screen says in its own language.
    #[serde(skip)]
    pub orders: bool,
    /// Whether it is a recording that nobody has tried to hear yet.
    #[serde(skip)]
    pub unheard: bool,
}

/// The places of a source that read like orders to a model: never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordering {
    /// How many there are.
    pub places: usize,
    /// The first of them.
    pub first: SegmentNo,
    /// What they are after, each once.
    pub kinds: Vec<Order>,
}

/// One employee in one review cycle, read and numbered.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// What `dossier.toml` says.
    pub meta: DossierMeta,
    /// The folder it was read from; never written to.
    pub root: PathBuf,
    /// The sources that could be read, in the order of `dossier.toml`.
    pub sources: Vec<Source>,
    /// The ones that could not.
    pub problems: Vec<Problem>,
}

impl Dossier {
    /// All segments in order of number.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.sources.iter().flat_map(|s| s.segments.iter())
    }

    /// The segment with this number.
    pub fn segment(&self, no: SegmentNo) -> Option<&Segment> {
        let source = self.sources.partition_point(|s| {
            s.segments.first().is_none_or(|f| f.no <= no) && s.segments.last().is_none_or(|l| l.no < no)
        });
        let segments = &self.sources.get(source)?.segments;
        segments
            .binary_search_by_key(&no, |s| s.no)
            .ok()
            .map(|i| &segments[i])
    }

    /// The segment that holds a byte of the source with this address.
    pub fn segment_at(&self, source: &ContentHash, byte: usize) -> Option<&Segment> {
        let source = self.sources.iter().find(|s| s.hash == *source)?;
        let mut segments = source.segments.iter();
        segments.find(|s| s.anchor.span.contains(&byte))
    }

    /// The source a segment belongs to.
    pub fn source_of(&self, segment: &Segment) -> &Source {
        &self.sources[segment.source]
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_name;

    #[test]
    fn names_are_the_same_by_their_words() {
        for (one, other) in [
            ("Ada", "Ada Byron"),
            ("ada byron", "Ada Byron"),
            ("李雷同学", "李雷"),
        ] {
            assert!(is_same_name(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Ann", "Annabel Lee"),
            ("", "Ada"),
            ("王", "王强"),
            ("李雷", "李丽"),
        ] {
            assert!(!is_same_name(one, other), "{one} {other}");
        }
    }
}
