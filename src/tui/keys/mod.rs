//! What a person can press and what it does: keys, the table of actions, and the keymap between them.

mod action;
mod key;
mod keymap;

pub use action::{Action, Group, Mode};
pub use key::{Chord, Key};
pub use keymap::{Found, Keymap};
