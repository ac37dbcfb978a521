//! The index: rows for questions that would otherwise mean reading the whole journal. It holds nothing that is not in the
//! journal, and may be thrown away at any time.
//!
//! What the rows are is decided in [`rows`] and [`status`], from records alone; where they lie (memory, or sled) is a
//! [`Table`]. The same journal gives the same rows, byte for byte.

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::store::journal::Tip;

pub mod build;
pub(crate) mod database;
pub(crate) mod memory;
pub(crate) mod open;
pub mod probe;
pub(crate) mod rows;
pub mod status;

/// The trees of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tree {
    /// Dossier -> [`status::DossierStatus`].
    Dossiers,
    /// Assessment -> number of its record.
    Assessments,
    /// Number (8 bytes, big-endian) -> the decision in short, and whether it stands.
    Decisions,
    /// Number of the decision -> the preference it teaches.
    Pairs,
    /// `applied` -> the last record that the rows know.
    Meta,
}

impl Tree {
    pub(crate) const ALL: [Self; 5] = [
        Self::Dossiers,
        Self::Assessments,
        Self::Decisions,
        Self::Pairs,
        Self::Meta,
    ];

    /// Its name in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dossiers => "dossiers",
            Self::Assessments => "assessments",
            Self::Decisions => "decisions",
            Self::Pairs => "pairs",
            Self::Meta => "meta",
        }
    }
}

/// One row to write, or to remove when there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) tree: Tree,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Change {
    pub(crate) fn put(tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            tree,
            key: key.into(),
            value: Some(value.into()),
        }
    }

    pub(crate) fn remove(tree: Tree, key: impl Into<Vec<u8>>) -> Self {
        Self {
            tree,
            key: key.into(),
            value: None,
        }
    }

    /// It puts a row.
    pub(crate) fn is_row(&self) -> bool {
        self.value.is_some()
    }
}

/// A row: key and value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Where rows lie.
pub(crate) trait Table: Send {
    /// One row.
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// The rows whose keys start with `prefix`, in order.
    fn scan(&self, tree: Tree, prefix: &[u8]) -> Result<Vec<Row>>;
    /// Writes all of `changes` or none.
    fn apply(&mut self, changes: Vec<Change>) -> Result<()>;
    /// Writes `changes` of a table that is being made: in part, when it is interrupted.
    fn fill(&mut self, changes: Vec<Change>) -> Result<()> {
        self.apply(changes)
    }
    /// Makes what was applied durable.
    fn checkpoint(&mut self) -> Result<()>;
    /// Ends in good order, so that the next opening can trust the rows.
    fn close(self: Box<Self>) -> Result<()>;
}

/// The last record that a table's rows know.
pub(crate) fn applied(table: &dyn Table) -> Result<Tip> {
    match table.get(Tree::Meta, b"applied")? {
        Some(bytes) => from_row(&bytes),
        None => Ok(Tip::START),
    }
}

/// The change that says which record the rows know last.
pub(crate) fn applied_change(tip: Tip) -> Result<Change> {
    Ok(Change::put(Tree::Meta, b"applied".as_slice(), to_row(&tip)?))
}

/// SHA-256 over all rows of all trees, lengths included: two tables are the same when this is.
pub(crate) fn digest(table: &dyn Table) -> Result<ContentHash> {
    let mut all = Vec::new();
    for tree in Tree::ALL {
        let mut rows = Vec::new();
        for (key, value) in table.scan(tree, b"")? {
            for part in [&key, &value] {
                rows.extend_from_slice(&(part.len() as u64).to_be_bytes());
                rows.extend_from_slice(part);
            }
        }
        all.extend_from_slice(ContentHash::of(&rows).bytes());
    }
    Ok(ContentHash::of(&all))
}

pub(crate) fn to_row<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| bad_row().because(e))
}

pub(crate) fn from_row<T: serde::de::DeserializeOwned>(row: &[u8]) -> Result<T> {
    serde_json::from_slice(row).map_err(|e| bad_row().because(e))
}

fn bad_row() -> Error {
    Error::new(ErrorKind::Internal, "a row of the index cannot be read").hint("run `plumb journal rebuild`")
}
