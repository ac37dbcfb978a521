//! The office samples read whole, and files that are not what they seem.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::dossier::{Dossier, Region, Source, SourceFormat, Spot};
use crate::ingest::chart::Text;
use crate::ingest::tests::{Outcome, check_spans, folder};
use crate::ingest::{Limits, Readers, open_with};

pub(super) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office")
}

fn sample(name: &str) -> crate::error::Result<Dossier> {
    open_with(&samples().join(name), Limits::default(), Readers::HERE)
}

/// The rendition, then every place that can be cited: kind, where, speaker, words.
fn told(source: &Source) -> String {
    let mut out = format!("{}\n-----\n", source.shown.text());
    for segment in &source.segments {
        let spot = segment
            .anchor
            .spot
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let speaker = segment
            .speaker
            .as_deref()
            .map(|s| format!("<{s}> "))
            .unwrap_or_default();
        out.push_str(&format!(
            "{:?} {spot} | {speaker}{}\n",
            segment.kind, segment.text
        ));
    }
    out
}

#[test]
fn the_office_samples_are_read_whole() -> Outcome {
    for name in ["en-marta-lind-2026h1", "zh-sunyue-2026h1"] {
        let dossier = sample(name)?;
        let ordering = dossier.sources.iter().filter(|s| s.orders().next().is_some());
        assert_eq!(dossier.problems.len(), ordering.count(), "{:?}", dossier.problems);
        for source in &dossier.sources {
            check_spans(source);
            assert!(source.format.is_rendered());
            assert_eq!(source.encoding, VERSION);
            insta::assert_snapshot!(format!("{name}-{}", source.path), told(source));
        }
    }
    Ok(())
}

#[test]
fn the_same_bytes_give_the_same_rendition() -> Outcome {
    for (format, bytes) in super::hostile::fixtures()? {
        assert_eq!(render(format, &bytes), render(format, &bytes));
    }
    Ok(())
}

#[test]
fn a_pdf_that_cannot_be_read_says_why() -> Outcome {
    let locked = std::fs::read(samples().join("locked.pdf"))?;
    let said = render(SourceFormat::Pdf, &locked).err();
    assert_eq!(said.as_deref(), Some("is encrypted; save it without a password"));
    assert_eq!(pdf::picture(&locked, 1).err(), said);
    Ok(())
}

/// A page of A4 is 8.27 by 11.69 inches.
#[test]
fn only_pages_without_text_are_drawn_for_the_reader_of_pictures() -> Outcome {
    let mixed = std::fs::read(samples().join("mixed.pdf"))?;
    let read = render(SourceFormat::Pdf, &mixed)?;
    assert_eq!(read.scans, [Scan { page: 2, at: 65 }]);
    assert!(read.text[..65].ends_with("[p. 2]\n\n"), "{}", read.text);
    let page = crate::ingest::chart::decode(&pdf::picture(&mixed, 2)?)?;
    assert_eq!(page.dimensions(), (2480, 3507));
    for beyond in [0, 4, u32::MAX] {
        assert_eq!(
            pdf::picture(&mixed, beyond).err().as_deref(),
            Some("is not there")
        );
    }
    Ok(())
}

#[test]
fn what_is_read_on_a_page_stands_where_the_page_does() -> Outcome {
    let text = |words: &str| Text {
        text: words.to_owned(),
        region: Region([1, 2, 3, 4]),
        confidence: 0.9,
        apart: true,
    };
    let mixed = render(SourceFormat::Pdf, &std::fs::read(samples().join("mixed.pdf"))?)?;
    let unread = mixed.clone().with_read(&[]);
    assert_eq!((&unread.text, unread.version()), (&mixed.text, VERSION));
    let read = mixed.with_read(&[vec![text("第一行"), text("Second")]]);
    assert!(read.is_sound());
    assert_eq!(
        read.text,
        "[p. 1]\n\nCover sheet: one page of this file was scanned.\n\n[p. 2]\n\n第一行\nSecond\n\n[p. 3]\n\nFiled by the \
         planning office.\n"
    );
    let places: Vec<_> = read
        .reading()
        .segments
        .iter()
        .map(|s| (s.text.clone(), read.spots.of(&s.span), s.region))
        .collect();
    let own = Some(Region([1, 2, 3, 4]));
    assert_eq!(
        places[1..],
        [
            ("第一行".to_owned(), Some(Spot::Page(2)), own),
            ("Second".to_owned(), Some(Spot::Page(2)), own),
            (
                "Filed by the planning office.".to_owned(),
                Some(Spot::Page(3)),
                None
            ),
        ]
    );
    assert_eq!(read.version(), VERSION_READ);
    Ok(())
}

/// The program is gone when the same file comes again: it is not asked.
#[cfg(unix)]
#[test]
fn a_file_is_rendered_once() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("program");
    let says = r#"{"rendered":{"text":"a","blocks":[],"spots":{"sheets":[],"marks":[]},"notes":[]}}"#;
    std::fs::write(&program, format!("#!/bin/sh\ncat >/dev/null; echo '{says}'\n"))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let parser = Parser::by(program.clone()).keeping(folder.path().join("kept"));
    let render = |bytes: &[u8]| parser.render(SourceFormat::Html, bytes, ContentHash::of(bytes));
    let first = render(b"<p>a</p>")?;
    std::fs::remove_file(&program)?;
    assert_eq!(render(b"<p>a</p>")?, first);
    let other = render(b"<p>b</p>").err().ok_or("it was rendered by nobody")?;
    assert!(other.starts_with("no process to read it in: "), "{other}");
    Ok(())
}

/// A zip archive of these members.
pub(in crate::ingest) fn archive(members: &[(&str, &[u8])]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_one_line() -> Outcome {
    let encrypted: Vec<u8> = OLE
        .iter()
        .copied()
        .chain(ENCRYPTED.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let empty = archive(&[("mimetype", b"x")])?;
    let files: [(&str, &[u8]); 12] = [
        ("good.md", "好的。".as_bytes()),
        ("pdf.docx", b"%PDF-1.7 and so on"),
        ("text.docx", b"just words"),
        ("locked.xlsx", &encrypted),
        ("old.docx", OLE),
        ("other.docx", &empty),
        ("zip.pdf", &empty),
        ("words.pdf", b"just words"),
        ("broken.pdf", b"%PDF-1.7 and no more"),
        ("report.doc", OLE),
        ("zip.html", &empty),
        ("nothing.eml", b"\n\nno head\n"),
    ];
    let dir = folder(&files)?;
    let dossier = open_with(dir.path(), Limits::default(), Readers::HERE)?;
    let said: Vec<String> = dossier
        .problems
        .iter()
        .map(|p| format!("{}: {}", p.path, p.message))
        .collect();
    let expected = [
        "pdf.docx: is a PDF under another name; rename it to .pdf",
        "text.docx: is no office file: it is no zip archive",
        "locked.xlsx: is encrypted; save it without a password",
        "old.docx: is an office file from before 2007 under another name; save it as .docx, .xlsx or .pptx",
        "other.docx: is damaged or of another kind: it has no word/document.xml",
        "zip.pdf: is a zip or office file under another name; rename it",
        "words.pdf: is no PDF",
        "broken.pdf: is damaged: no PDF can be made out in it",
        "report.doc: .doc files are not read; save it as .docx and name that in dossier.toml",
        "zip.html: is a zip or office file under another name; rename it",
        "nothing.eml: is no mail message: it has neither a sender nor a subject",
    ];
    assert_eq!(said, expected);
    Ok(())
}

/// 300 MB of spaces are 300 kB in the archive.
#[test]
fn a_zip_bomb_is_refused() -> Outcome {
    let bomb = vec![b' '; 300 << 20];
    let file = archive(&[
        ("word/document.xml", &bomb),
        ("xl/workbook.xml", &bomb),
        ("content.xml", &bomb),
    ])?;
    assert!(file.len() < 2 << 20, "{}", file.len());
    for format in [SourceFormat::Docx, SourceFormat::Xlsx, SourceFormat::Ods] {
        let said = render(format, &file).err();
        assert_eq!(
            said.as_deref(),
            Some("unpacks to more than 64 MB; not read"),
            "{format:?}"
        );
    }
    Ok(())
}

#[test]
fn a_document_that_nests_without_end_is_read_as_far_as_it_goes() -> Outcome {
    let deep = format!(
        "<w:document><w:p><w:r><w:t>Said first.</w:t></w:r></w:p>{}",
        "<w:p>".repeat(100_000)
    );
    let file = archive(&[("word/document.xml", deep.as_bytes())])?;
    let read = render(SourceFormat::Docx, &file)?;
    assert_eq!(read.text, "Said first.\n");
    assert_eq!(read.notes, ["the document breaks off; what follows was left out"]);
    Ok(())
}

#[test]
fn what_a_child_answers_is_not_believed() {
    let block = |span| Block {
        kind: BlockKind::Prose,
        span,
        cell: None,
        speaker: None,
        seen: None,
    };
    let of = |blocks| Rendition {
        text: "每句话".to_owned(),
        blocks,
        ..Rendition::default()
    };
    assert!(of(vec![block(0..3), block(3..9)]).is_sound());
    for blocks in [
        vec![block(0..4)],
        vec![block(0..10)],
        vec![block(3..9), block(0..3)],
        vec![block(0..6), block(3..9)],
    ] {
        assert!(!of(blocks).is_sound());
    }
}
