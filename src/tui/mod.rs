//! tui

pub mod theme;
pub mod width;
pub mod words;
