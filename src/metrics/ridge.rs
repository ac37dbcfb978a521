//! Ridge regression in its dual form (Saunders, Gammerman & Vovk, 1998): what counts is how alike two items are.
//!
//! With `K` the similarities, `H = (K + penalty I)^-1` and `a = H y`, the prediction of a new item is its similarities
//! times `a`. Leaving a whole group of items out needs no second fit: its errors are `H_gg^-1 a_g`, `H_gg` the part of
//! `H` that belongs to the group (the block form of the leave-one-out identity; Rasmussen & Williams, 2006, 5.12).
//!
//! Only the eigenvectors of `K` whose value is not 0 are held. Where items are rows of fewer numbers than there are items,
//! there are as many of them as numbers, and they are found from the products of the columns.

use std::collections::HashMap;

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

/// How much larger the similarity of the constant is than that of the items: it is fitted, not shrunk.
const CONSTANT: f64 = 1e3;

/// Penalties worth trying, as shares of the mean similarity of an item with itself.
pub const PENALTIES: [f64; 8] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// Items with their similarities, ready to be fitted to any target.
#[derive(Debug)]
pub struct Ridge {
    /// Eigenvalues and eigenvectors `[n, values]` of the similarities, the constant's among them; the other eigenvalues are 0.
    values: Vec<f64>,
    vectors: Mat<f64>,
    /// The items of each group.
    groups: Vec<Vec<usize>>,
    /// The mean similarity of an item with itself.
    scale: f64,
}

/// A fit: the prediction of an item is its similarities times `weights`, plus `constant`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// One for each item.
    pub weights: Vec<f64>,
    /// What is added.
    pub constant: f64,
}

impl Fit {
    /// The prediction of the item whose similarities with the items of the fit are these.
    pub fn predict(&self, similarities: impl IntoIterator<Item = f64>) -> f64 {
        let products = similarities.into_iter().zip(&self.weights).map(|(k, a)| k * a);
        self.constant + products.sum::<f64>()
    }
}

impl Ridge {
    /// Items whose similarities are the entries of `kernel`, `[n, n]`, symmetric and positive semidefinite; `groups`
    /// says to which group each belongs: what was not sampled independently is left out together. None where there is no
    /// item, or a similarity is not a number.
    pub fn new(kernel: &Mat<f64>, groups: &[usize]) -> Option<Self> {
        let n = groups.len();
        if n == 0 || kernel.nrows() != n || kernel.ncols() != n {
            return None;
        }
        let scale = (0..n).map(|i| kernel[(i, i)]).sum::<f64>() / n as f64;
        Self::with_scale(kernel, groups, scale)
    }

    /// The same where the mean similarity is known.
    fn with_scale(kernel: &Mat<f64>, groups: &[usize], scale: f64) -> Option<Self> {
        let n = groups.len();
        let with_constant = Mat::from_fn(n, n, |i, j| kernel[(i, j)] + CONSTANT * scale);
        let eigen = eigen(&with_constant, scale)?;
        Some(Self {
            values: eigen.0,
            vectors: eigen.1,
            groups: members(groups)?,
            scale,
        })
    }

    /// Items that are rows of numbers, `[n, p]`; their similarities are the products of rows.
    pub fn of_rows(rows: &Mat<f64>, groups: &[usize]) -> Option<Self> {
        let (n, p) = (rows.nrows(), rows.ncols());
        if n <= p || groups.len() != n {
            return Self::new(&(rows * rows.transpose()), groups);
        }
        let squares = (0..n).map(|i| (0..p).map(|f| rows[(i, f)].powi(2)).sum::<f64>());
        let scale = squares.sum::<f64>() / n as f64;
        let constant = (CONSTANT * scale).sqrt();
        let rows = Mat::from_fn(n, p + 1, |i, f| if f < p { rows[(i, f)] } else { constant });
        let (values, across) = eigen(&(rows.transpose() * &rows), scale)?;
        let mut vectors = rows * across;
        for (column, value) in vectors.col_iter_mut().zip(&values) {
            for x in column.iter_mut() {
                *x /= value.sqrt();
            }
        }
        Some(Self {
            values,
            vectors,
            groups: members(groups)?,
            scale,
        })
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The fit to `y`; the penalty is a share of [`PENALTIES`]' kind.
    pub fn fit(&self, y: &[f64], penalty: f64) -> Fit {
        let weights = self.dual(y, penalty);
        let constant = CONSTANT * self.scale * weights.iter().sum::<f64>();
        Fit { weights, constant }
    }

    /// The prediction of each item by the fit to all other groups; not a number where rounding allows none.
    pub fn held_out(&self, y: &[f64], penalty: f64) -> Vec<f64> {
        let dual = self.dual(y, penalty);
        let mut predictions = vec![f64::NAN; y.len()];
        for group in &self.groups {
            let own = self.inverse(group, penalty);
            let errors = Mat::from_fn(group.len(), 1, |i, _| dual[group[i]]);
            // Positive definite: a part of the inverse of a matrix that is.
            let Ok(factors) = own.llt(Side::Lower) else {
                continue;
            };
            let errors = factors.solve(&errors);
            for (i, &item) in group.iter().enumerate() {
                predictions[item] = y[item] - errors[(i, 0)];
            }
        }
        predictions
    }

    /// The largest penalty whose held-out predictions are no further from `y` than the nearest are, within one standard
    /// error over groups, and those predictions (the one-standard-error rule; Breiman et al., 1984): for a fit that is to
    /// be used on items of another kind.
    pub fn simplest(&self, y: &[f64]) -> (f64, Vec<f64>) {
        let (best, nearest) = self.best(y);
        let (least, error) = self.loss(&nearest, y);
        let simpler = PENALTIES.iter().rev().take_while(|penalty| **penalty > best);
        let mut tried = simpler.map(|&penalty| (penalty, self.held_out(y, penalty)));
        let near = tried.find(|(_, predictions)| self.loss(predictions, y).0 <= least + error);
        near.unwrap_or((best, nearest))
    }

    /// The mean squared distance of predictions, and its standard error over groups.
    fn loss(&self, predictions: &[f64], y: &[f64]) -> (f64, f64) {
        let of_group = |group: &Vec<usize>| {
            group
                .iter()
                .map(|&i| (predictions[i] - y[i]).powi(2))
                .sum::<f64>()
        };
        let sums: Vec<f64> = self.groups.iter().map(of_group).collect();
        let (n, groups) = (y.len() as f64, sums.len() as f64);
        let mean = sums.iter().sum::<f64>() / groups;
        let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / groups;
        (sums.iter().sum::<f64>() / n, (variance * groups).sqrt() / n)
    }

    /// The penalty whose held-out predictions of `y` are nearest, and those predictions.
    pub fn best(&self, y: &[f64]) -> (f64, Vec<f64>) {
        let loss = |p: &[f64]| {
            let loss = p.iter().zip(y).map(|(p, y)| (p - y).powi(2)).sum::<f64>();
            if loss.is_nan() { f64::INFINITY } else { loss }
        };
        let tried = PENALTIES.map(|penalty| (penalty, self.held_out(y, penalty)));
        let best = tried.into_iter().min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1)));
        best.unwrap_or_default()
    }

    /// `H y`.
    fn dual(&self, y: &[f64], penalty: f64) -> Vec<f64> {
        let penalty = penalty * self.scale;
        let n = y.len();
        let y = Mat::from_fn(n, 1, |i, _| y[i]);
        let mut rotated = self.vectors.transpose() * &y;
        for (i, value) in self.values.iter().enumerate() {
            rotated[(i, 0)] *= value / (value + penalty);
        }
        let fitted = &self.vectors * rotated;
        (0..n).map(|i| (y[(i, 0)] - fitted[(i, 0)]) / penalty).collect()
    }

    /// The part of `H` that belongs to a group.
    fn inverse(&self, group: &[usize], penalty: f64) -> Mat<f64> {
        let penalty = penalty * self.scale;
        let kept = self.values.len();
        let own = Mat::from_fn(group.len(), kept, |i, e| self.vectors[(group[i], e)]);
        let shrunk = Mat::from_fn(kept, group.len(), |e, i| {
            own[(i, e)] * self.values[e] / (self.values[e] + penalty)
        });
        let fitted = own * shrunk;
        Mat::from_fn(group.len(), group.len(), |i, j| {
            (f64::from(u8::from(i == j)) - fitted[(i, j)]) / penalty
        })
    }
}

/// The eigenvalues that are not 0, for numbers of this size, and their vectors.
fn eigen(symmetric: &Mat<f64>, scale: f64) -> Option<(Vec<f64>, Mat<f64>)> {
    /// What rounding leaves of an eigenvalue of 0.
    const NOTHING: f64 = 1e-9;
    if !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    let eigen = symmetric.self_adjoint_eigen(Side::Lower).ok()?;
    let all: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let kept: Vec<usize> = (0..all.len()).filter(|&i| all[i] > NOTHING * scale).collect();
    let vectors = Mat::from_fn(symmetric.nrows(), kept.len(), |i, e| eigen.U()[(i, kept[e])]);
    Some((kept.into_iter().map(|i| all[i]).collect(), vectors))
}

/// The items of each group that has some.
fn members(groups: &[usize]) -> Option<Vec<Vec<usize>>> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); groups.iter().max()? + 1];
    for (item, &group) in groups.iter().enumerate() {
        members[group].push(item);
    }
    members.retain(|group| !group.is_empty());
    Some(members)
}

/// Names of groups as [`Ridge::new`] takes them: numbers from 0, in order of appearance.
pub fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    names
        .map(|name| {
            let next = known.len();
            *known.entry(name).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [[f64; 2]; 7] = [
        [0.0, 1.0],
        [1.0, 0.5],
        [2.0, -1.0],
        [3.0, 0.0],
        [4.0, 2.0],
        [5.0, -0.5],
        [6.0, 1.5],
    ];
    const Y: [f64; 7] = [1.2, 1.9, 1.4, 2.9, 4.6, 3.1, 5.6];
    const GROUPS: [usize; 7] = [0, 0, 1, 1, 2, 3, 3];

    fn similarity(a: [f64; 2], b: [f64; 2]) -> f64 {
        a[0] * b[0] + a[1] * b[1]
    }

    fn kernel(rows: &[[f64; 2]]) -> Mat<f64> {
        Mat::from_fn(rows.len(), rows.len(), |i, j| similarity(rows[i], rows[j]))
    }

    /// ```python
    /// from sklearn.linear_model import Ridge  # scikit-learn 1.9
    /// X = [[0,1],[1,.5],[2,-1],[3,0],[4,2],[5,-.5],[6,1.5]]; y = [1.2,1.9,1.4,2.9,4.6,3.1,5.6]
    /// scale = sum(a*a+b*b for a, b in X) / 7
    /// m = Ridge(alpha=0.1*scale).fit(X, y); m.coef_, m.intercept_  # [0.58870966, 0.59088734], 0.89557022
    /// # the constant is all but free: its own penalty is a thousandth of the others'
    /// ```
    #[test]
    fn the_fit_is_that_of_scikit_learn() {
        let ridge = Ridge::new(&kernel(&X), &GROUPS).expect("a ridge");
        let fit = ridge.fit(&Y, 0.1);
        let weight = |column: usize| -> f64 { X.iter().zip(&fit.weights).map(|(x, a)| x[column] * a).sum() };
        for (found, expected) in [
            (weight(0), COEF[0]),
            (weight(1), COEF[1]),
            (fit.constant, INTERCEPT),
        ] {
            assert!((found - expected).abs() < 2e-3, "{found}, expected {expected}");
        }
    }

    /// Held to a standard error that is worked out in another way: the spread of the groups' mean squares, each weighed by
    /// its size.
    #[test]
    fn the_simplest_fit_is_as_near_as_can_be_told() {
        let ridge = Ridge::new(&kernel(&X), &GROUPS).expect("a ridge");
        let sums = |penalty: f64| {
            let held_out = ridge.held_out(&Y, penalty);
            let mut sums = [0.0; 4];
            for ((group, p), y) in GROUPS.into_iter().zip(held_out).zip(Y) {
                sums[group] += (p - y).powi(2);
            }
            sums
        };
        let (best, _) = ridge.best(&Y);
        let (simplest, _) = ridge.simplest(&Y);
        let least = sums(best);
        let mean = least.iter().sum::<f64>() / 4.0;
        let spread = (least.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / 4.0).sqrt();
        let allowed = (4.0 * mean + 2.0 * spread) / 7.0;
        let loss = |penalty: f64| sums(penalty).iter().sum::<f64>() / 7.0;
        assert!(simplest >= best && loss(simplest) <= allowed);
        for penalty in PENALTIES.into_iter().filter(|penalty| *penalty > simplest) {
            assert!(loss(penalty) > allowed, "{penalty} would do too");
        }
    }

    const COEF: [f64; 2] = [0.588_709_66, 0.590_887_34];
    const INTERCEPT: f64 = 0.895_570_22;

    #[test]
    fn rows_are_fitted_as_their_similarities_are() {
        let rows = Mat::from_fn(7, 2, |i, f| X[i][f]);
        let (short, long) = (
            Ridge::of_rows(&rows, &GROUPS).expect("a ridge"),
            Ridge::new(&kernel(&X), &GROUPS).expect("a ridge"),
        );
        assert_eq!((short.values.len(), long.values.len()), (3, 3));
        for penalty in [0.01, 1.0] {
            let (a, b) = (short.fit(&Y, penalty), long.fit(&Y, penalty));
            assert!((a.constant - b.constant).abs() < 1e-6);
            let held_out = short
                .held_out(&Y, penalty)
                .into_iter()
                .zip(long.held_out(&Y, penalty));
            let pairs = a.weights.into_iter().zip(b.weights).chain(held_out);
            for (one, other) in pairs {
                assert!((one - other).abs() < 1e-6, "{one} {other}");
            }
        }
    }

    #[test]
    fn leaving_a_group_out_is_a_fit_without_it() {
        let ridge = Ridge::new(&kernel(&X), &GROUPS).expect("a ridge");
        let held_out = ridge.held_out(&Y, 0.1);
        for group in 0..4 {
            let others: Vec<usize> = (0..7).filter(|&i| GROUPS[i] != group).collect();
            let rows: Vec<[f64; 2]> = others.iter().map(|&i| X[i]).collect();
            let y: Vec<f64> = others.iter().map(|&i| Y[i]).collect();
            // The penalty and the constant are shares of the whole's mean similarity.
            let without = Ridge::with_scale(&kernel(&rows), &vec![0; rows.len()], ridge.scale);
            let without = without.expect("a ridge");
            let fit = without.fit(&y, 0.1);
            for item in (0..7).filter(|&i| GROUPS[i] == group) {
                let expected = fit.predict(rows.iter().map(|row| similarity(*row, X[item])));
                assert!(
                    (held_out[item] - expected).abs() < 1e-6,
                    "{item}: {} {expected}",
                    held_out[item]
                );
            }
        }
    }

    #[test]
    fn the_best_penalty_predicts_what_it_has_not_seen() {
        let ridge = Ridge::new(&kernel(&X), &GROUPS).expect("a ridge");
        let (penalty, held_out) = ridge.best(&Y);
        assert!(PENALTIES.contains(&penalty));
        let pairs: Vec<(f64, f64)> = Y.into_iter().zip(held_out).collect();
        assert!(
            crate::metrics::pearson(&pairs).is_some_and(|r| r > 0.9),
            "{pairs:?}"
        );
    }

    /// Vectors that are too long, as rounding may make them: by hand, the parts of the inverse are positive where
    /// `4 / (1 + penalty) < 1` alone.
    #[test]
    fn a_penalty_that_gives_no_prediction_is_not_chosen() {
        let ridge = Ridge {
            values: vec![1.0],
            vectors: Mat::from_fn(2, 1, |_, _| 2.0),
            groups: vec![vec![0], vec![1]],
            scale: 1.0,
        };
        assert!(ridge.held_out(&[1.0, 2.0], 0.1).iter().all(|p| p.is_nan()));
        let (penalty, held_out) = ridge.best(&[1.0, 2.0]);
        assert!((penalty - 10.0).abs() < f64::EPSILON, "{penalty}");
        assert!(held_out.iter().all(|p| p.is_finite()), "{held_out:?}");
    }

    #[test]
    fn nothing_to_fit_gives_none() {
        assert!(Ridge::new(&Mat::zeros(0, 0), &[]).is_none());
        assert!(Ridge::new(&Mat::zeros(2, 2), &[0, 1]).is_none());
        assert!(Ridge::new(&Mat::from_fn(1, 1, |_, _| f64::NAN), &[0]).is_none());
    }
}
