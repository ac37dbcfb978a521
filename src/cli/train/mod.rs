//! `plumb train`: adapters and reward models, as runs that can be stopped and go on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::config::Config;
use crate::engine::worker::WorkerModel;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::train::estimate::{Estimate, Load, available, estimate};
use crate::learn::train::folder::{DataIdentity, MachineIdentity, Manifest, RunFolder, RunKind, Told};
use crate::learn::train::learner::{Learner, checkpointing};
use crate::learn::train::sequences::{Sequence, read, sequence};
use crate::learn::train::sft::Sft;
use crate::learn::train::{Ending, Objective, Run, Settings, duration};
use crate::model::chat::ChatFrame;
use crate::model::decoder::Decoder;
use crate::model::gguf::Gguf;
use crate::model::lora::{Adapter, LoraSettings};
use crate::model::peft;
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;
use crate::watch::Watch;

/// What to train.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Teach an adapter to answer as the samples of a dataset do
    Sft(TrainArgs),
    /// Say how much memory and time a run will take, and whether it fits
    Plan(TrainArgs),
    /// List the runs of the workspace
    List {
        /// Print one JSON object a run
        #[arg(long)]
        json: bool,
    },
    /// Show how a run goes: its last steps, and what it read or wrote
    Show {
        /// The run
        run: String,
        /// Print its telemetry, one JSON object a step
        #[arg(long)]
        json: bool,
    },
}

/// How to train.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// The folder that `plumb dataset build` wrote
    #[arg(long, value_name = "DIR", default_value = "dataset")]
    data: PathBuf,
    /// The run's name; one that was stopped goes on
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Settings of the run, a TOML file; else the defaults
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Begin with an adapter: a folder in PEFT's layout
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The base
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Stop after so many minutes, at the end of a step; the same command goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_minutes: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl TrainCommand {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        match self {
            Self::Sft(args) | Self::Plan(args) => vec![("model", args.model.clone(), "--model")],
            Self::List { .. } | Self::Show { .. } => Vec::new(),
        }
    }
}

/// Runs `plumb train`.
///
/// # Errors
/// Wrong settings or data, too little memory, a stop, a full disk.
pub fn run(command: &TrainCommand, config: &Config) -> Result<()> {
    match command {
        TrainCommand::Sft(args) => sft(args, config),
        TrainCommand::Plan(args) => plan(args, config),
        TrainCommand::List { json } => list(config, *json),
        TrainCommand::Show { run, json } => show(config, run, *json),
    }
}

/// A dataset in tokens.
struct Data {
    train: Vec<Sequence>,
    valid: Vec<Sequence>,
    identity: DataIdentity,
}

/// Everything that a run needs beside its weights.
struct Prepared {
    model: WorkerModel,
    gguf: Gguf,
    tokenizer: Tokenizer,
    settings: Settings,
    data: Data,
}

impl Prepared {
    fn new(args: &TrainArgs, config: &Config) -> Result<Self> {
        let settings = Settings::load(args.settings.as_deref())?;
        let model = engine::model(config)?;
        let gguf = Gguf::open(&model.path)?;
        let tokenizer = Tokenizer::from_gguf(&gguf)?;
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        let data = data(&args.data, &settings, &tokenizer, &frame)?;
        Ok(Self {
            model,
            gguf,
            tokenizer,
            settings,
            data,
        })
    }

    fn load(&self) -> Load {
        let epochs = self.settings.batch.epochs;
        let sum = |of: fn(&Sequence) -> usize| self.data.train.iter().map(of).sum::<usize>() * epochs;
        let (tokens, learnt) = (sum(|s| s.tokens.len()), sum(Sequence::learnt));
        let a_step = self.settings.batch.pack * self.settings.batch.accumulation;
        let all = tokens.div_ceil(a_step);
        let steps = match self.settings.batch.max_steps {
            0 => all,
            most => all.min(most),
        };
        let part = steps as f64 / all.max(1) as f64;
        Load {
            steps,
            tokens: (tokens as f64 * part) as usize,
            learnt: (learnt as f64 * part) as usize,
            written: 0,
        }
    }

    fn estimate(&self) -> Result<Estimate> {
        let config = crate::model::config::DecoderConfig::from_gguf(&self.gguf)?;
        estimate(&self.settings, &config, self.model.options.weights, self.load())
    }
}

fn data(dir: &Path, settings: &Settings, tokenizer: &Tokenizer, frame: &ChatFrame) -> Result<Data> {
    let path = dir.join("train.jsonl");
    let samples = read(&path)?;
    let all: Vec<Sequence> = samples
        .items
        .iter()
        .map(|item| sequence(tokenizer, frame, item))
        .collect::<Result<_>>()?;
    let longest = settings.batch.longest.min(settings.batch.pack);
    let count = all.len();
    let train: Vec<Sequence> = all.into_iter().filter(|s| s.tokens.len() <= longest).collect();
    if train.is_empty() {
        let what = format!("all {count} samples have more than {longest} tokens");
        return Err(Error::new(ErrorKind::Usage, what).hint("raise batch.longest and batch.pack"));
    }
    let valid_path = dir.join("valid.jsonl");
    let mut valid = Vec::new();
    if valid_path.exists() {
        for item in &read(&valid_path)?.items {
            valid.push(sequence(tokenizer, frame, item)?);
        }
        valid.retain(|s| s.tokens.len() <= longest);
    }
    Ok(Data {
        identity: DataIdentity {
            path,
            sha256: samples.sha256,
            samples: train.len(),
            tokens: train.iter().map(|s| s.tokens.len()).sum(),
            left_out: count - train.len(),
        },
        train,
        valid,
    })
}

/// The adapter that a run begins with.
struct Start {
    adapter: Adapter,
    settings: LoraSettings,
    sha256: ContentHash,
}

fn start(args: &TrainArgs, decoder: &Decoder) -> Result<Option<Start>> {
    let Some(dir) = &args.from else { return Ok(None) };
    let loaded = peft::load(dir, decoder.config())?;
    Ok(Some(Start {
        adapter: loaded.adapter,
        settings: loaded.settings,
        sha256: loaded.sha256,
    }))
}

/// The folder of a run: its own name, or one made of the kind and the time.
pub(super) fn folder(config: &Config, name: Option<&str>, kind: RunKind) -> Result<RunFolder> {
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
            format!("{}-{now}", kind.name())
        }
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let what = format!("{} is no name for a run", line(&name));
        return Err(Error::new(ErrorKind::Usage, what).hint("letters, digits, '-', '_' and '.'"));
    }
    Ok(RunFolder::at(&config.workspace.join("runs").join(name)))
}

fn sft(args: &TrainArgs, config: &Config) -> Result<()> {
    let mut prepared = Prepared::new(args, config)?;
    prepared.estimate()?.check()?;
    let folder = folder(config, args.run.as_deref(), RunKind::Sft)?;
    let watch = Onlooker::start();
    let decoder = Decoder::load(&prepared.gguf, prepared.model.options.weights, &|part| {
        watch.tell("loading the weights", (part * 100.0) as usize, 100);
    })?;
    let start = start(args, &decoder)?;
    if let Some(start) = &start {
        prepared.settings.lora = LoraSettings {
            dropout: prepared.settings.lora.dropout,
            ..start.settings.clone()
        };
    }
    let learner = Learner {
        decoder: &decoder,
        settings: &prepared.settings,
        start: start.as_ref().map(|s| &s.adapter),
        base: Some(prepared.model.identity.id.as_str()),
        checkpointing: checkpointing(&prepared.settings, decoder.config(), available()),
    };
    let objective = Sft {
        learner,
        tokenizer: &prepared.tokenizer,
        train: &prepared.data.train,
        valid: &prepared.data.valid,
    };
    let manifest = Manifest {
        kind: RunKind::Sft,
        model: prepared.model.identity.clone(),
        start: start.as_ref().map(|s| s.sha256),
        settings: prepared.settings.clone(),
        data: prepared.data.identity.clone(),
        steps: objective.steps(),
        parameters: parameters(&objective)?,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        machine: MachineIdentity::here(),
    };
    let limit = args.max_minutes;
    train(&objective, &manifest, &folder, limit, &watch, args.json)
}

fn parameters(objective: &dyn Objective) -> Result<usize> {
    Ok(objective.begin()?.0.values().map(|t| t.elem_count()).sum())
}

/// How a run ended, for programs.
#[derive(Serialize)]
struct Ended<'a> {
    run: &'a Path,
    adapter: PathBuf,
    finished: bool,
    steps: usize,
    manifest: &'a Manifest,
    first: Option<Told>,
    last: Option<Told>,
    peak_rss_bytes: Option<u64>,
}

fn train(
    objective: &dyn Objective,
    manifest: &Manifest,
    folder: &RunFolder,
    minutes: Option<u32>,
    watch: &Onlooker,
    json: bool,
) -> Result<()> {
    let run = Run {
        objective,
        manifest,
        folder,
        limit: minutes.map(|m| Duration::from_secs(u64::from(m) * 60)),
        watch,
    };
    let ending = run.run();
    watch.end();
    let ending = ending?;
    let mut told = folder.telemetry()?;
    let last = told.pop();
    let first = (!told.is_empty()).then(|| told.swap_remove(0));
    if json {
        return out::json(&Ended {
            run: folder.dir(),
            adapter: folder.adapter(),
            finished: ending == Ending::Finished,
            steps: last.as_ref().map_or(0, |t| t.step),
            manifest,
            first,
            last,
            peak_rss_bytes: crate::bench::machine::peak_rss(),
        });
    }
    let mut lines = Vec::new();
    if let Ending::OutOfTime(step) = ending {
        lines.push(format!(
            "the time is over after {step} of {} steps; the same command with --run {} goes on",
            manifest.steps,
            folder.dir().file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
        ));
    }
    lines.extend(compared(first.as_ref(), last.as_ref()));
    lines.push(format!("learnt: {}", line(&folder.adapter().display().to_string())));
    out::lines(&lines)
}

/// Every figure at the first and at the last telling of it.
fn compared(first: Option<&Told>, last: Option<&Told>) -> Vec<String> {
    let Some(last) = last else { return Vec::new() };
    let mut rows = vec![vec![String::new(), "first".to_owned(), "last".to_owned()]];
    let number = |v: f64| format!("{v:.4}");
    for (name, value) in &last.figures {
        let before = first.and_then(|t| t.figures.get(name)).map_or_else(|| "–".to_owned(), |v| number(*v));
        rows.push(vec![name.clone(), before, number(*value)]);
    }
    let mut lines = out::table(&rows, 1..3);
    lines.push(format!(
        "{} steps in {}, {:.0} tokens a second in the last",
        last.step,
        duration(last.elapsed_s),
        last.tokens_per_s
    ));
    lines
}

fn plan(args: &TrainArgs, config: &Config) -> Result<()> {
    let prepared = Prepared::new(args, config)?;
    let estimate = prepared.estimate()?;
    if args.json {
        out::json(&estimate)?;
        return estimate.check();
    }
    let gb = |bytes: u64| format!("{:.2} GB", bytes as f64 / 1e9);
    let mut lines = vec![format!(
        "{} samples of {} tokens ({} left out as too long), {} steps",
        prepared.data.identity.samples, estimate.tokens, prepared.data.identity.left_out, estimate.steps
    )];
    let rows = [
        ("weights", gb(estimate.weights_bytes)),
        ("activations", gb(estimate.activations_bytes)),
        ("logits", gb(estimate.logits_bytes)),
        ("adapter and optimiser", gb(estimate.optimiser_bytes)),
        ("together", gb(estimate.total_bytes)),
        ("free now", estimate.available_bytes.map_or_else(|| "unknown".to_owned(), gb)),
        ("time, about", duration(estimate.seconds)),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    lines.extend(out::table(&rows, 1..2));
    lines.push(format!(
        "{} numbers learn; activations are {}; measured at {:.0} GFLOP/s",
        estimate.parameters,
        if estimate.checkpointing { "computed again backwards" } else { "kept" },
        estimate.gflops
    ));
    out::lines(&lines)?;
    estimate.check()
}

fn list(config: &Config, json: bool) -> Result<()> {
    let dir = config.workspace.join("runs");
    let mut names: Vec<String> = match std::fs::read_dir(&dir) {
        Ok(entries) => entries
            .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|name| !name.starts_with('.'))
            .collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::io("read", &dir, e)),
    };
    names.sort();
    let mut rows = vec![["run", "kind", "model", "step", "of", "loss"].map(str::to_owned).to_vec()];
    for name in &names {
        let folder = RunFolder::at(&dir.join(name));
        let Some(manifest) = folder.manifest()? else { continue };
        let last = folder.telemetry()?.pop();
        if json {
            out::json(&serde_json::json!({
                "run": name, "kind": manifest.kind, "model": manifest.model,
                "steps": manifest.steps, "last": last,
            }))?;
            continue;
        }
        let loss = last.as_ref().and_then(|t| t.figures.get("loss"));
        rows.push(vec![
            line(name).into_owned(),
            manifest.kind.name().to_owned(),
            manifest.model.id.to_string(),
            last.as_ref().map_or(0, |t| t.step).to_string(),
            manifest.steps.to_string(),
            loss.map_or_else(|| "–".to_owned(), |l| format!("{l:.3}")),
        ]);
    }
    match (json, rows.len()) {
        (true, _) => Ok(()),
        (false, 1) => out::lines(&["there is no run; `plumb train sft` begins one".to_owned()]),
        (false, _) => out::lines(&out::table(&rows, 3..6)),
    }
}

fn show(config: &Config, run: &str, json: bool) -> Result<()> {
    /// Steps that are shown.
    const STEPS: usize = 12;
    let folder = folder(config, Some(run), RunKind::Sft)?;
    let Some(manifest) = folder.manifest()? else {
        let what = format!("there is no run {}", line(run));
        return Err(Error::new(ErrorKind::Usage, what).hint("`plumb train list` lists them"));
    };
    let told = folder.telemetry()?;
    if json {
        return told.iter().try_for_each(|t| out::json(t));
    }
    let mut lines = vec![format!(
        "{} on {}, {} samples, {} numbers learn",
        manifest.kind.name(),
        manifest.model.id,
        manifest.data.samples,
        manifest.parameters
    )];
    for told in told.iter().rev().take(STEPS).rev() {
        let figures: Vec<String> = told.figures.iter().map(|(name, v)| format!("{name} {v:.4}")).collect();
        lines.push(format!("{:>5}/{}  {}  {:.0} tok/s", told.step, told.steps, figures.join("  "), told.tokens_per_s));
    }
    for sample in folder.samples() {
        lines.push(line(&sample.to_string()).into_owned());
    }
    out::lines(&lines)
}
