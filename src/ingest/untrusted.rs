//! Whatever a file holds: nothing panics, and every segment's span gives its text back.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::file::{FileRead, read_bytes};
use super::tests::check_spans;
use super::*;
use crate::dossier::manifest::SourceEntry;
use crate::dossier::{Segment, SegmentKind, SourceKind};
use crate::sentence;

const NAMES: [&str; 7] = ["a.md", "a.txt", "a.jsonl", "a.json", "a.csv", "a.vtt", "a.srt"];

fn read(path: &str, bytes: &[u8]) -> Option<FileRead> {
    let entry = SourceEntry {
        path: path.to_owned(),
        kind: SourceKind::Other,
        date: None,
        title: None,
    };
    read_bytes(&entry, bytes.to_vec(), Readers::HERE.eyes()).ok()
}

fn slice<'a>(source: &'a Source, segment: &Segment) -> &'a str {
    source.slice(&segment.anchor)
}

/// Words of both languages with what readers and screens trip over.
fn words() -> impl Strategy<Value = String> {
    let pieces = [
        "今天",
        "上线了",
        "。",
        "！",
        "；",
        "……",
        "「",
        "」",
        "（",
        "）",
        ",",
        ";",
        "，",
        " ",
        "\t",
        "e.g. ",
        "v1.2",
        ". ",
        "! ",
        "...",
        "\"",
        "'",
        "**",
        "`",
        "|",
        "\\",
        "\\|",
        "<v A>",
        "</v>",
        "Bob: ",
        "-->",
        "# ",
        "- ",
        "> ",
        "1. ",
        "[x]",
        "{",
        "}",
        "[",
        "]",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{200b}",
        "\u{feff}",
        "👨‍👩‍👧",
        "é",
        "---",
        "```",
        "NOTE",
        "word",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..40).prop_map(|p| p.concat())
}

fn lines() -> impl Strategy<Value = String> {
    let ends = proptest::sample::select(vec!["\n", "\r\n", "\n\n", "\r"]);
    proptest::collection::vec((words(), ends), 0..12).prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_owned()])
            .collect()
    })
}

fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn any_text_in_any_format_gives_its_spans_back(text in lines(), bom in any::<bool>()) {
        let text = if bom { format!("\u{feff}{text}") } else { text };
        for name in NAMES {
            if let Some(read) = read(name, text.as_bytes()) {
                prop_assert_eq!(&read.source.raw, &text);
                check_spans(&read.source);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for name in NAMES {
            if let Some(read) = read(name, &bytes) {
                check_spans(&read.source);
            }
        }
    }

    #[test]
    fn prose_says_what_its_bytes_say(text in lines()) {
        for name in ["a.md", "a.txt"] {
            let Some(read) = read(name, text.as_bytes()) else { continue };
            for segment in read.source.segments.iter().filter(|s| s.kind != SegmentKind::Row) {
                let bytes = slice(&read.source, segment);
                prop_assert_eq!(line(bytes), segment.text.as_str());
                prop_assert!(bytes.chars().count() <= sentence::MAX_CHARACTERS);
            }
        }
    }

    #[test]
    fn chat_says_what_its_strings_say(messages in proptest::collection::vec((words(), words()), 1..8)) {
        let objects: Vec<String> = messages.iter()
            .map(|(from, text)| serde_json::json!({"from": from, "text": text}).to_string())
            .collect();
        let said: Vec<&str> = messages.iter().map(|(_, t)| t.trim()).filter(|t| !t.is_empty()).collect();
        for (name, body) in [("a.jsonl", objects.join("\n")), ("a.json", format!("[{}]", objects.join(",\n")))] {
            let segments = read(name, body.as_bytes()).map(|r| r.source);
            let spelt: Vec<String> = segments.iter()
                .flat_map(|source| source.segments.iter().map(|s| slice(source, s)))
                .filter_map(|inside| serde_json::from_str(&format!("\"{inside}\"")).ok())
                .collect();
            prop_assert_eq!(spelt.iter().map(String::as_str).collect::<Vec<_>>(), said.clone());
        }
    }

    #[test]
    fn tables_say_what_their_rows_say(rows in proptest::collection::vec((words(), words()), 1..8)) {
        let body: Vec<String> = rows.iter().map(|(a, b)| format!("{},{}\n", field(a), field(b))).collect();
        let Some(read) = read("a.csv", format!("x,y\n{}", body.concat()).as_bytes()) else { return Ok(()) };
        let full = rows.iter().filter(|(a, b)| !(a.trim().is_empty() && b.trim().is_empty()));
        for (segment, (a, b)) in read.source.segments.iter().zip(full) {
            prop_assert_eq!(slice(&read.source, segment), format!("{},{}", field(a), field(b)));
        }
    }

    #[test]
    fn cues_say_what_their_bytes_say(cues in proptest::collection::vec(words(), 1..8)) {
        let body: Vec<String> = cues.iter().map(|c| format!("00:01.000 --> 00:02.000\n<v Ann>{c}\n\n")).collect();
        let Some(read) = read("a.vtt", format!("WEBVTT\n\n{}", body.concat()).as_bytes()) else { return Ok(()) };
        for segment in &read.source.segments {
            prop_assert_eq!(line(slice(&read.source, segment)), segment.text.as_str());
        }
    }
}

proptest! {
    /// Long messages, rows and cues lose nothing when they are cut, and no piece is longer than prose may be.
    #[test]
    fn what_is_long_is_cut_and_nothing_is_lost(parts in proptest::collection::vec(words(), 20..60), short in words()) {
        let said = parts.concat().replace("<v A>", "").replace("</v>", "");
        let cue = said.replace("-->", "").replace(['\n', '\r'], " ");
        let bar = short.replace('|', "");
        let long = said.replace(['|', '\\'], "");
        let files = [
            ("a.jsonl", serde_json::json!({"from": "Bo", "text": said}).to_string(), said.clone()),
            ("a.vtt", format!("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>{cue}\n"), cue),
            ("a.csv", format!("x,y\n{},{}\n", field(&short), field(&said)), format!("{short}{said}")),
            ("a.md", format!("|x|y|\n|-|-|\n|{bar}|{long}|\n").replace("```", ""), format!("{bar}{long}").replace("```", "")),
        ];
        for (name, text, said) in files {
            let Some(read) = read(name, text.as_bytes()) else { continue };
            check_spans(&read.source);
            let header = "x: ".len();
            let pieces = read.source.segments.iter().filter(|s| s.kind != SegmentKind::Heading);
            let mut found = String::new();
            for segment in pieces {
                let bytes = slice(&read.source, segment);
                let spelt = match name {
                    "a.jsonl" => Unescaped::json(bytes).into_text().into_owned(),
                    "a.csv" if segment.anchor.column.is_some() => Unescaped::quoted(bytes).into_text().into_owned(),
                    _ => bytes.to_owned(),
                };
                if segment.kind != SegmentKind::Row || segment.anchor.column.is_some() {
                    prop_assert!(spelt.chars().count() <= sentence::MAX_CHARACTERS + header, "{name}: {spelt}");
                    found.push_str(&spelt);
                }
            }
            let solid = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let whole = read.source.segments.iter().any(|s| s.kind == SegmentKind::Row && s.anchor.column.is_none());
            prop_assert!(whole || name == "a.md" || solid(&found) == solid(&said), "{name}: {found:?} of {said:?}");
        }
    }
}

/// How long it takes to read `text` under a name.
fn time(name: &str, text: &str) -> Duration {
    let start = Instant::now();
    let _ = read(name, text.as_bytes());
    start.elapsed()
}

/// Work that grows with the square of the size would take hours on these, so the bound holds on a slow machine too.
const AT_ONCE: Duration = Duration::from_mins(1);

/// Measured: 0.9 s in an optimised build, 13 s in one without optimisation (2-core machine, busy).
#[test]
fn twenty_megabytes_are_read_at_once() {
    let unit = "本周完成清分引擎的全量切流。It took 3.2s on v1.2.3.\n";
    let text = unit.repeat((20 << 20) / unit.len());
    let start = Instant::now();
    let segments = read("a.md", text.as_bytes()).map_or(0, |r| r.source.segments.len());
    assert_eq!(segments, 2 * text.lines().count());
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

#[test]
fn hostile_shapes_do_not_take_long() {
    let many = |unit: &str| unit.repeat(1 << 18);
    let cases = [
        ("a.txt", many("没有句号的文本")),
        ("a.md", many("（「“[\"'*?")),
        ("a.md", many("?*\"' a")),
        ("a.md", many("> ")),
        ("a.md", many("|")),
        ("a.json", many("[")),
        ("a.json", format!("{{\"text\":{}", many("["))),
        ("a.csv", format!("a\n\"{}", many("x,"))),
        ("a.vtt", format!("WEBVTT\n\n00:01.0 --> 00:02.0\n{}", many("<v "))),
    ];
    for (name, text) in cases {
        let time = time(name, &text);
        assert!(time < AT_ONCE, "{name}: {time:?}");
    }
}
