//! The index is disposable: whatever happens to its files, the next opening has the same rows.

use std::path::{Path, PathBuf};

use plumbline::seed::Seed;

use super::{fill, open};
use crate::env::{Outcome, TestEnvironment};

fn mark(env: &TestEnvironment) -> Outcome<String> {
    Ok(std::fs::read_to_string(env.workspace().join("index.clean"))?)
}

#[test]
fn an_index_that_was_closed_in_good_order_is_trusted() -> Outcome {
    let env = TestEnvironment::new()?;
    fill(&env, &["d1"])?;
    let before = mark(&env)?;
    let workspace = open(&env)?;
    assert!(workspace.notes().is_empty(), "{:?}", workspace.notes());
    assert!(!env.workspace().join("index.clean").exists(), "it is open");
    workspace.close()?;
    assert_eq!(mark(&env)?, before);
    Ok(())
}

/// The files of the index, largest first.
fn files(index: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(index)? {
        let path = entry?.path();
        if path.is_file() {
            files.push((std::fs::metadata(&path)?.len(), path));
        }
    }
    files.sort();
    Ok(files.into_iter().rev().map(|(_, path)| path).collect())
}

/// Flips a bit of, cuts, zeroes a block of, or removes one of the files.
fn hurt(index: &Path, seed: Seed) -> Outcome {
    let files = files(index)?;
    let pick = |name: &str, n: usize| (seed.branch(name).value() % n.max(1) as u64) as usize;
    // Every other time the database itself, which is the largest by far.
    let path = &files[pick("file", files.len() * 2).saturating_sub(files.len())];
    let mut bytes = std::fs::read(path)?;
    let at = pick("at", bytes.len());
    match pick("how", 4) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << pick("bit", 8),
        1 => bytes.truncate(at),
        2 => {
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
        }
        _ => return Ok(std::fs::remove_file(path)?),
    }
    Ok(std::fs::write(path, bytes)?)
}

/// 20 random damages; with `PLUMB_SOAK=1`, 500.
#[test]
fn a_damaged_index_is_made_anew_with_the_same_rows() -> Outcome {
    let env = TestEnvironment::new()?;
    fill(&env, &["d1", "d2", "d3", "d4", "d5"])?;
    let before = mark(&env)?;
    let damages = if std::env::var_os("PLUMB_SOAK").is_some() {
        500
    } else {
        20
    };
    for i in 0..damages {
        hurt(&env.workspace().join("index"), Seed::root(i))?;
        open(&env)?.close()?;
        assert_eq!(mark(&env)?, before, "damage {i}");
    }
    Ok(())
}
