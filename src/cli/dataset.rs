//! `plumb dataset`: instruction samples in bulk, written as files that training frameworks read.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use rayon::prelude::*;
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::dataset::card::{Card, card};
use crate::learn::dataset::pack::first_fit_decreasing;
use crate::learn::dataset::{Dataset, Order, Part, Sample, build, without_shipped};
use crate::learn::{Comparison, Example, TracePrompts, comparisons, examples};
use crate::model::chat::ChatFrame;
use crate::model::gguf::Gguf;
use crate::model::local::ModelStore;
use crate::model::manifest::Catalogue;
use crate::model::tokenizer::Tokenizer;
use crate::review::PreferenceRecord;
use crate::sanitize::line;
use crate::store::{Health, Reader, Workspace};

/// What to do with datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Compose samples from made-up people, and from what people decided in the workspace
    Build(BuildArgs),
}

/// Compose samples from made-up people, and from what people decided in the workspace
#[derive(Debug, clap::Args)]
pub struct BuildArgs {
    /// The folder to write; must not exist
    #[arg(long, value_name = "DIR", default_value = "dataset")]
    out: PathBuf,
    /// Synthetic samples to learn from, at least
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// Root of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Tokens of one packed sequence
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(128..=32_768))]
    pack: u32,
    /// Whose tokenizer counts
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Print the data card as one JSON object
    #[arg(long)]
    json: bool,
}

impl DatasetCommand {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        let Self::Build(args) = self;
        vec![("model", args.model.clone(), "--model")]
    }
}

/// Runs `plumb dataset`.
///
/// # Errors
/// The folder exists, the model is not here, the workspace is damaged, or the person stops it: nothing is then written.
pub fn run(command: &DatasetCommand, config: &Config) -> Result<()> {
    let DatasetCommand::Build(args) = command;
    if args.out.exists() {
        let what = format!("{} exists", line(&args.out.display().to_string()));
        return Err(Error::new(ErrorKind::Usage, what).hint("name a folder that does not with --out"));
    }
    let model = engine::model(config)?;
    let gguf = Gguf::open(&model.path)?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let watch = Onlooker::start();
    let order = Order {
        samples: args.samples as usize,
        seed: args.seed,
    };
    let decided = decided(config)?;
    let examples = decided
        .as_ref()
        .map_or_else(|| Ok(Vec::new()), Decided::examples)?;
    let dataset = build(order, &examples, &watch);
    watch.end();
    let dataset = Dataset {
        shipped: decided.map_or(0, |decided| decided.shipped),
        ..dataset?
    };
    let length = |sample: &Sample| length(sample, &tokenizer, &frame);
    let mut lengths: BTreeMap<Part, Vec<usize>> = BTreeMap::new();
    for (part, samples) in &dataset.parts {
        lengths.insert(*part, samples.par_iter().map(length).collect::<Result<_>>()?);
    }
    let pack = args.pack as usize;
    let train = lengths.get(&Part::Train).map_or(&[][..], Vec::as_slice);
    let bins = first_fit_decreasing(train, pack);
    let card = card(
        &dataset,
        &lengths,
        (args.seed, config.model.as_str()),
        (pack, &bins),
    );
    write(&args.out, &dataset, train, &bins, &card)?;
    if args.json {
        return out::json(&card);
    }
    out::lines(&card.markdown().lines().map(str::to_owned).collect::<Vec<_>>())
}

/// What people decided in a workspace, the shipped dossiers aside.
pub(super) struct Decided {
    /// What it teaches.
    pub records: Vec<PreferenceRecord>,
    /// Where the prompts come from.
    pub prompts: TracePrompts,
    /// What is about the shipped dossiers.
    pub shipped: usize,
}

impl Decided {
    fn examples(&self) -> Result<Vec<Example>> {
        examples(&self.records, &self.prompts)
    }
}

/// What people decided in the workspace, if there is one.
///
/// # Errors
/// The workspace is damaged.
pub(super) fn decided(config: &Config) -> Result<Option<Decided>> {
    if !Workspace::exists(&config.workspace) {
        return Ok(None);
    }
    let reader = Reader::open(&config.workspace)?;
    if let Health::Damaged(damage) = reader.health() {
        return Err(damage.error());
    }
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    let prompts = TracePrompts::new(reader.blobs(), catalogue, ModelStore::new(&config.models_dir));
    let (records, shipped) = without_shipped(reader.pairs()?);
    Ok(Some(Decided {
        records,
        prompts,
        shipped,
    }))
}

/// The pairs in what people decided in the workspace, if there is one.
///
/// # Errors
/// The workspace is damaged, or a prompt cannot be had again.
pub(super) fn compared(config: &Config) -> Result<Vec<Comparison>> {
    let decided = decided(config)?;
    decided.map_or_else(|| Ok(Vec::new()), |all| comparisons(&all.records, &all.prompts))
}

/// Tokens of a sample: its messages, and what the chat template puts around them.
fn length(sample: &Sample, tokenizer: &Tokenizer, frame: &ChatFrame) -> Result<usize> {
    let around = frame.before_system.len() + frame.before_user.len() + frame.before_answer.len() + 1;
    let messages = sample
        .messages
        .iter()
        .map(|m| Ok(tokenizer.encode(&m.content)?.len()));
    Ok(around + messages.sum::<Result<usize>>()?)
}

/// One packed sequence.
#[derive(Serialize)]
struct Packed<'a> {
    tokens: usize,
    samples: Vec<&'a str>,
}

/// Writes everything into a folder of another name, which then gets its own: it exists whole or not at all.
fn write(dir: &Path, dataset: &Dataset, train: &[usize], bins: &[Vec<usize>], card: &Card) -> Result<()> {
    let parent = dir
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    let made = tempfile::Builder::new()
        .prefix(".dataset-")
        .tempdir_in(parent)
        .map_err(|e| Error::io("create a folder in", parent, e))?;
    for part in Part::ALL {
        json_lines(&made.path().join(part.file()), dataset.part(part))?;
    }
    let samples = dataset.part(Part::Train);
    let packed: Vec<Packed> = (bins.iter())
        .map(|bin| Packed {
            tokens: bin.iter().map(|&i| train[i]).sum(),
            samples: bin.iter().map(|&i| samples[i].id.as_str()).collect(),
        })
        .collect();
    json_lines(&made.path().join("packs.jsonl"), &packed)?;
    json_lines(&made.path().join("card.json"), std::slice::from_ref(card))?;
    let page = made.path().join("README.md");
    std::fs::write(&page, card.markdown()).map_err(|e| Error::io("write", &page, e))?;
    // Somebody may have made the folder meanwhile: renaming onto one that holds anything fails.
    std::fs::rename(made.path(), dir).map_err(|e| Error::io("create", dir, e))?;
    let _ = made.keep();
    Ok(())
}

fn json_lines<T: Serialize>(path: &Path, items: &[T]) -> Result<()> {
    let fail = |e: std::io::Error| Error::io("write", path, e);
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(fail)?);
    for item in items {
        serde_json::to_writer(&mut file, item).map_err(|e| fail(e.into()))?;
        writeln!(file).map_err(fail)?;
    }
    file.into_inner()
        .map_err(|e| fail(e.into_error()))?
        .sync_all()
        .map_err(fail)
}
