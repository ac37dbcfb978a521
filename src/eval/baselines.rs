//! The plainest rivals: what the length of a text says, what its words say, and always the same answer.

use super::splits::Split;
use crate::metrics::tfidf::{TfIdf, Weights, cosine, cosines};
use crate::metrics::{Ridge, mean, numbered};

/// Texts with what is to be predicted of them.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The texts.
    pub texts: &'a [&'a str],
    /// The group of each.
    pub groups: &'a [&'a str],
    /// By dimension, of each text: what people gave it; none where they gave nothing.
    pub levels: &'a [Vec<Option<f64>>],
}

/// Predictions by dimension and text; none where nothing could be fitted, or the text is in no test part.
pub type Predictions = Vec<Vec<Option<f64>>>;

impl Task<'_> {
    fn nothing(&self) -> Predictions {
        vec![vec![None; self.texts.len()]; self.levels.len()]
    }

    /// The rated texts of a part, and their levels.
    fn rated(&self, dimension: usize, items: &[usize]) -> (Vec<usize>, Vec<f64>) {
        let levels = &self.levels[dimension];
        items.iter().filter_map(|&i| Some((i, levels[i]?))).unzip()
    }

    /// Always the same: the mean of all ratings. That it knows those to be predicted makes it no worse a rival; a mean of
    /// each split's own would fall where the ratings left out are high, and correlate with them below zero.
    pub fn majority(&self) -> Predictions {
        let usual = |levels: &Vec<Option<f64>>| {
            let given: Vec<f64> = levels.iter().flatten().copied().collect();
            vec![mean(&given); levels.len()]
        };
        self.levels.iter().map(usual).collect()
    }

    /// A straight line through the logarithm of the number of characters.
    pub fn length(&self, splits: &[Split]) -> Predictions {
        let lengths: Vec<f64> = (self.texts.iter())
            .map(|text| (text.chars().count().max(1) as f64).ln())
            .collect();
        let mut predictions = self.nothing();
        for split in splits {
            for (dimension, predictions) in predictions.iter_mut().enumerate() {
                let (items, levels) = self.rated(dimension, &split.train);
                let x: Vec<f64> = items.iter().map(|&i| lengths[i]).collect();
                let Some((slope, constant)) = line(&x, &levels) else {
                    continue;
                };
                for &test in &split.test {
                    predictions[test] = Some(constant + slope * lengths[test]);
                }
            }
        }
        predictions
    }

    /// Ridge regression on the words (TF-IDF), the penalty chosen on groups left out of the fit.
    pub fn words(&self, splits: &[Split]) -> Predictions {
        let mut predictions = self.nothing();
        for split in splits {
            let model = TfIdf::fit(split.train.iter().map(|&i| self.texts[i]));
            let weights: Vec<Weights> = self.texts.iter().map(|text| model.weights(text)).collect();
            for (dimension, predictions) in predictions.iter_mut().enumerate() {
                let (items, levels) = self.rated(dimension, &split.train);
                let known: Vec<Weights> = items.iter().map(|&i| weights[i].clone()).collect();
                let groups = numbered(items.iter().map(|&i| self.groups[i]));
                let Some(ridge) = Ridge::new(&cosines(&known), &groups) else {
                    continue;
                };
                let fit = ridge.fit(&levels, ridge.best(&levels).0);
                for &test in &split.test {
                    let alike = known.iter().map(|other| cosine(&weights[test], other));
                    predictions[test] = Some(fit.predict(alike));
                }
            }
        }
        predictions
    }
}

/// Slope and constant of the straight line with the least squared distance; none without spread.
fn line(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let (mean_x, mean_y) = (mean(x)?, mean(y)?);
    let spread: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let both: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (spread > 0.0).then(|| (both / spread, mean_y - both / spread * mean_x))
}
