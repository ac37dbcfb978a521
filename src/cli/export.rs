//! `plumb export`: a folder that other machines train from.

use std::path::{Path, PathBuf};

use super::{dataset, engine, out};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Prompts;
use crate::learn::dataset::{Part, part_of};
use crate::learn::scaleout::{self, Framework, LeftOut, Material};
use crate::learn::train::sequences;
use crate::model::chat::ChatFrame;
use crate::model::gguf::Gguf;
use crate::model::manifest::{Catalogue, FileSource, Manifest};
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;

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
    let decided = dataset::decided(config)?;
    let (records, shipped, prompts): (_, _, &dyn Prompts) = match &decided {
        Some(decided) => (decided.records.as_slice(), decided.shipped, &decided.prompts),
        None => (&[][..], 0, &NoPrompts),
    };
    let (samples, records, watched) = match &args.data {
        Some(dir) => {
            let samples = sequences::read(&dir.join(Part::Train.file()))?.items;
            let all = records.len();
            let mut records = records.to_vec();
            // Whom the training is watched by: nothing about them is learnt from.
            records.retain(|record| part_of(record.subject.as_str()) != Part::Valid);
            let left_out = all - records.len();
            (samples, records, left_out)
        }
        None => (scaleout::decided(records, prompts)?, records.to_vec(), 0),
    };
    if records.is_empty() && samples.is_empty() {
        let what = "there is nothing to export: no decision in the workspace, and no dataset";
        return Err(
            Error::new(ErrorKind::Input, what).hint("name a dataset with --data, or decide some scores")
        );
    }
    let base = base(args, config)?;
    let parent = args
        .dir
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    let made = tempfile::Builder::new()
        .prefix(".export-")
        .tempdir_in(parent)
        .map_err(|e| Error::io("create a folder in", parent, e))?;
    let material = Material {
        records: &records,
        prompts,
        samples: &samples,
        tokenizer: &tokenizer,
        frame: &frame,
        base: &base,
    };
    let written = scaleout::write(made.path(), args.framework, &material)?;
    std::fs::rename(made.path(), &args.dir).map_err(|e| Error::io("create", &args.dir, e))?;
    let _ = made.keep();
    if args.json {
        let LeftOut { given, unfinished } = written.left_out;
        return out::json(&serde_json::json!({
            "dir": args.dir, "base": base, "lines": written.lines,
            "left_out": { "given": given, "unfinished": unfinished, "shipped": shipped, "watched": watched },
        }));
    }
    let files = written.lines.iter();
    let mut lines: Vec<String> = files.map(|(file, n)| format!("data/{file}: {n} lines")).collect();
    let left_out = [
        (
            written.left_out.given,
            "samples are not in sft.jsonl: how their answers begin is given, and would be learnt",
        ),
        (
            written.left_out.unfinished,
            "samples are not in sft.jsonl: their answers stop behind what was decided",
        ),
        (
            shipped,
            "decisions about dossiers that come with the program are left out",
        ),
        (
            watched,
            "decisions about people that the training is watched by are left out",
        ),
    ];
    let told = left_out.iter().filter(|(n, _)| *n > 0);
    lines.extend(told.map(|(n, why)| format!("{n} {why}")));
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

/// The base, as hubs name it: as the person says, else as the model's manifest tells.
fn base(args: &Args, config: &Config) -> Result<String> {
    if let Some(base) = &args.base {
        return Ok(base.clone());
    }
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    hub_name(catalogue.find(&config.model)?).ok_or_else(|| {
        let what = format!(
            "nothing says what hubs call the base of {}",
            line(config.model.as_str())
        );
        Error::new(ErrorKind::Usage, what)
            .hint("name the model its file was made from with --base OWNER/NAME")
    })
}

/// What hubs call the model that a file was made from, where its maker converted it too: others keep their files under
/// names of their own.
fn hub_name(manifest: &Manifest) -> Option<String> {
    if manifest.id.as_str() == "smollm2-135m-instruct-q4_1" {
        return Some("HuggingFaceTB/SmolLM2-135M-Instruct".to_owned());
    }
    let sources = manifest.files.first()?.sources.iter();
    let mut repositories = sources.filter_map(|source| match source {
        FileSource::Hub { repository, .. } => repository.strip_suffix("-GGUF"),
        FileSource::Index { .. } => None,
    });
    repositories
        .find(|name| name.starts_with("Qwen/"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest::find;

    #[test]
    fn the_base_is_known_where_its_maker_converted_it() -> Result<()> {
        let names = [
            (
                "qwen2.5-coder-1.5b-instruct-q4_k_m",
                Some("Qwen/Qwen2.5-Coder-1.5B-Instruct"),
            ),
            ("qwen3-4b-q4_k_m", Some("Qwen/Qwen3-4B")),
            (
                "smollm2-135m-instruct-q4_1",
                Some("HuggingFaceTB/SmolLM2-135M-Instruct"),
            ),
            ("whisper-base", None),
        ];
        for (id, name) in names {
            assert_eq!(hub_name(&find(&id.into())?).as_deref(), name, "{id}");
        }
        Ok(())
    }
}
