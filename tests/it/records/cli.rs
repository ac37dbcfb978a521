use plumbline::hash::ContentHash;
use plumbline::store::Workspace;
use serde_json::Value;

use super::{clock, fill, story};
use crate::env::{Outcome, TestEnvironment};

/// An account whose workspace holds one decided dossier.
fn decided() -> Outcome<TestEnvironment> {
    let env = TestEnvironment::new()?;
    fill(&env, &["d1"])?;
    Ok(env)
}

#[test]
fn verify_prints_the_records_and_the_head() -> Outcome {
    let env = decided()?;
    insta::assert_snapshot!("verify", env.run(["journal", "verify"])?.ok()?);
    let json: Value = serde_json::from_str(&env.run(["journal", "verify", "--json"])?.ok()?)?;
    assert_eq!((&json["sound"], &json["records"]), (&true.into(), &6.into()));
    Ok(())
}

#[test]
fn damage_is_named_with_file_and_line_and_exits_with_1() -> Outcome {
    let env = decided()?;
    let path = env.workspace().join("journal/000000000001.jsonl");
    let sound = std::fs::read_to_string(&path)?;
    // A score improved by somebody who owns the disk.
    let edited = sound.replacen("\"score\":3.5", "\"score\":4.5", 1);
    assert_ne!(edited, sound);
    std::fs::write(&path, edited)?;
    for command in [["journal", "verify"], ["journal", "show"], ["pairs", "list"]] {
        let message = env.run(command)?.failed(1)?;
        assert!(
            message.contains("000000000001.jsonl line 3, record #3"),
            "{command:?}: {message}"
        );
    }
    Ok(())
}

#[test]
fn a_blob_that_is_another_is_named() -> Outcome {
    let env = decided()?;
    let hex = ContentHash::of(story::SOURCE.as_bytes()).to_string();
    std::fs::write(
        env.workspace().join("blobs").join(&hex[..2]).join(&hex[2..]),
        "something else",
    )?;
    let message = env.run(["journal", "verify"])?.failed(1)?;
    assert!(message.contains(&hex[2..]), "{message}");
    Ok(())
}

#[test]
fn show_prints_one_line_a_record_and_one_record_whole() -> Outcome {
    let env = decided()?;
    let all = env.run(["journal", "show"])?.ok()?;
    insta::assert_snapshot!("show", all);
    assert_eq!(env.run(["journal", "show", "--dossier", "d1"])?.ok()?, all);
    let whole: Value = serde_json::from_str(&env.run(["journal", "show", "3", "--json"])?.ok()?)?;
    assert_eq!(whole["body"]["act"]["score"], 3.5);
    assert_eq!(env.run(["journal", "show", "--json"])?.ok()?.lines().count(), 6);
    env.run(["journal", "show", "99"])?.failed(2)?;
    env.run(["journal", "show", "--dossier", "nobody"])?.failed(2)?;
    Ok(())
}

#[test]
fn rebuild_makes_the_same_index_from_the_journal_alone() -> Outcome {
    let env = decided()?;
    let mark = env.workspace().join("index.clean");
    let live = std::fs::read_to_string(&mark)?;
    let pairs = env.run(["pairs", "list", "--json"])?.ok()?;
    std::fs::remove_dir_all(env.workspace().join("index"))?;
    assert!(env.run(["journal", "rebuild"])?.ok()?.contains("6 records"));
    assert_eq!(
        std::fs::read_to_string(&mark)?,
        live,
        "digest over all rows of all trees"
    );
    assert_eq!(env.run(["pairs", "list", "--json"])?.ok()?, pairs);
    Ok(())
}

#[test]
fn pairs_are_listed_and_shown_without_what_was_taken_back() -> Outcome {
    let env = decided()?;
    insta::assert_snapshot!("pairs_list", env.run(["pairs", "list"])?.ok()?);
    let shown = env.run(["pairs", "show", "d1-over"])?.ok()?;
    assert_eq!(env.run(["pairs", "show", "3"])?.ok()?, shown);
    insta::assert_snapshot!("pairs_show", shown);
    env.run(["pairs", "show", "d1-rash"])?.failed(2)?;
    Ok(())
}

#[test]
fn an_export_without_the_model_says_how_to_get_it_and_leaves_no_file() -> Outcome {
    let env = decided()?;
    let export = [
        "pairs",
        "export",
        "--format",
        "ms-swift-rm",
        "--out",
        "pairs.jsonl",
    ];
    let message = env.run(export)?.failed(1)?;
    assert!(
        message.contains("models pull smollm2-135m-instruct-q4_1"),
        "{message}"
    );
    assert!(!env.home().join("pairs.jsonl").exists());
    Ok(())
}

#[test]
fn a_second_writer_is_told_who_writes_and_readers_are_not_held_up() -> Outcome {
    let env = decided()?;
    let first = Workspace::open(&env.workspace(), clock())?;
    let message = env.run(["journal", "rebuild"])?.failed(1)?;
    assert!(
        message.contains(&format!("process {}", std::process::id())),
        "{message}"
    );
    env.run(["journal", "verify"])?.ok()?;
    env.run(["pairs", "list"])?.ok()?;
    drop(first);
    env.run(["journal", "rebuild"])?.ok()?;
    Ok(())
}

#[test]
fn where_there_is_no_workspace_none_is_made() -> Outcome {
    let env = TestEnvironment::new()?;
    for command in ["verify", "show", "rebuild"] {
        let message = env.run(["journal", command])?.failed(1)?;
        assert!(message.contains("there is no workspace at"), "{message}");
    }
    assert!(!env.workspace().exists());
    Ok(())
}
