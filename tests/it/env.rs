//! A person's account made for one test: its own home, folders and locale, nothing of the machine's.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The small model that hears English, which `make test` pulls too.
pub const SPEECH_MODEL: &str = "whisper-tiny.en";

/// The model that tells speakers apart, which `make test` pulls too.
pub const VOICE_MODEL: &str = "resemblyzer";

/// What a test returns.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The default model, which `make test` pulls before the tests run.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m";
/// The small English model, which `make test` pulls too.
pub const SMALL_MODEL: &str = "smollm2-135m-instruct-q4_1";
/// The model that reads pictures (21 MB), which `make test` pulls too.
pub const OCR_MODEL: &str = "pp-ocrv5";

/// A person's account made for one test.
pub struct TestEnvironment {
    root: tempfile::TempDir,
    vars: BTreeMap<String, String>,
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit status; -1 when a signal ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl TestEnvironment {
    /// An empty account of someone called `tester`, English, without models.
    pub fn new() -> Outcome<Self> {
        let root = tempfile::tempdir()?;
        let home = root.path().join("home");
        std::fs::create_dir(&home)?;
        let path = |relative: &str| home.join(relative).to_string_lossy().into_owned();
        let vars = [
            ("HOME", path("")),
            ("XDG_CONFIG_HOME", path(".config")),
            ("XDG_DATA_HOME", path(".local/share")),
            ("XDG_CACHE_HOME", path(".cache")),
            ("PLUMB_HOME", path("workspace")),
            ("PLUMB_PERSON", "tester".to_owned()),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("TZ", "UTC".to_owned()),
        ];
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Self { root, vars })
    }

    /// The same with the real models of this machine.
    pub fn with_models() -> Outcome<Self> {
        let mut env = Self::new()?;
        env.set("PLUMB_MODELS", real_models()?.to_string_lossy());
        Ok(env)
    }

    /// Sets one variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// A folder for the test's own files, outside the home.
    pub fn scratch(&self) -> &Path {
        self.root.path()
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The folder of our configuration.
    pub fn config_dir(&self) -> PathBuf {
        self.home().join(".config/plumbline")
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.home().join("workspace")
    }

    /// The folder of the models, as long as no other was named.
    pub fn models_dir(&self) -> PathBuf {
        self.home().join(".local/share/plumbline/models")
    }

    /// Writes a file of our configuration.
    pub fn write_config(&self, relative: &str, text: &str) -> Outcome {
        let path = self.config_dir().join(relative);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(std::fs::write(path, text)?)
    }

    /// The variables, for whoever starts the program in another way, such as a pseudo-terminal.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The program in this account, ready for arguments.
    pub fn plumb(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_plumb"))
    }

    /// Any program in this account.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.vars)
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with arguments to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome<Run> {
        Run::of(self.plumb().args(args))
    }
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Outcome<Self> {
        let output = command.output()?;
        Ok(Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// What it printed, when it succeeded.
    pub fn ok(self) -> Outcome<String> {
        match self.code {
            0 => Ok(self.stdout),
            code => Err(format!("exit status {code}: {}", self.stderr).into()),
        }
    }

    /// What it complained of, when it failed with `code`.
    pub fn failed(self, code: i32) -> Outcome<String> {
        if self.code == code {
            Ok(self.stderr)
        } else {
            Err(format!(
                "exit status {} instead of {code}: {}{}",
                self.code, self.stdout, self.stderr
            )
            .into())
        }
    }
}

/// The models of the person who runs the tests: `$PLUMB_MODELS`, else where `plumb models pull` puts them.
pub fn real_models() -> Outcome<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("PLUMB_MODELS")
        .or_else(|| Some(set("XDG_DATA_HOME")?.join("plumbline/models")))
        .or_else(|| Some(set("HOME")?.join(".local/share/plumbline/models")))
        .ok_or_else(|| "HOME is not set".into())
}

/// The weights of a real model. Without them the test fails: `make test` pulls them first.
pub fn real_weights(id: &str) -> Outcome<plumbline::model::LocalModel> {
    let manifest = plumbline::model::manifest::find(&id.into())?;
    let model = plumbline::model::ModelStore::new(real_models()?).locate(&manifest);
    model.map_err(|e| format!("{e}; `make test` pulls the models that the tests need").into())
}

/// A sample dossier of the repository.
pub fn sample(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(id)
}

#[test]
fn an_account_sees_nothing_of_the_machine() -> Outcome {
    let env = TestEnvironment::new()?;
    let shown = env.run(["config"])?.ok()?;
    let home = env.home();
    for key in ["workspace", "models_dir"] {
        let line = shown
            .lines()
            .find(|line| line.starts_with(key))
            .ok_or("no such key")?;
        assert!(line.contains(&*home.to_string_lossy()), "{line}");
    }
    assert!(shown.contains("\"tester\""));
    assert!(
        env.vars()
            .all(|(name, _)| !["USER", "LOGNAME", "HTTPS_PROXY"].contains(&name))
    );
    assert!(
        !env.workspace().exists(),
        "looking at the settings makes no workspace"
    );
    Ok(())
}

#[test]
fn the_models_that_the_tests_need_are_here() -> Outcome {
    let env = TestEnvironment::with_models()?;
    for id in [DEFAULT_MODEL, SMALL_MODEL] {
        let weights = real_weights(id)?;
        let path = env.run(["models", "path", id])?.ok()?;
        assert_eq!(path.trim(), weights.path.to_string_lossy());
        assert_eq!(Some(weights.sha256), weights.manifest.weights().sha256);
    }
    assert!(sample("").is_dir());
    Ok(())
}
