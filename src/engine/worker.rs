//! The thread that owns the model. It loads the weights at the first request, works on the newest one, and turns a
//! panic into an event: nothing that happens here can take the screen with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::engine::assessment::ModelIdentity;
use crate::engine::event::{Backend, ScoreEvent, ScoreRequest, Ticket};
use crate::engine::scorer::{PrefixCache, Run, ScoreOptions, Scorer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::lora::NamedAdapter;

/// Events that may wait for a slow screen; progress beyond that is dropped, results wait.
const EVENTS: usize = 256;
/// How much nicer than the screen the engine's threads are.
const NICE: i32 = 5;

/// What the worker runs.
#[derive(Debug, Clone)]
pub struct WorkerModel {
    /// The weights file.
    pub path: PathBuf,
    /// Its identity.
    pub identity: ModelIdentity,
    /// How to score with it.
    pub options: ScoreOptions,
    /// Where it keeps what it read.
    pub cache: PrefixCache,
    /// What is laid over the weights, if anything is; the identity names it too.
    pub adapter: Option<Arc<NamedAdapter>>,
}

impl WorkerModel {
    /// Loads the weights and what is laid over them; `progress` hears a fraction.
    ///
    /// # Errors
    /// The file is missing or corrupt, or the adapter is for another model.
    pub fn load(&self, progress: &(dyn Fn(f32) + Sync)) -> Result<Scorer> {
        let mut scorer = Scorer::load(&self.path, self.identity.clone(), self.options, progress)?;
        scorer.wear(self.adapter.as_deref())?;
        Ok(scorer)
    }
}

/// A handle to the thread; dropping it stops the work and ends the thread.
#[derive(Debug)]
pub struct Worker {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// What lies between the askers and the thread.
#[derive(Debug, Default)]
struct Desk {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    /// The ticket whose work may go on; 0 for none.
    wanted: AtomicU64,
}

#[derive(Debug, Default)]
struct Inbox {
    next: Option<ScoreRequest>,
    /// What is to be laid over the weights from the next request on.
    adapter: Option<Layer>,
    /// Tickets that were replaced before their work began.
    replaced: Vec<Ticket>,
    closed: bool,
}

impl Worker {
    /// Starts the thread. Events arrive on the receiver.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn start(model: WorkerModel) -> Result<(Self, Receiver<(Ticket, ScoreEvent)>)> {
        let (events, receiver) = channel(EVENTS);
        let desk = Arc::new(Desk::default());
        let seat = desk.clone();
        let thread = std::thread::Builder::new()
            .name("plumb-engine".to_owned())
            .spawn(move || serve(&seat, &model, &events))
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot start the engine's thread").because(e))?;
        Ok((
            Self {
                desk,
                thread: Some(thread),
            },
            receiver,
        ))
    }
}

impl Backend for Worker {
    fn submit(&self, request: ScoreRequest) {
        let mut inbox = self.desk.lock();
        self.desk.wanted.store(request.ticket.0, Ordering::Release);
        if let Some(replaced) = inbox.next.replace(request) {
            inbox.replaced.push(replaced.ticket);
        }
        self.desk.arrived.notify_one();
    }

    fn cancel(&self, ticket: Ticket) {
        let mut inbox = self.desk.lock();
        // Only the ticket that is being worked on, or waits, can be stopped; a newer one must not be.
        let _ = self
            .desk
            .wanted
            .compare_exchange(ticket.0, 0, Ordering::AcqRel, Ordering::Acquire);
        if inbox.next.as_ref().is_some_and(|r| r.ticket == ticket) {
            inbox.next = None;
            inbox.replaced.push(ticket);
        }
        self.desk.arrived.notify_one();
    }

    fn wear(&self, adapter: Option<Arc<NamedAdapter>>) {
        self.desk.lock().adapter = Some(Layer(adapter));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.desk.wanted.store(0, Ordering::Release);
        self.desk.lock().closed = true;
        self.desk.arrived.notify_one();
        // The thread ends after the pass it is in. It is not waited for: closing the program must not take a second.
        self.thread.take();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do; none when the handle is gone.
    fn wait(&self) -> Option<Found> {
        let mut inbox = self.lock();
        loop {
            if inbox.closed {
                return None;
            }
            if inbox.next.is_some() || !inbox.replaced.is_empty() {
                return Some(Found {
                    replaced: std::mem::take(&mut inbox.replaced),
                    adapter: inbox.adapter.take(),
                    next: inbox.next.take(),
                });
            }
            inbox = self.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What is laid over the weights; nothing where there is none.
#[derive(Debug)]
struct Layer(Option<Arc<NamedAdapter>>);

/// What the thread finds on its desk.
struct Found {
    replaced: Vec<Ticket>,
    adapter: Option<Layer>,
    next: Option<ScoreRequest>,
}

fn serve(desk: &Desk, model: &WorkerModel, events: &Sender<(Ticket, ScoreEvent)>) {
    be_nice();
    let (mut model, mut scorer) = (model.clone(), None);
    while let Some(Found {
        replaced,
        adapter,
        next,
    }) = desk.wait()
    {
        if let Some(Layer(adapter)) = adapter {
            model.identity.adapter = adapter.as_deref().map(NamedAdapter::label);
            model.adapter = adapter;
        }
        for ticket in replaced {
            send(events, ticket, ScoreEvent::Cancelled);
        }
        if let Some(request) = next {
            let ticket = request.ticket;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                work(desk, &model, &mut scorer, &request, events)
            }));
            let ended = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(error)) if error.kind() == ErrorKind::Cancelled => ScoreEvent::Cancelled,
                Ok(Err(error)) => failed(&error),
                Err(_) => {
                    // The model's state is unknown after a panic: load it anew next time.
                    scorer = None;
                    failed(&Error::new(
                        ErrorKind::Internal,
                        "the engine stopped unexpectedly",
                    ))
                }
            };
            send(events, ticket, ended);
        }
    }
}

fn work(
    desk: &Desk,
    model: &WorkerModel,
    scorer: &mut Option<Scorer>,
    request: &ScoreRequest,
    events: &Sender<(Ticket, ScoreEvent)>,
) -> Result<()> {
    let ticket = request.ticket;
    send(events, ticket, ScoreEvent::Queued);
    let cancelled = || desk.wanted.load(Ordering::Acquire) != ticket.0;
    if scorer.is_none() {
        let progress = |fraction| {
            let _ = events.try_send((ticket, ScoreEvent::Loading(fraction)));
        };
        *scorer = Some(model.load(&progress)?.with_cache(&model.cache));
    }
    let Some(scorer) = scorer else { return Ok(()) };
    scorer.wear(model.adapter.as_deref())?;
    let mut sink = |event| send(events, ticket, event);
    scorer.score(
        request,
        &mut Run {
            sink: &mut sink,
            cancelled: &cancelled,
        },
    )
}

/// Progress is dropped when the screen is behind; everything else waits for room.
fn send(events: &Sender<(Ticket, ScoreEvent)>, ticket: Ticket, event: ScoreEvent) {
    match event {
        ScoreEvent::Loading(_) | ScoreEvent::Prefill { .. } | ScoreEvent::Token { .. } => {
            let _ = events.try_send((ticket, event));
        }
        event => {
            // Fails only when nobody listens any more.
            let _ = events.blocking_send((ticket, event));
        }
    }
}

fn failed(error: &Error) -> ScoreEvent {
    ScoreEvent::Failed {
        message: error.to_string(),
        hints: error.hints().to_vec(),
    }
}

/// Sets the size of the arithmetic's thread pool and makes its threads nice. To be called once, before the first
/// tensor; later calls change nothing.
pub fn set_threads(threads: usize) {
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("plumb-engine-{i}"))
        .start_handler(|_| be_nice())
        .build_global();
}

/// Lowers the priority of the calling thread, so that keys are never kept waiting. Linux counts niceness per thread.
pub fn be_nice() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = NICE;
}
