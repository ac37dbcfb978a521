//! Links both ways: from segment numbers to places, from a recorded place back to its bytes, and from a place to the
//! dimensions that cite it. And whether a quotation speaks for or against: see [`Sides`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::locate::Located;
use super::signals::Counters;
use super::speaker::{self, Speaker};
use super::{EvidenceKind, EvidenceLink, Place, recount};
use crate::dossier::{Dossier, Segment, SegmentKind, Source, SourceKind};
use crate::hash::ContentHash;
use crate::id::{DimensionId, SegmentNo};
use crate::rubric::{Dimension, Polarity, Rubric};

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

/// Which segments speak against the person who is reviewed, when they are quoted for a dimension.
///
/// A rule that anyone can check, built to be right rather than complete: what it passes over counts as support, and the
/// reviewer may turn any link round. A quotation contradicts in three cases.
/// - **A colleague complains.** It holds an adverse term of the dimension's signals, and someone else says it: it stands
///   in peer notes, or another speaker says it in a chat or a meeting. The subject's own words do not count, because
///   there such a term is as often what they put right ("no rework needed for them"). Nor does a term with a negation
///   before it in its clause ("不推责任", "never late").
/// - **A status says so.** It is a row of a table and an adverse term fills a cell (`自评状态: 延期`). Elsewhere in a row
///   such a term names what is measured.
/// - **A number differs.** It states another number than the self-review claims for the same thing (see
///   [`recount()`]), whatever the dimension. The claim itself goes on supporting, and so does the table of objectives,
///   which the subject fills in too: a result below what was claimed may still be above the goal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// The segments with other numbers than the self-review's.
    disputing: BTreeSet<SegmentNo>,
}

impl Sides {
    /// Finds the numbers that differ.
    pub fn of(dossier: &Dossier, rubric: &Rubric) -> Self {
        let kind = |place: &Place| Some(dossier.source_of(dossier.segment(place.segment)?).kind);
        let claims = recount(dossier, rubric).into_iter();
        let reviewed = claims.filter(|c| kind(&c.place) == Some(SourceKind::SelfReview));
        let differing = reviewed.flat_map(|c| c.found).filter(|c| !c.agrees);
        let told = differing.filter(|c| kind(&c.place) != Some(SourceKind::Okr));
        Self {
            disputing: told.map(|c| c.place.segment).collect(),
        }
    }

    /// Quotations of the segments in `numbers` as [`resolve`] gives them, each for or against `dimension`.
    pub fn resolve(
        &self,
        dossier: &Dossier,
        dimension: &Dimension,
        numbers: &[SegmentNo],
    ) -> Vec<EvidenceLink> {
        let counters = Counters::new(dimension, dossier.meta.language);
        let mut links = resolve(dossier, numbers);
        for link in &mut links {
            let no = link.place.segment;
            let speaks = |segment| is_complaint(dossier, segment, &counters);
            if self.disputing.contains(&no) || dossier.segment(no).is_some_and(speaks) {
                link.polarity = Polarity::Contradicts;
            }
        }
        links
    }
}

/// Whether the segment holds an adverse term that someone else says, or that fills a cell.
fn is_complaint(dossier: &Dossier, segment: &Segment, counters: &Counters) -> bool {
    let text = segment.text.as_str();
    let mut found = counters.adverse(text).into_iter();
    match segment.kind {
        SegmentKind::Heading => false,
        SegmentKind::Row => found.any(|term| fills_cell(text, &term)),
        _ => is_told_by_others(dossier, segment) && found.any(|term| !is_negated(&text[..term.start])),
    }
}

/// Whether the term is all that stands in one cell of a row, `Header: cell; Header: cell`.
fn fills_cell(row: &str, term: &Range<usize>) -> bool {
    let (before, after) = (&row[..term.start], &row[term.end..]);
    before.ends_with(": ") && (after.is_empty() || after.starts_with("; "))
}

fn is_told_by_others(dossier: &Dossier, segment: &Segment) -> bool {
    match dossier.source_of(segment).kind {
        SourceKind::Peer => true,
        _ => speaker::of(dossier, segment) == Speaker::Other,
    }
}

/// Whether the clause that `before` ends in holds a negation.
fn is_negated(before: &str) -> bool {
    const CLAUSE_ENDS: &str = "，。；：、！？（）,;:.!?()";
    const WORDS: [&str; 7] = ["0", "no", "not", "never", "nobody", "without", "zero"];
    let clause = before
        .rsplit(|c| CLAUSE_ENDS.contains(c))
        .next()
        .unwrap_or_default();
    let lower = clause.to_lowercase().replace('’', "'");
    let mut words = lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '\''));
    clause.contains(['不', '没', '无', '未', '非', '别', '零'])
        || words.any(|w| WORDS.contains(&w) || w.ends_with("n't"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::{Language, SourceKind};
    use crate::error::{Error, ErrorKind, Result};
    use crate::evidence::{count_signals, testing};
    use crate::ingest;
    use crate::rubric::builtin;

    const WEEKLY: &str = "# Week 9\n对齐了三次\nAda: 说“先对齐”";

    fn dossier() -> Dossier {
        let sources = [
            ("w.md", SourceKind::Weekly, WEEKLY),
            ("c.jsonl", SourceKind::Chat, r#"Bo: 说 \"好\" 就行"#),
        ];
        testing::dossier(Language::Zh, &sources)
    }

    /// What is cited of an office file is bytes of its rendition, and says where a person finds it in the file.
    #[test]
    fn every_place_in_an_office_file_verifies_and_says_where_it_lies() -> Result<()> {
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office");
        let mut whereabouts = Vec::new();
        for name in ["zh-sunyue-2026h1", "en-marta-lind-2026h1"] {
            let folder = samples.join(name);
            let dossier = ingest::open_with(&folder, ingest::Limits::default(), ingest::Readers::HERE)?;
            let all: Vec<SegmentNo> = dossier.segments().map(|s| s.no).collect();
            for link in resolve(&dossier, &all) {
                assert_eq!(verify(&dossier, &link), Verdict::Holds, "{}", link.place.quote);
                let json = serde_json::to_string(&link)
                    .map_err(|e| Error::new(ErrorKind::Internal, "no JSON").because(e))?;
                assert_eq!(serde_json::from_str(&json).ok(), Some(link.clone()));
                whereabouts.extend(link.place.spot.map(|spot| spot.to_string()));
            }
            let row = dossier
                .segments()
                .find(|s| s.text.contains("23; "))
                .filter(|s| s.anchor.row.is_some());
            if let Some(row) = row {
                let start = row.anchor.span.start + row.text.find("23; ").unwrap_or_default();
                let cell = Place::within(&dossier, row, start..start + 2);
                assert_eq!(
                    cell.and_then(|c| c.spot).map(|s| s.to_string()).as_deref(),
                    Some("目标!C4")
                );
            }
        }
        for expected in ["p. 2", "slide 2", "OKR!A4:D4", "目标!A4:D4"] {
            assert!(
                whereabouts.iter().any(|w| w == expected),
                "{expected}: {whereabouts:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn numbers_resolve_once_in_the_order_given() {
        let dossier = dossier();
        let links = resolve(&dossier, &[3, 9, 2, 3, 0].map(SegmentNo));
        let quotes: Vec<&str> = links.iter().map(|l| l.place.quote.as_str()).collect();
        assert_eq!(quotes, ["说“先对齐”", "对齐了三次"]);
        assert_eq!(links[0].place.speaker.as_deref(), Some("Ada"));
        assert_eq!(&WEEKLY[links[0].place.span()], "说“先对齐”");
    }

    /// The segments, of those numbered, that speak against a dimension.
    fn against(
        dossier: &Dossier,
        dimension: &str,
        numbers: std::ops::RangeInclusive<u32>,
    ) -> Result<Vec<u32>> {
        let rubric = builtin("core")?;
        let sides = Sides::of(dossier, &rubric);
        let numbers: Vec<SegmentNo> = numbers.map(SegmentNo).collect();
        let mut links = Vec::new();
        for dimension in rubric.dimensions.iter().filter(|d| d.id.as_str() == dimension) {
            links = sides.resolve(dossier, dimension, &numbers);
        }
        assert_eq!(links.len(), numbers.len(), "{dimension}");
        let contradicts = links.iter().filter(|l| l.polarity == Polarity::Contradicts);
        Ok(contradicts.map(|l| l.place.segment.0).collect())
    }

    #[test]
    fn a_complaint_of_a_colleague_contradicts_and_one_s_own_words_do_not() -> Result<()> {
        let sources = [
            (
                "p.txt",
                SourceKind::Peer,
                "催了三次才给\n吵归吵，从不扯皮\nNo silos here\nHe doesn't make silos\nI chased him",
            ),
            (
                "c.jsonl",
                SourceKind::Chat,
                "Bo: 我催了你两次\nAda: 我催了他们两次\n催了没有？",
            ),
            ("s.md", SourceKind::SelfReview, "我催了风控两次"),
        ];
        let dossier = testing::dossier(Language::Zh, &sources);
        assert_eq!(against(&dossier, "collaboration", 1..=9)?, [1, 5, 6]);
        assert_eq!(against(&dossier, "delivery", 1..=9)?, [0; 0], "another dimension");
        Ok(())
    }

    #[test]
    fn a_row_contradicts_where_the_term_fills_a_cell() -> Result<()> {
        let rows = "x: 关键结果: 逾期款收回; 状态: 完成\nx: 关键结果: 写作课; 状态: 延期\nx: 关键结果: 课; 状态: 未完成; 备注: 无\nx: 状态: 延期两周";
        let mut dossier = testing::dossier(Language::Zh, &[("o.csv", SourceKind::Okr, rows)]);
        for segment in &mut dossier.sources[0].segments {
            segment.kind = SegmentKind::Row;
        }
        assert_eq!(against(&dossier, "delivery", 1..=4)?, [2, 3]);
        Ok(())
    }

    #[test]
    fn a_number_that_differs_from_the_self_review_contradicts_it() -> Result<()> {
        let sources = [
            ("s.md", SourceKind::SelfReview, "单测覆盖率达到 75%"),
            ("w.md", SourceKind::Weekly, "单测覆盖率 58%"),
            ("p.txt", SourceKind::Peer, "单测覆盖率 75%"),
        ];
        let dossier = testing::dossier(Language::Zh, &sources);
        assert_eq!(against(&dossier, "quality", 1..=3)?, [2]);
        Ok(())
    }

    #[test]
    fn an_untouched_dossier_holds_every_link() -> Result<()> {
        let dossier = dossier();
        let rubric = builtin("core")?;
        let counts = count_signals(&dossier, &rubric.dimensions[0], Language::Zh);
        assert_eq!(counts.len(), 1);
        for link in resolve(&dossier, &[1, 2, 3, 4].map(SegmentNo))
            .iter()
            .chain(&counts)
        {
            assert_eq!(verify(&dossier, link), Verdict::Holds, "{link:?}");
        }
        Ok(())
    }

    #[test]
    fn a_part_of_a_segment_is_a_place_too() {
        let dossier = dossier();
        let chat = &dossier.sources[1];
        let segment = &chat.segments[0];
        let span = chat.raw.find(r#"\"好\""#).map(|at| at..at + r#"\"好\""#.len());
        let place = span.and_then(|span| Place::within(&dossier, segment, span));
        assert_eq!(place.as_ref().map(|p| p.quote.as_str()), Some("\"好\""));
        let start = segment.anchor.span.start;
        assert_eq!(
            Place::within(&dossier, segment, start..start + 1),
            None,
            "half a character"
        );
        assert_eq!(Place::within(&dossier, segment, 0..start + 3), None, "outside");
        assert_eq!(Place::within(&dossier, segment, start..start), None, "nothing");
    }

    #[test]
    fn what_changed_is_told_apart() {
        let (old, mut new) = (dossier(), dossier());
        let links = resolve(&old, &[SegmentNo(2)]);
        let altered = |change: fn(&mut EvidenceLink)| {
            let mut link = links[0].clone();
            change(&mut link);
            verify(&old, &link)
        };
        assert_eq!(altered(|l| l.place.quote.push('。')), Verdict::QuoteDiffers);
        assert_eq!(altered(|l| l.place.end += 1), Verdict::SpanOutside);
        assert_eq!(
            altered(|l| l.place.source = "renamed.md".to_owned()),
            Verdict::Holds
        );
        new.sources[0].hash = ContentHash::of(b"other");
        assert_eq!(verify(&new, &links[0]), Verdict::SourceChanged);
        new.sources.remove(0);
        assert_eq!(verify(&new, &links[0]), Verdict::SourceMissing);
    }

    #[test]
    fn a_count_must_have_the_occurrences_it_claims() -> Result<()> {
        let dossier = dossier();
        let rubric = builtin("core")?;
        let mut count = count_signals(&dossier, &rubric.dimensions[0], Language::Zh).remove(0);
        if let Some(count) = &mut count.count {
            count.n += 1;
        }
        assert_eq!(verify(&dossier, &count), Verdict::CountDiffers);
        Ok(())
    }

    #[test]
    fn a_place_knows_who_cites_it() -> Result<()> {
        let dossier = dossier();
        let rubric = builtin("core")?;
        let [first, second] = [&rubric.dimensions[0], &rubric.dimensions[1]];
        let counts = count_signals(&dossier, first, Language::Zh);
        let quotes = resolve(&dossier, &[SegmentNo(3)]);
        let backlinks = Backlinks::of([(&first.id, &counts[..]), (&second.id, &quotes[..])]);
        let citing = |no: u32| -> Vec<(&str, EvidenceKind)> {
            let Some(segment) = dossier.segment(SegmentNo(no)) else {
                return Vec::new();
            };
            let source = dossier.source_of(segment);
            let citations = backlinks.citing(&source.hash, segment.anchor.span.clone());
            citations.map(|c| (c.dimension.as_str(), c.kind)).collect()
        };
        assert_eq!(citing(1), []);
        assert_eq!(citing(2), [("collaboration", EvidenceKind::Count)]);
        let both = [
            ("ownership", EvidenceKind::Quote),
            ("collaboration", EvidenceKind::Count),
        ];
        assert_eq!(citing(3), both);
        assert_eq!(backlinks.places(&second.id), quotes);
        assert_eq!(backlinks.places(&rubric.dimensions[2].id), []);
        Ok(())
    }
}
