//! The JSON object of `plumb score --json`. Its shape is stable: fields are added, never renamed.

use std::borrow::Cow;

use serde::Serialize;

use super::Scored;
use crate::cli::out;
use crate::dossier::{Dossier, Problem, Region, Spot, Subject, TimeSpan};
use crate::engine::{ModelIdentity, RubricIdentity, ScoreReading, Timing};
use crate::error::Result;
use crate::evidence::{Check, Count, EvidenceKind, EvidenceLink, unfounded};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, SegmentNo};
use crate::ingest::redaction::Redaction;
use crate::rubric::Polarity;
use crate::sanitize::orders::Order;

#[derive(Serialize)]
struct Report<'a> {
    dossier: DossierPart<'a>,
    rubric: RubricIdentity,
    model: Option<&'a ModelIdentity>,
    dimensions: Vec<DimensionPart<'a>>,
    /// What claims meet in the other sources, both ends of each; rules, not the model.
    checks: &'a [Check],
    timing: Timing,
}

#[derive(Serialize)]
struct DossierPart<'a> {
    id: &'a DossierId,
    subject: &'a Subject,
    cycle: &'a str,
    sources: Vec<SourcePart<'a>>,
    /// What could not be read, and what reads like an order to a model.
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct SourcePart<'a> {
    path: &'a str,
    sha256: ContentHash,
    segments: usize,
}

#[derive(Serialize)]
struct DimensionPart<'a> {
    id: &'a DimensionId,
    name: &'a str,
    #[serde(flatten)]
    reading: ScoreReading,
    calibration: Option<ContentHash>,
    evidence: Vec<EvidencePart<'a>>,
    rationale: Cow<'a, str>,
    suggestion: Cow<'a, str>,
    /// Numbers in the rationale that stand in nothing that is cited.
    unfounded: Vec<String>,
    omitted: u32,
}

#[derive(Serialize)]
struct EvidencePart<'a> {
    kind: EvidenceKind,
    polarity: Polarity,
    source: &'a str,
    segment: SegmentNo,
    start: usize,
    end: usize,
    quote: &'a str,
    line: u32,
    time: Option<TimeSpan>,
    spot: Option<&'a Spot>,
    speaker: Option<&'a str>,
    region: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<&'a Count>,
    /// What it orders a model to do, where the segment reads like an order to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    /// The model's own score, `raw_score`, minus the score where the segment could not be seen; only with `--influence`.
    #[serde(skip_serializing_if = "Option::is_none")]
    carries: Option<f32>,
}

impl<'a> EvidencePart<'a> {
    fn of(link: &'a EvidenceLink, dossier: &Dossier, carries: Option<f32>) -> Self {
        let place = &link.place;
        Self {
            kind: link.kind,
            polarity: link.polarity,
            source: &place.source,
            segment: place.segment,
            start: place.start,
            end: place.end,
            quote: &place.quote,
            line: place.line,
            time: place.time,
            spot: place.spot.as_ref(),
            speaker: place.speaker.as_deref(),
            region: place.region,
            count: link.count.as_ref(),
            order: dossier.segment(place.segment).and_then(|segment| segment.order),
            carries,
        }
    }
}

/// Prints the object.
pub(super) fn print(scored: &Scored) -> Result<()> {
    let request = &scored.request;
    let (dossier, rubric) = (&request.dossier, &request.rubric);
    let names = Redaction::by(rubric, dossier, request.language);
    let sources = dossier.sources.iter().map(|s| SourcePart {
        path: &s.path,
        sha256: s.hash,
        segments: s.segments.len(),
    });
    let dimensions = scored.finished.iter().map(|(a, _)| DimensionPart {
        id: &a.dimension,
        name: rubric
            .dimension(&a.dimension)
            .map_or("", |d| d.name.get(request.language)),
        reading: a.reading,
        calibration: a.calibration,
        evidence: a
            .evidence
            .iter()
            .map(|link| EvidencePart::of(link, dossier, scored.carries(a, link)))
            .collect(),
        rationale: names.reveal(&a.rationale),
        suggestion: names.reveal(&a.suggestion),
        unfounded: {
            let why = names.reveal(&a.rationale);
            let numbers = unfounded(&why, dossier, &a.evidence);
            numbers.into_iter().map(str::to_owned).collect()
        },
        omitted: a.omitted,
    });
    out::json(&Report {
        dossier: DossierPart {
            id: &dossier.meta.id,
            subject: &dossier.meta.subject,
            cycle: &dossier.meta.cycle,
            sources: sources.collect(),
            problems: &dossier.problems,
        },
        rubric: RubricIdentity {
            id: rubric.id.clone(),
            version: rubric.version.clone(),
            sha256: rubric.hash,
        },
        model: scored.finished.first().map(|(a, _)| &a.model),
        dimensions: dimensions.collect(),
        checks: &scored.checks,
        timing: scored.timing,
    })
}
