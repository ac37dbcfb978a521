//! A recording from its bytes to a transcript, window by window. What was heard is kept, so that work that was stopped goes on
//! with the next window, and a recording is heard once. Who speaks is told last, from all of it, and kept beside the words:
//! a voice encoder that comes later costs no second hearing.
//!
//! What is kept is named by a hash over everything it depends on: the recording's bytes, the models, the language asked
//! for, and [`VERSION`]; with its speakers also the encoder and [`speakers::VERSION`]. Any of it may be deleted at any time.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::audio::{self, SAMPLE_RATE, Sound};
use super::sentences::sentences;
use super::speakers::{self, encoder::Encoder};
use super::tongue;
use super::transcript::{Transcript, Utterance};
use super::voice;
use super::whisper::Whisper;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::Language;
use crate::model::LocalModel;
use crate::sanitize::line;
use crate::watch::{self, Watch};

/// Counts up when the same recording would be heard otherwise.
const VERSION: u32 = 3;

/// What a watcher is told is being done while words are heard; `done` and `total` are seconds of the recording.
pub const HEARD: &str = "heard";

/// Who hears: a model, and where what it heard is kept.
#[derive(Debug, Clone)]
pub struct Listener {
    model: LocalModel,
    detector: (PathBuf, ContentHash),
    /// Tells voices apart.
    encoder: Option<LocalModel>,
    folder: PathBuf,
    language: Option<Language>,
    threads: usize,
}

/// One window and what was said in it.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    window: Range<usize>,
    /// What was spoken last in it.
    language: Language,
    segments: Vec<Utterance>,
}

/// Who is told what was said, while it is heard.
pub type Said<'a> = &'a mut dyn FnMut(&Utterance) -> Result<()>;

impl Listener {
    /// A listener that hears with `model`, a pulled speech model, and keeps what it heard in `folder`. Without a
    /// language it is found out, window by window and where need be stretch by stretch.
    ///
    /// # Errors
    /// `Model` when the model does not hear, or its voice detector is missing.
    pub fn new(
        model: LocalModel,
        folder: PathBuf,
        language: Option<Language>,
        threads: usize,
    ) -> Result<Self> {
        let id = &model.manifest.id;
        let detector = model.manifest.detector().ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                format!("{id} reads and writes; it does not hear"),
            )
            .hint("`plumb models list` names those that hear: whisper-…")
        })?;
        let path = model.path.with_file_name(&detector.name);
        let sha256 = File::open(&path)
            .and_then(ContentHash::of_reader)
            .map_err(|e| Error::io("read", &path, e))?;
        Ok(Self {
            model,
            detector: (path, sha256),
            encoder: None,
            folder,
            language,
            threads,
        })
    }

    /// The same, telling speakers apart with `encoder`, a pulled voice encoder.
    #[must_use]
    pub fn telling(mut self, encoder: Option<LocalModel>) -> Self {
        self.encoder = encoder;
        self
    }

    /// Whether it tells speakers apart.
    pub fn tells_speakers(&self) -> bool {
        self.encoder.is_some()
    }

    /// What was heard of the recording with this hash before, if it was heard to its end, and its speakers told where
    /// this listener does.
    pub fn kept(&self, recording: ContentHash) -> Option<Transcript> {
        match &self.encoder {
            None => self.kept_words(recording),
            Some(encoder) => read(&self.place_told(recording, encoder)),
        }
    }

    /// The words that were heard of the recording with this hash before, whether their speakers were told or not.
    pub fn kept_words(&self, recording: ContentHash) -> Option<Transcript> {
        read(&self.place(recording, "json"))
    }

    /// Hears a recording, or goes on where it was stopped; `said` is told everything in order, also what was
    /// heard before, but not who said it.
    ///
    /// # Errors
    /// `Input` when it is no recording or nobody speaks in it, `Model`, `Io`; `Cancelled`, when what was heard is kept.
    pub fn transcribe(&self, sound: &Sound<'_>, watch: &dyn Watch, said: Said<'_>) -> Result<Transcript> {
        let hash = sound.bytes.hash().map_err(|e| sound.unread(e))?;
        if let Some(transcript) = self.kept(hash) {
            transcript.segments.iter().try_for_each(said)?;
            return Ok(transcript);
        }
        let samples = audio::decode(sound, watch)?;
        let speech = voice::stretches(&self.detector.0, &samples, watch)?;
        let transcript = if let Some(transcript) = self.kept_words(hash) {
            transcript.segments.iter().try_for_each(said)?;
            transcript
        } else {
            let heard = self.hear(hash, &samples, &speech, watch, said)?;
            let transcript = self.joined(heard, samples.len());
            if transcript.segments.is_empty() {
                return Err(silent(&sound.name));
            }
            // A folder that cannot be written to only costs another hearing.
            if self.keep(&self.place(hash, "json"), &transcript).is_ok() {
                let _ = fs::remove_file(self.place(hash, "part"));
            }
            transcript
        };
        match &self.encoder {
            None => Ok(transcript),
            Some(encoder) => self.told(hash, encoder, transcript, (&samples, &speech), watch),
        }
    }

    /// The same with who speaks.
    fn told(
        &self,
        recording: ContentHash,
        encoder: &LocalModel,
        mut transcript: Transcript,
        (samples, speech): (&[f32], &[Range<usize>]),
        watch: &dyn Watch,
    ) -> Result<Transcript> {
        let voices = Encoder::load(&encoder.path)?;
        speakers::tell(&voices, samples, speech, &mut transcript.segments, watch)?;
        let _ = self.keep(&self.place_told(recording, encoder), &transcript);
        Ok(transcript)
    }

    fn hear(
        &self,
        recording: ContentHash,
        samples: &[f32],
        speech: &[Range<usize>],
        watch: &dyn Watch,
        said: Said<'_>,
    ) -> Result<Vec<Heard>> {
        let windows = voice::packed(speech);
        let mut heard = self.kept_windows(recording, &windows);
        heard.iter().flat_map(|h| &h.segments).try_for_each(&mut *said)?;
        let (mut model, mut before) = (None, heard.last().map(|h| h.language));
        let mut notes = self.notes(recording, &heard).ok();
        let tell = |done: usize| watch.tell(HEARD, done / SAMPLE_RATE, samples.len() / SAMPLE_RATE);
        for window in &windows[heard.len()..] {
            tell(window.start);
            let model = match &mut model {
                Some(model) => model,
                none => none.insert(Whisper::load(&self.model.path, self.threads)?),
            };
            let mut done = Heard {
                window: window.clone(),
                language: Language::En,
                segments: Vec::new(),
            };
            for (part, language) in self.parts(model, samples, (window, speech), before, watch)? {
                let heard = model.hear(&samples[part.clone()], part.start, language, watch)?;
                let segments = sentences(heard, samples);
                segments.iter().try_for_each(&mut *said)?;
                done.segments.extend(segments);
                done.language = language;
            }
            before = Some(done.language);
            if notes.as_mut().is_some_and(|file| note(file, &done).is_err()) {
                notes = None;
            }
            tell(window.end);
            heard.push(done);
        }
        Ok(heard)
    }

    /// The parts of a window with the language that each is heard in: the one that was asked for, or those that are spoken.
    fn parts(
        &self,
        model: &mut Whisper,
        samples: &[f32],
        (window, speech): (&Range<usize>, &[Range<usize>]),
        before: Option<Language>,
        watch: &dyn Watch,
    ) -> Result<Vec<(Range<usize>, Language)>> {
        let known = (!model.is_multilingual()).then_some(Language::En);
        if let Some(language) = known.or(self.language) {
            return Ok(vec![(window.clone(), language)]);
        }
        tongue::parts(window, speech, before, &mut |stretch| {
            watch::check(watch, "what was heard before is kept")?;
            model.chinese(&samples[stretch.clone()])
        })
    }

    fn joined(&self, heard: Vec<Heard>, samples: usize) -> Transcript {
        let duration = samples as f64 / SAMPLE_RATE as f64;
        let mut segments: Vec<Utterance> = heard.into_iter().flat_map(|h| h.segments).collect();
        for (id, segment) in segments.iter_mut().enumerate() {
            segment.id = id;
            // The last window is filled up with silence, in which whisper.cpp may end a segment.
            segment.end = segment.end.min(duration).max(segment.start);
        }
        let language = most_spoken(&segments);
        Transcript {
            language: language.code().to_owned(),
            duration,
            model: self.model.manifest.id.as_str().to_owned(),
            segments,
        }
    }

    /// The windows that were heard before, as long as they are those of now.
    fn kept_windows(&self, recording: ContentHash, windows: &[Range<usize>]) -> Vec<Heard> {
        let Ok(file) = File::open(self.place(recording, "part")) else {
            return Vec::new();
        };
        let lines = BufReader::new(file).lines().map_while(std::io::Result::ok);
        let heard = lines.map_while(|line| serde_json::from_str::<Heard>(&line).ok());
        let same = heard
            .zip(windows)
            .take_while(|(heard, window)| heard.window == **window);
        same.map(|(heard, _)| heard).collect()
    }

    /// The file windows are noted in, holding those of `heard`.
    fn notes(&self, recording: ContentHash, heard: &[Heard]) -> std::io::Result<File> {
        private_folder(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        heard
            .iter()
            .try_for_each(|heard| note(file.as_file_mut(), heard))?;
        Ok(file.persist(self.place(recording, "part"))?)
    }

    fn keep(&self, place: &Path, transcript: &Transcript) -> std::io::Result<()> {
        private_folder(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, transcript)?;
        file.persist(place)?;
        Ok(())
    }

    fn place(&self, recording: ContentHash, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.key(recording)))
    }

    /// Where the transcript lies with the speakers that `encoder` tells.
    fn place_told(&self, recording: ContentHash, encoder: &LocalModel) -> PathBuf {
        let words = self.key(recording);
        let key = format!("{} {words} {}", speakers::VERSION, encoder.sha256);
        self.folder
            .join(format!("{}.json", ContentHash::of(key.as_bytes())))
    }

    /// What the words depend on.
    fn key(&self, recording: ContentHash) -> ContentHash {
        let Self {
            model,
            detector,
            language,
            ..
        } = self;
        let language = language.map_or("auto", Language::code);
        let key = format!("{VERSION} {recording} {} {} {language}", model.sha256, detector.1);
        ContentHash::of(key.as_bytes())
    }
}

/// The language that is spoken longest.
fn most_spoken(segments: &[Utterance]) -> Language {
    let spoken = |language| {
        let own = segments.iter().filter(|s| s.language == language);
        own.map(|s| s.end - s.start).sum::<f64>()
    };
    if spoken(Language::Zh) > spoken(Language::En) {
        Language::Zh
    } else {
        Language::En
    }
}

fn read(place: &Path) -> Option<Transcript> {
    serde_json::from_slice(&fs::read(place).ok()?).ok()
}

fn note(file: &mut File, heard: &Heard) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(heard)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// What people say is nobody else's to read.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn silent(name: &str) -> Error {
    let message = format!("{} has nobody who speaks in it", line(name));
    Error::new(ErrorKind::Input, message).hint("nothing in it can be cited")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    fn listener(folder: &Path, language: Option<Language>) -> Result<Listener> {
        Ok(Listener {
            model: LocalModel {
                path: folder.join("model"),
                sha256: ContentHash::of(b"model"),
                manifest: manifest::find(&"whisper-base".into())?,
            },
            detector: (folder.join("detector"), ContentHash::of(b"detector")),
            encoder: None,
            folder: folder.join("kept"),
            language,
            threads: 1,
        })
    }

    fn heard(window: Range<usize>, text: &str) -> Heard {
        Heard {
            window,
            language: Language::En,
            segments: vec![Utterance {
                id: 7,
                start: 0.0,
                end: 99.0,
                text: text.to_owned(),
                language: Language::En,
                speaker: None,
                speaker_confidence: None,
                words: Vec::new(),
            }],
        }
    }

    #[test]
    fn work_goes_on_behind_the_last_window_that_was_heard_whole() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (listener, recording) = (listener(folder.path(), None)?, ContentHash::of(b"talk"));
        let mut notes = listener.notes(recording, &[heard(0..10, "one"), heard(20..30, "two")])?;
        notes.write_all(b"{\"window\":{\"start\":30,")?;
        let windows = [0..10, 20..30, 30..40];
        assert_eq!(listener.kept_windows(recording, &windows).len(), 2);
        assert_eq!(
            listener.kept_windows(recording, &[0..10, 21..30]).len(),
            1,
            "other windows"
        );
        assert!(
            listener
                .kept_windows(ContentHash::of(b"other"), &windows)
                .is_empty()
        );
        let asked = self::listener(folder.path(), Some(Language::Zh))?;
        assert!(
            asked.kept_windows(recording, &windows).is_empty(),
            "another language was asked for"
        );
        Ok(())
    }

    #[test]
    fn every_segment_has_its_language_and_the_whole_the_one_most_spoken() -> Outcome {
        let folder = tempfile::tempdir()?;
        let listener = listener(folder.path(), None)?;
        let said = |window: Range<usize>, language, seconds: [f64; 2]| {
            let mut heard = heard(window, "x");
            let [start, end] = seconds;
            heard.segments = vec![Utterance {
                start,
                end,
                language,
                ..heard.segments.remove(0)
            }];
            heard
        };
        let english = said(0..10, Language::En, [0.0, 2.0]);
        let chinese = said(20..30, Language::Zh, [3.0, 9.0]);
        let transcript = listener.joined(vec![english, chinese], 9 * SAMPLE_RATE);
        assert_eq!(transcript.language, "zh");
        let json = serde_json::to_value(&transcript)?;
        let languages = [&json["segments"][0]["language"], &json["segments"][1]["language"]];
        assert_eq!(languages, ["en", "zh"]);
        Ok(())
    }

    #[test]
    fn a_transcript_is_numbered_ends_with_the_recording_and_is_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (listener, recording) = (listener(folder.path(), None)?, ContentHash::of(b"talk"));
        let transcript = listener.joined(vec![heard(0..10, "one"), heard(20..30, "two")], 2 * SAMPLE_RATE);
        let numbered: Vec<_> = transcript.segments.iter().map(|s| (s.id, s.end)).collect();
        assert_eq!(numbered, [(0, 2.0), (1, 2.0)]);
        assert_eq!(listener.kept(recording), None);
        listener.keep(&listener.place(recording, "json"), &transcript)?;
        assert_eq!(listener.kept(recording), Some(transcript.clone()));
        let encoder = listener.model.clone();
        let listener = listener.telling(Some(encoder.clone()));
        assert_eq!(listener.kept(recording), None, "its speakers were not told");
        assert_eq!(listener.kept_words(recording), Some(transcript.clone()));
        listener.keep(&listener.place_told(recording, &encoder), &transcript)?;
        assert_eq!(listener.kept(recording), Some(transcript));
        Ok(())
    }
}
