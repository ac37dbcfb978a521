//! Any sampling rate to 16 kHz: band-limited interpolation with a windowed sinc (Smith and Gossett, "A flexible
//! sampling-rate conversion method", ICASSP 1984), the filter computed once for each of the phases that occur.

use std::f64::consts::PI;

use super::audio::SAMPLE_RATE;

/// Zero crossings of the sinc on each side.
const CROSSINGS: usize = 16;
/// How much of the band is kept: the rest is where the filter falls off.
const BAND: f64 = 0.95;
/// Rates of real recordings; others are errors of the file, or attempts to make the filter huge.
const RATES: std::ops::RangeInclusive<usize> = 4_000..=384_000;

/// Turns one channel of some rate into 16 kHz, piece by piece.
#[derive(Debug)]
pub struct Resampler {
    rate: usize,
    /// In lowest terms: `up` samples come out for `down` that go in.
    up: usize,
    down: usize,
    /// One filter for each phase, each `2 * half` long.
    phases: Vec<Vec<f32>>,
    half: usize,
    /// Input that is still needed; begins with `half` samples of silence.
    kept: Vec<f32>,
    /// Input samples before `kept`, counting the silence.
    dropped: usize,
    given: usize,
    taken: usize,
}

impl Resampler {
    /// A resampler from `rate` samples a second.
    ///
    /// # Errors
    /// One line when no recording has such a rate.
    pub fn new(rate: usize) -> Result<Self, String> {
        if !RATES.contains(&rate) {
            return Err(format!("has {rate} samples a second, which no recording has"));
        }
        let common = gcd(rate, SAMPLE_RATE);
        let (up, down) = (SAMPLE_RATE / common, rate / common);
        let cutoff = BAND * (up as f64 / down as f64).min(1.0);
        let half = (CROSSINGS as f64 / cutoff).ceil() as usize;
        Ok(Self {
            rate,
            up,
            down,
            phases: (0..up)
                .map(|p| filter(p as f64 / up as f64, half, cutoff))
                .collect(),
            half,
            kept: vec![0.0; half],
            dropped: 0,
            given: 0,
            taken: 0,
        })
    }

    /// The rate it was made for.
    pub fn rate(&self) -> usize {
        self.rate
    }

    /// Takes more input and appends what can be said for certain.
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.given += input.len();
        if self.up == self.down {
            out.extend_from_slice(input);
            self.taken += input.len();
            return;
        }
        self.kept.extend_from_slice(input);
        self.draw(out);
    }

    /// Appends the rest: as many samples as the input was long.
    pub fn finish(mut self, out: &mut Vec<f32>) {
        self.kept.extend(std::iter::repeat_n(0.0, 2 * self.half));
        let wanted = (self.given * self.up).div_ceil(self.down);
        let surplus = out.len() + wanted.saturating_sub(self.taken);
        if self.up != self.down {
            self.draw(out);
        }
        out.truncate(surplus);
    }

    fn draw(&mut self, out: &mut Vec<f32>) {
        loop {
            let at = self.taken * self.down;
            // With the silence in front, the window of an output at input `i` begins at `i + 1` of what is kept.
            let first = at / self.up + 1 - self.dropped;
            let Some(window) = self.kept.get(first..first + 2 * self.half) else {
                break;
            };
            let filter = &self.phases[at % self.up];
            out.push(window.iter().zip(filter).map(|(a, b)| a * b).sum());
            self.taken += 1;
        }
        let needed = (self.taken * self.down / self.up + 1 - self.dropped).min(self.kept.len());
        self.kept.drain(..needed);
        self.dropped += needed;
    }
}

/// A sinc of `cutoff` (1 is the input's own band) under a Blackman window, `phase` of a sample behind its middle; its sum
/// is one, so that a constant stays what it is.
fn filter(phase: f64, half: usize, cutoff: f64) -> Vec<f32> {
    let weight = |tap: usize| {
        let x = tap as f64 - (half as f64 - 1.0) - phase;
        let t = (x / half as f64).clamp(-1.0, 1.0);
        let window = 0.42 + 0.5 * (PI * t).cos() + 0.08 * (2.0 * PI * t).cos();
        let y = PI * x * cutoff;
        window * if y.abs() < 1e-9 { 1.0 } else { y.sin() / y }
    };
    let weights: Vec<f64> = (0..2 * half).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), String>;

    fn tone(rate: usize, hertz: f64, seconds: f64) -> Vec<f32> {
        let samples = (rate as f64 * seconds) as usize;
        let at = |i: usize| (2.0 * PI * hertz * i as f64 / rate as f64).sin() as f32;
        (0..samples).map(at).collect()
    }

    fn resampled(rate: usize, input: &[f32], piece: usize) -> Result<Vec<f32>, String> {
        let (mut resampler, mut out) = (Resampler::new(rate)?, Vec::new());
        input
            .chunks(piece)
            .for_each(|piece| resampler.push(piece, &mut out));
        resampler.finish(&mut out);
        Ok(out)
    }

    /// A tone inside the band comes out as the same tone, sample by sample: checked against the tone's own formula.
    #[test]
    fn a_tone_stays_the_same_tone() -> Outcome {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let out = resampled(rate, &tone(rate, 440.0, 0.5), 1000)?;
            let wanted = tone(SAMPLE_RATE, 440.0, 0.5);
            assert!(
                out.len().abs_diff(wanted.len()) <= 1,
                "{rate}: {} samples",
                out.len()
            );
            let worst = (500..wanted.len() - 500).map(|i| (out[i] - wanted[i]).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 2e-3, "{rate}: off by {worst}");
        }
        Ok(())
    }

    /// 12 kHz cannot be said at 16,000 samples a second: it must not come back as 4 kHz.
    #[test]
    fn what_is_above_the_band_is_gone() -> Outcome {
        let out = resampled(48_000, &tone(48_000, 12_000.0, 0.5), 4096)?;
        let loudest = out[500..out.len() - 500]
            .iter()
            .fold(0.0_f32, |a, b| a.max(b.abs()));
        assert!(loudest < 1e-3, "{loudest}");
        Ok(())
    }

    #[test]
    fn the_pieces_do_not_matter() -> Outcome {
        let input = tone(44_100, 300.0, 0.3);
        assert_eq!(
            resampled(44_100, &input, 7)?,
            resampled(44_100, &input, input.len())?
        );
        assert!(Resampler::new(3).is_err());
        Ok(())
    }
}
