//! What the README says against what the program does.

use std::fmt::Write as _;

use plumbline::id::Language;
use plumbline::tui::keys::{Group, Keymap};

use crate::env::{Outcome, TestEnvironment};

const BEGIN: &str = "<!-- keys -->\n";
const END: &str = "<!-- /keys -->";

fn readme() -> Outcome<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    Ok(std::fs::read_to_string(path)?)
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

/// When this fails, the list that belongs there is in the message.
#[test]
fn the_key_list_is_the_screen_s_own() -> Outcome {
    let readme = readme()?;
    let after = readme.split_once(BEGIN).ok_or("the README has no key list")?.1;
    let shown = after.split_once(END).ok_or("the key list has no end")?.0;
    let wanted = keys()?;
    assert!(shown == wanted, "the README's key list should be:\n{wanted}");
    Ok(())
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
