//! Reviews of the people that are written out whole, in the product's own words: the very prompts that dossiers are scored
//! with, and behind the lines that were picked beforehand what a careful reviewer says. Here the whole papers are read; where the
//! program knows what is to be cited, an answer sees the cited lines alone.

use super::{Kind, Message, Origin, Sample, without_numbers};
use crate::dossier::{Dossier, Segment};
use crate::engine::answer::PartialAnswer;
use crate::engine::plan::{citable, cited};
use crate::engine::prompt;
use crate::engine::scorer::SHORTLIST;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Index, rank};
use crate::id::SegmentNo;
use crate::ingest::redaction::Redaction;
use crate::learn::generate::Split;
use crate::learn::generate::answers::answers;
use crate::learn::generate::labelled::{Labelled, Shows, people};
use crate::rubric::{Dimension, Rubric};
use crate::seed::{Seed, Stream};

/// How far a picked line may owe its place to chance, where 1 is what a line gains by being what one would cite. Two of
/// three picked lines then bear on the dimension, about as many as where the program picks lines of people it was not fitted
/// to: what is learnt is to speak of these.
const CHANCE: f64 = 1.4;
/// What a line gains by bearing on the dimension.
const BEARS: f64 = 0.7;

/// Shorter segments, such as "Yes.", stand in many papers and tell nothing.
const TELLING: usize = 12;

/// A review of every dimension of every person of a split.
///
/// # Errors
/// A dossier, an answer or a template is broken.
pub fn reviews(split: Split, rubric: &Rubric, seed: Seed) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for person in people(split)? {
        let dossier = person.dossier()?;
        let review = Review {
            shown: person.shown(&dossier),
            segments: dossier.segments().collect(),
            index: Index::build(&dossier),
            redaction: Redaction::by(rubric, &dossier, dossier.meta.language),
            dossier: &dossier,
            person: &person,
        };
        samples.extend(review.samples(rubric, seed)?);
    }
    Ok(samples)
}

/// A dossier that is reviewed.
struct Review<'a> {
    person: &'a Labelled,
    dossier: &'a Dossier,
    segments: Vec<&'a Segment>,
    /// What each of them shows.
    shown: Vec<&'a [Shows]>,
    index: Index,
    redaction: Redaction,
}

impl Review<'_> {
    fn samples(&self, rubric: &Rubric, seed: Seed) -> Result<Vec<Sample>> {
        let words = answers(self.person.name())?;
        let language = self.dossier.meta.language;
        let system = prompt::system(language)?.trim_end().to_owned();
        let papers = prompt::dossier(self.dossier, &self.segments, 0, language, &self.redaction)?;
        let numbers: Vec<SegmentNo> = self.segments.iter().map(|segment| segment.no).collect();
        let lines = self.segments.iter().zip(&self.shown);
        let telling =
            lines.filter(|(segment, shows)| !shows.is_empty() && segment.text.chars().count() >= TELLING);
        let material: Vec<String> = telling
            .map(|(segment, _)| without_numbers(&segment.text))
            .collect();
        let subject = self.dossier.meta.id.as_str();
        let mut samples = Vec::new();
        for dimension in &rubric.dimensions {
            let of = |what: &str| {
                let what = format!("{subject} has no {what} of {}", dimension.id);
                Error::new(ErrorKind::Internal, what)
            };
            let words = words.get(&dimension.id).ok_or_else(|| of("answer"))?;
            let level = self.person.levels.get(&dimension.id).ok_or_else(|| of("level"))?;
            let mut stream = seed.branch(subject).branch(dimension.id.as_str()).stream();
            let read = self.picked(dimension, &mut stream);
            let ranked = rank(self.dossier, &self.index, dimension, language, Some(&read));
            let cited = cited(&ranked, &numbers);
            let listed = citable(Some(&cited), self.dossier, &ranked, &numbers, SHORTLIST);
            let asked = prompt::branch(dimension, &listed, language)?;
            let given = PartialAnswer::opening(&cited);
            let text = |words: &str| serde_json::Value::from(words).to_string();
            let answer = format!(
                r#"{given}{},"rationale":{},"suggestion":{}}}"#,
                whole(*level, &mut stream),
                text(&words.rationale),
                text(&words.suggestion)
            );
            let message = |role, content| Message { role, content };
            samples.push(Sample {
                id: format!("{subject}-{}", dimension.id),
                kind: Some(Kind::Review),
                family: None,
                language,
                subject: subject.to_owned(),
                origin: Origin::Synthetic,
                given,
                messages: vec![
                    message("system", system.clone()),
                    message("user", format!("{papers}{}", asked.trim_end())),
                    message("assistant", answer),
                ],
                material: material.clone(),
            });
        }
        Ok(samples)
    }

    /// The segments, those that bear on `dimension` first, as far as chance allows.
    fn picked(&self, dimension: &Dimension, stream: &mut Stream) -> Vec<SegmentNo> {
        let mut bearings: Vec<(f64, SegmentNo)> = Vec::new();
        for (segment, shows) in self.segments.iter().zip(&self.shown) {
            let own = shows.iter().find(|shows| shows.dimension == dimension.id);
            let bears = own.map_or(0.0, |shows| if shows.key { 1.0 } else { BEARS });
            bearings.push((bears + CHANCE * stream.unit(), segment.no));
        }
        bearings.sort_by(|a, b| b.0.total_cmp(&a.0));
        bearings.into_iter().map(|(_, no)| no).collect()
    }
}

/// The digit that stands for a level; one between two digits is either.
fn whole(level: f64, stream: &mut Stream) -> u8 {
    let up = stream.unit() < level.fract();
    level as u8 + u8::from(up)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::learn::train::answering::numbered;

    /// Reviews begin as the program lets answers begin, and most of the lines they begin with bear on the dimension.
    #[test]
    fn two_of_three_picked_lines_bear_on_the_dimension() -> Result<()> {
        let core = crate::rubric::builtin("core")?;
        let samples = reviews(Split::HeldOut, &core, Seed::root(0))?;
        let people = people(Split::HeldOut)?;
        assert_eq!(samples.len(), people.len() * core.dimensions.len());
        let (mut picked, mut bear) = (0, 0);
        for (person, samples) in people.iter().zip(samples.chunks(core.dimensions.len())) {
            let dossier = person.dossier()?;
            let shown = person.shown(&dossier);
            for (sample, dimension) in samples.iter().zip(&core.dimensions) {
                let answer = &sample.messages[2].content;
                assert!(answer.starts_with(&sample.given), "{}", sample.id);
                let cited = crate::engine::answer::Answer::parse(answer.as_bytes())?.evidence;
                let cited: BTreeSet<u32> = cited.into_iter().collect();
                assert!(cited.iter().all(|n| numbered(&sample.messages[1].content, *n)));
                let bears = |n: &u32| {
                    let shows = shown[*n as usize - 1];
                    shows.iter().any(|shows| shows.dimension == dimension.id)
                };
                picked += cited.len();
                bear += cited.iter().filter(|n| bears(n)).count();
            }
        }
        let share = f64::from(bear as u32) / f64::from(picked as u32);
        // 492 of 768.
        assert!((0.55..0.75).contains(&share), "{share}");
        Ok(())
    }
}
