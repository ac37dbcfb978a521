//! Keeping what a run gave: the dossier as it was read, and every assessment with its trace.

use super::Scored;
use crate::cli::out;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::Result;
use crate::id::Person;
use crate::ingest;
use crate::review::{DossierRead, Entry};
use crate::store::record::new_id;
use crate::store::{Draft, Store, StoreHandle, Workspace};

/// An open workspace, waiting for results.
pub(super) struct Keeper {
    store: StoreHandle,
    thread: std::thread::JoinHandle<Result<()>>,
    person: Person,
}

impl Keeper {
    /// Takes the workspace's lock.
    pub(super) fn open(config: &Config) -> Result<Self> {
        let workspace = Workspace::open(&config.workspace, std::sync::Arc::new(SystemClock))?;
        let (store, thread) = Store::start(workspace)?;
        Ok(Self {
            store,
            thread,
            person: config.person.clone(),
        })
    }

    /// Commits everything, and says where it stands.
    pub(super) fn keep(self, scored: &Scored) -> Result<()> {
        let dossier = &scored.request.dossier;
        let draft = |entry, blobs| Draft {
            id: new_id(SystemClock.now()),
            actor: self.person.clone(),
            role: "engine".to_owned(),
            subject: dossier.meta.subject.id.clone(),
            entry,
            blobs,
        };
        let mut last = self.store.commit_blocking(draft(
            Entry::Dossier(DossierRead::of(dossier)),
            ingest::originals(dossier)?,
        ))?;
        for (assessment, trace) in &scored.finished {
            let blobs = vec![(assessment.id, trace.encode()?)];
            last = self
                .store
                .commit_blocking(draft(Entry::Assessment(Box::new(assessment.clone())), blobs))?;
        }
        drop(self.store);
        let _ = self.thread.join();
        out::note(&format!("saved #{} {}", last.seq, last.hash.short()));
        Ok(())
    }
}
