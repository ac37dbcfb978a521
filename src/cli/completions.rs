//! `plumb completions SHELL`: the completion script of a shell, made from the command line's own table.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, out};
use crate::error::Result;

/// Prints the script.
///
/// # Errors
/// When standard output cannot be written to.
pub fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "plumb", &mut script);
    out::print(|out| out.write_all(&script))
}
