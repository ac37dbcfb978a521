//! `plumb eval alignment`: whether what is claimed, shown and said agrees, on a folder of dossiers.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::AlignmentArgs;
use crate::cli::opener::Opener;
use crate::cli::out;
use crate::config::Config;
use crate::dossier::{Dossier, SourceFormat};
use crate::engine::RubricIdentity;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::alignment::charts::{self, Expected, ReadChart};
use crate::eval::alignment::labels::{self, Label};
use crate::eval::alignment::times::{self, Heard};
use crate::eval::alignment::{Aligned, Compared, compare};
use crate::ingest::chart::Sight;
use crate::ingest::{self, Limits, Open as _};
use crate::rubric::Rubric;
use crate::sanitize::line;

/// The figures, and on what they were measured. Its shape is stable: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Report {
    what: &'static str,
    file: String,
    rubric: RubricIdentity,
    /// Files with expected values that could not be used, and why.
    problems: Vec<String>,
    #[serde(flatten)]
    compared: Compared,
}

pub(super) fn run(args: &AlignmentArgs, config: &Config) -> Result<()> {
    let rubric = Rubric::named(&config.rubric)?;
    let paths = ingest::find(&args.dir)?;
    let opener = Opener::live(config);
    let mut problems = Vec::new();
    let mut aligned = Vec::new();
    let mut read = Vec::new();
    let sight = Sight::of(config);
    for path in &paths {
        let dossier = opener.open(path)?;
        let owner = dossier.meta.subject.id.to_string();
        look(path, Some(&owner), &sight, &mut read, &mut problems)?;
        aligned.push(with_labels(path, dossier, &mut problems)?);
    }
    for folder in folders(&args.dir, &paths)? {
        look(&folder, None, &sight, &mut read, &mut problems)?;
    }
    let report = Report {
        what: "alignment",
        file: args.dir.display().to_string(),
        rubric: RubricIdentity::of(&rubric),
        problems,
        compared: compare(&aligned, &read, &rubric),
    };
    if args.json {
        return out::json(&report);
    }
    let problems = report.problems.iter().map(|problem| format!("! {problem}"));
    let lines = super::text::alignment(&report.compared);
    out::lines(&lines.into_iter().chain(problems).collect::<Vec<_>>())
}

/// The dossier with what lies beside its files.
fn with_labels(path: &Path, dossier: Dossier, problems: &mut Vec<String>) -> Result<Aligned> {
    let file = path.join(labels::FILE);
    let labels = if file.is_file() {
        Label::load(&file, &dossier)?
    } else {
        Vec::new()
    };
    let recordings = dossier
        .sources
        .iter()
        .filter(|s| s.format == SourceFormat::Recording);
    let mut heard = Vec::new();
    for source in recordings {
        let expected = path.join(format!("{}{}", stem(&source.path), times::SUFFIX));
        if expected.is_file() {
            heard.push(Heard {
                heard: times::cues(source),
                said: said(&expected)?,
            });
        }
    }
    problems.extend(
        dossier
            .problems
            .iter()
            .map(|p| format!("{}: {}", p.path, p.message)),
    );
    Ok(Aligned {
        dossier,
        labels,
        heard,
    })
}

/// A source's path without its ending.
fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

fn said(path: &Path) -> Result<Vec<times::Cue>> {
    let name = line(&path.display().to_string()).into_owned();
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let cues = ingest::captions(&text);
    if cues.is_empty() {
        let message = format!("{name}: no captions in it; write WebVTT, as `plumb transcribe --vtt` does");
        return Err(Error::new(ErrorKind::Input, message));
    }
    let cue = |(start_ms, text)| times::Cue { start_ms, text };
    Ok(cues.into_iter().map(cue).collect())
}

/// The folder itself and those directly in it that are no dossiers: pictures lie there too.
fn folders(dir: &Path, dossiers: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut folders = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir).map_err(|e| Error::io("read the folder", dir, e))? {
        let path = entry.map_err(|e| Error::io("read the folder", dir, e))?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.retain(|folder| !dossiers.contains(folder));
    folders.sort();
    Ok(folders)
}

/// Reads the pictures of a folder that have values beside them; one that cannot be read is a problem.
fn look(
    folder: &Path,
    owner: Option<&str>,
    sight: &Sight,
    read: &mut Vec<ReadChart>,
    problems: &mut Vec<String>,
) -> Result<()> {
    for (picture, values) in charts::find(folder)? {
        let expected = Expected::load(&values)?;
        let name = line(&picture.display().to_string()).into_owned();
        let size = std::fs::metadata(&picture)
            .map_err(|e| Error::io("read", &picture, e))?
            .len();
        if size > Limits::default().max_bytes {
            problems.push(format!("{name}: too large to be read"));
            continue;
        }
        let bytes = std::fs::read(&picture).map_err(|e| Error::io("read", &picture, e))?;
        match sight.look(&bytes) {
            Ok(chart) => read.push(expected.read_in(&chart, owner.unwrap_or(&name))),
            Err(why) => problems.push(format!("{name}: {why}")),
        }
    }
    Ok(())
}
