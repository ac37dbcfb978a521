//! One source laid out in rows for a pane's width, with the cursor on a segment and perhaps a selection.
//!
//! Everything speaks in bytes of the source's visible text; [`crate::sanitize::Visible`] leads back to the bytes of
//! the source. Reports and tables are laid out line by line; chats and transcripts utterance by utterance, with who
//! spoke and when beside it.

use std::ops::Range;
use std::sync::Arc;

use crate::dossier::{Dossier, Segment, Source, SourceFormat};
use crate::evidence::Place;
use crate::id::SegmentNo;
use crate::tui::highlight::Highlights;
use crate::tui::width::Measure;

/// Columns kept free on the right for `← E1 +2`.
pub const BADGES: usize = 8;

/// The widest speaker's name that is shown whole.
const MAX_SPEAKER: usize = 12;

/// One row of the pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Bytes of the visible text.
    pub span: Range<usize>,
    /// What stands beside it.
    pub margin: Margin,
}

/// What stands beside a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Margin {
    /// The rest of what began above.
    Continued,
    /// The number of the line.
    Line(usize),
    /// When and by whom it was said.
    Said {
        /// The time, ready to show.
        time: String,
        /// Who spoke, cut to fit.
        speaker: String,
    },
}

/// Widths of the two columns of the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarginWidth {
    /// Line number or time.
    pub first: usize,
    /// Speaker.
    pub second: usize,
}

impl MarginWidth {
    /// Columns of the margin, with the gaps behind its columns.
    pub fn total(self) -> usize {
        self.first + 1 + if self.second > 0 { self.second + 1 } else { 0 }
    }
}

/// A stretch being selected, by its two ends; both ends' characters belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Where it began.
    pub anchor: usize,
    /// Where it is being moved.
    pub caret: usize,
}

/// One source in the document pane.
#[derive(Debug, Clone)]
pub struct Document {
    dossier: Arc<Dossier>,
    source: usize,
    measure: Measure,
    columns: usize,
    height: usize,
    rows: Vec<Row>,
    margin: MarginWidth,
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
            rows: Vec::new(),
            margin: MarginWidth::default(),
            cursor: 0,
            top: 0,
            selection: None,
        };
        document.resize(80, 24);
        document
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
        &self.rows
    }

    /// The first row in the pane.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The margin's widths.
    pub fn margin(&self) -> MarginWidth {
        self.margin
    }

    /// The tokens of the source, once they are there.
    pub fn highlights(&self) -> &Highlights {
        &self.highlights
    }

    /// Takes the tokens that a worker found; a transcript is shown by utterance and needs none.
    pub fn colour(&mut self, highlights: Arc<Highlights>) {
        if !by_utterance(self.source()) {
            self.highlights = highlights;
        }
    }

    /// Lays the source out for a pane of this size; the cursor stays where it is.
    pub fn resize(&mut self, columns: usize, height: usize) {
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
            .map_or(0..0, |s| shown_in(s, segment.anchor.span.clone()))
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
            .min(self.rows.len().saturating_sub(1));
        let before = self.cursor;
        if let Some(row) = self.rows.get(to) {
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
        let last = self.rows.len().saturating_sub(self.height);
        self.top = self.top.saturating_add_signed(by).min(last);
    }

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
        if let (Some(from), Some(row)) = (self.rows.get(at), self.rows.get(to)) {
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
            && let Some(row) = self.rows.get(self.row_at(selection.caret)).cloned()
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
        let row = self.rows.get(self.top + row)?;
        let byte = row.span.start + self.measure.byte_at(&self.text()[row.span.clone()], column);
        Some(byte.min(self.last_in(&row.span)))
    }

    /// The rows of the cursor's segment.
    pub fn cursor_rows(&self) -> Range<usize> {
        self.segment().map_or(0..1, |s| self.rows_of(&self.shown(s)))
    }

    fn rows_of(&self, span: &Range<usize>) -> Range<usize> {
        let first = self.row_at(span.start);
        let last = self.row_at(span.end.saturating_sub(1).max(span.start));
        first..last + 1
    }

    /// The row that holds a byte, or the last one before it.
    fn row_at(&self, byte: usize) -> usize {
        self.rows
            .partition_point(|r| r.span.start <= byte)
            .saturating_sub(1)
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
        match self.rows.get(row) {
            Some(r) if next < r.span.end => next,
            _ => {
                let row = self.non_empty(row + 1, 1);
                self.rows.get(row).map_or(byte, |r| r.span.start).max(byte)
            }
        }
    }

    /// The character before it that is drawn.
    fn before(&self, byte: usize) -> usize {
        let row = self.row_at(byte);
        match self.rows.get(row) {
            Some(r) if byte > r.span.start => {
                let text = &self.text()[r.span.start..byte];
                self.measure
                    .pieces(text)
                    .last()
                    .map_or(byte, |p| r.span.start + p.byte)
            }
            _ => {
                let row = self.non_empty(row.saturating_sub(1), -1);
                self.rows
                    .get(row)
                    .map_or(byte, |r| self.last_in(&r.span))
                    .min(byte)
            }
        }
    }

    /// The row itself or the next one in that direction with text in it.
    fn non_empty(&self, mut row: usize, direction: isize) -> usize {
        while self.rows.get(row).is_some_and(|r| r.span.is_empty()) {
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
            let last = self.rows.len().saturating_sub(self.height);
            self.top = rows.start.saturating_sub(self.height / 3).min(last);
        }
        self.reveal();
    }

    fn lay_out(&mut self) {
        let Some(source) = self.dossier.sources.get(self.source) else {
            return;
        };
        let (margin, rows) = if by_utterance(Some(source)) {
            utterances(source, self.measure, self.columns)
        } else {
            lines(source, self.measure, self.columns)
        };
        self.margin = margin;
        self.rows = rows;
    }
}

fn by_utterance(source: Option<&Source>) -> bool {
    use SourceFormat::{Json, Jsonl, Srt, Vtt};
    source.is_some_and(|s| matches!(s.format, Json | Jsonl | Srt | Vtt))
}

/// Columns of text beside a margin; never so few that nothing can be read.
fn room(columns: usize, margin: MarginWidth) -> usize {
    columns.saturating_sub(margin.total() + BADGES).max(8)
}

fn lines(source: &Source, measure: Measure, columns: usize) -> (MarginWidth, Vec<Row>) {
    let text = source.shown.text();
    let text = text.strip_suffix('\n').unwrap_or(text);
    let count = text.split('\n').count();
    let margin = MarginWidth {
        first: count.to_string().len().max(3),
        second: 0,
    };
    let mut rows = Vec::with_capacity(count);
    let mut start = 0;
    for (n, line) in text.split('\n').enumerate() {
        push(
            &mut rows,
            text,
            start..start + line.len(),
            Margin::Line(n + 1),
            (measure, room(columns, margin)),
        );
        start += line.len() + 1;
    }
    (margin, rows)
}

fn utterances(source: &Source, measure: Measure, columns: usize) -> (MarginWidth, Vec<Row>) {
    let said: Vec<(Range<usize>, String, &str)> = source
        .segments
        .iter()
        .map(|s| {
            let speaker = s.speaker.as_deref().unwrap_or_default();
            (s.anchor.span.clone(), time_of(s), speaker)
        })
        .collect();
    let widest = |width: &dyn Fn(&(Range<usize>, String, &str)) -> usize| said.iter().map(width).max();
    let margin = MarginWidth {
        first: widest(&|(_, time, _)| measure.text(time)).unwrap_or(0),
        second: widest(&|(.., speaker)| measure.text(speaker))
            .unwrap_or(0)
            .min(MAX_SPEAKER),
    };
    let mut rows = Vec::new();
    for (span, time, speaker) in said {
        let margin_of = Margin::Said {
            time,
            speaker: measure.truncate(speaker, margin.second).into_owned(),
        };
        let span = shown_in(source, span);
        push(
            &mut rows,
            source.shown.text(),
            span,
            margin_of,
            (measure, room(columns, margin)),
        );
    }
    (margin, rows)
}

/// A stretch of the source in its visible text; of a JSON string without the quotes around it.
fn shown_in(source: &Source, span: Range<usize>) -> Range<usize> {
    let span = source.shown.to_shown(span);
    if !matches!(source.format, SourceFormat::Json | SourceFormat::Jsonl) {
        return span;
    }
    let inside = source.shown.text()[span.clone()]
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'));
    inside.map_or(span.clone(), |t| span.start + 1..span.start + 1 + t.len())
}

/// Wraps a stretch into rows; the margin stands beside the first.
fn push(rows: &mut Vec<Row>, text: &str, span: Range<usize>, margin: Margin, fit: (Measure, usize)) {
    let (measure, columns) = fit;
    let mut margin = Some(margin);
    for part in measure.wrap(&text[span.clone()], columns) {
        rows.push(Row {
            span: span.start + part.start..span.start + part.end,
            margin: margin.take().unwrap_or(Margin::Continued),
        });
    }
}

/// When it was said: the recording's clock, or day and time of a chat.
fn time_of(segment: &Segment) -> String {
    if let Some(time) = segment.anchor.time {
        return time.clock();
    }
    let at = segment.anchor.at.as_deref().unwrap_or_default();
    match (at.get(5..10), at.get(11..16)) {
        (Some(day), Some(time)) if at.as_bytes().get(10) == Some(&b'T') => format!("{day} {time}"),
        _ => at.to_owned(),
    }
}
