//! `plumb eval`: how near the scores are to people's, as a table or as one JSON object.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::config::Config;
use crate::engine::scorer::Scorer;
use crate::engine::worker::WorkerModel;
use crate::engine::{Calibration, ModelIdentity, RubricIdentity};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::evidence::{self, characters};
use crate::eval::pairs;
use crate::eval::ratings::{self, Material};
use crate::hash::ContentHash;
use crate::learn::calibrate::fresh::fitted_to;
use crate::learn::forms::{self, Item, RatedEvidence, RatedPair, RatedText};
use crate::learn::kept::Kept;
use crate::learn::texts::{TextReader, asked, observations};
use crate::rubric::Rubric;
use crate::sanitize::line;
use crate::store::{Reader, Workspace};

mod alignment;
mod answers;
mod dossiers;
pub(super) mod text;

/// What `plumb eval` compares.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Scores with people's ratings of texts
    Ratings(RatingsArgs),
    /// The order of two answers with what people prefer
    Pairs(PairsArgs),
    /// Citations with the passages that people mark
    Evidence(EvidenceArgs),
    /// Assessments of whole dossiers with the levels that people set beforehand
    Run(RunArgs),
    /// What is claimed with tables, charts, chats and meetings, without a model that judges
    Alignment(AlignmentArgs),
    /// Answers to a dataset's held-out scorings with what is known, beside those of another adapter
    Answers(AnswersArgs),
}

/// What every comparison takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// One JSON object a line
    pub file: PathBuf,
    /// Which model
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Only the first N lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Scores with people's ratings of texts
#[derive(Debug, clap::Args)]
pub struct RatingsArgs {
    #[command(flatten)]
    common: Common,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
}

/// The order of two answers with what people prefer
#[derive(Debug, clap::Args)]
pub struct PairsArgs {
    #[command(flatten)]
    common: Common,
    /// Built-in rubric or a rubric file, whose mean score decides; else how well the prompt is answered
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
}

/// Citations with the passages that people mark
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    #[command(flatten)]
    common: Common,
}

/// Assessments of whole dossiers with the levels that people set beforehand
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A dossier with a levels.toml, or a folder of such dossiers
    dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    rubric: Option<String>,
    /// Which model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Only the first N dossiers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is claimed with tables, charts, chats and meetings, without a model that judges
#[derive(Debug, clap::Args)]
pub struct AlignmentArgs {
    /// A dossier, or a folder of dossiers
    dir: PathBuf,
    /// Built-in rubric or a rubric file, whose signals say which words mean the same
    #[arg(long, value_name = "NAME|FILE")]
    rubric: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Answers to a dataset's held-out scorings with what is known, beside those of another adapter
#[derive(Debug, clap::Args)]
pub struct AnswersArgs {
    /// A folder that `plumb dataset build` wrote
    #[arg(value_name = "DATASET")]
    dir: PathBuf,
    /// What is laid over the model that stands beside: none, live, an adapter's name, or its folder
    #[arg(long, value_name = "NAME|DIR", default_value = "none")]
    beside: String,
    /// Which model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Draw N answers to each scoring, beside the likeliest
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    draw: u32,
    /// Seed of the drawing
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Leave out prompts of more than N tokens
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    longest_prompt: Option<u32>,
    /// Only the first N scorings
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl EvalCommand {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        let (model, rubric) = match self {
            Self::Ratings(args) => (&args.common.model, &args.rubric),
            Self::Pairs(args) => (&args.common.model, &None),
            Self::Evidence(args) => (&args.common.model, &None),
            Self::Run(args) => (&args.model, &args.rubric),
            Self::Alignment(args) => (&None, &args.rubric),
            Self::Answers(args) => (&args.model, &None),
        };
        vec![
            ("model", model.clone(), "--model"),
            ("rubric", rubric.clone(), "--rubric"),
        ]
    }
}

/// A comparison, and with what it was made. Its shape is stable: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Report<T> {
    what: &'static str,
    file: String,
    model: ModelIdentity,
    adapter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rubric: Option<RubricIdentity>,
    calibration: Option<ContentHash>,
    #[serde(flatten)]
    compared: T,
}

/// Runs `plumb eval`.
///
/// # Errors
/// The file or the rubric cannot be used, the model is not here, or the person stops it.
pub fn run(command: &EvalCommand, config: &Config) -> Result<()> {
    match command {
        EvalCommand::Ratings(args) => ratings(args, config),
        EvalCommand::Pairs(args) => pairs(args, config),
        EvalCommand::Evidence(args) => evidence(args, config),
        EvalCommand::Run(args) => dossiers::run(args, config),
        EvalCommand::Alignment(args) => alignment::run(args, config),
        EvalCommand::Answers(args) => answers::run(args, config),
    }
}

/// The lines of a file that count.
pub(super) fn lines<T: Item>(file: &Path, limit: Option<u32>) -> Result<Vec<T>> {
    let mut items = forms::read(file)?;
    items.truncate(limit.map_or(usize::MAX, |n| n as usize));
    Ok(items)
}

/// Where readings are kept.
pub(super) fn kept(config: &Config) -> Kept {
    Kept::in_folder(config.workspace.join("cache/readings"))
}

/// A reader that goes on where an earlier run stopped; scores are as the model says them.
pub(super) fn reader(config: &Config) -> Result<TextReader> {
    Ok(TextReader::new(
        scorer(&engine::model(config)?)?,
        None,
        kept(config),
    ))
}

fn scorer(model: &WorkerModel) -> Result<Scorer> {
    model.load(&|_| {})
}

impl<T> Report<T> {
    fn new(what: &'static str, file: &Path, model: ModelIdentity, compared: T) -> Self {
        Self {
            what,
            file: file.display().to_string(),
            adapter: model.adapter.clone(),
            model,
            rubric: None,
            calibration: None,
            compared,
        }
    }
}

fn ratings(args: &RatingsArgs, config: &Config) -> Result<()> {
    let texts: Vec<RatedText> = lines(&args.common.file, args.common.limit)?;
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let identity = RubricIdentity::of(&rubric);
    let model = engine::model(config)?;
    let calibration = engine::calibration(config, &model.identity, &identity)?;
    if let Some(calibration) = &calibration {
        refuse_what_was_fitted_to(&args.common.file, calibration, config)?;
    }
    let mut reader = TextReader::new(scorer(&model)?, calibration, kept(config));
    let watch = Onlooker::start();
    let readings = reader.read(&asked(&texts, &rubric), &watch);
    watch.end();
    let observations = observations(&texts, &readings?);
    let material = Material::new(&texts, &observations)?;
    let compared = material.compare(&material.scores(), &ratings::folds(&texts));
    let mut report = Report::new(
        "ratings",
        &args.common.file,
        reader.scorer().identity().clone(),
        compared,
    );
    report.rubric = Some(identity);
    report.calibration = reader.calibration().map(Calibration::id).transpose()?;
    if args.common.json {
        return out::json(&report);
    }
    out::lines(&text::ratings(&report.compared))
}

/// SHA-256 of a file.
pub(super) fn sha256_of(path: &Path) -> Result<ContentHash> {
    let file = std::fs::File::open(path).and_then(ContentHash::of_reader);
    file.map_err(|e| Error::io("read", path, e))
}

/// Scores that are read through what was fitted to the very same ratings say nothing of ratings to come.
fn refuse_what_was_fitted_to(file: &Path, calibration: &Calibration, config: &Config) -> Result<()> {
    if !Workspace::exists(&config.workspace) {
        return Ok(());
    }
    let records = Reader::open(&config.workspace)?;
    if !fitted_to(&records, calibration.id()?, sha256_of(file)?)? {
        return Ok(());
    }
    let name = line(&file.display().to_string()).into_owned();
    let what =
        format!("the calibration in use was fitted to {name}: on it the scores look better than they are");
    Err(Error::new(ErrorKind::Usage, what).hint(format!(
        "`plumb calibrate --from {name} --dry-run` measures each text by a fit to the others"
    )))
}

fn pairs(args: &PairsArgs, config: &Config) -> Result<()> {
    let items: Vec<RatedPair> = lines(&args.common.file, args.common.limit)?;
    let named = args.rubric.as_deref().map(Rubric::named).transpose()?;
    let identity = named.as_ref().map(RubricIdentity::of);
    let rubric = Arc::new(named.unwrap_or_else(pairs::how_well));
    let mut reader = reader(config)?;
    let watch = Onlooker::start();
    let answers = pairs::answers(&items, &rubric);
    let readings = reader.read(&answers, &watch);
    watch.end();
    let compared = pairs::compare(&items, &answers, &readings?);
    let mut report = Report::new(
        "pairs",
        &args.common.file,
        reader.scorer().identity().clone(),
        compared,
    );
    report.rubric = identity;
    if args.common.json {
        return out::json(&report);
    }
    out::lines(&text::pairs(&report.compared))
}

fn evidence(args: &EvidenceArgs, config: &Config) -> Result<()> {
    let questions: Vec<RatedEvidence> = lines(&args.common.file, args.common.limit)?;
    let asked: Vec<_> = questions.iter().map(evidence::asked).collect();
    let mut reader = reader(config)?;
    let watch = Onlooker::start();
    let readings = reader.read(&asked, &watch);
    watch.end();
    let spans =
        |(question, reading): (&RatedEvidence, &crate::learn::texts::TextReading)| -> Vec<Range<usize>> {
            let cited = reading.dimensions.values().flat_map(|said| &said.evidence);
            cited
                .map(|&(start, end)| characters(&question.document, &(start..end)))
                .collect()
        };
    let cited: Vec<Vec<Range<usize>>> = questions.iter().zip(&readings?).map(spans).collect();
    let rivals: BTreeMap<_, _> = evidence::rivals(&questions, &cited)?;
    let compared = evidence::compare(&questions, &cited, rivals);
    let report = Report::new(
        "evidence",
        &args.common.file,
        reader.scorer().identity().clone(),
        compared,
    );
    if args.common.json {
        return out::json(&report);
    }
    out::lines(&text::evidence(&report.compared))
}
