//! Who speaks, as the people of the dossier say it: the `[speakers]` of `dossier.toml` over what a file, or whoever told
//! its voices apart, calls them. The text itself stays as it was read.

use std::path::Path;

use super::file::FileRead;
use crate::dossier::manifest::Named;

/// Gives the speakers of a file the names that `named` has for them; a name for nobody is a note.
pub(super) fn name(read: &mut FileRead, named: &[Named]) {
    let mut used = vec![false; named.len()];
    for segment in &mut read.source.segments {
        let called = |(label, _): &Named| segment.speaker.as_ref() == Some(label);
        if let Some(at) = named.iter().position(called) {
            segment.speaker = Some(named[at].1.clone());
            used[at] = true;
        }
    }
    let unused = named.iter().zip(&used).filter(|(_, used)| !**used);
    for ((label, _), _) in unused {
        read.notes.push(format!(
            "[speakers] of dossier.toml names {label:?}, but nobody in it is called that; `plumb ingest --json` shows who speaks"
        ));
    }
}

/// What is said where names are given to the speakers of a file that no source is called.
pub(super) fn nowhere(path: &Path) -> String {
    format!(
        "[speakers] names {}, but no file was read under that name; `plumb ingest` lists the names, those in archives too",
        path.display()
    )
}
