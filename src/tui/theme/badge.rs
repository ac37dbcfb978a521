//! The state of a dimension or dossier, told three ways at once: sign, word and colour.

use ratatui::style::Style;

use super::{Glyphs, Theme};
use crate::tui::words::Word;

/// A state that a person must be able to tell at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Badge {
    /// Waits for the model.
    Queued,
    /// The model is at it.
    Scoring,
    /// The model has spoken, nobody has decided.
    Scored,
    /// The model is unsure, or the evidence does not hold: a person must look.
    NeedsHuman,
    /// A person has decided.
    Decided,
    /// Closed.
    SignedOff,
    /// Blind-first mode keeps the model's score from view.
    Hidden,
    /// The dossier says nothing about it.
    Omitted,
    /// Scoring failed.
    Failed,
}

impl Badge {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Scoring,
        Self::Scored,
        Self::NeedsHuman,
        Self::Decided,
        Self::SignedOff,
        Self::Hidden,
        Self::Omitted,
        Self::Failed,
    ];

    /// Its word.
    pub fn word(self) -> Word {
        match self {
            Self::Queued => Word::StateQueued,
            Self::Scoring => Word::StateScoring,
            Self::Scored => Word::StateScored,
            Self::NeedsHuman => Word::StateNeedsHuman,
            Self::Decided => Word::StateDecided,
            Self::SignedOff => Word::StateSignedOff,
            Self::Hidden => Word::StateHidden,
            Self::Omitted => Word::StateOmitted,
            Self::Failed => Word::StateFailed,
        }
    }

    /// Its sign; `tick` turns the spinner.
    pub fn glyph(self, glyphs: &Glyphs, tick: u64) -> &'static str {
        match self {
            Self::Queued => glyphs.queued,
            Self::Scoring => glyphs.spin(tick),
            Self::Scored => glyphs.scored,
            Self::NeedsHuman => glyphs.needs_human,
            Self::Decided => glyphs.decided,
            Self::SignedOff => glyphs.signed_off,
            Self::Hidden => glyphs.hidden,
            Self::Omitted => glyphs.omitted,
            Self::Failed => glyphs.failed,
        }
    }

    /// Its colour.
    pub fn style(self, theme: &Theme) -> Style {
        let styles = &theme.styles;
        match self {
            Self::Queued | Self::Hidden | Self::Omitted => styles.dim,
            Self::Scoring | Self::Scored => styles.model,
            Self::NeedsHuman => styles.warn,
            Self::Decided => styles.human,
            Self::SignedOff => styles.ok,
            Self::Failed => styles.error,
        }
    }
}
