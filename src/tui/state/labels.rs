//! Names of things as the screen calls them.

use super::App;
use crate::dossier::{SourceKind, TimeSpan};
use crate::evidence::Place;
use crate::id::DimensionId;
use crate::tui::words::Word;

impl App {
    /// A text of the interface.
    pub fn word(&self, word: Word) -> &'static str {
        word.text(self.settings.language)
    }

    /// A text of the interface with its places filled.
    pub fn fill(&self, word: Word, values: &[(&str, &str)]) -> String {
        word.fill(self.settings.language, values)
    }

    /// A label and what belongs to it.
    pub fn labelled(&self, label: &str, text: &str) -> String {
        self.fill(Word::Labelled, &[("label", label), ("text", text)])
    }

    /// How many minutes of a recording were heard.
    pub fn heard_of(&self, done: usize, total: usize) -> String {
        let clock = |seconds: usize| {
            let start_ms = seconds as u64 * 1000;
            let end_ms = start_ms;
            TimeSpan { start_ms, end_ms }.clock()
        };
        self.fill(Word::HeardOf, &[("done", &clock(done)), ("total", &clock(total))])
    }

    /// A dimension's short name.
    pub fn dimension_name<'a>(&'a self, id: &'a DimensionId) -> &'a str {
        self.settings
            .rubric
            .dimension(id)
            .map_or(id.as_str(), |d| d.name.get(self.settings.language))
    }

    /// What an adapter is called; one without a name is the model by itself.
    pub fn adapter_name(&self, name: &str) -> String {
        if name.is_empty() {
            self.word(Word::AdapterBase).to_owned()
        } else {
            crate::sanitize::line(name).into_owned()
        }
    }

    /// Where a place is, as a person would say it: `Weekly 12:34` by line, `Stand-up 14:05` by time.
    pub fn place_label(&self, place: &Place) -> String {
        let sources = self.desk.as_ref().map(|d| d.review.dossier());
        let title = sources
            .and_then(|d| d.sources.iter().find(|s| s.hash == place.sha256))
            .map_or(place.source.as_str(), |s| s.title.as_str());
        format!("{title} {}", where_in(place))
    }
}

/// The page, slide or cells of a place, else its time, else its line.
pub fn where_in(place: &Place) -> String {
    match (&place.spot, place.time) {
        (Some(spot), _) => spot.to_string(),
        (None, Some(time)) => time.clock(),
        (None, None) => format!("L{}", place.line),
    }
}

/// What to call a kind of source.
pub fn kind_word(kind: SourceKind) -> Word {
    match kind {
        SourceKind::Weekly => Word::KindWeekly,
        SourceKind::Project => Word::KindProject,
        SourceKind::SelfReview => Word::KindSelfReview,
        SourceKind::Peer => Word::KindPeer,
        SourceKind::Chat => Word::KindChat,
        SourceKind::Okr => Word::KindOkr,
        SourceKind::Meeting => Word::KindMeeting,
        SourceKind::Other => Word::KindOther,
    }
}
