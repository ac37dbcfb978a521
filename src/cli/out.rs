//! Standard output as the commands use it: locked, buffered, and quiet when whoever read it has gone.

use std::io::{self, BufWriter, ErrorKind as IoKind, Write};
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Writes to standard output; a closed pipe ends the writing without an error.
///
/// # Errors
/// The operating system refuses the writing for another reason, such as a full disk.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() == IoKind::BrokenPipe => Ok(()),
        Err(e) => Err(failed(e)),
        Ok(()) => Ok(()),
    }
}

/// Prints `value` as one JSON document and a newline.
///
/// # Errors
/// As [`print`].
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    print(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// Rows as lines, columns as wide as their widest cell; those of `numbers` stand to the right.
pub fn table(rows: &[Vec<String>], numbers: Range<usize>) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            if numbers.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of `write`, or the disk refuses: a file that stood there is as it was.
pub fn write_file<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let refused = |e| Error::io("write", path, e);
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder).map_err(refused)?);
    let done = write(&mut file)?;
    let file = file.into_inner().map_err(|e| refused(e.into_error()))?;
    file.as_file().sync_all().map_err(refused)?;
    file.persist(path).map_err(|e| refused(e.error))?;
    Ok(done)
}

/// What a failed write to standard output means, for those who write as they go; the program ends quietly on one whose
/// reader has gone.
pub fn failed(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot write to standard output").because(cause)
}

/// Prints lines.
///
/// # Errors
/// As [`print`].
pub fn lines(lines: &[String]) -> Result<()> {
    print(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}

/// Says something beside the output, on standard error; nobody listening changes nothing.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() -> Result<()> {
        let dir = tempfile::tempdir().map_err(failed)?;
        let path = dir.path().join("file");
        let put = |bytes: &[u8], then: Result<()>| {
            write_file(&path, |file| {
                file.write_all(bytes).map_err(failed)?;
                then
            })
        };
        put(b"whole", Ok(()))?;
        let stopped = put(b"ha", Err(Error::new(ErrorKind::Cancelled, "stopped")));
        assert!(stopped.is_err());
        assert_eq!(std::fs::read(&path).map_err(failed)?, b"whole");
        Ok(())
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a", "1", "", "22", "5", "ms", ""],
            ["bb", "33", "4", "5", "5", "GB/s", "x"],
        ];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).into()).collect();
        assert_eq!(
            table(&rows, 1..5),
            ["a    1     22  5  ms", "bb  33  4   5  5  GB/s  x"]
        );
    }
}
