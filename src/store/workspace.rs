//! One folder with everything: journal, blobs, index, and the lock that makes its writer the only one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::store::blobs::{Blobs, is_shard};
use crate::store::index::Table;
use crate::store::index::build::Progress;
use crate::store::index::database::read_mark;
use crate::store::index::memory::Memory;
use crate::store::index::open::{self, Place};
use crate::store::journal::catalogue::Catalogue;
use crate::store::journal::scan::{Ending, Traces};
use crate::store::journal::{Damage, Journal, Recovered, SEGMENT_BYTES, Tip, recover};
use crate::store::lock::WorkspaceLock;
use crate::store::query::{Library, Reader};
use crate::store::vfs::{RealVfs, Vfs, refused};

/// Where things lie in a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) journal: PathBuf,
    pub(crate) blobs: PathBuf,
    pub(crate) index: PathBuf,
}

impl Layout {
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            journal: root.join("journal"),
            blobs: root.join("blobs"),
            index: root.join("index"),
        }
    }

    /// There is a workspace, be it only what is left of one.
    pub(crate) fn must_exist(&self, vfs: &dyn Vfs) -> Result<()> {
        let refused = |e| Error::io("read", &self.journal, e);
        if vfs.exists(&self.journal).map_err(refused)? || self.traces(vfs)?.blobs {
            return Ok(());
        }
        let what = format!("there is no workspace at {}", self.root.display());
        Err(Error::new(ErrorKind::Input, what)
            .hint("name one with --workspace DIR; `plumb review` makes a new one"))
    }

    /// What lies beside the journal and tells of its records.
    pub(crate) fn traces(&self, vfs: &dyn Vfs) -> Result<Traces> {
        let names = vfs
            .list(&self.blobs)
            .map_err(|e| refused("read", &self.blobs, e))?;
        Ok(Traces {
            blobs: names.iter().any(|name| is_shard(name)),
            index: read_mark(&self.index).map(|mark| mark.applied),
        })
    }
}

/// Whether the journal is what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is.
    Sound,
    /// It is not: nothing will be written, what is sound can be read.
    Damaged(Damage),
}

impl Health {
    pub(crate) fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Damaged(damage) => Self::Damaged(damage.clone()),
            Ending::Clean | Ending::Torn { .. } => Self::Sound,
        }
    }
}

/// A workspace, locked for writing.
pub struct Workspace {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) layout: Layout,
    pub(crate) journal: Option<Journal>,
    pub(crate) catalogue: Catalogue,
    pub(crate) blobs: Blobs,
    pub(crate) table: Box<dyn Table>,
    tip: Tip,
    health: Health,
    notes: Vec<String>,
    _lock: WorkspaceLock,
}

/// How to open a workspace: the defaults are the real disk and files of 16 MiB.
pub struct Opening<'a> {
    root: &'a Path,
    clock: Arc<dyn Clock>,
    vfs: Arc<dyn Vfs>,
    segment_bytes: u64,
    index: Index,
    renew: bool,
    progress: &'a mut dyn FnMut(Progress),
}

/// Where the index is to lie.
enum Index {
    /// Beside the journal; a child process of this program, or of ourselves, tries it first.
    Disk(Option<PathBuf>),
    #[cfg(test)]
    Memory,
}

impl Workspace {
    /// Whether there is one at `root`.
    pub fn exists(root: &Path) -> bool {
        Layout::of(root).must_exist(&RealVfs).is_ok()
    }

    /// Opens the workspace at `root` for writing, making it where there is none.
    ///
    /// # Errors
    /// `Locked` when another process has it, `Io` when the disk refuses. A damaged journal is no error: it opens for
    /// reading only, see [`Workspace::health`].
    pub fn open(root: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut silent = |_| {};
        Self::opening(root, clock, &mut silent).open()
    }

    /// Opens the workspace at `root` for reading, without the lock.
    ///
    /// # Errors
    /// `Input` when there is none, `Io` when it cannot be read.
    pub fn open_read_only(root: &Path) -> Result<Reader> {
        Reader::open(root)
    }

    /// As [`Workspace::open`], with something to say: `progress` hears how far a rebuild of the index is.
    pub fn opening<'a>(
        root: &'a Path,
        clock: Arc<dyn Clock>,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Opening<'a> {
        Opening {
            root,
            clock,
            vfs: Arc::new(RealVfs),
            segment_bytes: SEGMENT_BYTES,
            index: Index::Disk(None),
            renew: false,
            progress,
        }
    }

    /// Ends in good order, so that the next opening can trust the index.
    ///
    /// # Errors
    /// The index could not be closed; it holds nothing of its own.
    pub fn close(self) -> Result<()> {
        self.table.close()
    }

    /// Whether the journal is what was written.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What opening put right, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The last record.
    pub fn tip(&self) -> Tip {
        self.journal.as_ref().map_or(self.tip, Journal::tip)
    }

    /// The index on disk failed: rows from the journal, in memory, take its place; the next opening makes a new one.
    pub(crate) fn index_failed(&mut self, error: &Error) {
        let note = format!("the index failed ({error}); it is kept in memory until the next start");
        self.notes.push(note);
        let mut rows = Memory::default();
        match self.library().fill(&mut rows, self.tip(), &mut |_| {}) {
            Ok(()) => self.table = Box::new(rows),
            Err(error) => self
                .notes
                .push(format!("the index could not be made anew: {error}")),
        }
    }

    pub(crate) fn library(&self) -> Library<'_> {
        Library {
            vfs: &*self.vfs,
            journal: &self.layout.journal,
            catalogue: &self.catalogue,
        }
    }
}

impl Opening<'_> {
    /// Puts another disk beneath.
    #[must_use]
    pub fn on(mut self, vfs: Arc<dyn Vfs>) -> Self {
        self.vfs = vfs;
        self
    }

    /// Begins a new journal file after this many bytes.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Tries the index with this program instead of the one that runs; it must know the command
    /// [`probe::COMMAND`](crate::store::index::probe::COMMAND).
    #[must_use]
    pub fn probing_with(mut self, program: &Path) -> Self {
        self.index = Index::Disk(Some(program.to_path_buf()));
        self
    }

    /// Makes the index anew whatever it is like.
    #[must_use]
    pub fn renewing_the_index(mut self) -> Self {
        self.renew = true;
        self
    }

    /// Keeps the index in memory.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn in_memory(mut self) -> Self {
        self.index = Index::Memory;
        self
    }

    /// Opens.
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub fn open(self) -> Result<Workspace> {
        let layout = Layout::of(self.root);
        prepare(&*self.vfs, &layout)?;
        let lock = WorkspaceLock::take(&layout.root, &*self.clock)?;
        let progress = self.progress;
        let traces = layout.traces(&*self.vfs)?;
        let recovered = recover(&self.vfs, &layout.journal, self.segment_bytes, traces, &mut |n| {
            progress(Progress::Records(n))
        })?;
        let place = self.index.place(&layout, &recovered.scan.ending)?;
        // What a damaged journal can still make is less than the index that is there.
        if self.renew && !matches!(recovered.scan.ending, Ending::Damaged(_)) {
            open::discard(&layout.index)?;
        }
        let Recovered {
            journal,
            scan,
            catalogue,
            mut notes,
        } = recovered;
        let library = Library {
            vfs: &*self.vfs,
            journal: &layout.journal,
            catalogue: &catalogue,
        };
        let mut fill = |table: &mut dyn Table| library.fill(table, scan.tip, progress);
        let table = open::open(&place, scan.tip, &mut notes, &mut fill)?;
        Ok(Workspace {
            blobs: Blobs::new(Arc::clone(&self.vfs), layout.blobs.clone()),
            vfs: self.vfs,
            clock: self.clock,
            layout,
            tip: scan.tip,
            health: Health::of(&scan.ending),
            journal,
            catalogue,
            table,
            notes,
            _lock: lock,
        })
    }
}

impl Index {
    /// A damaged journal leaves the index on disk alone: what is sound is read into memory.
    fn place(self, layout: &Layout, ending: &Ending) -> Result<Place> {
        if matches!(ending, Ending::Damaged(_)) {
            return Ok(Place::Memory);
        }
        let program = match self {
            Self::Disk(Some(program)) => program,
            Self::Disk(None) => std::env::current_exe().map_err(|e| {
                Error::new(ErrorKind::Io, "this program's own file cannot be found").because(e)
            })?,
            #[cfg(test)]
            Self::Memory => return Ok(Place::Memory),
        };
        Ok(Place::Disk {
            path: layout.index.clone(),
            program,
        })
    }
}

/// Makes the folders, durably.
fn prepare(vfs: &dyn Vfs, layout: &Layout) -> Result<()> {
    for dir in [&layout.root, &layout.journal, &layout.blobs] {
        vfs.create_dir(dir).map_err(|e| refused("create", dir, e))?;
    }
    vfs.sync_dir(&layout.root)
        .map_err(|e| refused("write", &layout.root, e))
}
