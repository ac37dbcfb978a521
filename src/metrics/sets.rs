//! How well a set of things was found.

use std::collections::BTreeSet;

/// What was found of what should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Found, and should have been.
    pub hits: usize,
    /// Found at all.
    pub found: usize,
    /// Should have been found.
    pub wanted: usize,
}

impl Found {
    /// Compares two sets.
    pub fn of<T: Ord>(found: &BTreeSet<T>, wanted: &BTreeSet<T>) -> Self {
        Self {
            hits: found.intersection(wanted).count(),
            found: found.len(),
            wanted: wanted.len(),
        }
    }

    /// Adds another comparison: the figures of a sum are micro-averages.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            found: self.found + other.found,
            wanted: self.wanted + other.wanted,
        }
    }

    /// The share of what was found that should have been; none where nothing was found.
    pub fn precision(self) -> Option<f64> {
        (self.found > 0).then(|| self.hits as f64 / self.found as f64)
    }

    /// The share of what should have been found that was; none where nothing should have been.
    pub fn recall(self) -> Option<f64> {
        (self.wanted > 0).then(|| self.hits as f64 / self.wanted as f64)
    }

    /// The harmonic mean of precision and recall: 2 hits / (found + wanted).
    pub fn f1(self) -> Option<f64> {
        let total = self.found + self.wanted;
        (total > 0).then(|| 2.0 * self.hits as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from sklearn.metrics import precision_recall_fscore_support  # scikit-learn 1.9
    /// y = [1,1,1,0,0,1,0,0]; p = [1,0,1,1,0,1,0,1]
    /// precision_recall_fscore_support(y, p, average="binary")      # 0.6, 0.75, 0.6666666666666666
    /// ```
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let found = Found::of(&BTreeSet::from([0, 2, 3, 5, 7]), &BTreeSet::from([0, 1, 2, 5]));
        assert_eq!(found.precision(), Some(0.6));
        assert_eq!(found.recall(), Some(0.75));
        assert_eq!(found.f1(), Some(2.0 / 3.0));
    }

    #[test]
    fn sums_are_micro_averages_and_nothing_gives_none() {
        let nothing = Found::default();
        assert_eq!(nothing.precision(), None);
        assert_eq!(nothing.recall(), None);
        assert_eq!(nothing.f1(), None);
        let one = Found {
            hits: 1,
            found: 2,
            wanted: 1,
        };
        assert_eq!(one.plus(one).plus(nothing).precision(), Some(0.5));
    }
}
