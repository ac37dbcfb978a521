//! Forks, batches, chunks and far positions, on tiny random models of all three families.

use candle_core::quantized::gguf_file::Value;

use super::*;
use crate::model::kv::SharedPrefix;
use crate::model::testing::{CONTEXT, Tiny};

const FAMILIES: [&str; 3] = ["llama", "qwen2", "qwen3"];

/// A difference that matters; logits of the tiny models have a deviation of about 3. With weights in blocks, nothing may
/// differ at all.
const SAME: f32 = 1e-3;

fn tiny(arch: &str) -> Result<Decoder> {
    tiny_as(arch, WeightForm::Blocks)
}

fn tiny_as(arch: &str, form: WeightForm) -> Result<Decoder> {
    tiny_on(arch, form, &Backend::Kernels)
}

fn tiny_on(arch: &str, form: WeightForm, backend: &Backend) -> Result<Decoder> {
    let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
    let path = folder.path().join("tiny.gguf");
    Tiny::new(arch)?.write(&path)?;
    Decoder::load(&Gguf::open(&path)?, form, backend, &|_| {})
}

/// `count` tokens that look like noise, the same every time, other ones for each `stream`.
fn noise(stream: u32, count: usize) -> Vec<u32> {
    let mut state = stream.wrapping_mul(0x9E37_79B9) | 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % 256
    })
    .take(count)
    .collect()
}

/// Logits of every row of one pass.
fn pass(decoder: &Decoder, branches: &mut [&mut BranchKv], parts: &[&[u32]]) -> Result<Tensor> {
    let tokens = parts.concat();
    let spans: Vec<_> = parts.iter().map(|part| part.len()).collect();
    let wanted: Vec<_> = (0..tokens.len() as u32).collect();
    let step = Step {
        tokens: &tokens,
        spans: &spans,
        wanted: &wanted,
    };
    Ok(decoder.forward(&step, branches)?.logits)
}

/// Logits of every token, from scratch, in one pass.
fn alone(decoder: &Decoder, tokens: &[u32]) -> Result<Tensor> {
    let mut branch = BranchKv::root(decoder.geometry());
    pass(decoder, &mut [&mut branch], &[tokens])
}

fn worst(a: &Tensor, b: &Tensor) -> Result<f32> {
    Ok((a.to_device(b.device())? - b)?
        .abs()?
        .flatten_all()?
        .max(0)?
        .to_scalar()?)
}

fn prefix(decoder: &Decoder, tokens: &[u32]) -> Result<Arc<SharedPrefix>> {
    let mut branch = BranchKv::root(decoder.geometry());
    pass(decoder, &mut [&mut branch], &[tokens])?;
    branch.freeze()
}

/// How a round treats a branch: how many tokens it gets (none is allowed), or that it is left out of the batch.
type Rounds<const B: usize> = [[Option<usize>; B]];

/// Ragged prompts, then single tokens; the second branch ends early and stays in the batch without tokens, the third is
/// taken out of it, the last joins late. The first outgrows its first buffer of 16.
const ROUNDS: &Rounds<4> = &[
    [Some(3), Some(11), Some(1), None],
    [Some(1), Some(1), Some(1), Some(24)],
    [Some(1), Some(0), Some(1), Some(1)],
    [Some(20), Some(0), None, Some(1)],
    [Some(1), Some(0), None, Some(1)],
];

/// Runs `rounds` over `forks` of `prefix`; the largest difference of any logit to the branch's tokens run alone.
fn disagreement<const B: usize>(
    decoder: &Decoder,
    prefix: &[u32],
    forks: [BranchKv; B],
    rounds: &Rounds<B>,
) -> Result<f32> {
    disagreement_after(decoder, prefix, forks, rounds, |_| {})
}

/// The same, with something done to the forks after each round.
fn disagreement_after<const B: usize>(
    decoder: &Decoder,
    prefix: &[u32],
    mut forks: [BranchKv; B],
    rounds: &Rounds<B>,
    after: impl Fn(&mut [BranchKv; B]),
) -> Result<f32> {
    let streams: Vec<_> = (0..B as u32).map(|b| noise(b + 2, 100)).collect();
    let mut used = [0; B];
    let mut rows: [Vec<Tensor>; B] = std::array::from_fn(|_| Vec::new());
    for round in rounds {
        let present: Vec<usize> = (0..B).filter(|&b| round[b].is_some()).collect();
        let parts: Vec<_> = present
            .iter()
            .map(|&b| &streams[b][used[b]..used[b] + round[b].unwrap_or(0)])
            .collect();
        let mut batch: Vec<_> = (0..)
            .zip(&mut forks)
            .filter(|(b, _)| present.contains(b))
            .map(|(_, f)| f)
            .collect();
        let logits = pass(decoder, &mut batch, &parts)?;
        after(&mut forks);
        let mut start = 0;
        for (&b, part) in present.iter().zip(&parts) {
            rows[b].push(logits.narrow(0, start, part.len())?);
            start += part.len();
            used[b] += part.len();
        }
    }
    let mut largest = 0.0_f32;
    for b in 0..B {
        let whole = [prefix, &streams[b][..used[b]]].concat();
        let want = alone(decoder, &whole)?.narrow(0, prefix.len(), used[b])?;
        largest = largest.max(worst(&Tensor::cat(&rows[b], 0)?, &want)?);
    }
    Ok(largest)
}

fn forks(shared: &Arc<SharedPrefix>) -> [BranchKv; 4] {
    std::array::from_fn(|_| BranchKv::fork(shared))
}

#[test]
fn branches_of_one_prefix_equal_each_alone_from_scratch() -> Result<()> {
    for arch in FAMILIES {
        let decoder = tiny(arch)?;
        let tokens = noise(1, 50);
        let shared = prefix(&decoder, &tokens)?;
        let largest = disagreement(&decoder, &tokens, forks(&shared), ROUNDS)?;
        assert!(largest == 0.0, "{arch}: {largest}");
    }
    Ok(())
}

/// Matrix products in f32 sum in an order that depends on the number of rows.
#[test]
fn branches_of_dequantised_weights_equal_each_alone_almost() -> Result<()> {
    let decoder = tiny_as("qwen2", WeightForm::F32)?;
    let tokens = noise(1, 150);
    let largest = disagreement(&decoder, &tokens, forks(&prefix(&decoder, &tokens)?), ROUNDS)?;
    assert!(largest < SAME, "{largest}");
    Ok(())
}

/// A prefix may end anywhere in a block of keys, and branches may outgrow theirs.
#[test]
fn the_length_of_the_prefix_changes_no_bit() -> Result<()> {
    let decoder = tiny("qwen3")?;
    for length in [1, 63, 64, 65, 127, 128, 190] {
        let tokens = noise(1, length);
        let largest = disagreement(&decoder, &tokens, forks(&prefix(&decoder, &tokens)?), ROUNDS)?;
        assert!(largest == 0.0, "prefix of {length}: {largest}");
    }
    Ok(())
}

#[test]
fn branches_without_a_prefix_equal_each_alone_from_scratch() -> Result<()> {
    let decoder = tiny("qwen3")?;
    let roots = std::array::from_fn(|_| BranchKv::root(decoder.geometry()));
    let largest = disagreement(&decoder, &[], roots, ROUNDS)?;
    assert!(largest == 0.0, "{largest}");
    Ok(())
}

/// The comparison above must see forks that share one buffer: whatever one writes, the other then holds.
#[test]
fn an_aliased_fork_is_noticed() -> Result<()> {
    for arch in FAMILIES {
        let decoder = tiny(arch)?;
        let tokens = noise(1, 50);
        let shared = prefix(&decoder, &tokens)?;
        let largest = disagreement_after(&decoder, &tokens, forks(&shared), ROUNDS, |forks| {
            let [honest, aliased, ..] = forks;
            aliased.overwrite_with(honest);
        })?;
        assert!(largest > 100.0 * SAME, "{arch}: {largest}");
    }
    Ok(())
}

#[test]
fn a_branch_does_not_see_its_neighbours() -> Result<()> {
    let decoder = tiny("qwen2")?;
    let shared = prefix(&decoder, &noise(1, 30))?;
    let with_neighbour = |stream| {
        let mut one = BranchKv::fork(&shared);
        let mut other = BranchKv::fork(&shared);
        let (mine, theirs) = (noise(7, 5), noise(stream, 6));
        pass(&decoder, &mut [&mut other, &mut one], &[&theirs, &mine])?
            .narrow(0, 6, 5)
            .map_err(Error::from)
    };
    // The same shapes give the same sums, so not one bit may differ.
    assert!(worst(&with_neighbour(8)?, &with_neighbour(9)?)? == 0.0);
    Ok(())
}

#[test]
fn a_prefix_is_the_same_after_its_branches_ran() -> Result<()> {
    let decoder = tiny("llama")?;
    let shared = prefix(&decoder, &noise(1, 30))?;
    let held = || format!("{shared:?}");
    let before = held();
    let mut branch = BranchKv::fork(&shared);
    pass(&decoder, &mut [&mut branch], &[&noise(2, 40)])?;
    assert_eq!(before, held());
    Ok(())
}

#[test]
fn a_prefill_in_chunks_equals_one_pass() -> Result<()> {
    for arch in FAMILIES {
        let decoder = tiny(arch)?;
        let tokens = noise(1, 300);
        let want = alone(&decoder, &tokens)?;
        for rows in [1, 7, 64, 256] {
            let mut branch = BranchKv::root(decoder.geometry());
            let chunks = tokens
                .chunks(rows)
                .map(|chunk| pass(&decoder, &mut [&mut branch], &[chunk]))
                .collect::<Result<Vec<_>>>()?;
            let largest = worst(&Tensor::cat(&chunks, 0)?, &want)?;
            assert!(largest == 0.0, "{arch} in chunks of {rows}: {largest}");
        }
    }
    Ok(())
}

/// Against the rotation written out in f64: (a, b) -> (a cos - b sin, b cos + a sin), angle = position * base^(-2i/D).
#[test]
fn far_positions_turn_by_the_exact_angle() -> Result<()> {
    let decoder = tiny("qwen3")?;
    let (heads, dim) = (4, decoder.config().head_dim);
    let half = dim / 2;
    for first in [0, 4_090, CONTEXT - 10, 1_000_000] {
        let mut branch = BranchKv::root(decoder.geometry());
        branch.advance(first);
        let tokens = noise(1, 10);
        let step = Step {
            tokens: &tokens,
            spans: &[10],
            wanted: &[],
        };
        let rope = decoder.rope(&step, &[&mut branch])?;
        let x = Tensor::rand(-1_f32, 1.0, (10, heads, dim), &Device::Cpu)?;
        let (x, got) = (x.to_vec3::<f32>()?, rope.apply(&x)?.to_vec3::<f32>()?);
        for (row, (x, got)) in x.iter().flatten().zip(got.iter().flatten()).enumerate() {
            let position = (first + row / heads) as f64;
            for i in 0..half {
                let angle = position * decoder.config().rope_base.powf(-2.0 * i as f64 / dim as f64);
                let (a, b) = (f64::from(x[i]), f64::from(x[i + half]));
                let want = [
                    a * angle.cos() - b * angle.sin(),
                    b * angle.cos() + a * angle.sin(),
                ];
                for (got, want) in [got[i], got[i + half]].into_iter().zip(want) {
                    assert!(
                        (f64::from(got) - want).abs() < 5e-7,
                        "position {position}, pair {i}: {got}, {want}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn no_row_need_be_wanted() -> Result<()> {
    let decoder = tiny("qwen3")?;
    let mut branch = BranchKv::root(decoder.geometry());
    let step = Step {
        tokens: &[1, 2],
        spans: &[2],
        wanted: &[],
    };
    let output = decoder.forward(&step, &mut [&mut branch])?;
    assert_eq!((output.logits.dim(0)?, branch.len()), (0, 2));
    Ok(())
}

#[test]
fn a_pass_that_does_not_add_up_is_refused() -> Result<()> {
    let decoder = tiny("qwen3")?;
    let vocab = decoder.config().vocab as u32;
    let refused = |tokens: &[u32], spans: &[usize], wanted: &[u32]| -> Result<()> {
        let mut branch = BranchKv::root(decoder.geometry());
        let step = Step {
            tokens,
            spans,
            wanted,
        };
        let answer = decoder.forward(&step, &mut [&mut branch]);
        assert!(answer.is_err_and(|e| e.kind() == ErrorKind::Internal), "{step:?}");
        assert!(branch.is_empty(), "{step:?}");
        Ok(())
    };
    refused(&[1, 2], &[1], &[])?;
    refused(&[1, 2], &[1, 1], &[])?;
    refused(&[], &[0], &[])?;
    refused(&[vocab], &[1], &[])?;
    refused(&[1], &[1], &[1])
}

#[test]
fn branches_of_two_prefixes_do_not_mix() -> Result<()> {
    let decoder = tiny("qwen3")?;
    let fork = |stream| Ok::<_, Error>(BranchKv::fork(&prefix(&decoder, &noise(stream, 3))?));
    let answer = pass(&decoder, &mut [&mut fork(1)?, &mut fork(1)?], &[&[1], &[2]]);
    assert!(answer.is_err());
    let mut root = BranchKv::root(decoder.geometry());
    assert!(pass(&decoder, &mut [&mut fork(1)?, &mut root], &[&[1], &[2]]).is_err());
    Ok(())
}

#[test]
fn only_a_filled_root_becomes_a_prefix() -> Result<()> {
    let decoder = tiny("qwen3")?;
    assert!(BranchKv::root(decoder.geometry()).freeze().is_err());
    let shared = prefix(&decoder, &[1, 2])?;
    assert!(BranchKv::fork(&shared).freeze().is_err());
    Ok(())
}

/// In one layer nothing has read anything, so a prefix without its first tokens is the prefix that never had them; all
/// positions move together, which the rotation does not see.
#[test]
fn what_is_left_out_cannot_be_seen_and_the_rest_stays_in_place() -> Result<()> {
    let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
    let path = folder.path().join("tiny.gguf");
    let mut tiny = Tiny::new("qwen3")?;
    tiny.set("qwen3.block_count", Value::U32(1));
    tiny.write(&path)?;
    let decoder = Decoder::load(&Gguf::open(&path)?, WeightForm::F32, &Backend::Kernels, &|_| {})?;
    let (tokens, question) = (noise(1, 300), noise(2, 9));
    let whole = prefix(&decoder, &tokens)?;
    let ask = |prefix: &Arc<SharedPrefix>| pass(&decoder, &mut [&mut BranchKv::fork(prefix)], &[&question]);
    for cut in [1, 64, 100, 299] {
        let without = whole.without(0..cut)?;
        assert_eq!(without.len(), 300 - cut);
        let (got, want) = (ask(&without)?, ask(&prefix(&decoder, &tokens[cut..])?)?);
        assert!(
            worst(&got, &want)? < SAME,
            "{cut} left out: {}",
            worst(&got, &want)?
        );
        assert!(
            worst(&got, &ask(&whole)?)? > 10.0 * SAME,
            "{cut} left out changes nothing"
        );
    }
    // Nothing left out: the same bits. Something in the middle: neither the whole nor one shorter at the front.
    assert!(worst(&ask(&whole.without(120..120)?)?, &ask(&whole)?)? == 0.0);
    let middle = ask(&whole.without(120..150)?)?;
    assert!(worst(&middle, &ask(&whole)?)? > 10.0 * SAME);
    Ok(())
}

/// Keys of half precision cost less than half of what activations of eight bits do.
#[test]
fn keys_of_half_precision_change_little() -> Result<()> {
    let tokens = noise(1, 200);
    let with = |form, number| {
        let mut decoder = tiny_as("llama", form)?;
        decoder.geometry.number = number;
        alone(&decoder, &tokens)
    };
    let exact = with(WeightForm::F32, Number::F32)?;
    let halves = worst(&exact, &with(WeightForm::F32, Number::F16)?)?;
    let blocks = worst(&exact, &with(WeightForm::Blocks, Number::F32)?)?;
    assert!(halves > 0.0 && halves < blocks / 2.0, "{halves}, blocks {blocks}");
    Ok(())
}

/// In candle's operations, on a card where this build uses one: the numbers of the kernels, but for the order of sums;
/// with weights in blocks, where activations are rounded in another way, as near to dequantised weights as the kernels.
#[test]
fn another_backend_says_the_same() -> Result<()> {
    let backend = crate::model::backend::other()?;
    let tokens = noise(1, 50);
    for arch in FAMILIES {
        let reference = tiny_as(arch, WeightForm::F32)?;
        let want = alone(&reference, &tokens)?;
        let rounded = worst(&alone(&tiny(arch)?, &tokens)?, &want)?;
        for (form, most) in [(WeightForm::F32, SAME), (WeightForm::Blocks, 2.0 * rounded)] {
            let other = tiny_on(arch, form, &backend)?;
            let largest = worst(&alone(&other, &tokens)?, &want)?;
            assert!(
                largest < most,
                "{arch} {form:?}: {largest}, the kernels {rounded}"
            );
            let shared = prefix(&other, &tokens)?;
            let largest = disagreement(&other, &tokens, forks(&shared), ROUNDS)?;
            assert!(
                largest < most,
                "{arch} {form:?}: branches are {largest} from alone"
            );
            if form == WeightForm::F32 {
                let all = 0..tokens.len();
                let states = prefix(&reference, &tokens)?.mean_state(all.clone());
                let pairs = states.into_iter().zip(shared.mean_state(all));
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(largest < SAME, "{arch}: states {largest} apart");
            }
        }
    }
    Ok(())
}

/// What is left out of a prefix is not seen: as the kernels do it.
#[test]
fn another_backend_leaves_the_same_out() -> Result<()> {
    let backend = crate::model::backend::other()?;
    let (ours, other) = (
        tiny_as("qwen2", WeightForm::F32)?,
        tiny_on("qwen2", WeightForm::F32, &backend)?,
    );
    let ask = |decoder: &Decoder| -> Result<Tensor> {
        let shared = prefix(decoder, &noise(1, 90))?.without(20..31)?;
        let mut fork = BranchKv::fork(&shared);
        pass(decoder, &mut [&mut fork], &[&noise(2, 4)])
    };
    let largest = worst(&ask(&other)?, &ask(&ours)?)?;
    assert!(largest < SAME, "{largest}");
    Ok(())
}

/// Two excerpts of one prefix, side by side and over several passes, each as the prefix without what it leaves out.
#[test]
fn an_excerpt_is_the_prefix_without_the_rest() -> Result<()> {
    for backend in [Backend::Kernels, crate::model::backend::other()?] {
        let decoder = tiny_on("qwen2", WeightForm::F32, &backend)?;
        let shared = prefix(&decoder, &noise(1, 150))?;
        let (one, other) = (20..31, 5..140);
        let excerpt = |left_out: &std::ops::Range<usize>| {
            let kept: Vec<usize> = (0..150).filter(|at| !left_out.contains(at)).collect();
            shared.excerpt(&kept)
        };
        let (mut a, mut b) = (excerpt(&one), excerpt(&other));
        let (questions, answers) = ([noise(2, 9), noise(3, 4)], [noise(4, 1), noise(5, 2)]);
        let mut rows = Vec::new();
        for parts in [&questions, &answers] {
            rows.push(pass(&decoder, &mut [&mut a, &mut b], &[&parts[0], &parts[1]])?);
        }
        for (n, left_out) in [one, other].into_iter().enumerate() {
            let mut fork = BranchKv::fork(&shared.without(left_out)?);
            for (row, parts) in rows.iter().zip([&questions, &answers]) {
                let want = pass(&decoder, &mut [&mut fork], &[&parts[n]])?;
                let before = if n == 0 { 0 } else { parts[0].len() };
                let largest = worst(&row.narrow(0, before, parts[n].len())?, &want)?;
                assert!(largest < SAME, "{n}: {largest}");
            }
        }
    }
    Ok(())
}
