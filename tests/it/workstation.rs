//! The workstation in a real pseudo-terminal: keys in, records in the journal. The program, the store and the model's
//! assessment are the real ones; the assessment is made once, by `plumb score --save` with the small model, and the
//! sessions run without a model, so that no key waits for one.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use serde_json::Value;

use crate::env::{Outcome, SMALL_MODEL, TestEnvironment, sample};

const SAMPLE: &str = "en-priya-nair-2026h1";
const PATIENCE: Duration = Duration::from_secs(30);

const F3: &str = "\x1bOR";
const F5: &str = "\x1b[15~";
const ENTER: &str = "\r";
const DOWN: &str = "\x1b[B";

/// A workspace that holds the model's view of two dimensions.
fn assessed() -> Outcome<&'static Path> {
    static MADE: OnceLock<Result<TestEnvironment, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| assess().map_err(|e| e.to_string()));
    match made {
        Ok(env) => {
            static WORKSPACE: OnceLock<std::path::PathBuf> = OnceLock::new();
            Ok(WORKSPACE.get_or_init(|| env.workspace()))
        }
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
fn account() -> Outcome<TestEnvironment> {
    let env = TestEnvironment::new()?;
    copy(assessed()?, &env.workspace())?;
    Ok(env)
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

/// The program in a pseudo-terminal.
struct Session {
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Session {
    fn open(env: &TestEnvironment, args: &[&str], rows: u16, cols: u16) -> Outcome<Self> {
        let pair = native_pty_system().openpty(PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_plumb"));
        command.env_clear();
        env.vars().for_each(|(name, value)| command.env(name, value));
        command.cwd(env.home());
        command.args(["review".as_ref(), sample(SAMPLE).as_os_str()]);
        command.args(args);
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows)?, cells(cols)?, 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader()?;
        let (parser, bytes) = (screen.clone(), raw.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                lock(&parser).process(&buffer[..n]);
                lock(&bytes).extend_from_slice(&buffer[..n]);
            }
        });
        let keys = pair.master.take_writer()?;
        Ok(Self {
            keys,
            screen,
            raw,
            child,
            _master: pair.master,
        })
    }

    /// The usual session: wide, its dossier open.
    fn ready(env: &TestEnvironment) -> Outcome<Self> {
        let session = Self::open(env, &[], 40, 140)?;
        session.wait("Collaboration")?;
        Ok(session)
    }

    fn press(&mut self, keys: &str) -> Outcome {
        self.keys.write_all(keys.as_bytes())?;
        self.keys.flush()?;
        // A key at a time, as a person types: an escape sequence must not run into the next key.
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    }

    fn text(&self) -> String {
        lock(&self.screen).screen().contents()
    }

    fn wait(&self, words: &str) -> Outcome {
        let since = Instant::now();
        while !self.text().contains(words) {
            if since.elapsed() > PATIENCE {
                return Err(format!("{words:?} never came; the screen:\n{}", self.text()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn ended(&mut self) -> Outcome<u32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.exit_code());
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("it did not end; the screen:\n{}", self.text()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cells(n: u16) -> Outcome<NonZeroU16> {
    Ok(NonZeroU16::try_from(n)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The records of an account's journal, in order.
fn journal(env: &TestEnvironment) -> Outcome<Vec<Value>> {
    let text = fs::read_to_string(env.workspace().join("journal/000000000001.jsonl"))?;
    let json = |line: &str| {
        line.split_once("  ")
            .map(|(_, json)| json.to_owned())
            .ok_or("no hash before the record")
    };
    text.lines()
        .map(|line| Ok(serde_json::from_str(&json(line)?)?))
        .collect()
}

/// Presses keys in a session of its own and waits for record `seq` to be shown as saved; answers it.
fn record(keys: &[&str], nth: usize) -> Outcome<(TestEnvironment, Value)> {
    let env = account()?;
    let before = journal(&env)?.len();
    let mut session = Session::ready(&env)?;
    for key in keys {
        session.press(key)?;
    }
    let seq = before + nth;
    session.wait(&format!("saved #{seq} "))?;
    let record = journal(&env)?
        .get(seq - 1)
        .cloned()
        .ok_or("shown as saved, but not in the journal")?;
    assert_eq!(record["seq"], seq);
    assert_eq!(record["actor"], "tester");
    Ok((env, record))
}

fn act(record: &Value) -> &Value {
    &record["body"]["act"]
}

#[test]
fn a_accepts() -> Outcome {
    let (_, record) = record(&["a"], 1)?;
    assert_eq!(
        (&record["type"], &record["body"]["dimension"]),
        (&"decision".into(), &"collaboration".into())
    );
    assert_eq!(act(&record)["act"], "accept");
    assert_eq!(record["body"]["seen"]["model_visible"], true);
    assert!(record["body"]["assessment"].is_string());
    Ok(())
}

#[test]
fn a_digit_overrides_and_enter_skips_the_reason() -> Outcome {
    let (_, record) = record(&["5", ENTER], 1)?;
    assert_eq!(act(&record)["act"], "override");
    assert_eq!(act(&record)["score"], 5.0);
    assert_eq!(act(&record)["reason"], Value::Null);
    Ok(())
}

#[test]
fn a_dot_adds_half_and_the_picker_gives_a_reason() -> Outcome {
    let (_, record) = record(&["4", ".", DOWN, ENTER], 1)?;
    assert_eq!(act(&record)["score"], 4.5);
    assert!(act(&record)["reason"].is_string(), "{record}");
    Ok(())
}

#[test]
fn e_links_the_segment_under_the_cursor() -> Outcome {
    let (_, record) = record(&[F3, "j", "j", "e"], 1)?;
    assert_eq!(act(&record)["act"], "link_added");
    assert_eq!(act(&record)["link"]["polarity"], "supports");
    Ok(())
}

#[test]
fn capital_e_links_against() -> Outcome {
    let (_, record) = record(&[F3, "j", "j", "E"], 1)?;
    assert_eq!(act(&record)["act"], "link_added");
    assert_eq!(act(&record)["link"]["polarity"], "contradicts");
    Ok(())
}

#[test]
fn v_selects_a_span_to_link() -> Outcome {
    let (_, whole) = record(&[F3, "j", "j", "e"], 1)?;
    let (_, part) = record(&[F3, "j", "j", "v", "l", "l", "l", "l", "e"], 1)?;
    let bytes = |record: &Value| {
        let link = &record["body"]["act"]["link"];
        link["end"]
            .as_u64()
            .zip(link["start"].as_u64())
            .map(|(end, start)| end - start)
    };
    assert_eq!(act(&part)["act"], "link_added");
    assert!(bytes(&part) < bytes(&whole), "{part} is no part of {whole}");
    Ok(())
}

#[test]
fn x_drops_a_link() -> Outcome {
    let (_, record) = record(&[F5, "x", ENTER], 1)?;
    assert_eq!(act(&record)["act"], "link_dropped");
    assert!(act(&record)["link"]["quote"].is_string());
    Ok(())
}

#[test]
fn m_writes_a_note() -> Outcome {
    let (_, record) = record(&["m", "ask Joel", ENTER], 1)?;
    assert_eq!(act(&record)["act"], "note");
    assert_eq!(act(&record)["text"], "ask Joel");
    Ok(())
}

#[test]
fn u_takes_the_last_record_back_with_a_new_one() -> Outcome {
    let (env, record) = record(&["a", "u"], 2)?;
    assert_eq!(record["type"], "undo");
    let journal = journal(&env)?;
    assert_eq!(record["body"]["record"], journal[journal.len() - 2]["id"]);
    Ok(())
}

#[test]
fn blind_first_hides_the_model_until_it_is_revealed() -> Outcome {
    let env = account()?;
    let before = journal(&env)?.len();
    let mut session = Session::open(&env, &["--blind"], 40, 140)?;
    session.wait("hidden")?;
    session.press("B")?;
    session.wait(&format!("saved #{} ", before + 1))?;
    let records = journal(&env)?;
    assert_eq!(records[before]["body"]["act"]["act"], "reveal");
    assert_eq!(records[before]["body"]["seen"]["blind"], true);
    Ok(())
}

#[test]
fn sign_off_closes_a_dossier_whose_dimensions_are_decided() -> Outcome {
    let keys = [["3", ENTER, "]"]; 8].concat();
    let (_, record) = record(&[&keys[..], &["S", "y", ENTER]].concat(), 9)?;
    assert_eq!(record["type"], "sign_off");
    assert_eq!(record["body"]["scores"].as_array().map(Vec::len), Some(8));
    Ok(())
}

/// What a session wrote is there when the next one opens, and quitting gives the terminal back.
#[test]
fn a_decision_is_seen_again_and_the_terminal_is_given_back() -> Outcome {
    let env = account()?;
    let mut first = Session::ready(&env)?;
    first.press("5")?;
    first.press(ENTER)?;
    first.wait("saved #")?;
    first.press("\x03")?;
    assert_eq!(first.ended()?, 0);
    assert!(
        lock(&first.raw).windows(8).any(|w| w == b"\x1b[?1049l"),
        "the alternate screen was not left"
    );
    let second = Session::ready(&env)?;
    second.wait("overridden")?;
    env.run(["journal", "verify"])?.ok()?;
    Ok(())
}

/// A second writer is told who has the workspace, and harms nothing.
#[test]
fn a_second_writer_is_refused() -> Outcome {
    let env = account()?;
    let _first = Session::ready(&env)?;
    let mut second = Session::open(&env, &[], 40, 140)?;
    assert_eq!(second.ended()?, 1);
    std::thread::sleep(Duration::from_millis(100));
    assert!(
        second.text().contains("plumb:") && second.text().contains("in use"),
        "{}",
        second.text()
    );
    Ok(())
}

#[test]
fn a_terminal_too_small_says_so_and_goes_on_when_it_grows() -> Outcome {
    let env = account()?;
    let mut session = Session::open(&env, &[], 10, 40)?;
    session.wait("60")?;
    session.press("\x03")?;
    assert_eq!(session.ended()?, 0);
    Ok(())
}

/// A hang-up or a termination loses nothing that was said to be saved, and frees the lock.
#[cfg(unix)]
#[test]
fn signals_end_a_session_in_good_order() -> Outcome {
    for signal in ["-HUP", "-TERM"] {
        let env = account()?;
        let mut session = Session::ready(&env)?;
        session.press("5")?;
        session.press(ENTER)?;
        session.wait("saved #")?;
        let pid = session.child.process_id().ok_or("no process")?.to_string();
        assert!(
            std::process::Command::new("kill")
                .args([signal, &pid])
                .status()?
                .success()
        );
        session.ended()?;
        let verdict = env.run(["journal", "verify"])?.ok()?;
        assert!(verdict.contains("sound"), "{signal}: {verdict}");
        Session::ready(&env)?.wait("overridden")?;
    }
    Ok(())
}
