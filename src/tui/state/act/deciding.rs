//! Scores, notes, blind-first, undo and sign-off.

use crate::review::dimension::to_half;
use crate::review::{Choice, Intent, Stamp};
use crate::tui::keys::{Action, Found, Group, Key, Mode};
use crate::tui::state::desk::Item;
use crate::tui::state::line::LineEdit;
use crate::tui::state::overlay::{Confirm, Input, Overlay, Pending, Purpose, ReasonPicker};
use crate::tui::state::{App, Effect};
use crate::tui::words::{Reason, Word};

impl App {
    pub(super) fn deciding(&mut self, action: Action, nth: usize, stamp: Stamp) -> Vec<Effect> {
        match action {
            Action::Accept => self.on_dimension(Intent::Accept, stamp),
            Action::Score => self.score((nth + 1) as f32),
            Action::Half => self.half(),
            Action::Note => self.ask_note(),
            Action::Blind => self.toggle_blind(stamp),
            Action::Reveal => self.on_dimension(Intent::Reveal, stamp),
            Action::PreferLeft => self.choose(Choice::Left, stamp),
            Action::PreferRight => self.choose(Choice::Right, stamp),
            Action::Tie => self.choose(Choice::Tie, stamp),
            Action::SkipPair => self.choose(Choice::Skip, stamp),
            Action::Rewrite => self.rewrite(stamp),
            Action::Undo if self.annotating.is_some() => self.undo_comparison(stamp),
            Action::Undo => self.intend(Intent::Undo, stamp),
            Action::SignOff => self.ask_sign_off(),
            Action::Skip => self.take_reason(stamp),
            _ => Vec::new(),
        }
    }

    fn on_dimension(
        &mut self,
        intent: impl FnOnce(crate::id::DimensionId) -> Intent,
        stamp: Stamp,
    ) -> Vec<Effect> {
        match self
            .desk
            .as_ref()
            .and_then(super::super::desk::Desk::dimension_id)
        {
            Some(dimension) => self.intend(intent(dimension), stamp),
            None => Vec::new(),
        }
    }

    /// One key is the whole decision: the picker that follows only adds why, and any movement closes it.
    fn score(&mut self, score: f32) -> Vec<Effect> {
        if let Some(pending) = self.pending_score() {
            *pending = score;
            return Vec::new();
        }
        if self.mode() == Mode::Reason {
            return self.hint(Word::NotHere, &[]);
        }
        if let Some(refusal) = self.cannot_write() {
            return self.hint(refusal, &[]);
        }
        if let Some(dimension) = self
            .desk
            .as_ref()
            .and_then(super::super::desk::Desk::dimension_id)
        {
            self.pick_reason(Pending::Score(dimension, score));
        }
        Vec::new()
    }

    /// Half a level more: on the score being given, else on the one that stands.
    fn half(&mut self) -> Vec<Effect> {
        if let Some(pending) = self.pending_score() {
            *pending = (*pending + 0.5).min(5.0);
            return Vec::new();
        }
        if self.mode() == Mode::Reason {
            return self.hint(Word::NotHere, &[]);
        }
        let dimension = self.desk.as_ref().and_then(|d| d.dimension());
        let visible = dimension.filter(|d| self.desk.as_ref().is_some_and(|k| !k.review.hidden(d)));
        match visible.and_then(crate::review::dimension::DimensionState::score) {
            Some(score) => self.score((to_half(score) + 0.5).min(5.0)),
            None => self.hint(Word::NothingToAccept, &[]),
        }
    }

    fn pending_score(&mut self) -> Option<&mut f32> {
        match self.overlays.last_mut() {
            Some(Overlay::Reason(ReasonPicker {
                pending: Pending::Score(_, score),
                ..
            })) => Some(score),
            _ => None,
        }
    }

    /// Why nothing can be decided now: said before the person picks a reason, not after.
    pub(super) fn cannot_write(&self) -> Option<Word> {
        let review = &self.desk.as_ref()?.review;
        if review.read_only().is_some() {
            Some(Word::ReadOnly)
        } else if review.ledger().signed_off().is_some() {
            Some(Word::AlreadySignedOff)
        } else {
            None
        }
    }

    pub(super) fn pick_reason(&mut self, pending: Pending) {
        self.overlays.push(Overlay::Reason(ReasonPicker {
            pending,
            cursor: None,
        }));
    }

    /// A letter picks a reason, a movement records without one and moves; anything else is a slip.
    pub(super) fn reason_key(&mut self, key: Key, stamp: Stamp) -> Vec<Effect> {
        let picked = key
            .typed()
            .and_then(|c| Reason::ALL.iter().find(|r| r.key() == c));
        if let Some(reason) = picked {
            return self.reason(Some(*reason), stamp);
        }
        match self.settings.keymap.find(Mode::Review, &[key]) {
            Found::Action(action, nth) if action.group() == Group::Moving => {
                let mut effects = self.commit_pending(stamp);
                effects.extend(self.perform(action, nth, stamp));
                effects
            }
            _ => self.slip(&[key]),
        }
    }

    fn take_reason(&mut self, stamp: Stamp) -> Vec<Effect> {
        let chosen = match self.overlays.last() {
            Some(Overlay::Reason(picker)) => picker.chosen(),
            _ => None,
        };
        self.reason(chosen, stamp)
    }

    fn reason(&mut self, reason: Option<Reason>, stamp: Stamp) -> Vec<Effect> {
        let Some(Overlay::Reason(picker)) = self.overlays.pop() else {
            return Vec::new();
        };
        if reason == Some(Reason::Other) {
            self.ask(Purpose::Reason(picker.pending), "");
            return Vec::new();
        }
        self.commit(picker.pending, reason.map(|r| r.code().to_owned()), stamp)
    }

    pub(super) fn commit(&mut self, pending: Pending, reason: Option<String>, stamp: Stamp) -> Vec<Effect> {
        let intent = match pending {
            Pending::Score(dimension, score) => Intent::Override {
                dimension,
                score,
                reason,
            },
            Pending::Drop(dimension, link) => Intent::DropLink {
                dimension,
                link: *link,
                reason,
            },
        };
        self.intend(intent, stamp)
    }

    /// Records a disagreement whose reason was still being picked.
    pub(in crate::tui::state) fn commit_pending(&mut self, stamp: Stamp) -> Vec<Effect> {
        let pending = self.overlays.iter().position(|overlay| {
            let reason = matches!(overlay, Overlay::Reason(_));
            reason
                || matches!(
                    overlay,
                    Overlay::Input(Input {
                        purpose: Purpose::Reason(_),
                        ..
                    })
                )
        });
        let Some(at) = pending else {
            return Vec::new();
        };
        match self.overlays.remove(at) {
            Overlay::Reason(picker) => self.commit(picker.pending, None, stamp),
            Overlay::Input(Input {
                purpose: Purpose::Reason(pending),
                ..
            }) => self.commit(pending, None, stamp),
            _ => Vec::new(),
        }
    }

    fn ask_note(&mut self) -> Vec<Effect> {
        if let Some(refusal) = self.cannot_write() {
            return self.hint(refusal, &[]);
        }
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let on_link = matches!(desk.item(), Some(Item::Link(_)));
        let in_evidence = desk.focus == crate::tui::state::desk::Pane::Evidence;
        let place = desk.link().filter(|_| on_link && in_evidence).map(|l| l.place);
        if let Some(dimension) = desk.dimension_id() {
            self.ask(Purpose::Note(dimension, place), "");
        }
        Vec::new()
    }

    /// Opens an input line.
    pub(super) fn ask(&mut self, purpose: Purpose, text: &str) {
        self.overlays.push(Overlay::Input(Input {
            purpose,
            line: LineEdit::new(text),
        }));
    }

    /// The next dossier is opened as this one is shown now, which is as before where it was refused.
    fn toggle_blind(&mut self, stamp: Stamp) -> Vec<Effect> {
        let on = self.desk.as_ref().is_some_and(|d| d.review.blind());
        let effects = self.intend(Intent::Blind(!on), stamp);
        if let Some(desk) = &self.desk {
            self.settings.blind = desk.review.blind();
        }
        effects
    }

    fn ask_sign_off(&mut self) -> Vec<Effect> {
        if let Some(refusal) = self.cannot_write() {
            return self.hint(refusal, &[]);
        }
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let dimensions = desk.review.dimensions().iter();
        match dimensions.filter(|d| d.human.verdict.is_none()).count() {
            0 => {
                self.overlays.push(Overlay::Confirm(Confirm::SignOff));
                Vec::new()
            }
            n => self.hint(Word::Undecided, &[("n", &n.to_string())]),
        }
    }
}
