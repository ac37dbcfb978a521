//! The lines of a page that was scanned, in the order they are read in: from top to bottom, what stands on one height from
//! left to right. Columns of text are read across.

use super::rect::Rect;
use super::{Text, rounded};
use crate::model::ocr::Line;
use crate::sanitize::line;

/// The lines as text.
pub(super) fn texts(lines: &[Line]) -> Vec<Text> {
    let mut found: Vec<(Rect, Text)> = lines.iter().filter_map(text).collect();
    found.sort_by(|(a, _), (b, _)| a.y().total_cmp(&b.y()));
    for row in found.chunk_by_mut(|(a, _), (b, _)| b.y() - a.y() < 0.5 * a.height().min(b.height())) {
        row.sort_by(|(a, _), (b, _)| a.left.total_cmp(&b.left));
    }
    found.into_iter().map(|(_, text)| text).collect()
}

fn text(read: &Line) -> Option<(Rect, Text)> {
    let at = Rect::new(read.place.bounds());
    let words = line(&read.text);
    let words = words.trim();
    let text = Text {
        text: words.to_owned(),
        region: at.region(),
        confidence: rounded(read.confidence),
        apart: true,
    };
    (!words.is_empty()).then_some((at, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ocr::Slanted;

    #[test]
    fn lines_are_read_from_top_to_bottom_and_from_left_to_right() {
        let line = |text: &str, x: f32, y: f32| Line {
            text: text.to_owned(),
            glyphs: Vec::new(),
            place: Slanted {
                centre: [x, y],
                along: [1.0, 0.0],
                length: 80.0,
                height: 10.0,
            },
            confidence: 0.9876,
        };
        let read = [
            line("Due", 200.0, 19.0),
            line("Goal ", 60.0, 21.0),
            line(" \u{1b}", 60.0, 40.0),
            line(" ", 60.0, 60.0),
        ];
        let texts = texts(&read);
        let said: Vec<&str> = texts.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(said, ["Goal", "Due", "␛"]);
        assert_eq!(texts[0].region.0, [20, 16, 100, 26]);
    }
}
