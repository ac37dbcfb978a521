//! The passes against candle, f64 and figures by hand, at the edges of their lengths and values.

use candle_core::{D, Device};

use super::*;

#[test]
fn exp_is_close_to_the_library_s() {
    for i in -8700..8800 {
        let x = i as f32 / 100.0;
        let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
        assert!((got - want).abs() <= 3e-7 * want, "exp({x}) = {got}, libm {want}");
    }
    assert!(exp(-200.0).abs() < f32::MIN_POSITIVE);
}

/// Against candle's own composition of the same thing.
#[test]
fn softmax_masks_scales_and_reports_the_log_sum() -> Result<()> {
    let (heads, queries, group, prior) = (2, 3, 2, 4);
    let keys = prior + queries;
    let scores = Tensor::randn(0_f32, 3.0, (heads, group * queries, keys), &Device::Cpu)?;
    let got = softmax_with_lse(&scores, 0.5, queries, Some(prior))?;
    let mask: Vec<f32> = (0..group * queries)
        .flat_map(|row| {
            (0..keys).map(move |k| {
                if k <= prior + row % queries {
                    0.0
                } else {
                    f32::NEG_INFINITY
                }
            })
        })
        .collect();
    let mask = Tensor::from_vec(mask, (group * queries, keys), &Device::Cpu)?;
    let masked = (scores * 0.5)?.broadcast_add(&mask)?;
    let weights = candle_nn::ops::softmax(&masked, D::Minus1)?;
    let lse = masked.log_sum_exp(D::Minus1)?.unsqueeze(D::Minus1)?;
    let want = Tensor::cat(&[weights, lse], 2)?;
    let worst = (got - want)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
    assert!(worst < 1e-5, "largest difference {worst}");
    Ok(())
}

#[test]
fn swiglu_agrees_with_candle() -> Result<()> {
    let gate = Tensor::randn(0_f32, 4.0, (5, 37), &Device::Cpu)?;
    let up = Tensor::randn(0_f32, 1.0, (5, 37), &Device::Cpu)?;
    let want = (candle_nn::ops::silu(&gate)? * &up)?;
    let worst = (swiglu(&gate, &up)? - want)?
        .abs()?
        .flatten_all()?
        .max(0)?
        .to_scalar::<f32>()?;
    assert!(worst < 1e-5, "largest difference {worst}");
    Ok(())
}

fn row(scores: &[f32], scale: f32) -> Result<Vec<f32>> {
    let scores = Tensor::from_slice(scores, (1, 1, scores.len()), &Device::Cpu)?;
    softmax_with_lse(&scores, scale, 1, None)?
        .flatten_all()?
        .to_vec1()
}

#[test]
fn equal_scores_share_equally() -> Result<()> {
    // 37 keys: two full lanes of 16 and a rest of 5. The log-sum-exp of n equal scores s is s + ln n.
    let got = row(&[3.0; 37], 2.0)?;
    assert!(got[..37].iter().all(|w| (w - 1.0 / 37.0).abs() < 1e-8), "{got:?}");
    assert!((got[37] - (6.0 + 37_f32.ln())).abs() < 1e-6, "{}", got[37]);
    Ok(())
}

#[test]
fn one_key_takes_everything() -> Result<()> {
    assert_eq!(row(&[-7.5], 0.5)?, [1.0, -3.75]);
    Ok(())
}

#[test]
fn huge_scores_neither_overflow_nor_vanish() -> Result<()> {
    assert_eq!(row(&[1e30, -1e30, 0.0], 1.0)?, [1.0, 0.0, 0.0, 1e30]);
    // Far below zero, where exp alone would be 0 for all: e^-1 / (1 + e^-1) = 0.26894143.
    let got = row(&[-1e4, -10_001.0], 1.0)?;
    assert!((got[1] - 0.268_941_43).abs() < 1e-7, "{got:?}");
    Ok(())
}

#[test]
fn a_causal_row_gives_later_keys_no_weight() -> Result<()> {
    let scores = Tensor::new(
        &[[[0_f32, f32::NAN, f32::INFINITY], [0.0, 0.0, f32::NAN]]],
        &Device::Cpu,
    )?;
    let got = softmax_with_lse(&scores, 1.0, 2, Some(0))?.to_vec3::<f32>()?;
    assert_eq!(got[0][0], [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(got[0][1][..3], [0.5, 0.5, 0.0]);
    Ok(())
}

#[test]
fn no_key_has_no_weight_and_no_rows_no_answer() -> Result<()> {
    let none = Tensor::zeros((2, 3, 0), candle_core::DType::F32, &Device::Cpu)?;
    let got = softmax_with_lse(&none, 1.0, 3, None)?;
    assert_eq!(got.dims(), [2, 3, 1]);
    assert!(
        got.flatten_all()?
            .to_vec1::<f32>()?
            .iter()
            .all(|lse| *lse == f32::NEG_INFINITY)
    );
    let none = Tensor::zeros((2, 0, 4), candle_core::DType::F32, &Device::Cpu)?;
    assert_eq!(softmax_with_lse(&none, 1.0, 0, None)?.dims(), [2, 0, 5]);
    Ok(())
}

#[test]
fn wrong_shapes_are_refused() -> Result<()> {
    let scores = Tensor::zeros((1, 3, 4), candle_core::DType::F32, &Device::Cpu)?;
    assert!(softmax_with_lse(&scores, 1.0, 2, None).is_err());
    assert!(softmax_with_lse(&scores, 1.0, 0, None).is_err());
    assert!(softmax_with_lse(&scores.transpose(1, 2)?, 1.0, 1, None).is_err());
    assert!(swiglu(&scores, &scores.narrow(2, 0, 2)?.contiguous()?).is_err());
    Ok(())
}

/// Lengths around the lanes and the chunk of 2^14, against f64.
#[test]
fn swiglu_in_odd_lengths() -> Result<()> {
    for len in [1, 15, 17, 16_383, 16_385] {
        let gate: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin() * 9.0).collect();
        let up: Vec<f32> = (0..len).map(|i| (i as f32 * 0.3).cos()).collect();
        let tensor = |v: &[f32]| Tensor::from_slice(v, (1, len), &Device::Cpu);
        let got = swiglu(&tensor(&gate)?, &tensor(&up)?)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        for ((g, u), got) in gate.iter().zip(&up).zip(got) {
            let (g, u) = (f64::from(*g), f64::from(*u));
            let want = u * g / (1.0 + (-g).exp());
            assert!(
                (f64::from(got) - want).abs() <= 4e-7 * want.abs() + 1e-12,
                "silu({g}) * {u} = {got}, not {want}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_closed_gate_lets_nothing_through() -> Result<()> {
    let gate = Tensor::new(&[[-200_f32, -1e4, 0.0, 200.0]], &Device::Cpu)?;
    let got = swiglu(&gate, &Tensor::ones_like(&gate)?)?.to_vec2::<f32>()?;
    assert!(got[0][..2].iter().all(|x| x.abs() < 1e-30), "{got:?}");
    assert_eq!(got[0][2..], [0.0, 200.0]);
    Ok(())
}
