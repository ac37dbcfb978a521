//! Where somebody speaks: Silero's voice detector, run by whisper.cpp, and the windows that whisper then hears.

use std::ops::Range;
use std::path::Path;

use whisper_rs::{WhisperVadContext, WhisperVadContextParams, WhisperVadParams};

use super::audio::SAMPLE_RATE;
use super::whisper::{broken, quiet};
use crate::error::Result;
use crate::watch::{self, Watch};

/// The longest window: what a Whisper model hears at once.
const WINDOW: usize = 30 * SAMPLE_RATE;
/// A stretch of speech is cut before it fills a window.
const LONGEST_S: f32 = 28.0;
/// Shorter silences do not end a stretch, in milliseconds.
const SILENCE_MS: i32 = 300;
/// Heard in front of a stretch and behind it, in milliseconds: first sounds are soft.
const AROUND_MS: i32 = 200;
/// A longer silence is not heard: a model that hears nothing makes words up.
const GAP: usize = 4 * SAMPLE_RATE;
/// Looked at at once: how often somebody can end the work.
const PIECE: usize = 300 * SAMPLE_RATE;

/// The stretches of `samples` in which somebody speaks, in order.
///
/// # Errors
/// `Model` when the detector at `model` cannot be used, `Cancelled`.
pub fn stretches(model: &Path, samples: &[f32], watch: &dyn Watch) -> Result<Vec<Range<usize>>> {
    quiet();
    let mut settings = WhisperVadContextParams::new();
    settings.set_n_threads(1);
    let path = model
        .to_str()
        .ok_or_else(|| broken(model, "its path is no text"))?;
    let mut detector = WhisperVadContext::new(path, settings).map_err(|e| broken(model, e))?;
    let mut found = Vec::new();
    for (number, piece) in samples.chunks(PIECE).enumerate() {
        watch::check(watch, "nothing of it was heard yet")?;
        watch.tell(
            "finding speech",
            number * PIECE / SAMPLE_RATE,
            samples.len() / SAMPLE_RATE,
        );
        let from = number * PIECE;
        let parts = detector
            .segments_from_samples(parameters(), piece)
            .map_err(|e| broken(model, e))?;
        // Its times are hundredths of a second.
        let sample =
            |time: f32| from + ((time.max(0.0) * SAMPLE_RATE as f32 / 100.0) as usize).min(piece.len());
        found.extend(
            parts
                .map(|part| sample(part.start)..sample(part.end))
                .filter(|part| !part.is_empty()),
        );
    }
    Ok(found)
}

fn parameters() -> WhisperVadParams {
    let mut parameters = WhisperVadParams::new();
    parameters.set_max_speech_duration(LONGEST_S);
    parameters.set_min_silence_duration(SILENCE_MS);
    parameters.set_speech_pad(AROUND_MS);
    parameters
}

/// The windows that are heard, in order: each no longer than 30 s, begun and ended in silence. Neighbouring stretches are
/// in one window as long as they fit; a stretch that does not fit into any is cut.
pub fn packed(stretches: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    for stretch in stretches {
        match windows.last_mut() {
            Some(last)
                if stretch.end - last.start <= WINDOW && stretch.start.saturating_sub(last.end) <= GAP =>
            {
                last.end = stretch.end;
            }
            _ => {
                let pieces = stretch.clone().step_by(WINDOW);
                windows.extend(pieces.map(|from| from..stretch.end.min(from + WINDOW)));
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_share_a_window_until_it_is_full_or_the_silence_is_long() {
        let s = SAMPLE_RATE;
        let stretches = [
            s..10 * s,
            11 * s..20 * s,
            22 * s..32 * s,
            40 * s..41 * s,
            50 * s..115 * s,
        ];
        assert_eq!(
            packed(&stretches),
            [
                s..20 * s,
                22 * s..32 * s,
                40 * s..41 * s,
                50 * s..80 * s,
                80 * s..110 * s,
                110 * s..115 * s
            ]
        );
        assert!(packed(&[]).is_empty());
    }
}
