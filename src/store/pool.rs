//! The pairs of answers that were drawn for comparing: a file of the workspace that every annotator adds to and takes
//! from. Losing it costs drawing them again; what people said of them is in the journal, with the answers themselves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::review::Pair;
use crate::review::comparison::PairName;

/// Drawn pairs, one JSON object a line.
#[derive(Debug, Clone)]
pub struct Pool {
    path: PathBuf,
}

impl Pool {
    /// That of a workspace; the file is made when the first pair is kept.
    pub fn of(workspace: &Path) -> Self {
        Self {
            path: workspace.join("pairs.jsonl"),
        }
    }

    /// Every pair in it, in the order they were drawn, as it was kept last. Lines that another version wrote, or that a
    /// crash cut short, are passed over.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn pairs(&self) -> Result<Vec<Pair>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &self.path, error)),
        };
        let (mut pairs, mut places): (Vec<Pair>, HashMap<PairName, usize>) = Default::default();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|e| Error::io("read", &self.path, e))?;
            let Ok(pair) = serde_json::from_slice::<Pair>(&line) else {
                continue;
            };
            match places.entry(pair.name()) {
                Entry::Occupied(at) => pairs[*at.get()] = pair,
                Entry::Vacant(at) => {
                    at.insert(pairs.len());
                    pairs.push(pair);
                }
            }
        }
        Ok(pairs)
    }

    /// Adds a pair, or what is known of one by now. Who draws holds the workspace's lock: nobody else writes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, pair: &Pair) -> Result<()> {
        let internal = |e| Error::new(ErrorKind::Internal, "cannot encode a pair").because(e);
        // A line that was cut short must not swallow this one.
        let mut line = b"\n".to_vec();
        serde_json::to_writer(&mut line, pair).map_err(internal)?;
        line.push(b'\n');
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(|e| Error::io("write", &self.path, e))?;
        file.write_all(&line)
            .map_err(|e| Error::io("write", &self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
    use crate::review::comparison::Doubt;
    use crate::review::testing::pair;

    #[test]
    fn pairs_come_back_and_a_torn_line_is_passed_over() -> Result<()> {
        let failed = |e| Error::new(ErrorKind::Io, "test folder").because(e);
        let dir = tempfile::tempdir().map_err(failed)?;
        let pool = Pool::of(dir.path());
        assert_eq!(pool.pairs()?, []);
        let (first, second) = (pair("ownership", 1), pair("delivery", 3));
        pool.keep(&first)?;
        let whole = std::fs::read(dir.path().join("pairs.jsonl")).map_err(failed)?;
        let torn = [&whole[..], &whole[..whole.len() / 2]].concat();
        std::fs::write(dir.path().join("pairs.jsonl"), torn).map_err(failed)?;
        pool.keep(&second)?;
        assert_eq!(pool.pairs()?, [first.clone(), second.clone()]);
        let doubt = Doubt {
            judge: ContentHash::ZERO,
            bits: 0.5,
        };
        let judged = Pair {
            doubt: Some(doubt),
            ..first
        };
        pool.keep(&judged)?;
        assert_eq!(
            pool.pairs()?,
            [judged, second],
            "what was kept last, in its place"
        );
        Ok(())
    }
}
