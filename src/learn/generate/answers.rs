//! What a careful reviewer says of the people that are written out whole: why each level, and what to do next.
//!
//! One file a person in `answers/`, one table a dimension, in the language of the dossier. No text names anybody: in what
//! the model reads, names are hidden.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::DimensionId;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/learn/generate/answers");

/// What is said of one dimension.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Why.
    pub rationale: String,
    /// What to do next.
    pub suggestion: String,
}

/// What is said of the person in the file `name`, without its ending.
///
/// # Errors
/// There is no such file, or it is not of the layout.
pub fn answers(name: &str) -> Result<BTreeMap<DimensionId, Words>> {
    let file = format!("{name}.toml");
    let text = FOLDER.get_file(&file).and_then(|file| file.contents_utf8());
    let text = text.ok_or_else(|| Error::new(ErrorKind::Internal, format!("answers/{file} is missing")))?;
    toml::from_str(text).map_err(|fault| Error::toml(&format!("answers/{file}"), text, &fault))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::grammar::{MAX_RATIONALE, MAX_SUGGESTION};
    use crate::learn::generate::Split;
    use crate::learn::generate::labelled::people;

    /// As long as an answer may be, about what stands in the dossier, and of nobody by name.
    #[test]
    fn every_person_is_answered_in_every_dimension() -> Result<()> {
        let core = crate::rubric::builtin("core")?;
        let mut seen = BTreeSet::new();
        for person in people(Split::Train)?.into_iter().chain(people(Split::HeldOut)?) {
            let name = person.name();
            let said = answers(name)?;
            let dossier = person.dossier()?;
            let titles = dossier.sources.iter().map(|source| source.title.clone());
            let lines = dossier.segments().map(|segment| segment.text.clone());
            let text: String = titles.chain(lines).collect();
            for dimension in &core.dimensions {
                let at = format!("{name} {}", dimension.id);
                let words = said.get(&dimension.id);
                let words = words.ok_or_else(|| Error::new(ErrorKind::Internal, at.clone()))?;
                for (said, most) in [
                    (&words.rationale, MAX_RATIONALE),
                    (&words.suggestion, MAX_SUGGESTION),
                ] {
                    assert!((8..=most).contains(&said.chars().count()), "{at}: {said}");
                    assert!(seen.insert(said.clone()), "{at} is said twice: {said}");
                    let numbers = said.split(|c: char| !c.is_ascii_digit()).filter(|n| n.len() > 1);
                    for number in numbers {
                        assert!(text.contains(number), "{at}: {number} in {said}");
                    }
                }
            }
            assert_eq!(said.len(), core.dimensions.len(), "{name}");
        }
        Ok(())
    }
}
