//! Samples side by side in sequences of one length, so that no row of a batch is padding.

/// Puts items of these lengths into bins of `capacity`, the longest first, each into the first bin that has room
/// (first-fit decreasing: at most 11/9 of the fewest bins and two thirds of one more; Dósa, 2007). An item longer than
/// that has a bin of its own. The answer: which items lie in each bin.
pub fn first_fit_decreasing(lengths: &[usize], capacity: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&item| (std::cmp::Reverse(lengths[item]), item));
    let mut bins: Vec<(usize, Vec<usize>)> = Vec::new();
    for item in order {
        let length = lengths[item];
        match bins.iter_mut().find(|(used, _)| used + length <= capacity) {
            Some((used, items)) => {
                *used += length;
                items.push(item);
            }
            None => bins.push((length, vec![item])),
        }
    }
    bins.into_iter().map(|(_, items)| items).collect()
}

/// The share of the bins' room that is used.
pub fn utilisation(bins: &[Vec<usize>], lengths: &[usize], capacity: usize) -> f64 {
    let used: usize = bins.iter().flatten().map(|&item| lengths[item]).sum();
    let room = |bin: &Vec<usize>| bin.iter().map(|&item| lengths[item]).sum::<usize>().max(capacity);
    used as f64 / bins.iter().map(room).sum::<usize>().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 7 takes a bin, 5 another, 4 joins 5, 3 joins 7, 2 and 1 make a third.
    #[test]
    fn the_longest_go_first_into_the_first_bin_with_room() {
        let lengths = [2, 7, 4, 1, 5, 3];
        let bins = first_fit_decreasing(&lengths, 10);
        assert_eq!(bins, [vec![1, 5], vec![4, 2, 3], vec![0]]);
        // By hand: 22 of 30.
        assert!((utilisation(&bins, &lengths, 10) - 22.0 / 30.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_too_long_stands_alone() {
        let lengths = [12, 3];
        let bins = first_fit_decreasing(&lengths, 10);
        assert_eq!(bins, [vec![0], vec![1]]);
        assert!((utilisation(&bins, &lengths, 10) - 15.0 / 22.0).abs() < 1e-12);
        assert_eq!(first_fit_decreasing(&[], 10), Vec::<Vec<usize>>::new());
    }

    proptest::proptest! {
        #[test]
        fn every_item_lies_in_one_bin_with_room(lengths in proptest::collection::vec(1_usize..60, 0..80)) {
            let bins = first_fit_decreasing(&lengths, 60);
            let mut items: Vec<usize> = bins.iter().flatten().copied().collect();
            items.sort_unstable();
            proptest::prop_assert_eq!(items, (0..lengths.len()).collect::<Vec<_>>());
            for bin in &bins {
                proptest::prop_assert!(bin.iter().map(|&i| lengths[i]).sum::<usize>() <= 60);
            }
        }
    }
}
