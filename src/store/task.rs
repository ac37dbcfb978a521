//! The one writing task. Commits that wait together are written together; an answer goes out only when the disk has
//! everything the record needs, and the index follows after.

use std::collections::{BTreeSet, HashMap, hash_map};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, RecordId};
use crate::review::{Receipt, Recorded};
use crate::store::admit::{Pending, admit};
use crate::store::handle::{Ask, Refusal, StoreAnswer, StoreRequest, StoreStatus};
use crate::store::index::applied_change;
use crate::store::index::rows;
use crate::store::journal::{Location, Tip};
use crate::store::query::{History, pairs, queue};
use crate::store::record::{Draft, Line};
use crate::store::workspace::{Health, Workspace};

/// Commits written at once, at most.
const BATCH: usize = 64;
/// The index is made durable after so many records …
const CHECKPOINT_RECORDS: usize = 1_000;
/// … or this long after the first of them.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(5);
/// Histories kept in memory, so that a decision does not read its dossier's again.
const HISTORIES: usize = 8;

type Reply = oneshot::Sender<StoreAnswer>;

/// Runs until every handle is gone, then closes in good order.
pub(crate) fn run(workspace: Workspace, inbox: mpsc::Receiver<Ask>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, "cannot start the writing task").because(e))?;
    let read_only = match workspace.health() {
        Health::Sound => None,
        Health::Damaged(damage) => Some(Refusal::from(&damage.error())),
    };
    let task = Task {
        workspace,
        read_only,
        histories: HashMap::new(),
        unsynced: 0,
        since: Instant::now(),
    };
    runtime.block_on(task.serve(inbox))
}

struct Task {
    workspace: Workspace,
    /// Why nothing is written any more.
    read_only: Option<Refusal>,
    histories: HashMap<DossierId, History>,
    /// Records that the index has and its disk may not.
    unsynced: usize,
    since: Instant,
}

/// Commits that are written together.
struct Batch {
    /// The last record once this batch is written.
    tip: Tip,
    entries: Vec<Entry>,
    places: HashMap<RecordId, usize>,
    pending: Pending,
}

struct Entry {
    line: Line,
    record: Recorded,
    blobs: Vec<(ContentHash, Vec<u8>)>,
    replies: Vec<Reply>,
}

impl Entry {
    fn receipt(&self) -> Receipt {
        Receipt {
            id: self.record.id.clone(),
            seq: self.record.seq,
            hash: self.record.hash,
        }
    }
}

impl Batch {
    fn after(tip: Tip) -> Self {
        Self {
            tip,
            entries: Vec::new(),
            places: HashMap::new(),
            pending: Pending::default(),
        }
    }

    /// Makes the record that `draft` becomes; a draft that cannot be written down leaves the batch as it was.
    fn push(&mut self, draft: Draft, at: Timestamp, reply: Reply) -> Result<(), (Reply, Error)> {
        let record = draft.record(self.tip, at);
        let line = match record.encode() {
            Ok(line) => line,
            Err(error) => return Err((reply, error)),
        };
        self.tip = Tip {
            seq: record.seq,
            hash: line.hash,
        };
        self.pending.add(&draft);
        self.places.insert(draft.id, self.entries.len());
        self.entries.push(Entry {
            record: record.into_recorded(line.hash),
            line,
            blobs: draft.blobs,
            replies: vec![reply],
        });
        Ok(())
    }
}

impl Task {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Ask>) -> Result<()> {
        loop {
            match tokio::time::timeout(CHECKPOINT_AFTER, inbox.recv()).await {
                Ok(Some(first)) => self.round(first, &mut inbox),
                Ok(None) => break,
                Err(_) => {}
            }
            self.checkpoint_when_due();
        }
        self.workspace.close()
    }

    /// Serves `first` and what waits behind it: commits gather until a question comes, so that every answer knows what
    /// was asked before.
    fn round(&mut self, first: Ask, inbox: &mut mpsc::Receiver<Ask>) {
        let mut batch = Batch::after(self.workspace.tip());
        let mut next = Some(first);
        while let Some(Ask { request, reply }) = next {
            match request {
                StoreRequest::Commit(draft) => self.gather(*draft, reply, &mut batch),
                question => {
                    self.write(batch);
                    send(reply, self.answer(question));
                    batch = Batch::after(self.workspace.tip());
                }
            }
            next = if batch.entries.len() < BATCH {
                inbox.try_recv().ok()
            } else {
                None
            };
        }
        self.write(batch);
    }

    fn answer(&self, question: StoreRequest) -> Result<StoreAnswer> {
        let library = self.workspace.library();
        match question {
            StoreRequest::Commit(_) => Err(Error::new(ErrorKind::Internal, "a commit is no question")),
            StoreRequest::Dossier(id) => {
                let records = library.dossier(&id)?;
                Ok(StoreAnswer::Records(
                    records.into_iter().map(|(_, record)| record).collect(),
                ))
            }
            StoreRequest::History(id) => {
                let history = library.history(&id)?;
                Ok(StoreAnswer::History(history.map_or_else(Vec::new, |h| h.records)))
            }
            StoreRequest::Queue => queue(&*self.workspace.table).map(StoreAnswer::Queue),
            StoreRequest::Pairs => pairs(&*self.workspace.table).map(StoreAnswer::Pairs),
            StoreRequest::Blob(hash) => self.workspace.blobs.get(&hash).map(StoreAnswer::Blob),
            StoreRequest::Status => Ok(StoreAnswer::Status(self.status())),
        }
    }

    fn status(&self) -> StoreStatus {
        StoreStatus {
            tip: self.workspace.tip(),
            health: self.workspace.health().clone(),
            read_only: self.read_only.clone(),
            notes: self.workspace.notes().to_vec(),
        }
    }

    /// Puts a draft into the batch, or answers it at once: refused, or known already.
    fn gather(&mut self, draft: Draft, reply: Reply, batch: &mut Batch) {
        if let Some(&place) = batch.places.get(&draft.id) {
            return batch.entries[place].replies.push(reply);
        }
        match self.consider(&draft, &batch.pending) {
            Ok(None) => {
                let at = self.workspace.clock.now();
                if let Err((reply, error)) = batch.push(draft, at, reply) {
                    send(reply, Err(error));
                }
            }
            Ok(Some(receipt)) => send(reply, Ok(StoreAnswer::Saved(receipt))),
            Err(error) => {
                self.stop_writing_on_io(&error);
                send(reply, Err(error));
            }
        }
    }

    /// The receipt of a draft that was saved before; none when it is new and may be written.
    fn consider(&self, draft: &Draft, pending: &Pending) -> Result<Option<Receipt>> {
        if let Some(receipt) = self.workspace.catalogue.receipt(&draft.id) {
            return Ok(Some(receipt));
        }
        if let Some(refusal) = &self.read_only {
            return Err(refusal.clone().into());
        }
        admit(&self.workspace, pending, draft).map(|()| None)
    }

    /// Saves a batch and answers it; nothing more is written once the disk has refused.
    fn write(&mut self, mut batch: Batch) {
        if batch.entries.is_empty() {
            return;
        }
        match self.save(&batch.entries) {
            Ok(places) => {
                for entry in &mut batch.entries {
                    let receipt = entry.receipt();
                    for reply in entry.replies.drain(..) {
                        send(reply, Ok(StoreAnswer::Saved(receipt.clone())));
                    }
                }
                self.index(batch, &places);
            }
            Err(error) => {
                self.stop_writing_on_io(&error);
                let refusal = Refusal::from(&error);
                for reply in batch.entries.into_iter().flat_map(|e| e.replies) {
                    send(reply, Ok(StoreAnswer::Refused(refusal.clone())));
                }
            }
        }
    }

    /// Blobs first, then the records that cite them.
    fn save(&mut self, entries: &[Entry]) -> Result<Vec<Location>> {
        if let Some(refusal) = &self.read_only {
            return Err(refusal.clone().into());
        }
        for (hash, bytes) in entries.iter().flat_map(|e| &e.blobs) {
            self.workspace.blobs.put(hash, bytes)?;
        }
        let lines: Vec<&Line> = entries.iter().map(|e| &e.line).collect();
        match &mut self.workspace.journal {
            Some(journal) => journal.append(&lines),
            None => Err(Error::new(ErrorKind::Damaged, "the journal is damaged")),
        }
    }

    fn stop_writing_on_io(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Io && self.read_only.is_none() {
            self.read_only = Some(Refusal::from(error));
        }
    }

    /// Brings the catalogue and the index up to a batch that is saved.
    fn index(&mut self, batch: Batch, places: &[Location]) {
        self.unsynced += batch.entries.len();
        let touched = self.enter(batch.entries, places);
        if let Err(error) = self.apply(batch.tip, touched) {
            self.workspace.index_failed(&error);
            self.histories.clear();
        }
    }

    /// Enters saved records into the catalogue and the histories at hand; the dossiers they speak of.
    fn enter(&mut self, entries: Vec<Entry>, places: &[Location]) -> BTreeSet<DossierId> {
        let mut touched = BTreeSet::new();
        for (Entry { record, .. }, &at) in entries.into_iter().zip(places) {
            let dossier = record.entry.dossier().cloned();
            let tip = Tip {
                seq: record.seq,
                hash: record.hash,
            };
            self.workspace
                .catalogue
                .add(tip, &record.id, dossier.as_ref(), at);
            let Some(dossier) = dossier else { continue };
            if let Some(history) = self.histories.get_mut(&dossier) {
                history.records.push(record);
            }
            touched.insert(dossier);
        }
        touched
    }

    fn apply(&mut self, tip: Tip, touched: BTreeSet<DossierId>) -> Result<()> {
        let mut changes = vec![applied_change(tip)?];
        for dossier in touched {
            let history = match self.histories.entry(dossier) {
                hash_map::Entry::Occupied(at_hand) => at_hand.into_mut(),
                hash_map::Entry::Vacant(free) => match self.workspace.library().history(free.key())? {
                    Some(history) => free.insert(history),
                    None => continue,
                },
            };
            changes.extend(rows::of_dossier(history)?);
        }
        let table = &mut self.workspace.table;
        let changes = rows::only_new(&**table, changes)?;
        table.apply(changes)
    }

    fn checkpoint_when_due(&mut self) {
        if self.histories.len() > HISTORIES {
            self.histories.clear();
        }
        if self.unsynced == 0 {
            self.since = Instant::now();
        } else if self.unsynced >= CHECKPOINT_RECORDS || self.since.elapsed() >= CHECKPOINT_AFTER {
            self.unsynced = 0;
            if let Err(error) = self.workspace.table.checkpoint() {
                self.workspace.index_failed(&error);
            }
        }
    }
}

/// Answers; whoever no longer waits is none of our business.
fn send(reply: Reply, answer: Result<StoreAnswer>) {
    let answer = answer.unwrap_or_else(|error| StoreAnswer::Refused(Refusal::from(&error)));
    drop(reply.send(answer));
}
