//! Recordings: what somebody with ears hears in them is read as captions, and cited like them.
//!
//! A recording's address is the hash of its own bytes. Its text is the transcript, which is kept with the records that
//! cite it: another model, or the same one later, may hear otherwise.

use std::path::Path;

use super::cues;
use super::file::{FileRead, Unread, anchored, inside, title};
use crate::dossier::manifest::SourceEntry;
use crate::dossier::{Dossier, Problem, Source, SourceFormat, Spots};
use crate::hash::ContentHash;
use crate::model::speech::audio::{self, Bytes, Sound};
use crate::model::speech::transcript::Transcript;
use crate::sanitize::Visible;

/// Who hears the recordings of a dossier.
pub trait Ears {
    /// What is said in the recording `sound`, called by its path in the dossier, whose bytes have this hash.
    ///
    /// # Errors
    /// Why it was not heard and what to do.
    fn hear(&self, sound: &Sound<'_>, recording: ContentHash) -> Result<Transcript, Unread>;

    /// Whether the person wants it to end.
    fn stopped(&self) -> bool {
        false
    }
}

/// Who waits while the recordings of a dossier are heard.
pub trait Hearer: Sync {
    /// So many seconds of `total` of the recording at `path` in the dossier were heard.
    fn heard(&self, path: &str, seconds: usize, total: usize);

    /// Whether to end; what was heard is kept.
    fn stopped(&self) -> bool;
}

/// The problems of a dossier that are recordings nobody has tried to hear yet. What cannot be heard is among them: only who
/// tries to hears that.
pub fn unheard(dossier: &Dossier) -> impl Iterator<Item = &Problem> {
    dossier.problems.iter().filter(|problem| problem.unheard)
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Deaf;

impl Ears for Deaf {
    fn hear(&self, _: &Sound<'_>, _: ContentHash) -> Result<Transcript, Unread> {
        Err(Unread::unheard(
            "is a recording; `plumb ingest` on the dossier hears it",
        ))
    }
}

/// Whether the file of `entry` is a recording, by its name.
pub(super) fn is_recording(entry: &SourceEntry) -> bool {
    audio::is_recording(Path::new(&entry.path))
}

/// Reads the recording of `entry` under `root`.
pub(super) fn read(root: &Path, entry: &SourceEntry, ears: &dyn Ears) -> Result<FileRead, Unread> {
    source(entry, Bytes::At(&inside(root, &entry.path)?), ears)
}

/// Reads the recording of `entry` from its bytes.
pub(super) fn source(entry: &SourceEntry, bytes: Bytes<'_>, ears: &dyn Ears) -> Result<FileRead, Unread> {
    let refused = |e: std::io::Error| format!("cannot be read: {e}");
    let size = bytes.size().map_err(refused)?;
    match size {
        0 => return Err("is empty".to_owned().into()),
        n if n > audio::MAX_BYTES => {
            return Err(format!("is larger than {} MB; not heard", audio::MAX_BYTES >> 20).into());
        }
        _ => {}
    }
    let hash = bytes.hash().map_err(refused)?;
    let sound = Sound {
        name: entry.path.as_str().into(),
        bytes,
    };
    let heard = ears.hear(&sound, hash)?;
    let (raw, unsure) = heard.captions();
    let reading = cues::read_heard(&raw);
    if reading.segments.is_empty() {
        return Err("nobody speaks in it".to_owned().into());
    }
    let spots = Spots::default();
    let source = Source {
        path: entry.path.clone(),
        title: title(entry),
        kind: entry.kind,
        format: SourceFormat::Recording,
        date: entry.date,
        hash,
        bytes: size,
        encoding: "UTF-8",
        segments: anchored(&raw, &spots, reading.segments),
        spots,
        unsure,
        picture: None,
        shown: Visible::of_file(&raw),
        raw,
    };
    Ok(FileRead {
        source,
        notes: reading.notes,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::dossier::{Language, SourceKind, TimeSpan};
    use crate::error::ErrorKind;
    use crate::ingest::office::archive;
    use crate::ingest::tests::Outcome;
    use crate::ingest::{Limits, Parser, Readers, open_with, originals, originals_by, reread, tests};
    use crate::model::speech::transcript::{Utterance, Word};

    /// What a recording holds here.
    const SOUND: &[u8] = b"these bytes are heard by someone else";

    struct Heard(&'static [(f64, f64, &'static str)]);

    /// Hears the same, and tells two voices apart.
    struct Told;

    impl Ears for Told {
        fn hear(&self, sound: &Sound<'_>, recording: ContentHash) -> Result<Transcript, Unread> {
            let lines = &[
                (0.0, 1.0, "I moved it."),
                (1.0, 2.0, "I saw it."),
                (2.0, 3.0, "Good."),
            ];
            let mut heard = Heard(lines).hear(sound, recording)?;
            heard.segments[0].speaker = Some("Speaker 1".to_owned());
            heard.segments[1].speaker = Some("Speaker 2".to_owned());
            Ok(heard)
        }
    }

    impl Ears for Heard {
        fn hear(&self, _: &Sound<'_>, _: ContentHash) -> Result<Transcript, Unread> {
            let utterance = |(id, (start, end, text)): (usize, &(f64, f64, &str))| Utterance {
                id,
                start: *start,
                end: *end,
                text: (*text).to_owned(),
                language: Language::En,
                speaker: None,
                speaker_confidence: None,
                words: vec![Word {
                    word: text.split_inclusive(' ').next().unwrap_or_default().to_owned(),
                    start: *start,
                    end: *end,
                    probability: 0.2,
                }],
            };
            Ok(Transcript {
                language: "en".to_owned(),
                duration: 9.0,
                model: "m".to_owned(),
                segments: self.0.iter().enumerate().map(utterance).collect(),
            })
        }
    }

    fn readers(ears: &dyn Ears) -> Readers<'_> {
        Readers {
            ears,
            ..Readers::HERE
        }
    }

    fn dossier(folder: &Path) -> std::io::Result<()> {
        let manifest = "id = \"d\"\nrole = \"r\"\ncycle = \"c\"\nlanguage = \"en\"\nsubject = { id = \"s\", name = \"n\" }\n\
            [[source]]\npath = \"talk.MP3\"\nkind = \"meeting\"\n[[source]]\npath = \"note.txt\"\nkind = \"other\"\n";
        std::fs::write(folder.join("dossier.toml"), manifest)?;
        std::fs::write(folder.join("talk.MP3"), SOUND)?;
        std::fs::write(folder.join("note.txt"), "It works.")
    }

    #[test]
    fn what_is_said_is_cited_with_its_time_and_the_recording_is_the_address() -> Outcome {
        let folder = tempfile::tempdir()?;
        dossier(folder.path())?;
        let ears = Heard(&[
            (0.5, 2.0, "Well: the migration is done."),
            (3.0, 4.25, "On <v time."),
        ]);
        let dossier = open_with(folder.path(), Limits::default(), readers(&ears))?;
        let source = &dossier.sources[0];
        assert_eq!(
            (source.format, source.kind),
            (SourceFormat::Recording, SourceKind::Meeting)
        );
        assert_eq!(source.hash, ContentHash::of(SOUND));
        let (first, second) = (&source.segments[0], &source.segments[1]);
        assert_eq!(first.text, "Well: the migration is done.");
        assert_eq!(
            (first.speaker.as_deref(), second.speaker.as_deref()),
            (None, None)
        );
        assert_eq!(
            second.anchor.time,
            Some(TimeSpan {
                start_ms: 3000,
                end_ms: 4250
            })
        );
        assert_eq!(reread(source, first).as_ref(), Some(&first.text));
        let unsure: Vec<&str> = source.unsure.iter().map(|s| &source.raw[s.clone()]).collect();
        assert_eq!(unsure, ["Well:", "On"]);
        let kept: Vec<ContentHash> = originals(&dossier)?.iter().map(|(hash, _)| *hash).collect();
        assert_eq!(kept.len(), 3, "the recording, its transcript and the note");
        assert!(kept.contains(&ContentHash::of(source.raw.as_bytes())));
        Ok(())
    }

    #[test]
    fn people_say_who_the_speakers_are_and_one_is_the_employee() -> Outcome {
        let folder = tempfile::tempdir()?;
        dossier(folder.path())?;
        let path = folder.path().join("dossier.toml");
        let names = "[speakers]\n\"talk.MP3\" = { \"Speaker 1\" = \"Speaker 2\", \"Speaker 2\" = \"s\", \"Speaker 3\" = \"x\" }\n";
        std::fs::write(&path, std::fs::read_to_string(&path)? + names)?;
        let dossier = open_with(folder.path(), Limits::default(), readers(&Told))?;
        let source = &dossier.sources[0];
        let speakers: Vec<Option<&str>> = source.segments.iter().map(|s| s.speaker.as_deref()).collect();
        assert_eq!(speakers, [Some("Speaker 2"), Some("n"), None]);
        let employee: Vec<bool> = speakers
            .iter()
            .flatten()
            .map(|name| dossier.meta.is_employee(name))
            .collect();
        assert_eq!(employee, [false, true]);
        assert!(source.raw.contains("<v Speaker 1>I moved it."), "{}", source.raw);
        let [problem] = dossier.problems.as_slice() else {
            return Err(format!("{:?}", dossier.problems).into());
        };
        assert!(problem.message.contains("\"Speaker 3\""), "{problem:?}");
        Ok(())
    }

    #[test]
    fn a_recording_nobody_hears_is_a_problem_and_the_rest_opens() -> Outcome {
        let folder = tempfile::tempdir()?;
        dossier(folder.path())?;
        let dossier = open_with(folder.path(), Limits::default(), Readers::HERE)?;
        assert_eq!(dossier.sources.len(), 1);
        assert_eq!(dossier.problems[0].path, "talk.MP3");
        assert!(
            dossier.problems[0].message.contains("plumb ingest"),
            "{:?}",
            dossier.problems
        );
        let silent = open_with(folder.path(), Limits::default(), readers(&Heard(&[])))?;
        assert!(
            silent.problems[0].message.contains("nobody speaks"),
            "{:?}",
            silent.problems
        );
        Ok(())
    }

    #[test]
    fn only_what_nobody_has_tried_to_hear_waits() -> Outcome {
        let folder = tempfile::tempdir()?;
        dossier(folder.path())?;
        let waiting = |ears: &dyn Ears| -> crate::error::Result<usize> {
            let dossier = open_with(folder.path(), Limits::default(), readers(ears))?;
            Ok(unheard(&dossier).count())
        };
        assert_eq!((waiting(&Deaf)?, waiting(&Heard(&[]))?), (1, 0));
        std::fs::write(folder.path().join("talk.MP3"), "")?;
        assert_eq!(waiting(&Deaf)?, 0, "it is empty");
        std::fs::remove_file(folder.path().join("talk.MP3"))?;
        assert_eq!(waiting(&Deaf)?, 0, "it is not there");
        Ok(())
    }

    /// Notes which recordings it hears, and in which bytes.
    #[derive(Default)]
    struct Noting(RefCell<Vec<String>>);

    impl Ears for Noting {
        fn hear(&self, sound: &Sound<'_>, recording: ContentHash) -> Result<Transcript, Unread> {
            let held = matches!(sound.bytes, Bytes::Held(bytes) if bytes == SOUND);
            let place = if held { "held" } else { "in a file" };
            self.0.borrow_mut().push(format!("{} {place}", sound.name));
            Told.hear(sound, recording)
        }
    }

    /// Is stopped while it hears the first.
    #[derive(Default)]
    struct Stopped(Noting);

    impl Ears for Stopped {
        fn hear(&self, sound: &Sound<'_>, recording: ContentHash) -> Result<Transcript, Unread> {
            self.0.hear(sound, recording)
        }

        fn stopped(&self) -> bool {
            !self.0.0.borrow().is_empty()
        }
    }

    #[test]
    fn nothing_in_an_archive_is_heard_behind_a_recording_that_was_stopped() -> Outcome {
        let papers = archive(&[("a.m4a", SOUND), ("b.m4a", b"another")])?;
        let folder = tests::folder(&[("papers.zip", &papers)])?;
        let ears = Stopped::default();
        let ended = open_with(folder.path(), Limits::default(), readers(&ears)).err();
        assert_eq!(ended.map(|e| e.kind()), Some(ErrorKind::Cancelled));
        assert_eq!(*ears.0.0.borrow(), ["papers.zip/a.m4a held"]);
        Ok(())
    }

    /// A dossier of an archive with a recording and a note in it.
    fn archived() -> std::result::Result<tempfile::TempDir, Box<dyn std::error::Error>> {
        let papers = archive(&[("talks/sync.m4a", SOUND), ("note.md", b"It works.")])?;
        Ok(tests::folder(&[("papers.zip", &papers)])?)
    }

    #[test]
    fn a_recording_in_an_archive_is_heard_like_one_outside() -> Outcome {
        let folder = archived()?;
        let ears = Noting::default();
        let dossier = open_with(folder.path(), Limits::default(), readers(&ears))?;
        assert_eq!(*ears.0.borrow(), ["papers.zip/talks/sync.m4a held"]);
        let paths: Vec<&str> = dossier.sources.iter().map(|s| s.path.as_str()).collect();
        assert_eq!(paths, ["papers.zip/talks/sync.m4a", "papers.zip/note.md"]);
        let source = &dossier.sources[0];
        assert_eq!(
            (source.format, source.title.as_str()),
            (SourceFormat::Recording, "sync.m4a")
        );
        assert_eq!(
            (source.hash, source.bytes),
            (ContentHash::of(SOUND), SOUND.len() as u64)
        );
        let segment = &source.segments[1];
        assert_eq!(segment.speaker.as_deref(), Some("Speaker 2"));
        let time = segment.anchor.time.ok_or("no time")?;
        assert_eq!((time.start_ms, time.end_ms), (1000, 2000));
        assert_eq!(reread(source, segment).as_ref(), Some(&segment.text));
        let kept = originals_by(&dossier, &Parser::HERE)?;
        assert!(kept.contains(&(source.hash, SOUND.to_vec())));
        assert!(kept.iter().any(|(hash, _)| source.rendition() == Some(*hash)));
        Ok(())
    }

    /// A file's own names come before the archive's, which a recording does not take.
    #[test]
    fn speakers_in_an_archive_are_named_by_the_path_of_their_file_or_the_archive_s() -> Outcome {
        let papers = archive(&[
            ("talks/sync.m4a", SOUND),
            (
                "a.jsonl",
                b"{\"from\": \"wx1\", \"text\": \"One.\"}\n{\"from\": \"wx2\", \"text\": \"Two.\"}\n",
            ),
            ("b.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\n<v wx1>Three.\n"),
        ])?;
        let folder = tests::folder(&[("papers.zip", &papers)])?;
        let path = folder.path().join("dossier.toml");
        let names = "[speakers]\n\"papers.zip/talks/sync.m4a\" = { \"Speaker 1\" = \"E1\" }\n\
            \"papers.zip\" = { wx1 = \"Bo\", wx2 = \"Cy\", \"Speaker 2\" = \"Di\" }\n\
            \"papers.zip/a.jsonl\" = { wx1 = \"E1\" }\n\"papers.zip/c.md\" = { wx1 = \"Bo\" }\n";
        std::fs::write(&path, std::fs::read_to_string(&path)? + names)?;
        let dossier = open_with(folder.path(), Limits::default(), readers(&Told))?;
        let of = |source: &Source| -> Vec<String> {
            let speakers = source.segments.iter().map(|s| s.speaker.clone());
            speakers.map(Option::unwrap_or_default).collect()
        };
        let speakers: Vec<Vec<String>> = dossier.sources.iter().map(of).collect();
        assert_eq!(speakers, [&["Ada", "Speaker 2", ""][..], &["Ada", "Cy"], &["Bo"]]);
        let said = |p: &Problem| format!("{}: {}", p.path, p.message);
        let said: Vec<String> = dossier.problems.iter().map(said).collect();
        let starts = [
            "papers.zip: [speakers] of dossier.toml names \"Speaker 2\", but nobody in its chats and transcripts",
            "dossier.toml: [speakers] names papers.zip/c.md, but no file was read under that name",
        ];
        assert_eq!(said.len(), starts.len(), "{said:#?}");
        for (said, start) in said.iter().zip(starts) {
            assert!(said.starts_with(start), "{said} for {start}");
        }
        Ok(())
    }

    #[test]
    fn a_recording_in_an_archive_that_nobody_hears_is_found_by_its_path() -> Outcome {
        let folder = archived()?;
        let dossier = open_with(folder.path(), Limits::default(), Readers::HERE)?;
        let waiting: Vec<&str> = unheard(&dossier).map(|p| p.path.as_str()).collect();
        assert_eq!(waiting, ["papers.zip/talks/sync.m4a"]);
        assert!(dossier.problems[0].message.contains("plumb ingest"));
        assert_eq!(dossier.sources.len(), 1);
        Ok(())
    }

    #[test]
    fn the_same_recording_outside_and_in_an_archive_is_cited_once() -> Outcome {
        let papers = archive(&[("sync.m4a", SOUND)])?;
        let folder = tests::folder(&[("talk.mp3", SOUND), ("papers.zip", &papers)])?;
        let ears = Noting::default();
        let dossier = open_with(folder.path(), Limits::default(), readers(&ears))?;
        assert_eq!(
            *ears.0.borrow(),
            ["talk.mp3 in a file", "papers.zip/sync.m4a held"]
        );
        assert_eq!(dossier.sources.len(), 1);
        assert_eq!(dossier.problems[0].path, "papers.zip/sync.m4a");
        assert_eq!(
            dossier.problems[0].message,
            "has the same content as talk.mp3; read once"
        );
        Ok(())
    }
}
