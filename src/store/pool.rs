//! The pairs of answers that were drawn for comparing: a file of the workspace that every annotator adds to and takes
//! from, and beside it what a reward model makes of each. Losing them costs drawing and judging again; what people said is in
//! the journal, with the answers themselves.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::review::Pair;
use crate::review::comparison::{Doubt, PairName};

/// Drawn pairs and what is known of them, one JSON object a line.
#[derive(Debug, Clone)]
pub struct Pool {
    path: PathBuf,
    /// A pair is long, and each reward model has something to say of it.
    doubts: PathBuf,
}

/// What a reward model makes of a pair.
#[derive(Debug, Serialize, Deserialize)]
struct Judged {
    pair: PairName,
    #[serde(flatten)]
    doubt: Doubt,
}

impl Pool {
    /// That of a workspace; the file is made when the first pair is kept.
    pub fn of(workspace: &Path) -> Self {
        Self {
            path: workspace.join("pairs.jsonl"),
            doubts: workspace.join("doubts.jsonl"),
        }
    }

    /// Every pair in it, in the order they were drawn, with what a reward model made of it last. Lines that another version
    /// wrote, or that a crash cut short, are passed over.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn pairs(&self) -> Result<Vec<Pair>> {
        let judged = lines::<Judged>(&self.doubts)?.into_iter();
        let doubts: HashMap<PairName, Doubt> = judged.map(|judged| (judged.pair, judged.doubt)).collect();
        let mut pairs: Vec<Pair> = lines(&self.path)?;
        for pair in &mut pairs {
            pair.doubt = doubts.get(&pair.name()).copied();
        }
        Ok(pairs)
    }

    /// Adds a pair. Who draws holds the workspace's lock: nobody else writes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, pair: &Pair) -> Result<()> {
        add(&self.path, pair)
    }

    /// Adds what a reward model makes of a pair.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn judged(&self, pair: PairName, doubt: Doubt) -> Result<()> {
        add(&self.doubts, &Judged { pair, doubt })
    }
}

/// What the lines of a file say that can be read; nothing where there is no file.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let mut said = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|e| Error::io("read", path, e))?;
        said.extend(serde_json::from_slice::<T>(&line));
    }
    Ok(said)
}

/// Adds a line to a file.
fn add(path: &Path, said: &impl Serialize) -> Result<()> {
    let internal = |e| Error::new(ErrorKind::Internal, "cannot encode a line").because(e);
    // A line that was cut short must not swallow this one.
    let mut line = b"\n".to_vec();
    serde_json::to_writer(&mut line, said).map_err(internal)?;
    line.push(b'\n');
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| Error::io("write", path, e))?;
    file.write_all(&line).map_err(|e| Error::io("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
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
        let doubt = |bits| Doubt {
            judge: ContentHash::ZERO,
            bits,
        };
        pool.judged(first.name(), doubt(0.75))?;
        pool.judged(first.name(), doubt(0.5))?;
        let judged = Pair {
            doubt: Some(doubt(0.5)),
            ..first
        };
        assert_eq!(pool.pairs()?, [judged, second], "what was said last");
        Ok(())
    }
}
