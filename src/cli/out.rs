//! Standard output as the commands use it: locked, buffered, and quiet when whoever read it has gone.

use std::io::{self, BufWriter, ErrorKind as IoKind, Write};
use std::ops::Range;

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
