//! `plumb train`: adapters and reward models, as runs that can be stopped and go on.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::train::folder::{RunFolder, RunKind};
use crate::sanitize::line;

mod base;
mod data;
mod ending;
mod kinds;
mod plan;
mod runs;

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
        /// For a reward model: pairs, one JSON object a line; else those of the workspace's decisions
        #[arg(long, value_name = "FILE")]
        pairs: Option<PathBuf>,
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
    /// `plumb train reward`
    Reward,
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
    /// Stop after so many minutes, at the end of a step; the same command with the run's name, --run NAME, goes on
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
        TrainCommand::Sft { data, how } => kinds::sft(data, how, config),
        TrainCommand::Reward { pairs, how } => kinds::reward(pairs.as_deref(), how, config),
        TrainCommand::Grpo { data, judge, how } => kinds::grpo(data, judge.as_deref(), how, config),
        TrainCommand::Plan {
            data,
            pairs,
            kind,
            how,
        } => plan::run(data, pairs.as_deref(), *kind, how, config),
        TrainCommand::List { json } => runs::list(config, *json),
        TrainCommand::Show { run, json } => runs::show(config, run, *json),
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
