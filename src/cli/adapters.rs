//! `plumb adapters`: what may be laid over the model, what is, and what was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;

use super::onlooker::Onlooker;
use super::{engine, out};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Origin};
use crate::engine::assessment::{ModelIdentity, RubricIdentity};
use crate::engine::worker::WorkerModel;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::adapters::{self, Before, BuiltIn, before, built_in, decode, draft, history, live, named};
use crate::learn::gate::{Candidate, Gate, MIN_SUBJECTS};
use crate::model::chat::ChatFrame;
use crate::model::config::DecoderConfig;
use crate::model::gguf::Gguf;
use crate::model::lora::{Adapter, Factors, NamedAdapter, Place, Target};
use crate::model::peft;
use crate::model::tokenizer::Tokenizer;
use crate::review::{AdapterRecord, AdapterStep, Entry, Verdict};
use crate::rubric::builtin;
use crate::sanitize::line;
use crate::store::record::new_id;
use crate::store::{Reader, Record, Store, Workspace};
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
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Return to what was live before
    Rollback {
        /// Why
        #[arg(long, value_name = "TEXT")]
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

/// The configured model, and what the journal says of its adapters.
struct Desk<'a> {
    config: &'a Config,
    base: WorkerModel,
    records: Vec<Record>,
    /// What comes with the program.
    built_in: Option<BuiltIn>,
}

impl<'a> Desk<'a> {
    fn open(config: &'a Config) -> Result<Self> {
        let base = engine::base(config)?;
        let records = if Workspace::exists(&config.workspace) {
            Reader::open(&config.workspace)?.of_no_dossier()?
        } else {
            Vec::new()
        };
        Ok(Self {
            config,
            built_in: built_in(&base.identity, &base.path)?,
            base,
            records,
        })
    }

    fn history(&self) -> Vec<&AdapterRecord> {
        history(self.records.iter().map(|r| &r.entry), &self.base.identity)
    }

    fn adapter(&self, record: &AdapterRecord) -> Result<NamedAdapter> {
        let reader = Reader::open(&self.config.workspace)?;
        let bytes = reader.blobs().get(&record.adapter.unwrap_or(ContentHash::ZERO))?;
        decode(record, &bytes)
    }

    /// What comes with the program, where nobody decided otherwise.
    fn live_built_in(&self) -> Option<&BuiltIn> {
        let undecided = live(&self.history()).is_none();
        self.built_in.as_ref().filter(|_| undecided)
    }

    /// What comes with the program, if it is called `name`.
    fn built_in_named(&self, name: &str) -> Option<&BuiltIn> {
        self.built_in.as_ref().filter(|own| own.adapter.name == name)
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
        self.records.iter().filter_map(|record| match &record.entry {
            Entry::Adapter(a) if a.model.sha256 == self.base.identity.sha256 => Some((record, a.as_ref())),
            _ => None,
        })
    }

    fn list(&self, json: bool) -> Result<()> {
        if json {
            return self.told().try_for_each(|(record, _)| out::json(record));
        }
        let history = self.history();
        let live = live(&history).and_then(|r| r.adapter);
        let mut rows = vec![
            ["", "adapter", "factors", "layers", "last"]
                .map(str::to_owned)
                .to_vec(),
        ];
        if let Some(BuiltIn { adapter, .. }) = &self.built_in {
            let targets = adapter.adapter.factors.keys().map(|(_, target)| *target);
            let targets: BTreeSet<Target> = targets.collect();
            rows.push(vec![
                if self.live_built_in().is_some() {
                    "live"
                } else {
                    ""
                }
                .to_owned(),
                line(&adapter.name).into_owned(),
                adapter.sha256.to_string()[..12].to_owned(),
                targets.iter().map(|t| t.name()).collect::<Vec<_>>().join(" "),
                "comes with the program".to_owned(),
            ]);
        }
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
                record
                    .adapter
                    .map_or_else(String::new, |h| h.to_string()[..12].to_owned()),
                targets.collect::<Vec<_>>().join(" "),
                last.to_owned(),
            ]);
        }
        let mut lines = if rows.len() > 1 {
            out::table(&rows, 0..0)
        } else {
            Vec::new()
        };
        if live.is_none() && self.live_built_in().is_none() {
            lines.push(format!(
                "no adapter is live: {} answers by itself",
                self.base.identity.id
            ));
        }
        out::lines(&lines)
    }

    fn show(&self, name: &str, json: bool) -> Result<()> {
        if let Some(BuiltIn { manifest, .. }) = self.built_in_named(name) {
            if json {
                return out::lines(&[(*manifest).to_owned()]);
            }
            let mut lines = vec!["comes with the program; made by".to_owned()];
            lines.extend(manifest.lines().map(|l| line(l).into_owned()));
            return out::lines(&lines);
        }
        let history = self.history();
        let record = named(&history, name)?;
        let of_it = || self.told().filter(|(_, a)| a.name == name);
        if json {
            return of_it().try_for_each(|(record, _)| out::json(record));
        }
        let mut lines = Vec::new();
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
        match history
            .iter()
            .rev()
            .find_map(|r| (r.name == name).then_some(r.manifest?))
        {
            Some(manifest) => {
                let bytes = Reader::open(&self.config.workspace)?.blobs().get(&manifest)?;
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
        if self.history().iter().any(|r| r.name == name) || self.built_in_named(&name).is_some() {
            let what = format!("there is an adapter {name} already");
            return Err(Error::new(ErrorKind::Usage, what).hint("call this one something else with --name"));
        }
        let gguf = Gguf::open(&self.base.path)?;
        let loaded = peft::load(&dir, &DecoderConfig::from_gguf(&gguf)?)?;
        let frame = ChatFrame::from_gguf(&gguf, &Tokenizer::from_gguf(&gguf)?)?;
        frame.check_invocation(&loaded.settings.invocation)?;
        let mut blobs = vec![(loaded.sha256, loaded.bytes)];
        let manifest = dir
            .parent()
            .map(|p| p.join("manifest.json"))
            .and_then(|p| std::fs::read(p).ok());
        let manifest = manifest.map(|bytes| {
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
            }));
        }
        out::lines(&[
            format!(
                "{} of {} tensors belong to layers of {}",
                loaded.matched, loaded.tensors, self.base.identity.id
            ),
            format!("imported as {name}, record #{seq}; `plumb adapters promote {name}` tries it"),
        ])
    }

    fn promote(&self, name: &str, subjects: usize, over: Option<&str>, json: bool) -> Result<()> {
        if over.is_some() && !self.person_is_named() {
            return Err(Error::new(ErrorKind::Usage, "--override needs a person's name")
                .hint("say who decides with --as NAME"));
        }
        let history = self.history();
        let record = named(&history, name)?;
        let current = live(&history).filter(|r| r.adapter.is_some());
        if current.is_some_and(|c| c.adapter == record.adapter) {
            return Err(Error::new(ErrorKind::Usage, format!("{name} is live already")));
        }
        let now = match current {
            Some(record) => Some(self.adapter(record)?),
            None => self.live_built_in().map(|own| own.adapter.clone()),
        };
        let tried = self.adapter(record)?;
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
        let seq = self.commit(kept, Vec::new())?;
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
            (AdapterStep::Refused, None) => {
                let what = format!(
                    "cannot decide on {} people: it takes at least {MIN_SUBJECTS}",
                    verdict.subjects
                );
                Err(Error::new(ErrorKind::Input, what).hint("raise --subjects"))
            }
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
        let watch = Onlooker::start();
        let load = |part| watch.tell("loading the weights", (part * 100.0) as usize, 100);
        let scorer = self.base.load(&load);
        let verdict = scorer.and_then(|scorer| {
            Gate {
                scorer: &mut scorer.with_cache(&self.base.cache),
                rubric: Arc::clone(&rubric),
                subjects,
                watch: &watch,
            }
            .verdict([side(0), side(1)])
        });
        watch.end();
        verdict
    }

    /// Whether somebody said who they are: the account's name is no signature.
    fn person_is_named(&self) -> bool {
        let setting = self.config.settings.iter().find(|s| s.key.name == "person");
        setting.is_some_and(|s| s.origin != Origin::Default)
    }

    fn rollback(&self, reason: Option<&str>, json: bool) -> Result<()> {
        let history = self.history();
        let record = match before(&history) {
            Before::Nothing if self.live_built_in().is_none() => {
                return Err(Error::new(ErrorKind::Input, "no adapter is live"));
            }
            Before::Adapter(record) => record.clone(),
            Before::Nothing | Before::Base => AdapterRecord {
                model: self.base.identity.clone(),
                name: String::new(),
                adapter: None,
                settings: None,
                step: AdapterStep::RolledBack,
                verdict: None,
                manifest: None,
                reason: None,
            },
        };
        let to = if record.name.is_empty() {
            "the model by itself".to_owned()
        } else {
            record.name.clone()
        };
        let record = AdapterRecord {
            step: AdapterStep::RolledBack,
            verdict: None,
            reason: reason.map(str::to_owned),
            ..record
        };
        let seq = self.commit(record, Vec::new())?;
        if json {
            return out::json(&serde_json::json!({"saved": seq, "live": to}));
        }
        out::lines(&[format!("back to {}, record #{seq}", line(&to))])
    }

    fn diff(&self, a: &str, b: &str, json: bool) -> Result<()> {
        let history = self.history();
        let of = |name: &str| -> Result<Option<Adapter>> {
            match name {
                "none" => Ok(None),
                name if self.built_in_named(name).is_some() => {
                    Ok(self.built_in_named(name).map(|own| own.adapter.adapter.clone()))
                }
                name => Ok(Some(self.adapter(named(&history, name)?)?.adapter)),
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
        let word = match (f.holds, f.better) {
            (false, _) => "worse",
            (true, true) => "better",
            (true, false) => "holds",
        };
        rows.push(vec![
            f.name.clone(),
            format!("{:.3}", f.before),
            format!("{:.3}", f.after),
            format!("{:+.3} to {:+.3}", f.low, f.high),
            word.to_owned(),
        ]);
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
    let wanted = config.adapter.as_str();
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
    let own = || Ok(built_in(model, weights)?.map(|own| Arc::new(own.adapter)));
    let exists = Workspace::exists(&config.workspace);
    let reader = if exists {
        Some(Reader::open(&config.workspace)?)
    } else {
        None
    };
    let records = reader
        .as_ref()
        .map_or_else(|| Ok(Vec::new()), Reader::of_no_dossier)?;
    let history = adapters::history(records.iter().map(|r| &r.entry), model);
    let record = match wanted {
        "live" => match live(&history) {
            Some(record) => Some(record).filter(|r| r.adapter.is_some()),
            None => return own(),
        },
        name => match own()?.filter(|own| own.name == name) {
            Some(own) => return Ok(Some(own)),
            None => Some(named(&history, name)?),
        },
    };
    let (Some(record), Some(reader)) = (record, reader) else {
        return Ok(None);
    };
    let bytes = reader.blobs().get(&record.adapter.unwrap_or(ContentHash::ZERO))?;
    Ok(Some(Arc::new(decode(record, &bytes)?)))
}
