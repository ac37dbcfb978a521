use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::RecordId;
use crate::review::Act;
use crate::store::testing::{assessed, calibrated, clock, decided, dossier_id, read, undone, with_store};
use crate::store::{Reader, Store, Workspace};

const FOUR: Act = Act::Accept { score: 4.0 };

fn temp() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|e| Error::io("create", &std::env::temp_dir(), e))
}

#[test]
fn what_was_saved_is_there_after_reopening_in_order() -> Result<()> {
    let dir = temp()?;
    let said = assessed("r2", 1, "delivery", 3.5);
    let receipts = with_store(dir.path(), |store| {
        Ok([
            store.commit_blocking(read("r1", 1))?,
            store.commit_blocking(said.clone())?,
            store.commit_blocking(decided("r3", 1, "delivery", Some(&said), FOUR))?,
            store.commit_blocking(undone("r4", 1, "r3"))?,
        ])
    })?;
    assert_eq!(receipts.each_ref().map(|r| r.seq), [1, 2, 3, 4]);
    let records = with_store(dir.path(), |store| store.dossier_blocking(&dossier_id(1)))?;
    let ids: Vec<&str> = records.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["r1", "r2", "r3", "r4"]);
    for (record, receipt) in records.iter().zip(&receipts) {
        assert_eq!(record.encode()?.hash, receipt.hash);
    }
    let blob = with_store(dir.path(), |store| {
        store.ask_blocking(crate::store::StoreRequest::Blob(said.blobs[0].0))
    })?;
    assert_eq!(blob, crate::store::StoreAnswer::Blob(said.blobs[0].1.clone()));
    Ok(())
}

#[test]
fn a_calibration_speaks_of_no_dossier_and_is_kept() -> Result<()> {
    let dir = temp()?;
    with_store(dir.path(), |store| {
        store.commit_blocking(read("r1", 1))?;
        store.commit_blocking(calibrated("r2", b"curve"))?;
        let mut without_its_blob = calibrated("r3", b"another");
        without_its_blob.blobs.clear();
        assert!(store.commit_blocking(without_its_blob).is_err());
        Ok(())
    })?;
    let reader = Reader::open(dir.path())?;
    let said: Vec<u64> = reader.of_no_dossier()?.iter().map(|record| record.seq).collect();
    assert_eq!(said, [2]);
    assert_eq!(reader.blobs().get(&ContentHash::of(b"curve"))?, b"curve");
    let dossiers: Vec<_> = reader.queue()?.into_iter().map(|status| status.dossier).collect();
    assert_eq!(dossiers, [dossier_id(1)]);
    Ok(())
}

#[test]
fn the_same_draft_twice_is_written_once_and_answered_alike() -> Result<()> {
    let dir = temp()?;
    let (first, second) = with_store(dir.path(), |store| {
        Ok((
            store.commit_blocking(read("r1", 1))?,
            store.commit_blocking(read("r1", 1))?,
        ))
    })?;
    let third = with_store(dir.path(), |store| store.commit_blocking(read("r1", 1)))?;
    assert_eq!((&first, &first), (&second, &third));
    assert_eq!(Reader::open(dir.path())?.tip().seq, 1);
    Ok(())
}

#[test]
fn a_draft_that_cites_nothing_real_is_refused_and_harms_nobody() -> Result<()> {
    let dir = temp()?;
    with_store(dir.path(), |store| {
        let stranger = assessed("x", 1, "delivery", 3.5);
        let bare = crate::store::Draft {
            blobs: Vec::new(),
            ..stranger.clone()
        };
        let wrong = crate::store::Draft {
            blobs: vec![(stranger.blobs[0].0, b"other".to_vec())],
            ..stranger.clone()
        };
        let half = decided(
            "x",
            1,
            "delivery",
            None,
            Act::Override {
                score: 4.3,
                reason: None,
            },
        );
        let dark = crate::store::Draft {
            id: RecordId::new("a\u{1b}[2J"),
            ..read("x", 1)
        };
        let refused = [
            bare,
            wrong,
            half,
            dark,
            undone("x", 1, "nobody"),
            decided("x", 1, "delivery", Some(&stranger), FOUR),
        ];
        for draft in refused {
            let error = store.commit_blocking(draft).expect_err("it is unfit");
            assert_eq!(error.kind(), ErrorKind::Input, "{error}");
            assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
        }
        store.commit_blocking(read("r1", 1))?;
        assert_eq!(store.status_blocking()?.tip.seq, 1);
        Ok(())
    })
}

#[test]
fn numbers_that_json_cannot_carry_are_refused() -> Result<()> {
    let dir = temp()?;
    with_store(dir.path(), |store| {
        let mut draft = assessed("r1", 1, "delivery", 3.5);
        if let crate::review::Entry::Assessment(a) = &mut draft.entry {
            a.seed = (1 << 53) + 1;
        }
        let error = store.commit_blocking(draft).expect_err("2^53 + 1 is no double");
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        Ok(())
    })
}

#[test]
fn a_second_writer_is_told_who_has_the_workspace() -> Result<()> {
    let dir = temp()?;
    let first = Workspace::open(dir.path(), clock())?;
    let Err(error) = Workspace::open(dir.path(), clock()) else {
        unreachable!("the lock is held")
    };
    assert_eq!(error.kind(), ErrorKind::Locked);
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    assert!(error.hints().iter().any(|h| h.contains("--workspace")));
    drop(first);
    Workspace::open(dir.path(), clock()).map(drop)
}

#[test]
fn questions_wait_for_the_commits_before_them() -> Result<()> {
    let dir = temp()?;
    let (handle, thread) = Store::start(Workspace::open(dir.path(), clock())?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, "runtime").because(e))?;
    let (numbers, last) = runtime.block_on(async {
        let mut writes = tokio::task::JoinSet::new();
        for i in 0..100 {
            let handle = handle.clone();
            writes.spawn(async move { handle.commit(read(&format!("r{i}"), i)).await });
        }
        let saved = writes.join_all().await;
        let numbers: Result<BTreeSet<u64>> = saved.into_iter().map(|r| r.map(|r| r.seq)).collect();
        Ok::<_, Error>((numbers?, handle.dossier(&dossier_id(99)).await?))
    })?;
    assert_eq!(numbers, (1..=100).collect());
    assert_eq!(last.len(), 1);
    drop(handle);
    thread.join().expect("the writing task does not panic")
}

#[test]
fn a_line_reads_as_the_format_says() -> Result<()> {
    let dir = temp()?;
    with_store(dir.path(), |store| {
        store.commit_blocking(undone_nothing()).map(drop)
    })?;
    let path = dir.path().join("journal/000000000001.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let (hash, json) = text
        .trim_end()
        .split_once("  ")
        .expect("two spaces stand between");
    assert_eq!(ContentHash::of(json.as_bytes()).to_string(), hash);
    insta::assert_snapshot!(json);
    Ok(())
}

fn undone_nothing() -> crate::store::Draft {
    decided(
        "01J9X",
        1,
        "delivery",
        None,
        Act::Override {
            score: 4.5,
            reason: Some("missed evidence".to_owned()),
        },
    )
}
