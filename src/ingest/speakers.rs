//! Who speaks, as the people of the dossier say it: the `[speakers]` of `dossier.toml` over what a file, or whoever told
//! its voices apart, calls them. The text itself stays as it was read.

use std::path::Path;

use super::file::FileRead;
use crate::dossier::SourceFormat;
use crate::dossier::manifest::Named;

/// The names for who speaks in a file, or in the files of an archive.
#[derive(Default)]
pub(super) struct Names {
    named: Vec<Named>,
    /// Which of them somebody was found for.
    found: Vec<bool>,
}

impl Names {
    pub(super) fn of(named: Option<Vec<Named>>) -> Self {
        let named = named.unwrap_or_default();
        let found = vec![false; named.len()];
        Self { named, found }
    }

    /// The name for who is `called` so.
    fn find(&mut self, called: &str) -> Option<String> {
        let at = self.named.iter().position(|(label, _)| label == called)?;
        self.found[at] = true;
        Some(self.named[at].1.clone())
    }

    /// What those are called who were not found.
    fn nobody(&self) -> impl Iterator<Item = &str> {
        let each = self.named.iter().zip(&self.found);
        each.filter(|(_, found)| !**found)
            .map(|((label, _), _)| label.as_str())
    }

    /// What is said of those who were not found in an archive.
    pub(super) fn unfound(&self) -> impl Iterator<Item = String> {
        self.nobody().map(|label| {
            format!(
                "[speakers] of dossier.toml names {label:?}, but nobody in its chats and transcripts is called that; who speaks in a recording is named under its own path"
            )
        })
    }
}

/// Gives the speakers of a file the names that `own` has for them, else those `around` it, which its archive has; an own
/// name for nobody is a note. A recording has only its own: "Speaker 1" is somebody else in another.
pub(super) fn name(read: &mut FileRead, mut own: Names, around: &mut Names) {
    let is_recording = read.source.format == SourceFormat::Recording;
    for segment in &mut read.source.segments {
        let Some(called) = &segment.speaker else { continue };
        let name = match own.find(called) {
            None if !is_recording => around.find(called),
            own => own,
        };
        if name.is_some() {
            segment.speaker = name;
        }
    }
    read.notes.extend(own.nobody().map(|label| {
        format!(
            "[speakers] of dossier.toml names {label:?}, but nobody in it is called that; `plumb ingest --json` shows who speaks"
        )
    }));
}

/// What is said where names are given to the speakers of a file that no source is called.
pub(super) fn nowhere(path: &Path) -> String {
    format!(
        "[speakers] names {}, but no file was read under that name; `plumb ingest` lists the names, those in archives too",
        path.display()
    )
}
