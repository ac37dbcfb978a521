//! Typed lines: editing them, and taking them.

use std::path::PathBuf;

use crate::review::{Intent, Stamp};
use crate::tui::keys::Key;
use crate::tui::state::line::LineEdit;
use crate::tui::state::overlay::{Input, Overlay, Purpose};
use crate::tui::state::{App, Effect};

impl App {
    pub(super) fn type_key(&mut self, key: Key) -> Vec<Effect> {
        let taken = self.line().is_some_and(|line| line.key(key));
        if taken {
            self.typed();
            Vec::new()
        } else {
            self.slip(&[key])
        }
    }

    pub(in crate::tui::state) fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(line) = self.line() {
            line.insert(text);
            self.typed();
        }
        Vec::new()
    }

    /// The line being typed.
    fn line(&mut self) -> Option<&mut LineEdit> {
        match self.overlays.last_mut()? {
            Overlay::Help(picker) | Overlay::Palette(picker) => Some(&mut picker.line),
            Overlay::Input(input) => Some(&mut input.line),
            _ => None,
        }
    }

    /// Lists follow what is typed: their cursor goes to the best row, the queue narrows at once.
    fn typed(&mut self) {
        match self.overlays.last_mut() {
            Some(Overlay::Help(picker) | Overlay::Palette(picker)) => picker.cursor = 0,
            Some(Overlay::Input(Input {
                purpose: Purpose::Search,
                line,
            })) => self.queue.search = line.text().to_owned(),
            _ => {}
        }
    }

    pub(super) fn submit(&mut self, stamp: Stamp) -> Vec<Effect> {
        let Some(Overlay::Input(Input { purpose, line })) = self.overlays.pop() else {
            return Vec::new();
        };
        let text = line.text().trim();
        match purpose {
            Purpose::Note(dimension, place) => {
                let text = text.to_owned();
                self.intend(
                    Intent::Note {
                        dimension,
                        text,
                        place,
                    },
                    stamp,
                )
            }
            Purpose::Reason(pending) => {
                let reason = (!text.is_empty()).then(|| text.to_owned());
                self.commit(pending, reason, stamp)
            }
            Purpose::Find => self.find(text),
            Purpose::Search => Vec::new(),
            Purpose::SignOff => {
                let note = (!text.is_empty()).then(|| text.to_owned());
                self.intend(Intent::SignOff { note }, stamp)
            }
            Purpose::Export(format) if !text.is_empty() => self.export(format, PathBuf::from(text), false),
            Purpose::Export(_) => Vec::new(),
            Purpose::Rewrite(rewriting) => self.rewritten(*rewriting, text, stamp),
        }
    }
}
