//! A person's profile as plain values, and its four faces: lines on screen, text for a pipe, a picture, a report.
//!
//! The values stand on their own, so that the workstation, the command line and a server fill them alike. Every text
//! in them may come from a dossier or a model: the faces escape it, and make hidden characters visible once more.

use crate::dossier::{Language, Spot};
use crate::tui::words::Word;

mod bar;
mod figure;
mod fill;
mod lines;
mod markup;
mod report;

pub use fill::of_review;
pub use lines::{lines, text};
pub use report::html;

pub use figure::svg;

/// Below this level a dimension wants a plan.
const EXPECTED: f32 = 3.0;

/// From this level on a dimension is a strength; below it the weakest get a plan even when all are as expected.
const STRONG: f32 = 4.0;

/// A plan of more points than this is no plan; those below [`EXPECTED`] are all in it all the same.
const PLAN_POINTS: usize = 2;

/// Strengths that the report's first page names.
const STRENGTHS: usize = 3;

/// What is known of one person in one cycle.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// The person's name.
    pub name: String,
    /// The organisation's name for the person, such as a staff number.
    pub id: String,
    /// The job.
    pub role: String,
    /// The grade.
    pub grade: Option<String>,
    /// The review cycle.
    pub cycle: String,
    /// The rubric's title and version.
    pub rubric: String,
    /// Who reviewed.
    pub reviewer: Option<String>,
    /// Which model and adapter made the proposals.
    pub scored_by: Option<String>,
    /// When it was signed off; none while it is open.
    pub signed_off: Option<String>,
    /// In rubric order.
    pub dimensions: Vec<Dimension>,
    /// What the person's own claims meet in the other sources.
    pub checks: Checks,
    /// Earlier cycles, oldest first.
    pub earlier: Vec<Earlier>,
}

/// What claims meet elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checks {
    /// Claims that could be looked for.
    pub n: usize,
    /// Those that another place supports.
    pub supported: usize,
    /// Those that another place contradicts.
    pub contradicted: usize,
    /// The claims that are contradicted, each with the places that do.
    pub against: Vec<(Evidence, Evidence)>,
}

/// One dimension of a profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dimension {
    /// As the rubric calls it.
    pub name: String,
    /// What the model says.
    pub model: Option<Reading>,
    /// What a person decided, accepted scores included.
    pub human: Option<f32>,
    /// What the level that stands looks like.
    pub anchor: String,
    /// The next whole level above and what it looks like; none at the top.
    pub next: Option<(u8, String)>,
    /// The strongest first.
    pub evidence: Vec<Evidence>,
    /// What to do next.
    pub suggestion: Option<String>,
    /// What the reviewer wants to say of it: a note, or the reason of an override.
    pub remark: Option<String>,
}

/// A model's score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The expected level, 1..=5.
    pub score: f32,
    /// Standard deviation, in levels.
    pub sd: f32,
}

/// One thing that a score rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// For the score, or against it.
    pub supports: bool,
    /// The source's title.
    pub source: String,
    /// Where in the source.
    pub at: At,
    /// What it is.
    pub claim: Claim,
}

/// A place in a source, as a person would find it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A line, from 1.
    Line(u32),
    /// A row of a table, from 1.
    Row(u32),
    /// A time in a recording, such as `14:05`.
    Time(String),
    /// A page, a slide or cells.
    Spot(Spot),
}

/// What a piece of evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// These words stand there.
    Quote(String),
    /// This term occurs so often.
    Count {
        /// The term.
        term: String,
        /// How often.
        n: usize,
        /// Whether the person said it, each time, in a chat or a meeting.
        said: bool,
    },
}

/// The scores of an earlier cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// The cycle's name.
    pub cycle: String,
    /// One a dimension of [`Profile::dimensions`], where there was one.
    pub scores: Vec<Option<f32>>,
}

impl Profile {
    /// The dimensions that the development plan is about, weakest first: all below the expected level, and the
    /// weakest of the others that are not strong, up to two in all.
    pub fn weak(&self) -> Vec<&Dimension> {
        let scored = self.scored(|score| score < STRONG);
        let below = scored.iter().filter(|(s, _)| *s < EXPECTED).count();
        let points = scored.into_iter().take(below.max(PLAN_POINTS));
        points.map(|(_, d)| d).collect()
    }

    /// What a plan without points says: that all is well only where all is scored.
    pub fn without_points(&self) -> Word {
        match self.scored(|_| true).len() {
            0 => Word::ProfilePlanUnscored,
            n if n < self.dimensions.len() => Word::ProfilePlanSoFar,
            _ => Word::ProfilePlanNone,
        }
    }

    /// The dimensions that stand out, strongest first.
    pub fn strong(&self) -> Vec<&Dimension> {
        let mut strong = self.scored(|score| score >= STRONG);
        strong.reverse();
        strong.truncate(STRENGTHS);
        strong.into_iter().map(|(_, d)| d).collect()
    }

    /// The dimensions whose standing score passes, weakest first.
    fn scored(&self, passes: impl Fn(f32) -> bool) -> Vec<(f32, &Dimension)> {
        let dimensions = self.dimensions.iter();
        let mut scored: Vec<_> = dimensions
            .filter_map(|d| Some((d.standing()?, d)))
            .filter(|(score, _)| passes(*score))
            .collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        scored
    }

    /// The scores of dimension number `index` through the cycles, oldest first, this one last.
    fn course(&self, index: usize) -> Vec<(&str, f32)> {
        let earlier = self
            .earlier
            .iter()
            .map(|e| (e.cycle.as_str(), e.scores.get(index).copied().flatten()));
        let now = self.dimensions.get(index).and_then(Dimension::standing);
        earlier
            .chain([(self.cycle.as_str(), now)])
            .filter_map(|(cycle, score)| Some((cycle, score?)))
            .collect()
    }

    /// Facts about the whole, as pairs of a word and its value.
    fn facts(&self) -> Vec<(Word, &str)> {
        let always = [
            (Word::ProfileRole, Some(self.role.as_str())),
            (Word::ProfileLevel, self.grade.as_deref()),
            (Word::ProfileCycle, Some(self.cycle.as_str())),
            (Word::ProfileRubric, Some(self.rubric.as_str())),
            (Word::ProfileReviewer, self.reviewer.as_deref()),
            (Word::ProfileEvidenceModel, self.scored_by.as_deref()),
            (Word::ProfileSignedOff, self.signed_off.as_deref()),
        ];
        always
            .into_iter()
            .filter_map(|(word, value)| Some((word, value.filter(|v| !v.is_empty())?)))
            .collect()
    }
}

impl Dimension {
    /// The score that stands: the person's, else the model's.
    pub fn standing(&self) -> Option<f32> {
        self.human.or(self.model.map(|m| m.score))
    }
}

impl Checks {
    /// How many there are, and what they met.
    fn sum(&self, language: Language) -> String {
        let missing = self.n.saturating_sub(self.supported + self.contradicted);
        let numbers = [self.n, self.supported, self.contradicted, missing].map(|n| n.to_string());
        let names = ["n", "supported", "contradicted", "missing"];
        let values: Vec<(&str, &str)> = names
            .into_iter()
            .zip(numbers.iter().map(String::as_str))
            .collect();
        Word::ProfileChecksSum.fill(language, &values)
    }
}

/// Both ends of a contradiction in one line.
fn both_ends((claim, other): &(Evidence, Evidence), language: Language) -> String {
    let (claim, other) = (claim.origin(language), other.origin(language));
    Word::ProfileCheckEnds.fill(language, &[("claim", &claim), ("other", &other)])
}

impl Evidence {
    /// `weekly report, line 12: "led 5 meetings"`.
    fn origin(&self, language: Language) -> String {
        let (at, claim) = (self.at.words(language), self.claim.words(language));
        let values = [("source", self.source.as_str()), ("at", &at), ("claim", &claim)];
        Word::ProfileOrigin.fill(language, &values)
    }
}

impl At {
    fn words(&self, language: Language) -> String {
        match self {
            Self::Line(n) => Word::Line.fill(language, &[("n", &n.to_string())]),
            Self::Row(n) => Word::Row.fill(language, &[("n", &n.to_string())]),
            Self::Time(time) => time.clone(),
            Self::Spot(spot) => spot.to_string(),
        }
    }
}

impl Claim {
    fn words(&self, language: Language) -> String {
        match self {
            Self::Quote(quote) => Word::ProfileQuote.fill(language, &[("quote", quote)]),
            Self::Count { term, n, said } => {
                let word = if *said {
                    Word::ProfileSaidTimes
                } else {
                    Word::ProfileOccursTimes
                };
                word.fill(language, &[("term", term), ("n", &n.to_string())])
            }
        }
    }
}

/// A level in one decimal.
fn level(score: f32) -> String {
    format!("{score:.1}")
}

/// The change through a course of scores in one decimal with its sign; none with fewer than two.
fn change(course: &[(&str, f32)]) -> Option<String> {
    let [(_, first), .., (_, last)] = course else {
        return None;
    };
    let tenths = ((last - first) * 10.0).round();
    Some(if tenths == 0.0 {
        "0.0".to_owned()
    } else {
        format!("{:+.1}", tenths / 10.0)
    })
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
