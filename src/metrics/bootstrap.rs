//! How sure a figure is: percentile bootstrap intervals (Efron & Tibshirani, 1993, chapter 13).

use super::summary::quantile;
use crate::seed::Seed;

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The percentile interval of `statistic` at confidence `level` (0.95) over `resamples` drawings of `items` with
/// replacement. Items are what was sampled independently: for figures over people, all of one person's numbers are
/// one item. Drawings that give no figure are left out; none where no drawing gives one.
pub fn bootstrap<T>(
    items: &[T],
    resamples: usize,
    level: f64,
    seed: Seed,
    statistic: impl Fn(&[&T]) -> Option<f64>,
) -> Option<Interval> {
    if items.is_empty() {
        return None;
    }
    let mut numbers = seed.stream();
    let mut draw = || {
        let drawn: Vec<&T> = items.iter().map(|_| &items[numbers.below(items.len())]).collect();
        statistic(&drawn)
    };
    let figures: Vec<f64> = (0..resamples).filter_map(|_| draw()).collect();
    let tail = (1.0 - level) / 2.0;
    Some(Interval {
        low: quantile(&figures, tail)?,
        high: quantile(&figures, 1.0 - tail)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::mean;

    const DATA: [f64; 12] = [0.5, 0.0, 1.0, 0.5, 1.5, 0.0, 0.5, 2.0, 0.0, 1.0, 0.5, 0.0];

    fn of_mean(seed: u64, resamples: usize) -> Option<Interval> {
        bootstrap(&DATA, resamples, 0.95, Seed::root(seed), |drawn| {
            mean(&drawn.iter().map(|v| **v).collect::<Vec<_>>())
        })
    }

    /// ```python
    /// import numpy as np; from scipy import stats  # SciPy 1.17
    /// d = [.5, 0, 1, .5, 1.5, 0, .5, 2, 0, 1, .5, 0]
    /// stats.bootstrap((d,), np.mean, n_resamples=200000, method="percentile", rng=np.random.default_rng(0))
    /// # low=0.2916666666666667, high=1.0; means move in steps of 1/24, so one step is the tolerance
    /// ```
    #[test]
    fn the_interval_is_that_of_scipy() {
        let interval = of_mean(7, 20_000).expect("an interval");
        assert!(
            (interval.low - 0.291_67).abs() < 1.0 / 24.0 + 1e-9,
            "{interval:?}"
        );
        assert!((interval.high - 1.0).abs() < 1.0 / 24.0 + 1e-9, "{interval:?}");
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(of_mean(7, 500), of_mean(7, 500));
        let three: Vec<_> = (1..4).map(|seed| of_mean(seed, 15)).collect();
        assert!(three[0] != three[1] || three[1] != three[2]);
    }

    #[test]
    fn drawings_without_a_figure_are_left_out() {
        let interval = bootstrap(&DATA, 10, 0.95, Seed::root(1), |_| None);
        assert_eq!(interval, None);
        assert_eq!(
            bootstrap(&[] as &[f64], 10, 0.95, Seed::root(1), |_| Some(1.0)),
            None
        );
    }
}
