//! Who sees which files of a dossier are being read, and may end it.

use crate::watch::Nobody;

/// Sees which files are being read. Several are at a time. Files of text are read at once and not told of, nor are
/// recordings, which whoever hears them tells of.
pub trait Witness: Sync {
    /// The file at `path` is begun.
    fn begin(&self, path: &str);

    /// Of the pages that are read one by one, `done` of `total` are.
    fn page(&self, path: &str, done: usize, total: usize);

    /// The file at `path` has ended, one way or the other.
    fn end(&self, path: &str);

    /// Whether to end: what was read until then is kept by whoever reads it.
    fn stopped(&self) -> bool;
}

impl Witness for Nobody {
    fn begin(&self, _: &str) {}

    fn page(&self, _: &str, _: usize, _: usize) {}

    fn end(&self, _: &str) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// A file from its beginning to its end.
pub(super) struct Seen<'a> {
    witness: &'a dyn Witness,
    path: &'a str,
}

impl<'a> Seen<'a> {
    /// The file at `path` is begun; not when it is to end.
    pub(super) fn begin(witness: &'a dyn Witness, path: &'a str) -> Result<Self, String> {
        if witness.stopped() {
            return Err("was not read: stopped before".to_owned());
        }
        witness.begin(path);
        Ok(Self { witness, path })
    }

    /// Another page is read; whether to go on.
    pub(super) fn page(&self, done: usize, total: usize) -> bool {
        self.witness.page(self.path, done, total);
        !self.witness.stopped()
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        self.witness.end(self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::ErrorKind;
    use crate::ingest::office::archive;
    use crate::ingest::tests::{Outcome, folder};
    use crate::ingest::{Limits, Parser, Readers, open_with};

    /// Notes what it sees, and ends the work when so many files have ended.
    #[derive(Default)]
    struct Diary {
        seen: Mutex<Vec<String>>,
        ended: AtomicUsize,
        most: Option<usize>,
    }

    impl Diary {
        fn note(&self, words: String) {
            self.seen.lock().expect("nobody panics with it").push(words);
        }
    }

    impl Witness for Diary {
        fn begin(&self, path: &str) {
            self.note(format!("begin {path}"));
        }

        fn page(&self, path: &str, done: usize, total: usize) {
            self.note(format!("{path} {done}/{total}"));
        }

        fn end(&self, path: &str) {
            self.note(format!("end {path}"));
            self.ended.fetch_add(1, Ordering::Relaxed);
        }

        fn stopped(&self) -> bool {
            self.most
                .is_some_and(|most| self.ended.load(Ordering::Relaxed) >= most)
        }
    }

    #[test]
    fn every_file_that_is_no_text_is_seen_from_its_beginning_to_its_end() -> Outcome {
        let papers = archive(&[("in.html", b"<p>In.</p>"), ("in.md", b"In, too.")])?;
        let dir = folder(&[
            ("a.html", b"<p>Shipped.</p>"),
            ("broken.pdf", b"%PDF-1.7 and no more"),
            ("text.md", b"Text."),
            ("chart.png", b"none"),
            ("papers.zip", &papers),
        ])?;
        let diary = Diary::default();
        let readers = Readers {
            witness: &diary,
            ..Readers::HERE
        };
        open_with(dir.path(), Limits::default(), readers)?;
        let mut seen = diary.seen.into_inner()?;
        seen.sort();
        let files = [
            "a.html",
            "broken.pdf",
            "chart.png",
            "papers.zip",
            "papers.zip/in.html",
        ];
        let expected = ["begin", "end"].map(|word| files.map(|file| format!("{word} {file}")));
        assert_eq!(seen, expected.concat());
        Ok(())
    }

    #[test]
    fn who_stops_finds_what_was_read_kept() -> Outcome {
        let names: Vec<String> = (0..40).map(|n| format!("{n}.html")).collect();
        let pages: Vec<String> = (0..40).map(|n| format!("<p>Page {n}.</p>")).collect();
        let files: Vec<(&str, &[u8])> = names
            .iter()
            .zip(&pages)
            .map(|(name, page)| (name.as_str(), page.as_bytes()))
            .collect();
        let dir = folder(&files)?;
        let kept = dir.path().join("kept");
        let office = Parser::HERE.keeping(kept.clone());
        let diary = Diary {
            most: Some(3),
            ..Diary::default()
        };
        let readers = Readers {
            office: &office,
            witness: &diary,
            ..Readers::HERE
        };
        let stopped = open_with(dir.path(), Limits::default(), readers)
            .err()
            .ok_or("it went on")?;
        assert_eq!(stopped.kind(), ErrorKind::Cancelled);
        assert_eq!(
            stopped.hints(),
            ["what was read is kept: the same command goes on with it"]
        );
        let held = std::fs::read_dir(kept)?.count();
        let begun = diary
            .seen
            .into_inner()?
            .iter()
            .filter(|seen| seen.starts_with("begin"))
            .count();
        assert!(held == begun && (3..40).contains(&held), "{held} of {begun}");
        Ok(())
    }
}
