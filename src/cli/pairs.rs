//! `plumb pairs`: list, show and export what decisions teach.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::out;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::id::RecordId;
use crate::learn::dataset::without_shipped;
use crate::learn::{Exported, Format, TracePrompts, export};
use crate::model::local::ModelStore;
use crate::model::manifest::Catalogue;
use crate::review::PreferenceRecord;
use crate::review::preference::{Answer, Lesson, Origin};
use crate::sanitize;
use crate::store::{Health, Reader};

/// What to do with preferences.
#[derive(Debug, Subcommand)]
pub enum PairsCommand {
    /// List what decisions teach, in order of decision
    List {
        /// Only those of this dossier
        #[arg(long, value_name = "ID")]
        dossier: Option<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one, with the decisions it follows from
    Show {
        /// The number or the id of its decision
        id: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write them as a training framework reads them
    Export {
        /// The framework and the kind of training
        #[arg(long, value_enum)]
        format: Format,
        /// The file to write, one JSON object a line
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print one JSON object about what was done
        #[arg(long)]
        json: bool,
    },
}

/// Runs `plumb pairs`.
///
/// # Errors
/// The workspace cannot be read or is damaged, or the export cannot be written.
pub fn run(command: &PairsCommand, config: &Config) -> Result<()> {
    let reader = Reader::open(&config.workspace)?;
    if let Health::Damaged(damage) = reader.health() {
        return Err(damage.error());
    }
    let pairs = reader.pairs()?;
    match command {
        PairsCommand::List { dossier, json } => {
            let wanted = |p: &&PreferenceRecord| dossier.as_deref().is_none_or(|d| p.dossier.as_str() == d);
            list(&pairs.iter().filter(wanted).collect::<Vec<_>>(), *json)
        }
        PairsCommand::Show { id, json } => show(find(&pairs, id)?, *json),
        PairsCommand::Export { format, out, json } => {
            let catalogue = Catalogue::load(&config.manifests_dir())?;
            let prompts = TracePrompts::new(reader.blobs(), catalogue, ModelStore::new(&config.models_dir));
            let (pairs, shipped) = without_shipped(pairs);
            let done = out::write_file(out, |file| export(*format, &pairs, &prompts, file))?;
            told(&done, shipped, out, *json)
        }
    }
}

fn find<'a>(pairs: &'a [PreferenceRecord], id: &str) -> Result<&'a PreferenceRecord> {
    let seq = id.trim_start_matches('#').parse().ok();
    pairs
        .iter()
        .find(|p| p.id.as_str() == id || Some(p.seq) == seq)
        .ok_or_else(|| {
            let what = format!("no decision {} teaches anything", sanitize::line(id));
            Error::new(ErrorKind::Usage, what).hint("`plumb pairs list` names those that do")
        })
}

fn list(pairs: &[&PreferenceRecord], json: bool) -> Result<()> {
    if json {
        return out::json(&pairs);
    }
    out::print(|out| {
        pairs.iter().try_for_each(|p| {
            let words = format!(
                "#{:<5} {:.0}  {:<12} {:<18} {:<16} {}",
                p.seq,
                p.at,
                p.actor.as_str(),
                p.dossier.as_str(),
                p.dimension.as_str(),
                in_short(p)
            );
            writeln!(out, "{}", sanitize::line(&words))
        })
    })
}

fn in_short(pair: &PreferenceRecord) -> String {
    let value = |answer: &Answer| {
        answer
            .score
            .as_ref()
            .map_or_else(|| "?".to_owned(), |s| s.value.to_string())
    };
    let count = |answer: &Answer| answer.evidence.len();
    match (&pair.lesson, pair.origin) {
        (Lesson::Pair { chosen, rejected, .. }, Origin::LinkAdded | Origin::LinkDropped) => {
            let what = if pair.origin == Origin::LinkAdded {
                "added"
            } else {
                "dropped"
            };
            format!(
                "link {what}: {} places rather than {}",
                count(chosen),
                count(rejected)
            )
        }
        (
            Lesson::Pair {
                chosen,
                rejected,
                margin,
            },
            _,
        ) => {
            format!(
                "{} rather than {}, margin {margin}",
                value(chosen),
                value(rejected)
            )
        }
        (Lesson::Single { answer, label }, _) => {
            format!(
                "{} {}",
                value(answer),
                if *label { "may stay" } else { "may not stay" }
            )
        }
    }
}

fn show(pair: &PreferenceRecord, json: bool) -> Result<()> {
    if json {
        return out::json(pair);
    }
    out::print(|out| write_pair(out, pair))
}

fn write_pair(out: &mut dyn Write, pair: &PreferenceRecord) -> io::Result<()> {
    let decisions: Vec<&str> = pair.decisions.iter().map(RecordId::as_str).collect();
    let seen = if pair.model_visible { "after" } else { "before" };
    let lines = [
        format!("decision    #{} {}", pair.seq, pair.id),
        format!("follows     {}", decisions.join(", ")),
        format!(
            "by          {} at {:.0}, {seen} the model's score was seen",
            pair.actor, pair.at
        ),
        format!(
            "about       {} of {} ({})",
            pair.dimension, pair.dossier, pair.subject
        ),
        format!("rubric      {} {}", pair.rubric.id, pair.rubric.version),
        format!("assessment  {}", pair.assessment),
        format!("teaches     {}", in_short(pair)),
    ];
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{}", sanitize::line(line)))?;
    if let Some(reason) = &pair.reason {
        writeln!(out, "reason      {}", sanitize::line(reason))?;
    }
    match &pair.lesson {
        Lesson::Pair { chosen, rejected, .. } => {
            write_answer(out, "chosen", chosen)?;
            write_answer(out, "rejected", rejected)
        }
        Lesson::Single { answer, .. } => write_answer(out, "answer", answer),
    }
}

fn write_answer(out: &mut dyn Write, name: &str, answer: &Answer) -> io::Result<()> {
    let levels = answer.score.iter().flat_map(|s| &s.levels);
    let levels: Vec<String> = levels
        .map(|(level, share)| format!("{level} ({share})"))
        .collect();
    writeln!(
        out,
        "{name:<11} levels {}",
        if levels.is_empty() {
            "-".to_owned()
        } else {
            levels.join(", ")
        }
    )?;
    for place in &answer.evidence {
        writeln!(
            out,
            "            {} bytes {}..{}",
            place.sha256, place.start, place.end
        )?;
    }
    match &answer.words {
        Some(words) => writeln!(
            out,
            "            {} / {}",
            sanitize::line(&words.rationale),
            sanitize::line(&words.suggestion)
        ),
        None => Ok(()),
    }
}

fn told(done: &Exported, shipped: usize, path: &Path, json: bool) -> Result<()> {
    let Exported { lines, other, unseen } = *done;
    if json {
        let file = path.display().to_string();
        return out::json(&serde_json::json!({
            "file": file, "lines": lines, "other": other, "unseen": unseen, "shipped": shipped,
        }));
    }
    out::print(|out| {
        writeln!(out, "{}: {lines} lines", path.display())?;
        if other > 0 {
            writeln!(
                out,
                "{other} preferences are of another kind than this format takes"
            )?;
        }
        if unseen > 0 {
            writeln!(out, "{unseen} differ only in places that the model was not shown")?;
        }
        if shipped > 0 {
            writeln!(out, "{shipped} are about dossiers that come with the program")?;
        }
        Ok(())
    })
}
