//! `plumb doctor`: one line for each thing the program needs, and what to do about those that are not as they should
//! be.

use std::io::Write;

use serde::Serialize;

use super::out;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

mod machine;
mod own;
mod surroundings;

/// Flags of `plumb doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// Something will be slower, smaller or missing.
    Warn,
    /// Something does not work.
    Fail,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    topic: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Finding {
    fn new(topic: &'static str, level: Level, text: impl Into<String>) -> Self {
        Self {
            topic,
            level,
            text: text.into(),
            hint: None,
        }
    }

    fn ok(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, Level::Ok, text)
    }

    fn warn(topic: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(topic, Level::Warn, text)
        }
    }

    /// A failure in the words of an error.
    fn fail(topic: &'static str, error: &Error) -> Self {
        Self {
            hint: error.hints().first().cloned(),
            ..Self::new(topic, Level::Fail, error.to_string())
        }
    }

    /// Fine, or a failure.
    fn of(topic: &'static str, outcome: Result<String>) -> Self {
        match outcome {
            Ok(text) => Self::ok(topic, text),
            Err(error) => Self::fail(topic, &error),
        }
    }
}

/// Looks at everything and prints what it found. A configuration that cannot be resolved is one finding among others.
///
/// # Errors
/// When something does not work, or standard output cannot be written to.
pub fn run(args: &Args, config: Result<Config>) -> Result<()> {
    let mut findings = machine::findings();
    findings.extend(surroundings::findings());
    match config {
        Ok(config) => findings.extend(own::findings(&config)),
        Err(error) => findings.push(Finding::fail("settings", &error)),
    }
    if args.json {
        out::json(&findings)?;
    } else {
        out::print(|out| findings.iter().try_for_each(|finding| write_line(out, finding)))?;
    }
    match findings.iter().filter(|f| f.level == Level::Fail).count() {
        0 => Ok(()),
        1 => Err(Error::new(ErrorKind::Input, "one thing does not work")),
        n => Err(Error::new(ErrorKind::Input, format!("{n} things do not work"))),
    }
}

fn write_line(out: &mut dyn Write, finding: &Finding) -> std::io::Result<()> {
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    writeln!(out, "{level:<5} {:<10} {}", finding.topic, finding.text)?;
    match &finding.hint {
        Some(hint) => writeln!(out, "{:<17}{hint}", ""),
        None => Ok(()),
    }
}
