//! The element-wise passes against candle, f64 and figures by hand, at the edges of their lengths and values.

use candle_core::Device;

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

#[test]
fn tasks_are_few_and_even() {
    // Three rounds would do for 24 things by eight and two threads; four tasks of six take as long as two.
    assert_eq!(share(24, 8, 2), 6);
    assert_eq!(share(16, 8, 2), 8);
    assert_eq!(share(130, 8, 16), 5);
    assert_eq!(share(1, 8, 16), 1);
    assert_eq!(share(5, 0, 2), 1);
}

#[test]
fn every_finite_half_is_widened_exactly() {
    for bits in 0..=u16::MAX {
        let half = f16::from_bits(bits);
        if half.is_finite() {
            assert_eq!(widen(half).to_bits(), half.to_f32().to_bits(), "{bits:#06x}");
        }
    }
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

#[test]
fn wrong_shapes_are_refused() -> Result<()> {
    let gate = Tensor::zeros((3, 4), candle_core::DType::F32, &Device::Cpu)?;
    assert!(swiglu(&gate, &gate.narrow(1, 0, 2)?.contiguous()?).is_err());
    assert!(swiglu(&gate.t()?, &gate.t()?).is_err());
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
