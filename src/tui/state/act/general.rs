//! Scoring again, the palette, the help, closing and leaving.

use crate::review::{Intent, Stamp};
use crate::tui::keys::{Action, Mode};
use crate::tui::state::notice::Told;
use crate::tui::state::overlay::{Confirm, Overlay, Picker, Purpose, Target};
use crate::tui::state::{App, Effect};
use crate::tui::words::Word;

impl App {
    pub(super) fn general(&mut self, action: Action, stamp: Stamp) -> Vec<Effect> {
        match action {
            Action::Rescore => self.rescore(true, stamp),
            Action::RescoreMissing => self.rescore(false, stamp),
            Action::StopScoring if self.is_hearing() => self.stop_hearing(stamp),
            Action::StopScoring => self.intend(Intent::Stop, stamp),
            Action::Palette => self.show(Overlay::Palette(Picker::default())),
            Action::Help => self.show(Overlay::Help(Picker::default())),
            Action::Run => self.run_row(stamp),
            Action::Submit => self.submit(stamp),
            Action::Yes => self.answer_yes(),
            Action::No | Action::Close => self.close(),
            Action::Leave => self.leave(),
            Action::Quit => self.quit(stamp),
            Action::Suspend => vec![Effect::Suspend],
            _ => Vec::new(),
        }
    }

    /// Says that something cannot be done.
    pub(in crate::tui::state) fn hint(&mut self, word: Word, values: &[(&str, &str)]) -> Vec<Effect> {
        self.told = Some(Told::hint(self.fill(word, values)));
        Vec::new()
    }

    fn show(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlays.push(overlay);
        Vec::new()
    }

    fn rescore(&mut self, this_one: bool, stamp: Stamp) -> Vec<Effect> {
        if self.desk.is_none() {
            return Vec::new();
        }
        let chosen = self
            .desk
            .as_ref()
            .and_then(super::super::desk::Desk::dimension_id);
        let dimensions = chosen.filter(|_| this_one).into_iter().collect();
        let ticket = self.next_ticket();
        self.intend(Intent::Rescore { ticket, dimensions }, stamp)
    }

    /// Does what the chosen row of the help or the palette says.
    fn run_row(&mut self, stamp: Stamp) -> Vec<Effect> {
        let target = self.picked();
        self.overlays.pop();
        match target {
            Some(Target::Action(action)) if action.modes().contains(&self.mode()) => {
                self.run_action(action, stamp)
            }
            Some(Target::Action(_)) => self.hint(Word::NotHere, &[]),
            Some(place) => self.go_to(place),
            None => Vec::new(),
        }
    }

    /// Shows a place, with nothing left over it.
    fn go_to(&mut self, place: Target) -> Vec<Effect> {
        self.overlays.clear();
        match (place, &mut self.desk) {
            (Target::Dossier(row), _) => return self.open(row),
            (Target::Dimension(index), Some(desk)) => desk.select_dimension(index),
            (Target::Source(index), Some(desk)) => desk.show_source(index),
            _ => {}
        }
        Vec::new()
    }

    /// From a list there is no key that says which level: the middle one is proposed, digits change it.
    fn run_action(&mut self, action: Action, stamp: Stamp) -> Vec<Effect> {
        let nth = if action == Action::Score { 2 } else { 0 };
        self.perform(action, nth, stamp)
    }

    fn answer_yes(&mut self) -> Vec<Effect> {
        match self.overlays.pop() {
            Some(Overlay::Confirm(Confirm::SignOff)) => {
                self.ask(Purpose::SignOff, "");
                Vec::new()
            }
            Some(Overlay::Confirm(Confirm::Overwrite(format, path))) => self.export(format, path, true),
            Some(Overlay::Confirm(Confirm::PutLive(record))) => self.put_live(record),
            _ => Vec::new(),
        }
    }

    /// Closes the topmost thing and nothing else.
    fn close(&mut self) -> Vec<Effect> {
        if self.overlays.pop().is_some() {
            return Vec::new();
        }
        if let Some(desk) = &mut self.desk {
            if desk.document.selection().is_some() {
                desk.document.end_selection();
            } else {
                desk.find = None;
            }
        } else {
            self.queue.search.clear();
        }
        Vec::new()
    }

    /// One step towards the door: profile, dossier, queue, out.
    fn leave(&mut self) -> Vec<Effect> {
        if matches!(self.mode(), Mode::Profile | Mode::Training | Mode::Adapters) {
            return self.close();
        }
        if self.desk.is_some() && self.queue.rows().len() > 1 {
            let row = self.desk.as_ref().map(|d| d.row);
            let effects = self.put_away();
            row.into_iter().for_each(|r| self.queue.select(r));
            return effects;
        }
        let mut effects = self.put_away();
        effects.push(Effect::Quit);
        effects
    }

    fn quit(&mut self, stamp: Stamp) -> Vec<Effect> {
        self.hangup(stamp)
    }
}
