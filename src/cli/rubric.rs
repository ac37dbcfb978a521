//! `plumb rubric`: check a rubric file, list and show the ones that come with the program.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::out;
use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::rubric::{self, Dimension, Rubric, RubricErrors};
use crate::sanitize::line;

/// What to do with rubrics.
#[derive(Debug, Subcommand)]
pub enum RubricCommand {
    /// Check a rubric file; every fault is named with its line and field
    Check {
        /// The file
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the rubrics that come with the program
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a rubric in full
    Show {
        /// A name from `plumb rubric list`, or the path of a file
        #[arg(value_name = "ID")]
        rubric: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Runs `plumb rubric`.
///
/// # Errors
/// The rubric cannot be read or is not valid.
pub fn run(command: &RubricCommand, language: Language) -> Result<()> {
    match command {
        RubricCommand::Check { file, json } => check(file, *json),
        RubricCommand::List { json } => list(*json, language),
        RubricCommand::Show { rubric, json } => show(&Rubric::named(rubric)?, *json, language),
    }
}

fn check(file: &Path, json: bool) -> Result<()> {
    let bytes = std::fs::read(file).map_err(|e| Error::io("read", file, e))?;
    let name = line(&file.display().to_string()).into_owned();
    let checked = Rubric::parse(&name, &bytes);
    if json {
        out::json(&verdict(&name, &checked))?;
    } else {
        out::print(|out| write_verdict(out, &name, &checked))?;
    }
    checked.map(drop).map_err(|errors| {
        let message = format!(
            "{}: {} to correct",
            errors.file,
            plural(errors.faults.len(), "fault")
        );
        Error::new(ErrorKind::Input, message)
    })
}

fn verdict(file: &str, checked: &Result<Rubric, RubricErrors>) -> serde_json::Value {
    match checked {
        Ok(rubric) => json!({
            "file": file,
            "valid": true,
            "rubric": summary(rubric),
            "faults": [],
        }),
        Err(errors) => json!({"file": errors.file, "valid": false, "rubric": null, "faults": errors.faults}),
    }
}

fn write_verdict(out: &mut dyn Write, file: &str, checked: &Result<Rubric, RubricErrors>) -> io::Result<()> {
    match checked {
        Ok(rubric) => {
            let dimensions = plural(rubric.dimensions.len(), "dimension");
            let Rubric { id, version, .. } = rubric;
            writeln!(out, "{file}: valid, {id} {version}, {dimensions}")
        }
        Err(errors) => errors
            .faults
            .iter()
            .try_for_each(|fault| writeln!(out, "{}: {fault}", errors.file)),
    }
}

fn list(json: bool, language: Language) -> Result<()> {
    let rubrics: Vec<Rubric> = rubric::names().map(rubric::builtin).collect::<Result<_>>()?;
    if json {
        return out::json(&rubrics.iter().map(summary).collect::<Vec<_>>());
    }
    out::print(|out| {
        rubrics.iter().try_for_each(|rubric| {
            let dimensions = plural(rubric.dimensions.len(), "dimension");
            let (id, version, title) = (rubric.id.as_str(), &rubric.version, rubric.title.get(language));
            writeln!(out, "{id:<12} {version:<7} {dimensions:<13} {title}")
        })
    })
}

fn summary(rubric: &Rubric) -> serde_json::Value {
    let dimensions: Vec<&str> = rubric.dimensions.iter().map(|d| d.id.as_str()).collect();
    json!({
        "id": rubric.id,
        "version": rubric.version,
        "title": rubric.title,
        "sha256": rubric.hash,
        "dimensions": dimensions,
    })
}

fn show(rubric: &Rubric, json: bool, language: Language) -> Result<()> {
    if json {
        return out::json(rubric);
    }
    out::print(|out| {
        let title = rubric.title.get(language);
        writeln!(out, "{title} ({} {})", rubric.id, rubric.version)?;
        writeln!(out, "sha256 {}", rubric.hash)?;
        rubric
            .dimensions
            .iter()
            .try_for_each(|d| show_dimension(out, d, language))
    })
}

fn show_dimension(out: &mut dyn Write, dimension: &Dimension, language: Language) -> io::Result<()> {
    writeln!(out, "\n{} ({})", dimension.name.get(language), dimension.id)?;
    writeln!(out, "  {}", dimension.definition.get(language))?;
    for (level, anchor) in (1..).zip(&dimension.anchors) {
        writeln!(out, "  {level}  {}", anchor.get(language))?;
    }
    for behaviour in &dimension.behaviours {
        writeln!(out, "  - {}: {}", behaviour.id, behaviour.text.get(language))?;
    }
    for signal in &dimension.signals {
        let terms: Vec<&str> = signal.zh.iter().chain(&signal.en).map(String::as_str).collect();
        writeln!(out, "  # {}: {}", signal.id, terms.join(", "))?;
    }
    Ok(())
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}
