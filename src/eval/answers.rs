//! Answers to the scorings of people whom nothing was learnt from, as a model writes them up to the score: what they are worth by
//! the rewards that GRPO learns from, and how near level and evidence come, beside those of another adapter or of none.

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

/// How answers are written: the likeliest one, and some that are drawn.
pub struct Sitting<'a> {
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
    pub longest: usize,
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
    /// What the likeliest answer is worth.
    likeliest: f64,
    /// What the drawn ones are worth, on average.
    drawn: Option<f64>,
    /// F1 of the lines that they cite, on average; none where nothing is to be cited.
    drawn_evidence: Option<f64>,
}

impl Sitting<'_> {
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
        let write = |temperature, count| {
            let manner = Manner {
                temperature,
                longest: self.longest,
                words: false,
            };
            let writer = Writer {
                decoder: model,
                tokenizer: self.tokenizer,
                grammars: self.grammars,
                levels: self.levels,
                manner,
            };
            writer.answers(&vec![task; count], self.seed.branch(&task.id))
        };
        let (likeliest, drawn) = (write(0.0, 1)?, write(self.temperature, self.draws)?);
        let worth =
            |written: &Written| Rewards::of(task, written.answer.as_ref()).total(&RewardWeights::default());
        let cited = |written: &Written| {
            let answer = written.answer.as_ref();
            answer.map_or(0.0, |a| f1(&a.evidence.iter().copied().collect(), &task.evidence))
        };
        let over = |written: &[Written], of: &dyn Fn(&Written) -> f64| {
            mean(&written.iter().map(of).collect::<Vec<_>>())
        };
        let to_cite = !task.evidence.is_empty();
        Ok(Answered {
            level: f64::from(task.score),
            expected: likeliest.first().and_then(|written| written.expected),
            evidence: over(&likeliest, &cited).filter(|_| to_cite),
            likeliest: over(&likeliest, &worth).unwrap_or_default(),
            drawn: over(&drawn, &worth),
            drawn_evidence: over(&drawn, &cited).filter(|_| to_cite),
        })
    }
}

/// A figure of both models, and how far the first is above the second, all drawn again by people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Beside {
    /// Of the model asked about.
    pub model: Figure,
    /// Of the one beside it.
    pub beside: Figure,
    /// The first minus the second, on the same people.
    pub difference: Figure,
}

/// How two models answered the same tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Tasks.
    pub n: usize,
    /// People they are about.
    pub subjects: usize,
    /// Answers to each that were drawn.
    pub draws: usize,
    /// By name: `reward` (mean of what drawn answers are worth), `reward_likeliest`, `evidence_f1` and `evidence_f1_likeliest`
    /// (where something is to be cited), `mae`, `order` (the share of pairs of tasks in the right order) and `pearson` of
    /// the expected levels. None where the data cannot give it.
    pub figures: BTreeMap<&'static str, Option<Beside>>,
    /// Distance from the known levels when the middle of the scale is said of everybody.
    pub middle_mae: Option<f64>,
    /// Answers of either model that were cut off before their score; they have no level.
    pub cut_off: [usize; 2],
}

/// What a figure says of some answers.
type Statistic = fn(&[&Answered]) -> Option<f64>;

const FIGURES: [(&str, Statistic); 7] = [
    ("reward", |of| over(of, |a| a.drawn)),
    ("reward_likeliest", |of| over(of, |a| Some(a.likeliest))),
    ("evidence_f1", |of| over(of, |a| a.drawn_evidence)),
    ("evidence_f1_likeliest", |of| over(of, |a| a.evidence)),
    ("mae", |of| mae(&levels(of))),
    ("order", |of| {
        pairwise_order(&levels(of)).map(|order| order.accuracy)
    }),
    ("pearson", |of| pearson(&levels(of))),
];

/// Compares what two models answered; `sides` of the same `tasks`.
pub fn compare(tasks: &[Task], sides: [&[Answered]; 2], draws: usize) -> Compared {
    let mut people: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, task) in tasks.iter().enumerate() {
        people.entry(&task.subject).or_default().push(i);
    }
    let people: Vec<Vec<usize>> = people.into_values().collect();
    let of = |side: usize, drawn: &[&Vec<usize>], statistic: Statistic| {
        let answers = drawn
            .iter()
            .flat_map(|person| person.iter().map(|&i| &sides[side][i]));
        statistic(&answers.collect::<Vec<_>>())
    };
    let seed = || Seed::root(0).branch("eval answers");
    let beside = |statistic: Statistic| {
        Some(Beside {
            model: figure(&people, seed(), |drawn| of(0, drawn, statistic))?,
            beside: figure(&people, seed(), |drawn| of(1, drawn, statistic))?,
            difference: figure(&people, seed(), |drawn| {
                Some(of(0, drawn, statistic)? - of(1, drawn, statistic)?)
            })?,
        })
    };
    let middle: Vec<(f64, f64)> = tasks.iter().map(|task| (f64::from(task.score), 3.0)).collect();
    Compared {
        n: tasks.len(),
        subjects: people.len(),
        draws,
        figures: FIGURES.map(|(name, statistic)| (name, beside(statistic))).into(),
        middle_mae: mae(&middle),
        cut_off: sides.map(|side| side.iter().filter(|a| a.expected.is_none()).count()),
    }
}

fn over(answers: &[&Answered], of: impl Fn(&Answered) -> Option<f64>) -> Option<f64> {
    mean(&answers.iter().filter_map(|a| of(a)).collect::<Vec<_>>())
}

/// Known and expected levels.
fn levels(answers: &[&Answered]) -> Vec<(f64, f64)> {
    let pair = |a: &&Answered| Some((a.level, a.expected?));
    answers.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(subject: &str, score: u8) -> Task {
        Task {
            id: format!("{subject}-{score}"),
            subject: subject.to_owned(),
            prompt: Vec::new(),
            lines: Vec::new(),
            text: String::new(),
            score,
            evidence: [1].into(),
        }
    }

    fn answered(level: f64, expected: f64, worth: f64) -> Answered {
        Answered {
            level,
            expected: Some(expected),
            evidence: Some(0.5),
            likeliest: worth,
            drawn: Some(worth),
            drawn_evidence: None,
        }
    }

    /// By hand, three tasks of two people; the first model is right but for one level, the second says 3 of all.
    #[test]
    fn two_models_are_compared_person_by_person() {
        let tasks = [task("ada", 2), task("ada", 4), task("bo", 5)];
        let one = [
            answered(2.0, 2.0, 0.9),
            answered(4.0, 4.0, 0.8),
            answered(5.0, 4.5, 0.7),
        ];
        let mut other = [2.0, 4.0, 5.0].map(|level| answered(level, 3.0, 0.5));
        other[2].expected = None;
        let compared = compare(&tasks, [&one, &other], 4);
        assert_eq!((compared.n, compared.subjects, compared.draws), (3, 2, 4));
        assert_eq!(compared.cut_off, [0, 1]);
        let figure = |name: &str| compared.figures.get(name).copied().flatten().expect(name);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(figure("reward").model.value, 0.8);
        near(figure("reward").difference.value, 0.3);
        // Whoever is drawn, the first is worth 0.2 to 0.35 more.
        assert!(figure("reward").difference.low >= 0.2 - 1e-12);
        near(figure("mae").model.value, 0.5 / 3.0);
        near(figure("mae").beside.value, 1.0);
        near(figure("order").model.value, 1.0);
        near(compared.middle_mae.expect("levels"), 4.0 / 3.0);
        assert_eq!(compared.figures["evidence_f1"], None, "nothing was drawn");
    }
}
