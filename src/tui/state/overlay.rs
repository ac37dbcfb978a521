//! What lies over the screen: each with its own little state, one on top of the other.

use std::path::PathBuf;

use super::annotating::{Field, Rewriting};
use super::line::LineEdit;
use crate::evidence::{EvidenceLink, Place};
use crate::id::DimensionId;
use crate::learn::adapters::Choice;
use crate::learn::train::folder::Look;
use crate::review::AdapterRecord;
use crate::tui::keys::{Action, Mode};
use crate::tui::words::{Reason, Word};

/// Something over the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// Every action with its keys.
    Help(Picker),
    /// Commands and places by name.
    Palette(Picker),
    /// Why the person disagrees.
    Reason(ReasonPicker),
    /// A line to be typed.
    Input(Input),
    /// A question.
    Confirm(Confirm),
    /// The profile, scrolled down by so many rows.
    Profile(usize),
    /// The newest training run, scrolled down by so many rows.
    Training(Followed, usize),
    /// What scores are read through, scrolled down by so many rows.
    Calibration(usize),
    /// What may be laid over the model.
    Adapters(AdapterList),
}

impl Overlay {
    /// Where the keys go while it is on top.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Help(_) => Mode::Help,
            Self::Palette(_) => Mode::Palette,
            Self::Reason(_) => Mode::Reason,
            Self::Input(_) => Mode::Input,
            Self::Confirm(_) => Mode::Confirm,
            Self::Profile(_) => Mode::Profile,
            Self::Training(..) | Self::Calibration(_) => Mode::Training,
            Self::Adapters(_) => Mode::Adapters,
        }
    }
}

/// A list that typing narrows down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picker {
    /// What has been typed.
    pub line: LineEdit,
    /// The row the cursor is on.
    pub cursor: usize,
}

/// The newest training run, as far as it is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Followed {
    /// Nobody has looked yet.
    #[default]
    Looking,
    /// There is none.
    Nothing,
    /// It cannot be read: why.
    Unread(String),
    /// It was read.
    Run(Box<Look>),
}

/// What may be laid over the model, to choose from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AdapterList {
    /// The choices, or why there are none to see; none until they are read.
    pub read: Option<Result<Vec<Choice>, String>>,
    /// The row the cursor is on.
    pub cursor: usize,
}

impl AdapterList {
    /// The choices that were read.
    pub fn choices(&self) -> &[Choice] {
        match &self.read {
            Some(Ok(choices)) => choices,
            _ => &[],
        }
    }
}

/// A disagreement on its way to the record.
#[derive(Debug, Clone, PartialEq)]
pub enum Pending {
    /// An own score.
    Score(DimensionId, f32),
    /// A link to be dropped.
    Drop(DimensionId, Box<EvidenceLink>),
}

/// The reason picker.
#[derive(Debug, Clone, PartialEq)]
pub struct ReasonPicker {
    /// What the reason is for.
    pub pending: Pending,
    /// The chosen reason; none until the person moves.
    pub cursor: Option<usize>,
}

impl ReasonPicker {
    /// The reason under the cursor.
    pub fn chosen(&self) -> Option<Reason> {
        self.cursor.and_then(|at| Reason::ALL.get(at)).copied()
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let last = Reason::ALL.len() - 1;
        self.cursor = Some(match self.cursor {
            None if by > 0 => 0,
            None => last,
            Some(at) => at.saturating_add_signed(by).min(last),
        });
    }
}

/// A line to be typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// What for.
    pub purpose: Purpose,
    /// What has been typed.
    pub line: LineEdit,
}

/// What a typed line is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A note on a dimension, or on a place in it.
    Note(DimensionId, Option<Place>),
    /// A reason in the person's own words.
    Reason(Pending),
    /// Text to find in the sources.
    Find,
    /// Text to find in the queue.
    Search,
    /// Words for the record of a sign-off.
    SignOff,
    /// Where to write a profile.
    Export(ExportFormat),
    /// A field of an answer that is rewritten.
    Rewrite(Box<Rewriting>),
}

impl Purpose {
    /// What to ask.
    pub fn word(&self) -> Word {
        match self {
            Self::Note(..) => Word::AskNote,
            Self::Reason(_) => Word::AskReason,
            Self::Find | Self::Search => Word::AskFind,
            Self::SignOff => Word::AskSignOffNote,
            Self::Export(_) => Word::AskExportPath,
            Self::Rewrite(rewriting) => match rewriting.field {
                // The line lies over the place where messages stand.
                Field::Score if rewriting.refused => Word::NotALevel,
                _ if rewriting.refused => Word::NotEmpty,
                Field::Score => Word::AskScore,
                Field::Rationale => Word::AskRationale,
                Field::Suggestion => Word::AskSuggestion,
            },
        }
    }
}

/// In which form a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A picture.
    Svg,
    /// A report.
    Html,
}

impl ExportFormat {
    /// How its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Html => "html",
        }
    }
}

/// A question with yes and no.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirm {
    /// Close the dossier?
    SignOff,
    /// Have scores come from this adapter?
    PutLive(Box<AdapterRecord>),
    /// Replace a file?
    Overwrite(ExportFormat, PathBuf),
}

/// What a row of the palette does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Runs an action.
    Action(Action),
    /// Opens a dossier of the queue.
    Dossier(usize),
    /// Selects a dimension.
    Dimension(usize),
    /// Shows a source.
    Source(usize),
}
