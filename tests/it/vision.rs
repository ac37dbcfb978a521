//! Pictures read by a vision-language model: the tiny one of `tests/data/qwen3-vl-tiny`, with weights that make it say what
//! a test wants, through the files and commands of a real one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use plumbline::config::{Config, Paths, Request};
use plumbline::ingest::chart::Sight;
use serde_json::Value;

use crate::env::{OCR_MODEL, Outcome, TestEnvironment, real_weights, sample};
use crate::ingest::dossier;

const ID: &str = "tiny-vl";
/// The first token that the tiny vocabulary leaves free, and the width of a state.
const FREE: (usize, usize) = (263, 32);

const FACTS: &str = r#"```json
{"kind": "bar", "title": "Tickets closed", "values": [
 {"series": "", "category": "Search", "text": "128", "value": 128, "bbox_2d": [0, 500, 250, 1000]},
 {"series": "", "category": "Mail", "text": "", "value": 31}]}
```"#;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/qwen3-vl-tiny")
        .join(name)
}

/// An account in which the tiny model is, and answers every picture with these words.
fn answering(words: &str) -> Outcome<TestEnvironment> {
    let env = TestEnvironment::new()?;
    let folder = env.models_dir().join(ID);
    fs::create_dir_all(&folder)?;
    fs::copy(data("config.json"), folder.join("config.json"))?;
    let mut tokenizer: Value = serde_json::from_slice(&fs::read(data("tokenizer.json"))?)?;
    let (token, width) = FREE;
    let said = serde_json::json!({
        "id": token, "content": words, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": false,
    });
    let added = tokenizer["added_tokens"].as_array_mut().ok_or("no tokens")?;
    let end = added
        .iter()
        .find(|t| t["content"] == "<|im_end|>")
        .and_then(|t| t["id"].as_u64());
    let end = end.ok_or("no end")? as usize;
    added.push(said);
    let newline = tokenizer["model"]["vocab"]["Ċ"].as_u64().ok_or("no newline")? as usize;
    fs::write(folder.join("tokenizer.json"), serde_json::to_vec(&tokenizer)?)?;
    let weights = rigged(&[(newline, token), (token, end)], width)?;
    candle_core::safetensors::save(&weights, folder.join("model.safetensors"))?;
    let real = include_str!("../../models/qwen3-vl-2b-instruct.toml");
    env.write_config("models/tiny.toml", &real.replace("qwen3-vl-2b-instruct", ID))?;
    Ok(env)
}

/// Weights whose decoder's blocks add nothing, and whose head puts one token behind another.
fn rigged(follows: &[(usize, usize)], width: usize) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut weights = candle_core::safetensors::load(data("model.safetensors"), &Device::Cpu)?;
    for (name, tensor) in &mut weights {
        if name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") {
            *tensor = tensor.zeros_like()?;
        }
    }
    let table = "model.language_model.embed_tokens.weight";
    let vocab = weights[table].dim(0)?;
    let (mut tokens, mut head) = (vec![0_f32; vocab * width], vec![0_f32; vocab * width]);
    for (i, (token, next)) in follows.iter().enumerate() {
        tokens[token * width + i] = 1.0;
        head[next * width + i] = 10.0;
    }
    for (name, numbers) in [(table, tokens), ("lm_head.weight", head)] {
        let tensor = Tensor::from_vec(numbers, (vocab, width), &Device::Cpu)?;
        weights.insert(name.to_owned(), tensor.to_dtype(DType::BF16)?);
    }
    Ok(weights)
}

/// `plumb chart` on a sample picture of 640 x 400 pixels or another size, with more arguments.
fn chart(more: &[&str]) -> Vec<OsString> {
    let picture = sample("charts").join("tickets-zh.png").into_os_string();
    let more = more.iter().map(OsString::from);
    ["chart".into(), picture].into_iter().chain(more).collect()
}

#[test]
fn what_the_model_tells_is_a_chart() -> Outcome {
    let env = answering(FACTS)?;
    let read: Value = serde_json::from_str(&env.run(chart(&["--json"]))?.ok()?)?;
    assert_eq!(
        (&read["kind"], &read["title"]),
        (&"bar".into(), &"Tickets closed".into())
    );
    let values = read["values"].as_array().ok_or("no values")?;
    let (width, height) = image::image_dimensions(sample("charts").join("tickets-zh.png"))?;
    let place = serde_json::json!([0, height / 2, width / 4, height]);
    assert_eq!((&values[0]["value"], &values[0]["box"]), (&128.0.into(), &place));
    assert_eq!(values[1]["box"], serde_json::json!([0, 0, width, height]));
    assert_eq!(
        (&values[0]["measured"], &values[1]["measured"]),
        (&false.into(), &true.into())
    );
    let sure = values[0]["confidence"].as_f64().ok_or("no confidence")?;
    assert!(sure > 0.99 && sure <= 1.0, "{sure}");
    assert_eq!(read["note"], Value::Null);
    let kept = fs::read_dir(env.workspace().join("cache/charts"))?.count();
    assert_eq!(kept, 1, "read once");
    assert_eq!(
        env.run(chart(&["--model", ID, "--json"]))?.ok()?,
        serde_json::to_string_pretty(&read)? + "\n"
    );
    Ok(())
}

#[test]
fn a_picture_that_the_model_tells_of_is_a_source() -> Outcome {
    let env = answering(FACTS)?;
    let picture = fs::read(sample("charts").join("tickets-zh.png"))?;
    let dir = dossier(&env, "told", &[("tickets.png", &picture)])?;
    let printed = env
        .run(["ingest".into(), dir.into_os_string(), "--json".into()])?
        .ok()?;
    let report: Value = serde_json::from_str(&printed)?;
    let source = &report["sources"][0];
    assert_eq!(source["encoding"], "told-1");
    let texts: Vec<&str> = source["segments"]
        .as_array()
        .ok_or("no segments")?
        .iter()
        .filter_map(|segment| segment["text"].as_str())
        .collect();
    let expected = [
        "Tickets closed",
        "Tickets closed; Search = 128",
        "Tickets closed; Mail ≈ 31 (measured)",
    ];
    assert_eq!(texts, expected);
    Ok(())
}

/// As `plumb review` opens a dossier.
#[test]
fn who_looks_at_the_screen_is_not_kept_waiting() -> Outcome {
    let env = answering(FACTS)?;
    let vars: HashMap<&str, &str> = env.vars().collect();
    let config = Config::resolve(&Request {
        flags: &[],
        env: &|name| vars.get(name).map(|value| (*value).to_owned()),
        file: None,
        paths: Paths::under(&env.home()),
    })?;
    let picture = fs::read(sample("charts").join("tickets-zh.png"))?;
    let why = Sight::kept(&config).look(&picture).expect_err("not read yet");
    assert!(
        why.contains("was not read by tiny-vl yet: run `plumb ingest`"),
        "{why}"
    );
    let read = Sight::of(&config).look(&picture)?;
    assert_eq!(Sight::kept(&config).look(&picture)?, read);
    Ok(())
}

#[test]
fn an_answer_without_facts_is_one_line_that_names_the_model() -> Outcome {
    let env = answering("I see bars.")?;
    let said = env.run(chart(&[]))?.failed(1)?;
    assert!(
        said.contains("tiny-vl: the answer is not the table of facts"),
        "{said}"
    );
    assert!(
        said.contains("plumb models pull pp-ocrv5") && said.lines().count() == 1,
        "{said}"
    );
    Ok(())
}

#[test]
fn without_facts_the_reading_by_rules_stands() -> Outcome {
    let env = answering("I see bars.")?;
    let real = real_weights(OCR_MODEL)?.path;
    let real = real.parent().ok_or("no folder")?;
    std::os::unix::fs::symlink(real, env.models_dir().join(OCR_MODEL))?;
    let run = env.run(chart(&[]))?;
    assert!(
        run.stderr.contains("tiny-vl: the answer is not") && run.stderr.contains("read by pp-ocrv5"),
        "{}",
        run.stderr
    );
    let by_rules = env.run(chart(&["--model", OCR_MODEL]))?;
    assert_eq!((run.ok()?, by_rules.stderr.as_str()), (by_rules.stdout, ""));
    Ok(())
}

#[test]
fn a_model_that_reads_pictures_does_not_score_and_another_reads_none() -> Outcome {
    let env = answering(FACTS)?;
    let dir = dossier(&env, "d", &[("note.txt", b"It works.")])?;
    let said = env
        .run(["score".into(), dir.into_os_string(), "--model".into(), ID.into()])?
        .failed(2)?;
    assert!(
        said.contains("tiny-vl reads pictures; it does not score"),
        "{said}"
    );
    let said = env.run(chart(&["--model", "whisper-base"]))?.failed(1)?;
    assert!(
        said.contains("whisper-base reads no pictures") && said.contains("pp-ocrv5"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_model_of_another_family_is_refused_by_one_line() -> Outcome {
    let env = answering(FACTS)?;
    let config = env.models_dir().join(ID).join("config.json");
    let other = fs::read_to_string(&config)?.replace("\"qwen3_vl\"", "\"qwen2_5_vl\"");
    fs::write(&config, other)?;
    let said = env.run(chart(&[]))?.failed(1)?;
    assert!(
        said.contains("the family \"qwen2_5_vl\"; read here is \"qwen3_vl\""),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    Ok(())
}
