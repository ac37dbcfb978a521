//! Hand-made words and patches for the rules' own tests.

use super::patch::Patch;
use super::rect::Rect;
use super::word::Word;

/// A word whose middle is at `x` and `y`: 6 pixels a letter, 12 tall.
pub(super) fn word(text: &str, x: f32, y: f32) -> Word {
    let half = 3.0 * text.chars().count() as f32;
    Word {
        text: text.to_owned(),
        at: Rect::new([x - half, y - 6.0, x + half, y + 6.0]),
        letter: 12.0,
        standing: false,
        confidence: 0.95,
    }
}

/// A filled rectangle.
pub(super) fn filled(at: [f32; 4], colour: [u8; 3]) -> Patch {
    let at = Rect::new(at);
    Patch {
        at,
        colour,
        pixels: (at.width() * at.height()) as usize,
    }
}
