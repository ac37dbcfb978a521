//! Questions to a workspace, for the writing task and for readers that take no lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, RecordId};
use crate::review::preference::PreferenceRecord;
use crate::store::blobs::Blobs;
use crate::store::index::memory::Memory;
use crate::store::index::rows::History;
use crate::store::index::status::DossierStatus;
use crate::store::index::{Table, Tree, rows};
use crate::store::journal::{self, Tip, head, scan};
use crate::store::record::Record;
use crate::store::vfs::{RealVfs, Vfs};
use crate::store::workspace::{Health, Layout};

/// A journal with the rows that say where things are.
pub(crate) struct View<'a> {
    pub(crate) vfs: &'a dyn Vfs,
    pub(crate) journal: &'a Path,
    pub(crate) table: &'a dyn Table,
}

impl View<'_> {
    /// Record `seq` and its hash.
    pub(crate) fn record(&self, seq: u64) -> Result<Option<(ContentHash, Record)>> {
        match rows::location(self.table, seq)? {
            Some(at) => journal::read(self.vfs, self.journal, at).map(Some),
            None => Ok(None),
        }
    }

    /// The dossier that the record of this name speaks of.
    pub(crate) fn dossier_of_record(&self, id: &RecordId) -> Result<Option<DossierId>> {
        let seq = rows::receipt(self.table, id)?.map(|receipt| receipt.seq);
        self.dossier_of(seq)
    }

    /// The dossier that an assessment speaks of.
    pub(crate) fn dossier_of_assessment(&self, id: &ContentHash) -> Result<Option<DossierId>> {
        self.dossier_of(rows::assessment_seq(self.table, id)?)
    }

    fn dossier_of(&self, seq: Option<u64>) -> Result<Option<DossierId>> {
        let Some(seq) = seq else { return Ok(None) };
        Ok(self
            .record(seq)?
            .map(|(_, record)| record.entry.dossier().clone()))
    }

    pub(crate) fn dossier(&self, id: &DossierId) -> Result<Vec<(ContentHash, Record)>> {
        let numbers = rows::timeline(self.table, id)?;
        let missing = |seq| Error::new(ErrorKind::Internal, format!("the index has lost record #{seq}"));
        numbers
            .into_iter()
            .map(|seq| self.record(seq)?.ok_or_else(|| missing(seq)))
            .collect()
    }

    /// The history of a dossier; none when there are no records of it.
    pub(crate) fn history(&self, id: &DossierId) -> Result<Option<History>> {
        let records = self.dossier(id)?;
        let Some(subject) = records.first().map(|(_, r)| r.subject.clone()) else {
            return Ok(None);
        };
        let records = records
            .into_iter()
            .map(|(hash, r)| r.into_recorded(hash))
            .collect();
        Ok(Some(History { subject, records }))
    }

    pub(crate) fn queue(&self) -> Result<Vec<DossierStatus>> {
        rows::all(self.table, Tree::Dossiers)
    }

    pub(crate) fn pairs(&self) -> Result<Vec<PreferenceRecord>> {
        rows::all(self.table, Tree::Pairs)
    }
}

/// A workspace opened for reading: no lock is taken, nothing is written, and a writer may be at work meanwhile.
pub struct Reader {
    vfs: Arc<dyn Vfs>,
    layout: Layout,
    table: Memory,
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
        // HEAD first: a writer may go on meanwhile, and the journal is never shorter than an older HEAD says.
        let reading = head::read(&*vfs, &layout.journal)?;
        let mut table = Memory::default();
        let scan = super::index::build::build(&mut table, &*vfs, &layout.journal, reading, &mut |_| {})?;
        let torn = match scan.ending {
            scan::Ending::Torn { bytes, .. } => bytes,
            _ => 0,
        };
        Ok(Self {
            vfs,
            layout,
            table,
            tip: scan.tip,
            health: Health::of(&scan.ending),
            torn,
        })
    }

    fn view(&self) -> View<'_> {
        View {
            vfs: &*self.vfs,
            journal: &self.layout.journal,
            table: &self.table,
        }
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

    /// The folder of the journal.
    pub fn journal(&self) -> PathBuf {
        self.layout.journal.clone()
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
        self.view().record(seq)
    }

    /// The records of a dossier with their hashes, in order.
    ///
    /// # Errors
    /// `Damaged` or `Io` when one cannot be read.
    pub fn dossier(&self, id: &DossierId) -> Result<Vec<(ContentHash, Record)>> {
        self.view().dossier(id)
    }

    /// How far every dossier is.
    ///
    /// # Errors
    /// `Internal` when a row cannot be read.
    pub fn queue(&self) -> Result<Vec<DossierStatus>> {
        self.view().queue()
    }

    /// What decisions teach, in order of decision.
    ///
    /// # Errors
    /// `Internal` when a row cannot be read.
    pub fn pairs(&self) -> Result<Vec<PreferenceRecord>> {
        self.view().pairs()
    }
}
