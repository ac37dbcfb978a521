//! The sample dossiers are complete, what they promise, and rated twice as their README says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use std::sync::Arc;

use plumbline::dossier::{Language, Problem, SourceKind};
use plumbline::engine::plan::Planner;
use plumbline::engine::prompt;
use plumbline::engine::{ScoreRequest, Ticket};
use plumbline::evidence::Sides;
use plumbline::ingest::redaction::Redaction;
use plumbline::metrics;
use plumbline::model::chat::ChatFrame;
use plumbline::model::gguf::Gguf;
use plumbline::model::tokenizer::Tokenizer;
use plumbline::rubric::{Polarity, Rubric, builtin};

use crate::env::{DEFAULT_MODEL, Outcome, real_weights};
use crate::levels::{self, Levels, Sample, samples};

/// What goes to a model names neither the employee nor anybody who speaks, and every segment is there.
#[test]
fn the_model_judges_pseudonyms() -> Outcome {
    for Sample { id, dossier, .. } in &samples()? {
        let (meta, shown) = (&dossier.meta, dossier.segments().collect::<Vec<_>>());
        let redaction = Redaction::of(dossier, meta.language);
        let text = prompt::dossier(dossier, &shown, 0, meta.language, &redaction)?;
        let speakers = shown.iter().filter_map(|s| s.speaker.as_deref());
        for name in speakers.chain([meta.subject.name.as_str(), meta.subject.id.as_str()]) {
            assert!(!text.contains(name), "{id} tells the model of {name}");
        }
        let subject = redaction.subject().ok_or("nothing is hidden")?;
        assert!(text.contains(&subject), "{id}");
        assert!(text.contains(&format!("\n[{}] ", shown.len())), "{id}");
        assert_eq!(redaction.reveal(&subject), meta.subject.name);
    }
    Ok(())
}

#[test]
fn there_are_enough_of_every_kind() -> Outcome {
    let samples = samples()?;
    let of = |language: Language| {
        samples
            .iter()
            .filter(|s| s.dossier.meta.language == language)
            .count()
    };
    assert!(samples.len() >= 8, "{} dossiers", samples.len());
    assert!(of(Language::Zh) >= 5 && of(Language::En) >= 3);
    let mut kinds = BTreeMap::new();
    let mut cycles: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Sample { id, dossier, .. } in &samples {
        assert_eq!(dossier.meta.id.as_str(), id);
        assert!((4..=7).contains(&dossier.sources.len()), "{id}");
        // Its self-review was written with orders to a model in it.
        let planted = id == "zh-wangqiang-2026h1";
        let orders = |p: &Problem| p.message.contains("like orders to a model");
        assert_eq!(
            dossier.problems.len(),
            usize::from(planted),
            "{id}: {:?}",
            dossier.problems
        );
        assert!(
            dossier.problems.iter().all(orders),
            "{id}: {:?}",
            dossier.problems
        );
        for source in &dossier.sources {
            *kinds.entry(format!("{:?}", source.kind)).or_insert(0) += 1;
        }
        let subject = dossier.meta.subject.id.as_str();
        cycles.entry(subject).or_default().insert(&dossier.meta.cycle);
    }
    for kind in [
        SourceKind::Weekly,
        SourceKind::Project,
        SourceKind::SelfReview,
        SourceKind::Peer,
        SourceKind::Chat,
        SourceKind::Okr,
        SourceKind::Meeting,
    ] {
        assert!(kinds.contains_key(&format!("{kind:?}")), "no {kind:?}");
    }
    assert!(cycles.values().filter(|c| c.len() == 2).count() >= 2);
    Ok(())
}

/// The tokens of the longest prompt of a sample, segment numbers and all, as the default model reads it: what every
/// dimension shares and the longest branch.
#[test]
fn every_sample_s_prompt_has_1500_to_6000_tokens() -> Outcome {
    let gguf = Gguf::open(&real_weights(DEFAULT_MODEL)?.path)?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let planner = Planner {
        tokenizer: &tokenizer,
        frame: &frame,
        context: 32_768,
        shortlist: 12,
    };
    for Sample { id, dossier, .. } in samples()? {
        let request = ScoreRequest {
            ticket: Ticket(1),
            language: dossier.meta.language,
            dossier: Arc::new(dossier),
            rubric: Arc::new(Rubric::named("core")?),
            dimensions: Vec::new(),
            seed: 0,
            score_only: false,
            influence: false,
            calibration: None,
        };
        let plan = planner.plan(&request)?;
        assert_eq!(plan.omitted, 0, "{id}");
        let branch = plan.branches.iter().map(|b| b.tokens.len()).max();
        let tokens = plan.prefix.len() + branch.unwrap_or_default();
        assert!((1_500..=6_000).contains(&tokens), "{id}: {tokens}");
    }
    Ok(())
}

#[test]
fn earlier_cycles_point_to_the_same_person() -> Outcome {
    for Sample { id, dossier, .. } in samples()? {
        for earlier in &dossier.meta.earlier {
            let before = plumbline::ingest::open(&dossier.root.join(&earlier.path))?;
            assert_eq!(before.meta.subject.id, dossier.meta.subject.id, "{id}");
            assert_eq!(before.meta.cycle, earlier.cycle, "{id}");
        }
    }
    Ok(())
}

#[test]
fn every_dimension_is_rated_in_order_and_in_halves() -> Outcome {
    for sample in samples()? {
        let ratings = std::iter::once(&sample.levels).chain(&sample.blind);
        for Levels { rubric, rating } in ratings {
            let rubric = builtin(rubric)?;
            let rated = rating.iter().map(|r| r.dimension.as_str());
            assert!(
                rated.eq(rubric.dimensions.iter().map(|d| d.id.as_str())),
                "{}",
                sample.id
            );
            for r in rating {
                assert!(
                    (1.0..=5.0).contains(&r.level) && (r.level * 2.0).fract() == 0.0,
                    "{r:?}"
                );
                assert!(!r.note.is_empty(), "{}: {}", sample.id, r.dimension);
            }
        }
    }
    Ok(())
}

#[test]
fn every_key_behaviour_is_the_rubric_s_and_its_quotation_stands_in_one_segment() -> Outcome {
    for Sample {
        id, dossier, levels, ..
    } in samples()?
    {
        let rubric = builtin(&levels.rubric)?;
        for (rating, dimension) in levels.rating.iter().zip(&rubric.dimensions) {
            assert!(
                (2..=4).contains(&rating.behaviour.len()),
                "{id}: {}",
                rating.dimension
            );
            for key in &rating.behaviour {
                assert!(
                    dimension.behaviours.iter().any(|b| b.id == key.id),
                    "{id}: {key:?}"
                );
                let segment = key.segment(&dossier).ok_or_else(|| format!("{id}: {key:?}"))?;
                let end = segment.anchor.span.end;
                let words = dossier.source_of(segment).slice(&segment.anchor);
                assert!(words.contains(&key.quote), "{id}: {key:?} runs over byte {end}");
            }
        }
    }
    Ok(())
}

/// A rule may pass over a quotation that speaks against; it may not turn one round that speaks for.
#[test]
fn no_quotation_that_supports_a_level_is_taken_as_contradicting() -> Outcome {
    let (mut against, mut found) = (0, 0);
    for Sample {
        id, dossier, levels, ..
    } in samples()?
    {
        let rubric = builtin(&levels.rubric)?;
        let sides = Sides::of(&dossier, &rubric);
        for (rating, dimension) in levels.rating.iter().zip(&rubric.dimensions) {
            for key in &rating.behaviour {
                let segment = key.segment(&dossier).ok_or_else(|| format!("{id}: {key:?}"))?;
                let links = sides.resolve(&dossier, dimension, &[segment.no]);
                let contradicts = links.iter().any(|l| l.polarity == Polarity::Contradicts);
                assert!(
                    !contradicts || key.polarity == Polarity::Contradicts,
                    "{id}: {key:?}"
                );
                against += usize::from(key.polarity == Polarity::Contradicts);
                found += usize::from(contradicts);
            }
        }
    }
    writeln!(
        std::io::stderr(),
        "quotations that speak against: {found} of {against} found"
    )?;
    assert!(found >= 3, "{found} of {against}");
    Ok(())
}

#[test]
fn low_levels_rest_on_shortfalls_and_high_ones_on_strengths() -> Outcome {
    for Sample { id, levels, .. } in samples()? {
        for rating in &levels.rating {
            let any = |polarity| rating.behaviour.iter().any(|b| b.polarity == polarity);
            assert!(
                rating.level > 2.0 || any(Polarity::Contradicts),
                "{id}: {}",
                rating.dimension
            );
            assert!(
                rating.level < 4.0 || any(Polarity::Supports),
                "{id}: {}",
                rating.dimension
            );
        }
    }
    Ok(())
}

/// The figures that the README prints, by their row: `| Pearson | 0.95 |`.
fn printed(readme: &str, row: &str) -> Outcome<Vec<f64>> {
    let start = format!("| {row} |");
    let line = readme
        .lines()
        .find(|l| l.starts_with(&start))
        .ok_or(format!("no row {row}"))?;
    let cells = line.split('|').skip(2).map(str::trim).filter(|c| !c.is_empty());
    Ok(cells.map(str::parse).collect::<Result<_, _>>()?)
}

/// n, Pearson, quadratic weighted kappa over the nine half levels, mean absolute difference, shares within 0.5 and 1.
fn agreement(pairs: &[(f64, f64)]) -> [Option<f64>; 6] {
    let steps = |level: f64| ((level - 1.0) * 2.0).round() as usize;
    let categories: Vec<(usize, usize)> = pairs.iter().map(|(a, b)| (steps(*a), steps(*b))).collect();
    [
        Some(pairs.len() as f64),
        metrics::pearson(pairs),
        metrics::quadratic_kappa(&categories, 9),
        metrics::mae(pairs),
        metrics::within(pairs, 0.5),
        metrics::within(pairs, 1.0),
    ]
}

#[test]
fn the_two_ratings_agree_as_the_readme_says() -> Outcome {
    let readme = std::fs::read_to_string(levels::folder().join("README.md"))?;
    let samples = samples()?;
    assert!(
        samples.iter().all(|s| s.blind.is_some()),
        "every sample is rated twice"
    );
    let pairs = levels::pairs(&samples);
    let all: Vec<(f64, f64)> = pairs.iter().map(|(_, pair)| *pair).collect();
    let rows = [
        "n",
        "Pearson",
        "Quadratic weighted kappa",
        "Mean absolute difference",
        "Share within 0.5",
        "Share within 1.0",
    ];
    for (row, figure) in rows.iter().zip(agreement(&all)) {
        same(row, figure, printed(&readme, row)?.first());
    }
    for dimension in &builtin("core")?.dimensions {
        let id = dimension.id.as_str();
        let own: Vec<(f64, f64)> = pairs.iter().filter(|(d, _)| *d == id).map(|(_, p)| *p).collect();
        for (figure, printed) in agreement(&own).into_iter().zip(printed(&readme, id)?) {
            same(id, figure, Some(&printed));
        }
    }
    Ok(())
}

/// The README rounds to two decimals.
fn same(row: &str, computed: Option<f64>, printed: Option<&f64>) {
    let near = computed
        .zip(printed)
        .is_some_and(|(a, b)| (a - b).abs() <= 0.005 + 1e-9);
    assert!(
        near,
        "{row}: computed {computed:?}, the README prints {printed:?}"
    );
}
