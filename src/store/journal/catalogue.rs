//! What is in the journal and where, in memory: gathered while it is read at opening, kept up with every append.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::scan::Met;
use super::{Location, Tip};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DossierId, RecordId};
use crate::review::Receipt;

/// Names, places and dossiers of all records; about 150 bytes a record.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Of record 1, 2, 3 …
    records: Vec<(Location, ContentHash)>,
    ids: HashMap<RecordId, u64>,
    dossiers: BTreeMap<DossierId, Vec<u64>>,
    of_no_dossier: Vec<u64>,
}

impl Catalogue {
    /// Adds a line that was just read.
    pub(crate) fn meet(&mut self, met: &Met<'_>) -> Result<()> {
        let (id, dossier) = brief(met)?;
        self.add(met.tip, &id, dossier.as_ref(), met.at);
        Ok(())
    }

    /// Adds the next record.
    pub(crate) fn add(&mut self, tip: Tip, id: &RecordId, dossier: Option<&DossierId>, at: Location) {
        self.records.push((at, tip.hash));
        self.ids.insert(id.clone(), tip.seq);
        match dossier {
            Some(dossier) => self.dossiers.entry(dossier.clone()).or_default(),
            None => &mut self.of_no_dossier,
        }
        .push(tip.seq);
    }

    /// Where record `seq` lies; none when there is no such record.
    pub(crate) fn location(&self, seq: u64) -> Option<Location> {
        let at = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.records.get(at).map(|(location, _)| *location)
    }

    /// The receipt of the record called `id`; none when there is no such record.
    pub(crate) fn receipt(&self, id: &RecordId) -> Option<Receipt> {
        let seq = *self.ids.get(id)?;
        let (_, hash) = self.records.get(seq as usize - 1)?;
        Some(Receipt {
            id: id.clone(),
            seq,
            hash: *hash,
        })
    }

    /// The numbers of a dossier's records, in order.
    pub(crate) fn timeline(&self, dossier: &DossierId) -> &[u64] {
        self.dossiers.get(dossier).map_or(&[], Vec::as_slice)
    }

    /// The numbers of the records that speak of no dossier, in order.
    pub(crate) fn of_no_dossier(&self) -> &[u64] {
        &self.of_no_dossier
    }

    /// All dossiers, in order of name.
    pub(crate) fn dossiers(&self) -> impl ExactSizeIterator<Item = &DossierId> {
        self.dossiers.keys()
    }
}

/// The part of a record that says where it belongs.
#[derive(Deserialize)]
struct Brief {
    id: RecordId,
    #[serde(rename = "type")]
    kind: String,
    body: Body,
}

/// The types of the entries that speak of no dossier.
const OF_NO_DOSSIER: [&str; 2] = ["calibration", "adapter"];

/// The ways in which entries name their dossier.
#[derive(Deserialize)]
struct Body {
    dossier: Option<DossierId>,
    meta: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: DossierId,
}

fn brief(met: &Met<'_>) -> Result<(RecordId, Option<DossierId>)> {
    let unknown = || {
        let what = format!(
            "record #{} has a body that this program does not know",
            met.tip.seq
        );
        Error::new(ErrorKind::Damaged, what).hint("it may come from a newer version of plumb")
    };
    let brief: Brief = serde_json::from_slice(met.json).map_err(|e| unknown().because(e))?;
    let dossier = brief.body.dossier.or(brief.body.meta.map(|meta| meta.id));
    if dossier.is_none() && !OF_NO_DOSSIER.contains(&brief.kind.as_str()) {
        return Err(unknown());
    }
    Ok((brief.id, dossier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::unwrap_line;
    use crate::store::testing::{adapted, assessed, calibrated, clock, decided, read, undone};

    /// Every way in which an entry names its dossier is known here.
    #[test]
    fn the_dossier_of_every_sort_of_entry_is_found() -> Result<()> {
        let accept = crate::review::Act::Accept { score: 4.0 };
        let drafts = [
            read("r1", 7),
            assessed("r2", 7, "delivery", 3.0),
            decided("r3", 7, "delivery", None, accept),
            undone("r4", 7, "r3"),
            calibrated("r5", b"curve"),
            adapted("r6", b"factors"),
        ];
        let mut catalogue = Catalogue::default();
        for (seq, draft) in (1..).zip(&drafts) {
            let line = draft
                .record(
                    Tip {
                        seq: seq - 1,
                        hash: ContentHash::ZERO,
                    },
                    clock().0,
                )
                .encode()?;
            let (hash, json) = unwrap_line(&line.bytes[..line.bytes.len() - 1])
                .map_err(|what| Error::new(ErrorKind::Internal, what))?;
            let at = Location {
                segment: 1,
                offset: seq,
                len: 1,
            };
            catalogue.meet(&Met {
                at,
                line: 1,
                tip: Tip { seq, hash },
                json,
            })?;
        }
        let dossier = drafts[0].entry.dossier().expect("a dossier");
        assert_eq!(catalogue.timeline(dossier), [1, 2, 3, 4]);
        assert_eq!(catalogue.receipt(&drafts[2].id).map(|r| r.seq), Some(3));
        assert_eq!(catalogue.location(4).map(|at| at.offset), Some(4));
        assert_eq!((catalogue.location(0), catalogue.location(7)), (None, None));
        assert_eq!(catalogue.of_no_dossier(), [5, 6]);
        Ok(())
    }
}
