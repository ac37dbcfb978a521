//! Going about: cursors, panes, dimensions, sources, dossiers. One session walks them all.

use plumbline::tui::keys::Action;

use super::script::{Step, act, nth};
use super::session::{Session, account};
use crate::env::Outcome;

/// From the queue to the dossiers beside the first, and back to it.
const DOSSIERS: &[Step] = &[
    act(Action::Down).shows("▸ Sarah Chen"),
    act(Action::Up).shows("▸ Priya Nair"),
    act(Action::Bottom).shows("▸ 赵敏"),
    act(Action::Top).shows("▸ Priya Nair"),
    act(Action::HalfDown).hides("▸ Priya Nair"),
    act(Action::HalfUp).shows("▸ Priya Nair"),
    act(Action::Open).shows("Evidence for Collaboration"),
    act(Action::NextDossier).shows("Sarah Chen (E412)"),
    act(Action::PreviousDossier).shows("Priya Nair (E518)"),
];
const PANES: &[Step] = &[
    act(Action::PaneSources).shows("┏━ Sources"),
    act(Action::PaneDocument).shows("┏━ Weekly report"),
    act(Action::PaneDimensions).shows("┏━ Dimensions"),
    act(Action::PaneEvidence).shows("┏━ Evidence for"),
    act(Action::NextPane).shows("┏━ Sources"),
    act(Action::PreviousPane).shows("┏━ Evidence for"),
    act(Action::Left).shows("┏━ Dimensions"),
    act(Action::Right).shows("┏━ Evidence for"),
];
const DIMENSIONS: &[Step] = &[
    act(Action::NextDimension).shows("Evidence for Ownership"),
    act(Action::PreviousDimension).shows("Evidence for Collaboration"),
    act(Action::NextUndecided).shows("Evidence for Ownership"),
    act(Action::PreviousDimension).shows("Evidence for Collaboration"),
];
const SOURCES: &[Step] = &[
    act(Action::NextSource).shows("─ Late parcels in the north: findings ─"),
    act(Action::PreviousSource).shows("─ Weekly report, week 15 ─"),
];
/// Both keys of each, as some terminals have no page keys and some people no Vim in their fingers.
const ROWS: &[Step] = &[
    act(Action::PaneDocument).shows("┏━ Weekly report"),
    act(Action::Down).shows("week 15 L3"),
    act(Action::Up).shows("week 15 L1 "),
    nth(Action::Down, 1).shows("week 15 L3"),
    nth(Action::Up, 1).shows("week 15 L1 "),
    act(Action::Bottom).shows("week 15 L30"),
    act(Action::Top).shows("week 15 L1 "),
    nth(Action::Bottom, 1).shows("week 15 L30"),
    nth(Action::Top, 1).shows("week 15 L1 "),
    act(Action::HalfDown).hides("week 15 L1 "),
    act(Action::HalfUp).shows("week 15 L1 "),
    nth(Action::HalfDown, 1).hides("week 15 L1 "),
    nth(Action::HalfUp, 1).shows("week 15 L1 "),
];
/// From evidence to its place, and from the place back to the score.
const JUMPS: &[Step] = &[
    act(Action::PaneEvidence).shows("┏━ Evidence for Collaboration"),
    act(Action::Open).shows("used by: Collaboration E1"),
    act(Action::NextDimension).shows("Evidence for Ownership"),
    act(Action::Open).shows("Evidence for Collaboration"),
];
/// The profile and the help scroll as the panes do, and come back from their end.
const OVERLAYS: &[Step] = &[
    act(Action::Profile).shows("Scores by dimension"),
    act(Action::Bottom).hides("Scores by dimension"),
    act(Action::HalfUp).shows("Scores by dimension"),
    act(Action::HalfDown).hides("Scores by dimension"),
    act(Action::Top).shows("Scores by dimension"),
    act(Action::Down).hides("Performance profile of"),
    act(Action::Up).shows("Performance profile of"),
    act(Action::Close).hides("Performance profile of"),
    act(Action::Help).shows("▸ a "),
    act(Action::ListDown).shows("▸ 1-5 "),
    act(Action::ListUp).shows("▸ a "),
    act(Action::HalfDown).hides("▸ a "),
    act(Action::HalfUp).shows("▸ a "),
    act(Action::Close).hides("┏━ Help"),
];

pub const SCRIPTS: &[&[Step]] = &[DOSSIERS, PANES, DIMENSIONS, SOURCES, ROWS, JUMPS, OVERLAYS];

#[test]
fn every_movement_moves() -> Outcome {
    let env = account()?;
    Session::queue(&env)?.play(&SCRIPTS.concat())
}
