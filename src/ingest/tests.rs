use std::fs;

use tempfile::TempDir;

use super::*;
use crate::dossier::SegmentKind::{Heading, Row, Sentence};
use crate::dossier::SourceFormat::{Json, Jsonl, Text, Vtt};

pub(super) type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// A dossier in a folder that goes away with the test; every file is one source.
pub(super) fn folder(files: &[(&str, &[u8])]) -> std::io::Result<TempDir> {
    let dir = TempDir::new()?;
    let mut manifest = String::from(
        "id = \"d\"\nsubject = { id = \"E1\", name = \"Ada\" }\nrole = \"r\"\ncycle = \"c\"\nlanguage = \"zh\"\n",
    );
    for (path, bytes) in files {
        fs::write(dir.path().join(path), bytes)?;
        manifest.extend(["[[source]]\nkind = \"other\"\npath = \"", path, "\"\n"]);
    }
    fs::write(dir.path().join(manifest::FILE), manifest)?;
    Ok(dir)
}

fn texts(source: &Source) -> Vec<&str> {
    source.segments.iter().map(|s| s.text.as_str()).collect()
}

/// What must hold of every source, whatever is in it.
pub(super) fn check_spans(source: &Source) {
    let mut last = 0;
    for segment in &source.segments {
        let span = segment.anchor.span.clone();
        assert!(
            span.start >= last && span.end > span.start,
            "{span:?} after {last}"
        );
        assert!(!segment.text.trim().is_empty());
        assert_eq!(reread(source, segment).as_deref(), Some(segment.text.as_str()));
        let before = &source.raw[..span.start];
        assert_eq!(segment.anchor.line as usize, before.matches('\n').count() + 1);
        last = span.end;
    }
}

#[test]
fn markdown_is_cut_into_headings_items_rows_quotes_and_sentences() -> Outcome {
    let text = "# 周报 W23\n\n本周\n====\n\n- 全量切完。提前 5 天\n  还有后续\n1. **停机**：不同意\n\n> 批注：重写。\n> 好，周末改。\n\n\
        | # | 内容 | 备注 |\n| --- | --- | --- |\n| M1 | 双写\\|打通 | |\n| M2 | 影子 | 0.07% |\n\n```sh\nmake test\n\n./run\n```\n【周敏 / 风控】\n靠谱。\n";
    let dir = folder(&[("w.md", text.as_bytes())])?;
    let dossier = open(dir.path())?;
    let source = &dossier.sources[0];
    assert_eq!(
        texts(source),
        [
            "周报 W23",
            "本周",
            "全量切完。",
            "提前 5 天",
            "还有后续",
            "**停机**：不同意",
            "批注：重写。",
            "好，周末改。",
            "#: M1; 内容: 双写|打通",
            "#: M2; 内容: 影子; 备注: 0.07%",
            "make test",
            "./run",
            "【周敏 / 风控】",
            "靠谱。",
        ]
    );
    let kinds: Vec<_> = [0, 1, 2, 8, 10, 12].map(|i| source.segments[i].kind).to_vec();
    assert_eq!(kinds, [Heading, Heading, Sentence, Row, Sentence, Heading]);
    assert_eq!(source.segments[9].anchor.row, Some(2));
    check_spans(source);
    Ok(())
}

#[test]
fn plain_text_keeps_its_lines_but_joins_wrapped_ones() -> Outcome {
    let text = "From: Tom Okafor\nTo: Helen Marsh\n\nThe nightly reconciliation job failed twice in May, and both times\n\
        the fix was in place before the morning report. Nobody had to\nanswer for it.\n\n- 14 of 31 open deals\n- \"Friday\" x 3. None happened.\n# not a heading\n";
    let dir = folder(&[("p.txt", text.as_bytes())])?;
    let dossier = open(dir.path())?;
    assert_eq!(
        texts(&dossier.sources[0]),
        [
            "From: Tom Okafor",
            "To: Helen Marsh",
            "The nightly reconciliation job failed twice in May, and both times the fix was in place before the morning report.",
            "Nobody had to answer for it.",
            "14 of 31 open deals",
            "\"Friday\" x 3.",
            "None happened.",
            "# not a heading",
        ]
    );
    check_spans(&dossier.sources[0]);
    Ok(())
}

#[test]
fn chat_logs_give_a_message_each_under_any_common_field_names() -> Outcome {
    let lines = "{\"time\":\"2026-03-12T10:21:00+08:00\",\"from\":\"李雷\",\"text\":\"改了 \\\"A\\\"\\n再看\"}\nbroken\n\n\
        {\"ts\": 1712, \"user\": \"Ann\", \"message\": \"\\u597d\"}\n{\"from\":\"x\"}\n";
    let list = "[\n {\"date\": \"d\", \"sender\": \"S\", \"content\": \"one\"},\n {\"Text\": \"two\", \"x\": {\"y\": [1, \"]\"]}}\n]";
    let nested = "{\"name\": \"room\", \"messages\": [{\"text\": \"three\"}]}";
    let dir = folder(&[
        ("a.jsonl", lines.as_bytes()),
        ("b.json", list.as_bytes()),
        ("c.json", nested.as_bytes()),
    ])?;
    let dossier = open(dir.path())?;
    let found: Vec<_> = dossier
        .segments()
        .map(|s| {
            (
                s.text.as_str(),
                s.speaker.as_deref(),
                s.anchor.at.as_deref(),
                s.anchor.line,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "改了 \"A\" 再看",
                Some("李雷"),
                Some("2026-03-12T10:21:00+08:00"),
                1
            ),
            ("好", Some("Ann"), Some("1712"), 4),
            ("one", Some("S"), Some("d"), 2),
            ("two", None, None, 3),
            ("three", None, None, 1),
        ]
    );
    assert_eq!(
        dossier.sources[0].slice(&dossier.sources[0].segments[1].anchor),
        "\\u597d"
    );
    let problems: Vec<_> = dossier.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        problems,
        [
            "lines that are no JSON object, left out: 1, the first at line 2",
            "messages without text, left out: 1"
        ]
    );
    dossier.sources.iter().for_each(check_spans);
    Ok(())
}

#[test]
fn tables_give_a_row_each() -> Outcome {
    let csv = "目标,完成,备注\r\nO1,\"1,000\n笔\",\r\n\r\nO2,0,\"说\"\"好\"\"\",多\r\n,,\r\n";
    let tsv = "a\tb\n1\t2\n";
    let dir = folder(&[("t.csv", csv.as_bytes()), ("u.tsv", tsv.as_bytes())])?;
    let dossier = open(dir.path())?;
    let rows: Vec<_> = dossier
        .segments()
        .map(|s| (s.text.as_str(), s.anchor.row, s.anchor.line))
        .collect();
    assert_eq!(
        rows,
        [
            ("目标: O1; 完成: 1,000 笔", Some(1), 2),
            ("目标: O2; 完成: 0; 备注: 说\"好\"; 多", Some(2), 5),
            ("a: 1; b: 2", Some(1), 2),
        ]
    );
    dossier.sources.iter().for_each(check_spans);
    Ok(())
}

#[test]
fn transcripts_give_a_cue_each_with_speaker_and_time() -> Outcome {
    let vtt = "WEBVTT\n\nNOTE a --> remark\n\nid-1\n00:14:05.000 --> 00:14:09.500 align:start\n<v.loud 李雷>同步进展。\n第二行</v>\n\n\
        01:02.5 --> 01:03.0\n<v A>one <v B>two\n\n00:00 --> nonsense\nlost\n";
    let srt = "1\n00:01:12,000 --> 01:01:20,500\n罗佳: 到底哪天能上？\n\n2\n00:01:22,000 --> 00:01:33,800\n没有前缀 10:30 上线\n";
    let dir = folder(&[("a.vtt", vtt.as_bytes()), ("b.srt", srt.as_bytes())])?;
    let dossier = open(dir.path())?;
    let found: Vec<_> = dossier
        .segments()
        .map(|s| {
            let time = s.anchor.time.map(|t| (t.start_ms, t.end_ms));
            (s.text.as_str(), s.speaker.as_deref(), time)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("同步进展。 第二行", Some("李雷"), Some((845_000, 849_500))),
            ("one", Some("A"), Some((62_500, 63_000))),
            ("two", Some("B"), Some((62_500, 63_000))),
            ("到底哪天能上？", Some("罗佳"), Some((72_000, 3_680_500))),
            ("没有前缀 10:30 上线", None, Some((82_000, 93_800))),
        ]
    );
    assert_eq!(dossier.problems.len(), 1);
    dossier.sources.iter().for_each(check_spans);
    Ok(())
}

#[test]
fn numbers_run_through_the_dossier() -> Outcome {
    let dir = folder(&[("a.txt", "一。二。".as_bytes()), ("b.txt", "三。".as_bytes())])?;
    let dossier = open(dir.path())?;
    let numbers: Vec<_> = dossier.segments().map(|s| (s.no.0, s.source)).collect();
    assert_eq!(numbers, [(1, 0), (2, 0), (3, 1)]);
    assert_eq!(
        dossier.segment(SegmentNo(3)).map(|s| s.text.as_str()),
        Some("三。")
    );
    Ok(())
}

#[test]
fn each_bad_file_is_one_line_and_the_rest_opens() -> Outcome {
    let files: [(&str, &[u8]); 9] = [
        ("good.md", "好的。".as_bytes()),
        ("empty.md", b""),
        ("blank.txt", b" \n\n"),
        ("what.xyz", b"abc"),
        ("copy.md", "好的。".as_bytes()),
        ("fake.txt", b"%PDF-1.7"),
        ("binary.txt", &[0, 1, 2, 3, 4, 5]),
        ("big.txt", &[b'a'; 2000]),
        ("gone.md", b"x"),
    ];
    let dir = folder(&files)?;
    fs::remove_file(dir.path().join("gone.md"))?;
    let dossier = open_with(dir.path(), Limits { max_bytes: 1000 }, Readers::HERE)?;
    let problems: Vec<_> = dossier
        .problems
        .iter()
        .map(|p| format!("{}: {}", p.path, p.message))
        .collect();
    let expected = [
        "empty.md: is empty",
        "blank.txt: nothing in it that could be cited",
        "what.xyz: unknown kind of file; these are read: md, markdown, txt, text, jsonl, ndjson, json, csv, tsv, vtt, srt, pdf, docx, docm, pptx, pptm, xlsx, xlsm, ods, html, htm, eml, wav, mp3, m4a, mp4, aac, ogg, oga, opus, flac, webm, mka, png, jpg, jpeg, webp, zip",
        "copy.md: has the same content as good.md; read once",
        "fake.txt: is a PDF under another name; not read",
        "binary.txt: is not text",
        "big.txt: is larger than 0 MB; not read",
        "gone.md: no such file",
    ];
    assert_eq!(problems, expected);
    assert_eq!(dossier.sources.len(), 1);
    Ok(())
}

#[test]
fn a_dossier_of_which_nothing_can_be_read_does_not_open() -> Outcome {
    let dir = folder(&[("empty.md", b"")])?;
    let error = open(dir.path()).err().ok_or("opened")?;
    assert!(error.to_string().starts_with("no source of "), "{error}");
    assert_eq!(error.hints(), ["empty.md: is empty"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_dossier_is_not_followed() -> Outcome {
    let outside = TempDir::new()?;
    fs::write(outside.path().join("secret.md"), "秘密。")?;
    let dir = folder(&[("a.md", "好的。".as_bytes()), ("b.md", b"x")])?;
    fs::remove_file(dir.path().join("b.md"))?;
    std::os::unix::fs::symlink(outside.path().join("secret.md"), dir.path().join("b.md"))?;
    let dossier = open(dir.path())?;
    assert_eq!(dossier.sources.len(), 1);
    assert_eq!(
        dossier.problems[0].message,
        "leads out of the dossier through a symbolic link; not read"
    );
    Ok(())
}

#[test]
fn other_encodings_and_byte_order_marks_are_read() -> Outcome {
    let words = "本周完成清分引擎的全量切流。对账耗时降到四十分钟，没有发生资损。";
    let (gb, _, _) = encoding_rs::GB18030.encode(words);
    let wide: Vec<u8> = format!("\u{feff}{words}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = format!("\u{feff}{words}");
    let mut damaged = words.as_bytes().to_vec();
    damaged.push(0xe5);
    let dir = folder(&[
        ("gb.txt", &gb),
        ("wide.txt", &wide),
        ("bom.txt", marked.as_bytes()),
        ("bad.txt", &damaged),
    ])?;
    let dossier = open(dir.path())?;
    let read: Vec<_> = dossier
        .sources
        .iter()
        .map(|s| (s.encoding, s.segments.len()))
        .collect();
    assert_eq!(read, [("GB18030", 2), ("UTF-16", 2), ("UTF-8", 2), ("UTF-8", 2)]);
    assert_eq!(dossier.sources[2].segments[0].anchor.span.start, 3);
    assert!(dossier.sources.iter().take(3).all(|s| s.shown.text() == words));
    assert_eq!(
        dossier.problems[0].message,
        "1 unreadable places in UTF-8, shown as \u{fffd}"
    );
    dossier.sources.iter().for_each(check_spans);
    Ok(())
}

#[test]
fn files_under_a_wrong_name_are_recognised() -> Outcome {
    let dir = folder(&[
        ("a.txt", b"WEBVTT\n\n00:01.0 --> 00:02.0\nhello\n"),
        ("b.txt", b"{\"text\":\"hi\"}\n"),
        ("c.jsonl", b"[{\"text\":\"hi there\"}]"),
        ("notes", b"[Renata]\nA note."),
    ])?;
    let formats: Vec<_> = open(dir.path())?.sources.iter().map(|s| s.format).collect();
    assert_eq!(formats, [Vtt, Jsonl, Json, Text]);
    Ok(())
}

#[test]
fn dossiers_of_a_folder_are_found_in_order() -> Outcome {
    let dir = TempDir::new()?;
    for name in ["b", "a", "none"] {
        fs::create_dir(dir.path().join(name))?;
    }
    for name in ["b", "a"] {
        fs::write(dir.path().join(name).join(manifest::FILE), "")?;
    }
    let found = find(dir.path())?;
    assert_eq!(found, [dir.path().join("a"), dir.path().join("b")]);
    assert_eq!(find(&found[0])?, found[..1]);
    let error = find(&dir.path().join("none")).err().ok_or("found")?;
    assert_eq!((error.exit_code(), error.hints().len()), (1, 1));
    assert!(find(&dir.path().join("missing")).is_err());
    Ok(())
}
