//! `plumb score`: one dossier scored without a screen, as lines or as one JSON object.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;

use crate::cli::opener::Opener;
use crate::config::Config;
use crate::dossier::Dossier;
use crate::engine::worker::Worker;
use crate::engine::{
    Assessment, Backend, RubricIdentity, ScoreEvent, ScoreRequest, Ticket, Timing, Trace, event::Influence,
};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Check, EvidenceKind, EvidenceLink, cross_check};
use crate::id::DimensionId;
use crate::ingest::Open as _;
use crate::rubric::Rubric;

mod json;
mod progress;
mod save;
mod text;

/// Score one dossier and print what each score rests on
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The dossier's folder
    pub dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
    /// Which model scores
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Only this dimension; may be given more than once
    #[arg(long, value_name = "ID")]
    pub dimension: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Root of the run's random numbers; matters when engine.temperature is above 0
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub seed: u64,
    /// Keep the assessments in the workspace
    #[arg(long, conflicts_with = "score_only")]
    pub save: bool,
    #[command(flatten)]
    extent: Extent,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Extent {
    /// Scores and evidence only, no words: the quickest look
    #[arg(long)]
    score_only: bool,
    /// Also say how much each cited segment carries: the score read again as if it could not be seen
    #[arg(long)]
    influence: bool,
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![
            ("rubric", self.rubric.clone(), "--rubric"),
            ("model", self.model.clone(), "--model"),
        ]
    }
}

/// A seed that the records can hold: numbers of canonical JSON (RFC 8785) are doubles, which are exact up to 2^53.
fn seed(text: &str) -> std::result::Result<u64, String> {
    const LARGEST: u64 = 1 << 53;
    let exact = text.parse().ok().filter(|seed| *seed <= LARGEST);
    exact.ok_or_else(|| {
        format!("a seed is a whole number from 0 to {LARGEST}, the largest that records keep exactly")
    })
}

/// What a run gave.
pub(crate) struct Scored {
    pub(crate) request: ScoreRequest,
    /// In rubric order.
    pub(crate) finished: Vec<(Assessment, Arc<Trace>)>,
    /// What segments carry, where it was asked for.
    pub(crate) influences: Vec<(DimensionId, Influence)>,
    /// What the dossier's claims meet elsewhere in it.
    pub(crate) checks: Vec<Check>,
    pub(crate) timing: Timing,
}

impl Scored {
    /// What the segment of a link carries: the score minus the score without it.
    fn carries(&self, assessment: &Assessment, link: &EvidenceLink) -> Option<f32> {
        let same = |(dimension, influence): &&(DimensionId, Influence)| {
            *dimension == assessment.dimension && influence.segment == link.place.segment
        };
        let (_, influence) = self
            .influences
            .iter()
            .find(same)
            .filter(|_| link.kind == EvidenceKind::Quote)?;
        Some(assessment.reading.raw_score - influence.without.raw_score)
    }
}

/// Runs the command.
///
/// # Errors
/// The dossier, the rubric or the model cannot be used, or scoring fails; what had finished was printed.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    // A wrong call is said before recordings are heard and pictures are read.
    let (rubric, dimensions) = asked(args, config)?;
    let dossier = Opener::live(config).open(&args.dir)?;
    let model = super::engine::model(config)?;
    let calibration = super::engine::calibration(config, &model.identity, &RubricIdentity::of(&rubric))?;
    // Behind what may fail, so that no workspace is made for nothing; before the work: one in use is said at once.
    let save = args.save.then(|| save::Keeper::open(config)).transpose()?;
    let request = ScoreRequest {
        ticket: Ticket(1),
        language: dossier.meta.language,
        dossier: Arc::new(dossier),
        rubric: Arc::new(rubric),
        dimensions,
        seed: args.seed,
        score_only: args.extent.score_only,
        influence: args.extent.influence,
        calibration,
    };
    let (worker, events) = Worker::start(model)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot start the event loop").because(e))?;
    let (mut scored, failed) = runtime.block_on(score(request, &worker, events, args.json))?;
    if let Some(keeper) = save {
        keeper.keep(&scored)?;
    }
    scored.checks = cross_check(&scored.request.dossier, &scored.request.rubric);
    if args.json {
        json::print(&scored)?;
    } else {
        text::print_checks(&scored)?;
        if args.extent.influence {
            text::print_influences(&scored)?;
        }
        text::print_end(&scored)?;
    }
    failed.map_or(Ok(()), Err)
}

/// By which rubric, and which of its dimensions; all where none is named.
fn asked(args: &Args, config: &Config) -> Result<(Rubric, Vec<DimensionId>)> {
    let rubric = Rubric::named(&config.rubric)?;
    let dimensions: Vec<DimensionId> = args.dimension.iter().map(DimensionId::new).collect();
    if let Some(unknown) = dimensions.iter().find(|d| rubric.dimension(d).is_none()) {
        let known: Vec<_> = rubric.dimensions.iter().map(|d| d.id.as_str()).collect();
        return Err(Error::new(
            ErrorKind::Usage,
            format!("rubric {} has no dimension {unknown}", rubric.id),
        )
        .hint(format!("it has {}", known.join(", "))));
    }
    Ok((rubric, dimensions))
}

/// Submits the request and follows its events to the end, or to what ended it early: what had finished stays. Ctrl-c stops it after
/// the pass it is in.
async fn score(
    request: ScoreRequest,
    worker: &Worker,
    mut events: Receiver<(Ticket, ScoreEvent)>,
    quiet: bool,
) -> Result<(Scored, Option<Error>)> {
    worker.submit(request.clone());
    if !quiet {
        text::print_start(&request)?;
    }
    let mut bar = progress::Progress::new();
    let mut scored = Scored {
        request,
        finished: Vec::new(),
        influences: Vec::new(),
        checks: Vec::new(),
        timing: Timing::default(),
    };
    let mut failed = None;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tokio::signal::ctrl_c() => {
                worker.cancel(scored.request.ticket);
                continue;
            }
        };
        let Some((_, event)) = event else {
            return Err(Error::new(
                ErrorKind::Internal,
                "the engine ended without an answer",
            ));
        };
        bar.follow(&event);
        match event {
            ScoreEvent::Finished { assessment, trace } => {
                if !quiet {
                    bar.pause(|| text::print_assessment(&scored.request, &assessment))?;
                }
                scored.finished.push((*assessment, trace));
            }
            ScoreEvent::Influence { dimension, influence } => scored.influences.push((dimension, influence)),
            ScoreEvent::Done(timing) => {
                scored.timing = timing;
                break;
            }
            ScoreEvent::Failed { message, hints } => {
                let error = Error::new(ErrorKind::Engine, message);
                failed = Some(hints.into_iter().fold(error, Error::hint));
                break;
            }
            ScoreEvent::Cancelled => {
                return Err(Error::new(ErrorKind::Cancelled, "stopped; nothing was saved"));
            }
            _ => {}
        }
    }
    in_rubric_order(&mut scored);
    match failed {
        Some(error) if scored.finished.is_empty() => Err(error),
        failed => Ok((scored, failed)),
    }
}

fn in_rubric_order(scored: &mut Scored) {
    let place = |d: &DimensionId| scored.request.rubric.dimensions.iter().position(|x| &x.id == d);
    scored.finished.sort_by_key(|(a, _)| place(&a.dimension));
}

/// How many segments of a dossier there are.
fn segments(dossier: &Dossier) -> usize {
    dossier.segments().count()
}
