//! From the text of a rubric file to a checked [`Rubric`]: every rule a rubric must obey stands here.

use toml::de::DeTable;

use super::fault::{Fault, RubricErrors};
use super::reader::{Node, Reader, Text};
use super::{Behaviour, Bilingual, Dimension, Rubric, Signal};
use crate::hash::ContentHash;
use crate::id::{DimensionId, RubricId};
use crate::sanitize::{is_safe_char, line};

/// A rubric is read whole; a larger file is not one.
const MAX_BYTES: usize = 1 << 20;
/// The levels of the scale, and so the anchors of a dimension.
const LEVELS: usize = 5;
/// With fewer, coverage of the expected behaviours says little.
const MIN_BEHAVIOURS: usize = 6;
/// With fewer, counts say little.
const MIN_SIGNALS: usize = 4;

/// How long a bilingual text may be.
struct Limit {
    zh_characters: usize,
    en_words: usize,
    reason: &'static str,
}

// A branch prompt holds name, definition and five anchors and is at most 200 tokens in one language. Chinese costs
// about 0.7 tokens a character and English about 1.4 a word, so these limits leave 50 tokens for the frame around.
const BUDGET: &str = "name, definition and anchors share one branch prompt of 200 tokens";
const NAME: Limit = Limit {
    zh_characters: 12,
    en_words: 5,
    reason: "it labels one row of the screen",
};
const DEFINITION: Limit = Limit {
    zh_characters: 50,
    en_words: 22,
    reason: BUDGET,
};
const ANCHOR: Limit = Limit {
    zh_characters: 20,
    en_words: 10,
    reason: BUDGET,
};
const BEHAVIOUR: Limit = Limit {
    zh_characters: 60,
    en_words: 30,
    reason: "it is one line of the screen and one query of the search",
};
const TITLE: Limit = Limit {
    zh_characters: 40,
    en_words: 12,
    reason: "it is a heading",
};
/// Longer terms are sentences, which nobody repeats word for word.
const TERM_CHARACTERS: usize = 40;

impl Rubric {
    /// Reads and checks a rubric; `file` is what to call it in errors.
    ///
    /// # Errors
    /// Every fault of the file at once, each with its line and field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, RubricErrors> {
        let fail = |faults| RubricErrors {
            file: line(file).into_owned(),
            faults,
        };
        let text = decode(bytes).map_err(|fault| fail(vec![fault]))?;
        let (table, syntax) = DeTable::parse_recoverable(text);
        let mut reader = Reader::new(text);
        if !syntax.is_empty() {
            for error in syntax {
                let offset = error.span().map_or(0, |s| s.start);
                reader.fault(offset, "", format!("not TOML: {}", line(error.message())));
            }
            return Err(fail(reader.into_faults()));
        }
        let root = reader.root(&table, &["id", "version", "title", "redact", "dimension"]);
        let rubric = rubric(&mut reader, &root, ContentHash::of(bytes));
        match reader.into_faults() {
            faults if faults.is_empty() => Ok(rubric),
            faults => Err(fail(faults)),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    let fault = |line, message| Fault {
        line,
        field: String::new(),
        message,
    };
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes, a rubric has at most {MAX_BYTES}", bytes.len());
        return Err(fault(1, message));
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let before = &bytes[..e.valid_up_to()];
        let line = before.split(|b| *b == b'\n').count() as u32;
        fault(
            line,
            format!("not UTF-8 at byte {}; save the file as UTF-8", before.len()),
        )
    })
}

fn rubric(reader: &mut Reader<'_>, root: &Node<'_>, hash: ContentHash) -> Rubric {
    let id = identifier(reader, root);
    let version = reader.text(root, "version");
    visible(reader, &version);
    let title = bilingual_field(reader, root, "title", &TITLE);
    let redact = reader.flag(root, "redact").unwrap_or(true);
    let nodes = reader.tables(
        root,
        "dimension",
        &["id", "name", "definition", "anchors", "behaviours", "signals"],
    );
    if nodes.is_empty() {
        reader.fault(0, "dimension", "a rubric needs at least one [[dimension]] table");
    }
    let read: Vec<ReadDimension> = nodes.iter().map(|n| dimension(reader, n)).collect();
    reader.unique(read.iter().map(|d| &d.id));
    reader.unique(read.iter().map(|d| &d.name.zh));
    reader.unique(read.iter().map(|d| &d.name.en));
    Rubric {
        id: RubricId::new(id.value),
        version: version.value,
        title: title.into(),
        redact,
        dimensions: read.into_iter().map(|d| d.dimension).collect(),
        hash,
    }
}

/// A dimension, with what must be unique among all of them.
struct ReadDimension {
    id: Text,
    name: ReadBilingual,
    dimension: Dimension,
}

fn dimension(reader: &mut Reader<'_>, node: &Node<'_>) -> ReadDimension {
    let id = identifier(reader, node);
    let name = bilingual_field(reader, node, "name", &NAME);
    let dimension = Dimension {
        id: DimensionId::new(id.value.clone()),
        name: name.clone().into(),
        definition: bilingual_field(reader, node, "definition", &DEFINITION).into(),
        anchors: anchors(reader, node),
        behaviours: behaviours(reader, node),
        signals: signals(reader, node),
    };
    ReadDimension { id, name, dimension }
}

/// Exactly five, level 1 first.
fn anchors(reader: &mut Reader<'_>, node: &Node<'_>) -> [Bilingual; LEVELS] {
    let nodes = reader.tables(node, "anchors", &["level", "zh", "en"]);
    let mut levels = Vec::new();
    let mut texts = Vec::new();
    for anchor in &nodes {
        levels.extend(
            reader
                .integer(anchor, "level")
                .map(|level| (level, anchor.offset())),
        );
        texts.push(Bilingual::from(bilingual(reader, anchor, &ANCHOR)));
    }
    anchor_order(reader, node, &levels);
    texts.resize_with(LEVELS, || Bilingual {
        zh: String::new(),
        en: String::new(),
    });
    let mut texts = texts.into_iter();
    std::array::from_fn(|_| {
        texts.next().unwrap_or_else(|| Bilingual {
            zh: String::new(),
            en: String::new(),
        })
    })
}

fn anchor_order(reader: &mut Reader<'_>, node: &Node<'_>, levels: &[(i64, usize)]) {
    let field = node.field("anchors");
    let all = 1..=LEVELS as i64;
    for level in all.clone() {
        let mut found = levels.iter().filter(|(l, _)| *l == level);
        match (found.next(), found.next()) {
            (None, _) => reader.fault(node.offset(), &field, format!("level {level} is missing")),
            (_, Some((_, second))) => reader.fault(*second, &field, format!("level {level} stands twice")),
            _ => {}
        }
    }
    for (level, offset) in levels.iter().filter(|(l, _)| !all.contains(l)) {
        reader.fault(*offset, &field, format!("level {level} is not one of 1 to 5"));
    }
    if let Some(step) = levels.windows(2).find(|w| w[1].0 < w[0].0) {
        let message = format!("level {} stands after level {}", step[1].0, step[0].0);
        reader.fault(step[1].1, &field, format!("{message}; order them 1 to 5"));
    }
}

fn behaviours(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Behaviour> {
    let nodes = reader.tables(node, "behaviours", &["id", "zh", "en"]);
    at_least(reader, node, "behaviours", nodes.len(), MIN_BEHAVIOURS);
    let ids: Vec<Text> = nodes.iter().map(|n| identifier(reader, n)).collect();
    reader.unique(&ids);
    let read = nodes.iter().zip(ids).map(|(n, id)| Behaviour {
        id: id.value,
        text: bilingual(reader, n, &BEHAVIOUR).into(),
    });
    read.collect()
}

fn signals(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Signal> {
    let nodes = reader.tables(node, "signals", &["id", "zh", "en"]);
    at_least(reader, node, "signals", nodes.len(), MIN_SIGNALS);
    let ids: Vec<Text> = nodes.iter().map(|n| identifier(reader, n)).collect();
    reader.unique(&ids);
    let read = nodes.iter().zip(ids).map(|(n, id)| Signal {
        id: id.value,
        zh: terms(reader, n, "zh"),
        en: terms(reader, n, "en"),
    });
    read.collect()
}

fn terms(reader: &mut Reader<'_>, node: &Node<'_>, key: &str) -> Vec<String> {
    let texts = reader.texts(node, key);
    at_least(reader, node, key, texts.len(), 1);
    reader.unique(&texts);
    for text in &texts {
        visible(reader, text);
        if text.value.chars().count() > TERM_CHARACTERS {
            let message = format!("a term has at most {TERM_CHARACTERS} characters: longer ones never recur");
            reader.fault(text.offset, &text.path, message);
        }
    }
    texts.into_iter().map(|t| t.value).collect()
}

fn at_least(reader: &mut Reader<'_>, node: &Node<'_>, key: &str, found: usize, least: usize) {
    if found < least {
        let message = format!("needs at least {least}, has {found}");
        reader.fault(node.offset(), node.field(key), message);
    }
}

/// The `id` of a table: lowercase letters, digits and single hyphens.
fn identifier(reader: &mut Reader<'_>, node: &Node<'_>) -> Text {
    let id = reader.text(node, "id");
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !id.value.is_empty() && !id.value.split('-').all(word) {
        let message = format!(
            "{:?} is not a name in lowercase letters, digits and hyphens",
            id.value
        );
        reader.fault(id.offset, &id.path, message);
    }
    id
}

/// A text in both languages, with where each stands.
#[derive(Clone)]
struct ReadBilingual {
    zh: Text,
    en: Text,
}

impl From<ReadBilingual> for Bilingual {
    fn from(read: ReadBilingual) -> Self {
        Self {
            zh: read.zh.value,
            en: read.en.value,
        }
    }
}

fn bilingual_field(reader: &mut Reader<'_>, node: &Node<'_>, key: &str, limit: &Limit) -> ReadBilingual {
    let missing = || Text {
        value: String::new(),
        offset: node.offset(),
        path: node.field(key),
    };
    match reader.table(node, key, &["zh", "en"]) {
        Some(table) => bilingual(reader, &table, limit),
        None => ReadBilingual {
            zh: missing(),
            en: missing(),
        },
    }
}

fn bilingual(reader: &mut Reader<'_>, node: &Node<'_>, limit: &Limit) -> ReadBilingual {
    let zh = reader.text(node, "zh");
    let en = reader.text(node, "en");
    within(
        reader,
        &zh,
        zh.value.chars().count(),
        limit.zh_characters,
        "characters",
        limit.reason,
    );
    within(
        reader,
        &en,
        en.value.split_whitespace().count(),
        limit.en_words,
        "words",
        limit.reason,
    );
    visible(reader, &zh);
    visible(reader, &en);
    ReadBilingual { zh, en }
}

fn within(reader: &mut Reader<'_>, text: &Text, found: usize, most: usize, unit: &str, reason: &str) {
    if found > most {
        let message = format!("{found} {unit}, at most {most}: {reason}");
        reader.fault(text.offset, &text.path, message);
    }
}

/// Rubric texts go to the screen and into prompts as they are, so nothing in them may be hidden.
fn visible(reader: &mut Reader<'_>, text: &Text) {
    if let Some(c) = text.value.chars().find(|c| !is_safe_char(*c)) {
        let message = format!("holds the invisible character U+{:04X}; delete it", u32::from(c));
        reader.fault(text.offset, &text.path, message);
    }
}
