//! Prefixes that were kept on disk: the same answers, to the bit, from fewer tokens read. And what is read from a prefix
//! besides: scores without words, and what each cited segment carries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline::dossier::Dossier;
use plumbline::engine::event::{Influence, ScoreEvent, ScoreRequest};
use plumbline::engine::scorer::{PrefixCache, Run, ScoreOptions, Scorer};
use plumbline::evidence::EvidenceKind;
use plumbline::id::DimensionId;
use plumbline::ingest;
use plumbline::model::kv::pages::PAGE;
use plumbline::rubric::Rubric;

use super::{SMALL, Said, Tested, load, request, sample, score, shared};

const SAMPLE: &str = "en-priya-nair-2026h1";

/// A scorer of its own, which keeps prefixes in `folder`.
fn caching(folder: &Path) -> Tested<Scorer> {
    let cache = PrefixCache {
        folder: folder.to_path_buf(),
        limit: u64::MAX,
    };
    Ok(load(SMALL, ScoreOptions::default())?.with_cache(&cache))
}

/// An assessment's id is a hash over tokens, logits and hidden state.
fn ids(said: &Said) -> Vec<String> {
    said.finished.iter().map(|(a, _)| a.id.to_string()).collect()
}

/// A copy of the sample with one more report behind the others.
fn grown(folder: &Path) -> Tested<Arc<Dossier>> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(SAMPLE);
    let before = ingest::open(&from)?;
    for entry in std::fs::read_dir(&from)? {
        let path: PathBuf = entry?.path();
        std::fs::copy(&path, folder.join(path.file_name().ok_or("no name")?))?;
    }
    std::fs::write(
        folder.join("zz-addendum.md"),
        "Priya led the retrospective and wrote down what each team owes the others.\n",
    )?;
    let dossier = ingest::open(folder)?;
    assert_eq!(dossier.sources.len(), before.sources.len() + 1);
    Ok(Arc::new(dossier))
}

#[test]
fn a_dossier_that_was_read_before_is_not_read_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let request = request(&sample(SAMPLE)?, &["collaboration", "quality"])?;
    let cold = score(&mut caching(folder.path())?, &request)?;
    let warm = score(&mut caching(folder.path())?, &request)?;
    assert_eq!(cold.timing.kept_tokens, 0);
    assert_eq!(
        (warm.timing.prefill_tokens, warm.timing.kept_tokens),
        (0, cold.timing.prefill_tokens)
    );
    assert_eq!(ids(&cold), ids(&warm));
    Ok(())
}

#[test]
fn a_dossier_that_grew_is_read_from_where_it_grew() -> Tested {
    let (folder, larger) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut scorer = caching(folder.path())?;
    let before = score(&mut scorer, &request(&sample(SAMPLE)?, &["quality"])?)?;
    let request = request(&grown(larger.path())?, &["quality"])?;
    let after = score(&mut scorer, &request)?;
    let new = after.timing.prefill_tokens + after.timing.kept_tokens - before.timing.prefill_tokens;
    assert!(new > 0);
    assert!(
        after.timing.prefill_tokens <= new + PAGE,
        "{} tokens read, {new} are new",
        after.timing.prefill_tokens
    );
    assert_eq!(
        ids(&after),
        ids(&score(&mut load(SMALL, ScoreOptions::default())?, &request)?)
    );
    Ok(())
}

#[test]
fn another_rubric_reads_nothing_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let core = request(&sample(SAMPLE)?, &["quality"])?;
    score(&mut caching(folder.path())?, &core)?;
    let rubric = Arc::new(Rubric::named("engineering")?);
    let other = ScoreRequest {
        dimensions: vec![rubric.dimensions[0].id.clone()],
        rubric,
        ..core
    };
    let said = score(&mut caching(folder.path())?, &other)?;
    assert_eq!(said.timing.prefill_tokens, 0);
    Ok(())
}

#[test]
fn scores_without_words_are_the_same_scores() -> Tested {
    let whole = request(&sample(SAMPLE)?, &["collaboration", "growth"])?;
    let short = ScoreRequest {
        score_only: true,
        ..whole.clone()
    };
    let mut scorer = shared(SMALL)?;
    let (whole, short) = (score(&mut scorer, &whole)?, score(&mut scorer, &short)?);
    assert!(short.timing.generated_tokens < whole.timing.generated_tokens);
    for (a, trace) in &short.finished {
        let (full, full_trace) = whole
            .finished
            .iter()
            .find(|(other, _)| other.dimension == a.dimension)
            .ok_or("missing")?;
        assert_eq!(
            trace.logits.map(f32::to_bits),
            full_trace.logits.map(f32::to_bits)
        );
        assert_eq!(a.evidence, full.evidence);
        assert!(a.rationale.is_empty() && a.suggestion.is_empty());
    }
    Ok(())
}

#[test]
fn every_cited_segment_is_weighed_and_only_those() -> Tested {
    let request = ScoreRequest {
        influence: true,
        ..request(&sample(SAMPLE)?, &["collaboration", "growth", "quality"])?
    };
    let mut scorer = shared(SMALL)?;
    let (mut cited, mut weighed) = (Vec::new(), Vec::<(DimensionId, Influence)>::new());
    let mut scores = Vec::new();
    let mut sink = |event| match event {
        ScoreEvent::Finished { assessment, .. } => {
            scores.push((assessment.dimension.clone(), assessment.reading.raw_score));
            cited.extend(assessment.evidence.iter().filter_map(|link| {
                (link.kind == EvidenceKind::Quote).then(|| (assessment.dimension.clone(), link.place.segment))
            }));
        }
        ScoreEvent::Influence { dimension, influence } => weighed.push((dimension, influence)),
        _ => {}
    };
    scorer.score(
        &request,
        &mut Run {
            sink: &mut sink,
            cancelled: &|| false,
        },
    )?;
    let mut segments: Vec<_> = weighed.iter().map(|(d, i)| (d.clone(), i.segment)).collect();
    segments.sort();
    cited.sort();
    cited.dedup();
    assert!(!cited.is_empty());
    assert_eq!(segments, cited);
    let moved = weighed.iter().filter(|(dimension, influence)| {
        let with = scores
            .iter()
            .find(|(d, _)| d == dimension)
            .map_or(0.0, |(_, s)| *s);
        (with - influence.without.raw_score).abs() > 1e-4
    });
    assert!(moved.count() > 0, "no segment carries anything: {weighed:?}");
    Ok(())
}
