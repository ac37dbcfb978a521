//! Pairs of answers: how often the one that people prefer has the higher score.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::figures::{Figure, figure};
use crate::hash::ContentHash;
use crate::id::{DimensionId, RubricId};
use crate::learn::forms::{Majority, RatedPair};
use crate::learn::texts::{Asked, TextReading};
use crate::metrics::mean;
use crate::rubric::{Bilingual, Dimension, Rubric};
use crate::seed::Seed;

/// How often the preferred answer has the higher score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Pairs in which people prefer one.
    pub n: usize,
    /// Pairs in which they do not; left out.
    pub ties: usize,
    /// Groups the pairs belong to.
    pub groups: usize,
    /// By the scores; equal scores are half right.
    pub accuracy: Option<Figure>,
    /// By the rivals.
    pub baselines: BTreeMap<&'static str, Option<Figure>>,
    /// The scores' accuracy minus that of the longer answer, both drawn together.
    pub gain_over_longer: Option<Figure>,
}

/// One dimension: how well an answer does what its prompt asks.
pub fn how_well() -> Rubric {
    let both = |zh: &str, en: &str| Bilingual {
        zh: zh.to_owned(),
        en: en.to_owned(),
    };
    let dimension = Dimension {
        id: DimensionId::new("answer"),
        name: both("回答质量", "Quality of the answer"),
        definition: both(
            "回答是否切题、有理有据、令人信服。",
            "How well the text does what is asked: to the point, with reasons that hold, convincing.",
        ),
        anchors: [
            both("答非所问", "Does not answer"),
            both("只沾边，没有理由", "Touches on it without reasons"),
            both("切题，理由一般", "To the point; ordinary reasons"),
            both("切题，理由充分", "To the point; good reasons"),
            both("切题，理由有力且完整", "Complete, with reasons that convince"),
        ],
        behaviours: Vec::new(),
        signals: Vec::new(),
    };
    let title = dimension.name.clone();
    Rubric {
        id: RubricId::new("answer"),
        version: "1".to_owned(),
        title,
        redact: false,
        hash: ContentHash::of(format!("{dimension:?}").as_bytes()),
        dimensions: vec![dimension],
    }
}

/// The answers of all pairs, each once.
pub fn answers(pairs: &[RatedPair], rubric: &Arc<Rubric>) -> Vec<Asked> {
    let mut known: HashSet<(&str, &str)> = HashSet::new();
    let mut answers = Vec::new();
    for pair in pairs {
        for text in [&pair.a, &pair.b] {
            if known.insert((&pair.prompt, text)) {
                answers.push(Asked {
                    id: pair.id.clone(),
                    context: pair.prompt.clone(),
                    lang: pair.lang,
                    text: text.clone(),
                    rubric: Arc::clone(rubric),
                });
            }
        }
    }
    answers
}

/// Compares the order of the answers' mean scores with what people prefer.
pub fn compare(pairs: &[RatedPair], answers: &[Asked], readings: &[TextReading]) -> Compared {
    let score = |reading: &TextReading| {
        let scores = reading
            .dimensions
            .values()
            .map(|said| f64::from(said.reading.raw_score));
        mean(&scores.collect::<Vec<_>>()).unwrap_or_default()
    };
    let scores: HashMap<(&str, &str), f64> = (answers.iter().zip(readings))
        .map(|(answer, reading)| ((answer.context.as_str(), answer.text.as_str()), score(reading)))
        .collect();
    let of = |pair: &RatedPair, text: &str| {
        scores
            .get(&(pair.prompt.as_str(), text))
            .copied()
            .unwrap_or_default()
    };
    let length = |text: &str| text.chars().count() as f64;
    let by_score = |p: &RatedPair| right(p, of(p, &p.a), of(p, &p.b));
    let by_length = |p: &RatedPair| right(p, length(&p.a), length(&p.b));
    let groups = grouped(pairs);
    let accuracy = |by: &dyn Fn(&RatedPair) -> Option<f64>| {
        figure(&groups, seed(), |drawn| {
            mean(&every(drawn).filter_map(by).collect::<Vec<_>>())
        })
    };
    let gain = |p: &RatedPair| Some(by_score(p)? - by_length(p)?);
    Compared {
        n: pairs.iter().filter(|p| p.majority != Majority::Tie).count(),
        ties: pairs.iter().filter(|p| p.majority == Majority::Tie).count(),
        groups: groups.len(),
        accuracy: accuracy(&by_score),
        baselines: BTreeMap::from([
            ("longer", accuracy(&by_length)),
            ("majority", accuracy(&always_the_same(pairs))),
        ]),
        gain_over_longer: accuracy(&gain),
    }
}

fn seed() -> Seed {
    Seed::root(0).branch("eval")
}

/// Whether the order of two numbers is people's: 1, 0, or a half where the numbers are equal.
fn right(pair: &RatedPair, a: f64, b: f64) -> Option<f64> {
    let towards_a = match a.total_cmp(&b) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    };
    match pair.majority {
        Majority::A => Some(towards_a),
        Majority::B => Some(1.0 - towards_a),
        Majority::Tie => None,
    }
}

/// Always the side that is preferred more often.
fn always_the_same(pairs: &[RatedPair]) -> impl Fn(&RatedPair) -> Option<f64> {
    let count = |side| pairs.iter().filter(|p| p.majority == side).count();
    let a_first = count(Majority::A) >= count(Majority::B);
    move |pair| right(pair, f64::from(a_first), f64::from(!a_first))
}

fn grouped(pairs: &[RatedPair]) -> Vec<Vec<&RatedPair>> {
    let mut groups: BTreeMap<&str, Vec<&RatedPair>> = BTreeMap::new();
    for pair in pairs {
        groups.entry(&pair.group).or_default().push(pair);
    }
    groups.into_values().collect()
}

fn every<'a>(drawn: &'a [&'a Vec<&'a RatedPair>]) -> impl Iterator<Item = &'a RatedPair> {
    drawn.iter().flat_map(|group| group.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;

    fn pair(id: &str, group: &str, a: &str, b: &str, majority: Majority) -> RatedPair {
        RatedPair {
            id: id.to_owned(),
            group: group.to_owned(),
            lang: Language::En,
            prompt: "?".to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
            majority,
        }
    }

    /// By hand: longer is right, wrong, and half right where both are of one length; the tie is left out.
    #[test]
    fn the_longer_answer_is_counted() {
        let pairs = [
            pair("1", "g", "long", "a", Majority::A),
            pair("2", "g", "a", "long", Majority::A),
            pair("3", "h", "ab", "cd", Majority::B),
            pair("4", "h", "ab", "c", Majority::Tie),
        ];
        let rubric = Arc::new(how_well());
        let answers = answers(&pairs, &rubric);
        assert_eq!(answers.len(), 5, "each answer once");
        let compared = compare(&pairs, &answers, &[]);
        assert_eq!((compared.n, compared.ties, compared.groups), (3, 1, 2));
        assert_eq!(compared.baselines["longer"].map(|f| f.value), Some(0.5));
        assert_eq!(compared.baselines["majority"].map(|f| f.value), Some(2.0 / 3.0));
        assert_eq!(
            compared.accuracy.map(|f| f.value),
            Some(0.5),
            "without scores all are equal"
        );
    }
}
