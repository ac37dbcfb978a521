//! Which parts of a self-review speak of what lies ahead: goals and wishes cannot be checked against what happened.

use crate::dossier::{Segment, SegmentKind, Source};

/// Words of headings over what lies ahead, lowercase.
const AHEAD: [&str; 13] = [
    "next half",
    "next year",
    "next quarter",
    "next cycle",
    "next step",
    "goals for",
    "support i need",
    "下半年",
    "下一步",
    "明年",
    "下季度",
    "希望得到",
    "后续计划",
];

/// The segments of `source` that are under no such heading, headings and rows left out.
pub(super) fn behind(source: &Source) -> impl Iterator<Item = &Segment> {
    let mut ahead = false;
    source.segments.iter().filter(move |segment| {
        if segment.kind == SegmentKind::Heading {
            let heading = segment.text.to_lowercase();
            ahead = AHEAD.iter().any(|words| heading.contains(words));
        }
        !ahead && !matches!(segment.kind, SegmentKind::Heading | SegmentKind::Row)
    })
}
