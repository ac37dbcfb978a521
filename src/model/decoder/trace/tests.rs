//! Gradients against finite differences, on tiny random models of all three families.

use std::collections::BTreeMap;

use super::*;
use crate::model::backend::Backend;
use crate::model::decoder::Step;
use crate::model::gguf::Gguf;
use crate::model::kv::BranchKv;
use crate::model::linear::WeightForm;
use crate::model::lora::{Adapter, Factors, LoraSettings, Place, Target};
use crate::model::testing::Tiny;
use crate::seed::Seed;

const FAMILIES: [&str; 3] = ["llama", "qwen2", "qwen3"];

fn tiny(arch: &str, form: WeightForm) -> Result<Decoder> {
    tiny_on(arch, form, &Backend::Kernels)
}

fn tiny_on(arch: &str, form: WeightForm, backend: &Backend) -> Result<Decoder> {
    let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
    let path = folder.path().join("tiny.gguf");
    Tiny::new(arch)?.write(&path)?;
    Decoder::load(&Gguf::open(&path)?, form, backend, &|_| {})
}

fn noise(name: &str, shape: (usize, usize), deviation: f64) -> Result<Tensor> {
    let mut stream = Seed::root(11).branch(name).stream();
    let values: Vec<f32> = (0..shape.0 * shape.1)
        .map(|_| ((stream.unit() - 0.5) * 3.4 * deviation) as f32)
        .collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// An adapter over every layer, with B that is not zero.
fn adapter(decoder: &Decoder) -> Result<Adapter> {
    let settings = LoraSettings {
        r: 2,
        alpha: 3.0,
        targets: Target::ALL.to_vec(),
        ..LoraSettings::default()
    };
    let mut adapter = Adapter::new(&settings, decoder.config(), Seed::root(1))?;
    for ((layer, target), factors) in &mut adapter.factors {
        let name = format!("{layer} {}", target.name());
        factors.b = noise(&name, factors.b.dims2()?, 0.1)?;
    }
    Ok(adapter)
}

/// The same, laid over a text from where the prompt of [`tree`] ends.
fn activated(decoder: &Decoder) -> Result<Adapter> {
    Ok(Adapter {
        invocation: tokens(1, 7)[5..].to_vec(),
        ..adapter(decoder)?
    })
}

fn tokens(stream: u32, count: usize) -> Vec<u32> {
    (0..count as u32)
        .map(|i| (i * i * 31 + stream * 77 + i * 13) % 256)
        .collect()
}

/// Two answers to one prompt, and a sequence beside them.
fn tree() -> Pack {
    let mut pack = Pack::default();
    let prompt = pack.push(&tokens(1, 7));
    pack.push_after(prompt.clone(), &tokens(2, 4));
    pack.push_after(prompt, &tokens(3, 5));
    pack.push(&tokens(4, 6));
    pack
}

/// `sum(logits * weights)` of the wanted rows, as it is used: a loss of any kind, linear near its place.
fn loss(
    decoder: &Decoder,
    pack: &Pack,
    wanted: &[u32],
    weights: &Tensor,
    options: TraceOptions,
) -> Result<f64> {
    let trace = decoder.trace(pack, wanted, options)?;
    let logits = decoder.logits(&trace.hidden)?;
    Ok((logits * weights)?
        .to_dtype(candle_core::DType::F64)?
        .sum_all()?
        .to_scalar()?)
}

fn gradients(
    decoder: &Decoder,
    pack: &Pack,
    wanted: &[u32],
    weights: &Tensor,
    options: TraceOptions,
) -> Result<BTreeMap<Place, Factors>> {
    let trace = decoder.trace(pack, wanted, options)?;
    Ok(trace.backward(&decoder.logits_backward(weights)?)?.0)
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}

const WANTED: [u32; 5] = [6, 9, 10, 15, 21];

/// Every tensor of every factor, along its gradient.
#[test]
fn every_factor_has_the_slope_of_its_differences() -> Result<()> {
    const STEP: f64 = 2e-3;
    for arch in FAMILIES {
        let base = tiny(arch, WeightForm::F32)?;
        let pack = tree();
        let weights = noise("weights", (WANTED.len(), base.config().vocab), 1.0)?;
        let (everywhere, answers) = (adapter(&base)?, activated(&base)?);
        for (adapter, checkpointing, dropout) in [
            (&everywhere, false, 0.0),
            (&everywhere, true, 0.3),
            (&answers, false, 0.0),
            (&answers, true, 0.3),
        ] {
            let options = TraceOptions {
                checkpointing,
                dropout: (dropout > 0.0).then_some(Dropout {
                    share: dropout,
                    seed: Seed::root(9),
                }),
            };
            let with = |adapter: &Adapter| -> Result<f64> {
                loss(
                    &base.with_adapter(Some(adapter))?,
                    &pack,
                    &WANTED,
                    &weights,
                    options,
                )
            };
            let decoder = base.with_adapter(Some(adapter))?;
            let gradients = gradients(&decoder, &pack, &WANTED, &weights, options)?;
            assert_eq!(gradients.len(), 3 * Target::ALL.len(), "{arch}");
            for (place, gradient) in &gradients {
                for second in [false, true] {
                    let pick = |f: &Factors| if second { f.b.clone() } else { f.a.clone() };
                    let gradient = pick(gradient);
                    // Along the gradient itself the slope is its length: no direction shows a fault better.
                    let length = gradient.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
                    let direction = (&gradient / f64::from(length))?;
                    let moved = |by: f64| -> Result<f64> {
                        let mut adapter = adapter.clone();
                        if let Some(factors) = adapter.factors.get_mut(place) {
                            let part = if second { &mut factors.b } else { &mut factors.a };
                            *part = (&*part + (&direction * by)?)?;
                        }
                        with(&adapter)
                    };
                    let step = STEP
                        * f64::from(
                            pick(&adapter.factors[place])
                                .sqr()?
                                .sum_all()?
                                .to_scalar::<f32>()?
                                .sqrt(),
                        )
                        .max(1.0);
                    let slope = (moved(step)? - moved(-step)?) / (2.0 * step);
                    let off = (slope - f64::from(length)).abs() / f64::from(length);
                    assert!(
                        off < 0.02,
                        "{arch} {place:?} second {second}: {slope} and {length}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// What was kept and what is computed again are the same numbers.
#[test]
fn checkpointed_is_plain() -> Result<()> {
    for form in [WeightForm::F32, WeightForm::Blocks] {
        let base = tiny("qwen3", form)?;
        let decoder = base.with_adapter(Some(&adapter(&base)?))?;
        let pack = tree();
        let weights = noise("weights", (WANTED.len(), base.config().vocab), 1.0)?;
        let dropout = Some(Dropout {
            share: 0.1,
            seed: Seed::root(3),
        });
        let run = |checkpointing| {
            let options = TraceOptions {
                checkpointing,
                dropout,
            };
            gradients(&decoder, &pack, &WANTED, &weights, options)
        };
        let (plain, again) = (run(false)?, run(true)?);
        for (place, factors) in &plain {
            assert_eq!(flat(&factors.a)?, flat(&again[place].a)?, "{place:?}");
            assert_eq!(flat(&factors.b)?, flat(&again[place].b)?, "{place:?}");
        }
    }
    Ok(())
}

/// A prompt read once for two answers gives what two whole sequences give, each read by itself.
#[test]
fn packed_is_unpacked() -> Result<()> {
    let base = tiny("llama", WeightForm::F32)?;
    for adapter in [adapter(&base)?, activated(&base)?] {
        packed_is_unpacked_in(&base.with_adapter(Some(&adapter))?)?;
    }
    Ok(())
}

fn packed_is_unpacked_in(decoder: &Decoder) -> Result<()> {
    let vocab = decoder.config().vocab;
    let weights = noise("weights", (WANTED.len(), vocab), 1.0)?;
    let packed = gradients(decoder, &tree(), &WANTED, &weights, TraceOptions::default())?;

    // Rows of the tree: 6 is the last of the prompt, 9 and 10 of the first answer, 15 of the second, 21 of the sequence.
    let whole = |parts: &[&[u32]]| {
        let mut pack = Pack::default();
        pack.push(&parts.concat());
        pack
    };
    let prompt = tokens(1, 7);
    let apart = [
        (
            whole(&[&prompt, &tokens(2, 4)]),
            vec![6, 9, 10],
            vec![0_usize, 1, 2],
        ),
        (whole(&[&prompt, &tokens(3, 5)]), vec![11], vec![3]),
        (whole(&[&tokens(4, 6)]), vec![5], vec![4]),
    ];
    let mut sums: BTreeMap<Place, Factors> = BTreeMap::new();
    // An adapter that waits for the end of the prompt is not laid over the sequence: nothing of it is learnt.
    let learnt = if decoder.invocation().is_empty() { 3 } else { 2 };
    for (pack, wanted, rows) in &apart[..learnt] {
        let rows: Vec<u32> = rows.iter().map(|&r| r as u32).collect();
        let weights = weights.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
        for (place, gradient) in gradients(decoder, pack, wanted, &weights, TraceOptions::default())? {
            let sum = match sums.remove(&place) {
                None => gradient,
                Some(sum) => Factors {
                    a: (sum.a + gradient.a)?,
                    b: (sum.b + gradient.b)?,
                },
            };
            sums.insert(place, sum);
        }
    }
    for (place, factors) in &packed {
        for (a, b) in [(&factors.a, &sums[place].a), (&factors.b, &sums[place].b)] {
            let worst: f32 = (a - b)?.abs()?.max_all()?.to_scalar()?;
            let largest: f32 = b.abs()?.max_all()?.to_scalar()?;
            assert!(worst < 1e-3 * largest, "{place:?}: {worst} of {largest}");
        }
    }
    Ok(())
}

/// The pass that trains says what the pass that scores says, with an adapter and without; and an adapter that is taken
/// off leaves nothing behind.
#[test]
fn training_and_scoring_agree_and_adapters_come_off() -> Result<()> {
    for arch in FAMILIES {
        for form in [WeightForm::F32, WeightForm::Blocks] {
            let base = tiny(arch, form)?;
            let adapter = adapter(&base)?;
            let with = base.with_adapter(Some(&adapter))?;
            let tokens = tokens(5, 20);
            let scored = |decoder: &Decoder| -> Result<Tensor> {
                let mut branch = BranchKv::root(decoder.geometry());
                let step = Step {
                    tokens: &tokens,
                    spans: &[20],
                    wanted: &[4, 19],
                };
                Ok(decoder.forward(&step, &mut [&mut branch])?.logits)
            };
            let traced = |decoder: &Decoder| -> Result<Tensor> {
                let mut pack = Pack::default();
                pack.push(&tokens);
                decoder.logits(&decoder.trace(&pack, &[4, 19], TraceOptions::default())?.hidden)
            };
            for decoder in [&base, &with] {
                let (a, b) = (scored(decoder)?, traced(decoder)?);
                let size =
                    |t: &Tensor| -> Result<f32> { Ok(t.sqr()?.mean_all()?.to_scalar::<f32>()?.sqrt()) };
                let apart = size(&(&a - &b)?)? / size(&a)?;
                // Keys in blocks are kept in half precision, and a rounding apart moves integers of the next product.
                let same = if form == WeightForm::F32 { 1e-4 } else { 0.1 };
                assert!(apart < same, "{arch} {form:?}: {apart}");
            }
            assert_ne!(flat(&scored(&base)?)?, flat(&scored(&with)?)?);
            assert_eq!(flat(&scored(&base)?)?, flat(&scored(&with.with_adapter(None)?)?)?);
            let fresh = Adapter::new(&LoraSettings::default(), base.config(), Seed::root(2))?;
            assert_eq!(
                flat(&scored(&base)?)?,
                flat(&scored(&base.with_adapter(Some(&fresh))?)?)?
            );
        }
    }
    Ok(())
}

/// What is read before the invocation is read as the model by itself reads it, to the bit; what comes behind it is not, and
/// training sees the same of it as scoring does, in branches of one prefix as in one text.
#[test]
fn an_activated_adapter_leaves_what_it_follows_as_it_was() -> Result<()> {
    let backends = [Backend::Kernels, crate::model::backend::other()?];
    for (arch, backend) in FAMILIES.iter().zip(backends.iter().cycle()) {
        let base = tiny_on(arch, WeightForm::F32, backend)?;
        let with = base.with_adapter(Some(&activated(&base)?))?;
        let (papers, prompt, answer) = (tokens(6, 9), tokens(1, 7), tokens(2, 4));
        // Both are asked: the one is answered, the other is still being asked.
        let forward = |decoder: &Decoder| -> Result<Vec<Vec<f32>>> {
            let mut root = BranchKv::root(decoder.geometry());
            let run = |tokens: &[u32], spans: &[usize], wanted: &[u32], branches: &mut [&mut BranchKv]| {
                let step = Step {
                    tokens,
                    spans,
                    wanted,
                };
                decoder
                    .forward(&step, branches)?
                    .hidden
                    .to_vec2::<f32>()
                    .map_err(crate::error::Error::from)
            };
            run(&papers, &[papers.len()], &[], &mut [&mut root])?;
            let prefix = root.freeze()?;
            let (mut asked, mut asking) = (BranchKv::fork(&prefix), BranchKv::fork(&prefix));
            let both = [&prompt[..], &prompt[..5]].concat();
            let mut states = run(&both, &[7, 5], &[4, 6, 11], &mut [&mut asked, &mut asking])?;
            let more = [&answer[..], &answer[..1]].concat();
            states.extend(run(&more, &[4, 1], &[3, 4], &mut [&mut asked, &mut asking])?);
            Ok(states)
        };
        let (plain, laid) = (forward(&base)?, forward(&with)?);
        for (row, same) in [true, false, true, false, true].into_iter().enumerate() {
            assert_eq!(plain[row] == laid[row], same, "{arch}, row {row}");
        }
        let mut pack = Pack::default();
        let shared = pack.push(&papers);
        pack.push_after(shared, &[&prompt[..], &answer[..]].concat());
        let traced = with
            .trace(&pack, &[13, 15, 19], TraceOptions::default())?
            .hidden
            .to_vec2::<f32>()?;
        for (scored, traced) in [&laid[0], &laid[1], &laid[3]].into_iter().zip(&traced) {
            let apart = scored
                .iter()
                .zip(traced)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(apart < 1e-3, "{arch}: {apart}");
        }
    }
    Ok(())
}

#[test]
fn an_adapter_of_another_model_is_refused() -> Result<()> {
    let base = tiny("llama", WeightForm::Blocks)?;
    let other = tiny("qwen3", WeightForm::Blocks)?;
    let refused = base.with_adapter(Some(&adapter(&other)?));
    assert!(refused.is_err_and(|e| e.message().contains("is for another model")));
    Ok(())
}

/// In candle's operations, on a card where this build uses one: the same gradients.
#[test]
fn another_backend_has_the_same_slopes() -> Result<()> {
    let backend = crate::model::backend::other()?;
    for arch in FAMILIES {
        let (ours, other) = (
            tiny(arch, WeightForm::F32)?,
            tiny_on(arch, WeightForm::F32, &backend)?,
        );
        for adapter in [adapter(&ours)?, activated(&ours)?] {
            the_same_slopes(&adapter, &ours, &other)?;
        }
    }
    Ok(())
}

fn the_same_slopes(adapter: &Adapter, ours: &Decoder, other: &Decoder) -> Result<()> {
    let weights = noise("weights", (WANTED.len(), ours.config().vocab), 1.0)?;
    let options = TraceOptions {
        checkpointing: true,
        dropout: Some(Dropout {
            share: 0.3,
            seed: Seed::root(9),
        }),
    };
    let of = |decoder: &Decoder| {
        let weights = weights.to_device(decoder.device())?;
        let decoder = decoder.with_adapter(Some(adapter))?;
        gradients(&decoder, &tree(), &WANTED, &weights, options)
    };
    let (ours, other) = (of(ours)?, of(other)?);
    assert_eq!(ours.len(), other.len());
    for (place, Factors { a, b }) in &ours {
        for (ours, other) in [(a, &other[place].a), (b, &other[place].b)] {
            let (ours, other) = (flat(ours)?, flat(other)?);
            let largest = ours.iter().fold(0_f32, |most, x| most.max(x.abs()));
            let apart = ours.iter().zip(&other).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0_f32, f32::max);
            assert!(
                largest > 0.0 && apart < 1e-3 * largest,
                "{place:?}: {apart} of {largest}"
            );
        }
    }
    Ok(())
}
