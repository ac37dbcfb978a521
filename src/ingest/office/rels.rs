//! The relations between the parts of an Office Open XML file: which part an id means.

use std::collections::HashMap;

use super::archive::Archive;
use super::xml::{Piece, Xml};

/// The relations of one part.
#[derive(Debug, Default)]
pub(super) struct Rels(HashMap<String, Relation>);

#[derive(Debug)]
struct Relation {
    kind: String,
    target: String,
}

impl Rels {
    /// The relations of the part at `path`; none where it has no list.
    pub(super) fn of(archive: &mut Archive<'_>, path: &str) -> Result<Self, String> {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(text) = archive.xml(&format!("{folder}/_rels/{file}.rels"))? else {
            return Ok(Self::default());
        };
        let mut found = HashMap::new();
        for piece in Xml::new(&text) {
            let Piece::Open(tag) = piece else { continue };
            let (Some(id), Some(kind), Some(target)) = (tag.get("Id"), tag.get("Type"), tag.get("Target"))
            else {
                continue;
            };
            let target = resolved(folder, &target);
            found.insert(id, Relation { kind, target });
        }
        Ok(Self(found))
    }

    /// The part that an id means.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|r| r.target.as_str())
    }

    /// The parts whose kind ends so, such as `/comments`, in order of their paths.
    pub(super) fn of_kind(&self, ending: &str) -> Vec<String> {
        let fitting = self.0.values().filter(|r| r.kind.ends_with(ending));
        let mut paths: Vec<String> = fitting.map(|r| r.target.clone()).collect();
        paths.sort();
        paths
    }
}

/// A path in the archive: `target` as seen from `folder`.
fn resolved(folder: &str, target: &str) -> String {
    let mut steps: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|s| !s.is_empty()).collect(),
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}
