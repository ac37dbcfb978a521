//! The XML of office files, piece by piece: names without their prefix, entities resolved, nothing expanded.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements deeper than this are not followed.
const MAX_DEPTH: usize = 256;

/// A piece of an XML document.
pub(super) enum Piece<'a> {
    /// A start tag; an empty element gives an end too.
    Open(Tag<'a>),
    /// An end tag, by its name.
    Close(String),
    /// Text between tags.
    Text(String),
}

/// A start tag.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The value of an attribute, by its name without prefix.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let attribute = self
            .0
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|a| a.key.local_name().into_inner() == name)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        Some(value.map_or_else(|_| attribute.value.to_string(), std::borrow::Cow::into_owned))
    }

    /// The relation that it names: an `id` with a prefix, beside which one without may stand.
    pub(super) fn relation(&self) -> Option<String> {
        let mut attributes = self.0.attributes();
        let mut ids = attributes.with_checks(false).flatten();
        let id = ids.find(|a| a.key.prefix().is_some() && a.key.local_name().into_inner() == "id")?;
        Some(id.value.into_owned())
    }

    /// Its attribute as a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.trim().parse().ok()
    }

    /// A switch such as `<w:vanish/>` or `<w:vanish w:val="false"/>`.
    pub(super) fn is_on(&self) -> bool {
        !self
            .get("val")
            .is_some_and(|v| matches!(v.as_str(), "0" | "false" | "off" | "none"))
    }
}

/// An XML document that is read from start to end.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    broken: bool,
}

impl<'a> Xml<'a> {
    /// Starts at the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.allow_dangling_amp = true;
        Self {
            reader,
            depth: 0,
            broken: false,
        }
    }

    /// Whether the document broke off before its end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Reads on behind the end of the element whose start was read last.
    pub(super) fn pass_over(&mut self) {
        let outside = self.depth - 1;
        while self.depth > outside && self.next().is_some() {}
    }
}

impl<'a> Iterator for Xml<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let event = self.reader.read_event();
            return Some(match event {
                Ok(Event::Start(tag)) if self.depth < MAX_DEPTH => {
                    self.depth += 1;
                    Piece::Open(Tag(tag))
                }
                Ok(Event::End(tag)) => {
                    self.depth = self.depth.saturating_sub(1);
                    Piece::Close(tag.local_name().into_inner().to_owned())
                }
                Ok(Event::Text(text)) => Piece::Text(text.xml10_content().into_owned()),
                Ok(Event::CData(text)) => Piece::Text(text.xml10_content().into_owned()),
                Ok(Event::GeneralRef(entity)) => Piece::Text(resolved(&entity)),
                Ok(Event::Eof) if self.depth == 0 => return None,
                Ok(Event::Start(_) | Event::Eof) | Err(_) => {
                    self.broken = true;
                    return None;
                }
                Ok(_) => continue,
            });
        }
    }
}

/// The character of a reference; one that is not XML's own stays as it is.
fn resolved(entity: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = entity.resolve_char_ref() {
        return c.to_string();
    }
    let name = entity.xml10_content();
    match &*name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}
