//! The colours of the themes and how they become styles.
//!
//! Colours are numbers of the xterm 256-colour table: 16-231 are a cube with the steps 0, 95, 135, 175, 215, 255 for
//! red, green and blue, 232-255 are greys.

use ratatui::style::{Color, Modifier, Style};

use super::{Styles, SyntaxStyles, fg, with};

/// The colours of a theme that brings its own background.
pub(super) struct Palette {
    ground: u8,
    ink: u8,
    faint: u8,
    line: u8,
    accent: u8,
    model: u8,
    green: u8,
    amber: u8,
    red: u8,
    teal: u8,
    /// Under the cursor's row.
    row: u8,
    /// Background of a stretch chosen by the person.
    chosen: u8,
    /// Ink and ground of cited text, for, against, and the selected one.
    cited: (u8, u8),
    cited_against: (u8, u8),
    cited_focus: (u8, u8),
    matched: (u8, u8),
    matched_current: (u8, u8),
    header: (u8, u8),
}

pub(super) const DARK: Palette = Palette {
    ground: 234,
    ink: 252,
    faint: 248,
    line: 242,
    accent: 117,
    model: 183,
    green: 114,
    amber: 221,
    red: 210,
    teal: 116,
    row: 237,
    chosen: 24,
    cited: (230, 58),
    cited_against: (224, 52),
    cited_focus: (16, 221),
    matched: (16, 152),
    matched_current: (16, 215),
    header: (255, 236),
};

pub(super) const LIGHT: Palette = Palette {
    ground: 231,
    ink: 235,
    faint: 241,
    line: 244,
    accent: 25,
    model: 90,
    green: 22,
    amber: 94,
    red: 124,
    teal: 23,
    row: 195,
    chosen: 153,
    cited: (234, 229),
    cited_against: (52, 224),
    cited_focus: (231, 94),
    matched: (16, 158),
    matched_current: (16, 215),
    header: (235, 254),
};

impl Palette {
    pub(super) const fn styles(&self) -> (Styles, SyntaxStyles) {
        (self.meanings(), self.syntax())
    }

    const fn meanings(&self) -> Styles {
        let strong = Modifier::BOLD;
        let cited = Modifier::UNDERLINED;
        Styles {
            text: pair((self.ink, self.ground)),
            dim: ink(self.faint),
            title: ink(self.ink).add_modifier(strong),
            border: ink(self.line),
            border_focus: ink(self.accent).add_modifier(strong),
            selected: Style::new().bg(Color::Indexed(self.row)).add_modifier(strong),
            selection: Style::new()
                .fg(Color::Indexed(self.ink))
                .bg(Color::Indexed(self.chosen)),
            evidence: pair(self.cited).add_modifier(cited),
            evidence_against: pair(self.cited_against).add_modifier(cited.union(Modifier::ITALIC)),
            evidence_focus: pair(self.cited_focus).add_modifier(cited.union(strong)),
            human: ink(self.accent).add_modifier(strong),
            model: ink(self.model),
            ok: ink(self.green),
            warn: ink(self.amber),
            error: ink(self.red).add_modifier(strong),
            hint_key: ink(self.accent).add_modifier(strong),
            hint_text: ink(self.faint),
            bar_full: ink(self.model),
            bar_empty: ink(self.line),
            matched: pair(self.matched),
            matched_current: pair(self.matched_current).add_modifier(strong),
            header: pair(self.header),
            input: ink(self.ink).add_modifier(cited),
        }
    }

    const fn syntax(&self) -> SyntaxStyles {
        SyntaxStyles {
            heading: ink(self.accent).add_modifier(Modifier::BOLD),
            strong: with(Modifier::BOLD),
            emphasis: with(Modifier::ITALIC),
            code: ink(self.green),
            link: ink(self.teal).add_modifier(Modifier::UNDERLINED),
            quote: ink(self.faint).add_modifier(Modifier::ITALIC),
            punctuation: ink(self.faint),
            key: ink(self.accent),
            string: ink(self.green),
            number: ink(self.amber),
            keyword: ink(self.model),
            comment: ink(self.faint).add_modifier(Modifier::ITALIC),
            speaker: ink(self.teal).add_modifier(Modifier::BOLD),
        }
    }
}

/// The user's own sixteen colours: the ground stays theirs, and only hues are used that palettes keep readable on it.
pub(super) const fn terminal() -> (Styles, SyntaxStyles) {
    let bold = Modifier::BOLD;
    let styles = Styles {
        text: Style::new().fg(Color::Reset).bg(Color::Reset),
        border_focus: fg(Color::Cyan).add_modifier(bold),
        evidence: fg(Color::Yellow).add_modifier(Modifier::UNDERLINED),
        evidence_against: fg(Color::Red).add_modifier(Modifier::UNDERLINED.union(Modifier::ITALIC)),
        human: fg(Color::Cyan).add_modifier(bold),
        model: fg(Color::Magenta),
        ok: fg(Color::Green),
        warn: fg(Color::Yellow),
        error: fg(Color::Red).add_modifier(bold),
        hint_key: fg(Color::Cyan).add_modifier(bold),
        bar_full: fg(Color::Magenta),
        ..mono().0
    };
    let syntax = SyntaxStyles {
        heading: fg(Color::Cyan).add_modifier(bold),
        code: fg(Color::Green),
        link: fg(Color::Blue).add_modifier(Modifier::UNDERLINED),
        key: fg(Color::Cyan),
        string: fg(Color::Green),
        number: fg(Color::Yellow),
        keyword: fg(Color::Magenta),
        speaker: fg(Color::Cyan).add_modifier(bold),
        ..mono().1
    };
    (styles, syntax)
}

/// Modifiers only.
pub(super) const fn mono() -> (Styles, SyntaxStyles) {
    let none = Style::new();
    let bold = with(Modifier::BOLD);
    let dim = with(Modifier::DIM);
    let underlined = with(Modifier::UNDERLINED);
    let reversed = with(Modifier::REVERSED);
    let styles = Styles {
        text: none,
        dim,
        title: bold,
        border: dim,
        border_focus: bold,
        selected: with(Modifier::REVERSED),
        selection: reversed,
        evidence: underlined,
        evidence_against: with(Modifier::UNDERLINED.union(Modifier::ITALIC)),
        evidence_focus: with(Modifier::REVERSED.union(Modifier::UNDERLINED)),
        human: bold,
        model: none,
        ok: none,
        warn: bold,
        error: with(Modifier::BOLD.union(Modifier::REVERSED)),
        hint_key: bold,
        hint_text: dim,
        bar_full: none,
        bar_empty: dim,
        matched: with(Modifier::BOLD.union(Modifier::UNDERLINED)),
        matched_current: with(Modifier::BOLD.union(Modifier::REVERSED)),
        header: reversed,
        input: underlined,
    };
    let syntax = SyntaxStyles {
        heading: bold,
        strong: bold,
        emphasis: with(Modifier::ITALIC),
        code: none,
        link: underlined,
        quote: with(Modifier::ITALIC),
        punctuation: dim,
        key: none,
        string: none,
        number: none,
        keyword: bold,
        comment: dim,
        speaker: bold,
    };
    (styles, syntax)
}

const fn ink(index: u8) -> Style {
    fg(Color::Indexed(index))
}

const fn pair((ink, ground): (u8, u8)) -> Style {
    Style::new().fg(Color::Indexed(ink)).bg(Color::Indexed(ground))
}
