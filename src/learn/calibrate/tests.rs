//! A made-up organisation: what people give is a common part and one of each dimension's own, both to be seen in the
//! states, the own part only faintly.

use super::*;
use crate::engine::reading;
use crate::seed::{Seed, Stream};

const DIMENSIONS: [&str; 3] = ["collaboration", "delivery", "quality"];
const WIDTH: usize = 24;

/// About normal: the sum of twelve uniform numbers, less six (Irwin-Hall).
fn normal(numbers: &mut Stream) -> f64 {
    (0..12)
        .map(|_| numbers.bits() as f64 / u64::MAX as f64)
        .sum::<f64>()
        - 6.0
}

/// `people` with one item each; the model says 3 or so of everything.
fn organisation(people: usize, seed: u64) -> Vec<Observation> {
    let mut numbers = Seed::root(seed).stream();
    let mut made = Vec::new();
    for person in 0..people {
        let common = normal(&mut numbers);
        let own = DIMENSIONS.map(|_| normal(&mut numbers));
        let mean_own = own.iter().sum::<f64>() / 3.0;
        let text: Vec<f32> = (0..WIDTH)
            .map(|f| (if f % 4 == 0 { common } else { 0.0 } + normal(&mut numbers)) as f32)
            .collect();
        for (d, dimension) in DIMENSIONS.into_iter().enumerate() {
            let own = own[d] - mean_own;
            let hidden = (0..WIDTH).map(|f| {
                let seen = if f % 4 == 1 { 0.5 * own } else { 0.0 };
                (seen + normal(&mut numbers)) as f32
            });
            let hidden = hidden.collect();
            let said = [0.0, 0.0, 0.5, 0.0, 0.0].map(|l: f32| l + 0.1 * normal(&mut numbers) as f32);
            made.push(Observation {
                item: format!("p{person}"),
                group: format!("p{person}"),
                dimension: dimension.into(),
                level: (3.0 + 0.6 * common + 0.5 * own + 0.2 * normal(&mut numbers)).clamp(1.0, 5.0),
                text: text.clone(),
                hidden,
                reading: reading::read(said, &said),
            });
        }
    }
    made
}

fn levels(fitted: &Fitted, seen: &[Observation], dimension: &str) -> Vec<(f64, f64)> {
    let reader = &fitted.readers[&DimensionId::new(dimension)];
    let of = seen.iter().filter(|o| o.dimension.as_str() == dimension);
    of.map(|o| (o.level, f64::from(reader.level(&o.features().row().0))))
        .collect()
}

#[test]
fn people_it_has_not_seen_are_rated_as_the_organisation_would() {
    let fitted = fit(&organisation(120, 1), None);
    let others = organisation(80, 2);
    for dimension in DIMENSIONS {
        let reader = &fitted.readers[&DimensionId::new(dimension)];
        let pairs = levels(&fitted, &others, dimension);
        assert!(reader.mae_after < 0.8 * reader.mae_before, "{reader:?}");
        assert!(
            pearson(&pairs).is_some_and(|r| r > 0.6),
            "{dimension} {:?}",
            pearson(&pairs)
        );
        // What it says of itself holds for others too.
        let mae = mae(&pairs).unwrap_or_default();
        assert!(
            (mae - f64::from(reader.mae_after)).abs() < 0.12,
            "{mae} {reader:?}"
        );
        // 80 people: nine in ten within the margin, give or take three standard errors.
        let within = crate::metrics::within(&pairs, f64::from(reader.margin)).unwrap_or_default();
        assert!((0.8..=1.0).contains(&within), "{dimension} {within}");
    }
}

/// The common part is better seen than what is own: without a stretch, predictions are more alike than ratings.
#[test]
fn dimensions_keep_what_is_their_own() {
    let seen = organisation(150, 3);
    let others = organisation(150, 4);
    let fitted = fit(&seen, None);
    let alike = |of: &dyn Fn(&str) -> Vec<f64>| {
        let columns = DIMENSIONS.map(of);
        let pair = |a: usize, b: usize| {
            pearson(
                &columns[a]
                    .iter()
                    .copied()
                    .zip(columns[b].iter().copied())
                    .collect::<Vec<_>>(),
            )
        };
        mean(&[pair(0, 1), pair(0, 2), pair(1, 2)].map(Option::unwrap_or_default)).unwrap_or_default()
    };
    let people = alike(&|d| {
        levels(&fitted, &others, d)
            .iter()
            .map(|(level, _)| *level)
            .collect()
    });
    let scores = alike(&|d| {
        levels(&fitted, &others, d)
            .iter()
            .map(|(_, score)| *score)
            .collect()
    });
    assert!(scores - people < 0.3, "people {people:.2}, scores {scores:.2}");
}

#[test]
fn few_ratings_are_left_alone() {
    let fitted = fit(&organisation(MIN_RATINGS - 1, 5), None);
    assert!(fitted.readers.is_empty());
    let left = fitted.left[&DimensionId::new("quality")];
    assert_eq!(
        left,
        Left::TooFew {
            ratings: MIN_RATINGS - 1,
            groups: MIN_RATINGS - 1
        }
    );
    let mut one_person = organisation(60, 5);
    for observation in &mut one_person {
        observation.group = "p".to_owned();
    }
    assert!(fit(&one_person, None).readers.is_empty());
    assert_eq!(fit(&[], None), Fitted::default());
}

#[test]
fn a_model_that_is_right_is_left_alone() {
    let mut right = organisation(40, 6);
    for observation in &mut right {
        observation.reading.raw_score = observation.level as f32;
        // What it says is all that there is to see, and the probabilities do not say it.
        observation.text.fill(0.0);
        observation.hidden.fill(0.0);
    }
    let fitted = fit(&right, None);
    for dimension in DIMENSIONS {
        let left = fitted.left.get(&DimensionId::new(dimension));
        let reader = fitted.readers.get(&DimensionId::new(dimension));
        assert!(matches!(left, Some(Left::NoGain { .. })), "{left:?} {reader:?}");
    }
}

/// By hand: of 19 distances the 18th smallest is the quantile ceil(20 * 0.9); of two it is the larger one.
#[test]
fn the_margin_is_corrected_for_the_number() {
    let pairs = |n: u32| -> Vec<(f64, f64)> { (1..=n).map(|i| (0.0, f64::from(i))).collect() };
    assert!((margin(&pairs(19)) - 18.0).abs() < 1e-12);
    assert!((margin(&pairs(2)) - 2.0).abs() < 1e-12);
}

#[test]
fn states_of_another_shape_are_not_mixed_in() {
    let mut mixed = organisation(100, 7);
    mixed[0].text.pop();
    let fitted = fit(&mixed, None);
    assert!(!fitted.readers.contains_key(&DimensionId::new("collaboration")));
    assert!(fitted.readers.contains_key(&DimensionId::new("delivery")));
}

/// An organisation that is half a level stricter than the one before, of which only a few people are rated: on top of what
/// is known it comes nearer than from nothing.
#[test]
fn a_fit_stands_on_what_was_known_before() {
    let base = Calibration::example(fit(&organisation(150, 11), None).readers);
    let stricter = |people, seed| {
        let mut seen = organisation(people, seed);
        for o in &mut seen {
            o.level = (o.level - 0.5).max(1.0);
        }
        seen
    };
    let few = stricter(2 * MIN_RATINGS, 12);
    let others = stricter(150, 13);
    let far = |fitted: &Fitted| {
        let pairs: Vec<(f64, f64)> = DIMENSIONS
            .iter()
            .flat_map(|dimension| levels(fitted, &others, dimension))
            .collect();
        mae(&pairs).unwrap_or_default()
    };
    let (upon, alone) = (fit(&few, Some(&base)), fit(&few, None));
    assert!(upon.readers.len() == DIMENSIONS.len() && alone.readers.len() == DIMENSIONS.len());
    let of_base = Fitted {
        readers: base.dimensions.clone(),
        left: BTreeMap::new(),
    };
    assert!(
        far(&upon) < 0.9 * far(&alone) && far(&upon) < 0.9 * far(&of_base),
        "{} on top, {} from nothing, {} before",
        far(&upon),
        far(&alone),
        far(&of_base)
    );
    // Before is what the base says, not what the model does.
    let before = f64::from(upon.readers[&DimensionId::new("quality")].mae_before);
    assert!(
        (before - far(&of_base)).abs() < 0.15,
        "{before} {}",
        far(&of_base)
    );
}
