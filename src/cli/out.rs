//! Standard output as the commands use it: locked, buffered, and quiet when whoever read it has gone.

use std::io::{self, BufWriter, ErrorKind as IoKind, Write};

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
