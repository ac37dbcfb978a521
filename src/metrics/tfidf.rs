//! Words weighed by how rare they are: the plainest model of what a text says, and the one to beat.

use std::collections::{BTreeMap, HashMap};

use faer::Mat;
use rayon::prelude::*;

use crate::evidence::words::is_unspaced;

/// A term in fewer texts than this says nothing of others.
const MIN_TEXTS: usize = 2;

/// A text as weights of terms, `(term, weight)` by term, of length 1 (or 0, where no term is known).
pub type Weights = Vec<(u32, f64)>;

/// The terms of some texts and how rare each is (Spärck Jones, 1972): words and pairs of neighbouring words, lowercase;
/// of scripts without spaces characters and pairs of them. Weights are `(1 + ln tf) (1 + ln((1 + n) / (1 + df)))`, scaled
/// to length 1.
#[derive(Debug, Clone, Default)]
pub struct TfIdf {
    terms: HashMap<String, (u32, f64)>,
}

impl TfIdf {
    /// Learns from `texts`.
    pub fn fit<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found_in: BTreeMap<String, usize> = BTreeMap::new();
        let mut n = 0;
        for text in texts {
            n += 1;
            for term in counted(text).into_keys() {
                *found_in.entry(term).or_default() += 1;
            }
        }
        let rarity = |df: usize| 1.0 + (f64::from(1 + n) / (1 + df) as f64).ln();
        let known = found_in.into_iter().filter(|(_, df)| *df >= MIN_TEXTS);
        Self {
            terms: (0..)
                .zip(known)
                .map(|(i, (term, df))| (term, (i, rarity(df))))
                .collect(),
        }
    }

    /// The weights of one text.
    pub fn weights(&self, text: &str) -> Weights {
        let weigh = |(term, n): (String, usize)| {
            let (index, rarity) = self.terms.get(&term)?;
            Some((*index, (1.0 + (n as f64).ln()) * rarity))
        };
        let mut weights: Weights = counted(text).into_iter().filter_map(weigh).collect();
        weights.sort_by_key(|(term, _)| *term);
        let length = weights.iter().map(|(_, w)| w * w).sum::<f64>().sqrt();
        for (_, weight) in &mut weights {
            *weight /= length;
        }
        weights
    }
}

/// The cosine of two texts.
pub fn cosine(a: &Weights, b: &Weights) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some((term_a, a)), Some((term_b, b))) = (a.get(i), b.get(j)) {
        match term_a.cmp(term_b) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a * b;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// The cosines of all pairs: `[n, n]`.
pub fn cosines(texts: &[Weights]) -> Mat<f64> {
    let row = |(i, a): (usize, &Weights)| -> Vec<f64> { texts[..=i].iter().map(|b| cosine(a, b)).collect() };
    let lower: Vec<Vec<f64>> = texts.par_iter().enumerate().map(row).collect();
    Mat::from_fn(texts.len(), texts.len(), |i, j| lower[i.max(j)][i.min(j)])
}

/// How often each term stands in `text`.
fn counted(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let words = words(text);
    for word in &words {
        *counts.entry(word.clone()).or_default() += 1;
    }
    for pair in words.windows(2) {
        *counts.entry(pair.join(" ")).or_default() += 1;
    }
    counts
}

/// The words of `text`, lowercase; a character of a script without spaces is a word.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for c in text.chars() {
        if is_unspaced(c) {
            words.push(c.to_string());
            inside = false;
        } else if c.is_alphanumeric() {
            if !inside {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
            inside = true;
        } else {
            inside = false;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 4] = [
        "the cat sat on the mat",
        "the dog sat",
        "a cat and a dog",
        "Mat on mat",
    ];

    /// ```python
    /// from sklearn.feature_extraction.text import TfidfVectorizer  # scikit-learn 1.9
    /// v = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    /// m = v.fit_transform(["the cat sat on the mat", "the dog sat", "a cat and a dog", "Mat on mat"])
    /// (m @ m.T).toarray()[0]  # 1, 0.593368, 0.269842, 0.522651
    /// ```
    #[test]
    fn cosines_are_those_of_scikit_learn() {
        let model = TfIdf::fit(TEXTS);
        let weights = TEXTS.map(|text| model.weights(text));
        let cosines = cosines(&weights);
        for (j, expected) in [1.0, 0.593_368, 0.269_842, 0.522_651].into_iter().enumerate() {
            assert!(
                (cosines[(0, j)] - expected).abs() < 1e-6,
                "{j}: {}",
                cosines[(0, j)]
            );
        }
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_characters() {
        assert_eq!(words("上线 v2 OK"), ["上", "线", "v2", "ok"]);
    }

    #[test]
    fn a_text_of_unknown_words_is_like_none() {
        let model = TfIdf::fit(TEXTS);
        assert!(model.weights("something else").is_empty());
        assert!(cosine(&model.weights(""), &model.weights(TEXTS[0])).abs() < 1e-12);
    }
}
