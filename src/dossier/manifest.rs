//! The layout of `dossier.toml`.
