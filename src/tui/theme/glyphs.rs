//! The signs that the screen is drawn with, in two sets.

use ratatui::symbols::border;

/// Signs, each one column wide in the terminals that the set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Waits for its turn.
    pub queued: &'static str,
    /// Being worked on; one after the other.
    pub spinner: &'static [&'static str],
    /// The model has spoken.
    pub scored: &'static str,
    /// A person must look.
    pub needs_human: &'static str,
    /// A person has decided.
    pub decided: &'static str,
    /// Closed.
    pub signed_off: &'static str,
    /// Kept from view.
    pub hidden: &'static str,
    /// Nothing to say.
    pub omitted: &'static str,
    /// Went wrong.
    pub failed: &'static str,
    /// The row the cursor is on.
    pub cursor: &'static str,
    /// The person's mark on a bar.
    pub human: &'static str,
    /// The model's mark on a bar.
    pub model: &'static str,
    /// Person and model at one place of a bar.
    pub both: &'static str,
    /// Speaks for.
    pub supports: &'static str,
    /// Speaks against.
    pub contradicts: &'static str,
    /// The filled part of a bar.
    pub bar_full: &'static str,
    /// Half a step of a bar.
    pub bar_half: &'static str,
    /// The rest of a bar.
    pub bar_empty: &'static str,
    /// The spread around a score.
    pub spread: &'static str,
    /// Leads from a place to what uses it, before a name such as `E1`.
    pub refers: &'static str,
    /// More text above or below.
    pub more_up: &'static str,
    /// More text above or below.
    pub more_down: &'static str,
    /// Joins two values of a change.
    pub arrow: &'static str,
    /// Comes before a spread.
    pub plus_minus: &'static str,
    /// Lines around panes.
    pub border: border::Set<'static>,
    /// Lines around the pane that has the keys.
    pub border_focus: border::Set<'static>,
}

impl Glyphs {
    /// For terminals with a Unicode font.
    pub const UNICODE: Self = Self {
        queued: "·",
        spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
        scored: "○",
        needs_human: "?",
        decided: "✓",
        signed_off: "■",
        hidden: "░",
        omitted: "–",
        failed: "✗",
        cursor: "▸",
        human: "◆",
        model: "●",
        both: "◈",
        supports: "+",
        contradicts: "−",
        bar_full: "▇",
        bar_half: "▌",
        bar_empty: "▁",
        spread: "─",
        refers: "←",
        more_up: "▴",
        more_down: "▾",
        arrow: "→",
        plus_minus: "±",
        border: border::PLAIN,
        border_focus: border::THICK,
    };

    /// For consoles without one, and where half of the above would be two columns wide.
    pub const ASCII: Self = Self {
        queued: ".",
        spinner: &["|", "/", "-", "\\"],
        scored: "o",
        needs_human: "?",
        decided: "v",
        signed_off: "#",
        hidden: ":",
        omitted: "~",
        failed: "!",
        cursor: ">",
        human: "H",
        model: "m",
        both: "B",
        supports: "+",
        contradicts: "-",
        bar_full: "=",
        bar_half: "-",
        bar_empty: ".",
        spread: "-",
        refers: "<-",
        more_up: "^",
        more_down: "v",
        arrow: "->",
        plus_minus: "+-",
        border: ASCII_BORDER,
        border_focus: ASCII_BORDER_FOCUS,
    };

    /// The spinner's sign at a tick of the clock.
    pub fn spin(&self, tick: u64) -> &'static str {
        let turn = tick % self.spinner.len().max(1) as u64;
        self.spinner.get(turn as usize).copied().unwrap_or(" ")
    }

    /// The sign of a direction: for (`true`) or against.
    pub fn polarity(&self, supports: bool) -> &'static str {
        if supports { self.supports } else { self.contradicts }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

const ASCII_BORDER_FOCUS: border::Set<'static> = border::Set {
    horizontal_top: "=",
    horizontal_bottom: "=",
    ..ASCII_BORDER
};
