//! Linking, dropping, selecting and copying.

use plumbline::tui::keys::Action;
use serde_json::Value;

use super::deciding::{act_of, record};
use super::script::{Step, act};
use super::session::{Session, account};
use crate::env::Outcome;

/// The third segment, "This week".
const POINT: &[Step] = &[
    act(Action::PaneDocument).shows("┏━ Weekly report"),
    act(Action::Down).shows("week 15 L3"),
    act(Action::Down).shows("week 15 L5"),
];
const LINK: &[Step] = &[act(Action::Link).saves()];
const LINK_AGAINST: &[Step] = &[act(Action::LinkAgainst).saves()];
const LINK_SPAN: &[Step] = &[
    act(Action::Select).shows("E link against  v select  y copy"),
    act(Action::Right),
    act(Action::Right),
    act(Action::Right),
    act(Action::Left),
    act(Action::Link).saves(),
];
const DROP: &[Step] = &[
    act(Action::PaneEvidence).shows("┏━ Evidence for"),
    act(Action::Drop).shows("Why drop this link?"),
    act(Action::Skip).saves(),
];
/// RFC 4648 of that segment, in the sequence that puts it on the clipboard.
const COPY: &[Step] = &[act(Action::Copy).sends(b"\x1b]52;c;VGhpcyB3ZWVr\x07")];
const SELECT: &[Step] = &[
    act(Action::Select).shows("E link against  v select  y copy"),
    act(Action::Select).hides("E link against  v select  y copy"),
];

pub const SCRIPTS: &[&[Step]] = &[POINT, LINK, LINK_AGAINST, LINK_SPAN, DROP, COPY, SELECT];

fn at_the_point(script: &[Step]) -> Outcome<Value> {
    record(&[POINT, script].concat())
}

#[test]
fn e_links_the_segment_under_the_cursor() -> Outcome {
    let record = at_the_point(LINK)?;
    assert_eq!(act_of(&record)["act"], "link_added");
    assert_eq!(act_of(&record)["link"]["polarity"], "supports");
    assert_eq!(act_of(&record)["link"]["quote"], "This week");
    Ok(())
}

#[test]
fn capital_e_links_against() -> Outcome {
    let record = at_the_point(LINK_AGAINST)?;
    assert_eq!(act_of(&record)["act"], "link_added");
    assert_eq!(act_of(&record)["link"]["polarity"], "contradicts");
    Ok(())
}

#[test]
fn v_selects_a_span_to_link() -> Outcome {
    let record = at_the_point(LINK_SPAN)?;
    assert_eq!(act_of(&record)["act"], "link_added");
    assert_eq!(act_of(&record)["link"]["quote"], "Thi");
    Ok(())
}

#[test]
fn x_drops_a_link() -> Outcome {
    let record = record(DROP)?;
    assert_eq!(act_of(&record)["act"], "link_dropped");
    assert!(act_of(&record)["link"]["quote"].is_string());
    Ok(())
}

#[test]
fn y_puts_the_place_on_the_clipboard_of_the_terminal() -> Outcome {
    let env = account()?;
    Session::ready(&env)?.play(&[POINT, SELECT, COPY].concat())
}
