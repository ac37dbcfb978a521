use super::*;
use crate::dossier::Language;
use crate::engine::{ModelIdentity, ScoreReading};
use crate::evidence::Polarity;
use crate::id::{ModelId, RubricId, SegmentNo};
use crate::review::decision::{Seen, Undo};

fn rubric() -> RubricIdentity {
    RubricIdentity {
        id: RubricId::new("core"),
        version: "1.0.0".to_owned(),
        sha256: ContentHash::of(b"core"),
    }
}

fn link(at: usize) -> EvidenceLink {
    EvidenceLink {
        kind: EvidenceKind::Quote,
        polarity: Polarity::Supports,
        place: Place {
            source: "weekly.md".to_owned(),
            sha256: ContentHash::of(b"weekly"),
            segment: SegmentNo(1),
            start: at,
            end: at + 5,
            line: 1,
            time: None,
            speaker: None,
            spot: None,
            region: None,
            quote: "Shipped it".to_owned(),
        },
        count: None,
    }
}

fn said(score: f32) -> Assessment {
    Assessment {
        id: ContentHash::of(&score.to_be_bytes()),
        dossier: "d1".into(),
        dimension: "delivery".into(),
        reading: ScoreReading {
            score,
            raw_score: score,
            sd: 0.4,
            probabilities: [0.2; 5],
            validity: 1.0,
            margin: None,
        },
        calibration: None,
        evidence: vec![link(10), link(20)],
        rationale: "Shipped late.".to_owned(),
        suggestion: "Plan a buffer.".to_owned(),
        omitted: 0,
        language: Language::En,
        model: ModelIdentity {
            id: ModelId::new("m"),
            sha256: ContentHash::of(b"m"),
            adapter: None,
        },
        rubric: rubric(),
        prompt_sha256: ContentHash::of(b"p"),
        seed: 1,
    }
}

/// A dossier's records, `r1`, `r2` … in order.
#[derive(Default)]
struct Story(Vec<Recorded>);

impl Story {
    fn with(mut self, actor: &str, entry: Entry) -> Self {
        let seq = self.0.len() as u64 + 1;
        self.0.push(Recorded {
            seq,
            hash: ContentHash::ZERO,
            id: RecordId::new(format!("r{seq}")),
            at: Timestamp::UNIX_EPOCH,
            actor: actor.into(),
            entry,
        });
        self
    }

    fn model(self, score: f32) -> Self {
        self.with("engine", Entry::Assessment(Box::new(said(score))))
    }

    /// What the model said with `score`, read through another calibration.
    fn recalibrated(self, score: f32, now: f32) -> Self {
        let mut again = said(now);
        again.id = said(score).id;
        self.with("engine", Entry::Assessment(Box::new(again)))
    }

    fn act_of(self, actor: &str, about: Option<f32>, act: Act) -> Self {
        let decision = Decision {
            dossier: "d1".into(),
            dimension: "delivery".into(),
            rubric: rubric(),
            assessment: about.map(|score| said(score).id),
            seen: Seen {
                blind: false,
                model_visible: about.is_some(),
                model_score: about,
                source: None,
                segment: None,
            },
            act,
        };
        self.with(actor, Entry::Decision(Box::new(decision)))
    }

    fn act(self, about: f32, act: Act) -> Self {
        self.act_of("chen", Some(about), act)
    }

    fn undo(self, record: &str) -> Self {
        let undo = Undo {
            dossier: "d1".into(),
            record: RecordId::new(record),
        };
        self.with("chen", Entry::Undo(undo))
    }

    fn lessons(&self) -> Vec<PreferenceRecord> {
        preferences(&"E1".into(), &self.0)
    }

    /// One line a lesson: decisions, origin, and both sides.
    fn told(&self) -> Vec<String> {
        self.lessons().iter().map(tell).collect()
    }
}

fn tell(p: &PreferenceRecord) -> String {
    let from: Vec<&str> = p.decisions.iter().map(RecordId::as_str).collect();
    let what = match &p.lesson {
        Lesson::Pair {
            chosen,
            rejected,
            margin,
        } => {
            format!("{} over {} by {margin}", side(chosen), side(rejected))
        }
        Lesson::Single { answer, label } => format!("{} is {label}", side(answer)),
    };
    format!("{:?} {}: {what}", p.origin, from.join("+"))
}

fn side(answer: &Answer) -> String {
    let places: Vec<String> = answer.evidence.iter().map(|c| c.start.to_string()).collect();
    let score = answer.score.as_ref().map(|t| format!(" {:?}", t.levels));
    let words = if answer.words.is_some() { " words" } else { "" };
    format!("[{}]{}{words}", places.join(","), score.unwrap_or_default())
}

fn overridden(score: f32) -> Act {
    Act::Override {
        score,
        reason: Some("missed evidence".to_owned()),
    }
}

#[test]
fn an_override_of_half_a_level_or_more_is_a_pair_with_a_quarter_of_the_difference() {
    let story = Story::default().model(3.25).act(3.25, overridden(4.0));
    assert_eq!(
        story.told(),
        ["Override r2: [10,20] [(4, 1.0)] over [10,20] [(3, 1.0)] by 0.1875"]
    );
    let lesson = &story.lessons()[0];
    assert_eq!(lesson.reason.as_deref(), Some("missed evidence"));
    assert_eq!(lesson.subject, "E1".into());
}

#[test]
fn a_half_point_is_shared_by_two_tokens_and_the_models_side_lies_away_from_it() {
    let half = Story::default().model(2.0).act(2.0, overridden(3.5));
    assert_eq!(
        half.told(),
        ["Override r2: [10,20] [(3, 0.5), (4, 0.5)] over [10,20] [(2, 1.0)] by 0.375"]
    );
    let between = |human| Story::default().model(3.5).act(3.5, overridden(human)).told();
    assert!(
        between(4.0)[0].contains("over [10,20] [(3, 1.0)]"),
        "{:?}",
        between(4.0)
    );
    assert!(
        between(3.0)[0].contains("over [10,20] [(4, 1.0)]"),
        "{:?}",
        between(3.0)
    );
}

#[test]
fn an_accept_or_a_smaller_change_is_an_answer_that_may_stay() {
    let accept = |model, score| {
        Story::default()
            .model(model)
            .act(model, Act::Accept { score })
            .told()
    };
    assert_eq!(accept(3.9, 4.0), ["Accept r2: [10,20] [(4, 1.0)] words is true"]);
    assert_eq!(
        accept(3.4, 3.5),
        ["Accept r2: [10,20] [(3, 0.5), (4, 0.5)] is true"]
    );
    let changed = Story::default().model(3.75).act(3.75, overridden(4.0));
    assert_eq!(changed.told(), ["Override r2: [10,20] [(4, 1.0)] is true"]);
}

#[test]
fn a_link_added_or_dropped_is_a_pair_that_differs_in_that_link_alone() {
    let story = Story::default()
        .model(4.0)
        .act(4.0, Act::LinkAdded { link: link(30) })
        .act(
            4.0,
            Act::LinkDropped {
                link: link(10),
                reason: Some("off topic".to_owned()),
            },
        )
        .act(4.0, Act::Accept { score: 4.0 });
    assert_eq!(
        story.told(),
        [
            "LinkAdded r2: [20,30] over [20] by 0",
            "LinkDropped r3: [20,30] over [10,20,30] by 0",
            "Accept r4+r2+r3: [20,30] [(4, 1.0)] is true",
        ]
    );
}

#[test]
fn an_edit_that_was_reversed_teaches_nothing() {
    let there_and_back = Story::default()
        .model(4.0)
        .act(4.0, Act::LinkAdded { link: link(30) })
        .act(
            4.0,
            Act::LinkDropped {
                link: link(30),
                reason: None,
            },
        );
    assert!(there_and_back.told().is_empty(), "{:?}", there_and_back.told());
}

#[test]
fn a_link_turned_the_other_way_is_no_pair_and_the_words_do_not_stand() {
    let against = EvidenceLink {
        polarity: Polarity::Contradicts,
        ..link(10)
    };
    let story = Story::default()
        .model(4.0)
        .act(
            4.0,
            Act::LinkDropped {
                link: link(10),
                reason: None,
            },
        )
        .act(4.0, Act::LinkAdded { link: against })
        .act(4.0, Act::Accept { score: 4.0 });
    assert_eq!(story.told(), ["Accept r4+r3: [10,20] [(4, 1.0)] is true"]);
}

#[test]
fn a_score_is_judged_as_it_was_read_then() {
    let story = Story::default()
        .model(2.0)
        .act(2.0, Act::LinkAdded { link: link(30) })
        .recalibrated(2.0, 4.0)
        .act(2.0, overridden(5.0))
        .recalibrated(2.0, 5.0);
    assert_eq!(
        story.told(),
        [
            "LinkAdded r2: [10,20,30] over [10,20] by 0",
            "Override r4+r2: [10,20,30] [(5, 1.0)] over [10,20] [(4, 1.0)] by 0.25",
        ]
    );
    let before = Story::default()
        .model(2.0)
        .act(2.0, overridden(4.0))
        .recalibrated(2.0, 4.0);
    assert_eq!(
        before.told(),
        ["Override r2: [10,20] [(4, 1.0)] over [10,20] [(2, 1.0)] by 0.5"]
    );
}

#[test]
fn a_count_is_the_programs_own_and_no_part_of_an_answer() {
    let count = EvidenceLink {
        kind: EvidenceKind::Count,
        ..link(40)
    };
    let story = Story::default().model(4.0).act(
        4.0,
        Act::LinkDropped {
            link: count,
            reason: None,
        },
    );
    assert!(story.told().is_empty(), "{:?}", story.told());
}

#[test]
fn the_last_score_counts_and_undo_takes_it_back_to_the_one_before() {
    let twice = Story::default()
        .model(2.0)
        .act(2.0, overridden(4.0))
        .act(2.0, overridden(5.0));
    assert_eq!(
        twice.told(),
        ["Override r3: [10,20] [(5, 1.0)] over [10,20] [(2, 1.0)] by 0.75"]
    );
    let once = twice.undo("r3");
    assert_eq!(
        once.told(),
        ["Override r2: [10,20] [(4, 1.0)] over [10,20] [(2, 1.0)] by 0.5"]
    );
    let redone = once.undo("r4");
    assert!(redone.told()[0].starts_with("Override r3"), "{:?}", redone.told());
    let none = redone.undo("r2").undo("r3");
    assert!(none.told().is_empty(), "{:?}", none.told());
}

#[test]
fn who_decided_before_the_model_spoke_judged_what_it_said_next() {
    let early = Story::default().act_of("chen", None, overridden(5.0));
    assert!(early.told().is_empty());
    let answered = early.model(3.0).model(4.0);
    assert_eq!(
        answered.told(),
        ["Override r1: [10,20] [(5, 1.0)] over [10,20] [(3, 1.0)] by 0.5"]
    );
    assert!(!answered.lessons()[0].model_visible);
}

#[test]
fn every_person_and_every_assessment_is_judged_apart() {
    let story = Story::default()
        .model(2.0)
        .act(2.0, overridden(4.0))
        .act_of("li", Some(2.0), Act::Accept { score: 2.0 })
        .model(3.0)
        .act(3.0, Act::Accept { score: 3.0 });
    let from: Vec<String> = story
        .lessons()
        .iter()
        .map(|p| format!("{} {}", p.actor, p.id))
        .collect();
    assert_eq!(from, ["chen r2", "li r3", "chen r5"]);
}
