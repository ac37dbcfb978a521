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
    let mut faults = Vec::new();
    for name in &names {
        let folder = RunFolder::at(&dir.join(name));
        let read = || -> Result<_> { Ok((folder.manifest()?, folder.telemetry()?.pop())) };
        let (manifest, last) = match read() {
            Ok((Some(manifest), last)) => (manifest, last),
            Ok((None, _)) => continue,
            // One run that cannot be read does not hide the others.
            Err(fault) => {
                let fault = fault.to_string();
                if json {
                    out::json(&serde_json::json!({ "run": name, "fault": fault }))?;
                } else {
                    faults.push(format!("{} cannot be read: {}", line(name), line(&fault)));
                }
                continue;
            }
        };
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
            line(manifest.model.id.as_str()).into_owned(),
            last.as_ref().map_or(0, |t| t.step).to_string(),
            manifest.steps.to_string(),
            loss.map_or_else(|| "–".to_owned(), |l| format!("{l:.3}")),
        ]);
    }
    if json {
        return Ok(());
    }
    if rows.len() == 1 && faults.is_empty() {
        return out::lines(&["there is no run; `plumb train sft` begins one".to_owned()]);
    }
    let mut lines = out::table(&rows, 3..6);
    lines.extend(faults);
    out::lines(&lines)
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
        line(manifest.model.id.as_str()),
        manifest.data.samples,
        manifest.parameters
    )];
    lines.extend(manifest.left_out());
    for told in told.iter().rev().take(STEPS).rev() {
        let figures: Vec<String> = told
            .figures
            .iter()
            .map(|(name, v)| format!("{} {v:.4}", line(name)))
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
