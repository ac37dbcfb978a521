//! What a manifest must be beyond its shape: names that are only names, and enough to tell a right file from a wrong one.

use super::{Family, FileSource, Manifest, ModelFile, Part};

/// One fault, ready to stand behind the manifest's own name.
type Checked = Result<(), String>;

/// Checks a whole manifest.
pub fn manifest(manifest: &Manifest) -> Checked {
    name("id", manifest.id.as_str())?;
    let decodes = !matches!(manifest.family, Family::PpOcr | Family::Ge2e);
    require(manifest.context >= 512 || !decodes, || {
        "context: must be at least 512 tokens".to_owned()
    })?;
    require(!manifest.languages.is_empty(), || {
        "languages: name at least one".to_owned()
    })?;
    require(!manifest.files.is_empty(), || {
        "file: name at least one".to_owned()
    })?;
    require(
        manifest.family != Family::Whisper || manifest.files.len() == 2,
        || "file: a whisper model has two, its weights and its voice detector".to_owned(),
    )?;
    manifest.files.iter().try_for_each(file)
}

fn file(file: &ModelFile) -> Checked {
    name("file.name", &file.name)?;
    require(!file.sources.is_empty(), || {
        format!("file {:?}: name at least one source", file.name)
    })?;
    file.sources.iter().try_for_each(|source| match source {
        FileSource::Hub {
            repository,
            revision,
            path,
        } => hub(repository, revision, path),
        FileSource::Index { version, parts, .. } => {
            let known = file.bytes.is_some() && file.sha256.is_some();
            require(known, || {
                format!("file {:?}: an index source needs bytes and sha256", file.name)
            })?;
            index(version, parts)
        }
    })
}

fn hub(repository: &str, revision: &str, path: &str) -> Checked {
    require(repository.split('/').count() == 2, || {
        format!("repository: {repository:?} is not owner/name")
    })?;
    repository
        .split('/')
        .try_for_each(|part| name("repository", part))?;
    revision.split('/').try_for_each(|part| name("revision", part))?;
    path.split('/').try_for_each(|part| name("path", part))
}

fn index(version: &str, parts: &[Part]) -> Checked {
    name("version", version)?;
    require(!parts.is_empty(), || "parts: name at least one".to_owned())?;
    parts.iter().try_for_each(|part| {
        name("package", &part.package)?;
        part.member.split('/').try_for_each(|step| name("member", step))
    })
}

/// One step of a path, one argument of a program: letters, digits and `._+-`, beginning with a letter or digit
/// or an underscore, so that it is never an option, never hidden, never `..`.
fn name(field: &str, text: &str) -> Checked {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good = text.len() <= 128
        && text.starts_with(first)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c));
    require(good, || format!("{field}: {text:?} is not a plain name"))
}

fn require(good: bool, fault: impl FnOnce() -> String) -> Checked {
    if good { Ok(()) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_be_a_path_or_an_option() {
        for bad in ["", "..", ".hidden", "-r", "a/b", "a b", "a\u{202e}b", "a\nb"] {
            assert!(name("id", bad).is_err(), "{bad:?} passed");
        }
        assert!(name("id", "qwen2.5-coder_0.5b+x").is_ok());
    }

    #[test]
    fn an_index_source_without_a_hash_is_refused() {
        let mut file_ = ModelFile {
            name: "a.gguf".to_owned(),
            bytes: Some(1),
            sha256: None,
            sources: vec![FileSource::Index {
                version: "1.0".to_owned(),
                convert: None,
                parts: vec![Part {
                    package: "a".to_owned(),
                    member: "a/a.bin".to_owned(),
                }],
            }],
        };
        assert!(file(&file_).is_err_and(|fault| fault.contains("sha256")));
        file_.sha256 = Some(crate::hash::ContentHash::ZERO);
        assert!(file(&file_).is_ok());
    }
}
