//! The JSON object of `plumb ingest --json`. Its shape is stable: fields are added, never renamed, and one that does not
//! apply is null.

use jiff::civil::Date;
use serde::Serialize;

use crate::dossier::{
    Dossier, DossierMeta, Language, Problem, Region, Segment, SegmentKind, Source, SourceFormat, SourceKind,
    Spot, Subject, TimeSpan,
};
use crate::hash::ContentHash;
use crate::id::{DossierId, SegmentNo};
use crate::sanitize::orders::Order;

#[derive(Serialize)]
pub(super) struct Report<'a> {
    dossier: DossierPart<'a>,
    sources: Vec<SourcePart<'a>>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct DossierPart<'a> {
    id: &'a DossierId,
    subject: &'a Subject,
    role: &'a str,
    level: Option<&'a str>,
    cycle: &'a str,
    language: Language,
}

#[derive(Serialize)]
struct SourcePart<'a> {
    path: &'a str,
    title: &'a str,
    kind: SourceKind,
    format: SourceFormat,
    date: Option<Date>,
    sha256: ContentHash,
    bytes: u64,
    encoding: &'a str,
    /// How many hidden characters became marks.
    hidden: usize,
    /// How many segments read like orders to a model.
    orders: usize,
    segments: Vec<SegmentPart<'a>>,
}

#[derive(Serialize)]
struct SegmentPart<'a> {
    no: SegmentNo,
    kind: SegmentKind,
    text: &'a str,
    speaker: Option<&'a str>,
    /// Whether the speaker is the employee, where the source tells who speaks.
    employee: Option<bool>,
    /// Bytes of the source as read.
    start: usize,
    end: usize,
    line: u32,
    row: Option<u32>,
    column: Option<u32>,
    time: Option<TimeSpan>,
    at: Option<&'a str>,
    /// The page, slide or cells of an office file.
    spot: Option<&'a Spot>,
    /// Of a picture or a scanned page: left, top, right, bottom in pixels.
    region: Option<Region>,
    /// The same: how sure the reader is of the characters, 0 to 1.
    confidence: Option<f32>,
    /// What it orders a model to do, where it reads like an order to one.
    order: Option<Order>,
}

impl<'a> Report<'a> {
    pub(super) fn of(dossier: &'a Dossier) -> Self {
        Self {
            dossier: DossierPart::of(&dossier.meta),
            sources: dossier
                .sources
                .iter()
                .map(|source| SourcePart::of(source, &dossier.meta))
                .collect(),
            problems: &dossier.problems,
        }
    }
}

impl<'a> DossierPart<'a> {
    fn of(meta: &'a DossierMeta) -> Self {
        Self {
            id: &meta.id,
            subject: &meta.subject,
            role: &meta.role,
            level: meta.level.as_deref(),
            cycle: &meta.cycle,
            language: meta.language,
        }
    }
}

impl<'a> SourcePart<'a> {
    fn of(source: &'a Source, meta: &DossierMeta) -> Self {
        Self {
            path: &source.path,
            title: &source.title,
            kind: source.kind,
            format: source.format,
            date: source.date,
            sha256: source.hash,
            bytes: source.bytes,
            encoding: source.encoding,
            hidden: source.shown.findings().count(),
            orders: source.orders().count(),
            segments: source
                .segments
                .iter()
                .map(|segment| SegmentPart::of(segment, meta))
                .collect(),
        }
    }
}

impl<'a> SegmentPart<'a> {
    fn of(segment: &'a Segment, meta: &DossierMeta) -> Self {
        let anchor = &segment.anchor;
        Self {
            no: segment.no,
            kind: segment.kind,
            text: &segment.text,
            speaker: segment.speaker.as_deref(),
            employee: segment.speaker.as_deref().map(|name| meta.is_employee(name)),
            start: anchor.span.start,
            end: anchor.span.end,
            line: anchor.line,
            row: anchor.row,
            column: anchor.column,
            time: anchor.time,
            at: anchor.at.as_deref(),
            spot: anchor.spot.as_ref(),
            region: anchor.region,
            confidence: segment.confidence,
            order: segment.order,
        }
    }
}
