//! `plumb journal`: verify and show the records, make the index anew.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::out;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Place;
use crate::hash::ContentHash;
use crate::id::DossierId;
use crate::review::{Act, Entry};
use crate::sanitize;
use crate::store::{Health, Progress, Reader, Record, Verdict, Workspace, verify};

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Read every record and every blob again; damage is named with its file and line
    Verify {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show records, one line each, or one record whole
    Show {
        /// The number of a record
        seq: Option<u64>,
        /// Only the records of this dossier
        #[arg(long, value_name = "ID", conflicts_with = "seq")]
        dossier: Option<String>,
        /// Print one JSON object a record
        #[arg(long)]
        json: bool,
    },
    /// Make the index anew from the journal alone
    Rebuild {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Runs `plumb journal` on the workspace at `root`.
///
/// # Errors
/// There is no workspace, it cannot be read, or it is damaged.
pub fn run(command: &JournalCommand, root: &Path) -> Result<()> {
    match command {
        JournalCommand::Verify { json } => verify_all(root, *json),
        JournalCommand::Show {
            seq: Some(seq), json, ..
        } => show_one(&Reader::open(root)?, *seq, *json),
        JournalCommand::Show { dossier, json, .. } => show_many(
            &Reader::open(root)?,
            dossier.as_deref().map(DossierId::new),
            *json,
        ),
        JournalCommand::Rebuild { json } => rebuild(root, *json),
    }
}

fn verify_all(root: &Path, json: bool) -> Result<()> {
    let verdict = verify(root)?;
    if json {
        out::json(&verdict)?;
    } else {
        out::print(|out| write_verdict(out, &verdict))?;
    }
    verdict.error().map_or(Ok(()), Err)
}

fn write_verdict(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let Verdict {
        records,
        files,
        head,
        blobs,
        ..
    } = verdict;
    let s = if *files == 1 { "" } else { "s" };
    writeln!(out, "records  {records} in {files} file{s}")?;
    writeln!(out, "head     #{} {}", head.seq, head.hash)?;
    writeln!(
        out,
        "blobs    {} of {blobs} cited are whole",
        blobs - verdict.bad_blobs.len()
    )?;
    if verdict.unfinished_bytes > 0 {
        writeln!(
            out,
            "tail     {} bytes of an unfinished write, never answered; the next writer puts them aside",
            verdict.unfinished_bytes
        )?;
    }
    writeln!(out, "{}", if verdict.sound { "sound" } else { "DAMAGED" })
}

/// A record as `--json` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    hash: ContentHash,
    #[serde(flatten)]
    record: &'a Record,
}

fn show_one(reader: &Reader, seq: u64, json: bool) -> Result<()> {
    let Some((hash, record)) = reader.record(seq)? else {
        return Err(warn(reader).err().unwrap_or_else(|| {
            let last = reader.tip().seq;
            Error::new(
                ErrorKind::Usage,
                format!("there is no record #{seq}; the last one is #{last}"),
            )
        }));
    };
    let shown = Shown {
        hash,
        record: &record,
    };
    if json {
        return out::json(&shown);
    }
    let text = serde_json::to_string_pretty(&shown)
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot write JSON").because(e))?;
    out::print(|out| {
        text.lines()
            .try_for_each(|line| writeln!(out, "{}", sanitize::line(line)))
    })
}

fn show_many(reader: &Reader, dossier: Option<DossierId>, json: bool) -> Result<()> {
    if let Some(dossier) = dossier {
        let records = reader.dossier(&dossier)?;
        if records.is_empty() {
            warn(reader)?;
            let what = format!(
                "no record speaks of the dossier {}",
                sanitize::line(dossier.as_str())
            );
            return Err(Error::new(ErrorKind::Usage, what).hint("`plumb journal show` names them all"));
        }
        out::print(|out| {
            records
                .iter()
                .try_for_each(|(hash, r)| write_record(out, *hash, r, json))
        })?;
        return warn(reader);
    }
    for seq in 1..=reader.tip().seq {
        if let Some((hash, record)) = reader.record(seq)? {
            out::print(|out| write_record(out, hash, &record, json))?;
        }
    }
    warn(reader)
}

/// Damage is an error even when what is sound was shown.
fn warn(reader: &Reader) -> Result<()> {
    match reader.health() {
        Health::Sound => Ok(()),
        Health::Damaged(damage) => Err(damage.error()),
    }
}

fn write_record(out: &mut dyn Write, hash: ContentHash, record: &Record, json: bool) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, &Shown { hash, record })?;
        return writeln!(out);
    }
    let words = format!(
        "#{:<5} {} {:.0}  {:<12} {:<18} {}",
        record.seq,
        hash.short(),
        record.at,
        record.actor.as_str(),
        record.entry.dossier().map_or("-", |dossier| dossier.as_str()),
        in_short(&record.entry)
    );
    writeln!(out, "{}", sanitize::line(&words))
}

/// What happened, in a few words.
fn in_short(entry: &Entry) -> String {
    match entry {
        Entry::Dossier(read) => match read.sources.len() {
            1 => "read 1 source".to_owned(),
            n => format!("read {n} sources"),
        },
        Entry::Assessment(a) => {
            format!(
                "{}: the model says {:.2} ±{:.2}",
                a.dimension,
                a.reading.score,
                a.reading.spread()
            )
        }
        Entry::Decision(d) => format!("{}: {}", d.dimension, act_in_short(&d.act)),
        Entry::Comparison(c) => format!("{}: compared two answers: {}", c.dimension, c.choice.name()),
        Entry::SignOff(s) => format!("signed off with {} scores", s.scores.len()),
        Entry::Undo(undo) => format!("took {} back", undo.record),
        Entry::Adapter(a) => format!(
            "{}: adapter {} {}",
            a.model.id,
            crate::sanitize::line(&a.name),
            a.step.name()
        ),
        Entry::Calibration(c) => match c.calibration {
            Some(id) => format!("{}: calibration {} ({})", c.rubric.id, id.short(), c.cause),
            None => format!("{}: no calibration ({})", c.rubric.id, c.cause),
        },
    }
}

/// `weekly.md:12`, `plan.pdf p. 3`.
fn whereabouts(place: &Place) -> String {
    match &place.spot {
        Some(spot) => format!("{} {spot}", place.source),
        None => format!("{}:{}", place.source, place.line),
    }
}

fn act_in_short(act: &Act) -> String {
    let because = |reason: &Option<String>| reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
    match act {
        Act::Accept { score } => format!("accepted {score}"),
        Act::Override { score, reason } => format!("put {score}{}", because(reason)),
        Act::LinkAdded { link } => format!("linked {}", whereabouts(&link.place)),
        Act::LinkDropped { link, reason } => {
            format!("dropped {}{}", whereabouts(&link.place), because(reason))
        }
        Act::Note { text, .. } => format!("noted {text}"),
        Act::Reveal => "saw the model's score".to_owned(),
    }
}

fn rebuild(root: &Path, json: bool) -> Result<()> {
    // A rebuild of nothing would make a workspace.
    drop(Reader::open(root)?);
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let mut progress = |progress| {
        bar.set_message(match progress {
            Progress::Records(n) => format!("{n} records read"),
            Progress::Dossiers { done, of } => format!("{done} of {of} dossiers"),
        });
        bar.tick();
    };
    let workspace = Workspace::opening(root, Arc::new(SystemClock), &mut progress)
        .renewing_the_index()
        .open()?;
    bar.finish_and_clear();
    let (tip, health, notes) = (
        workspace.tip(),
        workspace.health().clone(),
        workspace.notes().to_vec(),
    );
    workspace.close()?;
    if let Health::Damaged(damage) = health {
        return Err(damage.error());
    }
    if json {
        return out::json(&serde_json::json!({"records": tip.seq, "head": tip, "notes": notes}));
    }
    out::print(|out| {
        notes
            .iter()
            .try_for_each(|note| writeln!(out, "{}", sanitize::line(note)))?;
        writeln!(
            out,
            "the index was made from {} records, up to {}",
            tip.seq, tip.hash
        )
    })
}
