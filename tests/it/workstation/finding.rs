//! Finding text in the sources, and dossiers in the queue.

use plumbline::tui::keys::Action;

use super::script::{Step, act, text};
use super::session::{Session, account};
use crate::env::Outcome;

const QUEUE: &[Step] = &[
    act(Action::Sort).shows("by name"),
    act(Action::Filter).shows("open  by name"),
    act(Action::Filter).hides("Tom Okafor"),
    act(Action::Filter).shows("No matches"),
    act(Action::Filter).shows("Tom Okafor"),
    act(Action::Search).shows("┏━ Find"),
    text("李雷").hides("Tom Okafor"),
    act(Action::Submit).hides("┏━ Find"),
    act(Action::Close).shows("Tom Okafor"),
];
const SOURCES: &[Step] = &[
    act(Action::Top),
    act(Action::Open).shows("Evidence for Collaboration"),
    act(Action::FindNext).shows("nothing searched for yet"),
    act(Action::Find).shows("┏━ Find"),
    text("parcels"),
    act(Action::Submit).shows("match 1 of "),
    act(Action::FindNext).shows("match 2 of "),
    act(Action::FindPrevious).shows("match 1 of "),
    act(Action::FindPrevious).shows("search wrapped"),
];

pub const SCRIPTS: &[&[Step]] = &[QUEUE, SOURCES];

#[test]
fn text_and_dossiers_are_found() -> Outcome {
    let env = account()?;
    Session::queue(&env)?.play(&SCRIPTS.concat())
}
