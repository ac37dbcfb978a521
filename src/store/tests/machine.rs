//! Any history, any number of restarts: what the store holds is what a list would hold, and the index is what the journal
//! alone makes.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::disk::SEGMENT;
use crate::error::Result;
use crate::hash::ContentHash;
use crate::review::Act;
use crate::store::index::database::take_mark;
use crate::store::index::digest;
use crate::store::testing::{assessed, clock, decided, dossier_id, link, read, undone};
use crate::store::vfs::sim::SimDisk;
use crate::store::{Draft, Receipt, Store, StoreHandle, Workspace};

/// One thing that happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Read(u32),
    Assess {
        dossier: u32,
        half_levels: u8,
    },
    Decide {
        dossier: u32,
        half_levels: u8,
        accept: bool,
    },
    Link {
        dossier: u32,
        segment: u32,
        add: bool,
    },
    /// The n-th record, counted from the end, is taken back.
    Undo(usize),
    /// The n-th record, counted from the end, is sent again.
    Again(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (dossier, level) = (0_u32..3, 2_u8..=10);
    prop_oneof![
        2 => dossier.clone().prop_map(Step::Read),
        4 => (dossier.clone(), level.clone()).prop_map(|(dossier, half_levels)| Step::Assess { dossier, half_levels }),
        6 => (dossier.clone(), level, any::<bool>())
            .prop_map(|(dossier, half_levels, accept)| Step::Decide { dossier, half_levels, accept }),
        4 => (dossier, 0_u32..4, any::<bool>())
            .prop_map(|(dossier, segment, add)| Step::Link { dossier, segment, add }),
        3 => (0_usize..6).prop_map(Step::Undo),
        2 => (0_usize..6).prop_map(Step::Again),
        1 => Just(Step::Reopen),
    ]
}

/// What a list would hold.
#[derive(Default)]
struct Model {
    drafts: Vec<Draft>,
    receipts: Vec<Receipt>,
    /// The last assessment of each dossier.
    said: [Option<Draft>; 3],
}

impl Model {
    /// The draft that a step is; none when there is nothing it could speak of.
    fn draft(&self, step: &Step) -> Option<Draft> {
        let id = format!("r{}", self.drafts.len());
        let from_end = |n: usize| self.drafts.iter().rev().nth(n);
        match *step {
            Step::Read(d) => Some(read(&id, d)),
            Step::Assess { dossier, half_levels } => Some(assessed(
                &id,
                dossier,
                "delivery",
                f32::from(half_levels) / 2.0 - 0.1,
            )),
            Step::Decide {
                dossier,
                half_levels,
                accept,
            } => {
                let score = f32::from(half_levels) / 2.0;
                let act = if accept {
                    Act::Accept { score }
                } else {
                    Act::Override { score, reason: None }
                };
                Some(decided(
                    &id,
                    dossier,
                    "delivery",
                    self.said[dossier as usize].as_ref(),
                    act,
                ))
            }
            Step::Link {
                dossier,
                segment,
                add,
            } => {
                let link = link(dossier, segment);
                let act = if add {
                    Act::LinkAdded { link }
                } else {
                    Act::LinkDropped { link, reason: None }
                };
                Some(decided(
                    &id,
                    dossier,
                    "delivery",
                    self.said[dossier as usize].as_ref(),
                    act,
                ))
            }
            Step::Undo(n) => {
                let target = from_end(n)?;
                let dossier = target.subject.as_str().trim_start_matches('E').parse().ok()?;
                Some(undone(&id, dossier, target.id.as_str()))
            }
            Step::Again(_) | Step::Reopen => None,
        }
    }

    fn take(&mut self, draft: Draft, receipt: Receipt) {
        if let crate::review::Entry::Assessment(_) = draft.entry
            && let Some(said) = draft.subject.as_str()[1..]
                .parse::<usize>()
                .ok()
                .and_then(|d| self.said.get_mut(d))
        {
            *said = Some(draft.clone());
        }
        self.drafts.push(draft);
        self.receipts.push(receipt);
    }

    /// The store agrees with the list, dossier by dossier.
    fn agrees(&self, store: &StoreHandle) -> Result<(), TestCaseError> {
        for d in 0..3 {
            let theirs = store.dossier_blocking(&dossier_id(d)).map_err(fail)?;
            let ours = self
                .drafts
                .iter()
                .filter(|draft| draft.entry.dossier() == Some(&dossier_id(d)));
            let ours: Vec<_> = ours.map(|draft| (&draft.id, &draft.entry)).collect();
            let theirs: Vec<_> = theirs.iter().map(|record| (&record.id, &record.entry)).collect();
            prop_assert_eq!(ours, theirs);
        }
        Ok(())
    }
}

fn fail(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn start(disk: &SimDisk, root: &Path) -> Result<(StoreHandle, std::thread::JoinHandle<Result<()>>)> {
    let mut silent = |_| {};
    let workspace = Workspace::opening(root, clock(), &mut silent)
        .on(Arc::new(disk.clone()))
        .segment_bytes(SEGMENT)
        .open()?;
    Store::start(workspace)
}

/// What the rows are when they are made from the journal alone.
fn rebuilt(disk: &SimDisk, root: &Path) -> Result<ContentHash> {
    let mut silent = |_| {};
    let workspace = Workspace::opening(root, clock(), &mut silent)
        .on(Arc::new(disk.copy()))
        .in_memory()
        .open()?;
    digest(&*workspace.table)
}

fn history(steps: &[Step]) -> Result<(), TestCaseError> {
    let root = tempfile::tempdir().map_err(fail)?;
    let disk = SimDisk::default();
    let mut model = Model::default();
    let (mut store, mut thread) = start(&disk, root.path()).map_err(fail)?;
    for step in steps.iter().chain([&Step::Reopen]) {
        match step {
            Step::Reopen => {
                model.agrees(&store)?;
                drop(store);
                thread
                    .join()
                    .map_err(|_| fail("the writing task panicked"))?
                    .map_err(fail)?;
                let live =
                    take_mark(&root.path().join("index")).ok_or_else(|| fail("it did not close well"))?;
                prop_assert_eq!(live.digest, rebuilt(&disk, root.path()).map_err(fail)?);
                (store, thread) = start(&disk, root.path()).map_err(fail)?;
                model.agrees(&store)?;
            }
            Step::Again(n) => {
                let at = model.drafts.len().checked_sub(n + 1);
                if let Some(at) = at {
                    let receipt = store.commit_blocking(model.drafts[at].clone()).map_err(fail)?;
                    prop_assert_eq!(&receipt, &model.receipts[at]);
                }
            }
            step => {
                if let Some(draft) = model.draft(step) {
                    let receipt = store.commit_blocking(draft.clone()).map_err(fail)?;
                    prop_assert_eq!(receipt.seq, model.receipts.len() as u64 + 1);
                    model.take(draft, receipt);
                }
            }
        }
    }
    drop(store);
    thread
        .join()
        .map_err(|_| fail("the writing task panicked"))?
        .map_err(fail)
}

/// 24 histories of 50 steps; with `PLUMB_SOAK=1`, 1,000.
#[test]
fn any_history_is_kept_and_the_index_is_what_the_journal_makes() -> Result<(), String> {
    let cases = if std::env::var_os("PLUMB_SOAK").is_some() {
        1_000
    } else {
        24
    };
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&proptest::collection::vec(step(), 50), |steps| history(&steps))
        .map_err(|e| e.to_string())
}
