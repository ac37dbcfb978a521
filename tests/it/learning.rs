//! `plumb eval` and `plumb calibrate` on texts made up here: what they print, what they refuse, and the way back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::env::{Outcome, SMALL_MODEL, TestEnvironment};

/// The words of two kinds of texts, which any model tells apart.
const GOOD: [&str; 4] = [
    "The committee reviewed the budget carefully and published its reasons.",
    "However, the second proposal was cheaper, so the members chose it.",
    "For example, the library now opens earlier, and students use it more.",
    "In conclusion, careful planning saved money and made people happier.",
];
const BAD: [&str; 4] = [
    "budget comittee they was look it and peoples dont know why.",
    "becuase second one is more cheap so they has choose him yes.",
    "libary open the early student go in there alot alot.",
    "so plan is good money good people happy good the end.",
];

/// 36 texts of 9 prompts, no two alike, good ones rated high in the one dimension of [`rubric`].
fn ratings() -> String {
    ratings_of(0..36)
}

/// Texts by number; nine numbers further stands a text of the same prompt.
fn ratings_of(numbers: std::ops::Range<usize>) -> String {
    let mut lines = String::new();
    for i in numbers {
        let (words, level) = if i % 3 == 0 { (BAD, 1.5) } else { (GOOD, 4.0) };
        let level = level + if i % 2 == 0 { 0.0 } else { 0.5 };
        let text = format!("{} Number {i}. {}", words[i % 4], words[(i / 4 + 1) % 4]);
        let line = json!({
            "id": format!("t{i}"), "group": format!("g{}", i % 9), "lang": "en", "context": "An essay",
            "text": text, "dims": {"Grammar": level, "Overall": level}, "scale": [1, 5],
        });
        let _ = writeln!(lines, "{line}");
    }
    lines
}

/// The grammar dimension of the writing rubric, which comes with the program.
fn rubric(dir: &Path) -> Outcome<PathBuf> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("rubrics/writing.toml"))?;
    let (head, dimensions) = text.split_once("[[dimension]]").ok_or("no dimension")?;
    let grammar = dimensions
        .split("[[dimension]]")
        .find(|d| d.contains("id = \"grammar\""))
        .ok_or("no grammar")?;
    let path = dir.join("grammar.toml");
    std::fs::write(&path, format!("{head}[[dimension]]{grammar}"))?;
    Ok(path)
}

fn json_of(env: &TestEnvironment, args: &[&str]) -> Outcome<Value> {
    let run = env.run(args)?;
    assert_eq!(run.stderr, "", "quiet without a terminal");
    Ok(serde_json::from_str(&run.ok()?)?)
}

#[test]
fn scores_are_measured_calibrated_and_brought_back() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let (file, rubric) = (dir.path().join("ratings.jsonl"), rubric(dir.path())?);
    std::fs::write(&file, ratings())?;
    let others = dir.path().join("others.jsonl");
    std::fs::write(&others, ratings_of(36..54))?;
    let (file, others, rubric) = (
        file.to_string_lossy(),
        others.to_string_lossy(),
        rubric.to_string_lossy(),
    );
    let whose = ["--model", SMALL_MODEL, "--rubric", &rubric, "--json"];
    let mae = |report: &Value| report["dimensions"]["grammar"]["mae"]["value"].as_f64();
    let before = json_of(&env, &[&["eval", "ratings", &others][..], &whose].concat())?;

    let measured = json_of(&env, &[&["eval", "ratings", &file][..], &whose].concat())?;
    assert_eq!((&measured["n"], &measured["groups"]), (&json!(36), &json!(9)));
    assert_eq!(measured["unrated"], json!(["Overall"]));
    assert_eq!(measured["calibration"], Value::Null);
    for name in ["pearson", "spearman", "qwk", "mae"] {
        let figure = &measured["dimensions"]["grammar"][name];
        let (value, low) = (figure["value"].as_f64(), figure["low"].as_f64());
        assert!(
            value.is_some() && low <= value && value <= figure["high"].as_f64(),
            "{name} {figure}"
        );
    }
    for rival in ["length", "majority", "tfidf_ridge"] {
        assert!(
            measured["baselines"][rival]["dimensions"]["grammar"]["mae"]["value"].is_f64(),
            "{rival}"
        );
    }

    let calibrate = [&["calibrate", "--from", &file][..], &whose].concat();
    let fitted = json_of(&env, &calibrate)?;
    let gain = &fitted["gains"][0];
    assert_eq!(
        (&gain["dimension"], &gain["ratings"]),
        (&json!("grammar"), &json!(36))
    );
    assert!(gain["mae_after"].as_f64() < gain["mae_before"].as_f64(), "{gain}");
    assert!(
        fitted["dimensions"]["grammar"]["pearson"]["value"].as_f64() > Some(0.8),
        "{fitted}"
    );
    assert_eq!(fitted["saved"], 1);

    let coverage = fitted["coverage"]["value"].as_f64().unwrap_or_default();
    assert!((0.5..=1.0).contains(&coverage), "{fitted}");

    // From now on it is what scores are read through; not those that it was fitted to.
    let same = env.run([&["eval", "ratings", &file][..], &whose].concat())?;
    assert!(same.failed(2)?.contains("--dry-run"));
    let after = json_of(&env, &[&["eval", "ratings", &others][..], &whose].concat())?;
    assert_eq!(after["calibration"], fitted["calibration"]);
    assert!(mae(&after) < mae(&before), "{:?} {:?}", mae(&after), mae(&before));
    let both = [
        &["calibrate", "--from", &file, "--test", &file, "--dry-run"][..],
        &whose,
    ]
    .concat();
    assert!(env.run(both)?.failed(1)?.contains("stands in both files"));
    let text = env
        .run(["calibrate", "list", "--model", SMALL_MODEL, "--rubric", &rubric])?
        .ok()?;
    assert!(
        text.starts_with("#1 ") && text.contains("36 ratings  fitted to"),
        "{text}"
    );

    json_of(&env, &[&["calibrate", "rollback"][..], &whose].concat())?;
    let back = json_of(&env, &[&["eval", "ratings", &file][..], &whose].concat())?;
    assert_eq!((&back["calibration"], mae(&back)), (&Value::Null, mae(&measured)));
    env.run(["journal", "verify"])?.ok()?;
    let none_left = env.run([&["calibrate", "rollback"][..], &whose].concat())?;
    assert_eq!(none_left.code, 1);
    assert!(
        none_left.stderr.contains("no calibration is in use"),
        "{}",
        none_left.stderr
    );
    Ok(())
}

#[test]
fn pairs_and_passages_are_measured() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let pairs = dir.path().join("pairs.jsonl");
    let pair = |id: &str, a: &str, b: &str, majority: &str| json!({"id": id, "group": id, "lang": "en", "prompt": "Why plan?", "a": a, "b": b, "majority": majority});
    let lines = [
        pair("1", GOOD[0], BAD[3], "a"),
        pair("2", BAD[3], GOOD[1], "b"),
        pair("3", GOOD[2], GOOD[3], "tie"),
    ];
    std::fs::write(&pairs, lines.map(|l| l.to_string()).join("\n"))?;
    let pairs = pairs.to_string_lossy();
    let found = json_of(&env, &["eval", "pairs", &pairs, "--model", SMALL_MODEL, "--json"])?;
    assert_eq!((&found["n"], &found["ties"]), (&json!(2), &json!(1)));
    assert_eq!(found["baselines"]["longer"]["value"], 1.0);
    assert!(found["accuracy"]["value"].is_f64(), "{found}");
    assert_eq!(found["rubric"], Value::Null);
    let rubric = rubric(dir.path())?;
    let rubric = rubric.to_string_lossy();
    let by = [
        "eval",
        "pairs",
        &pairs,
        "--rubric",
        &rubric,
        "--model",
        SMALL_MODEL,
        "--json",
    ];
    let found = json_of(&env, &by)?;
    assert!(found["rubric"]["sha256"].is_string(), "{found}");

    let questions = dir.path().join("evidence.jsonl");
    let document = GOOD.join(" ");
    let end = GOOD[0].chars().count();
    let question = json!({"id": "1", "group": "1", "lang": "en", "document": document,
        "question": "What did the committee review?", "gold": [[0, end]]});
    std::fs::write(&questions, question.to_string())?;
    let questions = questions.to_string_lossy();
    let found = json_of(
        &env,
        &["eval", "evidence", &questions, "--model", SMALL_MODEL, "--json"],
    )?;
    assert_eq!(found["n"], 1);
    assert_eq!(found["baselines"]["bm25"]["recall"]["value"], 1.0, "{found}");
    assert!(found["f1"]["value"].as_f64().is_some(), "{found}");
    Ok(())
}

#[test]
fn samples_are_written_whole_or_not_at_all() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("samples");
    let out = out.to_string_lossy();
    let build = [
        "dataset",
        "build",
        "--samples=60",
        "--model",
        SMALL_MODEL,
        "--json",
        "--out",
        &out,
    ];
    let card = json_of(&env, &build)?;
    let count = |part: &str| card["parts"][part]["samples"].as_u64().unwrap_or_default();
    assert!(count("train") + count("valid") >= 60, "{card}");
    assert!(
        card["parts"]["held_out"]["subjects"].as_u64() >= Some(60),
        "{card}"
    );
    for (file, part) in [("train", "train"), ("heldout", "held_out")] {
        let text = std::fs::read_to_string(Path::new(&*out).join(format!("{file}.jsonl")))?;
        let samples: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!(samples.len() as u64, count(part), "{file}");
        assert_eq!(samples[0]["messages"][2]["role"], "assistant");
    }
    let again = env.run(build)?;
    assert_eq!(again.code, 2);
    assert!(
        again.stderr.contains("name a folder that does not with --out"),
        "{}",
        again.stderr
    );
    Ok(())
}

#[test]
fn what_cannot_be_measured_or_fitted_is_said() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("ratings.jsonl");
    std::fs::write(&file, ratings().replace("\"scale\":[1,5]", "\"scale\":[5,1]"))?;
    let path = file.to_string_lossy();
    let refused = |args: &[&str], code: i32, words: &str| -> Outcome {
        let run = env.run(args)?;
        assert_eq!(run.code, code, "{args:?} {}", run.stderr);
        assert!(run.stderr.contains(words), "{args:?} {}", run.stderr);
        Ok(())
    };
    refused(
        &["eval", "ratings", &path],
        1,
        "line 1: the scale [5, 1] has no room",
    )?;
    refused(
        &["eval", "ratings", "nowhere.jsonl"],
        1,
        "cannot read nowhere.jsonl",
    )?;
    let nothing = dir.path().to_string_lossy();
    refused(&["eval", "run", &nothing], 1, "no dossier in")?;
    refused(&["calibrate"], 1, "there is no workspace")?;
    refused(&["calibrate", "--test", &path], 2, "--from")?;
    Ok(())
}

/// A dossier about one person: some lines that bear on nothing, and `telling` among them.
fn notes(dir: &Path, name: &str, telling: &[&str]) -> Outcome<String> {
    let dossier = dir.join(name);
    std::fs::create_dir(&dossier)?;
    let subject = format!("subject = {{ id = \"{name}\", name = \"Robin Hale\" }}");
    let manifest = format!(
        "id = \"{name}\"\nrole = \"analyst\"\ncycle = \"2026H1\"\nlanguage = \"en\"\n{subject}\n\
         [[source]]\nkind = \"peer\"\npath = \"notes.txt\"\n"
    );
    std::fs::write(dossier.join("dossier.toml"), manifest)?;
    let mut lines = vec!["The kitchen was painted green in March."];
    lines.extend(telling);
    lines.push("The bus to the new building leaves at twenty past eight.");
    std::fs::write(dossier.join("notes.txt"), lines.join("\n"))?;
    Ok(dossier.to_string_lossy().into_owned())
}

/// What comes with the program tells good work from bad before anybody has decided anything, and cites what tells.
#[test]
fn scores_are_read_through_what_comes_with_the_program() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let good = notes(
        dir.path(),
        "good",
        &[
            "Robin got the warehouse and the shop to agree on one stock list, and both still keep to it.",
            "All five releases went out on the day that had been promised, two of them early.",
        ],
    )?;
    let bad = notes(
        dir.path(),
        "bad",
        &[
            "Robin refused to share the stock list, so that the shop could not work for three days.",
            "Four of five releases missed their date by weeks, and nobody was told beforehand.",
        ],
    )?;
    let score = |dossier: &str| json_of(&env, &["score", dossier, "--score-only", "--json"]);
    let (good, bad) = (score(&good)?, score(&bad)?);
    let of = |report: &Value, id: &str| -> Outcome<Value> {
        let dimensions = report["dimensions"].as_array().ok_or("no dimensions")?;
        let found = dimensions.iter().find(|d| d["id"] == id);
        Ok(found.ok_or("no such dimension")?.clone())
    };
    for (id, telling) in [("collaboration", "stock list"), ("delivery", "releases")] {
        let (good, bad) = (of(&good, id)?, of(&bad, id)?);
        let [high, low] = [&good, &bad].map(|d| d["score"].as_f64().unwrap_or_default());
        assert!(high > low, "{id}: {high} and {low}");
        for d in [&good, &bad] {
            assert!(d["margin"].is_f64() && d["calibration"].is_string(), "{d}");
            let evidence = d["evidence"].as_array().ok_or("no evidence")?;
            let cites = |link: &Value| link["quote"].as_str().is_some_and(|q| q.contains(telling));
            assert!(evidence.iter().any(cites), "{id}: {evidence:?}");
        }
    }
    Ok(())
}
