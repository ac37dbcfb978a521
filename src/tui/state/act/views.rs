//! What is shown, and how.

use std::path::PathBuf;

use crate::dossier::Language;
use crate::tui::keys::Action;
use crate::tui::state::notice::Told;
use crate::tui::state::overlay::{Confirm, ExportFormat, Followed, Overlay, Purpose};
use crate::tui::state::{App, Effect, ExportFault};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::words::Word;

impl App {
    pub(super) fn views(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Profile => self.show_profile(),
            Action::ExportSvg => self.ask_export(ExportFormat::Svg),
            Action::ExportHtml => self.ask_export(ExportFormat::Html),
            Action::Training => self.show_training(),
            Action::Calibration => {
                self.turn_over(Overlay::Calibration(0));
                Vec::new()
            }
            Action::Adapters => self.show_adapters(),
            Action::PutLive => self.ask_put_live(),
            Action::Theme => self.next_theme(),
            Action::Language => self.other_language(),
            Action::Mouse => self.toggle_mouse(),
            Action::Redraw => vec![Effect::Redraw],
            _ => Vec::new(),
        }
    }

    /// Lays a view over the screen, or takes it away when it is on top: the key that opens it closes it. Whether it is
    /// shown now.
    pub(in crate::tui::state) fn turn_over(&mut self, view: Overlay) -> bool {
        let kind = std::mem::discriminant(&view);
        let is_on_top = self.overlays.last().map(std::mem::discriminant) == Some(kind);
        self.overlays
            .retain(|shown| std::mem::discriminant(shown) != kind);
        if !is_on_top {
            self.overlays.push(view);
        }
        !is_on_top
    }

    /// Shows the newest training run as it stands, and goes on looking while it is shown.
    fn show_training(&mut self) -> Vec<Effect> {
        let is_shown = self.turn_over(Overlay::Training(Followed::default(), 0));
        if !is_shown || std::mem::replace(&mut self.looking, true) {
            return Vec::new();
        }
        vec![Effect::Look { again: false }]
    }

    pub(in crate::tui::state) fn looked(&mut self, run: Followed) -> Vec<Effect> {
        let shown = self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Training(shown, _) => Some(shown),
            _ => None,
        });
        self.looking = shown.is_some();
        match shown {
            Some(shown) => {
                *shown = run;
                vec![Effect::Look { again: true }]
            }
            None => Vec::new(),
        }
    }

    /// Blind-first holds for the profile too: it would show what is hidden.
    fn show_profile(&mut self) -> Vec<Effect> {
        if self.desk.is_some() {
            self.turn_over(Overlay::Profile(0));
        }
        Vec::new()
    }

    fn ask_export(&mut self, format: ExportFormat) -> Vec<Effect> {
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let name = format!(
            "{}.{}",
            desk.review.dossier().meta.id.as_str(),
            format.extension()
        );
        self.ask(Purpose::Export(format), &name);
        Vec::new()
    }

    pub(super) fn export(&mut self, format: ExportFormat, path: PathBuf, overwrite: bool) -> Vec<Effect> {
        match self.report(format) {
            Some(contents) => vec![Effect::Export {
                format,
                path,
                contents,
                overwrite,
            }],
            None => Vec::new(),
        }
    }

    pub(in crate::tui::state) fn exported(&mut self, result: Result<PathBuf, ExportFault>) -> Vec<Effect> {
        self.told = match result {
            Ok(path) => {
                let path = crate::sanitize::line(&path.to_string_lossy()).into_owned();
                Some(Told::done(self.fill(Word::Exported, &[("path", &path)])))
            }
            Err(ExportFault::Exists(format, path)) => {
                self.overlays
                    .push(Overlay::Confirm(Confirm::Overwrite(format, path)));
                None
            }
            Err(ExportFault::Refused(reason)) => {
                Some(Told::error(self.fill(Word::ExportFailed, &[("reason", &reason)])))
            }
        };
        Vec::new()
    }

    fn next_theme(&mut self) -> Vec<Effect> {
        let at = ThemeName::ALL
            .iter()
            .position(|n| *n == self.settings.theme.name)
            .unwrap_or(0);
        let name = ThemeName::ALL[(at + 1) % ThemeName::ALL.len()];
        self.settings.theme = Theme::new(name, self.settings.measure.ambiguous);
        self.told = Some(Told::done(self.fill(Word::ThemeIs, &[("name", name.as_str())])));
        vec![Effect::Redraw]
    }

    fn other_language(&mut self) -> Vec<Effect> {
        self.settings.language = match self.settings.language {
            Language::Zh => Language::En,
            Language::En => Language::Zh,
        };
        Vec::new()
    }

    fn toggle_mouse(&mut self) -> Vec<Effect> {
        let on = !self.settings.mouse;
        self.settings.mouse = on;
        self.told = Some(Told::done(self.word(if on {
            Word::MouseOn
        } else {
            Word::MouseOff
        })));
        vec![Effect::Mouse(on)]
    }
}
