//! The rows of the help and of the command palette, narrowed by what has been typed.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::App;
use super::overlay::{Overlay, Target};
use crate::tui::keys::{Action, Group};
use crate::tui::words::Word;

/// One row of a list to pick from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickRow {
    /// What it does.
    pub target: Target,
    /// The section it stands in, for the help.
    pub group: Option<Group>,
    /// Its keys.
    pub keys: String,
    /// Its words.
    pub text: String,
    /// Whether it can be done from here.
    pub enabled: bool,
}

impl App {
    /// The rows of the help: every action in its section, those that mention what was typed.
    pub fn help_rows(&self, wanted: &str) -> Vec<PickRow> {
        let wanted = wanted.trim().to_lowercase();
        let mut rows: Vec<PickRow> = Vec::new();
        for group in Group::ALL {
            let actions = Action::ALL.iter().filter(|a| a.group() == group);
            rows.extend(actions.map(|a| self.action_row(*a)).filter(|row| {
                let haystack = format!("{} {}", row.keys, row.text).to_lowercase();
                row.keys == wanted || haystack.contains(&wanted)
            }));
        }
        rows
    }

    /// The rows of the palette, best match first: what can be done here, dimensions, sources, dossiers.
    pub fn palette_rows(&self, wanted: &str) -> Vec<PickRow> {
        let mut rows: Vec<PickRow> = Action::ALL
            .iter()
            .filter(|a| self.in_palette(**a))
            .map(|a| self.action_row(*a))
            .collect();
        rows.extend(self.dimension_rows());
        rows.extend(self.source_rows());
        rows.extend(self.dossier_rows());
        best_first(rows, wanted)
    }

    /// The rows of the list on top.
    fn rows(&self) -> Vec<PickRow> {
        match self.overlays.last() {
            Some(Overlay::Help(picker)) => self.help_rows(picker.line.text()),
            Some(Overlay::Palette(picker)) => self.palette_rows(picker.line.text()),
            _ => Vec::new(),
        }
    }

    pub(super) fn picker_len(&self) -> usize {
        self.rows().len()
    }

    pub(super) fn picked(&self) -> Option<Target> {
        let cursor = match self.overlays.last()? {
            Overlay::Help(picker) | Overlay::Palette(picker) => picker.cursor,
            _ => return None,
        };
        self.rows().get(cursor).map(|row| row.target.clone())
    }

    fn action_row(&self, action: Action) -> PickRow {
        PickRow {
            target: Target::Action(action),
            group: Some(action.group()),
            keys: self.settings.keymap.label(action),
            text: action.describe(self.settings.language).to_owned(),
            enabled: action.modes().contains(&self.mode_below()),
        }
    }

    /// The palette offers what its keys would do below it, apart from moving by a row.
    fn in_palette(&self, action: Action) -> bool {
        let plain = [
            Action::Up,
            Action::Down,
            Action::Left,
            Action::Right,
            Action::Palette,
            Action::Close,
        ];
        action.modes().contains(&self.mode_below()) && !plain.contains(&action)
    }

    fn mode_below(&self) -> crate::tui::keys::Mode {
        let below = self.overlays.len().checked_sub(2);
        below
            .and_then(|at| self.overlays.get(at))
            .map_or_else(|| self.ground_mode(), Overlay::mode)
    }

    fn dimension_rows(&self) -> Vec<PickRow> {
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let dimensions = desk.review.rubric().dimensions.iter().enumerate();
        dimensions
            .map(|(i, d)| {
                self.place_row(
                    Target::Dimension(i),
                    Word::Dimensions,
                    d.name.get(self.settings.language),
                )
            })
            .collect()
    }

    fn source_rows(&self) -> Vec<PickRow> {
        let Some(desk) = &self.desk else {
            return Vec::new();
        };
        let sources = desk.review.dossier().sources.iter().enumerate();
        sources
            .map(|(i, s)| self.place_row(Target::Source(i), Word::Sources, &s.title))
            .collect()
    }

    fn dossier_rows(&self) -> Vec<PickRow> {
        let rows = self.queue.rows().iter().enumerate();
        rows.map(|(i, row)| {
            let cycle = row.meta.as_ref().map_or("", |m| m.cycle.as_str());
            let text = format!("{} {cycle}", row.name());
            self.place_row(Target::Dossier(i), Word::Queue, text.trim())
        })
        .collect()
    }

    fn place_row(&self, target: Target, section: Word, text: &str) -> PickRow {
        PickRow {
            target,
            group: None,
            keys: String::new(),
            text: self.labelled(self.word(section), text),
            enabled: true,
        }
    }
}

fn best_first(rows: Vec<PickRow>, wanted: &str) -> Vec<PickRow> {
    if wanted.trim().is_empty() {
        return rows;
    }
    let pattern = Pattern::parse(wanted, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, PickRow)> = rows
        .into_iter()
        .filter_map(|row| {
            let haystack = match &row.target {
                Target::Action(action) => format!("{} {}", row.text, action.code()),
                _ => row.text.clone(),
            };
            let score = pattern.score(Utf32Str::new(&haystack, &mut buffer), &mut matcher)?;
            Some((score, row))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, row)| row).collect()
}
