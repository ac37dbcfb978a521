//! The mel filters that Whisper and the voice encoder hear through: triangles of equal area on Slaney's mel scale ("Auditory Toolbox",
//! Technical Report 1998-010), linear below 1 kHz and logarithmic above, for 16 kHz and windows of 400 samples.

/// Frequencies that a window of 400 samples is split into.
pub(super) const BINS: usize = 201;
/// Half the sampling rate, in hertz.
const NYQUIST: f64 = 8000.0;
/// Hertz a mel in the linear part.
const LINEAR: f64 = 200.0 / 3.0;
/// Where the logarithmic part begins, in hertz and in mels.
const BEND: (f64, f64) = (1000.0, 15.0);

/// `bands` filters of [`BINS`] weights, one after the other.
pub(super) fn filters(bands: usize) -> Vec<f32> {
    let top = mel(NYQUIST);
    let edges: Vec<f64> = (0..bands + 2)
        .map(|i| hertz(top * i as f64 / (bands + 1) as f64))
        .collect();
    let triangle = |band: usize| {
        let (low, middle, high) = (edges[band], edges[band + 1], edges[band + 2]);
        (0..BINS).map(move |bin| {
            let at = NYQUIST * bin as f64 / (BINS - 1) as f64;
            let side = ((at - low) / (middle - low)).min((high - at) / (high - middle));
            (f64::from(side.max(0.0) as f32) * 2.0 / (high - low)) as f32
        })
    };
    (0..bands).flat_map(triangle).collect()
}

/// The logarithmic part grows by a factor of 6.4 in 27 mels.
fn step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn mel(hertz: f64) -> f64 {
    let (bend, at) = BEND;
    if hertz < bend {
        hertz / LINEAR
    } else {
        at + (hertz / bend).ln() / step()
    }
}

fn hertz(mel: f64) -> f64 {
    let (bend, at) = BEND;
    if mel < at {
        mel * LINEAR
    } else {
        bend * (step() * (mel - at)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of `librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)`, written with numpy after librosa's
    /// published formula.
    #[test]
    fn the_filters_are_those_the_models_were_trained_with() {
        let filters = filters(80);
        assert_eq!(filters.len(), 80 * BINS);
        for (band, bin, wanted) in CHECKED {
            let found = filters[band * BINS + bin];
            assert!(
                (found - wanted).abs() <= 1e-9,
                "{band}, {bin}: {found}, not {wanted}"
            );
        }
        assert_eq!(filters.iter().filter(|w| **w > 0.0).count(), NONZERO);
    }

    const NONZERO: usize = 391;
    const CHECKED: [(usize, usize, f32); 5] = [
        (0, 1, 2.486_259_5e-2),
        (10, 11, 4.954_375e-3),
        (40, 50, 0.0),
        (79, 195, 2.243_795_2e-3),
        (79, 199, 4.487_59e-4),
    ];
}
