//! The profile and its files, and how the screen looks.

use std::fs;

use plumbline::engine::assessment::ModelIdentity;
use plumbline::hash::ContentHash;
use plumbline::learn::train::Settings;
use plumbline::learn::train::folder::{DataIdentity, MachineIdentity, Manifest, RunFolder, RunKind, Told};
use plumbline::tui::keys::Action;
use serde_json::json;

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

const TRAINING: &[Step] = &[
    act(Action::Training).shows("No run yet"),
    act(Action::Close).hides("No run yet"),
];

const CALIBRATION: &[Step] = &[
    act(Action::Calibration).shows("alibration is in use"),
    act(Action::Help).shows("┏━ Help"),
    act(Action::Close).hides("┏━ Help"),
    act(Action::Calibration).hides("alibration is in use"),
];

pub const SCRIPTS: &[&[Step]] = &[LOOKS, EXPORTS, KEEP, REPLACE, REFUSED, TRAINING, CALIBRATION];

/// Where another process trains, the screen follows it step by step.
#[test]
fn a_training_run_is_followed() -> Outcome {
    let env = account()?;
    let mut session = Session::ready(&env)?;
    session.play(TRAINING)?;
    let folder = RunFolder::at(&env.workspace().join("runs/first"));
    folder.begin(&Manifest {
        judge: None,
        kind: RunKind::Grpo,
        model: ModelIdentity {
            id: "tiny".into(),
            sha256: ContentHash::ZERO,
            adapter: None,
        },
        start: None,
        weights: None,
        settings: Settings::default(),
        data: DataIdentity {
            path: "data".into(),
            sha256: ContentHash::ZERO,
            samples: 8,
            tokens: 800,
            left_out: 0,
        },
        steps: 5,
        parameters: 1,
        program: "test".to_owned(),
        machine: MachineIdentity::here(),
    })?;
    let told = |step: usize| Told {
        step,
        steps: 5,
        learning_rate: 1e-4,
        grad_norm: 1.0,
        tokens: 100,
        tokens_per_s: 50.0,
        elapsed_s: 2.0 * step as f64,
        figures: [("reward".to_owned(), 0.1 * step as f64), ("kl".to_owned(), 0.0)].into(),
    };
    folder.tell(&told(1))?;
    folder.keep_samples(&[json!({"answer": "the\u{1b}[31mred one", "reward": 0.25})])?;
    session.play(&[act(Action::Training).shows("step 1 of 5")])?;
    session.wait("first · grpo · tiny")?;
    // What a model wrote reaches the terminal guarded.
    session.wait("0.25  the")?;
    assert!(!session.raw().windows(5).any(|bytes| bytes == b"\x1b[31m"));
    folder.tell(&told(2))?;
    session.wait("step 2 of 5")?;
    session.wait("0.1000     0.2000")
}

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
