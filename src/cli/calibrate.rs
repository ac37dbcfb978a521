//! `plumb calibrate`: scores brought to what people would give, and the way back.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::eval::{kept, lines, reader, sha256_of, text};
use super::onlooker::Onlooker;
use super::{engine, out};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::calibration::{Bin, Reader as DimensionReader};
use crate::engine::prompt::templates_hash;
use crate::engine::{Calibration, ModelIdentity, RubricIdentity};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::ratings::{self, Compared, Material};
use crate::eval::splits;
use crate::hash::ContentHash;
use crate::id::DimensionId;
use crate::learn::calibrate::decisions::For;
use crate::learn::calibrate::fresh::{self, Fresh, before, draft, fitting};
use crate::learn::calibrate::made_up::Fitting;
use crate::learn::forms::RatedText;
use crate::learn::texts::{asked, observations};
use crate::review::{Calibrated, Gain};
use crate::rubric::Rubric;
use crate::store::record::new_id;
use crate::store::{Draft, Reader, Record, Store, Workspace};

/// Bring scores to what people would give
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    way_back: Option<WayBack>,
    /// Fit to these rated texts; else to the decisions in the workspace
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Say how near the scores come on these; else on parts of FILE that were left out in turn
    #[arg(long, value_name = "FILE", requires = "from")]
    test: Option<PathBuf>,
    /// Only the first N lines of each file
    #[arg(long, value_name = "N", requires = "from", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Fit to made-up people of whom the levels are known: for a model that has no calibration yet
    #[arg(long, conflicts_with = "from")]
    made_up: bool,
    /// Write the calibration to this file, and do not take it into use
    #[arg(long, value_name = "FILE", requires = "made_up")]
    out: Option<PathBuf>,
    /// Only say what it would do
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Whose scores.
#[derive(Debug, Clone, clap::Args)]
struct Whose {
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    rubric: Option<String>,
    /// Which model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is in use, what was, and back to it.
#[derive(Debug, clap::Subcommand)]
enum WayBack {
    /// Say how near the calibration in use comes to people, dimension by dimension
    Show(Whose),
    /// List the calibrations that were ever in use
    List(Whose),
    /// Return to the one before, or to none
    Rollback(Whose),
}

impl Args {
    fn whose(&self) -> &Whose {
        match &self.way_back {
            Some(WayBack::Show(whose) | WayBack::List(whose) | WayBack::Rollback(whose)) => whose,
            None => &self.whose,
        }
    }

    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        let whose = self.whose();
        vec![
            ("rubric", whose.rubric.clone(), "--rubric"),
            ("model", whose.model.clone(), "--model"),
        ]
    }
}

/// Runs the command.
///
/// # Errors
/// There is too little to fit to, the fit gains nothing, a file or the workspace cannot be used, or the person stops it.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    match &args.way_back {
        Some(WayBack::Show(whose)) => show(whose, config),
        Some(WayBack::List(whose)) => list(whose, config),
        Some(WayBack::Rollback(whose)) => rollback(whose, config),
        None if args.made_up => from_made_up(args, config),
        None => match &args.from {
            Some(from) => from_texts(args, from, config),
            None => from_decisions(args, config),
        },
    }
}

/// What a fit did, as JSON. Its shape is stable: fields are added, never renamed.
#[derive(Serialize)]
struct Report<'a> {
    what: &'static str,
    model: &'a ModelIdentity,
    adapter: Option<&'a str>,
    rubric: &'a RubricIdentity,
    calibration: ContentHash,
    /// The number of the record that took it into use.
    saved: Option<u64>,
    ratings: u32,
    gains: &'a [Gain],
    #[serde(flatten)]
    compared: Option<&'a Compared>,
    /// What the model says by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncalibrated: Option<&'a ratings::System>,
}

fn from_texts(args: &Args, from: &std::path::Path, config: &Config) -> Result<()> {
    let mut texts: Vec<RatedText> = lines(from, args.limit)?;
    let first = texts.len();
    let splits = match &args.test {
        Some(test) => {
            texts.extend(lines::<RatedText>(test, args.limit)?);
            let groups: Vec<&str> = texts.iter().map(|text| text.group.as_str()).collect();
            splits::of_two(&groups, first)?
        }
        None => ratings::folds(&texts),
    };
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let mut reader = reader(config)?;
    let watch = Onlooker::start();
    let readings = reader.read(&asked(&texts, &rubric), &watch);
    watch.end();
    let readings = readings?;
    let seen = observations(&texts, &readings);
    let material = Material::new(&texts, &seen)?;
    let compared = material.compare(&material.calibrated(&splits), &splits);
    let before = material.compare(&material.scores(), &splits);
    let fitted_to = observations(&texts[..first], &readings[..first]);
    let identity = RubricIdentity::of(&rubric);
    let name = crate::sanitize::line(&from.display().to_string()).into_owned();
    let of = For {
        model: reader.scorer().identity(),
        rubric: &identity,
        prompt_sha256: templates_hash(),
    };
    let fresh = Fresh::fit(&fitted_to, of, None, format!("fitted to {name}"))?.of_file(sha256_of(from)?);
    let saved = (!args.dry_run).then(|| keep(&fresh, config)).transpose()?;
    if args.whose.json {
        let report = Report {
            compared: Some(&compared),
            uncalibrated: Some(&before.scores),
            ..Report::of(&fresh, saved)?
        };
        return out::json(&report);
    }
    let mut lines = text::ratings(&compared);
    lines.push(String::new());
    lines.extend(told(&fresh, saved));
    out::lines(&lines)
}

fn from_made_up(args: &Args, config: &Config) -> Result<()> {
    let mut model = engine::model(config)?;
    // What is laid over answers alone changes nothing of what is read here, but what the model says by itself.
    if model.identity.reads_as() != model.identity {
        model.identity = model.identity.reads_as();
        model.adapter = None;
    }
    let mut scorer = model.load(&|_| {})?;
    let kept = kept(config);
    let watch = Onlooker::start();
    let fitted = Fitting {
        scorer: &mut scorer,
        kept: &kept,
        rubric: Arc::new(Rubric::named(&config.rubric)?),
        watch: &watch,
    }
    .fit();
    watch.end();
    let (calibration, people) = fitted?;
    let fresh = Fresh::of_made_up(calibration, &people)?;
    if let Some(path) = &args.out {
        out::write_file(path, |file| {
            serde_json::to_writer(file, &fresh.calibration)
                .map_err(|e| Error::new(ErrorKind::Io, "cannot write the calibration").because(e))
        })?;
    }
    let take = !args.dry_run && args.out.is_none();
    let saved = take.then(|| keep(&fresh, config)).transpose()?;
    if args.whose.json {
        return out::json(&Report::of(&fresh, saved)?);
    }
    out::lines(&told(&fresh, saved))
}

fn from_decisions(args: &Args, config: &Config) -> Result<()> {
    let rubric = Rubric::named(&config.rubric)?;
    let identity = RubricIdentity::of(&rubric);
    let model = engine::model(config)?.identity;
    let of = For {
        model: &model,
        rubric: &identity,
        prompt_sha256: templates_hash(),
    };
    let fresh = Fresh::of_decisions(&config.workspace, of)?;
    let saved = (!args.dry_run).then(|| keep(&fresh, config)).transpose()?;
    if args.whose.json {
        return out::json(&Report::of(&fresh, saved)?);
    }
    out::lines(&told(&fresh, saved))
}

/// What the fit did, a line each.
fn told(fresh: &Fresh, saved: Option<u64>) -> Vec<String> {
    let record = &fresh.record;
    let mut lines = vec![format!(
        "{} ratings; mean distance from people, on ratings left out of the fit:",
        record.ratings
    )];
    lines.extend(record.dimensions.iter().map(|gain| {
        format!(
            "  {:<18} {:.2} -> {:.2}  ({} ratings)",
            gain.dimension.as_str(),
            gain.mae_before,
            gain.mae_after,
            gain.ratings
        )
    }));
    lines.push(match saved {
        Some(seq) => {
            format!("in use from record #{seq}; `plumb calibrate rollback` returns to the one before")
        }
        None => "not taken into use".to_owned(),
    });
    lines
}

impl<'a> Report<'a> {
    fn of(fresh: &'a Fresh, saved: Option<u64>) -> Result<Self> {
        let record = &fresh.record;
        Ok(Self {
            what: "calibrate",
            model: &record.model,
            adapter: record.model.adapter.as_deref(),
            rubric: &record.rubric,
            calibration: fresh.calibration.id()?,
            saved,
            ratings: record.ratings,
            gains: &record.dimensions,
            compared: None,
            uncalibrated: None,
        })
    }
}

/// Takes a calibration into use; the number of the record.
fn keep(fresh: &Fresh, config: &Config) -> Result<u64> {
    commit(
        config,
        fresh.draft(
            new_id(SystemClock.now()),
            config.person.clone(),
            config.role.clone(),
        )?,
    )
}

fn commit(config: &Config, draft: Draft) -> Result<u64> {
    let workspace = Workspace::open(&config.workspace, Arc::new(SystemClock))?;
    let (store, thread) = Store::start(workspace)?;
    let saved = store.commit_blocking(draft)?;
    drop(store);
    let _ = thread.join();
    Ok(saved.seq)
}

/// Everything that was ever in use for the model and the rubric, oldest first.
fn history(config: &Config) -> Result<Vec<(Record, Calibrated)>> {
    let rubric = RubricIdentity::of(&Rubric::named(&config.rubric)?);
    let model = engine::model(config)?.identity;
    let reader = Reader::open(&config.workspace)?;
    fresh::history(&reader, &model, &rubric)
}

/// One dimension of the calibration in use, as JSON. Its shape is stable: fields are added, never renamed.
#[derive(Serialize)]
struct Shown<'a> {
    dimension: &'a DimensionId,
    ratings: usize,
    groups: usize,
    mae_before: f32,
    mae_after: f32,
    margin: f32,
    reliability: &'a [Bin],
}

/// How near what is in use comes to people: distances, margins, and what they gave where each level was read.
fn show(whose: &Whose, config: &Config) -> Result<()> {
    let rubric = RubricIdentity::of(&Rubric::named(&config.rubric)?);
    let model = engine::model(config)?.identity;
    let calibration = engine::calibration(config, &model, &rubric)?;
    let Some(calibration) = calibration else {
        let error = Error::new(ErrorKind::Input, "no calibration is in use");
        return Err(error.hint("`plumb calibrate` fits one to the decisions in the workspace"));
    };
    let of = |(dimension, reader)| Shown::of(dimension, reader);
    let shown: Vec<Shown<'_>> = calibration.dimensions.iter().map(of).collect();
    if whose.json {
        let calibration = calibration.id()?;
        return out::json(&serde_json::json!({"calibration": calibration, "dimensions": shown}));
    }
    let mut lines = vec![format!(
        "{:<16} {:>7} {:>6} {:>6} {:>6}   people gave where 1 to 5 was read",
        "dimension", "ratings", "before", "after", "margin"
    )];
    lines.extend(shown.iter().map(Shown::line));
    out::lines(&lines)
}

impl<'a> Shown<'a> {
    fn of(dimension: &'a DimensionId, reader: &'a DimensionReader) -> Self {
        Self {
            dimension,
            ratings: reader.ratings,
            groups: reader.groups,
            mae_before: reader.mae_before,
            mae_after: reader.mae_after,
            margin: reader.margin,
            reliability: &reader.reliability,
        }
    }

    fn line(&self) -> String {
        let point = |level: u8| {
            let bin = self.reliability.iter().find(|bin| bin.level == level);
            bin.map_or_else(
                || "-".to_owned(),
                |bin| format!("{:.1}x{}", bin.given, bin.ratings),
            )
        };
        let points: String = (1..=5).map(|level| format!(" {:>7}", point(level))).collect();
        format!(
            "{:<16} {:>7} {:>6.2} {:>6.2} {:>6.1}  {points}",
            self.dimension.as_str(),
            self.ratings,
            self.mae_before,
            self.mae_after,
            self.margin
        )
    }
}

fn list(whose: &Whose, config: &Config) -> Result<()> {
    let history = history(config)?;
    if whose.json {
        return out::json(&history.iter().map(|(record, _)| record).collect::<Vec<_>>());
    }
    let line = |(record, c): &(Record, Calibrated)| {
        let name = c.calibration.map_or_else(|| "none".to_owned(), |id| id.short());
        let words = format!(
            "#{:<5} {:.0}  {:<12} {name:<10} {:>5} ratings  {}",
            record.seq,
            record.at,
            record.actor.as_str(),
            c.ratings,
            c.cause
        );
        crate::sanitize::line(&words).into_owned()
    };
    let mut lines: Vec<String> = history.iter().map(line).collect();
    if let Some(built_in) = built_in(config)? {
        let (name, ratings) = (built_in.id()?.short(), ratings(&built_in));
        lines.insert(
            0,
            format!("comes with the program  {name:<10} {ratings:>5} ratings  fitted to made-up people"),
        );
    }
    out::lines(&lines)
}

/// What comes with the program for the model and the rubric.
fn built_in(config: &Config) -> Result<Option<Calibration>> {
    let rubric = RubricIdentity::of(&Rubric::named(&config.rubric)?);
    let model = engine::model(config)?.identity;
    Ok(Calibration::built_in(&model, &rubric, templates_hash()))
}

/// How many ratings its figures stand on.
fn ratings(calibration: &Calibration) -> usize {
    calibration.dimensions.values().map(|reader| reader.ratings).sum()
}

fn rollback(whose: &Whose, config: &Config) -> Result<()> {
    let rubric = RubricIdentity::of(&Rubric::named(&config.rubric)?);
    let model = engine::model(config)?.identity;
    let of = For {
        model: &model,
        rubric: &rubric,
        prompt_sha256: templates_hash(),
    };
    let history = fitting(&Reader::open(&config.workspace)?, of)?;
    let Some((last, current)) = history.last() else {
        return Err(Error::new(ErrorKind::Input, "no calibration is in use"));
    };
    if current.calibration.is_none() {
        return Err(Error::new(ErrorKind::Input, "no calibration is in use"));
    }
    let before = before(&history, current.calibration);
    let cause = match before {
        Some((record, _)) => format!("back from #{} to #{}", last.seq, record.seq),
        None if built_in(config)?.is_some() => {
            format!("back from #{} to the one that comes with the program", last.seq)
        }
        None => format!("back from #{} to none", last.seq),
    };
    let record = Calibrated {
        calibration: before.and_then(|(_, c)| c.calibration),
        ratings: before.map_or(0, |(_, c)| c.ratings),
        dimensions: before.map_or_else(Vec::new, |(_, c)| c.dimensions.clone()),
        cause: cause.clone(),
        data: before.and_then(|(_, c)| c.data),
        ..current.clone()
    };
    let (id, person, role) = (
        new_id(SystemClock.now()),
        config.person.clone(),
        config.role.clone(),
    );
    let seq = commit(config, draft(record, id, person, role, Vec::new()))?;
    if whose.json {
        return out::json(&serde_json::json!({"saved": seq, "cause": cause}));
    }
    out::lines(&[format!("{cause}; record #{seq}")])
}
