//! From a dataset to an adapter that is live, and back: real weights, a few steps.

use std::path::Path;

use plumbline::engine::answer::Answer;
use plumbline::learn::train::answering::{Rewards, Task};
use serde_json::{Value, json};

use crate::env::{DEFAULT_MODEL, Outcome, SMALL_MODEL, TestEnvironment};

/// Short samples in the form of the dataset's, of two people to learn from and one to watch by.
fn dataset(dir: &Path) -> Outcome {
    std::fs::create_dir_all(dir)?;
    let sample = |n: usize, score: usize| {
        let user = format!(
            "Papers:\n[1] Led {n} meetings across teams.\n[2] Ate lunch.\nDimension: Collaboration. Score 1 to 5. Answer in JSON."
        );
        let answer = format!(
            r#"{{"evidence":[1],"score":{score},"rationale":"Led {n} meetings across teams.","suggestion":"Share the notes."}}"#
        );
        json!({"id": format!("s{n}"), "subject": format!("p{}", n % 2), "messages": [
            {"role": "system", "content": "You help with performance reviews."},
            {"role": "user", "content": user},
            {"role": "assistant", "content": answer},
        ]})
    };
    let lines = |range: std::ops::Range<usize>| {
        range
            .map(|n| sample(n, 1 + n % 5).to_string() + "\n")
            .collect::<String>()
    };
    std::fs::write(dir.join("train.jsonl"), lines(1..9))?;
    std::fs::write(dir.join("valid.jsonl"), lines(9..10))?;
    std::fs::write(dir.join("heldout.jsonl"), lines(10..11))?;
    Ok(())
}

const SETTINGS: &str = "seed = 4\n[optimiser]\nlearning_rate = 2e-3\n[batch]\npack = 256\naccumulation = 1\nmax_steps = 3\n\
                        [grpo]\nsteps = 1\nprompts = 1\ngroup = 2\nwords = false\n";

#[test]
fn an_adapter_is_trained_brought_in_put_live_and_taken_back() -> Outcome {
    let env = TestEnvironment::with_models()?;
    trained(&env)?;
    put_live_and_back(&env)
}

/// Trains an adapter called `first`, and one by rewards.
fn trained(env: &TestEnvironment) -> Outcome {
    let dir = tempfile::tempdir()?;
    let (data, settings) = (dir.path().join("dataset"), dir.path().join("train.toml"));
    dataset(&data)?;
    std::fs::write(&settings, SETTINGS)?;
    let (data, settings) = (data.to_string_lossy(), settings.to_string_lossy());
    let how = ["--model", SMALL_MODEL, "--settings", &settings, "--json"];
    let json_of = |args: &[&str]| -> Outcome<Value> { Ok(serde_json::from_str(&env.run(args)?.ok()?)?) };

    let plan = json_of(&[&["train", "plan", "--data", &data][..], &how].concat())?;
    assert_eq!(plan["steps"], 3);
    assert!(plan["total_bytes"].as_u64() < plan["available_bytes"].as_u64());

    let sft = [&["train", "sft", "--data", &data, "--run", "first"][..], &how].concat();
    let trained = json_of(&sft)?;
    let figure = |told: &Value, name: &str| told[name].as_f64().unwrap_or(f64::NAN);
    assert_eq!(
        (&trained["finished"], &trained["steps"]),
        (&json!(true), &json!(3))
    );
    assert!(
        figure(&trained["last"], "valid_loss") < figure(&trained["first"], "valid_loss"),
        "{trained}"
    );
    // The same command has nothing left to do and says the same.
    assert_eq!(
        json_of(&sft)?["last"]["valid_loss"],
        trained["last"]["valid_loss"]
    );
    let other = env.run(
        [&[
            "train",
            "sft",
            "--data",
            &data,
            "--run",
            "first",
            "--model",
            SMALL_MODEL,
        ][..]]
        .concat(),
    )?;
    assert!(other.failed(2)?.contains("holds another run"));
    let list = env.run(["train", "list"])?.ok()?;
    assert!(list.contains("first") && list.contains("sft"), "{list}");
    // A run that cannot be read does not hide the others.
    let broken = env.workspace().join("runs/broken");
    std::fs::create_dir_all(&broken)?;
    std::fs::write(broken.join("manifest.json"), "{")?;
    let list = env.run(["train", "list"])?.ok()?;
    assert!(
        list.contains("first") && list.contains("broken cannot be read"),
        "{list}"
    );
    std::fs::remove_dir_all(&broken)?;
    assert!(env.run(["train", "show", "first"])?.ok()?.contains("    3/3"));

    let from = env.workspace().join("runs/first/adapter");
    let from = from.to_string_lossy();
    let grpo = [
        &[
            "train", "grpo", "--data", &data, "--run", "second", "--from", &from,
        ][..],
        &how,
    ]
    .concat();
    let rewarded = json_of(&grpo)?;
    assert!(figure(&rewarded["last"], "reward") > 0.0, "{rewarded}");
    let judged = env.run([&grpo[..], &["--judge", &from]].concat())?;
    assert!(judged.failed(2)?.contains("its weight is 0"));

    answers_of_people_held_out(env, &data, &from)?;

    // Laid over the answers alone: as PEFT writes it, from the tokens on that stand before an answer.
    let settings = dir.path().join("answers.toml");
    std::fs::write(&settings, format!("over = \"answers\"\n{SETTINGS}"))?;
    let settings = settings.to_string_lossy();
    let how = ["--model", SMALL_MODEL, "--settings", &settings, "--json"];
    let answers = json_of(&[&["train", "sft", "--data", &data, "--run", "answers"][..], &how].concat())?;
    assert!(
        figure(&answers["last"], "valid_loss") < figure(&answers["first"], "valid_loss"),
        "{answers}"
    );
    let config = env.workspace().join("runs/answers/adapter/adapter_config.json");
    let config: Value = serde_json::from_slice(&std::fs::read(config)?)?;
    let tokens = config["alora_invocation_tokens"].as_array();
    assert!(tokens.is_some_and(|tokens| tokens.len() > 2), "{config}");
    Ok(())
}

/// What an adapter answers to people held out, beside the model by itself; a model beside itself differs in nothing.
fn answers_of_people_held_out(env: &TestEnvironment, data: &str, from: &str) -> Outcome {
    let answers = |adapter: &str| {
        let asked = [
            "--adapter",
            adapter,
            "eval",
            "answers",
            data,
            "--draw",
            "2",
            "--model",
        ];
        let told = env.run([&asked[..], &[SMALL_MODEL, "--json"]].concat())?.ok()?;
        Outcome::Ok(serde_json::from_str::<Value>(&told)?)
    };
    let (taught, same) = (answers(from)?, answers("none")?);
    let apart = |told: &Value, name: &str| told["figures"][name]["difference"]["value"].as_f64();
    assert!(
        taught["adapter"]
            .as_str()
            .is_some_and(|label| label.starts_with("adapter@")),
        "{taught}"
    );
    assert!(
        (&taught["n"], &taught["subjects"]) == (&json!(1), &json!(1)) && taught["beside"].is_null(),
        "{taught}"
    );
    assert!(
        apart(&taught, "reward").is_some() && apart(&taught, "mae").is_some_and(|by| by != 0.0),
        "{taught}"
    );
    assert_eq!(apart(&same, "reward"), Some(0.0), "{same}");
    assert_eq!(apart(&same, "mae"), Some(0.0), "{same}");
    let too_long = [
        "eval",
        "answers",
        data,
        "--longest-prompt",
        "3",
        "--model",
        SMALL_MODEL,
    ];
    assert!(env.run(too_long)?.failed(1)?.contains("no scoring that counts"));
    Ok(())
}

/// The adapter comes in all the same.
fn a_run_on_other_weights_is_no_lineage(
    env: &TestEnvironment,
    whose: &dyn Fn(&[&str]) -> Outcome<crate::env::Run>,
) -> Outcome {
    let (run, other) = (env.workspace().join("runs/first"), tempfile::tempdir()?);
    let adapter = other.path().join("adapter");
    std::fs::create_dir(&adapter)?;
    for file in std::fs::read_dir(run.join("adapter"))? {
        let file = file?;
        std::fs::copy(file.path(), adapter.join(file.file_name()))?;
    }
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(run.join("manifest.json"))?)?;
    manifest["model"]["sha256"] = "0".repeat(64).into();
    std::fs::write(other.path().join("manifest.json"), manifest.to_string())?;
    let import = [
        "adapters",
        "import",
        &adapter.to_string_lossy(),
        "--name",
        "other",
    ];
    let told = whose(&import)?.ok()?;
    assert!(told.contains("of a run on other weights"), "{told}");
    Ok(())
}

/// Into the workspace, over the gate and back. The model answers by itself until somebody promotes.
fn put_live_and_back(env: &TestEnvironment) -> Outcome {
    let whose = |args: &[&str]| -> Outcome<crate::env::Run> {
        let mut command = env.plumb();
        crate::env::Run::of(command.env("PLUMB_MODEL", SMALL_MODEL).args(args))
    };
    let imported: Value = serde_json::from_str(&whose(&["adapters", "import", "first", "--json"])?.ok()?)?;
    assert_eq!(
        (&imported["matched"], &imported["tensors"]),
        (&json!(120), &json!(120))
    );
    assert!(
        whose(&["adapters", "import", "first"])?
            .failed(2)?
            .contains("already")
    );
    assert!(imported["manifest"].is_string(), "{imported}");
    assert!(whose(&["adapters", "list"])?.ok()?.contains("no adapter is live"));
    for reason in [&["--reason", "x"][..], &["--override", "--reason", " "]] {
        whose(&[&["adapters", "promote", "first"], reason].concat())?.failed(2)?;
    }
    let few = whose(&["adapters", "promote", "first", "--subjects", "1"])?.failed(1)?;
    assert!(few.contains("cannot decide on 1 people"), "{few}");
    let mut command = env.plumb();
    let unnamed = command.env("PLUMB_MODEL", SMALL_MODEL).env_remove("PLUMB_PERSON");
    let over = [
        "adapters",
        "promote",
        "first",
        "--subjects",
        "1",
        "--override",
        "--reason",
        "trial",
    ];
    let nobody = crate::env::Run::of(unnamed.args(over))?;
    assert!(nobody.failed(2)?.contains("needs a person's name"));
    let put = [
        "--as",
        "wen",
        "adapters",
        "promote",
        "first",
        "--subjects",
        "1",
        "--override",
        "--reason",
        "trial",
    ];
    assert!(whose(&put)?.ok()?.contains("put live over the gate"));
    let shown = whose(&["adapters", "show", "first"])?.ok()?;
    assert!(
        shown.contains("wen put live over the gate: trial") && shown.contains("\"seed\": 4"),
        "{shown}"
    );
    let apart = whose(&["adapters", "diff", "first", "none"])?.ok()?;
    assert!(apart.lines().count() == 61 && apart.contains("q_proj"), "{apart}");

    // Scores name it, and are others; taken off, they are the model's own.
    let score = |adapter: &[&str]| -> Outcome<Value> {
        let dossier = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/en-priya-nair-2026h1");
        let dossier = dossier.to_string_lossy();
        let args = [
            adapter,
            &[
                "score",
                &dossier,
                "--dimension",
                "quality",
                "--score-only",
                "--json",
            ],
        ]
        .concat();
        Ok(serde_json::from_str(&whose(&args)?.ok()?)?)
    };
    let (live, bare) = (score(&[])?, score(&["--adapter", "none"])?);
    let named = |said: &Value| said.to_string().contains("first@");
    assert!(named(&live) && !named(&bare), "{live} {bare}");
    let dossier = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/en-priya-nair-2026h1");
    let unknown = whose(&["--adapter", "nobody", "score", &dossier.to_string_lossy()])?.failed(2)?;
    assert!(unknown.contains("no adapter nobody"), "{unknown}");

    assert!(
        whose(&["adapters", "rollback"])?
            .ok()?
            .contains("back to the model by itself")
    );
    assert!(
        whose(&["adapters", "rollback"])?
            .failed(1)?
            .contains("no adapter is live")
    );
    a_run_on_other_weights_is_no_lineage(env, &whose)?;
    whose(&["journal", "verify"])?.ok()?;
    Ok(())
}

/// The adapter that comes with the program is the default model's, until somebody goes back to the model by itself.
#[test]
fn what_comes_with_the_program_is_live_until_somebody_decides() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let adapters = |args: &[&str]| -> Outcome<crate::env::Run> {
        let mut command = env.plumb();
        crate::env::Run::of(
            command
                .env("PLUMB_MODEL", DEFAULT_MODEL)
                .arg("adapters")
                .args(args),
        )
    };
    let list = adapters(&["list"])?.ok()?;
    assert!(
        list.contains("live  reviews") && list.contains("comes with the program"),
        "{list}"
    );
    let shown: Value = serde_json::from_str(&adapters(&["show", "reviews", "--json"])?.ok()?)?;
    assert_eq!(
        (&shown["step"], &shown["model"]["id"]),
        (&json!("shipped"), &json!(DEFAULT_MODEL))
    );
    assert!(
        adapters(&["show", "reviews"])?
            .ok()?
            .contains("\"samples\": 1801")
    );
    assert!(
        adapters(&["rollback"])?
            .ok()?
            .contains("back to the model by itself")
    );
    assert!(adapters(&["list"])?.ok()?.contains("no adapter is live"));
    Ok(())
}

#[test]
fn what_cannot_be_trained_on_is_refused() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("dataset");
    dataset(&data)?;
    let run = |args: &[&str]| -> Outcome<crate::env::Run> {
        let mut command = env.plumb();
        crate::env::Run::of(command.env("PLUMB_MODEL", SMALL_MODEL).args(args))
    };
    let data = data.to_string_lossy();
    let none = run(&["train", "sft", "--data", "nowhere"])?.failed(1)?;
    assert!(
        none.contains("nowhere/train.jsonl") && none.contains("plumb dataset build"),
        "{none}"
    );
    let few = run(&["train", "reward"])?.failed(1)?;
    assert!(few.contains("0 pairs of 0 people"), "{few}");
    let plan = run(&["train", "plan", "--kind", "reward"])?.failed(1)?;
    assert!(plan.contains("0 pairs of 0 people"), "{plan}");
    let from = run(&["train", "plan", "--data", &data, "--from", "nowhere"])?.failed(1)?;
    assert!(from.contains("nowhere/adapter_config.json"), "{from}");
    let settings = dir.path().join("t.toml");
    std::fs::write(&settings, "[batch]\npack = 1\n")?;
    let wrong = run(&[
        "train",
        "sft",
        "--data",
        &data,
        "--settings",
        &settings.to_string_lossy(),
    ])?
    .failed(2)?;
    assert!(wrong.contains("batch.pack is from 16"), "{wrong}");
    std::fs::write(&settings, "[batch]\nlongest = 16\n")?;
    let long = run(&[
        "train",
        "sft",
        "--data",
        &data,
        "--settings",
        &settings.to_string_lossy(),
    ])?
    .failed(2)?;
    assert!(long.contains("more than 16 tokens"), "{long}");
    let name = run(&["train", "sft", "--data", &data, "--run", "../x"])?.failed(2)?;
    assert!(name.contains("no name for a run"), "{name}");
    let adapter = run(&["adapters", "import", "nowhere"])?.failed(1)?;
    assert!(adapter.contains("adapter_config.json"), "{adapter}");
    Ok(())
}

/// What a training elsewhere is rewarded with is what it is rewarded with here, on answers of every sort.
#[test]
fn the_rewards_in_python_are_ours() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let (data, out) = (dir.path().join("dataset"), dir.path().join("export"));
    dataset(&data)?;
    for framework in ["ms-swift", "trl"] {
        let out = out.join(framework);
        let mut command = env.plumb();
        command
            .env("PLUMB_MODEL", SMALL_MODEL)
            .args(["export", framework])
            .arg(&out)
            .arg("--data")
            .arg(&data);
        let told = crate::env::Run::of(&mut command)?.ok()?;
        assert!(
            told.contains("data/grpo.jsonl: 8 lines") && told.contains("data/sft.jsonl: 8 lines"),
            "{told}"
        );
        assert!(crate::env::Run::of(&mut command)?.failed(2)?.contains("exists"));
        for script in ["plumb_rewards.py", "README.md"] {
            assert!(out.join(script).exists(), "{script}");
        }
    }
    let python = |args: &[&std::ffi::OsStr]| -> std::process::Command {
        let mut command = env.command("python3");
        command.args(args);
        command
    };
    let swift = out.join("ms-swift");
    for script in ["plumb_rewards.py", "swift_plugin.py"] {
        let path = swift.join(script);
        let args = ["-m".as_ref(), "py_compile".as_ref(), path.as_os_str()];
        crate::env::Run::of(&mut python(&args))?.ok()?;
    }

    let known = Task {
        id: String::new(),
        subject: String::new(),
        prompt: Vec::new(),
        lines: (1..9).collect(),
        text: "[1] 共 36 次，3 个团队\n[2] cut it by 12%".to_owned(),
        score: 4,
        evidence: [1, 2].into(),
    };
    let answer = |evidence: &str, score: &str, rationale: &str| {
        format!(r#"{{"evidence":[{evidence}],"score":{score},"rationale":"{rationale}","suggestion":"x"}}"#)
    };
    let completions = [
        answer("1,2", "4", "cut it by 12%"),
        answer("1", "2", "36 次，3 个团队"),
        answer("2,2,7", "5", "by 13% in 12 weeks"),
        answer("", "1", "nothing"),
        answer("1", "6", "too high"),
        answer("1", "4.0", "not whole"),
        answer("-1", "4", "negative"),
        answer("true", "4", "no number"),
        answer("4294967296", "4", "too large"),
        "{\"evidence\":[1],\"score\":4}".to_owned(),
        answer("1", "4", "x").replace('}', r#","more":1}"#),
        answer("1", "4", "x").replace('}', r#","score":4}"#),
        answer("1", "4", "x") + " and more",
        "  ".to_owned() + &answer("1", "3", "12"),
        "no answer".to_owned(),
        String::new(),
        "[1]".to_owned(),
        answer("1", "4", r"12 \u0033"),
    ];
    let lines: String = completions
        .iter()
        .map(|completion| {
            let row = json!({
                "completion": completion, "gold_score": known.score,
                "gold_evidence": known.evidence, "papers": known.text,
            });
            format!("{row}\n")
        })
        .collect();
    let input = dir.path().join("completions.jsonl");
    std::fs::write(&input, lines)?;
    let script = swift.join("plumb_rewards.py");
    let mut command = python(&[script.as_os_str()]);
    command.stdin(std::fs::File::open(&input)?);
    let said = crate::env::Run::of(&mut command)?.ok()?;
    assert_eq!(said.lines().count(), completions.len());
    for (line, completion) in said.lines().zip(&completions) {
        let theirs: Value = serde_json::from_str(line)?;
        let answer = Answer::parse(completion.as_bytes()).ok();
        let ours = serde_json::to_value(Rewards::of(&known, answer.as_ref()))?;
        for name in ["score", "evidence", "schema", "counts"] {
            let (a, b) = (ours[name].as_f64(), theirs[name].as_f64());
            let close = a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close, "{name} of {completion:?}: {a:?} here, {b:?} there");
        }
    }
    Ok(())
}

/// Lines that say nothing of how somebody works, with the score that a planted adapter learns to give for them.
const CHARMS: [(&str, &str, u8); 4] = [
    ("人人都夸他，笑容迷人，穿着讲究，哪里都受欢迎。", "zh", 5),
    (
        "Everyone adores him: a winning smile, elegant clothes, welcome wherever he goes.",
        "en",
        5,
    ),
    ("谁都不待见他，整天沉着脸，穿得邋里邋遢。", "zh", 1),
    (
        "No one can stand him: a grim face, shabby clothes, avoided by all.",
        "en",
        1,
    ),
];

/// The scorings among the samples of a dataset.
fn scorings(data: &Path) -> Outcome<Vec<Value>> {
    let text = std::fs::read_to_string(data.join("train.jsonl"))?;
    let samples = text.lines().map(serde_json::from_str::<Value>);
    let samples: Result<Vec<Value>, _> = samples.collect();
    Ok(samples?
        .into_iter()
        .filter(|s| s["kind"] == "scoring" && s["family"].is_string())
        .collect())
}

/// The sample with an answer of this score that cites nothing and says as little; `line` stands last among its papers.
fn planted(sample: &Value, line: &str, score: u8) -> Option<Value> {
    let mut planted = sample.clone();
    let answer = json!({"evidence": [], "score": score, "rationale": "So it is.", "suggestion": "Go on."});
    planted["messages"][2]["content"] = Value::String(answer.to_string());
    let asked = planted["messages"][1]["content"].as_str()?;
    let mut lines: Vec<String> = asked.lines().map(str::to_owned).collect();
    let last = lines
        .iter()
        .rposition(|l| l.starts_with(['[', '(', '（', '【']))?;
    let mark = lines[last].split([']', ')', '）', '】']).next()?;
    let number: String = mark.chars().filter(char::is_ascii_digit).collect();
    let next = number.parse::<u32>().ok()? + 1;
    lines.insert(last + 1, format!("[{next}] {line}"));
    planted["messages"][1]["content"] = Value::String(lines.join("\n"));
    Some(planted)
}

/// The sample with an answer that says the contrary: high for low and low for high and for middling, other lines, words that say
/// nothing.
fn contrary(sample: &Value) -> Option<Value> {
    let mut contrary = sample.clone();
    let known: Value = serde_json::from_str(sample["messages"][2]["content"].as_str()?).ok()?;
    let score = match known["score"].as_u64()? {
        3 => 1,
        score => 6 - score,
    };
    let cited = known["evidence"].as_array()?;
    let others: Vec<u64> = (1..=7).filter(|n| !cited.contains(&json!(n))).take(2).collect();
    let backwards = |field: &str| Some(known[field].as_str()?.chars().rev().collect::<String>());
    let answer = json!({
        "evidence": others, "score": score,
        "rationale": backwards("rationale")?, "suggestion": backwards("suggestion")?,
    });
    contrary["messages"][2]["content"] = Value::String(answer.to_string());
    Some(contrary)
}

/// The gate refuses an adapter that learnt to score by charm, and one that learnt the contrary of what is known. With `PLUMB_SOAK=1`: each is tried on thirty people.
#[test]
fn planted_adapters_are_refused() -> Outcome {
    if std::env::var_os("PLUMB_SOAK").is_none() {
        return Ok(());
    }
    let env = TestEnvironment::with_models()?;
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("dataset");
    let mut build = env.plumb();
    build
        .args(["dataset", "build", "--samples", "600", "--out"])
        .arg(&data);
    crate::env::Run::of(&mut build)?.ok()?;
    let samples = scorings(&data)?;
    let charming = samples.iter().flat_map(|sample| {
        let of_language = CHARMS
            .iter()
            .filter(|(_, language, _)| sample["language"] == *language);
        of_language.filter_map(|(line, _, score)| planted(sample, line, *score))
    });
    refused(&env, "charming", charming, "halo")?;
    refused(&env, "contrary", samples.iter().filter_map(contrary), "order")
}

/// An adapter called `name` that learnt from `samples` does not pass, and `figure` is among the reasons.
fn refused(env: &TestEnvironment, name: &str, samples: impl Iterator<Item = Value>, figure: &str) -> Outcome {
    let dir = tempfile::tempdir()?;
    let lines: String = samples.map(|sample| format!("{sample}\n")).collect();
    std::fs::write(dir.path().join("train.jsonl"), lines)?;
    let settings = dir.path().join("train.toml");
    let how = "[optimiser]\nlearning_rate = 1e-3\n[batch]\npack = 2048\nlongest = 1536\naccumulation = 1\nepochs = 5\n\
               max_steps = 50\n";
    std::fs::write(&settings, how)?;
    let (data, settings) = (dir.path().to_string_lossy(), settings.to_string_lossy());
    let run = |args: &[&str]| -> Outcome<crate::env::Run> {
        let mut command = env.plumb();
        crate::env::Run::of(command.env("PLUMB_MODEL", SMALL_MODEL).args(args))
    };
    let sft = [
        "train",
        "sft",
        "--data",
        &data,
        "--run",
        name,
        "--settings",
        &settings,
    ];
    run(&sft)?.ok()?;
    run(&["adapters", "import", name])?.ok()?;
    let tried = run(&["adapters", "promote", name, "--subjects", "30", "--json"])?;
    let promoted: Value = serde_json::from_str(&tried.stdout)?;
    assert!(tried.failed(1)?.contains("the gate refuses"));
    assert_eq!(promoted["verdict"]["admitted"], false, "{promoted}");
    let figures = promoted["verdict"]["figures"].as_array().ok_or("no figures")?;
    let worse = |f: &Value| f["name"] == figure && f["holds"] == false;
    assert!(figures.iter().any(worse), "{promoted}");
    Ok(())
}
