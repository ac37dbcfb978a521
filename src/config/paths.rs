//! The standard folders of a person's account (XDG base directories), and the locale.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Language;

/// The name of our folder in each standard one.
const FOLDER: &str = "plumbline";

/// The standard folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The person's home.
    pub home: PathBuf,
    /// Configuration: `$XDG_CONFIG_HOME/plumbline`.
    pub config: PathBuf,
    /// Records and models: `$XDG_DATA_HOME/plumbline`.
    pub data: PathBuf,
    /// What may be thrown away: `$XDG_CACHE_HOME/plumbline`.
    pub cache: PathBuf,
}

impl Paths {
    /// The folders of the person who runs this.
    ///
    /// # Errors
    /// `Usage` when they have no home.
    pub fn of_this_account() -> Result<Self> {
        let xdg = Xdg::new().map_err(|e| {
            Error::new(ErrorKind::Usage, "this account has no home folder")
                .because(e)
                .hint("set HOME")
        })?;
        Ok(Self {
            home: xdg.home_dir().to_owned(),
            config: xdg.config_dir().join(FOLDER),
            data: xdg.data_dir().join(FOLDER),
            cache: xdg.cache_dir().join(FOLDER),
        })
    }

    /// The folders of an account whose home is `home` and who moved nothing.
    pub fn under(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            config: home.join(".config").join(FOLDER),
            data: home.join(".local/share").join(FOLDER),
            cache: home.join(".cache").join(FOLDER),
        }
    }

    /// `~/x` in the home folder, a relative path in `base`; an empty text stays empty.
    pub(super) fn expand(&self, text: &str, base: Option<&Path>) -> String {
        let path = match (text.strip_prefix("~/"), base) {
            (Some(rest), _) => self.home.join(rest),
            (None, Some(base)) if !text.is_empty() => base.join(text),
            _ => PathBuf::from(text),
        };
        path.to_string_lossy().into_owned()
    }
}

/// The language the locale asks for; English unless it is Chinese.
pub(super) fn locale_language(env: Environment<'_>) -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| env(name).filter(|value| !value.is_empty()));
    match locale {
        Some(locale) if locale.starts_with("zh") => Language::Zh,
        _ => Language::En,
    }
}
