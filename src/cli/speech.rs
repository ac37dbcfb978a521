//! From the configuration to somebody who hears recordings: what `transcribe`, `ingest`, `score` and `review` share.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::interrupt;
use crate::config::Config;
use crate::dossier::{Language, TimeSpan};
use crate::error::{Error, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::ingest::{Ears, Hearer, Unread};
use crate::model::local::Presence;
use crate::model::speech::audio::Sound;
use crate::model::speech::listen::{HEARD, Listener};
use crate::model::speech::transcript::Transcript;
use crate::model::{Catalogue, ModelStore};
use crate::sanitize::line;
use crate::watch::Watch;

/// The model that tells speakers apart, where it is here.
const VOICES: &str = "resemblyzer";
/// Without a terminal the progress is a line for so many seconds heard.
const LINE_EVERY: usize = 300;

/// Who hears with the configured speech model, and tells speakers apart where the voice encoder is here; without a language
/// it is found out.
///
/// # Errors
/// The model is unknown, is no speech model, or its files are not here or not what they should be.
pub fn listener(config: &Config, language: Option<Language>) -> Result<Listener> {
    let catalogue = Catalogue::load(&config.manifests_dir())?;
    let store = ModelStore::new(&config.models_dir);
    let model = store.locate(catalogue.find(&config.speech_model)?)?;
    let folder = config.paths.cache.join("transcripts");
    let encoder = catalogue.find(&ModelId::new(VOICES))?;
    let encoder = match store.presence(encoder, encoder.weights()) {
        Presence::Missing => None,
        _ => Some(store.locate(encoder)?),
    };
    Ok(Listener::new(model, folder, language, config.engine.threads)?.telling(encoder))
}

/// Says once how to tell speakers apart, where `listener` does not.
pub fn advise(listener: &Listener) {
    if !listener.tells_speakers() {
        let advice = format!(
            "hint: speakers are not told apart; `plumb models pull {VOICES}` brings what does it (16 MB)"
        );
        let _ = writeln!(std::io::stderr(), "{advice}");
    }
}

/// The recordings of dossiers, heard with the configured model, which is looked for when there is one to hear.
pub struct Hearing {
    config: Config,
    listener: OnceLock<std::result::Result<Listener, String>>,
    /// Whether what was not heard before is heard now.
    live: bool,
    onlooker: OnceLock<Onlooker>,
    advised: OnceLock<()>,
}

impl Hearing {
    /// Hears what was not heard before, with its progress on standard error.
    pub fn live(config: &Config) -> Self {
        Self {
            live: true,
            ..Self::kept(config)
        }
    }

    /// Uses what was heard before.
    pub fn kept(config: &Config) -> Self {
        Self {
            config: config.clone(),
            listener: OnceLock::new(),
            live: false,
            onlooker: OnceLock::new(),
            advised: OnceLock::new(),
        }
    }

    /// The configured listener, or in one line why there is none.
    fn listener(&self) -> std::result::Result<&Listener, String> {
        let find = || listener(&self.config, None).map_err(|e| one_line(&e));
        self.listener.get_or_init(find).as_ref().map_err(Clone::clone)
    }
}

impl Ears for Hearing {
    fn hear(&self, sound: &Sound<'_>, recording: ContentHash) -> std::result::Result<Transcript, Unread> {
        let listener = self.listener()?;
        if let Some(transcript) = listener.kept(recording) {
            return Ok(transcript);
        }
        if !self.live {
            let unheard = || Unread::unheard("was not heard yet: run `plumb ingest` on the dossier first");
            return listener.kept_words(recording).ok_or_else(unheard);
        }
        let onlooker = self.onlooker.get_or_init(Onlooker::new);
        onlooker.begin(&sound.name);
        let heard = listener.transcribe(sound, onlooker, &mut |utterance| {
            onlooker.heard(&utterance.text);
            Ok(())
        });
        onlooker.end();
        self.advised.get_or_init(|| advise(listener));
        heard.map_err(|e| fault(sound, &e).into())
    }

    fn stopped(&self) -> bool {
        self.onlooker.get().is_some_and(Onlooker::stopped)
    }
}

/// Hears while somebody does other things, and tells them how far it is.
pub struct Aside<'a>(pub &'a Hearing, pub &'a dyn Hearer);

impl Ears for Aside<'_> {
    fn hear(&self, sound: &Sound<'_>, _: ContentHash) -> std::result::Result<Transcript, Unread> {
        let one = One(&sound.name, self.1);
        let heard = self.0.listener()?.transcribe(sound, &one, &mut |_| Ok(()));
        heard.map_err(|e| fault(sound, &e).into())
    }

    fn stopped(&self) -> bool {
        self.1.stopped()
    }
}

/// One recording of several that are heard.
struct One<'a>(&'a str, &'a dyn Hearer);

impl Watch for One<'_> {
    fn tell(&self, doing: &str, done: usize, total: usize) {
        if doing == HEARD {
            self.1.heard(self.0, done, total);
        }
    }

    fn stopped(&self) -> bool {
        self.1.stopped()
    }
}

/// What is wrong with a recording, without its name.
fn fault(sound: &Sound<'_>, error: &Error) -> String {
    let said = one_line(error);
    let nameless = said.strip_prefix(&*line(&sound.name));
    nameless.map_or_else(|| said.clone(), |why| why.trim_start().to_owned())
}

/// An error and its first hint.
fn one_line(error: &Error) -> String {
    match error.hints().first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// Minutes heard of the total, on standard error: a bar on a terminal, else a line now and then.
pub struct Onlooker {
    bar: ProgressBar,
    /// What was heard last, shown under the bar.
    words: Mutex<String>,
    terminal: bool,
    told: AtomicUsize,
    stopped: Arc<AtomicBool>,
}

impl Onlooker {
    /// Starts watching for Ctrl-c.
    pub fn new() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        interrupt::watch(Arc::clone(&stopped));
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar}\n{wide_msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            words: Mutex::default(),
            terminal: std::io::stderr().is_terminal(),
            told: AtomicUsize::new(0),
            stopped,
        }
    }

    /// The next recording, called `name`.
    pub fn begin(&self, name: &str) {
        self.bar.reset();
        self.heard("");
        self.bar.set_prefix(line(name).into_owned());
        self.told.store(0, Ordering::Relaxed);
    }

    /// What was heard last: somebody who waits for speakers sees that it goes on.
    pub fn heard(&self, text: &str) {
        let words = line(text).trim().to_owned();
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// The recording has ended, one way or the other.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes to standard output without disturbing the bar.
    pub fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Default for Onlooker {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch for Onlooker {
    fn tell(&self, doing: &str, done: usize, total: usize) {
        let message = format!("{doing} {} of {}", clock(done), clock(total));
        let step = done / LINE_EVERY;
        if !self.terminal && doing == HEARD && step > self.told.swap(step, Ordering::Relaxed) {
            let _ = writeln!(std::io::stderr(), "{} {message}", self.bar.prefix());
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        self.bar.set_message(format!("{message}  {words}"));
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Seconds as minutes and seconds.
pub fn clock(seconds: usize) -> String {
    let start_ms = seconds as u64 * 1000;
    TimeSpan {
        start_ms,
        end_ms: start_ms,
    }
    .clock()
}
