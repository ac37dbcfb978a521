//! A figure with its interval.

use serde::Serialize;

use crate::metrics::bootstrap;
use crate::seed::Seed;

/// Drawings of an interval.
const RESAMPLES: usize = 1000;
/// How sure it is.
const LEVEL: f64 = 0.95;

/// A value and its 95 % bootstrap interval over groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Over everything.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The figure that `statistic` gives over `groups`, each what was not sampled independently; none where the data cannot
/// give it.
pub fn figure<T>(groups: &[T], seed: Seed, statistic: impl Fn(&[&T]) -> Option<f64>) -> Option<Figure> {
    let value = statistic(&groups.iter().collect::<Vec<_>>())?;
    let interval = bootstrap(groups, RESAMPLES, LEVEL, seed, statistic)?;
    Some(Figure {
        value,
        low: interval.low,
        high: interval.high,
    })
}
