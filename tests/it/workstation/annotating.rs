//! Comparing answers: pairs drawn without a screen by the small model, then shown two at a time.

use std::fs;
use std::time::Duration;

use plumbline::tui::keys::Action;
use serde_json::Value;

use super::script::{Step, act, text};
use super::session::{Session, WIDE, journal};
use crate::env::{Outcome, SMALL_MODEL, TestEnvironment};

const COMPARE: &[Step] = &[
    act(Action::PreferLeft).shows("1 compared"),
    act(Action::PreferRight).shows("2 compared"),
    act(Action::Tie).shows("3 compared"),
    act(Action::Undo).shows("The last comparison was taken back"),
    act(Action::SkipPair).shows("2 compared"),
];
const REWRITE: &[Step] = &[
    act(Action::Right).shows("┏━ 2"),
    act(Action::Rewrite).shows("┏━ 1/3 Score, 1 to 5 in halves"),
    text(".3"),
    act(Action::Submit).shows("┏━ a score is 1 to 5, in halves"),
    act(Action::Close).hides("┏━ a score is 1 to 5, in halves"),
    act(Action::Rewrite).shows("┏━ 1/3 Score, 1 to 5 in halves"),
    act(Action::Submit).shows("┏━ 2/3 Rationale"),
    text(" Seen by hand."),
    act(Action::Submit).shows("┏━ 3/3 Suggestion; Enter records"),
    text(" Go on."),
    act(Action::Submit).shows("3 compared"),
];
/// Four were compared or skipped: the fifth is a check, of which only the first answer is recorded.
const CHECK: &[Step] = &[
    act(Action::PreferLeft),
    act(Action::Undo).shows("The last comparison was taken back"),
    act(Action::PreferRight).hides("The last comparison was taken back"),
    act(Action::Leave).ends(0),
];

pub const SCRIPTS: &[&[Step]] = &[COMPARE, REWRITE, CHECK];

/// Somewhat longer than a pair must have been on the screen.
const A_LOOK: Duration = Duration::from_millis(400);

const REPORT: &str = "Led five alignment meetings with the payments team.\n\
    The release was two days late; the customer was told the same morning.\n\
    Wrote the runbook that the on-call colleagues asked for.\n\
    First paint went from 3.2 s to 1.1 s.\n";

/// A short dossier and a rubric of so many dimensions.
pub fn papers(env: &TestEnvironment, dimensions: usize) -> Outcome<(String, String)> {
    let dossier = env.home().join("mei");
    fs::create_dir_all(&dossier)?;
    let manifest = "id = \"mei-2026h1\"\nrole = \"Engineer\"\ncycle = \"2026H1\"\nlanguage = \"en\"\n\n\
        [subject]\nid = \"E7\"\nname = \"Mei\"\n\n[[source]]\npath = \"weekly.md\"\nkind = \"weekly\"\n";
    fs::write(dossier.join("dossier.toml"), manifest)?;
    fs::write(dossier.join("weekly.md"), REPORT)?;
    let core = include_str!("../../../rubrics/core.toml");
    let some: Vec<&str> = core.split("[[dimension]]").take(1 + dimensions).collect();
    let rubric = env.home().join("some.toml");
    fs::write(&rubric, some.join("[[dimension]]"))?;
    Ok((
        dossier.to_string_lossy().into_owned(),
        rubric.to_string_lossy().into_owned(),
    ))
}

fn json(text: &str) -> Outcome<Value> {
    Ok(serde_json::from_str(text)?)
}

#[test]
fn pairs_are_drawn_compared_and_teach() -> Outcome {
    let drawer = TestEnvironment::with_models()?;
    let (dossier, rubric) = papers(&drawer, 2)?;
    let call = ["annotate", &dossier, "--rubric", &rubric];
    let draw = ["--model", SMALL_MODEL, "--draw", "6", "--json"];
    let drawn = json(&drawer.run(call.iter().chain(&draw))?.ok()?)?;
    assert!(drawn["pairs"].as_u64() >= Some(6), "{drawn}");
    judged(&drawer, &call, &drawn["pairs"])?;

    // No model from here on: nothing is drawn while the keys are tried.
    let mut env = drawer;
    env.set("PLUMB_MODELS", env.home().join("none").to_string_lossy());
    let program = env!("CARGO_BIN_EXE_plumb");
    let argv = std::iter::once(program).chain(call);
    let mut session = Session::start(&env, argv.map(Into::into).collect(), WIDE)?;
    session.wait("E7 2026H1")?;
    for step in SCRIPTS.concat() {
        // Whatever comes sooner after a pair is on the screen is not taken for an answer.
        std::thread::sleep(A_LOOK);
        session.play(&[step])?;
    }

    let records = journal(&env)?;
    let of_kind = |kind: &str| records.iter().filter(|r| r["type"] == kind).count();
    assert_eq!((of_kind("comparison"), of_kind("undo")), (6, 1));
    let first = records.iter().find(|r| r["type"] == "comparison").ok_or("none")?;
    assert_eq!(first["body"]["choice"], "left");
    let checks: Vec<&Value> = records
        .iter()
        .filter(|r| r["type"] == "comparison" && !r["body"]["check"].is_null())
        .map(|r| &r["body"]["choice"])
        .collect();
    assert_eq!(checks, ["left"], "the first answer to the check, and no other");
    let lessons = json(&env.run(["pairs", "list", "--json"])?.ok()?)?;
    let origins: Vec<&str> = lessons
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|l| l["origin"].as_str())
        .collect();
    assert_eq!(origins, ["comparison", "comparison", "rewriting"]);
    env.run(["journal", "verify"])?.ok()?;
    let stats = json(&env.run(["annotate", "--stats", "--json"])?.ok()?)?;
    let person = stats["people"].as_object().and_then(|p| p.values().next());
    let person = person.ok_or("nobody compared")?;
    assert_eq!((&person["compared"], &person["checks"]), (&3.into(), &1.into()));
    assert_eq!(stats["agreement"]["pairs"], 0);
    Ok(())
}

/// A reward model reads every pair that was drawn, once.
fn judged(env: &TestEnvironment, call: &[&str], drawn: &Value) -> Outcome {
    let (pairs, settings) = (env.home().join("pairs.jsonl"), env.home().join("reward.toml"));
    let line = |n: usize| {
        serde_json::json!({
            "id": n.to_string(), "group": format!("g{}", n % 2), "lang": "en", "prompt": "Why?",
            "a": format!("Because {n} customers asked."), "b": "No idea.", "majority": "a",
        })
        .to_string()
    };
    fs::write(&pairs, (0..8).map(line).collect::<Vec<_>>().join("\n"))?;
    fs::write(&settings, "[batch]\nmax_steps = 1\npack = 256\n")?;
    let (pairs, settings) = (pairs.to_string_lossy(), settings.to_string_lossy());
    let of_model = ["--model", SMALL_MODEL, "--json"];
    let train = ["train", "reward", "--pairs", &pairs, "--settings", &settings];
    let trained = json(&env.run(train.iter().chain(&of_model))?.ok()?)?;
    let adapter = trained["adapter"].as_str().ok_or("no adapter")?;
    let judge = ["--draw", "0", "--judge", adapter];
    let judge = || env.run(call.iter().chain(&judge).chain(&of_model));
    assert_eq!(json(&judge()?.ok()?)?["judged"], *drawn);
    assert_eq!(json(&judge()?.ok()?)?["judged"], 0);
    let doubts: Vec<f64> = fs::read_to_string(env.workspace().join("doubts.jsonl"))?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["bits"].as_f64())
        .collect();
    assert_eq!(Some(doubts.len() as u64), drawn.as_u64());
    assert!(doubts.iter().all(|bits| (0.0..=1.0).contains(bits)), "{doubts:?}");
    let nowhere = ["--draw", "0", "--judge", "nowhere"];
    let nowhere = env.run(call.iter().chain(&nowhere).chain(&of_model))?.failed(2)?;
    assert!(nowhere.contains("nowhere holds no reward model"), "{nowhere}");
    Ok(())
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() -> Outcome {
    let env = TestEnvironment::new()?;
    let (dossier, _) = papers(&env, 2)?;
    let said = env.run(["annotate", &dossier])?.failed(2)?;
    assert!(
        said.contains("needs a terminal") && said.contains("--draw"),
        "{said}"
    );
    let said = env.run(["annotate", &dossier, "--json"])?.failed(2)?;
    assert!(said.contains("--draw or --stats"), "{said}");
    let said = env
        .run(["annotate", &dossier, "--draw", "2", "--stats"])?
        .failed(2)?;
    assert!(said.contains("cannot be used with"), "{said}");
    env.run(["annotate", "--stats"])?.failed(1)?;
    Ok(())
}
