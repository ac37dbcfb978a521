//! Who speaks, as the people of the dossier say it: the `[speakers]` of `dossier.toml` over what a file, or whoever told
//! its voices apart, calls them. The text itself stays as it was read.

use super::file::FileRead;
use crate::dossier::manifest::SourceEntry;

/// Gives the speakers of a file the names that `entry` has for them; a name for nobody is a note.
pub(super) fn name(read: &mut FileRead, entry: &SourceEntry) {
    let mut used = vec![false; entry.speakers.len()];
    for segment in &mut read.source.segments {
        let called = |(label, _): &(String, String)| segment.speaker.as_ref() == Some(label);
        if let Some(at) = entry.speakers.iter().position(called) {
            segment.speaker = Some(entry.speakers[at].1.clone());
            used[at] = true;
        }
    }
    let unused = entry.speakers.iter().zip(&used).filter(|(_, used)| !**used);
    for ((label, _), _) in unused {
        read.notes.push(format!(
            "[speakers] of dossier.toml names {label:?}, but nobody in it is called that; `plumb ingest --json` shows who speaks"
        ));
    }
}
