//! Pairs of answers: how often the one that people prefer has the higher score.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use faer::Mat;
use half::f16;
use serde::Serialize;

use super::figures::{Figure, figure};
use crate::hash::ContentHash;
use crate::id::{DimensionId, RubricId};
use crate::learn::forms::{Majority, RatedPair};
use crate::learn::texts::{Asked, TextReading};
use crate::metrics::{PENALTIES, Ridge, mean, numbered};
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
    /// By what is learnt from the pairs of the other groups; none where there are too few, or no mean state was read.
    pub learnt: Option<Learnt>,
}

/// How well people's preference is told by a reward that is linear in what the model reads of each answer, its mean state, and
/// is fitted to the pairs of all other groups: what the model knows of it with a head alone, nothing laid over it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Learnt {
    /// How often its order is people's.
    pub accuracy: Figure,
    /// That minus the accuracy of the longer answer, both drawn together.
    pub gain_over_longer: Figure,
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
        learnt: learnt(pairs, answers, readings).and_then(|known| {
            let by = |p: &RatedPair| known.get(p.id.as_str()).copied();
            Some(Learnt {
                accuracy: accuracy(&by)?,
                gain_over_longer: accuracy(&|p| Some(by(p)? - by_length(p)?))?,
            })
        }),
    }
}

/// Fewer groups, or pairs, teach nothing.
const MIN_GROUPS: usize = 3;
const MIN_PAIRS: usize = 30;

/// Whether the order of each pair is right, by the pair's id, when the reward is fitted to the other groups: by ridge
/// regression on the differences of the mean states, each difference also the other way round, so that neither side is
/// favoured. The penalty is what serves the other groups best, each of them told by the rest.
fn learnt<'a>(
    pairs: &'a [RatedPair],
    answers: &[Asked],
    readings: &[TextReading],
) -> Option<HashMap<&'a str, f64>> {
    let states: HashMap<(&str, &str), Vec<f64>> = (answers.iter().zip(readings))
        .map(|(answer, reading)| ((answer.context.as_str(), answer.text.as_str()), state(reading)))
        .collect();
    let apart = |pair: &RatedPair| -> Option<Vec<f64>> {
        let [a, b] = [&pair.a, &pair.b].map(|text| states.get(&(pair.prompt.as_str(), text.as_str())));
        let (a, b) = (a?, b?);
        Some(a.iter().zip(b).map(|(a, b)| a - b).collect())
    };
    let judged = |pair: &&RatedPair| pair.majority != Majority::Tie;
    let (judged, rows): (Vec<&RatedPair>, Vec<Vec<f64>>) = pairs
        .iter()
        .filter(judged)
        .filter_map(|pair| Some((pair, apart(pair)?)))
        .unzip();
    let groups = numbered(judged.iter().map(|pair| pair.group.as_str()));
    let width = rows.first()?.len();
    let few = groups.iter().max()? + 1 < MIN_GROUPS || judged.len() < MIN_PAIRS;
    if few || width == 0 || rows.iter().any(|row| row.len() != width) {
        return None;
    }
    let n = judged.len();
    let turned = Mat::from_fn(
        2 * n,
        width,
        |i, f| if i < n { rows[i][f] } else { -rows[i - n][f] },
    );
    let sign = |i: usize| {
        if judged[i].majority == Majority::A {
            1.0
        } else {
            -1.0
        }
    };
    let sides: Vec<f64> = (0..n).map(sign).chain((0..n).map(|i| -sign(i))).collect();
    let ridge = Ridge::of_rows(&turned, &[&groups[..], &groups].concat())?;
    let tried = PENALTIES.map(|penalty| ridge.held_out(&sides, penalty));
    let told = |i: usize| {
        let loss = |told: &&Vec<f64>| -> f64 {
            let others = (0..n).filter(|&j| groups[j] != groups[i]);
            let loss: f64 = others.map(|j| (told[j] - sides[j]).powi(2)).sum();
            if loss.is_nan() { f64::INFINITY } else { loss }
        };
        let best = tried.iter().min_by(|a, b| loss(a).total_cmp(&loss(b)))?;
        right(judged[i], best[i], 0.0)
    };
    let order = (0..n).filter_map(|i| Some((judged[i].id.as_str(), told(i)?)));
    Some(order.collect())
}

/// The mean state over what is read of an answer.
fn state(reading: &TextReading) -> Vec<f64> {
    let wide = |bits: &u16| f16::from_bits(*bits).to_f64();
    reading.text.iter().map(wide).collect()
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

    /// A state in which people's taste lies open, and a text of any length: four groups teach each other.
    #[test]
    fn what_people_prefer_is_learnt_from_other_groups() {
        let rubric = Arc::new(how_well());
        let text = |n: usize| format!("answer {n}{}", " and".repeat(n * 7 % 5));
        let taste = |n: usize| (n * 13 % 17) as f32;
        let pairs: Vec<RatedPair> = (0..40)
            .map(|n| {
                let (a, b) = (n, (n + 1) % 40);
                let majority = if taste(a) > taste(b) {
                    Majority::A
                } else {
                    Majority::B
                };
                pair(
                    &n.to_string(),
                    &format!("g{}", n % 4),
                    &text(a),
                    &text(b),
                    majority,
                )
            })
            .collect();
        let answers = answers(&pairs, &rubric);
        let reading = |answer: &Asked| {
            let n = (0..40).find(|&n| text(n) == answer.text).unwrap_or_default();
            let state = [taste(n), (n % 3) as f32, (n % 7) as f32];
            TextReading {
                text: state.map(|x| f16::from_f32(x).to_bits()).into(),
                dimensions: BTreeMap::new(),
            }
        };
        let readings: Vec<TextReading> = answers.iter().map(reading).collect();
        let learnt = compare(&pairs, &answers, &readings).learnt;
        assert!(
            learnt.is_some_and(|l| l.accuracy.value > 0.999 && l.gain_over_longer.low > 0.0),
            "{learnt:?}"
        );
        let few = compare(&pairs[..MIN_PAIRS - 1], &answers, &readings).learnt;
        assert_eq!(few, None);
        let two = |pair: &RatedPair| RatedPair {
            group: format!("g{}", pair.id.len()),
            ..pair.clone()
        };
        let two: Vec<RatedPair> = pairs.iter().map(two).collect();
        assert_eq!(
            compare(&two, &answers, &readings).learnt,
            None,
            "two groups are too few"
        );
    }

    /// With more numbers in a state than there are pairs anything fits what it was fitted to; what was left out does not follow.
    #[test]
    fn what_has_no_order_is_not_learnt() {
        let rubric = Arc::new(how_well());
        let mut stream = Seed::root(5).stream();
        let pairs: Vec<RatedPair> = (0..120)
            .map(|n| {
                let majority = if stream.below(2) == 0 {
                    Majority::A
                } else {
                    Majority::B
                };
                let texts = [2 * n, 2 * n + 1].map(|n| format!("answer {n}"));
                pair(
                    &n.to_string(),
                    &format!("g{}", n % 6),
                    &texts[0],
                    &texts[1],
                    majority,
                )
            })
            .collect();
        let answers = answers(&pairs, &rubric);
        let mut reading = |_: &Asked| TextReading {
            text: (0..300).map(|_| f16::from_f64(stream.unit()).to_bits()).collect(),
            dimensions: BTreeMap::new(),
        };
        let readings: Vec<TextReading> = answers.iter().map(&mut reading).collect();
        let learnt = compare(&pairs, &answers, &readings).learnt;
        assert!(
            learnt.is_some_and(|l| (l.accuracy.value - 0.5).abs() < 0.2),
            "{learnt:?}"
        );
    }
}
