//! `plumb man [DIR]`: the manual pages, made from the command line's own table.

use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::{Cli, out};
use crate::error::{Error, Result};

/// Prints the page of `plumb` itself, or writes one page a command into `folder`.
///
/// # Errors
/// When the pages cannot be written.
pub fn run(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page).map_err(out::failed)?;
        return out::print(|out| out.write_all(&page));
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|e| Error::io("write manual pages to", folder, e))
}
