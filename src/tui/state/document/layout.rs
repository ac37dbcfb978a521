//! Laying a source out in rows: reports line by line; tables row by row, their cells in columns; chats and transcripts
//! utterance by utterance, with who spoke and when beside it.

use std::ops::Range;

use super::table::{self, Cell};
use crate::dossier::{Segment, Source, SourceFormat};
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
    /// Of a table's row what is drawn of its cells, from left to right. Its further lines have an empty span at its end.
    pub cells: Vec<Cell>,
}

impl Row {
    /// Whether it is a further line of the table's row above.
    pub fn continues_table(&self) -> bool {
        self.margin == Margin::Continued && !self.cells.is_empty()
    }
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

/// A source in rows of one width.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Laid {
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// Widths of what stands beside them.
    pub margin: MarginWidth,
    /// Where the rows end, when the rest of a long source is still to come.
    pub until: Option<usize>,
}

/// Lays a source out for a pane of so many columns; of its visible text only what begins before `limit`.
///
/// Wrapping reads every character: a long source takes long enough to be felt, so it is laid out in part first and
/// whole on a worker.
pub fn lay_out(source: &Source, measure: Measure, columns: usize, limit: usize) -> Laid {
    let fit = Fit {
        measure,
        columns,
        limit,
    };
    if by_utterance(source) {
        utterances(source, fit)
    } else if source.format == SourceFormat::Csv {
        table::rows(source, fit)
    } else {
        lines(source, fit)
    }
}

/// Whether a source is shown by utterance.
pub(super) fn by_utterance(source: &Source) -> bool {
    use SourceFormat::{Json, Jsonl, Recording, Srt, Vtt};
    matches!(source.format, Json | Jsonl | Recording | Srt | Vtt)
}

/// What rows have to fit.
#[derive(Clone, Copy)]
pub(super) struct Fit {
    pub(super) measure: Measure,
    pub(super) columns: usize,
    pub(super) limit: usize,
}

/// The margin of a text of so many lines.
pub(super) fn line_numbers(lines: usize) -> MarginWidth {
    MarginWidth {
        first: lines.to_string().len().max(3),
        second: 0,
    }
}

/// Columns of text beside a margin; never so few that nothing can be read.
pub(super) fn room(columns: usize, margin: MarginWidth) -> usize {
    columns.saturating_sub(margin.total() + BADGES).max(8)
}

fn lines(source: &Source, fit: Fit) -> Laid {
    let text = source.shown.text();
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut laid = Laid {
        margin: line_numbers(text.split('\n').count()),
        ..Laid::default()
    };
    let mut start = 0;
    for (n, line) in text.split('\n').enumerate() {
        if start >= fit.limit {
            laid.until = Some(start);
            break;
        }
        push(
            &mut laid,
            text,
            start..start + line.len(),
            Margin::Line(n + 1),
            fit,
        );
        start += line.len() + 1;
    }
    laid
}

fn utterances(source: &Source, fit: Fit) -> Laid {
    let measure = fit.measure;
    let speakers = source.segments.iter().filter_map(|s| s.speaker.as_deref());
    let times = source.segments.iter().map(time_of);
    let margin = MarginWidth {
        first: times.map(|t| measure.text(&t)).max().unwrap_or(0),
        second: speakers
            .map(|s| measure.text(s))
            .max()
            .unwrap_or(0)
            .min(MAX_SPEAKER),
    };
    let mut laid = Laid {
        margin,
        ..Laid::default()
    };
    for segment in &source.segments {
        let span = source.shown.to_shown(segment.anchor.span.clone());
        if span.start >= fit.limit {
            laid.until = Some(span.start);
            break;
        }
        let speaker = segment.speaker.as_deref().unwrap_or_default();
        let beside = Margin::Said {
            time: time_of(segment),
            speaker: measure.truncate(speaker, margin.second).into_owned(),
        };
        push(&mut laid, source.shown.text(), span, beside, fit);
    }
    laid
}

/// Wraps a stretch into rows; what stands beside it stands beside the first.
fn push(laid: &mut Laid, text: &str, span: Range<usize>, beside: Margin, fit: Fit) {
    let columns = room(fit.columns, laid.margin);
    let mut beside = Some(beside);
    for part in fit.measure.wrap(&text[span.clone()], columns) {
        laid.rows.push(Row {
            span: span.start + part.start..span.start + part.end,
            margin: beside.take().unwrap_or(Margin::Continued),
            cells: Vec::new(),
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
