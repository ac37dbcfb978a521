//! A workstation with one long report on the desk, without a terminal, an engine or a store.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ulid::Ulid;

use super::{Sample, milliseconds};
use crate::dossier::manifest;
use crate::dossier::{Dossier, Language};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Person;
use crate::ingest;
use crate::review::{Stamp, Summary};
use crate::rubric::builtin;
use crate::tui::highlight::Highlights;
use crate::tui::keys::{Key, Keymap};
use crate::tui::offscreen::Offscreen;
use crate::tui::state::document::lay_out;
use crate::tui::state::queue::{Queue, QueueRow};
use crate::tui::state::{App, Effect, Message, Opened, Settings};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::width::{Ambiguous, Measure};

const MANIFEST: &str = r#"
id = "bench"
subject = { id = "E1", name = "李雷" }
role = "engineer"
cycle = "2026H1"
language = "en"

[[source]]
path = "report.md"
kind = "weekly"
"#;

/// The workstation and the screen it is drawn on.
pub(super) struct Desk {
    app: App,
    screen: Offscreen,
}

impl Desk {
    /// Puts a dossier of one report on the desk, on a screen of so many columns and rows.
    pub(super) fn open(report: &str, (columns, rows): (u16, u16)) -> Result<Self> {
        let dossier = Arc::new(dossier(report)?);
        let rubric = Arc::new(builtin("core")?);
        let row = QueueRow {
            path: Path::new(&dossier.meta.id.to_string()).to_owned(),
            meta: Ok(dossier.meta.clone()),
            summary: Summary {
                total: rubric.dimensions.len(),
                ..Summary::default()
            },
        };
        let settings = Settings {
            person: Person::new("bench"),
            role: "reviewer".to_owned(),
            language: Language::En,
            theme: Theme::new(ThemeName::Dark, Ambiguous::Narrow),
            measure: Measure::default(),
            mouse: false,
            keymap: Keymap::standard(),
            rubric,
            blind: false,
            seed: 0,
            model: None,
            calibration: None,
            read_only: None,
            zone: TimeZone::UTC,
        };
        let mut desk = Self {
            app: App::new(settings, Queue::new(vec![row])),
            screen: Offscreen::new(columns, rows),
        };
        desk.send(Message::Resize(desk.screen.size()));
        desk.send(Message::Open(0));
        let opened = Opened {
            dossier,
            checks: Arc::new([]),
            history: Vec::new(),
        };
        desk.send(Message::Opened(0, Ok(Box::new(opened))));
        Ok(desk)
    }

    /// Sends a message, and does what the workers would.
    fn send(&mut self, message: Message) {
        let stamp = Stamp {
            at: Timestamp::UNIX_EPOCH,
            id: Ulid::nil(),
        };
        for effect in self.app.handle(message, stamp) {
            match effect {
                Effect::Colour(dossier, source) => {
                    let shown = &dossier.sources[source];
                    let found = Highlights::of(shown.shown.text(), shown.format);
                    self.send(Message::Coloured(dossier, source, Arc::new(found)));
                }
                Effect::LayOut(dossier, source, columns) => {
                    let measure = self.app.settings().measure;
                    let laid = lay_out(&dossier.sources[source], measure, columns, usize::MAX);
                    self.send(Message::LaidOut(dossier, source, columns, Arc::new(laid)));
                }
                _ => {}
            }
        }
    }

    /// The whole screen, a key that moves down with the frame after it, and the gate alone.
    pub(super) fn measure(&mut self, sample: &mut Sample) -> Result<()> {
        let down: Key = "j"
            .parse()
            .map_err(|e: String| Error::new(ErrorKind::Internal, e))?;
        self.screen.forget();
        self.clock(sample, "screen", |desk| desk.screen.draw(&desk.app))?;
        self.clock(sample, "key", |desk| {
            desk.send(Message::Key(down));
            desk.screen.draw(&desk.app)
        })?;
        self.clock(sample, "gate", |desk| desk.screen.pass())
    }

    fn clock(
        &mut self,
        sample: &mut Sample,
        name: &str,
        draw: impl FnOnce(&mut Self) -> io::Result<usize>,
    ) -> Result<()> {
        let started = Instant::now();
        let drawn = draw(self);
        let ms = milliseconds(started, Instant::now());
        drawn.map_err(|e| Error::new(ErrorKind::Io, "a frame could not be drawn").because(e))?;
        let size = self.screen.size();
        sample.extend([(format!("{name}_{}x{}_ms", size.width, size.height), ms)]);
        Ok(())
    }
}

/// A dossier of this report, read from a folder that goes away again.
fn dossier(report: &str) -> Result<Dossier> {
    let folder = tempfile::tempdir()
        .map_err(|e| Error::new(ErrorKind::Io, "cannot make a folder for the dossier").because(e))?;
    for (name, text) in [(manifest::FILE, MANIFEST), ("report.md", report)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
    }
    ingest::open(folder.path())
}
