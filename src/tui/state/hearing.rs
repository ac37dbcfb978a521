//! Recordings of the open dossier that are heard while the person works.
//!
//! Scoring waits for them: scores without what is said would be thrown away when it is known, and the two would share the
//! processor. Who does not want to wait stops the hearing and scores what is there.

use std::sync::Arc;

use super::notice::Told;
use super::{App, Effect, Reread};
use crate::dossier::Dossier;
use crate::engine::ScoreEvent;
use crate::ingest;
use crate::review::{Event, Intent, Stamp};
use crate::tui::words::Word;

/// How far the recordings of a dossier are heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hearing {
    /// The recordings without words, as the dossier's problems name them.
    pub waiting: Vec<String>,
    /// The one that is heard now: its name, and how many seconds of how many.
    pub now: Option<(String, usize, usize)>,
}

impl Hearing {
    /// How far the recording called `name` is.
    pub fn of(&self, name: &str) -> Option<Progress> {
        match &self.now {
            Some((now, done, total)) if now == name => Some(Progress::Heard(*done, *total)),
            _ => self.waiting.iter().any(|w| w == name).then_some(Progress::Waits),
        }
    }
}

/// How far one recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Others are heard, or it is about to begin.
    Waits,
    /// So many seconds of so many.
    Heard(usize, usize),
}

impl App {
    /// Has the recordings of the dossier on the desk heard, where there are some without words. A dossier that is closed,
    /// or of which nothing can be recorded, stays as it is.
    pub(super) fn begin_hearing(&mut self) -> Vec<Effect> {
        let read_only = self.settings.read_only.is_some();
        let Some(desk) = self.desk.as_mut().filter(|_| !read_only) else {
            return Vec::new();
        };
        let dossier = Arc::clone(desk.review.dossier());
        let waiting: Vec<String> = ingest::unheard(&dossier).map(|p| p.path.clone()).collect();
        if waiting.is_empty() || desk.review.ledger().signed_off().is_some() {
            return Vec::new();
        }
        desk.hearing = Some(Hearing { waiting, now: None });
        vec![Effect::Hear(dossier)]
    }

    /// Ends the hearing, and the scoring that waits for it.
    pub(super) fn stop_hearing(&mut self, stamp: Stamp) -> Vec<Effect> {
        let waits = self.desk.as_ref().and_then(|d| d.review.work().ticket());
        let ended = waits.map(|ticket| self.hear(ticket, ScoreEvent::Cancelled, stamp));
        let mut effects = ended.unwrap_or_default();
        if let Some(desk) = &mut self.desk {
            desk.hearing = None;
        }
        effects.push(Effect::StopHearing);
        self.told = Some(Told::hint(self.word(Word::HearingStopped)));
        effects
    }

    /// Whether recordings of the dossier on the desk are heard.
    pub(super) fn is_hearing(&self) -> bool {
        self.desk.as_ref().is_some_and(|d| d.hearing.is_some())
    }

    pub(super) fn hearing(&mut self, dossier: &Arc<Dossier>, now: (String, usize, usize)) -> Vec<Effect> {
        if let Some(desk) = &mut self.desk
            && Arc::ptr_eq(desk.review.dossier(), dossier)
            && let Some(hearing) = &mut desk.hearing
        {
            hearing.now = Some(now);
        }
        Vec::new()
    }

    /// The recordings were heard, or cannot be: the review goes on with what there is now.
    pub(super) fn heard(
        &mut self,
        of: &Arc<Dossier>,
        heard: Result<Option<Box<Reread>>, String>,
        stamp: Stamp,
    ) -> Vec<Effect> {
        let ticket = self.next_ticket();
        let has_model = self.settings.model.is_some();
        let desk = self.desk.as_mut();
        let Some(desk) = desk.filter(|d| d.hearing.is_some() && Arc::ptr_eq(d.review.dossier(), of)) else {
            return Vec::new();
        };
        desk.hearing = None;
        let waits = desk.review.work().ticket().is_some();
        let closed = desk.review.ledger().signed_off().is_some();
        match heard {
            Ok(Some(reread)) if !closed => {
                let Reread { dossier, checks } = *reread;
                desk.reread(&dossier);
                let effects = self.review(Event::Reread {
                    dossier,
                    checks,
                    ticket: has_model.then_some(ticket),
                    stamp,
                });
                self.told = Some(Told::done(self.word(Word::RecordingsHeard)));
                effects
            }
            Err(why) => {
                self.told = Some(Told::error(why));
                self.score_without(waits, stamp)
            }
            Ok(_) => self.score_without(waits, stamp),
        }
    }

    /// Asks for the scores that waited.
    fn score_without(&mut self, waits: bool, stamp: Stamp) -> Vec<Effect> {
        if !waits {
            return Vec::new();
        }
        let (ticket, dimensions) = (self.next_ticket(), Vec::new());
        self.intend(Intent::Rescore { ticket, dimensions }, stamp)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::dossier::Language;
    use crate::error::{Error, ErrorKind, Result};
    use crate::hash::ContentHash;
    use crate::ingest::{Ears, Limits, Readers, Unread, open_with};
    use crate::model::speech::audio::Sound;
    use crate::model::speech::transcript::{Transcript, Utterance, Word};
    use crate::review::{Act, Entry};
    use crate::tui::state::Message;
    use crate::tui::testing::{Stage, settings};

    /// Hears two sentences in everything, and one word badly.
    struct Good;

    impl Ears for Good {
        fn hear(&self, _: &Sound<'_>, _: ContentHash) -> std::result::Result<Transcript, Unread> {
            let word = |(word, probability): (&str, f32)| Word {
                word: word.to_owned(),
                start: 0.0,
                end: 0.0,
                probability,
            };
            let words = [("The", 0.9), (" cutover", 0.2), (" went", 0.9), (" well.", 0.9)];
            let said = |(id, text): (usize, &str)| Utterance {
                id,
                start: id as f64,
                end: id as f64 + 1.0,
                text: text.to_owned(),
                language: Language::En,
                speaker: None,
                speaker_confidence: None,
                words: words.map(word).to_vec(),
            };
            Ok(Transcript {
                language: "en".to_owned(),
                duration: 2.0,
                model: "m".to_owned(),
                segments: ["The cutover went well.", "He led it."]
                    .into_iter()
                    .enumerate()
                    .map(said)
                    .collect(),
            })
        }
    }

    fn failed(what: &str) -> Error {
        Error::new(ErrorKind::Internal, what.to_owned())
    }

    /// A dossier with a recording in front of a note, on the desk; the folder it lies in.
    fn stage() -> Result<(Stage, tempfile::TempDir)> {
        let folder = tempfile::tempdir().map_err(|e| failed("test folder").because(e))?;
        let manifest = "id = \"d\"\nrole = \"r\"\ncycle = \"c\"\nlanguage = \"en\"\n\
            subject = { id = \"s\", name = \"n\" }\n[[source]]\npath = \"talk.mp3\"\nkind = \"meeting\"\n\
            [[source]]\npath = \"note.md\"\nkind = \"peer\"\n";
        let files = [
            ("dossier.toml", manifest),
            ("talk.mp3", "sounds"),
            ("note.md", "One is here.\n\nTwo led it.\n\nThree is there.\n"),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).map_err(|e| failed(name).because(e))?;
        }
        let name = folder.path().to_string_lossy().into_owned();
        let mut stage = Stage::with(settings(Language::En)?, (140, 40), &[&name])?;
        stage.send(Message::Open(0));
        Ok((stage, folder))
    }

    /// What the dossier is when its recording was heard.
    fn reread(stage: &Stage) -> Result<Box<Reread>> {
        let readers = Readers {
            ears: &Good,
            ..Readers::HERE
        };
        let dossier = open_with(&stage.dossier()?.root, Limits::default(), readers)?;
        Ok(Box::new(Reread {
            dossier: Arc::new(dossier),
            checks: Arc::default(),
        }))
    }

    fn stops(stage: &Stage) -> usize {
        let stop = |effect: &&Effect| matches!(effect, Effect::StopHearing);
        stage.effects.iter().filter(stop).count()
    }

    #[test]
    fn scores_wait_for_what_is_said_and_the_list_shows_how_far_it_is() -> Result<()> {
        let (mut stage, _folder) = stage()?;
        let dossier = stage.dossier()?;
        let asked = |e: &Effect| matches!(e, Effect::Hear(of) if Arc::ptr_eq(of, &dossier));
        assert!(stage.effects.iter().any(asked), "{:?}", stage.effects);
        assert!(stage.asked.is_empty(), "scores without what is said");
        assert!(
            stage.screen()?.contains("waits to be heard"),
            "{}",
            stage.screen()?
        );
        let now = ("talk.mp3".to_owned(), 65, 120);
        stage.send(Message::Hearing(Arc::clone(&dossier), now));
        let screen = stage.screen()?;
        assert_eq!(screen.matches("heard 01:05 of 02:00").count(), 2, "{screen}");
        assert!(!screen.contains("waits to be heard"), "{screen}");
        stage.press("r")?;
        assert!(stage.asked.is_empty(), "asked for by hand it waits too");
        let heard = reread(&stage)?;
        stage.send(Message::Heard(dossier, Ok(Some(heard))));
        let request = stage.asked.last().ok_or_else(|| failed("no request"))?;
        assert_eq!((request.dossier.sources.len(), stage.asked.len()), (2, 1));
        assert!(!stage.app.is_hearing() && !stage.screen()?.contains("of 02:00"));
        let dossiers = stage
            .drafts
            .iter()
            .filter(|d| matches!(d.entry, Entry::Dossier(_)));
        assert_eq!(dossiers.count(), 2, "what is cited from now on is on record");
        Ok(())
    }

    #[test]
    fn the_person_stays_where_they_are_and_what_they_decided_stands() -> Result<()> {
        let (mut stage, _folder) = stage()?;
        stage.press("3 enter")?;
        stage.press("/")?;
        stage.enter("led")?;
        stage.press("enter f3 v l l")?;
        let here = |stage: &Stage| -> Result<_> {
            let desk = stage.app.desk().ok_or_else(|| failed("no desk"))?;
            let document = &desk.document;
            let source = document.source().map(|s| s.path.clone());
            let segment = document.segment().map(|s| s.text.clone());
            let verdict = desk.review.dimensions()[0].human.verdict.clone();
            let found = desk
                .find
                .as_ref()
                .and_then(|f| f.current().map(|(_, m)| m.clone()));
            let found =
                found.map(|m| desk.review.dossier().sources[m.source].shown.text()[m.span].to_owned());
            Ok((
                source,
                segment,
                document.selected(),
                verdict.map(|v| v.score),
                found,
                desk.focus,
            ))
        };
        let before = here(&stage)?;
        assert_eq!(before.1.as_deref(), Some("Two led it."));
        assert_eq!((before.3, before.4.as_deref()), (Some(3.0), Some("led")));
        let (dossier, heard) = (stage.dossier()?, reread(&stage)?);
        stage.send(Message::Heard(dossier, Ok(Some(heard))));
        assert_eq!(stage.dossier()?.sources[0].path, "talk.mp3");
        assert_eq!(here(&stage)?, before);
        stage.press("e")?;
        match stage.last_entry()? {
            Entry::Decision(decision) => {
                let Act::LinkAdded { link } = &decision.act else {
                    return Err(failed("no link"));
                };
                assert_eq!(link.place.source, "note.md");
                assert_eq!(link.place.segment.0, 4, "numbered anew");
            }
            _ => return Err(failed("no decision")),
        }
        Ok(())
    }

    #[test]
    fn a_word_that_may_be_another_is_dim() -> Result<()> {
        let (mut stage, _folder) = stage()?;
        let (dossier, heard) = (stage.dossier()?, reread(&stage)?);
        stage.send(Message::Heard(dossier, Ok(Some(heard))));
        stage.press("f2 k")?;
        let mut buffer = Buffer::empty(Rect::from(stage.app.size()));
        crate::tui::view::render(&stage.app, &mut buffer);
        let colour_of = |word: &str| {
            let row =
                |y: u16| -> String { (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect() };
            let found = |y: u16| Some((row(y).find(word)?, row(y), y));
            let (at, row, y) = (0..buffer.area.height).find_map(found)?;
            let x = row[..at].chars().count() as u16;
            buffer[(x, y)].style().fg
        };
        let dim = stage.app.settings().theme.styles.dim.fg;
        assert_eq!(colour_of("cutover"), dim, "{}", stage.screen()?);
        assert!(colour_of("went well").is_some_and(|fg| Some(fg) != dim));
        Ok(())
    }

    #[test]
    fn what_cannot_be_heard_keeps_no_score_back() -> Result<()> {
        for heard in [Ok(None), Err("a wall of noise".to_owned())] {
            let (mut stage, _folder) = stage()?;
            let dossier = stage.dossier()?;
            stage.send(Message::Heard(Arc::clone(&dossier), heard.clone()));
            assert_eq!((stage.asked.len(), stage.app.is_hearing()), (1, false));
            let told = stage.app.told().map(|t| t.text.clone());
            assert_eq!(told.is_some_and(|t| t.contains("noise")), heard.is_err());
            stage.send(Message::Heard(dossier, Ok(None)));
            assert_eq!(stage.asked.len(), 1, "said twice");
        }
        Ok(())
    }

    #[test]
    fn stopping_and_leaving_end_it() -> Result<()> {
        let (mut stage, folder) = stage()?;
        let dossier = stage.dossier()?;
        stage.press("s")?;
        assert_eq!((stops(&stage), stage.asked.len()), (1, 0));
        let heard = reread(&stage)?;
        stage.send(Message::Heard(dossier, Ok(Some(heard))));
        assert_eq!(
            stage.dossier()?.sources.len(),
            1,
            "what was stopped came all the same"
        );
        stage.press("R")?;
        assert_eq!(stage.asked.len(), 1, "the texts are scored");
        drop(folder);
        let (mut stage, _folder) = self::stage()?;
        stage.send(Message::Hangup);
        assert_eq!(stops(&stage), 1);
        Ok(())
    }

    #[test]
    fn an_auditor_changes_nothing() -> Result<()> {
        let (stage, _folder) = stage()?;
        let root = stage.dossier()?.root.to_string_lossy().into_owned();
        let settings = crate::tui::state::Settings {
            read_only: Some("an auditor".to_owned()),
            ..settings(Language::En)?
        };
        let mut auditor = Stage::with(settings, (140, 40), &[&root])?;
        auditor.send(Message::Open(0));
        assert!(!auditor.app.is_hearing());
        Ok(())
    }
}
