//! `plumb keys`: every key of the workstation, from the same table that the screen obeys, with the person's own keys.

use serde::Serialize;

use super::out;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::tui::keys::{Group, Keymap};

/// Flags of `plumb keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Row {
    action: &'static str,
    keys: String,
    description: &'static str,
    #[serde(skip)]
    group: Group,
}

/// Prints the list, group by group.
///
/// # Errors
/// When the person's keymap holds a fault, or standard output cannot be written to.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let rows: Vec<Row> = keymap(config)?
        .listing(config.lang)
        .into_iter()
        .map(|(action, keys, description)| Row {
            action: action.code(),
            keys,
            description,
            group: action.group(),
        })
        .collect();
    if args.json {
        return out::json(&rows);
    }
    out::print(|out| {
        for group in Group::ALL {
            writeln!(out, "{}", group.word().text(config.lang))?;
            for row in rows.iter().filter(|row| row.group == group) {
                writeln!(out, "  {:<16} {:<18} {}", row.keys, row.action, row.description)?;
            }
        }
        Ok(())
    })
}

/// The table's keys with the person's own over them.
///
/// # Errors
/// When the file cannot be read or holds a fault.
pub fn keymap(config: &Config) -> Result<Keymap> {
    let Some(path) = &config.keymap else {
        return Ok(Keymap::standard());
    };
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    Keymap::parse(&path.display().to_string(), &text)
}
