//! Everything the workstation knows and does, as a pure state: messages in, effects out.
//!
//! No IO and no clock in here. The views read it, the loop feeds it; what a key does can be tested without a
//! terminal.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::dossier::{Dossier, Language};
use crate::engine::{Calibration, ModelIdentity, ScoreEvent, ScoreRequest, Ticket};
use crate::error::{Error, ErrorKind};
use crate::evidence::Check;
use crate::id::{DossierId, Person, RecordId};
use crate::learn::adapters::Choice;
use crate::learn::shelf::Worn;
use crate::model::lora::NamedAdapter;
use crate::review::annotation::Begin;
use crate::review::{
    AdapterRecord, Calibrated, Draft, Event, Gain, Intent, Pair, Receipt, Recorded, Review, Save, Setup,
    Stamp, Summary,
};
use crate::rubric::Rubric;
use crate::tui::highlight::Highlights;
use crate::tui::keys::{Found, Key, Keymap, Mode};
use crate::tui::theme::Theme;
use crate::tui::view::layout::Layout;
use crate::tui::width::Measure;
use crate::tui::words::Word;

mod act;
pub mod adapters;
pub mod annotating;
pub mod desk;
pub mod document;
pub mod find;
pub mod hearing;
pub mod labels;
pub mod line;
pub mod notice;
pub mod overlay;
pub mod picker;
mod pointer;
pub mod queue;
pub mod report;

use annotating::Annotating;
use desk::Desk;
use document::Laid;
use notice::Told;
use overlay::{ExportFormat, Followed, Overlay};
use pointer::Drag;
use queue::Queue;

/// What the workstation is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who decides.
    pub person: Person,
    /// As what, in the words of the configuration.
    pub role: String,
    /// Language of the interface.
    pub language: Language,
    /// How it looks.
    pub theme: Theme,
    /// How wide the terminal draws.
    pub measure: Measure,
    /// Whether the mouse is on.
    pub mouse: bool,
    /// Which key does what.
    pub keymap: Keymap,
    /// By what dossiers are scored.
    pub rubric: Arc<Rubric>,
    /// Hide the model until the person has scored.
    pub blind: bool,
    /// Root of the model's random numbers.
    pub seed: u64,
    /// Which weights score; none when there are none.
    pub model: Option<ModelIdentity>,
    /// What scores are read through; none until people's decisions gave one.
    pub calibration: Option<Arc<Calibration>>,
    /// Why nothing can be written, if so.
    pub read_only: Option<String>,
    /// Where dates are shown.
    pub zone: TimeZone,
}

/// Something that reaches the workstation.
#[derive(Debug, Clone)]
pub enum Message {
    /// A key.
    Key(Key),
    /// Text pasted at once.
    Paste(String),
    /// The mouse.
    Mouse(crossterm::event::MouseEvent),
    /// The terminal has this size now.
    Resize(Size),
    /// Time for the next picture of what moves.
    Tick,
    /// Open the so-many-th dossier of the queue.
    Open(usize),
    /// Compare answers.
    Begin(Box<Begin>),
    /// A pair could not be kept for later: why.
    NotKept(String),
    /// A dossier was read.
    Opened(usize, Result<Box<Opened>, String>),
    /// Of a recording of a dossier, by its name, so many seconds of so many were heard.
    Hearing(Arc<Dossier>, (String, usize, usize)),
    /// The recordings of a dossier were heard; none where there was nothing to hear.
    Heard(Arc<Dossier>, Result<Option<Box<Reread>>, String>),
    /// A worker found the tokens of a source.
    Coloured(Arc<Dossier>, usize, Arc<Highlights>),
    /// A worker laid a long source out for so many columns.
    LaidOut(Arc<Dossier>, usize, usize, Arc<Laid>),
    /// The engine said something.
    Engine(Ticket, ScoreEvent),
    /// The store has made a record durable.
    Saved(Receipt),
    /// The store could not write a record: its name, what sort of failure it is, and why.
    NotSaved(RecordId, ErrorKind, String),
    /// Decisions gave a new calibration, which is on the disk.
    Calibrated(Arc<Calibration>, Box<Calibrated>),
    /// What may be laid over the model was read, or why it could not be.
    Adapters(Result<Vec<Choice>, String>),
    /// Something else is to be laid over the model, and the store has made that durable, unless it was live anyway; or why it
    /// stays as it was.
    Worn(Result<(Box<Worn>, Option<Receipt>), String>),
    /// A profile was written, or not.
    Exported(Result<PathBuf, ExportFault>),
    /// The newest training run was looked at.
    Looked(Followed),
    /// The terminal is going away, or the system asks the program to end.
    Hangup,
}

/// A dossier that was read, with everything the journal knows of it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The dossier.
    pub dossier: Arc<Dossier>,
    /// What its claims meet elsewhere in it.
    pub checks: Arc<[Check]>,
    /// Its records in order of number.
    pub history: Vec<Recorded>,
}

/// A dossier that was read again while it lies on the desk.
#[derive(Debug, Clone)]
pub struct Reread {
    /// What it is now.
    pub dossier: Arc<Dossier>,
    /// What its claims meet elsewhere in it.
    pub checks: Arc<[Check]>,
}

/// Why a profile was not written.
#[derive(Debug, Clone)]
pub enum ExportFault {
    /// There is such a file.
    Exists(ExportFormat, PathBuf),
    /// The system refused.
    Refused(String),
}

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Read the so-many-th dossier of the queue.
    Read(usize),
    /// Hear the recordings of a dossier that were not heard yet.
    Hear(Arc<Dossier>),
    /// Hear no more.
    StopHearing,
    /// Find the tokens of a source.
    Colour(Arc<Dossier>, usize),
    /// Lay a long source out for so many columns.
    LayOut(Arc<Dossier>, usize, usize),
    /// Ask the engine.
    Ask(ScoreRequest),
    /// Stop the engine.
    Cancel(Ticket),
    /// Write a record.
    Commit(Draft),
    /// Read what may be laid over the model.
    ListAdapters,
    /// Put an adapter live: the record first, where it is not live yet.
    PutLive(Box<AdapterRecord>),
    /// Have the engine lay this over the model, or nothing.
    Wear(Option<Arc<NamedAdapter>>),
    /// Keep a pair of answers for everybody who compares.
    Keep(Box<Pair>),
    /// Put text on the clipboard.
    Copy(String),
    /// Write a profile.
    Export {
        /// In which form.
        format: ExportFormat,
        /// Where.
        path: PathBuf,
        /// What.
        contents: String,
        /// Replace what is there.
        overwrite: bool,
    },
    /// Look at the newest training run; a while later when it was looked at before.
    Look {
        /// Whether it was.
        again: bool,
    },
    /// Turn the mouse on or off.
    Mouse(bool),
    /// Draw everything again.
    Redraw,
    /// Give the terminal back to the shell for a while.
    Suspend,
    /// End.
    Quit,
}

/// The whole state.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    queue: Queue,
    desk: Option<Desk>,
    annotating: Option<Annotating>,
    overlays: Vec<Overlay>,
    pressed: Vec<Key>,
    told: Option<Told>,
    size: Size,
    tick: u64,
    tickets: u64,
    opening: Option<usize>,
    /// The records without a receipt, and of which dossier they are.
    unsaved: Vec<(RecordId, Option<DossierId>)>,
    /// Whether the dossier on the desk was read again because the store refused a record of it: a record that is refused each
    /// time must not have it read for ever.
    reread: bool,
    drag: Option<Drag>,
    /// Whether a look at the training run is on its way: two would go on side by side.
    looking: bool,
}

impl App {
    /// A workstation over these dossiers.
    pub fn new(settings: Settings, queue: Queue) -> Self {
        Self {
            settings,
            queue,
            desk: None,
            annotating: None,
            overlays: Vec::new(),
            pressed: Vec::new(),
            told: None,
            size: Size::new(80, 24),
            tick: 0,
            tickets: 0,
            opening: None,
            unsaved: Vec::new(),
            reread: false,
            drag: None,
            looking: false,
        }
    }

    /// Takes one message.
    pub fn handle(&mut self, message: Message, stamp: Stamp) -> Vec<Effect> {
        let mut effects = match message {
            Message::Key(key) => self.key(key, stamp),
            Message::Paste(text) => self.paste(&text),
            Message::Mouse(event) => self.mouse(event),
            Message::Resize(size) => self.resize(size),
            Message::Tick => self.turn(),
            Message::Open(row) => self.open(row),
            Message::Begin(begin) => self.begin(*begin, stamp),
            Message::NotKept(why) => self.not_kept(&why),
            Message::Opened(row, read) => self.opened(row, read, stamp),
            Message::Hearing(dossier, now) => self.hearing(&dossier, now),
            Message::Heard(dossier, heard) => self.heard(&dossier, heard, stamp),
            Message::Coloured(dossier, source, found) => self.coloured(&dossier, source, found),
            Message::LaidOut(dossier, source, columns, laid) => {
                self.laid_out(&dossier, source, columns, &laid)
            }
            Message::Engine(ticket, event) => self.hear(ticket, event, stamp),
            Message::Saved(receipt) => self.saved(receipt),
            Message::NotSaved(id, kind, message) => self.not_saved(id, kind, message, stamp),
            Message::Calibrated(calibration, record) => self.calibrated(calibration, &record),
            Message::Adapters(read) => self.adapters(read),
            Message::Worn(worn) => self.worn(worn),
            Message::Exported(result) => self.exported(result),
            Message::Looked(look) => self.looked(look),
            Message::Hangup => self.hangup(stamp),
        };
        self.fit();
        effects.extend(self.wanted_from_workers());
        effects
    }

    /// Scores from now on are read through `calibration`, unless another adapter was laid over the model while it was fitted.
    fn calibrated(&mut self, calibration: Arc<Calibration>, record: &Calibrated) -> Vec<Effect> {
        let model = self.settings.model.as_ref();
        if !model.is_some_and(|model| calibration.fits_weights(model)) {
            return Vec::new();
        }
        self.settings.calibration = Some(Arc::clone(&calibration));
        if let Some(desk) = &mut self.desk {
            desk.review.calibrate(calibration);
        }
        let mean = |of: fn(&Gain) -> f32| {
            let all = record.dimensions.iter().map(of).sum::<f32>();
            format!("{:.2}", all / record.dimensions.len().max(1) as f32)
        };
        self.told = Some(Told::done(self.fill(
            Word::Recalibrated,
            &[
                ("ratings", &record.ratings.to_string()),
                ("before", &mean(|gain| gain.mae_before)),
                ("after", &mean(|gain| gain.mae_after)),
            ],
        )));
        Vec::new()
    }

    /// Tells of something that went wrong before the start, such as a model that is not here.
    pub fn warn_of(&mut self, error: &Error) {
        let hint = error.hints().first().map(|h| format!("\n{h}"));
        self.told = Some(Told::hint(format!("{error}{}", hint.unwrap_or_default())));
    }

    /// What it was started with, as it stands now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The list of dossiers.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The dossier on the desk.
    pub fn desk(&self) -> Option<&Desk> {
        self.desk.as_ref()
    }

    /// What lies over the screen, bottom to top.
    pub fn overlays(&self) -> &[Overlay] {
        &self.overlays
    }

    /// What there is to tell.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// The terminal's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// How often the clock has ticked.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The dossier being read.
    pub fn opening(&self) -> Option<usize> {
        self.opening
    }

    /// The keys pressed so far of a longer one.
    pub fn pressed(&self) -> &[Key] {
        &self.pressed
    }

    /// Whether the records are safe.
    pub fn save(&self) -> Save {
        match (&self.desk, &self.annotating) {
            (Some(desk), _) => desk.review.save(),
            (None, Some(annotating)) => self.comparisons_saved(annotating),
            (None, None) => Save::Nothing,
        }
    }

    /// How many records have no receipt yet.
    pub fn unsaved(&self) -> usize {
        self.unsaved.len()
    }

    /// Where the keys go.
    pub fn mode(&self) -> Mode {
        self.overlays
            .last()
            .map_or_else(|| self.ground_mode(), Overlay::mode)
    }

    /// Where the keys go when nothing lies over the screen.
    pub fn ground_mode(&self) -> Mode {
        match &self.desk {
            None if self.annotating.is_some() => Mode::Annotate,
            None => Mode::Queue,
            Some(desk) if desk.document.selection().is_some() => Mode::Select,
            Some(_) => Mode::Review,
        }
    }

    /// Whether something on the screen moves by itself.
    pub fn is_moving(&self) -> bool {
        let working = self
            .desk
            .as_ref()
            .is_some_and(|d| d.review.work().ticket().is_some());
        let drawing = self
            .annotating
            .as_ref()
            .is_some_and(|a| a.work.ticket().is_some());
        working || drawing || self.is_hearing() || self.opening.is_some()
    }

    fn hear(&mut self, ticket: Ticket, event: ScoreEvent, stamp: Stamp) -> Vec<Effect> {
        match &mut self.annotating {
            Some(annotating) => {
                let wanted = annotating.work.hear(ticket, event, stamp);
                self.do_wanted(wanted)
            }
            None => self.review(Event::Engine { ticket, event, stamp }),
        }
    }

    /// What was drawn is still on the screen; it only costs drawing it again another time.
    fn not_kept(&mut self, why: &str) -> Vec<Effect> {
        self.told = Some(Told::error(self.fill(Word::PairNotKept, &[("reason", why)])));
        Vec::new()
    }

    fn key(&mut self, key: Key, stamp: Stamp) -> Vec<Effect> {
        self.told = None;
        self.pressed.push(key);
        let mode = self.mode();
        match self.settings.keymap.find(mode, &self.pressed) {
            Found::Action(action, nth) => {
                self.pressed.clear();
                self.perform(action, nth, stamp)
            }
            Found::Prefix => Vec::new(),
            Found::Nothing => {
                let keys = std::mem::take(&mut self.pressed);
                self.unbound(mode, &keys, stamp)
            }
        }
    }

    /// Feeds the review and does what it asks for.
    fn review(&mut self, event: Event) -> Vec<Effect> {
        use crate::review::Effect as Wanted;
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let wanted = desk.review.handle(event);
        let (row, summary) = (desk.row, Summary::of(desk.review.ledger()));
        self.queue.update(row, summary);
        let mut effects = Vec::new();
        for effect in wanted {
            match effect {
                Wanted::Score(_) if self.is_hearing() => {}
                Wanted::Score(request) => effects.push(Effect::Ask(request)),
                Wanted::Cancel(ticket) => effects.push(Effect::Cancel(ticket)),
                Wanted::Commit(draft) => {
                    self.await_receipt(&draft);
                    effects.push(Effect::Commit(draft));
                }
                Wanted::Tell(notice) => self.told = self.words_for(&notice),
            }
        }
        effects
    }

    /// Feeds the review what the person wants.
    fn intend(&mut self, intent: Intent, stamp: Stamp) -> Vec<Effect> {
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let seen = desk.on_screen();
        self.review(Event::Person { intent, seen, stamp })
    }

    fn resize(&mut self, size: Size) -> Vec<Effect> {
        self.size = size;
        vec![Effect::Redraw]
    }

    fn turn(&mut self) -> Vec<Effect> {
        self.tick += 1;
        Vec::new()
    }

    fn open(&mut self, row: usize) -> Vec<Effect> {
        if row >= self.queue.rows().len() {
            return Vec::new();
        }
        self.queue.select(row);
        self.opening = Some(row);
        self.reread = false;
        vec![Effect::Read(row)]
    }

    fn opened(&mut self, row: usize, read: Result<Box<Opened>, String>, stamp: Stamp) -> Vec<Effect> {
        if self.opening != Some(row) {
            return Vec::new();
        }
        self.opening = None;
        let opened = match read {
            Ok(opened) => opened,
            Err(message) => {
                self.told = Some(Told::error(message));
                return Vec::new();
            }
        };
        let mut effects = self.put_away();
        let language = opened.dossier.meta.language;
        let review = Review::new(Setup {
            dossier: opened.dossier,
            checks: opened.checks,
            rubric: Arc::clone(&self.settings.rubric),
            person: self.settings.person.clone(),
            model: self.settings.model.clone(),
            calibration: self.settings.calibration.clone(),
            language,
            seed: self.settings.seed,
            blind: self.settings.blind,
            read_only: self.settings.read_only.clone(),
        });
        self.desk = Some(Desk::new(review, row, self.settings.measure));
        let ticket = self.settings.model.is_some().then(|| self.next_ticket());
        let mut wanted = self.review(Event::Opened {
            history: opened.history,
            ticket,
            stamp,
        });
        let hearing = self.begin_hearing();
        if !hearing.is_empty() {
            wanted.retain(|effect| !matches!(effect, Effect::Ask(_)));
        }
        effects.extend(wanted.into_iter().chain(hearing));
        effects
    }

    /// Takes the dossier off the desk; its scoring and the hearing of its recordings end.
    fn put_away(&mut self) -> Vec<Effect> {
        if self.reread {
            // What is being read again was left meanwhile.
            self.opening = None;
        }
        let desk = self.desk.take();
        let hearing = desk.as_ref().is_some_and(|d| d.hearing.is_some());
        let scoring = desk.and_then(|d| d.review.work().ticket());
        let drawing = self.annotating.as_ref().and_then(|a| a.work.ticket());
        let ended = scoring.or(drawing).map(Effect::Cancel).into_iter();
        ended.chain(hearing.then_some(Effect::StopHearing)).collect()
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn coloured(&mut self, dossier: &Arc<Dossier>, source: usize, found: Arc<Highlights>) -> Vec<Effect> {
        if let Some(desk) = &mut self.desk
            && Arc::ptr_eq(desk.review.dossier(), dossier)
        {
            desk.colour(source, found);
        }
        Vec::new()
    }

    fn laid_out(
        &mut self,
        dossier: &Arc<Dossier>,
        source: usize,
        columns: usize,
        laid: &Laid,
    ) -> Vec<Effect> {
        if let Some(desk) = &mut self.desk
            && Arc::ptr_eq(desk.review.dossier(), dossier)
            && desk.document.index() == source
        {
            desk.document.laid_out(columns, laid);
        }
        Vec::new()
    }

    /// What the document in the pane still lacks, each asked for once.
    fn wanted_from_workers(&mut self) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let dossier = Arc::clone(desk.review.dossier());
        let colour = desk.ask_colour().map(|s| Effect::Colour(Arc::clone(&dossier), s));
        let layout = desk.ask_layout();
        let layout = layout.map(|(source, columns)| Effect::LayOut(dossier, source, columns));
        colour.into_iter().chain(layout).collect()
    }

    /// Counts a record that is sent to the store.
    fn await_receipt(&mut self, draft: &Draft) {
        let dossier = draft.entry.dossier().cloned();
        self.unsaved.push((draft.id.clone(), dossier));
    }

    /// Counts a record that the store has answered; of which dossier it is.
    fn answered(&mut self, id: &RecordId) -> Option<DossierId> {
        let at = self.unsaved.iter().position(|(record, _)| record == id)?;
        self.unsaved.remove(at).1
    }

    fn saved(&mut self, receipt: Receipt) -> Vec<Effect> {
        self.answered(&receipt.id);
        self.comparison_saved(&receipt);
        self.review(Event::Saved(receipt))
    }

    fn not_saved(&mut self, id: RecordId, kind: ErrorKind, message: String, stamp: Stamp) -> Vec<Effect> {
        let dossier = self.answered(&id);
        if !ends_the_writing(kind) {
            return self.refused(id, dossier.as_ref(), message, stamp);
        }
        self.settings.read_only = Some(message.clone());
        self.comparison_not_saved(&id, &message, stamp);
        self.review(Event::NotSaved { id, message })
    }

    /// The store refused one record and would take another. What the desk shows of that dossier is not what the journal has:
    /// it is read again, once, and nothing of it is written before that.
    fn refused(
        &mut self,
        id: RecordId,
        dossier: Option<&DossierId>,
        message: String,
        stamp: Stamp,
    ) -> Vec<Effect> {
        self.comparison_not_saved(&id, &message, stamp);
        let desk = self.desk.as_ref();
        let row = desk.filter(|d| Some(&d.review.dossier().meta.id) == dossier);
        let row = row.map(|d| d.row);
        let reads = row.filter(|_| !self.reread && self.opening.is_none() && self.overlays.is_empty());
        let on_its_way = self.reread && self.opening.is_some();
        let word = match row {
            None => Word::RecordRefused,
            Some(_) if reads.is_some() || on_its_way => Word::RefusedRereads,
            Some(_) => Word::RefusedReopen,
        };
        let told = Told::error(self.fill(word, &[("reason", &message)]));
        let mut effects = Vec::new();
        if row.is_some() {
            effects.extend(self.review(Event::NotSaved { id, message }));
        }
        self.told = Some(told);
        if let Some(row) = reads {
            (self.reread, self.opening) = (true, Some(row));
            effects.push(Effect::Read(row));
        }
        effects
    }

    /// What the person has decided is kept, picker open or not.
    fn hangup(&mut self, stamp: Stamp) -> Vec<Effect> {
        let mut effects = self.commit_pending(stamp);
        effects.extend(self.put_away());
        effects.push(Effect::Quit);
        effects
    }

    /// Fits the document to its pane.
    fn fit(&mut self) {
        let layout = Layout::of(self);
        if let Some(desk) = &mut self.desk {
            let inner = layout.document_text();
            desk.document
                .resize(usize::from(inner.width), usize::from(inner.height));
        }
    }
}

/// Whether a record that was not written for such a reason is the last one: the disk or the journal is at fault, not the
/// record.
fn ends_the_writing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Io | ErrorKind::Damaged | ErrorKind::Internal | ErrorKind::Locked
    )
}

#[cfg(test)]
mod tests;
