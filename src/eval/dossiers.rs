//! Whole dossiers whose levels people set beforehand: how near the scores are, whether the key behaviours are cited, and
//! whether what should be worked on is what is weakest.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::figures::{Figure, figure};
use crate::dossier::Dossier;
use crate::engine::Assessment;
use crate::evidence::EvidenceKind;
use crate::id::{DimensionId, SegmentNo};
use crate::ingest::levels::Levels;
use crate::metrics::{Found, mae, mean, pearson, pooled_order};
use crate::seed::Seed;

/// The level in the middle: what says nothing.
const MIDDLE: f64 = 3.0;

/// A dossier with what people and the model say of it.
#[derive(Debug, Clone)]
pub struct RatedDossier {
    /// The dossier.
    pub dossier: Dossier,
    /// What its author set beforehand.
    pub levels: Levels,
    /// What the model says.
    pub assessments: Vec<Assessment>,
}

/// One dimension over all dossiers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DimensionAgreement {
    /// Dossiers.
    pub n: usize,
    /// Pearson's correlation.
    pub pearson: Option<Figure>,
    /// Mean distance in levels.
    pub mae: Option<Figure>,
}

/// Assessments beside the levels. Intervals are over people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Dimensions of dossiers.
    pub n: usize,
    /// Dossiers.
    pub dossiers: usize,
    /// People.
    pub groups: usize,
    /// Mean distance in levels.
    pub mae: Option<Figure>,
    /// Within a dossier: how often two dimensions are put in the right order.
    pub order: Option<Figure>,
    /// By dimension.
    pub dimensions: BTreeMap<DimensionId, DimensionAgreement>,
    /// The share of the key behaviours of which a place is cited.
    pub coverage: Option<Figure>,
    /// The share of the citations that show a key behaviour.
    pub precision: Option<Figure>,
    /// The share of the places that show one which are cited.
    pub recall: Option<Figure>,
    /// Their harmonic mean.
    pub f1: Option<Figure>,
    /// How often the dimension scored lowest, on which the advice falls first, is one that people put lowest.
    pub suggestion_fit: Option<Figure>,
    /// The same for the advice to all other people: what is reached by advising anybody alike.
    pub suggestion_fit_shuffled: Option<Figure>,
    /// The rivals.
    pub baselines: BTreeMap<&'static str, Option<Figure>>,
}

/// What is compared of one dossier.
struct Cells {
    /// By dimension: the level and the score.
    scores: BTreeMap<DimensionId, (f64, f64)>,
    /// Key behaviours, and how many of them are cited.
    behaviours: (usize, usize),
    cited: Found,
    /// How often its advice fits other people.
    elsewhere: Option<f64>,
}

impl Cells {
    fn of(rated: &RatedDossier) -> Self {
        let mut cells = Self {
            scores: BTreeMap::new(),
            behaviours: (0, 0),
            cited: Found::default(),
            elsewhere: None,
        };
        for rating in &rated.levels.ratings {
            let Some(assessment) = rated.assessments.iter().find(|a| a.dimension == rating.dimension) else {
                continue;
            };
            let pair = (f64::from(rating.level), f64::from(assessment.reading.score));
            cells.scores.insert(rating.dimension.clone(), pair);
            let quotes = assessment
                .evidence
                .iter()
                .filter(|l| l.kind == EvidenceKind::Quote);
            let found: BTreeSet<SegmentNo> = quotes.map(|l| l.place.segment).collect();
            let mut wanted = BTreeSet::new();
            for behaviour in &rating.behaviours {
                let places = behaviour.segments(&rated.dossier);
                cells.behaviours.0 += 1;
                cells.behaviours.1 += usize::from(places.iter().any(|place| found.contains(place)));
                wanted.extend(places);
            }
            cells.cited = cells.cited.plus(Found::of(&found, &wanted));
        }
        cells
    }

    fn pairs(&self) -> Vec<(f64, f64)> {
        self.scores.values().copied().collect()
    }

    /// The dimensions that `number` puts lowest.
    fn lowest(&self, number: impl Fn(&(f64, f64)) -> f64) -> BTreeSet<&DimensionId> {
        let lowest = self.scores.values().map(&number).fold(f64::INFINITY, f64::min);
        let of = self
            .scores
            .iter()
            .filter(|(_, pair)| number(pair) <= lowest + 1e-9);
        of.map(|(dimension, _)| dimension).collect()
    }

    /// Whether the first of the dimensions scored lowest is one of the weakest by the levels of `other`.
    fn fits(&self, other: &Self) -> Option<f64> {
        let advised = *self.lowest(|(_, score)| *score).first()?;
        let weakest = other.lowest(|(level, _)| *level);
        Some(f64::from(u8::from(weakest.contains(advised))))
    }
}

/// Of each dossier, how often its advice fits the dossiers of other people than its own; `people` holds the dossiers of
/// each.
fn elsewhere(cells: &[Cells], people: &[Vec<usize>]) -> Vec<Option<f64>> {
    let mut found = vec![None; cells.len()];
    for own in people {
        let others = || people.iter().filter(|other| *other != own).flatten();
        for &i in own {
            let fits: Vec<f64> = others()
                .filter_map(|&other| cells[i].fits(&cells[other]))
                .collect();
            found[i] = mean(&fits);
        }
    }
    found
}

/// Compares assessments with levels.
pub fn compare(rated: &[RatedDossier]) -> Compared {
    let mut cells: Vec<Cells> = rated.iter().map(Cells::of).collect();
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, rated) in rated.iter().enumerate() {
        groups
            .entry(rated.dossier.meta.subject.id.as_str())
            .or_default()
            .push(i);
    }
    let people: Vec<Vec<usize>> = groups.into_values().collect();
    let fits = elsewhere(&cells, &people);
    for (cells, fits) in cells.iter_mut().zip(fits) {
        cells.elsewhere = fits;
    }
    let over = |statistic: &dyn Fn(&[&Cells]) -> Option<f64>| {
        figure(&people, Seed::root(0).branch("eval"), |drawn| {
            let drawn = drawn.iter().flat_map(|person| person.iter().map(|&i| &cells[i]));
            statistic(&drawn.collect::<Vec<_>>())
        })
    };
    let pooled = |drawn: &[&Cells]| -> Vec<(f64, f64)> { drawn.iter().flat_map(|c| c.pairs()).collect() };
    let cited = |drawn: &[&Cells]| drawn.iter().fold(Found::default(), |sum, c| sum.plus(c.cited));
    let always = |drawn: &[&Cells]| -> Option<f64> {
        mae(&pooled(drawn)
            .into_iter()
            .map(|(level, _)| (level, MIDDLE))
            .collect::<Vec<_>>())
    };
    Compared {
        n: cells.iter().map(|c| c.scores.len()).sum(),
        dossiers: rated.len(),
        groups: people.len(),
        mae: over(&|drawn| mae(&pooled(drawn))),
        order: over(&order),
        dimensions: dimensions(&cells, &over),
        coverage: over(&|drawn| {
            let of: usize = drawn.iter().map(|c| c.behaviours.0).sum();
            let found: usize = drawn.iter().map(|c| c.behaviours.1).sum();
            (of > 0).then(|| found as f64 / of as f64)
        }),
        precision: over(&|drawn| cited(drawn).precision()),
        recall: over(&|drawn| cited(drawn).recall()),
        f1: over(&|drawn| cited(drawn).f1()),
        suggestion_fit: over(&|drawn| mean(&drawn.iter().filter_map(|c| c.fits(c)).collect::<Vec<_>>())),
        suggestion_fit_shuffled: over(&|drawn| {
            mean(&drawn.iter().filter_map(|c| c.elsewhere).collect::<Vec<_>>())
        }),
        baselines: BTreeMap::from([("always_the_middle_mae", over(&always))]),
    }
}

fn dimensions(
    cells: &[Cells],
    over: &dyn Fn(&dyn Fn(&[&Cells]) -> Option<f64>) -> Option<Figure>,
) -> BTreeMap<DimensionId, DimensionAgreement> {
    let all: BTreeSet<&DimensionId> = cells.iter().flat_map(|c| c.scores.keys()).collect();
    let agreement = |dimension: &DimensionId| {
        let of = |drawn: &[&Cells]| -> Vec<(f64, f64)> {
            drawn
                .iter()
                .filter_map(|c| c.scores.get(dimension))
                .copied()
                .collect()
        };
        DimensionAgreement {
            n: cells.iter().filter(|c| c.scores.contains_key(dimension)).count(),
            pearson: over(&|drawn| pearson(&of(drawn))),
            mae: over(&|drawn| mae(&of(drawn))),
        }
    };
    all.into_iter()
        .map(|dimension| (dimension.clone(), agreement(dimension)))
        .collect()
}

/// The share of pairs of dimensions of one dossier that are put in the right order.
fn order(drawn: &[&Cells]) -> Option<f64> {
    pooled_order(drawn.iter().map(|c| c.pairs())).map(|order| order.accuracy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(scores: &[(&str, f64, f64)]) -> Cells {
        Cells {
            scores: scores
                .iter()
                .map(|(name, level, score)| (DimensionId::new(*name), (*level, *score)))
                .collect(),
            behaviours: (2, 1),
            cited: Found::default(),
            elsewhere: None,
        }
    }

    /// By hand: `quality` is scored lowest; people put it and `delivery` lowest in the first, `growth` in the second.
    #[test]
    fn advice_fits_whom_it_is_for() {
        let one = cells(&[
            ("delivery", 2.0, 3.0),
            ("growth", 4.0, 3.5),
            ("quality", 2.0, 2.5),
        ]);
        let other = cells(&[
            ("delivery", 2.0, 3.0),
            ("growth", 1.5, 3.5),
            ("quality", 2.0, 2.5),
        ]);
        assert_eq!(one.fits(&one), Some(1.0));
        assert_eq!(one.fits(&other), Some(0.0));
    }

    /// By hand: the first two are one person's and advise quality. Of the others that are advised so, one has it lowest.
    #[test]
    fn advice_is_held_against_other_people_alone() {
        let quality = [("delivery", 2.0, 3.0), ("quality", 1.0, 2.5)];
        let delivery = [("delivery", 1.0, 2.5), ("quality", 2.0, 3.0)];
        let all = [quality, quality, quality, delivery].map(|scores| cells(&scores));
        let people = [vec![0, 1], vec![2], vec![3]];
        assert_eq!(
            elsewhere(&all, &people),
            [Some(0.5), Some(0.5), Some(2.0 / 3.0), Some(0.0)]
        );
        assert_eq!(elsewhere(&all[..2], &people[..1]), [None, None]);
    }

    /// By hand: of three pairs one is tied by the levels; (2, 3) before (4, 3.5) is right, (4, 3.5) before (2, 2.5) too.
    #[test]
    fn order_is_counted_within_a_dossier() {
        let one = cells(&[
            ("delivery", 2.0, 3.0),
            ("growth", 4.0, 3.5),
            ("quality", 2.0, 2.5),
        ]);
        let wrong = cells(&[("delivery", 2.0, 3.0), ("growth", 4.0, 1.0)]);
        assert_eq!(order(&[&one]), Some(1.0));
        assert_eq!(order(&[&one, &wrong]), Some(2.0 / 3.0));
        assert_eq!(order(&[]), None);
    }
}
