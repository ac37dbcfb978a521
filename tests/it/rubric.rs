//! `plumb rubric` as scripts see it.

use serde_json::{Value, json};

use crate::env::{Outcome, TestEnvironment};

#[test]
fn builtin_rubrics_are_listed_and_shown() -> Outcome {
    let env = TestEnvironment::new()?;
    let list: Vec<Value> = serde_json::from_str(&env.run(["rubric", "list", "--json"])?.ok()?)?;
    let ids: Vec<&Value> = list.iter().map(|r| &r["id"]).collect();
    assert_eq!(ids, ["core", "engineering", "sales", "writing"]);
    let shown: Value = serde_json::from_str(&env.run(["rubric", "show", "core", "--json"])?.ok()?)?;
    assert_eq!(shown["hash"], list[0]["sha256"]);
    assert_eq!(
        shown["dimensions"][0]["anchors"].as_array().map(Vec::len),
        Some(5)
    );
    let text = env.run(["rubric", "show", "core", "--lang", "zh"])?.ok()?;
    assert!(text.starts_with("通用绩效量规 (core 1.0.0)"), "{text}");
    env.run(["rubric", "show", "cores"])?.failed(2)?;
    Ok(())
}

#[test]
fn two_dimensions_of_one_name_give_one_clear_message() -> Outcome {
    let env = TestEnvironment::new()?;
    let core = include_str!("../../rubrics/core.toml");
    let file = env.scratch().join("r.toml");
    std::fs::write(
        &file,
        core.replacen("en = \"Ownership\"", "en = \"Collaboration\"", 1),
    )?;
    let name = file.to_string_lossy().into_owned();
    let run = env.run(["rubric", "check", &name])?;
    let fault = "dimension[2].name.en: \"Collaboration\" is already taken by dimension[1].name.en";
    let line = core
        .lines()
        .position(|l| l.contains("Ownership"))
        .unwrap_or_default()
        + 1;
    assert_eq!(run.stdout, format!("{name}: line {line}: {fault}\n"));
    assert_eq!(run.stderr, format!("plumb: {name}: 1 fault to correct\n"));
    assert_eq!(run.code, 1);
    let checked: Value = serde_json::from_str(&env.run(["rubric", "check", "--json", &name])?.stdout)?;
    let faults = json!([{
        "line": line,
        "field": "dimension[2].name.en",
        "message": "\"Collaboration\" is already taken by dimension[1].name.en",
    }]);
    assert_eq!(
        checked,
        json!({"file": name, "valid": false, "rubric": null, "faults": faults})
    );
    Ok(())
}

#[test]
fn a_valid_file_passes_and_a_missing_one_is_said() -> Outcome {
    let env = TestEnvironment::new()?;
    let file = env.scratch().join("r.toml");
    std::fs::write(&file, include_str!("../../rubrics/sales.toml"))?;
    let name = file.to_string_lossy().into_owned();
    let text = env.run(["rubric", "check", &name])?.ok()?;
    assert_eq!(text, format!("{name}: valid, sales 1.0.0, 8 dimensions\n"));
    let complaint = env.run(["rubric", "check", "missing.toml"])?.failed(1)?;
    assert!(complaint.contains("cannot read missing.toml"), "{complaint}");
    Ok(())
}
