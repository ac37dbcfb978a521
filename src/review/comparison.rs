//! Two answers of the model to one question, side by side, and which of them a person prefers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::{Assessment, AssessmentId, RubricIdentity, Trace};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, Person, RecordId};
use crate::review::decision::Entry;
use crate::review::event::Recorded;
use crate::review::standing::standing;

/// Which of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one on the left.
    Left,
    /// The one on the right.
    Right,
}

impl Side {
    /// The place among the two.
    pub fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// What a person says of two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The left one is better.
    Left,
    /// The right one is better.
    Right,
    /// Neither is.
    Tie,
    /// Nothing: somebody else may.
    Skip,
}

impl From<Side> for Choice {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => Self::Left,
            Side::Right => Self::Right,
        }
    }
}

impl Choice {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Tie => "tie",
            Self::Skip => "skipped",
        }
    }

    /// The side that is preferred, if one is.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Left => Some(Side::Left),
            Self::Right => Some(Side::Right),
            Self::Tie | Self::Skip => None,
        }
    }
}

/// The preferred answer as the person rewrote it; its evidence stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rewritten {
    /// 1..=5 in halves.
    pub score: f32,
    /// Why.
    pub rationale: String,
    /// What to do next.
    pub suggestion: String,
}

/// A person compared two answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The dossier that the question is about.
    pub dossier: DossierId,
    /// Its dimension.
    pub dimension: DimensionId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// What stood left and right on the screen.
    pub candidates: [Assessment; 2],
    /// What the person says.
    pub choice: Choice,
    /// How they would have it, where the better one is not good enough.
    pub rewritten: Option<Rewritten>,
    /// In a check, the side that answers the question; the other one was given to another question. It says how
    /// carefully a person reads, and teaches nothing.
    pub check: Option<Side>,
    /// How uncertain the model is of the score, in bits: see [`Pair::information`].
    pub information: f32,
    /// How long it was on the screen, in seconds.
    pub seconds: f32,
    /// The comparisons of others, who did not agree, that this one decides between.
    pub settles: Vec<RecordId>,
}

impl Comparison {
    /// The two answers, however they stood.
    pub fn pair(&self) -> PairName {
        PairName::of(self.candidates.each_ref().map(|a| a.id))
    }

    /// The answer that is preferred; none where none is.
    pub fn preferred(&self) -> Option<&Assessment> {
        Some(&self.candidates[self.choice.side()?.index()])
    }
}

/// Two answers by their addresses, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PairName([AssessmentId; 2]);

impl PairName {
    pub(super) fn of(mut ids: [AssessmentId; 2]) -> Self {
        ids.sort();
        Self(ids)
    }

    /// A number that depends on the two alone, evenly spread.
    pub fn draw(&self) -> u64 {
        let bytes = |id: &AssessmentId| {
            let mut first = [0; 8];
            first.copy_from_slice(&id.bytes()[..8]);
            u64::from_be_bytes(first)
        };
        bytes(&self.0[0]) ^ bytes(&self.0[1]).rotate_left(32)
    }
}

/// An answer that was drawn from the model, and how the model came to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The answer.
    pub assessment: Assessment,
    /// How the model came to it.
    pub trace: Trace,
}

/// Two answers to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// As they were drawn.
    pub candidates: [Candidate; 2],
    /// What a reward model makes of them; none where none has read them. It is kept apart.
    #[serde(skip)]
    pub doubt: Option<Doubt>,
}

/// How far a reward model is from knowing which of two answers people prefer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// Which reward model: SHA-256 over its factors and its head.
    pub judge: ContentHash,
    /// The entropy of the preference: 1 where it cannot tell, 0 where it is sure.
    pub bits: f32,
}

impl Pair {
    /// The two as a pair; none where they say the same, or do not answer the same question.
    pub fn of(first: Candidate, second: Candidate) -> Option<Self> {
        let (a, b) = (&first.assessment, &second.assessment);
        let same_question = a.dossier == b.dossier
            && a.dimension == b.dimension
            && first.trace.prefix == second.trace.prefix
            && first.trace.branch == second.trace.branch;
        let differ = first.trace.output != second.trace.output;
        (same_question && differ).then_some(Self {
            candidates: [first, second],
            doubt: None,
        })
    }

    /// Its name.
    pub fn name(&self) -> PairName {
        PairName::of(self.candidates.each_ref().map(|c| c.assessment.id))
    }

    /// The question: whose dossier, which dimension.
    pub fn question(&self) -> (&DossierId, &DimensionId) {
        let first = &self.candidates[0].assessment;
        (&first.dossier, &first.dimension)
    }

    /// How much is not known of the score, in bits: the entropy of the mean of both distributions over the levels. It is
    /// large where each answer is in doubt, and where the two contradict each other (uncertainty sampling; Settles 2009).
    pub fn information(&self) -> f32 {
        let [a, b] = self
            .candidates
            .each_ref()
            .map(|c| c.assessment.reading.probabilities);
        let mean = a.iter().zip(&b).map(|(a, b)| (a + b) / 2.0);
        mean.filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum()
    }

    /// Which of two pairs tells more when it is compared, the larger one: the one that a reward model knows less of, where
    /// one has read them; then the one whose score is less certain. What none has read stands behind: pairs are drawn
    /// while people compare, and would else keep those that were read from ever being shown.
    pub fn by_what_it_tells(&self, other: &Self) -> Ordering {
        let doubt = |pair: &Self| pair.doubt.map_or(-1.0, |doubt| doubt.bits);
        let by_doubt = doubt(self).total_cmp(&doubt(other));
        by_doubt.then_with(|| self.information().total_cmp(&other.information()))
    }
}

/// A comparison that stands, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The record.
    pub record: RecordId,
    /// Who compared.
    pub by: Person,
    /// What.
    pub pair: PairName,
    /// What they said.
    pub said: Said,
    /// For a check, whether the person saw which one answers the question.
    pub check: Option<bool>,
    /// It decides between others.
    pub settles: bool,
    /// How long it took, in seconds.
    pub seconds: f32,
}

/// What was said of a pair, whatever side its answers stood on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// This one is better.
    Better(AssessmentId),
    /// Neither is.
    Tie,
    /// Nothing.
    Nothing,
}

impl Judged {
    /// A comparison in short.
    pub fn of(record: RecordId, by: Person, comparison: &Comparison) -> Self {
        let said = match comparison.choice {
            Choice::Tie => Said::Tie,
            Choice::Skip => Said::Nothing,
            Choice::Left | Choice::Right => comparison
                .preferred()
                .map_or(Said::Nothing, |a| Said::Better(a.id)),
        };
        Self {
            record,
            by,
            pair: comparison.pair(),
            said,
            check: comparison
                .check
                .filter(|_| comparison.choice != Choice::Skip)
                .map(|sound| comparison.choice.side() == Some(sound)),
            settles: !comparison.settles.is_empty(),
            seconds: comparison.seconds,
        }
    }

    /// The comparisons among a dossier's records that nobody took back.
    pub fn among(records: &[Recorded]) -> Vec<Self> {
        standing(records)
            .filter_map(|record| match &record.entry {
                Entry::Comparison(c) => Some(Self::of(record.id.clone(), record.actor.clone(), c)),
                _ => None,
            })
            .collect()
    }

    /// Whether it says something of its pair: no check, and not skipped.
    pub fn counts(&self) -> bool {
        self.check.is_none() && self.said != Said::Nothing
    }
}

/// How far people agree.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Agreement {
    /// Pairs that two or more people compared.
    pub pairs: usize,
    /// The share of the pairs of people who said the same.
    pub observed: Option<f64>,
    /// Krippendorff's alpha for nominal data (Krippendorff 2011): 1 for perfect agreement, 0 for none beyond chance.
    pub alpha: Option<f64>,
}

impl Agreement {
    /// Of what people said of the pairs that several of them compared. Decisions between others do not count.
    pub fn of(judged: &[Judged]) -> Self {
        let mut units: BTreeMap<PairName, Vec<Position>> = BTreeMap::new();
        for one in judged.iter().filter(|j| j.counts() && !j.settles) {
            units.entry(one.pair).or_default().push(Position::of(one));
        }
        units.retain(|_, said| said.len() > 1);
        // The coincidences of what people said of the same pair.
        let mut together = [[0.0_f64; 3]; 3];
        for said in units.values() {
            for (i, a) in said.iter().enumerate() {
                for (j, b) in said.iter().enumerate() {
                    if i != j {
                        together[*a as usize][*b as usize] += 1.0 / (said.len() - 1) as f64;
                    }
                }
            }
        }
        let each: Vec<f64> = together.iter().map(|row| row.iter().sum()).collect();
        let all: f64 = each.iter().sum();
        if all == 0.0 {
            return Self::default();
        }
        let same: f64 = (0..3).map(|i| together[i][i]).sum();
        let by_chance = each.iter().map(|n| n * (n - 1.0)).sum::<f64>() / (all * (all - 1.0));
        Self {
            pairs: units.len(),
            observed: Some(same / all),
            alpha: (by_chance < 1.0).then(|| (same / all - by_chance) / (1.0 - by_chance)),
        }
    }
}

/// What was said of a pair, by the order of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    First,
    Second,
    Neither,
}

impl Position {
    fn of(judged: &Judged) -> Self {
        match judged.said {
            Said::Better(id) if id == judged.pair.0[0] => Self::First,
            Said::Better(_) => Self::Second,
            Said::Tie | Said::Nothing => Self::Neither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> AssessmentId {
        ContentHash::of(&[n])
    }

    fn judged(by: &str, pair: u8, said: Said) -> Judged {
        Judged {
            record: RecordId::new(format!("{by}{pair}")),
            by: Person::new(by),
            pair: PairName::of([id(pair), id(pair + 100)]),
            said,
            check: None,
            settles: false,
            seconds: 10.0,
        }
    }

    /// The first and the second answer of a pair, as its name orders them.
    fn sides(pair: u8) -> [Said; 2] {
        PairName::of([id(pair), id(pair + 100)]).0.map(Said::Better)
    }

    /// By hand: four pairs, two people; 1,1 / 1,1 / 2,2 / 1,2. Observed 3/4; values: 5 of 1, 3 of 2; by chance
    /// (5*4 + 3*2) / (8*7) = 26/56; alpha = (3/4 - 26/56) / (1 - 26/56) = 8/15.
    #[test]
    fn agreement_by_hand() {
        let said = [(1, 0, 0), (2, 0, 0), (3, 1, 1), (4, 0, 1)];
        let mut all: Vec<Judged> = said
            .iter()
            .flat_map(|&(pair, a, b)| {
                [
                    judged("a", pair, sides(pair)[a]),
                    judged("b", pair, sides(pair)[b]),
                ]
            })
            .collect();
        // Alone, skipped, or a check: none of it counts.
        all.push(judged("a", 9, Said::Tie));
        all.push(judged("b", 9, Said::Nothing));
        all.push(Judged {
            check: Some(false),
            ..judged("b", 9, Said::Tie)
        });
        let found = Agreement::of(&all);
        assert_eq!(found.pairs, 4);
        assert!(found.observed.is_some_and(|o| (o - 0.75).abs() < 1e-12));
        assert!(found.alpha.is_some_and(|a| (a - 8.0 / 15.0).abs() < 1e-12));
        assert_eq!(Agreement::of(&[]), Agreement::default());
        // Everybody always says the same thing: chance explains all of it.
        let one = [judged("a", 1, Said::Tie), judged("b", 1, Said::Tie)];
        assert_eq!(Agreement::of(&one).alpha, None);
    }

    #[test]
    fn a_name_does_not_depend_on_the_side() {
        assert_eq!(PairName::of([id(1), id(2)]), PairName::of([id(2), id(1)]));
        assert_ne!(
            PairName::of([id(1), id(2)]).draw(),
            PairName::of([id(1), id(3)]).draw()
        );
    }
}
