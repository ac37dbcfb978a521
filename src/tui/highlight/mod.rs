//! Colouring of sources by their format, and laying marks of evidence over it.
//!
//! Markdown and JSON are read by syntect's grammars; tables and captions by a few lines of our own. The result is
//! tokens over byte ranges, not colours, so that a theme can change without reading again. Colouring a long source
//! takes long enough to be seen: [`Highlights::plain`] is there at once, [`Highlights::of`] belongs on a worker.
//! Both take the visible text of a source ([`crate::sanitize::Visible::text`]), never the raw one.

use std::ops::Range;
use std::time::{Duration, Instant};

use ratatui::style::Style;

use crate::dossier::SourceFormat;
use crate::tui::theme::SyntaxStyles;

mod captions;
mod grammar;
mod overlay;
mod table;

pub use overlay::{Mark, Row, row};

/// A line longer than this is not coloured: grammars are written for lines that people wrote.
const MAX_LINE: usize = 4 * 1024;

/// Bytes of one source that are coloured; what follows is plain.
const MAX_COLOURED: usize = 512 * 1024;

/// After this long the rest stays plain: text can be written so that a grammar takes minutes over it, and such a
/// source must not keep a worker from the others.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a stretch of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// A heading or header row.
    Heading,
    /// Strong emphasis.
    Strong,
    /// Emphasis.
    Emphasis,
    /// Code in a text.
    Code,
    /// A link or address.
    Link,
    /// Quoted text.
    Quote,
    /// A sign of the format itself.
    Punctuation,
    /// The name of a field.
    Key,
    /// A string value.
    String,
    /// A number, date or time.
    Number,
    /// A keyword or constant.
    Keyword,
    /// A comment.
    Comment,
    /// Who speaks.
    Speaker,
}

impl Token {
    /// How the theme shows it.
    pub fn style(self, syntax: &SyntaxStyles) -> Style {
        match self {
            Self::Heading => syntax.heading,
            Self::Strong => syntax.strong,
            Self::Emphasis => syntax.emphasis,
            Self::Code => syntax.code,
            Self::Link => syntax.link,
            Self::Quote => syntax.quote,
            Self::Punctuation => syntax.punctuation,
            Self::Key => syntax.key,
            Self::String => syntax.string,
            Self::Number => syntax.number,
            Self::Keyword => syntax.keyword,
            Self::Comment => syntax.comment,
            Self::Speaker => syntax.speaker,
        }
    }
}

/// A stretch of one line with a token; stretches without one are ordinary text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Bytes of the source's visible text.
    pub span: Range<usize>,
    /// What it is.
    pub token: Token,
}

/// The lines of a source and the tokens in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Highlights {
    lines: Vec<Range<usize>>,
    runs: Vec<Run>,
}

/// Reads one line after the other; keeps what carries over between them.
trait Reader {
    /// Appends the runs of `line`, which lies at byte `start` and still has its newline.
    fn read(&mut self, line: &str, start: usize, runs: &mut Vec<Run>);
}

impl Highlights {
    /// The lines without any colour.
    pub fn plain(text: &str) -> Self {
        Self {
            lines: line_ranges(text).collect(),
            runs: Vec::new(),
        }
    }

    /// The lines with the tokens of `format`.
    pub fn of(text: &str, format: SourceFormat) -> Self {
        Self::within(text, format, PATIENCE)
    }

    fn within(text: &str, format: SourceFormat, patience: Duration) -> Self {
        let mut highlights = Self::plain(text);
        let Some(mut reader) = reader(format) else {
            return highlights;
        };
        let (mut start, begun) = (0, Instant::now());
        for line in text.split_inclusive('\n') {
            if start + line.len() > MAX_COLOURED || begun.elapsed() > patience {
                break;
            }
            if line.len() <= MAX_LINE {
                reader.read(line, start, &mut highlights.runs);
            }
            start += line.len();
        }
        highlights
    }

    /// Byte range of each line, without its newline. A text has at least one line.
    pub fn lines(&self) -> &[Range<usize>] {
        &self.lines
    }

    /// The line, from 0, that holds `byte`; the last one when the byte lies behind the text.
    pub fn line_at(&self, byte: usize) -> usize {
        self.lines.partition_point(|l| l.start <= byte).saturating_sub(1)
    }

    /// The runs that touch `span`, in order.
    pub fn runs_in(&self, span: Range<usize>) -> &[Run] {
        let from = self.runs.partition_point(|r| r.span.end <= span.start);
        let to = self.runs.partition_point(|r| r.span.start < span.end);
        self.runs.get(from..to).unwrap_or_default()
    }
}

/// Loads the grammars, so that the first source need not wait for them; call it on a worker.
pub fn warm() {
    grammar::syntaxes();
}

fn reader(format: SourceFormat) -> Option<Box<dyn Reader>> {
    match format {
        // Renditions of documents mark their headings and lists as Markdown does.
        SourceFormat::Markdown | SourceFormat::Docx | SourceFormat::Pptx | SourceFormat::Html => {
            grammar::Grammar::markdown().map(|g| Box::new(g) as _)
        }
        SourceFormat::Json => grammar::Grammar::json(false).map(|g| Box::new(g) as _),
        SourceFormat::Jsonl => grammar::Grammar::json(true).map(|g| Box::new(g) as _),
        SourceFormat::Csv => Some(Box::new(table::Table::default())),
        SourceFormat::Vtt | SourceFormat::Recording => Some(Box::new(captions::Captions::vtt())),
        SourceFormat::Srt => Some(Box::new(captions::Captions::srt())),
        SourceFormat::Text
        | SourceFormat::Picture
        | SourceFormat::Pdf
        | SourceFormat::Xlsx
        | SourceFormat::Ods
        | SourceFormat::Eml => None,
    }
}

fn line_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let span = start..start + line.len();
        start = span.end + 1;
        span
    })
}

#[cfg(test)]
mod tests;
