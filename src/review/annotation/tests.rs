use std::collections::HashSet;

use ulid::Ulid;

use super::*;
use crate::hash::ContentHash;
use crate::review::comparison::Doubt;
use crate::review::event::Recorded;
use crate::review::preference::preferences;
use crate::review::preference::{Lesson, Origin};
use crate::review::testing::{dossier, pair_of};
use crate::rubric::builtin;

/// Comparing by hand, with a store that takes everything.
struct Table {
    annotation: Annotation,
    clock: u64,
    drawn: Vec<ScoreRequest>,
    kept: usize,
    records: Vec<Recorded>,
}

fn stamp(clock: u64) -> Stamp {
    Stamp {
        at: Timestamp::from_second(1_767_225_600 + 10 * clock as i64).unwrap_or_default(),
        id: Ulid::from_parts(clock, 0),
    }
}

fn begin(person: &str, pool: Vec<Pair>, judged: Vec<Judged>) -> crate::error::Result<Begin> {
    Ok(Begin {
        person: Person::new(person),
        rubric: Arc::new(builtin("core")?),
        dossiers: vec![dossier()],
        model: None,
        pool,
        judged,
        adjudicating: false,
        enough: ENOUGH,
        seed: 0,
    })
}

impl Table {
    fn new(begin: Begin) -> Self {
        let (annotation, wanted) = Annotation::new(begin, stamp(0));
        let mut table = Self {
            annotation,
            clock: 0,
            drawn: Vec::new(),
            kept: 0,
            records: Vec::new(),
        };
        table.take(wanted);
        table
    }

    fn take(&mut self, wanted: Vec<Wanted>) {
        for wanted in wanted {
            match wanted {
                Wanted::Draw(request) => self.drawn.push(request),
                Wanted::Keep(_) => self.kept += 1,
                Wanted::Commit(draft) => self.records.push(Recorded {
                    seq: self.records.len() as u64 + 1,
                    hash: ContentHash::ZERO,
                    id: draft.id,
                    at: draft.at,
                    actor: draft.actor,
                    entry: draft.entry,
                }),
            }
        }
    }

    fn tick(&mut self) -> Stamp {
        self.clock += 1;
        stamp(self.clock)
    }

    fn choose(&mut self, choice: Choice) {
        let stamp = self.tick();
        let wanted = self.annotation.choose(choice, None, stamp);
        self.take(wanted);
    }

    fn hear(&mut self, event: ScoreEvent) {
        let stamp = self.tick();
        let ticket = self.annotation.ticket().unwrap_or(Ticket(0));
        let wanted = self.annotation.hear(ticket, event, stamp);
        self.take(wanted);
    }

    fn shown(&self) -> Option<PairName> {
        let shown = self.annotation.shown()?;
        Some(shown.comparison(Choice::Skip, None, 0.0).pair())
    }

    fn judged(&self) -> Vec<Judged> {
        Judged::among(&self.records)
    }
}

/// Pairs of the dossier on the table, each one less certain than the one before.
fn pool(count: u64) -> Vec<Pair> {
    let of = dossier().meta.id.clone();
    (0..count)
        .map(|n| pair_of(of.as_str(), "delivery", 2 * n))
        .collect()
}

/// What a reward model is sure of comes last of what it has read, however uncertain the score is; then what it has not read.
#[test]
fn what_a_reward_model_knows_least_of_comes_first() -> crate::error::Result<()> {
    let judged = |seed: u64, bits: Option<f32>| Pair {
        doubt: bits.map(|bits| Doubt {
            judge: ContentHash::ZERO,
            bits,
        }),
        ..pair_of(dossier().meta.id.as_str(), "ownership", seed)
    };
    let pool = vec![
        judged(9, Some(0.1)),
        judged(3, Some(0.9)),
        judged(1, None),
        judged(5, Some(0.9)),
    ];
    let order: Vec<_> = [3, 1, 0, 2].map(|i: usize| pool[i].name()).into();
    let mut table = Table::new(begin("ann", pool, Vec::new())?);
    for (i, expected) in order.iter().enumerate() {
        let shown = table
            .annotation
            .shown()
            .map(|s| s.candidates.each_ref().map(|c| c.assessment.id));
        let mut ids = shown.unwrap_or([ContentHash::ZERO; 2]);
        ids.sort();
        assert_eq!(PairName::of(ids), *expected, "number {i}");
        table.choose(Choice::Left);
    }
    Ok(())
}

#[test]
fn the_least_certain_comes_first_and_a_choice_is_a_record_that_teaches() -> crate::error::Result<()> {
    let pool = pool(3);
    let mut table = Table::new(begin("ann", pool.clone(), Vec::new())?);
    assert!(table.drawn.is_empty(), "there is no model");
    assert_eq!(table.shown(), Some(pool[2].name()));
    let left = table.annotation.shown().map(|s| s.candidates[0].assessment.id);
    table.choose(Choice::Left);
    assert_eq!(table.shown(), Some(pool[1].name()));
    table.choose(Choice::Tie);
    table.choose(Choice::Skip);
    assert_eq!(
        table.annotation.shown().is_none(),
        table.annotation.waiting() == 0
    );
    let subject = dossier().meta.subject.id.clone();
    let lessons = preferences(&subject, &table.records);
    assert_eq!(lessons.len(), 1, "a tie and a skipped pair teach nothing");
    assert_eq!(Some(lessons[0].assessment), left);
    assert_eq!(lessons[0].origin, Origin::Comparison);
    assert!(
        matches!(&lessons[0].lesson, Lesson::Pair { chosen, rejected, .. } if chosen.words != rejected.words)
    );
    let tally = table.annotation.tally();
    assert_eq!(tally.compared, 2);
    // Three pairs of 10 s each, two of which count.
    assert!(tally.per_hour.is_some_and(|rate| (rate - 240.0).abs() < 1.0));
    Ok(())
}

#[test]
fn a_rewritten_answer_is_better_than_what_it_was_made_from() -> crate::error::Result<()> {
    let mut table = Table::new(begin("ann", pool(1), Vec::new())?);
    let rewritten = Rewritten {
        score: 2.5,
        rationale: "Was late twice.".to_owned(),
        suggestion: "Plan a buffer.".to_owned(),
    };
    let stamp = table.tick();
    let wanted = table
        .annotation
        .choose(Choice::Right, Some(rewritten.clone()), stamp);
    table.take(wanted);
    let lessons = preferences(&dossier().meta.subject.id, &table.records);
    assert_eq!(lessons.len(), 1);
    assert_eq!(lessons[0].origin, Origin::Rewriting);
    let Lesson::Pair { chosen, margin, .. } = &lessons[0].lesson else {
        return Err(crate::error::Error::new(
            crate::error::ErrorKind::Internal,
            "no pair",
        ));
    };
    assert_eq!(
        chosen.words.as_ref().map(|w| &w.rationale),
        Some(&rewritten.rationale)
    );
    // 4.0 was said, 2.5 put: 1.5 of the 4 levels of the scale.
    assert!((margin - 0.375).abs() < 1e-6);
    Ok(())
}

#[test]
fn what_is_taken_back_is_shown_again_and_teaches_nothing() -> crate::error::Result<()> {
    let mut table = Table::new(begin("ann", pool(2), Vec::new())?);
    let first = table.shown();
    table.choose(Choice::Left);
    assert_ne!(table.shown(), first);
    let stamp = table.tick();
    let wanted = table.annotation.undo(stamp);
    table.take(wanted.unwrap_or_default());
    assert_eq!(table.shown(), first);
    assert_eq!(table.annotation.tally().compared, 0);
    assert!(table.judged().is_empty());
    assert!(preferences(&dossier().meta.subject.id, &table.records).is_empty());
    let stamp = table.tick();
    assert!(table.annotation.undo(stamp).is_none());
    Ok(())
}

#[test]
fn the_fifth_is_a_check_that_teaches_nothing() -> crate::error::Result<()> {
    let mut pool = pool(8);
    pool.push(pair_of(dossier().meta.id.as_str(), "ownership", 1));
    let mut table = Table::new(begin("ann", pool, Vec::new())?);
    let mut shown = HashSet::new();
    for _ in 0..CHECK_FIRST {
        assert!(table.annotation.shown().is_some_and(|s| s.check.is_none()));
        shown.extend(table.shown());
        table.choose(Choice::Left);
    }
    let check = table.annotation.shown().cloned();
    let sound = check.as_ref().and_then(|s| s.check);
    let (Some(check), Some(sound)) = (check, sound) else {
        return Err(crate::error::Error::new(
            crate::error::ErrorKind::Internal,
            "no check",
        ));
    };
    let of = |side: Side| check.candidates[side.index()].assessment.dimension.clone();
    assert_ne!(of(sound), of(sound.other()), "one was given to another question");
    assert_eq!(check.question().1, &of(sound));
    let before = preferences(&dossier().meta.subject.id, &table.records).len();
    table.choose(sound.into());
    assert_eq!(table.annotation.tally().checks_passed, 1);
    assert_eq!(table.annotation.tally().checks, 1);
    assert_eq!(
        preferences(&dossier().meta.subject.id, &table.records).len(),
        before
    );
    assert!(!table.judged().iter().all(Judged::counts));
    Ok(())
}

#[test]
fn the_first_answer_to_a_check_counts() -> crate::error::Result<()> {
    let mut pool = pool(8);
    pool.push(pair_of(dossier().meta.id.as_str(), "ownership", 1));
    let mut table = Table::new(begin("ann", pool, Vec::new())?);
    for _ in 0..CHECK_FIRST {
        table.choose(Choice::Left);
    }
    let sound = table.annotation.shown().and_then(|s| s.check);
    let Some(sound) = sound else {
        return Err(crate::error::Error::new(
            crate::error::ErrorKind::Internal,
            "no check",
        ));
    };
    let check = table.shown();
    table.choose(sound.other().into());
    let records = table.records.len();
    let stamp = table.tick();
    let wanted = table.annotation.undo(stamp);
    assert!(wanted.is_some_and(|wanted| wanted.is_empty()));
    assert_eq!(table.shown(), check, "it is shown again as any other pair");
    table.choose(sound.into());
    assert_ne!(table.shown(), check);
    let tally = table.annotation.tally();
    assert_eq!((tally.checks_passed, tally.checks), (0, 1));
    assert_eq!(table.records.len(), records, "nothing is recorded twice");
    Ok(())
}

/// What is not on the disk was not said.
#[test]
fn a_pair_whose_record_was_not_written_waits_again() -> crate::error::Result<()> {
    let mut table = Table::new(begin("ann", pool(2), Vec::new())?);
    let first = table.shown();
    table.choose(Choice::Left);
    let record = table.records[0].id.clone();
    let stamp = table.tick();
    assert!(table.annotation.not_saved(&record, stamp));
    assert_eq!(table.shown(), first);
    assert_eq!(
        (table.annotation.tally().compared, table.annotation.waiting()),
        (0, 2)
    );
    let stamp = table.tick();
    assert!(!table.annotation.not_saved(&record, stamp), "once is enough");
    Ok(())
}

#[test]
fn others_pairs_are_left_alone_but_for_those_that_everybody_compares() -> crate::error::Result<()> {
    let pool = pool(40);
    let mut first = Table::new(begin("ann", pool.clone(), Vec::new())?);
    while first.annotation.shown().is_some() {
        first.choose(Choice::Left);
    }
    let second = Table::new(begin("bob", pool.clone(), first.judged())?);
    let shared = pool.iter().filter(|p| p.name().draw() % SHARED == 0).count();
    assert_eq!(second.annotation.waiting(), shared);
    assert!((2..=16).contains(&shared), "{shared} of 40 are for everybody");
    let nobody = Table::new(begin("ann", pool, first.judged())?);
    assert_eq!(nobody.annotation.waiting(), 0);
    Ok(())
}

#[test]
fn a_third_person_decides_where_two_differ() -> crate::error::Result<()> {
    let pool = pool(1);
    let mut records = Vec::new();
    let mut said = Vec::new();
    for person in ["ann", "bob"] {
        let mut table = Table::new(begin(person, pool.clone(), Vec::new())?);
        // Each says that another answer is better, whichever side it stands on.
        let wanted = &pool[0].candidates[usize::from(person == "bob")].assessment.id;
        let left = table
            .annotation
            .shown()
            .is_some_and(|s| s.candidates[0].assessment.id == *wanted);
        table.choose(if left { Choice::Left } else { Choice::Right });
        for mut record in table.records {
            record.seq = records.len() as u64 + 1;
            record.id = RecordId::new(person);
            said.push(record.id.clone());
            records.push(record);
        }
    }
    let judged = Judged::among(&records);
    assert_eq!(Agreement::of(&judged).observed, Some(0.0));
    let again = begin("ann", pool.clone(), judged.clone())?;
    let own = Table::new(Begin {
        adjudicating: true,
        ..again
    });
    assert_eq!(own.annotation.waiting(), 0, "nobody decides about themselves");
    let mut idle = Table::new(Begin {
        adjudicating: true,
        ..begin("dan", pool.clone(), judged)?
    });
    idle.choose(Choice::Skip);
    let lessons = |records: &[Recorded]| preferences(&dossier().meta.subject.id, records);
    let skipped = [&records[..], &idle.records[..]].concat();
    assert_eq!(lessons(&skipped).len(), 2, "who skips settles nothing");
    let mut third = Table::new(Begin {
        adjudicating: true,
        ..begin("cao", pool, Judged::among(&skipped))?
    });
    assert_eq!(third.annotation.waiting(), 1);
    third.choose(Choice::Left);
    records.extend(third.records.into_iter().map(|mut record| {
        record.seq = 3;
        record
    }));
    let lessons = lessons(&records);
    assert_eq!(lessons.len(), 1, "what is settled teaches once");
    assert_eq!(lessons[0].actor, Person::new("cao"));
    assert_eq!(lessons[0].decisions[1..], said[..]);
    Ok(())
}

#[test]
fn answers_are_drawn_twice_and_become_pairs() -> crate::error::Result<()> {
    let model = pair_of("d", "delivery", 0).candidates[0].assessment.model.clone();
    let mut table = Table::new(Begin {
        model: Some(model),
        ..begin("ann", Vec::new(), Vec::new())?
    });
    assert_eq!(table.drawn.len(), 1);
    let pair = pool(1).remove(0);
    let finished = |candidate: &Candidate| ScoreEvent::Finished {
        assessment: Box::new(candidate.assessment.clone()),
        trace: Arc::new(candidate.trace.clone()),
    };
    let done = || ScoreEvent::Done(crate::engine::Timing::default());
    table.hear(finished(&pair.candidates[0]));
    assert!(table.annotation.shown().is_none());
    table.hear(done());
    assert_eq!(table.drawn.len(), 2);
    assert_ne!(table.drawn[0].seed, table.drawn[1].seed);
    table.hear(finished(&pair.candidates[1]));
    assert_eq!(table.kept, 1);
    assert_eq!(table.shown(), Some(pair.name()));
    table.hear(done());
    assert_eq!(table.drawn.len(), 3, "more are drawn while one waits");
    // The same answer twice is no pair; where nothing else comes, drawing ends.
    for _ in 0..2 {
        table.hear(finished(&pair.candidates[0]));
        table.hear(done());
    }
    assert_eq!(table.kept, 1);
    assert!(table.annotation.stopped().is_some());
    assert_eq!(table.drawn.len(), 4);
    Ok(())
}
