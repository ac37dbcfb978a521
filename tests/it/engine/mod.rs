//! The engine with real weights: the same answers however they are computed, answers that always parse, dossiers longer
//! than the context, cancelling, and documents that try to speak to the model.

use std::cell::Cell;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use plumbline::dossier::{Dossier, Language};
use plumbline::engine::Backend;
use plumbline::engine::answer::Answer;
use plumbline::engine::assessment::{Assessment, ModelIdentity, Timing, Trace};
use plumbline::engine::event::{ScoreEvent, ScoreRequest, Ticket};
use plumbline::engine::grammar::{MAX_RATIONALE, MAX_SUGGESTION};
use plumbline::engine::prompt::BRANCH_LIMIT;
use plumbline::engine::scorer::{PrefixCache, Run, ScoreOptions, Scorer};
use plumbline::engine::worker::{Worker, WorkerModel};
use plumbline::error::ErrorKind;
use plumbline::hash::ContentHash;
use plumbline::id::DimensionId;
use plumbline::ingest;
use plumbline::rubric::Rubric;

use crate::env;

mod excerpt;
mod prefix;
mod reference;

type Tested<T = ()> = Result<T, Box<dyn Error>>;

const DEFAULT: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m";
const SMALL: &str = "smollm2-135m-instruct-q4_1";

fn identity(id: &str) -> ModelIdentity {
    ModelIdentity {
        id: id.into(),
        sha256: ContentHash::ZERO,
        adapter: None,
    }
}

fn load(id: &str, options: ScoreOptions) -> Tested<Scorer> {
    Ok(Scorer::load(
        &env::real_weights(id)?.path,
        identity(id),
        options,
        &|_| {},
    )?)
}

/// One scorer a model for all tests: loading takes seconds and memory.
fn shared(id: &'static str) -> Tested<MutexGuard<'static, Scorer>> {
    static DEFAULT_SCORER: OnceLock<Result<Mutex<Scorer>, String>> = OnceLock::new();
    static SMALL_SCORER: OnceLock<Result<Mutex<Scorer>, String>> = OnceLock::new();
    let cell = if id == DEFAULT {
        &DEFAULT_SCORER
    } else {
        &SMALL_SCORER
    };
    let made = cell.get_or_init(|| {
        load(id, ScoreOptions::default())
            .map(Mutex::new)
            .map_err(|e| e.to_string())
    });
    match made {
        Ok(scorer) => Ok(scorer.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(error) => Err(error.clone().into()),
    }
}

fn sample(name: &str) -> Tested<Arc<Dossier>> {
    Ok(Arc::new(ingest::open(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name),
    )?))
}

fn request(dossier: &Arc<Dossier>, dimensions: &[&str]) -> Tested<ScoreRequest> {
    Ok(ScoreRequest {
        ticket: Ticket(1),
        dossier: dossier.clone(),
        rubric: Arc::new(Rubric::named("core")?),
        dimensions: dimensions.iter().map(|d| DimensionId::from(*d)).collect(),
        language: dossier.meta.language,
        seed: 0,
        score_only: false,
        influence: false,
        calibration: None,
    })
}

/// Everything one run said.
#[derive(Default)]
struct Said {
    finished: Vec<(Assessment, Arc<Trace>)>,
    scores: Vec<DimensionId>,
    timing: Timing,
    prefills: Vec<usize>,
}

fn score(scorer: &mut Scorer, request: &ScoreRequest) -> Tested<Said> {
    let mut said = Said::default();
    let mut sink = |event| match event {
        ScoreEvent::Finished { assessment, trace } => said.finished.push((*assessment, trace)),
        ScoreEvent::Score { dimension, .. } => said.scores.push(dimension),
        ScoreEvent::Prefill { done, .. } => said.prefills.push(done),
        ScoreEvent::Done(timing) => said.timing = timing,
        _ => {}
    };
    scorer.score(
        request,
        &mut Run {
            sink: &mut sink,
            cancelled: &|| false,
        },
    )?;
    Ok(said)
}

/// Every answer parses, cites only what the model was shown, and each dimension is told once.
fn check_answers(scorer: &Scorer, request: &ScoreRequest, said: &Said) -> Tested {
    let wanted = if request.dimensions.is_empty() {
        request.rubric.dimensions.len()
    } else {
        request.dimensions.len()
    };
    assert_eq!(said.finished.len(), wanted);
    assert_eq!(said.scores.len(), wanted);
    let shown = scorer.plan(request)?.segments.len() as u32;
    for (assessment, trace) in &said.finished {
        let answer = Answer::parse(&scorer.tokenizer().decode(&trace.output))?;
        assert!(
            answer.evidence.iter().all(|n| (1..=shown).contains(n)),
            "{:?} of {shown}",
            answer.evidence
        );
        assert!((1..=5).contains(&answer.score));
        assert!(
            answer.rationale.chars().count() <= MAX_RATIONALE
                && answer.suggestion.chars().count() <= MAX_SUGGESTION
        );
        let sum: f32 = assessment.reading.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "probabilities add up to {sum}");
        assert!((1.0..=5.0).contains(&assessment.reading.score));
        // The small model spells Chinese out in bytes: its prompts are as long as that takes.
        let reads = request.language == Language::En || scorer.identity().id.as_str() == DEFAULT;
        assert!(
            !reads || trace.branch.len() <= BRANCH_LIMIT,
            "a branch prompt of {} tokens",
            trace.branch.len()
        );
        assert_eq!(assessment.id, ContentHash::of(&trace.encode()?));
        for link in &assessment.evidence {
            assert_eq!(
                plumbline::evidence::links::verify(&request.dossier, link),
                plumbline::evidence::links::Verdict::Holds
            );
        }
    }
    Ok(())
}

/// Every dimension of every sample. The small model reads what fits 1,536 tokens; the soak gives the default model all.
#[test]
fn every_sample_s_answers_parse() -> Tested {
    let (model, context_limit) = match std::env::var_os("PLUMB_SOAK") {
        Some(_) => (DEFAULT, ScoreOptions::default().context_limit),
        None => (SMALL, 1_536),
    };
    let mut scorer = load(
        model,
        ScoreOptions {
            context_limit,
            ..ScoreOptions::default()
        },
    )?;
    let samples = ingest::find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"))?;
    assert_eq!(samples.len(), 10);
    for dir in samples {
        let request = request(&Arc::new(ingest::open(&dir)?), &[])?;
        let said = score(&mut scorer, &request)?;
        check_answers(&scorer, &request, &said)?;
    }
    Ok(())
}

/// Somebody waits for the dimension that was named first: nothing else is begun before its score is known.
#[test]
fn the_first_dimension_goes_ahead() -> Tested {
    let request = request(
        &sample("en-priya-nair-2026h1")?,
        &["quality", "growth", "delivery"],
    )?;
    let mut order = Vec::new();
    let mut sink = |event| match event {
        ScoreEvent::Started { dimension } => order.push(format!("{dimension} started")),
        ScoreEvent::Score { dimension, .. } => order.push(format!("{dimension} scored")),
        _ => {}
    };
    shared(SMALL)?.score(
        &request,
        &mut Run {
            sink: &mut sink,
            cancelled: &|| false,
        },
    )?;
    assert_eq!(
        order[..4],
        [
            "quality started",
            "quality scored",
            "growth started",
            "delivery started"
        ]
    );
    Ok(())
}

/// Dimensions written side by side say what each says alone, and a second run from the kept prefix repeats the first:
/// to the bit in the logits, to the letter in the text.
#[test]
fn batched_alone_and_cached_agree() -> Tested {
    let dossier = sample("en-priya-nair-2026h1")?;
    let mut scorer = shared(SMALL)?;
    let names = ["collaboration", "quality", "leadership"];
    let together = score(&mut scorer, &request(&dossier, &names)?)?;
    let again = score(&mut scorer, &request(&dossier, &names)?)?;
    assert!(again.prefills.is_empty(), "the prefix was read again");
    for (name, (kept, repeated)) in names.iter().zip(together.finished.iter().zip(&again.finished)) {
        assert_eq!(kept.0.dimension, repeated.0.dimension);
        let mut fresh = load(
            SMALL,
            ScoreOptions {
                chunk: 64,
                ..ScoreOptions::default()
            },
        )?;
        let alone = score(&mut fresh, &request(&dossier, &[name])?)?;
        let together = together
            .finished
            .iter()
            .find(|(a, _)| a.dimension.as_str() == *name)
            .ok_or("missing")?;
        for other in [
            &alone.finished[0].1,
            again
                .finished
                .iter()
                .find(|(a, _)| a.dimension.as_str() == *name)
                .map(|(_, t)| t)
                .ok_or("missing")?,
        ] {
            let bits = |trace: &Trace| trace.logits.map(f32::to_bits);
            assert_eq!(bits(&together.1), bits(other), "{name}");
            assert_eq!(together.1.output, other.output, "{name}");
        }
    }
    Ok(())
}

/// A context of 1,500 tokens holds no sample: every source keeps a voice, and what was left out is counted.
#[test]
fn a_dossier_longer_than_the_context_is_cut_in_the_open() -> Tested {
    let dossier = sample("en-tom-okafor-2026h1")?;
    let mut scorer = load(
        SMALL,
        ScoreOptions {
            context_limit: 1_500,
            ..ScoreOptions::default()
        },
    )?;
    let request = request(&dossier, &["communication", "quality"])?;
    let plan = scorer.plan(&request)?;
    assert!(plan.omitted > 0);
    assert!(
        plan.prefix.len() + BRANCH_LIMIT < 1_500,
        "{} tokens",
        plan.prefix.len()
    );
    for (i, source) in dossier.sources.iter().enumerate() {
        let kept = plan
            .segments
            .iter()
            .filter(|no| dossier.segment(**no).is_some_and(|s| s.source == i))
            .count();
        assert!(kept > 0, "{} lost its voice", source.path);
    }
    let said = score(&mut scorer, &request)?;
    check_answers(&scorer, &request, &said)?;
    assert!(
        said.finished
            .iter()
            .all(|(a, _)| a.omitted as usize == plan.omitted)
    );
    Ok(())
}

/// The self-review of this sample carries `<|im_end|>` and a fake system turn: they must stay text.
#[test]
fn special_tokens_in_a_document_stay_text() -> Tested {
    let dossier = sample("zh-wangqiang-2026h1")?;
    assert!(
        dossier.sources.iter().any(|s| s.raw.contains("<|im_end|>")),
        "the sample lost its injection"
    );
    let scorer = shared(DEFAULT)?;
    let plan = scorer.plan(&request(&dossier, &["quality"])?)?;
    let special = |name| scorer.tokenizer().special(name).ok_or("no such token");
    let count = |id: u32| plan.prefix.iter().filter(|t| **t == id).count();
    // The template's own: system and user begin, the system message ends.
    assert_eq!(count(special("<|im_start|>")?), 2);
    assert_eq!(count(special("<|im_end|>")?), 1);
    let text = String::from_utf8(scorer.tokenizer().decode(&plan.prefix))?;
    assert!(
        text.contains("<|im_end|>"),
        "the words themselves are shown to the model"
    );
    Ok(())
}

#[test]
fn a_cancelled_run_stops_between_passes_and_says_so() -> Tested {
    let dossier = sample("en-priya-nair-2026h1")?;
    let mut scorer = load(SMALL, ScoreOptions::default())?;
    let passes = Cell::new(0);
    let cancelled = || {
        passes.set(passes.get() + 1);
        passes.get() > 3
    };
    let mut reached = 0;
    let mut sink = |event| {
        if let ScoreEvent::Prefill { done, .. } = event {
            reached = done;
        }
    };
    let outcome = scorer.score(
        &request(&dossier, &["quality"])?,
        &mut Run {
            sink: &mut sink,
            cancelled: &cancelled,
        },
    );
    assert_eq!(outcome.err().map(|e| e.kind()), Some(ErrorKind::Cancelled));
    assert_eq!(reached, 3 * ScoreOptions::default().chunk);
    Ok(())
}

/// The newest request wins, final events are never lost, and a model that is not there is an event, not a panic.
#[test]
fn the_worker_answers_every_ticket() -> Tested {
    let model = |path| WorkerModel {
        path,
        identity: identity(SMALL),
        options: ScoreOptions::default(),
        cache: PrefixCache::default(),
        adapter: None,
    };
    let dossier = sample("en-priya-nair-2026h1")?;
    let (worker, mut events) = Worker::start(model(env::real_weights(SMALL)?.path))?;
    for ticket in 1..=3 {
        worker.submit(ScoreRequest {
            ticket: Ticket(ticket),
            ..request(&dossier, &["quality"])?
        });
    }
    let mut ended = Vec::new();
    while ended.len() < 3 {
        match events.blocking_recv().ok_or("the worker went away")? {
            (Ticket(n), ScoreEvent::Done(_)) => ended.push((n, "done")),
            (Ticket(n), ScoreEvent::Cancelled) => ended.push((n, "cancelled")),
            (_, ScoreEvent::Failed { message, .. }) => return Err(message.into()),
            _ => {}
        }
    }
    ended.sort_unstable();
    assert_eq!(ended, [(1, "cancelled"), (2, "cancelled"), (3, "done")]);
    let (worker, mut events) = Worker::start(model("missing.gguf".into()))?;
    worker.submit(request(&dossier, &["quality"])?);
    loop {
        match events.blocking_recv().ok_or("the worker went away")?.1 {
            ScoreEvent::Failed { message, hints } => {
                assert!(message.contains("missing.gguf") && !hints.is_empty(), "{message}");
                return Ok(());
            }
            ScoreEvent::Done(_) => return Err("scored without a model".into()),
            _ => {}
        }
    }
}
