//! Recordings that are heard while the dossier is open, by the real ears.

use std::fs;
use std::path::{Path, PathBuf};

use super::session::{Session, WIDE, journal};
use crate::env::{Outcome, SPEECH_MODEL, TestEnvironment, real_weights};
use crate::office::archive;

/// An account with models, and a dossier of a note and a recording.
fn account() -> Outcome<(TestEnvironment, PathBuf)> {
    real_weights(SPEECH_MODEL)?;
    let mut env = TestEnvironment::with_models()?;
    env.set("PLUMB_SPEECH_MODEL", SPEECH_MODEL);
    env.set("PLUMB_MODEL", "nobody");
    let dossier = env.scratch().join("dossier");
    fs::create_dir(&dossier)?;
    let talk = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jfk.flac");
    fs::copy(talk, dossier.join("talk.flac"))?;
    fs::write(dossier.join("note.md"), "He spoke well.\n")?;
    fs::write(
        dossier.join("dossier.toml"),
        "id = \"d\"\nrole = \"president\"\ncycle = \"1961\"\nlanguage = \"en\"\n\
         subject = { id = \"s\", name = \"John\" }\n[[source]]\npath = \"note.md\"\nkind = \"peer\"\n\
         [[source]]\npath = \"talk.flac\"\nkind = \"meeting\"\n",
    )?;
    Ok((env, dossier))
}

#[test]
fn a_recording_is_heard_while_the_dossier_is_open() -> Outcome {
    let (env, dossier) = account()?;
    is_heard(&env, &dossier)
}

/// What the records keep of it is found in the archive again.
#[test]
fn so_is_one_in_an_archive() -> Outcome {
    let (env, dossier) = account()?;
    let talk = dossier.join("talk.flac");
    let talks = archive(&[("1961/talk.flac", &fs::read(&talk)?)])?;
    fs::write(dossier.join("talks.zip"), talks)?;
    fs::remove_file(talk)?;
    let manifest = dossier.join("dossier.toml");
    let text = fs::read_to_string(&manifest)?.replace("talk.flac", "talks.zip");
    fs::write(manifest, text)?;
    is_heard(&env, &dossier)?;
    let last = journal(&env)?.pop().ok_or("no record")?.to_string();
    assert!(last.contains("talks.zip/1961/talk.flac"), "{last}");
    env.run(["journal", "verify"])?.ok()?;
    Ok(())
}

fn is_heard(env: &TestEnvironment, dossier: &Path) -> Outcome {
    let mut session = Session::review(env, dossier, &[], WIDE)?;
    session.wait("He spoke well.")?;
    session.wait("The recordings were heard")?;
    session.type_keys("\x1bOQG")?;
    session.wait("my fellow Americans")?;
    session.type_keys("q")?;
    assert_eq!(session.ended()?, 0);
    let read: Vec<usize> = journal(env)?
        .iter()
        .filter_map(|record| Some(record["body"]["sources"].as_array()?.len()))
        .collect();
    assert_eq!(read, [1, 2], "{:?}", journal(env)?);
    Ok(())
}

#[test]
fn leaving_while_it_is_heard_ends_at_once() -> Outcome {
    let (env, dossier) = account()?;
    let mut session = Session::review(&env, &dossier, &[], WIDE)?;
    session.wait("hearing recordings")?;
    session.type_keys("q")?;
    assert_eq!(session.ended()?, 0);
    session.given_back()
}
