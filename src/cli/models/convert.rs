//! `plumb models convert`: a speech model in the layout that whisper.cpp reads.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use crate::cli::out;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::speech::convert;
use crate::sanitize::line;

/// Writes `to` from `from`; nothing is there before all of it is.
pub(super) fn run(from: &Path, to: &Path) -> Result<()> {
    let read = |path: &Path| std::fs::read(path).map_err(|e| Error::io("read", path, e));
    let fail = |e| Error::io("write", to, e);
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty());
    let mut file =
        BufWriter::new(tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(fail)?);
    if from.extension().is_some_and(|ending| ending == "safetensors") {
        convert::silero(&read(from)?, &mut file)?;
    } else {
        let beside = from.with_file_name("tokenizer.json");
        let tokenizer = beside.exists().then(|| read(&beside)).transpose()?;
        let model = File::open(from).map_err(|e| Error::io("read", from, e))?;
        convert::whisper(BufReader::new(model), tokenizer.as_deref(), &mut file)?;
    }
    let file = file.into_inner().map_err(|e| fail(e.into_error()))?;
    file.as_file().sync_all().map_err(fail)?;
    let hash = File::open(file.path())
        .and_then(ContentHash::of_reader)
        .map_err(fail)?;
    file.persist_noclobber(to).map_err(|e| {
        if e.error.kind() == std::io::ErrorKind::AlreadyExists {
            let name = to.display().to_string();
            return Error::new(ErrorKind::Usage, format!("{} is there already", line(&name)));
        }
        fail(e.error)
    })?;
    out::print(|out| writeln!(out, "{hash}  {}", line(&to.display().to_string())))
}
