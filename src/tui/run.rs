//! The loop: drain everything that has come, change the state, draw at most once per frame and only when needed.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use ratatui::layout::Size;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use ulid::Ulid;

use super::errands::{self, Job, Scoring};
use super::keys::Key;
use super::paint::PaintTrace;
use super::state::{App, Effect, Message};
use super::terminal::Screen;
use crate::clock::Clock;
use crate::dossier::Dossier;
use crate::engine::{Backend, ScoreEvent, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::Open;
use crate::review::Stamp;
use crate::store::{Pool, StoreHandle};

mod ending;

use ending::LastWords;

/// Frames are no closer than this.
const FRAME: Duration = Duration::from_millis(16);
/// How often what moves by itself moves.
const TICK: Duration = Duration::from_millis(120);
/// Messages taken before the next frame, so that a flood cannot starve it.
const BATCH: usize = 512;
/// Records and answers that may wait.
const WAITING: usize = 256;
/// How long the end waits for whatever the store still does; for records it waits on.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What the workstation is connected to.
pub struct Ports {
    /// The engine and what it says; none where there is no model.
    pub engine: Option<(Box<dyn Backend>, Receiver<(Ticket, ScoreEvent)>)>,
    /// The store.
    pub store: StoreHandle,
    /// The model that scores; none where there is none, or where nothing about it changes.
    pub scoring: Option<Scoring>,
    /// Who opens dossiers; at once, whatever lies in them.
    pub opener: Arc<dyn Open>,
    /// Where training runs lie.
    pub runs: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long keys take.
    pub trace: PaintTrace,
    /// Where drawn pairs of answers are kept.
    pub pool: Pool,
    /// What happens first.
    pub first: Option<Message>,
}

/// Runs the workstation until the person leaves.
///
/// # Errors
/// The terminal refuses, or records could not be written before the end.
pub fn run(app: App, ports: Ports) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot start the event loop").because(e))?;
    let ended = runtime.block_on(async { Box::pin(Loop::start(app, ports)?.work()).await });
    // A dossier that is still being read must not hold the end up.
    runtime.shutdown_background();
    ended
}

struct Loop {
    app: App,
    screen: Screen,
    engine: Option<Box<dyn Backend>>,
    said: Option<Receiver<(Ticket, ScoreEvent)>>,
    jobs: Option<Sender<Job>>,
    keeper: JoinHandle<()>,
    answers: Receiver<Message>,
    answer: Sender<Message>,
    input: Receiver<io::Result<Input>>,
    signals: [Signal; 3],
    opener: Arc<dyn Open>,
    runs: PathBuf,
    pool: Arc<Pool>,
    hearing: Option<errands::Hearing>,
    clock: Arc<dyn Clock>,
    trace: PaintTrace,
    dirty: bool,
    drawn: Instant,
    quit: bool,
    /// What came while the loop waited for something else.
    late: VecDeque<Message>,
    /// Adapters that were sent to go live and are not answered yet.
    going_live: usize,
}

impl Loop {
    fn start(app: App, ports: Ports) -> Result<Self> {
        let screen = Screen::enter(app.settings().mouse).map_err(terminal)?;
        // This look makes crossterm listen for changes of the size: one between the first frame and the first await
        // would be missed.
        event::poll(Duration::ZERO).map_err(terminal)?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        let (answer, answers) = mpsc::channel(WAITING);
        let role = app.settings().role.clone();
        let keeper = tokio::spawn(errands::keep(
            ports.store,
            role,
            ports.scoring,
            waiting,
            answer.clone(),
        ));
        let (engine, said) = ports.engine.map_or((None, None), |(e, r)| (Some(e), Some(r)));
        let listen = |kind| {
            signal(kind).map_err(|e| Error::new(ErrorKind::Internal, "cannot listen for signals").because(e))
        };
        let signals = [
            listen(SignalKind::hangup())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::interrupt())?,
        ];
        tokio::task::spawn_blocking(super::highlight::warm);
        Ok(Self {
            app,
            screen,
            engine,
            said,
            jobs: Some(jobs),
            keeper,
            answers,
            answer,
            input: listen_to_keys(),
            signals,
            opener: ports.opener,
            runs: ports.runs,
            pool: Arc::new(ports.pool),
            hearing: None,
            clock: ports.clock,
            trace: ports.trace,
            dirty: true,
            drawn: Instant::now().checked_sub(FRAME).unwrap_or_else(Instant::now),
            quit: false,
            late: ports.first.into_iter().collect(),
            going_live: 0,
        })
    }

    /// Whatever ends it, what was decided is written first.
    async fn work(mut self) -> Result<()> {
        let worked = self.live().await;
        if worked.is_err() {
            self.hang_up().await;
        }
        let ended = self.end().await;
        match (worked, ended) {
            (Err(first), Err(then)) => Err(first.hint(then.to_string())),
            (worked, ended) => worked.and(ended),
        }
    }

    /// A terminal that refused is gone: what was being decided is recorded, and nothing else is done.
    async fn hang_up(&mut self) {
        let stamp = self.stamp();
        for effect in self.app.handle(Message::Hangup, stamp) {
            if matches!(effect, Effect::Commit(_)) {
                // That the store has ended is told at the end.
                let _ = self.act(effect).await;
            }
        }
    }

    async fn live(&mut self) -> Result<()> {
        let size = self.screen.size().map_err(terminal)?;
        self.take(Message::Resize(size)).await?;
        while let Some(first) = self.late.pop_front() {
            self.take(first).await?;
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.quit {
            self.draw_if_due().map_err(terminal)?;
            let due = self.drawn + FRAME;
            let message = tokio::select! {
                biased;
                message = signalled(&mut self.signals) => Some(message),
                input = self.input.recv() => self.input_message(input),
                answer = self.answers.recv() => answer,
                said = hear(&mut self.said) => engine_message(&mut self.said, said),
                _ = tick.tick(), if self.app.is_moving() => Some(Message::Tick),
                () = tokio::time::sleep_until(due.into()), if self.dirty => None,
            };
            if let Some(message) = message {
                self.take(message).await?;
                self.drain().await?;
            }
        }
        Ok(())
    }

    /// Takes all that has come meanwhile, keys first.
    async fn drain(&mut self) -> Result<()> {
        for _ in 0..BATCH {
            if self.quit {
                return Ok(());
            }
            let message = if let Ok(input) = self.input.try_recv() {
                self.input_message(Some(input))
            } else if let Some(answer) = self.late.pop_front() {
                Some(answer)
            } else if let Ok(answer) = self.answers.try_recv() {
                Some(answer)
            } else if let Some(Ok((ticket, event))) = self.said.as_mut().map(Receiver::try_recv) {
                Some(Message::Engine(ticket, event))
            } else {
                return Ok(());
            };
            if let Some(message) = message {
                self.take(message).await?;
            }
        }
        Ok(())
    }

    fn input_message(&mut self, input: Option<io::Result<Input>>) -> Option<Message> {
        match input {
            Some(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => {
                self.trace.read(Instant::now());
                Some(Message::Key(Key::from(key)))
            }
            Some(Ok(Input::Paste(text))) => Some(Message::Paste(text)),
            Some(Ok(Input::Mouse(event))) => Some(Message::Mouse(event)),
            Some(Ok(Input::Resize(width, height))) => Some(Message::Resize(Size::new(width, height))),
            Some(Ok(_)) => None,
            // The terminal is gone: what was decided is kept.
            Some(Err(_)) | None => Some(Message::Hangup),
        }
    }

    async fn take(&mut self, message: Message) -> Result<()> {
        self.dirty = true;
        if matches!(message, Message::Worn(_)) {
            self.going_live = self.going_live.saturating_sub(1);
        }
        let stamp = self.stamp();
        let mut done = Ok(());
        for effect in self.app.handle(message, stamp) {
            // A terminal that refuses loses no record.
            if done.is_ok() || matches!(effect, Effect::Commit(_)) {
                done = done.and(self.act(effect).await);
            }
        }
        done
    }

    fn stamp(&self) -> Stamp {
        let at = self.clock.now();
        let since = Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default());
        Stamp {
            at,
            id: Ulid::from_datetime(std::time::SystemTime::UNIX_EPOCH + since),
        }
    }

    async fn act(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Read(row) => self.read(row),
            Effect::Hear(dossier) => self.hear(dossier)?,
            Effect::StopHearing => self.hearing.iter().for_each(errands::Hearing::stop),
            Effect::Colour(dossier, source) => errands::colour(dossier, source, self.answer.clone()),
            Effect::LayOut(dossier, source, columns) => {
                let measure = self.app.settings().measure;
                errands::lay_out((dossier, source, columns), measure, self.answer.clone());
            }
            Effect::Ask(request) => {
                self.engine.iter().for_each(|e| e.submit(request.clone()));
            }
            Effect::Cancel(ticket) => self.engine.iter().for_each(|e| e.cancel(ticket)),
            Effect::Commit(draft) => return self.commit(Job::Commit(Box::new(draft))).await,
            Effect::ListAdapters => return self.commit(Job::Adapters).await,
            Effect::PutLive(chosen) => {
                self.commit(Job::PutLive(chosen)).await?;
                self.going_live += 1;
            }
            Effect::Wear(adapter) => self.engine.iter().for_each(|e| e.wear(adapter.clone())),
            Effect::Keep(pair) => errands::keep_pair(Arc::clone(&self.pool), pair, self.answer.clone()),
            Effect::Copy(text) => self.screen.copy(&text).map_err(terminal)?,
            Effect::Export {
                format,
                path,
                contents,
                overwrite,
            } => errands::export((format, path, contents, overwrite), self.answer.clone()),
            Effect::Look { again } => errands::look(self.runs.clone(), again, self.answer.clone()),
            Effect::Mouse(on) => self.screen.set_mouse(on).map_err(terminal)?,
            Effect::Redraw => self.screen.forget().map_err(terminal)?,
            Effect::Suspend => {
                self.screen.suspend().map_err(terminal)?;
                // A stopped program is not told that its terminal grew.
                let size = self.screen.size().map_err(terminal)?;
                self.late.push_back(Message::Resize(size));
            }
            Effect::Quit => self.quit = true,
        }
        Ok(())
    }

    fn read(&self, row: usize) {
        let path = self.app.queue().rows().get(row).map(|r| r.path.clone());
        if let (Some(path), Some(jobs)) = (path, &self.jobs) {
            errands::read(
                row,
                path,
                Arc::clone(&self.app.settings().rubric),
                Arc::clone(&self.opener),
                jobs.downgrade(),
                self.answer.clone(),
            );
        }
    }

    fn hear(&mut self, dossier: Arc<Dossier>) -> Result<()> {
        let rubric = Arc::clone(&self.app.settings().rubric);
        let (opener, answer) = (Arc::clone(&self.opener), self.answer.clone());
        let started = errands::hear(dossier, rubric, opener, answer, self.hearing.take());
        let refused = |e| Error::new(ErrorKind::Internal, "cannot start the thread that hears").because(e);
        self.hearing = Some(started.map_err(refused)?);
        Ok(())
    }

    /// Hands a job over. A store that is far behind holds the keys up rather than losing one; its answers are
    /// taken meanwhile, or both would wait for each other.
    async fn commit(&mut self, job: Job) -> Result<()> {
        let Some(jobs) = self.jobs.clone() else {
            return Ok(());
        };
        let gone = |_| Error::new(ErrorKind::Internal, "the store has ended");
        let mut send = std::pin::pin!(jobs.send(job));
        loop {
            tokio::select! {
                biased;
                sent = &mut send => return sent.map_err(gone),
                    Some(answer) = self.answers.recv() => self.late.push_back(answer),
            }
        }
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.dirty || now < self.drawn + FRAME {
            return Ok(());
        }
        self.screen.draw(&self.app)?;
        self.drawn = Instant::now();
        self.trace.painted(self.drawn);
        self.dirty = false;
        Ok(())
    }

    /// Gives the terminal back and waits until the records on their way are written.
    async fn end(mut self) -> Result<()> {
        drop(self.screen);
        drop(self.engine);
        self.jobs = None;
        if let Some(hearing) = self.hearing.take() {
            hearing.end().await;
        }
        let mut words = LastWords::of(self.app.unsaved() + self.going_live);
        for answer in self.late.drain(..) {
            words.note(answer);
        }
        let asked = asked_again(&mut self.signals);
        words
            .wait(&mut self.answers, &mut self.keeper, LAST_WORDS, asked)
            .await;
        let traced = self.trace.finish();
        let traced = traced.map_err(|e| Error::new(ErrorKind::Io, "cannot write the paint trace").because(e));
        words.outcome().and(traced)
    }
}

/// Keys as a channel. The stream itself must only be awaited, never merely looked at: it remembers the first waker
/// that found it empty, and a look without one would leave the loop asleep over the next key.
fn listen_to_keys() -> Receiver<io::Result<Input>> {
    let (keys, input) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut stream = EventStream::new();
        while let Some(event) = stream.next().await {
            if keys.send(event).await.is_err() {
                break;
            }
        }
    });
    input
}

async fn signalled(signals: &mut [Signal; 3]) -> Message {
    let [hangup, terminate, interrupt] = signals;
    tokio::select! {
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Message::Hangup
}

/// Whoever asks once more for the end, by Ctrl-C or from elsewhere. A terminal that closes hangs up more than once, and asks
/// for nothing by it.
async fn asked_again(signals: &mut [Signal; 3]) {
    let [_, terminate, interrupt] = signals;
    // What came before the person was told that there is something to wait for does not count.
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = std::future::ready(()) => break,
        }
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn hear(said: &mut Option<Receiver<(Ticket, ScoreEvent)>>) -> Option<(Ticket, ScoreEvent)> {
    match said {
        Some(receiver) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

/// An engine that has ended is not asked again.
fn engine_message(
    said: &mut Option<Receiver<(Ticket, ScoreEvent)>>,
    event: Option<(Ticket, ScoreEvent)>,
) -> Option<Message> {
    if event.is_none() {
        *said = None;
    }
    event.map(|(ticket, event)| Message::Engine(ticket, event))
}

fn terminal(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, "the terminal refused").because(error)
}
