//! `plumb doctor` on accounts in good and in bad order.

use std::os::unix::fs::PermissionsExt as _;

use crate::env::{DEFAULT_MODEL, Outcome, Run, TestEnvironment};

/// The findings as `(topic, level)`.
fn findings(run: &Run) -> Outcome<Vec<(String, String)>> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout)?;
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Ok(rows
        .iter()
        .map(|row| (text(row, "topic"), text(row, "level")))
        .collect())
}

fn level(findings: &[(String, String)], topic: &str) -> String {
    let found = findings.iter().find(|(name, _)| name == topic);
    found.map(|(_, level)| level.clone()).unwrap_or_default()
}

#[test]
fn an_account_with_the_default_model_is_in_order() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let run = env.run(["doctor", "--json"])?;
    let found = findings(&run)?;
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let topics: Vec<_> = found
        .iter()
        .map(|(topic, _)| topic.as_str())
        .filter(|topic| *topic != "models")
        .collect();
    assert_eq!(
        topics,
        [
            "version",
            "processor",
            "memory",
            "terminal",
            "colour",
            "locale",
            "pip",
            "settings",
            "rubric",
            "device",
            "model",
            "space",
            "workspace"
        ]
    );
    assert!(!env.workspace().exists(), "looking made a workspace");
    Ok(())
}

#[test]
fn a_missing_model_fails_and_names_the_command() -> Outcome {
    let env = TestEnvironment::new()?;
    let run = env.run(["doctor"])?;
    assert_eq!(run.code, 1);
    let line = run
        .stdout
        .lines()
        .position(|line| line.starts_with("FAIL  model "))
        .ok_or("no such line")?;
    let hint = run.stdout.lines().nth(line + 1).unwrap_or_default();
    assert_eq!(hint.trim(), format!("plumb models pull {DEFAULT_MODEL}"));
    assert!(run.stderr.contains("one thing does not work"), "{}", run.stderr);
    Ok(())
}

#[test]
fn settings_that_cannot_be_read_are_one_finding_among_others() -> Outcome {
    let env = TestEnvironment::new()?;
    env.write_config("config.toml", "colour = 1\n")?;
    let run = env.run(["doctor", "--json"])?;
    let found = findings(&run)?;
    assert_eq!((run.code, level(&found, "settings").as_str()), (1, "fail"));
    assert_eq!(level(&found, "processor"), "ok");
    Ok(())
}

#[test]
fn a_damaged_journal_is_named() -> Outcome {
    let env = TestEnvironment::with_models()?;
    let journal = env.workspace().join("journal");
    std::fs::create_dir_all(&journal)?;
    std::fs::write(journal.join("000000000005.jsonl"), "not a record\nnor this\n")?;
    let run = env.run(["doctor"])?;
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.lines().any(|line| line.starts_with("FAIL  workspace")),
        "{}",
        run.stdout
    );
    Ok(())
}

#[test]
fn a_locale_without_chinese_and_a_machine_without_pip_are_warnings() -> Outcome {
    let mut env = TestEnvironment::with_models()?;
    let nothing = env.scratch().to_string_lossy().into_owned();
    env.set("LC_ALL", "C").set("PATH", nothing);
    let run = env.run(["doctor", "--json"])?;
    let found = findings(&run)?;
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(
        (level(&found, "locale").as_str(), level(&found, "pip").as_str()),
        ("warn", "warn")
    );
    Ok(())
}

/// The set-up that `make` does, on a machine that has no Rust and asks for a password: it names the command and leaves
/// everything as it was. The machine is a folder of links to the few tools the script itself uses.
#[test]
fn the_set_up_names_the_command_that_it_may_not_run() -> Outcome {
    let mut env = TestEnvironment::new()?;
    let bin = env.scratch().join("bin");
    std::fs::create_dir(&bin)?;
    for tool in ["bash", "sh", "env", "dirname", "sed", "awk", "uname"] {
        let real = ["/usr/bin", "/bin"]
            .iter()
            .map(|folder| std::path::Path::new(folder).join(tool));
        let real = real
            .into_iter()
            .find(|path| path.exists())
            .ok_or_else(|| format!("no {tool} here"))?;
        std::os::unix::fs::symlink(real, bin.join(tool))?;
    }
    for (tool, body) in [
        ("cc", "exit 0"),
        ("c++", "exit 0"),
        ("id", "echo 1000"),
        ("python3", "exit 0"),
        ("dnf", "echo dnf was run; exit 1"),
    ] {
        let path = bin.join(tool);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    env.set("PATH", bin.to_string_lossy().into_owned());
    let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/setup");
    let said = Run::of(&mut env.command(setup))?.failed(1)?;
    assert!(
        said.contains("run: sudo sh -c 'dnf install -y -q rustup'"),
        "{said}"
    );
    assert!(said.contains("1.95 or newer is needed"), "{said}");
    assert!(!said.contains("was run"), "{said}");
    Ok(())
}
