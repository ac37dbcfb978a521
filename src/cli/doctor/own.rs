//! What is the person's own: settings, rubric, models, workspace.

use std::path::Path;

use super::Finding;
use crate::config::{Config, Origin};
use crate::error::{Error, ErrorKind, Result};
use crate::model::backend::Backend;
use crate::model::local::Presence;
use crate::model::pull::free_space;
use crate::model::{Catalogue, ModelStore};
use crate::rubric::Rubric;
use crate::store::{Health, Workspace};

/// Less than this free on the models' disk is worth a word: the default model and its parts.
const ROOM_FOR_A_MODEL: u64 = 1_000_000_000;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = vec![settings(config), rubric(config), device(config)];
    match Catalogue::load(&config.manifests_dir()) {
        Ok(catalogue) => findings.extend(models(config, &catalogue)),
        Err(error) => findings.push(Finding::fail("models", &error)),
    }
    findings.push(space(&config.models_dir));
    findings.push(workspace(&config.workspace));
    findings
}

fn settings(config: &Config) -> Finding {
    let own = config
        .settings
        .iter()
        .filter(|s| s.origin != Origin::Default)
        .count();
    Finding::ok(
        "settings",
        format!("{own} differ from the defaults; `plumb config` lists all"),
    )
}

fn rubric(config: &Config) -> Finding {
    let rubric = Rubric::named(&config.rubric);
    let describe = |r: Rubric| format!("{} {}, {} dimensions", r.id, r.version, r.dimensions.len());
    Finding::of("rubric", rubric.map(describe))
}

/// Where models run.
fn device(config: &Config) -> Finding {
    let backend = Backend::open(config.engine.device);
    Finding::of("device", backend.map(|backend| backend.name().to_owned()))
}

/// The configured model, verified; the others only named.
fn models(config: &Config, catalogue: &Catalogue) -> Vec<Finding> {
    let store = ModelStore::new(&config.models_dir);
    let configured = catalogue
        .find(&config.model)
        .and_then(|manifest| store.locate(manifest));
    let mut findings = vec![Finding::of(
        "model",
        configured.map(|m| format!("{}, verified", m.manifest.id)),
    )];
    let others = catalogue.iter().filter(|m| m.id != config.model);
    let here: Vec<_> = others
        .filter(|m| store.presence(m, m.weights()) != Presence::Missing)
        .collect();
    if !here.is_empty() {
        let names: Vec<_> = here.iter().map(|manifest| manifest.id.as_str()).collect();
        findings.push(Finding::ok("models", format!("also here: {}", names.join(", "))));
    }
    findings
}

fn space(models: &Path) -> Finding {
    let there = models
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(models);
    match free_space(there) {
        Some(free) if free < ROOM_FOR_A_MODEL => {
            let text = format!("{} MB free in {}", free / 1_000_000, models.display());
            Finding::warn(
                "space",
                text,
                "free some, or let PLUMB_MODELS name a folder on another disk",
            )
        }
        Some(free) => Finding::ok(
            "space",
            format!("{} GB free in {}", free / 1_000_000_000, models.display()),
        ),
        None => Finding::ok("space", "this disk does not tell"),
    }
}

fn workspace(root: &Path) -> Finding {
    let topic = "workspace";
    if !root.join("journal").exists() {
        return Finding::ok(
            topic,
            format!("none yet; the first review makes it in {}", root.display()),
        );
    }
    Finding::of(topic, state(root))
}

fn state(root: &Path) -> Result<String> {
    let reader = Workspace::open_read_only(root)?;
    match reader.health() {
        Health::Sound => Ok(format!("{} records in {}", reader.tip().seq, root.display())),
        Health::Damaged(damage) => {
            let place = format!("{} line {}", damage.file, damage.line);
            let message = format!(
                "the journal in {} is damaged at {place}: {}",
                root.display(),
                damage.what
            );
            Err(Error::new(ErrorKind::Damaged, message).hint("`plumb journal verify` says more"))
        }
    }
}
