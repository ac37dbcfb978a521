//! `plumb review`: the workstation on one dossier, or on a folder of them.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::engine;
use super::keys::keymap;
use super::opener::Opener;
use crate::clock::{Clock, SystemClock};
use crate::config::{CalibrationChoice, Config, Origin};
use crate::dossier::manifest::Manifest;
use crate::engine::scorer::ScoreOptions;
use crate::engine::worker::{Worker, WorkerModel};
use crate::engine::{Backend, RubricIdentity, ScoreEvent, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DimensionId;
use crate::ingest;
use crate::review::Summary;
use crate::rubric::Rubric;
use crate::store::workspace::Health;
use crate::store::{DossierStatus, Pool, Store, StoreHandle, Workspace};
use crate::tui::errands::Scoring;
use crate::tui::keys::Keymap;
use crate::tui::paint::{PaintTrace, VARIABLE};
use crate::tui::run::{Ports, run as run_loop};
use crate::tui::state::queue::{Queue, QueueRow};
use crate::tui::state::{App, Message, Settings};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::width::{Ambiguous, Measure};

/// Review dossiers on the screen
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A dossier's folder, or a folder of dossiers
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
    /// Which model scores
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Hide what the model says of a dimension until you have scored it
    #[arg(long)]
    pub blind: bool,
    /// Colours: terminal, dark, light or mono
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![
            ("rubric", self.rubric.clone(), "--rubric"),
            ("model", self.model.clone(), "--model"),
            ("blind", self.blind.then(|| "true".to_owned()), "--blind"),
            ("theme", self.theme.clone(), "--theme"),
        ]
    }
}

/// The engine with what it says, and who it is.
pub(super) type Engine = (
    Box<dyn Backend>,
    tokio::sync::mpsc::Receiver<(Ticket, ScoreEvent)>,
);

/// Runs the command.
///
/// # Errors
/// There is no terminal, the folder holds no dossier, the workspace is in use, or the rubric or keymap is wrong. A
/// model that is not here is no error: people can score without it.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "`plumb review` needs a terminal")
            .hint("`plumb score DIR` prints the same scores as text or JSON"));
    }
    let paths = ingest::find(&args.dir)?;
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let keymap = keymap(config)?;
    let (engine, worker, missing) = start_engine(config);
    let model = worker.as_ref().map(|worker| worker.identity.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let workspace = Workspace::open(&config.workspace, Arc::clone(&clock))?;
    let read_only = why_read_only(config, workspace.health());
    let identity = RubricIdentity::of(&rubric);
    let calibration = match &model {
        Some(model) => engine::calibration(config, model, &identity)?,
        None => None,
    };
    let scoring = worker.map(|worker| Scoring {
        model: worker.identity,
        weights: worker.path,
        rubric: identity,
        calibrated: config.calibration != CalibrationChoice::None,
        refit_every: config.refit_every,
        workspace: config.workspace.clone(),
        person: config.person.clone(),
    });
    let (store, writer) = Store::start(workspace)?;
    let rows = rows(&paths, &rubric, &store)?;
    let first = (rows.len() == 1).then_some(Message::Open(0));
    let settings = Settings {
        model,
        calibration,
        read_only,
        ..settings(config, keymap, rubric)
    };
    let mut app = App::new(settings, Queue::new(rows));
    if let Some(error) = missing {
        app.warn_of(&error);
    }
    let ports = Ports {
        opener: Arc::new(Opener::kept(config)),
        runs: config.workspace.join("runs"),
        engine,
        store,
        scoring,
        clock,
        trace: PaintTrace::new(std::env::var_os(VARIABLE).map(PathBuf::from)),
        pool: Pool::of(&config.workspace),
        first,
    };
    run_screen(app, ports, writer)
}

/// Runs the screen until the person leaves, and waits for the last records.
pub(super) fn run_screen(app: App, ports: Ports, writer: std::thread::JoinHandle<Result<()>>) -> Result<()> {
    let ended = run_loop(app, ports);
    let closed = writer.join();
    ended?;
    match closed {
        Ok(closed) => closed,
        Err(_) => Err(
            Error::new(ErrorKind::Internal, "the writing task stopped unexpectedly")
                .hint("what was shown as saved is kept; `plumb journal verify` checks it"),
        ),
    }
}

/// What needs neither model nor store.
pub(super) fn settings(config: &Config, keymap: Keymap, rubric: Arc<Rubric>) -> Settings {
    let ambiguous = if config.ambiguous_wide {
        Ambiguous::Wide
    } else {
        Ambiguous::Narrow
    };
    Settings {
        person: config.person.clone(),
        role: config.role.clone(),
        language: config.lang,
        theme: Theme::new(theme_name(config), ambiguous),
        measure: Measure::new(ambiguous),
        mouse: config.mouse,
        keymap,
        rubric,
        blind: config.blind,
        seed: 0,
        model: None,
        calibration: None,
        read_only: None,
        zone: TimeZone::system(),
    }
}

/// The theme; one that nobody asked for gives way to `NO_COLOR`.
fn theme_name(config: &Config) -> ThemeName {
    let setting = config.settings.iter().find(|s| s.key.name == "theme");
    let asked = setting.is_some_and(|s| s.origin != Origin::Default);
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    ThemeName::resolve(asked.then_some(config.theme), no_color)
}

/// The engine and what it runs, or why there is none.
fn start_engine(config: &Config) -> (Option<Engine>, Option<WorkerModel>, Option<Error>) {
    start_with(config, |_| {})
}

/// The same with other options than usual.
pub(super) fn start_with(
    config: &Config,
    options: impl FnOnce(&mut ScoreOptions),
) -> (Option<Engine>, Option<WorkerModel>, Option<Error>) {
    let started = engine::model(config).and_then(|mut model| {
        options(&mut model.options);
        let (worker, events) = Worker::start(model.clone())?;
        Ok((worker, events, model))
    });
    match started {
        Ok((worker, events, model)) => (Some((Box::new(worker), events)), Some(model), None),
        Err(error) => (None, None, Some(error)),
    }
}

pub(super) fn why_read_only(config: &Config, health: &Health) -> Option<String> {
    match health {
        Health::Damaged(damage) => Some(damage.error().to_string()),
        Health::Sound if config.role == "auditor" => Some("an auditor changes nothing".to_owned()),
        Health::Sound => None,
    }
}

/// The dossiers with how far each is, from the store's index.
fn rows(paths: &[PathBuf], rubric: &Rubric, store: &StoreHandle) -> Result<Vec<QueueRow>> {
    let known = store.queue_blocking()?;
    Ok(paths.iter().map(|path| row(path, rubric, &known)).collect())
}

fn row(path: &Path, rubric: &Rubric, known: &[DossierStatus]) -> QueueRow {
    let meta = Manifest::load(path).map(|m| m.meta).map_err(|e| e.to_string());
    let status = meta
        .as_ref()
        .ok()
        .and_then(|m| known.iter().find(|s| s.dossier == m.id));
    QueueRow {
        path: path.to_owned(),
        summary: status.map_or_else(
            || Summary {
                total: rubric.dimensions.len(),
                ..Summary::default()
            },
            |status| summary(status, rubric),
        ),
        meta,
    }
}

/// What the index knows of this rubric's dimensions, in the figures of the queue; the open dossier's are then kept
/// up to date by its review.
fn summary(status: &DossierStatus, rubric: &Rubric) -> Summary {
    let mut status = status.under(&RubricIdentity::of(rubric));
    let known = |id: &DimensionId| rubric.dimensions.iter().any(|d| &d.id == id);
    status.assessed.retain(|a| known(&a.dimension));
    status.decided.retain(|d| known(&d.dimension));
    let decided = |id: &DimensionId| status.decided.iter().any(|d| &d.dimension == id);
    let spreads: Vec<f32> = status.assessed.iter().map(|a| a.spread).collect();
    let in_doubt = status
        .assessed
        .iter()
        .filter(|a| a.in_doubt && !decided(&a.dimension));
    Summary {
        total: rubric.dimensions.len(),
        scored: status.assessed.len(),
        decided: status.decided.len(),
        in_doubt: in_doubt.count(),
        disagreement: status.disagreement(),
        spread: (!spreads.is_empty()).then(|| spreads.iter().sum::<f32>() / spreads.len() as f32),
        signed_off: !status.signed_off.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{DossierId, Person, RubricId, SubjectId};
    use crate::rubric::builtin;
    use crate::store::index::status::{Decided, SignedOff};

    /// A dossier closed by another rubric, then begun by this one, whose file has lost a dimension since.
    #[test]
    fn the_queue_counts_by_the_rubric_in_use_alone() -> Result<()> {
        let rubric = builtin("core")?;
        let mine = RubricIdentity::of(&rubric);
        let other = RubricIdentity {
            id: RubricId::new("other"),
            ..mine.clone()
        };
        let decided = |rubric: &RubricIdentity, dimension: &str| Decided {
            dimension: DimensionId::new(dimension),
            rubric: rubric.clone(),
            score: 4.0,
        };
        let of_other = rubric.dimensions.iter().map(|d| decided(&other, d.id.as_str()));
        let status = DossierStatus {
            dossier: DossierId::new("d1"),
            subject: SubjectId::new("E1"),
            meta: None,
            assessed: Vec::new(),
            decided: of_other
                .chain([
                    decided(&mine, rubric.dimensions[0].id.as_str()),
                    decided(&mine, "lost since"),
                ])
                .collect(),
            signed_off: vec![SignedOff {
                rubric: other.clone(),
                seq: 9,
                by: Person::new("hr.chen"),
                at: jiff::Timestamp::UNIX_EPOCH,
            }],
            records: 12,
            last: None,
        };
        let summary = summary(&status, &rubric);
        assert_eq!((summary.decided, summary.signed_off), (1, false));
        Ok(())
    }
}
