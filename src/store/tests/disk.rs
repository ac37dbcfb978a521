//! A store on a simulated disk: a script of commits, and the check that nothing answered was lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::review::{Act, Receipt};
use crate::store::testing::{assessed, clock, decided, link, read, undone};
use crate::store::vfs::sim::SimDisk;
use crate::store::{Draft, Health, Store, StoreHandle, Workspace};

/// Small files, so that a script rolls over several.
pub(super) const SEGMENT: u64 = 4_000;

/// A simulated disk under a workspace; only its lock lies on the real one.
pub(super) struct Bench {
    pub(super) disk: SimDisk,
    root: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Result<Self> {
        let root = tempfile::tempdir().map_err(|e| Error::io("create", &std::env::temp_dir(), e))?;
        Ok(Self {
            disk: SimDisk::default(),
            root,
        })
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.root().join("journal")
    }

    pub(super) fn open(&self, disk: &SimDisk) -> Result<Workspace> {
        let mut silent = |_| {};
        Workspace::opening(self.root(), clock(), &mut silent)
            .on(Arc::new(disk.clone()))
            .segment_bytes(SEGMENT)
            .in_memory()
            .open()
    }

    /// Opens, works, closes.
    pub(super) fn with<T>(&self, disk: &SimDisk, work: impl FnOnce(&StoreHandle) -> T) -> Result<T> {
        let (handle, thread) = Store::start(self.open(disk)?)?;
        let done = work(&handle);
        drop(handle);
        thread.join().expect("the writing task does not panic")?;
        Ok(done)
    }

    /// Everything in `saved` is there, once, with the number and hash that were answered, and so is what it cites.
    pub(super) fn check(&self, disk: &SimDisk, saved: &[Receipt]) -> Result<(), String> {
        let workspace = self.open(disk).map_err(|e| format!("unopenable: {e}"))?;
        if let Health::Damaged(damage) = workspace.health() {
            return Err(format!("unopenable: {}", damage.error()));
        }
        let found = every_record(&workspace)?;
        match saved.iter().find(|r| found.get(r.seq as usize - 1) != Some(r)) {
            Some(lost) => Err(format!("lost #{} {}", lost.seq, lost.id)),
            None => Ok(()),
        }
    }
}

/// Every record: no id twice, and every cited blob whole.
fn every_record(workspace: &Workspace) -> Result<Vec<Receipt>, String> {
    let (mut ids, mut found) = (BTreeSet::new(), Vec::new());
    for seq in 1..=workspace.tip().seq {
        let record = workspace.library().record(seq).map_err(|e| e.to_string())?;
        let (hash, record) = record.ok_or(format!("no #{seq}"))?;
        for blob in crate::store::admit::cited_blobs(&record.entry) {
            workspace
                .blobs
                .get(&blob)
                .map_err(|e| format!("#{seq} cites {e}"))?;
        }
        if !ids.insert(record.id.clone()) {
            return Err(format!("{} stands twice", record.id));
        }
        found.push(Receipt {
            id: record.id,
            seq,
            hash,
        });
    }
    Ok(found)
}

/// A dossier read, assessed and decided, `n` times over, with an undo.
pub(super) fn script(n: u32) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for d in 0..n {
        let id = |what: &str| format!("{what}{d}");
        let said = assessed(&id("said"), d, "delivery", 2.0);
        drafts.push(read(&id("read"), d));
        drafts.push(said.clone());
        let over = Act::Override {
            score: 4.0,
            reason: None,
        };
        drafts.push(decided(&id("over"), d, "delivery", Some(&said), over));
        drafts.push(decided(
            &id("link"),
            d,
            "delivery",
            Some(&said),
            Act::LinkAdded { link: link(d, 3) },
        ));
        drafts.push(undone(&id("undo"), d, &id("link")));
    }
    drafts
}

/// Commits drafts one after another and keeps what was answered.
pub(super) fn commit_all(store: &StoreHandle, drafts: &[Draft]) -> Vec<Result<Receipt>> {
    drafts
        .iter()
        .map(|draft| store.commit_blocking(draft.clone()))
        .collect()
}
