//! The rubrics that come with the program, compiled in.

use super::Rubric;
use crate::error::{Error, ErrorKind, Result};

const FILES: [(&str, &str); 4] = [
    ("core", include_str!("../../rubrics/core.toml")),
    ("engineering", include_str!("../../rubrics/engineering.toml")),
    ("sales", include_str!("../../rubrics/sales.toml")),
    ("writing", include_str!("../../rubrics/writing.toml")),
];

/// The names of the rubrics that come with the program, the default one first.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The rubric that comes with the program under this name.
///
/// # Errors
/// A name that none of them has.
pub fn builtin(name: &str) -> Result<Rubric> {
    let Some((_, text)) = FILES.iter().find(|(n, _)| *n == name) else {
        let known = FILES.map(|(n, _)| n).join(", ");
        return Err(Error::new(ErrorKind::Usage, format!("no rubric called {name:?}"))
            .hint(format!("one of {known}, or the path of a rubric file")));
    };
    Ok(Rubric::parse(&format!("rubrics/{name}.toml"), text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_valid_and_called_as_its_file() -> Result<()> {
        for name in names() {
            let rubric = builtin(name)?;
            assert_eq!(rubric.id.as_str(), name);
            let dimensions = if name == "writing" { 6 } else { 8 };
            assert_eq!(rubric.dimensions.len(), dimensions, "{name}");
        }
        Ok(())
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = builtin("cores")
            .err()
            .map(|e| (e.exit_code(), e.hints().to_vec()));
        let hint = "one of core, engineering, sales, writing, or the path of a rubric file";
        assert_eq!(error, Some((2, vec![hint.to_owned()])));
    }
}
