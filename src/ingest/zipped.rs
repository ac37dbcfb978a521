//! Archives in a dossier: each file of one is a source of its own, as `papers.zip/notes/week.md`, read as it would be
//! outside, and a recording heard. Archives in an archive are not opened.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::{self, FileRead, Unread, load};
use super::office::{MAX_ARCHIVE, Member, Unpacked};
use super::witness::Seen;
use super::{Limits, Parser, Readers, abreast, chart, recording};
use crate::dossier::manifest::SourceEntry;
use crate::hash::ContentHash;
use crate::model::speech::audio::Bytes;
use crate::sanitize::line;

/// So many files of an archive that cannot be read are named.
const NAMED: usize = 20;

/// A file of the archive, or the archive itself: its path in the dossier and what was read, or why nothing was.
pub(super) type Read = (String, Result<FileRead, Unread>);

/// Reads the archive of `entry` under `root`.
pub(super) fn read(root: &Path, entry: &SourceEntry, limits: Limits, readers: Readers<'_>) -> Vec<Read> {
    let eyes = readers.eyes();
    let whole = Limits {
        max_bytes: MAX_ARCHIVE,
    };
    let unpacked = load(root, &entry.path, whole).and_then(|bytes| {
        let _seen = Seen::begin(eyes.witness, &entry.path)?;
        eyes.office.unpack(&bytes)
    });
    let Unpacked { files, notes } = match unpacked {
        Ok(unpacked) => unpacked,
        Err(why) => return vec![(entry.path.clone(), Err(why.into()))],
    };
    let own = |member: &Member| SourceEntry {
        path: format!("{}/{}", entry.path, member.name),
        title: entry.title.as_ref().map(|title| titled(title, &member.name)),
        ..entry.clone()
    };
    let files: Vec<(SourceEntry, Result<Vec<u8>, String>)> =
        files.into_iter().map(|file| (own(&file), file.bytes)).collect();
    let read = abreast(&files, |(entry, bytes)| {
        let apart = chart::is_picture(&entry.path) || recording::is_recording(entry);
        (!apart).then(|| file::read_bytes(entry, within(bytes, limits)?.to_vec(), eyes))
    });
    // One after the other: each lets go of its bytes before the next is heard. Behind one that was stopped none is.
    let pairs = files.into_iter().zip(read);
    let pairs = pairs.take_while(|_| !readers.ears.stopped());
    let all = pairs.map(|((entry, bytes), read)| {
        let read = match read {
            Some(read) => read.map_err(Unread::from),
            None => by_model(&entry, &bytes, limits, readers),
        };
        (entry.path, read)
    });
    let notes = notes
        .into_iter()
        .map(|note| (entry.path.clone(), Err(note.into())));
    bounded(all.chain(notes).collect(), &entry.path)
}

/// Reads a recording or a picture from its bytes.
fn by_model(
    entry: &SourceEntry,
    bytes: &Result<Vec<u8>, String>,
    limits: Limits,
    readers: Readers<'_>,
) -> Result<FileRead, Unread> {
    if recording::is_recording(entry) {
        let bytes = bytes.as_ref().map_err(Clone::clone)?;
        return recording::source(entry, Bytes::Held(bytes), readers.ears);
    }
    chart::source(entry, within(bytes, limits)?, readers.eyes()).map_err(Unread::from)
}

/// The bytes of a file: not none, not more than allowed.
fn within(bytes: &Result<Vec<u8>, String>, limits: Limits) -> Result<&[u8], String> {
    let bytes = bytes.as_ref().map_err(Clone::clone)?;
    match bytes.len() as u64 {
        0 => Err("is empty".to_owned()),
        n if n > limits.max_bytes => Err(format!("is larger than {} MB; not read", limits.max_bytes >> 20)),
        _ => Ok(bytes),
    }
}

/// The title of the archive with the name of the file.
fn titled(title: &str, name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    format!("{title}: {}", line(name))
}

/// The same with one line for those that cannot be read behind the first few: an archive may hold hundreds. Recordings that
/// wait to be heard are all kept: whoever hears them finds them by their line.
fn bounded(read: Vec<Read>, archive: &str) -> Vec<Read> {
    let is_lost = |read: &Result<FileRead, Unread>| read.as_ref().is_err_and(|unread| !unread.unheard);
    let failed = read.iter().filter(|(_, read)| is_lost(read)).count();
    let mut named = 0;
    let mut kept: Vec<Read> = read
        .into_iter()
        .filter(|(_, read)| {
            named += usize::from(is_lost(read));
            !is_lost(read) || named <= NAMED
        })
        .collect();
    if failed > NAMED {
        let more = format!("{} more files in it were not read", failed - NAMED);
        kept.push((archive.to_owned(), Err(more.into())));
    }
    kept
}

/// The bytes of files in archives, by their hash; each archive is unpacked once, and each file found once: it may be long.
pub(super) struct Originals<'a> {
    office: &'a Parser,
    opened: HashMap<PathBuf, HashMap<ContentHash, Vec<u8>>>,
}

impl<'a> Originals<'a> {
    pub(super) fn new(office: &'a Parser) -> Self {
        Self {
            office,
            opened: HashMap::new(),
        }
    }

    /// The bytes with this hash in the archive that `path` leads into, empty where they are no longer in it; none where
    /// `path` leads into no archive.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub(super) fn find(&mut self, path: &Path, hash: ContentHash) -> std::io::Result<Option<Vec<u8>>> {
        let Some(archive) = path.ancestors().skip(1).find(|around| around.is_file()) else {
            return Ok(None);
        };
        if !self.opened.contains_key(archive) {
            let files = self
                .office
                .unpack(&std::fs::read(archive)?)
                .unwrap_or_default()
                .files;
            let whole = files.into_iter().filter_map(|file| file.bytes.ok());
            let held = whole.map(|bytes| (ContentHash::of(&bytes), bytes)).collect();
            self.opened.insert(archive.to_owned(), held);
        }
        let held = self.opened.get_mut(archive).and_then(|held| held.remove(&hash));
        Ok(Some(held.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Dossier;
    use crate::ingest::office::archive;
    use crate::ingest::tests::{Outcome, check_spans, folder};
    use crate::ingest::{Readers, open_with, originals_by, unheard};

    fn open(files: &[(&str, &[u8])]) -> Result<(tempfile::TempDir, Dossier), Box<dyn std::error::Error>> {
        let dir = folder(files)?;
        let dossier = open_with(dir.path(), Limits::default(), Readers::HERE)?;
        Ok((dir, dossier))
    }

    fn problems(dossier: &Dossier) -> Vec<String> {
        let one = |p: &crate::dossier::Problem| format!("{}: {}", p.path, p.message);
        dossier.problems.iter().map(one).collect()
    }

    #[test]
    fn a_file_in_an_archive_is_read_like_the_same_file_outside() -> Outcome {
        let files = [
            "report.docx",
            "okr.xlsx",
            "training.ods",
            "incident.pdf",
            "runbook.html",
            "thanks.eml",
        ];
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office/en-marta-lind-2026h1");
        let mut members = Vec::new();
        for name in files {
            members.push((name, std::fs::read(path.join(name))?));
        }
        members.push(("week.md", "# 周报\n\n全量切完。提前 5 天".as_bytes().to_vec()));
        members.push((
            "log.jsonl",
            b"{\"from\": \"Bo\", \"text\": \"Shipped.\"}\n".to_vec(),
        ));
        let outside: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (*n, &b[..])).collect();
        let deep: Vec<String> = members
            .iter()
            .map(|(name, _)| format!("half/year/{name}"))
            .collect();
        let within: Vec<_> = deep
            .iter()
            .zip(&members)
            .map(|(n, (_, b))| (n.as_str(), &b[..]))
            .collect();
        let (_kept, plain) = open(&outside)?;
        let (_dir, zipped) = open(&[("papers.zip", &archive(&within)?)])?;
        assert_eq!(zipped.sources.len(), members.len());
        for (plain, zipped) in plain.sources.iter().zip(&zipped.sources) {
            assert_eq!(zipped.path, format!("papers.zip/half/year/{}", plain.path));
            assert_eq!((&zipped.title, zipped.hash), (&plain.title, plain.hash));
            assert_eq!((zipped.format, zipped.encoding), (plain.format, plain.encoding));
            assert_eq!((&zipped.raw, zipped.bytes), (&plain.raw, plain.bytes));
            assert_eq!(zipped.segments, plain.segments);
            check_spans(zipped);
        }
        Ok(())
    }

    #[test]
    fn what_is_cited_in_an_archive_is_found_again_until_it_changes() -> Outcome {
        let papers = archive(&[("a.md", "一。".as_bytes()), ("b/c.txt", "二。".as_bytes())])?;
        let (dir, dossier) = open(&[("out.md", "三。".as_bytes()), ("papers.zip", &papers)])?;
        let found = originals_by(&dossier, &Parser::HERE)?;
        let words: Vec<&[u8]> = found.iter().map(|(_, bytes)| &bytes[..]).collect();
        assert_eq!(words, ["三。".as_bytes(), "一。".as_bytes(), "二。".as_bytes()]);
        let other = archive(&[("a.md", "一。".as_bytes()), ("b/c.txt", "四。".as_bytes())])?;
        std::fs::write(dir.path().join("papers.zip"), other)?;
        let said = originals_by(&dossier, &Parser::HERE)
            .err()
            .ok_or("it was found")?
            .to_string();
        assert!(
            said.contains("papers.zip/b/c.txt changed while it was being reviewed"),
            "{said}"
        );
        Ok(())
    }

    #[test]
    fn each_bad_file_of_an_archive_is_one_line_and_the_rest_opens() -> Outcome {
        let inner = archive(&[("a.md", b"Deep.")])?;
        let papers = archive(&[
            ("good.md", "好的。".as_bytes()),
            ("empty.md", b""),
            ("what.xyz", b"abc"),
            ("inner.zip", &inner),
            ("talk.mp3", b"abc"),
            ("silence.mp3", b""),
            ("chart.png", b"\x89PNG"),
            ("text.docx", b"just words"),
            ("copy.md", "好的。".as_bytes()),
            ("old.doc", b"abc"),
            ("big.txt", &[b'a'; 2000]),
        ])?;
        let dir = folder(&[
            ("p.zip", &papers),
            ("broken.zip", b"PK\x03\x04"),
            ("no.zip", b"words"),
        ])?;
        let dossier = open_with(dir.path(), Limits { max_bytes: 1999 }, Readers::HERE)?;
        assert_eq!(dossier.sources.len(), 1);
        let said = problems(&dossier);
        let starts = [
            "p.zip/empty.md: is empty",
            "p.zip/what.xyz: unknown kind of file; these are read: md, ",
            "p.zip/inner.zip: is an archive in an archive; unpack it and name its files in dossier.toml",
            "p.zip/talk.mp3: is a recording; `plumb ingest` on the dossier hears it",
            "p.zip/silence.mp3: is empty",
            "p.zip/chart.png: pictures are not read here",
            "p.zip/text.docx: is no office file: it is no zip archive",
            "p.zip/copy.md: has the same content as p.zip/good.md; read once",
            "p.zip/old.doc: .doc files are not read; save it as .docx",
            "p.zip/big.txt: is larger than 0 MB; not read",
            "broken.zip: is damaged: ",
            "no.zip: is no zip archive",
        ];
        assert_eq!(said.len(), starts.len(), "{said:#?}");
        for (said, start) in said.iter().zip(starts) {
            assert!(said.starts_with(start), "{said} for {start}");
        }
        Ok(())
    }

    #[test]
    fn hundreds_of_bad_files_are_a_few_lines() -> Outcome {
        let names: Vec<String> = (0..300).map(|n| format!("{n}.xyz")).collect();
        let mut members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
        members.push(("good.md", b"Shipped."));
        members.push(("talk.mp3", b"sounds"));
        let (_dir, dossier) = open(&[("many.zip", &archive(&members)?)])?;
        let said = problems(&dossier);
        assert_eq!((dossier.sources.len(), said.len()), (1, NAMED + 2));
        assert_eq!(said[NAMED + 1], "many.zip: 280 more files in it were not read");
        let waiting: Vec<&str> = unheard(&dossier).map(|p| p.path.as_str()).collect();
        assert_eq!(waiting, ["many.zip/talk.mp3"], "what waits is not left out");
        Ok(())
    }

    #[test]
    fn the_title_of_an_archive_stands_before_those_of_its_files() -> Outcome {
        let dir = folder(&[(
            "p.zip",
            &archive(&[("w/a.md", b"Shipped."), ("b.md", b"Fixed.")])?,
        )])?;
        let manifest = dir.path().join(crate::dossier::manifest::FILE);
        let text = std::fs::read_to_string(&manifest)? + "title = \"Papers\"\ndate = 2026-03-01\n";
        std::fs::write(manifest, text)?;
        let dossier = open_with(dir.path(), Limits::default(), Readers::HERE)?;
        let titles: Vec<&str> = dossier.sources.iter().map(|s| s.title.as_str()).collect();
        assert_eq!(titles, ["Papers: a.md", "Papers: b.md"]);
        assert!(dossier.sources.iter().all(|s| s.date.is_some()));
        Ok(())
    }
}
