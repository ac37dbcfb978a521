//! Mail: who wrote to whom, when and about what, then the words. Attachments are named, not read.

use std::ops::Range;

use mail_parser::{Address, MessageParser, MimeHeaders as _};

use super::inline::marked;
use super::rendition::{Rendition, Writer, one_line};
use super::web;
use crate::ingest::prose::unwrap_lines;
use crate::ingest::segment::lines;

/// Renders a message.
pub(super) fn render(bytes: &[u8]) -> Result<Rendition, String> {
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or("is no mail message")?;
    let mut out = Writer::default();
    if let Some(subject) = message.subject() {
        out.heading(1, subject);
    }
    let people = [
        ("From", message.from()),
        ("To", message.to()),
        ("Cc", message.cc()),
        ("Bcc", message.bcc()),
    ];
    for (label, people) in people {
        let names = people.map(names).unwrap_or_default();
        if !names.is_empty() {
            out.prose("", &format!("{label}: {names}"));
        }
    }
    if let Some(date) = message.date() {
        out.prose("", &format!("Date: {}", date.to_rfc3339()));
    }
    if out.is_empty() {
        return Err("is no mail message: it has neither a sender nor a subject".to_owned());
    }
    out.blank();
    let sender = message.from().and_then(Address::first);
    let sender = sender.and_then(|s| s.name().or(s.address()));
    out.speaker(sender.map(str::to_owned));
    for at in 0..message.text_body_count() {
        let Some(part) = message.text_part(at as u32) else {
            continue;
        };
        if part.is_text_html() {
            web::write(&mut out, part.text_contents().unwrap_or_default());
        } else {
            plain(&mut out, part.text_contents().unwrap_or_default(), sender);
        }
    }
    out.speaker(None);
    for file in message.attachments() {
        let name = file.attachment_name().unwrap_or("without a name");
        out.rule(&marked("attachment, not read", name));
    }
    Ok(out.finish())
}

/// Plain text: the lines that a mail program wrapped are joined; quoted ones stay as they are, and are not the sender's.
fn plain(out: &mut Writer, text: &str, sender: Option<&str>) {
    let mut block: Vec<Range<usize>> = Vec::new();
    for line in lines(text).chain(std::iter::once(text.len()..text.len())) {
        let words = text[line.clone()].trim();
        if !words.is_empty() && !words.starts_with('>') {
            block.push(line);
            continue;
        }
        for joined in unwrap_lines(text, &std::mem::take(&mut block)) {
            out.prose("", &one_line(&text[joined]));
        }
        match words.strip_prefix('>') {
            Some(quoted) => {
                out.speaker(None);
                out.prose("> ", quoted.trim_start_matches(['>', ' ']));
                out.speaker(sender.map(str::to_owned));
            }
            None => out.blank(),
        }
    }
}

/// `Bo Li <bo@example.org>, …`.
fn names(people: &Address<'_>) -> String {
    let named = people
        .iter()
        .map(|person| match (person.name(), person.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (name, address) => name.or(address).unwrap_or_default().to_owned(),
        });
    named.collect::<Vec<_>>().join(", ")
}
