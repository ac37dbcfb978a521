//! How far two ratings of the same things agree. Pairs are (reference, rating).

/// Mean absolute difference.
pub fn mae(pairs: &[(f64, f64)]) -> Option<f64> {
    let total: f64 = pairs.iter().map(|(a, b)| (a - b).abs()).sum();
    (!pairs.is_empty()).then(|| total / pairs.len() as f64)
}

/// The share of pairs that differ by at most `tolerance`.
pub fn within(pairs: &[(f64, f64)], tolerance: f64) -> Option<f64> {
    let close = pairs
        .iter()
        .filter(|(a, b)| (a - b).abs() <= tolerance + 1e-9)
        .count();
    (!pairs.is_empty()).then(|| close as f64 / pairs.len() as f64)
}

/// Cohen's kappa with quadratic weights (Cohen, 1968) over categories `0..categories`; none where chance alone would
/// agree fully. Pairs outside the categories are a caller's mistake and give none.
pub fn quadratic_kappa(pairs: &[(usize, usize)], categories: usize) -> Option<f64> {
    if pairs.iter().any(|(a, b)| *a >= categories || *b >= categories) {
        return None;
    }
    let (mut of_a, mut of_b) = (vec![0.0; categories], vec![0.0; categories]);
    let square = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
    let mut observed = 0.0;
    for (a, b) in pairs {
        of_a[*a] += 1.0;
        of_b[*b] += 1.0;
        observed += square(*a, *b);
    }
    let mut chance = 0.0;
    for (i, a) in of_a.iter().enumerate() {
        for (j, b) in of_b.iter().enumerate() {
            chance += a * b * square(i, j) / pairs.len() as f64;
        }
    }
    (chance > 0.0).then(|| 1.0 - observed / chance)
}

/// How often two things are put in the right order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// The share of right orders; a tie in the rating counts half.
    pub accuracy: f64,
    /// How many pairs of things the reference tells apart.
    pub n: usize,
}

/// Over all pairs of things that the reference tells apart: how often the rating orders them alike.
pub fn pairwise_order(pairs: &[(f64, f64)]) -> Option<Order> {
    let (mut right, mut n) = (0.0, 0_usize);
    for (i, (a, rated_a)) in pairs.iter().enumerate() {
        for (b, rated_b) in &pairs[i + 1..] {
            let agreement = (a - b) * (rated_a - rated_b);
            if (a - b).abs() > f64::EPSILON {
                n += 1;
                right += if agreement > 0.0 {
                    1.0
                } else if agreement < 0.0 {
                    0.0
                } else {
                    0.5
                };
            }
        }
    }
    (n > 0).then(|| Order {
        accuracy: right / n as f64,
        n,
    })
}

/// The same over several lists, whose things are compared within each list alone: every pair counts alike.
pub fn pooled_order(lists: impl IntoIterator<Item = Vec<(f64, f64)>>) -> Option<Order> {
    let orders = lists.into_iter().filter_map(|list| pairwise_order(&list));
    let (right, n) = orders.fold((0.0, 0), |(right, n), order| {
        (right + order.accuracy * order.n as f64, n + order.n)
    });
    (n > 0).then(|| Order {
        accuracy: right / n as f64,
        n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(f64, f64); 8] = [
        (1.0, 1.5),
        (2.5, 2.0),
        (3.0, 3.0),
        (4.5, 4.0),
        (5.0, 4.5),
        (2.0, 3.0),
        (3.5, 3.0),
        (3.0, 3.0),
    ];

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap_or(f64::NAN);
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    /// ```python
    /// from sklearn.metrics import *  # scikit-learn 1.9
    /// a = [1, 2.5, 3, 4.5, 5, 2, 3.5, 3]; b = [1.5, 2, 3, 4, 4.5, 3, 3, 3]
    /// mean_absolute_error(a, b)                                                       # 0.4375
    /// nine = lambda v: [round((x - 1) * 2) for x in v]
    /// cohen_kappa_score(nine(a), nine(b), weights="quadratic", labels=list(range(9))) # 0.8767123287671232
    /// x = [1,2,3,4,5,1,2,3,4,5]; y = [1,2,3,5,5,2,2,2,4,3]
    /// cohen_kappa_score(x, y, weights="quadratic", labels=[1,2,3,4,5])                # 0.8108108108108107
    /// ```
    #[test]
    fn agreement_is_that_of_scikit_learn() {
        near(mae(&PAIRS), 0.4375);
        let half_steps = PAIRS.map(|(a, b)| (((a - 1.0) * 2.0) as usize, ((b - 1.0) * 2.0) as usize));
        near(quadratic_kappa(&half_steps, 9), 0.876_712_328_767_123_2);
        let x = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4];
        let y = [0, 1, 2, 4, 4, 1, 1, 1, 3, 2];
        let levels: Vec<(usize, usize)> = x.into_iter().zip(y).collect();
        near(quadratic_kappa(&levels, 5), 0.810_810_810_810_810_7);
    }

    /// By hand: of the 28 pairs one (3, 3) is tied in the reference; 21 are ordered alike, 5 are tied in the rating, and
    /// (2.5, 2) against (2, 3) is reversed: (21 + 5 / 2) / 27.
    #[test]
    fn order_counts_ties_half() {
        let order = pairwise_order(&PAIRS);
        near(order.map(|o| o.accuracy), 23.5 / 27.0);
        assert_eq!(order.map(|o| o.n), Some(27));
    }

    #[test]
    fn tolerance_includes_its_edge() {
        near(within(&PAIRS, 0.5), 7.0 / 8.0);
        near(within(&PAIRS, 1.0), 1.0);
    }

    #[test]
    fn figures_that_the_data_cannot_give_are_none() {
        assert_eq!(mae(&[]), None);
        assert_eq!(quadratic_kappa(&[(2, 2), (2, 2)], 5), None);
        assert_eq!(quadratic_kappa(&[(5, 2)], 5), None);
        assert_eq!(pairwise_order(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
