//! The layout of `dossier.toml`: who is reviewed, and which files speak of it.
//!
//! `[speakers]` says who speaks in a recording whose speakers were only told apart, or goes by another name in a transcript:
//! people write it, the program never does. It names a file in an archive by its own path, or all chats and transcripts in
//! one by the archive's; whether there is such a file is seen when the archive is read. Names are made safe to show while they
//! are read. Paths stay as they are, so one with hidden characters is refused, and so is one that leaves the folder; only
//! `earlier` may point beside it. Whether a path leads out of the folder through a symbolic link is seen when the file is read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::tomlfile::TomlFile;
use super::{DossierMeta, EarlierCycle, Language, SourceKind, Subject};
use crate::error::{Error, Result};
use crate::id::{DossierId, SubjectId};
use crate::sanitize::{Visible, line};

/// The file that makes a folder a dossier.
pub const FILE: &str = "dossier.toml";
/// Longer names break every table on the screen.
const MAX_ID_CHARACTERS: usize = 64;

/// A `dossier.toml`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Who is reviewed, when, and in which language.
    pub meta: DossierMeta,
    /// The files, at least one, in the order their segments are numbered.
    pub sources: Vec<SourceEntry>,
    /// Who speaks in a source, or in a file of an archive, by its path as [`plain`] writes it.
    pub speakers: BTreeMap<PathBuf, Vec<Named>>,
}

/// What a file or the program calls somebody who speaks, and their name (both sanitised).
pub type Named = (String, String);

/// One `[[source]]` of a `dossier.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Relative to the folder, inside it, without hidden characters.
    pub path: String,
    /// What the file is about.
    pub kind: SourceKind,
    /// The day it speaks of.
    pub date: Option<Date>,
    /// What to call it on screen (sanitised).
    pub title: Option<String>,
}

/// What a file calls its speakers, and who they are.
type SpeakersTable = BTreeMap<Spanned<String>, Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Spanned<String>,
    subject: SubjectTable,
    role: Spanned<String>,
    level: Option<Spanned<String>>,
    cycle: Spanned<String>,
    language: Language,
    #[serde(default)]
    people: Vec<Spanned<String>>,
    #[serde(default)]
    source: Vec<SourceTable>,
    #[serde(default)]
    earlier: Vec<EarlierTable>,
    /// By the path of a source, or of a file in an archive.
    #[serde(default)]
    speakers: BTreeMap<Spanned<String>, SpeakersTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectTable {
    id: Spanned<String>,
    name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    path: Spanned<String>,
    kind: SourceKind,
    date: Option<Spanned<Datetime>>,
    title: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlierTable {
    cycle: Spanned<String>,
    path: Spanned<String>,
}

impl Manifest {
    /// Reads the `dossier.toml` of a folder.
    ///
    /// # Errors
    /// The file is missing, or wrong: the message names the file, the line and the field.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::check(&TomlFile::read(&dir.join(FILE))?)
    }

    /// Reads the text of a `dossier.toml`; `name` is what to call it in errors.
    ///
    /// # Errors
    /// The first fault, with its line and field.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::check(&TomlFile::new(line(name), text))
    }

    fn check(file: &TomlFile) -> Result<Self> {
        let read: File = file.parse()?;
        let checker = Checker { file };
        if read.source.is_empty() {
            return Err(file
                .whole("lists no sources")
                .hint("add a [[source]] table with path and kind for each file"));
        }
        checker.unique_paths(&read.source)?;
        let mut manifest = Self {
            meta: checker.meta(&read)?,
            sources: read
                .source
                .iter()
                .map(|s| checker.source(s))
                .collect::<Result<_>>()?,
            speakers: BTreeMap::new(),
        };
        for (path, names) in &read.speakers {
            let named = checker.speakers(names, &manifest.meta.subject)?;
            let own = plain(path.get_ref());
            let holds = |entry: &SourceEntry| {
                let path = plain(&entry.path);
                own == path || is_archive(&entry.path) && own.starts_with(path)
            };
            if !manifest.sources.iter().any(holds) {
                let hint =
                    "write the path as in its [[source]] table, of a file in an archive with that in front";
                return Err(checker.fault(path, "is none of the sources").hint(hint));
            }
            manifest.speakers.entry(own).or_default().extend(named);
        }
        Ok(manifest)
    }
}

/// The extension of archives, each file of which is a source of its own.
pub const ARCHIVE: &str = "zip";

/// Whether the file at `path` is an archive, by its name.
pub fn is_archive(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case(ARCHIVE))
}

/// A path without `./`.
pub fn plain(path: &str) -> PathBuf {
    let steps = Path::new(path).components();
    steps.filter(|c| *c != Component::CurDir).collect()
}

struct Checker<'a> {
    file: &'a TomlFile,
}

impl Checker<'_> {
    fn fault(&self, at: &Spanned<String>, message: &str) -> Error {
        self.file.fault(at.span().start, message)
    }

    fn meta(&self, read: &File) -> Result<DossierMeta> {
        Ok(DossierMeta {
            id: DossierId::new(self.id(&read.id)?),
            subject: Subject {
                id: SubjectId::new(self.id(&read.subject.id)?),
                name: self.text(&read.subject.name)?,
            },
            role: self.text(&read.role)?,
            level: read.level.as_ref().map(|l| self.text(l)).transpose()?,
            cycle: self.text(&read.cycle)?,
            language: read.language,
            people: read.people.iter().map(|p| self.text(p)).collect::<Result<_>>()?,
            earlier: read
                .earlier
                .iter()
                .map(|e| self.earlier(e))
                .collect::<Result<_>>()?,
        })
    }

    fn source(&self, read: &SourceTable) -> Result<SourceEntry> {
        let path = self.path(&read.path)?;
        let leaves = |c: Component<'_>| !matches!(c, Component::Normal(_) | Component::CurDir);
        if Path::new(&path).components().any(leaves) {
            return Err(self.fault(&read.path, "must lie inside the dossier: no leading / and no .."));
        }
        Ok(SourceEntry {
            path,
            kind: read.kind,
            date: read.date.as_ref().map(|d| self.date(d)).transpose()?,
            title: read.title.as_ref().map(|t| self.text(t)).transpose()?,
        })
    }

    /// The speakers of one file. Whoever is called by the employee's id is the employee.
    fn speakers(&self, read: &SpeakersTable, subject: &Subject) -> Result<Vec<Named>> {
        let named = read.iter().map(|(label, name)| {
            let (label, name) = (self.text(label)?, self.text(name)?);
            let employee = name == subject.id.as_str();
            Ok((label, if employee { subject.name.clone() } else { name }))
        });
        named.collect()
    }

    fn earlier(&self, read: &EarlierTable) -> Result<EarlierCycle> {
        Ok(EarlierCycle {
            cycle: self.text(&read.cycle)?,
            path: self.path(&read.path)?,
        })
    }

    /// A name that can stand in a file name, a URL and a table.
    fn id(&self, value: &Spanned<String>) -> Result<String> {
        let id = value.get_ref();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let length = id.chars().count();
        if id.starts_with(['.', '-']) || !id.chars().all(fits) || !(1..=MAX_ID_CHARACTERS).contains(&length) {
            let message = "an id is 1 to 64 letters, digits, - _ and ., and begins with a letter or digit";
            return Err(self.fault(value, message));
        }
        Ok(id.clone())
    }

    /// Words for the screen.
    fn text(&self, value: &Spanned<String>) -> Result<String> {
        let shown = line(value.get_ref());
        match shown.trim() {
            "" => Err(self.fault(value, "is empty")),
            text => Ok(text.to_owned()),
        }
    }

    fn path(&self, value: &Spanned<String>) -> Result<String> {
        let path = value.get_ref();
        if path.trim().is_empty() {
            return Err(self.fault(value, "is empty"));
        }
        if path.contains(['\n', '\t']) || !Visible::of(path).is_clean() {
            return Err(self.fault(value, "has hidden characters").hint("rename the file"));
        }
        Ok(path.clone())
    }

    fn date(&self, value: &Spanned<Datetime>) -> Result<Date> {
        let read = value.get_ref().date.and_then(|d| {
            let (year, month, day) = (i16::try_from(d.year).ok()?, d.month as i8, d.day as i8);
            Date::new(year, month, day).ok()
        });
        read.ok_or_else(|| {
            self.file
                .fault(value.span().start, "is no date such as 2026-03-20")
        })
    }

    fn unique_paths(&self, sources: &[SourceTable]) -> Result<()> {
        let mut seen = HashMap::new();
        for (i, source) in sources.iter().enumerate() {
            if let Some(first) = seen.insert(plain(source.path.get_ref()), i + 1) {
                let message = format!("is already source[{first}]");
                return Err(self.fault(&source.path, &message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "zh-a-2026h1"
subject = { id = "E117", name = "李雷" }
role = "后端工程师"
level = "P6"
cycle = "2026H1"
language = "zh"

[[source]]
path = "weekly.md"
kind = "weekly"
date = 2026-03-20
title = "周报"

[[source]]
path = "sub/chat.jsonl"
kind = "self-review"

[[source]]
path = "papers.zip"
kind = "other"

[[earlier]]
cycle = "2025H2"
path = "../zh-a-2025h2"

[speakers]
"./weekly.md" = { "Speaker 1" = "E117", "Speaker 2" = "韩梅梅" }
"papers.zip/a/talk.m4a" = { A = "李雷" }
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        match Manifest::parse("d/dossier.toml", &GOOD.replacen(from, to, 1)) {
            Ok(_) => "accepted".to_owned(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn a_complete_manifest_is_read() -> Result<()> {
        let read = Manifest::parse("dossier.toml", GOOD)?;
        assert_eq!(read.meta.id.as_str(), "zh-a-2026h1");
        assert_eq!(read.meta.subject.name, "李雷");
        assert_eq!(read.meta.level.as_deref(), Some("P6"));
        assert_eq!(read.meta.earlier[0].path, "../zh-a-2025h2");
        assert_eq!(read.sources[0].date, Date::new(2026, 3, 20).ok());
        assert_eq!(read.sources[0].title.as_deref(), Some("周报"));
        assert_eq!(read.sources[1].kind, SourceKind::SelfReview);
        assert_eq!(read.sources[1].date, None);
        let speakers = |path: &str| -> Vec<(&str, &str)> {
            let named = read.speakers.get(Path::new(path)).into_iter().flatten();
            named
                .map(|(label, name)| (label.as_str(), name.as_str()))
                .collect()
        };
        assert_eq!(
            speakers("weekly.md"),
            [("Speaker 1", "李雷"), ("Speaker 2", "韩梅梅")],
            "an employee's id is their name"
        );
        assert_eq!(speakers("papers.zip/a/talk.m4a"), [("A", "李雷")]);
        assert_eq!(read.speakers.len(), 2);
        Ok(())
    }

    #[test]
    fn every_fault_names_file_line_and_field() {
        let cases = [
            (
                "\"weekly\"",
                "\"wekly\"",
                "line 11: source[1].kind: unknown variant `wekly`",
            ),
            ("\"P6\"", "6", "line 5: level: invalid type: integer `6`"),
            ("\"zh-a-2026h1\"", "\"../x\"", "line 2: id: an id is 1 to 64"),
            ("\"E117\"", "\"\"", "line 3: subject.id: an id is 1 to 64"),
            ("\"李雷\"", "\" \"", "line 3: subject.name: is empty"),
            ("\"zh\"", "\"fr\"", "line 7: language: unknown variant `fr`"),
            (
                "path = \"weekly.md\"",
                "",
                "line 9: source[1]: missing field `path`",
            ),
            (
                "title =",
                "titel =",
                "line 13: source[1].titel: unknown field `titel`",
            ),
            (
                "weekly.md",
                "/etc/passwd",
                "line 10: source[1].path: must lie inside",
            ),
            (
                "sub/chat.jsonl",
                "a/../../x",
                "line 16: source[2].path: must lie inside",
            ),
            (
                "sub/chat.jsonl",
                "./weekly.md",
                "line 16: source[2].path: is already source[1]",
            ),
            (
                "weekly.md",
                "w\u{202e}dm.md",
                "line 10: source[1].path: has hidden characters",
            ),
            ("2026-03-20", "12:00:00", "line 12: source[1].date: is no date"),
            (
                "./weekly.md",
                "talk.m4a",
                "line 28: speakers.talk.m4a: is none of the sources",
            ),
            (
                "./weekly.md",
                "weekly.md/talk.m4a",
                "line 28: speakers.weekly.md/talk.m4a: is none of the sources",
            ),
            (
                "papers.zip/a",
                "papers.zipped/a",
                "line 29: speakers.papers.zipped/a/talk.m4a: is none of the sources",
            ),
            (
                "\"韩梅梅\"",
                "\" \"",
                "line 28: speakers../weekly.md.Speaker 2: is empty",
            ),
            (
                "\"韩梅梅\"",
                "2",
                "line 28: speakers../weekly.md.Speaker 2: invalid type: integer `2`",
            ),
            ("cycle = \"2026H1\"", "cycle = ", "line 6"),
        ];
        for (from, to, expected) in cases {
            let message = error(from, to);
            let full = format!("d/dossier.toml {expected}");
            assert!(message.starts_with(&full), "{from} -> {to}: {message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_manifest_without_sources_says_so() {
        let head = GOOD.split("[[source]]").next().unwrap_or_default();
        let error = Manifest::parse("dossier.toml", head).err();
        let message = error.as_ref().map(ToString::to_string);
        assert_eq!(message.as_deref(), Some("dossier.toml: lists no sources"));
        assert_eq!(error.map(|e| e.hints().len()), Some(1));
    }

    #[test]
    fn names_are_made_safe_to_show() -> Result<()> {
        let read = Manifest::parse("dossier.toml", &GOOD.replace("周报", r"周\u001b报"))?;
        assert_eq!(read.sources[0].title.as_deref(), Some("周␛报"));
        Ok(())
    }
}
