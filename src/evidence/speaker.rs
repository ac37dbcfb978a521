//! Who says a segment: the employee who is reviewed, somebody else, or nobody that the source names.

use crate::dossier::{Dossier, Segment, SourceKind};

/// Who says a segment of a chat or a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The employee.
    Subject,
    /// Another person, or a machine that posts under a name.
    Other,
    /// The source does not say, or is neither chat nor meeting.
    Unknown,
}

/// Who says `segment`.
pub fn of(dossier: &Dossier, segment: &Segment) -> Speaker {
    let kind = dossier.source_of(segment).kind;
    match segment.speaker.as_deref() {
        Some(name) if matches!(kind, SourceKind::Chat | SourceKind::Meeting) => {
            if dossier.meta.is_employee(name) {
                Speaker::Subject
            } else {
                Speaker::Other
            }
        }
        _ => Speaker::Unknown,
    }
}

/// Whether `segment` is not the employee's: another says it, or nobody is named where others are.
pub fn is_another(dossier: &Dossier, segment: &Segment) -> bool {
    let source = dossier.source_of(segment);
    let talk = matches!(source.kind, SourceKind::Chat | SourceKind::Meeting);
    match of(dossier, segment) {
        Speaker::Subject => false,
        Speaker::Other => true,
        Speaker::Unknown => talk && source.segments.iter().any(|s| s.speaker.is_some()),
    }
}
