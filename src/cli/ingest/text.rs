//! The listing of `plumb ingest`: a line a source, then what could not be read and what was hidden.

use std::collections::BTreeMap;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::dossier::{Dossier, Source, SourceFormat};
use crate::sanitize::Finding;

/// Writes the listing of one dossier.
pub(super) fn write(out: &mut dyn Write, dossier: &Dossier) -> io::Result<()> {
    let meta = &dossier.meta;
    let role = [Some(meta.role.as_str()), meta.level.as_deref()]
        .into_iter()
        .flatten();
    writeln!(
        out,
        "{}  {} ({})  {}  {}  {}",
        meta.id,
        meta.subject.name,
        meta.subject.id,
        role.collect::<Vec<_>>().join(" "),
        meta.cycle,
        meta.language.code(),
    )?;
    let width = dossier.sources.iter().map(|s| s.path.width()).max().unwrap_or(0);
    dossier
        .sources
        .iter()
        .try_for_each(|s| write_source(out, s, width))?;
    for source in &dossier.sources {
        if let Some(speakers) = speakers(source, dossier) {
            writeln!(out, "  {}: {speakers}", source.path)?;
        }
    }
    for source in &dossier.sources {
        if let Some(sureness) = sureness(source) {
            writeln!(out, "  {}: {sureness}", source.path)?;
        }
    }
    for source in &dossier.sources {
        if let Some(warning) = hidden(source) {
            writeln!(out, "  ! {}: {warning}", source.path)?;
        }
    }
    for problem in &dossier.problems {
        writeln!(out, "  ! {}: {}", problem.path, problem.message)?;
    }
    let total: usize = dossier.sources.iter().map(|s| s.segments.len()).sum();
    writeln!(out, "  {total} segments in {} sources", dossier.sources.len())
}

/// The numbers of its segments, then what the source is.
fn write_source(out: &mut dyn Write, source: &Source, width: usize) -> io::Result<()> {
    let number = |segment: Option<&crate::dossier::Segment>| segment.map_or(0, |s| s.no.0);
    let range = format!(
        "{}-{}",
        number(source.segments.first()),
        number(source.segments.last())
    );
    writeln!(
        out,
        "  {range:>9}  {}{}  {:<11} {:<10}  {}",
        source.path,
        " ".repeat(width.saturating_sub(source.path.width())),
        word(&source.kind),
        source.date.map(|d| d.to_string()).unwrap_or_default(),
        source.title,
    )
}

/// Of a recording, who speaks and how often: `Li Lei (the employee) 12, Speaker 2 8, not told 1`.
fn speakers(source: &Source, dossier: &Dossier) -> Option<String> {
    let mut counts: Vec<(Option<&str>, usize)> = Vec::new();
    for segment in &source.segments {
        let speaker = segment.speaker.as_deref();
        match counts.iter_mut().find(|(known, _)| *known == speaker) {
            Some((_, count)) => *count += 1,
            None => counts.push((speaker, 1)),
        }
    }
    counts.sort_by_key(|(speaker, _)| speaker.is_none());
    let told = counts.first().is_some_and(|(speaker, _)| speaker.is_some());
    let one = |(speaker, count): &(Option<&str>, usize)| match speaker {
        Some(name) if dossier.meta.is_employee(name) => format!("{name} (the employee) {count}"),
        Some(name) => format!("{name} {count}"),
        None => format!("not told {count}"),
    };
    let said: Vec<String> = counts.iter().map(one).collect();
    (told && source.format == SourceFormat::Recording).then(|| said.join(", "))
}

/// Of what was read in pictures: `11 places read in a picture, 98 % sure, the least sure 95 %`.
fn sureness(source: &Source) -> Option<String> {
    let sure: Vec<f32> = source.segments.iter().filter_map(|s| s.confidence).collect();
    let least = sure.iter().copied().reduce(f32::min)?;
    let mean = sure.iter().sum::<f32>() / sure.len() as f32;
    Some(format!(
        "{} places read in a picture, {:.0} % sure, the least sure {:.0} %",
        sure.len(),
        mean * 100.0,
        least * 100.0
    ))
}

/// The word that files and JSON use.
fn word(kind: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// `3 hidden characters (2 bidirectional, 1 zero-width), the first on line 12`.
fn hidden(source: &Source) -> Option<String> {
    let findings: Vec<Finding> = source.shown.findings().collect();
    let first = findings.first()?;
    let mut kinds = BTreeMap::new();
    for finding in &findings {
        *kinds.entry(finding.kind).or_insert(0) += 1;
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, n)| format!("{n} {}", kind.name()))
        .collect();
    let line = source.raw[..first.offset].matches('\n').count() + 1;
    let noun = if findings.len() == 1 {
        "character"
    } else {
        "characters"
    };
    Some(format!(
        "{} hidden {noun} ({}), the first on line {line}",
        findings.len(),
        kinds.join(", ")
    ))
}
