//! Names of things, one type each, so that a subject is never taken for a dossier.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name; whoever reads it from outside validates it there.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name!(
    /// One dossier: one employee in one review cycle, as `dossier.toml` names it.
    DossierId
);
name!(
    /// One employee, the same across cycles.
    SubjectId
);
name!(
    /// One dimension of a rubric.
    DimensionId
);
name!(
    /// One rubric file, without its version.
    RubricId
);
name!(
    /// One model manifest.
    ModelId
);
name!(
    /// One journal record as its maker named it (a ULID): sending it twice writes it once.
    RecordId
);
name!(
    /// The person who decides.
    Person
);

/// The number of a segment, 1..=N through the whole dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentNo(pub u32);

impl fmt::Display for SegmentNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl SubjectId {
    /// Whom records name that speak of no one.
    pub fn nobody() -> Self {
        Self::new("-")
    }
}

/// The language of a dossier, a prompt or a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Language {
    /// `zh` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }
}
