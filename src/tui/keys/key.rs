//! Keys as they are written in the table, in `keymap.toml` and on the screen.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers; a capital letter carries its own shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
    shift: bool,
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl Key {
    /// A key without modifiers.
    pub fn plain(code: KeyCode) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
            shift: false,
        }
    }

    /// The character it types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// What the terminal calls it.
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// The terminal's event for pressing it.
    pub fn event(self) -> KeyEvent {
        let flags = [
            (self.ctrl, KeyModifiers::CONTROL),
            (self.alt, KeyModifiers::ALT),
            (self.shift, KeyModifiers::SHIFT),
        ];
        let modifiers = flags
            .into_iter()
            .filter(|(on, _)| *on)
            .fold(KeyModifiers::NONE, |all, (_, m)| all | m);
        KeyEvent::new(self.code, modifiers)
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let (code, back) = match event.code {
            KeyCode::BackTab => (KeyCode::Tab, true),
            code => (code, false),
        };
        let shift = back || event.modifiers.contains(KeyModifiers::SHIFT);
        Self {
            code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
            shift: shift && !matches!(code, KeyCode::Char(_)),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// `a`, `G`, `f2`, `enter`, `ctrl-u`, `shift-tab`, `alt-x`.
    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is not a key");
        let mut key = Self::plain(KeyCode::Null);
        let mut rest = text;
        loop {
            let flag = match rest.split_once('-') {
                Some(("ctrl", _)) => &mut key.ctrl,
                Some(("alt", _)) => &mut key.alt,
                Some(("shift", _)) => &mut key.shift,
                _ => break,
            };
            *flag = true;
            rest = rest.split_once('-').map_or("", |(_, rest)| rest);
        }
        key.code = code(rest).ok_or_else(unknown)?;
        if key.shift && key.typed().is_some() {
            return Err(format!("{text:?}: write the capital letter instead of shift"));
        }
        if key.ctrl && key.code == KeyCode::Char('h') {
            return Err("ctrl-h is what many terminals send for backspace: choose another key".to_owned());
        }
        Ok(key)
    }
}

fn code(name: &str) -> Option<KeyCode> {
    if let Some((_, code)) = NAMED.iter().find(|(n, _)| *n == name) {
        return Some(*code);
    }
    if let Some(n) = name.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
        return (1..=12).contains(&n).then_some(KeyCode::F(n));
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => Some(KeyCode::Char(c)),
        _ => None,
    }
}

impl fmt::Display for Key {
    /// As a person reads it: `a`, `Ctrl-u`, `Shift-Tab`, `Enter`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (on, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            f.write_str(if on { name } else { "" })?;
        }
        match self.code {
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            other => {
                let name = NAMED.iter().find(|(_, c)| *c == other).map_or("?", |(n, _)| n);
                let (first, rest) = name.split_at(1);
                write!(f, "{}{rest}", first.to_ascii_uppercase())
            }
        }
    }
}

/// Keys pressed one after the other, mostly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chord(Vec<Key>);

impl Chord {
    /// Its keys.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }
}

impl FromStr for Chord {
    type Err = String;

    /// Keys with spaces between: `g g`.
    fn from_str(text: &str) -> Result<Self, String> {
        let keys: Vec<Key> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err("a key is missing".to_owned());
        }
        Ok(Self(keys))
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|key| key.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_shown() -> Result<(), String> {
        let table = [
            ("a", "a"),
            ("G", "G"),
            ("g g", "gg"),
            ("ctrl-u", "Ctrl-u"),
            ("shift-tab", "Shift-Tab"),
            ("f2", "F2"),
            ("f", "f"),
            ("enter", "Enter"),
            ("pagedown", "PgDn"),
            ("space", "Space"),
            ("-", "-"),
            ("ctrl--", "Ctrl--"),
            ("好", "好"),
        ];
        for (text, shown) in table {
            assert_eq!(text.parse::<Chord>()?.to_string(), shown);
        }
        Ok(())
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "enterr", "ctrl-", "shift-a", "ctrl-h", "f13", "\u{7f}"] {
            assert!(bad.parse::<Chord>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_terminals_events_are_the_tables_keys() -> Result<(), String> {
        let shift_g = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(Key::from(shift_g), "G".parse()?);
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Key::from(back), "shift-tab".parse()?);
        for key in ["ctrl-u", "shift-tab", "f5", "x"] {
            let key: Key = key.parse()?;
            assert_eq!(Key::from(key.event()), key);
        }
        Ok(())
    }
}
