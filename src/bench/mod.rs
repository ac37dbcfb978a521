//! What the program costs on this machine: scoring a dossier, reading, writing, the screen, and each kernel beside what
//! the machine's own instructions could do.
//!
//! Every figure is the median of several runs with the lowest and the highest. Nothing is corrected for what else the
//! machine is doing; its load at the start is part of the report.

pub mod case;
pub mod decode;
pub mod figures;
pub mod ops;
pub mod paint;
mod passes;
pub mod prefill;

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::id::ModelId;
use crate::machine::Machine;
use crate::watch::{self, Watch};

use figures::{Figure, Measures, Rows, Sample};

/// How often something is measured, and who watches.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Runs that count, at least one.
    pub runs: usize,
    /// Runs before them that do not.
    pub warm_up: usize,
    /// Who watches.
    pub watch: &'a dyn Watch,
}

impl Session<'_> {
    /// Runs `once` as often as asked; its figures by their names.
    ///
    /// # Errors
    /// Those of `once`, and `Cancelled` when the watcher wants an end.
    pub fn measure(&self, mut once: impl FnMut() -> Result<Sample>) -> Result<Rows<Figure>> {
        let mut measures = Measures::default();
        let all = self.warm_up + self.runs;
        for run in 0..all {
            self.check()?;
            self.watch.tell("measuring", run, all);
            let sample = once()?;
            if run >= self.warm_up {
                measures.add(sample);
            }
        }
        Ok(measures.figures())
    }

    /// Ends the work when the watcher wants that.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn check(&self) -> Result<()> {
        watch::check(self.watch, "no figures")
    }
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the figures are figures of: sizes and counts, the same in every run.
    pub facts: Rows<Value>,
    /// The figures; a name ends with its unit.
    pub measures: Rows<Figure>,
}

/// What a benchmark prints. Its shape is stable: fields are added, never renamed.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which benchmark.
    pub what: &'static str,
    /// Where it ran.
    pub machine: Machine,
    /// Which weights, where there are any.
    pub model: Option<ModelId>,
    /// Where they are, where there are any: `CPU` or `CUDA`.
    pub device: Option<&'static str>,
    /// Runs that counted.
    pub runs: usize,
    /// Runs before them.
    pub warm_up: usize,
    /// As in [`Outcome`].
    pub facts: Rows<Value>,
    /// As in [`Outcome`].
    pub measures: Rows<Figure>,
}

/// Milliseconds from one moment to another.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// Refuses what does not fit the model's context of `limit` tokens.
fn fits(tokens: usize, limit: usize) -> Result<()> {
    if tokens > limit {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("{tokens} tokens do not fit the model's context of {limit}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
