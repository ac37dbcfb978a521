//! Words of a picture: what the reader gives as one line, parted where the gaps are wide.

use super::number::number;
use super::rect::Rect;
use crate::model::ocr::Line;

/// A gap this many times the height of the letters parts two labels.
const GAP: f32 = 1.6;

/// A label: words that stand together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// As read, white space trimmed. Untrusted.
    pub(super) text: String,
    pub(super) at: Rect,
    /// The height of its line, which stays when axes are exchanged.
    pub(super) letter: f32,
    /// Runs up or down.
    pub(super) standing: bool,
    pub(super) confidence: f32,
}

impl Word {
    pub(super) fn number(&self) -> Option<f64> {
        number(&self.text)
    }

    /// In a chart whose axes are exchanged.
    pub(super) fn flipped(&self) -> Self {
        Self {
            at: self.at.flipped(),
            ..self.clone()
        }
    }
}

/// The words of some lines.
pub(super) fn words(lines: &[Line]) -> Vec<Word> {
    lines.iter().flat_map(parts).collect()
}

fn parts(line: &Line) -> Vec<Word> {
    let wide = GAP * line.place.height / line.place.length.max(1.0);
    let solid: Vec<_> = line.glyphs.iter().filter(|g| !g.ch.is_whitespace()).collect();
    let mut found = Vec::new();
    let mut from = 0;
    for to in 1..=solid.len() {
        if solid.get(to).is_some_and(|next| next.at - solid[to - 1].at <= wide) {
            continue;
        }
        found.push((solid[from].at, solid[to - 1].at));
        from = to;
    }
    let alone = found.len() == 1;
    let part = |(first, last): (f32, f32)| {
        let inside = line.glyphs.iter().filter(|g| g.at >= first && g.at <= last);
        let text: String = inside.map(|g| g.ch).collect();
        // Half a letter on both sides; a line of one part is as wide as it was found.
        let half = 0.3 * line.place.height / line.place.length.max(1.0);
        let (first, last) = if alone {
            (0.0, 1.0)
        } else {
            ((first - half).max(0.0), (last + half).min(1.0))
        };
        Word {
            text: text.trim().to_owned(),
            at: Rect::new(line.place.part(first, last)),
            letter: line.place.height,
            standing: line.place.is_standing(),
            confidence: line.confidence,
        }
    };
    found.into_iter().map(part).filter(|word| !word.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ocr::{Glyph, Slanted};

    #[test]
    fn a_line_is_parted_at_wide_gaps() {
        let place = Slanted {
            centre: [100.0, 10.0],
            along: [1.0, 0.0],
            length: 200.0,
            height: 10.0,
        };
        let glyph = |(ch, x): (char, f32)| Glyph { ch, at: x / 200.0 };
        let glyphs = [('Q', 5.0), ('1', 12.0), ('a', 100.0), (' ', 105.0), ('b', 110.0)].map(glyph);
        let line = Line {
            text: "Q1a b".to_owned(),
            glyphs: glyphs.to_vec(),
            place,
            confidence: 0.9,
        };
        let found = words(&[line]);
        let texts: Vec<&str> = found.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(texts, ["Q1", "a b"]);
        assert!((found[0].at.right - 15.0).abs() < 0.1, "{:?}", found[0].at);
        assert!((found[1].at.left - 97.0).abs() < 0.1, "{:?}", found[1].at);
    }
}
