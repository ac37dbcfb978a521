//! The runs of the workspace: a list of them, and how one goes.

use super::folder;
use crate::cli::out;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::train::folder::{RunFolder, RunKind};
use crate::sanitize::line;

/// `plumb train list`.
pub(super) fn list(config: &Config, json: bool) -> Result<()> {
    let dir = config.workspace.join("runs");
    let mut names: Vec<String> = match std::fs::read_dir(&dir) {
        Ok(entries) => entries
            .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|name| !name.starts_with('.'))
            .collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::io("read", &dir, e)),
    };
    names.sort();
    let mut rows = vec![
        ["run", "kind", "model", "step", "of", "loss"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for name in &names {
        let folder = RunFolder::at(&dir.join(name));
        let Some(manifest) = folder.manifest()? else {
            continue;
        };
        let last = folder.telemetry()?.pop();
        if json {
            out::json(&serde_json::json!({
                "run": name, "kind": manifest.kind, "model": manifest.model,
                "steps": manifest.steps, "last": last,
            }))?;
            continue;
        }
        let loss = last.as_ref().and_then(|t| t.figures.get("loss"));
        rows.push(vec![
            line(name).into_owned(),
            manifest.kind.name().to_owned(),
            manifest.model.id.to_string(),
            last.as_ref().map_or(0, |t| t.step).to_string(),
            manifest.steps.to_string(),
            loss.map_or_else(|| "–".to_owned(), |l| format!("{l:.3}")),
        ]);
    }
    match (json, rows.len()) {
        (true, _) => Ok(()),
        (false, 1) => out::lines(&["there is no run; `plumb train sft` begins one".to_owned()]),
        (false, _) => out::lines(&out::table(&rows, 3..6)),
    }
}

/// `plumb train show`.
pub(super) fn show(config: &Config, run: &str, json: bool) -> Result<()> {
    /// Steps that are shown.
    const STEPS: usize = 12;
    let folder = folder(config, Some(run), RunKind::Sft)?;
    let Some(manifest) = folder.manifest()? else {
        let what = format!("there is no run {}", line(run));
        return Err(Error::new(ErrorKind::Usage, what).hint("`plumb train list` lists them"));
    };
    let told = folder.telemetry()?;
    if json {
        return told.iter().try_for_each(out::json);
    }
    let mut lines = vec![format!(
        "{} on {}, {} samples, {} numbers learn",
        manifest.kind.name(),
        manifest.model.id,
        manifest.data.samples,
        manifest.parameters
    )];
    for told in told.iter().rev().take(STEPS).rev() {
        let figures: Vec<String> = told
            .figures
            .iter()
            .map(|(name, v)| format!("{name} {v:.4}"))
            .collect();
        lines.push(format!(
            "{:>5}/{}  {}  {:.0} tok/s",
            told.step,
            told.steps,
            figures.join("  "),
            told.tokens_per_s
        ));
    }
    for sample in folder.samples() {
        lines.push(line(&sample.to_string()).into_owned());
    }
    out::lines(&lines)
}
