//! The machine's own pip, run as a child to download one package at a time. What it downloads is data: nothing is ever
//! installed or run. Which index it asks is pip's own configuration.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::sanitize;

/// How often a running pip is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The ways to call pip, tried in order.
const CALLS: [&[&str]; 4] = [
    &["python3", "-m", "pip"],
    &["pip3"],
    &["pip"],
    &["python", "-m", "pip"],
];

/// Nothing asked, nothing kept, nothing said but errors.
const QUIET: [&str; 5] = [
    "--no-cache-dir",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--quiet",
];

/// The machine's pip.
#[derive(Debug, Clone)]
pub struct Pip {
    call: &'static [&'static str],
    version: String,
}

impl Pip {
    /// The first call that works.
    pub fn find() -> Option<Self> {
        CALLS.iter().find_map(|call| {
            let output = command(call)
                .arg("--version")
                .stdin(Stdio::null())
                .output()
                .ok()?;
            let said = String::from_utf8_lossy(&output.stdout);
            let version = said.split_whitespace().nth(1)?.to_owned();
            output.status.success().then_some(Self { call, version })
        })
    }

    /// How it is called: `python3 -m pip`.
    pub fn call(&self) -> String {
        self.call.join(" ")
    }

    /// The version it reports.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Downloads `package==version` into `folder`, which is empty, and gives the wheel's path. `tick` is told how many
    /// bytes have come and may stop it.
    ///
    /// # Errors
    /// `Network` when pip fails, `Io` when it cannot be started, and whatever `tick` returns.
    pub fn download(
        &self,
        package: &str,
        version: &str,
        folder: &Path,
        tick: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<PathBuf> {
        let scratch = folder.join("tmp");
        std::fs::create_dir_all(&scratch).map_err(|e| Error::io("create", &scratch, e))?;
        let log_path = folder.join("pip.log");
        let log = File::create(&log_path).map_err(|e| Error::io("write", &log_path, e))?;
        let mut child = command(self.call)
            .args(["download", "--no-deps", "--only-binary=:all:"])
            .args(QUIET)
            .arg("--dest")
            .arg(folder)
            .arg(format!("{package}=={version}"))
            // Its scratch files grow on the disk that was asked for space, and show how far it is.
            .env("TMPDIR", &scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| Error::io("run", Path::new(self.call[0]), e))?;
        let status = wait(&mut child, folder, tick)?;
        match wheel_in(folder) {
            Some(wheel) if status.success() => Ok(wheel),
            _ => Err(failed(package, version, &log_path)),
        }
    }
}

fn command(call: &[&str]) -> Command {
    let mut command = Command::new(call[0]);
    command.args(&call[1..]);
    command
}

/// Waits for the child; ends it when `tick` says so.
fn wait(child: &mut Child, folder: &Path, tick: &mut dyn FnMut(u64) -> Result<()>) -> Result<ExitStatus> {
    loop {
        let state = child
            .try_wait()
            .map_err(|e| Error::io("wait for pip in", folder, e))?;
        if let Some(status) = state {
            return Ok(status);
        }
        if let Err(stop) = tick(largest_file(folder, 3)) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(stop);
        }
        std::thread::sleep(LOOK);
    }
}

/// The size of the largest file in `folder`, `depth` folders deep: the package as far as it has come.
fn largest_file(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => largest_file(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(size).max().unwrap_or(0)
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let paths = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    paths
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

fn failed(package: &str, version: &str, log: &Path) -> Error {
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let said = log
        .lines()
        .rev()
        .find(|line| line.starts_with("ERROR"))
        .or_else(|| log.lines().last());
    let said: String = said.unwrap_or("it said nothing").chars().take(300).collect();
    let said = sanitize::line(&said);
    Error::new(
        ErrorKind::Network,
        format!("index: pip could not download {package}=={version}: {said}"),
    )
    .hint(format!(
        "see what `pip download --no-deps {package}=={version}` says; pip's own configuration names the index"
    ))
}
