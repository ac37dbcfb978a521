//! Figures of several runs, by their names.

use serde::{Serialize, Serializer};

use crate::metrics::median;

/// What several runs gave for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The middle one, or the mean of the middle two.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// How many runs.
    pub n: usize,
}

impl Figure {
    /// The figure of these values; none of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(values)?,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            n: values.len(),
        })
    }
}

/// Named values in the order in which they were put; in JSON an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T>(Vec<(String, T)>);

impl<T> Rows<T> {
    /// What is called `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(rows: I) -> Self {
        Self(
            rows.into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl<N: Into<String>, T> Extend<(N, T)> for Rows<T> {
    fn extend<I: IntoIterator<Item = (N, T)>>(&mut self, rows: I) {
        self.0
            .extend(rows.into_iter().map(|(name, value)| (name.into(), value)));
    }
}

impl<T: Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// What one run gave.
pub type Sample = Rows<f64>;

/// The samples of several runs.
#[derive(Debug, Default)]
pub struct Measures(Vec<(String, Vec<f64>)>);

impl Measures {
    /// Takes one run's sample.
    pub fn add(&mut self, sample: Sample) {
        for (name, value) in sample.0 {
            match self.0.iter_mut().find(|(own, _)| *own == name) {
                Some((_, values)) => values.push(value),
                None => self.0.push((name, vec![value])),
            }
        }
    }

    /// The figures, in the order of the first sample.
    pub fn figures(self) -> Rows<Figure> {
        let figures = self
            .0
            .into_iter()
            .filter_map(|(name, values)| Some((name, Figure::of(&values)?)));
        figures.collect()
    }
}
