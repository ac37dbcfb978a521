//! Selecting a stretch of the document, and pointing at places.

use std::ops::Range;

use super::{Document, Row};
use crate::evidence::Place;

/// A stretch being selected, by its two ends; both ends' characters belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Where it began.
    pub anchor: usize,
    /// Where it is being moved.
    pub caret: usize,
}

impl Document {
    /// The selection, if one is being made.
    pub fn selection(&self) -> Option<Selection> {
        self.selection
    }

    /// The selected bytes of the visible text.
    pub fn selected(&self) -> Option<Range<usize>> {
        let selection = self.selection?;
        let start = selection.anchor.min(selection.caret);
        let end = selection.anchor.max(selection.caret);
        Some(start..end + self.cluster_at(end))
    }

    /// Begins a selection at the cursor's segment.
    pub fn begin_selection(&mut self) {
        if let Some(segment) = self.segment() {
            let at = self.shown(segment).start;
            self.selection = Some(Selection {
                anchor: at,
                caret: at,
            });
        }
    }

    /// Begins or moves a selection to a byte, for the mouse.
    pub fn drag(&mut self, from: usize, to: usize) {
        self.selection = Some(Selection {
            anchor: from,
            caret: to,
        });
    }

    /// Ends the selection.
    pub fn end_selection(&mut self) {
        self.selection = None;
    }

    /// Moves the selection's end by characters.
    pub fn select_step(&mut self, forward: bool) {
        let Some(selection) = self.selection else {
            return;
        };
        let to = if forward {
            self.after(selection.caret)
        } else {
            self.before(selection.caret)
        };
        self.caret_to(to);
    }

    /// Moves the selection's end by rows, keeping its column.
    pub fn select_rows(&mut self, by: isize) {
        let Some(selection) = self.selection else {
            return;
        };
        let at = self.line_at(selection.caret);
        let to = self.non_empty(at.saturating_add_signed(by), by);
        if let (Some(from), Some(row)) = (self.rows().get(at), self.rows().get(to)) {
            let column = self.column_in(from, selection.caret);
            let byte = self.byte_in(row, column);
            self.caret_to(byte);
        }
    }

    /// Moves the selection's end to the beginning or end of the row it is on.
    pub fn select_to_row_end(&mut self, last: bool) {
        if let Some(selection) = self.selection
            && let Some(row) = self.rows().get(self.line_at(selection.caret))
        {
            let byte = if last { self.last_in(row) } else { first_in(row) };
            self.caret_to(byte);
        }
    }

    /// What the person points at: the selection's parts, one a segment it touches, else the cursor's segment.
    pub fn places(&self) -> Vec<Place> {
        let (Some(source), Some(selected)) = (self.source(), self.selected()) else {
            let segment = self.segment();
            return segment.map(|s| Place::of(&self.dossier, s)).into_iter().collect();
        };
        let raw = source.shown.to_original(selected);
        let touched = source
            .segments
            .iter()
            .filter(|s| s.anchor.span.start < raw.end && raw.start < s.anchor.span.end);
        touched
            .filter_map(|s| {
                let start = raw.start.max(s.anchor.span.start);
                let end = raw.end.min(s.anchor.span.end);
                Place::within(&self.dossier, s, start..end)
            })
            .collect()
    }

    /// The selected text, else the cursor's segment, as it is shown.
    pub fn pointed_text(&self) -> String {
        match (self.selected(), self.segment()) {
            (Some(span), _) => self.text()[span].to_owned(),
            (None, Some(segment)) => segment.text.clone(),
            (None, None) => String::new(),
        }
    }

    /// The byte drawn at a row of the pane and a column of its text.
    pub fn byte_at(&self, row: usize, column: usize) -> Option<usize> {
        Some(self.byte_in(self.rows().get(self.top + row)?, column))
    }

    /// The byte drawn at a column of a row, or the last one before it; of a table's row one that is drawn.
    fn byte_in(&self, row: &Row, column: usize) -> usize {
        let cell = row
            .cells
            .iter()
            .rev()
            .find(|c| c.column <= column && !c.span.is_empty());
        let (span, from) = match cell {
            Some(cell) => (&cell.span, cell.column),
            None if row.cells.is_empty() => (&row.span, 0),
            None => return first_in(row),
        };
        let byte = self.measure.byte_at(&self.text()[span.clone()], column - from);
        (span.start + byte).min(self.last_of(span))
    }

    /// The column where a byte of a row is drawn; of one that is not the column behind the cell before it.
    fn column_in(&self, row: &Row, byte: usize) -> usize {
        let cell = row.cells.iter().rev().find(|c| c.span.start <= byte);
        let (span, from) = cell.map_or((&row.span, 0), |c| (&c.span, c.column));
        from + self
            .measure
            .column_of(&self.text()[span.clone()], byte - span.start)
    }

    fn caret_to(&mut self, byte: usize) {
        if let Some(selection) = &mut self.selection {
            selection.caret = byte;
        }
        let row = self.line_at(byte);
        self.keep_in_view(row..row + 1);
    }

    /// The next character that is drawn.
    fn after(&self, byte: usize) -> usize {
        let next = byte + self.cluster_at(byte);
        let row = self.row_at(byte);
        let here = self.drawn_in(row).into_iter().find(|span| next < span.end);
        here.map_or_else(
            || {
                let row = self.non_empty(self.lines_of(row).end, 1);
                self.rows().get(row).map_or(byte, first_in).max(byte)
            },
            |span| span.start.max(next),
        )
    }

    /// The character before it that is drawn.
    fn before(&self, byte: usize) -> usize {
        let row = self.row_at(byte);
        let here = self.drawn_in(row).into_iter().rfind(|span| span.start < byte);
        let above = || {
            let above = self.rows().get(self.non_empty(row.saturating_sub(1), -1))?;
            let row = self.row_at(above.span.start);
            self.drawn_in(row).pop().filter(|span| span.start < byte)
        };
        here.or_else(above)
            .map_or(byte, |span| self.last_of(&(span.start..byte.min(span.end))))
    }

    /// What is drawn of a row, of a table's row of all its lines, in the order of the text.
    fn drawn_in(&self, row: usize) -> Vec<Range<usize>> {
        let lines = self.rows().get(self.lines_of(row)).unwrap_or_default();
        let mut spans: Vec<Range<usize>> = lines.iter().flat_map(drawn).cloned().collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The row of the pane where a byte is drawn.
    fn line_at(&self, byte: usize) -> usize {
        let lines = self.lines_of(self.row_at(byte));
        let holds = |line: &usize| {
            let row = self.rows().get(*line);
            row.is_some_and(|r| drawn(r).any(|span| span.contains(&byte)))
        };
        lines.clone().find(holds).unwrap_or(lines.start)
    }

    /// The row itself or the next one in that direction with text in it.
    fn non_empty(&self, mut row: usize, direction: isize) -> usize {
        while self.rows().get(row).is_some_and(|r| drawn(r).next().is_none()) {
            match row.checked_add_signed(direction.signum()) {
                Some(next) if next != row => row = next,
                _ => break,
            }
        }
        row
    }

    /// The last character that is drawn of a row.
    fn last_in(&self, row: &Row) -> usize {
        drawn(row)
            .last()
            .map_or(row.span.start, |span| self.last_of(span))
    }

    fn last_of(&self, span: &Range<usize>) -> usize {
        let pieces = self.measure.pieces(&self.text()[span.clone()]);
        pieces.last().map_or(span.start, |p| span.start + p.byte)
    }

    fn cluster_at(&self, byte: usize) -> usize {
        let mut pieces = self.measure.pieces(&self.text()[byte..]);
        pieces.next().map_or(0, |p| p.text.len())
    }
}

/// The stretches of a row that are drawn and hold something.
fn drawn(row: &Row) -> impl Iterator<Item = &Range<usize>> {
    let whole = row.cells.is_empty().then_some(&row.span);
    let spans = whole.into_iter().chain(row.cells.iter().map(|c| &c.span));
    spans.filter(|span| !span.is_empty())
}

/// The first character that is drawn of a row.
fn first_in(row: &Row) -> usize {
    drawn(row).next().map_or(row.span.start, |span| span.start)
}
