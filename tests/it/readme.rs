//! What the README says against what the program does.

use std::fmt::Write as _;

use plumbline::id::Language;
use plumbline::tui::keys::{Group, Keymap};

use crate::env::{Outcome, TestEnvironment};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn readme() -> Outcome<String> {
    Ok(std::fs::read_to_string(PATH)?)
}

/// What stands between `<!-- name -->` and `<!-- /name -->`.
fn between(readme: &str, name: &str) -> Outcome<String> {
    let after = readme.split_once(&format!("<!-- {name} -->\n"));
    let inner = after.and_then(|(_, rest)| rest.split_once(&format!("<!-- /{name} -->")));
    Ok(inner
        .ok_or_else(|| format!("the README has no {name}"))?
        .0
        .to_owned())
}

/// The key list as the README shows it.
fn keys() -> Outcome<String> {
    let mut text = String::new();
    for group in Group::ALL {
        write!(
            text,
            "\n**{}**\n\n| keys | |\n|---|---|\n",
            group.word().text(Language::En)
        )?;
        let rows = Keymap::standard().listing(Language::En);
        for (_, keys, description) in rows.iter().filter(|(action, ..)| action.group() == group) {
            let keys: Vec<_> = keys.split(' ').map(|key| format!("`{key}`")).collect();
            writeln!(text, "| {} | {description} |", keys.join(" "))?;
        }
    }
    Ok(text + "\n")
}

/// Compares a block with what belongs there; with `UPDATE_README=1` puts it there.
fn hold(name: &str, wanted: &str) -> Outcome {
    let readme = readme()?;
    let shown = between(&readme, name)?;
    if shown != wanted && std::env::var_os("UPDATE_README").is_some() {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let new = readme.replace(&format!("{begin}{shown}{end}"), &format!("{begin}{wanted}{end}"));
        return Ok(std::fs::write(PATH, new)?);
    }
    assert!(
        shown == wanted,
        "run with UPDATE_README=1, or put this into the README:\n{wanted}"
    );
    Ok(())
}

#[test]
fn the_key_list_is_the_screen_s_own() -> Outcome {
    hold("keys", &keys()?)
}

/// The picture is one of those that the screens' own tests keep.
#[test]
fn the_screen_is_one_that_was_drawn() -> Outcome {
    let picture = include_str!("../../src/tui/view/snapshots/desk-en-100x30.snap");
    let picture = picture.splitn(3, "---\n").nth(2).unwrap_or_default();
    hold("screen", &format!("```\n{}\n```\n", picture.trim_matches('\n')))
}

#[test]
fn every_command_is_mentioned() -> Outcome {
    let readme = readme()?;
    let help = TestEnvironment::new()?.run(["--help"])?.ok()?;
    let commands = help
        .split("Commands:")
        .nth(1)
        .and_then(|rest| rest.split("Options:").next())
        .unwrap_or_default();
    let names: Vec<_> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 5, "{help}");
    for name in names {
        assert!(
            readme.contains(&format!("plumb {name}")),
            "the README does not mention `plumb {name}`"
        );
    }
    Ok(())
}

#[test]
fn every_model_is_listed_with_its_licence() -> Outcome {
    let readme = readme()?;
    for manifest in plumbline::model::Catalogue::builtin()?.iter() {
        let row = readme
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{}`", manifest.id)));
        assert!(
            row.is_some_and(|row| row.contains(&manifest.licence)),
            "{} is not listed",
            manifest.id
        );
    }
    Ok(())
}
