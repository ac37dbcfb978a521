//! Web pages: the words in reading order, headings, lists and tables, with what the page hides marked.
//!
//! The tokens of the HTML standard, without its tree: for words that is enough, and there is nothing to nest too deep.

use std::cell::RefCell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::inline::Inline;
use super::rendition::{CellText, Rendition, Writer, one_line};

/// Elements deeper than this are not told apart.
const MAX_DEPTH: usize = 512;
/// Elements that have no end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements whose words are not the page's.
const SILENT: [&str; 6] = ["script", "style", "template", "noscript", "svg", "head"];
/// Elements that begin and end a paragraph.
const BLOCKS: [&str; 30] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "li",
    "main",
    "nav",
    "p",
    "pre",
    "section",
];

/// Renders a page.
pub(super) fn render(bytes: &[u8]) -> Rendition {
    let text = crate::ingest::encoding::decode(bytes.to_vec()).text;
    let mut out = Writer::default();
    write(&mut out, &text);
    out.finish()
}

/// Writes a page.
pub(super) fn write(out: &mut Writer, text: &str) {
    let sink = Sink(RefCell::new(Page {
        out: std::mem::take(out),
        ..Page::default()
    }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // The tokenizer stops behind every script, so that it could be run.
    while !input.is_empty() {
        drop(tokenizer.feed(&input));
    }
    tokenizer.end();
    let mut page = tokenizer.sink.0.take();
    page.end_block();
    *out = page.out;
}

struct Sink(RefCell<Page>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(words) => page.say(&words),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return page.open(&tag),
            Token::TagToken(tag) => page.close(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// A page while it is read.
#[derive(Default)]
struct Page {
    out: Writer,
    line: Inline,
    /// The elements that are open, and whether they hide what is in them.
    open: Vec<(String, bool)>,
    heading: Option<usize>,
    listed: bool,
    tables: Vec<(Vec<String>, u32)>,
    row: Vec<CellText>,
    in_cell: bool,
}

impl Page {
    fn is_silent(&self) -> bool {
        self.open.iter().any(|(name, _)| SILENT.contains(&name.as_str()))
    }

    fn say(&mut self, words: &str) {
        if self.is_silent() {
            return;
        }
        let hidden = self.open.iter().any(|(_, hides)| *hides).then_some("hidden");
        let kept = if self.open.iter().any(|(name, _)| name == "pre") {
            words.to_owned()
        } else {
            words.replace(['\n', '\r', '\t'], " ")
        };
        self.line.push(hidden, &kept);
    }

    fn open(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        let value = |key: &str| {
            let own = tag.attrs.iter().find(|a| &*a.name.local == key);
            own.map(|a| a.value.to_string())
        };
        if BLOCKS.contains(&name) {
            self.end_block();
        }
        match name {
            "br" => self.say_break(),
            "hr" => self.end_block(),
            "img" => {
                let words = value("alt").unwrap_or_default();
                if !words.trim().is_empty() && !self.is_silent() {
                    self.line.push(Some("picture"), &words);
                }
            }
            "li" => self.listed = true,
            "table" => {
                self.end_block();
                self.tables.push((Vec::new(), 0));
            }
            "tr" => self.end_row(),
            "td" | "th" if !self.tables.is_empty() => {
                self.end_cell();
                self.in_cell = true;
                self.row.push(CellText::default());
            }
            _ => self.heading = level(name).or(self.heading),
        }
        if !VOID.contains(&name) && !tag.self_closing && self.open.len() < MAX_DEPTH {
            let style = value("style").unwrap_or_default();
            self.open
                .push((name.to_owned(), value("hidden").is_some() || hides(&style)));
        }
        match name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "noscript" | "xmp" | "iframe" | "noembed" | "noframes" => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn close(&mut self, name: &str) {
        if BLOCKS.contains(&name) {
            self.end_block();
        }
        match name {
            "td" | "th" => self.end_cell(),
            "tr" => self.end_row(),
            "table" => {
                self.end_row();
                self.tables.pop();
            }
            "li" => self.listed = false,
            _ => {}
        }
        if let Some(at) = self.open.iter().rposition(|(open, _)| open == name) {
            self.open.truncate(at);
        }
    }

    fn say_break(&mut self) {
        if !self.is_silent() {
            self.line.push(None, "\n");
        }
    }

    fn end_block(&mut self) {
        let words = std::mem::take(&mut self.line).text();
        let heading = self.heading.take();
        match self.row.last_mut() {
            Some(cell) if self.in_cell => {
                cell.text.push_str(&words);
                cell.text.push(' ');
            }
            _ => match heading {
                Some(level) => self.out.heading(level, &words),
                None if words.trim().is_empty() => {}
                None => {
                    self.out.prose(if self.listed { "- " } else { "" }, &words);
                    self.listed = false;
                }
            },
        }
    }

    fn end_cell(&mut self) {
        if self.in_cell {
            self.end_block();
            self.in_cell = false;
        }
    }

    /// A table of one cell a row is how pages are laid out: what is in it are paragraphs.
    fn end_row(&mut self) {
        self.end_cell();
        let row = std::mem::take(&mut self.row);
        let Some((header, rows)) = self.tables.last_mut() else {
            return;
        };
        match &row[..] {
            [] => {}
            [only] => self.out.prose("", &only.text),
            _ if header.is_empty() => {
                *header = row.iter().map(|cell| one_line(&cell.text)).collect();
                self.out.blank();
                self.out.header(&row);
            }
            _ => {
                *rows += 1;
                self.out.row(*rows, header, &row);
            }
        }
    }
}

/// The level of a heading's element.
fn level(name: &str) -> Option<usize> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

/// Whether a style hides what it is put on.
fn hides(style: &str) -> bool {
    let style: String = style
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    let white = ["color:#fff;", "color:#ffffff;", "color:white;"];
    let other = [
        "display:none",
        "visibility:hidden",
        "font-size:0",
        "font-size:1px",
        "opacity:0;",
    ];
    let style = format!(";{style};");
    other.iter().any(|rule| style.contains(&format!(";{rule}")))
        || white.iter().any(|rule| style.contains(&format!(";{rule}"))) && !style.contains(";background")
}
