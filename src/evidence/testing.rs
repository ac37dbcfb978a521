//! Small dossiers for the tests of this folder, made without reading files.

use std::path::PathBuf;

use crate::dossier::{
    Anchor, Dossier, DossierMeta, Language, Segment, SegmentKind, Source, SourceFormat, SourceKind, Spots,
    Subject,
};
use crate::hash::ContentHash;
use crate::id::{DossierId, SegmentNo, SubjectId};
use crate::sanitize::Visible;

/// A dossier of `(path, kind, text)`: every line is a segment, lines that begin with `#` are headings, `1. ` begins an
/// item of a list, and a line `name: words` is said by name.
pub fn dossier(language: Language, sources: &[(&str, SourceKind, &str)]) -> Dossier {
    let mut no = 0;
    let read = sources
        .iter()
        .enumerate()
        .map(|(at, (path, kind, text))| source(at, path, *kind, text, &mut no));
    Dossier {
        meta: meta(language),
        root: PathBuf::new(),
        sources: read.collect(),
        problems: Vec::new(),
    }
}

fn meta(language: Language) -> DossierMeta {
    DossierMeta {
        id: DossierId::new("d"),
        subject: Subject {
            id: SubjectId::new("E1"),
            name: "Ada".to_owned(),
        },
        role: "engineer".to_owned(),
        level: None,
        cycle: "2026H1".to_owned(),
        language,
        people: Vec::new(),
        earlier: Vec::new(),
    }
}

fn source(at: usize, path: &str, kind: SourceKind, text: &str, no: &mut u32) -> Source {
    let mut start = 0;
    let mut segments = Vec::new();
    for (line, words) in text.split('\n').enumerate() {
        if !words.trim().is_empty() {
            *no += 1;
            segments.push(segment(*no, at, line as u32 + 1, start, words));
        }
        start += words.len() + 1;
    }
    let json = path.ends_with("json") || path.ends_with("jsonl");
    Source {
        path: path.to_owned(),
        title: path.to_owned(),
        kind,
        format: if json {
            SourceFormat::Jsonl
        } else {
            SourceFormat::Markdown
        },
        date: None,
        hash: ContentHash::of(text.as_bytes()),
        bytes: text.len() as u64,
        encoding: "UTF-8",
        raw: text.to_owned(),
        spots: Spots::default(),
        shown: Visible::of(text),
        unsure: Vec::new(),
        picture: None,
        segments,
    }
}

fn segment(no: u32, source: usize, line: u32, start: usize, whole: &str) -> Segment {
    let words = whole.trim_start_matches(|c: char| c.is_ascii_digit());
    let words = words.strip_prefix(". ").unwrap_or(whole);
    let (speaker, said) = match words.split_once(": ") {
        Some((speaker, said)) => (Some(speaker.to_owned()), said),
        None => (None, words),
    };
    let end = start + whole.len();
    let kind = if words.starts_with('#') {
        SegmentKind::Heading
    } else {
        SegmentKind::Sentence
    };
    Segment {
        no: SegmentNo(no),
        source,
        kind,
        text: said.to_owned(),
        speaker,
        anchor: Anchor {
            span: end - said.len()..end,
            line,
            row: None,
            column: None,
            time: None,
            at: None,
            spot: None,
            region: None,
        },
        confidence: None,
        order: None,
    }
}
