//! The command line itself: what it prints for scripts, and how it ends.

use std::process::Stdio;

use crate::env::{Outcome, Run, TestEnvironment};

#[test]
fn the_version_is_the_package_s() -> Outcome {
    let env = TestEnvironment::new()?;
    assert_eq!(
        env.run(["--version"])?.ok()?,
        format!("plumb {}\n", env!("CARGO_PKG_VERSION"))
    );
    Ok(())
}

#[test]
fn a_wrong_call_ends_with_2_and_a_failed_one_with_1() -> Outcome {
    let env = TestEnvironment::new()?;
    env.run(["no-such-command"])?.failed(2)?;
    env.run(["config", "--lang", "fr"])?.failed(2)?;
    env.run(["config", "--as", ""])?.failed(2)?;
    for seed in ["9007199254740993", "18446744073709551616", "-1", "x"] {
        let said = env
            .run(["score", "nowhere", &format!("--seed={seed}")])?
            .failed(2)?;
        assert!(
            said.contains("a whole number from 0 to 9007199254740992"),
            "{said}"
        );
    }
    let said = env
        .run(["score", "nowhere", "--seed=9007199254740992"])?
        .failed(1)?;
    assert!(said.contains("nowhere"), "{said}");
    env.run(["config", "--config", "no-such-file.toml"])?.failed(1)?;
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_end() -> Outcome {
    let env = TestEnvironment::new()?;
    let mut child = env
        .plumb()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    Ok(())
}

#[test]
fn the_printed_sample_resolves_to_the_defaults() -> Outcome {
    let env = TestEnvironment::new()?;
    let values = |run: Run| -> Outcome<Vec<(serde_json::Value, serde_json::Value)>> {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&run.ok()?)?;
        Ok(rows
            .into_iter()
            .map(|row| (row["key"].clone(), row["value"].clone()))
            .collect())
    };
    let bare = values(env.run(["config", "--json"])?)?;
    env.write_config("config.toml", &env.run(["config", "--print-default"])?.ok()?)?;
    assert_eq!(bare, values(env.run(["config", "--json"])?)?);
    Ok(())
}

#[test]
fn a_setting_says_where_it_came_from() -> Outcome {
    let mut env = TestEnvironment::new()?;
    env.write_config("config.toml", "theme = \"dark\"\n")?;
    env.set("PLUMB_MODEL", "qwen3-0.6b-q8_0");
    let shown = env.run(["--as", "hr.chen", "config"])?.ok()?;
    let line = |key: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(line("theme").ends_with("config.toml:1"), "{shown}");
    assert!(line("model ").ends_with("PLUMB_MODEL"), "{shown}");
    assert!(line("person").ends_with("--as"), "{shown}");
    assert!(line("blind").ends_with("default"), "{shown}");
    Ok(())
}

#[test]
fn every_command_has_a_manual_page_and_every_shell_its_completions() -> Outcome {
    let env = TestEnvironment::new()?;
    let folder = env.scratch().join("man");
    env.run(["man".as_ref(), folder.as_os_str()])?.ok()?;
    for page in ["plumb.1", "plumb-models.1", "plumb-config.1"] {
        assert!(
            std::fs::read_to_string(folder.join(page))?.starts_with(".ie"),
            "{page} is no manual page"
        );
    }
    assert!(env.run(["man"])?.ok()?.contains("plumb"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            env.run(["completions", shell])?.ok()?.contains("models"),
            "{shell}"
        );
    }
    Ok(())
}

#[test]
fn the_keys_are_the_screen_s_own_with_the_person_s_over_them() -> Outcome {
    let env = TestEnvironment::new()?;
    let list = env.run(["keys"])?.ok()?;
    assert!(
        list.lines()
            .any(|line| line.split_whitespace().take(2).eq(["a", "accept"])),
        "{list}"
    );
    env.write_config("keymap.toml", "accept = [\"A\"]\n")?;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&env.run(["keys", "--json"])?.ok()?)?;
    let accept = rows
        .iter()
        .find(|row| row["action"] == "accept")
        .ok_or("no accept")?;
    assert_eq!(accept["keys"], "A");
    env.write_config("keymap.toml", "no-such-action = [\"A\"]\n")?;
    assert!(env.run(["keys"])?.failed(1)?.contains("no-such-action"));
    Ok(())
}
