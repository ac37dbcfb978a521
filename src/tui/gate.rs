//! The last gate before the terminal: a backend around the real one that lets only visible characters through.
//!
//! Everything from outside is made visible where it is read ([`crate::sanitize`]); this is the second wall, so that no
//! mistake in a view can send a document's escape sequence, bidirectional override or hidden tag to the terminal. It
//! also pins the cursor after characters whose width terminals disagree about, so that a line never drifts.

use std::borrow::Cow;

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use crate::sanitize;
use crate::tui::width::{Ambiguous, Measure};

/// Stands for what was not let through.
pub const MARK: char = '\u{FFFD}';

/// Scalars in one cell: the longest emoji sequences have ten; a taller stack of accents would cover other lines.
const MAX_SCALARS: usize = 12;

/// A backend that shows only what can be seen.
#[derive(Debug)]
pub struct Gate<B> {
    inner: B,
    /// Where the cursor was put last.
    cursor: Position,
}

impl<B> Gate<B> {
    /// Guards `inner`.
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            cursor: Position::ORIGIN,
        }
    }

    /// The guarded backend.
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// The guarded backend, for terminal settings; whatever is written there directly passes no gate.
    pub fn inner_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

/// A cell on its way through.
enum Passed<'a> {
    /// As it came.
    AsIs(&'a Cell),
    /// Made here.
    Made(Box<Cell>),
}

impl Passed<'_> {
    fn cell(&self) -> &Cell {
        match self {
            Self::AsIs(cell) => cell,
            Self::Made(cell) => cell,
        }
    }
}

fn pass(cell: &Cell) -> Passed<'_> {
    match visible(cell.symbol()) {
        None => Passed::AsIs(cell),
        Some(symbol) => {
            let mut made = cell.clone();
            made.set_symbol(&symbol);
            Passed::Made(Box::new(made))
        }
    }
}

/// What to show instead of `symbol`, in the same number of columns; none when it may pass.
fn visible(symbol: &str) -> Option<String> {
    let bytes = symbol.as_bytes();
    if matches!(bytes, [b' '..=b'~']) {
        return None;
    }
    let scalars = symbol.chars().count();
    if (1..=MAX_SCALARS).contains(&scalars) && is_clean(symbol) {
        return None;
    }
    let columns = Measure::default().text(symbol).clamp(1, 2);
    Some(format!("{:<columns$}", if bytes.is_empty() { ' ' } else { MARK }))
}

/// Whether every character may be sent, and those that emoji need stand in an emoji.
fn is_clean(symbol: &str) -> bool {
    symbol.chars().all(sanitize::is_safe_char)
        && (symbol.chars().nth(1).is_none() || matches!(sanitize::line(symbol), Cow::Borrowed(_)))
        && Measure::default().text(symbol) > 0
}

/// Whether terminals may disagree about the columns of `symbol`.
fn is_uncertain(symbol: &str) -> bool {
    let [narrow, wide] = [Ambiguous::Narrow, Ambiguous::Wide].map(|a| Measure::new(a).cluster(symbol));
    !symbol.is_ascii() && (narrow != wide || symbol.chars().nth(1).is_some())
}

/// A cell that draws nothing, in the looks of `cell`. Placed on the next column it makes the backend move the cursor
/// there for the cell that follows, instead of trusting the terminal to be there already.
fn pin(cell: &Cell) -> Cell {
    let mut pin = cell.clone();
    pin.set_symbol("");
    pin
}

impl<B: Backend> Backend for Gate<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut passed: Vec<(u16, u16, Passed<'a>)> = Vec::new();
        for (x, y, cell) in content {
            let pinned = passed.last().and_then(|(px, py, previous)| {
                let beside = px.checked_add(1) == Some(x) && *py == y;
                let previous = previous.cell();
                (beside && is_uncertain(previous.symbol())).then(|| pin(previous))
            });
            if let Some(pin) = pinned {
                passed.push((x, y, Passed::Made(Box::new(pin))));
            }
            passed.push((x, y, pass(cell)));
        }
        self.inner
            .draw(passed.iter().map(|(x, y, cell)| (*x, *y, cell.cell())))
    }

    fn append_lines(&mut self, n: u16) -> Result<(), Self::Error> {
        self.inner.append_lines(n)
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        // Never ask the terminal: its answer would come in with the keys, and a slow line would end the program. The
        // cursor is ours anyway: the whole screen is drawn by us, and each frame says where it goes.
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.cursor = position.into();
        self.inner.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Self::Error> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, Self::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;

    use ratatui::backend::{CrosstermBackend, TestBackend};

    use super::*;

    fn cell(symbol: &str) -> Cell {
        let mut cell = Cell::default();
        cell.set_symbol(symbol);
        cell
    }

    /// What a terminal would be sent for these symbols, one a column.
    fn sent<'a>(symbols: impl IntoIterator<Item = &'a str>) -> io::Result<String> {
        let cells: Vec<Cell> = symbols.into_iter().map(cell).collect();
        let mut bytes = Vec::new();
        Gate::new(CrosstermBackend::new(&mut bytes)).draw(
            cells
                .iter()
                .enumerate()
                .map(|(x, c)| (u16::try_from(x).unwrap_or(u16::MAX), 0, c)),
        )?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// The characters that are not part of the backend's own `ESC [ .. letter` sequences.
    fn drawn(sent: &str) -> String {
        let mut parts = sent.split("\u{1b}[");
        let mut drawn: String = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part
                .find(|c: char| c.is_ascii_alphabetic())
                .map_or(part.len(), |i| i + 1);
            drawn.push_str(&part[end..]);
        }
        drawn
    }

    /// Written out here on its own, so that a hole in the shared predicate shows.
    fn is_hidden(c: char) -> bool {
        c.is_control()
            || matches!(u32::from(c),
                0x00AD | 0x034F | 0x061C | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
                | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
    }

    #[test]
    fn no_scalar_value_that_hides_reaches_the_terminal() -> Result<(), Infallible> {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        let mut gate = Gate::new(TestBackend::new(0x1000, 2));
        for block in all.chunks(0x1000) {
            let alone = block.iter().map(|c| cell(&c.to_string()));
            let inside = block.iter().map(|c| cell(&format!("a{c}")));
            let cells: Vec<Cell> = alone.chain(inside).collect();
            gate.draw(cells.iter().zip(0..).map(|(c, i)| (i % 0x1000, i / 0x1000, c)))?;
            let shown = gate.inner().buffer().content().iter().map(Cell::symbol);
            let leaked = shown.clone().find(|s| s.is_empty() || s.chars().any(is_hidden));
            assert_eq!(leaked, None, "from the block of {:?}", block.first());
        }
        Ok(())
    }

    #[test]
    fn ordinary_text_passes_unchanged() -> io::Result<()> {
        let text = ["李", "雷", "e\u{301}", "é", "▇", "~", "“", "🎉"];
        assert_eq!(drawn(&sent(text)?), text.concat());
        Ok(())
    }

    #[test]
    fn an_escape_sequence_in_a_cell_is_shown_as_marks() -> io::Result<()> {
        let sent = sent(["\u{1b}]0;owned\u{7}", "x"])?;
        assert!(!sent.contains("\u{1b}]") && !sent.contains('\u{7}'));
        assert_eq!(
            drawn(&sent),
            "\u{FFFD} x",
            "the mark takes the place of a wide cell"
        );
        Ok(())
    }

    #[test]
    fn a_tower_of_accents_is_cut() -> io::Result<()> {
        let tower = format!("a{}", "\u{301}".repeat(40));
        assert_eq!(drawn(&sent([tower.as_str()])?), "\u{FFFD}");
        Ok(())
    }

    #[test]
    fn the_cursor_is_pinned_after_a_character_of_uncertain_width() -> io::Result<()> {
        assert!(sent(["“", "x"])?.contains("“\u{1b}[1;2Hx"));
        assert!(!sent(["a", "x"])?.contains("a\u{1b}["));
        Ok(())
    }

    #[test]
    fn an_empty_cell_still_takes_its_column() -> io::Result<()> {
        assert_eq!(drawn(&sent(["a", "", "b"])?), "a b");
        Ok(())
    }
}
