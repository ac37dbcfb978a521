//! The names of the themes; what they look like is the screen's own business.

use crate::error::{Error, ErrorKind, Result};

/// The themes that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ThemeName {
    /// Light text on dark ground.
    Dark,
    /// Dark text on light ground.
    Light,
    /// The terminal's own sixteen colours and background.
    #[default]
    Terminal,
    /// No colour at all.
    Mono,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Terminal, Self::Mono];

    /// As written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Terminal => "terminal",
            Self::Mono => "mono",
        }
    }

    /// The theme to use when `NO_COLOR` is set or not; an explicit wish comes first (<https://no-color.org>).
    pub fn resolve(asked: Option<Self>, no_color: bool) -> Self {
        let fallback = if no_color { Self::Mono } else { Self::default() };
        asked.unwrap_or(fallback)
    }
}

impl std::str::FromStr for ThemeName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "there is no theme of that name")
                .hint("choose dark, light, terminal or mono")
        })
    }
}
