//! From a folder to a [`Dossier`]: files are found, decoded, recognised, and cut into segments that can be cited.
//!
//! A file that cannot be read becomes a [`Problem`] of one line and the rest opens. What a segment's `text` is:
//! - sentences, headings, lines of code and utterances: the bytes of the span, made visible and put on one line;
//! - chat messages: the same of the JSON string that the span holds, without its quotes, its escapes undone;
//! - table rows: `Header: cell; Header: cell` of the row that the span holds; of a long row `Header: words` for each
//!   cell.
//!
//! None is longer than prose may be (see [`crate::sentence`]): what is, is cut there.
//!
//! [`reread`] derives the text from the span alone. Office files are rendered as plain text in a child process first
//! (see [`office`]): every segment of theirs is the bytes of its span. Recordings are heard by whoever opens the dossier
//! ([`Ears`]), pictures read as a text of their own, a value a line (see [`chart`]). The files of an archive are sources
//! like those outside. A reader for one more format of text is one more line in the table of `format.rs`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicUsize};

use crate::dossier::manifest::{self, Manifest, Named, SourceEntry, is_archive};
use crate::dossier::{Dossier, DossierMeta, Language, Ordering, Problem, Source, SourceKind, Subject};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, SegmentNo, SubjectId};
use crate::sanitize::line;
use crate::watch::Nobody;

pub mod cells;
pub mod chart;
mod chat;
mod cues;
mod encoding;
mod escape;
mod file;
mod format;
mod json;
mod kept;
pub mod levels;
pub mod office;
mod pipes;
mod prose;
mod recording;
pub mod redaction;
mod reread;
mod segment;
mod speakers;
mod table;
mod witness;
mod zipped;

use file::{Eyes, FileRead};
use speakers::Names;

pub use chart::Sight;
pub use cues::captions;
pub use escape::Unescaped;
pub use file::Unread;
pub use office::Parser;
pub use recording::{Deaf, Ears, Hearer, unheard};
pub use reread::reread;
pub use witness::Witness;

/// How much is read at most. Recordings and archives have limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 32 << 20 }
    }
}

/// Who reads what is no text.
#[derive(Clone, Copy)]
pub struct Readers<'a> {
    /// Renders office files.
    pub office: &'a Parser,
    /// Hears recordings.
    pub ears: &'a dyn Ears,
    /// Reads pictures.
    pub sight: &'a Sight,
    /// Sees which files are being read.
    pub witness: &'a dyn Witness,
}

impl<'a> Readers<'a> {
    /// Who reads files by their bytes.
    fn eyes(&self) -> Eyes<'a> {
        Eyes {
            office: self.office,
            sight: self.sight,
            witness: self.witness,
        }
    }
}

impl Readers<'static> {
    /// Office files in this process, without a sandbox; recordings unheard, pictures unread.
    pub const HERE: Self = Self {
        office: &Parser::HERE,
        ears: &Deaf,
        sight: &Sight::BLIND,
        witness: &Nobody,
    };
}

/// Opens dossiers, whatever lies in them.
pub trait Open: Send + Sync {
    /// Reads the dossier in `dir`.
    ///
    /// # Errors
    /// As [`open_with`].
    fn open(&self, dir: &Path) -> Result<Dossier>;

    /// Hears the recordings that are [`unheard`] in `dossier`, and reads it again with their words; none where there are
    /// none. This takes half as long as they do.
    ///
    /// # Errors
    /// As [`open_with`].
    fn hear(&self, dossier: &Dossier, watch: &dyn Hearer) -> Option<Result<Dossier>> {
        let _ = (dossier, watch);
        None
    }
}

/// The dossiers of a folder: itself, or the folders directly in it that hold a `dossier.toml`, by name.
///
/// # Errors
/// The folder cannot be read, or there is no dossier in it.
pub fn find(dir: &Path) -> Result<Vec<PathBuf>> {
    if is_dossier(dir) {
        return Ok(vec![dir.to_owned()]);
    }
    let fail = |e| Error::new(ErrorKind::Io, format!("cannot read the folder {}", name(dir))).because(e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if is_dossier(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        let message = format!("no dossier in {}", name(dir));
        let hint = "a dossier is a folder with a dossier.toml; name one, or a folder that holds some";
        return Err(Error::new(ErrorKind::Input, message).hint(hint));
    }
    Ok(found)
}

fn is_dossier(dir: &Path) -> bool {
    dir.join(manifest::FILE).is_file()
}

/// A path, safe to show.
fn name(path: &Path) -> String {
    line(&path.display().to_string()).into_owned()
}

/// Reads the dossier in `dir` with the default limits, its recordings unheard and its pictures unread.
///
/// # Errors
/// See [`open_with`].
pub fn open(dir: &Path) -> Result<Dossier> {
    let office = Parser::of_this_program();
    let readers = Readers {
        office: &office,
        ..Readers::HERE
    };
    open_with(dir, Limits::default(), readers)
}

/// Reads the dossier in `dir` with these `readers`; files that cannot be read are in its `problems`.
///
/// # Errors
/// `dossier.toml` is missing or wrong, or not one of its files can be read; `Cancelled` when whoever hears or sees it
/// was stopped.
pub fn open_with(dir: &Path, limits: Limits, readers: Readers<'_>) -> Result<Dossier> {
    let manifest = Manifest::load(dir)?;
    let fail = |e| Error::new(ErrorKind::Io, format!("cannot open {}", name(dir))).because(e);
    let root = dir.canonicalize().map_err(fail)?;
    let mut shelf = Shelf::default();
    let (eyes, ears) = (readers.eyes(), readers.ears);
    let mut speakers = manifest.speakers;
    // A model has the processor to itself; the others are waited for together. So are the files of an archive, among
    // themselves: what it unpacks to is held.
    let files = abreast(&manifest.sources, |entry| {
        let apart =
            recording::is_recording(entry) || chart::is_picture(&entry.path) || is_archive(&entry.path);
        (!apart).then(|| file::read(&root, entry, limits, eyes))
    });
    for (entry, file) in manifest.sources.iter().zip(files) {
        let one = |read| vec![(entry.path.clone(), read)];
        let read = match file {
            Some(read) => one(read.map_err(Unread::from)),
            None if is_archive(&entry.path) => zipped::read(&root, entry, limits, readers),
            None if chart::is_picture(&entry.path) => {
                let bytes = file::load(&root, &entry.path, limits);
                let read = bytes.and_then(|bytes| chart::source(entry, &bytes, eyes));
                one(read.map_err(Unread::from))
            }
            None => one(recording::read(&root, entry, ears)),
        };
        if ears.stopped() {
            return Err(stopped("stopped while a recording was heard", "what was heard"));
        }
        if eyes.witness.stopped() {
            return Err(stopped("stopped while the dossier was read", "what was read"));
        }
        shelf.put(entry, read, &mut speakers);
    }
    for path in speakers.keys() {
        shelf.problem(manifest::FILE, &speakers::nowhere(path));
    }
    if shelf.sources.is_empty() {
        return Err(nothing_readable(dir, &shelf.problems));
    }
    Ok(Dossier {
        meta: manifest.meta,
        root: dir.to_owned(),
        sources: shelf.sources,
        problems: shelf.problems,
    })
}

fn stopped(message: &str, done: &str) -> Error {
    let hint = format!("{done} is kept: the same command goes on with it");
    Error::new(ErrorKind::Cancelled, message).hint(hint)
}

/// What `read` gives for every file, in order. Several are read at a time, since an office file is waited for.
fn abreast<T: Sync, U: Send>(files: &[T], read: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let at = next.fetch_add(1, atomic::Ordering::Relaxed);
            let Some(file) = files.get(at) else { return mine };
            mine.push((at, read(file)));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..cores.min(files.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for helper in helpers {
            done.extend(
                helper
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, read)| read).collect()
}

/// Whom a text that no file holds is about: a name that no sanitised text holds, so that none is changed to hide it.
const NOBODY: &str = "nobody\0";

/// A dossier of one text that no file holds: `context` says what it answers or where it comes from.
///
/// # Errors
/// There is nothing in it that could be cited.
pub fn of_text(id: &str, context: &str, language: Language, text: &str) -> Result<Dossier> {
    let meta = DossierMeta {
        id: DossierId::new(line(id)),
        subject: Subject {
            id: SubjectId::nobody(),
            name: NOBODY.to_owned(),
        },
        role: line(context).into_owned(),
        level: None,
        cycle: "-".to_owned(),
        language,
        people: Vec::new(),
        earlier: Vec::new(),
    };
    let entry = SourceEntry {
        path: "text.txt".to_owned(),
        kind: SourceKind::Other,
        date: None,
        title: None,
    };
    of_texts(meta, &[(entry, text.to_owned())])
}

/// A dossier of texts that no files hold.
///
/// # Errors
/// There is one without anything that could be cited.
pub fn of_texts(meta: DossierMeta, texts: &[(SourceEntry, String)]) -> Result<Dossier> {
    let mut shelf = Shelf::default();
    for (entry, text) in texts {
        let unreadable = |why| Error::new(ErrorKind::Input, format!("the text {}: {why}", meta.id));
        let read = file::read_bytes(entry, text.clone().into_bytes(), Readers::HERE.eyes());
        shelf.add(read.map_err(unreadable)?);
    }
    Ok(Dossier {
        meta,
        root: PathBuf::new(),
        sources: shelf.sources,
        problems: shelf.problems,
    })
}

/// The raw bytes of every source, with their address: what a record about the dossier cites. Read again from the disk,
/// since a dossier in memory holds text only; of a recording or a picture also the text that was found in it.
///
/// # Errors
/// A file is gone, or is no longer what was read.
pub fn originals(dossier: &Dossier) -> Result<Vec<(ContentHash, Vec<u8>)>> {
    originals_by(dossier, &Parser::of_this_program())
}

fn originals_by(dossier: &Dossier, office: &Parser) -> Result<Vec<(ContentHash, Vec<u8>)>> {
    let mut archived = zipped::Originals::new(office);
    let original = |source: &Source| {
        let path = dossier.root.join(&source.path);
        let found = archived.find(&path, source.hash);
        let bytes = found.and_then(|found| found.map_or_else(|| std::fs::read(&path), Ok));
        let bytes = bytes.map_err(|e| Error::io("read", &path, e))?;
        if ContentHash::of(&bytes) != source.hash {
            let changed = format!("{} changed while it was being reviewed", name(&path));
            return Err(Error::new(ErrorKind::Input, changed).hint("open the dossier again"));
        }
        Ok((source.hash, bytes))
    };
    let renditions = dossier.sources.iter().filter_map(|source| {
        let rendition = source.rendition()?;
        Some(Ok((rendition, source.raw.clone().into_bytes())))
    });
    dossier.sources.iter().map(original).chain(renditions).collect()
}

fn nothing_readable(dir: &Path, problems: &[Problem]) -> Error {
    let message = format!("no source of {} can be read", name(&dir.join(manifest::FILE)));
    let error = Error::new(ErrorKind::Input, message);
    problems.iter().take(3).fold(error, |error, problem| {
        error.hint(format!("{}: {}", problem.path, problem.message))
    })
}

/// What has been read so far.
#[derive(Default)]
struct Shelf {
    sources: Vec<Source>,
    problems: Vec<Problem>,
    by_content: HashMap<ContentHash, String>,
    last: u32,
}

impl Shelf {
    /// Puts what was read of `entry` at the end, with the names that `speakers` has for who speaks in it; these are taken.
    fn put(
        &mut self,
        entry: &SourceEntry,
        read: Vec<zipped::Read>,
        speakers: &mut BTreeMap<PathBuf, Vec<Named>>,
    ) {
        let mut names = |path: &str| Names::of(speakers.remove(&manifest::plain(path)));
        let mut around = Names::default();
        if is_archive(&entry.path) {
            around = names(&entry.path);
        }
        for (path, read) in read {
            let own = names(&path);
            match read {
                Ok(mut read) => {
                    speakers::name(&mut read, own, &mut around);
                    self.add(read);
                }
                Err(unread) => {
                    // Whoever is named may speak in what was not read of the archive.
                    if path == entry.path {
                        around = Names::default();
                    }
                    self.problems.push(Problem {
                        unheard: unread.unheard,
                        ..problem(&path, &unread.why)
                    });
                }
            }
        }
        for note in around.unfound() {
            self.problem(&entry.path, &note);
        }
    }

    /// Numbers the segments of a file and puts it at the end. The same bytes are not read twice: they would count double
    /// as evidence, and a content address would name two places.
    fn add(&mut self, read: FileRead) {
        let mut source = read.source;
        if let Some(first) = self.by_content.get(&source.hash) {
            let message = format!("has the same content as {first}; read once");
            return self.problem(&source.path, &message);
        }
        self.by_content.insert(source.hash, source.path.clone());
        for segment in &mut source.segments {
            self.last += 1;
            segment.no = SegmentNo(self.last);
            segment.source = self.sources.len();
        }
        for note in read.notes {
            self.problem(&source.path, &note);
        }
        if let Some(ordering) = source.ordering() {
            self.problems.push(Problem {
                orders: true,
                ..problem(&source.path, &ordered(&ordering))
            });
        }
        self.sources.push(source);
    }

    fn problem(&mut self, path: &str, message: &str) {
        self.problems.push(problem(path, message));
    }
}

fn problem(path: &str, message: &str) -> Problem {
    Problem {
        path: line(path).into_owned(),
        message: line(message).into_owned(),
        orders: false,
        unheard: false,
    }
}

/// What to say of the places of a source that read like orders to a model.
fn ordered(ordering: &Ordering) -> String {
    let kinds: Vec<&str> = ordering.kinds.iter().map(|kind| kind.name()).collect();
    let Ordering { places, first, .. } = ordering;
    let which = if *places == 1 {
        format!("segment {first} reads like an order to a model")
    } else {
        format!("{places} segments read like orders to a model, the first is {first}")
    };
    format!("{which} ({}); kept as evidence", kinds.join(", "))
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod untrusted;
