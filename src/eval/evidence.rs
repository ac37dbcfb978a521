//! Questions to documents: how much of the passages that people mark does the model cite, and how much else.
//!
//! Passages are compared by their characters: precision is the share of the cited characters that are marked, recall the
//! share of the marked ones that are cited. Of several annotators the one that fits best counts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::figures::{Figure, figure};
use crate::dossier::Segment;
use crate::error::Result;
use crate::evidence::Index;
use crate::hash::ContentHash;
use crate::id::{DimensionId, RubricId};
use crate::ingest;
use crate::learn::forms::RatedEvidence;
use crate::learn::texts::Asked;
use crate::metrics::{Found, mean};
use crate::rubric::{Bilingual, Dimension, Rubric};
use crate::sanitize::line;
use crate::seed::Seed;

/// Spans of a document, in characters.
pub type Spans = Vec<Range<usize>>;

/// How well passages were found: means over the questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    /// The share of what is cited that is marked; over the questions that anything is cited for.
    pub precision: Option<Figure>,
    /// The share of what is marked that is cited.
    pub recall: Option<Figure>,
    /// The harmonic mean of the two.
    pub f1: Option<Figure>,
}

/// The citations beside the rivals'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Questions.
    pub n: usize,
    /// Groups they belong to.
    pub groups: usize,
    /// The citations.
    #[serde(flatten)]
    pub citations: Quality,
    /// The rivals.
    pub baselines: BTreeMap<&'static str, Quality>,
}

/// Compares what is cited for each question, and what the rivals cite, with what is marked.
pub fn compare(
    questions: &[RatedEvidence],
    cited: &[Spans],
    rivals: BTreeMap<&'static str, Vec<Spans>>,
) -> Compared {
    let groups = grouped(questions);
    let quality = |cited: &[Spans]| quality(questions, cited, &groups);
    Compared {
        n: questions.len(),
        groups: groups.len(),
        citations: quality(cited),
        baselines: rivals
            .into_iter()
            .map(|(name, rival)| (name, quality(&rival)))
            .collect(),
    }
}

fn grouped(questions: &[RatedEvidence]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, question) in questions.iter().enumerate() {
        groups.entry(&question.group).or_default().push(i);
    }
    groups.into_values().collect()
}

fn quality(questions: &[RatedEvidence], cited: &[Spans], groups: &[Vec<usize>]) -> Quality {
    let found: Vec<Found> = questions
        .iter()
        .zip(cited)
        .map(|(q, cited)| found(q, cited))
        .collect();
    let over = |statistic: fn(Found) -> Option<f64>| {
        figure(groups, Seed::root(0).branch("eval"), |drawn| {
            let items = drawn.iter().flat_map(|group| group.iter());
            mean(&items.filter_map(|&i| statistic(found[i])).collect::<Vec<_>>())
        })
    };
    Quality {
        precision: over(Found::precision),
        recall: over(Found::recall),
        f1: over(Found::f1),
    }
}

/// Characters cited and marked, by the annotator that fits best.
fn found(question: &RatedEvidence, cited: &Spans) -> Found {
    let against = |gold: &Vec<(usize, usize)>| {
        let gold: Spans = gold.iter().map(|&(start, end)| start..end).collect();
        let length = question.document.chars().count();
        let (cited, gold) = (marked(cited, length), marked(&gold, length));
        Found {
            hits: cited.iter().zip(&gold).filter(|(c, g)| **c && **g).count(),
            found: cited.iter().filter(|c| **c).count(),
            wanted: gold.iter().filter(|g| **g).count(),
        }
    };
    let all = question.annotators().iter().map(against);
    let best = all.max_by(|a, b| a.f1().unwrap_or(0.0).total_cmp(&b.f1().unwrap_or(0.0)));
    best.unwrap_or_default()
}

/// Which characters of a document lie in one of the spans.
fn marked(spans: &Spans, length: usize) -> Vec<bool> {
    let mut marks = vec![false; length];
    for span in spans {
        marks[span.start.min(length)..span.end.min(length)].fill(true);
    }
    marks
}

/// A span of bytes as one of characters.
pub fn characters(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let before = |at: usize| text.char_indices().take_while(|(i, _)| *i < at).count();
    before(bytes.start)..before(bytes.end)
}

/// What is asked of a document: to answer a question, as a rubric of one dimension.
pub fn asked(question: &RatedEvidence) -> Asked {
    let both = |zh: &str, en: &str| Bilingual {
        zh: zh.to_owned(),
        en: en.to_owned(),
    };
    let words = line(&question.question).into_owned();
    let dimension = Dimension {
        id: DimensionId::new("answer"),
        name: both("找出能回答问题的句子", "Sentences that answer a question"),
        definition: both(&words, &words),
        anchors: [
            both("材料未提及", "The material does not say"),
            both("只有一点线索", "A hint of an answer"),
            both("回答了一部分", "Half an answer"),
            both("基本回答了", "An answer"),
            both("完整、明确地回答了", "A full and clear answer"),
        ],
        behaviours: Vec::new(),
        signals: Vec::new(),
    };
    let rubric = Rubric {
        id: RubricId::new("question"),
        version: "1".to_owned(),
        title: dimension.name.clone(),
        redact: false,
        hash: ContentHash::of(format!("{dimension:?}").as_bytes()),
        dimensions: vec![dimension],
    };
    Asked {
        id: question.id.clone(),
        context: String::new(),
        lang: question.lang,
        text: question.document.clone(),
        rubric: Arc::new(rubric),
    }
}

/// The rivals cite as many sentences as the model does: those that the search finds for the question, and the first of
/// the document.
///
/// # Errors
/// A document holds nothing that could be cited.
pub fn rivals(questions: &[RatedEvidence], cited: &[Spans]) -> Result<BTreeMap<&'static str, Vec<Spans>>> {
    let (mut searched, mut first) = (Vec::new(), Vec::new());
    for (question, cited) in questions.iter().zip(cited) {
        let dossier = ingest::of_text(&question.id, "", question.lang, &question.document)?;
        let count = cited.len().max(1);
        let found = Index::build(&dossier).search(&question.question, count);
        let span = |segment: &Segment| characters(&question.document, &segment.anchor.span);
        searched.push(
            found
                .iter()
                .filter_map(|(no, _)| dossier.segment(*no))
                .map(span)
                .collect(),
        );
        first.push(dossier.segments().take(count).map(span).collect());
    }
    Ok(BTreeMap::from([("bm25", searched), ("first_sentences", first)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;

    fn question(id: &str, golds: &[&[(usize, usize)]]) -> RatedEvidence {
        RatedEvidence {
            id: id.to_owned(),
            group: id.to_owned(),
            lang: Language::Zh,
            document: "一二三四五六七八九十".to_owned(),
            question: "?".to_owned(),
            gold: golds[0].to_vec(),
            golds: golds.iter().map(|g| g.to_vec()).collect(),
        }
    }

    /// By hand: of 0..4 cited and 2..8 marked, 2 characters are both: 2/4, 2/6, and 4/10.
    #[test]
    fn passages_are_compared_by_character() {
        let found = found(&question("a", &[&[(2, 8)]]), &vec![0..3, 1..4]);
        assert_eq!(found.precision(), Some(0.5));
        assert_eq!(found.recall(), Some(2.0 / 6.0));
        assert_eq!(found.f1(), Some(0.4));
    }

    #[test]
    fn the_annotator_that_fits_best_counts() {
        let found = found(&question("a", &[&[(8, 9)], &[(0, 2), (3, 4)]]), &vec![0..1, 1..4]);
        assert_eq!(found.precision(), Some(0.75));
        assert_eq!(found.recall(), Some(1.0));
    }

    /// By hand: the second question has nothing cited: precision is the first's alone, recall and F1 are halved.
    #[test]
    fn figures_are_means_over_the_questions() {
        let questions = [question("a", &[&[(0, 2)]]), question("b", &[&[(0, 2)]])];
        let compared = compare(&questions, &[vec![0..1, 1..2], vec![]], BTreeMap::new());
        let value = |figure: Option<Figure>| figure.map(|f| f.value);
        assert_eq!(value(compared.citations.precision), Some(1.0));
        assert_eq!(value(compared.citations.recall), Some(0.5));
        assert_eq!(value(compared.citations.f1), Some(0.5));
        assert_eq!((compared.n, compared.groups), (2, 2));
    }

    #[test]
    fn bytes_become_characters() {
        assert_eq!(characters("上线了ok", &(3..10)), 1..4);
        assert_eq!(characters("上线", &(0..6)), 0..2);
    }
}
