//! Rows in memory: for reading beside a running writer, for rebuilding, and when the database on disk fails.

use std::collections::BTreeMap;

use super::{Change, Row, Table, Tree};
use crate::error::Result;

/// Rows in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    rows: BTreeMap<(Tree, Vec<u8>), Vec<u8>>,
}

impl Table for Memory {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.rows.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(&self, tree: Tree, prefix: &[u8]) -> Result<Vec<Row>> {
        Ok(self
            .rows
            .range((tree, prefix.to_vec())..)
            .take_while(|((t, key), _)| *t == tree && key.starts_with(prefix))
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<()> {
        for Change { tree, key, value } in changes {
            match value {
                Some(value) => self.rows.insert((tree, key), value),
                None => self.rows.remove(&(tree, key)),
            };
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<()> {
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
