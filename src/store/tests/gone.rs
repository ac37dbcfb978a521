//! The journal, or its newest part, was taken away whole: what is left of it is sound, and what lies beside it tells.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::commit_all;
use crate::error::{Error, Result};
use crate::hash::ContentHash;
use crate::review::Act;
use crate::store::blobs::Blobs;
use crate::store::testing::{assessed, clock, decided, read, with_store};
use crate::store::vfs::RealVfs;
use crate::store::{Draft, Health, Workspace, verify};

/// A file of a journal with its bytes.
type File = (PathBuf, Vec<u8>);

fn on<T>(path: &Path, done: std::io::Result<T>) -> Result<T> {
    done.map_err(|e| Error::io("change", path, e))
}

/// A workspace in which `drafts` were saved, closed in good order.
fn saved(drafts: &[Draft]) -> Result<tempfile::TempDir> {
    let dir = on(&std::env::temp_dir(), tempfile::tempdir())?;
    save(dir.path(), drafts)?;
    Ok(dir)
}

fn save(root: &Path, drafts: &[Draft]) -> Result<()> {
    with_store(root, |store| {
        commit_all(store, drafts)
            .into_iter()
            .try_for_each(|answer| answer.map(drop))
    })?;
    assert!(root.join("index.clean").exists(), "it was closed in good order");
    Ok(())
}

/// A record that cites no blob.
fn bare(id: &str) -> Draft {
    decided(id, 1, "delivery", None, Act::Accept { score: 4.0 })
}

fn files(root: &Path) -> Result<Vec<File>> {
    let journal = root.join("journal");
    let mut files = Vec::new();
    for entry in on(&journal, std::fs::read_dir(&journal))? {
        let path = on(&journal, entry)?.path();
        let bytes = on(&path, std::fs::read(&path))?;
        files.push((path, bytes));
    }
    Ok(files)
}

fn put(root: &Path, files: &[File]) -> Result<()> {
    for (path, bytes) in files {
        let path = root.join("journal").join(path.file_name().unwrap_or_default());
        on(&path, std::fs::write(&path, bytes))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    on(path, std::fs::remove_file(path))
}

/// What verifying and opening for writing both find wrong; none when neither does.
fn damage(root: &Path) -> Result<Option<String>> {
    let verified = verify(root)?.damage.map(|damage| damage.what);
    let workspace = Workspace::open(root, clock())?;
    let opened = match workspace.health() {
        Health::Sound => None,
        Health::Damaged(damage) => Some(damage.what.clone()),
    };
    workspace.close()?;
    assert_eq!(verified, opened);
    Ok(opened)
}

/// As [`damage`], and it says `words`.
fn assert_says(root: &Path, words: &str) -> Result<()> {
    let said = damage(root)?.unwrap_or_default();
    assert!(said.contains(words), "{said:?} does not say {words:?}");
    Ok(())
}

#[test]
fn a_journal_that_is_gone_is_told_by_its_blobs() -> Result<()> {
    let dir = saved(&[read("r1", 1), assessed("r2", 1, "delivery", 3.5)])?;
    let (root, journal) = (dir.path(), dir.path().join("journal"));
    let before = files(root)?;
    for (path, _) in &before {
        remove(path)?;
    }
    assert_says(root, "the journal's files are gone")?;
    remove(&root.join("index.clean"))?;
    assert_says(root, "the journal's files are gone")?;
    assert!(!verify(root)?.sound);
    assert!(files(root)?.is_empty(), "nothing was made in its place");
    on(&journal, std::fs::remove_dir(&journal))?;
    assert!(!verify(root)?.sound);
    on(&journal, std::fs::create_dir(&journal))?;
    put(root, &before)?;
    assert_eq!(damage(root)?, None);
    Ok(())
}

#[test]
fn a_journal_that_is_gone_is_told_by_the_index() -> Result<()> {
    let dir = saved(&[bare("r1")])?;
    for (path, _) in files(dir.path())? {
        remove(&path)?;
    }
    assert_says(dir.path(), "ends with #0 but the index was closed with #1")?;
    remove(&dir.path().join("index.clean"))?;
    assert_eq!(damage(dir.path())?, None);
    Ok(())
}

#[test]
fn an_older_journal_put_back_is_told_by_the_index_until_it_is_meant() -> Result<()> {
    let dir = saved(&[bare("r1")])?;
    let older = files(dir.path())?;
    save(dir.path(), &[bare("r2")])?;
    put(dir.path(), &older)?;
    assert_says(dir.path(), "ends with #1 but the index was closed with #2")?;
    assert_says(dir.path(), "remove index.clean")?;
    remove(&dir.path().join("index.clean"))?;
    assert_eq!(damage(dir.path())?, None);
    Ok(())
}

#[test]
fn another_journal_of_the_same_length_is_told_by_the_index() -> Result<()> {
    let (dir, other) = (saved(&[bare("r1")])?, saved(&[bare("s1")])?);
    put(dir.path(), &files(other.path())?)?;
    assert_says(dir.path(), "the index was closed with another record")
}

#[test]
fn a_first_commit_that_died_after_its_blob_is_no_damage() -> Result<()> {
    let dir = saved(&[])?;
    let blobs = Blobs::new(Arc::new(RealVfs), dir.path().join("blobs"));
    blobs.put(&ContentHash::of(b"source"), b"source")?;
    assert_eq!(damage(dir.path())?, None);
    save(dir.path(), &[read("r1", 1)])?;
    assert_eq!(damage(dir.path())?, None);
    Ok(())
}

#[test]
fn the_index_is_not_made_anew_from_a_damaged_journal() -> Result<()> {
    let dir = saved(&[bare("r1"), bare("r2")])?;
    let beside = |name: &str| dir.path().join(name).exists();
    let renew = || -> Result<bool> {
        let mut silent = |_| {};
        let workspace = Workspace::opening(dir.path(), clock(), &mut silent)
            .renewing_the_index()
            .open()?;
        let sound = *workspace.health() == Health::Sound;
        workspace.close().map(|()| sound)
    };
    let sound = files(dir.path())?;
    let mut hurt = sound.clone();
    for (_, bytes) in hurt.iter_mut().filter(|(path, _)| !path.ends_with("HEAD")) {
        bytes[0] ^= 1;
    }
    put(dir.path(), &hurt)?;
    assert!(!renew()?);
    assert!(beside("index") && beside("index.clean") && !beside("index.old"));
    put(dir.path(), &sound)?;
    assert!(renew()?);
    assert!(beside("index.old"), "the one before was put away");
    Ok(())
}
