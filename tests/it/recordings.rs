//! Recordings, with a real model and a real voice: what is heard, how it is written down, how it is cited.

use std::path::{Path, PathBuf};

use plumbline::hash::ContentHash;
use plumbline::model::speech::audio::{self, SAMPLE_RATE, Sound};
use plumbline::model::speech::speakers::encoder::Encoder;
use plumbline::watch::Nobody;

use crate::env::{Outcome, SPEECH_MODEL, TestEnvironment, VOICE_MODEL, real_weights, sample};
use crate::{ingest, office};

/// What is said in the recording, as everybody writes it down.
const SAID: &str = "and so my fellow americans ask not what your country can do for you ask what you can do for your country";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn recording() -> PathBuf {
    data("jfk.flac")
}

fn hearing() -> Outcome<TestEnvironment> {
    real_weights(SPEECH_MODEL)?;
    real_weights(VOICE_MODEL)?;
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

/// Changes a word in everything that was kept, so that whoever shows it now has not heard it again; how many files that is.
fn mark_kept(env: &TestEnvironment) -> Outcome<usize> {
    let kept = env.home().join(".cache/plumbline/transcripts");
    let kept: Vec<_> = std::fs::read_dir(&kept)?.collect::<Result<_, _>>()?;
    for path in kept.iter().map(std::fs::DirEntry::path) {
        let changed = std::fs::read_to_string(&path)?.replace("ellow", "ELLOW");
        std::fs::write(&path, changed)?;
    }
    Ok(kept.len())
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
    assert!(segments.iter().all(|s| s["language"] == "en"), "{heard}");
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
    assert!(segments.iter().all(|s| s["speaker"] == "Speaker 1"), "{heard}");
    Ok(())
}

#[test]
fn it_is_written_as_text_and_captions_and_heard_only_once() -> Outcome {
    let env = hearing()?;
    let text = transcribe(&env, &[])?;
    assert!(text.starts_with("[00:00] Speaker 1: And so"), "{text}");
    assert_eq!(
        mark_kept(&env)?,
        2,
        "the words, the same with who speaks, and nothing unfinished"
    );
    let vtt = transcribe(&env, &["--vtt"])?;
    assert!(
        vtt.starts_with("WEBVTT\n\n00:00:0") && vtt.contains("\n<v Speaker 1>And so"),
        "{vtt}"
    );
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
    assert!(said.contains("no.wav has nobody who speaks in it"), "{said}");
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

/// Beside it lies the same recording outside, which is not heard again, and two that cannot be heard.
#[test]
fn a_recording_in_an_archive_is_cited_with_the_archive_s_path() -> Outcome {
    let env = hearing()?;
    let talk = std::fs::read(recording())?;
    let words = b"words, no sound ".repeat(500);
    let papers = office::archive(&[
        ("talks/inaugural.flac", &talk),
        ("talks/words.m4a", &words),
        ("talks/nothing.mp3", b""),
        ("note.md", b"He spoke well."),
    ])?;
    let files: [(&str, &[u8]); 2] = [("papers.zip", &papers), ("copy.flac", &talk)];
    let dir = ingest::dossier(&env, "archived", &files)?;
    let manifest = dir.join("dossier.toml");
    let named = "[speakers]\n\"papers.zip/talks/inaugural.flac\" = { \"Speaker 1\" = \"E1\" }\n";
    std::fs::write(&manifest, std::fs::read_to_string(&manifest)? + named)?;
    let printed = || {
        let args = ["ingest".into(), dir.clone().into_os_string(), "--json".into()];
        env.run(args)?.ok()
    };
    let read: serde_json::Value = serde_json::from_str(&printed()?)?;
    let source = &read["sources"][0];
    assert_eq!(source["path"], "papers.zip/talks/inaugural.flac");
    assert_eq!(source["format"], "recording");
    assert_eq!(source["sha256"], ContentHash::of(&talk).to_string());
    let segments = source["segments"].as_array().ok_or("no segments")?;
    let text: Vec<&str> = segments.iter().filter_map(|s| s["text"].as_str()).collect();
    assert_eq!(plain(&text.join(" ")), SAID);
    let cited = |s: &serde_json::Value| s["time"].is_object() && s["speaker"] == "Ada";
    assert!(segments.iter().all(cited), "{source}");
    assert_eq!(read["sources"][1]["path"], "papers.zip/note.md");
    let problems = read["problems"].as_array().ok_or("no problems")?;
    let said = |at: usize| format!("{}: {}", problems[at]["path"], problems[at]["message"]).replace('"', "");
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        said(0).starts_with("papers.zip/talks/words.m4a: is no recording that can be read here"),
        "{}",
        said(0)
    );
    assert_eq!(said(1), "papers.zip/talks/nothing.mp3: is empty");
    assert_eq!(
        said(2),
        "copy.flac: has the same content as papers.zip/talks/inaugural.flac; read once"
    );
    assert_eq!(mark_kept(&env)?, 2, "the words, and the same with who speaks");
    assert!(printed()?.contains("ELLOW"), "heard once");
    let outside = transcribe(&env, &[])?;
    assert!(
        outside.contains("ELLOW"),
        "heard once, wherever it lies: {outside}"
    );
    Ok(())
}

/// Facts of a sample's conversation, and the second in which their sentence begins, as its `.expected.vtt` has it.
const FACTS: [(&str, f64); 3] = [
    ("the 12th of may", 5.9),
    ("until april", 11.5),
    ("84 customers waited", 17.4),
];

/// Its first half is heard, to save time.
#[test]
fn the_facts_of_a_conversation_are_segments_with_times() -> Outcome {
    let env = hearing()?;
    let talk = sample("recordings/en-helen-moss-2026h1/one-to-one.m4a");
    let half = env.scratch().join("half.wav");
    std::fs::write(
        &half,
        wave(&audio::decode(&Sound::at(&talk), &Nobody)?[..26 * SAMPLE_RATE]),
    )?;
    let heard = env.run(["transcribe".as_ref(), half.as_os_str(), "--json".as_ref()])?;
    let heard: serde_json::Value = serde_json::from_str(&heard.ok()?)?;
    let segments = heard["segments"].as_array().ok_or("no segments")?;
    for (words, second) in FACTS {
        let holds = |s: &&serde_json::Value| plain(s["text"].as_str().unwrap_or_default()).contains(words);
        let segment = segments
            .iter()
            .find(holds)
            .ok_or_else(|| format!("{words}: {heard}"))?;
        let time = |edge: &str| segment[edge].as_f64().ok_or_else(|| format!("no {edge}"));
        assert!(
            time("start")? <= second + 0.5 && second < time("end")?,
            "{words}: {segment}"
        );
    }
    Ok(())
}

/// The same numbers as the encoder's own program, on the same recording; `tests/data/README.md` says how they were made.
#[test]
fn a_voice_is_the_vector_that_its_makers_program_finds() -> Outcome {
    let model = real_weights(VOICE_MODEL)?;
    let wanted: Vec<f32> = serde_json::from_str(&std::fs::read_to_string(data("jfk-voice.json"))?)?;
    let samples = audio::decode(&Sound::at(&recording()), &Nobody)?;
    let found = Encoder::load(&model.path)?.voice(&samples)?.ok_or("no sound")?;
    assert_eq!(found.len(), wanted.len());
    let cosine: f32 = found.iter().zip(&wanted).map(|(a, b)| a * b).sum();
    let worst = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
    let worst = worst.fold(0.0, f32::max);
    assert!(cosine > 0.9999 && worst < 1e-3, "cosine {cosine}, off by {worst}");
    Ok(())
}

/// A wave file of 16 bits and 16,000 samples a second.
fn wave(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes())
        .collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// One voice, another, the first again, half a second apart. `Ask not`, a second that is called out, is left away: it is
/// left without a speaker.
fn conversation() -> Outcome<Vec<u8>> {
    let first = audio::decode(&Sound::at(&recording()), &Nobody)?;
    let sentence = |name| audio::decode(&Sound::at(&data(name)), &Nobody);
    let (dog, stripe) = (
        sentence("speechbrain-spk1-snt1.wav")?,
        sentence("speechbrain-spk1-snt4.wav")?,
    );
    let pause = vec![0.0; SAMPLE_RATE / 2];
    let (turn, on) = (33 * SAMPLE_RATE / 10, 5 * SAMPLE_RATE);
    Ok(wave(
        &[&first[..turn], &pause, &dog, &stripe, &pause, &first[on..]].concat(),
    ))
}

#[test]
fn two_voices_are_two_speakers_and_the_dossier_says_who_they_are() -> Outcome {
    let env = hearing()?;
    let dossier = env.scratch().join("dossier");
    std::fs::create_dir(&dossier)?;
    std::fs::write(dossier.join("talk.wav"), conversation()?)?;
    std::fs::write(
        dossier.join("dossier.toml"),
        "id = \"d\"\nrole = \"president\"\ncycle = \"1961\"\nlanguage = \"en\"\n\
         subject = { id = \"E35\", name = \"John\" }\n[[source]]\npath = \"talk.wav\"\nkind = \"meeting\"\n\
         [speakers]\n\"talk.wav\" = { \"Speaker 1\" = \"E35\", \"Speaker 2\" = \"Ann\" }\n",
    )?;
    let dir = dossier.to_string_lossy().into_owned();
    let read: serde_json::Value = serde_json::from_str(&env.run(["ingest", &dir, "--json"])?.ok()?)?;
    assert_eq!(read["problems"], serde_json::json!([]));
    let segments = read["sources"][0]["segments"].as_array().ok_or("no segments")?;
    let mut turns: Vec<(&str, bool, String)> = Vec::new();
    for segment in segments {
        let speaker = segment["speaker"].as_str().ok_or("nobody")?;
        let employee = segment["employee"].as_bool().ok_or("not told")?;
        let text = plain(segment["text"].as_str().unwrap_or_default());
        match turns.last_mut() {
            Some((same, _, said)) if *same == speaker => *said += &format!(" {text}"),
            _ => turns.push((speaker, employee, text)),
        }
    }
    let who: Vec<(&str, bool)> = turns.iter().map(|(who, employee, _)| (*who, *employee)).collect();
    assert_eq!(who, [("John", true), ("Ann", false), ("John", true)], "{turns:?}");
    assert!(turns[1].2.contains("stripe"), "{turns:?}");
    let listing = env.run(["ingest", &dir])?.ok()?;
    assert!(listing.contains("talk.wav: John (the employee) "), "{listing}");
    Ok(())
}

#[test]
fn without_the_encoder_the_words_are_heard_and_one_hint_says_how_to_get_it() -> Outcome {
    let real = real_weights(SPEECH_MODEL)?;
    let mut env = TestEnvironment::new()?;
    env.set("PLUMB_SPEECH_MODEL", SPEECH_MODEL);
    let folder = env.models_dir().join(SPEECH_MODEL);
    std::fs::create_dir_all(&folder)?;
    let here = real.path.parent().ok_or("no folder")?;
    for file in &real.manifest.files {
        std::os::unix::fs::symlink(here.join(&file.name), folder.join(&file.name))?;
    }
    let run = env.run(["transcribe", &*recording().to_string_lossy(), "--json"])?;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr.matches("plumb models pull resemblyzer").count(), 1);
    let heard: serde_json::Value = serde_json::from_str(&run.stdout)?;
    let segments = heard["segments"].as_array().ok_or("no segments")?;
    assert!(!segments.is_empty() && segments.iter().all(|s| s["speaker"].is_null()));
    Ok(())
}
