//! Rendering in a child process: the bytes go in, one JSON object comes back, perhaps with bytes behind it, and every way
//! of dying is a line.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::unpack::{self, Listing, Unpacked};
use super::{Rendition, sandbox};
use crate::dossier::SourceFormat;
use crate::dossier::manifest::ARCHIVE;
use crate::error::{Error, ErrorKind, Result};
use crate::sanitize::line;

/// The hidden command of the program that renders a file.
pub const COMMAND: &str = "__parse";

/// Longer than this, and the file is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest answer that is read, in bytes, but for the files of an archive.
const MAX_ANSWER: u64 = 64 << 20;
/// The longest file that is read, in bytes; the dossier's own limit is lower.
const MAX_FILE: u64 = 256 << 20;

/// What the child prints.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Rendered(Rendition),
    /// The picture of a page follows.
    Drawn,
    /// The files of an archive follow, one behind the other.
    Unpacked(Listing),
    /// What is wrong with the file.
    Refused(String),
}

/// The child's side: reads a file of `format` from `input` and prints what it is; of a PDF with a `page`, the picture of
/// that page; of an archive, the files in it.
///
/// # Errors
/// The format is unknown, this process cannot be confined, or its pipes are closed.
pub fn answer(format: &str, page: Option<u32>, input: &mut dyn Read, out: &mut dyn Write) -> Result<()> {
    let archive = format == ARCHIVE;
    let known: Option<SourceFormat> = serde_json::from_value(format.into()).ok();
    if known.is_none() && !archive {
        let unknown = format!("no format is called {format:?}");
        return Err(Error::new(ErrorKind::Usage, unknown));
    }
    sandbox::confine()?;
    let mut bytes = Vec::new();
    input
        .take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot read standard input").because(e))?;
    let answered = match (known, page) {
        (None, _) => unpack::unpack(&bytes).map(|read| {
            let (listing, behind) = read.split();
            (Answer::Unpacked(listing), behind)
        }),
        (Some(_), Some(page)) => {
            super::pdf::picture(&bytes, page).map(|picture| (Answer::Drawn, vec![picture]))
        }
        (Some(format), None) => {
            super::render(format, &bytes).map(|read| (Answer::Rendered(read), Vec::new()))
        }
    };
    let (answer, behind) = answered.unwrap_or_else(|why| (Answer::Refused(why), Vec::new()));
    let broken = |e| Error::new(ErrorKind::Io, "cannot write to standard output").because(e);
    serde_json::to_writer(&mut *out, &answer).map_err(|e| broken(e.into()))?;
    behind
        .iter()
        .try_for_each(|bytes| out.write_all(bytes))
        .map_err(broken)
}

/// The rendition of a file, made by a child process that runs `program`.
pub(super) fn render(program: &Path, format: SourceFormat, bytes: &[u8]) -> Result<Rendition, String> {
    match ask(program, (&word(format), None), bytes, MAX_ANSWER)? {
        (Answer::Rendered(rendition), _) if rendition.is_sound() => Ok(rendition.tidied()),
        _ => Err(senseless()),
    }
}

/// The picture of a page of a PDF, drawn by a child process that runs `program`.
pub(super) fn draw(program: &Path, pdf: &[u8], page: u32) -> Result<Vec<u8>, String> {
    match ask(program, (&word(SourceFormat::Pdf), Some(page)), pdf, MAX_ANSWER)? {
        (Answer::Drawn, picture) => Ok(picture),
        _ => Err(senseless()),
    }
}

/// The files of an archive, unpacked by a child process that runs `program`.
pub(super) fn unpack(program: &Path, archive: &[u8]) -> Result<Unpacked, String> {
    // The names stand in front of the files.
    let most = MAX_ANSWER + unpack::MAX_UNPACKED;
    match ask(program, (ARCHIVE, None), archive, most)? {
        (Answer::Unpacked(listing), behind) => Unpacked::join(listing, behind).ok_or_else(senseless),
        _ => Err(senseless()),
    }
}

/// What the child calls a format.
fn word(format: SourceFormat) -> String {
    let word = serde_json::to_value(format).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

fn senseless() -> String {
    "could not be read: the process that reads it gave no sense".to_owned()
}

/// What a child process that runs `program` says of a file, or of a page of it, in at most `most` bytes, and the bytes
/// behind it.
fn ask(
    program: &Path,
    (word, page): (&str, Option<u32>),
    bytes: &[u8],
    most: u64,
) -> Result<(Answer, Vec<u8>), String> {
    let mut child = Command::new(program)
        .arg(COMMAND)
        .arg(word)
        .args(page.map(|page| page.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("no process to read it in: {e}"))?;
    let (mut said, status) = talk(&mut child, bytes, most, PATIENCE)?;
    if said.len() as u64 > most {
        return Err("is longer than can be read".to_owned());
    }
    if !status.success() {
        return Err(death(status));
    }
    let mut answers = serde_json::Deserializer::from_slice(&said).into_iter();
    let answer = answers.next();
    let behind = answers.byte_offset();
    match answer {
        Some(Ok(Answer::Refused(why))) => Err(line(&why).into_owned()),
        Some(Ok(answer)) => {
            // Moved to the front, not copied: the files of an archive are many bytes.
            said.drain(..behind);
            Ok((answer, said))
        }
        _ => Err(senseless()),
    }
}

/// Gives the child its file and takes what it says, a little more than `most` bytes, up to its end or the end of our
/// patience.
fn talk(
    child: &mut Child,
    bytes: &[u8],
    most: u64,
    patience: Duration,
) -> Result<(Vec<u8>, ExitStatus), String> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    std::thread::scope(|scope| {
        // A child that ends early closes its input; what it says then tells why.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(bytes)));
        let said = scope.spawn(move || {
            let mut said = Vec::new();
            let read = stdout.map(|pipe| pipe.take(most + 1).read_to_end(&mut said));
            drop(read);
            said
        });
        let status = end_of(child, patience);
        let said = said.join().unwrap_or_default();
        status.map(|status| (said, status))
    })
}

fn end_of(child: &mut Child, patience: Duration) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            ended => {
                // It may have ended meanwhile; either way nothing of it is used.
                drop(child.kill());
                drop(child.wait());
                return Err(match ended {
                    Ok(_) => format!("could not be read within {} s", patience.as_secs()),
                    Err(e) => format!("the process that reads it was lost: {e}"),
                });
            }
        }
    }
}

/// Why a child died, in one line.
#[cfg(unix)]
fn death(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::Signal;
    let signal = status.signal();
    let is = |known: Signal| signal == Some(known.as_raw());
    if is(Signal::XCPU) || is(Signal::KILL) {
        format!(
            "could not be read: it takes more than {} s of work",
            sandbox::MAX_CPU_SECONDS
        )
    } else if is(Signal::ABORT) {
        let megabytes = sandbox::MAX_MEMORY >> 20;
        format!("could not be read: it takes more than {megabytes} MB of memory, or nests too deep")
    } else if let Some(signal) = signal {
        format!("could not be read: the process that reads it died of signal {signal}")
    } else {
        failure(status)
    }
}

/// Why a child died, in one line.
#[cfg(not(unix))]
fn death(status: ExitStatus) -> String {
    failure(status)
}

fn failure(status: ExitStatus) -> String {
    format!(
        "could not be read: the process that reads it failed ({})",
        status
            .code()
            .map_or_else(|| "no status".to_owned(), |code| format!("status {code}"))
    )
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// A program that does what the shell script says, as long as its folder is there.
    fn program(script: &str) -> std::io::Result<(tempfile::TempDir, std::path::PathBuf)> {
        let dir = tempfile::TempDir::new()?;
        let program = dir.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        Ok((dir, program))
    }

    /// What is said of a file whose child does what the shell script says.
    fn said(script: &str) -> std::io::Result<String> {
        let (_dir, program) = program(script)?;
        let answer = render(&program, SourceFormat::Docx, &vec![b'a'; 1 << 20]);
        Ok(answer.map_or_else(|why| why, |rendition| format!("read: {}", rendition.text)))
    }

    #[test]
    fn every_way_of_dying_is_one_line() -> Outcome {
        let cases = [
            ("kill -ABRT $$", "more than 1024 MB of memory"),
            ("kill -XCPU $$", "more than 30 s of work"),
            ("kill -SEGV $$", "died of signal 11"),
            ("exit 3", "failed (status 3)"),
            ("cat >/dev/null; echo hello", "gave no sense"),
            (r#"cat >/dev/null; echo '{"refused":"is damaged"}'"#, "is damaged"),
            (
                r#"cat >/dev/null; echo '{"rendered":{"text":"a","blocks":[{"kind":"prose","span":{"start":0,"end":9}}],"spots":{"sheets":[],"marks":[]},"notes":[]}}'"#,
                "gave no sense",
            ),
            (
                r#"cat >/dev/null; echo '{"rendered":{"text":"a","blocks":[],"spots":{"sheets":[],"marks":[]},"notes":[]}}'"#,
                "read: a",
            ),
            ("yes | head -c 70000000", "longer than can be read"),
        ];
        for (script, expected) in cases {
            let said = said(script)?;
            assert!(said.contains(expected), "{script}: {said}");
            assert!(!said.contains('\n'), "{said}");
        }
        Ok(())
    }

    /// The process that draws a page dies like the one that renders, and what it draws is taken as it comes.
    #[test]
    fn a_page_whose_drawing_ends_badly_is_one_line() -> Outcome {
        let cases = [
            ("kill -ABRT $$", Err("more than 1024 MB of memory")),
            ("kill -XCPU $$", Err("more than 30 s of work")),
            ("exit 101", Err("failed (status 101)")),
            ("cat >/dev/null; echo hello", Err("gave no sense")),
            (
                r#"cat >/dev/null; echo '{"rendered":{"text":"a","blocks":[],"spots":{"sheets":[],"marks":[]},"notes":[]}}'"#,
                Err("gave no sense"),
            ),
            (r#"cat >/dev/null; printf '"drawn"picture'"#, Ok("picture")),
            ("yes | head -c 70000000", Err("longer than can be read")),
        ];
        for (script, expected) in cases {
            let (_dir, program) = program(script)?;
            match (draw(&program, b"%PDF", 1), expected) {
                (Ok(picture), Ok(expected)) => assert_eq!(picture, expected.as_bytes()),
                (Err(why), Err(expected)) => {
                    assert!(why.contains(expected) && !why.contains('\n'), "{script}: {why}");
                }
                (said, _) => return Err(format!("{script}: {said:?}").into()),
            }
        }
        Ok(())
    }

    #[test]
    fn a_child_that_hangs_is_put_down() -> Outcome {
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let started = Instant::now();
        let ended = talk(&mut child, b"x", MAX_ANSWER, Duration::from_millis(50));
        assert!(ended.is_err_and(|why| why.contains("within")));
        assert!(started.elapsed() < Duration::from_secs(30));
        Ok(())
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let said = render(Path::new("/nowhere/plumb"), SourceFormat::Docx, b"x").err();
        assert!(said.is_some_and(|why| why.starts_with("no process to read it in: ")));
    }
}
