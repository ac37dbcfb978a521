//! The rules of the house, read from its own sources: who may import whom, how long a file and a function may be, and
//! that no test file is forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::env::Outcome;

/// Lines that a file may have at most, and half of the files.
const FILE: (usize, usize) = (800, 180);
/// Lines that a function may have at most, and half of the functions.
const FUNCTION: (usize, usize) = (100, 10);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder` with its text, in order of path.
fn sources(folder: &str) -> Outcome<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.insert(
                    path.strip_prefix(root())?.to_owned(),
                    std::fs::read_to_string(&path)?,
                );
            }
        }
    }
    Ok(found)
}

/// The rooms in the order of `lib.rs`: each may import only those above it.
fn rooms() -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(root().join("src/lib.rs"))?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    Ok(names.map(str::to_owned).collect())
}

/// The room a file belongs to: `src/store/journal.rs` is of `store`.
fn room_of(path: &Path) -> Option<String> {
    let step = path.components().nth(1)?.as_os_str().to_str()?;
    Some(step.trim_end_matches(".rs").to_owned())
}

/// The rooms that a line of code names: after `crate::`, or in the braces that follow it.
fn named_in(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => names.push(word(after)),
            Some(list) => names.extend(top_level(list).iter().map(|item| word(item.trim()))),
        }
    }
    names
}

/// The items of a brace list up to its closing brace, split at the commas outside inner braces.
fn top_level(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            c => items.last_mut().into_iter().for_each(|item| item.push(c)),
        }
    }
    items
}

/// The code of a file: without comment lines, each `use` on one line.
fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_room_imports_only_the_rooms_above_it() -> Outcome {
    let rooms = rooms()?;
    let place = |name: &str| rooms.iter().position(|room| room == name);
    let mut faults = Vec::new();
    for (path, text) in sources("src")? {
        let Some(own) = room_of(&path).and_then(|room| place(&room)) else {
            continue;
        };
        for name in named_in(&code(&text)) {
            if place(&name).is_some_and(|other| other > own) {
                faults.push(format!(
                    "{} imports {name}, which stands below {}",
                    path.display(),
                    rooms[own]
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn the_import_reader_sees_every_way_to_name_a_room() {
    assert_eq!(
        named_in("use crate::store::Journal; let x = crate::tui::run();"),
        ["store", "tui"]
    );
    assert_eq!(
        named_in("use crate::{error::{Error, Kind}, id::Person};"),
        ["error", "id"]
    );
    assert_eq!(
        code("//! crate::tui\n/// [`crate::tui`]\nuse crate::id;"),
        "use crate::id;"
    );
}

#[test]
fn every_room_is_listed_once() -> Outcome {
    let rooms = rooms()?;
    for path in sources("src")?.keys() {
        let room = room_of(path).ok_or("a file outside src")?;
        let known = ["lib", "main"].contains(&room.as_str()) || rooms.contains(&room);
        assert!(known, "{} belongs to no room of lib.rs", path.display());
    }
    Ok(())
}

#[test]
fn only_their_rooms_name_the_index_and_the_screen() -> Outcome {
    for (path, text) in sources("src")? {
        let (path, code) = (path.to_string_lossy().into_owned(), code(&text));
        let index = path.starts_with("src/store/index");
        assert!(
            index || !code.contains("sled::"),
            "{path} names the index's database"
        );
        let screen = path.starts_with("src/tui") || path.starts_with("src/cli");
        assert!(screen || !code.contains("ratatui::"), "{path} draws");
    }
    Ok(())
}

#[test]
fn files_are_short() -> Outcome {
    let mut lengths = Vec::new();
    for folder in ["src", "tests"] {
        for (path, text) in sources(folder)? {
            let length = text.lines().count();
            assert!(length <= FILE.0, "{} has {length} lines", path.display());
            lengths.push(length);
        }
    }
    let median = median(&mut lengths);
    assert!(
        median <= FILE.1,
        "half of the files have more than {median} lines"
    );
    let main = std::fs::read_to_string(root().join("src/main.rs"))?;
    assert!(main.lines().count() <= 40, "main.rs only starts the library");
    Ok(())
}

#[test]
fn functions_are_short() -> Outcome {
    let mut lengths = Vec::new();
    for (path, text) in sources("src")? {
        for (name, length) in functions(&text) {
            assert!(
                length <= FUNCTION.0,
                "{}: {name} has {length} lines",
                path.display()
            );
            lengths.push(length);
        }
    }
    let median = median(&mut lengths);
    assert!(
        median <= FUNCTION.1,
        "half of the functions have more than {median} lines"
    );
    Ok(())
}

/// The functions of a formatted file with the number of their lines. The formatter puts the closing brace at the
/// depth of the `fn`, which is all that is needed.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let depth = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else {
            continue;
        };
        let qualifiers = [
            "pub",
            "const",
            "unsafe",
            "async",
            "extern",
            "pub(crate)",
            "pub(super)",
        ];
        if !words[..at]
            .iter()
            .all(|word| qualifiers.contains(word) || word.starts_with('"'))
        {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(depth));
        let one_line = line.ends_with('}') || line.ends_with(';');
        let end = if one_line {
            Some(start)
        } else {
            (start..lines.len()).find(|&i| lines[i] == closing)
        };
        let name = words.get(at + 1).copied().unwrap_or_default();
        found.extend(end.map(|end| (name.to_owned(), end - start + 1)));
    }
    found
}

#[test]
fn the_function_reader_counts_lines() {
    let text = "fn a() {}\n\npub fn b(x: u8) -> u8 {\n    x\n}\nimpl C {\n    pub(crate) fn d(\n        &self,\n    ) {\n        e();\n    }\n}\n";
    let found = functions(text);
    let found: Vec<_> = found
        .iter()
        .map(|(name, length)| (name.as_str(), *length))
        .collect();
    assert_eq!(found, [("a()", 1), ("b(x:", 3), ("d(", 5)]);
}

fn median(lengths: &mut [usize]) -> usize {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}

#[test]
fn no_test_file_is_forgotten() -> Outcome {
    let folder = root().join("tests/it");
    let main = std::fs::read_to_string(folder.join("main.rs"))?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let holds_tests = path.is_dir() || path.extension().is_some_and(|ending| ending == "rs");
        if name != "main" && name != "snapshots" && holds_tests {
            assert!(
                main.contains(&format!("mod {name};")),
                "tests/it/main.rs does not name {name}"
            );
        }
    }
    Ok(())
}

/// Output goes through one locked writer that ends quietly when its reader has gone, so the macros that would panic
/// there are not used. The lints forbid them too; this also sees code behind `cfg`.
#[test]
fn nothing_prints_past_the_writer() -> Outcome {
    for (path, text) in sources("src")? {
        let code = code(&text);
        for word in ["println!", "print!", "dbg!", "todo!", "unimplemented!"] {
            assert!(!code.contains(word), "{} uses {word}", path.display());
        }
    }
    Ok(())
}
