//! The disk refuses: whatever call it is, nobody is told "saved" who was not, and nothing answered is lost.

use super::disk::{Bench, commit_all, script};
use crate::error::{ErrorKind, Result};
use crate::seed::Seed;
use crate::store::vfs::sim::{Fault, SimDisk};

const FAULTS: [Fault; 4] = [Fault::Broken, Fault::Full, Fault::Short, Fault::Interrupted];

/// Runs the script with the `n`-th call failing; whether the fault was reached, and what is wrong with the outcome.
fn run(bench: &Bench, n: usize, fault: Fault) -> (bool, Option<String>) {
    let disk = SimDisk::default();
    disk.fail(n, fault);
    // When the workspace does not even open, nothing was answered.
    let answers = bench
        .with(&disk, |store| commit_all(store, &script(2)))
        .unwrap_or_default();
    let reached = disk.calls() > n;
    let saved: Vec<_> = answers.iter().filter_map(|a| a.as_ref().ok().cloned()).collect();
    let after_error = answers.iter().skip_while(|a| a.is_ok()).any(Result::is_ok);
    if after_error {
        return (reached, Some("it went on after an error".to_owned()));
    }
    // What a process sees after a restart, and what a power cut leaves of it.
    let images = (0..4).map(|i| disk.power_cut(disk.log().len(), Seed::root(i)));
    let wrong = std::iter::once(disk.copy())
        .chain(images)
        .find_map(|image| bench.check(&image, &saved).err());
    (reached, wrong)
}

#[test]
fn every_call_may_fail_in_every_way_without_a_false_answer() -> Result<()> {
    let bench = Bench::new()?;
    let (mut tried, mut false_answers) = (0, Vec::new());
    for fault in FAULTS {
        for n in 0.. {
            let (reached, wrong) = run(&bench, n, fault);
            if !reached {
                break;
            }
            tried += 1;
            false_answers.extend(wrong.map(|what| format!("{fault:?} at call {n}: {what}")));
        }
    }
    assert!(tried > 300, "only {tried} calls were tried");
    assert!(false_answers.is_empty(), "{tried} faults: {false_answers:#?}");
    Ok(())
}

#[test]
fn short_and_interrupted_writes_are_no_failure() -> Result<()> {
    let bench = Bench::new()?;
    for fault in [Fault::Short, Fault::Interrupted] {
        let disk = SimDisk::default();
        let answers = bench.with(&disk, |store| {
            let drafts = script(1);
            // The first call of a commit that appends is the write of its line.
            let mut answers = commit_all(store, &drafts[..3]);
            disk.fail(0, fault);
            answers.extend(commit_all(store, &drafts[3..]));
            answers
        })?;
        assert!(answers.iter().all(Result::is_ok), "{fault:?}: {answers:?}");
    }
    Ok(())
}

#[test]
fn a_full_disk_stops_the_writing_and_says_what_to_do() -> Result<()> {
    let bench = Bench::new()?;
    let disk = bench.disk.clone();
    let drafts = script(6);
    let answers = bench.with(&disk, |store| {
        let mut answers = commit_all(store, &drafts[..10]);
        disk.limit(Some(22_000));
        answers.extend(commit_all(store, &drafts[10..]));
        let status = store.status_blocking();
        assert!(
            status.is_ok_and(|s| s.read_only.is_some()),
            "the screen must know"
        );
        answers
    })?;
    let refused: Vec<_> = answers.iter().filter_map(|a| a.as_ref().err()).collect();
    assert!(!refused.is_empty() && answers[..10].iter().all(Result::is_ok));
    for error in &refused {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.hints()[0].contains("free some space"), "{error:?}");
    }
    // With space again, a new start takes up where the old one stopped, and sending all again writes each once.
    disk.limit(None);
    let again = bench.with(&disk, |store| commit_all(store, &drafts))?;
    let saved: Result<Vec<_>> = again.into_iter().collect();
    let saved = saved?;
    assert_eq!(saved.last().map(|r| r.seq), Some(drafts.len() as u64));
    assert_eq!(bench.check(&disk.copy(), &saved), Ok(()));
    Ok(())
}
