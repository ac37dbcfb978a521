//! Prefixes that were kept on disk: the same answers, to the bit, from fewer tokens read. And what is read from a prefix
//! besides: scores without words, and what each cited segment carries.

use std::path::Path;
use std::sync::Arc;

use plumbline::dossier::Dossier;
use plumbline::engine::event::{Influence, ScoreEvent, ScoreRequest};
use plumbline::engine::scorer::{PrefixCache, Run, ScoreOptions, Scorer};
use plumbline::evidence::EvidenceKind;
use plumbline::id::DimensionId;
use plumbline::ingest;
use plumbline::ingest::redaction::Redaction;
use plumbline::model::kv::pages::PAGE;
use plumbline::rubric::Rubric;

use super::{DEFAULT, SMALL, Said, Tested, load, request, score, shared};

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

/// Some of the sample's sources as a dossier of their own, in `folder`: what is read is short, and so is the test.
fn dossier(folder: &Path, sources: &[&str]) -> Tested<Arc<Dossier>> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(SAMPLE);
    let list = std::fs::read_to_string(from.join("dossier.toml"))?;
    let mut parts = list.split("[[source]]");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts.filter(|part| sources.iter().any(|s| part.contains(&format!("path = \"{s}\"")))) {
        kept += "[[source]]";
        kept += part;
    }
    std::fs::write(folder.join("dossier.toml"), kept)?;
    for source in sources {
        std::fs::copy(from.join(source), folder.join(source))?;
    }
    let dossier = ingest::open(folder)?;
    assert_eq!(dossier.sources.len(), sources.len());
    Ok(Arc::new(dossier))
}

/// The first two sources.
pub(super) fn short() -> Tested<Arc<Dossier>> {
    dossier(tempfile::tempdir()?.path(), &["weekly-w15.md", "peer-notes.txt"])
}

#[test]
fn a_dossier_that_was_read_before_is_not_read_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let request = request(&short()?, &["collaboration", "quality"])?;
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
    let (cache, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut scorer = caching(cache.path())?;
    let before = request(
        &dossier(folder.path(), &["weekly-w15.md", "peer-notes.txt"])?,
        &["quality"],
    )?;
    let before = score(&mut scorer, &before)?.timing;
    let sources = ["weekly-w15.md", "peer-notes.txt", "self-review.md"];
    let request = request(&dossier(folder.path(), &sources)?, &["quality"])?;
    let said = score(&mut scorer, &request)?;
    let after = said.timing;
    let new = after.prefill_tokens + after.kept_tokens - before.prefill_tokens;
    assert!(new > 0 && after.kept_tokens > 0);
    // The page that holds the end of the old prefix is another one now.
    assert!(
        after.prefill_tokens < new + PAGE,
        "{} tokens read, {new} are new",
        after.prefill_tokens
    );
    let fresh = score(&mut load(SMALL, ScoreOptions::default())?, &request)?;
    assert_eq!(ids(&said), ids(&fresh));
    Ok(())
}

#[test]
fn another_rubric_reads_nothing_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let core = request(&short()?, &["quality"])?;
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
    let whole = request(&short()?, &["collaboration", "growth"])?;
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
        ..request(&short()?, &["collaboration", "growth", "quality"])?
    };
    let mut scorer = shared(SMALL)?;
    let (mut cited, mut weighed) = (Vec::new(), Vec::<(DimensionId, Influence)>::new());
    let mut scores = Vec::new();
    let mut sink = |event| match event {
        ScoreEvent::Finished { assessment, .. } => {
            scores.push((assessment.dimension.clone(), assessment.reading.raw_score));
            let quotes = assessment
                .evidence
                .iter()
                .filter(|link| link.kind == EvidenceKind::Quote);
            cited.extend(quotes.map(|link| (assessment.dimension.clone(), link.place.segment)));
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

/// The tokens of a segment's place spell its line, in both languages and by both tokenizers.
#[test]
fn every_segment_has_its_tokens() -> Tested {
    for (model, name) in [
        (SMALL, SAMPLE),
        (DEFAULT, "zh-lilei-2025h2"),
        (SMALL, "zh-lilei-2025h2"),
    ] {
        let dossier = super::sample(name)?;
        let scorer = shared(model)?;
        let plan = scorer.plan(&request(&dossier, &["quality"])?)?;
        let seen = Redaction::of(&dossier, dossier.meta.language);
        assert_eq!(plan.places.len(), plan.segments.len());
        for (number, (place, no)) in (1..).zip(plan.places.iter().zip(&plan.segments)) {
            let line =
                String::from_utf8_lossy(&scorer.tokenizer().decode(&plan.prefix[place.clone()])).into_owned();
            let text = seen.hide(&dossier.segment(*no).ok_or("no such segment")?.text);
            // A token may hold the end of one line and the beginning of the next.
            assert!(
                line.contains(&format!("{number}] ")) && line.contains(&*text),
                "{line:?}, {text:?}"
            );
        }
    }
    Ok(())
}
