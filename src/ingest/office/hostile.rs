//! Office files that were damaged or made to harm: the renderers survive every one of them.

use std::io::{Cursor, Read as _};
use std::panic::catch_unwind;

use zip::ZipArchive;

use super::tests::{archive, samples};
use super::*;
use crate::ingest::tests::Outcome;
use crate::model::damage::{self, damage, dice};
use crate::seed::Stream;

/// Damaged copies of each file.
fn copies() -> u64 {
    damage::copies(40)
}

/// Every office file of the samples.
pub(super) fn fixtures() -> std::io::Result<Vec<(SourceFormat, Vec<u8>)>> {
    let mut found = Vec::new();
    for folder in ["en-marta-lind-2026h1", "zh-sunyue-2026h1", ""] {
        for file in std::fs::read_dir(samples().join(folder))? {
            let path = file?.path();
            let word = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if let Ok(format) = serde_json::from_value(word.into()) {
                found.push((format, std::fs::read(&path)?));
            }
        }
    }
    Ok(found)
}

/// Damages one of the files in an archive, packed anew so that it is found whole.
fn damage_inside(bytes: &[u8], dice: &mut Stream) -> Option<Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = Vec::new();
    for at in 0..zip.len() {
        let mut member = zip.by_index(at).ok()?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).ok()?;
        members.push((member.name().ok()?.into_owned(), bytes));
    }
    let victim = dice.below(members.len());
    damage(&mut members[victim].1, dice);
    let members: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), &bytes[..]))
        .collect();
    archive(&members).ok()
}

/// The so-many-th damaged copy of a fixture: every other one is damaged inside its archive, where it is one.
fn damaged_copy(whole: &[u8], copy: u64, fixture: &str) -> Vec<u8> {
    let mut dice = dice(fixture, copy);
    let inside = copy
        .is_multiple_of(2)
        .then(|| damage_inside(whole, &mut dice))
        .flatten();
    inside.unwrap_or_else(|| {
        let mut bytes = whole.to_vec();
        damage(&mut bytes, &mut dice);
        bytes
    })
}

#[test]
fn no_damage_makes_a_renderer_panic() -> Outcome {
    let mut panicked = Vec::new();
    for (n, (format, whole)) in fixtures()?.into_iter().enumerate() {
        for copy in 0..copies() {
            let bytes = damaged_copy(&whole, copy, &format!("{format:?} {n}"));
            match catch_unwind(|| render(format, &bytes)) {
                Ok(Ok(read)) => assert!(read.is_sound(), "{format:?} {copy}"),
                Ok(Err(why)) => assert!(!why.is_empty() && !why.contains('\n'), "{why}"),
                Err(_) => panicked.push((format, copy)),
            }
        }
    }
    assert!(panicked.is_empty(), "{panicked:?}");
    Ok(())
}

/// Pages as the reader of pictures gets them: none is larger than a page may be drawn, whatever the file says of itself.
#[test]
fn no_damage_makes_the_drawing_of_a_page_panic() -> Outcome {
    let mut panicked = Vec::new();
    let mut drawn = 0;
    for (name, page) in [("scan.pdf", 1), ("mixed.pdf", 2)] {
        let whole = std::fs::read(samples().join(name))?;
        for copy in (0..copies()).filter(|copy| copy % 2 == u64::from(page - 1)) {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut dice(name, copy));
            match catch_unwind(|| pdf::picture(&bytes, page)) {
                Ok(Ok(picture)) => {
                    let (width, height) = crate::ingest::chart::decode(&picture)?.dimensions();
                    assert!(width.max(height) <= 4_000, "{name} {copy}: {width} x {height}");
                    drawn += 1;
                }
                Ok(Err(why)) => assert!(!why.is_empty() && !why.contains('\n'), "{why}"),
                Err(_) => panicked.push((name, copy)),
            }
        }
    }
    assert!(panicked.is_empty(), "{panicked:?}");
    assert!(drawn > copies() / 4, "{drawn} were drawn at all");
    Ok(())
}

/// An archive of papers, as people pack a folder.
fn papers() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let office = samples().join("en-marta-lind-2026h1");
    let read = |name| std::fs::read(office.join(name));
    let (report, thanks) = (read("report.docx")?, read("thanks.eml")?);
    Ok(archive(&[
        ("half/report.docx", &report),
        ("half/thanks.eml", &thanks),
        ("week.md", "# 周报\n\n全量切完。".as_bytes()),
        ("chat/log.jsonl", b"{\"from\": \"Bo\", \"text\": \"Shipped.\"}\n"),
    ])?)
}

/// Whatever comes out of the archive is read, and goes through a pipe and back.
#[test]
fn no_damage_makes_the_reader_of_archives_panic() -> Outcome {
    let whole = papers()?;
    let mut panicked = Vec::new();
    let mut opened = 0;
    for copy in 0..copies() {
        let bytes = damaged_copy(&whole, copy, "papers.zip");
        let read = || {
            let unpacked = unpack::unpack(&bytes)?;
            let whole: Vec<_> = unpacked
                .files
                .iter()
                .filter_map(|f| f.bytes.clone().ok())
                .collect();
            let refused = unpacked.files.iter().filter_map(|f| f.bytes.clone().err());
            assert!(
                refused
                    .chain(unpacked.notes.clone())
                    .all(|why| !why.contains('\n'))
            );
            let _ = whole.first().map(|docx| render(SourceFormat::Docx, docx));
            let (listing, behind) = unpacked.split();
            let behind = behind.concat();
            assert_eq!(behind, whole.concat());
            Ok(Unpacked::join(listing, behind).is_some())
        };
        match catch_unwind(read) {
            Ok(Ok(sound)) => {
                assert!(sound, "{copy}");
                opened += 1;
            }
            Ok::<Result<bool, String>, _>(Err(why)) => {
                assert!(!why.is_empty() && !why.contains('\n'), "{why}");
            }
            Err(_) => panicked.push(copy),
        }
    }
    assert!(panicked.is_empty(), "{panicked:?}");
    assert!(opened > copies() / 4, "{opened} were read at all");
    Ok(())
}
