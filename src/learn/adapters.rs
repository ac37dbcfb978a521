//! Adapters of a workspace: their factors lie as blobs, and what happened to them stands in the journal. Until somebody
//! decides otherwise, the one that comes with the program is live.

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::engine::assessment::ModelIdentity;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{Person, RecordId, SubjectId};
use crate::learn::train::folder::Manifest;
use crate::model::config::DecoderConfig;
use crate::model::gguf::Gguf;
use crate::model::lora::NamedAdapter;
use crate::model::peft;
use crate::review::{AdapterRecord, AdapterStep, Entry};
use crate::sanitize::line;
use crate::store::Draft;

/// Adapters that come with the program, `MODEL/NAME/`: see `models/adapters/README.md`.
static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models/adapters");

/// An adapter that comes with the program.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    /// The adapter.
    pub adapter: NamedAdapter,
    /// As the journal would name it.
    pub record: AdapterRecord,
    /// Its factors and what it was made of, for a journal that is to name it.
    pub blobs: Vec<(ContentHash, Vec<u8>)>,
}

/// What comes with the program for the weights `model`, which lie at `weights`, if anything does.
///
/// # Errors
/// The weights cannot be read, or what comes with the program does not fit them.
pub fn built_in(model: &ModelIdentity, weights: &Path) -> Result<Option<BuiltIn>> {
    let of_model = FOLDER.get_dir(model.id.as_str()).into_iter().flat_map(Dir::dirs);
    for dir in of_model {
        let broken = || {
            let what = format!(
                "the adapter in models/adapters/{} is broken",
                dir.path().display()
            );
            Error::new(ErrorKind::Internal, what)
        };
        let file = |name: &str| dir.get_file(dir.path().join(name)).ok_or_else(broken);
        let text = |name: &str| file(name)?.contents_utf8().ok_or_else(broken);
        let manifest = text("manifest.json")?;
        let made: Manifest = serde_json::from_str(manifest).map_err(|e| broken().because(e))?;
        if made.model.sha256 != model.sha256 {
            continue;
        }
        let sizes = DecoderConfig::from_gguf(&Gguf::open(weights)?)?;
        let name = dir.path().file_name().unwrap_or_default().to_string_lossy();
        let bytes = file(peft::WEIGHTS)?.contents().to_vec();
        let loaded = peft::read(&name, text(peft::CONFIG)?, bytes, &sizes)?;
        let manifest = manifest.as_bytes().to_vec();
        let record = AdapterRecord {
            model: model.clone(),
            name: name.into_owned(),
            adapter: Some(loaded.sha256),
            settings: Some(loaded.settings),
            step: AdapterStep::Shipped,
            verdict: None,
            manifest: Some(ContentHash::of(&manifest)),
            reason: None,
        };
        return Ok(Some(BuiltIn {
            adapter: NamedAdapter {
                name: record.name.clone(),
                sha256: loaded.sha256,
                adapter: loaded.adapter,
            },
            blobs: vec![
                (loaded.sha256, loaded.bytes),
                (ContentHash::of(&manifest), manifest),
            ],
            record,
        }));
    }
    Ok(None)
}

/// What was said of adapters for these weights, in order: what comes with the program, then `said`, the entries of the
/// journal.
pub fn history<'a>(
    built_in: Option<&'a BuiltIn>,
    said: impl Iterator<Item = &'a Entry>,
    model: &ModelIdentity,
) -> Vec<&'a AdapterRecord> {
    let said = said.filter_map(|entry| match entry {
        Entry::Adapter(record) if record.model.sha256 == model.sha256 => Some(record.as_ref()),
        _ => None,
    });
    built_in.map(|own| &own.record).into_iter().chain(said).collect()
}

/// The record that says what is live; none before anything was.
pub fn live<'a>(history: &[&'a AdapterRecord]) -> Option<&'a AdapterRecord> {
    history.iter().rev().find(|record| record.step.is_live()).copied()
}

/// What a rollback returns to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Before<'a> {
    /// Nothing is live: there is no way back.
    Nothing,
    /// The model by itself.
    Base,
    /// This adapter.
    Adapter(&'a AdapterRecord),
}

/// What was live before what is live now first was.
pub fn before<'a>(history: &[&'a AdapterRecord]) -> Before<'a> {
    let Some(current) = live(history).and_then(|record| record.adapter) else {
        return Before::Nothing;
    };
    let lives: Vec<&AdapterRecord> = history.iter().filter(|r| r.step.is_live()).copied().collect();
    let first = lives.iter().position(|r| r.adapter == Some(current)).unwrap_or(0);
    match first.checked_sub(1).map(|at| lives[at]) {
        Some(record) if record.adapter.is_some() => Before::Adapter(record),
        _ => Before::Base,
    }
}

/// Something that may be laid over a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// How it went live, and what the gate said of it then; without factors it is the model by itself.
    pub record: AdapterRecord,
    /// Whether it is live, as far as the journal goes.
    pub live: bool,
}

/// What may be laid over `model`: nothing, and every adapter that was live once, in the order in which they are first
/// mentioned.
pub fn choices(history: &[&AdapterRecord], model: &ModelIdentity) -> Vec<Choice> {
    let current = live(history).and_then(|record| record.adapter);
    let mut known: Vec<ContentHash> = Vec::new();
    for adapter in history.iter().filter_map(|record| record.adapter) {
        if !known.contains(&adapter) {
            known.push(adapter);
        }
    }
    let adapters = known
        .into_iter()
        .filter_map(|adapter| went_live(history, adapter));
    let records = std::iter::once(AdapterRecord::by_itself(model)).chain(adapters.cloned());
    let choice = |record: AdapterRecord| Choice {
        live: record.adapter == current,
        record,
    };
    records.map(choice).collect()
}

/// The last record by which an adapter went live. One for which the gate was not asked counts where there is no other: it holds
/// no verdict.
fn went_live<'a>(history: &[&'a AdapterRecord], adapter: ContentHash) -> Option<&'a AdapterRecord> {
    let lives = || {
        let records = history.iter().rev().copied();
        records.filter(|r| r.adapter == Some(adapter) && r.step.is_live())
    };
    let unasked = |step| matches!(step, AdapterStep::Chosen | AdapterStep::RolledBack);
    let first = lives().find(|r| !unasked(r.step));
    first.or_else(|| lives().next())
}

/// The last record of the adapter called `name` that has factors.
///
/// # Errors
/// There is none.
pub fn named<'a>(history: &[&'a AdapterRecord], name: &str) -> Result<&'a AdapterRecord> {
    let found = history
        .iter()
        .rev()
        .find(|r| r.name == name && r.adapter.is_some());
    found.copied().ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("there is no adapter {} for this model", line(name)),
        )
        .hint("`plumb adapters list` lists them; `plumb adapters import` brings one in")
    })
}

/// The adapter of a record, whose blob is `bytes`.
///
/// # Errors
/// The bytes are not its factors.
pub fn decode(record: &AdapterRecord, bytes: &[u8]) -> Result<NamedAdapter> {
    let broken = || {
        let what = format!(
            "the factors of adapter {} are not what was imported",
            line(&record.name)
        );
        Error::new(ErrorKind::Damaged, what)
    };
    let (Some(sha256), Some(settings)) = (record.adapter, &record.settings) else {
        return Err(broken());
    };
    if ContentHash::of(bytes) != sha256 {
        return Err(broken());
    }
    Ok(NamedAdapter {
        name: record.name.clone(),
        sha256,
        adapter: peft::decode(bytes, settings).map_err(|e| broken().because(e))?,
    })
}

/// What the store is to keep of a record.
pub fn draft(
    record: AdapterRecord,
    id: RecordId,
    by: (Person, String),
    blobs: Vec<(ContentHash, Vec<u8>)>,
) -> Draft {
    Draft {
        id,
        actor: by.0,
        role: by.1,
        subject: SubjectId::nobody(),
        entry: Entry::Adapter(Box::new(record)),
        blobs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ModelId;
    use crate::model::lora::Adapter;

    fn model() -> ModelIdentity {
        ModelIdentity {
            id: ModelId::new("m"),
            sha256: ContentHash::of(b"m"),
            adapter: None,
        }
    }

    fn entry(name: &str, step: AdapterStep) -> Entry {
        Entry::Adapter(Box::new(AdapterRecord {
            model: model(),
            name: name.to_owned(),
            adapter: (!name.is_empty()).then(|| ContentHash::of(name.as_bytes())),
            settings: None,
            step,
            verdict: None,
            manifest: None,
            reason: None,
        }))
    }

    /// A changed file of weights would leave what ships unused, and nobody would be told.
    #[test]
    fn what_ships_belongs_to_weights_that_are_known() -> Result<()> {
        let mut found = 0;
        for dir in FOLDER.dirs().flat_map(Dir::dirs) {
            let file = |name: &str| {
                dir.get_file(dir.path().join(name))
                    .map(include_dir::File::contents)
            };
            let made: Manifest = serde_json::from_slice(file("manifest.json").unwrap_or_default())
                .map_err(|e| Error::new(ErrorKind::Internal, "a manifest").because(e))?;
            let known = crate::model::manifest::find(&made.model.id)?;
            assert_eq!(known.weights().sha256, Some(made.model.sha256));
            assert!(dir.path().starts_with(made.model.id.as_str()));
            let settings = made.settings.lora;
            let adapter = peft::decode(file(peft::WEIGHTS).unwrap_or_default(), &settings)?;
            assert_eq!(adapter.parameters(), made.parameters);
            // What the program reads says the same as what the run wrote down.
            let config: serde_json::Value = serde_json::from_slice(file(peft::CONFIG).unwrap_or_default())
                .map_err(|e| Error::new(ErrorKind::Internal, "an adapter's settings").because(e))?;
            assert_eq!(config["r"], settings.r);
            assert_eq!(config["lora_alpha"], settings.alpha);
            assert_eq!(
                config["alora_invocation_tokens"],
                serde_json::json!(settings.invocation)
            );
            assert!(
                !settings.invocation.is_empty(),
                "it would need a calibration of its own"
            );
            found += 1;
        }
        assert!(found > 0);
        Ok(())
    }

    /// What is live, and what a rollback returns to.
    fn names(entries: &[Entry]) -> (Option<String>, String) {
        let model = model();
        let history = history(None, entries.iter(), &model);
        let back = match before(&history) {
            Before::Nothing => "nothing".to_owned(),
            Before::Base => "base".to_owned(),
            Before::Adapter(record) => record.name.clone(),
        };
        (live(&history).map(|r| r.name.clone()), back)
    }

    /// Taking back what was promoted first returns to what comes with the program; taking that back, to the model by itself.
    #[test]
    fn what_comes_with_the_program_was_live_before_anything() {
        let own = entry("own", AdapterStep::Shipped);
        let promoted = entry("a", AdapterStep::Admitted);
        assert_eq!(
            names(std::slice::from_ref(&own)),
            (Some("own".to_owned()), "base".to_owned())
        );
        assert_eq!(names(&[own, promoted]), (Some("a".to_owned()), "own".to_owned()));
    }

    /// Each choice's name, how it went live, and whether it is.
    fn offered(built_in: Option<&BuiltIn>, entries: &[Entry]) -> Vec<(String, AdapterStep, bool)> {
        let model = model();
        let history = history(built_in, entries.iter(), &model);
        let choices = choices(&history, &model).into_iter();
        choices.map(|c| (c.record.name, c.record.step, c.live)).collect()
    }

    #[test]
    fn what_was_live_once_can_be_live_again() {
        use AdapterStep::{Admitted, Chosen, Imported, Overridden, Refused, RolledBack};
        let of = |name: &str, step, live| (name.to_owned(), step, live);
        assert_eq!(offered(None, &[]), [of("", RolledBack, true)]);
        let mut entries = vec![
            entry("a", Imported),
            entry("b", Imported),
            entry("c", Imported),
            entry("c", Refused),
            entry("b", Admitted),
            entry("a", Overridden),
        ];
        let both = |none, a, b| {
            [
                of("", RolledBack, none),
                of("a", Overridden, a),
                of("b", Admitted, b),
            ]
        };
        assert_eq!(offered(None, &entries), both(false, true, false));
        // What came back, or was chosen again, is told as it went live.
        entries.push(entry("b", RolledBack));
        assert_eq!(offered(None, &entries), both(false, false, true));
        entries.push(entry("a", Chosen));
        assert_eq!(offered(None, &entries), both(false, true, false));
        entries.push(entry("", RolledBack));
        assert_eq!(offered(None, &entries), both(true, false, false));
    }

    #[test]
    fn what_comes_with_the_program_is_offered_first_and_keeps_its_origin() {
        use AdapterStep::{Admitted, RolledBack, Shipped};
        let Entry::Adapter(record) = entry("own", Shipped) else {
            return;
        };
        let own = BuiltIn {
            adapter: NamedAdapter {
                name: record.name.clone(),
                sha256: ContentHash::of(b"own"),
                adapter: Adapter {
                    scale: 1.0,
                    factors: std::collections::BTreeMap::new(),
                    invocation: Vec::new(),
                },
            },
            record: *record,
            blobs: Vec::new(),
        };
        let of = |name: &str, step, live| (name.to_owned(), step, live);
        let entries = [
            entry("a", Admitted),
            entry("own", RolledBack),
            // One that an older program came with.
            entry("old", RolledBack),
        ];
        assert_eq!(
            offered(Some(&own), &entries),
            [
                of("", RolledBack, false),
                of("own", Shipped, false),
                of("a", Admitted, false),
                of("old", RolledBack, true),
            ]
        );
    }

    #[test]
    fn the_last_that_went_live_is_live_and_a_rollback_returns_to_the_one_before() {
        use AdapterStep::{Admitted, Imported, Overridden, Refused, RolledBack};
        let mut entries = vec![entry("a", Imported), entry("b", Imported)];
        assert_eq!(names(&entries), (None, "nothing".to_owned()));
        entries.push(entry("a", Admitted));
        entries.push(entry("b", Refused));
        assert_eq!(names(&entries), (Some("a".to_owned()), "base".to_owned()));
        entries.push(entry("b", Overridden));
        assert_eq!(names(&entries), (Some("b".to_owned()), "a".to_owned()));
        entries.push(entry("a", RolledBack));
        assert_eq!(names(&entries), (Some("a".to_owned()), "base".to_owned()));
        entries.push(entry("", RolledBack));
        assert_eq!(names(&entries), (Some(String::new()), "nothing".to_owned()));
        let other = ModelIdentity {
            sha256: ContentHash::of(b"n"),
            ..model()
        };
        assert!(history(None, entries.iter(), &other).is_empty());
    }
}
