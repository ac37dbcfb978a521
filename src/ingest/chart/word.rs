//! Words of a picture: what the reader gives as one line, parted where the gaps are wide.

use super::number::number;
use super::patch::{Patch, vivid};
use super::rect::Rect;
use crate::model::ocr::{Glyph, Line};

/// A gap this many times the height of the letters parts two labels.
const GAP: f32 = 1.6;

/// A legend's swatch is at most so many lines wide and high, and so far from grey.
const SWATCH: f32 = 1.6;
const VIVID: u8 = 40;

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

/// The words of some lines. A swatch beside a name may have been read as a letter: it is none.
pub(super) fn words(lines: &[Line], patches: &[Patch]) -> Vec<Word> {
    let coloured: Vec<&Patch> = patches
        .iter()
        .filter(|p| p.is_rectangle() && vivid(p.colour) >= VIVID)
        .collect();
    let part = |line: &Line| {
        let most = SWATCH * line.place.height;
        let swatches = coloured
            .iter()
            .filter(|p| p.at.width() <= most && p.at.height() <= line.place.height);
        let swatches: Vec<Rect> = swatches.map(|p| p.at).collect();
        parts(line, &swatches)
    };
    lines.iter().flat_map(part).collect()
}

fn parts(line: &Line, swatches: &[Rect]) -> Vec<Word> {
    let wide = GAP * line.place.height / line.place.length.max(1.0);
    let within = |g: &Glyph| {
        let [x, y] = line.place.at(g.at, 0.5);
        let holds = |r: &Rect| (r.left - 1.0..r.right + 1.0).contains(&x) && (r.top..r.bottom).contains(&y);
        swatches.iter().any(holds)
    };
    let solid: Vec<&Glyph> = line
        .glyphs
        .iter()
        .filter(|g| !g.ch.is_whitespace() && !within(g))
        .collect();
    let whole = solid.len() == line.glyphs.iter().filter(|g| !g.ch.is_whitespace()).count();
    let mut found = Vec::new();
    let mut from = 0;
    for to in 1..=solid.len() {
        if solid
            .get(to)
            .is_some_and(|next| next.at - solid[to - 1].at <= wide)
        {
            continue;
        }
        found.push((solid[from].at, solid[to - 1].at));
        from = to;
    }
    let alone = found.len() == 1 && whole;
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
            text: unmarked(&text),
            at: Rect::new(line.place.part(first, last)),
            letter: line.place.height,
            standing: line.place.is_standing(),
            confidence: line.confidence,
        }
    };
    found
        .into_iter()
        .map(part)
        .filter(|word| !word.text.is_empty())
        .collect()
}

/// A label without white space, and without the tick of an axis that was read as a dash behind it. Behind a week, though,
/// a dash is the Chinese one: `周一` is Monday.
fn unmarked(text: &str) -> String {
    let text = text.trim();
    let short = text.trim_end_matches(['-', '–', '—', '_']).trim_end();
    match short {
        "" => text.to_owned(),
        _ if short.len() < text.len() && short.ends_with(['周', '期']) => format!("{short}一"),
        _ => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ocr::Slanted;

    #[test]
    fn ticks_are_no_letters() {
        assert_eq!(
            ["Search-", " 文档—", "周-", "-", "-5"].map(unmarked),
            ["Search", "文档", "周一", "-", "-5"]
        );
    }

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
        let found = words(&[line], &[]);
        let texts: Vec<&str> = found.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(texts, ["Q1", "a b"]);
        assert!((found[0].at.right - 15.0).abs() < 0.1, "{:?}", found[0].at);
        assert!((found[1].at.left - 97.0).abs() < 0.1, "{:?}", found[1].at);
    }
}
