//! The profile and its files, and how the screen looks.

use std::fs;

use plumbline::tui::keys::Action;

use super::script::{Step, act, text};
use super::session::{SAMPLE, Session, account};
use crate::env::Outcome;

const LOOKS: &[Step] = &[
    act(Action::Theme).shows("theme: "),
    act(Action::Language).shows("┏━ 维度"),
    act(Action::Language).shows("┏━ Dimensions"),
    act(Action::Mouse).sends(b"\x1b[?1006l\x1b[?1002l\x1b[?1000l"),
    act(Action::Mouse).sends(b"\x1b[?1000h\x1b[?1002h\x1b[?1006h"),
    act(Action::Redraw).sends(b"\x1b[2J"),
];
const EXPORTS: &[Step] = &[
    act(Action::Profile).shows("Performance profile of Priya Nair"),
    act(Action::ExportSvg).shows("en-priya-nair-2026h1.svg"),
    act(Action::Submit).shows("exported to"),
    act(Action::Close).hides("Performance profile"),
    act(Action::ExportHtml).shows("en-priya-nair-2026h1.html"),
    act(Action::Submit).shows("exported to"),
];
/// A file that is there is replaced only by a yes.
const KEEP: &[Step] = &[
    act(Action::ExportSvg).shows("Export to file"),
    act(Action::Submit).shows("Overwrite it?"),
    act(Action::No).hides("Overwrite it?"),
];
const REPLACE: &[Step] = &[
    act(Action::ExportSvg).shows("Export to file"),
    act(Action::Submit).shows("Overwrite it?"),
    act(Action::Yes).shows("exported to"),
];
const REFUSED: &[Step] = &[
    act(Action::ExportSvg).shows("Export to file"),
    text("/no/such/folder"),
    act(Action::Submit).shows("export failed: "),
];

pub const SCRIPTS: &[&[Step]] = &[LOOKS, EXPORTS, KEEP, REPLACE, REFUSED];

#[test]
fn looks_change_and_the_terminal_follows() -> Outcome {
    let env = account()?;
    Session::ready(&env)?.play(LOOKS)
}

#[test]
fn the_profile_is_written_and_nothing_is_replaced_unasked() -> Outcome {
    let env = account()?;
    let mut session = Session::ready(&env)?;
    session.play(EXPORTS)?;
    let file = |extension: &str| env.home().join(SAMPLE).with_extension(extension);
    let read = |extension: &str| fs::read_to_string(file(extension));
    assert!(read("svg")?.contains("<svg") && read("html")?.contains("<html"));
    fs::write(file("svg"), "mine")?;
    session.play(KEEP)?;
    assert_eq!(read("svg")?, "mine");
    session.play(REPLACE)?;
    assert!(read("svg")?.contains("<svg"));
    session.play(REFUSED)
}
