//! One source laid out in rows for a pane's width, with the cursor on a segment and perhaps a selection.
//!
//! Everything speaks in bytes of the source's visible text; [`crate::sanitize::Visible`] leads back to the bytes of
//! the source. Reports are laid out line by line, tables in columns; chats and transcripts utterance by utterance, with
//! who spoke and when beside it.

use std::ops::Range;
use std::sync::Arc;

use crate::dossier::{Dossier, Segment, Source};
use crate::id::SegmentNo;
use crate::tui::highlight::Highlights;
use crate::tui::width::Measure;

mod layout;
mod selection;
mod table;

pub use layout::{BADGES, Laid, Margin, MarginWidth, Row, lay_out};
pub use selection::Selection;
pub use table::Cell;

use layout::by_utterance;

/// Bytes of a source that are laid out at once; the rest of a longer one comes from a worker.
const AT_ONCE: usize = 256 * 1024;

/// One source in the document pane.
#[derive(Debug, Clone)]
pub struct Document {
    dossier: Arc<Dossier>,
    source: usize,
    measure: Measure,
    columns: usize,
    height: usize,
    laid: Laid,
    highlights: Arc<Highlights>,
    cursor: usize,
    top: usize,
    selection: Option<Selection>,
}

impl Document {
    /// The pane on a source, nothing laid out before [`Document::resize`].
    pub fn new(dossier: Arc<Dossier>, source: usize, measure: Measure) -> Self {
        let text = dossier.sources.get(source).map_or("", |s| s.shown.text());
        let mut document = Self {
            highlights: Arc::new(Highlights::plain(text)),
            dossier,
            source,
            measure,
            columns: 0,
            height: 1,
            laid: Laid::default(),
            cursor: 0,
            top: 0,
            selection: None,
        };
        document.resize(80, 24);
        document
    }

    /// The same source in what the dossier has become: cursor, selection and rows stay.
    pub fn reread(&mut self, dossier: Arc<Dossier>, source: usize) {
        self.dossier = dossier;
        self.source = source;
    }

    /// Which source, an index into the dossier's.
    pub fn index(&self) -> usize {
        self.source
    }

    /// The source.
    pub fn source(&self) -> Option<&Source> {
        self.dossier.sources.get(self.source)
    }

    /// Its visible text.
    pub fn text(&self) -> &str {
        self.source().map_or("", |s| s.shown.text())
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.laid.rows
    }

    /// The first row in the pane.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The margin's widths.
    pub fn margin(&self) -> MarginWidth {
        self.laid.margin
    }

    /// The tokens of the source, once they are there.
    pub fn highlights(&self) -> &Highlights {
        &self.highlights
    }

    /// Takes the tokens that a worker found; a transcript is shown by utterance and needs none.
    pub fn colour(&mut self, highlights: Arc<Highlights>) {
        if !self.source().is_some_and(by_utterance) {
            self.highlights = highlights;
        }
    }

    /// Lays the source out for a pane of this size; the cursor stays where it is.
    pub fn resize(&mut self, columns: usize, height: usize) {
        if (columns, height.max(1)) == (self.columns, self.height) {
            return;
        }
        self.height = height.max(1);
        if columns != self.columns {
            self.columns = columns;
            self.lay_out();
        }
        self.reveal();
    }

    /// The segment under the cursor.
    pub fn segment(&self) -> Option<&Segment> {
        self.source()?.segments.get(self.cursor)
    }

    /// The bytes of a segment in the visible text.
    pub fn shown(&self, segment: &Segment) -> Range<usize> {
        self.source()
            .map_or(0..0, |s| s.shown.to_shown(segment.anchor.span.clone()))
    }

    /// Puts the cursor on a segment of this source.
    pub fn go_to(&mut self, no: SegmentNo) {
        let found = self
            .source()
            .and_then(|s| s.segments.binary_search_by_key(&no, |s| s.no).ok());
        if let Some(at) = found {
            self.cursor = at;
            self.centre();
        }
    }

    /// Puts the cursor on the segment that holds a byte of the visible text, or the one before it.
    pub fn go_to_byte(&mut self, byte: usize) {
        let Some(source) = self.source() else {
            return;
        };
        let raw = source.shown.to_original(byte..byte).start;
        let after = source.segments.partition_point(|s| s.anchor.span.start <= raw);
        self.cursor = after.saturating_sub(1);
        self.reveal();
    }

    /// Moves the cursor by segments.
    pub fn step(&mut self, by: isize) {
        let last = self.source().map_or(0, |s| s.segments.len().saturating_sub(1));
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        self.reveal();
    }

    /// Moves by rows: the cursor goes to the segment there.
    pub fn page(&mut self, rows: isize) {
        let at = self.cursor_rows().start;
        let to = at
            .saturating_add_signed(rows)
            .min(self.laid.rows.len().saturating_sub(1));
        let before = self.cursor;
        if let Some(row) = self.laid.rows.get(to) {
            self.go_to_byte(row.span.start);
        }
        if self.cursor == before {
            self.step(rows.signum());
        }
    }

    /// To the first or last segment.
    pub fn go_to_end(&mut self, last: bool) {
        self.cursor = 0;
        self.step(if last { isize::MAX } else { 0 });
    }

    /// Scrolls without moving the cursor, for the mouse wheel.
    pub fn scroll(&mut self, by: isize) {
        let last = self.laid.rows.len().saturating_sub(self.height);
        self.top = self.top.saturating_add_signed(by).min(last);
    }

    /// The rows of the cursor's segment.
    pub fn cursor_rows(&self) -> Range<usize> {
        self.segment().map_or(0..1, |s| self.rows_of(&self.shown(s)))
    }

    fn rows_of(&self, span: &Range<usize>) -> Range<usize> {
        let first = self.row_at(span.start);
        let last = self.row_at(span.end.saturating_sub(1).max(span.start));
        first..self.lines_of(last).end
    }

    /// The row that holds a byte, or the last one before it; of a table's row its first line.
    fn row_at(&self, byte: usize) -> usize {
        let rows = &self.laid.rows;
        let mut row = rows.partition_point(|r| r.span.start <= byte).saturating_sub(1);
        while row > 0 && rows.get(row).is_some_and(Row::continues_table) {
            row -= 1;
        }
        row
    }

    /// A row and, of a table's row, its further lines.
    fn lines_of(&self, row: usize) -> Range<usize> {
        let further = self.laid.rows.iter().skip(row + 1);
        row..row + 1 + further.take_while(|r| r.continues_table()).count()
    }

    fn reveal(&mut self) {
        self.keep_in_view(self.cursor_rows());
    }

    fn keep_in_view(&mut self, rows: Range<usize>) {
        if rows.end > self.top + self.height {
            self.top = rows.end - self.height;
        }
        self.top = self.top.min(rows.start);
    }

    /// Brings the cursor to the middle when it is out of view, so that what surrounds it can be read.
    fn centre(&mut self) {
        let rows = self.cursor_rows();
        if rows.start < self.top || rows.end > self.top + self.height {
            let last = self.laid.rows.len().saturating_sub(self.height);
            self.top = rows.start.saturating_sub(self.height / 3).min(last);
        }
        self.reveal();
    }

    fn lay_out(&mut self) {
        if let Some(source) = self.dossier.sources.get(self.source) {
            self.laid = lay_out(source, self.measure, self.columns, AT_ONCE);
        }
    }

    /// For how many columns the rest of a long source has still to be laid out, if so.
    pub fn wants_layout(&self) -> Option<usize> {
        self.laid.until.map(|_| self.columns)
    }

    /// Takes the rows that a worker laid out for so many columns.
    pub fn laid_out(&mut self, columns: usize, laid: &Laid) {
        if columns == self.columns {
            self.laid = laid.clone();
            self.reveal();
        }
    }
}
