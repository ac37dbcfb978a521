//! Recordings, with a real model and a real voice: what is heard, how it is written down, how it is cited.

use std::path::{Path, PathBuf};

use crate::env::{Outcome, SPEECH_MODEL, TestEnvironment, real_weights};

/// What is said in the recording, as everybody writes it down.
const SAID: &str = "and so my fellow americans ask not what your country can do for you ask what you can do for your country";

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jfk.flac")
}

fn hearing() -> Outcome<TestEnvironment> {
    real_weights(SPEECH_MODEL)?;
    let mut env = TestEnvironment::with_models()?;
    env.set("PLUMB_SPEECH_MODEL", SPEECH_MODEL);
    Ok(env)
}

/// Letters only, so that commas and capitals do not matter.
fn plain(text: &str) -> String {
    let letters = text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ");
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn transcribe(env: &TestEnvironment, args: &[&str]) -> Outcome<String> {
    env.run([&["transcribe", &recording().to_string_lossy()], args].concat())?
        .ok()
}

#[test]
fn a_voice_becomes_words_with_times_and_certainties() -> Outcome {
    let env = hearing()?;
    let heard: serde_json::Value = serde_json::from_str(&transcribe(&env, &["--json"])?)?;
    assert_eq!(heard["language"], "en");
    assert_eq!(heard["model"], SPEECH_MODEL);
    let segments = heard["segments"].as_array().ok_or("no segments")?;
    let text: Vec<&str> = segments.iter().filter_map(|s| s["text"].as_str()).collect();
    assert_eq!(plain(&text.join(" ")), SAID);
    let words: Vec<&serde_json::Value> = segments
        .iter()
        .filter_map(|s| s["words"].as_array())
        .flatten()
        .collect();
    assert_eq!(words.len(), SAID.split(' ').count(), "{words:?}");
    let mut before = 0.0;
    for word in &words {
        let (start, end) = (
            word["start"].as_f64().ok_or("no start")?,
            word["end"].as_f64().ok_or("no end")?,
        );
        assert!(start >= before && end >= start && end <= 11.0, "{word}");
        let sure = word["probability"].as_f64().ok_or("no probability")?;
        assert!((0.0..=1.0).contains(&sure), "{word}");
        before = start;
    }
    assert!(segments.iter().all(|s| s["speaker"].is_null()));
    Ok(())
}

#[test]
fn it_is_written_as_text_and_captions_and_heard_only_once() -> Outcome {
    let env = hearing()?;
    let text = transcribe(&env, &[])?;
    assert!(text.starts_with("[00:00] "), "{text}");
    let kept = env.home().join(".cache/plumbline/transcripts");
    let kept: Vec<_> = std::fs::read_dir(&kept)?.collect::<Result<_, _>>()?;
    assert_eq!(kept.len(), 1, "one transcript and nothing unfinished");
    // What is printed now can only be what was kept.
    let path = kept[0].path();
    let changed = std::fs::read_to_string(&path)?.replace("ellow", "ELLOW");
    std::fs::write(&path, changed)?;
    assert!(transcribe(&env, &["--vtt"])?.starts_with("WEBVTT\n\n00:00:0"));
    let srt = transcribe(&env, &["--srt"])?;
    assert!(srt.starts_with("1\n00:00:0") && srt.contains("ELLOW"), "{srt}");
    env.run(["transcribe", "x.wav", "--vtt", "--srt"])?.failed(2)?;
    Ok(())
}

#[test]
fn what_cannot_be_heard_is_one_clear_line() -> Outcome {
    let env = hearing()?;
    let file = env.scratch().join("no.wav");
    let no = file.to_string_lossy().into_owned();
    env.run(["transcribe", &no, "--language", "xx"])?.failed(2)?;
    let said = env.run(["transcribe", &no])?.failed(1)?;
    assert!(said.contains("cannot read"), "{said}");
    std::fs::write(&file, "words, no sound ".repeat(500))?;
    let said = env.run(["transcribe", &no])?.failed(1)?;
    assert!(
        said.contains("is no recording") && said.contains("flac"),
        "{said}"
    );
    // Two seconds of nothing, as a wave file of 16,000 samples a second.
    let mut silence =
        b"RIFF\x24\xfa\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\xfa\0\0"
            .to_vec();
    silence.extend(vec![0; 64_000]);
    std::fs::write(&file, silence)?;
    let said = env.run(["transcribe", &no])?.failed(1)?;
    assert!(said.contains("nobody speaks"), "{said}");
    let said = env
        .run(["transcribe", &no, "--model", crate::env::SMALL_MODEL])?
        .failed(2)?;
    assert!(said.contains("does not hear"), "{said}");
    Ok(())
}

#[test]
fn a_recording_in_a_dossier_is_cited_like_a_transcript() -> Outcome {
    let env = hearing()?;
    let dossier = env.scratch().join("dossier");
    std::fs::create_dir(&dossier)?;
    std::fs::copy(recording(), dossier.join("talk.flac"))?;
    std::fs::write(dossier.join("note.md"), "He spoke well.\n")?;
    std::fs::write(
        dossier.join("dossier.toml"),
        "id = \"d\"\nrole = \"president\"\ncycle = \"1961\"\nlanguage = \"en\"\n\
         subject = { id = \"s\", name = \"John\" }\n[[source]]\npath = \"talk.flac\"\nkind = \"meeting\"\n\
         [[source]]\npath = \"note.md\"\nkind = \"peer\"\n",
    )?;
    let dir = dossier.to_string_lossy().into_owned();
    let mut without = TestEnvironment::new()?;
    without.set("PLUMB_SPEECH_MODEL", SPEECH_MODEL);
    let listing = without.run(["ingest", &dir])?.ok()?;
    assert!(
        listing.contains("models pull whisper-tiny.en") && listing.contains("note.md"),
        "{listing}"
    );
    let read: serde_json::Value = serde_json::from_str(&env.run(["ingest", &dir, "--json"])?.ok()?)?;
    assert_eq!(read["problems"], serde_json::json!([]));
    let source = &read["sources"][0];
    assert_eq!(source["format"], "recording");
    let first = &source["segments"][0];
    assert!(
        plain(first["text"].as_str().unwrap_or_default()).starts_with("and so my fellow"),
        "{first}"
    );
    assert!(first["time"].is_object(), "{first}");
    Ok(())
}
