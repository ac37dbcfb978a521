//! The journal is not what was written: every changed bit, every lost byte is seen, and the place is named.

use super::disk::{Bench, commit_all, script};
use crate::error::{ErrorKind, Result};
use crate::store::journal::scan::{Ending, Traces, scan};
use crate::store::journal::{Damage, head};
use crate::store::vfs::Vfs as _;
use crate::store::vfs::sim::SimDisk;
use crate::store::{Health, Receipt};

fn soak() -> bool {
    std::env::var_os("PLUMB_SOAK").is_some()
}

/// A journal over several files, closed in good order.
fn written(bench: &Bench) -> Result<Vec<Receipt>> {
    let answers = bench.with(&bench.disk, |store| commit_all(store, &script(4)))?;
    answers.into_iter().collect()
}

fn files(bench: &Bench) -> Vec<String> {
    let names = bench.disk.list(&bench.journal()).unwrap_or_default();
    names.into_iter().filter(|name| name != "HEAD").collect()
}

/// What reading makes of the journal; none when it is taken for sound.
fn seen(bench: &Bench, disk: &SimDisk) -> Result<Option<Damage>> {
    let dir = bench.journal();
    let found = scan(
        disk,
        &dir,
        head::read(disk, &dir)?,
        Traces::default(),
        &mut |_| Ok(()),
    )?;
    match found.ending {
        Ending::Damaged(damage) => Ok(Some(damage)),
        Ending::Clean | Ending::Torn { .. } => Ok(None),
    }
}

/// Reads the journal with `file` holding `bytes` instead.
fn with_bytes(bench: &Bench, file: &str, bytes: Vec<u8>) -> Result<Option<Damage>> {
    let path = bench.journal().join(file);
    let before = bench.disk.content(&path);
    bench.disk.tamper(&path, |content| *content = bytes);
    let seen = seen(bench, &bench.disk);
    bench.disk.tamper(&path, |content| *content = before);
    seen
}

#[test]
fn every_flipped_bit_is_seen_at_its_line() -> Result<()> {
    let bench = Bench::new()?;
    written(&bench)?;
    let mut flips = 0;
    for file in files(&bench) {
        let sound = bench.disk.content(&bench.journal().join(&file));
        let mut line = 1;
        for i in 0..sound.len() {
            let bits = if soak() { 0..8 } else { i % 8..i % 8 + 1 };
            for bit in bits {
                let mut bad = sound.clone();
                bad[i] ^= 1 << bit;
                let damage = with_bytes(&bench, &file, bad)?;
                let place = damage.as_ref().map(|d| (d.file.as_str(), d.line));
                assert_eq!(place, Some((file.as_str(), line)), "bit {bit} of byte {i}");
                flips += 1;
            }
            line += usize::from(sound[i] == b'\n');
        }
    }
    assert!(flips > 10_000, "{flips} flips");
    Ok(())
}

#[test]
fn every_lost_end_is_seen() -> Result<()> {
    let bench = Bench::new()?;
    written(&bench)?;
    let mut cuts = 0;
    for file in files(&bench) {
        let sound = bench.disk.content(&bench.journal().join(&file));
        for len in 0..sound.len() {
            let damage = with_bytes(&bench, &file, sound[..len].to_vec())?;
            assert!(damage.is_some(), "{file} cut to {len} bytes went unseen");
            cuts += 1;
        }
    }
    assert!(cuts > 10_000, "{cuts} cuts");
    Ok(())
}

#[test]
fn lines_doubled_swapped_zeroed_or_taken_out_are_seen() -> Result<()> {
    let bench = Bench::new()?;
    written(&bench)?;
    for file in files(&bench) {
        let sound = bench.disk.content(&bench.journal().join(&file));
        let lines: Vec<&[u8]> = sound.split_inclusive(|&b| b == b'\n').collect();
        let mut variants = Vec::new();
        for i in 0..lines.len() {
            let (before, rest) = lines.split_at(i);
            variants.push(("taken out", [before.concat(), rest[1..].concat()].concat()));
            if i + 1 < lines.len() {
                variants.push((
                    "doubled",
                    [before.concat(), rest[0].to_vec(), rest.concat()].concat(),
                ));
                let swapped = [rest[1], rest[0]].concat();
                variants.push(("swapped", [before.concat(), swapped, rest[2..].concat()].concat()));
            }
        }
        for at in (0..sound.len()).step_by(512) {
            let mut zeroed = sound.clone();
            zeroed[at..sound.len().min(at + 512)].fill(0);
            variants.push(("zeroed", zeroed));
        }
        for (what, bytes) in variants {
            assert!(
                with_bytes(&bench, &file, bytes)?.is_some(),
                "{file}: {what} went unseen"
            );
        }
        let path = bench.journal().join(&file);
        let without = bench.disk.copy();
        without
            .remove(&path)
            .map_err(|e| crate::error::Error::io("remove", &path, e))?;
        assert!(seen(&bench, &without)?.is_some(), "{file} missing went unseen");
    }
    Ok(())
}

#[test]
fn a_damaged_journal_opens_for_reading_says_where_and_takes_nothing() -> Result<()> {
    let bench = Bench::new()?;
    let receipts = written(&bench)?;
    let path = bench.journal().join("000000000001.jsonl");
    let before = bench.disk.content(&path);
    let second_line = before.iter().position(|&b| b == b'\n').unwrap_or_default() + 100;
    bench.disk.tamper(&path, |bytes| bytes[second_line] ^= 1);
    let damaged = bench.disk.content(&path);
    let workspace = bench.open(&bench.disk)?;
    let Health::Damaged(damage) = workspace.health().clone() else {
        unreachable!("it is damaged")
    };
    assert_eq!((damage.line, damage.seq), (2, 2));
    drop(workspace);
    bench.with(&bench.disk, |store| {
        let error = store
            .commit_blocking(script(5).remove(20))
            .expect_err("it takes nothing");
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(
            error.to_string().contains("000000000001.jsonl line 2, record #2"),
            "{error}"
        );
        // What is sound can be read, and a draft that was saved is still answered so.
        let again = store.commit_blocking(script(1).remove(0))?;
        assert_eq!(again, receipts[0]);
        Ok::<_, crate::error::Error>(())
    })??;
    assert_eq!(bench.disk.content(&path), damaged, "nothing was touched");
    Ok(())
}

#[test]
fn a_head_slot_that_was_torn_is_written_again() -> Result<()> {
    let bench = Bench::new()?;
    let receipts = written(&bench)?;
    for slot in [0, 600] {
        let disk = bench.disk.copy();
        disk.tamper(&bench.journal().join("HEAD"), |bytes| bytes[slot] ^= 1);
        let workspace = bench.open(&disk)?;
        assert!(
            workspace.notes().iter().any(|n| n.contains("HEAD")),
            "{:?}",
            workspace.notes()
        );
        drop(workspace);
        assert_eq!(bench.check(&disk, &receipts), Ok(()));
        assert!(bench.open(&disk)?.notes().is_empty());
    }
    Ok(())
}
