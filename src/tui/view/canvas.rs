//! What every view draws with: the buffer, the theme's styles, and text by the terminal's own measure.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::layout::inner;
use crate::tui::state::App;
use crate::tui::theme::{Styles, Theme};
use crate::tui::width::{Align, Measure, put, put_line};

/// A buffer with everything needed to draw into it.
pub struct Canvas<'a> {
    /// The state that is drawn.
    pub app: &'a App,
    buffer: &'a mut Buffer,
}

impl<'a> Canvas<'a> {
    /// Draws `app` into `buffer`.
    pub fn new(app: &'a App, buffer: &'a mut Buffer) -> Self {
        Self { app, buffer }
    }

    /// The theme.
    pub fn theme(&self) -> &'a Theme {
        &self.app.settings().theme
    }

    /// Its styles.
    pub fn styles(&self) -> &'a Styles {
        &self.theme().styles
    }

    /// How wide the terminal draws.
    pub fn measure(&self) -> Measure {
        self.app.settings().measure
    }

    /// Clears an area to a style. A wide character that reaches in from the left goes: half of it cannot be drawn.
    pub fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        if area.x > self.buffer.area.x {
            for y in area.y..area.bottom() {
                let cell = &mut self.buffer[(area.x - 1, y)];
                if self.app.settings().measure.text(cell.symbol()) > 1 {
                    cell.set_symbol(" ");
                }
            }
        }
        for position in area.positions() {
            let cell = &mut self.buffer[position];
            cell.reset();
            cell.set_style(style);
        }
    }

    /// Puts one narrow sign into a cell.
    pub fn cell(&mut self, at: (u16, u16), symbol: &str, style: Style) {
        if let Some(cell) = self.buffer.cell_mut(at) {
            cell.set_symbol(symbol);
            cell.set_style(style);
        }
    }

    /// Lays a style over what is there.
    pub fn tint(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Writes text, cut with an ellipsis where it does not fit; returns the column after it.
    pub fn text(&mut self, at: (u16, u16), columns: u16, text: &str, style: Style) -> u16 {
        let measure = self.measure();
        let text = measure.truncate(text, usize::from(columns));
        let style = self.styles().text.patch(style);
        put(self.buffer, at, columns, &text, style, measure)
    }

    /// Writes spans at the beginning of an area's row; returns the column after them.
    pub fn line(&mut self, area: Rect, row: u16, line: &Line<'_>) -> u16 {
        if row >= area.height {
            return area.x;
        }
        let base = self.styles().text.patch(line.style);
        let measure = self.measure();
        let spans: Vec<Span<'_>> = line
            .spans
            .iter()
            .map(|s| Span::styled(s.content.as_ref(), s.style))
            .collect();
        let styled = Line::from(spans).style(base);
        put_line(self.buffer, (area.x, area.y + row), area.width, &styled, measure)
    }

    /// Writes text that ends at the right edge of an area's row; returns the column where it begins.
    pub fn right(&mut self, area: Rect, row: u16, text: &str, style: Style) -> u16 {
        let width = self.measure().text(text).min(usize::from(area.width)) as u16;
        let x = area.right() - width;
        self.text((x, area.y + row), width, text, style);
        x
    }

    /// A frame with a title; returns what is inside.
    pub fn frame(&mut self, area: Rect, title: &str, focused: bool) -> Rect {
        let styles = self.styles();
        let glyphs = &self.theme().glyphs;
        let (set, style) = if focused {
            (glyphs.border_focus, styles.border_focus)
        } else {
            (glyphs.border, styles.border)
        };
        self.fill(area, styles.text);
        let wide = usize::from(area.width.saturating_sub(2));
        let (left, right) = (area.x, area.right().saturating_sub(1));
        for (y, [begin, middle, end]) in [
            (area.y, [set.top_left, set.horizontal_top, set.top_right]),
            (
                area.bottom().saturating_sub(1),
                [set.bottom_left, set.horizontal_bottom, set.bottom_right],
            ),
        ] {
            let edge = format!("{begin}{}{end}", middle.repeat(wide));
            put(
                self.buffer,
                (left, y),
                area.width,
                &edge,
                styles.text.patch(style),
                Measure::default(),
            );
        }
        for y in area.y + 1..area.bottom().saturating_sub(1) {
            self.text((left, y), 1, set.vertical_left, style);
            self.text((right, y), 1, set.vertical_right, style);
        }
        if !title.is_empty() {
            let title_style = if focused {
                styles.title.patch(styles.border_focus)
            } else {
                styles.title
            };
            let room = area.width.saturating_sub(4);
            let title = self
                .measure()
                .truncate(title, usize::from(room).saturating_sub(2));
            self.text((left + 2, area.y), room, &format!(" {title} "), title_style);
        }
        inner(area)
    }

    /// A note at the right end of a frame's top edge.
    pub fn frame_note(&mut self, area: Rect, note: &str, style: Style) {
        let room = usize::from(area.width / 2);
        let note = self.measure().truncate(note, room);
        let width = self.measure().text(&note) as u16 + 2;
        let x = area.right().saturating_sub(width + 2);
        self.text((x, area.y), width, &format!(" {note} "), style);
    }

    /// Marks that there is more above or below a list.
    pub fn more(&mut self, inside: Rect, above: bool, below: bool) {
        let glyphs = &self.theme().glyphs;
        let style = self.styles().dim;
        let x = inside.right();
        if above {
            self.text((x, inside.y), 1, glyphs.more_up, style);
        }
        if below {
            self.text((x, inside.bottom().saturating_sub(1)), 1, glyphs.more_down, style);
        }
    }

    /// Text padded to exactly so many columns.
    pub fn pad(&self, text: &str, columns: usize, align: Align) -> String {
        self.measure().pad(text, columns, align)
    }
}
