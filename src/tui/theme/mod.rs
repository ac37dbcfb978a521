//! What things look like: one style per meaning, never per place.
//!
//! `dark` and `light` use colours of the 256-colour cube, which every terminal, tmux and screen can show, so that the
//! contrast the tests check is the contrast seen. `terminal` uses the sixteen colours of the user's own palette and
//! leaves the background alone. `mono` (also chosen by `NO_COLOR`) uses modifiers only. No meaning is carried by
//! colour alone in any of them: [`Badge`] and [`Glyphs`] give each state a sign and a word as well.

use ratatui::style::{Color, Modifier, Style};

use crate::tui::width::Ambiguous;

mod badge;
mod glyphs;
mod palette;

pub use crate::config::ThemeName;
pub use badge::Badge;
pub use glyphs::Glyphs;

macro_rules! styles {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$doc:meta])* $field:ident,)* }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$doc])* pub $field: Style,)*
        }

        #[cfg(test)]
        impl $name {
            /// Every style with its name.
            fn named(&self) -> Vec<(&'static str, Style)> {
                vec![$((stringify!($field), self.$field),)*]
            }
        }
    };
}

styles! {
    /// A style per meaning. Patch them over [`Styles::text`]: most set only what differs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Styles {
        /// Ordinary text, and the ground everything lies on.
        text,
        /// What matters less.
        dim,
        /// Names of panes and people.
        title,
        /// Lines around panes.
        border,
        /// Lines around the pane that has the keys.
        border_focus,
        /// The row or place the cursor is on. Sets no foreground where the theme can do without, so that what lies
        /// under it keeps its colour.
        selected,
        /// A stretch of text chosen by the person.
        selection,
        /// Text cited for a score.
        evidence,
        /// Text cited against a score.
        evidence_against,
        /// The cited text whose link is selected.
        evidence_focus,
        /// What a person decided.
        human,
        /// What the model says.
        model,
        /// In order.
        ok,
        /// Wants attention.
        warn,
        /// Went wrong.
        error,
        /// A key in the hint line.
        hint_key,
        /// What it does.
        hint_text,
        /// The filled part of a bar.
        bar_full,
        /// The rest of a bar.
        bar_empty,
        /// Text found by a search.
        matched,
        /// The match the cursor is on.
        matched_current,
        /// The header line.
        header,
        /// Where text is typed.
        input,
    }
}

styles! {
    /// A style per part of a source's syntax.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SyntaxStyles {
        /// Headings, header rows.
        heading,
        /// Strong emphasis.
        strong,
        /// Emphasis.
        emphasis,
        /// Code in a text.
        code,
        /// Links and addresses.
        link,
        /// Quoted text.
        quote,
        /// Signs of the format itself: list marks, separators, brackets.
        punctuation,
        /// Names of fields.
        key,
        /// String values.
        string,
        /// Numbers, dates and times.
        number,
        /// Keywords and constants.
        keyword,
        /// Comments.
        comment,
        /// Who speaks.
        speaker,
    }
}

/// Everything about looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Which theme it is.
    pub name: ThemeName,
    /// A style per meaning.
    pub styles: Styles,
    /// A style per part of a source's syntax.
    pub syntax: SyntaxStyles,
    /// The signs to draw with.
    pub glyphs: Glyphs,
}

impl Theme {
    /// A theme with the signs that suit the terminal: where ambiguous characters are two columns wide, bars and lines
    /// made of them would break, so plain ASCII takes their place.
    pub fn new(name: ThemeName, ambiguous: Ambiguous) -> Self {
        let (styles, syntax) = match name {
            ThemeName::Dark => palette::DARK.styles(),
            ThemeName::Light => palette::LIGHT.styles(),
            ThemeName::Terminal => palette::terminal(),
            ThemeName::Mono => palette::mono(),
        };
        let glyphs = match ambiguous {
            Ambiguous::Narrow => Glyphs::UNICODE,
            Ambiguous::Wide => Glyphs::ASCII,
        };
        Self {
            name,
            styles,
            syntax,
            glyphs,
        }
    }

    /// The same with ASCII signs only, for consoles without a Unicode font.
    #[must_use]
    pub fn ascii(mut self) -> Self {
        self.glyphs = Glyphs::ASCII;
        self
    }
}

/// Styles are written as constants; this is the short way.
const fn fg(color: Color) -> Style {
    Style::new().fg(color)
}

/// A style that only adds a modifier.
const fn with(modifier: Modifier) -> Style {
    Style::new().add_modifier(modifier)
}

#[cfg(test)]
mod tests;
