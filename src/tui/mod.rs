//! tui

pub mod width;
