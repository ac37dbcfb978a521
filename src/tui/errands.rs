//! What the loop has done elsewhere, so that keys never wait: reading dossiers, colouring sources, writing records and
//! reports. Every errand comes back as a message.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, WeakSender};
use tokio::task::JoinSet;

use super::highlight::Highlights;
use super::state::overlay::{ExportFormat, Followed};
use super::state::{ExportFault, Message, Opened, Reread, document};
use super::width::Measure;
use crate::dossier::Dossier;
use crate::engine::worker::be_nice;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Check, cross_check};
use crate::hash::ContentHash;
use crate::ingest::{self, Hearer, Open};
use crate::learn::calibrate::fresh::Fresh;
use crate::learn::train::folder::Look;
use crate::review::{Act, AdapterRecord, Attachment, Draft, Entry, Pair};
use crate::rubric::Rubric;
use crate::sanitize::line;
use crate::store::{self, Pool, StoreHandle};

mod scoring;

pub use scoring::Scoring;

/// Something the store is to do. One after the other: a history that is read after a record was sent holds it.
#[derive(Debug)]
pub(super) enum Job {
    /// Write a record.
    Commit(Box<Draft>),
    /// Read what is known of a dossier of the queue.
    History(usize, Arc<Dossier>, Arc<[Check]>),
    /// Read what may be laid over the model.
    Adapters,
    /// Put an adapter live.
    PutLive(Box<AdapterRecord>),
    /// Take a calibration into use that was fitted beside the jobs.
    Calibrate(Box<Fresh>),
}

/// Does the store's jobs until nobody can send any more. Nothing but these writes, so that no calibration comes into use while an
/// adapter goes live.
pub(super) async fn keep(
    store: StoreHandle,
    role: String,
    mut scoring: Option<Scoring>,
    mut jobs: Receiver<Job>,
    answers: Sender<Message>,
) {
    let (mut scores, mut fits) = (0, JoinSet::<Result<Option<Fresh>>>::new());
    loop {
        let job = tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job,
                None => break,
            },
            Some(fit) = fits.join_next() => match fit {
                Ok(Ok(Some(fresh))) => Job::Calibrate(Box::new(fresh)),
                // Too few decisions, or nothing gained by them, is nothing to tell: `plumb calibrate` says why.
                _ => continue,
            },
        };
        let answer = match (job, &mut scoring) {
            (Job::Commit(draft), _) => {
                scores += usize::from(is_score(&draft.entry));
                commit(&store, &role, *draft).await
            }
            (Job::History(row, dossier, checks), _) => history(&store, row, dossier, checks).await,
            (Job::Adapters, Some(scoring)) => {
                // Decisions do not wait until the whole journal is read.
                tokio::spawn(scoring.clone().list(answers.clone()));
                continue;
            }
            (Job::PutLive(chosen), Some(scoring)) => scoring.put_live(*chosen, &store, &role).await,
            (Job::Calibrate(fresh), Some(scoring)) => match scoring.calibrate(*fresh, &store, &role).await {
                Some(message) => message,
                None => continue,
            },
            // Without a model nobody asks.
            (Job::Adapters | Job::PutLive(_) | Job::Calibrate(_), None) => continue,
        };
        // A screen that is gone hears nothing; the records are written all the same.
        let _ = answers.send(answer).await;
        if let Some(scoring) = scoring.as_ref().filter(|s| s.refits_after(scores)).cloned() {
            scores = 0;
            fits.spawn_blocking(move || scoring.fit());
        }
    }
}

fn is_score(entry: &Entry) -> bool {
    let decided = |act: &Act| matches!(act, Act::Accept { .. } | Act::Override { .. });
    matches!(entry, Entry::Decision(decision) if decided(&decision.act))
}

async fn commit(store: &StoreHandle, role: &str, draft: Draft) -> Message {
    let id = draft.id.clone();
    let role = role.to_owned();
    let prepared = tokio::task::spawn_blocking(move || prepare(&role, &draft)).await;
    let saved = match prepared {
        Ok(Ok(draft)) => store.commit(draft).await.map_err(|e| (e.kind(), e)),
        // A source that is not what was read, or not there, says nothing of the store.
        Ok(Err(error)) => Err((ErrorKind::Input, error)),
        Err(stopped) => Err((
            ErrorKind::Internal,
            fault("a record could not be prepared", stopped),
        )),
    };
    match saved {
        Ok(receipt) => Message::Saved(receipt),
        Err((kind, error)) => Message::NotSaved(id, kind, error.to_string()),
    }
}

/// The store's own form of a record, with the bytes it cites.
fn prepare(role: &str, draft: &Draft) -> Result<store::Draft> {
    let mut blobs: Vec<(ContentHash, Vec<u8>)> = Vec::new();
    for attachment in &draft.attachments {
        match attachment {
            Attachment::Trace(trace) => {
                let bytes = trace.encode()?;
                blobs.push((ContentHash::of(&bytes), bytes));
            }
            Attachment::Sources(dossier) => blobs.extend(ingest::originals(dossier)?),
        }
    }
    let role = match draft.entry {
        Entry::Assessment(_) => "engine",
        _ => role,
    };
    Ok(store::Draft {
        id: draft.id.clone(),
        actor: draft.actor.clone(),
        role: role.to_owned(),
        subject: draft.subject.clone(),
        entry: draft.entry.clone(),
        blobs,
    })
}

async fn history(store: &StoreHandle, row: usize, dossier: Arc<Dossier>, checks: Arc<[Check]>) -> Message {
    let read = store.history(&dossier.meta.id).await;
    let opened = read.map(|history| {
        Box::new(Opened {
            dossier,
            checks,
            history,
        })
    });
    Message::Opened(row, opened.map_err(|e| e.to_string()))
}

/// Reads a dossier and holds its claims against each other; the store is asked for its history next. What is read when the
/// end comes does not hold it up.
pub(super) fn read(
    row: usize,
    path: PathBuf,
    rubric: Arc<Rubric>,
    opener: Arc<dyn Open>,
    jobs: WeakSender<Job>,
    answers: Sender<Message>,
) {
    tokio::spawn(async move {
        let open = move || {
            let dossier = opener.open(&path)?;
            let checks: Arc<[Check]> = cross_check(&dossier, &rubric).into();
            Ok::<_, Error>((Arc::new(dossier), checks))
        };
        let read = tokio::task::spawn_blocking(open).await;
        let failed = match read {
            Ok(Ok((dossier, checks))) => {
                let asked = match jobs.upgrade() {
                    Some(jobs) => jobs.send(Job::History(row, dossier, checks)).await.is_ok(),
                    None => false,
                };
                if asked {
                    return;
                }
                "the store has ended".to_owned()
            }
            Ok(Err(error)) => error.to_string(),
            Err(stopped) => fault("the dossier could not be read", stopped).to_string(),
        };
        let _ = answers.send(Message::Opened(row, Err(failed))).await;
    });
}

/// Whoever hears recordings on a thread of its own.
pub(super) struct Hearing {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Hearing {
    /// Has it end at the next safe place.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits a little for its end: a program that ends while whisper.cpp computes takes its tables away under it.
    pub(super) async fn end(self) {
        self.stop();
        let since = Instant::now();
        while !self.thread.is_finished() && since.elapsed() < LAST_SOUNDS {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How long the end waits for a thread that hears, and how often it looks.
const LAST_SOUNDS: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(10);

/// Hears the recordings of a dossier, after `before` has ended. As nice as the engine, so that keys never wait.
pub(super) fn hear(
    dossier: Arc<Dossier>,
    rubric: Arc<Rubric>,
    opener: Arc<dyn Open>,
    answers: Sender<Message>,
    before: Option<Hearing>,
) -> std::io::Result<Hearing> {
    let stop = Arc::new(AtomicBool::new(false));
    let watch = Audience {
        dossier: Arc::clone(&dossier),
        answers: answers.clone(),
        stop: Arc::clone(&stop),
    };
    let work = move || {
        be_nice();
        if let Some(before) = before {
            before.stop();
            // Whatever it ended with, it has ended.
            let _ = before.thread.join();
        }
        let reread = |dossier: Dossier| {
            let checks = cross_check(&dossier, &rubric).into();
            let dossier = Arc::new(dossier);
            Box::new(Reread { dossier, checks })
        };
        let heard = opener.hear(&dossier, &watch).transpose();
        let heard = heard.map(|heard| heard.map(reread)).map_err(|e| e.to_string());
        // Nobody wants to know what became of a dossier that was put away.
        let _ = answers.blocking_send(Message::Heard(dossier, heard));
    };
    let thread = std::thread::Builder::new()
        .name("plumb-ears".to_owned())
        .spawn(work)?;
    Ok(Hearing { stop, thread })
}

/// Who is told how far the hearing is.
struct Audience {
    dossier: Arc<Dossier>,
    answers: Sender<Message>,
    stop: Arc<AtomicBool>,
}

impl Hearer for Audience {
    /// Dropped when the screen is behind.
    fn heard(&self, path: &str, seconds: usize, total: usize) {
        let name = line(path).into_owned();
        let message = Message::Hearing(Arc::clone(&self.dossier), (name, seconds, total));
        let _ = self.answers.try_send(message);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Finds the tokens of a source; without them it is shown plain.
pub(super) fn colour(dossier: Arc<Dossier>, index: usize, answers: Sender<Message>) {
    tokio::spawn(async move {
        let source = Arc::clone(&dossier);
        let found = tokio::task::spawn_blocking(move || {
            let source = source.sources.get(index)?;
            Some(Highlights::of(source.shown.text(), source.format))
        })
        .await;
        if let Ok(Some(highlights)) = found {
            let message = Message::Coloured(dossier, index, Arc::new(highlights));
            let _ = answers.send(message).await;
        }
    });
}

/// Lays a long source out whole.
pub(super) fn lay_out(
    (dossier, index, columns): (Arc<Dossier>, usize, usize),
    measure: Measure,
    answers: Sender<Message>,
) {
    tokio::spawn(async move {
        let source = Arc::clone(&dossier);
        let laid = tokio::task::spawn_blocking(move || {
            let source = source.sources.get(index)?;
            Some(document::lay_out(source, measure, columns, usize::MAX))
        })
        .await;
        if let Ok(Some(laid)) = laid {
            let message = Message::LaidOut(dossier, index, columns, Arc::new(laid));
            let _ = answers.send(message).await;
        }
    });
}

/// Keeps a pair of answers for everybody who compares.
pub(super) fn keep_pair(pool: Arc<Pool>, pair: Box<Pair>, answers: Sender<Message>) {
    tokio::spawn(async move {
        let kept = tokio::task::spawn_blocking(move || pool.keep(&pair)).await;
        let failed = match kept {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(stopped) => fault("a pair could not be kept", stopped).to_string(),
        };
        let _ = answers.send(Message::NotKept(failed)).await;
    });
}

/// How long it takes until a training run is looked at again.
const LOOKS: Duration = Duration::from_secs(1);

/// Looks at the newest training run, after a while if it is not the first look.
pub(super) fn look(runs: PathBuf, again: bool, answers: Sender<Message>) {
    tokio::spawn(async move {
        if again {
            tokio::time::sleep(LOOKS).await;
        }
        let look = tokio::task::spawn_blocking(move || followed(&runs)).await;
        let look = look.unwrap_or_else(|e| Followed::Unread(fault("a run could not be read", e).to_string()));
        let _ = answers.send(Message::Looked(look)).await;
    });
}

/// The newest training run. What cannot be read now may be readable at the next look.
fn followed(runs: &Path) -> Followed {
    match Look::newest(runs) {
        Ok(Some(look)) => Followed::Run(Box::new(look)),
        Ok(None) => Followed::Nothing,
        Err(error) => Followed::Unread(error.to_string()),
    }
}

/// Writes a report.
pub(super) fn export(
    (format, path, contents, overwrite): (ExportFormat, PathBuf, String, bool),
    answers: Sender<Message>,
) {
    tokio::spawn(async move {
        let written = tokio::task::spawn_blocking(move || {
            let refused = |e: std::io::Error| {
                if e.kind() == std::io::ErrorKind::AlreadyExists {
                    ExportFault::Exists(format, path.clone())
                } else {
                    ExportFault::Refused(Error::io("write", &path, e).to_string())
                }
            };
            write(&path, &contents, overwrite).map_err(refused)?;
            Ok(path)
        })
        .await;
        let result = written.unwrap_or_else(|e| Err(ExportFault::Refused(e.to_string())));
        let _ = answers.send(Message::Exported(result)).await;
    });
}

fn write(path: &Path, contents: &str, overwrite: bool) -> std::io::Result<()> {
    let mut file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .create_new(!overwrite)
        .open(path)?;
    file.write_all(contents.as_bytes())
}

fn fault(what: &str, stopped: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, what).because(stopped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_never_replaces_a_file_unasked() -> Result<()> {
        let failed = |e| Error::new(ErrorKind::Io, "test folder").because(e);
        let dir = tempfile::tempdir().map_err(failed)?;
        let path = dir.path().join("p.svg");
        write(&path, "one", false).map_err(failed)?;
        let again = write(&path, "two", false).map_err(|e| e.kind());
        assert_eq!(again, Err(std::io::ErrorKind::AlreadyExists));
        write(&path, "two", true).map_err(failed)?;
        assert_eq!(std::fs::read_to_string(&path).map_err(failed)?, "two");
        Ok(())
    }
}
