//! What a request becomes before the model runs: token ids of the shared prefix and of each dimension's branch, and
//! which segment each prompt number means.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::dossier::{Dossier, Language, Segment};
use crate::engine::event::ScoreRequest;
use crate::engine::grammar::{MAX_EVIDENCE, MAX_RATIONALE, MAX_SUGGESTION};
use crate::engine::prompt::{self, BRANCH_LIMIT};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::links::Sides;
use crate::evidence::search::Index;
use crate::evidence::select::select;
use crate::evidence::{rank, shortlist};
use crate::id::{DimensionId, SegmentNo};
use crate::ingest::redaction::Redaction;
use crate::model::chat::ChatFrame;
use crate::model::tokenizer::Tokenizer;
use crate::rubric::{Dimension, Rubric};

/// Tokens kept free for one answer: its texts at one token a character, and the JSON around them.
const ANSWER_ROOM: usize = MAX_RATIONALE + MAX_SUGGESTION + 64;

/// The token ids of a request.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Tokens every branch shares.
    pub prefix: Vec<u32>,
    /// The segments in the prompt; prompt number n is the one at index n - 1.
    pub segments: Vec<SegmentNo>,
    /// The tokens of each of them in the prefix; empty where the tokenizer's bytes are not those of the text.
    pub places: Vec<Range<usize>>,
    /// Where the papers begin in the prefix.
    papers: usize,
    /// For each of them, the first segment in the prompt of the same source, as its index.
    firsts: Vec<usize>,
    /// How many segments did not fit.
    pub omitted: usize,
    /// The branches, in the order they are wanted.
    pub branches: Vec<Branch>,
    /// Which segments speak against the person when they are cited.
    pub sides: Sides,
}

impl Plan {
    /// The positions in the prefix of what an answer sees that rests on some segments and nothing else (prompt numbers): what
    /// stands before and behind all papers, these lines, and the headings they stand under. None where the places of
    /// lines are not known, or it is not known of every dimension what is to be cited.
    pub fn excerpt(&self, cited: &[u32]) -> Option<Vec<usize>> {
        let last = self.places.last()?;
        // In one pass either all answers see an excerpt or none does.
        if self.branches.iter().any(|branch| branch.cited.is_none()) {
            return None;
        }
        let mut kept: Vec<usize> = (0..self.papers).collect();
        for at in cited.iter().filter_map(|n| (*n as usize).checked_sub(1)) {
            let head = *self.firsts.get(at)?;
            let before = head.checked_sub(1).map_or(self.papers, |i| self.places[i].end);
            kept.extend(before..self.places[head].start);
            kept.extend(self.places.get(at)?.clone());
        }
        kept.extend(last.end..self.prefix.len());
        kept.sort_unstable();
        kept.dedup();
        Some(kept)
    }
}

/// For each segment, the index of the first one of the same source.
fn firsts(shown: &[&Segment]) -> Vec<usize> {
    let mut firsts: Vec<usize> = Vec::with_capacity(shown.len());
    for (i, segment) in shown.iter().enumerate() {
        let before = firsts
            .last()
            .filter(|&&first| shown[first].source == segment.source);
        firsts.push(before.copied().unwrap_or(i));
    }
    firsts
}

/// One dimension's part of the plan.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Which dimension.
    pub dimension: DimensionId,
    /// Its prompt's tokens, the start of the answer included.
    pub tokens: Vec<u32>,
    /// The prompt numbers its answer may cite.
    pub citable: Vec<u32>,
    /// The prompt numbers it is to cite, where that is known beforehand: the answer then begins with them.
    pub cited: Option<Vec<u32>>,
}

/// How plans are made for one model.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The model's template.
    pub frame: &'a ChatFrame,
    /// The most tokens a prompt with its answer may take.
    pub context: usize,
    /// The most segments a branch prompt names.
    pub shortlist: usize,
}

impl Planner<'_> {
    /// Plans a request.
    ///
    /// # Errors
    /// A dimension is not in the rubric, or the context is too small for any dossier.
    pub fn plan(&self, request: &ScoreRequest) -> Result<Plan> {
        let dossier = &request.dossier;
        let index = Index::build(dossier);
        let redaction = Redaction::by(&request.rubric, dossier, request.language);
        let shown = self.choose(dossier, &index, &request.rubric, request.language, &redaction)?;
        let total = dossier.segments().count();
        let omitted = total - shown.len();
        let text = prompt::dossier(dossier, &shown, omitted, request.language, &redaction)?;
        // As the tokens have it: places are counted in their bytes.
        let text = self.tokenizer.normalised(&text)?;
        let mut prefix = self.head(request.language)?;
        let head = prefix.len();
        prefix.extend(self.tokenizer.encode(&text)?);
        let lines: Vec<String> = shown
            .iter()
            .map(|s| self.tokenizer.normalised(&redaction.hide(&s.text)))
            .collect::<Result<_>>()?;
        let places = self.places(&text, &lines, &prefix, head);
        let segments: Vec<SegmentNo> = shown.iter().map(|s| s.no).collect();
        let branches = self.branches(request, &index, &segments, None)?;
        Ok(Plan {
            papers: self.papers(&text, &prefix, head),
            prefix,
            segments,
            places,
            firsts: firsts(&shown),
            omitted,
            branches,
            sides: Sides::of(dossier, &request.rubric),
        })
    }

    /// Plans the branches anew, now that the model has read the dossier; `read` gives its ranking of the prompt's
    /// segments (their indices) for a dimension, the most promising first. What such a dimension cites is the first of the
    /// shortlist's ranking: its score is read off the segments that rank high, and the model only says why.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn branch_anew(
        &self,
        plan: &mut Plan,
        request: &ScoreRequest,
        read: &dyn Fn(&DimensionId) -> Option<Vec<usize>>,
    ) -> Result<()> {
        let index = Index::build(&request.dossier);
        plan.branches = self.branches(request, &index, &plan.segments, Some(read))?;
        Ok(())
    }

    fn branches(
        &self,
        request: &ScoreRequest,
        index: &Index,
        shown: &[SegmentNo],
        read: Option<&dyn Fn(&DimensionId) -> Option<Vec<usize>>>,
    ) -> Result<Vec<Branch>> {
        let (dossier, language) = (&request.dossier, request.language);
        let branch = |dimension: &Dimension| {
            let read = read.and_then(|read| read(&dimension.id));
            let read = read.map(|order| order.into_iter().map(|i| shown[i]).collect::<Vec<_>>());
            let ranked = rank(dossier, index, dimension, language, read.as_deref());
            let cited = read.map(|_| cited(&ranked, shown));
            let list = |limit| citable(cited.as_deref(), dossier, &ranked, shown, limit);
            self.branch(dimension, language, cited.clone(), &list)
        };
        dimensions(request)?.into_iter().map(branch).collect()
    }

    /// The tokens before the dossier.
    fn head(&self, language: Language) -> Result<Vec<u32>> {
        let mut tokens = self.frame.before_system.clone();
        tokens.extend(self.tokenizer.encode(prompt::system(language)?.trim_end())?);
        tokens.extend(&self.frame.before_user);
        Ok(tokens)
    }

    /// The tokens (positions in `prefix`, whose text begins at `head`) of each segment's line.
    fn places(&self, text: &str, lines: &[String], prefix: &[u32], head: usize) -> Vec<Range<usize>> {
        let starts: Vec<usize> = prefix[head..]
            .iter()
            .scan(0, |end, &token| {
                let start = *end;
                *end += self.tokenizer.bytes(token).len();
                Some(start)
            })
            .collect();
        let bytes: usize = prefix[head..]
            .iter()
            .map(|&t| self.tokenizer.bytes(t).len())
            .sum();
        if bytes != text.len() {
            return Vec::new();
        }
        let token_at = |byte: usize| head + starts.partition_point(|&start| start < byte);
        let mut from = 0;
        let mut places = Vec::new();
        for (number, said) in (1..).zip(lines) {
            let found = |needle: &str, from: usize| text[from..].find(needle).map(|at| from + at);
            let line = found(&format!("\n[{number}] "), from).map(|before| before + 1);
            let Some((start, words)) = line.and_then(|start| Some((start, found(said, start)?))) else {
                return Vec::new();
            };
            from = words + said.len();
            places.push(token_at(start)..token_at(from));
        }
        places
    }

    /// Where the papers begin in `prefix`: behind the first line of `text`, which says who is reviewed.
    fn papers(&self, text: &str, prefix: &[u32], head: usize) -> usize {
        let line = text.find('\n').unwrap_or(text.len());
        let mut end = 0;
        let whole = prefix[head..].iter().take_while(|&&token| {
            end += self.tokenizer.bytes(token).len();
            end <= line
        });
        head + whole.count()
    }

    /// One dimension's part; `list` gives the prompt numbers it names where so many segments are worth a look at most.
    fn branch(
        &self,
        dimension: &Dimension,
        language: Language,
        cited: Option<Vec<u32>>,
        list: &dyn Fn(usize) -> Vec<u32>,
    ) -> Result<Branch> {
        let mut limit = self.shortlist;
        loop {
            let citable = list(limit);
            let text = prompt::branch(dimension, &citable, language)?;
            let mut tokens = self.tokenizer.encode(text.trim_end())?;
            tokens.extend(&self.frame.before_answer);
            if tokens.len() <= BRANCH_LIMIT || limit == 0 {
                return Ok(Branch {
                    dimension: dimension.id.clone(),
                    tokens,
                    citable,
                    cited,
                });
            }
            // Rare: long anchors in a language the tokenizer splits finely. The weakest candidates go.
            limit -= 1;
        }
    }

    /// The segments that fit, in document order: all of them when they do. The choice among more does not
    /// depend on which dimensions are asked about, so that the prefix stays the same.
    fn choose<'d>(
        &self,
        dossier: &'d Dossier,
        index: &Index,
        rubric: &Rubric,
        language: Language,
        redaction: &Redaction,
    ) -> Result<Vec<&'d Segment>> {
        let budget = self.context.saturating_sub(BRANCH_LIMIT + ANSWER_ROOM);
        let all: Vec<&Segment> = dossier.segments().collect();
        let whole = self.head(language)?.len()
            + self
                .tokenizer
                .encode(&prompt::dossier(dossier, &all, 0, language, redaction)?)?
                .len();
        if whole <= budget {
            return Ok(all);
        }
        let frame = self.head(language)?.len()
            + self
                .tokenizer
                .encode(&prompt::dossier(dossier, &[], 0, language, redaction)?)?
                .len();
        let titles = 48 * dossier.sources.len();
        let room = budget
            .checked_sub(frame + titles)
            .filter(|room| *room > 0)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Engine,
                    format!(
                        "a context of {} tokens is too small for this dossier",
                        self.context
                    ),
                )
                .hint("raise engine.context_limit, or choose a model with a longer context")
            })?;
        let cost = |segment: &Segment| {
            let line = self.tokenizer.encode(&prompt::segment_line(segment, redaction));
            line.map_or(usize::MAX / 1024, |tokens| tokens.len())
        };
        let selection = select(dossier, index, rubric, language, room, cost);
        Ok(selection
            .kept
            .iter()
            .filter_map(|no| dossier.segment(*no))
            .collect())
    }
}

/// The prompt numbers of the segments that an answer is to cite, of those that were `ranked`.
pub fn cited(ranked: &[SegmentNo], shown: &[SegmentNo]) -> Vec<u32> {
    let mut cited = numbers(ranked, shown);
    // On the samples, fused rankings reach the same F1 against the authors' key segments, 0.25, with 3 to 6; the more of
    // them, the more key behaviours are covered. Of a few lines, most are about something else.
    cited.truncate(MAX_EVIDENCE.min(shown.len().div_ceil(3)));
    cited.sort_unstable();
    cited
}

/// The prompt numbers that a branch names: of `limit` segments that rank high, and of those it is to cite.
pub fn citable(
    cited: Option<&[u32]>,
    dossier: &Dossier,
    ranked: &[SegmentNo],
    shown: &[SegmentNo],
    limit: usize,
) -> Vec<u32> {
    let mut listed = numbers(&shortlist(dossier, ranked, limit), shown);
    listed.extend(cited.into_iter().flatten());
    listed.sort_unstable();
    listed.dedup();
    listed
}

/// The prompt numbers of some segments; those not shown are left out.
fn numbers(segments: &[SegmentNo], shown: &[SegmentNo]) -> Vec<u32> {
    segments
        .iter()
        .filter_map(|no| shown.binary_search(no).ok())
        .filter_map(|i| u32::try_from(i + 1).ok())
        .collect()
}

fn dimensions(request: &ScoreRequest) -> Result<Vec<&Dimension>> {
    if request.dimensions.is_empty() {
        return Ok(request.rubric.dimensions.iter().collect());
    }
    let find = |id: &DimensionId| {
        request.rubric.dimension(id).ok_or_else(|| {
            let known: Vec<_> = request.rubric.dimensions.iter().map(|d| d.id.as_str()).collect();
            Error::new(
                ErrorKind::Usage,
                format!("rubric {} has no dimension {id}", request.rubric.id),
            )
            .hint(format!("it has {}", known.join(", ")))
        })
    };
    let mut named = BTreeSet::new();
    let once = request.dimensions.iter().filter(|id| named.insert(*id));
    once.map(find).collect()
}
