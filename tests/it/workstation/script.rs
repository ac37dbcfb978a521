//! What a script is made of: a row of the action table or a text to press, and the sign by which it shows that it was
//! done.

use plumbline::tui::keys::Action;

use crate::env::Outcome;

/// Something to press.
#[derive(Debug, Clone, Copy)]
pub enum Press {
    /// A key of a row of the action table; its first, or another of them.
    Key(Action, usize),
    /// Letters.
    Text(&'static str),
}

/// How it shows.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    /// The next step tells.
    None,
    /// Words that were not there come.
    Shows(&'static str),
    /// Words that were there go.
    Hides(&'static str),
    /// The terminal is sent these bytes.
    Sends(&'static [u8]),
    /// The next record is shown as saved.
    Saves,
    /// The program ends with this status.
    Ends(u32),
}

/// One step of a script.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What to press.
    pub press: Press,
    /// What comes of it.
    pub sign: Sign,
}

/// Presses the first of a row's keys.
pub const fn act(action: Action) -> Step {
    nth(action, 0)
}

/// Presses another of a row's keys.
pub const fn nth(action: Action, n: usize) -> Step {
    Step {
        press: Press::Key(action, n),
        sign: Sign::None,
    }
}

/// Types.
pub const fn text(letters: &'static str) -> Step {
    Step {
        press: Press::Text(letters),
        sign: Sign::None,
    }
}

impl Step {
    /// Waits for words to come.
    pub const fn shows(self, words: &'static str) -> Self {
        self.signed(Sign::Shows(words))
    }

    /// Waits for words to go.
    pub const fn hides(self, words: &'static str) -> Self {
        self.signed(Sign::Hides(words))
    }

    /// Waits for bytes to the terminal.
    pub const fn sends(self, bytes: &'static [u8]) -> Self {
        self.signed(Sign::Sends(bytes))
    }

    /// Waits for the next record.
    pub const fn saves(self) -> Self {
        self.signed(Sign::Saves)
    }

    /// Waits for the end.
    pub const fn ends(self, code: u32) -> Self {
        self.signed(Sign::Ends(code))
    }

    const fn signed(self, sign: Sign) -> Self {
        Self { sign, ..self }
    }

    /// The row of the action table that it walks.
    pub fn action(&self) -> Option<Action> {
        match self.press {
            Press::Key(action, _) => Some(action),
            Press::Text(_) => None,
        }
    }
}

impl Press {
    /// What a terminal sends for it.
    pub fn bytes(&self) -> Outcome<Vec<u8>> {
        match self {
            Self::Text(letters) => Ok(letters.as_bytes().to_owned()),
            Self::Key(action, n) => {
                let key = action.default_keys().get(*n).ok_or("no such key")?;
                let keys: Result<Vec<Vec<u8>>, String> = key.split(' ').map(sent).collect();
                Ok(keys?.concat())
            }
        }
    }
}

/// What xterm sends for a key; <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>.
fn sent(key: &str) -> Result<Vec<u8>, String> {
    let bytes: &[u8] = match key {
        "enter" => b"\r",
        "esc" => b"\x1b",
        "tab" => b"\t",
        "shift-tab" => b"\x1b[Z",
        "space" => b" ",
        "up" => b"\x1b[A",
        "down" => b"\x1b[B",
        "right" => b"\x1b[C",
        "left" => b"\x1b[D",
        "home" => b"\x1b[H",
        "end" => b"\x1b[F",
        "pageup" => b"\x1b[5~",
        "pagedown" => b"\x1b[6~",
        "f1" => b"\x1bOP",
        "f2" => b"\x1bOQ",
        "f3" => b"\x1bOR",
        "f4" => b"\x1bOS",
        "f5" => b"\x1b[15~",
        key => {
            let (control, letter) = key
                .strip_prefix("ctrl-")
                .map_or((false, key), |rest| (true, rest));
            return match (control, letter.as_bytes()) {
                (true, [letter]) => Ok(vec![letter & 0x1f]),
                (false, [letter]) => Ok(vec![*letter]),
                _ => Err(format!("nobody knows what {key:?} sends")),
            };
        }
    };
    Ok(bytes.to_owned())
}
