//! Where a score comes from: links from a claim to places in the dossier, counts that can be recounted, and the search
//! that proposes places.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::dossier::{Dossier, DossierMeta, Region, Segment, Spot, TimeSpan};
use crate::hash::ContentHash;
use crate::id::SegmentNo;
pub use crate::rubric::Polarity;

pub mod boundary;
pub mod checks;
pub mod claims;
pub mod founded;
pub mod links;
pub mod locate;
pub mod rarity;
pub mod search;
pub mod select;
pub mod shortlist;
pub mod signals;
pub mod speaker;
#[cfg(test)]
pub(crate) mod testing;
pub mod words;

pub use checks::{Basis, Check, Counterpoint, End, Outcome, cross_check};
pub use claims::{Claim, Counterpart, Recount, recount};
pub use founded::unfounded;
pub use links::{Backlinks, Sides, Verdict, resolve, verify};
pub use search::Index;
pub use select::{Selection, select};
pub use shortlist::{rank, shortlist};
pub use signals::count_signals;

/// One place in a dossier, self-contained: it can be found again from the source's bytes alone, in a
/// picture from the text that was read in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The source's path in the dossier.
    pub source: String,
    /// The source's address.
    pub sha256: ContentHash,
    /// The segment's number when the dossier was read.
    pub segment: SegmentNo,
    /// First byte in the source as read.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpan>,
    /// The page, slide or cells, for office files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,
    /// Who said it (sanitised).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// The part of the picture, for charts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What stands there (sanitised).
    pub quote: String,
}

impl Place {
    /// The whole of a segment.
    pub fn of(dossier: &Dossier, segment: &Segment) -> Self {
        let source = dossier.source_of(segment);
        Self {
            source: source.path.clone(),
            sha256: source.hash,
            segment: segment.no,
            start: segment.anchor.span.start,
            end: segment.anchor.span.end,
            line: segment.anchor.line,
            time: segment.anchor.time,
            spot: segment.anchor.spot.clone(),
            speaker: segment.speaker.clone(),
            region: segment.anchor.region,
            quote: segment.text.clone(),
        }
    }

    /// The byte span.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What sort of evidence a link gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// The words at one place.
    Quote,
    /// How often a term occurs, with every occurrence.
    Count,
    /// A value read from a chart.
    Chart,
}

/// How often a term occurs, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The rubric's signal.
    pub signal: String,
    /// The term as counted.
    pub term: String,
    /// The number of occurrences.
    pub n: usize,
    /// All of them, in order.
    pub occurrences: Vec<Place>,
}

impl Count {
    /// How many of the occurrences the employee of the dossier said in a chat or a meeting.
    pub fn said_by_employee(&self, meta: &DossierMeta) -> usize {
        let said = |place: &&Place| place.speaker.as_deref().is_some_and(|s| meta.is_employee(s));
        self.occurrences.iter().filter(said).count()
    }
}

/// A link from an assessment or a person's claim to the dossier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLink {
    /// What sort of evidence.
    pub kind: EvidenceKind,
    /// For or against.
    pub polarity: Polarity,
    /// The place; for a count, the first occurrence.
    #[serde(flatten)]
    pub place: Place,
    /// For a count: the term, the number and every occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}
