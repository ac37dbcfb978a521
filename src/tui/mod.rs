//! tui

pub mod width;
pub mod words;
