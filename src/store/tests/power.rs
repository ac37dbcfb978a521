//! The power goes: any part of what was not synced may be there afterwards, and everything answered must be.

use super::disk::{Bench, commit_all, script};
use crate::error::Result;
use crate::review::Receipt;
use crate::seed::Seed;
use crate::store::vfs::sim::{Op, SimDisk};

/// Images a run; `PLUMB_SOAK=1` takes five times as many.
fn images() -> usize {
    let base = 20_000;
    if std::env::var_os("PLUMB_SOAK").is_some() {
        5 * base
    } else {
        base
    }
}

/// A disk whose log tells when each receipt was given.
fn worked(bench: &Bench) -> Result<(SimDisk, Vec<(usize, Receipt)>)> {
    let disk = SimDisk::default();
    bench
        .with(&disk, |store| {
            script(3)
                .iter()
                .map(|draft| {
                    let receipt = store.commit_blocking(draft.clone())?;
                    Ok((disk.log().len(), receipt))
                })
                .collect::<Result<Vec<_>>>()
        })?
        .map(|receipts| (disk.clone(), receipts))
}

#[test]
fn what_was_answered_survives_a_power_cut_at_any_call() -> Result<()> {
    let bench = Bench::new()?;
    let (disk, receipts) = worked(&bench)?;
    let length = disk.log().len();
    let (mut tried, mut wrong) = (0, Vec::new());
    for i in 0..images() {
        let seed = Seed::root(i as u64);
        let at = i % (length + 1);
        let saved: Vec<_> = receipts
            .iter()
            .filter(|(when, _)| *when <= at)
            .map(|(_, r)| r.clone())
            .collect();
        let image = disk.power_cut(at, seed);
        let verdict = bench.check(&image, &saved);
        // Every tenth image loses its power again, somewhere in the recovery.
        let again = (i % 10 == 0).then(|| {
            let recovery = image.log().len();
            bench.check(
                &image.power_cut(seed.value() as usize % (recovery + 1), seed.branch("again")),
                &saved,
            )
        });
        tried += 1;
        wrong.extend(verdict.err().map(|e| format!("cut at {at}, seed {i}: {e}")));
        wrong.extend(
            again
                .and_then(Result::err)
                .map(|e| format!("cut twice at {at}, seed {i}: {e}")),
        );
        assert!(wrong.len() < 10, "{tried} images: {wrong:#?}");
    }
    assert!(wrong.is_empty(), "{tried} images: {wrong:#?}");
    Ok(())
}

/// The simulation itself: without the syncs, records are lost.
#[test]
fn a_disk_that_is_never_synced_does_lose_records() -> Result<()> {
    let bench = Bench::new()?;
    let (disk, receipts) = worked(&bench)?;
    let forgetful = SimDisk::default();
    for op in disk
        .log()
        .iter()
        .filter(|op| !matches!(op, Op::Sync(_) | Op::SyncDir(_)))
    {
        forgetful.replay(op);
    }
    let saved: Vec<_> = receipts.into_iter().map(|(_, r)| r).collect();
    let lost = (0..50)
        .filter(|&i| {
            let image = forgetful.power_cut(forgetful.log().len(), Seed::root(i));
            bench.check(&image, &saved).is_err()
        })
        .count();
    assert!(lost > 25, "{lost} of 50");
    Ok(())
}

#[test]
fn a_torn_tail_is_kept_aside_and_the_store_goes_on() -> Result<()> {
    let bench = Bench::new()?;
    let disk = SimDisk::default();
    let drafts = script(1);
    bench.with(&disk, |store| commit_all(store, &drafts[..3]))?;
    let file = bench.journal().join("000000000001.jsonl");
    let sound = disk.content(&file);
    disk.tamper(&file, |bytes| bytes.extend_from_slice(b"3f9a torn in the mid"));
    let answers = bench.with(&disk, |store| commit_all(store, &drafts))?;
    let saved = answers.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(saved.last().map(|r| r.seq), Some(5));
    let aside = bench.journal().join(format!("torn/000000000001.{}", sound.len()));
    assert_eq!(disk.content(&aside), b"3f9a torn in the mid");
    assert!(disk.content(&file).starts_with(&sound));
    Ok(())
}
