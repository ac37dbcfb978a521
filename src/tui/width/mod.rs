//! How many columns text takes in a terminal, and cutting, padding and mapping it by column.
//!
//! Everything counts grapheme clusters, so that an emoji or an accented letter is never cut in half. Characters of
//! ambiguous width (`“ ” … ·` and the like) take one column in most terminals and two in terminals set up for East
//! Asian text: [`Measure`] carries that choice.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

mod paint;
mod wrap;

pub use paint::{put, put_line};

/// Columns of a tab. Fixed, not to the next stop, so that the width of a text does not hang on where it starts.
pub const TAB: usize = 4;

/// What stands for the text that was cut off.
pub const ELLIPSIS: &str = "…";

/// How wide the terminal draws characters of ambiguous width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ambiguous {
    /// One column: the default nearly everywhere.
    #[default]
    Narrow,
    /// Two columns: terminals with the East Asian option on.
    Wide,
}

/// Which side of a padded text the text keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text first, then spaces.
    Left,
    /// Spaces first, then text.
    Right,
    /// Spaces on both sides; the odd one comes last.
    Centre,
}

/// One grapheme cluster and the place it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The cluster.
    pub text: &'a str,
    /// Its first byte in the measured text.
    pub byte: usize,
    /// Its first column, from 0.
    pub column: usize,
    /// Columns it takes; 0 for what is not drawn.
    pub width: usize,
}

/// Measures text for one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measure {
    /// How it draws characters of ambiguous width.
    pub ambiguous: Ambiguous,
}

impl Measure {
    /// For a terminal that draws ambiguous characters so.
    pub fn new(ambiguous: Ambiguous) -> Self {
        Self { ambiguous }
    }

    /// Columns of one grapheme cluster.
    pub fn cluster(self, cluster: &str) -> usize {
        match cluster.as_bytes() {
            [b'\t'] => TAB,
            [byte] => usize::from(!byte.is_ascii_control()),
            _ if cluster.chars().any(char::is_control) => 0,
            _ => self.columns(cluster) + voiced_marks(cluster),
        }
    }

    /// Columns of a text on one line.
    pub fn text(self, text: &str) -> usize {
        if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return text.len();
        }
        text.graphemes(true).map(|g| self.cluster(g)).sum()
    }

    /// The clusters of a text with their places.
    pub fn pieces(self, text: &str) -> impl Iterator<Item = Piece<'_>> {
        let mut column = 0;
        text.grapheme_indices(true).map(move |(byte, cluster)| {
            let width = self.cluster(cluster);
            column += width;
            Piece {
                text: cluster,
                byte,
                column: column - width,
                width,
            }
        })
    }

    /// The text in at most `columns`, an ellipsis standing for what was cut.
    pub fn truncate(self, text: &str, columns: usize) -> Cow<'_, str> {
        match self.cut(text, columns) {
            None => Cow::Borrowed(text),
            Some(_) if columns < self.cluster(ELLIPSIS) => Cow::Borrowed(""),
            Some(kept) => Cow::Owned(format!("{}{ELLIPSIS}", &text[..kept])),
        }
    }

    /// How many bytes of a text are kept when it is cut to `columns`, the ellipsis behind them included; none when it
    /// fits.
    pub fn cut(self, text: &str, columns: usize) -> Option<usize> {
        let room = columns.saturating_sub(self.cluster(ELLIPSIS));
        (self.text(text) > columns).then(|| text[..self.byte_within(text, room)].trim_end().len())
    }

    /// The text in exactly `columns`: cut when too long, filled with spaces when too short.
    pub fn pad(self, text: &str, columns: usize, align: Align) -> String {
        let text = self.truncate(text, columns);
        let free = columns.saturating_sub(self.text(&text));
        let left = match align {
            Align::Left => 0,
            Align::Right => free,
            Align::Centre => free / 2,
        };
        format!("{:left$}{text}{:right$}", "", "", right = free - left)
    }

    /// The byte ranges of the rows that `text` fills in `columns`; see [`wrap`](self) for where it breaks.
    ///
    /// Spaces at a break belong to no row. There is always at least one row. A row is never wider than `columns`
    /// unless a single cluster is.
    pub fn wrap(self, text: &str, columns: usize) -> Vec<Range<usize>> {
        wrap::rows(self, text, columns.max(1))
    }

    /// The rows that `text` fills, at most so many; an ellipsis says that there is more.
    pub fn clip(self, text: &str, columns: usize, rows: usize) -> Vec<Cow<'_, str>> {
        let all = self.wrap(text, columns);
        let last = rows.checked_sub(1).filter(|_| rows < all.len());
        let part = |(n, row): (usize, &Range<usize>)| match last {
            Some(last) if n == last => self.truncate(&text[row.start..], columns),
            _ => Cow::Borrowed(&text[row.clone()]),
        };
        all.iter().take(rows).enumerate().map(part).collect()
    }

    /// The column where the cluster that holds `byte` begins; the text's width when `byte` lies behind it.
    pub fn column_of(self, text: &str, byte: usize) -> usize {
        self.pieces(text)
            .find(|p| byte < p.byte + p.text.len())
            .map_or_else(|| self.text(text), |p| p.column)
    }

    /// The first byte of the cluster drawn at `column`; the text's length when `column` lies behind it.
    pub fn byte_at(self, text: &str, column: usize) -> usize {
        self.pieces(text)
            .find(|p| p.width > 0 && column < p.column + p.width)
            .map_or(text.len(), |p| p.byte)
    }

    /// Where the longest start of `text` that fits in `columns` ends.
    fn byte_within(self, text: &str, columns: usize) -> usize {
        self.pieces(text)
            .find(|p| p.column + p.width > columns)
            .map_or(text.len(), |p| p.byte)
    }

    fn columns(self, text: &str) -> usize {
        match self.ambiguous {
            Ambiguous::Narrow => text.width(),
            Ambiguous::Wide => text.width_cjk(),
        }
    }
}

/// Half-width (han)dakuten: zero columns by Unicode, one in every terminal and in ratatui.
fn voiced_marks(cluster: &str) -> usize {
    cluster
        .chars()
        .filter(|c| matches!(c, '\u{FF9E}' | '\u{FF9F}'))
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::CellWidth;

    use super::*;

    const NARROW: Measure = Measure {
        ambiguous: Ambiguous::Narrow,
    };
    const WIDE: Measure = Measure {
        ambiguous: Ambiguous::Wide,
    };

    #[test]
    fn counts_columns_not_characters() {
        assert_eq!(NARROW.text("plumb"), 5);
        assert_eq!(NARROW.text("李雷 Li"), 7);
        assert_eq!(NARROW.text("e\u{301}"), 1);
        assert_eq!(NARROW.text("👩‍👩‍👧"), 2);
        assert_eq!(NARROW.text("a\tb"), 2 + TAB);
        assert_eq!(NARROW.text("\u{1b}[31m"), 4, "a control character is not drawn");
    }

    #[test]
    fn ambiguous_characters_follow_the_terminal() {
        assert_eq!(NARROW.text("“对齐”…"), 7);
        assert_eq!(WIDE.text("“对齐”…"), 10);
    }

    #[test]
    fn truncation_leaves_room_for_the_ellipsis() {
        assert_eq!(NARROW.truncate("周报 第 12 周", 13), "周报 第 12 周");
        assert_eq!(NARROW.truncate("周报 第 12 周", 8), "周报 第…");
        assert_eq!(NARROW.truncate("李雷李雷", 4), "李…");
        assert_eq!(NARROW.truncate("李雷", 1), "…");
        assert_eq!(NARROW.truncate("李雷", 0), "");
        assert_eq!(WIDE.truncate("李雷李雷", 1), "");
    }

    #[test]
    fn the_last_row_of_what_is_clipped_says_that_there_is_more() {
        assert_eq!(NARROW.clip("led five meetings", 8, 2), ["led five", "meetings"]);
        assert_eq!(
            NARROW.clip("led five long meetings", 8, 2),
            ["led five", "long me…"]
        );
        assert!(NARROW.clip("led", 8, 0).is_empty());
    }

    #[test]
    fn padding_fills_exactly() {
        assert_eq!(NARROW.pad("协作", 6, Align::Left), "协作  ");
        assert_eq!(NARROW.pad("协作", 6, Align::Right), "  协作");
        assert_eq!(NARROW.pad("协作", 7, Align::Centre), " 协作  ");
        assert_eq!(NARROW.pad("协作能力", 5, Align::Left), "协作…");
        assert_eq!(NARROW.pad("协作能力", 4, Align::Left), "协… ");
    }

    #[test]
    fn a_click_on_either_half_of_a_wide_character_finds_it() {
        let text = "a好b";
        let found: Vec<_> = (0..5).map(|c| NARROW.byte_at(text, c)).collect();
        assert_eq!(found, [0, 1, 1, 4, 5]);
        assert_eq!(NARROW.column_of(text, 4), 3);
        assert_eq!(NARROW.column_of(text, 2), 1, "inside 好");
        assert_eq!(NARROW.column_of(text, 99), 4);
    }

    proptest! {
        #[test]
        fn agrees_with_what_ratatui_draws(cluster in "\\PC{1,12}") {
            for piece in NARROW.pieces(&cluster).filter(|p| !p.text.chars().any(char::is_control)) {
                prop_assert_eq!(piece.width, usize::from(piece.text.cell_width()));
            }
        }

        #[test]
        fn columns_and_bytes_lead_back(text in "[a-z李雷，。“”👍 ]{0,30}") {
            for m in [NARROW, WIDE] {
                for piece in m.pieces(&text) {
                    prop_assert_eq!(m.byte_at(&text, m.column_of(&text, piece.byte)), piece.byte);
                }
            }
        }

        #[test]
        fn truncated_text_fits(text in "\\PC{0,30}", columns in 0_usize..20) {
            for m in [NARROW, WIDE] {
                prop_assert!(m.text(&m.truncate(&text, columns)) <= columns);
                prop_assert_eq!(m.text(&m.pad(&text, columns, Align::Centre)), columns);
            }
        }
    }
}
