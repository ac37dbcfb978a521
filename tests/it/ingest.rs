//! `plumb ingest`: the listing, the JSON, and how bad input ends.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::env::{Outcome, TestEnvironment, sample};

const HEAD: &str = "id = \"d1\"\nsubject = { id = \"E1\", name = \"Ada\" }\nrole = \"engineer\"\ncycle = \"2026H1\"\nlanguage = \"en\"\n";

/// A dossier of these files in the test's own folder.
pub fn dossier(env: &TestEnvironment, name: &str, files: &[(&str, &[u8])]) -> Outcome<PathBuf> {
    let dir = env.scratch().join(name);
    fs::create_dir_all(&dir)?;
    let mut manifest = HEAD.to_owned();
    for (path, bytes) in files {
        fs::write(dir.join(path), bytes)?;
        manifest.extend(["[[source]]\nkind = \"other\"\npath = \"", path, "\"\n"]);
    }
    fs::write(dir.join("dossier.toml"), manifest)?;
    Ok(dir)
}

fn listing(env: &TestEnvironment, dir: PathBuf) -> Outcome<String> {
    env.run(["ingest".into(), dir.into_os_string()])?.ok()
}

/// What the program complains of, which is one line and at most its hints.
fn complaint(env: &TestEnvironment, dir: PathBuf) -> Outcome<String> {
    let complaint = env.run(["ingest".into(), dir.into_os_string()])?.failed(1)?;
    let extra = complaint.lines().skip(1).find(|l| !l.starts_with("  hint: "));
    assert_eq!(extra, None, "{complaint}");
    Ok(complaint)
}

#[test]
fn the_listing_names_every_source_and_what_was_hidden() -> Outcome {
    let env = TestEnvironment::new()?;
    let text = listing(&env, sample("zh-hanmeimei-2026h1"))?;
    assert!(text.starts_with("zh-hanmeimei-2026h1  韩梅梅 ("), "{text}");
    assert!(text.contains("1-19  weekly-w18.md"), "{text}");
    let hidden =
        "! peer-notes.txt: 6 hidden characters (2 bidirectional, 1 zero-width, 3 tag), the first on line 12";
    assert!(text.contains(hidden), "{text}");
    assert!(text.ends_with("161 segments in 7 sources\n"), "{text}");
    Ok(())
}

#[test]
fn spans_of_the_json_are_bytes_of_the_files() -> Outcome {
    let env = TestEnvironment::new()?;
    let dir = sample("zh-lilei-2026h1");
    let printed = env
        .run(["ingest".into(), dir.clone().into_os_string(), "--json".into()])?
        .ok()?;
    let report: Value = serde_json::from_str(&printed)?;
    assert_eq!(report["dossier"]["subject"]["name"], "李雷");
    assert_eq!(report["dossier"]["language"], "zh");
    let mut last = 0;
    for source in report["sources"].as_array().ok_or("no sources")? {
        let path = source["path"].as_str().ok_or("no path")?;
        let bytes = fs::read(dir.join(path))?;
        assert_eq!(source["bytes"], bytes.len());
        for segment in source["segments"].as_array().ok_or("no segments")? {
            let at = |field: &str| segment[field].as_u64().ok_or("no offset").map(|n| n as usize);
            let slice = std::str::from_utf8(&bytes[at("start")?..at("end")?])?;
            let text = segment["text"].as_str().ok_or("no text")?;
            match segment["kind"].as_str() {
                Some("message") => {
                    assert_eq!(serde_json::from_str::<String>(&format!("\"{slice}\""))?, text);
                }
                Some("row") => assert!(!slice.contains('\n')),
                _ => assert_eq!(slice, text),
            }
            assert_eq!(at("no")?, last + 1);
            assert_eq!(at("line")?, bytes[..at("start")?].split(|b| *b == b'\n').count());
            last += 1;
        }
    }
    assert_eq!(last, 213);
    Ok(())
}

#[test]
fn a_folder_of_dossiers_is_a_list() -> Outcome {
    let env = TestEnvironment::new()?;
    dossier(&env, "all/a", &[("n.md", b"One.")])?;
    dossier(&env, "all/b", &[("n.md", b"Two.")])?;
    let all = env.scratch().join("all");
    let printed = env
        .run(["ingest".into(), all.clone().into_os_string(), "--json".into()])?
        .ok()?;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&printed)?.len(), 2);

    dossier(&env, "all/c", &[("n.md", b"")])?;
    let run = env.run(["ingest".into(), all.into_os_string()])?;
    assert_eq!(run.stdout.matches("1 segments in 1 sources").count(), 2);
    assert!(run.failed(1)?.contains("no source of"));
    Ok(())
}

#[test]
fn a_bad_file_is_one_line_and_the_rest_is_read() -> Outcome {
    let env = TestEnvironment::new()?;
    let (gb, _, _) = encoding_rs::GB18030.encode("本周完成清分引擎的全量切流，对账耗时降到四十分钟。");
    let files: [(&str, &[u8]); 5] = [
        ("good.md", "Fine. 好的。".as_bytes()),
        ("empty.md", b""),
        ("gb.txt", &gb),
        (
            "bad.txt",
            b"\xe4\xb8\xad\xe6\x96\x87\xe5\xa5\xbd\xe7\x9a\x84\xff.",
        ),
        ("deck.pptx", b"PK\x03\x04"),
    ];
    let text = listing(&env, dossier(&env, "d", &files)?)?;
    let warnings: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("  ! ")).collect();
    assert_eq!(warnings.len(), 3, "{text}");
    assert_eq!(warnings[0], "empty.md: is empty");
    assert_eq!(
        warnings[1],
        "bad.txt: 1 unreadable places in UTF-8, shown as \u{fffd}"
    );
    assert!(
        warnings[2].starts_with("deck.pptx: is damaged: "),
        "{}",
        warnings[2]
    );
    assert!(text.ends_with("4 segments in 3 sources\n"), "{text}");
    Ok(())
}

#[test]
fn what_cannot_be_opened_is_said_in_one_line() -> Outcome {
    let env = TestEnvironment::new()?;
    let none = complaint(&env, env.home())?;
    assert!(none.starts_with("plumb: no dossier in "), "{none}");
    let missing = complaint(&env, env.home().join("missing"))?;
    assert!(missing.starts_with("plumb: cannot read the folder "), "{missing}");

    let bare = complaint(&env, dossier(&env, "bare", &[])?)?;
    assert!(bare.contains("dossier.toml: lists no sources"), "{bare}");
    let empty = complaint(&env, dossier(&env, "empty", &[("a.md", b"")])?)?;
    assert!(empty.contains("hint: a.md: is empty"), "{empty}");
    Ok(())
}

#[test]
fn a_manifest_that_is_wrong_names_the_line_and_cannot_speak_to_the_terminal() -> Outcome {
    let env = TestEnvironment::new()?;
    let dir = dossier(&env, "d", &[("a.md", b"One.")])?;
    let write = |more: &str| {
        fs::write(
            dir.join("dossier.toml"),
            format!("{HEAD}[[source]]\npath = {more}\nkind = \"other\"\n"),
        )
    };
    let cases = [
        (
            "\"../a.md\"",
            "line 7: source[1].path: must lie inside the dossier",
        ),
        (
            "\"a\\u001b]0;x\\u0007.md\"",
            "line 7: source[1].path: has hidden characters",
        ),
        ("\"a.md\"\n\"\\u001b[31m\" = 1", "unknown field `␛[31m`"),
        (
            "\"a.md\"\nkind = \"other\"\n[[source]]\npath = \"./a.md\"",
            "is already source[1]",
        ),
    ];
    for (more, expected) in cases {
        write(more)?;
        let said = complaint(&env, dir.clone())?;
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_path_on_the_command_line_cannot_speak_to_the_terminal() -> Outcome {
    let env = TestEnvironment::new()?;
    let said = complaint(&env, env.home().join("x\u{1b}[31m"))?;
    assert!(said.contains("x␛[31m") && !said.contains('\u{1b}'), "{said:?}");
    Ok(())
}

/// Each file is rendered by a process of its own, so that hundreds take long enough to be stopped in the middle.
#[test]
fn ctrl_c_ends_the_reading_and_what_was_read_is_kept() -> Outcome {
    const FILES: usize = 1_000;
    let env = TestEnvironment::new()?;
    let names: Vec<String> = (0..FILES).map(|n| format!("{n}.html")).collect();
    let pages: Vec<String> = (0..FILES).map(|n| format!("<p>Page {n}.</p>")).collect();
    let files = names.iter().zip(&pages);
    let files: Vec<(&str, &[u8])> = files
        .map(|(name, page)| (name.as_str(), page.as_bytes()))
        .collect();
    let dir = dossier(&env, "many", &files)?;
    let reading = env
        .plumb()
        .args(["ingest".into(), dir.into_os_string()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let kept = || fs::read_dir(env.workspace().join("cache/renditions")).map_or(0, Iterator::count);
    let start = Instant::now();
    while kept() < 5 {
        assert!(start.elapsed() < Duration::from_mins(1), "nothing was read");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = rustix::process::Pid::from_child(&reading);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let output = reading.wait_with_output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(
        said,
        "plumb: stopped while the dossier was read\n  hint: what was read is kept: the same command goes on with it\n"
    );
    assert!((5..FILES).contains(&kept()), "{} of {FILES}", kept());
    Ok(())
}
