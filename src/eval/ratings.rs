//! Rated texts: how near the scores are to people's, dimension by dimension, and how much of that any rival reaches.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baselines::{Predictions, Task};
use super::figures::{Figure, figure};
use super::splits::{self, Split};
use crate::engine::calibration::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::id::DimensionId;
use crate::learn::calibrate::{self, Fitted, Left, Observation};
use crate::learn::forms::RatedText;
use crate::metrics::{mae, mean, pearson, quadratic_kappa, spearman};
use crate::seed::Seed;

/// Categories of the kappa: levels 1 to 5 in halves.
const HALVES: usize = 9;

/// How near scores are to people's in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Ratings.
    pub n: usize,
    /// Pearson's correlation.
    pub pearson: Option<Figure>,
    /// Spearman's rank correlation.
    pub spearman: Option<Figure>,
    /// Quadratic weighted kappa over half levels.
    pub qwk: Option<Figure>,
    /// Mean distance in levels.
    pub mae: Option<Figure>,
}

/// How alike the dimensions are: mean correlation of two dimensions over the items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Halo {
    /// Of the scores.
    pub model: f64,
    /// Of people's ratings.
    pub human: f64,
    /// The first minus the second.
    pub gap: f64,
}

/// What one way of scoring reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    /// The mean of Pearson's correlations over the dimensions.
    pub mean_pearson: Option<Figure>,
    /// By dimension.
    pub dimensions: BTreeMap<DimensionId, Agreement>,
    /// How alike the dimensions are.
    pub halo: Option<Halo>,
}

/// Scores of rated texts beside what people gave, and the rivals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Texts that were scored.
    pub n: usize,
    /// Groups they belong to.
    pub groups: usize,
    /// The scores.
    #[serde(flatten)]
    pub scores: System,
    /// The rivals.
    pub baselines: BTreeMap<&'static str, System>,
    /// Mean correlation of the scores minus that of the ridge on words, both drawn together.
    pub gain_over_words: Option<Figure>,
    /// Names of ratings that the rubric has no dimension for.
    pub unrated: Vec<String>,
}

/// Rated texts with everything that was read of them.
pub struct Material<'a> {
    texts: &'a [RatedText],
    observations: &'a [Observation],
    dimensions: Vec<DimensionId>,
    /// By dimension and text.
    levels: Vec<Vec<Option<f64>>>,
    /// The observation of a dimension and a text.
    places: Vec<Vec<Option<usize>>>,
}

impl<'a> Material<'a> {
    /// Texts and the observations made of them.
    ///
    /// # Errors
    /// `Input` when no rating is of a dimension that was read.
    pub fn new(texts: &'a [RatedText], observations: &'a [Observation]) -> Result<Self> {
        let mut of: BTreeMap<&DimensionId, BTreeMap<&str, usize>> = BTreeMap::new();
        for (i, o) in observations.iter().enumerate() {
            of.entry(&o.dimension).or_default().insert(&o.item, i);
        }
        if of.is_empty() {
            let names: Vec<&str> = texts
                .iter()
                .flat_map(|t| t.dims.keys().map(String::as_str))
                .collect();
            let message = "none of the ratings is of a dimension of the rubric".to_owned();
            return Err(Error::new(ErrorKind::Input, message).hint(format!(
                "the first text rates {}; ids of the rubric's dimensions are compared, letter case aside",
                names[..names.len().min(8)].join(", ")
            )));
        }
        let places: Vec<Vec<Option<usize>>> = of
            .values()
            .map(|items| {
                texts
                    .iter()
                    .map(|text| items.get(text.id.as_str()).copied())
                    .collect()
            })
            .collect();
        let level = |place: &Option<usize>| place.map(|i| observations[i].level);
        Ok(Self {
            texts,
            observations,
            dimensions: of.into_keys().cloned().collect(),
            levels: places
                .iter()
                .map(|items| items.iter().map(level).collect())
                .collect(),
            places,
        })
    }

    /// The scores as they were read.
    pub fn scores(&self) -> Predictions {
        self.each(|o| f64::from(o.reading.score))
    }

    /// The scores under what is fitted to each split's first part, of its second.
    pub fn calibrated(&self, splits: &[Split]) -> Predictions {
        let mut predictions = vec![vec![None; self.texts.len()]; self.dimensions.len()];
        for split in splits {
            let fitted = self.fitted(&split.train);
            for (d, dimension) in self.dimensions.iter().enumerate() {
                // With too little to fit to there is no prediction; the model's own would be on another footing.
                if matches!(fitted.left.get(dimension), Some(Left::TooFew { .. })) {
                    continue;
                }
                for &test in &split.test {
                    predictions[d][test] = self.places[d][test]
                        .map(|at| read(&self.observations[at], fitted.readers.get(dimension)));
                }
            }
        }
        predictions
    }

    /// What is fitted to the ratings of these texts.
    fn fitted(&self, items: &[usize]) -> Fitted {
        let places = self
            .places
            .iter()
            .flat_map(|of| items.iter().filter_map(|&i| of[i]));
        let observations: Vec<Observation> = places.map(|at| self.observations[at].clone()).collect();
        calibrate::fit(&observations, None)
    }

    fn each(&self, number: impl Fn(&Observation) -> f64) -> Predictions {
        let numbers = |of: &Vec<Option<usize>>| {
            of.iter()
                .map(|place| place.map(|at| number(&self.observations[at])))
                .collect()
        };
        self.places.iter().map(numbers).collect()
    }

    /// Everything beside everything: `predictions` over the test parts of `splits`.
    pub fn compare(&self, predictions: &Predictions, splits: &[Split]) -> Compared {
        let names: Vec<&str> = self.texts.iter().map(|text| text.group.as_str()).collect();
        let texts: Vec<&str> = self.texts.iter().map(|text| text.text.as_str()).collect();
        let task = Task {
            texts: &texts,
            groups: &names,
            levels: &self.levels,
        };
        let test: Vec<usize> = splits
            .iter()
            .flat_map(|split| split.test.iter().copied())
            .collect();
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &item in &test {
            groups.entry(names[item]).or_default().push(item);
        }
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        let words = task.words(splits);
        let rivals = [("length", task.length(splits)), ("majority", task.majority())];
        let mut baselines: BTreeMap<&'static str, System> = rivals
            .iter()
            .map(|(name, rival)| (*name, self.system(rival, &groups)))
            .collect();
        baselines.insert("tfidf_ridge", self.system(&words, &groups));
        let gain = figure(&groups, seed(), |drawn| {
            Some(self.mean_pearson(predictions, drawn)? - self.mean_pearson(&words, drawn)?)
        });
        Compared {
            n: test.len(),
            groups: groups.len(),
            scores: self.system(predictions, &groups),
            baselines,
            gain_over_words: gain,
            unrated: self.unrated(),
        }
    }

    fn unrated(&self) -> Vec<String> {
        let known = |name: &str| {
            self.dimensions
                .iter()
                .any(|d| d.as_str().eq_ignore_ascii_case(name))
        };
        let names = self.texts.iter().flat_map(|text| text.dims.keys());
        let unknown: std::collections::BTreeSet<&String> = names.filter(|name| !known(name)).collect();
        unknown.into_iter().cloned().collect()
    }

    fn system(&self, predictions: &Predictions, groups: &[Vec<usize>]) -> System {
        let dimensions = self.dimensions.iter().enumerate();
        System {
            mean_pearson: figure(groups, seed(), |drawn| self.mean_pearson(predictions, drawn)),
            dimensions: dimensions
                .map(|(d, name)| (name.clone(), self.agreement(d, predictions, groups)))
                .collect(),
            halo: self.halo(predictions, groups),
        }
    }

    fn agreement(&self, dimension: usize, predictions: &Predictions, groups: &[Vec<usize>]) -> Agreement {
        let pairs: Vec<Vec<(f64, f64)>> = groups
            .iter()
            .map(|items| self.pairs(dimension, predictions, items))
            .collect();
        let over = |statistic: fn(&[(f64, f64)]) -> Option<f64>| {
            figure(&pairs, seed(), |drawn| {
                statistic(
                    &drawn
                        .iter()
                        .flat_map(|group| group.iter().copied())
                        .collect::<Vec<_>>(),
                )
            })
        };
        Agreement {
            n: pairs.iter().map(Vec::len).sum(),
            pearson: over(pearson),
            spearman: over(spearman),
            qwk: over(kappa),
            mae: over(mae),
        }
    }

    /// (rating, score) of the items that have both.
    fn pairs(&self, dimension: usize, predictions: &Predictions, items: &[usize]) -> Vec<(f64, f64)> {
        let both = |&i: &usize| Some((self.levels[dimension][i]?, predictions[dimension][i]?));
        items.iter().filter_map(both).collect()
    }

    fn mean_pearson(&self, predictions: &Predictions, drawn: &[&Vec<usize>]) -> Option<f64> {
        let of = |d: usize| {
            let pairs = drawn.iter().flat_map(|items| self.pairs(d, predictions, items));
            pearson(&pairs.collect::<Vec<_>>())
        };
        mean(&(0..self.dimensions.len()).map(of).collect::<Option<Vec<_>>>()?)
    }

    fn halo(&self, predictions: &Predictions, groups: &[Vec<usize>]) -> Option<Halo> {
        let items: Vec<usize> = groups.iter().flatten().copied().collect();
        let (model, human) = (between(predictions, &items)?, between(&self.levels, &items)?);
        Some(Halo {
            model,
            human,
            gap: model - human,
        })
    }
}

/// An interval is drawn with the same numbers every time.
fn seed() -> Seed {
    Seed::root(0).branch("eval")
}

/// The level of an observation through its dimension's reader, or as the model says it.
fn read(observation: &Observation, reader: Option<&Reader>) -> f64 {
    let through = reader.map(|reader| reader.level(&observation.features().row().0));
    f64::from(through.unwrap_or(observation.reading.raw_score))
}

/// The mean correlation of two dimensions over the items that have both.
fn between(numbers: &[Vec<Option<f64>>], items: &[usize]) -> Option<f64> {
    let mut found = Vec::new();
    for (d, a) in numbers.iter().enumerate() {
        for b in &numbers[d + 1..] {
            let both: Vec<(f64, f64)> = items.iter().filter_map(|&i| Some((a[i]?, b[i]?))).collect();
            found.extend(pearson(&both));
        }
    }
    mean(&found)
}

/// Quadratic weighted kappa over half levels.
fn kappa(pairs: &[(f64, f64)]) -> Option<f64> {
    let half = |level: f64| (((level - 1.0) * 2.0).round() as usize).min(HALVES - 1);
    let pairs: Vec<(usize, usize)> = pairs.iter().map(|(a, b)| (half(*a), half(*b))).collect();
    quadratic_kappa(&pairs, HALVES)
}

/// The splits of one file for cross-validation.
pub fn folds(texts: &[RatedText]) -> Vec<Split> {
    splits::by_group(&texts.iter().map(|text| text.group.as_str()).collect::<Vec<_>>())
}
