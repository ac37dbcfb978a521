//! Linking, dropping, selecting and copying.

use crate::evidence::Polarity;
use crate::review::{Intent, Stamp};
use crate::tui::keys::Action;
use crate::tui::state::desk::Pane;
use crate::tui::state::notice::Told;
use crate::tui::state::overlay::Pending;
use crate::tui::state::{App, Effect};
use crate::tui::words::Word;

impl App {
    pub(super) fn evidence(&mut self, action: Action, stamp: Stamp) -> Vec<Effect> {
        match action {
            Action::Link => self.link(Polarity::Supports, stamp),
            Action::LinkAgainst => self.link(Polarity::Contradicts, stamp),
            Action::Drop => self.ask_drop(),
            Action::Select => self.toggle_selection(),
            Action::Copy => self.copy(),
            _ => Vec::new(),
        }
    }

    /// Links what the person points at; a selection over several segments makes a link in each.
    fn link(&mut self, polarity: Polarity, stamp: Stamp) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let places = desk.document.places();
        let Some(dimension) = desk.dimension_id() else {
            return Vec::new();
        };
        if places.is_empty() {
            return self.hint(Word::SelectFirst, &[]);
        }
        desk.document.end_selection();
        let mut effects = Vec::new();
        for (n, place) in places.into_iter().enumerate() {
            let intent = Intent::AddLink {
                dimension: dimension.clone(),
                place,
                polarity,
            };
            effects.extend(self.intend(intent, stamp.nth(n)));
        }
        effects
    }

    fn ask_drop(&mut self) -> Vec<Effect> {
        if let Some(refusal) = self.cannot_write() {
            return self.hint(refusal, &[]);
        }
        let wanted = self
            .desk
            .as_ref()
            .and_then(|desk| Some((desk.dimension_id()?, desk.link()?)));
        match wanted {
            Some((dimension, link)) => {
                self.pick_reason(Pending::Drop(dimension, Box::new(link)));
                Vec::new()
            }
            None => self.hint(Word::NothingToDrop, &[]),
        }
    }

    fn toggle_selection(&mut self) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        if desk.document.selection().is_some() {
            desk.document.end_selection();
            return Vec::new();
        }
        desk.focus = Pane::Document;
        desk.document.begin_selection();
        if desk.document.selection().is_none() {
            return self.hint(Word::EmptySource, &[]);
        }
        Vec::new()
    }

    fn copy(&mut self) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let text = desk.document.pointed_text();
        if text.is_empty() {
            return self.hint(Word::SelectFirst, &[]);
        }
        desk.document.end_selection();
        self.told = Some(Told::done(self.word(Word::Copied)));
        vec![Effect::Copy(text)]
    }
}
