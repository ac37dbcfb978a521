//! Voices that belong together: agglomerative clustering by average linkage (Sokal and Michener, "A statistical method for
//! evaluating systematic relationships", 1958) on the cosine, by chains of nearest neighbours (Murtagh, "A survey of
//! recent advances in hierarchical clustering algorithms", The Computer Journal 26, 1983), which take the square of the
//! number of voices in time and memory.

/// The cluster of each vector of `voices`, which have length 1: two clusters are one where the mean cosine between their
/// vectors is at least `threshold`. Clusters are numbered from 0 in the order of their first vectors.
pub fn clusters(voices: &[Vec<f32>], threshold: f32) -> Vec<usize> {
    let n = voices.len();
    let mut likeness = Likeness::of(voices);
    let mut members: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    let mut open: Vec<usize> = (0..n).collect();
    let mut closed = Vec::new();
    let mut chain = Vec::new();
    while let Some(&first) = open.first() {
        let top = *chain.last().unwrap_or(&first);
        if chain.is_empty() {
            chain.push(top);
        }
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        match likeness.nearest(top, &open, before) {
            // Merging others never brings a cluster nearer than its nearest: this one stays as it is.
            None => close(top, &mut open, &mut chain, &mut closed),
            Some((_, cosine)) if cosine < threshold => close(top, &mut open, &mut chain, &mut closed),
            Some((other, _)) if Some(other) == before => {
                chain.truncate(chain.len() - 2);
                let sizes = (members[top].len(), members[other].len());
                likeness.join(top, other, sizes, &open);
                let joined = std::mem::take(&mut members[other]);
                members[top].extend(joined);
                open.retain(|&cluster| cluster != other);
            }
            Some((other, _)) => chain.push(other),
        }
    }
    numbered(n, closed.iter().map(|&cluster| &members[cluster]))
}

/// Takes the cluster at the end of the chain out of the work.
fn close(top: usize, open: &mut Vec<usize>, chain: &mut Vec<usize>, closed: &mut Vec<usize>) {
    chain.pop();
    open.retain(|&cluster| cluster != top);
    closed.push(top);
}

/// For each of `n` vectors the number of its cluster, in the order in which they first occur.
fn numbered<'a>(n: usize, clusters: impl Iterator<Item = &'a Vec<usize>>) -> Vec<usize> {
    let mut of = vec![0; n];
    for (cluster, members) in clusters.enumerate() {
        members.iter().for_each(|&member| of[member] = cluster);
    }
    in_order(&of)
}

/// The same groups, numbered from 0 in the order in which they first occur.
pub(super) fn in_order(groups: &[usize]) -> Vec<usize> {
    let mut seen: Vec<usize> = Vec::new();
    let number = |group: &usize| {
        seen.iter().position(|known| known == group).unwrap_or_else(|| {
            seen.push(*group);
            seen.len() - 1
        })
    };
    groups.iter().map(number).collect()
}

/// The mean cosine between any two clusters.
struct Likeness {
    n: usize,
    cosines: Vec<f32>,
}

impl Likeness {
    fn of(voices: &[Vec<f32>]) -> Self {
        let rows = voices.iter().flat_map(|a| voices.iter().map(|b| cosine(a, b)));
        Self {
            n: voices.len(),
            cosines: rows.collect(),
        }
    }

    fn between(&self, a: usize, b: usize) -> f32 {
        self.cosines[a * self.n + b]
    }

    /// The cluster of `open` that is most like `cluster`; of several `before`, so that a chain ends.
    fn nearest(&self, cluster: usize, open: &[usize], before: Option<usize>) -> Option<(usize, f32)> {
        let mut best = before.map(|before| (before, self.between(cluster, before)));
        for &other in open.iter().filter(|&&other| other != cluster) {
            let cosine = self.between(cluster, other);
            if best.is_none_or(|(_, most)| cosine > most) {
                best = Some((other, cosine));
            }
        }
        best
    }

    /// Makes `kept` of itself and `gone`, which have so many vectors.
    fn join(&mut self, kept: usize, gone: usize, sizes: (usize, usize), open: &[usize]) {
        let (a, b) = (sizes.0 as f32, sizes.1 as f32);
        for &other in open.iter().filter(|&&other| other != kept && other != gone) {
            let mean = (a * self.between(kept, other) + b * self.between(gone, other)) / (a + b);
            self.cosines[kept * self.n + other] = mean;
            self.cosines[other * self.n + kept] = mean;
        }
    }
}

/// The cosine between two vectors of length 1.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Vectors of length 1 at these angles, in degrees.
    fn at(angles: &[f32]) -> Vec<Vec<f32>> {
        let point = |angle: &f32| vec![angle.to_radians().cos(), angle.to_radians().sin()];
        angles.iter().map(point).collect()
    }

    #[test]
    fn what_is_near_is_one_cluster_in_order_of_first_occurrence() {
        let voices = at(&[80.0, 10.0, 82.0, 12.0, 45.0, 8.0]);
        assert_eq!(clusters(&voices, 0.95), [0, 1, 0, 1, 2, 1]);
        assert_eq!(clusters(&voices, -1.0), [0; 6]);
        assert_eq!(clusters(&voices, 1.1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(clusters(&at(&[3.0]), 0.5), [0]);
        assert!(clusters(&[], 0.5).is_empty());
    }

    /// 0°, 30° and 60°: the mean cosine of the first two and the third is (cos 60° + cos 30°) / 2 = 0.683.
    #[test]
    fn linkage_is_the_mean_and_neither_the_nearest_nor_the_farthest() {
        let voices = at(&[0.0, 29.0, 60.0]);
        assert_eq!(clusters(&voices, 0.69), [0, 0, 1]);
        assert_eq!(clusters(&voices, 0.67), [0, 0, 0]);
    }

    /// Joins the two most alike, again and again: what the chains must come to as well.
    fn by_definition(voices: &[Vec<f32>], threshold: f32) -> Vec<usize> {
        let mut groups: Vec<Vec<usize>> = (0..voices.len()).map(|i| vec![i]).collect();
        let mean = |a: &[usize], b: &[usize]| {
            let pairs = a.iter().flat_map(|&i| b.iter().map(move |&j| (i, j)));
            let sum: f32 = pairs.map(|(i, j)| cosine(&voices[i], &voices[j])).sum();
            sum / (a.len() * b.len()) as f32
        };
        loop {
            let pairs = (0..groups.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
            let most = pairs.map(|(i, j)| (mean(&groups[i], &groups[j]), i, j));
            match most.max_by(|a, b| a.0.total_cmp(&b.0)) {
                Some((cosine, i, j)) if cosine >= threshold => {
                    let joined = groups.swap_remove(i);
                    groups[j].extend(joined);
                }
                _ => return numbered(voices.len(), groups.iter()),
            }
        }
    }

    #[test]
    fn chains_find_what_the_definition_says() {
        let mut numbers = Seed::root(7).stream();
        for round in 0..50 {
            let vector = |numbers: &mut crate::seed::Stream| (0..4).map(|_| numbers.unit() as f32).collect();
            let voices: Vec<Vec<f32>> = (0..20)
                .filter_map(|_| super::super::encoder::unit(vector(&mut numbers)))
                .collect();
            let threshold = 0.6 + round as f32 / 150.0;
            assert_eq!(
                clusters(&voices, threshold),
                by_definition(&voices, threshold),
                "round {round}"
            );
        }
    }
}
