//! Answers to the scorings of people whom nothing was learnt from, as a model writes them up to the score: their reward, as GRPO
//! has it by default, and how near level and evidence come, beside those of another adapter or of none.
//!
//! Up to the score nothing is stated, so of the reward's parts the share of numbers that stand in the papers is always 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::figures::{Figure, figure};
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::error::Result;
use crate::learn::train::answering::{Manner, Rewards, Task, Writer, Written, f1};
use crate::learn::train::settings::RewardWeights;
use crate::metrics::{mae, mean, pairwise_order, pearson};
use crate::model::decoder::Decoder;
use crate::model::tokenizer::Tokenizer;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// How answers are sampled: the likeliest one to each task, and some that are drawn.
pub struct Sampling<'a> {
    /// The tokenizer of the base.
    pub tokenizer: &'a Arc<Tokenizer>,
    /// The shape of answers.
    pub grammars: &'a GrammarFactory,
    /// The tokens of the levels.
    pub levels: &'a LevelTokens,
    /// Answers drawn to each task, beside the likeliest.
    pub draws: usize,
    /// Temperature of those.
    pub temperature: f64,
    /// The most tokens of an answer.
    pub longest_answer: usize,
    /// Root of the drawing: the same for every model, so that they differ in nothing else.
    pub seed: Seed,
}

/// What one model answered to one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The known level.
    level: f64,
    /// The expected level where the likeliest answer's score is written; none where it was cut off before.
    expected: Option<f64>,
    /// F1 of the lines that the likeliest answer cites; none where nothing is to be cited.
    evidence: Option<f64>,
    /// The reward of the likeliest answer.
    likeliest: f64,
    /// That of the drawn ones, on average.
    drawn: f64,
    /// F1 of the lines that they cite, on average; none where nothing is to be cited.
    drawn_evidence: Option<f64>,
}

impl Sampling<'_> {
    /// What each model answers to each task: a list of tasks a model.
    ///
    /// # Errors
    /// The watcher wants an end, or the arithmetic fails.
    pub fn answers<const N: usize>(
        &self,
        models: [&Decoder; N],
        tasks: &[Task],
        watch: &dyn Watch,
    ) -> Result<[Vec<Answered>; N]> {
        let mut answered = [(); N].map(|()| Vec::with_capacity(tasks.len()));
        for (n, task) in tasks.iter().enumerate() {
            watch.tell("answering", n, tasks.len());
            for (answered, model) in answered.iter_mut().zip(models) {
                watch::check(watch, "nothing is kept of what was answered")?;
                answered.push(self.answered(model, task)?);
            }
        }
        Ok(answered)
    }

    fn answered(&self, model: &Decoder, task: &Task) -> Result<Answered> {
        let manner = Manner {
            temperature: self.temperature,
            longest: self.longest_answer,
            words: false,
        };
        let writer = Writer {
            decoder: model,
            tokenizer: self.tokenizer,
            grammars: self.grammars,
            levels: self.levels,
            manner,
        };
        let (likeliest, drawn) = writer.likeliest_and_drawn(task, self.draws, self.seed.branch(&task.id))?;
        let reward =
            |written: &Written| Rewards::of(task, written.answer.as_ref()).total(&RewardWeights::default());
        let cited = |written: &Written| {
            let answer = written.answer.as_ref();
            answer.map_or(0.0, |a| f1(&a.evidence.iter().copied().collect(), &task.evidence))
        };
        let of_drawn = |of: &dyn Fn(&Written) -> f64| mean(&drawn.iter().map(of).collect::<Vec<_>>());
        let to_cite = !task.evidence.is_empty();
        Ok(Answered {
            level: f64::from(task.score),
            expected: likeliest.expected,
            evidence: to_cite.then(|| cited(&likeliest)),
            likeliest: reward(&likeliest),
            drawn: of_drawn(&reward).unwrap_or_default(),
            drawn_evidence: of_drawn(&cited).filter(|_| to_cite),
        })
    }
}

/// A figure under two adapters, and how far the first is above the second, all drawn again by people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Under the adapter that is asked about.
    pub adapter: Figure,
    /// Under the one beside it, or of the model by itself.
    pub beside: Figure,
    /// The first minus the second, on the same people.
    pub difference: Figure,
}

/// How the same tasks were answered under two adapters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Tasks.
    pub n: usize,
    /// People they are about.
    pub subjects: usize,
    /// Answers to each that were drawn.
    pub draws: usize,
    /// By name: `reward` (mean of drawn answers), `reward_likeliest`, `evidence_f1` and `evidence_f1_likeliest` (where something
    /// is to be cited); of the levels expected in the likeliest answers `mae`, `order` (the share of pairs of tasks in the
    /// right order, whosever they are) and `pearson`. None where the data cannot give it.
    pub figures: BTreeMap<&'static str, Option<Paired>>,
    /// What `mae` is when the middle of the scale is said of everybody.
    pub middle_mae: Option<f64>,
    /// What `evidence_f1` is when every line is cited.
    pub everything_f1: Option<f64>,
    /// Tasks whose likeliest answer was cut off before its score under either; their levels count on neither side.
    pub cut_off: usize,
}

/// What a figure says of some answers.
type Statistic = fn(&[&Answered]) -> Option<f64>;

const FIGURES: [(&str, Statistic); 7] = [
    ("reward", |of| over(of, |a| Some(a.drawn))),
    ("reward_likeliest", |of| over(of, |a| Some(a.likeliest))),
    ("evidence_f1", |of| over(of, |a| a.drawn_evidence)),
    ("evidence_f1_likeliest", |of| over(of, |a| a.evidence)),
    ("mae", |of| mae(&levels(of))),
    ("order", |of| {
        pairwise_order(&levels(of)).map(|order| order.accuracy)
    }),
    ("pearson", |of| pearson(&levels(of))),
];

/// Compares what was answered to the same `tasks` under two adapters.
pub fn compare(tasks: &[Task], [mut adapter, mut beside]: [Vec<Answered>; 2], draws: usize) -> Compared {
    let mut cut_off = 0;
    for (one, other) in adapter.iter_mut().zip(&mut beside) {
        if one.expected.is_none() || other.expected.is_none() {
            (one.expected, other.expected) = (None, None);
            cut_off += 1;
        }
    }
    let mut people: BTreeMap<&str, Vec<[&Answered; 2]>> = BTreeMap::new();
    for ((task, one), other) in tasks.iter().zip(&adapter).zip(&beside) {
        people.entry(&task.subject).or_default().push([one, other]);
    }
    let people: Vec<Vec<[&Answered; 2]>> = people.into_values().collect();
    let of = |side: usize, drawn: &[&Vec<[&Answered; 2]>], statistic: Statistic| {
        let answers = drawn
            .iter()
            .flat_map(|person| person.iter().map(|both| both[side]));
        statistic(&answers.collect::<Vec<_>>())
    };
    let seed = || Seed::root(0).branch("eval answers");
    let paired = |statistic: Statistic| {
        Some(Paired {
            adapter: figure(&people, seed(), |drawn| of(0, drawn, statistic))?,
            beside: figure(&people, seed(), |drawn| of(1, drawn, statistic))?,
            difference: figure(&people, seed(), |drawn| {
                Some(of(0, drawn, statistic)? - of(1, drawn, statistic)?)
            })?,
        })
    };
    let known = levels(&adapter.iter().collect::<Vec<_>>());
    let middle: Vec<(f64, f64)> = known.into_iter().map(|(level, _)| (level, 3.0)).collect();
    Compared {
        n: tasks.len(),
        subjects: people.len(),
        draws,
        figures: FIGURES.map(|(name, statistic)| (name, paired(statistic))).into(),
        middle_mae: mae(&middle),
        everything_f1: everything_f1(tasks),
        cut_off,
    }
}

fn over(answers: &[&Answered], of: impl Fn(&Answered) -> Option<f64>) -> Option<f64> {
    mean(&answers.iter().filter_map(|a| of(a)).collect::<Vec<_>>())
}

/// Known and expected levels.
fn everything_f1(tasks: &[Task]) -> Option<f64> {
    let to_cite = tasks.iter().filter(|task| !task.evidence.is_empty());
    let each = to_cite.map(|task| f1(&task.lines.iter().copied().collect(), &task.evidence));
    mean(&each.collect::<Vec<_>>())
}

fn levels(answers: &[&Answered]) -> Vec<(f64, f64)> {
    let pair = |a: &&Answered| Some((a.level, a.expected?));
    answers.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn task(subject: &str, score: u8) -> Task {
        Task {
            id: format!("{subject}-{score}"),
            subject: subject.to_owned(),
            prompt: Vec::new(),
            lines: Vec::new(),
            text: String::new(),
            score,
            evidence: BTreeSet::new(),
        }
    }

    /// An answer to a task for which nothing is to be cited.
    fn answered(level: f64, expected: Option<f64>, reward: f64) -> Answered {
        Answered {
            level,
            expected,
            evidence: None,
            likeliest: reward,
            drawn: reward,
            drawn_evidence: None,
        }
    }

    /// By hand, four tasks of two people; under the adapter levels are right but for one, beside it 3 is said of all. One
    /// answer is cut off beside it: its level counts nowhere.
    #[test]
    fn two_adapters_are_compared_person_by_person() {
        let tasks = [task("ada", 2), task("ada", 4), task("bo", 5), task("bo", 1)];
        let adapter = [(2.0, 2.0, 0.9), (4.0, 4.0, 0.8), (5.0, 4.5, 0.7), (1.0, 5.0, 0.8)];
        let adapter = adapter.map(|(level, expected, reward)| answered(level, Some(expected), reward));
        let beside = [(2.0, Some(3.0)), (4.0, Some(3.0)), (5.0, Some(3.0)), (1.0, None)];
        let beside = beside.map(|(level, expected)| answered(level, expected, 0.5));
        let compared = compare(&tasks, [adapter.to_vec(), beside.to_vec()], 4);
        assert_eq!((compared.n, compared.subjects, compared.draws), (4, 2, 4));
        assert_eq!(compared.cut_off, 1);
        let figure = |name: &str| compared.figures.get(name).copied().flatten().expect(name);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(figure("reward").adapter.value, 0.8);
        near(figure("reward").difference.value, 0.3);
        // Whoever is drawn, it is 0.25 to 0.35 more.
        assert!(figure("reward").difference.low >= 0.25 - 1e-12);
        near(figure("mae").adapter.value, 0.5 / 3.0);
        near(figure("mae").beside.value, 4.0 / 3.0);
        near(figure("order").adapter.value, 1.0);
        near(figure("order").beside.value, 0.5);
        near(compared.middle_mae.expect("levels"), 4.0 / 3.0);
        assert_eq!(compared.figures["evidence_f1"], None, "nothing is to be cited");
        assert_eq!(compared.everything_f1, None);
    }

    /// By hand: one of four lines, 2 / (4 + 1); two of two, 1; where nothing is to be cited it does not count.
    #[test]
    fn citing_everything_is_a_rival() {
        let of = |lines: u32, evidence: &[u32]| Task {
            lines: (1..=lines).collect(),
            evidence: evidence.iter().copied().collect(),
            ..task("ada", 3)
        };
        let f1 = everything_f1(&[of(4, &[3]), of(2, &[1, 2]), of(5, &[])]);
        assert_eq!(f1, Some(0.7));
    }
}
