//! The small model with real weights: many branches of one prefix answer what each answers alone.

use candle_core::{D, Tensor};
use plumbline::model::decoder::Step;
use plumbline::model::kv::BranchKv;

use crate::env::Outcome;
use crate::model_common::{Loaded, largest_difference, smol};

const DOCUMENT: &str = "[1] Ada led the payment gateway rework and shipped it on 23 September, two days early. [2] The error \
    rate fell from 3.2 to 0.1 per cent after she traced a pool that ran dry to two timeouts. [3] Finance worked two extra \
    evenings because the settlement tests came late. [4] She apologised and moved those tests into the nightly build. [5] \
    In the review meeting she let a new colleague present the release plan. [6] Three weekly reports were missing in August.";

/// Prompts of different lengths, and how many tokens each may answer before its branch ends.
const BRANCHES: [(&str, usize); 4] = [
    (
        "\nWhat did Ada deliver this quarter, in one sentence?\nAnswer:",
        24,
    ),
    (
        "\nWhich evidence speaks against good communication with other teams, and why does it matter for them?\nAnswer:",
        9,
    ),
    ("\nGrowth:", 16),
    (" [7]", 3),
];

struct Branch {
    kv: BranchKv,
    /// The prompt and what was answered.
    tokens: Vec<u32>,
    prompt: usize,
    /// The logits from which each token of the answer was taken, `[1, V]`.
    logits: Vec<Tensor>,
    left: usize,
}

/// Reads all prompts in one pass, then decodes greedily, one row a live branch.
fn batched(model: &Loaded, prefix: &[u32]) -> Outcome<Vec<Branch>> {
    let mut root = BranchKv::root(model.decoder.geometry());
    model.extend(&mut root, prefix)?;
    let shared = root.freeze()?;
    let mut branches = Vec::new();
    for (prompt, left) in BRANCHES {
        let tokens = model.tokenizer.encode(prompt)?;
        branches.push(Branch {
            kv: BranchKv::fork(&shared),
            prompt: tokens.len(),
            tokens,
            logits: Vec::new(),
            left,
        });
    }
    while branches.iter().any(|branch| branch.left > 0) {
        let mut live: Vec<_> = branches.iter_mut().filter(|branch| branch.left > 0).collect();
        step(model, &mut live)?;
    }
    Ok(branches)
}

fn step(model: &Loaded, live: &mut [&mut Branch]) -> Outcome {
    let (mut tokens, mut spans, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for branch in live.iter() {
        let new = if branch.logits.is_empty() {
            branch.prompt
        } else {
            1
        };
        tokens.extend(&branch.tokens[branch.tokens.len() - new..]);
        spans.push(new);
        wanted.push(tokens.len() as u32 - 1);
    }
    let step = Step {
        tokens: &tokens,
        spans: &spans,
        wanted: &wanted,
    };
    let mut caches: Vec<_> = live.iter_mut().map(|branch| &mut branch.kv).collect();
    let logits = model.decoder.forward(&step, &mut caches)?.logits;
    for (row, branch) in live.iter_mut().enumerate() {
        let logits = logits.narrow(0, row, 1)?;
        branch.tokens.push(logits.argmax(D::Minus1)?.to_vec1::<u32>()?[0]);
        branch.logits.push(logits);
        branch.left -= 1;
    }
    Ok(())
}

#[test]
fn batched_branches_answer_as_each_alone() -> Outcome {
    let model = smol()?;
    let prefix = model.tokenizer.encode(DOCUMENT)?;
    for branch in batched(model, &prefix)? {
        // From scratch, without cache, fork or neighbours.
        let whole = [&prefix[..], &branch.tokens].concat();
        let answer = branch.logits.len();
        let alone = model
            .logits(&whole)?
            .narrow(0, prefix.len() + branch.prompt - 1, answer)?;
        let difference = largest_difference(&alone, &Tensor::cat(&branch.logits, 0)?)?;
        assert!(difference == 0.0, "{difference} after {answer} tokens");
        // The greedy text: each token is the best of the logits alone, too.
        assert_eq!(
            alone.argmax(D::Minus1)?.to_vec1::<u32>()?,
            branch.tokens[branch.prompt..]
        );
    }
    Ok(())
}

#[test]
fn a_prefill_in_chunks_answers_as_one_pass() -> Outcome {
    let model = smol()?;
    let tokens = model.tokens(DOCUMENT, 110)?;
    let whole = model.logits(&tokens)?;
    for rows in [1, 7, 64] {
        let mut branch = BranchKv::root(model.decoder.geometry());
        let mut last = None;
        for chunk in tokens.chunks(rows) {
            last = Some(model.extend(&mut branch, chunk)?);
        }
        let last = last.ok_or("no chunk")?;
        let rows_of_last = last.dim(0)?;
        let want = whole.narrow(0, tokens.len() - rows_of_last, rows_of_last)?;
        let difference = largest_difference(&last, &want)?;
        assert!(difference == 0.0, "chunks of {rows}: {difference}");
    }
    Ok(())
}
