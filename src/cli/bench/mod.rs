//! `plumb bench`: what scoring, each kernel and the screen cost here, as a table or as one JSON object.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::bench::{Outcome, Report, Session, case, decode, ops, paint, prefill};
use crate::config::Config;
use crate::engine::scorer::Scorer;
use crate::engine::worker::{WorkerModel, set_threads};
use crate::error::{Error, Result};
use crate::id::ModelId;
use crate::machine::Machine;
use crate::model::backend::Backend;
use crate::model::config::DecoderConfig;
use crate::model::gguf::Gguf;
use crate::rubric::Rubric;
use crate::watch::Watch;

mod text;

/// The most of anything that can be asked for: beyond it no model has a context.
const MOST: usize = 1 << 20;

/// What `plumb bench` measures.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Score one dossier: the time to each thing that somebody waits for, and the memory it takes
    Case(CaseArgs),
    /// Read a text
    Prefill(PrefillArgs),
    /// Write branches of one prefix side by side
    Decode(DecodeArgs),
    /// Colour, wrap and draw
    Paint(Often),
    /// Each kernel beside what the processor's own instructions give
    Ops(OpsArgs),
}

/// How often, and how to say it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Often {
    /// Runs that count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = count::<1>)]
    pub runs: usize,
    /// Runs before them that do not
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count::<0>)]
    pub warm_up: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which weights.
#[derive(Debug, Clone, clap::Args)]
pub struct Weights {
    /// Which model
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
}

/// Score one dossier: the time to each thing that somebody waits for, and the memory it takes
#[derive(Debug, clap::Args)]
pub struct CaseArgs {
    /// The dossier's folder
    pub dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
    /// For comparison with other engines: no grammar, prompts of 200 tokens, a fixed number of tokens written
    #[arg(long)]
    pub free: bool,
    /// Tokens that each branch writes with --free; 150 if not given
    #[arg(long, value_name = "N", requires = "free", value_parser = count::<1>)]
    pub generate: Option<usize>,
    /// Write the token ids that --free reads into FILE: a line with the prefix, then one a branch
    #[arg(long, value_name = "FILE", requires = "free")]
    pub tokens_to: Option<PathBuf>,
    #[command(flatten)]
    weights: Weights,
    #[command(flatten)]
    often: Often,
}

/// Read a text
#[derive(Debug, clap::Args)]
pub struct PrefillArgs {
    /// How long the text is
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = count::<1>)]
    pub tokens: usize,
    #[command(flatten)]
    weights: Weights,
    #[command(flatten)]
    often: Often,
}

/// Write branches of one prefix side by side
#[derive(Debug, clap::Args)]
pub struct DecodeArgs {
    /// How many branches
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count::<1>)]
    pub branches: usize,
    /// Tokens of the prefix
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = count::<1>)]
    pub prefix: usize,
    /// Tokens that each branch writes
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = count::<1>)]
    pub tokens: usize,
    #[command(flatten)]
    weights: Weights,
    #[command(flatten)]
    often: Often,
}

/// Each kernel beside what the processor's own instructions give
#[derive(Debug, clap::Args)]
pub struct OpsArgs {
    #[command(flatten)]
    weights: Weights,
    #[command(flatten)]
    often: Often,
}

/// A whole number of at least `LEAST`.
fn count<const LEAST: usize>(text: &str) -> std::result::Result<usize, String> {
    let number = text.parse().ok().filter(|n| (LEAST..=MOST).contains(n));
    number.ok_or_else(|| format!("a whole number from {LEAST} to {MOST} is needed"))
}

impl BenchCommand {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        let (rubric, weights) = match self {
            Self::Case(args) => (args.rubric.clone(), &args.weights),
            Self::Prefill(args) => (None, &args.weights),
            Self::Decode(args) => (None, &args.weights),
            Self::Ops(args) => (None, &args.weights),
            Self::Paint(_) => return Vec::new(),
        };
        vec![
            ("rubric", rubric, "--rubric"),
            ("model", weights.model.clone(), "--model"),
        ]
    }

    fn often(&self) -> Often {
        match self {
            Self::Case(args) => args.often,
            Self::Prefill(args) => args.often,
            Self::Decode(args) => args.often,
            Self::Paint(often) => *often,
            Self::Ops(args) => args.often,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Case(_) => "case",
            Self::Prefill(_) => "prefill",
            Self::Decode(_) => "decode",
            Self::Paint(_) => "paint",
            Self::Ops(_) => "ops",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The dossier, the rubric or the model cannot be used, or more was asked for than fits the model.
pub fn run(command: &BenchCommand, config: &Config) -> Result<()> {
    set_threads(config.engine.threads);
    let machine = Machine::now();
    let often = command.often();
    let onlooker = Onlooker::start();
    let session = Session {
        runs: often.runs,
        warm_up: often.warm_up,
        watch: &onlooker,
    };
    let outcome = measure(command, config, &session);
    onlooker.end();
    let Outcome { facts, measures } = outcome?;
    let report = Report {
        what: command.name(),
        machine,
        model: model_of(command, config),
        device: device_of(command, config),
        runs: often.runs,
        warm_up: often.warm_up,
        facts,
        measures,
    };
    if often.json {
        out::json(&report)
    } else {
        text::print(&report)
    }
}

fn model_of(command: &BenchCommand, config: &Config) -> Option<ModelId> {
    let without = matches!(command, BenchCommand::Paint(_));
    (!without).then(|| config.model.clone())
}

/// `ops` measures the processor's kernels wherever the model runs.
fn device_of(command: &BenchCommand, config: &Config) -> Option<&'static str> {
    let runs = !matches!(command, BenchCommand::Paint(_) | BenchCommand::Ops(_));
    runs.then(|| Backend::open(config.engine.device).map_or("CPU", |backend| backend.name()))
}

fn measure(command: &BenchCommand, config: &Config, session: &Session) -> Result<Outcome> {
    match command {
        BenchCommand::Case(args) => case(args, config, session),
        BenchCommand::Prefill(args) => {
            let model = engine::model(config)?;
            let scorer = load(&model, session.watch)?;
            prefill::run(session, &scorer, args.tokens, model.options.chunk)
        }
        BenchCommand::Decode(args) => {
            let model = engine::model(config)?;
            let scorer = load(&model, session.watch)?;
            let wanted = decode::Decode {
                branches: args.branches,
                prefix: args.prefix,
                tokens: args.tokens,
                chunk: model.options.chunk,
            };
            decode::run(session, &scorer, wanted)
        }
        BenchCommand::Paint(_) => paint::run(session),
        BenchCommand::Ops(_) => {
            let weights = Gguf::open(&engine::model(config)?.path)?;
            ops::run(session, &DecoderConfig::from_gguf(&weights)?)
        }
    }
}

fn load(model: &WorkerModel, watch: &dyn Watch) -> Result<Scorer> {
    let progress = |fraction: f32| watch.tell("loading the model", (fraction * 100.0) as usize, 100);
    model.load(&progress)
}

fn case(args: &CaseArgs, config: &Config, session: &Session) -> Result<Outcome> {
    let request = case::request(&args.dir, Rubric::named(&config.rubric)?)?;
    let model = engine::model(config)?;
    let bytes = case::model_bytes(&model.path)?;
    let mut scorer = load(&model, session.watch)?;
    if !args.free {
        return case::constrained(session, &mut scorer, &request, bytes);
    }
    let free = case::Free::plan(&scorer, &request, args.generate.unwrap_or(150))?;
    if let Some(path) = &args.tokens_to {
        write(path, &free.lines())?;
    }
    free.run(session, &scorer, &request, (model.options.chunk, bytes))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
}
