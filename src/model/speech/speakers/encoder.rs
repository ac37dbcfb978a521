//! The voice encoder: a stretch of speech becomes a vector whose direction is the voice's, whatever is said.
//!
//! Generalised end-to-end loss (Wan, Wang, Papir and Lopez Moreno, "Generalized End-to-End Loss for Speaker
//! Verification", ICASSP 2018, arXiv:1710.10467): three layers of 256 LSTM units over 40 mel bands, the last state through
//! one linear layer, cut at zero and brought to length 1. What goes in is what Resemblyzer trained it with: the power in
//! windows of 25 ms every 10 ms, not its logarithm, and 1.6 s at a time; longer speech is the mean of such stretches. Here
//! shorter speech is repeated until it fills one: of 16 voices, 0.6 s repeated were taken for the right one 77 times in
//! 78, followed by silence 65 times.

use std::collections::HashMap;
use std::f64::consts::PI;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN as _};
use candle_nn::{Linear, Module as _, VarBuilder};

use crate::error::{Error, Result};
use crate::model::speech::audio::SAMPLE_RATE;
use crate::model::speech::mel::{self, BINS};
use crate::model::speech::whisper::broken;

/// Numbers of a voice's vector.
pub const SIZE: usize = 256;
/// Mel bands.
const BANDS: usize = 40;
const LAYERS: usize = 3;
/// Samples of a window of the spectrum, and between two.
const WINDOW: usize = 400;
const HOP: usize = SAMPLE_RATE / 100;
/// Windows that the encoder hears at once: 1.6 s.
const FRAMES: usize = 160;
/// Windows between two stretches: 1.3 a second, as Resemblyzer takes them.
const STEP: usize = 77;
/// A last stretch of which less is speech is left out.
const COVERED: f64 = 0.75;
/// Loudness that softer speech is raised to, as the root of its mean square: -30 dB of full scale.
const LOUDNESS: f64 = 0.031_622_776;
/// Stretches in one multiplication.
const BATCH: usize = 32;

/// A loaded encoder.
pub struct Encoder {
    layers: Vec<LSTM>,
    linear: Linear,
    /// Of [`WINDOW`] samples the parts of every frequency: `WINDOW` rows, cosines then sines, under a Hann window.
    fourier: Tensor,
    /// [`BINS`] rows of [`BANDS`] weights.
    filters: Tensor,
}

impl Encoder {
    /// Loads the encoder of the safetensors file at `path`, which was verified.
    ///
    /// # Errors
    /// `Model` when it is no such encoder.
    pub fn load(path: &Path) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, &Device::Cpu).map_err(|e| broken(path, e))?;
        Self::of(tensors).map_err(|e| broken(path, e))
    }

    /// The encoder of these weights, named as in [`super::super::convert`]'s file.
    fn of(tensors: HashMap<String, Tensor>) -> candle_core::Result<Self> {
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let layer = |index: usize| {
            let config = LSTMConfig {
                layer_idx: index,
                ..LSTMConfig::default()
            };
            LSTM::new(
                if index == 0 { BANDS } else { SIZE },
                SIZE,
                config,
                weights.pp("lstm"),
            )
        };
        Ok(Self {
            layers: (0..LAYERS).map(layer).collect::<candle_core::Result<_>>()?,
            linear: candle_nn::linear(SIZE, SIZE, weights.pp("linear"))?,
            fourier: Tensor::from_vec(fourier(), (WINDOW, 2 * BINS), &Device::Cpu)?,
            filters: Tensor::from_vec(mel::filters(BANDS), (BANDS, BINS), &Device::Cpu)?.t()?,
        })
    }

    /// The voice in `samples` (16,000 a second, -1 to 1): [`SIZE`] numbers, none below 0, of length 1. None where there is
    /// no sound.
    ///
    /// # Errors
    /// `Engine` when the arithmetic fails.
    pub fn voice(&self, samples: &[f32]) -> Result<Option<Vec<f32>>> {
        let Some(samples) = raised(samples) else {
            return Ok(None);
        };
        let starts = stretches(samples.len());
        let spectrum = self.spectrum(&samples, starts.last().unwrap_or(&0) + FRAMES)?;
        let mut sum = vec![0.0; SIZE];
        for batch in starts.chunks(BATCH) {
            for voice in self.heard(&spectrum, batch)? {
                sum.iter_mut().zip(voice).for_each(|(sum, part)| *sum += part);
            }
        }
        Ok(unit(sum))
    }

    /// The mel spectrum of `samples`, followed by silence: `frames` rows of [`BANDS`].
    fn spectrum(&self, samples: &[f32], frames: usize) -> Result<Tensor> {
        // A window has its middle at its own time, so that half of the first one lies before the start.
        let before = WINDOW / 2;
        let sample = |at: usize| at.checked_sub(before).and_then(|at| samples.get(at));
        let windows = (0..frames).flat_map(|frame| (0..WINDOW).map(move |i| frame * HOP + i));
        let windows: Vec<f32> = windows.map(|at| sample(at).copied().unwrap_or(0.0)).collect();
        let parts = Tensor::from_vec(windows, (frames, WINDOW), &Device::Cpu)?.matmul(&self.fourier)?;
        let power = (parts.narrow(1, 0, BINS)?.sqr()? + parts.narrow(1, BINS, BINS)?.sqr()?)?;
        Ok(power.matmul(&self.filters)?)
    }

    /// A vector of length 1 for each stretch of [`FRAMES`] rows that begins at one of `starts`.
    fn heard(&self, spectrum: &Tensor, starts: &[usize]) -> Result<Vec<Vec<f32>>> {
        let stretch = |&start: &usize| spectrum.narrow(0, start, FRAMES);
        let stretches: Vec<Tensor> = starts.iter().map(stretch).collect::<candle_core::Result<_>>()?;
        let mut heard = Tensor::stack(&stretches, 0)?;
        for layer in &self.layers {
            heard = layer.states_to_tensor(&layer.seq(&heard)?)?;
        }
        let last = heard.narrow(1, FRAMES - 1, 1)?.squeeze(1)?.contiguous()?;
        let raw = self.linear.forward(&last)?.relu()?;
        let rows: Vec<Vec<f32>> = raw.to_vec2().map_err(Error::from)?;
        Ok(rows.into_iter().filter_map(unit).collect())
    }
}

/// `samples` no softer than [`LOUDNESS`], repeated where they are too short; none where all of it is silence.
fn raised(samples: &[f32]) -> Option<Vec<f32>> {
    let energy: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    let loudness = (energy / samples.len().max(1) as f64).sqrt();
    if loudness <= 1e-6 {
        return None;
    }
    let factor = (LOUDNESS / loudness).max(1.0) as f32;
    let wanted = samples.len().max((FRAMES + 1) * HOP);
    Some(samples.iter().cycle().take(wanted).map(|s| s * factor).collect())
}

/// Where the stretches of so many samples begin, in windows.
fn stretches(samples: usize) -> Vec<usize> {
    let frames = (samples + 1).div_ceil(HOP);
    let count = (frames + STEP + 1).saturating_sub(FRAMES).max(1).div_ceil(STEP);
    let mut starts: Vec<usize> = (0..count).map(|i| i * STEP).collect();
    let covered = |start: usize| (samples as f64 - (start * HOP) as f64) / (FRAMES * HOP) as f64;
    if starts.len() > 1 && starts.last().is_some_and(|&last| covered(last) < COVERED) {
        starts.pop();
    }
    starts
}

/// The vector in its direction with length 1; none for no direction.
pub(super) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    (length > 1e-9 && length.is_finite()).then_some(vector)
}

/// `WINDOW` rows, one a sample: its part in the cosines of [`BINS`] frequencies, then in their sines.
fn fourier() -> Vec<f32> {
    let sample = |n: usize| {
        let hann = 0.5 - 0.5 * (2.0 * PI * n as f64 / WINDOW as f64).cos();
        // Whole turns are left out while they are whole numbers.
        let turn = move |bin: usize| 2.0 * PI * (n * bin % WINDOW) as f64 / WINDOW as f64;
        let cosines = (0..BINS).map(move |bin| (hann * turn(bin).cos()) as f32);
        cosines.chain((0..BINS).map(move |bin| (hann * turn(bin).sin()) as f32))
    };
    (0..WINDOW).flat_map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::speech::convert::resemblyzer::TENSORS;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// Weights that are a formula: number `i` of tensor `k` is 0.15 sin(0.37 i + k).
    fn made_up() -> candle_core::Result<HashMap<String, Tensor>> {
        let tensor = |(k, (name, shape)): (usize, &(&str, &[usize]))| {
            let count: usize = shape.iter().product();
            let number = |i: usize| (0.15 * (0.37 * i as f64 + k as f64).sin()) as f32;
            let numbers: Vec<f32> = (0..count).map(number).collect();
            Ok((
                (*name).to_owned(),
                Tensor::from_vec(numbers, *shape, &Device::Cpu)?,
            ))
        };
        // The numbers below were made in this order.
        TENSORS.iter().enumerate().map(tensor).collect()
    }

    /// Three seconds of a tone that rises from 200 to 1100 Hz.
    fn chirp() -> Vec<f32> {
        let at = |n: usize| {
            let t = n as f64 / SAMPLE_RATE as f64;
            (0.3 * (2.0 * PI * (200.0 * t + 150.0 * t * t)).sin()) as f32
        };
        (0..3 * SAMPLE_RATE).map(at).collect()
    }

    /// The numbers are those of `librosa.feature.melspectrogram(y=y, sr=16000, n_fft=400, hop_length=160, n_mels=40)`,
    /// librosa 0.11.0.
    #[test]
    fn the_spectrum_is_the_one_the_encoder_was_trained_on() -> Outcome {
        let encoder = Encoder::of(made_up()?)?;
        let spectrum: Vec<Vec<f32>> = encoder.spectrum(&chirp(), 310)?.to_vec2()?;
        let wanted = [
            (0, 2, 4.048_579),
            (0, 3, 0.897_619_7),
            (50, 3, 4.987_909),
            (100, 6, 12.969_617),
            (100, 7, 0.823_741_4),
            (200, 10, 13.478_987),
            (200, 11, 1.279_260_6),
            (299, 14, 11.446_655),
        ];
        for (frame, band, number) in wanted {
            let found: f32 = spectrum[frame][band];
            assert!(
                (found - number).abs() < 1e-3 * number,
                "{frame}, {band}: {found}, not {number}"
            );
        }
        Ok(())
    }

    /// Where the stretches of 1.6, 3 and 11 s begin, after Resemblyzer's `compute_partial_slices` by hand: a last stretch
    /// of 3 s begins at 1.54 s and is covered to 91 %.
    #[test]
    fn longer_speech_is_heard_in_stretches() {
        assert_eq!(stretches(FRAMES * HOP), [0]);
        assert_eq!(stretches(3 * SAMPLE_RATE), [0, 77, 154]);
        assert_eq!(stretches(11 * SAMPLE_RATE).len(), 13);
    }

    /// The numbers are those of the same steps with numpy 2.4.6: librosa's spectrum, the equations of `PyTorch`'s LSTM, the
    /// mean of three stretches.
    #[test]
    fn a_voice_is_the_last_state_cut_at_zero() -> Outcome {
        let encoder = Encoder::of(made_up()?)?;
        let voice = encoder.voice(&chirp())?.ok_or("no sound")?;
        let wanted = [
            (0, 0.091_192_37),
            (1, 0.081_639_55),
            (2, 0.056_296_356),
            (3, 0.022_507_342),
            (4, 0.0),
            (38, 0.167_222_38),
            (225, 0.174_630_17),
        ];
        for (i, number) in wanted {
            let found: f32 = voice[i];
            assert!((found - number).abs() < 1e-4, "{i}: {found}, not {number}");
        }
        assert_eq!(voice.iter().filter(|x| **x > 0.0).count(), 137);
        assert!(
            encoder.voice(&vec![0.0; 20_000])?.is_none(),
            "silence has no voice"
        );
        assert!(encoder.voice(&[])?.is_none());
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_encoder_is_named() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.safetensors");
        let mut tensors = made_up()?;
        tensors.remove("lstm.bias_hh_l2");
        candle_core::safetensors::save(&tensors, &path)?;
        for _ in 0..2 {
            let error = Encoder::load(&path).err().ok_or("loaded")?;
            assert!(
                error.to_string().contains("a.safetensors cannot be used"),
                "{error}"
            );
            std::fs::write(&path, "no weights")?;
        }
        Ok(())
    }
}
