//! What all records about one dossier add up to.
//!
//! Live decisions and the replay of a journal take the same way through [`Ledger::enter`], so that reopening a dossier
//! shows what was there. A record taken back stays in the list and no longer counts.

use jiff::Timestamp;

use crate::engine::{Assessment, RubricIdentity};
use crate::id::{DimensionId, Person, RecordId};
use crate::review::decision::{Act, Decision, DossierRead, Entry, SignOff};
use crate::review::dimension::{DimensionState, HumanSide, ModelSide};
use crate::review::event::Recorded;
use crate::rubric::Rubric;

/// One act of a person in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Acted {
    /// The record.
    pub id: RecordId,
    /// Its number, once the store has given one.
    pub seq: Option<u64>,
    /// By whom.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: ActedWhat,
    /// Taken back by a later record.
    pub undone: bool,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq)]
pub enum ActedWhat {
    /// Decided about a dimension.
    Decision(Box<Decision>),
    /// Closed the dossier.
    SignOff(SignOff),
}

impl Acted {
    /// Whether it can be taken back: what has been seen cannot be unseen.
    fn undoable(&self) -> bool {
        let seen = matches!(&self.what, ActedWhat::Decision(d) if d.act == Act::Reveal);
        !self.undone && !seen
    }
}

/// The sum of all records about one dossier, by one rubric.
#[derive(Debug, Clone)]
pub struct Ledger {
    rubric: RubricIdentity,
    dimensions: Vec<DimensionState>,
    acts: Vec<Acted>,
    read: Option<DossierRead>,
}

impl Ledger {
    /// An empty one.
    pub fn new(rubric: &Rubric) -> Self {
        Self {
            rubric: RubricIdentity::of(rubric),
            dimensions: rubric
                .dimensions
                .iter()
                .map(|d| DimensionState::new(d.id.clone()))
                .collect(),
            acts: Vec::new(),
            read: None,
        }
    }

    /// The sum of a dossier's records.
    pub fn replay(rubric: &Rubric, history: &[Recorded]) -> Self {
        let mut ledger = Self::new(rubric);
        for record in history {
            ledger.enter(&record.id, &record.actor, record.at, &record.entry);
            ledger.numbered(&record.id, record.seq);
        }
        ledger
    }

    /// Adds one record.
    pub fn enter(&mut self, id: &RecordId, by: &Person, at: Timestamp, entry: &Entry) {
        match entry {
            Entry::Dossier(read) => self.reread(read),
            Entry::Assessment(assessment) => self.assess(assessment),
            Entry::Decision(decision) if self.same_rubric(&decision.rubric) => {
                let dimension = decision.dimension.clone();
                self.push(id, by, at, ActedWhat::Decision(decision.clone()));
                self.fold(&dimension);
            }
            Entry::SignOff(sign_off) if self.same_rubric(&sign_off.rubric) => {
                self.push(id, by, at, ActedWhat::SignOff(sign_off.clone()));
            }
            Entry::Undo(undo) => self.take_back(&undo.record),
            Entry::Decision(_)
            | Entry::Comparison(_)
            | Entry::SignOff(_)
            | Entry::Calibration(_)
            | Entry::Adapter(_) => {}
        }
    }

    /// Notes the number the store gave a record.
    pub fn numbered(&mut self, id: &RecordId, seq: u64) {
        if let Some(act) = self.acts.iter_mut().rev().find(|a| &a.id == id) {
            act.seq = Some(seq);
        }
    }

    /// By which rubric.
    pub fn rubric(&self) -> &RubricIdentity {
        &self.rubric
    }

    /// In rubric order.
    pub fn dimensions(&self) -> &[DimensionState] {
        &self.dimensions
    }

    /// In rubric order.
    pub fn dimensions_mut(&mut self) -> &mut [DimensionState] {
        &mut self.dimensions
    }

    /// The dimension called `id`.
    pub fn dimension(&self, id: &DimensionId) -> Option<&DimensionState> {
        self.dimensions.iter().find(|d| &d.id == id)
    }

    /// The dimension called `id`.
    pub fn dimension_mut(&mut self, id: &DimensionId) -> Option<&mut DimensionState> {
        self.dimensions.iter_mut().find(|d| &d.id == id)
    }

    /// Everything people did, oldest first.
    pub fn acts(&self) -> &[Acted] {
        &self.acts
    }

    /// How the dossier was read last.
    pub fn read(&self) -> Option<&DossierRead> {
        self.read.as_ref()
    }

    /// The sign-off that stands.
    pub fn signed_off(&self) -> Option<(&Acted, &SignOff)> {
        self.acts.iter().rev().find_map(|act| match &act.what {
            ActedWhat::SignOff(s) if !act.undone => Some((act, s)),
            _ => None,
        })
    }

    /// The last act of `person` that can be taken back.
    pub fn last_undoable(&self, person: &Person) -> Option<&Acted> {
        self.acts.iter().rev().find(|a| &a.by == person && a.undoable())
    }

    fn same_rubric(&self, other: &RubricIdentity) -> bool {
        self.rubric.id == other.id && self.rubric.version == other.version
    }

    fn push(&mut self, id: &RecordId, by: &Person, at: Timestamp, what: ActedWhat) {
        self.acts.push(Acted {
            id: id.clone(),
            seq: None,
            by: by.clone(),
            at,
            what,
            undone: false,
        });
    }

    /// A dossier with other content: what the model said about the old one no longer counts.
    fn reread(&mut self, read: &DossierRead) {
        if self.read.as_ref().is_some_and(|r| r.sources != read.sources) {
            for dimension in &mut self.dimensions {
                dimension.model = ModelSide::default();
            }
        }
        self.read = Some(read.clone());
    }

    fn assess(&mut self, assessment: &Assessment) {
        if assessment.rubric.sha256 == self.rubric.sha256
            && let Some(dimension) = self.dimension_mut(&assessment.dimension)
        {
            dimension.model = ModelSide::complete(assessment);
        }
    }

    fn take_back(&mut self, record: &RecordId) {
        let Some(act) = self.acts.iter_mut().rev().find(|a| &a.id == record) else {
            return;
        };
        act.undone = true;
        if let ActedWhat::Decision(decision) = &act.what {
            let dimension = decision.dimension.clone();
            self.fold(&dimension);
        }
    }

    /// Sums a dimension's decisions up again.
    fn fold(&mut self, dimension: &DimensionId) {
        let mut human = HumanSide::default();
        for act in self.acts.iter().filter(|a| !a.undone) {
            if let ActedWhat::Decision(d) = &act.what
                && &d.dimension == dimension
            {
                human.apply(&act.id, &act.by, act.at, d);
            }
        }
        if let Some(state) = self.dimension_mut(dimension) {
            state.human = human;
        }
    }
}
