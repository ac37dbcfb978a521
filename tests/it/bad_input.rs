//! Bad input, through the real program: one clear message that says what, where and what to do next, the right exit
//! status, nothing lost, no panic. What else is tested of these: sources and manifests in `ingest`, faults of a rubric in
//! `rubric`, model files byte by byte in `model_files`, a damaged model in `pull::store`, a full disk at every single
//! write in the store's own tests, a second writer in `records::cli` and `workstation::leaving`, a terminal of 40x10
//! there too.

use std::fs;
use std::path::{Path, PathBuf};

use plumbline::tui::keys::Action;

use crate::env::{Outcome, Run, SMALL_MODEL, TestEnvironment, real_weights, sample};
use crate::ingest;
use crate::workstation::script::{Step, act, nth, text};
use crate::workstation::session::{SAMPLE, Session, WIDE, account, journal};

/// A dossier of these files in the test's own folder.
fn dossier(env: &TestEnvironment, files: &[(&str, &[u8])]) -> Outcome<PathBuf> {
    ingest::dossier(env, "dossier", files)
}

/// The complaint of a run that ends with `code`: a line that begins with our name, then only hints.
fn complaint(run: Run, code: i32) -> Outcome<String> {
    let said = run.failed(code)?;
    let (first, rest) = said.split_once('\n').ok_or("no whole line")?;
    assert!(first.starts_with("plumb: "), "{said}");
    assert!(rest.lines().all(|line| line.starts_with("  hint: ")), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    Ok(said)
}

/// Such a complaint about `place` with some advice, and no workspace made on the way.
fn says(env: &TestEnvironment, args: &[&str], code: i32, place: &str, advice: &str) -> Outcome {
    let said = complaint(env.run(args)?, code)?;
    assert!(said.contains(place), "no {place:?} in {said}");
    assert!(
        said.contains(&format!("hint: {advice}")),
        "no {advice:?} in {said}"
    );
    assert!(!env.workspace().exists(), "{args:?} made a workspace");
    Ok(())
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn a_model_that_is_missing_or_corrupt_is_named_with_the_command_that_brings_it() -> Outcome {
    let env = TestEnvironment::new()?;
    let target = shown(&sample(SAMPLE));
    let call = ["score", &target, "--model", SMALL_MODEL, "--save"];
    let advice = format!("plumb models pull {SMALL_MODEL}");
    says(&env, &call, 1, "is missing", &advice)?;
    let weights = real_weights(SMALL_MODEL)?.path;
    let folder = env.models_dir().join(SMALL_MODEL);
    fs::create_dir_all(&folder)?;
    let file = folder.join(weights.file_name().ok_or("no file name")?);
    fs::write(&file, &fs::read(weights)?[..100_000])?;
    says(&env, &call, 1, &shown(&file), &advice)?;
    let unknown = ["score", &target, "--model", "no-such"];
    says(
        &env,
        &unknown,
        2,
        "no model is called \"no-such\"",
        "`plumb models list`",
    )
}

/// People can score without a model: the screen opens, and says all of what is missing and what to do.
#[test]
fn the_workstation_opens_without_a_model_and_says_how_to_get_it() -> Outcome {
    let env = account()?;
    let session = Session::review(&env, &sample(SAMPLE), &["--model", SMALL_MODEL], (80, 24))?;
    session.wait("is not on this machine")?;
    session.wait(&format!("plumb models pull {SMALL_MODEL}"))
}

#[test]
fn without_a_terminal_the_workstation_is_a_wrong_call() -> Outcome {
    let env = TestEnvironment::new()?;
    let call = ["review", &shown(&sample(SAMPLE))];
    says(&env, &call, 2, "needs a terminal", "`plumb score DIR`")
}

#[test]
fn a_dossier_without_sources_or_with_empty_ones_is_named() -> Outcome {
    let env = TestEnvironment::new()?;
    let bare = shown(&dossier(&env, &[])?);
    let manifest = format!("{bare}/dossier.toml: lists no sources");
    says(&env, &["score", &bare], 1, &manifest, "add a [[source]] table")?;
    let session = Session::review(&env, Path::new(&bare), &[], WIDE)?;
    session.wait("lists no sources")?;
    drop(session);
    let env = TestEnvironment::new()?;
    let empty = shown(&dossier(&env, &[("a.md", b"")])?);
    says(&env, &["score", &empty], 1, &empty, "a.md: is empty")
}

/// Unreadable sources stand on the screen with their reason; the readable ones are there, whatever their encoding.
#[test]
fn sources_in_any_encoding_are_shown_beside_the_one_that_is_empty() -> Outcome {
    let env = TestEnvironment::new()?;
    let (gb, _, _) = encoding_rs::GB18030.encode("本周完成清分引擎的全量切流，对账耗时降到四十分钟。");
    let invalid = b"\xe4\xb8\xad\xe6\x96\x87\xe5\xa5\xbd\xe7\x9a\x84\xff.";
    let files: [(&str, &[u8]); 3] = [("gb.txt", &gb), ("invalid.txt", invalid), ("empty.md", b"")];
    let dir = dossier(&env, &files)?;
    let mut session = Session::review(&env, &dir, &[], WIDE)?;
    session.wait("本周完成清分引擎的全量切流")?;
    session.play(&[act(Action::NextSource).sends("\u{fffd}".as_bytes())])?;
    session.wait("empty.md")?;
    session.wait("  is empty")
}

/// A line of a report, 20 MB of times, and one at the end that is found.
#[test]
fn a_text_of_twenty_megabytes_is_read_shown_and_searched() -> Outcome {
    const FIND: &[Step] = &[
        act(Action::Find).shows("┏━ Find"),
        text("needle"),
        act(Action::Submit).shows("The needle is here."),
        act(Action::PaneDocument).shows("┏━ long.txt"),
        act(Action::Top).hides("The needle is here."),
        act(Action::Bottom).shows("The needle is here."),
        act(Action::Quit).ends(0),
    ];
    let env = TestEnvironment::new()?;
    let line = "The depot report went out on time.\n";
    let long = line.repeat((20 << 20) / line.len()) + "The needle is here.\n";
    let dir = dossier(&env, &[("long.txt", long.as_bytes())])?;
    let listing = env.run(["ingest".as_ref(), dir.as_os_str()])?.ok()?;
    let count = long.lines().count();
    assert!(
        listing.contains(&format!("{count} segments in 1 sources")),
        "{listing}"
    );
    let mut session = Session::review(&env, &dir, &[], WIDE)?;
    session.wait("The depot report")?;
    session.play(FIND)?;

    let longer = long.repeat(2);
    let dir = shown(&dossier(&env, &[("long.txt", longer.as_bytes())])?);
    let said = complaint(env.run(["ingest", &dir])?, 1)?;
    assert!(
        said.contains("hint: long.txt: is larger than 32 MB; not read"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_rubric_with_two_dimensions_of_one_name_is_refused_before_anything_is_done() -> Outcome {
    let env = TestEnvironment::new()?;
    let core = include_str!("../../rubrics/core.toml");
    let file = env.scratch().join("twice.toml");
    fs::write(
        &file,
        core.replacen("en = \"Ownership\"", "en = \"Collaboration\"", 1),
    )?;
    let fault = "dimension[2].name.en: \"Collaboration\" is already taken by dimension[1].name.en";
    let (target, file) = (shown(&sample(SAMPLE)), shown(&file));
    says(
        &env,
        &["score", &target, "--rubric", &file],
        1,
        fault,
        "correct it",
    )?;
    let mut session = Session::review(&env, &sample(SAMPLE), &["--rubric", &file], WIDE)?;
    assert_eq!(session.ended()?, 1);
    session.wait("plumb: ")?;
    session.wait("is already taken by")?;
    assert!(!env.workspace().exists());
    Ok(())
}

#[test]
fn a_workspace_in_use_is_said_before_the_model_works() -> Outcome {
    let env = account()?;
    let before = journal(&env)?;
    let _first = Session::ready(&env)?;
    let mut second = TestEnvironment::with_models()?;
    second.set("PLUMB_HOME", shown(&env.workspace()));
    let call = ["score", &shown(&sample(SAMPLE)), "--model", SMALL_MODEL, "--save"];
    let run = second.run(call)?;
    assert!(run.stdout.is_empty(), "it scored first: {}", run.stdout);
    let said = complaint(run, 1)?;
    assert!(
        said.contains(&shown(&env.workspace())) && said.contains("in use"),
        "{said}"
    );
    assert_eq!(journal(&env)?, before);
    Ok(())
}

/// What a full disk does to a file, by the shell's limit on its size: no record that was shown as saved is lost, the
/// refused one is said with the reason, and the next session goes on.
#[cfg(unix)]
#[test]
fn a_journal_that_cannot_grow_stops_the_writing_and_loses_nothing() -> Outcome {
    const DECIDE: &[Step] = &[nth(Action::Score, 4), act(Action::Skip)];
    const LIMITED: &str = r#"ulimit -f "$1" && exec "$0" review "$2""#;
    let env = account()?;
    let before = journal(&env)?.len();
    let bytes = fs::metadata(env.workspace().join("journal/000000000001.jsonl"))?.len();
    let argv = vec![
        "/bin/bash".into(),
        "-c".into(),
        LIMITED.into(),
        env!("CARGO_BIN_EXE_plumb").into(),
        (bytes / 1024 + 3).to_string().into(),
        sample(SAMPLE).into(),
    ];
    let mut session = Session::start(&env, argv, WIDE)?;
    session.wait("Evidence for Collaboration")?;
    let mut saved = before;
    loop {
        session.play(DECIDE)?;
        let next = format!("saved #{} ", saved + 1);
        session.wait_until(|text| text.contains(&next) || text.contains("not saved: "), &next)?;
        if session.text().contains("not saved: ") {
            break;
        }
        saved += 1;
        assert!(saved < before + 20, "the limit does not hold");
    }
    session.wait("File too large")?;
    session.wait("read-only")?;
    session.play(&[act(Action::Accept).shows("read-only: nothing can be changed")])?;
    session.play(&[act(Action::Quit).ends(0)])?;
    assert!(saved > before, "nothing was saved at all");
    let verdict = env.run(["journal", "verify"])?.ok()?;
    assert!(
        verdict.contains("sound") && verdict.contains(&format!("records  {saved} ")),
        "{verdict}"
    );
    Session::ready(&env)?.play(&[nth(Action::Score, 4), act(Action::Skip).saves()])
}

/// Standard output on a full disk: a message, not a panic and not silence.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_said() -> Outcome {
    let env = TestEnvironment::new()?;
    for args in [&["rubric", "show", "core"][..], &["config"], &["keys", "--json"]] {
        let full = fs::File::options().write(true).open("/dev/full")?;
        let run = Run::of(env.plumb().args(args).stdout(full))?;
        assert!(complaint(run, 1)?.contains("No space left on device"), "{args:?}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_size_limit_under_the_output_is_said() -> Outcome {
    const LIMITED: &str = r#"ulimit -f 1 && exec "$0" man > page"#;
    let env = TestEnvironment::new()?;
    let run = Run::of(
        env.command("/bin/bash")
            .args(["-c", LIMITED, env!("CARGO_BIN_EXE_plumb")]),
    )?;
    assert!(complaint(run, 1)?.contains("File too large"));
    Ok(())
}
