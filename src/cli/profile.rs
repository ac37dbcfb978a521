//! `plumb profile`: one person's profile as it stands in the workspace, as text, picture or report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::out;
use crate::cli::opener::Opener;
use crate::config::Config;
use crate::dossier::Dossier;
use crate::error::{Error, Result};
use crate::evidence::cross_check;
use crate::ingest::Open as _;
use crate::review::{Event, Recorded, Review, Setup, Stamp};
use crate::rubric::Rubric;
use crate::store::Workspace;
use crate::tui::profile::{self, Profile};
use crate::tui::theme::Glyphs;

/// Columns of the profile where there is no terminal to ask.
const COLUMNS: usize = 100;

/// Flags of `plumb profile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The dossier's folder
    pub dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
    /// Write it as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write it as a report
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![("rubric", self.rubric.clone(), "--rubric")]
    }
}

/// Runs the command.
///
/// # Errors
/// The dossier, the rubric or the workspace cannot be read, or a file cannot be written.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let profile = profile_of(Arc::new(Opener::kept(config).open(&args.dir)?), config)?;
    if let Some(path) = &args.svg {
        write(path, &profile::svg(&profile, config.lang))?;
    }
    if let Some(path) = &args.html {
        write(path, &profile::html(&profile, config.lang))?;
    }
    if args.svg.is_none() && args.html.is_none() {
        let text = profile::text(&profile, config.lang, Glyphs::UNICODE, COLUMNS);
        return out::print(|out| out.write_all(text.as_bytes()));
    }
    Ok(())
}

/// What the journal says of the dossier, summed up by the same machine that the screen runs on.
fn profile_of(dossier: Arc<Dossier>, config: &Config) -> Result<Profile> {
    let records = Workspace::open_read_only(&config.workspace)?.dossier(&dossier.meta.id)?;
    let history: Vec<Recorded> = records
        .into_iter()
        .map(|(hash, record)| record.into_recorded(hash))
        .collect();
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let mut review = Review::new(Setup {
        language: dossier.meta.language,
        checks: cross_check(&dossier, &rubric).into(),
        dossier,
        rubric,
        person: config.person.clone(),
        model: None,
        calibration: None,
        seed: 0,
        blind: false,
        read_only: Some("a profile changes nothing".to_owned()),
    });
    let stamp = Stamp {
        at: jiff::Timestamp::UNIX_EPOCH,
        id: ulid::Ulid::nil(),
    };
    review.handle(Event::Opened {
        history,
        ticket: None,
        stamp,
    });
    Ok(profile::of_review(&review, config.lang, &TimeZone::system()))
}

fn write(path: &Path, contents: &str) -> Result<()> {
    std::fs::write(path, contents).map_err(|e| Error::io("write", path, e))?;
    out::note(&format!("wrote {}", path.display()));
    Ok(())
}
