//! Writers killed at random moments: everything they were told was saved is there, once, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use plumbline::error::Result;
use plumbline::seed::Seed;
use plumbline::store::{Reader, Store, StoreHandle, Workspace};

use super::{clock, story, with_store};
use crate::env::{Outcome, TestEnvironment};

const THREADS: usize = 4;
const ROOT: &str = "PLUMB_TEST_KILL_ROOT";
const FROM: &str = "PLUMB_TEST_KILL_FROM";

/// Kills in a run; `PLUMB_SOAK=1` makes it 5,000.
fn kills() -> usize {
    if std::env::var_os("PLUMB_SOAK").is_some() {
        5_000
    } else {
        200
    }
}

/// An answer that a writer got: which of its drafts, and the record's number and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ack {
    thread: usize,
    n: u64,
    seq: u64,
    hash: String,
}

impl Ack {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("ack ")?.strip_suffix(" .")?.split(' ');
        Some(Self {
            thread: words.next()?.parse().ok()?,
            n: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
            hash: words.next()?.to_owned(),
        })
    }

    fn id(&self) -> String {
        format!("t{}-{}", self.thread, self.n)
    }
}

/// What went wrong in a workspace, counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Toll {
    lost: usize,
    doubled: usize,
    reordered: usize,
}

impl Toll {
    fn count(&mut self, root: &Path, acks: &[Ack]) -> Outcome {
        let reader = Reader::open(root)?;
        let mut ids = BTreeMap::new();
        let mut last = [0; THREADS];
        for seq in 1..=reader.tip().seq {
            let Some((hash, record)) = reader.record(seq)? else {
                continue;
            };
            let id = record.id.as_str();
            let (thread, n) = writer_of(id).ok_or(id)?;
            self.reordered += usize::from(n <= last[thread]);
            last[thread] = n;
            self.doubled += usize::from(ids.insert(id.to_owned(), (seq, hash.to_string())).is_some());
        }
        let there = |ack: &&Ack| ids.get(&ack.id()) == Some(&(ack.seq, ack.hash.clone()));
        self.lost += acks.iter().filter(|ack| !there(ack)).count();
        Ok(())
    }
}

fn writer_of(id: &str) -> Option<(usize, u64)> {
    let (thread, n) = id.strip_prefix('t')?.split_once('-')?;
    Some((thread.parse().ok()?, n.parse().ok()?))
}

#[test]
fn nothing_answered_is_lost_to_kill_9() -> Outcome {
    let lanes = 2;
    let (mut toll, mut killed, mut answers) = (Toll::default(), 0, 0);
    std::thread::scope(|scope| {
        let lane = |lane| scope.spawn(move || many_lives(lane, kills() / lanes).map_err(|e| e.to_string()));
        let lanes: Vec<_> = (0..lanes).map(lane).collect();
        for lane in lanes {
            let (theirs, lives, acks) = lane.join().expect("the test itself does not panic")?;
            toll.lost += theirs.lost;
            toll.doubled += theirs.doubled;
            toll.reordered += theirs.reordered;
            killed += lives;
            answers += acks;
        }
        Ok::<_, String>(())
    })?;
    let Toll {
        lost,
        doubled,
        reordered,
    } = toll;
    let figures =
        format!("kills {killed} lost {lost} doubled {doubled} reordered {reordered} (of {answers} answers)");
    let _ = writeln!(std::io::stderr(), "{figures}");
    assert_eq!(toll, Toll::default(), "{figures}");
    assert!(answers > killed, "the writers were hardly under load: {figures}");
    Ok(())
}

/// Kills `kills` writers, 20 to a workspace; what it cost, how many, and how many answers they had got.
fn many_lives(lane: usize, kills: usize) -> Outcome<(Toll, usize, usize)> {
    let (mut toll, mut killed, mut answers) = (Toll::default(), 0, 0);
    while killed < kills {
        let env = TestEnvironment::new()?;
        let mut acks = Vec::new();
        for _ in 0..20 {
            let dice = Seed::root(killed as u64).branch(&format!("lane {lane}"));
            acks.extend(one_life(&env, &acks, Duration::from_millis(dice.value() % 150))?);
            killed += 1;
            if env.workspace().join("journal").exists() {
                toll.count(&env.workspace(), &acks)?;
            }
        }
        answers += acks.len();
    }
    Ok((toll, killed, answers))
}

/// Starts a writer, kills it `wait` after its first answer or, once in four, `wait` after its start; what it was
/// answered.
fn one_life(env: &TestEnvironment, before: &[Ack], wait: Duration) -> Outcome<Vec<Ack>> {
    let from: Vec<String> = (0..THREADS).map(|t| next(before, t).to_string()).collect();
    let mut child = env
        .command(std::env::current_exe()?)
        .args([
            "records::kill::writer_for_the_kill_test",
            "--exact",
            "--nocapture",
        ])
        .env(ROOT, env.workspace())
        .env(FROM, from.join(","))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no pipe")?;
    let mut lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
    let mut acks = Vec::new();
    if !wait.as_millis().is_multiple_of(4) {
        acks.extend(lines.by_ref().find_map(|line| Ack::parse(&line)));
    }
    std::thread::sleep(wait);
    child.kill()?;
    child.wait()?;
    acks.extend(lines.filter_map(|line| Ack::parse(&line)));
    Ok(acks)
}

/// The first draft of a thread that was not answered: it may have been written all the same.
fn next(acks: &[Ack], thread: usize) -> u64 {
    let answered = acks.iter().filter(|a| a.thread == thread).map(|a| a.n).max();
    answered.unwrap_or(0) + 1
}

/// Not a test of its own: the program that the test above kills.
#[test]
fn writer_for_the_kill_test() -> Outcome {
    let (Some(root), Ok(from)) = (std::env::var_os(ROOT), std::env::var(FROM)) else {
        return Ok(());
    };
    let mut silent = |_| {};
    let workspace = Workspace::opening(Path::new(&root), clock(), &mut silent)
        .probing_with(Path::new(env!("CARGO_BIN_EXE_plumb")))
        .segment_bytes(16_000)
        .open()?;
    let (store, _thread) = Store::start(workspace)?;
    let from: Vec<u64> = from.split(',').filter_map(|n| n.parse().ok()).collect();
    std::thread::scope(|scope| {
        for (thread, first) in from.into_iter().enumerate() {
            let store = store.clone();
            scope.spawn(move || write_for_ever(&store, thread, first));
        }
    });
    Ok(())
}

fn write_for_ever(store: &StoreHandle, thread: usize, first: u64) -> Result<()> {
    for n in first.. {
        let (id, dossier) = (format!("t{thread}-{n}"), format!("d{thread}"));
        let draft = match n % 3 {
            0 => story::read(&id, &dossier, &id)?,
            1 => story::assessed(&id, &dossier, 1.0 + (n % 40) as f32 / 10.0)?,
            _ => story::overridden(&id, &dossier, None, 4.0)?,
        };
        let receipt = store.commit_blocking(draft)?;
        let line = format!("ack {thread} {n} {} {} .\n", receipt.seq, receipt.hash);
        let mut out = std::io::stdout().lock();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Ok(())
}

#[test]
fn the_count_sees_what_it_is_there_to_see() -> Outcome {
    let env = TestEnvironment::new()?;
    with_store(&env, |store| {
        ["t0-1", "t0-3", "t0-2"].iter().try_for_each(|id| {
            store
                .commit_blocking(story::overridden(id, "d0", None, 4.0)?)
                .map(drop)
        })
    })?;
    let nowhere = Ack {
        thread: 0,
        n: 9,
        seq: 4,
        hash: "00".to_owned(),
    };
    let mut toll = Toll::default();
    toll.count(&env.workspace(), &[nowhere])?;
    assert_eq!(
        toll,
        Toll {
            lost: 1,
            doubled: 0,
            reordered: 1
        }
    );
    let known: BTreeSet<_> = ["ack 0 1 2 ab .", "ack 0 1 2 ab", "ack 0"]
        .iter()
        .map(|l| Ack::parse(l).is_some())
        .collect();
    assert_eq!(known.len(), 2, "a line cut short is no answer");
    Ok(())
}
