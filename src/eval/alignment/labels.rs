//! What people say of the claims of a self-review (`claims.toml`), set before the program is asked.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::dossier::tomlfile::TomlFile;
use crate::dossier::{Dossier, Segment, SourceKind};
use crate::error::Result;
use crate::evidence::checks::{Basis, Check, Outcome};
use crate::id::SegmentNo;
use crate::model::speech::audio::is_recording;
use crate::sanitize::line;

/// The file's name, beside `dossier.toml`.
pub const FILE: &str = "claims.toml";

/// What a person says of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// A number, or a statement.
    pub basis: Basis,
    /// Words of one sentence of the self-review, exactly.
    pub quote: String,
    /// Of a number, how it is written there.
    pub number: Option<String>,
    /// What other places say.
    pub verdict: Outcome,
    /// One place that decides it.
    pub place: Option<LabelPlace>,
    /// The sentence.
    segment: SegmentNo,
}

/// A place of another source: its exact words, or of a recording a time, since its words are as they are heard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PlaceTable")]
pub struct LabelPlace {
    /// The source's path.
    pub source: String,
    /// Where in it.
    pub at: Whereabouts,
}

/// Where in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// Where these words stand.
    Quote(String),
    /// What is said at this millisecond.
    Time(u64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceTable {
    source: String,
    quote: Option<String>,
    at: Option<String>,
}

impl TryFrom<PlaceTable> for LabelPlace {
    type Error = String;

    fn try_from(table: PlaceTable) -> Result<Self, String> {
        let at = match (table.quote, table.at) {
            (Some(quote), None) => Whereabouts::Quote(quote),
            (None, Some(at)) => {
                let ms = milliseconds(&at);
                Whereabouts::Time(ms.ok_or_else(|| format!("{at} is no time: minutes:seconds"))?)
            }
            _ => {
                return Err(
                    "a place has its words (quote = \"…\") or, in a recording, its time (at = \"1:02\")"
                        .to_owned(),
                );
            }
        };
        Ok(Self {
            source: table.source,
            at,
        })
    }
}

/// `1:02.5` in milliseconds.
fn milliseconds(clock: &str) -> Option<u64> {
    let (minutes, seconds) = clock.split_once(':')?;
    let (minutes, seconds) = (minutes.parse::<u32>().ok()?, seconds.parse::<f64>().ok()?);
    (0.0..60.0)
        .contains(&seconds)
        .then(|| u64::from(minutes) * 60_000 + (seconds * 1_000.0).round() as u64)
}

/// What the rules say of a claim beside what a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// A number, or a statement.
    pub basis: Basis,
    /// What the person says.
    pub expected: Outcome,
    /// What the rules say; a claim that they do not see is not found, and so is one that they cannot check.
    pub said: Outcome,
    /// Whether the rules name the place that the person names.
    pub names_place: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    claim: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    by: Basis,
    quote: Spanned<String>,
    number: Option<String>,
    verdict: Spanned<Outcome>,
    place: Option<LabelPlace>,
}

impl Label {
    /// Reads the labels of a dossier from the file at `path`.
    ///
    /// # Errors
    /// The file is missing or wrong, or quotes words that are not there: the message names the file, the line and the
    /// field.
    pub fn load(path: &Path, dossier: &Dossier) -> Result<Vec<Self>> {
        Self::check(&TomlFile::read(path)?, dossier)
    }

    fn check(file: &TomlFile, dossier: &Dossier) -> Result<Vec<Self>> {
        let read: File = file.parse()?;
        let label = |table: Table| {
            let at = table.quote.span().start;
            let quote = table.quote.into_inner();
            let segment = claimed(dossier, &quote)
                .ok_or_else(|| file.fault(at, "no sentence of the self-review holds these words"))?;
            if (table.by == Basis::Number) != table.number.is_some() {
                return Err(file.fault(
                    at,
                    "a number says how it is written (number = \"…\"), a statement does not",
                ));
            }
            let verdict_at = table.verdict.span().start;
            let verdict = table.verdict.into_inner();
            let decided = matches!(verdict, Outcome::Supports | Outcome::Contradicts);
            if decided != table.place.is_some() {
                let message = "what supports or contradicts names the place, and nothing else does";
                return Err(file.fault(verdict_at, message));
            }
            if let Some(why) = table.place.as_ref().and_then(|place| why_nowhere(dossier, place)) {
                return Err(file.fault(verdict_at, why));
            }
            Ok(Self {
                basis: table.by,
                quote,
                number: table.number,
                verdict,
                place: table.place,
                segment: segment.no,
            })
        };
        read.claim.into_iter().map(label).collect()
    }

    /// What the rules say of it.
    pub fn answer(&self, dossier: &Dossier, checks: &[Check]) -> Answer {
        let check = checks.iter().find(|check| self.is_of(check));
        let said = match check.map(|c| c.outcome) {
            None | Some(Outcome::NotCheckable) => Outcome::NotFound,
            Some(outcome) => outcome,
        };
        let named = self.place.as_ref().map(|place| segments(dossier, place));
        let others = check.into_iter().flat_map(|c| &c.others);
        let mut others = others.map(|o| o.place.segment);
        Answer {
            basis: self.basis,
            expected: self.verdict,
            said,
            names_place: others.any(|no| named.as_ref().is_some_and(|n| n.contains(&no))),
        }
    }

    /// Whether it speaks of the claim that `check` is about.
    fn is_of(&self, check: &Check) -> bool {
        let written =
            |number: &str| check.place.quote.contains(number) || number.contains(&check.place.quote);
        check.basis == self.basis
            && check.place.segment == self.segment
            && self.number.as_deref().is_none_or(written)
    }
}

/// The sentence of the self-review that holds `quote`.
fn claimed<'a>(dossier: &'a Dossier, quote: &str) -> Option<&'a Segment> {
    let own = dossier
        .sources
        .iter()
        .filter(|s| s.kind == SourceKind::SelfReview);
    let quote = line(quote);
    own.flat_map(|s| &s.segments)
        .find(|s| s.text.contains(quote.as_ref()))
}

/// The segments in which the words of `place` stand, or begin or end, or that are spoken then.
fn segments(dossier: &Dossier, place: &LabelPlace) -> Vec<SegmentNo> {
    let Some(source) = dossier.sources.iter().find(|s| s.path == place.source) else {
        return Vec::new();
    };
    let words = match &place.at {
        Whereabouts::Quote(quote) => source.raw.find(quote).map(|start| start..start + quote.len()),
        Whereabouts::Time(_) => None,
    };
    let touched = |segment: &&Segment| match (&place.at, &words) {
        (Whereabouts::Time(ms), _) => {
            let time = segment.anchor.time;
            time.is_some_and(|time| (time.start_ms..time.end_ms).contains(ms))
        }
        (_, Some(words)) => {
            let span = &segment.anchor.span;
            span.start < words.end && words.start < span.end
        }
        _ => false,
    };
    source.segments.iter().filter(touched).map(|s| s.no).collect()
}

/// Why `place` can be nowhere in the dossier; a recording need not have been heard.
fn why_nowhere(dossier: &Dossier, place: &LabelPlace) -> Option<&'static str> {
    match place.at {
        Whereabouts::Quote(_) => segments(dossier, place)
            .is_empty()
            .then_some("the place's words stand nowhere in its source"),
        Whereabouts::Time(_) => {
            let problems = dossier.problems.iter().map(|p| &p.path);
            let mut files = dossier.sources.iter().map(|s| &s.path).chain(problems);
            let is_there = is_recording(Path::new(&place.source)) && files.any(|path| *path == place.source);
            (!is_there).then_some("the place's source is no recording of this dossier")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::{Language, TimeSpan};
    use crate::evidence::testing;

    fn dossier() -> Dossier {
        let talk = "nice weather\nwho wants tea\nthe lift is broken\nsee you on Monday";
        let sources = [
            (
                "s.md",
                SourceKind::SelfReview,
                "Unit test coverage is 75%\nAll on time",
            ),
            ("w.md", SourceKind::Weekly, "Unit test coverage 58%"),
            ("c.txt", SourceKind::Chat, talk),
        ];
        testing::dossier(Language::En, &sources)
    }

    fn read(text: &str) -> Result<Vec<Label>> {
        Label::check(&TomlFile::new("claims.toml", text), &dossier())
    }

    const GOOD: &str = "[[claim]]\nby = \"number\"\nnumber = \"75%\"\nquote = \"is 75%\"\nverdict = \"contradicts\"\n\
        place = { source = \"w.md\", quote = \"58%\" }\n";

    #[test]
    fn a_label_is_of_the_claim_that_it_quotes() -> Result<()> {
        let dossier = dossier();
        let rubric = crate::rubric::builtin("core")?;
        let checks = crate::evidence::cross_check(&dossier, &rubric);
        let answers: Vec<Answer> = read(GOOD)?.iter().map(|l| l.answer(&dossier, &checks)).collect();
        let expected = Answer {
            basis: Basis::Number,
            expected: Outcome::Contradicts,
            said: Outcome::Contradicts,
            names_place: true,
        };
        assert_eq!(answers, [expected]);
        Ok(())
    }

    #[test]
    fn a_place_in_a_recording_is_a_time() {
        assert_eq!(milliseconds("1:02.5"), Some(62_500));
        let wrong = ["75", "0:61", "0:-1", "soon"];
        assert_eq!(wrong.map(milliseconds), [None; 4]);
        let said = |place: &str| {
            let read = read(&GOOD.replace("source = \"w.md\", quote = \"58%\"", place));
            read.err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert!(said("source = \"w.md\", at = \"soon\"").contains("soon is no time"));
        let both = said("source = \"w.md\", at = \"0:07\", quote = \"58%\"");
        assert!(both.contains("a place has its words"), "{both}");
        for source in ["w.md", "talk.mp3"] {
            let said = said(&format!("source = \"{source}\", at = \"0:07\""));
            assert!(
                said.ends_with("the place's source is no recording of this dossier"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_said_at_a_time_is_found() {
        let mut dossier = dossier();
        let mut times = [(1_000, 2_000), (2_500, 4_000)].into_iter();
        for segment in &mut dossier.sources[2].segments {
            let span = times.next();
            segment.anchor.time = span.map(|(start_ms, end_ms)| TimeSpan { start_ms, end_ms });
        }
        let found = |ms| {
            let place = LabelPlace {
                source: "c.txt".to_owned(),
                at: Whereabouts::Time(ms),
            };
            segments(&dossier, &place).len()
        };
        let moments = [999, 1_000, 1_999, 2_000, 2_500, 4_000];
        assert_eq!(moments.map(found), [0, 1, 1, 0, 1, 0]);
    }

    /// What the sample recordings' labels say holds of them, heard or not.
    #[test]
    fn the_labels_of_the_sample_recordings_can_be_met() -> Result<()> {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/recordings");
        let mut labels = 0;
        for dir in crate::ingest::find(&samples)? {
            let dossier = crate::ingest::open(&dir)?;
            labels += Label::load(&dir.join(FILE), &dossier)?.len();
        }
        assert_eq!(labels, 24);
        Ok(())
    }

    #[test]
    fn a_wrong_label_is_named_with_its_line() {
        let cases = [
            (
                GOOD.replace("is 75%", "is 76%"),
                "line 4: claim[1].quote: no sentence",
            ),
            (
                GOOD.replace("number = \"75%\"\n", ""),
                "line 3: claim[1].quote: a number says",
            ),
            (
                GOOD.replace("contradicts", "not-found"),
                "line 5: claim[1].verdict: what supports",
            ),
            (
                GOOD.replace("\"58%\"", "\"59%\""),
                "line 5: claim[1].verdict: the place's words",
            ),
        ];
        for (text, expected) in cases {
            let said = read(&text).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.starts_with(&format!("claims.toml {expected}")), "{said}");
        }
    }
}
