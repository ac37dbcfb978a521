//! A large journal: the index is made from 100,000 records in less than ten seconds.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::review::Act;
use crate::store::Workspace;
use crate::store::index::{digest, memory::Memory};
use crate::store::journal::scan::Traces;
use crate::store::journal::{Journal, Tip, recover};
use crate::store::query::pairs;
use crate::store::record::{Draft, Line};
use crate::store::testing::{assessed, clock, decided, read};
use crate::store::vfs::{RealVfs, Vfs};

/// Dossiers of ten records: read, then eight dimensions assessed or decided, then one more read.
fn drafts(n: usize) -> impl Iterator<Item = Draft> {
    (0..n).map(|i| {
        let (dossier, id, dimension) = (
            (i / 10) as u32,
            format!("r{i}"),
            format!("dimension-{}", i % 10 / 2),
        );
        match i % 10 {
            0 | 9 => read(&id, dossier),
            k if k % 2 == 1 => assessed(&id, dossier, &dimension, 2.0),
            _ => {
                let said = assessed("", dossier, &format!("dimension-{}", (i % 10 - 1) / 2), 2.0);
                let dimension = format!("dimension-{}", (i % 10 - 1) / 2);
                decided(
                    &id,
                    dossier,
                    &dimension,
                    Some(&said),
                    Act::Override {
                        score: 4.0,
                        reason: None,
                    },
                )
            }
        }
    })
}

fn write(journal: &mut Journal, n: usize) -> Result<()> {
    let mut tip = Tip::START;
    let mut lines: Vec<Line> = Vec::new();
    for draft in drafts(n) {
        let line = draft.record(tip, clock().0).encode()?;
        tip = Tip {
            seq: tip.seq + 1,
            hash: line.hash,
        };
        lines.push(line);
        if lines.len() == 1_000 {
            journal.append(&lines.iter().collect::<Vec<_>>())?;
            lines.clear();
        }
    }
    journal.append(&lines.iter().collect::<Vec<_>>()).map(drop)
}

/// 2,000 records; with `PLUMB_SOAK=1`, 100,000 and the clock is watched.
#[test]
fn a_large_journal_is_indexed_in_seconds() -> Result<()> {
    let soak = std::env::var_os("PLUMB_SOAK").is_some();
    let n = if soak { 100_000 } else { 2_000 };
    let root = tempfile::tempdir().map_err(|e| Error::io("create", &std::env::temp_dir(), e))?;
    Workspace::open(root.path(), clock())?.close()?;
    let (vfs, dir): (Arc<dyn Vfs>, _) = (Arc::new(RealVfs), root.path().join("journal"));
    let mut journal = recover(&vfs, &dir, 16 << 20, Traces::default(), &mut |_| {})?
        .journal
        .expect("a new journal is sound");
    write(&mut journal, n)?;

    let begun = Instant::now();
    let workspace = Workspace::open(root.path(), clock())?;
    let took = begun.elapsed();
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("{n} records indexed in {took:.1?}\n"),
    );
    assert_eq!(workspace.tip().seq, n as u64);
    assert_eq!(pairs(&*workspace.table)?.len(), n / 10 * 4);
    let mut rows = Memory::default();
    workspace
        .library()
        .fill(&mut rows, workspace.tip(), &mut |_| {})?;
    assert_eq!(digest(&*workspace.table)?, digest(&rows)?);
    assert!(!soak || took.as_secs() < 10, "{took:?}");
    workspace.close()
}
