//! The fast path against the reference: weights in blocks and keys in half precision beside everything in f32, over the
//! same tokens. `make test` reads what fits 1,536 tokens of two samples with the small model; the soak reads all samples
//! whole with both models.

use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::Arc;

use plumbline::engine::assessment::Trace;
use plumbline::engine::event::ScoreRequest;
use plumbline::engine::reading::{self, LevelTokens};
use plumbline::engine::scorer::ScoreOptions;
use plumbline::ingest;
use plumbline::model::backend::Backend;
use plumbline::model::decoder::{Decoder, Step};
use plumbline::model::gguf::Gguf;
use plumbline::model::kv::BranchKv;
use plumbline::model::linear::WeightForm;

use super::{DEFAULT, SMALL, Tested, load, request, score};
use crate::env;

/// How far a score may be from the reference's, in levels.
const SCORE: f32 = 0.1;

/// The largest differences seen.
#[derive(Debug, Default)]
struct Worst {
    logit: f32,
    score: f32,
    scores: usize,
}

/// The logits of the levels and the score that `reference` reads from the tokens of some traces of one dossier.
fn read_again(
    reference: &Decoder,
    levels: LevelTokens,
    traces: &[Arc<Trace>],
) -> Tested<Vec<([f32; 5], f32)>> {
    let mut root = BranchKv::root(reference.geometry());
    let pass = |kv: &mut BranchKv, tokens: &[u32], wanted: &[u32]| {
        let step = Step {
            tokens,
            spans: &[tokens.len()],
            wanted,
        };
        reference.forward(&step, &mut [kv])
    };
    for chunk in traces[0].prefix.chunks(256) {
        pass(&mut root, chunk, &[])?;
    }
    let prefix = root.freeze()?;
    let mut read = Vec::new();
    for trace in traces {
        // The last token written is the score's digit; the score is read before it.
        let until = trace.output.len() - 1;
        let tokens = [&trace.branch[..], &trace.output[..until]].concat();
        let output = pass(&mut BranchKv::fork(&prefix), &tokens, &[tokens.len() as u32 - 1])?;
        let row = &reading::rows(&output.logits)?[0];
        read.push((
            levels.logits(row),
            reading::read(levels.logits(row), row).raw_score,
        ));
    }
    Ok(read)
}

fn compare(model: &str, context_limit: usize, samples: usize) -> Tested<Worst> {
    let options = ScoreOptions {
        context_limit,
        ..ScoreOptions::default()
    };
    let mut scorer = load(model, options)?;
    let gguf = Gguf::open(&env::real_weights(model)?.path)?;
    let reference = Decoder::load(&gguf, WeightForm::F32, &Backend::Kernels, &|_| {})?;
    let levels = LevelTokens::of(scorer.tokenizer())?;
    let mut worst = Worst::default();
    let all = ingest::find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"))?;
    for dir in all.iter().take(samples) {
        let request = ScoreRequest {
            score_only: true,
            ..request(&Arc::new(ingest::open(dir)?), &[])?
        };
        let said = score(&mut scorer, &request)?;
        let traces: Vec<_> = said.finished.iter().map(|(_, trace)| trace.clone()).collect();
        let read = read_again(&reference, levels, &traces)?;
        for ((assessment, trace), (logits, score)) in said.finished.iter().zip(&read) {
            let logit = trace.logits.iter().zip(logits).map(|(a, b)| (a - b).abs());
            worst.logit = logit.fold(worst.logit, f32::max);
            worst.score = worst.score.max((assessment.reading.raw_score - score).abs());
            worst.scores += 1;
        }
    }
    writeln!(
        stdout(),
        "{model}: {} scores, largest difference from f32: logit {:.3}, score {:.3}",
        worst.scores,
        worst.logit,
        worst.score
    )?;
    Ok(worst)
}

#[test]
fn scores_are_those_of_the_reference() -> Tested {
    let runs = match std::env::var_os("PLUMB_SOAK") {
        Some(_) => vec![
            (SMALL, ScoreOptions::default().context_limit, usize::MAX),
            (DEFAULT, ScoreOptions::default().context_limit, usize::MAX),
        ],
        None => vec![(SMALL, 1_536, 2)],
    };
    for (model, context_limit, samples) in runs {
        let worst = compare(model, context_limit, samples)?;
        assert!(worst.scores > 0);
        assert!(worst.score <= SCORE, "{model}: {worst:?}");
    }
    Ok(())
}
