//! Every way out: quitting, leaving, suspending, signals, a workspace in use, a terminal too small.

use plumbline::tui::keys::Action;

use super::script::{Step, act, nth};
use super::session::{SAMPLE, Session, WIDE, account};
use crate::env::{Outcome, sample};

const QUIT: &[Step] = &[act(Action::Quit).ends(0)];
const LEAVE: &[Step] = &[
    act(Action::Open).shows("Evidence for Collaboration"),
    act(Action::Leave).shows("Tom Okafor"),
    act(Action::Leave).ends(0),
];
const DECIDE: &[Step] = &[nth(Action::Score, 4), act(Action::Skip).saves()];
#[cfg(unix)]
const SUSPEND: &[Step] = &[act(Action::Suspend).shows("Stopped")];

pub const SCRIPTS: &[&[Step]] = &[
    QUIT,
    LEAVE,
    DECIDE,
    #[cfg(unix)]
    SUSPEND,
];

/// What a session wrote is there when the next one opens, and quitting gives the terminal back.
#[test]
fn a_decision_is_seen_again_and_the_terminal_is_given_back() -> Outcome {
    let env = account()?;
    let mut first = Session::ready(&env)?;
    first.play(&[DECIDE, QUIT].concat())?;
    first.given_back()?;
    Session::ready(&env)?.wait("overridden")?;
    env.run(["journal", "verify"])?.ok()?;
    Ok(())
}

#[test]
fn q_goes_to_the_queue_and_from_there_out() -> Outcome {
    let env = account()?;
    let mut session = Session::queue(&env)?;
    session.play(LEAVE)?;
    session.given_back()
}

/// As from a person's shell: the process stops, the shell has the terminal as it was, `fg` brings the screen back.
#[cfg(unix)]
#[test]
fn ctrl_z_stops_the_program_and_fg_brings_it_back() -> Outcome {
    const SHELL: &str = r#"set -m
        "$0" review "$1"
        echo "status $?, process $(jobs -p):"
        jobs -s
        stty -a
        echo "the shell has it"
        read -r line
        echo "read $line"
        fg
        echo "then status $?""#;
    let env = account()?;
    let program = env!("CARGO_BIN_EXE_plumb").into();
    let argv = vec![
        "/bin/bash".into(),
        "-c".into(),
        SHELL.into(),
        program,
        sample(SAMPLE).into(),
    ];
    let mut session = Session::start(&env, argv, WIDE)?;
    session.wait("Evidence for Collaboration")?;
    session.play(DECIDE)?;
    session.play(SUSPEND)?;
    session.wait("the shell has it")?;
    session.given_back()?;
    let text = session.text();
    for mode in ["icanon", "isig", "echo", "icrnl", "opost"] {
        assert!(
            text.split_whitespace().any(|word| word == mode),
            "no {mode}: {text}"
        );
    }
    #[cfg(target_os = "linux")]
    {
        assert!(text.contains("status 148, "), "not by SIGTSTP: {text}");
        let pid = text.split("process ").nth(1).and_then(|t| t.split(':').next());
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.ok_or("no process")?))?;
        assert!(stat.contains(") T "), "{stat}");
    }
    session.play(&[super::script::text("a line\r").shows("Evidence for Collaboration")])?;
    assert!(session.screen().screen().alternate_screen());
    session.play(&[
        act(Action::Undo).saves(),
        act(Action::Quit).shows("then status 0"),
    ])?;
    session.given_back()
}

/// A second writer is told who has the workspace, and harms nothing.
#[test]
fn a_second_writer_is_refused() -> Outcome {
    let env = account()?;
    let _first = Session::ready(&env)?;
    let mut second = Session::review(&env, &sample(SAMPLE), &[], WIDE)?;
    assert_eq!(second.ended()?, 1);
    second.wait("plumb:")?;
    second.wait("in use")
}

#[test]
fn a_terminal_too_small_says_so_and_goes_on_when_it_grows() -> Outcome {
    let env = account()?;
    let mut session = Session::review(&env, &sample(SAMPLE), &[], (40, 10))?;
    session.wait("The terminal is too small")?;
    session.wait("needs 60x16, has 40x10")?;
    session.resize(WIDE)?;
    session.wait("Evidence for Collaboration")?;
    session.play(DECIDE)?;
    session.resize((40, 10))?;
    session.wait("needs 60x16, has 40x10")?;
    session.play(&[act(Action::Leave).ends(0)])
}

/// A hang-up or a termination loses nothing that was said to be saved, and frees the lock.
#[cfg(unix)]
#[test]
fn signals_end_a_session_in_good_order() -> Outcome {
    for signal in ["-HUP", "-TERM"] {
        let env = account()?;
        let mut session = Session::ready(&env)?;
        session.play(DECIDE)?;
        let pid = session.pid()?.to_string();
        assert!(
            std::process::Command::new("kill")
                .args([signal, &pid])
                .status()?
                .success()
        );
        session.ended()?;
        let verdict = env.run(["journal", "verify"])?.ok()?;
        assert!(verdict.contains("sound"), "{signal}: {verdict}");
        Session::ready(&env)?.wait("overridden")?;
    }
    Ok(())
}
