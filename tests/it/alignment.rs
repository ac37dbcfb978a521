//! `plumb eval alignment` on the samples: what it prints, and that the figures are those of the rules.

use std::fs;

use serde_json::Value;

use crate::env::{OCR_MODEL, Outcome, SPEECH_MODEL, TestEnvironment, real_weights, sample};

fn json_of(env: &TestEnvironment, folder: &std::path::Path) -> Outcome<Value> {
    let args = ["eval".into(), "alignment".into(), folder.into(), "--json".into()];
    let args: [std::ffi::OsString; 4] = args;
    Ok(serde_json::from_str(&env.run(args)?.ok()?)?)
}

fn value(figure: &Value) -> f64 {
    figure["value"].as_f64().unwrap_or(f64::NAN)
}

#[test]
fn the_samples_numbers_are_confirmed_by_their_own_tables_and_by_no_other_s() -> Outcome {
    let env = TestEnvironment::new()?;
    let read = json_of(&env, &sample(""))?;
    assert_eq!(
        (&read["what"], &read["dossiers"], &read["groups"]),
        (&"alignment".into(), &10.into(), &8.into())
    );
    let (own, other, drop) = (
        &read["consistency"],
        &read["consistency_swapped"],
        &read["swap_drop"],
    );
    assert!(own["n"].as_u64() >= Some(10), "{own}");
    assert!(value(own) > 0.3 && value(other) < 0.1, "{own} {other}");
    assert!(
        drop["low"].as_f64() > Some(0.0),
        "the interval of the fall lies above nothing: {drop}"
    );
    for basis in ["number", "words"] {
        let judged = &read["labelled"][basis];
        assert!(judged["accuracy"]["n"].as_u64() > Some(30), "{judged}");
        for sort in ["contradicts", "supports"] {
            assert!(
                value(&judged[sort]["precision"]) > 0.9,
                "{basis} {sort}: {judged}"
            );
        }
    }
    let text = env
        .run(["eval".into(), "alignment".into(), sample("").into_os_string()])?
        .ok()?;
    assert!(text.starts_with("10 dossiers of 8 people\n"), "{text}");
    Ok(())
}

#[test]
fn the_values_of_the_sample_charts_are_counted() -> Outcome {
    real_weights(OCR_MODEL)?;
    let env = TestEnvironment::with_models()?;
    let folder = env.scratch().join("people");
    let charts = folder.join("charts");
    fs::create_dir_all(&charts)?;
    for name in ["tickets-zh.png", "tickets-zh.values.json"] {
        fs::copy(sample("charts").join(name), charts.join(name))?;
    }
    let dossier = folder.join("one");
    fs::create_dir(&dossier)?;
    for entry in fs::read_dir(sample("en-tom-okafor-2026h1"))? {
        let path = entry?.path();
        fs::copy(&path, dossier.join(path.file_name().ok_or("no name")?))?;
    }
    let read = json_of(&env, &folder)?;
    let values = &read["chart_values_printed"];
    assert!(values["n"].as_u64() > Some(2) && value(values) > 0.9, "{values}");
    assert_eq!(read["consistency"]["n"], 0, "nobody to swap tables with");
    Ok(())
}

#[test]
fn a_wrong_label_is_one_clear_line() -> Outcome {
    let env = TestEnvironment::new()?;
    let dossier = env.scratch().join("one");
    fs::create_dir(&dossier)?;
    for entry in fs::read_dir(sample("en-tom-okafor-2026h1"))? {
        let path = entry?.path();
        fs::copy(&path, dossier.join(path.file_name().ok_or("no name")?))?;
    }
    fs::write(
        dossier.join("claims.toml"),
        "[[claim]]\nby = \"words\"\nquote = \"never said\"\nverdict = \"not-found\"\n",
    )?;
    let said = env
        .run(["eval".into(), "alignment".into(), dossier.into_os_string()])?
        .failed(1)?;
    assert!(said.contains("claims.toml line 3: claim[1].quote"), "{said}");
    Ok(())
}

/// Two captions of the recording, of which the first begins where the voice does.
#[test]
fn captions_beside_a_recording_are_looked_for_where_they_are_spoken() -> Outcome {
    real_weights(SPEECH_MODEL)?;
    let mut env = TestEnvironment::with_models()?;
    env.set("PLUMB_SPEECH_MODEL", SPEECH_MODEL);
    let dossier = env.scratch().join("heard");
    fs::create_dir(&dossier)?;
    let recording = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jfk.flac");
    fs::copy(recording, dossier.join("talk.flac"))?;
    fs::write(
        dossier.join("dossier.toml"),
        "id = \"d\"\nrole = \"president\"\ncycle = \"1961\"\nlanguage = \"en\"\n\
         subject = { id = \"s\", name = \"John\" }\n[[source]]\npath = \"talk.flac\"\nkind = \"meeting\"\n",
    )?;
    let captions = "WEBVTT\n\n00:00:00.300 --> 00:00:02.500\nAnd so, my fellow Americans\n\n\
        00:01:00.000 --> 00:01:02.000\nSomething that nobody says at all\n";
    fs::write(dossier.join("talk.expected.vtt"), captions)?;
    let args = [
        "eval".into(),
        "alignment".into(),
        dossier.into_os_string(),
        "--json".into(),
    ];
    let args: [std::ffi::OsString; 4] = args;
    let read: Value = serde_json::from_str(&env.run(args)?.ok()?)?;
    let codes = &read["time_codes"];
    assert_eq!((codes["n"].as_u64(), value(codes)), (Some(2), 0.5), "{codes}");
    let distance = &read["time_distance"];
    assert_eq!(distance["n"].as_u64(), Some(1), "{distance}");
    assert!(value(distance) < 0.5, "{distance}");
    Ok(())
}
