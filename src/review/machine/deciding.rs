//! The person's arms: one function an intent.

use super::Review;
use crate::engine::Ticket;
use crate::evidence::{Count, EvidenceKind, EvidenceLink, Place, Polarity};
use crate::id::DimensionId;
use crate::review::decision::{Act, Decision, Entry, Seen, SignOff, Undo};
use crate::review::dimension::{is_level, same_link};
use crate::review::event::{Effect, Intent, Notice, OnScreen, Stamp};

/// What every act needs besides itself.
struct Moment<'a> {
    seen: &'a OnScreen,
    stamp: Stamp,
}

impl Review {
    pub(super) fn person(&mut self, intent: Intent, seen: &OnScreen, stamp: Stamp) -> Vec<Effect> {
        if let Some(refusal) = self.refusal(&intent) {
            return vec![Effect::Tell(refusal)];
        }
        let moment = Moment { seen, stamp };
        match intent {
            Intent::Accept(dimension) => self.accept(&dimension, &moment),
            Intent::Override {
                dimension,
                score,
                reason,
            } => self.overrule(&dimension, score, reason, &moment),
            Intent::AddLink {
                dimension,
                place,
                polarity,
            } => self.add_link(&dimension, place, polarity, &moment),
            Intent::DropLink {
                dimension,
                link,
                reason,
            } => self.drop_link(&dimension, link, reason, &moment),
            Intent::Note {
                dimension,
                text,
                place,
            } => self.note(&dimension, text, place, &moment),
            Intent::Reveal(dimension) => self.reveal(&dimension, &moment),
            Intent::Blind(on) => self.set_blind(on, &moment),
            Intent::Undo => self.undo(&moment),
            Intent::SignOff { note } => self.sign_off(note, &moment),
            Intent::Rescore { ticket, dimensions } => self.rescore(ticket, &dimensions),
            Intent::Stop => self.stop(),
        }
    }

    /// Why an intent cannot be followed at all.
    fn refusal(&self, intent: &Intent) -> Option<Notice> {
        let writes = !matches!(
            intent,
            Intent::Stop | Intent::Rescore { .. } | Intent::Blind(true)
        );
        let reopens = matches!(intent, Intent::Undo | Intent::Stop);
        if writes && self.setup.read_only.is_some() {
            Some(Notice::ReadOnly)
        } else if !reopens && self.ledger.signed_off().is_some() {
            Some(Notice::Closed)
        } else {
            None
        }
    }

    fn accept(&mut self, dimension: &DimensionId, moment: &Moment<'_>) -> Vec<Effect> {
        let Some(state) = self.ledger.dimension(dimension) else {
            return tell(Notice::NothingToAccept);
        };
        if self.hidden(state) {
            return tell(Notice::ScoreFirst);
        }
        let Some(score) = state.acceptable() else {
            return tell(Notice::NothingToAccept);
        };
        self.decide(
            dimension,
            Act::Accept { score },
            moment,
            Notice::Accepted(dimension.clone(), score),
        )
    }

    fn overrule(
        &mut self,
        dimension: &DimensionId,
        score: f32,
        reason: Option<String>,
        moment: &Moment<'_>,
    ) -> Vec<Effect> {
        if !is_level(score) {
            return tell(Notice::NotALevel);
        }
        let of_model = self
            .ledger
            .dimension(dimension)
            .and_then(|d| d.model.reading)
            .map(|r| r.score);
        self.decide(
            dimension,
            Act::Override { score, reason },
            moment,
            Notice::Overridden(dimension.clone(), score, of_model),
        )
    }

    fn add_link(
        &mut self,
        dimension: &DimensionId,
        place: Place,
        polarity: Polarity,
        moment: &Moment<'_>,
    ) -> Vec<Effect> {
        let link = EvidenceLink {
            kind: EvidenceKind::Quote,
            polarity,
            place,
            count: None::<Count>,
        };
        if self.has_link(dimension, &link) {
            return tell(Notice::AlreadyLinked);
        }
        let notice = Notice::LinkAdded(link.place.clone());
        self.decide(dimension, Act::LinkAdded { link }, moment, notice)
    }

    fn drop_link(
        &mut self,
        dimension: &DimensionId,
        link: EvidenceLink,
        reason: Option<String>,
        moment: &Moment<'_>,
    ) -> Vec<Effect> {
        if !self.has_link(dimension, &link) {
            return tell(Notice::NoSuchLink);
        }
        let notice = Notice::LinkDropped(link.place.clone());
        self.decide(dimension, Act::LinkDropped { link, reason }, moment, notice)
    }

    fn note(
        &mut self,
        dimension: &DimensionId,
        text: String,
        place: Option<Place>,
        moment: &Moment<'_>,
    ) -> Vec<Effect> {
        let text = text.trim().to_owned();
        if text.is_empty() {
            return Vec::new();
        }
        self.decide(dimension, Act::Note { text, place }, moment, Notice::NoteAdded)
    }

    fn reveal(&mut self, dimension: &DimensionId, moment: &Moment<'_>) -> Vec<Effect> {
        match self.ledger.dimension(dimension) {
            Some(state) if self.hidden(state) => {
                self.decide(dimension, Act::Reveal, moment, Notice::Revealed)
            }
            _ => Vec::new(),
        }
    }

    /// Turning the mode off shows everything at once: each dimension that is hidden so far gets its own record.
    fn set_blind(&mut self, on: bool, moment: &Moment<'_>) -> Vec<Effect> {
        let hidden: Vec<DimensionId> = self
            .dimensions()
            .iter()
            .filter(|d| self.hidden(d))
            .map(|d| d.id.clone())
            .collect();
        let mut effects = Vec::new();
        for (n, dimension) in hidden.iter().enumerate().filter(|_| !on) {
            effects.extend(self.record(n, dimension, Act::Reveal, moment));
        }
        self.setup.blind = on;
        effects.push(Effect::Tell(Notice::Blind(on)));
        effects
    }

    /// What somebody else has signed off stays as they saw it.
    fn undo(&mut self, moment: &Moment<'_>) -> Vec<Effect> {
        let signed_off = self.ledger.signed_off();
        if signed_off.is_some_and(|(act, _)| act.by != self.setup.person) {
            return tell(Notice::Closed);
        }
        let Some(act) = self.ledger.last_undoable(&self.setup.person) else {
            return tell(Notice::NothingToUndo);
        };
        let seq = act.seq;
        let entry = Entry::Undo(Undo {
            dossier: self.setup.dossier.meta.id.clone(),
            record: act.id.clone(),
        });
        let mut effects = self.entry(entry, moment);
        effects.push(Effect::Tell(Notice::Undone(seq)));
        effects
    }

    /// People decide: a dossier closes only when a person has decided every dimension.
    fn sign_off(&mut self, note: Option<String>, moment: &Moment<'_>) -> Vec<Effect> {
        let scores: Vec<_> = self
            .dimensions()
            .iter()
            .filter_map(|d| Some((d.id.clone(), d.human.verdict.as_ref()?.score)))
            .collect();
        let undecided = self.dimensions().len() - scores.len();
        if undecided > 0 {
            return tell(Notice::Undecided(undecided));
        }
        let entry = Entry::SignOff(SignOff {
            dossier: self.setup.dossier.meta.id.clone(),
            rubric: self.ledger.rubric().clone(),
            scores,
            note: note.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()),
        });
        let mut effects = self.entry(entry, moment);
        effects.push(Effect::Tell(Notice::SignedOff));
        effects
    }

    fn rescore(&mut self, ticket: Ticket, dimensions: &[DimensionId]) -> Vec<Effect> {
        if !self.has_model {
            return tell(Notice::NoModel);
        }
        self.score(ticket, dimensions)
    }

    pub(super) fn stop(&mut self) -> Vec<Effect> {
        self.work.ticket().map(Effect::Cancel).into_iter().collect()
    }

    fn decide(
        &mut self,
        dimension: &DimensionId,
        act: Act,
        moment: &Moment<'_>,
        notice: Notice,
    ) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.record(0, dimension, act, moment).into_iter().collect();
        effects.push(Effect::Tell(notice));
        effects
    }

    /// Commits the `n`-th decision of an event.
    fn record(&mut self, n: usize, dimension: &DimensionId, act: Act, moment: &Moment<'_>) -> Option<Effect> {
        let state = self.ledger.dimension(dimension)?;
        let decision = Decision {
            dossier: self.setup.dossier.meta.id.clone(),
            dimension: dimension.clone(),
            rubric: self.ledger.rubric().clone(),
            assessment: state.model.assessment,
            seen: Seen {
                blind: self.setup.blind,
                model_visible: state.shown,
                model_score: state.model.reading.map(|r| r.score),
                source: moment.seen.source.clone(),
                segment: moment.seen.segment,
            },
            act,
        };
        let id = moment.stamp.record(n);
        self.commit(id, moment.stamp, Entry::Decision(Box::new(decision)), Vec::new())
    }

    fn entry(&mut self, entry: Entry, moment: &Moment<'_>) -> Vec<Effect> {
        self.commit(moment.stamp.record(0), moment.stamp, entry, Vec::new())
            .into_iter()
            .collect()
    }

    fn has_link(&self, dimension: &DimensionId, link: &EvidenceLink) -> bool {
        self.ledger
            .dimension(dimension)
            .is_some_and(|d| d.links().iter().any(|l| same_link(l.link, link)))
    }
}

fn tell(notice: Notice) -> Vec<Effect> {
    vec![Effect::Tell(notice)]
}
