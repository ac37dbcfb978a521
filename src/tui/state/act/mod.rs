//! What each action does, one function an action.

use super::App;
use super::Effect;
use crate::review::Stamp;
use crate::tui::keys::{Action, Group, Key, Mode};

mod deciding;
mod evidence;
mod finding;
mod general;
mod moving;
mod typing;
mod views;

impl App {
    /// Does it; `nth` says by which of its keys it was called.
    pub(super) fn perform(&mut self, action: Action, nth: usize, stamp: Stamp) -> Vec<Effect> {
        match action.group() {
            Group::Deciding => self.deciding(action, nth, stamp),
            Group::Evidence => self.evidence(action, stamp),
            Group::Moving => self.moving(action),
            Group::Finding => self.finding(action),
            Group::Views => self.views(action),
            Group::General => self.general(action, stamp),
        }
    }

    /// A key that no action has here: text, a reason, or a slip.
    pub(super) fn unbound(&mut self, mode: Mode, keys: &[Key], stamp: Stamp) -> Vec<Effect> {
        let Some(key) = keys.last() else {
            return Vec::new();
        };
        match mode {
            Mode::Help | Mode::Palette | Mode::Input => self.type_key(*key),
            Mode::Reason => self.reason_key(*key, stamp),
            _ => self.slip(keys),
        }
    }

    fn slip(&mut self, keys: &[Key]) -> Vec<Effect> {
        let pressed: String = keys.iter().map(Key::to_string).collect();
        self.hint(crate::tui::words::Word::KeyUnbound, &[("key", &pressed)])
    }
}
