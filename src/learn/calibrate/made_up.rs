//! A calibration for an organisation that has not decided anything yet: from made-up sentences of which it is known what
//! they show, and at which level.
//!
//! The sentences of the training banks are read a sheet at a time. One ridge fit a dimension says which sentences bear on
//! it (the [`Focus`]); two more, as in [`super::fit`], which level they show: in common over the dimensions, and of its
//! own. Made-up people of the held-out banks, whose sentences had no part in that, are then scored as the program
//! scores anybody; the margin and every figure that is told come from them. No curve is fitted to them: how far levels lie
//! apart in what is read depends on how much of a dossier says nothing, and real ones differ in that from made-up ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;

use super::{Observation, Part, margin};
use crate::dossier::{Dossier, Language};
use crate::engine::calibration::Reader;
use crate::engine::focus::{Focus, Probe};
use crate::engine::prompt::templates_hash;
use crate::engine::scorer::{Run, Scorer};
use crate::engine::{Calibration, RubricIdentity, ScoreEvent, ScoreRequest, Ticket, reading};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DimensionId;
use crate::ingest;
use crate::learn::generate::sheet::{Folder, Sentence, folder, sheets};
use crate::learn::generate::{Bank, Split};
use crate::learn::kept::Kept;
use crate::metrics::{Isotonic, Ridge, mae, numbered};
use crate::rubric::Rubric;
use crate::seed::Seed;
use crate::watch::{self, Watch};

/// The rubric whose dimensions the banks show.
const RUBRIC: &str = "core";
/// Made-up people that it is tried on, half of them in each language.
const PEOPLE: usize = 24;
/// The penalty of a fit to what sentences bear on: the largest one that is tried anywhere. Sheets would have a smaller one; of
/// a real dossier's segments most say little of anything, and only what the fit is sure of carries over. Chosen on five of
/// the ten samples, and better than the smaller one on the other five too.
const CAREFUL: f64 = 10.0;

/// Fits a calibration, and tells what was seen of the made-up people.
pub struct Fitting<'a> {
    /// The model.
    pub scorer: &'a mut Scorer,
    /// What was read before is not read again.
    pub kept: &'a Kept,
    /// By what people are rated.
    pub rubric: Arc<Rubric>,
    /// Hears how far it is.
    pub watch: &'a dyn Watch,
}

/// A sentence that was read.
struct Read {
    shows: Option<(DimensionId, u8)>,
    sheet: usize,
    state: Vec<f32>,
}

impl Fitting<'_> {
    /// Reads sheets and people, and fits.
    ///
    /// # Errors
    /// The rubric is not the one that the banks are about, the watcher wants an end (what was read is kept), or the
    /// arithmetic fails.
    pub fn fit(&mut self) -> Result<(Calibration, Vec<Observation>)> {
        if self.rubric.id.as_str() != RUBRIC {
            let what = format!(
                "the made-up sentences are about the rubric {RUBRIC}, not {}",
                self.rubric.id
            );
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("`plumb calibrate --from FILE` fits any rubric to texts that people rated"));
        }
        let seen = self.sentences()?;
        let draft = self.draft(&seen)?;
        let people = self.people(&draft)?;
        Ok((finished(draft, &people), people))
    }

    fn sentences(&mut self) -> Result<Vec<Read>> {
        let mut all = Vec::new();
        for language in [Language::Zh, Language::En] {
            let bank = Bank::load(Split::Train, language)?;
            all.extend(
                sheets(&bank, Seed::root(0))
                    .into_iter()
                    .map(|sheet| (language, sheet)),
            );
        }
        let mut seen = Vec::new();
        for (n, (language, sheet)) in all.iter().enumerate() {
            self.watch.tell("reading made-up sentences", n, all.len());
            self.check()?;
            let states = self.states(*language, sheet)?;
            seen.extend(sheet.iter().zip(states).filter_map(|(sentence, state)| {
                Some(Read {
                    shows: sentence.shows.clone(),
                    sheet: n,
                    state: state?,
                })
            }));
        }
        Ok(seen)
    }

    fn check(&self) -> Result<()> {
        watch::check(
            self.watch,
            "what was read is kept: the same command goes on from there",
        )
    }

    /// The state of each sentence of a sheet: of its first segment, should it have several.
    fn states(&mut self, language: Language, sheet: &[Sentence]) -> Result<Vec<Option<Vec<f32>>>> {
        let lines: Vec<&str> = sheet.iter().map(|sentence| sentence.text.as_str()).collect();
        let text = lines.join("\n");
        let kept = self.kept.clone();
        let of = (
            "sheet",
            self.scorer.fingerprint(),
            self.rubric.hash,
            language,
            &text,
        );
        let bits: Vec<Option<Vec<u16>>> = kept.or_read(&of, || {
            let dossier = Arc::new(ingest::of_text("-", "", language, &text)?);
            let request = self.request(Arc::clone(&dossier), language, None);
            let states = self.scorer.segment_states(
                &request,
                &mut Run {
                    sink: &mut |_| {},
                    cancelled: &|| self.watch.stopped(),
                },
            )?;
            Ok(of_lines(&lines, &dossier, &states))
        })?;
        let wide = |bits: Vec<u16>| bits.into_iter().map(|b| f16::from_bits(b).to_f32()).collect();
        Ok(bits.into_iter().map(|bits| bits.map(wide)).collect())
    }

    fn request(
        &self,
        dossier: Arc<Dossier>,
        language: Language,
        calibration: Option<Arc<Calibration>>,
    ) -> ScoreRequest {
        ScoreRequest {
            ticket: Ticket(1),
            dossier,
            rubric: Arc::clone(&self.rubric),
            dimensions: Vec::new(),
            language,
            seed: 0,
            score_only: true,
            influence: false,
            calibration,
        }
    }

    /// What the sentences alone give: margin and figures are still missing.
    fn draft(&self, seen: &[Read]) -> Result<Calibration> {
        self.watch.tell("fitting", 0, 1);
        let dimensions: Vec<DimensionId> = self.rubric.dimensions.iter().map(|d| d.id.clone()).collect();
        let bearing = |dimension: &DimensionId| -> Vec<f64> {
            let bears = |read: &Read| read.shows.as_ref().is_some_and(|(of, _)| of == dimension);
            seen.iter().map(|read| f64::from(u8::from(bears(read)))).collect()
        };
        let all: Vec<&Read> = seen.iter().collect();
        let bearings: Vec<Vec<f64>> = dimensions.iter().map(bearing).collect();
        let careful = |ridge: &Ridge, y: &[f64]| (CAREFUL, ridge.held_out(y, CAREFUL));
        let found = parts(&all, &bearings, careful)?;
        let focus = dimensions.iter().cloned().zip(found.into_iter().map(Part::probe));
        let showing: Vec<&Read> = seen.iter().filter(|read| read.shows.is_some()).collect();
        let level = |read: &Read| read.shows.as_ref().map_or(0.0, |(_, level)| f64::from(*level));
        let levels: Vec<f64> = showing.iter().map(|read| level(read)).collect();
        let common = parts(&showing, &[levels], Ridge::simplest)?.remove(0);
        let mut readers = BTreeMap::new();
        for dimension in &dimensions {
            let own = |read: &&(&Read, &f64)| read.0.shows.as_ref().is_some_and(|(of, _)| of == dimension);
            let both: Vec<(&Read, &f64)> = showing.iter().copied().zip(&common.held_out).collect();
            let own: Vec<&(&Read, &f64)> = both.iter().filter(own).collect();
            let left: Vec<f64> = own.iter().map(|(read, common)| level(read) - **common).collect();
            let own: Vec<&Read> = own.iter().map(|(read, _)| *read).collect();
            let part = parts(&own, &[left], Ridge::simplest)?.remove(0);
            readers.insert(dimension.clone(), reader(&common, &part));
        }
        Ok(Calibration {
            v: 2,
            model: self.scorer.identity().clone(),
            rubric: RubricIdentity::of(&self.rubric),
            prompt_sha256: templates_hash(),
            upon: None,
            focus: Some(Focus {
                dimensions: focus.collect(),
            }),
            dimensions: readers,
        })
    }

    /// Made-up people of the held-out banks, scored.
    fn people(&mut self, draft: &Calibration) -> Result<Vec<Observation>> {
        let draft = Arc::new(draft.clone());
        let id = draft.id()?;
        let mut seen = Vec::new();
        for n in 0..PEOPLE {
            self.watch.tell("scoring made-up people", n, PEOPLE);
            self.check()?;
            let language = [Language::Zh, Language::En][n % 2];
            let person = folder(&Bank::load(Split::HeldOut, language)?, Seed::root(0), n / 2);
            let kept = self.kept.clone();
            let of = (self.scorer.fingerprint(), id, &person.lines);
            let said: Vec<Said> = kept.or_read(&of, || self.score(&person, language, &draft))?;
            seen.extend(said.into_iter().filter_map(|said| said.observed(&person)));
        }
        Ok(seen)
    }

    fn score(&mut self, person: &Folder, language: Language, draft: &Arc<Calibration>) -> Result<Vec<Said>> {
        let dossier = ingest::of_text(&person.id, "", language, &person.lines.join("\n"))?;
        let request = self.request(Arc::new(dossier), language, Some(Arc::clone(draft)));
        let mut said = Vec::new();
        let mut take = |event: ScoreEvent| {
            if let ScoreEvent::Finished { trace, .. } = event {
                said.push(Said {
                    dimension: trace.dimension.clone(),
                    text: trace.text.clone(),
                    hidden: trace.hidden.clone(),
                    logits: trace.logits,
                });
            }
        };
        self.scorer.score(
            &request,
            &mut Run {
                sink: &mut take,
                cancelled: &|| self.watch.stopped(),
            },
        )?;
        Ok(said)
    }
}

/// What the model says of one dimension of a made-up person.
#[derive(serde::Serialize, serde::Deserialize)]
struct Said {
    dimension: DimensionId,
    text: Vec<u16>,
    hidden: Vec<u16>,
    logits: [f32; 5],
}

impl Said {
    fn observed(self, person: &Folder) -> Option<Observation> {
        let wide = |bits: Vec<u16>| bits.into_iter().map(|b| f16::from_bits(b).to_f32()).collect();
        Some(Observation {
            item: person.id.clone(),
            group: person.id.clone(),
            level: f64::from(*person.levels.get(&self.dimension)?),
            dimension: self.dimension,
            text: wide(self.text),
            hidden: wide(self.hidden),
            reading: reading::read(self.logits, &self.logits),
        })
    }
}

/// The state of the first segment that lies in each line.
fn of_lines(
    lines: &[&str],
    dossier: &Dossier,
    states: &[(crate::id::SegmentNo, Vec<f32>)],
) -> Vec<Option<Vec<u16>>> {
    let bits = |state: &[f32]| state.iter().map(|x| f16::from_f32(*x).to_bits()).collect();
    let mut start = 0;
    let mut found = Vec::new();
    for line in lines {
        let end = start + line.len();
        let first = states.iter().find(|(no, _)| {
            dossier
                .segment(*no)
                .is_some_and(|s| (start..end).contains(&s.anchor.span.start))
        });
        found.push(first.map(|(_, state)| bits(state)));
        start = end + 1;
    }
    found
}

/// One fit to each of `targets`; `choose` is how the penalty is found.
fn parts(
    read: &[&Read],
    targets: &[Vec<f64>],
    choose: fn(&Ridge, &[f64]) -> (f64, Vec<f64>),
) -> Result<Vec<Part>> {
    let rows: Vec<(Vec<f32>, [usize; 3])> = read
        .iter()
        .map(|read| (read.state.clone(), [read.state.len(), 0, 0]))
        .collect();
    let names: Vec<String> = read.iter().map(|read| read.sheet.to_string()).collect();
    let groups = numbered(names.iter().map(String::as_str));
    Part::fit_all(&rows, [1.0; 3], &groups, targets, choose).ok_or_else(|| {
        Error::new(
            ErrorKind::Internal,
            "the states of the sentences cannot be fitted to",
        )
    })
}

/// Reads the level off the pooled state alone: the state at the score and the model's own word count nothing.
fn reader(common: &Part, own: &Part) -> Reader {
    let text = common.weights.iter().zip(&own.weights).map(|(c, o)| c + o);
    let mut weights: Vec<f32> = text.map(shortened).collect();
    weights.resize(Reader::length(common.weights.len()), 0.0);
    Reader {
        weights,
        constant: shortened(common.constant + own.constant),
        curve: Isotonic::default(),
        margin: 0.0,
        ratings: 0,
        groups: 0,
        mae_before: 0.0,
        mae_after: 0.0,
    }
}

impl Part {
    fn probe(self) -> Probe {
        Probe {
            weights: self.weights.into_iter().map(shortened).collect(),
            constant: shortened(self.constant),
        }
    }
}

/// With the precision of the states that it is multiplied with: what ships is half as long.
fn shortened(weight: f64) -> f32 {
    format!("{weight:.4e}").parse().unwrap_or(weight as f32)
}

/// The draft with a margin and figures from people whose levels are known. One margin for all dimensions: there are few
/// people.
fn finished(mut draft: Calibration, people: &[Observation]) -> Calibration {
    let read = |o: &Observation| {
        let reader = draft.dimensions.get(&o.dimension);
        reader.map(|reader| (o.level, f64::from(reader.level(&o.features().row().0))))
    };
    let pairs: Vec<(f64, f64)> = people.iter().filter_map(read).collect();
    let margin = margin(&pairs) as f32;
    for (dimension, reader) in &mut draft.dimensions {
        let own: Vec<&Observation> = people.iter().filter(|o| o.dimension == *dimension).collect();
        let distance = |said: &dyn Fn(&Observation) -> f32| {
            let pairs: Vec<(f64, f64)> = own.iter().map(|o| (o.level, f64::from(said(o)))).collect();
            mae(&pairs).unwrap_or_default() as f32
        };
        let before = distance(&|o| o.reading.raw_score);
        let after = distance(&|o| reader.level(&o.features().row().0));
        (reader.mae_before, reader.mae_after) = (before, after);
        (reader.ratings, reader.groups, reader.margin) = (own.len(), own.len(), margin);
    }
    draft
}
