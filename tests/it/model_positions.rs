//! Positions past 4,096, where candle's quantised Llama stops.

use candle_core::{D, Tensor};
use plumbline::model::kv::BranchKv;
use plumbline::model::linear::WeightForm;

use crate::env::{Outcome, sample};
use crate::model_common::{Loaded, largest, largest_difference, smol, tiny_file};
use crate::model_reference::Reference;

/// Relative to the largest logit. The reference rounds its rotary angles to f32: at position 4,500 that is an error of
/// 4,500 * 6e-8 = 3e-4 of the fastest angle. A position that is off by one moves the logits by more than a tenth.
const TOLERANCE: f32 = 5e-3;

/// 4,500 tokens in chunks through our cache, against one pass of candle's model that has no cache.
#[test]
fn far_logits_equal_the_reference_without_cache() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = tiny_file(folder.path(), "qwen3")?;
    let (ours, theirs) = (Loaded::open_as(&path, WeightForm::F32)?, Reference::load(&path)?);
    let tokens: Vec<u32> = (0..4_500_u32)
        .map(|i| i.wrapping_mul(2_654_435_761) >> 24)
        .collect();
    let mut branch = BranchKv::root(ours.decoder.geometry());
    let mut chunks = Vec::new();
    for chunk in tokens.chunks(256) {
        chunks.push(ours.extend(&mut branch, chunk)?);
    }
    let got = Tensor::cat(&chunks, 0)?.narrow(0, 4_000, 500)?;
    let want = theirs.logits(&tokens)?.narrow(0, 4_000, 500)?;
    let (difference, bound) = (largest_difference(&got, &want)?, TOLERANCE * largest(&want)?);
    assert!(difference < bound, "{difference} > {bound}");
    Ok(())
}

/// A page read again and again is known by heart: past position 4,096 the small model still names the next token of the
/// page, and its logits are finite.
#[test]
fn the_small_model_reads_on_past_4096() -> Outcome {
    const PAGE: usize = 300;
    let model = smol()?;
    let text = std::fs::read_to_string(sample("en-priya-nair-2026h1").join("project-late-parcels.md"))?;
    let page = model.tokens(&text, PAGE)?;
    let tokens: Vec<u32> = page.iter().copied().cycle().take(4_096 + 200).collect();
    let mut branch = BranchKv::root(model.decoder.geometry());
    let (before, after) = tokens.split_at(4_096);
    for chunk in before.chunks(256) {
        model.read(&mut branch, chunk)?;
    }
    let logits = model.extend(&mut branch, after)?;
    assert!(largest(&logits)?.is_finite());
    let named = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
    let right = named
        .iter()
        .zip(&after[1..])
        .filter(|(named, next)| named == next)
        .count();
    assert!(right >= 195, "{right} of 199 tokens were named");
    Ok(())
}
