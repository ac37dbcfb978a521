//! One record of the journal and its line: `<sha256 of the JSON>  <canonical JSON>`.
//!
//! The JSON is RFC 8785 canonical, so that the hash of a record does not depend on who wrote it. Canonical JSON knows
//! only double-precision numbers: a record that would not come back equal is refused before it is written.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{Person, RecordId, SubjectId};
use crate::review::{Entry, Recorded};
use crate::store::journal::Tip;

/// The layout version that this program writes.
pub const VERSION: u32 = 1;

/// The longest line the journal takes, in bytes: a record speaks of one decision, long things are blobs.
pub const MAX_LINE: usize = 1 << 20;

/// How the body is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wrapping {
    /// In the clear.
    None,
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Layout version.
    pub v: u32,
    /// 1, 2, 3 … without gaps.
    pub seq: u64,
    /// SHA-256 of the previous record's JSON; zeros before the first.
    pub prev: ContentHash,
    /// As its maker named it.
    pub id: RecordId,
    /// When the store took it.
    pub at: Timestamp,
    /// Who.
    pub actor: Person,
    /// As what: `reviewer`, `engine` …
    pub role: String,
    /// The fingerprint of the key that proved who; null until keys exist.
    pub key: Option<String>,
    /// Whom it speaks of.
    pub subject: SubjectId,
    /// How the body is wrapped.
    pub enc: Wrapping,
    /// What happened: `type` and `body`.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Record {
    /// The record as the reviewing room sees it; `hash` is the one of its line.
    pub fn into_recorded(self, hash: ContentHash) -> Recorded {
        Recorded {
            seq: self.seq,
            hash,
            id: self.id,
            at: self.at,
            actor: self.actor,
            entry: self.entry,
        }
    }

    /// The record's line, with its newline.
    ///
    /// # Errors
    /// `Input` when the record is too long or would not come back equal (a number that JSON cannot carry).
    pub fn encode(&self) -> Result<Line> {
        let unfit = |why: String| {
            Error::new(
                ErrorKind::Input,
                format!("record {} cannot be kept: {why}", self.id),
            )
        };
        let json = serde_json_canonicalizer::to_vec(self).map_err(|e| unfit(e.to_string()))?;
        if json.len() > MAX_LINE {
            return Err(unfit(format!("{} bytes, at most {MAX_LINE}", json.len())));
        }
        let back: Self = serde_json::from_slice(&json).map_err(|e| unfit(e.to_string()))?;
        if back != *self {
            return Err(unfit(
                "a number in it has more digits than JSON carries".to_owned(),
            ));
        }
        let hash = ContentHash::of(&json);
        let mut bytes = format!("{hash}  ").into_bytes();
        bytes.extend_from_slice(&json);
        bytes.push(b'\n');
        Ok(Line { hash, bytes })
    }
}

/// A record as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// SHA-256 of its JSON.
    pub hash: ContentHash,
    /// The bytes, newline included.
    pub bytes: Vec<u8>,
}

/// Splits a line (without its newline) into its JSON and the hash it claims, and checks the claim.
pub(crate) fn unwrap_line(line: &[u8]) -> Result<(ContentHash, &[u8]), String> {
    let shape = || "the line is not `<sha256>  <json>`".to_owned();
    let (claim, json) = line.split_at_checked(64).ok_or_else(shape)?;
    let json = json.strip_prefix(b"  ").ok_or_else(shape)?;
    let claim: ContentHash = std::str::from_utf8(claim)
        .ok()
        .filter(|hex| !hex.contains(|c: char| c.is_ascii_uppercase()))
        .and_then(|hex| hex.parse().ok())
        .ok_or_else(shape)?;
    if ContentHash::of(json) == claim {
        Ok((claim, json))
    } else {
        Err("the record does not match its SHA-256".to_owned())
    }
}

/// What somebody wants kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Made by the asker (a ULID): sending the same draft again writes nothing and answers the same.
    pub id: RecordId,
    /// Who.
    pub actor: Person,
    /// As what: `reviewer`, `engine` …
    pub role: String,
    /// Whom it speaks of.
    pub subject: SubjectId,
    /// What happened.
    pub entry: Entry,
    /// What the entry cites and the store may not have yet.
    pub blobs: Vec<(ContentHash, Vec<u8>)>,
}

impl Draft {
    /// The record that this draft becomes when it follows `after`.
    pub(crate) fn record(&self, after: Tip, at: Timestamp) -> Record {
        Record {
            v: VERSION,
            seq: after.seq + 1,
            prev: after.hash,
            id: self.id.clone(),
            at,
            actor: self.actor.clone(),
            role: self.role.clone(),
            key: None,
            subject: self.subject.clone(),
            enc: Wrapping::None,
            entry: self.entry.clone(),
        }
    }
}

/// A new record id, ascending with `at` and otherwise random.
pub fn new_id(at: Timestamp) -> RecordId {
    let since = Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default());
    RecordId::new(ulid::Ulid::from_datetime(SystemTime::UNIX_EPOCH + since).to_string())
}
