//! Where nobody speaks for a moment.

use std::ops::Range;

use super::audio::SAMPLE_RATE;

/// Loudness is looked at in steps of 10 ms.
const STEP: usize = SAMPLE_RATE / 100;
/// Steps that a pause lasts at least.
const SHORTEST: usize = 15;
/// How much softer than what is around it a pause is, as a factor of power: 15 dB.
const SOFTER: f64 = 0.0316;

/// The pauses between two seconds of `samples`, in seconds: where the sound is 15 dB below the mean level there for 0.15 s. One
/// at the very end is none, and a noisy room has none.
pub fn pauses(samples: &[f32], (start, end): (f64, f64)) -> Vec<Range<f64>> {
    let at = |seconds: f64| ((seconds.max(0.0) * SAMPLE_RATE as f64) as usize).min(samples.len());
    let power = |step: &[f32]| step.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>();
    let steps: Vec<f64> = samples[at(start)..at(end).max(at(start))]
        .chunks(STEP)
        .map(power)
        .collect();
    let soft = SOFTER * steps.iter().sum::<f64>() / steps.len().max(1) as f64;
    // In whole milliseconds, as all times of a transcript.
    let second = |step: usize| {
        let at = start + (step * STEP) as f64 / SAMPLE_RATE as f64;
        (at * 1_000.0).round() / 1_000.0
    };
    let (mut pauses, mut from) = (Vec::new(), None);
    for (i, &power) in steps.iter().enumerate() {
        if power < soft {
            from.get_or_insert(i);
        } else if let Some(from) = from.take()
            && i - from >= SHORTEST
        {
            pauses.push(second(from)..second(i));
        }
    }
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_between_sounds_and_lasts() {
        let loud = |seconds: f64| vec![0.3; (seconds * SAMPLE_RATE as f64) as usize];
        let soft = |seconds: f64| vec![0.001; (seconds * SAMPLE_RATE as f64) as usize];
        let samples = [
            soft(0.5),
            loud(1.0),
            soft(0.1),
            loud(1.0),
            soft(0.4),
            loud(1.0),
            soft(0.5),
        ]
        .concat();
        let near = |found: &[Range<f64>], expected: &[Range<f64>]| {
            let same = |(a, b): (&Range<f64>, &Range<f64>)| {
                (a.start - b.start).abs() < 0.011 && (a.end - b.end).abs() < 0.011
            };
            assert!(
                found.len() == expected.len() && found.iter().zip(expected).all(same),
                "{found:?}"
            );
        };
        near(&pauses(&samples, (0.0, 4.5)), &[0.0..0.5, 2.6..3.0]);
        near(&pauses(&samples, (1.0, 2.8)), &[]);
        near(&pauses(&samples, (3.0, 1.0)), &[]);
        near(&pauses(&[], (0.0, 1.0)), &[]);
    }
}
