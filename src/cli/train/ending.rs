//! A run until it ends or its time is over, and what is told then: every figure at the first and at the last step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::TrainArgs;
use crate::cli::onlooker::Onlooker;
use crate::cli::out;
use crate::error::Result;
use crate::learn::train::folder::{Manifest, RunFolder, Told};
use crate::learn::train::{Ending, Objective, Run, duration};
use crate::sanitize::line;

/// How a run ended, for programs.
#[derive(Serialize)]
struct Ended<'a> {
    run: &'a Path,
    adapter: PathBuf,
    finished: bool,
    steps: usize,
    manifest: &'a Manifest,
    first: Option<Told>,
    last: Option<Told>,
    peak_rss_bytes: Option<u64>,
}

/// Carries the run out, and prints how it ended.
pub(super) fn train(
    objective: &dyn Objective,
    manifest: &Manifest,
    folder: &RunFolder,
    how: &TrainArgs,
    watch: &Onlooker,
) -> Result<()> {
    let run = Run {
        objective,
        manifest,
        folder,
        limit: how.max_minutes.map(|m| Duration::from_secs(u64::from(m) * 60)),
        watch,
    };
    let ending = run.run();
    watch.end();
    let ending = ending?;
    let mut told = folder.telemetry()?;
    let last = told.pop();
    let first = (!told.is_empty()).then(|| told.swap_remove(0));
    if how.json {
        return out::json(&Ended {
            run: folder.dir(),
            adapter: folder.adapter(),
            finished: ending == Ending::Finished,
            steps: last.as_ref().map_or(0, |t| t.step),
            manifest,
            first,
            last,
            peak_rss_bytes: crate::machine::peak_rss(),
        });
    }
    let mut lines = Vec::new();
    if let Ending::OutOfTime(step) = ending {
        lines.push(format!(
            "the time is over after {step} of {} steps; the same command with --run {} goes on",
            manifest.steps,
            folder
                .dir()
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
        ));
    }
    lines.extend(compared(first.as_ref(), last.as_ref()));
    lines.push(format!(
        "learnt: {}",
        line(&folder.adapter().display().to_string())
    ));
    out::lines(&lines)
}

/// Every figure at the first and at the last telling of it.
fn compared(first: Option<&Told>, last: Option<&Told>) -> Vec<String> {
    let Some(last) = last else { return Vec::new() };
    let mut rows = vec![vec![String::new(), "first".to_owned(), "last".to_owned()]];
    let number = |v: f64| format!("{v:.4}");
    for (name, value) in &last.figures {
        let before = first
            .and_then(|t| t.figures.get(name))
            .map_or_else(|| "–".to_owned(), |v| number(*v));
        rows.push(vec![name.clone(), before, number(*value)]);
    }
    let mut lines = out::table(&rows, 1..3);
    lines.push(format!(
        "{} steps in {}, {:.0} tokens a second in the last",
        last.step,
        duration(last.elapsed_s),
        last.tokens_per_s
    ));
    lines
}
