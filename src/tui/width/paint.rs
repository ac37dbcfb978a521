//! Writing text into a screen buffer by the measure of the terminal.
//!
//! Ratatui itself counts ambiguous characters as one column. In a terminal that draws them in two, everything after
//! them would shift; here such a cell is given its true width.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::style::Style;
use ratatui::text::Line;

use super::{Measure, TAB};

/// Writes `text` at `(x, y)` in at most `columns`; returns the column after it.
///
/// What does not fit is left out (cut with [`Measure::truncate`] first to show that); control characters are skipped
/// and a tab becomes spaces.
pub fn put(
    buffer: &mut Buffer,
    at: (u16, u16),
    columns: u16,
    text: &str,
    style: Style,
    measure: Measure,
) -> u16 {
    let area = buffer.area;
    let (mut x, y) = at;
    if y < area.top() || y >= area.bottom() || x < area.left() {
        return x;
    }
    let end = area.right().min(x.saturating_add(columns));
    for piece in measure.pieces(text).filter(|p| p.width > 0) {
        let width = piece.width as u16;
        if x + width > end {
            break;
        }
        cluster(buffer, (x, y), piece.text, width, style);
        x += width;
    }
    x
}

/// Writes the spans of a line in at most `columns`; returns the column after it.
pub fn put_line(buffer: &mut Buffer, at: (u16, u16), columns: u16, line: &Line<'_>, measure: Measure) -> u16 {
    let end = at.0.saturating_add(columns);
    line.spans.iter().fold(at.0, |x, span| {
        let style = line.style.patch(span.style);
        put(
            buffer,
            (x, at.1),
            end.saturating_sub(x),
            &span.content,
            style,
            measure,
        )
    })
}

fn cluster(buffer: &mut Buffer, (x, y): (u16, u16), text: &str, width: u16, style: Style) {
    for covered in x..x + width {
        buffer[(covered, y)].reset();
        buffer[(covered, y)].set_style(style);
    }
    if text == "\t" {
        debug_assert_eq!(usize::from(width), TAB);
        return;
    }
    let cell = &mut buffer[(x, y)];
    cell.set_symbol(text);
    let ratatui_width = Measure::default().cluster(text);
    if usize::from(width) != ratatui_width {
        cell.diff_option = NonZeroU16::new(width).map_or(CellDiffOption::None, CellDiffOption::ForcedWidth);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Color;
    use ratatui::text::Span;

    use super::super::Ambiguous;
    use super::*;

    #[test]
    fn ambiguous_characters_keep_what_follows_in_its_column() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let wide = Measure::new(Ambiguous::Wide);
        let end = put(&mut buffer, (0, 0), 8, "“好”x", Style::new(), wide);
        assert_eq!(end, 7);
        assert_eq!(buffer[(0, 0)].symbol(), "“");
        assert_eq!(buffer[(2, 0)].symbol(), "好");
        assert_eq!(buffer[(6, 0)].symbol(), "x");
        assert_eq!(
            buffer[(0, 0)].diff_option,
            CellDiffOption::ForcedWidth(NonZeroU16::MIN.saturating_add(1))
        );
    }

    #[test]
    fn a_wide_character_is_left_out_rather_than_halved() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        let end = put(&mut buffer, (0, 0), 3, "好好", Style::new(), Measure::default());
        assert_eq!(end, 2);
        assert_eq!(buffer[(2, 0)].symbol(), " ");
    }

    #[test]
    fn control_characters_are_skipped_and_tabs_are_spaces() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let end = put(
            &mut buffer,
            (0, 0),
            8,
            "a\tb\u{1b}c",
            Style::new(),
            Measure::default(),
        );
        assert_eq!(end, 7);
        assert_eq!(buffer[(5, 0)].symbol(), "b");
        assert_eq!(buffer[(6, 0)].symbol(), "c");
    }

    #[test]
    fn spans_keep_their_styles_and_the_lines_own_beneath() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        let line = Line::from(vec![
            Span::raw("a"),
            Span::styled("b", Style::new().fg(Color::Red)),
        ])
        .style(Style::new().bg(Color::Blue));
        put_line(&mut buffer, (0, 0), 4, &line, Measure::default());
        assert_eq!(
            (buffer[(0, 0)].fg, buffer[(0, 0)].bg),
            (Color::Reset, Color::Blue)
        );
        assert_eq!((buffer[(1, 0)].fg, buffer[(1, 0)].bg), (Color::Red, Color::Blue));
    }

    #[test]
    fn nothing_is_written_outside_the_buffer() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        assert_eq!(
            put(&mut buffer, (0, 5), 9, "ab", Style::new(), Measure::default()),
            0
        );
        assert_eq!(
            put(&mut buffer, (1, 0), 9, "ab", Style::new(), Measure::default()),
            2
        );
    }
}
