//! The records through the program: a workspace that a test fills, read and damaged from outside.

mod cli;
mod damage;
mod kill;
mod story;

use std::path::Path;
use std::sync::Arc;

use plumbline::clock::FixedClock;
use plumbline::error::Result;
use plumbline::store::{Store, StoreHandle, Workspace};

use crate::env::TestEnvironment;

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock(jiff::Timestamp::constant(1_782_806_400, 0)))
}

/// Opens the account's workspace; the program under test tries its index.
fn open(env: &TestEnvironment) -> Result<Workspace> {
    let mut silent = |_| {};
    Workspace::opening(&env.workspace(), clock(), &mut silent)
        .probing_with(Path::new(env!("CARGO_BIN_EXE_plumb")))
        .open()
}

/// Opens, works, closes in good order.
fn with_store<T>(env: &TestEnvironment, work: impl FnOnce(&StoreHandle) -> Result<T>) -> Result<T> {
    let (handle, thread) = Store::start(open(env)?)?;
    let done = work(&handle);
    drop(handle);
    thread.join().expect("the writing task does not panic")?;
    done
}

/// Fills the account's workspace with dossiers, each read, assessed and decided.
fn fill(env: &TestEnvironment, dossiers: &[&str]) -> Result<()> {
    with_store(env, |store| {
        for dossier in dossiers {
            for draft in story::whole(dossier)? {
                store.commit_blocking(draft)?;
            }
        }
        Ok(())
    })
}
