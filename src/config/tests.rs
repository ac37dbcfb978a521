use super::*;

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// An account with nothing set.
struct Account {
    home: tempfile::TempDir,
    env: Vec<(&'static str, &'static str)>,
    flags: Vec<(&'static str, String, &'static str)>,
}

impl Account {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            home: tempfile::tempdir()?,
            env: vec![("USER", "nobody-in-passwd")],
            flags: Vec::new(),
        })
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let folder = Paths::under(self.home.path()).config;
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("config.toml"), text)
    }

    fn resolve(&self) -> Result<Config> {
        let value = |name: &str| Some(self.env.iter().find(|(n, _)| *n == name)?.1.to_owned());
        Config::resolve(&Request {
            flags: &self.flags,
            env: &value,
            file: None,
            paths: Paths::under(self.home.path()),
        })
    }

    fn refused(&self) -> std::result::Result<String, Box<dyn std::error::Error>> {
        let error = self.resolve().err().ok_or("accepted")?;
        assert_eq!(error.kind(), ErrorKind::Usage);
        Ok(error.to_string())
    }
}

fn origin(config: &Config, name: &str) -> Option<Origin> {
    config
        .settings
        .iter()
        .find(|s| s.key.name == name)
        .map(|s| s.origin.clone())
}

#[test]
fn the_sample_holds_every_key_once_in_order() {
    let lines = DEFAULT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect::<Vec<_>>();
    let mut found = Vec::new();
    let mut table = String::new();
    for line in lines {
        match (line.strip_prefix('['), line.split_once(" = ")) {
            (Some(name), _) => table = name.replace(']', "."),
            (None, Some((key, _))) => found.push(format!("{table}{key}")),
            _ => {}
        }
    }
    assert_eq!(found, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    for key in &KEYS {
        assert!(
            DEFAULT.contains(key.env),
            "default.toml does not mention {}",
            key.env
        );
    }
}

#[test]
fn the_sample_as_a_file_changes_no_value() -> Outcome {
    let account = Account::new()?;
    let bare = account.resolve()?;
    account.write(DEFAULT)?;
    let with_file = account.resolve()?;
    for (a, b) in bare.settings.iter().zip(with_file.settings.iter()) {
        assert_eq!(a.value, b.value, "{}", a.key.name);
    }
    assert!(matches!(origin(&with_file, "blind"), Some(Origin::File(_, _))));
    Ok(())
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() -> Outcome {
    let mut account = Account::new()?;
    assert_eq!(
        account.resolve()?.model.as_str(),
        "qwen2.5-coder-0.5b-instruct-q4_k_m"
    );
    account.write("model = \"from-file\"\n")?;
    assert_eq!(account.resolve()?.model.as_str(), "from-file");
    account.env.push(("PLUMB_MODEL", "from-env"));
    assert_eq!(account.resolve()?.model.as_str(), "from-env");
    account.flags.push(("model", "from-flag".to_owned(), "--model"));
    let config = account.resolve()?;
    assert_eq!(config.model.as_str(), "from-flag");
    assert_eq!(origin(&config, "model"), Some(Origin::Flag("--model")));
    Ok(())
}

#[test]
fn an_unknown_key_or_a_wrong_value_is_named_with_its_line() -> Outcome {
    let account = Account::new()?;
    for (text, wanted) in [
        (
            "mouse = true\ncolour = 1\n",
            "line 2: there is no setting \"colour\"",
        ),
        (
            "[engine]\nspeed = 1\n",
            "line 2: there is no setting \"engine.speed\"",
        ),
        ("[motor]\nx = 1\n", "line 1: there is no setting \"motor\""),
        (
            "\nmouse = \"yes\"\n",
            "line 2: mouse takes true or false, not \"yes\"",
        ),
        (
            "theme = \"pink\"\n",
            "line 1: theme takes one of terminal, dark, light, mono, not \"pink\"",
        ),
        (
            "[engine]\ntemperature = 3.0\n",
            "line 2: engine.temperature takes a number from 0 to 2, not 3.0",
        ),
        ("role = [1]\n", "line 1: role takes one value, not [1]"),
        ("role = \n", "line 1: "),
    ] {
        account.write(text)?;
        let message = account.refused()?;
        assert!(message.contains(wanted), "{text:?} gave {message}");
        assert!(!message.contains('\n'), "more than one line: {message}");
    }
    Ok(())
}

#[test]
fn a_wrong_variable_is_named() -> Outcome {
    let mut account = Account::new()?;
    account.env.push(("PLUMB_ENGINE_THREADS", "many"));
    assert_eq!(
        account.refused()?,
        "PLUMB_ENGINE_THREADS: engine.threads takes a whole number from 0 to 1024, not \"many\""
    );
    Ok(())
}

#[test]
fn paths_of_a_file_are_relative_to_it_or_to_the_home() -> Outcome {
    let account = Account::new()?;
    account.write("workspace = \"ws\"\nmodels_dir = \"~/weights\"\n")?;
    let config = account.resolve()?;
    assert_eq!(config.workspace, config.paths.config.join("ws"));
    assert_eq!(config.models_dir, account.home.path().join("weights"));
    Ok(())
}

#[test]
fn what_nobody_says_is_found_out() -> Outcome {
    let mut account = Account::new()?;
    account.env.push(("LANG", "zh_CN.UTF-8"));
    let config = account.resolve()?;
    assert_eq!(config.lang, Language::Zh);
    assert_eq!(
        config.workspace,
        account.home.path().join(".local/share/plumbline")
    );
    assert_eq!(config.models_dir, config.workspace.join("models"));
    assert_eq!(config.keymap, None);
    assert!(!config.person.as_str().is_empty());
    account.env.push(("LC_ALL", "en_GB.UTF-8"));
    assert_eq!(account.resolve()?.lang, Language::En, "LC_ALL counts before LANG");
    std::fs::create_dir_all(&config.paths.config)?;
    std::fs::write(config.paths.config.join("keymap.toml"), "")?;
    assert_eq!(
        account.resolve()?.keymap,
        Some(config.paths.config.join("keymap.toml"))
    );
    Ok(())
}

#[test]
fn a_named_file_must_exist() -> Outcome {
    let account = Account::new()?;
    let error = Config::resolve(&Request {
        flags: &[],
        env: &|_| None,
        file: Some(&account.home.path().join("none.toml")),
        paths: Paths::under(account.home.path()),
    });
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Io));
    Ok(())
}
