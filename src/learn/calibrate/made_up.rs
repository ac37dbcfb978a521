//! A calibration for an organisation that has not decided anything yet: from made-up dossiers of which it is known what
//! each line shows, and at which level.
//!
//! Their dossiers are read as any are. One ridge fit a dimension says which segments bear on it (the [`Focus`]); two more, as
//! in [`super::fit`], which level they show: in common over the dimensions, and of its own. Made-up people who had no
//! part in that are then scored as the program scores anybody; how far levels are stretched, the margin and every figure
//! that is told come from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;

use super::{Observation, Part, margin};
use crate::dossier::Dossier;
use crate::engine::calibration::{Bin, Reader};
use crate::engine::focus::{self, Focus, Probe};
use crate::engine::prompt::templates_hash;
use crate::engine::scorer::{Run, Scorer};
use crate::engine::{Calibration, RubricIdentity, ScoreEvent, ScoreRequest, Ticket, reading};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DimensionId, SegmentNo};
use crate::learn::generate::Split;
use crate::learn::generate::labelled::{Labelled, Shows, people};
use crate::learn::kept::{Kept, headings};
use crate::metrics::{Isotonic, Ridge, mae, numbered};
use crate::rubric::Rubric;
use crate::watch::{self, Watch};

/// The rubric by which made-up people are rated.
const RUBRIC: &str = "core";
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

/// A segment that was read.
struct Read {
    shows: Vec<Shows>,
    /// Which dossier it is of.
    group: usize,
    state: Vec<f32>,
}

impl Fitting<'_> {
    /// Reads people, and fits.
    ///
    /// # Errors
    /// The rubric is not the one that the banks are about, the watcher wants an end (what was read is kept), or the
    /// arithmetic fails.
    pub fn fit(&mut self) -> Result<(Calibration, Vec<Observation>)> {
        if self.rubric.id.as_str() != RUBRIC {
            let what = format!(
                "the made-up people are rated by the rubric {RUBRIC}, not {}",
                self.rubric.id
            );
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("`plumb calibrate --from FILE` fits any rubric to texts that people rated"));
        }
        let seen = self.segments()?;
        let draft = self.draft(&seen)?;
        let people = self.people(&draft)?;
        Ok((finished(draft, &people), people))
    }

    fn segments(&mut self) -> Result<Vec<Read>> {
        let all = people(Split::Train)?;
        let mut seen = Vec::new();
        for (group, labelled) in all.iter().enumerate() {
            self.watch.tell("reading made-up dossiers", group, all.len());
            self.check()?;
            let dossier = Arc::new(labelled.dossier()?);
            let shown = labelled.shown(&dossier);
            let states = self.states(dossier)?;
            seen.extend(states.into_iter().filter_map(|(no, state)| {
                Some(Read {
                    shows: shown.get(no.0 as usize - 1)?.to_vec(),
                    group,
                    state,
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

    /// The segments that the model sees, and its states of them.
    fn states(&mut self, dossier: Arc<Dossier>) -> Result<Vec<(SegmentNo, Vec<f32>)>> {
        let kept = self.kept.clone();
        let bits: Vec<(SegmentNo, Vec<u16>)> = kept.or_read(&self.key("states", &dossier), || {
            let request = self.request(Arc::clone(&dossier), None);
            let run = &mut Run {
                sink: &mut |_| {},
                cancelled: &|| self.watch.stopped(),
            };
            let states = self.scorer.segment_states(&request, run)?;
            let narrow = |state: Vec<f32>| state.into_iter().map(|x| f16::from_f32(x).to_bits()).collect();
            Ok(states
                .into_iter()
                .map(|(no, state)| (no, narrow(state)))
                .collect())
        })?;
        Ok(bits.into_iter().map(|(no, bits)| (no, wide(bits))).collect())
    }

    fn request(&self, dossier: Arc<Dossier>, calibration: Option<Arc<Calibration>>) -> ScoreRequest {
        ScoreRequest {
            ticket: Ticket(1),
            language: dossier.meta.language,
            dossier,
            rubric: Arc::clone(&self.rubric),
            dimensions: Vec::new(),
            seed: 0,
            score_only: true,
            influence: false,
            calibration,
        }
    }

    /// What the segments alone give: margin and figures are still missing.
    fn draft(&self, seen: &[Read]) -> Result<Calibration> {
        self.watch.tell("fitting", 0, 1);
        let dimensions: Vec<DimensionId> = self.rubric.dimensions.iter().map(|d| d.id.clone()).collect();
        let bearing = |dimension: &DimensionId| -> Vec<f64> {
            let bears = |read: &Read| read.shows.iter().any(|shows| shows.dimension == *dimension);
            seen.iter().map(|read| f64::from(u8::from(bears(read)))).collect()
        };
        let all: Vec<&Read> = seen.iter().collect();
        let bearings: Vec<Vec<f64>> = dimensions.iter().map(bearing).collect();
        let found = parts(&all, &bearings, Ridge::simplest)?;
        let focus = dimensions.iter().cloned().zip(found.into_iter().map(Part::probe));
        let showing: Vec<(&Read, &Shows)> = seen
            .iter()
            .flat_map(|read| read.shows.iter().map(move |shows| (read, shows)))
            .collect();
        let reads: Vec<&Read> = showing.iter().map(|(read, _)| *read).collect();
        let levels: Vec<f64> = showing.iter().map(|(_, shows)| f64::from(shows.level)).collect();
        let common = parts(&reads, std::slice::from_ref(&levels), Ridge::simplest)?.remove(0);
        let mut shown = BTreeMap::new();
        for dimension in &dimensions {
            let own: Vec<usize> = (0..showing.len())
                .filter(|&i| showing[i].1.dimension == *dimension)
                .collect();
            let left = own.iter().map(|&i| levels[i] - common.held_out[i]).collect();
            let own: Vec<&Read> = own.iter().map(|&i| reads[i]).collect();
            let part = parts(&own, &[left], Ridge::simplest)?.remove(0);
            shown.insert(dimension.clone(), common.with(&part));
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
            dimensions: shown
                .iter()
                .map(|(id, probe)| (id.clone(), reader(probe)))
                .collect(),
            shown,
        })
    }

    /// People who were held out: what the model says of them by itself, beside their states as the draft pools them.
    fn people(&mut self, draft: &Calibration) -> Result<Vec<Observation>> {
        let people = people(Split::HeldOut)?;
        let mut seen = Vec::new();
        for (n, person) in people.iter().enumerate() {
            self.watch.tell("scoring made-up people", n, people.len());
            self.check()?;
            let dossier = Arc::new(person.dossier()?);
            let states = self.states(Arc::clone(&dossier))?;
            let states: Vec<Vec<f32>> = states.into_iter().map(|(_, state)| state).collect();
            for said in self.said(dossier)? {
                let focus = draft.focus.as_ref();
                let bearings = focus.and_then(|focus| focus.bearings(&said.dimension, &states));
                let level = person.levels.get(&said.dimension);
                if let (Some(bearings), Some(level)) = (bearings, level) {
                    let text = focus::pooled(&bearings, &states);
                    seen.push(said.observed(person, *level, text));
                }
            }
        }
        Ok(seen)
    }

    /// What the model says by itself.
    fn said(&mut self, dossier: Arc<Dossier>) -> Result<Vec<Said>> {
        let kept = self.kept.clone();
        kept.or_read(&self.key("said", &dossier), || {
            let request = self.request(Arc::clone(&dossier), None);
            let mut said = Vec::new();
            let mut take = |event: ScoreEvent| {
                if let ScoreEvent::Finished { trace, .. } = event {
                    said.push(Said {
                        dimension: trace.dimension.clone(),
                        hidden: trace.hidden.clone(),
                        logits: trace.logits,
                    });
                }
            };
            let run = &mut Run {
                sink: &mut take,
                cancelled: &|| self.watch.stopped(),
            };
            self.scorer.score(&request, run)?;
            Ok(said)
        })
    }

    /// Names everything that `what` the model makes of a dossier depends on.
    fn key<'a>(&self, what: &'static str, dossier: &'a Dossier) -> impl serde::Serialize + use<'a> {
        let texts: Vec<&str> = dossier.segments().map(|segment| segment.text.as_str()).collect();
        (
            what,
            self.scorer.fingerprint(),
            self.rubric.hash,
            &dossier.meta,
            headings(dossier),
            texts,
        )
    }
}

/// What the model says of one dimension of a made-up person.
#[derive(serde::Serialize, serde::Deserialize)]
struct Said {
    dimension: DimensionId,
    hidden: Vec<u16>,
    logits: [f32; 5],
}

impl Said {
    fn observed(self, person: &Labelled, level: f64, text: Vec<f32>) -> Observation {
        Observation {
            item: person.meta.id.to_string(),
            group: person.meta.id.to_string(),
            level,
            dimension: self.dimension,
            text,
            hidden: wide(self.hidden),
            reading: reading::read(self.logits, &self.logits),
        }
    }
}

/// What was kept, as it was.
fn wide(bits: Vec<u16>) -> Vec<f32> {
    bits.into_iter().map(|b| f16::from_bits(b).to_f32()).collect()
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
    let names: Vec<String> = read.iter().map(|read| read.group.to_string()).collect();
    let groups = numbered(names.iter().map(String::as_str));
    Part::fit_all(&rows, [1.0; 3], &groups, targets, choose).ok_or_else(|| {
        Error::new(
            ErrorKind::Internal,
            "the states of the segments cannot be fitted to",
        )
    })
}

/// Reads the level off the pooled state alone: the state at the score and the model's own word count nothing. Nothing is
/// said of how near it comes.
fn reader(shown: &Probe) -> Reader {
    let mut weights = shown.weights.clone();
    weights.resize(Reader::length(shown.weights.len()), 0.0);
    Reader {
        weights,
        constant: shown.constant,
        curve: Isotonic::default(),
        margin: 0.0,
        ratings: 0,
        groups: 0,
        mae_before: 0.0,
        mae_after: 0.0,
        reliability: Vec::new(),
    }
}

impl Part {
    fn probe(self) -> Probe {
        Probe {
            weights: self.weights.into_iter().map(shortened).collect(),
            constant: shortened(self.constant),
        }
    }

    /// The sum of two fits.
    fn with(&self, own: &Self) -> Probe {
        let both = self.weights.iter().zip(&own.weights);
        Probe {
            weights: both.map(|(common, own)| shortened(common + own)).collect(),
            constant: shortened(self.constant + own.constant),
        }
    }
}

/// With the precision of the states that it is multiplied with: what ships is half as long.
fn shortened(weight: f64) -> f32 {
    format!("{weight:.4e}").parse().unwrap_or(weight as f32)
}

/// The draft, stretched and with a margin and figures, from people whose levels are known. Stretch and margin are the same
/// for all dimensions: there are few people.
fn finished(mut draft: Calibration, people: &[Observation]) -> Calibration {
    let linear = |o: &Observation| {
        let reader = draft.dimensions.get(&o.dimension);
        reader.map_or(0.0, |reader| reader.linear(&o.features().row().0))
    };
    let pairs: Vec<(f64, f64)> = people.iter().map(|o| (linear(o), o.level)).collect();
    // What is said of each person by a stretch that others gave.
    let apart: Vec<(f64, f64)> = people
        .iter()
        .zip(&pairs)
        .map(|(o, (x, level))| {
            let others = people
                .iter()
                .zip(&pairs)
                .filter(|(other, _)| other.group != o.group);
            let (by, from) = stretch(&others.map(|(_, pair)| *pair).collect::<Vec<_>>());
            (*level, (by * x + from).clamp(1.0, 5.0))
        })
        .collect();
    let (by, from) = stretch(&pairs);
    for (dimension, reader) in &mut draft.dimensions {
        let own: Vec<usize> = (0..people.len())
            .filter(|&i| people[i].dimension == *dimension)
            .collect();
        let after: Vec<(f64, f64)> = own.iter().map(|&i| apart[i]).collect();
        let before: Vec<(f64, f64)> = own
            .iter()
            .map(|&i| (people[i].level, f64::from(people[i].reading.raw_score)))
            .collect();
        *reader = Reader {
            weights: reader
                .weights
                .iter()
                .map(|w| shortened(by * f64::from(*w)))
                .collect(),
            constant: shortened(by * f64::from(reader.constant) + from),
            curve: Isotonic::default(),
            margin: margin(&apart) as f32,
            ratings: own.len(),
            groups: own.len(),
            mae_before: mae(&before).unwrap_or_default() as f32,
            mae_after: mae(&after).unwrap_or_default() as f32,
            reliability: Bin::all(&after),
        };
    }
    draft
}

/// Slope and constant of the line through pairs (x, y) by least squares. Levels that are read off single segments, each
/// shrunk towards the mean, lie nearer to each other than those of people do.
fn stretch(pairs: &[(f64, f64)]) -> (f64, f64) {
    let n = pairs.len().max(1) as f64;
    let (mx, my) = (
        pairs.iter().map(|p| p.0).sum::<f64>() / n,
        pairs.iter().map(|p| p.1).sum::<f64>() / n,
    );
    let products = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>();
    let squares = pairs.iter().map(|(x, _)| (x - mx).powi(2)).sum::<f64>();
    let slope = if squares > 0.0 { products / squares } else { 0.0 };
    (slope, my - slope * mx)
}
