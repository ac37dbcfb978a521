//! Another adapter over the model while a dossier is open, by the small model.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use plumbline::clock::{Clock as _, SystemClock};
use plumbline::engine::ModelIdentity;
use plumbline::learn::adapters::{draft, named};
use plumbline::learn::shelf::Shelf;
use plumbline::model::config::DecoderConfig;
use plumbline::model::gguf::Gguf;
use plumbline::model::lora::{Adapter, LoraSettings};
use plumbline::model::peft;
use plumbline::review::{AdapterRecord, AdapterStep, GateFigure, Verdict};
use plumbline::seed::Seed;
use plumbline::store::record::new_id;
use plumbline::store::{Store, Workspace};
use plumbline::tui::keys::Action;
use serde_json::Value;

use super::annotating::papers;
use super::script::{Step, act};
use super::session::{Session, WIDE, account, journal};
use crate::env::{Outcome, SMALL_MODEL, TestEnvironment, real_weights};

const NO_MODEL: &[Step] = &[
    act(Action::Adapters).shows("No model is loaded"),
    act(Action::PutLive).shows("no model: you can score by hand"),
    act(Action::Close).hides("No model is loaded"),
];
/// The cursor begins on what is worn, the adapter; above it is the model by itself.
const TAKE_OFF: &[Step] = &[
    act(Action::Adapters).shows("put live over the gate"),
    act(Action::PutLive).shows("it is live already"),
    act(Action::Up).hides("tried on 40 held-out people"),
    act(Action::PutLive).shows("Scores will come from the model by itself"),
    act(Action::Yes).shows("scores come from the model by itself from here on"),
];
const PUT_ON: &[Step] = &[
    act(Action::Adapters).shows("put live over the gate"),
    act(Action::Down).shows("tried on 40 held-out people"),
    act(Action::PutLive).shows("The worst that the gate found: agreement, holds"),
    act(Action::Yes).shows("scores come from trial from here on"),
];

pub const SCRIPTS: &[&[Step]] = &[NO_MODEL, TAKE_OFF, PUT_ON];

/// An adapter that changes nothing yet, as PEFT would write it.
fn write(dir: &Path, weights: &Path) -> Outcome {
    fs::create_dir_all(dir)?;
    let settings = LoraSettings::default();
    let sizes = DecoderConfig::from_gguf(&Gguf::open(weights)?)?;
    let adapter = Adapter::new(&settings, &sizes, Seed::root(7))?;
    Ok(peft::save(dir, &adapter, &settings, None)?)
}

/// Puts what was imported as `trial` live over a verdict, without the time that a verdict takes.
fn put_live(env: &TestEnvironment) -> Outcome {
    let weights = real_weights(SMALL_MODEL)?;
    let model = ModelIdentity {
        id: SMALL_MODEL.into(),
        sha256: weights.sha256,
        adapter: None,
    };
    let shelf = Shelf::open(&env.workspace(), &model, &weights.path)?;
    let figure = GateFigure {
        name: "agreement".to_owned(),
        before: 0.7,
        after: 0.7,
        low: -0.01,
        high: 0.01,
        holds: true,
        better: false,
    };
    let record = AdapterRecord {
        step: AdapterStep::Overridden,
        verdict: Some(Verdict {
            subjects: 40,
            admitted: Some(false),
            figures: vec![figure],
        }),
        ..named(&shelf.history(), "trial")?.clone()
    };
    let by = ("wen".into(), "reviewer".to_owned());
    let draft = draft(record, new_id(SystemClock.now()), by, Vec::new());
    let (store, thread) = Store::start(Workspace::open(&env.workspace(), Arc::new(SystemClock))?)?;
    store.commit_blocking(draft)?;
    drop(store);
    Ok(thread.join().map_err(|_| "the store stopped")??)
}

#[test]
fn scores_come_from_what_is_chosen_on_the_screen() -> Outcome {
    let mut env = TestEnvironment::with_models()?;
    env.set("PLUMB_MODEL", SMALL_MODEL);
    let folder = env.scratch().join("trial");
    write(&folder, &real_weights(SMALL_MODEL)?.path)?;
    env.run(["adapters", "import", &folder.to_string_lossy()])?.ok()?;
    put_live(&env)?;
    let (dossier, rubric) = papers(&env, 1)?;
    let mut session = Session::review(&env, Path::new(&dossier), &["--rubric", &rubric], WIDE)?;
    session.wait("all dimensions scored")?;
    session.play(TAKE_OFF)?;
    session.wait("all dimensions scored")?;
    session.play(PUT_ON)?;
    session.play(&[act(Action::Leave).ends(0)])?;

    let records = journal(&env)?;
    let of_kind = |kind: &'static str| records.iter().filter(move |r| r["type"] == kind);
    let scored: Vec<_> = of_kind("assessment")
        .map(|r| r["body"]["model"]["adapter"].as_str().unwrap_or("none"))
        .collect();
    assert!(
        scored[0].starts_with("trial@") && scored[1] == "none",
        "{scored:?}"
    );
    let steps: Vec<_> = of_kind("adapter")
        .map(|r| {
            (
                r["body"]["step"].as_str(),
                r["body"]["name"].as_str(),
                &r["actor"],
            )
        })
        .skip(2)
        .collect();
    let tester = Value::from("tester");
    let chosen = |name| (Some("chosen"), Some(name), &tester);
    assert_eq!(steps, [chosen(""), chosen("trial")]);
    let list = env.run(["adapters", "list"])?.ok()?;
    assert!(
        list.contains("live  trial") && list.contains("chosen on the screen"),
        "{list}"
    );
    env.run(["journal", "verify"])?.ok()?;
    Ok(())
}

#[test]
fn without_a_model_there_is_nothing_to_choose() -> Outcome {
    let env = account()?;
    Session::ready(&env)?.play(NO_MODEL)
}
