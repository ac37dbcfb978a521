//! The program in a pseudo-terminal: keys go in, and the screen, the raw bytes and the journal are watched.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;

use super::script::{Press, Sign, Step};
use crate::env::{Outcome, SMALL_MODEL, TestEnvironment, sample};

/// The dossier that has the model's view of two dimensions.
pub const SAMPLE: &str = "en-priya-nair-2026h1";
/// Columns and rows that show all panes.
pub const WIDE: (u16, u16) = (140, 40);
/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A workspace that holds the model's view of two dimensions.
fn assessed() -> Outcome<&'static Path> {
    static MADE: OnceLock<Result<(TestEnvironment, PathBuf), String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let env = assess().map_err(|e| e.to_string())?;
        let workspace = env.workspace();
        Ok((env, workspace))
    });
    match made {
        Ok((_, workspace)) => Ok(workspace),
        Err(error) => Err(error.clone().into()),
    }
}

fn assess() -> Outcome<TestEnvironment> {
    let env = TestEnvironment::with_models()?;
    let dossier = sample(SAMPLE).to_string_lossy().into_owned();
    let dimensions = ["--dimension", "collaboration", "--dimension", "quality"];
    let call = [
        &["score", &dossier, "--model", SMALL_MODEL, "--save"][..],
        &dimensions[..],
    ]
    .concat();
    env.run(call)?.ok()?;
    Ok(env)
}

/// An account with that workspace, and no models.
pub fn account() -> Outcome<TestEnvironment> {
    let env = TestEnvironment::new()?;
    give_assessment(&env)?;
    Ok(env)
}

/// Gives an account that workspace.
pub fn give_assessment(env: &TestEnvironment) -> Outcome {
    copy(assessed()?, &env.workspace())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The records of an account's journal, in order.
pub fn journal(env: &TestEnvironment) -> Outcome<Vec<Value>> {
    let text = match fs::read_to_string(env.workspace().join("journal/000000000001.jsonl")) {
        // Nothing was written yet.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let json = |line: &str| {
        line.split_once("  ")
            .map(|(_, json)| json.to_owned())
            .ok_or("no hash before the record")
    };
    text.lines()
        .map(|line| Ok(serde_json::from_str(&json(line)?)?))
        .collect()
}

/// The program in a pseudo-terminal.
pub struct Session<'a> {
    env: &'a TestEnvironment,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl<'a> Session<'a> {
    /// Starts any program in a terminal of columns and rows.
    pub fn start(env: &'a TestEnvironment, argv: Vec<std::ffi::OsString>, size: (u16, u16)) -> Outcome<Self> {
        let pair = native_pty_system().openpty(pty_size(size))?;
        let mut command = CommandBuilder::from_argv(argv);
        command.env_clear();
        env.vars().for_each(|(name, value)| command.env(name, value));
        command.cwd(env.home());
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let parser = vt100::Parser::new(cells(size.1)?, cells(size.0)?, 0);
        let screen = Arc::new(Mutex::new(parser));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let reader = pair.master.try_clone_reader()?;
        let (shown, bytes) = (screen.clone(), raw.clone());
        std::thread::spawn(move || watch(reader, &shown, &bytes));
        let keys = pair.master.take_writer()?;
        Ok(Self {
            env,
            keys,
            screen,
            raw,
            child,
            master: pair.master,
        })
    }

    /// `plumb review` of `target` with more arguments.
    pub fn review(env: &'a TestEnvironment, target: &Path, args: &[&str], size: (u16, u16)) -> Outcome<Self> {
        let mut argv = vec![env!("CARGO_BIN_EXE_plumb").into(), "review".into(), target.into()];
        argv.extend(args.iter().map(Into::into));
        Self::start(env, argv, size)
    }

    /// The usual session: wide, the assessed dossier open.
    pub fn ready(env: &'a TestEnvironment) -> Outcome<Self> {
        let session = Self::review(env, &sample(SAMPLE), &[], WIDE)?;
        session.wait("Evidence for Collaboration")?;
        Ok(session)
    }

    /// A session over all samples, the queue open.
    pub fn queue(env: &'a TestEnvironment) -> Outcome<Self> {
        let session = Self::review(env, &sample(""), &[], WIDE)?;
        session.wait("Tom Okafor")?;
        Ok(session)
    }

    /// Does every step, each to its sign.
    pub fn play(&mut self, script: &[Step]) -> Outcome {
        for step in script {
            self.step(step).map_err(|e| format!("{:?}: {e}", step.press))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match step.sign {
            Sign::None => self.press(&step.press),
            // What is there before the key proves nothing: it must come, or go, because of the key.
            Sign::Shows(words) => {
                self.wait_until(|text| !text.contains(words), "words that were there before")?;
                self.press(&step.press)?;
                self.wait(words)
            }
            Sign::Hides(words) => {
                self.wait(words)?;
                self.press(&step.press)?;
                self.wait_until(|text| !text.contains(words), "words that should go")
            }
            Sign::Sends(bytes) => {
                let before = self.raw().len();
                self.press(&step.press)?;
                self.wait_for_bytes(bytes, before)
            }
            Sign::Saves => {
                let next = journal(self.env)?.len() + 1;
                self.press(&step.press)?;
                self.wait(&format!("saved #{next} "))
            }
            Sign::Ends(code) => {
                self.press(&step.press)?;
                let ended = self.ended()?;
                if ended == code {
                    Ok(())
                } else {
                    Err(format!("it ended with {ended} instead of {code}").into())
                }
            }
        }
    }

    fn press(&mut self, press: &Press) -> Outcome {
        self.keys.write_all(&press.bytes()?)?;
        Ok(self.keys.flush()?)
    }

    /// Types what a terminal would send.
    pub fn type_keys(&mut self, bytes: &str) -> Outcome {
        self.keys.write_all(bytes.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.screen().screen().contents()
    }

    /// The terminal as the program has set it.
    pub fn screen(&self) -> MutexGuard<'_, vt100::Parser> {
        lock(&self.screen)
    }

    /// Every byte that the program has sent.
    pub fn raw(&self) -> MutexGuard<'_, Vec<u8>> {
        lock(&self.raw)
    }

    /// Waits for words on the screen.
    pub fn wait(&self, words: &str) -> Outcome {
        self.wait_until(|text| text.contains(words), words)
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&self, wanted: impl Fn(&str) -> bool, what: &str) -> Outcome {
        self.patiently(what, || wanted(&self.text()).then_some(()))
    }

    fn wait_for_bytes(&self, bytes: &[u8], from: usize) -> Outcome {
        let what = String::from_utf8_lossy(bytes).into_owned();
        self.patiently(&what, || {
            let raw = self.raw();
            raw[from..].windows(bytes.len()).any(|w| w == bytes).then_some(())
        })
    }

    /// Waits for the end; answers the exit status.
    pub fn ended(&mut self) -> Outcome<u32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.exit_code());
            }
            if since.elapsed() > PATIENCE {
                return Err(self.told("it did not end"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn patiently<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> Outcome<T> {
        let since = Instant::now();
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            if since.elapsed() > PATIENCE {
                return Err(self.told(&format!("waited in vain for {what:?}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn told(&self, what: &str) -> Box<dyn std::error::Error> {
        let screen = self.text();
        format!("{what}; the screen:\n{screen}").into()
    }

    /// Waits until the terminal is as it was before the program: its main screen, a cursor, no paste marks, no mouse.
    pub fn given_back(&self) -> Outcome {
        self.patiently("the terminal given back", || {
            let parser = self.screen();
            let screen = parser.screen();
            let free = !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
            free.then_some(())
        })
    }

    /// Gives the terminal another size.
    pub fn resize(&self, size: (u16, u16)) -> Outcome {
        self.screen()
            .screen_mut()
            .set_size(cells(size.1)?, cells(size.0)?);
        Ok(self.master.resize(pty_size(size))?)
    }

    /// The program's process.
    pub fn pid(&self) -> Outcome<u32> {
        Ok(self.child.process_id().ok_or("no process")?)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads until the program has gone.
fn watch(mut reader: Box<dyn Read + Send>, screen: &Mutex<vt100::Parser>, raw: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(n) = reader.read(&mut buffer) {
        if n == 0 {
            break;
        }
        lock(screen).process(&buffer[..n]);
        lock(raw).extend_from_slice(&buffer[..n]);
    }
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(n: u16) -> Outcome<NonZeroU16> {
    Ok(NonZeroU16::try_from(n)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
