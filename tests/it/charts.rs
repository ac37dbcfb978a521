//! Pictures: `plumb chart` on the samples with the real model, pictures as sources of a dossier, and bad pictures.

use std::fs;

use serde_json::Value;

use crate::env::{OCR_MODEL, Outcome, TestEnvironment, real_weights, sample};
use crate::ingest::dossier;

/// An account with the real model.
fn seeing() -> Outcome<TestEnvironment> {
    real_weights(OCR_MODEL)?;
    TestEnvironment::with_models()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What the chart says beside what its author wrote down.
fn holds_its_values(env: &TestEnvironment, name: &str) -> Outcome {
    let folder = sample("charts");
    let picture = folder.join(format!("{name}.png")).into_os_string();
    let read: Value = serde_json::from_str(&env.run(["chart".into(), picture, "--json".into()])?.ok()?)?;
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.values.json")))?)?;
    assert_eq!((&read["kind"], &read["title"]), (&truth["kind"], &truth["title"]));
    let all = |chart: &Value| -> Vec<[String; 3]> {
        let values = chart["values"].as_array().into_iter().flatten();
        let mut all: Vec<[String; 3]> = values
            .map(|v| ["series", "category", "text"].map(|field| text(&v[field]).to_owned()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(all(&read), all(&truth));
    for value in read["values"].as_array().into_iter().flatten() {
        let region: Vec<u64> = value["box"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        assert!(matches!(region[..], [l, t, r, b] if l < r && t < b), "{value}");
        assert_eq!(value["measured"], false);
    }
    Ok(())
}

#[test]
fn the_values_of_an_english_bar_chart_are_read() -> Outcome {
    holds_its_values(&seeing()?, "reviews-en")
}

#[test]
fn the_values_of_a_chinese_bar_chart_are_read() -> Outcome {
    holds_its_values(&seeing()?, "tickets-zh")
}

#[test]
fn a_picture_is_a_source_whose_values_can_be_cited() -> Outcome {
    let env = seeing()?;
    let picture = fs::read(sample("charts").join("tickets-zh.png"))?;
    let dir = dossier(
        &env,
        "seen",
        &[("tickets.png", &picture), ("note.txt", b"It works.")],
    )?;
    let printed = env
        .run(["ingest".into(), dir.into_os_string(), "--json".into()])?
        .ok()?;
    let report: Value = serde_json::from_str(&printed)?;
    let source = &report["sources"][0];
    assert_eq!(
        (&source["format"], &source["bytes"]),
        (&"picture".into(), &picture.len().into())
    );
    let segments = source["segments"].as_array().ok_or("no segments")?;
    let cited = segments.iter().find(|s| text(&s["text"]).ends_with("搜索 = 128"));
    let region = cited.ok_or_else(|| printed.clone())?["region"]
        .as_array()
        .ok_or("no region")?;
    assert_eq!(region.len(), 4);
    Ok(())
}

#[test]
fn without_the_model_a_picture_is_one_line_and_the_rest_opens() -> Outcome {
    let env = TestEnvironment::new()?;
    let picture = fs::read(sample("charts").join("tickets-zh.png"))?;
    let dir = dossier(
        &env,
        "unseen",
        &[("tickets.png", &picture), ("note.txt", b"It works.")],
    )?;
    let listed = env.run(["ingest".into(), dir.into_os_string()])?.ok()?;
    assert!(listed.contains("plumb models pull pp-ocrv5"), "{listed}");
    assert!(listed.ends_with("1 segments in 1 sources\n"), "{listed}");
    Ok(())
}

#[test]
fn bad_pictures_end_in_one_line() -> Outcome {
    let env = seeing()?;
    let whole = fs::read(sample("charts").join("okr-en.png"))?;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let cases: [(&str, &[u8]); 4] = [
        ("cut.png", &whole[..whole.len() / 3]),
        ("flipped.png", &flipped),
        ("text.jpg", b"not a picture at all"),
        ("empty.webp", b""),
    ];
    for (name, bytes) in cases {
        let path = env.scratch().join(name);
        fs::write(&path, bytes)?;
        let said = env.run(["chart".into(), path.into_os_string()])?.failed(1)?;
        assert!(said.starts_with("plumb: ") && said.lines().count() == 1, "{said}");
        assert!(said.contains(name), "{said}");
    }
    let gone = env.run(["chart", "gone.png"])?.failed(1)?;
    assert!(gone.contains("gone.png"), "{gone}");
    Ok(())
}
