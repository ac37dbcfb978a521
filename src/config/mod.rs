//! What a run is told to do: flags over environment over file over defaults, each value with where it came from.
//!
//! The table in [`keys`] is the only list of settings; `default.toml`, the environment's names and `plumb config` are
//! tested against it. A configuration is resolved once, at the start, and handed on as a value.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Language, ModelId, Person};

pub mod keys;
pub mod layers;
pub mod paths;
mod person;
mod theme;

pub use keys::{KEYS, Key, Kind};
pub use layers::{Origin, Setting, Settings};
pub use paths::Paths;
pub use theme::ThemeName;

/// The sample that holds every default, as `plumb config --print-default` prints it.
pub const DEFAULT: &str = include_str!("default.toml");

/// Reads one variable of the environment; injected, so that tests need none of the process.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The resolved configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who decides.
    pub person: Person,
    /// As what: `reviewer`, `annotator` or `auditor`.
    pub role: String,
    /// Language of the screen.
    pub lang: Language,
    /// Colours of the screen.
    pub theme: ThemeName,
    /// The terminal draws characters of ambiguous width in two columns.
    pub ambiguous_wide: bool,
    /// Whether the mouse works.
    pub mouse: bool,
    /// The person's own keys, if there are any.
    pub keymap: Option<PathBuf>,
    /// The model's score is hidden until the reviewer has given theirs.
    pub blind: bool,
    /// Which model scores.
    pub model: ModelId,
    /// Which model hears recordings.
    pub speech_model: ModelId,
    /// Which model reads pictures; none: the best that is here.
    pub picture_model: Option<ModelId>,
    /// What is laid over the model: `live`, `none`, a name, or a folder.
    pub adapter: String,
    /// What scores are read through.
    pub calibration: CalibrationChoice,
    /// The name of a built-in rubric, or a path.
    pub rubric: String,
    /// Journal, index and blobs.
    pub workspace: PathBuf,
    /// Model files.
    pub models_dir: PathBuf,
    /// How the engine works.
    pub engine: EngineConfig,
    /// Scores by people after which the calibration is fitted anew; 0 leaves that to `plumb calibrate`.
    pub refit_every: usize,
    /// The standard folders everything else was derived from.
    pub paths: Paths,
    /// The same values as plain settings, each with where it came from.
    pub settings: Settings,
}

/// What scores are read through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalibrationChoice {
    /// What the workspace took into use last, else what comes with the program.
    Live,
    /// Nothing: they are as the model says them.
    None,
}

/// How the engine works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineConfig {
    /// Threads that calculate.
    pub threads: usize,
    /// Tokens read at most; the model's own limit holds besides.
    pub context_limit: usize,
    /// 0 means always the likeliest token.
    pub temperature: f64,
    /// Segments proposed to the model per dimension.
    pub shortlist: usize,
    /// How the weights are held.
    pub weights: WeightForm,
    /// Where the model runs.
    pub device: DeviceChoice,
    /// Megabytes of prefixes kept on disk.
    pub cache_mb: usize,
}

/// How the weights of the model's linear layers are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightForm {
    /// As quantised in the file, multiplied in integers where the format allows it: the fast one.
    #[default]
    Blocks,
    /// Dequantised to f32: the reference, five to eight times as large.
    F32,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// On a graphics card where this build can use one and one is there, else on the processor.
    Auto,
    /// On the processor.
    #[default]
    Cpu,
    /// On an NVIDIA card.
    Cuda,
}

/// What a configuration is resolved from.
pub struct Request<'a> {
    /// Settings given on the command line: key, value, the flag's name.
    pub flags: &'a [(&'static str, String, &'static str)],
    /// The environment.
    pub env: Environment<'a>,
    /// The file named by the person; none means the standard one, if it exists.
    pub file: Option<&'a Path>,
    /// The standard folders.
    pub paths: Paths,
}

impl Config {
    /// Resolves a configuration.
    ///
    /// # Errors
    /// `Usage` when a value is not what its key takes, naming where the value came from; `Io` when the file cannot be
    /// read.
    pub fn resolve(request: &Request<'_>) -> Result<Self> {
        let mut settings = Settings::defaults()?;
        settings.read_file(request.file, &request.paths)?;
        settings.read_environment(request.env)?;
        settings.read_flags(request.flags)?;
        Self::from_settings(settings, request)
    }

    fn from_settings(mut settings: Settings, request: &Request<'_>) -> Result<Self> {
        let paths = request.paths.clone();
        settings.fill("person", || person::operating_system_user(request.env));
        settings.fill("lang", || paths::locale_language(request.env).code().to_owned());
        settings.fill("workspace", || text_of(&paths.data));
        settings.fill("models_dir", || text_of(&paths.data.join("models")));
        settings.fill("keymap", || existing(&paths.config.join("keymap.toml")));
        let folder =
            |key: &str| std::path::absolute(settings.text(key)).map_err(|e| no_folder(key).because(e));
        Ok(Self {
            person: person::checked(settings.text("person"))?,
            role: settings.text("role").to_owned(),
            lang: if settings.text("lang") == "zh" {
                Language::Zh
            } else {
                Language::En
            },
            theme: settings.text("theme").parse()?,
            ambiguous_wide: settings.text("ambiguous") == "wide",
            mouse: settings.switch("mouse"),
            keymap: Some(PathBuf::from(settings.text("keymap"))).filter(|p| !p.as_os_str().is_empty()),
            blind: settings.switch("blind"),
            model: ModelId::new(settings.text("model")),
            speech_model: ModelId::new(settings.text("speech_model")),
            picture_model: Some(settings.text("picture_model"))
                .filter(|id| *id != "auto")
                .map(ModelId::new),
            adapter: settings.text("adapter").to_owned(),
            calibration: match settings.text("calibration") {
                "none" => CalibrationChoice::None,
                _ => CalibrationChoice::Live,
            },
            rubric: settings.text("rubric").to_owned(),
            workspace: folder("workspace")?,
            models_dir: folder("models_dir")?,
            engine: EngineConfig::from_settings(&settings),
            refit_every: settings.count("learning.refit_every"),
            paths,
            settings,
        })
    }

    /// The folder of the person's own model manifests.
    pub fn manifests_dir(&self) -> PathBuf {
        self.paths.config.join("models")
    }
}

impl EngineConfig {
    fn from_settings(settings: &Settings) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: Some(settings.count("engine.threads"))
                .filter(|&n| n > 0)
                .unwrap_or_else(cores),
            context_limit: settings.count("engine.context_limit"),
            temperature: settings.real("engine.temperature"),
            shortlist: settings.count("engine.shortlist"),
            weights: match settings.text("engine.weights") {
                "f32" => WeightForm::F32,
                _ => WeightForm::Blocks,
            },
            device: match settings.text("engine.device") {
                "cpu" => DeviceChoice::Cpu,
                "cuda" => DeviceChoice::Cuda,
                _ => DeviceChoice::Auto,
            },
            cache_mb: settings.count("engine.cache_mb"),
        }
    }
}

fn no_folder(key: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{key} is no usable path"))
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path when something is there, else nothing.
fn existing(path: &Path) -> String {
    if path.exists() {
        text_of(path)
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests;
