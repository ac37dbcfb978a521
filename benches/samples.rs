//! What the engine gives on the samples as shipped, untrained: speed, and how far its scores and links are from the
//! levels that were set before the samples were written. `PLUMB_BENCH_MODEL` names another model,
//! `PLUMB_BENCH_SAMPLES` a part of the samples' names, `PLUMB_BENCH_SHORTLIST` how many segments are proposed,
//! `PLUMB_BENCH_WEIGHTS=f32` dequantises the weights.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline::dossier::Dossier;
use plumbline::engine::assessment::{Assessment, ModelIdentity, Timing};
use plumbline::engine::event::{ScoreEvent, ScoreRequest, Ticket};
use plumbline::engine::scorer::{Run, ScoreOptions, Scorer};
use plumbline::evidence::EvidenceKind;
use plumbline::id::SegmentNo;
use plumbline::ingest;
use plumbline::ingest::levels::Levels;
use plumbline::metrics::{Found, mae, pairwise_order, pearson};
use plumbline::model::ModelStore;
use plumbline::model::linear::WeightForm;
use plumbline::model::manifest;
use plumbline::rubric::Rubric;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let model =
        setting("PLUMB_BENCH_MODEL").unwrap_or_else(|| "qwen2.5-coder-0.5b-instruct-q4_k_m".to_owned());
    let part = setting("PLUMB_BENCH_SAMPLES").unwrap_or_default();
    let mut scorer = load(&model)?;
    let rubric = Arc::new(Rubric::named("core")?);
    let mut sum = Sum::default();
    writeln!(
        stdout(),
        "{model}\nsample | tokens | prefill tok/s | first score s | whole s | written"
    )?;
    for dir in ingest::find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"))? {
        let dossier = Arc::new(ingest::open(&dir)?);
        if dossier.meta.id.as_str().contains(&part) {
            let (assessments, t) = score(&mut scorer, &dossier, &rubric)?;
            let rate = t.prefill_tokens as f64 / (t.prefill_ms / 1e3);
            let (first, whole) = (t.first_score_ms / 1e3, t.total_ms / 1e3);
            let (id, tokens, written) = (&dossier.meta.id, t.prefill_tokens, t.generated_tokens);
            writeln!(
                stdout(),
                "{id} | {tokens} | {rate:.0} | {first:.1} | {whole:.1} | {written}"
            )?;
            sum.add(&dossier, &Levels::load(&dir.join("levels.toml"))?, &assessments);
        }
    }
    sum.print()
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn load(id: &str) -> Outcome<Scorer> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share/plumbline/models"));
    let store = setting("PLUMB_MODELS")
        .map(PathBuf::from)
        .or_else(home)
        .ok_or("HOME is not set")?;
    let local = ModelStore::new(store).locate(&manifest::find(&id.into())?)?;
    let identity = ModelIdentity {
        id: id.into(),
        sha256: local.sha256,
        adapter: None,
    };
    Ok(Scorer::load(&local.path, identity, options()?, &|_| {})?)
}

fn options() -> Outcome<ScoreOptions> {
    let mut options = ScoreOptions::default();
    if let Some(shortlist) = setting("PLUMB_BENCH_SHORTLIST") {
        options.shortlist = shortlist.parse()?;
    }
    if setting("PLUMB_BENCH_WEIGHTS").is_some_and(|weights| weights == "f32") {
        options.weights = WeightForm::F32;
    }
    Ok(options)
}

fn score(
    scorer: &mut Scorer,
    dossier: &Arc<Dossier>,
    rubric: &Arc<Rubric>,
) -> Outcome<(Vec<Assessment>, Timing)> {
    let request = ScoreRequest {
        ticket: Ticket(1),
        dossier: dossier.clone(),
        rubric: rubric.clone(),
        dimensions: Vec::new(),
        language: dossier.meta.language,
        seed: 0,
        score_only: false,
        influence: false,
        calibration: None,
    };
    let (mut assessments, mut timing) = (Vec::new(), Timing::default());
    let mut sink = |event| match event {
        ScoreEvent::Finished { assessment, .. } => assessments.push(*assessment),
        ScoreEvent::Done(t) => timing = t,
        _ => {}
    };
    scorer.score(
        &request,
        &mut Run {
            sink: &mut sink,
            cancelled: &|| false,
        },
    )?;
    Ok((assessments, timing))
}

/// What adds up over the samples.
#[derive(Default)]
struct Sum {
    /// (author's level, model), a dimension of a dossier each.
    scores: Vec<(f64, f64)>,
    /// Within each dossier: pairs of dimensions ordered alike, and all pairs the levels tell apart.
    ordered: (f64, usize),
    cited: Found,
}

impl Sum {
    fn add(&mut self, dossier: &Dossier, levels: &Levels, assessments: &[Assessment]) {
        let mut here = Vec::new();
        for rating in &levels.ratings {
            let Some(assessment) = assessments.iter().find(|a| a.dimension == rating.dimension) else {
                continue;
            };
            here.push((f64::from(rating.level), f64::from(assessment.reading.score)));
            let quotes = assessment
                .evidence
                .iter()
                .filter(|l| l.kind == EvidenceKind::Quote);
            let found: BTreeSet<SegmentNo> = quotes.map(|l| l.place.segment).collect();
            let wanted: BTreeSet<SegmentNo> = rating
                .behaviours
                .iter()
                .flat_map(|b| b.segments(dossier))
                .collect();
            self.cited = self.cited.plus(Found::of(&found, &wanted));
        }
        if let Some(order) = pairwise_order(&here) {
            self.ordered.0 += order.accuracy * order.n as f64;
            self.ordered.1 += order.n;
        }
        self.scores.extend(here);
    }

    fn print(&self) -> Outcome {
        let show = |name: &str, value: Option<f64>| match value {
            Some(value) => writeln!(stdout(), "{name} | {value:.3}"),
            None => writeln!(stdout(), "{name} | none"),
        };
        writeln!(stdout(), "n = {} dimensions of dossiers", self.scores.len())?;
        show("mean absolute error", mae(&self.scores))?;
        let middle: Vec<(f64, f64)> = self.scores.iter().map(|(level, _)| (*level, 3.0)).collect();
        show("mean absolute error of answering 3.0 always", mae(&middle))?;
        show("Pearson", pearson(&self.scores))?;
        let accuracy = (self.ordered.1 > 0).then(|| self.ordered.0 / self.ordered.1 as f64);
        show(
            &format!("pairwise order within a dossier ({} pairs)", self.ordered.1),
            accuracy,
        )?;
        show("evidence precision", self.cited.precision())?;
        show("evidence recall", self.cited.recall())?;
        Ok(())
    }
}
