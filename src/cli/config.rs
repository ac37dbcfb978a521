//! `plumb config`: every setting with its value and where it came from.

use serde::Serialize;

use super::out;
use crate::config::{Config, DEFAULT, Setting};
use crate::error::Result;

/// Flags of `plumb config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the sample file, which holds every default
    #[arg(long, conflicts_with = "json")]
    pub print_default: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    value: &'a toml::Value,
    origin: String,
}

/// Prints the sample file; needs no readable configuration.
///
/// # Errors
/// When standard output cannot be written to.
pub fn print_default() -> Result<()> {
    out::print(|out| out.write_all(DEFAULT.as_bytes()))
}

/// Prints the resolved settings.
///
/// # Errors
/// When standard output cannot be written to.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let rows: Vec<Row<'_>> = config.settings.iter().map(Row::of).collect();
    if args.json {
        return out::json(&rows);
    }
    out::print(|out| {
        rows.iter().try_for_each(|row| {
            writeln!(
                out,
                "{:<22} {:<44} {}",
                row.key,
                row.value.to_string(),
                row.origin
            )
        })
    })
}

impl<'a> Row<'a> {
    fn of(setting: &'a Setting) -> Self {
        Self {
            key: setting.key.name,
            value: &setting.value,
            origin: setting.origin.to_string(),
        }
    }
}
