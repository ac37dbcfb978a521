//! A workstation without a terminal, for tests: keys in, screen out. The samples lie on it; a test plays the engine
//! and the store by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use ulid::Ulid;

use crate::dossier::manifest::Manifest;
use crate::dossier::{Dossier, Language};
use crate::engine::event::TextField;
use crate::engine::{
    Assessment, ModelIdentity, RubricIdentity, ScoreEvent, ScoreReading, ScoreRequest, Ticket, Trace,
};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{EvidenceLink, count_signals, cross_check, resolve};
use crate::hash::ContentHash;
use crate::id::{DimensionId, ModelId, Person, SegmentNo};
use crate::ingest;
use crate::learn::adapters::Choice;
use crate::review::annotation::Begin;
use crate::review::comparison::Candidate;
use crate::review::{AdapterRecord, AdapterStep, Draft, Entry, Pair, Receipt, Recorded, Stamp, Summary};
use crate::rubric::{Rubric, builtin};
use crate::tui::highlight::Highlights;
use crate::tui::keys::Keymap;
use crate::tui::state::document::lay_out;
use crate::tui::state::queue::{Queue, QueueRow};
use crate::tui::state::{App, Effect, Message, Opened, Settings};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::view;
use crate::tui::width::{Ambiguous, Measure};

/// A workstation, and everything it asked for.
pub struct Stage {
    pub app: App,
    pub asked: Vec<ScoreRequest>,
    pub drafts: Vec<Draft>,
    pub effects: Vec<Effect>,
    /// The store answers at once.
    pub saves: bool,
    paths: Vec<PathBuf>,
    histories: Vec<Vec<Recorded>>,
    clock: u64,
}

/// The folder of the samples.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// What most tests start with.
pub fn settings(language: Language) -> Result<Settings> {
    Ok(Settings {
        person: Person::new("hr.chen"),
        role: "reviewer".to_owned(),
        language,
        theme: Theme::new(ThemeName::Dark, Ambiguous::Narrow),
        measure: Measure::default(),
        mouse: true,
        keymap: Keymap::standard(),
        rubric: Arc::new(builtin("core")?),
        blind: false,
        seed: 7,
        model: Some(model()),
        calibration: None,
        read_only: None,
        zone: TimeZone::UTC,
    })
}

fn model() -> ModelIdentity {
    ModelIdentity {
        id: ModelId::new("qwen2.5-0.5b"),
        sha256: ContentHash::ZERO,
        adapter: None,
    }
}

/// An adapter that went live in this way; without a name the model by itself.
pub fn choice(name: &str, step: AdapterStep) -> Choice {
    let record = AdapterRecord {
        name: name.to_owned(),
        adapter: (!name.is_empty()).then(|| ContentHash::of(name.as_bytes())),
        step,
        ..AdapterRecord::by_itself(&model())
    };
    Choice { record, live: false }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the stage has no {what}"))
}

impl Stage {
    /// The queue of some samples, at a size.
    pub fn queue(language: Language, size: (u16, u16), names: &[&str]) -> Result<Self> {
        Self::with(settings(language)?, size, names)
    }

    /// One sample on the desk, at a size.
    pub fn open(language: Language, size: (u16, u16), name: &str) -> Result<Self> {
        let mut stage = Self::queue(language, size, &[name])?;
        stage.send(Message::Open(0));
        Ok(stage)
    }

    pub fn with(settings: Settings, size: (u16, u16), names: &[&str]) -> Result<Self> {
        let paths: Vec<PathBuf> = names.iter().map(|n| samples().join(n)).collect();
        let total = settings.rubric.dimensions.len();
        let rows = paths.iter().map(|path| QueueRow {
            path: path.clone(),
            meta: Manifest::load(path)
                .map(|m| m.meta)
                .map_err(|e| e.to_string().replace(&format!("{}/", samples().display()), "")),
            summary: Summary {
                total,
                ..Summary::default()
            },
        });
        let mut stage = Self {
            app: App::new(settings, Queue::new(rows.collect())),
            asked: Vec::new(),
            drafts: Vec::new(),
            effects: Vec::new(),
            saves: true,
            histories: vec![Vec::new(); paths.len()],
            paths,
            clock: 0,
        };
        stage.send(Message::Resize(Size::new(size.0, size.1)));
        Ok(stage)
    }

    fn stamp(&mut self) -> Stamp {
        self.clock += 1;
        Stamp {
            at: Timestamp::from_second(1_782_864_000 + self.clock as i64).unwrap_or_default(),
            id: Ulid::from_parts(self.clock << 8, 0),
        }
    }

    /// Sends a message and does what the workstation asks for, as far as a store and a reader would.
    pub fn send(&mut self, message: Message) {
        let stamp = self.stamp();
        for effect in self.app.handle(message, stamp) {
            match effect {
                Effect::Read(row) => self.read(row),
                Effect::Colour(dossier, source) => self.colour(&dossier, source),
                Effect::LayOut(dossier, source, columns) => {
                    let measure = self.app.settings().measure;
                    let laid = lay_out(&dossier.sources[source], measure, columns, usize::MAX);
                    self.send(Message::LaidOut(dossier, source, columns, Arc::new(laid)));
                }
                Effect::Ask(request) => self.asked.push(request),
                Effect::Commit(draft) => self.commit(draft),
                other => self.effects.push(other),
            }
        }
    }

    fn read(&mut self, row: usize) {
        let rubric = Arc::clone(&self.app.settings().rubric);
        let read = ingest::open(&self.paths[row]).map(|dossier| {
            Box::new(Opened {
                checks: cross_check(&dossier, &rubric).into(),
                dossier: Arc::new(dossier),
                history: self.histories[row].clone(),
            })
        });
        self.send(Message::Opened(row, read.map_err(|e| e.to_string())));
    }

    fn colour(&mut self, dossier: &Arc<Dossier>, source: usize) {
        let found = dossier
            .sources
            .get(source)
            .map(|s| Highlights::of(s.shown.text(), s.format));
        self.send(Message::Coloured(
            Arc::clone(dossier),
            source,
            Arc::new(found.unwrap_or_default()),
        ));
    }

    fn commit(&mut self, draft: Draft) {
        self.drafts.push(draft.clone());
        if self.saves {
            self.save(&draft, self.drafts.len() as u64);
        }
    }

    fn save(&mut self, draft: &Draft, seq: u64) {
        let hash = ContentHash::of(&seq.to_be_bytes());
        if let Some(row) = self.app.desk().map(|d| d.row) {
            self.histories[row].push(Recorded {
                seq,
                hash,
                id: draft.id.clone(),
                at: draft.at,
                actor: draft.actor.clone(),
                entry: draft.entry.clone(),
            });
        }
        self.send(Message::Saved(Receipt {
            id: draft.id.clone(),
            seq,
            hash,
        }));
    }

    /// Presses keys, written as in the keymap, with spaces between; `"text"` is typed letter by letter.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        for key in keys.split(' ').filter(|k| !k.is_empty()) {
            let key = key
                .parse()
                .map_err(|e: String| Error::new(ErrorKind::Internal, e))?;
            self.send(Message::Key(key));
        }
        Ok(())
    }

    /// Types a text.
    pub fn enter(&mut self, text: &str) -> Result<()> {
        for c in text.chars() {
            let key = if c == ' ' {
                "space".to_owned()
            } else {
                c.to_string()
            };
            self.press(&key)?;
        }
        Ok(())
    }

    /// The last record that was asked for.
    pub fn last_entry(&self) -> Result<&Entry> {
        self.drafts
            .last()
            .map(|d| &d.entry)
            .ok_or_else(|| missing("record"))
    }

    /// The dossier on the desk.
    pub fn dossier(&self) -> Result<Arc<Dossier>> {
        let desk = self.app.desk().ok_or_else(|| missing("dossier"))?;
        Ok(Arc::clone(desk.review.dossier()))
    }

    /// Says something as the engine, to the last request.
    pub fn engine(&mut self, event: ScoreEvent) {
        let ticket = self.asked.last().map_or(Ticket(0), |r| r.ticket);
        self.send(Message::Engine(ticket, event));
    }

    /// The engine finishes a dimension, citing these segments and the rubric's first signal that occurs.
    pub fn finish(&mut self, dimension: &str, answer: &Answer<'_>) -> Result<()> {
        let dossier = self.dossier()?;
        let rubric = Arc::clone(&self.app.settings().rubric);
        let assessment = answer.assessment(&dossier, &rubric, &DimensionId::new(dimension))?;
        let trace = Arc::new(crate::review::testing::trace(&assessment));
        self.engine(ScoreEvent::Started {
            dimension: DimensionId::new(dimension),
        });
        self.engine(ScoreEvent::Finished {
            assessment: Box::new(assessment),
            trace,
        });
        Ok(())
    }

    /// Puts two answers to one dimension of a sample side by side.
    pub fn compare(&mut self, name: &str, dimension: &str, answers: &[Answer<'_>; 2]) -> Result<()> {
        let dossier = Arc::new(ingest::open(&samples().join(name))?);
        let rubric = Arc::clone(&self.app.settings().rubric);
        let id = DimensionId::new(dimension);
        let candidate = |n: usize| -> Result<Candidate> {
            let assessment = answers[n].assessment(&dossier, &rubric, &id)?;
            let trace = Trace {
                output: vec![n as u32],
                ..crate::review::testing::trace(&assessment)
            };
            Ok(Candidate { assessment, trace })
        };
        let pair = Pair::of(candidate(0)?, candidate(1)?).ok_or_else(|| missing("pair"))?;
        self.send(Message::Begin(Box::new(Begin {
            person: self.app.settings().person.clone(),
            rubric,
            dossiers: vec![dossier],
            model: None,
            pool: vec![pair],
            judged: Vec::new(),
            adjudicating: false,
            enough: 8,
            seed: 0,
        })));
        Ok(())
    }

    /// A dimension is half way: links and score are there, words are coming.
    pub fn halfway(&mut self, dimension: &str, answer: &Answer<'_>) -> Result<()> {
        let dossier = self.dossier()?;
        let rubric = Arc::clone(&self.app.settings().rubric);
        let id = DimensionId::new(dimension);
        let assessment = answer.assessment(&dossier, &rubric, &id)?;
        let links = assessment.evidence;
        self.engine(ScoreEvent::Started {
            dimension: id.clone(),
        });
        self.engine(ScoreEvent::Evidence {
            dimension: id.clone(),
            links,
        });
        self.engine(ScoreEvent::Score {
            dimension: id.clone(),
            reading: assessment.reading,
        });
        self.engine(ScoreEvent::Token {
            dimension: id,
            field: TextField::Rationale,
            text: answer.rationale.to_owned(),
        });
        Ok(())
    }

    /// The screen as text.
    pub fn screen(&self) -> Result<String> {
        let size = self.app.size();
        let backend = TestBackend::new(size.width, size.height);
        let mut terminal = Terminal::new(backend).map_err(|e| missing("terminal").because(e))?;
        let drawn = terminal.draw(|frame| {
            let cursor = view::render(&self.app, frame.buffer_mut());
            cursor.into_iter().for_each(|c| frame.set_cursor_position(c));
        });
        drawn.map_err(|e| missing("frame").because(e))?;
        Ok(text_of(terminal.backend().buffer()))
    }
}

/// The symbols of a buffer, a line a row; the second half of a wide character is left out, as a terminal would.
fn text_of(buffer: &ratatui::buffer::Buffer) -> String {
    let measure = Measure::default();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        let mut line = String::new();
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += (measure.text(symbol) as u16).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What a test lets the engine say of a dimension.
pub struct Answer<'a> {
    pub score: f32,
    pub sd: f32,
    pub segments: &'a [u32],
    pub rationale: &'a str,
    pub suggestion: &'a str,
}

impl Answer<'_> {
    fn assessment(&self, dossier: &Dossier, rubric: &Rubric, dimension: &DimensionId) -> Result<Assessment> {
        let rubric_dimension = rubric.dimension(dimension).ok_or_else(|| missing("dimension"))?;
        let numbers: Vec<SegmentNo> = self.segments.iter().map(|n| SegmentNo(*n)).collect();
        let mut evidence = resolve(dossier, &numbers);
        evidence.extend(
            count_signals(dossier, rubric_dimension, dossier.meta.language)
                .into_iter()
                .take(1)
                .collect::<Vec<EvidenceLink>>(),
        );
        Ok(Assessment {
            id: ContentHash::of(format!("{dimension} {}", self.score).as_bytes()),
            dossier: dossier.meta.id.clone(),
            dimension: dimension.clone(),
            reading: reading(self.score, self.sd),
            calibration: None,
            evidence,
            rationale: self.rationale.to_owned(),
            suggestion: self.suggestion.to_owned(),
            omitted: 0,
            language: dossier.meta.language,
            model: model(),
            rubric: RubricIdentity::of(rubric),
            prompt_sha256: ContentHash::ZERO,
            seed: 7,
        })
    }
}

/// A reading whose five probabilities are a bell around the score.
fn reading(score: f32, sd: f32) -> ScoreReading {
    let weight = |level: f32| (-((level - score) / sd).powi(2) / 2.0).exp();
    let weights = [1.0, 2.0, 3.0, 4.0, 5.0].map(weight);
    let sum: f32 = weights.iter().sum();
    ScoreReading {
        score,
        raw_score: score,
        sd,
        probabilities: weights.map(|w| w / sum),
        validity: 0.98,
        margin: None,
    }
}
