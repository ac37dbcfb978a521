//! Training: adapters that answer as samples do ([`sft`]), models of what people prefer ([`reward`]), and adapters whose
//! answers are rewarded ([`grpo`]).
//!
//! An objective gives, for a step's number and the parameters, the gradients: nothing else carries over from step to
//! step but the optimiser's means. So a run that was killed goes on from its last saved state with the same numbers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::watch::{self, Watch};

pub mod answering;
pub mod estimate;
pub mod folder;
pub mod grpo;
pub mod judge;
pub mod learner;
pub mod loss;
pub mod optimiser;
pub mod reward;
pub mod sequences;
pub mod settings;
pub mod sft;

use folder::{Manifest, RunFolder, Told};
use optimiser::{AdamW, Parameters, Stepped, learning_rate};
pub use settings::Settings;

/// What a step found.
#[derive(Debug, Default)]
pub struct Found {
    /// The gradients, by the names of the parameters.
    pub gradients: Parameters,
    /// What it tells: its loss, rewards, divergence.
    pub figures: BTreeMap<String, f64>,
    /// Tokens read.
    pub tokens: usize,
    /// What was read or written, for a person to look at.
    pub samples: Vec<serde_json::Value>,
}

/// What is trained for.
pub trait Objective {
    /// What the parameters are before the first step.
    ///
    /// # Errors
    /// They cannot be made.
    fn begin(&self) -> Result<Parameters>;

    /// The gradients of a step (from 0): the same for the same step and parameters.
    ///
    /// # Errors
    /// The watcher wants an end, or the arithmetic fails.
    fn step(&self, step: usize, parameters: &Parameters, watch: &dyn Watch) -> Result<Found>;

    /// What is measured beside training after so many steps; nothing most of the time.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn measure(
        &self,
        done: usize,
        parameters: &Parameters,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, f64>>;

    /// Writes what was learnt into the folder `dir`, which is there.
    ///
    /// # Errors
    /// The disk refuses.
    fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()>;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All steps were made.
    Finished,
    /// The time it was given was over after so many steps.
    OutOfTime(usize),
}

/// One run.
pub struct Run<'a> {
    /// What is trained for.
    pub objective: &'a dyn Objective,
    /// What the run is made of.
    pub manifest: &'a Manifest,
    /// Where it is kept.
    pub folder: &'a RunFolder,
    /// How long it may take, if it matters.
    pub limit: Option<Duration>,
    /// Who waits.
    pub watch: &'a dyn Watch,
}

/// How far a run is: what its steps so far made, each of which was told.
struct Reached {
    parameters: Parameters,
    optimiser: AdamW,
    /// Seconds of the run, interruptions left out.
    elapsed_s: f64,
}

impl Run<'_> {
    /// Trains, from the last saved state if there is one. What was learnt is written at the end, and wherever it stops.
    ///
    /// # Errors
    /// `Cancelled` where the watcher wants an end, the state then saved; `Locked` where another process trains the run; a
    /// loss that is not a number; a full disk.
    pub fn run(&self) -> Result<Ending> {
        let begun = Instant::now();
        let _lock = self.folder.lock()?;
        self.folder.begin(self.manifest)?;
        let settings = &self.manifest.settings;
        let (parameters, optimiser) = match self.folder.state(settings)? {
            Some(state) => state,
            None => (self.objective.begin()?, AdamW::new(&settings.optimiser)),
        };
        let told = self.folder.forget_after(optimiser.steps())?;
        let mut reached = Reached {
            parameters,
            optimiser,
            elapsed_s: told.last().map_or(0.0, |t| t.elapsed_s),
        };
        let ended = self.steps(&mut reached, told.is_empty(), begun);
        let kept = self.keep(&reached);
        match ended {
            Ok(ending) => kept.map(|()| ending),
            Err(e) if e.kind() == ErrorKind::Cancelled => {
                kept?;
                Err(self.stopped(reached.optimiser.steps()))
            }
            // What failed says more than a disk that refused the state as well.
            Err(e) => Err(e),
        }
    }

    /// Makes the steps that are left, as long as there is time.
    fn steps(&self, reached: &mut Reached, untold: bool, begun: Instant) -> Result<Ending> {
        if reached.optimiser.steps() == 0 && untold {
            self.begin_with(&reached.parameters)?;
        }
        while reached.optimiser.steps() < self.manifest.steps {
            if self.limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Ok(Ending::OutOfTime(reached.optimiser.steps()));
            }
            *reached = self.step(reached)?;
            let steps = reached.optimiser.steps();
            if steps.is_multiple_of(self.manifest.settings.batch.save_every) {
                self.folder.save(&reached.parameters, &reached.optimiser)?;
            }
        }
        Ok(Ending::Finished)
    }

    /// Saves the state, and writes what was learnt.
    fn keep(&self, reached: &Reached) -> Result<()> {
        self.folder.save(&reached.parameters, &reached.optimiser)?;
        self.folder
            .replace_adapter(|dir| self.objective.write(&reached.parameters, dir))
    }

    fn stopped(&self, steps: usize) -> Error {
        let what = match steps {
            0 => "stopped before the first step".to_owned(),
            _ => format!(
                "stopped after {steps} of {} steps; they are saved",
                self.manifest.steps
            ),
        };
        let hint = format!("the same command with --run {} goes on", self.folder.name());
        Error::new(ErrorKind::Cancelled, what).hint(hint)
    }

    /// What is measured before anything was learnt: what the run is held against.
    fn begin_with(&self, parameters: &Parameters) -> Result<()> {
        let figures = self.objective.measure(0, parameters, self.watch)?;
        check("before the first step", &figures)?;
        if figures.is_empty() {
            return Ok(());
        }
        self.folder.tell(&Told {
            step: 0,
            steps: self.manifest.steps,
            learning_rate: 0.0,
            grad_norm: 0.0,
            tokens: 0,
            tokens_per_s: 0.0,
            elapsed_s: 0.0,
            figures,
        })
    }

    /// Makes one step and tells of it. What was reached before it stays as it was: a step counts when it has been told of.
    fn step(&self, reached: &Reached) -> Result<Reached> {
        let started = Instant::now();
        let (step, steps) = (reached.optimiser.steps(), self.manifest.steps);
        watch::check(self.watch, "the steps so far are saved")?;
        let found = self.objective.step(step, &reached.parameters, self.watch)?;
        let of_step = format!("step {}", step + 1);
        check(&of_step, &found.figures)?;
        let size = learning_rate(&self.manifest.settings.optimiser, step, steps);
        let Stepped {
            parameters,
            optimiser,
            grad_norm,
        } = reached
            .optimiser
            .step(&reached.parameters, &found.gradients, size)?;
        let seconds = started.elapsed().as_secs_f64();
        let mut figures = found.figures;
        figures.extend(self.objective.measure(step + 1, &parameters, self.watch)?);
        check(&of_step, &figures)?;
        let elapsed_s = reached.elapsed_s + started.elapsed().as_secs_f64();
        let told = Told {
            step: step + 1,
            steps,
            learning_rate: size,
            grad_norm,
            tokens: found.tokens,
            tokens_per_s: found.tokens as f64 / seconds,
            elapsed_s,
            figures,
        };
        self.folder.keep_samples(&found.samples)?;
        self.folder.tell(&told)?;
        self.watch.tell(&told.line(), step + 1, steps);
        Ok(Reached {
            parameters,
            optimiser,
            elapsed_s,
        })
    }
}

/// Checks that what was found is numbers.
fn check(when: &str, figures: &BTreeMap<String, f64>) -> Result<()> {
    match figures.iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((name, _)) => Err(
            Error::new(ErrorKind::Engine, format!("{when}: {name} is not a number"))
                .hint("a smaller optimiser.learning_rate may help; the steps before this one are saved"),
        ),
    }
}

impl Told {
    /// The figures that count most, in the order in which a person wants to see them.
    pub const FIRST: [&str; 4] = ["loss", "accuracy", "reward", "kl"];

    /// For a progress bar: what counts most, how fast it is, and how long it still takes.
    pub fn line(&self) -> String {
        let figure = |name: &str| self.figures.get(name).map(|v| format!("{name} {v:.3}"));
        let mut parts: Vec<String> = Self::FIRST.into_iter().filter_map(figure).collect();
        parts.push(format!("{:.0} tok/s", self.tokens_per_s));
        let left = self.elapsed_s / self.step.max(1) as f64 * self.steps.saturating_sub(self.step) as f64;
        parts.push(format!("{} left", duration(left)));
        parts.join(" · ")
    }
}

/// Seconds for a person.
pub fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds:.0} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests;
