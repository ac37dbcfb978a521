//! Settings laid over each other: defaults, file, environment, flags. The last one that speaks of a key counts.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::keys::{self, KEYS, Key, Kind};
use super::paths::Paths;
use super::{DEFAULT, Environment};
use crate::error::{Error, ErrorKind, Result};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Env(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One key with its value.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Which key.
    pub key: &'static Key,
    /// Its value, of the key's kind.
    pub value: Value,
    /// Where the value came from.
    pub origin: Origin,
}

/// Every key of [`KEYS`], in that order, with its value.
#[derive(Debug, Clone)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// What `default.toml` says.
    ///
    /// # Errors
    /// Never in a program that passed its tests.
    pub fn defaults() -> Result<Self> {
        let found = read_toml(Path::new("default.toml"), DEFAULT)?;
        let settings = KEYS.iter().map(|key| {
            let at = found.iter().find(|(found, ..)| found.name == key.name);
            let (_, value, _) =
                at.ok_or_else(|| Error::new(ErrorKind::Internal, format!("no default for {}", key.name)))?;
            Ok(Setting {
                key,
                value: value.clone(),
                origin: Origin::Default,
            })
        });
        settings.collect::<Result<_>>().map(Self)
    }

    /// Lays the file over what is there: `named`, which must exist, else the standard one, which need not.
    ///
    /// # Errors
    /// `Usage` when it holds an unknown key or a wrong value; `Io` when it cannot be read.
    pub fn read_file(&mut self, named: Option<&Path>, paths: &Paths) -> Result<()> {
        let standard = paths.config.join("config.toml");
        let path = named.unwrap_or(&standard);
        let text = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(()),
            other => other.map_err(|e| Error::io("read the configuration file", path, e))?,
        };
        let folder = std::path::absolute(path).unwrap_or_default();
        for (key, mut value, line) in read_toml(path, &text)? {
            if let (Kind::Path, Value::String(text)) = (key.kind, &mut value) {
                *text = paths.expand(text, folder.parent());
            }
            self.set(key, value, Origin::File(path.to_owned(), line));
        }
        Ok(())
    }

    /// Lays the environment over what is there; an empty variable says nothing.
    ///
    /// # Errors
    /// `Usage` when a variable's value is not what its key takes.
    pub fn read_environment(&mut self, env: Environment<'_>) -> Result<()> {
        for key in &KEYS {
            if let Some(text) = env(key.env).filter(|text| !text.is_empty()) {
                self.set_text(key, &text, Origin::Env(key.env))?;
            }
        }
        Ok(())
    }

    /// Lays flags over what is there.
    ///
    /// # Errors
    /// `Usage` when a flag's value is not what its key takes.
    pub fn read_flags(&mut self, flags: &[(&'static str, String, &'static str)]) -> Result<()> {
        for (name, text, flag) in flags {
            let key = keys::find(name)
                .ok_or_else(|| Error::new(ErrorKind::Internal, format!("{flag} sets no known key")))?;
            if text.is_empty() {
                return Err(Error::new(ErrorKind::Usage, format!("{flag} takes a value")));
            }
            self.set_text(key, text, Origin::Flag(flag))?;
        }
        Ok(())
    }

    fn set_text(&mut self, key: &'static Key, text: &str, origin: Origin) -> Result<()> {
        let value = key.kind.parse(text).map_err(|takes| {
            Error::new(
                ErrorKind::Usage,
                format!("{origin}: {} {takes}, not {text:?}", key.name),
            )
        })?;
        self.set(key, value, origin);
        Ok(())
    }

    fn set(&mut self, key: &'static Key, value: Value, origin: Origin) {
        if let Some(setting) = self.0.iter_mut().find(|s| s.key.name == key.name) {
            setting.value = value;
            setting.origin = origin;
        }
    }

    /// Finds out a value that is empty or `auto`; where it came from stays.
    pub(super) fn fill(&mut self, name: &str, found: impl FnOnce() -> String) {
        if let Some(setting) = self.0.iter_mut().find(|s| s.key.name == name)
            && matches!(setting.value.as_str(), Some("" | "auto"))
        {
            setting.value = Value::String(found());
        }
    }

    /// Every setting, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        Some(&self.0.iter().find(|s| s.key.name == name)?.value)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.value(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn switch(&self, name: &str) -> bool {
        self.value(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn count(&self, name: &str) -> usize {
        self.value(name).and_then(Value::as_integer).unwrap_or_default() as usize
    }

    pub(super) fn real(&self, name: &str) -> f64 {
        self.value(name).and_then(Value::as_float).unwrap_or_default()
    }
}

/// A key, its value and the line it stands on.
type Found = (&'static Key, Value, usize);

/// Every key of a file.
fn read_toml(path: &Path, text: &str) -> Result<Vec<Found>> {
    let origin = path.display().to_string();
    let usage = |e: Error| Error::new(ErrorKind::Usage, e.message());
    let table = DeTable::parse(text).map_err(|e| usage(Error::toml(&origin, text, &e)))?;
    let mut found = Vec::new();
    let reader = Reader {
        origin: &origin,
        text,
    };
    reader.table("", table.get_ref(), &mut found)?;
    Ok(found)
}

struct Reader<'a> {
    origin: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn table(&self, prefix: &str, table: &DeTable<'_>, found: &mut Vec<Found>) -> Result<()> {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match (keys::find(&name), value.get_ref()) {
                (Some(key), _) => found.push(self.setting(key, value)?),
                (None, DeValue::Table(inner)) if prefix.is_empty() && is_table(&name) => {
                    self.table(&format!("{name}."), inner, found)?;
                }
                _ => return Err(self.fault(key.span().start, &format!("there is no setting {name:?}"))),
            }
        }
        Ok(())
    }

    fn setting(&self, key: &'static Key, spanned: &Spanned<DeValue<'_>>) -> Result<Found> {
        let at = spanned.span();
        let spelled = self.text.get(at.clone()).unwrap_or_default();
        let value = scalar(spanned.get_ref())
            .ok_or_else(|| "takes one value".to_owned())
            .and_then(|value| key.kind.check(value))
            .map_err(|takes| self.fault(at.start, &format!("{} {takes}, not {spelled}", key.name)))?;
        Ok((key, value, self.line(at.start)))
    }

    fn fault(&self, at: usize, what: &str) -> Error {
        let message = format!("{}, line {}: {what}", self.origin, self.line(at));
        Error::new(ErrorKind::Usage, message).hint("plumb config --print-default lists every setting")
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|&b| b == b'\n').count()
    }
}

/// Whether some key lies in a table of this name.
fn is_table(name: &str) -> bool {
    KEYS.iter()
        .any(|key| key.name.split_once('.').is_some_and(|(table, _)| table == name))
}

fn scalar(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(on) => Some(Value::Boolean(*on)),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
            .ok()
            .map(Value::Integer),
        DeValue::Float(x) => x.as_str().parse().ok().map(Value::Float),
        _ => None,
    }
}
