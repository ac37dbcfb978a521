//! The nearest curve that never falls.

use serde::{Deserialize, Serialize};

/// A curve that never falls, fitted by pooling adjacent violators (Ayer et al., 1955), between whose points it is
/// straight; flat beyond the first and the last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Isotonic {
    /// Where it was seen, ascending, and how high it stands there.
    points: Vec<(f64, f64)>,
}

impl Isotonic {
    /// The curve with the least squared distance from `pairs` (x, y). A pool of points becomes one, at its mean x: what
    /// differs in x still differs in y, unless whole pools are alike.
    pub fn fit(pairs: &[(f64, f64)]) -> Self {
        let mut sorted = pairs.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        // What has one x has one height, whatever comes first.
        let mut places: Vec<Pool> = Vec::new();
        for (x, y) in sorted {
            let point = Pool { n: 1.0, x, y };
            match places.last_mut() {
                Some(place) if place.x >= x => {
                    *place = Pool {
                        x,
                        ..place.with(point)
                    }
                }
                _ => places.push(point),
            }
        }
        let mut pools: Vec<Pool> = Vec::new();
        for mut pool in places {
            while let Some(before) = pools.pop_if(|before| before.y >= pool.y || before.x >= pool.x) {
                pool = pool.with(before);
            }
            pools.push(pool);
        }
        Self {
            points: pools.into_iter().map(|pool| (pool.x, pool.y)).collect(),
        }
    }

    /// Its height at `x`; `x` itself where it was fitted to nothing.
    pub fn at(&self, x: f64) -> f64 {
        let above = self.points.partition_point(|(at, _)| *at < x);
        match (
            above.checked_sub(1).map(|i| self.points[i]),
            self.points.get(above).copied(),
        ) {
            (None, None) => x,
            (Some((_, y)), None) | (None, Some((_, y))) => y,
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        }
    }
}

/// Neighbouring points that share a height.
#[derive(Clone, Copy)]
struct Pool {
    n: f64,
    x: f64,
    y: f64,
}

impl Pool {
    fn with(self, other: Self) -> Self {
        let n = self.n + other.n;
        let mean = |a: f64, b: f64| (self.n * a + other.n * b) / n;
        Self {
            n,
            x: mean(self.x, other.x),
            y: mean(self.y, other.y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from sklearn.isotonic import IsotonicRegression  # scikit-learn 1.9
    /// IsotonicRegression().fit_transform([1,2,3,4,5,6,7,8], [1,3,2,2.5,4,3.5,3.8,5])
    /// # [1, 2.5, 2.5, 2.5, 3.75, 3.75, 3.8, 5]: pools at the means of their x are 1, 3, 5.5, 7, 8
    /// ```
    #[test]
    fn pools_are_those_of_scikit_learn() {
        let y = [1.0, 3.0, 2.0, 2.5, 4.0, 3.5, 3.8, 5.0];
        let pairs: Vec<(f64, f64)> = (1..).map(f64::from).zip(y).collect();
        let curve = Isotonic::fit(&pairs);
        assert_eq!(
            curve.points,
            [(1.0, 1.0), (3.0, 2.5), (5.5, 3.75), (7.0, 3.8), (8.0, 5.0)]
        );
    }

    #[test]
    fn it_is_straight_between_points_and_flat_beyond() {
        let curve = Isotonic::fit(&[(1.0, 2.0), (3.0, 4.0)]);
        for (x, y) in [(0.0, 2.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (9.0, 4.0)] {
            assert!((curve.at(x) - y).abs() < f64::EPSILON, "{x}");
        }
    }

    #[test]
    fn equal_places_are_one_place() {
        let curve = Isotonic::fit(&[(2.0, 1.0), (2.0, 3.0), (3.0, 5.0)]);
        assert_eq!(curve.points, [(2.0, 2.0), (3.0, 5.0)]);
        // By hand: 2 stands at 3, which is below 5, so that both are one pool at the mean of 5, 0 and 6.
        for pairs in [
            [(1.0, 5.0), (2.0, 0.0), (2.0, 6.0)],
            [(2.0, 6.0), (2.0, 0.0), (1.0, 5.0)],
        ] {
            let points = Isotonic::fit(&pairs).points;
            assert_eq!(points.len(), 1, "{points:?}");
            let (x, y) = points[0];
            assert!(
                (x - 5.0 / 3.0).abs() < 1e-12 && (y - 11.0 / 3.0).abs() < 1e-12,
                "{x} {y}"
            );
        }
        assert!((Isotonic::default().at(0.25) - 0.25).abs() < f64::EPSILON);
    }
}
