//! The command line: one thin file per command over the rooms of the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Paths, Request};
use crate::dossier::Language;
use crate::error::Result;
use crate::ingest::office;
use crate::sanitize::line;
use crate::store::index::probe;

pub mod adapters;
pub mod annotate;
pub mod bench;
pub mod calibrate;
pub mod chart;
pub mod completions;
pub mod config;
pub mod dataset;
pub mod doctor;
pub mod engine;
pub mod eval;
pub mod export;
pub mod ingest;
pub mod interrupt;
pub mod journal;
pub mod keys;
pub mod man;
pub mod models;
pub mod onlooker;
pub mod opener;
pub mod out;
pub mod pairs;
pub mod profile;
pub mod review;
pub mod rubric;
pub mod score;
pub mod speech;
pub mod train;
pub mod transcribe;

/// Decide performance reviews with evidence.
#[derive(Debug, Parser)]
#[command(
    name = "plumb",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command understands.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The workspace folder: journal, index and blobs; else `$PLUMB_HOME`
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<std::path::PathBuf>,
    /// Who decides; else `$PLUMB_PERSON`
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub person: Option<String>,
    /// Language of the interface: zh or en; else `$PLUMB_LANG`
    #[arg(long, global = true, value_name = "LANG", value_parser = parse_language)]
    pub lang: Option<Language>,
    /// What is laid over the model: live, none, an adapter's name, or its folder
    #[arg(long, global = true, value_name = "NAME|DIR")]
    pub adapter: Option<String>,
    /// Configuration file
    #[arg(long, global = true, env = "PLUMB_CONFIG", value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

fn parse_language(text: &str) -> std::result::Result<Language, String> {
    match text {
        "zh" => Ok(Language::Zh),
        "en" => Ok(Language::En),
        other => Err(format!("{other:?} is not one of zh, en")),
    }
}

impl Global {
    /// Resolves the configuration of this call; `flags` are settings given by the command's own flags, as key, value
    /// and the flag's name.
    ///
    /// # Errors
    /// As [`Config::resolve`].
    pub fn config(&self, flags: &[(&'static str, Option<String>, &'static str)]) -> Result<Config> {
        let workspace = self
            .workspace
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        let own = [
            ("workspace", workspace, "--workspace"),
            ("person", self.person.clone(), "--as"),
            ("adapter", self.adapter.clone(), "--adapter"),
            ("lang", self.lang.map(|lang| lang.code().to_owned()), "--lang"),
        ];
        let given = own.into_iter().chain(flags.iter().cloned());
        let flags: Vec<_> = given
            .filter_map(|(key, value, flag)| Some((key, value?, flag)))
            .collect();
        Config::resolve(&Request {
            flags: &flags,
            env: &|name| std::env::var(name).ok(),
            file: self.config.as_deref(),
            paths: Paths::of_this_account()?,
        })
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check, list and show rubrics
    #[command(subcommand)]
    Rubric(rubric::RubricCommand),
    /// Show what is read in a dossier: sources, segments, and what could not be read
    Ingest(ingest::Args),
    /// Write down what is said in a recording
    Transcribe(transcribe::Args),
    /// Read the values in a picture of a chart, a table or a progress list
    Chart(chart::Args),
    /// Review dossiers on the screen
    Review(review::Args),
    /// Compare answers of the model, two at a time
    Annotate(annotate::Args),
    /// Score one dossier and print what each score rests on
    Score(score::Args),
    /// Verify and show the records, make the index anew
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// List, show and export what decisions teach
    #[command(subcommand)]
    Pairs(pairs::PairsCommand),
    /// Bring scores to what people would give
    Calibrate(calibrate::Args),
    /// Build instruction samples to train on
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Write a folder that ms-swift or TRL trains from
    Export(export::Args),
    /// List, import, try, promote and take back adapters
    #[command(subcommand)]
    Adapters(adapters::AdaptersCommand),
    /// Train adapters and reward models
    #[command(subcommand)]
    Train(train::TrainCommand),
    /// Measure how near the scores are to people's
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// List, pull and verify models
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Measure what scoring, each kernel and the screen cost on this machine
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Show every setting and where it came from
    Config(config::Args),
    /// List every key of the workstation
    Keys(keys::Args),
    /// Show one person's profile as it stands
    Profile(profile::Args),
    /// Check the machine, the terminal, the models and the workspace
    Doctor(doctor::Args),
    /// Print the completion script of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page a command into a folder
    Man {
        /// The folder
        dir: Option<std::path::PathBuf>,
    },
    /// Say what the rows of an index are (asked by a process that does not trust it)
    #[command(name = probe::COMMAND, hide = true)]
    IndexProbe {
        /// The index
        path: std::path::PathBuf,
    },
    /// Render an office file as text (asked by a process that does not trust it)
    #[command(name = office::COMMAND, hide = true)]
    Parse {
        /// The format
        format: String,
        /// Of a PDF, the page to draw instead
        page: Option<u32>,
    },
}

/// Runs one call of the program: parses, dispatches, prints the error if there is one.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    outlive_size_limits();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Makes a file that may not grow (`ulimit -f`) a refused write with a message, as a full disk is. Unhandled, the signal
/// that comes with it ends the program without a word. The handler stays when its runtime has gone; it has nothing to do.
fn outlive_size_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        let _inside = runtime.enter();
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    }
}

fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Rubric(command) => rubric::run(command, cli.global.config(&[])?.lang),
        Command::Ingest(args) => ingest::run(args, &cli.global.config(&[])?),
        Command::Transcribe(args) => transcribe::run(args, &cli.global.config(&args.settings())?),
        Command::Chart(args) => chart::run(args, &cli.global.config(&args.settings())?),
        Command::Profile(args) => profile::run(args, &cli.global.config(&args.settings())?),
        Command::Review(args) => review::run(args, &cli.global.config(&args.settings())?),
        Command::Annotate(args) => annotate::run(args, &cli.global.config(&args.settings())?),
        Command::Score(args) => score::run(args, &cli.global.config(&args.settings())?),
        Command::Bench(command) => bench::run(command, &cli.global.config(&command.settings())?),
        Command::Calibrate(args) => calibrate::run(args, &cli.global.config(&args.settings())?),
        Command::Dataset(command) => dataset::run(command, &cli.global.config(&command.settings())?),
        Command::Export(args) => export::run(args, &cli.global.config(&[])?),
        Command::Adapters(command) => adapters::run(command, &cli.global.config(&[])?),
        Command::Train(command) => train::run(command, &cli.global.config(&command.settings())?),
        Command::Eval(command) => eval::run(command, &cli.global.config(&command.settings())?),
        Command::Models(command) => models::run(command, &cli.global.config(&[])?),
        Command::Config(args) if args.print_default => config::print_default(),
        Command::Config(args) => config::run(args, &cli.global.config(&[])?),
        Command::Keys(args) => keys::run(args, &cli.global.config(&[])?),
        Command::Doctor(args) => doctor::run(args, cli.global.config(&[])),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man { dir } => man::run(dir.as_deref()),
        Command::Journal(command) => journal::run(command, &cli.global.config(&[])?.workspace),
        Command::Pairs(command) => pairs::run(command, &cli.global.config(&[])?),
        Command::Parse { format, page } => office::answer(
            format,
            *page,
            &mut std::io::stdin().lock(),
            &mut std::io::stdout().lock(),
        ),
        Command::IndexProbe { path } => probe::answer(path, &mut std::io::stdout().lock()),
    }
}

/// Prints `plumb: message` and the hints to standard error, whatever they quote made visible; a closed standard error
/// changes nothing.
fn report(error: &crate::error::Error) -> ExitCode {
    use std::io::Write as _;
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "plumb: {}", line(&error.to_string()));
    for hint in error.hints() {
        let _ = writeln!(stderr, "  hint: {}", line(hint));
    }
    ExitCode::from(error.exit_code())
}
