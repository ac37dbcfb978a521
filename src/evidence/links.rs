//! Links both ways: from segment numbers to places, from a recorded place back to its bytes, and from a place to the
//! dimensions that cite it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::locate::Located;
use super::{EvidenceKind, EvidenceLink, Place};
use crate::dossier::{Dossier, Segment, Source};
use crate::hash::ContentHash;
use crate::id::{DimensionId, SegmentNo};
use crate::rubric::Polarity;

/// A supporting quotation of each segment in `numbers`: in the order given, each once, numbers that no segment has
/// left out.
pub fn resolve(dossier: &Dossier, numbers: &[SegmentNo]) -> Vec<EvidenceLink> {
    let mut seen = BTreeSet::new();
    let segments = numbers.iter().filter_map(|no| dossier.segment(*no));
    segments
        .filter(|s| seen.insert(s.no))
        .map(|s| quote(dossier, s))
        .collect()
}

/// A supporting quotation of a whole segment.
pub fn quote(dossier: &Dossier, segment: &Segment) -> EvidenceLink {
    EvidenceLink {
        kind: EvidenceKind::Quote,
        polarity: Polarity::Supports,
        place: Place::of(dossier, segment),
        count: None,
    }
}

/// Whether a recorded link still says what the dossier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The same bytes are there and give the same quotation.
    Holds,
    /// No source of the dossier has that path or that content.
    SourceMissing,
    /// The source is there, but its bytes are others.
    SourceChanged,
    /// The span does not lie on characters of one segment of the source.
    SpanOutside,
    /// The bytes are there and say something else than the quotation.
    QuoteDiffers,
    /// A count whose number is not that of its occurrences.
    CountDiffers,
}

/// Checks a link against the dossier: source hash, span, quotation, and for a count every occurrence.
pub fn verify(dossier: &Dossier, link: &EvidenceLink) -> Verdict {
    let occurrences = link.count.as_ref().map_or(&[][..], |c| &c.occurrences);
    if link.count.as_ref().is_some_and(|c| c.n != c.occurrences.len()) {
        return Verdict::CountDiffers;
    }
    std::iter::once(&link.place)
        .chain(occurrences)
        .map(|place| verify_place(dossier, place))
        .find(|verdict| *verdict != Verdict::Holds)
        .unwrap_or(Verdict::Holds)
}

fn verify_place(dossier: &Dossier, place: &Place) -> Verdict {
    let Some(source) = source_of(dossier, place) else {
        let same_path = dossier.sources.iter().any(|s| s.path == place.source);
        return if same_path {
            Verdict::SourceChanged
        } else {
            Verdict::SourceMissing
        };
    };
    match segment_at(source, place.span()) {
        None => Verdict::SpanOutside,
        Some(segment) => match Place::within(dossier, segment, place.span()) {
            None => Verdict::SpanOutside,
            Some(now) if now.quote == place.quote => Verdict::Holds,
            Some(_) => Verdict::QuoteDiffers,
        },
    }
}

/// The source with the place's content; of several, the one that also has its path.
fn source_of<'a>(dossier: &'a Dossier, place: &Place) -> Option<&'a Source> {
    let mut same = dossier.sources.iter().filter(|s| s.hash == place.sha256);
    let first = same.clone().next();
    same.find(|s| s.path == place.source).or(first)
}

fn segment_at(source: &Source, span: Range<usize>) -> Option<&Segment> {
    let after = source
        .segments
        .partition_point(|s| s.anchor.span.start <= span.start);
    let segment = &source.segments[after.checked_sub(1)?];
    (span.end <= segment.anchor.span.end).then_some(segment)
}

impl Place {
    /// Some of a segment: `span` are bytes of the source as read. None where they do not lie on characters inside the
    /// segment.
    pub fn within(dossier: &Dossier, segment: &Segment, span: Range<usize>) -> Option<Self> {
        if span == segment.anchor.span {
            return Some(Self::of(dossier, segment));
        }
        Located::new(dossier, segment).part(span)
    }
}

/// Which dimensions cite which places.
#[derive(Debug, Clone, Default)]
pub struct Backlinks {
    cited: HashMap<ContentHash, Vec<Citation>>,
    places: BTreeMap<DimensionId, Vec<EvidenceLink>>,
}

/// One place that a dimension cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The dimension.
    pub dimension: DimensionId,
    /// The link, a position in [`Backlinks::places`] of the dimension.
    pub link: usize,
    /// Quotation, count or chart.
    pub kind: EvidenceKind,
    /// For or against.
    pub polarity: Polarity,
    /// Bytes of the source as read.
    pub span: Range<usize>,
}

impl Backlinks {
    /// Collects the links of every dimension; a count cites each of its occurrences.
    pub fn of<'a>(dimensions: impl IntoIterator<Item = (&'a DimensionId, &'a [EvidenceLink])>) -> Self {
        let mut backlinks = Self::default();
        for (dimension, links) in dimensions {
            for (at, link) in links.iter().enumerate() {
                backlinks.add(dimension, at, link);
            }
            backlinks.places.insert(dimension.clone(), links.to_vec());
        }
        for citations in backlinks.cited.values_mut() {
            citations.sort_by_key(|c| (c.span.start, c.span.end));
        }
        backlinks
    }

    /// What cites any byte of `span` of the source with this content, in order of place.
    pub fn citing(&self, sha256: &ContentHash, span: Range<usize>) -> impl Iterator<Item = &Citation> {
        let citations = self.cited.get(sha256).map_or(&[][..], Vec::as_slice);
        let before_end = citations.partition_point(|c| c.span.start < span.end);
        citations[..before_end]
            .iter()
            .filter(move |c| c.span.end > span.start)
    }

    /// The places that a dimension cites.
    pub fn places(&self, dimension: &DimensionId) -> &[EvidenceLink] {
        self.places.get(dimension).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, dimension: &DimensionId, at: usize, link: &EvidenceLink) {
        let places = match &link.count {
            Some(count) => count.occurrences.as_slice(),
            None => std::slice::from_ref(&link.place),
        };
        for place in places {
            self.cited.entry(place.sha256).or_default().push(Citation {
                dimension: dimension.clone(),
                link: at,
                kind: link.kind,
                polarity: link.polarity,
                span: place.span(),
            });
        }
    }
}
