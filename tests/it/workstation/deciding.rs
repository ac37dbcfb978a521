//! Scores, notes, blind-first, undo and sign-off: what ends in a record.

use plumbline::tui::keys::Action;
use serde_json::Value;

use super::script::{Step, act, nth, text};
use super::session::{SAMPLE, Session, WIDE, account, journal};
use crate::env::{Outcome, TestEnvironment, sample};

const ACCEPT: &[Step] = &[act(Action::Accept).saves()];
const OVERRIDE: &[Step] = &[nth(Action::Score, 4), act(Action::Skip).saves()];
const HALF: &[Step] = &[
    nth(Action::Score, 3).shows("Collaboration to 4.0"),
    act(Action::Half).shows("Collaboration to 4.5"),
    act(Action::ListDown).shows("▸ m evidence missing"),
    act(Action::ListDown).shows("▸ r evidence misread"),
    act(Action::ListUp).shows("▸ m evidence missing"),
    act(Action::Skip).saves(),
];
const NOTE: &[Step] = &[
    act(Action::Note).shows("┏━ Note"),
    text("ask Joel"),
    act(Action::Submit).saves(),
];
const UNDO: &[Step] = &[act(Action::Accept).saves(), act(Action::Undo).saves()];
const TYPED_AHEAD: &[Step] = &[act(Action::Accept), act(Action::Undo).shows("undone")];
const REVEAL: &[Step] = &[act(Action::Reveal).saves()];
const BLIND: &[Step] = &[
    act(Action::Blind).hides("  blind  no model"),
    act(Action::Blind).shows("  blind  no model"),
];
const SIGN_OFF: &[Step] = &[
    act(Action::SignOff).shows("Sign off this dossier?"),
    act(Action::No).hides("Sign off this dossier?"),
    act(Action::SignOff).shows("Sign off this dossier?"),
    act(Action::Yes).shows("Note for the record"),
    text("as agreed with Gareth"),
    act(Action::Submit).saves(),
];
const DECIDED: &[Step] = &[
    nth(Action::Score, 2),
    act(Action::Skip).saves(),
    act(Action::NextUndecided),
];

pub const SCRIPTS: &[&[Step]] = &[
    ACCEPT, OVERRIDE, HALF, NOTE, UNDO, REVEAL, BLIND, SIGN_OFF, DECIDED,
];

/// The records that a script makes in a session of its own.
pub fn records(script: &[Step]) -> Outcome<Vec<Value>> {
    let env = account()?;
    let before = journal(&env)?.len();
    Session::ready(&env)?.play(script)?;
    written_since(&env, before)
}

fn written_since(env: &TestEnvironment, before: usize) -> Outcome<Vec<Value>> {
    let records = journal(env)?.split_off(before);
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["seq"], before + n + 1);
        assert_eq!(record["actor"], "tester");
    }
    Ok(records)
}

/// The only record that a script makes.
pub fn record(script: &[Step]) -> Outcome<Value> {
    match records(script)?.as_slice() {
        [record] => Ok(record.clone()),
        records => Err(format!("{} records instead of one", records.len()).into()),
    }
}

/// What a decision did.
pub fn act_of(record: &Value) -> &Value {
    &record["body"]["act"]
}

#[test]
fn a_accepts() -> Outcome {
    let record = record(ACCEPT)?;
    assert_eq!(
        (&record["type"], &record["body"]["dimension"]),
        (&"decision".into(), &"collaboration".into())
    );
    assert_eq!(act_of(&record)["act"], "accept");
    assert_eq!(record["body"]["seen"]["model_visible"], true);
    assert!(record["body"]["assessment"].is_string());
    Ok(())
}

#[test]
fn a_digit_overrides_and_enter_skips_the_reason() -> Outcome {
    let record = record(OVERRIDE)?;
    assert_eq!(act_of(&record)["act"], "override");
    assert_eq!(act_of(&record)["score"], 5.0);
    assert_eq!(act_of(&record)["reason"], Value::Null);
    Ok(())
}

#[test]
fn a_dot_adds_half_and_the_picker_gives_a_reason() -> Outcome {
    let record = record(HALF)?;
    assert_eq!(act_of(&record)["score"], 4.5);
    assert_eq!(act_of(&record)["reason"], "evidence-missing");
    Ok(())
}

#[test]
fn m_writes_a_note() -> Outcome {
    let record = record(NOTE)?;
    assert_eq!(act_of(&record)["act"], "note");
    assert_eq!(act_of(&record)["text"], "ask Joel");
    Ok(())
}

#[test]
fn u_takes_the_last_record_back_with_a_new_one() -> Outcome {
    let records = records(UNDO)?;
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["type"], "undo");
    assert_eq!(records[1]["body"]["record"], records[0]["id"]);
    Ok(())
}

/// Both keys are there before the first record is: the second act is of the first one all the same.
#[test]
fn keys_typed_ahead_of_the_store_find_their_record() -> Outcome {
    let env = account()?;
    let before = journal(&env)?.len();
    let mut session = Session::ready(&env)?;
    session.play(TYPED_AHEAD)?;
    session.wait(&format!("saved #{} ", before + 2))?;
    let records = written_since(&env, before)?;
    assert_eq!(records[1]["body"]["record"], records[0]["id"]);
    Ok(())
}

#[test]
fn blind_first_hides_the_model_until_it_is_revealed() -> Outcome {
    let env = account()?;
    let before = journal(&env)?.len();
    let mut session = Session::review(&env, &sample(SAMPLE), &["--blind"], WIDE)?;
    session.wait("░ hidden")?;
    session.play(REVEAL)?;
    session.play(BLIND)?;
    let record = &written_since(&env, before)?[0];
    assert_eq!(act_of(record)["act"], "reveal");
    assert_eq!(record["body"]["seen"]["blind"], true);
    Ok(())
}

#[test]
fn sign_off_closes_a_dossier_whose_dimensions_are_decided() -> Outcome {
    let script = [DECIDED.repeat(8), SIGN_OFF.to_owned()].concat();
    let records = records(&script)?;
    let last = records.last().ok_or("no record")?;
    assert_eq!((records.len(), &last["type"]), (9, &"sign_off".into()));
    assert_eq!(last["body"]["scores"].as_array().map(Vec::len), Some(8));
    assert_eq!(last["body"]["note"], "as agreed with Gareth");
    Ok(())
}
