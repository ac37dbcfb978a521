//! `plumb train`: adapters and reward models, as runs that can be stopped and go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{dataset, engine, out};
use crate::config::Config;
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::engine::worker::WorkerModel;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::export::{Comparison, Message};
use crate::learn::forms::{self, Majority, RatedPair};
use crate::learn::train::answering::Task;
use crate::learn::train::estimate::{Estimate, Load, available, estimate};
use crate::learn::train::folder::{DataIdentity, MachineIdentity, Manifest, RunFolder, RunKind, Told};
use crate::learn::train::grpo::Grpo;
use crate::learn::train::judge::Judge;
use crate::learn::train::learner::{Learner, checkpointing};
use crate::learn::train::reward::{Pair, RewardModel, split};
use crate::learn::train::sequences::{self, Sequence, families, sequence};
use crate::learn::train::settings::Over;
use crate::learn::train::sft::Sft;
use crate::learn::train::{Ending, Objective, Run, Settings, duration};
use crate::model::backend::Backend;
use crate::model::chat::ChatFrame;
use crate::model::config::DecoderConfig;
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
    Sft {
        /// The folder that `plumb dataset build` wrote
        #[arg(long, value_name = "DIR", default_value = "dataset")]
        data: PathBuf,
        /// How
        #[command(flatten)]
        how: TrainArgs,
    },
    /// Teach a model which of two answers people prefer
    Reward {
        /// Pairs, one JSON object a line; else those of the workspace's decisions
        #[arg(long, value_name = "FILE")]
        pairs: Option<PathBuf>,
        /// How
        #[command(flatten)]
        how: TrainArgs,
    },
    /// Make answers likelier that are rewarded: near the known score, on the right evidence, in the right form
    Grpo {
        /// The folder that `plumb dataset build` wrote
        #[arg(long, value_name = "DIR", default_value = "dataset")]
        data: PathBuf,
        /// Reward what people prefer, too: the adapter folder of a `plumb train reward` run
        #[arg(long, value_name = "DIR")]
        judge: Option<PathBuf>,
        /// How
        #[command(flatten)]
        how: TrainArgs,
    },
    /// Say how much memory and time a run will take, and whether it fits
    Plan {
        /// The folder that `plumb dataset build` wrote
        #[arg(long, value_name = "DIR", default_value = "dataset")]
        data: PathBuf,
        /// What would be trained
        #[arg(long, value_enum, default_value_t = Planned::Sft)]
        kind: Planned,
        /// How
        #[command(flatten)]
        how: TrainArgs,
    },
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

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Planned {
    /// `plumb train sft`
    Sft,
    /// `plumb train grpo`
    Grpo,
}

/// How to train.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
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
            Self::Sft { how, .. }
            | Self::Reward { how, .. }
            | Self::Grpo { how, .. }
            | Self::Plan { how, .. } => {
                vec![("model", how.model.clone(), "--model")]
            }
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
        TrainCommand::Sft { data, how } => sft(data, how, config),
        TrainCommand::Reward { pairs, how } => reward(pairs.as_deref(), how, config),
        TrainCommand::Grpo { data, judge, how } => grpo(data, judge.as_deref(), how, config),
        TrainCommand::Plan { data, kind, how } => plan(data, *kind, how, config),
        TrainCommand::List { json } => list(config, *json),
        TrainCommand::Show { run, json } => show(config, run, *json),
    }
}

/// A base that is not loaded yet, and the settings of a run.
struct Base<'a> {
    how: &'a TrainArgs,
    model: WorkerModel,
    backend: Backend,
    gguf: Gguf,
    sizes: DecoderConfig,
    tokenizer: Arc<Tokenizer>,
    frame: ChatFrame,
    settings: Settings,
}

impl<'a> Base<'a> {
    fn new(how: &'a TrainArgs, config: &Config) -> Result<Self> {
        let mut settings = Settings::load(how.settings.as_deref())?;
        let model = engine::base(config)?;
        let gguf = Gguf::open(&model.path)?;
        let tokenizer = Arc::new(Tokenizer::from_gguf(&gguf)?);
        let backend = Backend::open(model.options.device)?;
        backend.round_products();
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        if settings.over == Over::Answers {
            settings.lora.invocation.clone_from(&frame.before_answer);
        }
        Ok(Self {
            how,
            sizes: DecoderConfig::from_gguf(&gguf)?,
            frame,
            backend,
            model,
            gguf,
            tokenizer,
            settings,
        })
    }

    fn estimate(&self, load: Load) -> Result<Estimate> {
        let form = self.model.options.weights;
        estimate(&self.settings, &self.sizes, form, load, &self.backend)
    }

    /// Loads the weights, and the adapter that the run begins with.
    fn load(mut self, watch: &Onlooker) -> Result<Loaded> {
        let form = self.model.options.weights;
        let decoder = Decoder::load(&self.gguf, form, &self.backend, &|part| {
            watch.tell("loading the weights", (part * 100.0) as usize, 100);
        })?;
        let start = match &self.how.from {
            None => None,
            Some(dir) => Some(peft::load(dir, decoder.config())?),
        };
        if let Some(start) = &start {
            // It goes on being laid over what it was laid over.
            let invocation = &start.settings.invocation;
            self.frame.check_invocation(invocation, &self.tokenizer)?;
            self.settings.over = match invocation.as_slice() {
                [] => Over::Everything,
                _ => Over::Answers,
            };
            self.settings.lora = LoraSettings {
                dropout: self.settings.lora.dropout,
                ..start.settings.clone()
            };
        }
        Ok(Loaded {
            checkpointing: checkpointing(&self.settings, decoder.config(), available(&self.backend)),
            decoder,
            start: start.map(|s| (s.adapter, s.sha256)),
            model: self.model,
            settings: self.settings,
        })
    }
}

/// A base with its weights.
struct Loaded {
    decoder: Decoder,
    start: Option<(Adapter, ContentHash)>,
    model: WorkerModel,
    settings: Settings,
    checkpointing: bool,
}

impl Loaded {
    fn learner(&self) -> Learner<'_> {
        Learner {
            decoder: &self.decoder,
            settings: &self.settings,
            start: self.start.as_ref().map(|(adapter, _)| adapter),
            base: Some(self.model.identity.id.as_str()),
            checkpointing: self.checkpointing,
        }
    }

    fn manifest(
        &self,
        kind: RunKind,
        objective: &dyn Objective,
        steps: usize,
        data: DataIdentity,
    ) -> Result<Manifest> {
        Ok(Manifest {
            kind,
            model: self.model.identity.clone(),
            start: self.start.as_ref().map(|(_, sha256)| *sha256),
            judge: None,
            settings: self.settings.clone(),
            data,
            steps,
            parameters: objective
                .begin()?
                .0
                .values()
                .map(candle_core::Tensor::elem_count)
                .sum(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            machine: MachineIdentity::here(),
        })
    }
}

/// A dataset in tokens.
struct Data {
    train: Vec<Sequence>,
    valid: Vec<Sequence>,
    identity: DataIdentity,
}

impl Data {
    fn read(dir: &Path, base: &Base) -> Result<Self> {
        let (path, batch) = (dir.join("train.jsonl"), &base.settings.batch);
        let longest = batch.longest.min(batch.pack);
        let samples = sequences::read(&path)?;
        let tokens = |items: &[sequences::Instruction]| -> Result<Vec<Sequence>> {
            items
                .iter()
                .map(|item| sequence(&base.tokenizer, &base.frame, item))
                .collect()
        };
        let mut train = tokens(&samples.items)?;
        let count = train.len();
        train.retain(|s| s.tokens.len() <= longest);
        if train.is_empty() {
            let what = format!("all {count} samples have more than {longest} tokens");
            return Err(Error::new(ErrorKind::Usage, what).hint("raise batch.longest and batch.pack"));
        }
        let valid_path = dir.join("valid.jsonl");
        let mut valid = Vec::new();
        if valid_path.exists() {
            valid = tokens(&sequences::read(&valid_path)?.items)?;
            valid.retain(|s| s.tokens.len() <= longest);
        }
        Ok(Self {
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

    fn load(&self, settings: &Settings) -> Load {
        let batch = &settings.batch;
        let families = families(&self.train, batch.pack);
        let tokens = families.iter().map(|family| family.tokens).sum::<usize>() * batch.epochs;
        let learnt = self.train.iter().map(Sequence::learnt).sum::<usize>() * batch.epochs;
        let all = tokens.div_ceil(batch.pack * batch.accumulation);
        let steps = if batch.max_steps == 0 {
            all
        } else {
            all.min(batch.max_steps)
        };
        let part = steps as f64 / all.max(1) as f64;
        Load {
            steps,
            tokens: (tokens as f64 * part) as usize,
            learnt: (learnt as f64 * part) as usize,
            written: 0,
        }
    }
}

/// The scorings of a dataset.
struct Tasks {
    train: Vec<Task>,
    held_out: Vec<Task>,
    identity: DataIdentity,
}

impl Tasks {
    fn read(dir: &Path, base: &Base) -> Result<Self> {
        let path = dir.join("train.jsonl");
        let samples = sequences::read(&path)?;
        let tasks = |items: &[sequences::Instruction]| -> Result<Vec<Task>> {
            let each = items
                .iter()
                .map(|item| Task::of(item, &base.tokenizer, &base.frame));
            each.filter_map(Result::transpose).collect()
        };
        let mut train = tasks(&samples.items)?;
        let (count, longest) = (train.len(), base.settings.batch.longest);
        train.retain(|t| t.prompt.len() <= longest);
        if train.is_empty() {
            let what = format!(
                "{} holds no scoring of at most {longest} tokens",
                line(&path.display().to_string())
            );
            return Err(Error::new(ErrorKind::Input, what));
        }
        let out = dir.join("heldout.jsonl");
        let held_out = if out.exists() {
            tasks(&sequences::read(&out)?.items)?
        } else {
            Vec::new()
        };
        Ok(Self {
            identity: DataIdentity {
                path,
                sha256: samples.sha256,
                samples: train.len(),
                tokens: train.iter().map(|t| t.prompt.len()).sum(),
                left_out: count - train.len(),
            },
            train,
            held_out,
        })
    }

    fn load(&self, settings: &Settings) -> Load {
        /// Tokens of an answer up to its score, and of a whole one, as the samples have them.
        const SCORE: usize = 16;
        const WHOLE: usize = 120;
        let grpo = &settings.grpo;
        let answer = if grpo.words {
            WHOLE.min(grpo.longest_answer)
        } else {
            SCORE
        };
        let prompts = grpo.steps * grpo.prompts;
        let prompt = self.identity.tokens / self.train.len().max(1);
        let written = prompts * grpo.group * answer;
        // The reference reads everything once more, forwards: half a pass.
        let read = (prompts * prompt + written) * 3 / 2 + prompts * prompt / 2;
        Load {
            steps: grpo.steps,
            tokens: read,
            learnt: written * 2,
            written,
        }
    }
}

/// The folder of a run: its own name, or one made of the kind and the time.
pub(super) fn folder(config: &Config, name: Option<&str>, kind: RunKind) -> Result<RunFolder> {
    let name = name.map_or_else(
        || {
            format!(
                "{}-{}",
                kind.name(),
                jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S")
            )
        },
        str::to_owned,
    );
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let what = format!("{} is no name for a run", line(&name));
        return Err(Error::new(ErrorKind::Usage, what).hint("letters, digits, '-', '_' and '.'"));
    }
    Ok(RunFolder::at(&config.workspace.join("runs").join(name)))
}

fn sft(dir: &Path, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let data = Data::read(dir, &base)?;
    base.estimate(data.load(&base.settings))?.check()?;
    let folder = folder(config, how.run.as_deref(), RunKind::Sft)?;
    let (watch, tokenizer) = (Onlooker::start(), Arc::clone(&base.tokenizer));
    let loaded = base.load(&watch)?;
    let objective = Sft {
        learner: loaded.learner(),
        tokenizer: &tokenizer,
        train: &data.train,
        valid: &data.valid,
    };
    let manifest = loaded.manifest(RunKind::Sft, &objective, objective.steps(), data.identity)?;
    train(&objective, &manifest, &folder, how, &watch)
}

fn grpo(dir: &Path, judge: Option<&Path>, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let weight = base.settings.grpo.weights.model;
    if judge.is_some() != (weight > 0.0) {
        let what = if judge.is_some() {
            "a reward model is named, and its weight is 0"
        } else {
            "grpo.weights.model is above 0, and no reward model is named"
        };
        return Err(Error::new(ErrorKind::Usage, what)
            .hint("name one with --judge DIR and set grpo.weights.model in the settings, or neither"));
    }
    let tasks = Tasks::read(dir, &base)?;
    base.estimate(tasks.load(&base.settings))?.check()?;
    let folder = folder(config, how.run.as_deref(), RunKind::Grpo)?;
    let (watch, tokenizer) = (Onlooker::start(), Arc::clone(&base.tokenizer));
    let grammars = GrammarFactory::new(Arc::clone(&tokenizer))?;
    let levels = LevelTokens::of(&tokenizer)?;
    let loaded = base.load(&watch)?;
    let judge = judge.map(|dir| Judge::load(dir, &loaded.decoder)).transpose()?;
    let objective = Grpo {
        judge: judge.as_ref(),
        learner: loaded.learner(),
        tokenizer: &tokenizer,
        grammars: &grammars,
        levels: &levels,
        tasks: &tasks.train,
        held_out: &tasks.held_out,
    };
    let steps = loaded.settings.grpo.steps;
    let manifest = Manifest {
        judge: judge.as_ref().map(|judge| judge.sha256),
        ..loaded.manifest(RunKind::Grpo, &objective, steps, tasks.identity)?
    };
    train(&objective, &manifest, &folder, how, &watch)
}

fn reward(path: Option<&Path>, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let (comparisons, identity) = comparisons(path, config)?;
    let longest = base.settings.batch.longest;
    let mut pairs: Vec<Pair> = comparisons
        .iter()
        .map(|c| Pair::of(c, &base.tokenizer, &base.frame))
        .collect::<Result<_>>()?;
    let count = pairs.len();
    pairs.retain(|p| p.prompt.len() + p.chosen.len().max(p.rejected.len()) <= longest);
    let left_out = count - pairs.len();
    let (train_on, held_out) = split(pairs, base.settings.reward.held_out, base.settings.seed)?;
    let folder = folder(config, how.run.as_deref(), RunKind::Reward)?;
    let watch = Onlooker::start();
    let loaded = base.load(&watch)?;
    let objective = RewardModel {
        learner: loaded.learner(),
        train: &train_on,
        held_out: &held_out,
    };
    let identity = DataIdentity {
        samples: train_on.len(),
        tokens: objective.tokens(),
        left_out,
        ..identity
    };
    let manifest = loaded.manifest(RunKind::Reward, &objective, objective.steps(), identity)?;
    train(&objective, &manifest, &folder, how, &watch)
}

/// Pairs from a file, or from what people decided in the workspace.
fn comparisons(path: Option<&Path>, config: &Config) -> Result<(Vec<Comparison>, DataIdentity)> {
    let identity = |path: PathBuf, sha256| DataIdentity {
        path,
        sha256,
        samples: 0,
        tokens: 0,
        left_out: 0,
    };
    let Some(path) = path else {
        let comparisons = dataset::compared(config)?;
        let text = format!("{comparisons:?}");
        return Ok((
            comparisons,
            identity(config.workspace.clone(), ContentHash::of(text.as_bytes())),
        ));
    };
    let pairs: Vec<RatedPair> = forms::read(path)?;
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let one = |pair: RatedPair| {
        let (chosen, rejected) = match pair.majority {
            Majority::A => (pair.a, pair.b),
            Majority::B => (pair.b, pair.a),
            Majority::Tie => return None,
        };
        let prompt = vec![Message {
            role: "user",
            content: pair.prompt,
        }];
        Some(Comparison {
            group: pair.group,
            prompt,
            chosen,
            rejected,
            margin: 0.0,
        })
    };
    let comparisons = pairs.into_iter().filter_map(one).collect();
    Ok((comparisons, identity(path.to_path_buf(), ContentHash::of(&bytes))))
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
    how: &TrainArgs,
    watch: &Onlooker,
) -> Result<()> {
    let run = Run {
        objective,
        manifest,
        folder,
        limit: how.max_minutes.map(|m| Duration::from_secs(u64::from(m) * 60)),
        watch,
    };
    let ending = run.run();
    watch.end();
    let ending = ending?;
    let mut told = folder.telemetry()?;
    let last = told.pop();
    let first = (!told.is_empty()).then(|| told.swap_remove(0));
    if how.json {
        return out::json(&Ended {
            run: folder.dir(),
            adapter: folder.adapter(),
            finished: ending == Ending::Finished,
            steps: last.as_ref().map_or(0, |t| t.step),
            manifest,
            first,
            last,
            peak_rss_bytes: crate::machine::peak_rss(),
        });
    }
    let mut lines = Vec::new();
    if let Ending::OutOfTime(step) = ending {
        lines.push(format!(
            "the time is over after {step} of {} steps; the same command with --run {} goes on",
            manifest.steps,
            folder
                .dir()
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
        ));
    }
    lines.extend(compared(first.as_ref(), last.as_ref()));
    lines.push(format!(
        "learnt: {}",
        line(&folder.adapter().display().to_string())
    ));
    out::lines(&lines)
}

/// Every figure at the first and at the last telling of it.
fn compared(first: Option<&Told>, last: Option<&Told>) -> Vec<String> {
    let Some(last) = last else { return Vec::new() };
    let mut rows = vec![vec![String::new(), "first".to_owned(), "last".to_owned()]];
    let number = |v: f64| format!("{v:.4}");
    for (name, value) in &last.figures {
        let before = first
            .and_then(|t| t.figures.get(name))
            .map_or_else(|| "–".to_owned(), |v| number(*v));
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

fn plan(dir: &Path, kind: Planned, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let (load, identity) = match kind {
        Planned::Sft => {
            let data = Data::read(dir, &base)?;
            (data.load(&base.settings), data.identity)
        }
        Planned::Grpo => {
            let tasks = Tasks::read(dir, &base)?;
            (tasks.load(&base.settings), tasks.identity)
        }
    };
    let estimate = base.estimate(load)?;
    if how.json {
        out::json(&estimate)?;
        return estimate.check();
    }
    let gb = |bytes: u64| format!("{:.2} GB", bytes as f64 / 1e9);
    let mut lines = vec![format!(
        "{} samples ({} left out as too long); {} tokens to read in {} steps",
        identity.samples, identity.left_out, estimate.tokens, estimate.steps
    )];
    let rows = [
        ("weights", gb(estimate.weights_bytes)),
        ("activations", gb(estimate.activations_bytes)),
        ("logits", gb(estimate.logits_bytes)),
        ("adapter and optimiser", gb(estimate.optimiser_bytes)),
        ("together", gb(estimate.total_bytes)),
        (
            "free now",
            estimate.available_bytes.map_or_else(|| "unknown".to_owned(), gb),
        ),
        ("time, about", duration(estimate.seconds)),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    lines.extend(out::table(&rows, 1..2));
    lines.push(format!(
        "{} numbers learn; activations are {}; measured at {:.0} GFLOP/s",
        estimate.parameters,
        if estimate.checkpointing {
            "computed again backwards"
        } else {
            "kept"
        },
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
    let mut rows = vec![
        ["run", "kind", "model", "step", "of", "loss"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for name in &names {
        let folder = RunFolder::at(&dir.join(name));
        let Some(manifest) = folder.manifest()? else {
            continue;
        };
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
        return told.iter().try_for_each(out::json);
    }
    let mut lines = vec![format!(
        "{} on {}, {} samples, {} numbers learn",
        manifest.kind.name(),
        manifest.model.id,
        manifest.data.samples,
        manifest.parameters
    )];
    for told in told.iter().rev().take(STEPS).rev() {
        let figures: Vec<String> = told
            .figures
            .iter()
            .map(|(name, v)| format!("{name} {v:.4}"))
            .collect();
        lines.push(format!(
            "{:>5}/{}  {}  {:.0} tok/s",
            told.step,
            told.steps,
            figures.join("  "),
            told.tokens_per_s
        ));
    }
    for sample in folder.samples() {
        lines.push(line(&sample.to_string()).into_owned());
    }
    out::lines(&lines)
}
