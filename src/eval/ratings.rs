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
use crate::learn::texts::place;
use crate::metrics::{mae, mean, pearson, quadratic_kappa, spearman};
use crate::seed::Seed;

/// Categories of the kappa: levels 1 to 5 in halves.
const HALVES: usize = 9;
/// What margins, which are kept with fewer digits, may lose by it.
const ROUNDING: f64 = 1e-6;

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
    /// Lower end of the gap's interval.
    pub gap_low: f64,
    /// Upper end.
    pub gap_high: f64,
}

/// Levels that are read of texts, by dimension and text, and how near a rating should lie to each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The levels.
    pub levels: Predictions,
    /// The margins of those that have one.
    pub margins: Predictions,
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
    /// The share of the ratings that lie within the margin of their score; none where no score has a margin.
    pub coverage: Option<Figure>,
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
                (0..texts.len())
                    .map(|n| items.get(place(n).as_str()).copied())
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
    pub fn scores(&self) -> Scores {
        Scores {
            levels: self.each(|o| Some(f64::from(o.reading.score))),
            margins: self.each(|o| o.reading.margin.map(f64::from)),
        }
    }

    /// The scores under what is fitted to each split's first part, of its second.
    pub fn calibrated(&self, splits: &[Split]) -> Scores {
        let nothing = vec![vec![None; self.texts.len()]; self.dimensions.len()];
        let (mut levels, mut margins) = (nothing.clone(), nothing);
        for split in splits {
            let fitted = self.fitted(&split.train);
            for (d, dimension) in self.dimensions.iter().enumerate() {
                // With too little to fit to there is no prediction; the model's own would be on another footing.
                if matches!(fitted.left.get(dimension), Some(Left::TooFew { .. })) {
                    continue;
                }
                let reader = fitted.readers.get(dimension);
                for &test in &split.test {
                    let at = self.places[d][test];
                    levels[d][test] = at.map(|at| read(&self.observations[at], reader));
                    margins[d][test] = at.and(reader).map(|reader| f64::from(reader.margin));
                }
            }
        }
        Scores { levels, margins }
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

    fn each(&self, number: impl Fn(&Observation) -> Option<f64>) -> Predictions {
        let numbers = |of: &Vec<Option<usize>>| {
            of.iter()
                .map(|place| place.and_then(|at| number(&self.observations[at])))
                .collect()
        };
        self.places.iter().map(numbers).collect()
    }

    /// Everything beside everything: `scores` over the test parts of `splits`.
    pub fn compare(&self, scores: &Scores, splits: &[Split]) -> Compared {
        let predictions = &scores.levels;
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
            coverage: figure(&groups, seed(), |drawn| self.coverage(scores, drawn)),
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

    /// The share of ratings within the margin of their score, of those whose score has one.
    fn coverage(&self, scores: &Scores, drawn: &[&Vec<usize>]) -> Option<f64> {
        let dimensions = 0..self.dimensions.len();
        let within = dimensions.flat_map(|d| {
            let items = drawn.iter().flat_map(|items| items.iter());
            items.filter_map(move |&i| {
                let far = (self.levels[d][i]? - scores.levels[d][i]?).abs();
                Some(f64::from(u8::from(far <= scores.margins[d][i]? + ROUNDING)))
            })
        });
        mean(&within.collect::<Vec<_>>())
    }

    fn mean_pearson(&self, predictions: &Predictions, drawn: &[&Vec<usize>]) -> Option<f64> {
        let of = |d: usize| {
            let pairs = drawn.iter().flat_map(|items| self.pairs(d, predictions, items));
            pearson(&pairs.collect::<Vec<_>>())
        };
        mean(&(0..self.dimensions.len()).map(of).collect::<Option<Vec<_>>>()?)
    }

    fn halo(&self, predictions: &Predictions, groups: &[Vec<usize>]) -> Option<Halo> {
        let both = |drawn: &[&Vec<usize>]| {
            let items: Vec<usize> = drawn.iter().flat_map(|group| group.iter().copied()).collect();
            Some((between(predictions, &items)?, between(&self.levels, &items)?))
        };
        let (model, human) = both(&groups.iter().collect::<Vec<_>>())?;
        let gap = figure(groups, seed(), |drawn| {
            both(drawn).map(|(model, human)| model - human)
        })?;
        Some(Halo {
            model,
            human,
            gap: gap.value,
            gap_low: gap.low,
            gap_high: gap.high,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;
    use crate::engine::reading;

    /// A text that is called as every other one.
    fn text(group: &str, level: f64) -> RatedText {
        RatedText {
            id: "1".to_owned(),
            group: group.to_owned(),
            lang: Language::En,
            context: String::new(),
            text: format!("A text of {group}."),
            dims: BTreeMap::from([("Tone".to_owned(), level)]),
            scale: (1.0, 5.0),
        }
    }

    /// What is read of each text: `score`, and that ratings lie within half a level of it.
    fn observed(texts: &[RatedText], score: f32) -> Vec<Observation> {
        let observation = |(n, text): (usize, &RatedText)| {
            let mut reading = reading::read([0.0; 5], &[0.0; 5]);
            (reading.score, reading.margin) = (score, Some(0.5));
            Observation {
                item: place(n),
                group: text.group.clone(),
                dimension: "tone".into(),
                level: text.level(text.dims["Tone"]),
                text: Vec::new(),
                hidden: Vec::new(),
                reading,
            }
        };
        texts.iter().enumerate().map(observation).collect()
    }

    #[test]
    fn texts_of_two_files_may_be_called_alike() -> Result<()> {
        let texts = [text("a", 2.0), text("b", 4.0)];
        let seen = observed(&texts, 3.0);
        let material = Material::new(&texts, &seen)?;
        assert_eq!(material.levels, [[Some(2.0), Some(4.0)]]);
        assert_eq!(material.places, [[Some(0), Some(1)]]);
        Ok(())
    }

    /// By hand: people give opposite levels in two dimensions, the model the same ones.
    #[test]
    fn the_gap_between_model_and_people_has_an_interval() -> Result<()> {
        let mut texts = [1.0, 2.0, 3.0, 4.0, 5.0].map(|level| text(&level.to_string(), level));
        for text in &mut texts {
            text.dims.insert("Depth".to_owned(), 6.0 - text.dims["Tone"]);
        }
        let mut seen = observed(&texts, 3.0);
        for observation in &mut seen {
            observation.reading.score = observation.level as f32;
        }
        let of_depth = |o: &Observation| Observation {
            dimension: "depth".into(),
            level: 6.0 - o.level,
            ..o.clone()
        };
        seen.extend(seen.iter().map(of_depth).collect::<Vec<_>>());
        let material = Material::new(&texts, &seen)?;
        let halo = material.compare(&material.scores(), &folds(&texts)).scores.halo;
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(
            halo.is_some_and(|h| near(h.model, 1.0) && near(h.human, -1.0) && near(h.gap, 2.0)),
            "{halo:?}"
        );
        assert!(
            halo.is_some_and(|h| near(h.gap_low, 2.0) && near(h.gap_high, 2.0)),
            "{halo:?}"
        );
        Ok(())
    }

    /// By hand: of 2.5, 3, 3.5 and 5, three lie within half a level of 3; of one text no margin is known.
    #[test]
    fn ratings_within_the_margin_are_counted() -> Result<()> {
        let texts = [2.5, 3.0, 3.5, 5.0, 1.0].map(|level| text(&level.to_string(), level));
        let mut seen = observed(&texts, 3.0);
        seen[4].reading.margin = None;
        let material = Material::new(&texts, &seen)?;
        let compared = material.compare(&material.scores(), &folds(&texts));
        let coverage = compared.coverage.map_or(0.0, |figure| figure.value);
        assert!((coverage - 0.75).abs() < 1e-12, "{:?}", compared.coverage);
        for observation in &mut seen {
            observation.reading.margin = None;
        }
        let material = Material::new(&texts, &seen)?;
        let scores = material.scores();
        assert_eq!(material.compare(&scores, &folds(&texts)).coverage, None);
        Ok(())
    }
}
