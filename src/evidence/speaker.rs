//! Who says a segment: the employee who is reviewed, somebody else, or nobody that the source names.

use super::words::is_unspaced;
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
            if is_same(name, &dossier.meta.subject.name) {
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

/// Whether a name in a source is the employee's: the words of one are all in the other, as `Ada` and `Ada Byron`,
/// `周骏（基础架构）`; a Chinese name may be a part of a word, as in `李雷同学`.
pub fn is_same(name: &str, subject: &str) -> bool {
    let (name, subject) = (name.to_lowercase(), subject.to_lowercase());
    let words = |text: &'_ str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    };
    let (name, subject) = (words(&name), words(&subject));
    let within = |part: &String, whole: &String| {
        part == whole
            || (part.chars().count() > 1 && part.chars().all(is_unspaced) && whole.contains(part.as_str()))
    };
    let holds = |whole: &[String], parts: &[String]| {
        !parts.is_empty()
            && parts
                .iter()
                .all(|part| whole.iter().any(|word| within(part, word)))
    };
    holds(&subject, &name) || holds(&name, &subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_by_their_words() {
        for (name, subject) in [
            ("Ada", "Ada Byron"),
            ("ada byron (platform)", "Ada Byron"),
            ("周骏（基础架构）", "周骏"),
            ("李雷同学", "李雷"),
        ] {
            assert!(is_same(name, subject), "{name} {subject}");
        }
        for (name, subject) in [
            ("Ann", "Annabel Lee"),
            ("", "Ada"),
            ("王", "王强"),
            ("李雷", "李丽"),
        ] {
            assert!(!is_same(name, subject), "{name} {subject}");
        }
    }
}
