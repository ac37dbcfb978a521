//! `plumb export`: a folder that other machines train from.

use std::path::PathBuf;

use super::{engine, out};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::dataset::Part;
use crate::learn::scaleout::{Framework, Material, write};
use crate::learn::train::sequences;
use crate::learn::{Prompts, TracePrompts};
use crate::model::chat::ChatFrame;
use crate::model::gguf::Gguf;
use crate::model::local::ModelStore;
use crate::model::manifest::Catalogue;
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;
use crate::store::{Health, Reader, Workspace};

/// Write a folder that ms-swift or TRL trains from: data, rewards in Python, launch scripts
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For which framework
    framework: Framework,
    /// The folder to write; must not exist
    dir: PathBuf,
    /// A folder that `plumb dataset build` wrote, beside what people decided
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The base, as a hub names it; else the one the model's file was made from
    #[arg(long, value_name = "ID")]
    base: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// The folder exists, there is nothing to export, the workspace is damaged, or the disk refuses: nothing is then left.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let shown = line(&args.dir.display().to_string()).into_owned();
    if args.dir.exists() {
        return Err(
            Error::new(ErrorKind::Usage, format!("{shown} exists")).hint("name a folder that does not")
        );
    }
    let gguf = Gguf::open(&engine::base(config)?.path)?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let samples = match &args.data {
        Some(dir) => sequences::read(&dir.join(Part::Train.file()))?.items,
        None => Vec::new(),
    };
    let reader = if Workspace::exists(&config.workspace) {
        let reader = Reader::open(&config.workspace)?;
        if let Health::Damaged(damage) = reader.health() {
            return Err(damage.error());
        }
        Some(reader)
    } else {
        None
    };
    let records = reader.as_ref().map_or_else(|| Ok(Vec::new()), Reader::pairs)?;
    if records.is_empty() && samples.is_empty() {
        let what = "there is nothing to export: no decision in the workspace, and no dataset";
        return Err(
            Error::new(ErrorKind::Input, what).hint("name a dataset with --data, or decide some scores")
        );
    }
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    let prompts: Box<dyn Prompts> = match &reader {
        Some(reader) => Box::new(TracePrompts::new(
            reader.blobs(),
            catalogue,
            ModelStore::new(&config.models_dir),
        )),
        None => Box::new(NoPrompts),
    };
    let base = args
        .base
        .clone()
        .unwrap_or_else(|| hub_name(config.model.as_str()));
    let parent = args
        .dir
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    let made = tempfile::Builder::new()
        .prefix(".export-")
        .tempdir_in(parent)
        .map_err(|e| Error::io("create a folder in", parent, e))?;
    let material = Material {
        records: &records,
        prompts: prompts.as_ref(),
        samples: &samples,
        tokenizer: &tokenizer,
        frame: &frame,
        base: &base,
    };
    let counts = write(made.path(), args.framework, &material)?;
    std::fs::rename(made.path(), &args.dir).map_err(|e| Error::io("create", &args.dir, e))?;
    let _ = made.keep();
    if args.json {
        return out::json(&serde_json::json!({ "dir": args.dir, "base": base, "lines": counts }));
    }
    let mut lines: Vec<String> = counts
        .iter()
        .map(|(file, n)| format!("data/{file}: {n} lines"))
        .collect();
    lines.push(format!(
        "{shown}/README.md says how to train, and how to bring the adapter home"
    ));
    out::lines(&lines)
}

/// Nobody decided anything.
struct NoPrompts;

impl Prompts for NoPrompts {
    fn messages(&self, _: &crate::engine::AssessmentId) -> Result<Vec<crate::learn::Message>> {
        Err(Error::new(ErrorKind::Internal, "there is no workspace"))
    }

    fn segments(
        &self,
        _: &crate::engine::AssessmentId,
    ) -> Result<Vec<(crate::hash::ContentHash, usize, usize)>> {
        Err(Error::new(ErrorKind::Internal, "there is no workspace"))
    }
}

/// What hubs call the model that a file of this id was quantised from.
fn hub_name(id: &str) -> String {
    let known = [
        ("qwen2.5-coder-0.5b-instruct", "Qwen/Qwen2.5-Coder-0.5B-Instruct"),
        ("qwen2.5-coder-1.5b-instruct", "Qwen/Qwen2.5-Coder-1.5B-Instruct"),
        ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
        ("smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"),
    ];
    let found = known.into_iter().find(|(start, _)| id.starts_with(start));
    found.map_or_else(|| id.to_owned(), |(_, name)| name.to_owned())
}
