//! `plumb adapters`: what may be laid over the model, what is, and what was.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Origin};
use crate::engine::assessment::{ModelIdentity, RubricIdentity};
use crate::engine::scorer::PrefixCache;
use crate::engine::worker::WorkerModel;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::adapters::{Before, before, draft, live, named};
use crate::learn::gate::{Candidate, Gate, MIN_SUBJECTS};
use crate::learn::shelf::Shelf;
use crate::learn::train::folder::Manifest;
use crate::model::chat::ChatFrame;
use crate::model::config::DecoderConfig;
use crate::model::gguf::Gguf;
use crate::model::lora::{Adapter, Factors, NamedAdapter, Place, begins};
use crate::model::peft;
use crate::model::tokenizer::Tokenizer;
use crate::review::{AdapterRecord, AdapterStep, Entry, Finding, Verdict};
use crate::rubric::builtin;
use crate::sanitize::line;
use crate::store::record::new_id;
use crate::store::{Record, Store, Workspace};
use crate::watch::Watch as _;

/// What to do with adapters.
#[derive(Debug, Subcommand)]
pub enum AdaptersCommand {
    /// List the adapters of the workspace, and which one is live
    List {
        /// Print the records, one JSON object each
        #[arg(long)]
        json: bool,
    },
    /// Show where an adapter comes from and what happened to it
    Show {
        /// The adapter
        name: String,
        /// Print the records, one JSON object each
        #[arg(long)]
        json: bool,
    },
    /// Bring in an adapter in PEFT's layout: a run's, or one trained elsewhere
    Import {
        /// Its folder; a run's name stands for that run's
        dir: PathBuf,
        /// What to call it; else as its run or folder is called
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try an adapter on held-out people, and put it live if it is better in something and worse in nothing
    Promote {
        /// The adapter
        name: String,
        /// People to try it on
        #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=40))]
        subjects: u32,
        /// Put it live whatever the verdict is; needs --reason and a person named with --as
        #[arg(long = "override", requires = "reason")]
        over: bool,
        /// Why
        #[arg(long, value_name = "TEXT", requires = "over", value_parser = said)]
        reason: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Return to what was live before
    Rollback {
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show how two adapters differ, layer by layer; `none` is the model by itself
    Diff {
        /// The one
        a: String,
        /// The other
        b: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A reason says something.
fn said(reason: &str) -> std::result::Result<String, String> {
    match reason.trim() {
        "" => Err("a reason says something".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

/// Runs `plumb adapters`.
///
/// # Errors
/// There is no such adapter, it is for another model, the gate refuses it, or the workspace cannot be used.
pub fn run(command: &AdaptersCommand, config: &Config) -> Result<()> {
    let desk = Desk::open(config)?;
    match command {
        AdaptersCommand::List { json } => desk.list(*json),
        AdaptersCommand::Show { name, json } => desk.show(name, *json),
        AdaptersCommand::Import { dir, name, json } => desk.import(dir, name.as_deref(), *json),
        AdaptersCommand::Promote {
            name,
            subjects,
            over,
            reason,
            json,
        } => {
            let over = over.then_some(reason.as_deref().unwrap_or_default());
            desk.promote(name, *subjects as usize, over, *json)
        }
        AdaptersCommand::Rollback { reason, json } => desk.rollback(reason.as_deref(), *json),
        AdaptersCommand::Diff { a, b, json } => desk.diff(a, b, *json),
    }
}

/// The manifest of the run of which `dir` is the adapter, if it was of the weights `base`; else why there is none.
fn lineage(dir: &Path, base: ContentHash) -> std::result::Result<Vec<u8>, &'static str> {
    match Manifest::beside(dir) {
        Some((run, bytes)) if run.model.sha256 == base => Ok(bytes),
        Some(_) => Err("the manifest.json beside its folder is of a run on other weights"),
        None => Err("no manifest.json of a run lies beside its folder"),
    }
}

/// The configured model and its adapters.
struct Desk<'a> {
    config: &'a Config,
    base: WorkerModel,
    shelf: Shelf,
}

impl<'a> Desk<'a> {
    fn open(config: &'a Config) -> Result<Self> {
        let base = engine::base(config)?;
        Ok(Self {
            config,
            shelf: Shelf::open(&config.workspace, &base.identity, &base.path)?,
            base,
        })
    }

    /// Writes a record; of what comes with the program also its factors, so that the journal stays whole without it.
    fn commit_about(&self, record: AdapterRecord) -> Result<u64> {
        let blobs = self.shelf.blobs_of(&record);
        self.commit(record, blobs)
    }

    fn commit(&self, record: AdapterRecord, blobs: Vec<(ContentHash, Vec<u8>)>) -> Result<u64> {
        let by = (self.config.person.clone(), self.config.role.clone());
        let draft = draft(record, new_id(SystemClock.now()), by, blobs);
        let workspace = Workspace::open(&self.config.workspace, Arc::new(SystemClock))?;
        let (store, thread) = Store::start(workspace)?;
        let saved = store.commit_blocking(draft)?;
        drop(store);
        let _ = thread.join();
        Ok(saved.seq)
    }

    /// The records about adapters of this model, with their numbers.
    fn told(&self) -> impl Iterator<Item = (&Record, &AdapterRecord)> {
        self.shelf
            .records()
            .iter()
            .filter_map(|record| match &record.entry {
                Entry::Adapter(a) if a.model.sha256 == self.base.identity.sha256 => {
                    Some((record, a.as_ref()))
                }
                _ => None,
            })
    }

    fn list(&self, json: bool) -> Result<()> {
        if json {
            if let Some(own) = self.shelf.built_in() {
                out::json(&own.record)?;
            }
            return self.told().try_for_each(|(record, _)| out::json(record));
        }
        let history = self.shelf.history();
        let live = live(&history).and_then(|r| r.adapter);
        let mut rows = vec![
            ["", "adapter", "factors", "layers", "last"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let mut names: Vec<&str> = Vec::new();
        for record in &history {
            if record.adapter.is_some() && !names.contains(&record.name.as_str()) {
                names.push(&record.name);
            }
        }
        for name in names {
            let record = named(&history, name)?;
            let targets = record.settings.iter().flat_map(|s| &s.targets).map(|t| t.name());
            let last = history
                .iter()
                .rev()
                .find(|r| r.name == name)
                .map_or("", |r| r.step.name());
            rows.push(vec![
                if live == record.adapter { "live" } else { "" }.to_owned(),
                line(name).into_owned(),
                record.adapter.map_or_else(String::new, |h| begins(&h)),
                targets.collect::<Vec<_>>().join(" "),
                last.to_owned(),
            ]);
        }
        let mut lines = if rows.len() > 1 {
            out::table(&rows, 0..0)
        } else {
            Vec::new()
        };
        if live.is_none() {
            lines.push(format!(
                "no adapter is live: {} answers by itself",
                self.base.identity.id
            ));
        }
        out::lines(&lines)
    }

    fn show(&self, name: &str, json: bool) -> Result<()> {
        let history = self.shelf.history();
        let record = named(&history, name)?;
        let of_it = || self.told().filter(|(_, a)| a.name == name);
        let shipped = self.shelf.built_in().filter(|own| own.record.name == name);
        if json {
            if let Some(own) = shipped {
                out::json(&own.record)?;
            }
            return of_it().try_for_each(|(record, _)| out::json(record));
        }
        let mut lines: Vec<String> = shipped
            .map(|own| own.record.step.name().to_owned())
            .into_iter()
            .collect();
        for (record, adapter) in of_it() {
            let because = adapter
                .reason
                .as_ref()
                .map_or_else(String::new, |r| format!(": {}", line(r)));
            lines.push(format!(
                "#{} {:.0} {} {}{because}",
                record.seq,
                record.at,
                line(record.actor.as_str()),
                adapter.step.name()
            ));
            lines.extend(adapter.verdict.iter().flat_map(figures));
        }
        if let Some(settings) = &record.settings {
            lines.push(format!(
                "r {}, alpha {}, dropout {}",
                settings.r, settings.alpha, settings.dropout
            ));
        }
        let made = |r: &&AdapterRecord| (r.name == name).then_some(r.manifest?);
        match history.iter().rev().find_map(made) {
            Some(manifest) => {
                let bytes = self.shelf.blob(manifest)?;
                lines.push("made by".to_owned());
                lines.extend(
                    String::from_utf8_lossy(&bytes)
                        .lines()
                        .map(|l| line(l).into_owned()),
                );
            }
            None => lines.push("trained elsewhere: nothing is known of its data".to_owned()),
        }
        out::lines(&lines)
    }

    fn import(&self, dir: &Path, name: Option<&str>, json: bool) -> Result<()> {
        let run = self.config.workspace.join("runs").join(dir);
        let dir = if dir.exists() {
            dir.to_path_buf()
        } else {
            run.join("adapter")
        };
        let last = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
        let (parent, own) = (dir.parent().and_then(last), last(&dir));
        let called = if own.as_deref() == Some("adapter") {
            parent
        } else {
            own
        };
        let name = name.map(str::to_owned).or(called).unwrap_or_default();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || matches!(name.as_str(), "live" | "none") || !name.chars().all(plain) {
            let what = format!("{} is no name for an adapter", line(&name));
            return Err(
                Error::new(ErrorKind::Usage, what).hint("letters, digits, '-', '_' and '.', with --name")
            );
        }
        if self.shelf.history().iter().any(|r| r.name == name) {
            let what = format!("there is an adapter {name} already");
            return Err(Error::new(ErrorKind::Usage, what).hint("call this one something else with --name"));
        }
        let gguf = Gguf::open(&self.base.path)?;
        let loaded = peft::load(&dir, &DecoderConfig::from_gguf(&gguf)?)?;
        let tokenizer = Tokenizer::from_gguf(&gguf)?;
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        frame.check_invocation(&loaded.settings.invocation, &tokenizer)?;
        let mut blobs = vec![(loaded.sha256, loaded.bytes)];
        let lineage = lineage(&dir, self.base.identity.sha256);
        let unknown = lineage.as_ref().err().copied();
        let manifest = lineage.ok().map(|bytes| {
            let hash = ContentHash::of(&bytes);
            blobs.push((hash, bytes));
            hash
        });
        let record = AdapterRecord {
            model: self.base.identity.clone(),
            name: name.clone(),
            adapter: Some(loaded.sha256),
            settings: Some(loaded.settings),
            step: AdapterStep::Imported,
            verdict: None,
            manifest,
            reason: None,
        };
        let seq = self.commit(record, blobs)?;
        if json {
            return out::json(&serde_json::json!({
                "saved": seq, "name": name, "adapter": loaded.sha256,
                "matched": loaded.matched, "tensors": loaded.tensors, "base": loaded.base,
                "manifest": manifest,
            }));
        }
        let mut lines = vec![format!(
            "{} of {} tensors belong to layers of {}",
            loaded.matched, loaded.tensors, self.base.identity.id
        )];
        lines.extend(unknown.map(|why| format!("nothing is known of its data: {why}")));
        lines.push(format!(
            "imported as {name}, record #{seq}; `plumb adapters promote {name}` tries it"
        ));
        out::lines(&lines)
    }

    fn promote(&self, name: &str, subjects: usize, over: Option<&str>, json: bool) -> Result<()> {
        if over.is_some() && !self.person_is_named() {
            return Err(Error::new(ErrorKind::Usage, "--override needs a person's name")
                .hint("say who decides with --as NAME"));
        }
        // Known before half an hour is spent on it.
        if subjects < MIN_SUBJECTS && over.is_none() {
            return Err(too_few(subjects));
        }
        let history = self.shelf.history();
        let record = named(&history, name)?;
        let current = live(&history).filter(|r| r.adapter.is_some());
        if current.is_some_and(|c| c.adapter == record.adapter) {
            return Err(Error::new(ErrorKind::Usage, format!("{name} is live already")));
        }
        let now = current.map(|record| self.shelf.adapter(record)).transpose()?;
        let tried = self.shelf.adapter(record)?;
        let verdict = self.tried([now.as_ref(), Some(&tried)], subjects)?;
        let step = match (verdict.admitted, over) {
            (Some(true), _) => AdapterStep::Admitted,
            (_, Some(_)) => AdapterStep::Overridden,
            (_, None) => AdapterStep::Refused,
        };
        let kept = AdapterRecord {
            step,
            verdict: Some(verdict.clone()),
            reason: over.map(str::to_owned),
            ..record.clone()
        };
        let seq = self.commit_about(kept)?;
        if json {
            out::json(&Promoted {
                name,
                live: step.is_live(),
                step,
                saved: seq,
                verdict: &verdict,
            })?;
        } else {
            let mut lines = figures(&verdict);
            lines.push(format!("{name}: {}, record #{seq}", step.name()));
            out::lines(&lines)?;
        }
        match (step, verdict.admitted) {
            (AdapterStep::Refused, None) => Err(too_few(verdict.subjects as usize)),
            (AdapterStep::Refused, _) => Err(Error::new(
                ErrorKind::Input,
                format!("the gate refuses {name}"),
            )
            .hint("what was live stays live; a named person can put it live with --override --reason TEXT")),
            _ => Ok(()),
        }
    }

    /// What the gate says of the second of two, the first of which is live; each is read through the calibration that is in use
    /// for it.
    fn tried(&self, sides: [Option<&NamedAdapter>; 2], subjects: usize) -> Result<Verdict> {
        let rubric = Arc::new(builtin("core")?);
        let calibration = |adapter: Option<&NamedAdapter>| {
            let model = ModelIdentity {
                adapter: adapter.map(NamedAdapter::label),
                ..self.base.identity.clone()
            };
            engine::calibration(self.config, &model, &RubricIdentity::of(&rubric))
        };
        let calibrations = [calibration(sides[0])?, calibration(sides[1])?];
        let side = |i: usize| Candidate {
            adapter: sides[i],
            calibration: calibrations[i].as_ref(),
        };
        // Beside what is kept of people's own dossiers, which a stranger's are not to push out.
        let cache = PrefixCache {
            folder: self.config.workspace.join("cache").join("gate"),
            ..self.base.cache.clone()
        };
        let watch = Onlooker::start();
        let load = |part| watch.tell("loading the weights", (part * 100.0) as usize, 100);
        let scorer = self.base.load(&load);
        let verdict = scorer.and_then(|scorer| {
            Gate {
                scorer: &mut scorer.with_cache(&cache),
                rubric: Arc::clone(&rubric),
                subjects,
                watch: &watch,
            }
            .verdict([side(0), side(1)])
        });
        watch.end();
        let _ = std::fs::remove_dir_all(&cache.folder);
        verdict
    }

    /// Whether somebody said who they are: the account's name is no signature.
    fn person_is_named(&self) -> bool {
        let setting = self.config.settings.iter().find(|s| s.key.name == "person");
        setting.is_some_and(|s| s.origin != Origin::Default)
    }

    fn rollback(&self, reason: Option<&str>, json: bool) -> Result<()> {
        let history = self.shelf.history();
        let record = match before(&history) {
            Before::Nothing => return Err(Error::new(ErrorKind::Input, "no adapter is live")),
            Before::Adapter(record) => record.clone(),
            Before::Base => AdapterRecord::by_itself(&self.base.identity),
        };
        let to = if record.name.is_empty() {
            "the model by itself".to_owned()
        } else {
            record.name.clone()
        };
        let back = record.unasked(AdapterStep::RolledBack, reason.map(str::to_owned));
        let seq = self.commit_about(back)?;
        if json {
            return out::json(&serde_json::json!({"saved": seq, "live": to}));
        }
        out::lines(&[format!("back to {}, record #{seq}", line(&to))])
    }

    fn diff(&self, a: &str, b: &str, json: bool) -> Result<()> {
        let history = self.shelf.history();
        let of = |name: &str| -> Result<Option<Adapter>> {
            match name {
                "none" => Ok(None),
                name => Ok(Some(self.shelf.adapter(named(&history, name)?)?.adapter)),
            }
        };
        let (one, other) = (of(a)?, of(b)?);
        let mut places: Vec<Place> = [&one, &other]
            .into_iter()
            .flatten()
            .flat_map(|x| x.factors.keys().copied())
            .collect();
        places.sort_unstable();
        places.dedup();
        let mut rows = vec![
            ["block", "layer", a, b, "difference"]
                .map(|s| line(s).into_owned())
                .to_vec(),
        ];
        let mut differences = Vec::new();
        for place in places {
            let (x, y) = (update(one.as_ref(), place)?, update(other.as_ref(), place)?);
            let apart = match (&x, &y) {
                (Some(x), Some(y)) => norm(&(x - y)?)?,
                (Some(x), None) | (None, Some(x)) => norm(x)?,
                (None, None) => 0.0,
            };
            let sizes = [size(x.as_ref())?, size(y.as_ref())?];
            differences.push(serde_json::json!({
                "block": place.0, "layer": place.1.name(), "norms": sizes, "difference": apart,
            }));
            rows.push(vec![
                place.0.to_string(),
                place.1.name().to_owned(),
                format!("{:.4}", sizes[0]),
                format!("{:.4}", sizes[1]),
                format!("{apart:.4}"),
            ]);
        }
        if json {
            return out::json(&differences);
        }
        out::lines(&out::table(&rows, 2..5))
    }
}

/// So few people decide nothing.
fn too_few(subjects: usize) -> Error {
    let what = format!("cannot decide on {subjects} people: it takes at least {MIN_SUBJECTS}");
    Error::new(ErrorKind::Input, what).hint("raise --subjects")
}

/// What a promotion came to, as JSON.
#[derive(Serialize)]
struct Promoted<'a> {
    name: &'a str,
    live: bool,
    step: AdapterStep,
    saved: u64,
    verdict: &'a Verdict,
}

/// The figures of a verdict, a line each.
fn figures(verdict: &Verdict) -> Vec<String> {
    let mut rows = vec![
        ["", "live", "adapter", "difference, 95 %", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    for f in &verdict.figures {
        let word = match f.finding() {
            Finding::Worse => "worse",
            Finding::Unsure => "unsure",
            Finding::Holds => "holds",
            Finding::Better => "better",
        };
        let [before, after, low, high] = f.numbers();
        let interval = format!("{low} to {high}");
        rows.push(vec![f.name.clone(), before, after, interval, word.to_owned()]);
    }
    let mut lines = out::table(&rows, 1..4);
    lines.push(format!("tried on {} held-out people", verdict.subjects));
    lines
}

/// What an adapter adds to a weight, `[out, in]`.
fn update(adapter: Option<&Adapter>, place: Place) -> Result<Option<candle_core::Tensor>> {
    let Some(adapter) = adapter else { return Ok(None) };
    let of = |f: &Factors| Ok((f.b.matmul(&f.a)? * adapter.scale)?);
    adapter.factors.get(&place).map(of).transpose()
}

/// Frobenius' norm.
fn norm(x: &candle_core::Tensor) -> Result<f64> {
    Ok(f64::from(x.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt())
}

fn size(x: Option<&candle_core::Tensor>) -> Result<f64> {
    x.map_or(Ok(0.0), norm)
}

/// What the configuration lays over the model: what is live, nothing, an adapter by its name, or a folder.
///
/// # Errors
/// There is no such adapter, or it is for another model.
pub(super) fn configured(
    config: &Config,
    model: &ModelIdentity,
    weights: &Path,
) -> Result<Option<Arc<NamedAdapter>>> {
    wanted(&config.adapter, config, model, weights)
}

/// The adapter that is called so, or lies in the folder; none for `none`, and where none is `live`.
///
/// # Errors
/// There is no such adapter, or it is for another model.
pub(super) fn wanted(
    wanted: &str,
    config: &Config,
    model: &ModelIdentity,
    weights: &Path,
) -> Result<Option<Arc<NamedAdapter>>> {
    if wanted == "none" {
        return Ok(None);
    }
    let dir = Path::new(wanted);
    if wanted.contains(std::path::MAIN_SEPARATOR) && dir.is_dir() {
        let sizes = DecoderConfig::from_gguf(&Gguf::open(weights)?)?;
        let loaded = peft::load(dir, &sizes)?;
        let name = dir
            .file_name()
            .map_or_else(String::new, |n| line(&n.to_string_lossy()).into_owned());
        return Ok(Some(Arc::new(NamedAdapter {
            name,
            sha256: loaded.sha256,
            adapter: loaded.adapter,
        })));
    }
    let shelf = Shelf::open(&config.workspace, model, weights)?;
    let history = shelf.history();
    let record = match wanted {
        "live" => live(&history).filter(|r| r.adapter.is_some()),
        name => Some(named(&history, name)?),
    };
    record
        .map(|record| shelf.adapter(record).map(Arc::new))
        .transpose()
}
