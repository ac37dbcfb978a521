//! `plumb annotate`: two answers of the model side by side, and which one a person prefers.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::onlooker::Onlooker;
use super::opener::Opener;
use super::review::{run_screen, settings, start_with, why_read_only};
use super::{engine, keys, out};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::dossier::Dossier;
use crate::engine::scorer::Run;
use crate::engine::{RubricIdentity, ScoreEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Person;
use crate::ingest::{self, Open as _};
use crate::learn::train::folder::check_base;
use crate::learn::train::judge::Judge;
use crate::model::backend::Backend;
use crate::model::decoder::Decoder;
use crate::model::gguf::Gguf;
use crate::model::tokenizer::Tokenizer;
use crate::review::annotation::{Begin, ENOUGH, TEMPERATURE, Tally, Wanted, of_these};
use crate::review::comparison::{Agreement, Doubt, Judged};
use crate::review::{Annotation, DossierRead, Entry, Pair, Stamp};
use crate::rubric::Rubric;
use crate::store::record::new_id;
use crate::store::{Draft, Health, Pool, Reader, Store, StoreHandle, Workspace};
use crate::tui::paint::{PaintTrace, VARIABLE};
use crate::tui::run::Ports;
use crate::tui::state::queue::Queue;
use crate::tui::state::{App, Message, Settings};
use crate::watch::{self, Watch as _};

/// Compare answers of the model, two at a time
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A dossier's folder, or a folder of dossiers
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Built-in rubric or a rubric file
    #[arg(long, value_name = "NAME|FILE")]
    pub rubric: Option<String>,
    /// Which model answers
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Colours: terminal, dark, light or mono
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Decide where others do not agree; nothing new is drawn
    #[arg(long, conflicts_with_all = ["draw", "stats"])]
    pub adjudicate: bool,
    /// Show first what a reward model knows least of: the adapter folder of a `plumb train reward` run
    #[arg(long, value_name = "DIR", conflicts_with_all = ["adjudicate", "stats"])]
    pub judge: Option<PathBuf>,
    /// Draw so many pairs of answers without a screen, for people to compare later
    #[arg(long, value_name = "N")]
    pub draw: Option<usize>,
    /// Print how fast and how alike people compare in this workspace
    #[arg(long, conflicts_with = "draw")]
    pub stats: bool,
    /// With --draw or --stats: print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![
            ("rubric", self.rubric.clone(), "--rubric"),
            ("model", self.model.clone(), "--model"),
            ("theme", self.theme.clone(), "--theme"),
        ]
    }
}

/// Runs the command.
///
/// # Errors
/// There is no terminal and nothing else was asked for, the folder holds no dossier, the workspace is in use or damaged,
/// or the model cannot draw.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    // Known before an hour is spent on drawing.
    args.judge.as_deref().map_or(Ok(()), Judge::check)?;
    if args.stats {
        return stats(config, args.json);
    }
    if let Some(count) = args.draw {
        return draw(args, config, count);
    }
    if args.json {
        return Err(Error::new(ErrorKind::Usage, "--json goes with --draw or --stats"));
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "`plumb annotate` needs a terminal").hint(
            "`plumb annotate DIR --draw N` draws pairs without one, `plumb annotate --stats` prints figures",
        ));
    }
    compare(args, config)
}

/// What both ways of working with pairs begin with: the dossiers are read and on record.
fn begin(args: &Args, config: &Config, store: &StoreHandle) -> Result<Begin> {
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let (mut dossiers, mut judged) = (Vec::new(), Vec::new());
    let opener = Opener::kept(config);
    for path in ingest::find(&args.dir)? {
        let dossier = match opener.open(&path) {
            Ok(dossier) => Arc::new(dossier),
            Err(error) => {
                out::note(&error.to_string());
                continue;
            }
        };
        let history = store.history_blocking(&dossier.meta.id)?;
        let read = DossierRead::of(&dossier);
        let known = history.iter().rev().find_map(|r| match &r.entry {
            Entry::Dossier(read) => Some(read),
            _ => None,
        });
        if known != Some(&read) {
            store.commit_blocking(as_read(config, &dossier, read)?)?;
        }
        judged.extend(Judged::among(&history));
        dossiers.push(dossier);
    }
    if dossiers.is_empty() {
        let what = format!("no dossier of {} can be read", args.dir.display());
        return Err(Error::new(ErrorKind::Input, what));
    }
    let pool = Pool::of(&config.workspace).pairs()?;
    let pool = of_these(pool, &dossiers, &RubricIdentity::of(&rubric), None);
    Ok(Begin {
        person: config.person.clone(),
        rubric,
        dossiers,
        model: None,
        pool,
        judged,
        adjudicating: args.adjudicate,
        enough: ENOUGH,
        seed: 0,
    })
}

fn as_read(config: &Config, dossier: &Dossier, read: DossierRead) -> Result<Draft> {
    Ok(Draft {
        id: new_id(SystemClock.now()),
        actor: config.person.clone(),
        role: config.role.clone(),
        subject: dossier.meta.subject.id.clone(),
        entry: Entry::Dossier(read),
        blobs: ingest::originals(dossier)?,
    })
}

fn compare(args: &Args, config: &Config) -> Result<()> {
    let keymap = keys::keymap(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let workspace = Workspace::open(&config.workspace, Arc::clone(&clock))?;
    let read_only = why_read_only(config, workspace.health());
    if let Some(why) = read_only {
        return Err(Error::new(ErrorKind::Input, why));
    }
    let (store, writer) = Store::start(workspace)?;
    let mut begin = begin(args, config, &store)?;
    let draws = !args.adjudicate;
    let (engine, worker, missing) = if draws {
        start_with(config, |options| options.temperature = TEMPERATURE)
    } else {
        (None, None, None)
    };
    let model = worker.map(|worker| worker.identity);
    begin.pool = of_these(
        begin.pool,
        &begin.dossiers,
        &RubricIdentity::of(&begin.rubric),
        model.as_ref(),
    );
    begin.model.clone_from(&model);
    if let Some(dir) = &args.judge {
        judge(dir, config, &mut begin.pool)?;
    }
    let settings = Settings {
        model,
        ..settings(config, keymap, Arc::clone(&begin.rubric))
    };
    let mut app = App::new(settings, Queue::new(Vec::new()));
    if let Some(error) = missing {
        app.warn_of(&error);
    }
    let ports = Ports {
        engine,
        store,
        scoring: None,
        opener: Arc::new(Opener::kept(config)),
        runs: config.workspace.join("runs"),
        clock,
        trace: PaintTrace::new(std::env::var_os(VARIABLE).map(PathBuf::from)),
        pool: Pool::of(&config.workspace),
        first: Some(Message::Begin(Box::new(begin))),
    };
    run_screen(app, ports, writer)
}

/// What drawing did.
#[derive(Debug, Serialize)]
struct Drawn {
    pairs: usize,
    pool: usize,
    judged: usize,
}

fn draw(args: &Args, config: &Config, count: usize) -> Result<()> {
    let workspace = Workspace::open(&config.workspace, Arc::new(SystemClock))?;
    let (store, writer) = Store::start(workspace)?;
    let mut model = engine::model(config)?;
    model.options.temperature = TEMPERATURE;
    let begin = Begin {
        model: Some(model.identity.clone()),
        enough: usize::MAX,
        ..begin(args, config, &store)?
    };
    let (pool, known) = (Pool::of(&config.workspace), begin.pool.len());
    let onlooker = Onlooker::start();
    let mut scorer = model.load(&|_| {})?.with_cache(&model.cache);
    let (mut annotation, mut wanted) = Annotation::new(begin, stamp());
    let mut drawn = 0;
    while drawn < count
        && let Some(Wanted::Draw(request)) = wanted.pop()
    {
        onlooker.tell("generating answers", drawn, count);
        let mut said = Vec::new();
        scorer.score(
            &request,
            &mut Run {
                sink: &mut |event| {
                    if matches!(event, ScoreEvent::Finished { .. } | ScoreEvent::Done(_)) {
                        said.push(event);
                    }
                },
                cancelled: &|| onlooker.stopped(),
            },
        )?;
        for event in said {
            for effect in annotation.hear(request.ticket, event, stamp()) {
                match effect {
                    Wanted::Keep(pair) => {
                        pool.keep(&pair)?;
                        drawn += 1;
                    }
                    other => wanted.push(other),
                }
            }
        }
    }
    onlooker.end();
    if let Some(why) = annotation.stopped() {
        return Err(Error::new(
            ErrorKind::Engine,
            format!("no more answers were generated: {why}"),
        ));
    }
    drop(scorer);
    let judged = match &args.judge {
        Some(dir) => judge(dir, config, &mut annotation.into_pool(&model.identity))?,
        None => 0,
    };
    // Until here the workspace was locked: nobody else draws meanwhile.
    drop(store);
    let _ = writer.join();
    let drawn = Drawn {
        pairs: drawn,
        pool: known + drawn,
        judged,
    };
    if args.json {
        return out::json(&drawn);
    }
    out::print(|out| {
        writeln!(
            out,
            "{} pairs drawn, {} judged; {} wait in the workspace, `plumb annotate DIR` shows them",
            drawn.pairs, drawn.judged, drawn.pool
        )
    })
}

/// Has the reward model in `dir` read the pairs that it has not read, those of one dossier one after the other, and keeps
/// how far it is from knowing each; says how many they were.
fn judge(dir: &Path, config: &Config, pairs: &mut [Pair]) -> Result<usize> {
    let base = engine::base(config)?;
    check_base(dir, &base.identity)?;
    let gguf = Gguf::open(&base.path)?;
    let end = Tokenizer::from_gguf(&gguf)?.end();
    let onlooker = Onlooker::start();
    let backend = Backend::open(base.options.device)?;
    let weights = Decoder::load(&gguf, base.options.weights, &backend, &|part| {
        onlooker.tell("loading the weights", (part * 100.0) as usize, 100);
    })?;
    let judge = Judge::load(dir, &weights)?;
    let pool = Pool::of(&config.workspace);
    let unread = |pair: &&mut Pair| pair.doubt.is_none_or(|doubt| doubt.judge != judge.sha256);
    let mut unread: Vec<&mut Pair> = pairs.iter_mut().filter(unread).collect();
    unread.sort_by(|a, b| papers(a).cmp(papers(b)));
    let (mut read, count) = (0, unread.len());
    for of_dossier in unread.chunk_by_mut(|a, b| papers(a) == papers(b)) {
        onlooker.tell("judging pairs", read, count);
        let prefix = judge.read(papers(of_dossier[0]))?;
        for pair in of_dossier {
            watch::check(&onlooker, "what was judged is kept")?;
            onlooker.tell("judging pairs", read, count);
            let doubt = Doubt {
                judge: judge.sha256,
                bits: judge.doubt(&prefix, pair, end)?,
            };
            pair.doubt = Some(doubt);
            pool.judged(pair.name(), doubt)?;
            read += 1;
        }
    }
    onlooker.end();
    Ok(read)
}

/// What both answers of a pair are about, in tokens.
fn papers(pair: &Pair) -> &[u32] {
    &pair.candidates[0].trace.prefix
}

fn stamp() -> Stamp {
    Stamp {
        at: SystemClock.now(),
        id: ulid::Ulid::nil(),
    }
}

/// How people compare.
#[derive(Debug, Serialize)]
struct Stats {
    people: BTreeMap<Person, Tally>,
    agreement: Agreement,
}

fn stats(config: &Config, json: bool) -> Result<()> {
    let reader = Reader::open(&config.workspace)?;
    if let Health::Damaged(damage) = reader.health() {
        return Err(damage.error());
    }
    let histories = reader.histories()?;
    let judged: Vec<Judged> = histories
        .iter()
        .flat_map(|(_, records)| Judged::among(records))
        .collect();
    let people = judged.iter().map(|j| (j.by.clone(), Tally::of(&judged, &j.by)));
    let stats = Stats {
        people: people.collect(),
        agreement: Agreement::of(&judged),
    };
    if json {
        return out::json(&stats);
    }
    out::print(|out| {
        for (person, tally) in &stats.people {
            let rate = tally
                .per_hour
                .map_or_else(|| "-".to_owned(), |r| format!("{r:.0}"));
            writeln!(
                out,
                "{:<16} {:>5} pairs  {rate:>5} an hour  checks {}/{}",
                crate::sanitize::line(person.as_str()),
                tally.compared,
                tally.checks_passed,
                tally.checks
            )?;
        }
        let Agreement {
            pairs,
            observed,
            alpha,
        } = stats.agreement;
        let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        writeln!(
            out,
            "{pairs} pairs compared by several people: they agree on {}, Krippendorff's alpha {}",
            share(observed),
            share(alpha)
        )
    })
}
