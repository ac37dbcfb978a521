//! What goes into the review's state machine and what comes out of it, as values.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::dossier::Dossier;
use crate::engine::{Calibration, ModelIdentity, ScoreEvent, ScoreRequest, Ticket, Trace};
use crate::evidence::{Check, EvidenceLink, Place, Polarity};
use crate::hash::ContentHash;
use crate::id::{DimensionId, Person, RecordId, SegmentNo, SubjectId};
use crate::review::decision::Entry;

/// When an event happened, and the name its records get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The moment, UTC.
    pub at: Timestamp,
    /// A fresh ULID; an event that makes several records counts on from it.
    pub id: Ulid,
}

impl Stamp {
    /// The name of the event's `n`-th record, from 0.
    pub fn record(&self, n: usize) -> RecordId {
        RecordId::new(self.nth(n).id.to_string())
    }

    /// The stamp of the `n`-th of several things that one event brings about, from 0.
    #[must_use]
    pub fn nth(&self, n: usize) -> Self {
        let id = (0..n).fold(self.id, |id, _| id.increment().unwrap_or(Ulid::nil()));
        Self { at: self.at, id }
    }
}

/// A record as the journal holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number in the journal.
    pub seq: u64,
    /// Its hash in the chain.
    pub hash: ContentHash,
    /// Its name.
    pub id: RecordId,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Person,
    /// What it says.
    pub entry: Entry,
}

/// The store's promise that a record will survive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The record's name.
    pub id: RecordId,
    /// Its number in the journal.
    pub seq: u64,
    /// Its hash in the chain.
    pub hash: ContentHash,
}

/// A record to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its name, so that sending it twice writes it once.
    pub id: RecordId,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Person,
    /// Whom it speaks of.
    pub subject: SubjectId,
    /// What it says.
    pub entry: Entry,
    /// What has to be durable before the record may cite it.
    pub attachments: Vec<Attachment>,
}

/// Bytes that a record cites by their hash.
#[derive(Debug, Clone)]
pub enum Attachment {
    /// How the model came to an assessment.
    Trace(Arc<Trace>),
    /// The raw bytes of every source of a dossier, to be read from its folder.
    Sources(Arc<Dossier>),
}

/// What the person was looking at when they acted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnScreen {
    /// The source in the document pane.
    pub source: Option<String>,
    /// The segment under the cursor.
    pub segment: Option<SegmentNo>,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The dossier was opened, with everything the journal knows of it.
    Opened {
        /// Records about this dossier in order of number.
        history: Vec<Recorded>,
        /// The number a scoring request would get; none when there is no model.
        ticket: Option<Ticket>,
        /// When.
        stamp: Stamp,
    },
    /// The dossier was read again while it is open, and has other sources than before.
    Reread {
        /// What it is now.
        dossier: Arc<Dossier>,
        /// What its claims meet elsewhere in it.
        checks: Arc<[Check]>,
        /// The number a scoring request would get; none when there is no model.
        ticket: Option<Ticket>,
        /// When.
        stamp: Stamp,
    },
    /// Something else is laid over the weights than before.
    Worn {
        /// The weights with it.
        model: ModelIdentity,
        /// What their scores are read through.
        calibration: Option<Arc<Calibration>>,
        /// The number a scoring request would get.
        ticket: Ticket,
    },
    /// The engine said something.
    Engine {
        /// About which request.
        ticket: Ticket,
        /// What.
        event: ScoreEvent,
        /// When.
        stamp: Stamp,
    },
    /// The person did something.
    Person {
        /// What.
        intent: Intent,
        /// Looking at what.
        seen: OnScreen,
        /// When.
        stamp: Stamp,
    },
    /// The store has made a record durable.
    Saved(Receipt),
    /// The store could not make a record durable; it will take no more.
    NotSaved {
        /// Which record.
        id: RecordId,
        /// Why, one line.
        message: String,
    },
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// Let the model's score stand.
    Accept(DimensionId),
    /// Put an own score, 1..=5 in halves.
    Override {
        /// On which dimension.
        dimension: DimensionId,
        /// The score.
        score: f32,
        /// Why.
        reason: Option<String>,
    },
    /// Link a place to a dimension.
    AddLink {
        /// Which dimension.
        dimension: DimensionId,
        /// The place.
        place: Place,
        /// For or against.
        polarity: Polarity,
    },
    /// Take a link off a dimension.
    DropLink {
        /// Which dimension.
        dimension: DimensionId,
        /// The link as it stands.
        link: EvidenceLink,
        /// Why.
        reason: Option<String>,
    },
    /// Say something about a dimension, or about a place in it.
    Note {
        /// Which dimension.
        dimension: DimensionId,
        /// The words.
        text: String,
        /// The place.
        place: Option<Place>,
    },
    /// Show what the model says of a dimension, in blind-first mode.
    Reveal(DimensionId),
    /// Turn blind-first mode on or off; turning it off reveals everything.
    Blind(bool),
    /// Take back the person's own last record.
    Undo,
    /// Close the dossier.
    SignOff {
        /// Words for the record.
        note: Option<String>,
    },
    /// Score again: these dimensions, or all that have no score when empty.
    Rescore {
        /// The new request's number.
        ticket: Ticket,
        /// Which.
        dimensions: Vec<DimensionId>,
    },
    /// Stop scoring.
    Stop,
}

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the engine.
    Score(ScoreRequest),
    /// Stop the engine.
    Cancel(Ticket),
    /// Write a record.
    Commit(Draft),
    /// Tell the person.
    Tell(Notice),
}

/// Something to tell the person, without its words.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The model's score stands.
    Accepted(DimensionId, f32),
    /// The person's score stands; the model's is the second figure.
    Overridden(DimensionId, f32, Option<f32>),
    /// There is no score to accept yet.
    NothingToAccept,
    /// Blind-first mode: score before you see.
    ScoreFirst,
    /// Not one of 1, 1.5 … 5.
    NotALevel,
    /// A link was added.
    LinkAdded(Place),
    /// The same link is there already.
    AlreadyLinked,
    /// A link was dropped.
    LinkDropped(Place),
    /// The link is not there.
    NoSuchLink,
    /// A note was added.
    NoteAdded,
    /// The model's score is shown, and that is on record.
    Revealed,
    /// Blind-first mode is on or off.
    Blind(bool),
    /// A record was taken back: its number, once known.
    Undone(Option<u64>),
    /// There is nothing of this person's to take back.
    NothingToUndo,
    /// The dossier is closed.
    SignedOff,
    /// The dossier is closed: undo the sign-off first.
    Closed,
    /// So many dimensions have no decision yet.
    Undecided(usize),
    /// Nothing can be written.
    ReadOnly,
    /// A record could not be written.
    NotSaved(String),
    /// There is no model.
    NoModel,
    /// All dimensions are scored.
    ScoringDone,
    /// Scoring was stopped.
    Stopped,
    /// Scoring failed: why, and what to do.
    ScoringFailed(String, Vec<String>),
}
