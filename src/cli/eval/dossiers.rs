//! `plumb eval run`: dossiers with a `levels.toml`, scored as the program scores.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Report, RunArgs, kept, scorer, text};
use crate::cli::onlooker::Onlooker;
use crate::cli::opener::Opener;
use crate::cli::{engine, out};
use crate::config::Config;
use crate::dossier::Dossier;
use crate::engine::scorer::{Run, Scorer};
use crate::engine::{Assessment, Calibration, RubricIdentity, ScoreEvent, ScoreRequest, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::dossiers::{RatedDossier, compare};
use crate::ingest::levels::Levels;
use crate::ingest::{self, Open as _};
use crate::learn::kept::headings;
use crate::rubric::Rubric;
use crate::sanitize::line;
use crate::watch::{self, Watch};

/// Where the levels stand in a dossier's folder.
const LEVELS: &str = "levels.toml";

pub(super) fn run(args: &RunArgs, config: &Config) -> Result<()> {
    let rubric = Arc::new(Rubric::named(&config.rubric)?);
    let mut paths = ingest::find(&args.dir)?;
    paths.retain(|path| path.join(LEVELS).is_file());
    paths.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    if paths.is_empty() {
        let what = format!(
            "no dossier with a {LEVELS} in {}",
            line(&args.dir.display().to_string())
        );
        return Err(Error::new(ErrorKind::Input, what));
    }
    let identity = RubricIdentity::of(&rubric);
    let model = engine::model(config)?;
    let calibration = engine::calibration(config, &model.identity, &identity)?;
    let mut judge = Judge {
        scorer: scorer(&model)?.with_cache(&model.cache),
        rubric,
        calibration,
    };
    let watch = Onlooker::start();
    let rated = judge.read(&paths, config, &watch);
    watch.end();
    let compared = compare(&rated?);
    let mut report = Report::new("run", &args.dir, model.identity, compared);
    report.rubric = Some(identity);
    report.calibration = judge.calibration.map(|c| c.id()).transpose()?;
    if args.json {
        return out::json(&report);
    }
    out::lines(&text::dossiers(&report.compared))
}

/// Who scores.
struct Judge {
    scorer: Scorer,
    rubric: Arc<Rubric>,
    calibration: Option<Arc<Calibration>>,
}

impl Judge {
    fn read(&mut self, paths: &[PathBuf], config: &Config, watch: &dyn Watch) -> Result<Vec<RatedDossier>> {
        let kept = kept(config);
        let opener = Opener::kept(config);
        let mut rated = Vec::new();
        for (i, path) in paths.iter().enumerate() {
            watch.tell("scoring dossiers", i, paths.len());
            watch::check(
                watch,
                "what was scored is kept: the same command goes on from there",
            )?;
            let dossier = Arc::new(opener.open(path)?);
            let sources: Vec<_> = dossier
                .sources
                .iter()
                .map(|source| source.rendition().unwrap_or(source.hash))
                .collect();
            let calibration = self.calibration.as_ref().map(|c| c.id()).transpose()?;
            let of = (
                (self.scorer.fingerprint(), self.rubric.hash, calibration),
                (&dossier.meta, sources, headings(&dossier)),
            );
            rated.push(RatedDossier {
                levels: Levels::load(&path.join(LEVELS))?,
                assessments: kept.or_read(&of, || self.score(&dossier, watch))?,
                dossier: Arc::unwrap_or_clone(dossier),
            });
        }
        Ok(rated)
    }

    fn score(&mut self, dossier: &Arc<Dossier>, watch: &dyn Watch) -> Result<Vec<Assessment>> {
        let request = ScoreRequest {
            ticket: Ticket(1),
            dossier: Arc::clone(dossier),
            rubric: Arc::clone(&self.rubric),
            dimensions: Vec::new(),
            language: dossier.meta.language,
            seed: 0,
            score_only: false,
            influence: false,
            calibration: self.calibration.clone(),
        };
        let mut assessments = Vec::new();
        let mut take = |event| {
            if let ScoreEvent::Finished { assessment, .. } = event {
                assessments.push(*assessment);
            }
        };
        self.scorer.score(
            &request,
            &mut Run {
                sink: &mut take,
                cancelled: &|| watch.stopped(),
            },
        )?;
        Ok(assessments)
    }
}
