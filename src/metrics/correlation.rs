//! Correlations of paired numbers.

use super::summary::mean;

/// Pearson's product-moment correlation; none without spread on both sides.
pub fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (mean_a, mean_b) = (mean(&a)?, mean(&b)?);
    let (mut covariance, mut variance_a, mut variance_b) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (dx, dy) = (x - mean_a, y - mean_b);
        covariance += dx * dy;
        variance_a += dx * dx;
        variance_b += dy * dy;
    }
    // Equal numbers differ by what rounding makes of their mean.
    let differ = |variance: f64, mean: f64| variance > 1e-20 * pairs.len() as f64 * mean.powi(2).max(1e-20);
    let spread = differ(variance_a, mean_a) && differ(variance_b, mean_b);
    spread.then(|| covariance / (variance_a * variance_b).sqrt())
}

/// Spearman's rank correlation: Pearson's over ranks, ties sharing the mean of theirs.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ranked: Vec<(f64, f64)> = ranks(&a).into_iter().zip(ranks(&b)).collect();
    pearson(&ranked)
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let shared = before as f64 + f64::midpoint(1.0, ties.len() as f64);
        for at in ties {
            ranks[*at] = shared;
        }
        before += ties.len();
    }
    ranks
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

    /// ```python
    /// from scipy import stats  # SciPy 1.17
    /// a = [1, 2.5, 3, 4.5, 5, 2, 3.5, 3]; b = [1.5, 2, 3, 4, 4.5, 3, 3, 3]
    /// stats.pearsonr(a, b).statistic, stats.spearmanr(a, b).statistic  # 0.91662704, 0.88042869
    /// ```
    #[test]
    fn correlations_are_those_of_scipy() {
        assert!((pearson(&PAIRS).unwrap_or(f64::NAN) - 0.916_627_038_770_474_2).abs() < 1e-12);
        assert!((spearman(&PAIRS).unwrap_or(f64::NAN) - 0.880_428_686_916_226_2).abs() < 1e-12);
    }

    /// `scipy.stats.rankdata([20, 10, 30, 20])`.
    #[test]
    fn equal_values_share_a_rank() {
        assert_eq!(ranks(&[20.0, 10.0, 30.0, 20.0]), [2.5, 1.0, 4.0, 2.5]);
    }

    #[test]
    fn without_spread_there_is_no_correlation() {
        assert_eq!(pearson(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 2.0)]), None);
        assert_eq!(pearson(&[]), None);
        let third = 1.0 / 3.0;
        assert_eq!(pearson(&[(1.0, third), (2.0, third), (4.0, third)]), None);
    }
}
