//! Beside llama.cpp, on the same weights, the same tokens and the same number of threads, in turn in one run.
//!
//! The peer is built once, natively, by `benches/peers/llama.cpp/build.sh`; it is a program of its own. Every figure is
//! the median of the rounds with the lowest and the highest, and the ratio is that of the medians. Where the peer has
//! several ways to do a job, the one that was faster counts. `PLUMB_BENCH_ROUNDS` (5), `PLUMB_BENCH_THREADS` (2),
//! `PLUMB_BENCH_MODEL` (both) and `PLUMB_BENCH_CASE` (dossier, prefill, decode; `long` only when it is named: it takes the
//! peer minutes a round) choose.

use std::error::Error;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The models, with a dossier that each can read: about 4,000 tokens of prefix and eight dimensions.
const MODELS: [(&str, &str); 2] = [
    ("qwen2.5-coder-0.5b-instruct-q4_k_m", "samples/zh-lilei-2025h2"),
    ("smollm2-135m-instruct-q4_1", "samples/en-tom-okafor-2026h1"),
];
/// What is compared unless something is named.
const CASES: [&str; 3] = ["dossier", "prefill", "decode"];

/// A program, and how it is called.
type Call = (PathBuf, Vec<String>);

/// One way to do a job: what does it, and where its output says how good it was.
struct Way {
    name: &'static str,
    call: Call,
    read: fn(&Value) -> Option<f64>,
}

/// One job, done by us and by the peer in its ways. The unit says what is better: milliseconds should be few.
struct Job {
    title: String,
    unit: &'static str,
    ways: Vec<Way>,
}

struct Bench {
    rounds: usize,
    threads: String,
    peers: PathBuf,
    scratch: tempfile::TempDir,
}

fn main() -> Outcome {
    let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let bench = Bench {
        rounds: setting("PLUMB_BENCH_ROUNDS").map_or(Ok(5), |n| n.parse())?,
        threads: setting("PLUMB_BENCH_THREADS").unwrap_or_else(|| "2".to_owned()),
        peers: build()?,
        scratch: tempfile::tempdir()?,
    };
    let model = setting("PLUMB_BENCH_MODEL").unwrap_or_default();
    let wanted = setting("PLUMB_BENCH_CASE");
    let is_wanted = |case: &str| wanted.as_ref().map_or(CASES.contains(&case), |name| name == case);
    for (model, dossier) in MODELS.into_iter().filter(|(id, _)| id.contains(&model)) {
        for case in CASES.into_iter().chain(["long"]).filter(|case| is_wanted(case)) {
            let job = match case {
                "dossier" => bench.dossier(model, dossier)?,
                "prefill" => bench.prefill(model, 2_048)?,
                "decode" => bench.decode(model)?,
                _ => bench.prefill(model, 16_384)?,
            };
            bench.compare(model, &job)?;
        }
    }
    Ok(())
}

/// Builds the peer; the folder of its programs.
fn build() -> Outcome<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/peers/llama.cpp");
    let built = Command::new(root.join("benches/peers/llama.cpp/build.sh"))
        .arg(&folder)
        .status()?;
    if !built.success() {
        return Err("the peer cannot be built".into());
    }
    Ok(folder.join("bin"))
}

fn plumb() -> PathBuf {
    env!("CARGO_BIN_EXE_plumb").into()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The file of a model's weights.
fn weights(model: &str) -> Outcome<String> {
    let output = Command::new(plumb()).args(["models", "path", model]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl Bench {
    /// `plumb bench` once, and what it says under `measure`.
    fn ours(call: &str, read: fn(&Value) -> Option<f64>) -> Way {
        let once = format!("bench {call} --runs 1 --warm-up 0 --json");
        Way {
            name: "plumb",
            call: (plumb(), words(&once)),
            read,
        }
    }

    fn peer(&self, name: &'static str, program: &str, call: &str, read: fn(&Value) -> Option<f64>) -> Way {
        Way {
            name,
            call: (self.peers.join(program), words(call)),
            read,
        }
    }

    /// A whole dossier: the prefix once, eight prompts of 200 tokens, 150 tokens written by each branch, unconstrained.
    /// The peer in each way twice: without flash attention in batches of 128, which is its best with AVX2, and with flash
    /// attention in batches of 512, which is its best with AMX.
    fn dossier(&self, model: &str, dossier: &str) -> Outcome<Job> {
        let tokens = self.scratch.path().join(format!("{model}.tokens"));
        let (file, threads) = (weights(model)?, &self.threads);
        let ours = format!(
            "case {dossier} --free --model {model} --tokens-to {}",
            tokens.display()
        );
        let theirs = |way: &str, how: &str| {
            format!(
                "--model {file} --tokens {} --generate 150 --threads {threads} --way {way} {how}",
                tokens.display()
            )
        };
        let (off, on) = ("--flash off --ubatch 128", "--flash on --ubatch 512");
        let whole = |v: &Value| v["whole_ms"].as_f64();
        Ok(Job {
            title: format!("whole dossier, {dossier}"),
            unit: "ms",
            ways: vec![
                Self::ours(&ours, |v| v["measures"]["whole_ms"]["median"].as_f64()),
                self.peer(
                    "llama.cpp, side by side, flash off",
                    "dossier",
                    &theirs("parallel", off),
                    whole,
                ),
                self.peer(
                    "llama.cpp, side by side, flash on",
                    "dossier",
                    &theirs("parallel", on),
                    whole,
                ),
                self.peer(
                    "llama.cpp, one by one, flash off",
                    "dossier",
                    &theirs("sequential", off),
                    whole,
                ),
                self.peer(
                    "llama.cpp, one by one, flash on",
                    "dossier",
                    &theirs("sequential", on),
                    whole,
                ),
            ],
        })
    }

    fn prefill(&self, model: &str, tokens: usize) -> Outcome<Job> {
        let (file, threads) = (weights(model)?, &self.threads);
        let theirs = |flash: u8| format!("-m {file} -p {tokens} -n 0 -t {threads} -r 1 -fa {flash} -o json");
        let rate = |v: &Value| v[0]["avg_ts"].as_f64();
        Ok(Job {
            title: format!("reading {tokens} tokens"),
            unit: "tokens/s",
            ways: vec![
                Self::ours(&format!("prefill --tokens {tokens} --model {model}"), |v| {
                    v["measures"]["prefill_tokens_per_s"]["median"].as_f64()
                }),
                self.peer("llama-bench -fa 1", "llama-bench", &theirs(1), rate),
                self.peer("llama-bench -fa 0", "llama-bench", &theirs(0), rate),
            ],
        })
    }

    fn decode(&self, model: &str) -> Outcome<Job> {
        let (file, threads) = (weights(model)?, &self.threads);
        let theirs = |flash: &str| {
            format!(
                "-m {file} -c 4096 -npp 2048 -ntg 128 -npl 8 -pps -kvu -t {threads} -tb {threads} -fa {flash} \
                 --output-format jsonl"
            )
        };
        let rate = |v: &Value| v["speed_tg"].as_f64();
        Ok(Job {
            title: "eight branches of 2048 tokens writing".to_owned(),
            unit: "tokens/s",
            ways: vec![
                Self::ours(&format!("decode --model {model}"), |v| {
                    v["measures"]["decode_tokens_per_s"]["median"].as_f64()
                }),
                self.peer(
                    "llama-batched-bench -fa on",
                    "llama-batched-bench",
                    &theirs("on"),
                    rate,
                ),
                self.peer(
                    "llama-batched-bench -fa off",
                    "llama-batched-bench",
                    &theirs("off"),
                    rate,
                ),
            ],
        })
    }

    fn compare(&self, model: &str, job: &Job) -> Outcome {
        let mut figures = vec![Vec::new(); job.ways.len()];
        for _ in 0..self.rounds {
            for (way, figures) in job.ways.iter().zip(&mut figures) {
                figures.push(self.once(way)?);
            }
        }
        let mut out = stdout().lock();
        writeln!(out, "\n{model}: {}, {} threads", job.title, self.threads)?;
        let mut medians = Vec::new();
        for (way, figures) in job.ways.iter().zip(&mut figures) {
            figures.sort_by(f64::total_cmp);
            let median = figures[figures.len() / 2];
            let (low, high) = (figures[0], figures[figures.len() - 1]);
            let (name, n, unit) = (way.name, figures.len(), job.unit);
            writeln!(
                out,
                "  {name:<34} {median:>10.1} {unit} ({low:.1} to {high:.1}, n = {n})"
            )?;
            medians.push(median);
        }
        let (ours, theirs) = (medians[0], &medians[1..]);
        let ratio = if job.unit == "ms" {
            theirs.iter().copied().fold(f64::INFINITY, f64::min) / ours
        } else {
            ours / theirs.iter().copied().fold(0.0, f64::max)
        };
        writeln!(out, "  {ratio:.2} times as fast as the peer's best")?;
        Ok(out.flush()?)
    }

    fn once(&self, way: &Way) -> Outcome<f64> {
        let (program, args) = &way.call;
        let output = Command::new(program)
            .args(args)
            .env("PLUMB_ENGINE_THREADS", &self.threads)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let figure = output.status.success().then(|| last_object(&said)).flatten();
        figure.and_then(|v| (way.read)(&v)).ok_or_else(|| {
            let why = String::from_utf8_lossy(&output.stderr);
            format!("{} gave no figure: {said}{why}", way.name).into()
        })
    }
}

/// The JSON of some output: the whole of it, or its last line that is an object.
fn last_object(said: &str) -> Option<Value> {
    let line = || {
        said.lines()
            .rev()
            .find_map(|line| serde_json::from_str(line).ok())
    };
    serde_json::from_str(said).ok().or_else(line)
}
