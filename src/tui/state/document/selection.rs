//! Selecting a stretch of the document, and pointing at places.

use std::ops::Range;

use super::Document;
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
        let at = self.row_at(selection.caret);
        let to = self.non_empty(at.saturating_add_signed(by), by);
        if let (Some(from), Some(row)) = (self.rows().get(at), self.rows().get(to)) {
            let column = self
                .measure
                .column_of(&self.text()[from.span.clone()], selection.caret - from.span.start);
            let byte = row.span.start + self.measure.byte_at(&self.text()[row.span.clone()], column);
            self.caret_to(byte.min(self.last_in(&row.span.clone())));
        }
    }

    /// Moves the selection's end to the beginning or end of the row it is on.
    pub fn select_to_row_end(&mut self, last: bool) {
        if let Some(selection) = self.selection
            && let Some(row) = self.rows().get(self.row_at(selection.caret)).cloned()
        {
            self.caret_to(if last {
                self.last_in(&row.span)
            } else {
                row.span.start
            });
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
        let row = self.rows().get(self.top + row)?;
        let byte = row.span.start + self.measure.byte_at(&self.text()[row.span.clone()], column);
        Some(byte.min(self.last_in(&row.span)))
    }

    fn caret_to(&mut self, byte: usize) {
        if let Some(selection) = &mut self.selection {
            selection.caret = byte;
        }
        let row = self.row_at(byte);
        self.keep_in_view(row..row + 1);
    }

    /// The next character that is drawn.
    fn after(&self, byte: usize) -> usize {
        let next = byte + self.cluster_at(byte);
        let row = self.row_at(byte);
        match self.rows().get(row) {
            Some(r) if next < r.span.end => next,
            _ => {
                let row = self.non_empty(row + 1, 1);
                self.rows().get(row).map_or(byte, |r| r.span.start).max(byte)
            }
        }
    }

    /// The character before it that is drawn.
    fn before(&self, byte: usize) -> usize {
        let row = self.row_at(byte);
        match self.rows().get(row) {
            Some(r) if byte > r.span.start => {
                let text = &self.text()[r.span.start..byte];
                self.measure
                    .pieces(text)
                    .last()
                    .map_or(byte, |p| r.span.start + p.byte)
            }
            _ => {
                let row = self.non_empty(row.saturating_sub(1), -1);
                self.rows()
                    .get(row)
                    .map_or(byte, |r| self.last_in(&r.span))
                    .min(byte)
            }
        }
    }

    /// The row itself or the next one in that direction with text in it.
    fn non_empty(&self, mut row: usize, direction: isize) -> usize {
        while self.rows().get(row).is_some_and(|r| r.span.is_empty()) {
            match row.checked_add_signed(direction.signum()) {
                Some(next) if next != row => row = next,
                _ => break,
            }
        }
        row
    }

    fn last_in(&self, span: &Range<usize>) -> usize {
        let pieces = self.measure.pieces(&self.text()[span.clone()]);
        pieces.last().map_or(span.start, |p| span.start + p.byte)
    }

    fn cluster_at(&self, byte: usize) -> usize {
        let mut pieces = self.measure.pieces(&self.text()[byte..]);
        pieces.next().map_or(0, |p| p.text.len())
    }
}
