//! Fitting a [`Calibration`]: what people gave, against what the model's states say.
//!
//! Per dimension one linear probe on the mean state of the text, the state at the score's position and the five levels'
//! probabilities. It is the sum of two ridge fits to one set of features: to what a person is given in common over all
//! dimensions, and to what this dimension has of its own. Fitted in one, the second is shrunk away, since less of it
//! can be predicted: all dimensions then say the same (the halo). Fitted apart, it is stretched until predictions of
//! different dimensions correlate no more than halfway between what they would and what people's ratings do.
//! Then an isotonic curve, and a cross-conformal margin.
//!
//! Whatever is reported or chosen rests on predictions of groups (people, prompts) that had no part in the fit.

pub mod decisions;
pub mod fresh;
pub mod made_up;

use std::collections::{BTreeMap, BTreeSet};

use faer::Mat;
use rayon::prelude::*;

use crate::engine::calibration::{Bin, Calibration, Features, Reader};
use crate::engine::{ModelIdentity, RubricIdentity, ScoreReading};
use crate::hash::ContentHash;
use crate::id::DimensionId;
use crate::metrics::{Isotonic, Ridge, mae, mean, numbered, pearson};
use crate::review::Entry;

/// Fewer ratings of a dimension say nothing.
pub const MIN_RATINGS: usize = 20;
/// Of fewer people, neither.
pub const MIN_GROUPS: usize = 5;
/// Parts that curve and margin are checked on.
const FOLDS: usize = 5;
/// The share of people's ratings that lie within the margin.
const COVERAGE: f64 = 0.9;
/// How far what a dimension has of its own is stretched at most.
const MAX_STRETCH: f64 = 4.0;

/// A rating, and what the model says there.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was rated: a dossier, a text.
    pub item: String,
    /// What was not sampled independently: the person, the prompt.
    pub group: String,
    /// Which dimension.
    pub dimension: DimensionId,
    /// What people gave, 1 to 5.
    pub level: f64,
    /// The state of the text, `[H]`: see [`Features::text`].
    pub text: Vec<f32>,
    /// The state at the score's position, `[H]`.
    pub hidden: Vec<f32>,
    /// What the model says.
    pub reading: ScoreReading,
}

/// What was said of calibrations for weights that read alike and this rubric, the last first; none where they were turned off.
pub fn said_of<'a>(
    said: impl DoubleEndedIterator<Item = &'a Entry>,
    model: &ModelIdentity,
    rubric: &RubricIdentity,
) -> impl Iterator<Item = Option<ContentHash>> {
    said.rev().filter_map(|entry| match entry {
        Entry::Calibration(c) if c.model.reads_as() == model.reads_as() && c.rubric == *rubric => {
            Some(c.calibration)
        }
        _ => None,
    })
}

impl Observation {
    /// What its score is read from.
    pub fn features(&self) -> Features<'_> {
        Features {
            text: &self.text,
            hidden: &self.hidden,
            reading: &self.reading,
        }
    }
}

/// A fit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fitted {
    /// The dimensions that could be fitted, and gain by it.
    pub readers: BTreeMap<DimensionId, Reader>,
    /// The others, with the reason.
    pub left: BTreeMap<DimensionId, Left>,
}

/// Why a dimension is left as the model says it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Left {
    /// Too few ratings, or of too few people.
    TooFew {
        /// Ratings.
        ratings: usize,
        /// People or prompts.
        groups: usize,
    },
    /// Predictions of ratings it was not fitted to are no nearer than the model's own.
    NoGain {
        /// The mean distance of the model's own, in levels.
        before: f64,
        /// That of the predictions.
        after: f64,
    },
}

/// Fits every dimension that there are enough ratings of, on top of `base` if there is one: what is fitted is then how
/// people differ from it, and a dimension with too few ratings stays as it is there.
pub fn fit(observations: &[Observation], base: Option<&Calibration>) -> Fitted {
    let stands: Vec<Standing> = observations.iter().map(|o| Standing::of(o, base)).collect();
    let common = common_parts(observations, &stands);
    let shares = Shares::on(base);
    let mut fitted = Fitted::default();
    let mut probes = Vec::new();
    for dimension in dimensions(observations) {
        let own: Vec<usize> = (0..observations.len())
            .filter(|&i| observations[i].dimension == dimension)
            .collect();
        let groups: BTreeSet<&str> = own.iter().map(|&i| observations[i].group.as_str()).collect();
        let probe = (own.len() >= MIN_RATINGS && groups.len() >= MIN_GROUPS)
            .then(|| Probe::fit(observations, &stands, &common, shares, own.clone()))
            .flatten();
        if let Some(probe) = probe {
            probes.push((dimension, probe));
        } else {
            let left = Left::TooFew {
                ratings: own.len(),
                groups: groups.len(),
            };
            fitted.left.insert(dimension, left);
        }
    }
    let stretch = stretch(observations, &probes);
    for (dimension, probe) in probes {
        let below = base.and_then(|base| base.dimensions.get(&dimension));
        let reader = probe.reader(observations, &stands, below, stretch);
        if reader.mae_after < reader.mae_before {
            fitted.readers.insert(dimension, reader);
        } else {
            let left = Left::NoGain {
                before: f64::from(reader.mae_before),
                after: f64::from(reader.mae_after),
            };
            fitted.left.insert(dimension, left);
        }
    }
    fitted
}

/// What is said of an observation before anything is fitted to it.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// What the base reads, before its curve; 0 without one.
    linear: f64,
    /// The level that is shown.
    shown: f64,
}

impl Standing {
    fn of(o: &Observation, base: Option<&Calibration>) -> Self {
        let features = o.features();
        let (row, _) = features.row();
        match base.and_then(|base| base.dimensions.get(&o.dimension)) {
            Some(reader) if reader.weights.len() == row.len() => Self {
                linear: reader.linear(&row),
                shown: f64::from(reader.level(&row)),
            },
            _ => Self {
                linear: 0.0,
                shown: f64::from(o.reading.raw_score),
            },
        }
    }
}

fn dimensions(observations: &[Observation]) -> BTreeSet<DimensionId> {
    observations.iter().map(|o| o.dimension.clone()).collect()
}

/// Of each observation: how much more than the base says its item was given, less what is usual, as a mean over the
/// item's dimensions.
fn common_parts(observations: &[Observation], stands: &[Standing]) -> Vec<f64> {
    let given = |i: usize| observations[i].level - stands[i].linear;
    let usual: BTreeMap<DimensionId, f64> = dimensions(observations)
        .into_iter()
        .map(|dimension| {
            let of = (0..observations.len()).filter(|&i| observations[i].dimension == dimension);
            let usual = mean(&of.map(given).collect::<Vec<_>>());
            (dimension, usual.unwrap_or_default())
        })
        .collect();
    let mut of_item: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (i, o) in observations.iter().enumerate() {
        let above = given(i) - usual[&o.dimension];
        of_item.entry(&o.item).or_default().push(above);
    }
    let common = |o: &Observation| mean(&of_item[o.item.as_str()]).unwrap_or_default();
    observations.iter().map(common).collect()
}

/// What the text, the state at the score and the reading count in a fit.
#[derive(Debug, Clone, Copy)]
struct Shares {
    /// To what a person is given in common over all dimensions.
    common: [f64; 3],
    /// To what is a dimension's own.
    own: [f64; 3],
}

impl Shares {
    /// A state at the score turns with the dimension that is asked about, and in what all have in common that is noise. Where a
    /// base says which segments bear on a dimension, their states alone are read: what an answer sees and what is
    /// laid over it may then change, and what was fitted stays right.
    fn on(base: Option<&Calibration>) -> Self {
        const TEXT: [f64; 3] = [1.0, 0.0, 0.0];
        if base.is_some_and(|base| base.focus.is_some()) {
            return Self {
                common: TEXT,
                own: TEXT,
            };
        }
        Self {
            common: [1.0, 0.1, 0.1],
            own: [1.0, 1.0, 1.0],
        }
    }
}

/// One dimension's two fits.
struct Probe {
    /// The observations it was fitted to.
    items: Vec<usize>,
    groups: Vec<usize>,
    common: Part,
    own: Part,
    /// What the base says of each item.
    linear: Vec<f64>,
}

/// One of a probe's fits.
struct Part {
    /// One for each feature as it comes.
    weights: Vec<f64>,
    constant: f64,
    /// The prediction of each item by a fit without its group.
    held_out: Vec<f64>,
}

impl Part {
    fn fit(rows: &[(Vec<f32>, [usize; 3])], shares: [f64; 3], groups: &[usize], y: Vec<f64>) -> Option<Self> {
        Self::fit_all(rows, shares, groups, &[y], Ridge::best)?.pop()
    }

    /// One fit to each of `targets`, for which the features are taken apart only once; `choose` is how the penalty is found.
    fn fit_all(
        rows: &[(Vec<f32>, [usize; 3])],
        shares: [f64; 3],
        groups: &[usize],
        targets: &[Vec<f64>],
        choose: fn(&Ridge, &[f64]) -> (f64, Vec<f64>),
    ) -> Option<Vec<Self>> {
        let scaler = Scaler::fit(rows, shares)?;
        let rows = scaler.matrix(rows);
        let ridge = Ridge::of_rows(&rows, groups)?;
        let part = |y: &Vec<f64>| {
            let (penalty, held_out) = choose(&ridge, y);
            let fit = ridge.fit(y, penalty);
            let weight = |f: usize| (0..rows.nrows()).map(|i| rows[(i, f)] * fit.weights[i]).sum();
            let scaled: Vec<f64> = (0..rows.ncols()).map(weight).collect();
            let (weights, constant) = scaler.unscaled(&scaled, fit.constant);
            // Where no penalty gives predictions there is nothing to go by.
            held_out.iter().all(|p| p.is_finite()).then_some(Self {
                weights,
                constant,
                held_out,
            })
        };
        targets.par_iter().map(part).collect()
    }
}

impl Probe {
    fn fit(
        observations: &[Observation],
        stands: &[Standing],
        common: &[f64],
        shares: Shares,
        items: Vec<usize>,
    ) -> Option<Self> {
        let rows: Vec<(Vec<f32>, [usize; 3])> =
            items.iter().map(|&i| observations[i].features().row()).collect();
        let groups = numbered(items.iter().map(|&i| observations[i].group.as_str()));
        let of_common: Vec<f64> = items.iter().map(|&i| common[i]).collect();
        let linear: Vec<f64> = items.iter().map(|&i| stands[i].linear).collect();
        let of_own = items
            .iter()
            .map(|&i| observations[i].level - stands[i].linear - common[i]);
        let of_own = of_own.collect();
        Some(Self {
            common: Part::fit(&rows, shares.common, &groups, of_common)?,
            own: Part::fit(&rows, shares.own, &groups, of_own)?,
            linear,
            items,
            groups,
        })
    }

    /// What is predicted of each item without its group, when what is own is stretched.
    fn held_out(&self, stretch: f64) -> Vec<f64> {
        let usual = mean(&self.own.held_out).unwrap_or_default();
        let parts = self.common.held_out.iter().zip(&self.own.held_out);
        let fitted = parts.map(|(c, o)| c + usual + stretch * (o - usual));
        fitted
            .zip(&self.linear)
            .map(|(fitted, base)| base + fitted)
            .collect()
    }

    fn reader(
        &self,
        observations: &[Observation],
        stands: &[Standing],
        below: Option<&Reader>,
        stretch: f64,
    ) -> Reader {
        let levels: Vec<f64> = self.items.iter().map(|&i| observations[i].level).collect();
        let said = self.items.iter().map(|&i| stands[i].shown);
        let before: Vec<(f64, f64)> = levels.iter().copied().zip(said).collect();
        let pairs: Vec<(f64, f64)> = self.held_out(stretch).into_iter().zip(levels).collect();
        let after = curved_apart(&pairs, &self.groups);
        let usual = mean(&self.own.held_out).unwrap_or_default();
        let both = self.common.weights.iter().zip(&self.own.weights);
        let mut weights: Vec<f32> = both.map(|(c, o)| (c + stretch * o) as f32).collect();
        let constant = self.common.constant + usual + stretch * (self.own.constant - usual);
        let mut constant = constant as f32;
        // Where the base reads another shape it said nothing above either.
        if let Some(below) = below.filter(|below| below.weights.len() == weights.len()) {
            constant += below.constant;
            for (weight, below) in weights.iter_mut().zip(&below.weights) {
                *weight += below;
            }
        }
        Reader {
            weights,
            constant,
            curve: Isotonic::fit(&pairs),
            margin: margin(&after) as f32,
            ratings: self.items.len(),
            groups: self.groups.iter().collect::<BTreeSet<_>>().len(),
            mae_before: mae(&before).unwrap_or_default() as f32,
            mae_after: mae(&after).unwrap_or_default() as f32,
            reliability: Bin::all(&after),
        }
    }
}

/// (level, prediction) of every pair of (prediction, level), through a curve fitted to groups of other folds.
fn curved_apart(pairs: &[(f64, f64)], groups: &[usize]) -> Vec<(f64, f64)> {
    let curves: Vec<Isotonic> = (0..FOLDS)
        .map(|fold| {
            let others: Vec<(f64, f64)> = (pairs.iter().zip(groups))
                .filter(|(_, group)| **group % FOLDS != fold)
                .map(|(pair, _)| *pair)
                .collect();
            Isotonic::fit(&others)
        })
        .collect();
    let through = |((x, level), group): (&(f64, f64), &usize)| (*level, curves[group % FOLDS].at(*x));
    pairs.iter().zip(groups).map(through).collect()
}

/// The margin that should hold the share [`COVERAGE`] of a next rating: the quantile of the distances of predictions by
/// fits to other groups, with the correction for their number (cross-conformal; Vovk, 2015). No theorem promises that
/// share: `plumb calibrate --from` tells the one that it comes to.
fn margin(pairs: &[(f64, f64)]) -> f64 {
    let mut distances: Vec<f64> = pairs.iter().map(|(a, b)| (a - b).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let rank = ((distances.len() + 1) as f64 * COVERAGE).ceil() as usize;
    let at = rank.clamp(1, distances.len().max(1)) - 1;
    distances.get(at).copied().unwrap_or(4.0)
}

/// How far what is own is stretched: until predictions of different dimensions correlate no more than halfway between
/// what they would unstretched and what people's ratings do.
fn stretch(observations: &[Observation], probes: &[(DimensionId, Probe)]) -> f64 {
    let with = |stretch: f64| {
        let held_out: Vec<Vec<f64>> = probes.iter().map(|(_, probe)| probe.held_out(stretch)).collect();
        between(observations, probes, |p, i| held_out[p][i])
    };
    let people = between(observations, probes, |p, i| {
        observations[probes[p].1.items[i]].level
    });
    let (Some(people), Some(plain)) = (people, with(1.0)) else {
        return 1.0;
    };
    let wanted = f64::midpoint(people, plain);
    let steps = (0..=30).map(|step| 1.0 + f64::from(step) * (MAX_STRETCH - 1.0) / 30.0);
    let mut stretched = 1.0;
    for step in steps {
        stretched = step;
        if with(step).is_none_or(|r| r <= wanted) {
            break;
        }
    }
    stretched
}

/// The mean correlation of numbers of different dimensions over the items that have both; `number` gives that of the
/// `i`th item of the `p`th probe.
fn between(
    observations: &[Observation],
    probes: &[(DimensionId, Probe)],
    number: impl Fn(usize, usize) -> f64,
) -> Option<f64> {
    let of_items: Vec<BTreeMap<&str, f64>> = (0..probes.len())
        .map(|p| {
            let items = probes[p].1.items.iter().enumerate();
            items
                .map(|(i, &at)| (observations[at].item.as_str(), number(p, i)))
                .collect()
        })
        .collect();
    let mut found = Vec::new();
    for (p, a) in of_items.iter().enumerate() {
        for b in &of_items[p + 1..] {
            let both: Vec<(f64, f64)> = a
                .iter()
                .filter_map(|(item, x)| Some((*x, *b.get(item)?)))
                .collect();
            found.extend(pearson(&both));
        }
    }
    mean(&found)
}

/// Features brought to mean 0 and spread 1, and blocks of features to their shares.
struct Scaler {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Scaler {
    /// None when the rows are not of one shape.
    fn fit(rows: &[(Vec<f32>, [usize; 3])], shares: [f64; 3]) -> Option<Self> {
        let (first, blocks) = rows.first()?;
        if rows
            .iter()
            .any(|(row, own)| own != blocks || row.len() != first.len())
        {
            return None;
        }
        let n = rows.len() as f64;
        let column = |f: usize| rows.iter().map(move |(row, _)| f64::from(row[f]));
        let mean: Vec<f64> = (0..first.len()).map(|f| column(f).sum::<f64>() / n).collect();
        let of_block = blocks.iter().zip(shares);
        let each = of_block.flat_map(|(&size, share)| std::iter::repeat_n(share / size as f64, size));
        let scale = each.enumerate().map(|(f, share)| {
            let variance = column(f).map(|x| (x - mean[f]).powi(2)).sum::<f64>() / n;
            // What never differs says nothing.
            if variance > 1e-12 {
                (share / variance).sqrt()
            } else {
                0.0
            }
        });
        Some(Self {
            scale: scale.collect(),
            mean,
        })
    }

    fn matrix(&self, rows: &[(Vec<f32>, [usize; 3])]) -> Mat<f64> {
        Mat::from_fn(rows.len(), self.mean.len(), |i, f| {
            (f64::from(rows[i].0[f]) - self.mean[f]) * self.scale[f]
        })
    }

    /// Weights and constant for features as they come.
    fn unscaled(&self, weights: &[f64], constant: f64) -> (Vec<f64>, f64) {
        let plain: Vec<f64> = weights.iter().zip(&self.scale).map(|(w, s)| w * s).collect();
        let shift: f64 = plain.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
        (plain, constant - shift)
    }
}

#[cfg(test)]
mod tests;
