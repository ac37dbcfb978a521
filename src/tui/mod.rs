//! The workstation: what a person sees and presses, as a pure state, pure views of it, and a loop that feeds both.

pub mod errands;
pub mod gate;
pub mod highlight;
pub mod keys;
pub mod offscreen;
pub mod paint;
pub mod profile;
pub mod run;
pub mod state;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod theme;
pub mod view;
pub mod width;
pub mod words;
