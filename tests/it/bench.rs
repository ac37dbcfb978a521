//! `plumb bench`: that its figures are figures, and what another engine is given to read. How large they are is the
//! machine's affair.

use serde_json::Value;

use crate::env::{Outcome, SMALL_MODEL, TestEnvironment, sample};

const SAMPLE: &str = "en-priya-nair-2026h1";

/// The object that a benchmark prints, run once.
fn report(env: &TestEnvironment, args: &[&str]) -> Outcome<Value> {
    let once = ["--runs=1", "--warm-up=0", "--json"];
    let run = env.run(["bench"].iter().chain(args).chain(&once))?;
    assert_eq!(run.stderr, "", "quiet without a terminal");
    Ok(serde_json::from_str(&run.ok()?)?)
}

/// With the small model.
fn measured(args: &[&str]) -> Outcome<Value> {
    let env = TestEnvironment::with_models()?;
    let report = report(&env, &[args, &["--model", SMALL_MODEL]].concat())?;
    assert_eq!(report["model"], SMALL_MODEL);
    Ok(report)
}

/// Checks what is the same in every report: one run, each figure above zero.
fn assert_whole(report: &Value, what: &str, names: &[&str]) -> Outcome {
    assert_eq!((&report["what"], &report["runs"]), (&what.into(), &1.into()));
    let machine = &report["machine"];
    assert!(machine["threads"].as_u64() >= Some(1), "{machine}");
    let lanes = machine["lanes"].as_str().unwrap_or_default();
    assert!(
        ["amx", "avx512-vnni", "avx-vnni", "avx2", "neon", "scalar"].contains(&lanes),
        "{machine}"
    );
    let measures = report["measures"].as_object().ok_or("no measures")?;
    for (name, figure) in measures {
        let median = figure["median"].as_f64();
        assert!(median > Some(0.0), "{name}: {figure}");
        assert_eq!(
            (figure["low"].as_f64(), figure["high"].as_f64()),
            (median, median)
        );
        assert_eq!(figure["n"], 1, "{name}");
    }
    for name in names {
        assert!(measures.contains_key(*name), "{name} is missing: {measures:?}");
    }
    Ok(())
}

const CASE: [&str; 6] = [
    "whole_ms",
    "prefix_ms",
    "first_dimension_ms",
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
    "kv_bytes",
];

#[test]
fn reading_is_measured() -> Outcome {
    let report = measured(&["prefill", "--tokens=64"])?;
    assert_eq!(report["facts"]["prefix_tokens"], 64);
    assert_whole(
        &report,
        "prefill",
        &["whole_ms", "prefill_tokens_per_s", "kv_bytes"],
    )
}

#[test]
fn writing_is_measured() -> Outcome {
    let report = measured(&["decode", "--branches=3", "--prefix=70", "--tokens=2"])?;
    assert_eq!(report["facts"]["branches"], 3);
    assert_whole(&report, "decode", &["pass_ms", "decode_tokens_per_s", "kv_bytes"])
}

#[test]
fn the_kernels_are_measured_beside_their_limits() -> Outcome {
    let report = measured(&["ops"])?;
    assert_whole(
        &report,
        "ops",
        &[
            "memory_read_gb_per_s",
            "limit_dots_4bit_gops",
            "limit_fma_gflops",
            "limit_attention_gflops",
            "product_4bit_576x1536_rows_256_gops",
            "product_8bit_1536x576_rows_1_share",
            "attention_prefill_rows_256_keys_4096_gflops",
            "attention_decode_rows_8_keys_4096_share",
            "gemm_f32_576x1536_rows_8_gflops",
        ],
    )
}

#[test]
fn the_screen_is_measured_without_a_model() -> Outcome {
    let report = report(&TestEnvironment::new()?, &["paint"])?;
    assert_eq!(report["model"], Value::Null);
    assert_whole(
        &report,
        "paint",
        &[
            "load_grammars_ms",
            "colour_markdown_ms",
            "wrap_ms",
            "draw_page_ms",
            "screen_140x40_ms",
            "key_80x24_ms",
            "gate_140x40_ms",
        ],
    )
}

/// The key-value blocks of the small model: 30 layers of 3 heads of 64 numbers, keys and values, 64 positions a block.
const BLOCK_BYTES: u64 = 30 * 3 * 64 * 2 * 2 * 64;

#[test]
fn a_case_without_the_grammar_reads_what_it_says() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let tokens = env.scratch().join("tokens");
    let (dir, to) = (sample(SAMPLE), tokens.to_string_lossy().into_owned());
    let report = report(
        &env,
        &[
            "case",
            &dir.to_string_lossy(),
            "--free",
            "--generate=4",
            "--tokens-to",
            &to,
            "--model",
            SMALL_MODEL,
        ],
    )?;
    assert_whole(&report, "case", &CASE)?;
    let lines: Vec<Vec<u64>> = std::fs::read_to_string(tokens)?
        .lines()
        .map(|line| line.split(' ').map(str::parse).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()?;
    let (prefix, branches) = lines.split_first().ok_or("no prefix")?;
    let facts = &report["facts"];
    assert_eq!(facts["prefix_tokens"], prefix.len());
    assert_eq!((branches.len(), &facts["branches"]), (8, &8.into()));
    assert!(branches.iter().all(|branch| branch.len() == 200));
    assert_eq!(
        (&facts["branch_tokens"], &facts["generated_tokens"]),
        (&1600.into(), &32.into())
    );
    // The last token is written and not read.
    let own = (prefix.len() % 64 + 200 + 3).div_ceil(64);
    let blocks = prefix.len().div_ceil(64) + 8 * own;
    let kv = report["measures"]["kv_bytes"]["median"].as_f64();
    assert_eq!(kv, Some((blocks as u64 * BLOCK_BYTES) as f64));
    Ok(())
}

#[test]
fn a_case_is_scored_as_the_program_scores() -> Outcome {
    let dir = sample(SAMPLE);
    let report = measured(&["case", &dir.to_string_lossy()])?;
    assert_whole(&report, "case", &[CASE.as_slice(), &["first_score_ms"]].concat())?;
    let of = |name: &str| report["measures"][name]["median"].as_f64().unwrap_or_default();
    assert!(of("prefix_ms") < of("first_score_ms"));
    assert!(of("first_score_ms") < of("first_dimension_ms"));
    assert!(of("first_dimension_ms") <= of("whole_ms"));
    Ok(())
}

#[test]
fn what_cannot_be_measured_is_a_wrong_call() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let wrong: [&[&str]; 9] = [
        &["nothing"],
        &["case"],
        &["case", ".", "--generate=3"],
        &["case", ".", "--tokens-to=x"],
        &["prefill", "--runs=0"],
        &["prefill", "--tokens=0"],
        &["prefill", "--warm-up=-1"],
        &["decode", "--branches=x"],
        &["paint", "--model=x"],
    ];
    for args in wrong {
        let said = env.run(["bench"].iter().chain(args))?.failed(2)?;
        assert!(said.starts_with("error: ") || said.contains("Usage:"), "{said}");
    }
    let too_long = ["bench", "prefill", "--tokens=1000000", "--model", SMALL_MODEL];
    let said = env.run(too_long)?.failed(2)?;
    assert!(said.contains("1000000 tokens do not fit"), "{said}");
    env.run(["bench", "case", "nowhere"])?.failed(1)?;
    Ok(())
}
