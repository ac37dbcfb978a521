//! The table of settings: every key once, with its environment variable and what it takes.

use toml::Value;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; a dot stands before a key of a table.
    pub name: &'static str,
    /// The environment variable that sets it.
    pub env: &'static str,
    /// What it takes.
    pub kind: Kind,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path; `~/` is the home folder, in a file a relative one is relative to that file.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A whole number within these bounds.
    Count(i64, i64),
    /// A number from 0 to this.
    Real(f64),
}

const fn key(name: &'static str, env: &'static str, kind: Kind) -> Key {
    Key { name, env, kind }
}

/// Every setting, in the order of `default.toml`.
pub const KEYS: [Key; 24] = [
    key("person", "PLUMB_PERSON", Kind::Text),
    key(
        "role",
        "PLUMB_ROLE",
        Kind::Choice(&["reviewer", "annotator", "auditor"]),
    ),
    key("lang", "PLUMB_LANG", Kind::Choice(&["auto", "zh", "en"])),
    key(
        "theme",
        "PLUMB_THEME",
        Kind::Choice(&["terminal", "dark", "light", "mono"]),
    ),
    key("ambiguous", "PLUMB_AMBIGUOUS", Kind::Choice(&["narrow", "wide"])),
    key("mouse", "PLUMB_MOUSE", Kind::Switch),
    key("keymap", "PLUMB_KEYMAP", Kind::Path),
    key("blind", "PLUMB_BLIND", Kind::Switch),
    key("model", "PLUMB_MODEL", Kind::Text),
    key("speech_model", "PLUMB_SPEECH_MODEL", Kind::Text),
    key("picture_model", "PLUMB_PICTURE_MODEL", Kind::Text),
    key("adapter", "PLUMB_ADAPTER", Kind::Text),
    key(
        "calibration",
        "PLUMB_CALIBRATION",
        Kind::Choice(&["live", "none"]),
    ),
    key("rubric", "PLUMB_RUBRIC", Kind::Text),
    key("workspace", "PLUMB_HOME", Kind::Path),
    key("models_dir", "PLUMB_MODELS", Kind::Path),
    key("engine.threads", "PLUMB_ENGINE_THREADS", Kind::Count(0, 1024)),
    key(
        "engine.context_limit",
        "PLUMB_ENGINE_CONTEXT_LIMIT",
        Kind::Count(512, 1 << 20),
    ),
    key("engine.temperature", "PLUMB_ENGINE_TEMPERATURE", Kind::Real(2.0)),
    key("engine.shortlist", "PLUMB_ENGINE_SHORTLIST", Kind::Count(1, 1000)),
    key(
        "engine.weights",
        "PLUMB_ENGINE_WEIGHTS",
        Kind::Choice(&["blocks", "f32"]),
    ),
    key(
        "engine.device",
        "PLUMB_ENGINE_DEVICE",
        Kind::Choice(&["auto", "cpu", "cuda"]),
    ),
    key(
        "engine.cache_mb",
        "PLUMB_ENGINE_CACHE_MB",
        Kind::Count(0, 1_000_000),
    ),
    key(
        "learning.refit_every",
        "PLUMB_LEARNING_REFIT_EVERY",
        Kind::Count(0, 100_000),
    ),
];

/// The key with this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

impl Kind {
    /// The value as this kind keeps it, or what would be right.
    ///
    /// # Errors
    /// A phrase such as `takes true or false`.
    pub fn check(self, value: Value) -> Result<Value, String> {
        let good = match (self, &value) {
            (Self::Text | Self::Path, Value::String(_)) | (Self::Switch, Value::Boolean(_)) => true,
            (Self::Choice(words), Value::String(word)) => words.contains(&word.as_str()),
            (Self::Count(min, max), Value::Integer(n)) => (min..=max).contains(n),
            (Self::Real(max), Value::Float(x)) => (0.0..=max).contains(x),
            (Self::Real(_), Value::Integer(n)) => return self.check(Value::Float(*n as f64)),
            _ => false,
        };
        if good { Ok(value) } else { Err(self.takes()) }
    }

    /// The value that a flag or a variable spells.
    ///
    /// # Errors
    /// As [`Kind::check`].
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let value = match self {
            Self::Text | Self::Path | Self::Choice(_) => Some(Value::String(text.to_owned())),
            Self::Switch => text.parse().ok().map(Value::Boolean),
            Self::Count(..) => text.parse().ok().map(Value::Integer),
            Self::Real(_) => text.parse().ok().map(Value::Float),
        };
        self.check(value.ok_or_else(|| self.takes())?)
    }

    fn takes(self) -> String {
        match self {
            Self::Text => "takes a text".to_owned(),
            Self::Path => "takes a path".to_owned(),
            Self::Choice(words) => format!("takes one of {}", words.join(", ")),
            Self::Switch => "takes true or false".to_owned(),
            Self::Count(min, max) => format!("takes a whole number from {min} to {max}"),
            Self::Real(max) => format!("takes a number from 0 to {max}"),
        }
    }
}
