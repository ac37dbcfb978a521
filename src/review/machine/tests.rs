//! Events in, effects and state out.

use std::collections::BTreeMap;

use super::*;
use crate::engine::event::TextField;
use crate::engine::{ScoreEvent, Timing};
use crate::error::{Error, ErrorKind};
use crate::evidence::{EvidenceLink, Polarity};
use crate::id::{DimensionId, ModelId};
use crate::review::decision::{Act, Decision};
use crate::review::dimension::{Doubt, Phase, Standing, VerdictKind};
use crate::review::event::Intent;
use crate::review::summary::Summary;
use crate::review::testing::{Bench, reading, setup};

type Result<T = (), E = Error> = std::result::Result<T, E>;

fn collaboration() -> DimensionId {
    DimensionId::new("collaboration")
}

fn overridden(score: f32) -> Intent {
    Intent::Override {
        dimension: collaboration(),
        score,
        reason: None,
    }
}

fn last_decision(bench: &Bench) -> Result<Decision> {
    match bench.drafts.last().map(|d| &d.entry) {
        Some(Entry::Decision(decision)) => Ok((**decision).clone()),
        other => Err(Error::new(ErrorKind::Internal, format!("no decision: {other:?}"))),
    }
}

fn first(bench: &Bench) -> &DimensionState {
    &bench.review.dimensions()[0]
}

fn first_link(bench: &Bench) -> Result<EvidenceLink> {
    let links = first(bench).links();
    let link = links.first().map(|l| l.link.clone());
    link.ok_or_else(|| Error::new(ErrorKind::Internal, "no link"))
}

fn place(bench: &Bench, segment: u32) -> Result<crate::evidence::Place> {
    bench
        .place(segment)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "no such segment"))
}

#[test]
fn opening_records_the_dossier_and_asks_for_every_dimension() -> Result {
    let bench = Bench::open()?;
    assert!(matches!(&bench.drafts[..], [d] if matches!(d.entry, Entry::Dossier(_))));
    assert_eq!(bench.asked.len(), 1);
    assert_eq!(bench.asked[0].1.len(), 8);
    assert_eq!(first(&bench).standing(), Standing::Queued);
    assert_eq!(bench.review.save(), Save::Saving(1));
    Ok(())
}

#[test]
fn an_answer_streams_into_its_dimension() -> Result {
    let mut bench = Bench::open()?;
    let dimension = collaboration();
    let links = bench.links(&[2]);
    bench.engine(ScoreEvent::Prefill {
        done: 512,
        total: 2048,
    });
    assert_eq!(bench.review.work(), &Work::Reading(Ticket(1), 512, 2048));
    bench.engine(ScoreEvent::Started {
        dimension: dimension.clone(),
    });
    bench.engine(ScoreEvent::Evidence {
        dimension: dimension.clone(),
        links,
    });
    bench.engine(ScoreEvent::Score {
        dimension: dimension.clone(),
        reading: reading(4.2, 0.5),
    });
    for text in ["Led ", "meetings"] {
        bench.engine(ScoreEvent::Token {
            dimension: dimension.clone(),
            field: TextField::Rationale,
            text: text.to_owned(),
        });
    }
    let state = first(&bench);
    assert_eq!(state.standing(), Standing::Scoring);
    assert_eq!(state.model.rationale, "Led meetings");
    assert_eq!(state.score(), Some(4.2));
    assert_eq!(state.links().len(), 1);
    Ok(())
}

#[test]
fn events_of_an_older_request_are_ignored() -> Result {
    let mut bench = Bench::open()?;
    bench.person(Intent::Rescore {
        ticket: Ticket(2),
        dimensions: vec![],
    });
    bench.engine(ScoreEvent::Score {
        dimension: collaboration(),
        reading: reading(4.2, 0.5),
    });
    assert_eq!(first(&bench).score(), None);
    Ok(())
}

#[test]
fn asking_again_for_one_dimension_keeps_the_unfinished_ones_in_line() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.finish("ownership", 3.0, 0.5, &[6]);
    bench.person(Intent::Rescore {
        ticket: Ticket(2),
        dimensions: vec![DimensionId::new("ownership")],
    });
    let (ticket, asked) = &bench.asked[1];
    assert_eq!(*ticket, Ticket(2));
    assert_eq!((asked.len(), asked[0].as_str()), (7, "ownership"));
    assert_eq!(first(&bench).standing(), Standing::Scored);
    Ok(())
}

#[test]
fn wide_spread_or_low_validity_needs_a_human() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 3.1, 0.9, &[2]);
    assert_eq!(first(&bench).standing(), Standing::NeedsHuman(Doubt::Spread));
    let mut off_scale = reading(3.1, 0.4);
    off_scale.validity = 0.2;
    assert_eq!(Doubt::about(&off_scale), Some(Doubt::Validity));
    assert_eq!(Doubt::about(&reading(3.1, 0.4)), None);
    Ok(())
}

#[test]
fn accepting_records_the_nearest_half_level_and_what_was_seen() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(Intent::Accept(collaboration()));
    let decision = last_decision(&bench)?;
    assert_eq!(decision.act, Act::Accept { score: 4.0 });
    assert_eq!(decision.seen.model_score, Some(4.2));
    assert!(decision.seen.model_visible && !decision.seen.blind);
    assert_eq!(first(&bench).standing(), Standing::Decided(VerdictKind::Accepted));
    Ok(())
}

#[test]
fn nothing_can_be_accepted_before_the_model_has_finished() -> Result {
    let mut bench = Bench::open()?;
    bench.engine(ScoreEvent::Score {
        dimension: collaboration(),
        reading: reading(4.2, 0.5),
    });
    bench.person(Intent::Accept(collaboration()));
    assert_eq!(bench.told, [Notice::NothingToAccept]);
    assert_eq!(bench.drafts.len(), 1, "only the dossier");
    Ok(())
}

#[test]
fn a_person_may_score_before_the_model_does() -> Result {
    let mut bench = Bench::open()?;
    bench.person(overridden(3.5));
    let decision = last_decision(&bench)?;
    assert_eq!(decision.assessment, None);
    assert_eq!(decision.seen.model_score, None);
    assert_eq!(first(&bench).standing(), Standing::Decided(VerdictKind::ByHand));
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    assert_eq!(first(&bench).score(), Some(3.5), "the person's score stands");
    Ok(())
}

#[test]
fn only_whole_and_half_levels_are_scores() -> Result {
    let mut bench = Bench::open()?;
    for bad in [0.5, 5.5, 3.25, f32::NAN] {
        bench.person(overridden(bad));
    }
    assert_eq!(bench.told, vec![Notice::NotALevel; 4]);
    assert_eq!(bench.drafts.len(), 1);
    Ok(())
}

#[test]
fn saved_is_said_only_after_the_receipt() -> Result {
    let mut bench = Bench::open()?;
    bench.save_all();
    bench.person(overridden(2.0));
    assert_eq!(bench.review.save(), Save::Saving(1));
    bench.save_all();
    assert!(matches!(bench.review.save(), Save::Saved(r) if r.seq == 2));
    Ok(())
}

#[test]
fn a_failed_write_closes_the_pen() -> Result {
    let mut bench = Bench::open()?;
    bench.person(overridden(2.0));
    let id = bench.drafts[1].id.clone();
    bench.send(Event::NotSaved {
        id,
        message: "disk full".to_owned(),
    });
    bench.person(overridden(3.0));
    assert_eq!(bench.drafts.len(), 2);
    assert_eq!(bench.review.save(), Save::Failed("disk full".to_owned()));
    assert_eq!(bench.told.last(), Some(&Notice::ReadOnly));
    Ok(())
}

#[test]
fn links_are_added_and_dropped_once() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    let add = Intent::AddLink {
        dimension: collaboration(),
        place: place(&bench, 3)?,
        polarity: Polarity::Contradicts,
    };
    bench.person(add.clone());
    bench.person(add);
    assert_eq!(bench.told.last(), Some(&Notice::AlreadyLinked));
    let drop = Intent::DropLink {
        dimension: collaboration(),
        link: first_link(&bench)?,
        reason: Some("evidence-unrelated".to_owned()),
    };
    bench.person(drop.clone());
    bench.person(drop);
    assert_eq!(bench.told.last(), Some(&Notice::NoSuchLink));
    let numbers: Vec<u32> = first(&bench)
        .links()
        .iter()
        .map(|l| l.link.place.segment.0)
        .collect();
    assert_eq!(numbers, [3]);
    Ok(())
}

#[test]
fn a_dropped_link_stays_dropped_when_the_model_speaks_again() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2, 3]);
    let link = first_link(&bench)?;
    bench.person(Intent::DropLink {
        dimension: collaboration(),
        link,
        reason: None,
    });
    bench.finish("collaboration", 4.4, 0.5, &[2, 3]);
    assert_eq!(first(&bench).links().len(), 1);
    Ok(())
}

fn drop_of(link: EvidenceLink) -> Intent {
    Intent::DropLink {
        dimension: collaboration(),
        link,
        reason: None,
    }
}

fn link_of(place: crate::evidence::Place, polarity: Polarity) -> Intent {
    Intent::AddLink {
        dimension: collaboration(),
        place,
        polarity,
    }
}

#[test]
fn a_link_of_the_models_can_be_turned_the_other_way() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    let of_model = first_link(&bench)?;
    bench.person(drop_of(of_model.clone()));
    assert_eq!(first(&bench).dropped().count(), 1);
    bench.person(link_of(place(&bench, 2)?, Polarity::Contradicts));
    let links = first(&bench).links();
    let shown: Vec<_> = links.iter().map(|l| (l.origin, l.link.polarity)).collect();
    assert_eq!(shown, [(Origin::Person, Polarity::Contradicts)]);
    assert_eq!(first(&bench).dropped().count(), 0);
    let of_person = first_link(&bench)?;
    bench.person(drop_of(of_person));
    assert!(first(&bench).links().is_empty(), "the model's does not come back");
    bench.person(Intent::Undo);
    bench.person(Intent::Undo);
    bench.person(Intent::Undo);
    assert_eq!(first_link(&bench)?, of_model);
    Ok(())
}

#[test]
fn a_link_that_both_made_can_be_dropped() -> Result {
    let mut bench = Bench::open()?;
    for segment in [2, 3] {
        bench.person(link_of(place(&bench, segment)?, Polarity::Supports));
    }
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    assert_eq!(first(&bench).links().len(), 2);
    for segment in [2, 3] {
        let link = bench.links(&[segment]).pop();
        bench.person(drop_of(
            link.ok_or_else(|| Error::new(ErrorKind::Internal, "no such segment"))?,
        ));
    }
    assert!(first(&bench).links().is_empty(), "{:?}", first(&bench).links());
    let dropped: Vec<u32> = first(&bench)
        .dropped()
        .map(|(link, _)| link.place.segment.0)
        .collect();
    assert_eq!(dropped, [2], "the model's alone");
    Ok(())
}

#[test]
fn a_place_knows_which_scores_rest_on_it() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2, 3]);
    bench.finish("leadership", 3.0, 0.5, &[2]);
    let at = place(&bench, 2)?;
    let citing: Vec<(&str, usize)> = bench
        .review
        .citing(&at.sha256, at.span())
        .map(|c| (c.dimension.as_str(), c.link))
        .collect();
    assert_eq!(citing, [("collaboration", 0), ("leadership", 0)]);
    Ok(())
}

#[test]
fn undo_is_a_new_record_and_restores_what_was_before() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(Intent::Accept(collaboration()));
    bench.person(overridden(2.5));
    bench.save_all();
    bench.person(Intent::Undo);
    assert_eq!(first(&bench).score(), Some(4.0));
    assert_eq!(bench.told.last(), Some(&Notice::Undone(Some(4))));
    bench.person(Intent::Undo);
    assert_eq!(first(&bench).standing(), Standing::Scored);
    bench.person(Intent::Undo);
    assert_eq!(bench.told.last(), Some(&Notice::NothingToUndo));
    let undone = bench.drafts.iter().filter(|d| matches!(d.entry, Entry::Undo(_)));
    assert_eq!(undone.count(), 2);
    Ok(())
}

#[test]
fn blind_first_hides_until_the_person_has_scored() -> Result {
    let mut setup = setup()?;
    setup.blind = true;
    let mut bench = Bench::with(setup, Vec::new())?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    assert!(bench.review.hidden(first(&bench)));
    assert!(bench.review.links(first(&bench)).is_empty());
    let at = place(&bench, 2)?;
    assert_eq!(bench.review.citing(&at.sha256, at.span()).count(), 0);
    bench.person(Intent::Accept(collaboration()));
    assert_eq!(bench.told, [Notice::ScoreFirst]);
    bench.person(overridden(3.0));
    let decision = last_decision(&bench)?;
    assert!(decision.seen.blind && !decision.seen.model_visible);
    assert_eq!(decision.seen.model_score, Some(4.2));
    assert!(!bench.review.hidden(first(&bench)));
    Ok(())
}

#[test]
fn looking_first_is_on_record_and_cannot_be_undone() -> Result {
    let mut setup = setup()?;
    setup.blind = true;
    let mut bench = Bench::with(setup, Vec::new())?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(Intent::Reveal(collaboration()));
    assert_eq!(last_decision(&bench)?.act, Act::Reveal);
    bench.person(Intent::Undo);
    assert_eq!(bench.told.last(), Some(&Notice::NothingToUndo));
    bench.person(overridden(3.0));
    assert!(last_decision(&bench)?.seen.model_visible);
    Ok(())
}

#[test]
fn who_saw_a_score_has_seen_it_though_the_model_is_asked_again() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(Intent::Rescore {
        ticket: Ticket(2),
        dimensions: vec![collaboration()],
    });
    bench.person(overridden(3.0));
    let seen = last_decision(&bench)?.seen;
    assert_eq!((seen.model_score, seen.model_visible), (None, true));
    Ok(())
}

/// Whether a person who looked in blind-first mode, and reopens the dossier with other weights, has seen a score.
fn saw_when_reopened(spoken: bool) -> Result<bool> {
    let mut blind = setup()?;
    blind.blind = true;
    let mut bench = Bench::with(blind.clone(), Vec::new())?;
    if spoken {
        bench.finish("collaboration", 4.2, 0.5, &[2]);
    }
    bench.person(Intent::Reveal(collaboration()));
    blind.model = Some(wearing(Some("a")));
    let mut again = Bench::with(blind, bench.journal())?;
    again.person(overridden(3.0));
    Ok(last_decision(&again)?.seen.model_visible)
}

#[test]
fn who_looked_before_the_model_spoke_saw_nothing() -> Result {
    assert!(saw_when_reopened(true)?);
    assert!(!saw_when_reopened(false)?);
    Ok(())
}

#[test]
fn ending_blind_first_reveals_every_hidden_dimension_under_its_own_record() -> Result {
    let mut setup = setup()?;
    setup.blind = true;
    let mut bench = Bench::with(setup, Vec::new())?;
    bench.person(overridden(3.0));
    bench.person(Intent::Blind(false));
    let mut ids: Vec<_> = bench.drafts.iter().map(|d| d.id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1 + 1 + 7, "dossier, override, seven reveals");
    assert!(!bench.review.dimensions().iter().any(|d| bench.review.hidden(d)));
    Ok(())
}

/// A person puts their own score on every dimension.
fn decide_all(bench: &mut Bench) {
    let ids: Vec<DimensionId> = bench.review.dimensions().iter().map(|d| d.id.clone()).collect();
    for dimension in ids {
        bench.person(Intent::Override {
            dimension,
            score: 3.0,
            reason: None,
        });
    }
}

#[test]
fn a_dossier_closes_only_when_people_have_decided_everything() -> Result {
    let mut bench = Bench::open()?;
    bench.person(Intent::SignOff { note: None });
    assert_eq!(bench.told.last(), Some(&Notice::Undecided(8)));
    decide_all(&mut bench);
    bench.person(Intent::SignOff {
        note: Some("  ".to_owned()),
    });
    assert!(
        matches!(&bench.drafts.last().map(|d| &d.entry), Some(Entry::SignOff(s)) if s.scores.len() == 8 && s.note.is_none())
    );
    bench.person(overridden(4.0));
    assert_eq!(bench.told.last(), Some(&Notice::Closed));
    bench.person(Intent::Undo);
    assert!(bench.review.ledger().signed_off().is_none());
    Ok(())
}

#[test]
fn a_failure_keeps_what_had_finished() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.engine(ScoreEvent::Failed {
        message: "out of memory".to_owned(),
        hints: vec![],
    });
    assert_eq!(first(&bench).standing(), Standing::Scored);
    assert_eq!(bench.review.dimensions()[1].standing(), Standing::Failed);
    assert_eq!(
        bench.review.dimensions()[1].model.phase,
        Phase::Failed("out of memory".to_owned())
    );
    Ok(())
}

#[test]
fn stopping_cancels_the_request_under_way() -> Result {
    let mut bench = Bench::open()?;
    bench.person(Intent::Stop);
    assert_eq!(bench.cancelled, [Ticket(1)]);
    bench.engine(ScoreEvent::Cancelled);
    assert_eq!(bench.review.work(), &Work::Stopped);
    assert_eq!(first(&bench).standing(), Standing::Unscored);
    bench.engine(ScoreEvent::Done(Timing::default()));
    assert_eq!(bench.review.work(), &Work::Stopped);
    Ok(())
}

#[test]
fn reopening_shows_what_was_there_and_asks_only_for_the_rest() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.finish("ownership", 3.1, 0.9, &[6]);
    bench.person(overridden(3.0));
    bench.person(Intent::Note {
        dimension: collaboration(),
        text: " thin ".to_owned(),
        place: None,
    });
    bench.person(overridden(3.5));
    bench.person(Intent::Undo);
    let again = Bench::with(setup()?, bench.journal())?;
    assert_eq!(again.drafts.len(), 0, "the dossier is known");
    assert_eq!(again.asked[0].1.len(), 6);
    assert_eq!(first(&again), first(&bench));
    assert_eq!(first(&again).human.notes[0].text, "thin");
    assert_eq!(
        Summary::of(again.review.ledger()),
        Summary::of(bench.review.ledger())
    );
    Ok(())
}

#[test]
fn other_weights_are_asked_again() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    let mut setup = setup()?;
    setup.model = Some(ModelIdentity {
        id: ModelId::new("larger"),
        sha256: ContentHash::ZERO,
        adapter: None,
    });
    let again = Bench::with(setup, bench.journal())?;
    assert_eq!(again.asked[0].1.len(), 8);
    Ok(())
}

/// The weights of the bench with an adapter over them.
fn wearing(adapter: Option<&str>) -> ModelIdentity {
    ModelIdentity {
        id: ModelId::new("tiny"),
        sha256: ContentHash::ZERO,
        adapter: adapter.map(str::to_owned),
    }
}

#[test]
fn another_adapter_ends_the_work_and_what_was_said_without_it_is_asked_again() -> Result {
    let mut setup = setup()?;
    setup.model = Some(wearing(None));
    let mut bench = Bench::with(setup, Vec::new())?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.finish("ownership", 3.0, 0.5, &[6]);
    bench.person(Intent::Accept(collaboration()));
    bench.engine(ScoreEvent::Started {
        dimension: DimensionId::new("delivery"),
    });
    let calibration = Arc::new(Calibration::example(BTreeMap::new()));
    let effects = bench.review.handle(Event::Worn {
        model: wearing(Some("a")),
        calibration: Some(Arc::clone(&calibration)),
        ticket: Ticket(2),
    });
    let [Effect::Cancel(Ticket(1)), Effect::Score(request)] = &effects[..] else {
        return Err(Error::new(ErrorKind::Internal, format!("{effects:?}")));
    };
    assert_eq!((request.ticket, request.dimensions.len()), (Ticket(2), 8));
    let through = request.calibration.as_ref();
    assert!(through.is_some_and(|used| Arc::ptr_eq(used, &calibration)));
    assert_eq!(first(&bench).score(), Some(4.0), "the decision stands");
    assert_eq!(bench.review.dimensions()[1].standing(), Standing::Queued);
    let drafts = bench.drafts.len();
    bench.finish("delivery", 3.0, 0.5, &[2]);
    assert_eq!(bench.drafts.len(), drafts, "what the former says comes too late");
    Ok(())
}

/// Something else is laid over the weights.
fn worn(adapter: Option<&str>) -> Event {
    Event::Worn {
        model: wearing(adapter),
        calibration: None,
        ticket: Ticket(2),
    }
}

/// A dossier of which the model has scored one dimension and a person all, signed off.
fn closed() -> Result<Bench> {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    decide_all(&mut bench);
    bench.person(Intent::SignOff { note: None });
    Ok(bench)
}

/// Scores of the adapter that is laid over the weights anyway are kept, and so is a dossier that is closed.
#[test]
fn what_the_same_weights_said_and_what_is_signed_off_is_not_asked_again() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.send(worn(None));
    assert_eq!(bench.asked[1].1.len(), 7);
    let mut bench = closed()?;
    bench.send(worn(Some("a")));
    assert_eq!((bench.asked.len(), &bench.cancelled[..]), (1, &[Ticket(1)][..]));
    assert_eq!(first(&bench).model.by, Some(wearing(None)));
    Ok(())
}

#[test]
fn a_closed_dossier_opens_with_the_scores_it_was_closed_with() -> Result {
    let bench = closed()?;
    let mut setup = setup()?;
    setup.model = Some(wearing(Some("a")));
    let again = Bench::with(setup, bench.journal())?;
    assert!(again.asked.is_empty() && again.drafts.is_empty());
    assert_eq!(first(&again).model.by, Some(wearing(None)));
    Ok(())
}

#[test]
fn what_somebody_else_signed_off_cannot_be_undone() -> Result {
    let mut history = closed()?.journal();
    for record in &mut history {
        if matches!(record.entry, Entry::SignOff(_)) {
            record.actor = Person::new("hr.li");
        }
    }
    let mut bench = Bench::with(setup()?, history.clone())?;
    bench.person(Intent::Undo);
    assert_eq!(bench.told, [Notice::Closed]);
    assert!(bench.drafts.is_empty());
    let mut setup = setup()?;
    setup.person = Person::new("hr.li");
    let mut bench = Bench::with(setup, history)?;
    bench.person(Intent::Undo);
    assert!(bench.review.ledger().signed_off().is_none());
    Ok(())
}

#[test]
fn when_a_sign_off_is_taken_back_what_other_weights_said_can_be_asked_again() -> Result {
    let mut bench = closed()?;
    bench.send(worn(Some("a")));
    bench.person(Intent::Undo);
    assert_eq!(bench.asked.len(), 1, "a person may only have wanted to look");
    bench.person(Intent::Rescore {
        ticket: Ticket(3),
        dimensions: vec![],
    });
    assert_eq!(bench.asked[1].1.len(), 8);
    Ok(())
}

#[test]
fn a_changed_dossier_is_read_and_scored_again_and_decisions_stay() -> Result {
    let mut bench = Bench::open()?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(overridden(3.0));
    let mut setup = setup()?;
    let mut changed = (*setup.dossier).clone();
    changed.sources.pop();
    setup.dossier = Arc::new(changed);
    let again = Bench::with(setup, bench.journal())?;
    assert!(matches!(&again.drafts[..], [d] if matches!(d.entry, Entry::Dossier(_))));
    assert_eq!(again.asked[0].1.len(), 8);
    assert_eq!(first(&again).score(), Some(3.0));
    Ok(())
}

#[test]
fn without_a_model_people_score_by_hand() -> Result {
    let mut review = Review::new(setup()?);
    let mut bench = Bench::open()?;
    let effects = review.handle(Event::Opened {
        history: Vec::new(),
        ticket: None,
        stamp: bench.stamp(),
    });
    assert!(matches!(&effects[..], [Effect::Commit(_)]));
    assert_eq!(review.dimensions()[0].standing(), Standing::Unscored);
    Ok(())
}

#[test]
fn read_only_scores_and_writes_nothing() -> Result {
    let mut setup = setup()?;
    setup.read_only = Some("in use".to_owned());
    let mut bench = Bench::with(setup, Vec::new())?;
    bench.finish("collaboration", 4.2, 0.5, &[2]);
    bench.person(Intent::Accept(collaboration()));
    assert!(bench.drafts.is_empty());
    assert_eq!(first(&bench).standing(), Standing::Scored);
    assert_eq!(bench.told, [Notice::ReadOnly]);
    Ok(())
}
