//! Our decoder against candle-transformers' own models: same weights, same tokens, every position.

use std::io::Write;

use plumbline::model::linear::WeightForm;

use crate::env::{DEFAULT_MODEL, Outcome, SMALL_MODEL, real_weights};
use crate::model_common::{Loaded, largest, largest_difference, qwen, smol, tiny_file};
use crate::model_reference::Reference;

const ZH: &str = "本季度我负责支付网关的重构，按计划在九月二十三日上线。上线前两周，压测发现连接池在峰值时会被占满，\
    我和基础组一起定位到超时设置不一致的问题，改完之后错误率从百分之三点二降到百分之零点一。期间我每周写一页进展，\
    把风险和需要谁决定的事放在最前面。做得不好的地方也有：对账脚本的测试写得太晚，财务同事因此多加了两次班，\
    我已经向她们道歉，并把测试放进了每天的流水线。下个季度我想把值班手册补齐，带一名新人独立完成一次发布，\
    同时减少同时进行的事情，先把手上的两个项目收尾，再接新的需求。";

const EN: &str = "This quarter I led the rework of the payment gateway, which went live on 23 September as planned. Two \
    weeks before that a load test showed that the connection pool ran dry at peak; together with the platform group I \
    traced it to two timeouts that disagreed, and the error rate fell from 3.2 to 0.1 per cent. Each week I wrote one \
    page of progress with the risks first, and with the name of the person who had to decide. Not everything went well: \
    the tests of the settlement script came too late, and two colleagues in finance worked two extra evenings because of \
    it. I apologised to them and put those tests into the nightly build. Next quarter I want to finish the on-call \
    handbook, let a new colleague run a release alone, and carry fewer things at once.";

const DIGITS: &str = "2024-09-23 14:05:59 | 3,141,592.65 | 0.1% | 10086 | 1/3 | +7 | -42 | 98.5 | 007";

/// Largest difference, relative to the largest logit. Two f32 programs that sum in different orders, one of them with
/// rotary angles rounded to f32, drift apart by a few of f32's 6e-8 in every layer: 1.5e-6 and 2.3e-6 were measured over
/// the 24 and 30 layers of the real models. A wrong weight, angle or mask shows above 1e-2 (see the last test).
const TOLERANCE: f32 = 2e-5;

/// The reference is in f32, so are the weights compared with it.
fn dequantised(id: &str) -> Outcome<Loaded> {
    Loaded::open_as(&real_weights(id)?.path, WeightForm::F32)
}

struct Row {
    model: &'static str,
    positions: usize,
    difference: f32,
    scale: f32,
}

fn compare(
    model: &'static str,
    ours: &Loaded,
    theirs: &Reference,
    prompts: &[(&str, usize)],
) -> Outcome<Row> {
    let mut row = Row {
        model,
        positions: 0,
        difference: 0.0,
        scale: 0.0,
    };
    for (text, count) in prompts {
        let tokens = ours.tokens(text, *count)?;
        let (got, want) = (ours.logits(&tokens)?, theirs.logits(&tokens)?);
        row.positions += tokens.len();
        row.difference = row.difference.max(largest_difference(&got, &want)?);
        row.scale = row.scale.max(largest(&want)?);
    }
    Ok(row)
}

#[test]
fn logits_equal_those_of_candle_s_own_models() -> Outcome {
    let long_zh = [(ZH, 150), (EN, 37), (DIGITS, 37)];
    let long_en = [(ZH, 37), (EN, 150), (DIGITS, 37)];
    let folder = tempfile::tempdir()?;
    let tiny = tiny_file(folder.path(), "qwen3")?;
    let rows = [
        compare(
            DEFAULT_MODEL,
            &dequantised(DEFAULT_MODEL)?,
            &Reference::load(&real_weights(DEFAULT_MODEL)?.path)?,
            &long_zh,
        )?,
        compare(
            SMALL_MODEL,
            &dequantised(SMALL_MODEL)?,
            &Reference::load(&real_weights(SMALL_MODEL)?.path)?,
            &long_en,
        )?,
        compare(
            "tiny random qwen3",
            &Loaded::open_as(&tiny, WeightForm::F32)?,
            &Reference::load(&tiny)?,
            &long_zh,
        )?,
    ];
    let mut table = Vec::from("model | positions | largest |logit difference| | largest |logit|\n");
    for row in &rows {
        let Row {
            model,
            positions,
            difference,
            scale,
        } = row;
        writeln!(table, "{model} | {positions} | {difference:.2e} | {scale:.1}")?;
    }
    std::io::stderr().lock().write_all(&table)?;
    for row in &rows {
        let bound = TOLERANCE * row.scale;
        assert!(
            row.difference <= bound,
            "{}: {} > {bound}",
            row.model,
            row.difference
        );
    }
    Ok(())
}

/// The test above can fail: a token less in front moves the logits far past the bound.
#[test]
fn the_comparison_notices_a_shifted_prompt() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = tiny_file(folder.path(), "qwen3")?;
    let (ours, theirs) = (Loaded::open_as(&path, WeightForm::F32)?, Reference::load(&path)?);
    let tokens = ours.tokens(EN, 40)?;
    let want = theirs.logits(&tokens)?;
    let got = ours.logits(&tokens[1..])?;
    let difference = largest_difference(&got, &want.narrow(0, 1, 39)?)?;
    assert!(difference > 0.1 * largest(&want)?, "only {difference}");
    Ok(())
}

/// What multiplying in integers costs: activations of eight bits, as in llama.cpp. The table that it
/// prints has the figures.
#[test]
fn weights_in_blocks_say_nearly_what_dequantised_ones_say() -> Outcome {
    let mut table = Vec::from("model | positions | mean KL(f32 || blocks), nats | same most likely token\n");
    let mut rows = Vec::new();
    for (id, blocks) in [(DEFAULT_MODEL, qwen()?), (SMALL_MODEL, smol()?)] {
        let dense = dequantised(id)?;
        let (mut kl, mut same, mut positions) = (0.0, 0, 0);
        for (text, count) in [(ZH, 100), (EN, 100), (DIGITS, 30)] {
            let tokens = dense.tokens(text, count)?;
            let (want, got) = (
                dense.logits(&tokens)?.to_vec2::<f32>()?,
                blocks.logits(&tokens)?.to_vec2::<f32>()?,
            );
            for (want, got) in want.iter().zip(&got) {
                let (p, q) = (log_softmax(want), log_softmax(got));
                kl += p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
                same += usize::from(most_likely(want) == most_likely(got));
                positions += 1;
            }
        }
        let (kl, same) = (kl / f64::from(positions), same as f64 / f64::from(positions));
        writeln!(table, "{id} | {positions} | {kl:.2e} | {same:.3}")?;
        rows.push((id, kl, same));
    }
    std::io::stderr().lock().write_all(&table)?;
    for (id, kl, same) in rows {
        assert!(kl < 0.01 && same > 0.9, "{id}: {kl} nats, {same} alike");
    }
    Ok(())
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(f64::from(b)));
    let total: f64 = logits.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    logits
        .iter()
        .map(|&x| f64::from(x) - largest - total.ln())
        .collect()
}

fn most_likely(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}
