//! One run's folder: what it was asked for, what it learnt so far, and what it told on the way.
//!
//! `manifest.json`, `state.safetensors` (parameters and optimiser after a whole step, replaced in one move),
//! `telemetry.jsonl` (one line a step), `samples.jsonl` (what the last step read or wrote), `adapter/` (PEFT's layout), `LOCK`
//! (held while a process trains it).

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::optimiser::{AdamW, Parameters};
use super::settings::Settings;
use crate::engine::assessment::ModelIdentity;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::lora::begins;
use crate::sanitize::line;

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// An adapter that answers as the samples do.
    Sft,
    /// A model of which answer people prefer.
    Reward,
    /// An adapter whose answers are rewarded.
    Grpo,
}

impl RunKind {
    /// As the command names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sft => "sft",
            Self::Reward => "reward",
            Self::Grpo => "grpo",
        }
    }
}

/// What a run is made of: the same manifest gives the same numbers on the same machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What is trained.
    pub kind: RunKind,
    /// The base.
    pub model: ModelIdentity,
    /// SHA-256 of the factors that the run begins with, if it does not begin anew.
    pub start: Option<ContentHash>,
    /// SHA-256 over the factors and the head of the reward model, if one is among the rewards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<ContentHash>,
    /// Everything that can be set.
    pub settings: Settings,
    /// How the base's weights are held, as `engine.weights` names it; runs from before this was kept do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// What it learns from.
    pub data: DataIdentity,
    /// Steps of the whole run.
    pub steps: usize,
    /// Numbers that learn.
    pub parameters: usize,
    /// The version of the program.
    pub program: String,
    /// The machine it was begun on.
    pub machine: MachineIdentity,
}

impl Manifest {
    /// How many samples were too long to be learnt from, in words; none where none was.
    pub fn left_out(&self) -> Option<String> {
        let (count, batch) = (self.data.left_out, &self.settings.batch);
        let longest = batch.longest;
        let limit = match self.kind {
            RunKind::Sft => format!(
                "samples were left out as too long: batch.longest is {longest}, batch.pack {}",
                batch.pack
            ),
            RunKind::Reward => format!("pairs were left out as too long: batch.longest is {longest}"),
            RunKind::Grpo => {
                format!("scorings were left out, their prompts are too long: batch.longest is {longest}")
            }
        };
        (count > 0).then(|| format!("{count} {limit}"))
    }

    /// The manifest of the run of which `dir` is the adapter, and its bytes; none where no run's lies beside it.
    pub fn beside(dir: &Path) -> Option<(Self, Vec<u8>)> {
        let path = dir.canonicalize().ok()?.parent()?.join(MANIFEST);
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(LONGEST_MANIFEST).read_to_end(&mut bytes).ok()?;
        Some((serde_json::from_slice(&bytes).ok()?, bytes))
    }
}

/// What a run learns from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Where it was read.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: ContentHash,
    /// Samples that are learnt from.
    pub samples: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Samples that were too long.
    pub left_out: usize,
}

/// What a run is computed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineIdentity {
    /// The processor.
    pub processor: Option<String>,
    /// Threads of the arithmetic.
    pub threads: usize,
}

impl MachineIdentity {
    /// This one.
    pub fn here() -> Self {
        Self {
            processor: crate::machine::processor_name(),
            threads: rayon::current_num_threads(),
        }
    }
}

/// One line of the telemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The step, from 1.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// The step size.
    pub learning_rate: f64,
    /// How long the gradient was before it was clipped.
    pub grad_norm: f64,
    /// Tokens read in the step.
    pub tokens: usize,
    /// Tokens read a second.
    pub tokens_per_s: f64,
    /// Seconds of the run so far, interruptions left out.
    pub elapsed_s: f64,
    /// What the objective tells: its loss, rewards, divergence.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
}

/// The right to write into a run's folder, held while this lives and gone with the process.
#[derive(Debug)]
pub struct RunLock(File);

impl Drop for RunLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child forked a moment ago holds the file too.
        let _ = self.0.unlock();
    }
}

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    dir: PathBuf,
}

/// No run's manifest has more bytes.
const LONGEST_MANIFEST: u64 = 1 << 20;
const MANIFEST: &str = "manifest.json";
const STATE: &str = "state.safetensors";
const TELEMETRY: &str = "telemetry.jsonl";
const SAMPLES: &str = "samples.jsonl";
const LOCK: &str = "LOCK";
const PARAMETER: &str = "parameter.";

impl RunFolder {
    /// The folder at `dir`, which need not exist.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the run is called, made visible.
    pub fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        line(&name.to_string_lossy()).into_owned()
    }

    /// Makes the folder, and keeps other processes from training the run.
    ///
    /// # Errors
    /// `Locked` where one does.
    pub fn lock(&self) -> Result<RunLock> {
        std::fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        let path = self.dir.join(LOCK);
        let refused = |e| Error::io("lock", &path, e);
        let file = File::create(&path).map_err(refused)?;
        // Who looks whether the run is trained holds the file for a moment.
        for _ in 0..20 {
            match file.try_lock() {
                Ok(()) => return Ok(RunLock(file)),
                Err(TryLockError::Error(e)) => return Err(refused(e)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        let what = format!("another process trains the run {}", self.name());
        Err(Error::new(ErrorKind::Locked, what).hint("stop it there, or begin another run with --run NAME"))
    }

    /// Whether a process trains the run.
    fn is_locked(&self) -> bool {
        let file = File::open(self.dir.join(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Where the adapter lies when the run has ended.
    pub fn adapter(&self) -> PathBuf {
        self.dir.join("adapter")
    }

    /// The manifest, if the run was begun.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        let path = self.dir.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        serde_json::from_str(&text).map(Some).map_err(|e| {
            let what = format!(
                "{} is no run's manifest: {}",
                line(&path.display().to_string()),
                line(&e.to_string())
            );
            Error::new(ErrorKind::Damaged, what)
        })
    }

    /// Makes the folder for a run, or checks that the run there is the same one.
    ///
    /// # Errors
    /// Another run lies there, or the folder cannot be made.
    pub fn begin(&self, manifest: &Manifest) -> Result<()> {
        if let Some(known) = self.manifest()? {
            let same = Manifest {
                machine: manifest.machine.clone(),
                weights: known.weights.or_else(|| manifest.weights.clone()),
                data: DataIdentity {
                    path: manifest.data.path.clone(),
                    ..known.data
                },
                ..known
            };
            return if same == *manifest {
                Ok(())
            } else {
                let what = format!("{} holds another run", line(&self.dir.display().to_string()));
                Err(Error::new(ErrorKind::Usage, what).hint(
                    "a run goes on with the settings, data, model, engine.weights and version it was begun with; name another one with --run",
                ))
            };
        }
        std::fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        let text = serde_json::to_string_pretty(manifest).map_err(internal)?;
        self.replace(MANIFEST, |path| {
            std::fs::write(path, text + "\n").map_err(|e| Error::io("write", path, e))
        })
    }

    /// The saved state: parameters and optimiser; none before the first.
    ///
    /// # Errors
    /// The file is not what was written.
    pub fn state(&self, settings: &Settings) -> Result<Option<(Parameters, AdamW)>> {
        let path = self.dir.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        let tensors: HashMap<String, Tensor> =
            candle_core::safetensors::load(&path, &Device::Cpu).map_err(|e| {
                let what = format!("{} is not what was written", line(&path.display().to_string()));
                Error::new(ErrorKind::Damaged, what).because(e)
            })?;
        let optimiser = AdamW::restored(&settings.optimiser, &tensors)?;
        let parameters = tensors
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(PARAMETER)?.to_owned(), tensor)))
            .collect();
        Ok(Some((Parameters(parameters), optimiser)))
    }

    /// Saves the state, all of it or nothing.
    ///
    /// # Errors
    /// The disk refuses; the state saved before is as it was.
    pub fn save(&self, parameters: &Parameters, optimiser: &AdamW) -> Result<()> {
        let mut tensors: HashMap<String, Tensor> = optimiser.state()?.into_iter().collect();
        for (name, tensor) in &parameters.0 {
            tensors.insert(format!("{PARAMETER}{name}"), tensor.clone());
        }
        self.replace(STATE, |path| {
            candle_core::safetensors::save(&tensors, path).map_err(|e| {
                let what = format!("cannot save the run's state in {}", line(&self.dir.display().to_string()));
                Error::new(ErrorKind::Io, what)
                    .because(e)
                    .hint(format!(
                        "free space on the disk; the same command with --run {} goes on from the state saved before",
                        self.name()
                    ))
            })
        })
    }

    /// Lets `write` write a new file, and puts it in the place of the old one.
    fn replace(&self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let made = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.dir)
            .map_err(|e| Error::io("create a file in", &self.dir, e))?;
        write(made.path())?;
        let path = self.dir.join(name);
        let fail = |e| Error::io("write", &path, e);
        File::open(made.path()).and_then(|f| f.sync_all()).map_err(fail)?;
        made.persist(&path).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// Lets `write` fill a new folder, and puts it in the adapter's place: one that was written halfway is never there. Between two
    /// moves none is; should the process end there, the next call puts the old one back first.
    ///
    /// # Errors
    /// The disk refuses; the adapter written before is as it was.
    pub fn replace_adapter(&self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (new, old, adapter) = (
            self.dir.join(".new-adapter"),
            self.dir.join(".old-adapter"),
            self.adapter(),
        );
        let fail = |e| Error::io("write", &adapter, e);
        if old.exists() && !adapter.exists() {
            std::fs::rename(&old, &adapter).map_err(fail)?;
        }
        for left_over in [&new, &old].into_iter().filter(|dir| dir.exists()) {
            std::fs::remove_dir_all(left_over).map_err(fail)?;
        }
        std::fs::create_dir(&new).map_err(fail)?;
        write(&new)?;
        for entry in std::fs::read_dir(&new).map_err(fail)? {
            entry
                .and_then(|entry| File::open(entry.path())?.sync_all())
                .map_err(fail)?;
        }
        if adapter.exists() {
            std::fs::rename(&adapter, &old).map_err(fail)?;
        }
        if let Err(e) = std::fs::rename(&new, &adapter) {
            // None may have been there.
            let _ = std::fs::rename(&old, &adapter);
            return Err(fail(e));
        }
        if old.exists() {
            std::fs::remove_dir_all(&old).map_err(fail)?;
        }
        Ok(())
    }

    /// What was told so far.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn telemetry(&self) -> Result<Vec<Told>> {
        let path = self.dir.join(TELEMETRY);
        match std::fs::read_to_string(&path) {
            // The last line may be half a line: it is being written.
            Ok(text) => Ok(text
                .lines()
                .filter_map(|l| serde_json::from_str(l).ok())
                .collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Error::io("read", &path, e)),
        }
    }

    /// Forgets what was told of steps behind `step`: they are about to be made again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget_after(&self, step: usize) -> Result<Vec<Told>> {
        let told: Vec<Told> = self.telemetry()?.into_iter().filter(|t| t.step <= step).collect();
        let mut text = String::new();
        for line in &told {
            text += &(serde_json::to_string(line).map_err(internal)? + "\n");
        }
        self.replace(TELEMETRY, |path| {
            std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
        })?;
        Ok(told)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell(&self, told: &Told) -> Result<()> {
        let path = self.dir.join(TELEMETRY);
        let text = serde_json::to_string(told).map_err(internal)? + "\n";
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| Error::io("write", &path, e))
    }

    /// Keeps what the last step read or wrote, for a person to look at.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_samples(&self, samples: &[serde_json::Value]) -> Result<()> {
        let text: String = samples.iter().map(|sample| format!("{sample}\n")).collect();
        self.replace(SAMPLES, |path| {
            std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
        })
    }

    /// What the last step read or wrote.
    pub fn samples(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.dir.join(SAMPLES)).unwrap_or_default();
        text.lines()
            .filter_map(|l| serde_json::from_str(l).ok())
            .collect()
    }
}

/// Checks that an adapter which a run left in `dir` was learnt on the base `model`; of one that came from elsewhere
/// nothing is known.
///
/// # Errors
/// It was learnt on another base.
pub fn check_base(dir: &Path, model: &ModelIdentity) -> Result<()> {
    let learnt_on = Manifest::beside(dir).map(|(run, _)| run.model);
    match learnt_on.filter(|known| known.sha256 != model.sha256) {
        None => Ok(()),
        Some(other) => {
            let what = format!(
                "the adapter in {} was learnt on another base: {}, weights {}; this one is {}, weights {}",
                line(&dir.display().to_string()),
                line(other.id.as_str()),
                begins(&other.sha256),
                model.id,
                begins(&model.sha256)
            );
            Err(Error::new(ErrorKind::Model, what).hint("use it with the model it was trained on"))
        }
    }
}

fn internal(e: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "a run's records are not JSON").because(e)
}

/// A run as somebody who looks over its shoulder sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What it is called.
    pub name: String,
    /// What is trained.
    pub kind: RunKind,
    /// On what.
    pub model: String,
    /// How long ago it told something, where no process trains it any more.
    pub stopped: Option<Duration>,
    /// What it told so far.
    pub told: Vec<Told>,
    /// What the last step read or wrote.
    pub samples: Vec<serde_json::Value>,
}

impl Look {
    /// The run under `runs` that told something last; none where there is no run.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn newest(runs: &Path) -> Result<Option<Self>> {
        let entries = match std::fs::read_dir(runs) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", runs, e)),
        };
        let told_at = |dir: &Path| {
            let at = |name| std::fs::metadata(dir.join(name)).and_then(|m| m.modified()).ok();
            at(TELEMETRY).or_else(|| at(MANIFEST))
        };
        let mut runs: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter_map(|dir| Some((told_at(&dir)?, dir)))
            .collect();
        runs.sort();
        // A run that cannot be read does not stand before those that can.
        let mut fault = None;
        for (told_at, dir) in runs.iter().rev() {
            match Self::at(dir, *told_at) {
                Ok(Some(look)) => return Ok(Some(look)),
                Ok(None) => {}
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    fn at(dir: &Path, told_at: SystemTime) -> Result<Option<Self>> {
        let folder = RunFolder::at(dir);
        let Some(manifest) = folder.manifest()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: folder.name(),
            stopped: (!folder.is_locked()).then(|| told_at.elapsed().unwrap_or_default()),
            kind: manifest.kind,
            model: line(manifest.model.id.as_str()).into_owned(),
            told: folder.telemetry()?,
            samples: folder.samples(),
        }))
    }
}
