//! Models that are here: listed, verified, damaged.

use super::*;

#[test]
fn the_list_names_every_model_and_marks_the_configured_one() -> Outcome {
    let env = TestEnvironment::new()?;
    let list = env.run(["models", "list"])?.ok()?;
    let marked: Vec<_> = list.lines().filter(|line| line.starts_with('*')).collect();
    assert_eq!(marked.len(), 1);
    assert!(
        marked[0].contains(crate::env::DEFAULT_MODEL) && marked[0].contains("491 MB"),
        "{}",
        marked[0]
    );
    let json: serde_json::Value = serde_json::from_str(&env.run(["models", "list", "--json"])?.ok()?)?;
    let rows = json.as_array().ok_or("no array")?;
    assert_eq!(rows.len(), list.lines().count());
    assert_eq!(rows[0]["state"], "missing");
    assert_eq!(rows[0]["licence"], "Apache-2.0");
    Ok(())
}

#[test]
fn a_missing_model_names_the_command_that_brings_it() -> Outcome {
    let env = TestEnvironment::new()?;
    let said = env.run(["models", "path"])?.failed(1)?;
    assert!(
        said.contains(&format!("hint: plumb models pull {}", crate::env::DEFAULT_MODEL)),
        "{said}"
    );
    let said = env.run(["models", "path", "no-such"])?.failed(2)?;
    assert!(said.contains("no model is called \"no-such\""), "{said}");
    let said = env.run(["models", "verify"])?.failed(1)?;
    assert!(said.contains("no model is on this machine"), "{said}");
    Ok(())
}

#[test]
fn a_corrupt_model_is_named_and_a_pull_replaces_it() -> Outcome {
    let server = right_hub(|_, _| {})?;
    let env = account(&server)?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    std::fs::write(place(&env), &weights()[1..])?;
    let found = ContentHash::of(&weights()[1..]);
    let said = env.run(["models", "path", "made-up"])?.failed(1)?;
    assert!(said.contains(&format!("has sha256 {found}")), "{said}");
    assert!(
        said.contains(&format!(
            "(299999 bytes instead of 300000), expected {}",
            sha256()
        )),
        "{said}"
    );
    assert!(
        said.contains("hint: plumb models pull made-up replaces it"),
        "{said}"
    );
    let list = env.run(["models", "list"])?.ok()?;
    assert!(
        list.lines()
            .any(|line| line.contains("made-up") && line.contains("corrupt")),
        "{list}"
    );
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert!(
        env.run(["models", "verify", "made-up"])?
            .ok()?
            .contains("ok  made-up")
    );
    Ok(())
}

/// A full disk in the middle of a pull: `/dev/full` refuses each byte as one does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_pull_with_one_message() -> Outcome {
    let server = right_hub(|_, _| {})?;
    let env = account(&server)?;
    let folder = env.models_dir().join("made-up");
    std::fs::create_dir_all(&folder)?;
    std::os::unix::fs::symlink("/dev/full", folder.join("weights.gguf.partial"))?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("free some space and pull again"), "{said}");
    assert!(!place(&env).exists());
    Ok(())
}

#[test]
fn a_manifest_of_one_s_own_that_is_broken_is_named_with_its_line() -> Outcome {
    let env = TestEnvironment::new()?;
    env.write_config("models/mine.toml", "id = \"mine\"\ncolour = \"red\"\n")?;
    let said = env.run(["models", "list"])?.failed(1)?;
    assert!(said.contains("mine.toml, line 2"), "{said}");
    Ok(())
}
