//! Questions to a workspace, for the writing task and for readers that take no lock.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, RecordId, SubjectId};
use crate::review::{PreferenceRecord, Recorded};
use crate::store::blobs::Blobs;
use crate::store::index::build::{Progress, build};
use crate::store::index::memory::Memory;
use crate::store::index::status::DossierStatus;
use crate::store::index::{Table, Tree, rows};
use crate::store::journal::catalogue::Catalogue;
use crate::store::journal::{self, Tip, head, scan};
use crate::store::record::Record;
use crate::store::vfs::{RealVfs, Vfs};
use crate::store::workspace::{Health, Layout};

/// The records of one dossier, whose they are, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub(crate) subject: SubjectId,
    pub(crate) records: Vec<Recorded>,
}

/// The journal as it can be asked about.
#[derive(Clone, Copy)]
pub(crate) struct Library<'a> {
    pub(crate) vfs: &'a dyn Vfs,
    pub(crate) journal: &'a Path,
    pub(crate) catalogue: &'a Catalogue,
}

impl Library<'_> {
    /// Record `seq` and its hash.
    pub(crate) fn record(self, seq: u64) -> Result<Option<(ContentHash, Record)>> {
        let at = self.catalogue.location(seq);
        at.map(|at| journal::read(self.vfs, self.journal, at)).transpose()
    }

    /// The dossier that record `seq` speaks of.
    pub(crate) fn dossier_of(self, seq: Option<u64>) -> Result<Option<DossierId>> {
        let Some(seq) = seq else { return Ok(None) };
        let record = self.record(seq)?;
        Ok(record.and_then(|(_, record)| record.entry.dossier().cloned()))
    }

    /// The dossier that the record of this name speaks of.
    pub(crate) fn dossier_of_record(self, id: &RecordId) -> Result<Option<DossierId>> {
        self.dossier_of(self.catalogue.receipt(id).map(|receipt| receipt.seq))
    }

    /// The records of a dossier with their hashes, in order.
    pub(crate) fn dossier(self, id: &DossierId) -> Result<Vec<(ContentHash, Record)>> {
        self.records(self.catalogue.timeline(id))
    }

    /// What speaks of no dossier, in order: calibrations and adapters.
    pub(crate) fn of_no_dossier(self) -> Result<Vec<Record>> {
        let records = self.records(self.catalogue.of_no_dossier())?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    fn records(self, numbers: &[u64]) -> Result<Vec<(ContentHash, Record)>> {
        let missing = |seq| {
            Error::new(
                ErrorKind::Internal,
                format!("the catalogue has lost record #{seq}"),
            )
        };
        let numbers = numbers.iter();
        numbers
            .map(|&seq| self.record(seq)?.ok_or_else(|| missing(seq)))
            .collect()
    }

    /// The history of a dossier; none when there are no records of it.
    pub(crate) fn history(self, id: &DossierId) -> Result<Option<History>> {
        let records = self.dossier(id)?;
        let subject = records.first().map(|(_, record)| record.subject.clone());
        Ok(subject.map(|subject| History {
            subject,
            records: records
                .into_iter()
                .map(|(hash, r)| r.into_recorded(hash))
                .collect(),
        }))
    }

    /// Makes all rows in an empty `table`.
    pub(crate) fn fill(
        self,
        table: &mut dyn Table,
        tip: Tip,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<()> {
        let dossiers = self.catalogue.dossiers();
        let of = dossiers.len();
        let histories = dossiers.filter_map(|id| self.history(id).transpose());
        build(table, histories, of, tip, progress)
    }
}

/// How far every dossier is.
pub(crate) fn queue(table: &dyn Table) -> Result<Vec<DossierStatus>> {
    rows::all(table, Tree::Dossiers)
}

/// What decisions teach, in order of decision.
pub(crate) fn pairs(table: &dyn Table) -> Result<Vec<PreferenceRecord>> {
    rows::all(table, Tree::Pairs)
}

/// A workspace opened for reading: no lock is taken, nothing is written, and a writer may be at work meanwhile.
pub struct Reader {
    vfs: Arc<dyn Vfs>,
    layout: Layout,
    catalogue: Catalogue,
    tip: Tip,
    health: Health,
    torn: u64,
}

impl Reader {
    /// Reads the workspace at `root` as it stands now.
    ///
    /// # Errors
    /// `Input` when there is no workspace there, `Io` when it cannot be read. Damage is no error: see
    /// [`Reader::health`].
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_on(Arc::new(RealVfs), root)
    }

    pub(crate) fn open_on(vfs: Arc<dyn Vfs>, root: &Path) -> Result<Self> {
        let layout = Layout::of(root);
        layout.must_exist(&*vfs)?;
        // Traces and HEAD first: a writer may go on meanwhile, and the journal is never shorter than they said before.
        let traces = layout.traces(&*vfs)?;
        let reading = head::read(&*vfs, &layout.journal)?;
        let mut catalogue = Catalogue::default();
        let scan = scan::scan(&*vfs, &layout.journal, reading, traces, &mut |met| {
            catalogue.meet(&met)
        })?;
        let torn = match scan.ending {
            scan::Ending::Torn { bytes, .. } => bytes,
            _ => 0,
        };
        Ok(Self {
            vfs,
            layout,
            catalogue,
            tip: scan.tip,
            health: Health::of(&scan.ending),
            torn,
        })
    }

    fn library(&self) -> Library<'_> {
        Library {
            vfs: &*self.vfs,
            journal: &self.layout.journal,
            catalogue: &self.catalogue,
        }
    }

    /// The rows, made from the journal: a running writer has those on disk to itself.
    fn rows(&self) -> Result<Memory> {
        let mut rows = Memory::default();
        self.library().fill(&mut rows, self.tip, &mut |_| {})?;
        Ok(rows)
    }

    /// The last sound record.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Whether the journal is what was written.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Bytes of an unfinished write at the end: a writer at work, or one that died; never answered as saved.
    pub fn unfinished(&self) -> u64 {
        self.torn
    }

    /// The blobs.
    pub fn blobs(&self) -> Blobs {
        Blobs::new(Arc::clone(&self.vfs), self.layout.blobs.clone())
    }

    /// Record `seq` and its hash; none when there is no such record.
    ///
    /// # Errors
    /// `Damaged` or `Io` when it cannot be read.
    pub fn record(&self, seq: u64) -> Result<Option<(ContentHash, Record)>> {
        self.library().record(seq)
    }

    /// The records of a dossier with their hashes, in order.
    ///
    /// # Errors
    /// `Damaged` or `Io` when one cannot be read.
    pub fn dossier(&self, id: &DossierId) -> Result<Vec<(ContentHash, Record)>> {
        self.library().dossier(id)
    }

    /// The records of every dossier as a review takes them, with whose they are.
    ///
    /// # Errors
    /// `Damaged` or `Io` when one cannot be read.
    pub fn histories(&self) -> Result<Vec<(SubjectId, Vec<Recorded>)>> {
        let library = self.library();
        let histories = self
            .catalogue
            .dossiers()
            .filter_map(|id| library.history(id).transpose());
        histories
            .map(|history| history.map(|history| (history.subject, history.records)))
            .collect()
    }

    /// What speaks of no dossier, in order: calibrations and adapters.
    ///
    /// # Errors
    /// `Damaged` or `Io` when one cannot be read.
    pub fn of_no_dossier(&self) -> Result<Vec<Record>> {
        self.library().of_no_dossier()
    }

    /// How far every dossier is.
    ///
    /// # Errors
    /// `Damaged` or `Io` when a record cannot be read.
    pub fn queue(&self) -> Result<Vec<DossierStatus>> {
        queue(&self.rows()?)
    }

    /// What decisions teach, in order of decision.
    ///
    /// # Errors
    /// `Damaged` or `Io` when a record cannot be read.
    pub fn pairs(&self) -> Result<Vec<PreferenceRecord>> {
        pairs(&self.rows()?)
    }
}
