//! The one error type of the library: what went wrong, where, and what to do next.
//!
//! Every message is a single line for a person; hints say the next step. The kind decides the exit status,
//! so that scripts can tell a wrong call (2) from a failed one (1).

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of failure this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line or configuration asks for something that does not exist.
    Usage,
    /// A file of the user's (dossier, rubric, keymap) cannot be read as what it should be.
    Input,
    /// The operating system refused: missing file, full disk, no permission.
    Io,
    /// A model file is missing, corrupt or of an unknown architecture.
    Model,
    /// Scoring failed.
    Engine,
    /// The workspace is in use by another process.
    Locked,
    /// The journal or a blob is not what was written.
    Damaged,
    /// A model source could not be reached.
    Network,
    /// The person stopped it.
    Cancelled,
    /// A broken promise inside the program.
    Internal,
}

/// An error with a one-line message, its cause, and hints for the next step.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<String>,
}

/// The result of everything fallible in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` says what failed and where, in one line.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// A file operation that the operating system refused.
    pub fn io(doing: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("cannot {doing} {}", path.display())).because(source)
    }

    /// A TOML file that is not what it should be; `origin` names it, `text` is what was read.
    pub fn toml(origin: &str, text: &str, fault: &toml::de::Error) -> Self {
        let line = fault.span().map_or(1, |span| {
            1 + text.bytes().take(span.start).filter(|&b| b == b'\n').count()
        });
        let message = fault.message().lines().collect::<Vec<_>>().join(" ");
        Self::new(ErrorKind::Input, format!("{origin}, line {line}: {message}"))
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a next step for the person.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without its causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the reader of our output went away: a quiet end, not a failure.
    pub fn is_broken_pipe(&self) -> bool {
        let mut cause = self.source.as_deref().map(|e| e as &dyn StdError);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return io.kind() == std::io::ErrorKind::BrokenPipe;
            }
            cause = error.source();
        }
        false
    }

    /// Next steps for the person, most useful first.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// 2 for a wrong call, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Error {
    /// The message and its causes, joined by colons: one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|e| e as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {}

impl From<candle_core::Error> for Error {
    fn from(source: candle_core::Error) -> Self {
        Self::new(ErrorKind::Engine, "tensor operation failed").because(without_backtrace(source))
    }
}

/// candle's error without the backtrace that it prints below its message when `RUST_BACKTRACE` is set.
pub fn without_backtrace(error: candle_core::Error) -> candle_core::Error {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => without_backtrace(*inner),
        other => other,
    }
}
