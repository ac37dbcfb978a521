use super::*;
use crate::engine::RubricIdentity;
use crate::id::{RecordId, RubricId};
use crate::review::preference::Origin;

fn source() -> ContentHash {
    ContentHash::of(b"weekly")
}

/// Twelve segments of ten bytes; the prompt is one line each way.
pub(crate) struct Twelve;

impl Prompts for Twelve {
    fn messages(&self, _: &AssessmentId) -> Result<Vec<Message>> {
        let message = |role, content: &str| Message {
            role,
            content: content.to_owned(),
        };
        Ok(vec![
            message("system", "你协助绩效评审。"),
            message("user", "[1] Shipped \"late\".\n交付？"),
        ])
    }

    fn segments(&self, _: &AssessmentId) -> Result<Vec<(ContentHash, usize, usize)>> {
        Ok((0..12).map(|i| (source(), i * 10, i * 10 + 10)).collect())
    }
}

fn cited(start: usize, end: usize) -> Cited {
    Cited {
        sha256: source(),
        start,
        end,
    }
}

fn answer(evidence: &[usize], levels: &[(u8, f32)], words: bool) -> Answer {
    Answer {
        evidence: evidence.iter().map(|n| cited(n * 10 - 10, n * 10)).collect(),
        score: (!levels.is_empty()).then(|| Target {
            value: levels
                .iter()
                .map(|(level, share)| f32::from(*level) * share)
                .sum(),
            levels: levels.to_vec(),
        }),
        words: words.then(|| Words {
            rationale: "按期交付\"两次\"。".to_owned(),
            suggestion: "Plan a buffer.".to_owned(),
        }),
    }
}

fn record(origin: Origin, lesson: Lesson) -> PreferenceRecord {
    PreferenceRecord {
        id: RecordId::new("r1"),
        seq: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: "chen".into(),
        subject: "E1".into(),
        dossier: "d1".into(),
        dimension: "delivery".into(),
        rubric: RubricIdentity {
            id: RubricId::new("core"),
            version: "1.0.0".to_owned(),
            sha256: ContentHash::of(b"core"),
        },
        assessment: ContentHash::of(b"assessment"),
        decisions: vec![RecordId::new("r1")],
        origin,
        model_visible: true,
        reason: None,
        lesson,
    }
}

/// A whole answer that stands.
pub(crate) fn accepted() -> PreferenceRecord {
    let answer = answer(&[5], &[(4, 1.0)], true);
    record(Origin::Accept, Lesson::Single { answer, label: true })
}

/// An override to a half point, a link added, an accept, an accept of a half point.
fn records() -> Vec<PreferenceRecord> {
    vec![
        record(
            Origin::Override,
            Lesson::Pair {
                chosen: answer(&[12, 3], &[(3, 0.5), (4, 0.5)], false),
                rejected: answer(&[12], &[(2, 1.0)], false),
                margin: 0.4,
            },
        ),
        record(
            Origin::LinkAdded,
            Lesson::Pair {
                chosen: answer(&[12, 3], &[], false),
                rejected: answer(&[12], &[], false),
                margin: 0.0,
            },
        ),
        accepted(),
        record(
            Origin::Accept,
            Lesson::Single {
                answer: answer(&[5], &[(4, 0.5), (5, 0.5)], false),
                label: true,
            },
        ),
    ]
}

fn exported(format: Format, records: &[PreferenceRecord]) -> Result<(String, Exported)> {
    let mut out = Vec::new();
    let done = export(format, records, &Twelve, &mut out)?;
    Ok((String::from_utf8_lossy(&out).into_owned(), done))
}

#[test]
fn every_format_writes_exactly_its_keys() -> Result<()> {
    let formats = [
        ("ms-swift-rm", Format::MsSwiftRm),
        ("ms-swift-kto", Format::MsSwiftKto),
        ("ms-swift-grpo", Format::MsSwiftGrpo),
        ("trl", Format::Trl),
        ("trl-kto", Format::TrlKto),
        ("trl-grpo", Format::TrlGrpo),
    ];
    for (name, format) in formats {
        let (text, done) = exported(format, &records())?;
        assert_eq!(done.lines, text.lines().count());
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line)
                .map_err(|e| Error::new(ErrorKind::Internal, format!("{name}: {line}")).because(e))?;
        }
        insta::assert_snapshot!(name, text);
    }
    Ok(())
}

#[test]
fn a_whole_answer_is_what_the_model_would_have_written() -> Result<()> {
    let whole = completions(&answer(&[12, 5], &[(4, 1.0)], true), &[12, 5])?;
    assert_eq!(
        whole,
        [r#"{"evidence":[12,5],"score":4,"rationale":"按期交付\"两次\"。","suggestion":"Plan a buffer."}"#]
    );
    Ok(())
}

#[test]
fn a_place_is_every_segment_it_touches() {
    let segments: Vec<_> = (0..3).map(|i| (source(), i * 10, i * 10 + 10)).collect();
    assert_eq!(numbers(&[cited(10, 20)], &segments), [2]);
    assert_eq!(numbers(&[cited(15, 25), cited(20, 21)], &segments), [2, 3]);
    assert_eq!(numbers(&[cited(30, 40)], &segments), [0_u32; 0]);
}

#[test]
fn a_pair_about_a_place_the_model_was_not_shown_is_left_out_and_counted() -> Result<()> {
    let pair = Lesson::Pair {
        chosen: answer(&[12, 40], &[], false),
        rejected: answer(&[12], &[], false),
        margin: 0.0,
    };
    let (text, done) = exported(Format::MsSwiftRm, &[record(Origin::LinkAdded, pair)])?;
    assert_eq!(
        (text.as_str(), done),
        (
            "",
            Exported {
                unseen: 1,
                ..Exported::default()
            }
        )
    );
    Ok(())
}
