//! Comparing answers: which two are shown next, what is drawn meanwhile, and what a choice becomes. A pure state
//! machine beside [`Review`](super::Review): events in, effects out.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::dossier::Dossier;
use crate::engine::{ModelIdentity, RubricIdentity, ScoreEvent, ScoreRequest, Ticket};
use crate::id::{DimensionId, DossierId, Person, RecordId};
use crate::ingest::redaction::Redaction;
use crate::review::comparison::{
    Agreement, Candidate, Choice, Comparison, Judged, Pair, PairName, Rewritten, Said, Side,
};
use crate::review::decision::{Entry, Undo};
use crate::review::event::{Attachment, Draft, Stamp};
use crate::rubric::Rubric;
use crate::seed::Seed;

/// One pair in so many is compared by everybody: how far people agree is known from these.
const SHARED: u64 = 5;
/// After so many comparisons comes a check, …
const CHECK_EVERY: usize = 10;
/// … the first one after so many.
const CHECK_FIRST: usize = 4;
/// So many pairs waiting for a person are enough: about a quarter of an hour's work.
pub const ENOUGH: usize = 32;
/// What answers are drawn at: warm enough to differ, cool enough to keep to the point.
pub const TEMPERATURE: f64 = 0.8;
/// Nobody looks at a pair for longer, in seconds: the person was away.
const AWAY: f32 = 300.0;

/// Why nothing more is drawn, where each two answers were one.
const SAME_AGAIN: &str = "the model gives the same answer each time";

/// What a round of comparing begins with.
#[derive(Debug, Clone)]
pub struct Begin {
    /// Who compares.
    pub person: Person,
    /// By which rubric.
    pub rubric: Arc<Rubric>,
    /// The dossiers.
    pub dossiers: Vec<Arc<Dossier>>,
    /// Which weights answer; none when nothing more can be drawn.
    pub model: Option<ModelIdentity>,
    /// The pairs drawn so far.
    pub pool: Vec<Pair>,
    /// Every comparison that stands.
    pub judged: Vec<Judged>,
    /// Only pairs on which others did not agree.
    pub adjudicating: bool,
    /// With so many pairs waiting for this person nothing more is drawn.
    pub enough: usize,
    /// Root of the random numbers.
    pub seed: u64,
}

/// What is on the screen.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The two answers, as they stand left and right.
    pub candidates: [Candidate; 2],
    /// Since when.
    pub since: Timestamp,
    /// The side that answers the question, in a check.
    check: Option<Side>,
    information: f32,
    settles: Vec<RecordId>,
    /// What was said of it first, where that stays although it is shown again.
    said: Option<RecordId>,
}

impl Shown {
    /// The question: whose dossier, which dimension. In a check, the one that one side answers.
    pub fn question(&self) -> (&DossierId, &DimensionId) {
        let asked = &self.candidates[self.check.unwrap_or(Side::Left).index()].assessment;
        (&asked.dossier, &asked.dimension)
    }

    fn comparison(&self, choice: Choice, rewritten: Option<Rewritten>, seconds: f32) -> Comparison {
        let asked = &self.candidates[self.check.unwrap_or(Side::Left).index()].assessment;
        Comparison {
            dossier: asked.dossier.clone(),
            dimension: asked.dimension.clone(),
            rubric: asked.rubric.clone(),
            candidates: self.candidates.each_ref().map(|c| c.assessment.clone()),
            choice,
            rewritten,
            check: self.check,
            information: self.information,
            seconds,
            // Who leaves a pair to others decides nothing between them.
            settles: match choice {
                Choice::Skip => Vec::new(),
                _ => self.settles.clone(),
            },
        }
    }
}

/// What is being drawn.
#[derive(Debug)]
struct Drawing {
    ticket: Ticket,
    dossier: usize,
    /// The first answers; empty while they are drawn.
    first: BTreeMap<DimensionId, Candidate>,
    /// Whether the second ones are being drawn.
    second: bool,
    done: usize,
    /// How many pairs came of it.
    pairs: usize,
}

/// How a person's work goes.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Tally {
    /// Pairs compared, checks and skipped ones aside.
    pub compared: usize,
    /// Pairs an hour, by the time they were on the screen; none before the first.
    pub per_hour: Option<f32>,
    /// Checks seen through.
    pub checks_passed: usize,
    /// Checks.
    pub checks: usize,
}

impl Tally {
    /// Of one person.
    pub fn of(judged: &[Judged], person: &Person) -> Self {
        let own: Vec<&Judged> = judged.iter().filter(|j| j.by == *person).collect();
        let compared = own.iter().filter(|j| j.counts()).count();
        let seconds: f32 = own.iter().map(|j| j.seconds).sum();
        Self {
            compared,
            per_hour: (compared > 0 && seconds > 0.0).then(|| compared as f32 * 3600.0 / seconds),
            checks_passed: own.iter().filter(|j| j.check == Some(true)).count(),
            checks: own.iter().filter(|j| j.check.is_some()).count(),
        }
    }
}

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Ask the engine.
    Draw(ScoreRequest),
    /// Keep a pair for everybody.
    Keep(Box<Pair>),
    /// Write a record.
    Commit(Box<Draft>),
}

/// Comparing answers.
#[derive(Debug)]
pub struct Annotation {
    begin: Begin,
    names: BTreeMap<DossierId, Redaction>,
    shown: Option<Shown>,
    drawing: Option<Drawing>,
    tickets: u64,
    /// What this person compared since the beginning, the last one last.
    made: Vec<(RecordId, Shown)>,
    /// Why nothing more is drawn.
    stopped: Option<String>,
}

impl Annotation {
    /// Shows the first pair, if there is one, and draws more.
    pub fn new(begin: Begin, stamp: Stamp) -> (Self, Vec<Wanted>) {
        let names = begin.dossiers.iter().map(|dossier| {
            let names = Redaction::by(&begin.rubric, dossier, dossier.meta.language);
            (dossier.meta.id.clone(), names)
        });
        let mut annotation = Self {
            names: names.collect(),
            begin,
            shown: None,
            drawing: None,
            tickets: 0,
            made: Vec::new(),
            stopped: None,
        };
        annotation.show_next(stamp);
        let wanted = annotation.draw();
        (annotation, wanted)
    }

    /// Every pair that `model` drew, before and since.
    pub fn into_pool(self, model: &ModelIdentity) -> Vec<Pair> {
        let rubric = RubricIdentity::of(&self.begin.rubric);
        of_these(self.begin.pool, &self.begin.dossiers, &rubric, Some(model))
    }

    /// What is on the screen; none while nothing waits.
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// Who compares.
    pub fn person(&self) -> &Person {
        &self.begin.person
    }

    /// By which rubric.
    pub fn rubric(&self) -> &Rubric {
        &self.begin.rubric
    }

    /// The dossier called `id`.
    pub fn dossier(&self, id: &DossierId) -> Option<&Arc<Dossier>> {
        self.begin.dossiers.iter().find(|d| d.meta.id == *id)
    }

    /// `text` of an answer about the dossier called `id`, with the names of those it speaks of.
    pub fn reveal<'t>(&self, id: &DossierId, text: &'t str) -> Cow<'t, str> {
        self.names
            .get(id)
            .map_or(Cow::Borrowed(text), |names| names.reveal(text))
    }

    /// Whether it is about what others did not agree on.
    pub fn adjudicating(&self) -> bool {
        self.begin.adjudicating
    }

    /// How this person's work goes.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.begin.judged, &self.begin.person)
    }

    /// How far everybody agrees.
    pub fn agreement(&self) -> Agreement {
        Agreement::of(&self.begin.judged)
    }

    /// Pairs that wait for this person, the one on the screen among them.
    pub fn waiting(&self) -> usize {
        self.open().count()
    }

    /// Of the answers being drawn, how many are there and how many there will be; none while nothing is drawn.
    pub fn drawing(&self) -> Option<(usize, usize)> {
        let drawing = self.drawing.as_ref()?;
        Some((drawing.done, 2 * self.begin.rubric.dimensions.len()))
    }

    /// Why nothing more is drawn, if something went wrong.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// What the engine is working on.
    pub fn ticket(&self) -> Option<Ticket> {
        self.drawing.as_ref().map(|d| d.ticket)
    }

    /// Takes what the engine says.
    pub fn hear(&mut self, ticket: Ticket, event: ScoreEvent, stamp: Stamp) -> Vec<Wanted> {
        let Some(drawing) = self.drawing.as_mut().filter(|d| d.ticket == ticket) else {
            return Vec::new();
        };
        match event {
            ScoreEvent::Finished { assessment, trace } => {
                drawing.done += 1;
                let candidate = Candidate {
                    assessment: *assessment,
                    trace: Arc::unwrap_or_clone(trace),
                };
                let dimension = candidate.assessment.dimension.clone();
                if !drawing.second {
                    drawing.first.insert(dimension, candidate);
                    return Vec::new();
                }
                let first = drawing.first.remove(&dimension);
                let Some(pair) = first.and_then(|first| Pair::of(first, candidate)) else {
                    return Vec::new();
                };
                drawing.pairs += 1;
                self.begin.pool.push(pair.clone());
                if self.shown.is_none() {
                    self.show_next(stamp);
                }
                vec![Wanted::Keep(Box::new(pair))]
            }
            ScoreEvent::Done(_) if !drawing.second => {
                let dossier = drawing.dossier;
                let (ticket, request) = self.request(dossier);
                if let Some(drawing) = &mut self.drawing {
                    drawing.ticket = ticket;
                    drawing.second = true;
                }
                vec![Wanted::Draw(request)]
            }
            ScoreEvent::Done(_) => {
                if drawing.pairs == 0 {
                    self.stopped = Some(SAME_AGAIN.to_owned());
                }
                self.drawing = None;
                self.draw()
            }
            ScoreEvent::Failed { message, .. } => {
                self.drawing = None;
                self.stopped = Some(message);
                Vec::new()
            }
            ScoreEvent::Cancelled => {
                self.drawing = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Takes what the person says of what is on the screen, and shows the next pair.
    pub fn choose(&mut self, choice: Choice, rewritten: Option<Rewritten>, stamp: Stamp) -> Vec<Wanted> {
        let Some(shown) = self.shown.take() else {
            return Vec::new();
        };
        if let Some(record) = shown.said.clone() {
            return self.made_and_next(record, shown, stamp);
        }
        let rewritten = rewritten.map(|r| self.without_names(&shown, r));
        let seconds = stamp
            .at
            .duration_since(shown.since)
            .as_secs_f32()
            .clamp(0.0, AWAY);
        // Tenths: JSON carries them, and nobody decides more exactly.
        let seconds = (seconds * 10.0).round() / 10.0;
        let comparison = shown.comparison(choice, rewritten, seconds);
        let record = stamp.record(0);
        let person = self.begin.person.clone();
        let judged = Judged::of(record.clone(), person, &comparison);
        self.begin.judged.push(judged);
        let traces = shown.candidates.each_ref();
        let traces = traces.map(|c| Attachment::Trace(Arc::new(c.trace.clone())));
        let draft = self.draft(Entry::Comparison(Box::new(comparison)), traces.into(), stamp);
        let mut wanted: Vec<Wanted> = draft.into_iter().collect();
        wanted.extend(self.made_and_next(record, shown, stamp));
        wanted
    }

    fn made_and_next(&mut self, record: RecordId, shown: Shown, stamp: Stamp) -> Vec<Wanted> {
        self.made.push((record, shown));
        self.show_next(stamp);
        self.draw()
    }

    /// As a model could have written it.
    fn without_names(&self, shown: &Shown, rewritten: Rewritten) -> Rewritten {
        let Some(names) = self.names.get(shown.question().0) else {
            return rewritten;
        };
        Rewritten {
            rationale: names.hide(&rewritten.rationale).into_owned(),
            suggestion: names.hide(&rewritten.suggestion).into_owned(),
            ..rewritten
        }
    }

    /// Takes the last comparison back, and shows its pair again; none where there is none since the beginning. A check is
    /// only shown again: its first answer counts, or whoever suspects one could mend it.
    pub fn undo(&mut self, stamp: Stamp) -> Option<Vec<Wanted>> {
        let (record, shown) = self.made.pop()?;
        if shown.check.is_some() {
            let said = Some(record);
            self.show_again(Shown { said, ..shown }, stamp);
            return Some(Vec::new());
        }
        self.begin.judged.retain(|j| j.record != record);
        let dossier = shown.question().0.clone();
        self.show_again(shown, stamp);
        let draft = self.draft(Entry::Undo(Undo { dossier, record }), Vec::new(), stamp);
        Some(draft.into_iter().collect())
    }

    /// A comparison could not be written: its pair waits again, and is shown. Whether it was one of this round.
    pub fn not_saved(&mut self, record: &RecordId, stamp: Stamp) -> bool {
        let Some(at) = self.made.iter().position(|(made, _)| made == record) else {
            return false;
        };
        let (_, shown) = self.made.remove(at);
        self.begin.judged.retain(|j| j.record != *record);
        self.show_again(shown, stamp);
        true
    }

    fn show_again(&mut self, shown: Shown, stamp: Stamp) {
        self.shown = Some(Shown {
            since: stamp.at,
            ..shown
        });
    }

    fn draft(&self, entry: Entry, attachments: Vec<Attachment>, stamp: Stamp) -> Option<Wanted> {
        let dossier = self.dossier(entry.dossier()?)?;
        Some(Wanted::Commit(Box::new(Draft {
            id: stamp.record(0),
            at: stamp.at,
            actor: self.begin.person.clone(),
            subject: dossier.meta.subject.id.clone(),
            entry,
            attachments,
        })))
    }

    /// The pairs that wait for this person.
    fn open(&self) -> impl Iterator<Item = &Pair> {
        let mut said: BTreeMap<PairName, Vec<&Judged>> = BTreeMap::new();
        for judged in &self.begin.judged {
            said.entry(judged.pair).or_default().push(judged);
        }
        let none = Vec::new();
        self.begin.pool.iter().filter(move |pair| {
            let name = pair.name();
            let said = said.get(&name).unwrap_or(&none);
            if said.iter().any(|j| j.by == self.begin.person) {
                return false;
            }
            if self.begin.adjudicating {
                return disputed(said);
            }
            name.draw().is_multiple_of(SHARED) || !said.iter().any(|j| j.counts())
        })
    }

    /// Shows the open pair that tells most, or a check when one is due.
    fn show_next(&mut self, stamp: Stamp) {
        let due = self.made.len() % CHECK_EVERY == CHECK_FIRST && !self.begin.adjudicating;
        let check = if due { self.check(stamp) } else { None };
        let best = || self.open().max_by(|a, b| a.by_what_it_tells(b));
        self.shown = check.or_else(|| best().map(|pair| self.stand(pair, stamp)));
    }

    /// A pair as it stands on the screen: chance says which answer is on the left.
    fn stand(&self, pair: &Pair, stamp: Stamp) -> Shown {
        let of_pair = self
            .begin
            .judged
            .iter()
            .filter(|j| j.pair == pair.name() && j.counts());
        let settles = of_pair.map(|j| j.record.clone());
        Shown {
            candidates: self.in_order(pair.candidates.clone(), pair.name()).0,
            since: stamp.at,
            check: None,
            information: pair.information(),
            settles: settles.filter(|_| self.begin.adjudicating).collect(),
            said: None,
        }
    }

    /// An answer to the question, and one that was given to another: of another dossier if there is one, else of another
    /// dimension. The least telling pair lends the answer, and stays open.
    fn check(&self, stamp: Stamp) -> Option<Shown> {
        let sound = self.open().min_by(|a, b| a.by_what_it_tells(b))?;
        let (dossier, dimension) = sound.question();
        let others = |fits: &dyn Fn(&Pair) -> bool| -> Vec<&Pair> {
            self.begin.pool.iter().filter(|p| fits(p)).collect()
        };
        let mut foreign = others(&|p| p.question().0 != dossier);
        if foreign.is_empty() {
            foreign = others(&|p| p.question().1 != dimension);
        }
        let at = self.made.len() / CHECK_EVERY % foreign.len().max(1);
        let candidates = [
            sound.candidates[0].clone(),
            foreign.get(at)?.candidates[0].clone(),
        ];
        let (candidates, turned) = self.in_order(candidates, sound.name());
        Some(Shown {
            candidates,
            since: stamp.at,
            check: Some(if turned { Side::Right } else { Side::Left }),
            information: 0.0,
            settles: Vec::new(),
            said: None,
        })
    }

    /// The two as they stand, and whether they were turned round.
    fn in_order(&self, mut candidates: [Candidate; 2], name: PairName) -> ([Candidate; 2], bool) {
        let seed = Seed::root(self.begin.seed ^ name.draw()).branch(self.begin.person.as_str());
        let turned = seed.stream().below(2) == 1;
        if turned {
            candidates.reverse();
        }
        (candidates, turned)
    }

    /// Draws pairs of the dossier that has the fewest, unless enough of them wait.
    fn draw(&mut self) -> Vec<Wanted> {
        let idle = self.drawing.is_none() && self.stopped.is_none() && self.begin.model.is_some();
        if !idle || self.begin.adjudicating || self.waiting() >= self.begin.enough {
            return Vec::new();
        }
        let pairs = |dossier: &Dossier| {
            let of = |p: &&Pair| *p.question().0 == dossier.meta.id;
            self.begin.pool.iter().filter(of).count()
        };
        let fewest = (0..self.begin.dossiers.len()).min_by_key(|&i| pairs(&self.begin.dossiers[i]));
        let Some(dossier) = fewest else {
            return Vec::new();
        };
        let (ticket, request) = self.request(dossier);
        self.drawing = Some(Drawing {
            ticket,
            dossier,
            first: BTreeMap::new(),
            second: false,
            done: 0,
            pairs: 0,
        });
        vec![Wanted::Draw(request)]
    }

    /// Answers to all dimensions of a dossier, with random numbers that no answer in the pool was drawn with.
    fn request(&mut self, dossier: usize) -> (Ticket, ScoreRequest) {
        self.tickets += 1;
        let dossier = &self.begin.dossiers[dossier];
        let of_dossier = self
            .begin
            .pool
            .iter()
            .filter(|p| *p.question().0 == dossier.meta.id);
        let seeds = of_dossier.flat_map(|p| p.candidates.iter().map(|c| c.trace.seed));
        let last = seeds.max().unwrap_or(self.begin.seed);
        let request = ScoreRequest {
            ticket: Ticket(self.tickets),
            dossier: Arc::clone(dossier),
            rubric: Arc::clone(&self.begin.rubric),
            dimensions: Vec::new(),
            language: dossier.meta.language,
            seed: last + self.tickets,
            score_only: false,
            influence: false,
            calibration: None,
        };
        (request.ticket, request)
    }
}

/// Whether people said different things, and nobody has decided between them.
fn disputed(said: &[&Judged]) -> bool {
    let different: BTreeSet<Said> = said.iter().filter(|j| j.counts()).map(|j| j.said).collect();
    different.len() > 1 && !said.iter().any(|j| j.settles)
}

/// The pairs of `pool` that were drawn for this rubric by these weights from these dossiers.
pub fn of_these(
    pool: Vec<Pair>,
    dossiers: &[Arc<Dossier>],
    rubric: &RubricIdentity,
    model: Option<&ModelIdentity>,
) -> Vec<Pair> {
    let fits = |pair: &Pair| {
        let drawn = &pair.candidates[0].assessment;
        drawn.rubric == *rubric
            && model.is_none_or(|model| drawn.model == *model)
            && dossiers.iter().any(|d| d.meta.id == drawn.dossier)
    };
    pool.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests;
