//! The review of one dossier as a pure state machine: events in, effects out.
//!
//! It never waits, reads no file and no clock. A decision counts on the screen at once; "saved" is only said after
//! the store's receipt.

use std::ops::Range;
use std::sync::Arc;

use crate::dossier::{Dossier, Language};
use crate::engine::{Calibration, ModelIdentity, ScoreEvent, Ticket};
use crate::evidence::links::Citation;
use crate::evidence::{Backlinks, Check, EvidenceLink};
use crate::hash::ContentHash;
use crate::id::{DimensionId, Person, RecordId};
use crate::ingest::redaction::Redaction;
use crate::review::decision::{Act, Decision, DossierRead, Entry};
use crate::review::dimension::{DimensionState, LinkView, Origin};
use crate::review::event::{Attachment, Draft, Effect, Event, Notice, Receipt, Recorded, Stamp};
use crate::review::ledger::Ledger;
use crate::rubric::Rubric;

mod deciding;
mod scoring;

pub use scoring::Work;

/// What a review needs to begin.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose review.
    pub dossier: Arc<Dossier>,
    /// By what.
    pub rubric: Arc<Rubric>,
    /// What its claims meet elsewhere in it.
    pub checks: Arc<[Check]>,
    /// Who decides.
    pub person: Person,
    /// Which weights will answer; assessments by others are asked again. None accepts any.
    pub model: Option<ModelIdentity>,
    /// What scores are read through.
    pub calibration: Option<Arc<Calibration>>,
    /// Language of the model's answers.
    pub language: Language,
    /// Root of the model's random numbers.
    pub seed: u64,
    /// Hide what the model says until the person has scored.
    pub blind: bool,
    /// Nothing can be written: why, one line.
    pub read_only: Option<String>,
}

/// Whether the records are safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Save {
    /// Nothing to save yet.
    Nothing,
    /// So many records are on their way.
    Saving(usize),
    /// Everything is durable; the last record.
    Saved(Receipt),
    /// The store takes no more: why.
    Failed(String),
}

/// The review of one dossier.
#[derive(Debug)]
pub struct Review {
    setup: Setup,
    names: Redaction,
    ledger: Ledger,
    work: Work,
    has_model: bool,
    pending: Vec<RecordId>,
    last_saved: Option<Receipt>,
    backlinks: Backlinks,
}

impl Review {
    /// A review that knows nothing of earlier records yet: [`Event::Opened`] brings them.
    pub fn new(setup: Setup) -> Self {
        Self {
            ledger: Ledger::new(&setup.rubric),
            names: Redaction::by(&setup.rubric, &setup.dossier, setup.language),
            setup,
            work: Work::Idle,
            has_model: false,
            pending: Vec::new(),
            last_saved: None,
            backlinks: Backlinks::default(),
        }
    }

    /// Who the pseudonyms are that the model speaks of.
    pub fn names(&self) -> &Redaction {
        &self.names
    }

    /// Takes one event.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let relinks = may_relink(&event);
        let effects = match event {
            Event::Opened {
                history,
                ticket,
                stamp,
            } => self.opened(&history, ticket, stamp),
            Event::Reread {
                dossier,
                checks,
                ticket,
                stamp,
            } => self.reread(dossier, checks, ticket, stamp),
            Event::Worn {
                model,
                calibration,
                ticket,
            } => self.worn(model, calibration, ticket),
            Event::Engine { ticket, event, stamp } => self.engine(ticket, event, stamp),
            Event::Person { intent, seen, stamp } => self.person(intent, &seen, stamp),
            Event::Saved(receipt) => self.saved(receipt),
            Event::NotSaved { id, message } => self.not_saved(&id, message),
        };
        self.look();
        if relinks {
            self.relink();
        }
        effects
    }

    /// Whose review.
    pub fn dossier(&self) -> &Arc<Dossier> {
        &self.setup.dossier
    }

    /// What the dossier's claims meet elsewhere in it.
    pub fn checks(&self) -> &[Check] {
        &self.setup.checks
    }

    /// By what.
    pub fn rubric(&self) -> &Arc<Rubric> {
        &self.setup.rubric
    }

    /// What all records add up to.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The dimensions in rubric order.
    pub fn dimensions(&self) -> &[DimensionState] {
        self.ledger.dimensions()
    }

    /// What the engine is doing.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// From now on scores are read through this calibration.
    pub fn calibrate(&mut self, calibration: Arc<Calibration>) {
        self.setup.calibration = Some(calibration);
    }

    /// Whether there is a model to ask.
    pub fn has_model(&self) -> bool {
        self.has_model
    }

    /// Whether blind-first mode is on.
    pub fn blind(&self) -> bool {
        self.setup.blind
    }

    /// Why nothing can be written, if so.
    pub fn read_only(&self) -> Option<&str> {
        self.setup.read_only.as_deref()
    }

    /// Whether what the model says of a dimension must not be shown.
    pub fn hidden(&self, dimension: &DimensionState) -> bool {
        self.setup.blind && !dimension.shown && !dimension.human.revealed && dimension.human.verdict.is_none()
    }

    /// The links of a dimension that stand and may be shown; their order numbers them E1, E2, …
    pub fn links<'a>(&self, dimension: &'a DimensionState) -> Vec<LinkView<'a>> {
        let mut links = dimension.links();
        if self.hidden(dimension) {
            links.retain(|l| l.origin == Origin::Person);
        }
        links
    }

    /// What rests on a stretch of a source, in order of place; [`Citation::link`] counts in [`Review::links`].
    pub fn citing(&self, source: &ContentHash, span: Range<usize>) -> impl Iterator<Item = &Citation> {
        self.backlinks.citing(source, span)
    }

    /// Whether the records are safe.
    pub fn save(&self) -> Save {
        match (&self.setup.read_only, self.pending.len(), &self.last_saved) {
            (Some(why), ..) => Save::Failed(why.clone()),
            (None, 0, None) => Save::Nothing,
            (None, 0, Some(receipt)) => Save::Saved(receipt.clone()),
            (None, n, _) => Save::Saving(n),
        }
    }

    fn opened(&mut self, history: &[Recorded], ticket: Option<Ticket>, stamp: Stamp) -> Vec<Effect> {
        self.ledger = Ledger::replay(&self.setup.rubric, history);
        self.last_saved = history.last().map(|r| Receipt {
            id: r.id.clone(),
            seq: r.seq,
            hash: r.hash,
        });
        self.has_model = ticket.is_some();
        self.remember_seen();
        self.begin(ticket, stamp)
    }

    /// Goes on with what the dossier has become. What people decided stands; what a model said of other sources does not.
    fn reread(
        &mut self,
        dossier: Arc<Dossier>,
        checks: Arc<[Check]>,
        ticket: Option<Ticket>,
        stamp: Stamp,
    ) -> Vec<Effect> {
        let mut effects = self.halt();
        self.names = Redaction::by(&self.setup.rubric, &dossier, self.setup.language);
        self.setup.dossier = dossier;
        self.setup.checks = checks;
        effects.extend(self.begin(ticket, stamp));
        effects
    }

    /// Records what is reviewed, where that is new, and asks for what is not scored.
    fn begin(&mut self, ticket: Option<Ticket>, stamp: Stamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let read = DossierRead::of(&self.setup.dossier);
        if self.ledger.read() != Some(&read) {
            let sources = Attachment::Sources(Arc::clone(&self.setup.dossier));
            effects.extend(self.commit(stamp.record(0), stamp, Entry::Dossier(read), vec![sources]));
        }
        effects.extend(self.catch_up(ticket));
        effects
    }

    /// Enters a record and sends it to the store; nothing when the store takes none.
    fn commit(
        &mut self,
        id: RecordId,
        stamp: Stamp,
        entry: Entry,
        attachments: Vec<Attachment>,
    ) -> Option<Effect> {
        let person = self.setup.person.clone();
        self.ledger.enter(&id, &person, stamp.at, &entry);
        if self.setup.read_only.is_some() {
            return None;
        }
        self.pending.push(id.clone());
        Some(Effect::Commit(Draft {
            id,
            at: stamp.at,
            actor: person,
            subject: self.setup.dossier.meta.subject.id.clone(),
            entry,
            attachments,
        }))
    }

    fn saved(&mut self, receipt: Receipt) -> Vec<Effect> {
        self.pending.retain(|id| id != &receipt.id);
        self.ledger.numbered(&receipt.id, receipt.seq);
        if self.last_saved.as_ref().is_none_or(|last| last.seq < receipt.seq) {
            self.last_saved = Some(receipt);
        }
        Vec::new()
    }

    fn not_saved(&mut self, id: &RecordId, message: String) -> Vec<Effect> {
        self.pending.retain(|p| p != id);
        self.setup.read_only = Some(message.clone());
        vec![Effect::Tell(Notice::NotSaved(message))]
    }

    /// Remembers which model scores are in plain view now.
    fn look(&mut self) {
        let blind = self.setup.blind;
        for dimension in self.ledger.dimensions_mut() {
            let open = !blind || dimension.human.revealed || dimension.human.verdict.is_some();
            dimension.shown |= open && dimension.model.reading.is_some();
        }
    }

    fn relink(&mut self) {
        let standing: Vec<(DimensionId, Vec<EvidenceLink>)> = self
            .dimensions()
            .iter()
            .map(|d| {
                (
                    d.id.clone(),
                    self.links(d).iter().map(|l| l.link.clone()).collect(),
                )
            })
            .collect();
        self.backlinks = Backlinks::of(standing.iter().map(|(id, links)| (id, links.as_slice())));
    }

    /// What was seen in an earlier session stays seen. Who looked before the model had spoken saw nothing.
    fn remember_seen(&mut self) {
        use crate::review::ledger::ActedWhat;
        let saw =
            |d: &Decision| d.seen.model_visible || (d.act == Act::Reveal && d.seen.model_score.is_some());
        let seen: Vec<_> = self
            .ledger
            .acts()
            .iter()
            .filter_map(|act| match &act.what {
                ActedWhat::Decision(d) if saw(d) => Some(d.dimension.clone()),
                _ => None,
            })
            .collect();
        for dimension in self.ledger.dimensions_mut() {
            dimension.shown |= seen.contains(&dimension.id);
        }
    }
}

/// Streamed words and progress change no link, and come too often to look.
fn may_relink(event: &Event) -> bool {
    use ScoreEvent::{Loading, Prefill, Token};
    let streams = |e: &ScoreEvent| matches!(e, Loading(_) | Prefill { .. } | Token { .. });
    match event {
        Event::Engine { event, .. } => !streams(event),
        Event::Saved(_) | Event::NotSaved { .. } => false,
        Event::Opened { .. } | Event::Reread { .. } | Event::Worn { .. } | Event::Person { .. } => true,
    }
}

#[cfg(test)]
mod tests;
