//! What is fitted to, and what is predicted: groups are never on both sides.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::sanitize::line;

/// Parts of a cross-validation.
pub const FOLDS: usize = 5;

/// Items to fit to, and items to predict, as indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To fit to.
    pub train: Vec<usize>,
    /// To predict.
    pub test: Vec<usize>,
}

/// Every item is predicted once by a fit to the groups of other folds. The largest group goes first, each to the fold
/// that is smallest so far; of fewer groups than [`FOLDS`], each is a fold.
pub fn by_group(groups: &[&str]) -> Vec<Split> {
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (item, group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(item);
    }
    let mut sorted: Vec<Vec<usize>> = members.into_values().collect();
    sorted.sort_by_key(|items| std::cmp::Reverse(items.len()));
    let mut folds: Vec<Vec<usize>> = vec![Vec::new(); FOLDS.min(sorted.len())];
    for items in sorted {
        if let Some(smallest) = folds.iter_mut().min_by_key(|fold| fold.len()) {
            smallest.extend(items);
        }
    }
    let split = |test: Vec<usize>| {
        let mut test = test;
        test.sort_unstable();
        Split {
            train: (0..groups.len())
                .filter(|i| test.binary_search(i).is_err())
                .collect(),
            test,
        }
    };
    folds.into_iter().map(split).collect()
}

/// The first `count` items, those of one file, are fitted to; the others, those of another, predicted.
///
/// # Errors
/// `Input` when a group stands in both files.
pub fn of_two(groups: &[&str], count: usize) -> Result<Vec<Split>> {
    let (train, test) = groups.split_at(count.min(groups.len()));
    let fitted_to: BTreeSet<&str> = train.iter().copied().collect();
    if let Some(both) = test.iter().find(|group| fitted_to.contains(*group)) {
        let what = format!("the group {} stands in both files", line(both));
        return Err(Error::new(ErrorKind::Input, what)
            .hint("who is fitted to cannot be tested on: leave the group out of one of them"));
    }
    Ok(vec![Split {
        train: (0..train.len()).collect(),
        test: (train.len()..groups.len()).collect(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_predicted_once_and_groups_stay_together() {
        let groups = ["a", "b", "a", "c", "d", "e", "f", "g", "a", "b"];
        let splits = by_group(&groups);
        assert_eq!(splits.len(), FOLDS);
        let mut all: Vec<usize> = splits.iter().flat_map(|s| s.test.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        for split in &splits {
            assert_eq!(split.train.len() + split.test.len(), 10);
            for test in &split.test {
                assert!(split.train.iter().all(|train| groups[*train] != groups[*test]));
            }
        }
        // By hand: a (3) alone, b (2) alone, and of the five single ones two folds take two, one takes one.
        let mut sizes: Vec<usize> = splits.iter().map(|s| s.test.len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 2, 2, 2, 3]);
    }

    #[test]
    fn a_group_of_both_files_is_refused() -> Result<()> {
        let apart = of_two(&["a", "b", "a", "c"], 3)?;
        assert_eq!(apart[0].train, [0, 1, 2]);
        assert_eq!(apart[0].test, [3]);
        let both = of_two(&["a", "b", "a", "c"], 2).err().map(|e| e.to_string());
        assert_eq!(both.as_deref(), Some("the group a stands in both files"));
        Ok(())
    }

    #[test]
    fn few_groups_are_few_folds() {
        assert_eq!(by_group(&["a", "b", "a"]).len(), 2);
        assert_eq!(by_group(&[]), []);
    }
}
