//! `plumb ingest`: what the program reads in a dossier, as a listing or as JSON.

use std::path::PathBuf;

use super::opener::Opener;
use super::out;
use crate::config::Config;
use crate::dossier::Dossier;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{self, Open as _};
use progress::Progress;

mod json;
mod progress;
mod text;

/// Show what is read in a dossier: sources, segments, and what could not be read
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A dossier, or a folder of dossiers
    pub dir: PathBuf,
    /// Print every segment as JSON: an object for a dossier, a list for a folder of dossiers
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// There is no dossier, or one of them does not open; the others are printed all the same. After Ctrl-c nothing is
/// printed, and what was read is kept.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let folders = ingest::find(&args.dir)?;
    let one = folders.first() == Some(&args.dir);
    let opener = Opener::live(config).seen_by(Progress::start());
    let (mut opened, mut failed) = (Vec::new(), Vec::new());
    for folder in &folders {
        match opener.open(folder) {
            Ok(dossier) => opened.push(dossier),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => failed.push(error),
        }
    }
    drop(opener);
    match (args.json, one) {
        (false, _) => out::print(|out| opened.iter().try_for_each(|d| text::write(out, d)))?,
        (true, true) => opened.iter().try_for_each(|d| out::json(&json::Report::of(d)))?,
        (true, false) => out::json(&opened.iter().map(json::Report::of).collect::<Vec<_>>())?,
    }
    match failed.len() {
        0 => Ok(()),
        n => Err(summary(n, &opened, failed)),
    }
}

/// One error as it is; several as one that lists them.
fn summary(n: usize, opened: &[Dossier], failed: Vec<Error>) -> Error {
    let mut failed = failed.into_iter();
    match failed.next() {
        Some(only) if n == 1 => only,
        first => {
            let message = format!("{n} of {} dossiers do not open", n + opened.len());
            let all = first.into_iter().chain(failed);
            all.fold(Error::new(ErrorKind::Input, message), |error, one| {
                error.hint(one.to_string())
            })
        }
    }
}
