//! Readings that are kept, so that a stopped run goes on where it was: one file each, named by a hash over everything it
//! depends on. Any of them may be deleted at any time.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dossier::{Dossier, SourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;

/// A folder of readings; none keeps nothing.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    folder: Option<PathBuf>,
}

impl Kept {
    /// Keeps them in `folder`, which is made when it is needed.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// What was kept of `of`, else what `read` gives, which is then kept.
    ///
    /// # Errors
    /// Those of `read`: a reading that cannot be kept, or comes back damaged, only costs another one.
    pub fn or_read<T: Serialize + DeserializeOwned>(
        &self,
        of: &impl Serialize,
        read: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let name = || Some(format!("{}.json", ContentHash::of(&serde_json::to_vec(of).ok()?)));
        let path = self.folder.as_ref().and_then(|folder| Some(folder.join(name()?)));
        let kept = path.as_ref().and_then(|path| std::fs::read(path).ok());
        if let Some(reading) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(reading);
        }
        let reading = read()?;
        if let Some(path) = path {
            let _ = write(&path, &reading);
        }
        Ok(reading)
    }
}

/// What a prompt says of a source beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading<'a> {
    path: &'a str,
    title: &'a str,
    kind: SourceKind,
    date: Option<String>,
    /// Of each segment.
    speakers: Vec<Option<&'a str>>,
}

/// What a prompt says of the sources of a dossier beside their texts: a reading depends on it too.
pub fn headings(dossier: &Dossier) -> Vec<Heading<'_>> {
    let sources = dossier.sources.iter();
    sources
        .map(|source| Heading {
            path: &source.path,
            title: &source.title,
            kind: source.kind,
            date: source.date.map(|date| date.to_string()),
            speakers: source.segments.iter().map(|s| s.speaker.as_deref()).collect(),
        })
        .collect()
}

fn write(path: &Path, reading: &impl Serialize) -> Result<()> {
    let fail = |e| Error::io("write", path, e);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    serde_json::to_writer(&mut file, reading)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot keep a reading").because(e))?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;

    #[test]
    fn a_reading_depends_on_what_is_said_of_a_source() -> Result<()> {
        let one = crate::ingest::of_text("t", "", Language::En, "Led it.")?;
        let named = |name: fn(&mut Dossier)| {
            let mut other = one.clone();
            name(&mut other);
            serde_json::to_string(&headings(&other)).unwrap_or_default()
        };
        let told = [
            named(|_| ()),
            named(|d| d.sources[0].title = "Peer notes".to_owned()),
            named(|d| d.sources[0].kind = SourceKind::Peer),
            named(|d| d.sources[0].segments[0].speaker = Some("Mei".to_owned())),
        ];
        let different: std::collections::BTreeSet<&String> = told.iter().collect();
        assert_eq!(different.len(), told.len(), "{told:?}");
        Ok(())
    }

    #[test]
    fn what_was_read_is_not_read_again_until_it_is_damaged() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| Error::io("create", Path::new("a folder"), e))?;
        let kept = Kept::in_folder(dir.path().join("readings"));
        let mut times = 0;
        let mut read = |of: &str| {
            kept.or_read(&of, || {
                times += 1;
                Ok(times)
            })
        };
        assert_eq!((read("a")?, read("a")?, read("b")?), (1, 1, 2));
        for entry in std::fs::read_dir(dir.path().join("readings"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let _ = std::fs::write(entry.path(), "{");
        }
        assert_eq!((read("a")?, read("a")?), (3, 3));
        let mut nothing = 0;
        let none = Kept::default();
        for expected in [1, 2] {
            let found = none.or_read(&"a", || {
                nothing += 1;
                Ok(nothing)
            })?;
            assert_eq!(found, expected);
        }
        Ok(())
    }
}
