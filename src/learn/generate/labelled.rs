//! Dossiers of made-up people of which it is known what each line shows.
//!
//! Those in `people/train` and `people/heldout` are written out whole: reports, chats, meetings and what colleagues say, as real ones read, where many
//! lines bear on nothing. A file begins with a head in TOML between two lines of `+++`: `name`, `role`, `people` (whose
//! names occur) and `[levels]`. Then come its sources: a line `== kind | date | title`, and below it one line for
//! each thing said. What a line shows stands at its end in brackets: `[quality 4*; ownership 3]`, the star where a
//! careful reviewer would cite it.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use jiff::civil::Date;
use serde::Deserialize;

use super::Split;
use crate::dossier::manifest::SourceEntry;
use crate::dossier::{Dossier, DossierMeta, Language, SourceKind, Subject};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DimensionId, DossierId, SubjectId};
use crate::ingest;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/learn/generate/people");

/// A dossier with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Who it is about; the id says that nobody is meant.
    pub meta: DossierMeta,
    /// The level of each dimension, 1 to 5 in halves.
    pub levels: BTreeMap<DimensionId, f64>,
    /// What was left behind.
    pub sources: Vec<LabelledSource>,
}

/// One source of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSource {
    kind: SourceKind,
    date: Date,
    title: String,
    /// One for each thing said.
    pub lines: Vec<Line>,
}

/// A line of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Without its labels.
    pub text: String,
    /// Nothing, for most.
    pub shows: Vec<Shows>,
}

/// What a line shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shows {
    /// Of which dimension.
    pub dimension: DimensionId,
    /// Which level, 1 to 5, by itself.
    pub level: u8,
    /// Whether it is what one would cite.
    pub key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    role: String,
    people: Vec<String>,
    levels: BTreeMap<DimensionId, f64>,
}

/// The dossiers of a split, by name.
///
/// # Errors
/// A file is not of the layout: it is named, with the line.
pub fn people(split: Split) -> Result<Vec<Labelled>> {
    let folder = match split {
        Split::Train => "train",
        Split::HeldOut => "heldout",
    };
    let mut files: Vec<_> = FOLDER.get_dir(folder).into_iter().flat_map(Dir::files).collect();
    files.sort_by_key(|file| file.path());
    files
        .into_iter()
        .map(|file| {
            let name = file.path().file_stem().unwrap_or_default().to_string_lossy();
            Labelled::read(&name, file.contents_utf8().unwrap_or_default())
        })
        .collect()
}

impl Labelled {
    /// Reads the file `name`; its first letters are the language.
    fn read(name: &str, text: &str) -> Result<Self> {
        let fail = |what: String| Error::new(ErrorKind::Input, format!("{name}.md: {what}"));
        let (_, rest) = text
            .split_once("+++\n")
            .ok_or_else(|| fail("no head".to_owned()))?;
        let (head, body) = rest
            .split_once("\n+++\n")
            .ok_or_else(|| fail("the head has no end".to_owned()))?;
        let head: Head =
            toml::from_str(head).map_err(|fault| Error::toml(&format!("{name}.md"), head, &fault))?;
        let before = text.len() - body.len();
        let first = text[..before].lines().count() + 1;
        let mut sources: Vec<LabelledSource> = Vec::new();
        for (n, line) in (first..)
            .zip(body.lines())
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let at = |what: &str| fail(format!("line {n}: {what}"));
            if let Some(heading) = line.strip_prefix("== ") {
                let source =
                    heading_of(heading).ok_or_else(|| at("a source begins with `== kind | date | title`"))?;
                sources.push(source);
            } else {
                let line = Line::read(line).ok_or_else(|| at("labels are `[dimension level*; ...]`"))?;
                let source = sources
                    .last_mut()
                    .ok_or_else(|| at("stands before the first source"))?;
                source.lines.push(line);
            }
        }
        let language = if name.starts_with("zh") {
            Language::Zh
        } else {
            Language::En
        };
        let id = format!("synthetic-{name}");
        Ok(Self {
            meta: DossierMeta {
                id: DossierId::new(id.as_str()),
                subject: Subject {
                    id: SubjectId::new(id.as_str()),
                    name: head.name,
                },
                role: head.role,
                level: None,
                cycle: "2026H1".to_owned(),
                language,
                people: head.people,
                earlier: Vec::new(),
            },
            levels: head.levels,
            sources,
        })
    }

    /// The same with one more source behind the others, which says one thing.
    #[must_use]
    pub fn with(mut self, kind: SourceKind, title: &str, line: &str) -> Self {
        let last = self.sources.iter().map(|source| source.date).max();
        self.sources.push(LabelledSource {
            kind,
            date: last.unwrap_or_default(),
            title: title.to_owned(),
            lines: vec![Line {
                text: line.to_owned(),
                shows: Vec::new(),
            }],
        });
        self
    }

    /// The name of its file, without the ending.
    pub fn name(&self) -> &str {
        let id = self.meta.id.as_str();
        id.strip_prefix("synthetic-").unwrap_or(id)
    }

    /// As the program reads anybody's.
    ///
    /// # Errors
    /// A source holds nothing that could be cited.
    pub fn dossier(&self) -> Result<Dossier> {
        let texts: Vec<(SourceEntry, String)> = (1..)
            .zip(&self.sources)
            .map(|(n, source)| (source.entry(n), source.text()))
            .collect();
        ingest::of_texts(self.meta.clone(), &texts)
    }

    /// What each segment of [`Labelled::dossier`] shows, in order: what the line shows that it begins in.
    pub fn shown<'a>(&'a self, dossier: &Dossier) -> Vec<&'a [Shows]> {
        let mut shown = Vec::new();
        for (labelled, read) in self.sources.iter().zip(&dossier.sources) {
            let mut ends = Vec::new();
            let mut end = 0;
            for line in &labelled.lines {
                end += line.text.len() + 1;
                ends.push(end);
            }
            for segment in &read.segments {
                let line = ends.partition_point(|end| *end <= segment.anchor.span.start);
                shown.push(labelled.lines.get(line).map_or(&[][..], |line| &line.shows));
            }
        }
        shown
    }
}

impl LabelledSource {
    fn entry(&self, number: usize) -> SourceEntry {
        SourceEntry {
            path: format!("{number}.txt"),
            kind: self.kind,
            date: Some(self.date),
            title: Some(self.title.clone()),
        }
    }

    fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }
}

fn heading_of(heading: &str) -> Option<LabelledSource> {
    let mut parts = heading.splitn(3, '|').map(str::trim);
    let kind = match parts.next()? {
        "mail" => SourceKind::Other,
        kind => serde_json::from_value(kind.into()).ok()?,
    };
    Some(LabelledSource {
        kind,
        date: parts.next()?.parse().ok()?,
        title: parts.next()?.to_owned(),
        lines: Vec::new(),
    })
}

impl Line {
    /// None where something in brackets at the end looks like a label and is not; `[图片]` does not.
    fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        let labelled = line.strip_suffix(']').and_then(|line| line.rsplit_once('['));
        let labelled = labelled.filter(|(_, labels)| labels.starts_with(|c: char| c.is_ascii_lowercase()));
        let Some((text, labels)) = labelled else {
            return Some(Self {
                text: line.to_owned(),
                shows: Vec::new(),
            });
        };
        let shows: Option<Vec<Shows>> = labels.split(';').map(|label| Shows::read(label.trim())).collect();
        Some(Self {
            text: text.trim_end().to_owned(),
            shows: shows?,
        })
    }
}

impl Shows {
    fn read(label: &str) -> Option<Self> {
        let (dimension, level) = label.split_once(' ')?;
        let (level, key) = match level.strip_suffix('*') {
            Some(level) => (level, true),
            None => (level, false),
        };
        let level = level.parse().ok().filter(|level| (1..=5).contains(level))?;
        Some(Self {
            dimension: dimension.into(),
            level,
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TEXT: &str = "+++\nname = \"Ada Wolf\"\nrole = \"Baker\"\npeople = []\n[levels]\nquality = 4.5\n+++\n\n\
        == weekly | 2026-03-13 | Week 11\nThe oven was cold. Nobody had lit it.  [quality 2*; ownership 1]\n\
        Flour came.\n\n== mail | 2026-03-14 | Rye\nAda: done [sic]\n";

    #[test]
    fn a_line_shows_what_stands_behind_it() -> Result<()> {
        let fault = Labelled::read("en-x", TEXT).expect_err("`sic` is no label");
        assert_eq!(
            fault.message(),
            "en-x.md: line 14: labels are `[dimension level*; ...]`"
        );
        let ada = Labelled::read("en-x", &TEXT.replace(" [sic]", ""))?;
        let dossier = ada.dossier()?;
        let shown = ada.shown(&dossier);
        let texts: Vec<&str> = dossier.segments().map(|s| s.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "The oven was cold.",
                "Nobody had lit it.",
                "Flour came.",
                "Ada: done"
            ]
        );
        let said: Vec<usize> = shown.iter().map(|shows| shows.len()).collect();
        assert_eq!(said, [2, 2, 0, 0]);
        let quality = Shows {
            dimension: "quality".into(),
            level: 2,
            key: true,
        };
        assert_eq!(shown[1][0], quality);
        Ok(())
    }

    /// So that a fit to some says something of the others: the levels of a dimension tell nothing of another's.
    #[test]
    fn every_person_is_labelled_in_every_dimension() -> Result<()> {
        let core = crate::rubric::builtin("core")?;
        let mut names = BTreeSet::new();
        for split in [Split::Train, Split::HeldOut] {
            for person in people(split)? {
                assert!(
                    names.insert(person.meta.subject.name.clone()),
                    "{}",
                    person.meta.id
                );
                let lines = person.sources.iter().flat_map(|source| &source.lines);
                let shown: Vec<&Shows> = lines.flat_map(|line| &line.shows).collect();
                assert!(person.dossier()?.segments().count() >= 60, "{}", person.meta.id);
                for dimension in &core.dimensions {
                    let own: Vec<_> = shown.iter().filter(|s| s.dimension == dimension.id).collect();
                    let keys = own.iter().filter(|s| s.key).count();
                    assert!(own.len() > 3 && keys > 1, "{} {}", person.meta.id, dimension.id);
                    let level = person.levels[&dimension.id];
                    let mean = own.iter().map(|s| f64::from(s.level)).sum::<f64>() / own.len() as f64;
                    assert!((mean - level).abs() < 1.0, "{} {}", person.meta.id, dimension.id);
                }
                assert_eq!(person.levels.len(), core.dimensions.len());
            }
        }
        Ok(())
    }
}
