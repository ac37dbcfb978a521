//! Opening the journal after whatever happened: a torn tail is put aside and cut, records that were written but never
//! answered are kept, and the disk is asked to hold all of it before anything new is written.

use std::path::Path;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::head::{self, Head, Reading};
use super::scan::{Ending, Scan, Segment, Traces, scan};
use super::{Journal, OpenSegment, segment_name};
use crate::error::Result;
use crate::store::vfs::{Mode, Vfs, refused, write_all_at};

/// What opening found.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The journal, unless it is damaged.
    pub(crate) journal: Option<Journal>,
    /// What was read.
    pub(crate) scan: Scan,
    /// What is in it, as far as it is sound.
    pub(crate) catalogue: Catalogue,
    /// What was put right, one line each.
    pub(crate) notes: Vec<String>,
}

/// Opens the journal in `dir` for writing, making a new one where there is none and `traces` tell of none; `progress`
/// hears how many records were read.
pub(crate) fn recover(
    vfs: &Arc<dyn Vfs>,
    dir: &Path,
    segment_bytes: u64,
    traces: Traces,
    progress: &mut dyn FnMut(u64),
) -> Result<Recovered> {
    let reading = head::read(&**vfs, dir)?;
    let mut catalogue = Catalogue::default();
    let scan = scan(&**vfs, dir, reading, traces, &mut |met| {
        if met.tip.seq.is_multiple_of(1_000) {
            progress(met.tip.seq);
        }
        catalogue.meet(&met)
    })?;
    if matches!(scan.ending, Ending::Damaged(_)) {
        return Ok(Recovered {
            journal: None,
            scan,
            catalogue,
            notes: Vec::new(),
        });
    }
    let mut notes = Vec::new();
    let open = match scan.last {
        Some(segment) => Some(reopen(&**vfs, dir, segment, &scan.ending, &mut notes)?),
        None => None,
    };
    let head = raise_head(&**vfs, dir, reading, &scan, &mut notes)?;
    let journal = Journal {
        vfs: Arc::clone(vfs),
        dir: dir.to_path_buf(),
        tip: scan.tip,
        head,
        open,
        segment_bytes,
    };
    Ok(Recovered {
        journal: Some(journal),
        scan,
        catalogue,
        notes,
    })
}

/// Opens the last file, cuts a torn tail, and makes what is left durable.
fn reopen(
    vfs: &dyn Vfs,
    dir: &Path,
    segment: Segment,
    ending: &Ending,
    notes: &mut Vec<String>,
) -> Result<OpenSegment> {
    let path = dir.join(segment_name(segment.first));
    let file = vfs
        .open(&path, Mode::Existing)
        .map_err(|e| refused("open", &path, e))?;
    if let Ending::Torn { offset, bytes } = *ending {
        let kept = quarantine(vfs, dir, segment.first, offset, bytes)?;
        file.set_len(offset).map_err(|e| refused("cut", &path, e))?;
        notes.push(format!(
            "{bytes} bytes of an unfinished write, never answered, were cut from {} and kept as {kept}",
            segment_name(segment.first)
        ));
    }
    file.sync_data()
        .and_then(|()| vfs.sync_dir(dir))
        .map_err(|e| refused("write", &path, e))?;
    Ok(OpenSegment {
        first: segment.first,
        len: segment.len,
        path,
        file,
    })
}

/// Copies the torn bytes to `torn/`, durably, and says under which name.
fn quarantine(vfs: &dyn Vfs, dir: &Path, first: u64, offset: u64, bytes: u64) -> Result<String> {
    let name = format!("torn/{first:012}.{offset}");
    let (folder, path) = (dir.join("torn"), dir.join(&name));
    let copy = || -> std::io::Result<()> {
        let torn = vfs.read_at(&dir.join(segment_name(first)), offset, bytes as usize)?;
        vfs.create_dir(&folder)?;
        let file = vfs.open(&path, Mode::Fresh)?;
        write_all_at(&*file, &torn, 0)?;
        file.sync_data()?;
        vfs.sync_dir(&folder)?;
        vfs.sync_dir(dir)
    };
    copy().map_err(|e| refused("write", &path, e))?;
    Ok(name)
}

/// Brings `HEAD` up to what the journal holds, both slots sound.
fn raise_head(
    vfs: &dyn Vfs,
    dir: &Path,
    reading: Reading,
    scan: &Scan,
    notes: &mut Vec<String>,
) -> Result<Head> {
    let Reading::Tip {
        tip,
        slot,
        other_broken,
    } = reading
    else {
        return Head::create(vfs, dir);
    };
    let mut head = Head::open(vfs, dir, slot)?;
    if scan.tip.seq > tip.seq {
        notes.push(format!(
            "records #{} to #{} were written but not answered; they are kept",
            tip.seq + 1,
            scan.tip.seq
        ));
    }
    if other_broken {
        notes.push("one of HEAD's two slots could not be read and was written again".to_owned());
    }
    if other_broken || scan.tip != tip {
        head.advance(scan.tip)?;
    }
    Ok(head)
}
