//! Nothing is answered "saved" before the disk has it.

use super::disk::{Bench, script};
use crate::error::Result;
use crate::store::vfs::sim::Op;

/// Where in `log` the first operation after `from` is that `is` it.
fn after(log: &[Op], from: usize, is: impl Fn(&Op) -> bool) -> Option<usize> {
    log.iter().skip(from).position(is).map(|i| from + i)
}

/// The rule that the answer at `answer` breaks, if it does: blob, its name, record, HEAD, each synced before the next.
fn violation(log: &[Op], begin: usize, answer: usize, id: &str) -> Option<String> {
    let log = &log[..answer];
    let needle = format!("\"id\":\"{id}\"");
    let is_record =
        |op: &Op| matches!(op, Op::Write { bytes, .. } if String::from_utf8_lossy(bytes).contains(&needle));
    let Some(record) = after(log, begin, is_record) else {
        return Some(format!("{id}: answered without being written"));
    };
    let blobs = log[begin..record]
        .iter()
        .enumerate()
        .filter_map(|(i, op)| match op {
            Op::Write { path, .. } if path.to_string_lossy().contains("blobs") => Some((begin + i, path)),
            _ => None,
        });
    for (at, path) in blobs {
        let synced = after(&log[..record], at, |op| *op == Op::Sync(path.clone()));
        let named = synced.and_then(|at| {
            after(
                &log[..record],
                at,
                |op| matches!(op, Op::Rename { from, .. } if from == path),
            )
        });
        let durable = named.and_then(|at| {
            after(
                &log[..record],
                at,
                |op| matches!(op, Op::SyncDir(dir) if path.starts_with(dir)),
            )
        });
        if durable.is_none() {
            return Some(format!("{id}: its blob was not durable before it"));
        }
    }
    let Op::Write { path: journal, .. } = &log[record] else {
        return None;
    };
    let synced = after(log, record, |op| *op == Op::Sync(journal.clone()));
    let is_head = |op: &Op| matches!(op, Op::Write { path, .. } if path.ends_with("HEAD"));
    let head = synced.and_then(|at| after(log, at, is_head));
    let head_synced = head.and_then(|at| {
        after(
            log,
            at,
            |op| matches!(op, Op::Sync(path) if path.ends_with("HEAD")),
        )
    });
    head_synced
        .is_none()
        .then(|| format!("{id}: answered before record and HEAD were synced"))
}

#[test]
fn every_answer_comes_after_blob_record_and_head_are_on_the_disk() -> Result<()> {
    let bench = Bench::new()?;
    let drafts = script(8);
    bench.with(&bench.disk, |store| {
        for draft in &drafts {
            bench.disk.note(&format!("ask {}", draft.id));
            store.commit_blocking(draft.clone())?;
            bench.disk.note(&format!("answer {}", draft.id));
        }
        Ok::<_, crate::error::Error>(())
    })??;
    let log = bench.disk.log();
    let mut violations = Vec::new();
    for draft in &drafts {
        let at = |word: String| after(&log, 0, |op| *op == Op::Note(word.clone())).unwrap_or_default();
        let (ask, answer) = (
            at(format!("ask {}", draft.id)),
            at(format!("answer {}", draft.id)),
        );
        violations.extend(violation(&log, ask, answer, draft.id.as_str()));
    }
    assert!(violations.is_empty(), "{violations:?}");
    let files = log
        .iter()
        .filter(|op| matches!(op, Op::Create(p) if p.extension().is_some_and(|e| e == "jsonl")));
    assert!(files.count() > 2, "the script is to roll over several files");
    Ok(())
}

/// The checker itself sees a missing sync: each one taken out of the log is found.
#[test]
fn a_sync_left_out_would_be_seen() -> Result<()> {
    let bench = Bench::new()?;
    let drafts = script(1);
    bench.with(&bench.disk, |store| {
        for draft in &drafts[..2] {
            bench.disk.note("ask");
            store.commit_blocking(draft.clone())?;
        }
        bench.disk.note("answer");
        Ok::<_, crate::error::Error>(())
    })??;
    let log = bench.disk.log();
    let ask = log
        .iter()
        .rposition(|op| *op == Op::Note("ask".to_owned()))
        .unwrap_or_default();
    let sound = |log: &[Op]| violation(log, ask, log.len(), drafts[1].id.as_str()).is_none();
    assert!(sound(&log));
    let mut left_out = 0;
    for i in ask..log.len() {
        if matches!(&log[i], Op::Sync(_)) {
            let mut without = log.clone();
            without.remove(i);
            assert!(!sound(&without), "leaving out {:?} went unseen", log[i]);
            left_out += 1;
        }
    }
    assert_eq!(left_out, 3, "blob, journal, HEAD");
    Ok(())
}
