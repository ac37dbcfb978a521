//! A calibration that was just fitted, with the record that takes it into use.

use std::path::Path;

use super::decisions::{self, For};
use super::{Fitted, Left, MIN_GROUPS, MIN_RATINGS, Observation, fit};
use crate::engine::Calibration;
use crate::engine::calibration::Reader as DimensionReader;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DimensionId, Person, RecordId, SubjectId};
use crate::review::{Calibrated, Entry, Gain};
use crate::store::{Draft, Health, Reader};

/// A calibration that was just fitted.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The calibration.
    pub calibration: Calibration,
    /// The record that takes it into use.
    pub record: Calibrated,
}

impl Fresh {
    /// Fits to `seen`; `cause` says what that is.
    ///
    /// # Errors
    /// `Input` when there is too little to fit to, or no dimension gains by it; the hints say how much there is.
    pub fn fit(seen: &[Observation], of: For<'_>, cause: String) -> Result<Self> {
        let fitted = fit(seen);
        if fitted.readers.is_empty() {
            return Err(nothing(&fitted));
        }
        let gain = |(dimension, reader): (&DimensionId, &DimensionReader)| Gain {
            dimension: dimension.clone(),
            ratings: reader.ratings as u32,
            mae_before: reader.mae_before,
            mae_after: reader.mae_after,
        };
        let dimensions = fitted.readers.iter().map(gain).collect();
        let calibration = Calibration {
            v: 1,
            model: of.model.clone(),
            rubric: of.rubric.clone(),
            prompt_sha256: of.prompt_sha256,
            dimensions: fitted.readers,
        };
        let record = Calibrated {
            model: of.model.clone(),
            rubric: of.rubric.clone(),
            calibration: Some(calibration.id()?),
            ratings: seen.len() as u32,
            dimensions,
            cause,
        };
        Ok(Self { calibration, record })
    }

    /// Fits to the decisions in the workspace at `root`, of which a writer may make more meanwhile.
    ///
    /// # Errors
    /// As [`Fresh::fit`]; the workspace cannot be read, or is damaged.
    pub fn of_decisions(root: &Path, of: For<'_>) -> Result<Self> {
        let reader = Reader::open(root)?;
        if let Health::Damaged(damage) = reader.health() {
            return Err(damage.error());
        }
        let mut seen = Vec::new();
        for (subject, records) in reader.histories()? {
            seen.extend(decisions::observations(&subject, &records, &reader.blobs(), of)?);
        }
        Self::fit(&seen, of, "fitted to decisions".to_owned())
    }

    /// What the store is to keep.
    ///
    /// # Errors
    /// The calibration cannot be encoded.
    pub fn draft(&self, id: RecordId, actor: Person, role: String) -> Result<Draft> {
        let bytes = self.calibration.encode()?;
        Ok(draft(
            self.record.clone(),
            id,
            actor,
            role,
            vec![(ContentHash::of(&bytes), bytes)],
        ))
    }
}

/// A record about calibrations.
pub fn draft(
    record: Calibrated,
    id: RecordId,
    actor: Person,
    role: String,
    blobs: Vec<(ContentHash, Vec<u8>)>,
) -> Draft {
    Draft {
        id,
        actor,
        role,
        subject: SubjectId::nobody(),
        entry: Entry::Calibration(Box::new(record)),
        blobs,
    }
}

/// Why there is no calibration.
fn nothing(fitted: &Fitted) -> Error {
    let left = fitted.left.iter().map(|(dimension, left)| match left {
        Left::TooFew { ratings, groups } => format!("{dimension}: {ratings} ratings of {groups} people"),
        Left::NoGain { before, after } => {
            format!("{dimension}: {before:.2} levels from people by itself, {after:.2} after the fit")
        }
    });
    let lines: Vec<String> = left.take(8).collect();
    let message = if lines.is_empty() {
        "nothing to fit to: no decision about a score of this model under this rubric".to_owned()
    } else {
        format!(
            "nothing fitted: a dimension takes at least {MIN_RATINGS} ratings of {MIN_GROUPS} people, and has to gain by it"
        )
    };
    lines
        .into_iter()
        .fold(Error::new(ErrorKind::Input, message), Error::hint)
}
