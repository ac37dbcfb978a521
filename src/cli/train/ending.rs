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
    let (first, last) = ends(&folder.telemetry()?).unzip();
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
            folder.name()
        ));
    }
    lines.extend(
        first
            .iter()
            .zip(&last)
            .flat_map(|(first, last)| compared(first, last)),
    );
    lines.extend(manifest.left_out());
    lines.push(format!(
        "learnt: {}",
        line(&folder.adapter().display().to_string())
    ));
    out::lines(&lines)
}

/// The first and the last line, with every figure as it was told first and as it was told last: some are not told at each
/// step.
fn ends(told: &[Told]) -> Option<(Told, Told)> {
    let (mut first, mut last) = (told.first()?.clone(), told.last()?.clone());
    for (name, &value) in told.iter().flat_map(|told| &told.figures) {
        first.figures.entry(name.clone()).or_insert(value);
        last.figures.insert(name.clone(), value);
    }
    Some((first, last))
}

/// Every figure at the first and at the last telling of it.
fn compared(first: &Told, last: &Told) -> Vec<String> {
    let mut rows = vec![vec![String::new(), "first".to_owned(), "last".to_owned()]];
    let number = |v: f64| format!("{v:.4}");
    for (name, value) in &last.figures {
        let before = first.figures.get(name).copied().map_or_else(String::new, number);
        rows.push(vec![line(name).into_owned(), before, number(*value)]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn each_figure_is_compared_with_its_own_first_telling() -> Result<()> {
        let told = |step: usize, figures: &[(&str, f64)]| Told {
            step,
            steps: 3,
            learning_rate: 0.0,
            grad_norm: 0.0,
            tokens: 0,
            tokens_per_s: 0.0,
            elapsed_s: 0.0,
            figures: figures.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect(),
        };
        let all = [
            told(0, &[("valid_loss", 4.0)]),
            told(1, &[("loss", 3.0)]),
            told(2, &[("loss", 2.0), ("valid_loss", 1.5)]),
            told(3, &[("loss", 1.0)]),
        ];
        let nothing = || Error::new(ErrorKind::Internal, "nothing was told");
        let (first, last) = ends(&all).ok_or_else(nothing)?;
        assert_eq!((first.step, last.step), (0, 3));
        assert_eq!(
            first.figures,
            told(0, &[("loss", 3.0), ("valid_loss", 4.0)]).figures
        );
        assert_eq!(
            last.figures,
            told(0, &[("loss", 1.0), ("valid_loss", 1.5)]).figures
        );
        assert!(ends(&[]).is_none());
        Ok(())
    }
}
