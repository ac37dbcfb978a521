//! Template families: one TOML a family, each a way to put one kind of task into words. A new file in `templates/` is a
//! new family; the tests render every one.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::{Deserialize, Serialize};

use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/learn/templates");

/// What a sample teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Find the lines that bear on a dimension.
    Extraction,
    /// Rate a dimension, with evidence and reasons.
    Scoring,
    /// Put several people in order.
    Ordering,
    /// Say which of two people shows more.
    Comparison,
    /// Say why a level is right.
    Rationale,
    /// Say what to do next.
    Suggestion,
    /// Say whether the material bears out a claim.
    Contradiction,
    /// Count what a speaker says.
    Transcript,
    /// Read a cell.
    Table,
    /// Say that there is no evidence: asked as a scoring is, so that nothing in the question tells.
    Refusal,
    /// Say at which level somebody stands, why, and what to do next, on lines that were picked beforehand: in the product's
    /// own words, not a family's.
    Review,
}

impl Kind {
    /// All that made-up people are asked.
    pub const ALL: [Self; 10] = [
        Self::Extraction,
        Self::Scoring,
        Self::Ordering,
        Self::Comparison,
        Self::Rationale,
        Self::Suggestion,
        Self::Contradiction,
        Self::Transcript,
        Self::Table,
        Self::Refusal,
    ];

    /// Whether it is put into words by the families of scoring.
    pub fn asks_for_a_level(self) -> bool {
        matches!(self, Self::Scoring | Self::Refusal)
    }
}

/// One way to put a kind of task into words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What it teaches.
    pub kind: Kind,
    /// The language of question and answer.
    pub language: Language,
    system: String,
    user: String,
    answer: String,
}

/// A question and its answer in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worded {
    /// Which family.
    pub family: String,
    /// The system's message.
    pub system: String,
    /// The user's message.
    pub user: String,
    /// What is to be answered.
    pub answer: String,
}

/// All families, ready to render.
pub struct Families {
    environment: Environment<'static>,
    by_kind: BTreeMap<(Kind, &'static str), Vec<Family>>,
}

impl Families {
    /// Those that come with the program.
    ///
    /// # Errors
    /// A file is not of the layout, or a template does not parse: it is named.
    pub fn load() -> Result<Self> {
        let mut environment = environment();
        let mut by_kind: BTreeMap<_, Vec<Family>> = BTreeMap::new();
        for file in FILES.files() {
            let name = file
                .path()
                .file_stem()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            let text = file.contents_utf8().unwrap_or_default();
            let origin = format!("templates/{name}.toml");
            let mut family: Family =
                toml::from_str(text).map_err(|fault| Error::toml(&origin, text, &fault))?;
            name.clone_into(&mut family.name);
            for (part, source) in family.parts() {
                environment
                    .add_template_owned(format!("{name}.{part}"), source.clone())
                    .map_err(|e| Error::new(ErrorKind::Internal, format!("{origin}, {part}")).because(e))?;
            }
            let key = (family.kind, family.language.code());
            by_kind.entry(key).or_default().push(family);
        }
        Ok(Self { environment, by_kind })
    }

    /// The families of a kind in a language, by name.
    pub fn of(&self, kind: Kind, language: Language) -> &[Family] {
        self.by_kind
            .get(&(kind, language.code()))
            .map_or(&[], Vec::as_slice)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_kind.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `values` into the words of `family`.
    ///
    /// # Errors
    /// The template asks for something that is not among them.
    pub fn render(&self, family: &Family, values: &Value) -> Result<Worded> {
        let part = |part: &str| {
            let name = format!("{}.{part}", family.name);
            let broken = |e| Error::new(ErrorKind::Internal, format!("template family {name}")).because(e);
            let template = self.environment.get_template(&name).map_err(broken)?;
            let text = template.render(values).map_err(broken)?;
            Ok::<_, Error>(text.trim().to_owned())
        };
        Ok(Worded {
            family: family.name.clone(),
            system: part("system")?,
            user: part("user")?,
            answer: part("answer")?,
        })
    }
}

impl Family {
    fn parts(&self) -> [(&'static str, &String); 3] {
        [
            ("system", &self.system),
            ("user", &self.user),
            ("answer", &self.answer),
        ]
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The engine's own writes what stands in HTML otherwise as escapes, which nobody should learn to say.
    environment.add_filter("tojson", |value: Value| {
        let bad = |e: serde_json::Error| {
            minijinja::Error::new(minijinja::ErrorKind::BadSerialization, e.to_string())
        };
        serde_json::to_string(&value).map_err(bad)
    });
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_written_as_the_product_writes_them() -> Result<()> {
        let mut environment = environment();
        let broken = |e| Error::new(ErrorKind::Internal, "a template").because(e);
        environment
            .add_template("answer", "{{ text | tojson }}")
            .map_err(broken)?;
        let template = environment.get_template("answer").map_err(broken)?;
        let text = template
            .render(minijinja::context! { text => "it's <b>" })
            .map_err(broken)?;
        assert_eq!(text, "\"it's <b>\"");
        Ok(())
    }

    #[test]
    fn there_are_at_least_forty_and_each_stands_under_its_name() -> Result<()> {
        let families = Families::load()?;
        assert!(families.len() >= 40, "{}", families.len());
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Refusal) {
            for language in [Language::Zh, Language::En] {
                let of = families.of(kind, language);
                assert!(of.len() >= 2, "{kind:?} {language:?}");
                for family in of {
                    let kind = serde_json::to_value(kind).unwrap_or_default();
                    let begin = format!("{}.{}.", kind.as_str().unwrap_or_default(), language.code());
                    assert!(family.name.starts_with(&begin), "{} {begin}", family.name);
                }
            }
        }
        Ok(())
    }
}
