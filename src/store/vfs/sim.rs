//! A disk in memory, for tests: it remembers every call, fails where it is told to, and can lose its power at any call
//! with any part of what was not synced surviving.
//!
//! Content and names are durable only after their own sync. A sync that fails loses what it was to save, and a later one
//! that succeeds does not bring it back, as on Linux.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Mode, Vfs, VfsFile};
use crate::seed::Seed;

const SECTOR: usize = 512;

/// Something that was done to the disk, or noted by a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Create(PathBuf),
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    SetLen {
        path: PathBuf,
        len: usize,
    },
    Sync(PathBuf),
    SyncFailed(PathBuf),
    CreateDir(PathBuf),
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove(PathBuf),
    SyncDir(PathBuf),
    /// A word of the test's own.
    Note(String),
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `EIO`.
    Broken,
    /// `ENOSPC`.
    Full,
    /// A write does half of what it was to do; other calls are well.
    Short,
    /// `EINTR`.
    Interrupted,
}

#[derive(Debug, Default, Clone)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Dir,
}

/// A change of names in one folder: what leaves and what comes.
#[derive(Debug, Clone)]
struct Naming {
    dir: PathBuf,
    gone: Option<PathBuf>,
    new: Option<(PathBuf, Node)>,
}

#[derive(Debug, Default, Clone)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    unsynced_names: Vec<Naming>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What it held when its log began.
    origin: State,
    state: State,
    log: Vec<Op>,
    calls: usize,
    fault: Option<(usize, Fault)>,
    capacity: Option<usize>,
}

/// The disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<Inner>>);

impl SimDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `n`-th call from now on, from 0, fails.
    pub(crate) fn fail(&self, n: usize, fault: Fault) {
        let mut inner = self.inner();
        inner.fault = Some((inner.calls + n, fault));
    }

    /// All files together hold at most this many bytes.
    pub(crate) fn limit(&self, bytes: Option<usize>) {
        self.inner().capacity = bytes;
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.inner().calls
    }

    /// Adds a word to the log.
    pub(crate) fn note(&self, word: &str) {
        self.inner().log.push(Op::Note(word.to_owned()));
    }

    /// Everything that was done.
    pub(crate) fn log(&self) -> Vec<Op> {
        self.inner().log.clone()
    }

    /// The bytes of a file.
    pub(crate) fn content(&self, path: &Path) -> Vec<u8> {
        self.inner()
            .state
            .file(path)
            .map(|f| f.seen.clone())
            .unwrap_or_default()
    }

    /// A disk with the same content, all of it durable.
    pub(crate) fn copy(&self) -> Self {
        let mut state = self.inner().state.clone();
        for file in &mut state.files {
            file.durable.clone_from(&file.seen);
            file.unsynced.clear();
        }
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
        Self::holding(state)
    }

    /// Changes a file behind everybody's back.
    pub(crate) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        if let Some(file) = inner.state.file_mut(path) {
            change(&mut file.seen);
            file.durable.clone_from(&file.seen);
        }
    }

    /// What this disk holds when the power goes just before operation `n` of its log: what was synced, and a part of the
    /// rest that `seed` chooses.
    pub(crate) fn power_cut(&self, n: usize, seed: Seed) -> Self {
        let inner = self.inner();
        let mut state = inner.origin.clone();
        inner.log.iter().take(n).for_each(|op| state.apply(op));
        Self::holding(state.survive(&mut Dice(seed.value())))
    }

    /// Does `op` as if a process had.
    pub(crate) fn replay(&self, op: &Op) {
        let mut inner = self.inner();
        inner.state.apply(op);
        inner.log.push(op.clone());
    }

    fn holding(state: State) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            origin: state.clone(),
            state,
            ..Inner::default()
        })))
    }

    /// Counts a call and says how it is to fail.
    fn call(&self) -> Option<Fault> {
        let mut inner = self.inner();
        inner.calls += 1;
        let now = inner.calls - 1;
        inner.fault.filter(|(at, _)| *at == now).map(|(_, fault)| fault)
    }

    /// A call that can only be done or not.
    fn act(&self, op: Op) -> io::Result<()> {
        refuse(self.call())?;
        let mut inner = self.inner();
        inner.state.apply(&op);
        inner.log.push(op);
        Ok(())
    }

    fn look<T>(&self, path: &Path, read: impl FnOnce(&[u8]) -> io::Result<T>) -> io::Result<T> {
        // Reads of the standard library go on after an interruption.
        refuse(self.call().filter(|fault| *fault != Fault::Interrupted))?;
        match self.inner().state.file(path) {
            Some(file) => read(&file.seen),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn refuse(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        None | Some(Fault::Short) => Ok(()),
        Some(Fault::Broken) => Err(io::Error::from_raw_os_error(5)),
        Some(Fault::Full) => Err(io::Error::from_raw_os_error(28)),
        Some(Fault::Interrupted) => Err(io::Error::from_raw_os_error(4)),
    }
}

impl Vfs for SimDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn VfsFile>> {
        let there = self.inner().state.names.contains_key(path);
        if mode == Mode::Fresh {
            self.act(Op::Create(path.to_path_buf()))?;
        } else {
            refuse(self.call())?;
            if !there {
                return Err(io::ErrorKind::NotFound.into());
            }
        }
        Ok(Box::new(SimFile {
            disk: self.clone(),
            path: path.to_path_buf(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.look(path, |bytes| Ok(bytes.to_vec()))
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let from = offset as usize;
        self.look(path, |bytes| {
            let part = bytes.get(from..from + len);
            part.map(<[u8]>::to_vec)
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        refuse(self.call())?;
        let inner = self.inner();
        let inside = inner.state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        refuse(self.call())?;
        Ok(self.inner().state.names.contains_key(path))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.act(Op::CreateDir(dir.to_path_buf()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(Op::Rename {
            from: from.to_path_buf(),
            to: to.to_path_buf(),
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.act(Op::Remove(path.to_path_buf()))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.act(Op::SyncDir(dir.to_path_buf()))
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
}

impl VfsFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let fault = self.disk.call();
        refuse(fault)?;
        let short = fault == Some(Fault::Short) && bytes.len() > 1;
        let wanted = if short { bytes.len() / 2 } else { bytes.len() };
        let mut inner = self.disk.inner();
        let len = inner.capacity.map_or(wanted, |limit| {
            wanted.min(limit.saturating_sub(inner.state.size()))
        });
        if len == 0 {
            return Err(io::Error::from_raw_os_error(28));
        }
        let op = Op::Write {
            path: self.path.clone(),
            offset: offset as usize,
            bytes: bytes[..len].to_vec(),
        };
        inner.state.apply(&op);
        inner.log.push(op);
        Ok(len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.act(Op::SetLen {
            path: self.path.clone(),
            len: len as usize,
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let fault = refuse(self.disk.call());
        let path = self.path.clone();
        let op = if fault.is_ok() {
            Op::Sync(path)
        } else {
            Op::SyncFailed(path)
        };
        let mut inner = self.disk.inner();
        inner.state.apply(&op);
        inner.log.push(op);
        fault
    }
}

impl State {
    fn file(&self, path: &Path) -> Option<&File> {
        match self.names.get(path) {
            Some(Node::File(i)) => self.files.get(*i),
            _ => None,
        }
    }

    fn file_mut(&mut self, path: &Path) -> Option<&mut File> {
        match self.names.get(path) {
            Some(Node::File(i)) => self.files.get_mut(*i),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        self.files.iter().map(|f| f.seen.len()).sum()
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(path) => self.create(path),
            Op::Write { path, offset, bytes } => {
                let change = Change::Write {
                    offset: *offset,
                    bytes: bytes.clone(),
                };
                self.change(path, change);
            }
            Op::SetLen { path, len } => self.change(path, Change::SetLen(*len)),
            Op::Sync(path) => {
                if let Some(file) = self.file_mut(path) {
                    for change in std::mem::take(&mut file.unsynced) {
                        change.apply(&mut file.durable);
                    }
                }
            }
            Op::SyncFailed(path) => {
                if let Some(file) = self.file_mut(path) {
                    file.unsynced.clear();
                }
            }
            Op::CreateDir(dir) if self.names.contains_key(dir) => {}
            Op::CreateDir(dir) => self.name(None, Some((dir.clone(), Node::Dir))),
            Op::Rename { from, to } => {
                let node = self.names.get(from).copied();
                self.name(Some(from.clone()), node.map(|node| (to.clone(), node)));
            }
            Op::Remove(path) => self.name(Some(path.clone()), None),
            Op::SyncDir(dir) => {
                let (synced, rest): (Vec<Naming>, _) = std::mem::take(&mut self.unsynced_names)
                    .into_iter()
                    .partition(|naming| naming.dir == *dir);
                self.unsynced_names = rest;
                for naming in &synced {
                    naming.apply(&mut self.durable_names);
                }
            }
            Op::Note(_) => {}
        }
    }

    /// A new file, or an old one emptied.
    fn create(&mut self, path: &Path) {
        if let Some(file) = self.file_mut(path) {
            return file.change(Change::SetLen(0));
        }
        self.files.push(File::default());
        let file = Node::File(self.files.len() - 1);
        self.name(None, Some((path.to_path_buf(), file)));
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(file) = self.file_mut(path) {
            file.change(change);
        }
    }

    fn name(&mut self, gone: Option<PathBuf>, new: Option<(PathBuf, Node)>) {
        let path = new.as_ref().map(|(path, _)| path).or(gone.as_ref());
        let dir = path
            .and_then(|p| p.parent())
            .unwrap_or(Path::new(""))
            .to_path_buf();
        let naming = Naming { dir, gone, new };
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }

    /// What is left after the power went.
    fn survive(mut self, dice: &mut Dice) -> Self {
        for naming in std::mem::take(&mut self.unsynced_names) {
            if dice.one_in(2) {
                naming.apply(&mut self.durable_names);
            }
        }
        for file in &mut self.files {
            file.survive(dice);
        }
        self.names = self.durable_names.clone();
        self
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    /// Any sectors of what was not synced, some torn in the middle; the new length with or without them.
    fn survive(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::SetLen(_) if dice.one_in(2) => {}
                Change::SetLen(len) => self.durable.resize(len, 0),
                Change::Write { offset, bytes } => self.write_some(offset, &bytes, dice),
            }
        }
        self.seen.clone_from(&self.durable);
    }

    fn write_some(&mut self, offset: usize, bytes: &[u8], dice: &mut Dice) {
        let end = offset + bytes.len();
        if dice.one_in(2) && self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        let mut at = offset;
        while at < end {
            let stop = (at / SECTOR + 1) * SECTOR;
            let mut piece = &bytes[at - offset..stop.min(end) - offset];
            if dice.one_in(8) {
                piece = &piece[..piece.len() / 2];
            }
            if dice.one_in(2) {
                Change::Write {
                    offset: at,
                    bytes: piece.to_vec(),
                }
                .apply(&mut self.durable);
            }
            at = stop;
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(*len, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, node)) = &self.new {
            names.insert(path.clone(), *node);
        }
    }
}

/// Random numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn one_in(&mut self, n: u64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).is_multiple_of(n)
    }
}
