//! The way to the writing task: requests and answers as values, so that a server can stand between.

use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::DossierId;
use crate::review::preference::PreferenceRecord;
use crate::review::{Receipt, Recorded};
use crate::store::index::status::DossierStatus;
use crate::store::journal::Tip;
use crate::store::record::{Draft, Record};
use crate::store::task;
use crate::store::workspace::{Health, Workspace};

/// Requests that wait at most; who asks more waits at the door.
const WAITING: usize = 256;

/// What can be asked of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreRequest {
    /// Keep this.
    Commit(Box<Draft>),
    /// The records of a dossier, in order.
    Dossier(DossierId),
    /// The records of a dossier as a review takes them, in order.
    History(DossierId),
    /// How far every dossier is.
    Queue,
    /// What decisions teach, in order of decision.
    Pairs,
    /// The bytes of a blob.
    Blob(ContentHash),
    /// How the store is.
    Status,
}

/// What the store answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreAnswer {
    /// It is on the disk.
    Saved(Receipt),
    /// Records, in order.
    Records(Vec<Record>),
    /// Records as a review takes them, in order.
    History(Vec<Recorded>),
    /// How far every dossier is.
    Queue(Vec<DossierStatus>),
    /// What decisions teach, in order of decision.
    Pairs(Vec<PreferenceRecord>),
    /// The bytes of a blob.
    Blob(Vec<u8>),
    /// How the store is.
    Status(StoreStatus),
    /// It was not done.
    Refused(Refusal),
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// The last record.
    pub tip: Tip,
    /// Whether the journal is what was written.
    pub health: Health,
    /// Why nothing is written any more, if so.
    pub read_only: Option<Refusal>,
    /// What was put right at opening, one line each.
    pub notes: Vec<String>,
}

/// An error as a value that can travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What sort of failure.
    pub kind: ErrorKind,
    /// One line.
    pub message: String,
    /// Next steps.
    pub hints: Vec<String>,
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
            hints: error.hints().to_vec(),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(refusal.kind, refusal.message);
        refusal.hints.into_iter().fold(error, Self::hint)
    }
}

/// A request and the way back.
pub(crate) struct Ask {
    pub(crate) request: StoreRequest,
    pub(crate) reply: oneshot::Sender<StoreAnswer>,
}

/// The store: one task that writes.
pub struct Store;

impl Store {
    /// Starts the writing task on a thread of its own. It ends, closing the workspace in good order, when the last
    /// handle is gone; join it to know how that went.
    ///
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(workspace: Workspace) -> Result<(StoreHandle, JoinHandle<Result<()>>)> {
        let (asks, inbox) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || task::run(workspace, inbox))
            .map_err(|e| Error::new(ErrorKind::Io, "cannot start the writing task").because(e))?;
        Ok((StoreHandle { asks }, thread))
    }
}

/// A way to the writing task; cheap to clone.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    asks: mpsc::Sender<Ask>,
}

impl StoreHandle {
    /// Asks, and waits for the answer. Await to the end: a request that was sent is done whether or not anybody waits.
    ///
    /// # Errors
    /// What the store refused, and why; `Internal` when the task is gone.
    pub async fn ask(&self, request: StoreRequest) -> Result<StoreAnswer> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask { request, reply }).await.map_err(|_| gone())?;
        accepted(answer.await.map_err(|_| gone())?)
    }

    /// As [`StoreHandle::ask`], for threads outside the runtime.
    ///
    /// # Errors
    /// As [`StoreHandle::ask`].
    pub fn ask_blocking(&self, request: StoreRequest) -> Result<StoreAnswer> {
        let (reply, answer) = oneshot::channel();
        self.asks
            .blocking_send(Ask { request, reply })
            .map_err(|_| gone())?;
        accepted(answer.blocking_recv().map_err(|_| gone())?)
    }

    /// Keeps a draft; the receipt comes when it is on the disk, and only then.
    ///
    /// # Errors
    /// `Input` when the draft cannot be kept, `Io` when the disk refuses (nothing more is written from then on),
    /// `Damaged` when the journal is.
    pub async fn commit(&self, draft: Draft) -> Result<Receipt> {
        saved(self.ask(StoreRequest::Commit(Box::new(draft))).await?)
    }

    /// As [`StoreHandle::commit`], for threads outside the runtime.
    ///
    /// # Errors
    /// As [`StoreHandle::commit`].
    pub fn commit_blocking(&self, draft: Draft) -> Result<Receipt> {
        saved(self.ask_blocking(StoreRequest::Commit(Box::new(draft)))?)
    }

    /// The records of a dossier, in order.
    ///
    /// # Errors
    /// `Damaged` or `Io` when one cannot be read.
    pub async fn dossier(&self, id: &DossierId) -> Result<Vec<Record>> {
        records(self.ask(StoreRequest::Dossier(id.clone())).await?)
    }

    /// As [`StoreHandle::dossier`], for threads outside the runtime.
    ///
    /// # Errors
    /// As [`StoreHandle::dossier`].
    pub fn dossier_blocking(&self, id: &DossierId) -> Result<Vec<Record>> {
        records(self.ask_blocking(StoreRequest::Dossier(id.clone()))?)
    }

    /// The records of a dossier as a review takes them, in order.
    ///
    /// # Errors
    /// As [`StoreHandle::dossier`].
    pub async fn history(&self, id: &DossierId) -> Result<Vec<Recorded>> {
        history(self.ask(StoreRequest::History(id.clone())).await?)
    }

    /// As [`StoreHandle::history`], for threads outside the runtime.
    ///
    /// # Errors
    /// As [`StoreHandle::dossier`].
    pub fn history_blocking(&self, id: &DossierId) -> Result<Vec<Recorded>> {
        history(self.ask_blocking(StoreRequest::History(id.clone()))?)
    }

    /// How far every dossier is.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub fn queue_blocking(&self) -> Result<Vec<DossierStatus>> {
        match self.ask_blocking(StoreRequest::Queue)? {
            StoreAnswer::Queue(queue) => Ok(queue),
            other => Err(unexpected(&other)),
        }
    }

    /// What decisions teach, in order of decision.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub fn pairs_blocking(&self) -> Result<Vec<PreferenceRecord>> {
        match self.ask_blocking(StoreRequest::Pairs)? {
            StoreAnswer::Pairs(pairs) => Ok(pairs),
            other => Err(unexpected(&other)),
        }
    }

    /// How the store is.
    ///
    /// # Errors
    /// `Internal` when the task is gone.
    pub fn status_blocking(&self) -> Result<StoreStatus> {
        match self.ask_blocking(StoreRequest::Status)? {
            StoreAnswer::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }
}

fn accepted(answer: StoreAnswer) -> Result<StoreAnswer> {
    match answer {
        StoreAnswer::Refused(refusal) => Err(refusal.into()),
        answer => Ok(answer),
    }
}

fn saved(answer: StoreAnswer) -> Result<Receipt> {
    match answer {
        StoreAnswer::Saved(receipt) => Ok(receipt),
        other => Err(unexpected(&other)),
    }
}

fn records(answer: StoreAnswer) -> Result<Vec<Record>> {
    match answer {
        StoreAnswer::Records(records) => Ok(records),
        other => Err(unexpected(&other)),
    }
}

fn history(answer: StoreAnswer) -> Result<Vec<Recorded>> {
    match answer {
        StoreAnswer::History(history) => Ok(history),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &StoreAnswer) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!(
            "the store answered something else: {:?}",
            std::mem::discriminant(answer)
        ),
    )
}

fn gone() -> Error {
    Error::new(ErrorKind::Internal, "the writing task has ended")
        .hint("what was answered \"saved\" is kept; start again")
}
