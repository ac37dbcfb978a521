//! Help, palette, closing; and scoring, started and stopped from the keys.

use plumbline::tui::keys::Action;

use super::script::{Step, act, text};
use super::session::{SAMPLE, Session, WIDE, account, give_assessment};
use crate::env::{Outcome, SMALL_MODEL, TestEnvironment, sample};

const LISTS: &[Step] = &[
    act(Action::Help).shows("┏━ Help"),
    text("profile and development"),
    act(Action::Run).shows("Performance profile of"),
    act(Action::Palette).shows("┏━ Command palette"),
    act(Action::Close).hides("┏━ Command palette"),
    act(Action::Leave).hides("Performance profile of"),
    act(Action::Palette).shows("┏━ Command palette"),
    text("dimensions: growth").shows("▸                Dimensions: Growth"),
    act(Action::Run).shows("Evidence for Growth"),
];
const NO_MODEL: &[Step] = &[
    act(Action::Rescore).shows("no model: you can score by hand"),
    act(Action::StopScoring).hides("no model: you can score by hand"),
    act(Action::RescoreMissing).shows("no model: you can score by hand"),
];
/// What is missing is scored from the moment the dossier is open.
const SCORING: &[Step] = &[
    act(Action::StopScoring).shows("scoring cancelled"),
    act(Action::RescoreMissing).shows("reading the dossier"),
    act(Action::StopScoring).shows("scoring cancelled"),
    act(Action::Rescore).shows("reading the dossier"),
    act(Action::StopScoring).shows("scoring cancelled"),
];

pub const SCRIPTS: &[&[Step]] = &[LISTS, NO_MODEL, SCORING];

#[test]
fn help_and_palette_run_their_rows() -> Outcome {
    let env = account()?;
    Session::ready(&env)?.play(&[LISTS, NO_MODEL].concat())
}

#[test]
fn scoring_starts_and_stops_at_a_key() -> Outcome {
    let mut env = TestEnvironment::with_models()?;
    give_assessment(&env)?;
    // There must be something to read: the assessment left the dossier in the cache.
    env.set("PLUMB_ENGINE_CACHE_MB", "0");
    let mut session = Session::review(&env, &sample(SAMPLE), &["--model", SMALL_MODEL], WIDE)?;
    session.wait("reading the dossier")?;
    session.play(SCORING)
}
