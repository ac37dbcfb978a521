//! A walk over a TOML document that notes every fault with its line and field and goes on, so that one reading names
//! all of them. A value that is missing or of the wrong type reads as empty; whoever walks discards the result when
//! there were faults.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;

/// A table of the document, with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    table: &'a DeTable<'a>,
    offset: usize,
    path: String,
}

/// A text of the document, with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// The text; empty after a fault.
    pub(super) value: String,
    /// Byte offset in the file.
    pub(super) offset: usize,
    /// Its field.
    pub(super) path: String,
}

/// Collects faults while the document is read.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    file: &'s str,
    faults: Vec<Fault>,
}

impl<'s> Reader<'s> {
    /// A reader of the file whose whole text is `file`.
    pub(super) fn new(file: &'s str) -> Self {
        Self {
            file,
            faults: Vec::new(),
        }
    }

    /// The faults so far, in order of line.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|f| f.line);
        self.faults
    }

    /// Notes a fault at a byte offset of the file.
    pub(super) fn fault(&mut self, offset: usize, field: impl Into<String>, message: impl Into<String>) {
        let newlines = self.file.bytes().take(offset).filter(|b| *b == b'\n').count();
        self.faults.push(Fault {
            line: newlines as u32 + 1,
            field: field.into(),
            message: message.into(),
        });
    }

    /// The document itself; `keys` are all it may hold.
    pub(super) fn root<'a>(&mut self, table: &'a Spanned<DeTable<'a>>, keys: &[&str]) -> Node<'a> {
        let node = Node {
            table: table.get_ref(),
            offset: 0,
            path: String::new(),
        };
        self.known_keys(&node, keys);
        node
    }

    /// A text that must be there and say something.
    pub(super) fn text(&mut self, node: &Node<'_>, key: &str) -> Text {
        let path = join(&node.path, key);
        match node.table.get(key) {
            None => {
                self.fault(node.offset, &path, "is missing");
                Text::empty(node.offset, path)
            }
            Some(value) => self.as_text(value, path),
        }
    }

    /// A whole number that must be there.
    pub(super) fn integer(&mut self, node: &Node<'_>, key: &str) -> Option<i64> {
        let path = join(&node.path, key);
        let Some(value) = node.table.get(key) else {
            self.fault(node.offset, path, "is missing");
            return None;
        };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        if number.is_none() {
            let found = value.get_ref().type_str();
            self.fault(
                value.span().start,
                path,
                format!("expected a whole number, got {found}"),
            );
        }
        number
    }

    /// `true` or `false`; none where it is not there.
    pub(super) fn flag(&mut self, node: &Node<'_>, key: &str) -> Option<bool> {
        let value = node.table.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            let found = value.get_ref().type_str();
            let path = join(&node.path, key);
            self.fault(
                value.span().start,
                path,
                format!("expected true or false, got {found}"),
            );
        }
        flag
    }

    /// A table that must be there and may hold only `keys`.
    pub(super) fn table<'a>(&mut self, node: &Node<'a>, key: &str, keys: &[&str]) -> Option<Node<'a>> {
        let path = join(&node.path, key);
        match node.table.get(key) {
            None => {
                self.fault(node.offset, path, "is missing");
                None
            }
            Some(value) => self.as_table(value, path, keys),
        }
    }

    /// A list of tables that must be there; each may hold only `keys`.
    pub(super) fn tables<'a>(&mut self, node: &Node<'a>, key: &str, keys: &[&str]) -> Vec<Node<'a>> {
        self.items(node, key)
            .into_iter()
            .filter_map(|(value, path)| self.as_table(value, path, keys))
            .collect()
    }

    /// A list of texts that must be there.
    pub(super) fn texts(&mut self, node: &Node<'_>, key: &str) -> Vec<Text> {
        self.items(node, key)
            .into_iter()
            .map(|(value, path)| self.as_text(value, path))
            .collect()
    }

    /// Notes every text that repeats an earlier one.
    pub(super) fn unique<'t>(&mut self, texts: impl IntoIterator<Item = &'t Text>) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for text in texts.into_iter().filter(|t| !t.value.is_empty()) {
            if let Some(first) = seen.get(text.value.as_str()) {
                let message = format!("{:?} is already taken by {first}", text.value);
                self.fault(text.offset, &text.path, message);
            } else {
                seen.insert(&text.value, &text.path);
            }
        }
    }

    fn items<'a>(&mut self, node: &Node<'a>, key: &str) -> Vec<(&'a Spanned<DeValue<'a>>, String)> {
        let path = join(&node.path, key);
        let Some(value) = node.table.get(key) else {
            self.fault(node.offset, path, "is missing");
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            let found = value.get_ref().type_str();
            self.fault(value.span().start, path, format!("expected a list, got {found}"));
            return Vec::new();
        };
        let numbered = |(i, item)| (item, format!("{path}[{}]", i + 1));
        list.iter().enumerate().map(numbered).collect()
    }

    fn as_table<'a>(
        &mut self,
        value: &'a Spanned<DeValue<'a>>,
        path: String,
        keys: &[&str],
    ) -> Option<Node<'a>> {
        let offset = value.span().start;
        let Some(table) = value.get_ref().as_table() else {
            let found = value.get_ref().type_str();
            self.fault(offset, path, format!("expected a table, got {found}"));
            return None;
        };
        let node = Node { table, offset, path };
        self.known_keys(&node, keys);
        Some(node)
    }

    fn as_text(&mut self, value: &Spanned<DeValue<'_>>, path: String) -> Text {
        let offset = value.span().start;
        let Some(text) = value.get_ref().as_str() else {
            let found = value.get_ref().type_str();
            self.fault(offset, &path, format!("expected a text, got {found}"));
            return Text::empty(offset, path);
        };
        if text.trim().is_empty() {
            self.fault(offset, &path, "is empty");
            return Text::empty(offset, path);
        }
        Text {
            value: text.to_owned(),
            offset,
            path,
        }
    }

    fn known_keys(&mut self, node: &Node<'_>, keys: &[&str]) {
        for key in node.table.keys() {
            let name = key.get_ref().as_ref();
            if !keys.contains(&name) {
                let message = format!("unknown key {name:?}; known here: {}", keys.join(", "));
                self.fault(key.span().start, &node.path, message);
            }
        }
    }
}

impl Node<'_> {
    /// Byte offset in the file.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The field called `key` of this table.
    pub(super) fn field(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

impl Text {
    fn empty(offset: usize, path: String) -> Self {
        Self {
            value: String::new(),
            offset,
            path,
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
