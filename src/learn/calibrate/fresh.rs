//! A calibration that was just fitted, with the record that takes it into use.

use std::collections::BTreeMap;
use std::path::Path;

use super::decisions::{self, For};
use super::{Fitted, Left, MIN_GROUPS, MIN_RATINGS, Observation, fit, said_of};
use crate::engine::Calibration;
use crate::engine::calibration::Reader as DimensionReader;
use crate::engine::focus::Focus;
use crate::engine::{ModelIdentity, RubricIdentity};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::{DimensionId, Person, RecordId, SubjectId};
use crate::review::{Calibrated, Entry, Gain};
use crate::store::{Draft, Health, Reader, Record};

/// A calibration that was just fitted.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The calibration.
    pub calibration: Calibration,
    /// The record that takes it into use.
    pub record: Calibrated,
    /// What it was fitted on top of.
    base: Option<Calibration>,
}

impl Fresh {
    /// Fits to `seen`; `cause` says what that is.
    ///
    /// # Errors
    /// `Input` when there is too little to fit to, or no dimension gains by it; the hints say how much there is.
    pub fn fit(seen: &[Observation], of: For<'_>, base: Option<&Calibration>, cause: String) -> Result<Self> {
        let fitted = fit(seen, base);
        if fitted.readers.is_empty() {
            return Err(nothing(&fitted));
        }
        let dimensions = fitted.readers.iter().map(gain).collect();
        let mut readers = base.map_or_else(BTreeMap::new, |base| base.dimensions.clone());
        readers.extend(fitted.readers.clone());
        let calibration = Calibration {
            v: 2,
            model: of.model.clone(),
            rubric: of.rubric.clone(),
            prompt_sha256: of.prompt_sha256,
            upon: base.map(Calibration::id).transpose()?,
            focus: base.and_then(|base| base.focus.clone()),
            shown: base.map_or_else(BTreeMap::new, |base| base.shown.clone()),
            dimensions: readers,
        };
        Ok(Self {
            base: base.cloned(),
            ..Self::recorded(calibration, seen.len(), dimensions, cause)?
        })
    }

    /// The same, fitted to the file of this content.
    #[must_use]
    pub fn of_file(mut self, sha256: ContentHash) -> Self {
        self.record.data = Some(sha256);
        self
    }

    /// One that was fitted to made-up people, and what it does for `seen`, of whom the levels are known.
    ///
    /// # Errors
    /// The calibration cannot be encoded.
    pub fn of_made_up(calibration: Calibration, seen: &[Observation]) -> Result<Self> {
        let gains = calibration.dimensions.iter().map(gain).collect();
        let cause = "fitted to made-up people".to_owned();
        Self::recorded(calibration, seen.len(), gains, cause)
    }

    fn recorded(
        calibration: Calibration,
        ratings: usize,
        dimensions: Vec<Gain>,
        cause: String,
    ) -> Result<Self> {
        let record = Calibrated {
            model: calibration.model.clone(),
            rubric: calibration.rubric.clone(),
            calibration: Some(calibration.id()?),
            ratings: ratings as u32,
            dimensions,
            cause,
            data: None,
        };
        Ok(Self {
            calibration,
            record,
            base: None,
        })
    }

    /// Fits anew as decisions come in; none where a person went back to an earlier calibration or to none: they alone leave
    /// it again.
    ///
    /// # Errors
    /// As [`Fresh::of_decisions`].
    pub fn unasked(root: &Path, of: For<'_>) -> Result<Option<Self>> {
        let said = history(&Reader::open(root)?, of.model, of.rubric)?;
        if let Some(((_, last), earlier)) = said.split_last()
            && (last.calibration.is_none() || earlier.iter().any(|(_, c)| c.calibration == last.calibration))
        {
            return Ok(None);
        }
        Self::of_decisions(root, of).map(Some)
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
        let base = base(&reader, of)?;
        let focus = base.as_ref().and_then(|base| base.focus.as_ref()).map(Focus::id);
        let mut seen = Vec::new();
        for (subject, records) in reader.histories()? {
            seen.extend(decisions::observations(
                &subject,
                &records,
                &reader.blobs(),
                of,
                focus,
            )?);
        }
        Self::fit(&seen, of, base.as_ref(), "fitted to decisions".to_owned())
    }

    /// What the store is to keep: also what it stands upon, which may have come with this version of the program.
    ///
    /// # Errors
    /// The calibration cannot be encoded.
    pub fn draft(&self, id: RecordId, actor: Person, role: String) -> Result<Draft> {
        let both = std::iter::once(&self.calibration).chain(&self.base);
        let blob = |calibration: &Calibration| {
            let bytes = calibration.encode()?;
            Ok((ContentHash::of(&bytes), bytes))
        };
        let blobs = both.map(blob).collect::<Result<_>>()?;
        Ok(draft(self.record.clone(), id, actor, role, blobs))
    }
}

fn gain((dimension, reader): (&DimensionId, &DimensionReader)) -> Gain {
    Gain {
        dimension: dimension.clone(),
        ratings: reader.ratings as u32,
        mae_before: reader.mae_before,
        mae_after: reader.mae_after,
    }
}

/// What scores of these weights under this rubric are read through: the calibration that the workspace took into use last of
/// those that fit them and the wording of the prompt, else the one that comes with the program.
///
/// # Errors
/// The calibration's blob is gone, or is not what was written.
pub fn live(reader: Option<&Reader>, of: For<'_>) -> Result<Option<Calibration>> {
    if let Some(reader) = reader {
        let records = reader.of_no_dossier()?;
        let said = records.iter().map(|record| &record.entry);
        for id in said_of(said, of.model, of.rubric).map_while(|said| said) {
            let calibration = Calibration::decode(&reader.blobs().get(&id)?)?;
            if calibration.fits(of.model, of.rubric, of.prompt_sha256) {
                return Ok(Some(calibration));
            }
        }
    }
    Ok(Calibration::built_in(of.model, of.rubric, of.prompt_sha256))
}

/// Whether a calibration was fitted to the file of this content, as the records about it say.
///
/// # Errors
/// The records cannot be read.
pub fn fitted_to(reader: &Reader, calibration: ContentHash, file: ContentHash) -> Result<bool> {
    let says = |record: &Record| match &record.entry {
        Entry::Calibration(c) => c.calibration == Some(calibration) && c.data == Some(file),
        _ => false,
    };
    Ok(reader.of_no_dossier()?.iter().any(says))
}

/// What was ever said of calibrations for these weights and this rubric, oldest first.
///
/// # Errors
/// The records cannot be read.
pub fn history(
    reader: &Reader,
    model: &ModelIdentity,
    rubric: &RubricIdentity,
) -> Result<Vec<(Record, Calibrated)>> {
    let of_these = reader
        .of_no_dossier()?
        .into_iter()
        .filter_map(|record| match record.entry.clone() {
            Entry::Calibration(c) if c.model.reads_as() == model.reads_as() && c.rubric == *rubric => {
                Some((record, *c))
            }
            _ => None,
        });
    Ok(of_these.collect())
}

/// The part of [`history`] that scores may be read through: not what was fitted to another wording of the prompt or under another
/// adapter, and not what is gone.
///
/// # Errors
/// As [`live`].
pub fn fitting(reader: &Reader, of: For<'_>) -> Result<Vec<(Record, Calibrated)>> {
    let mut found = Vec::new();
    for (record, said) in history(reader, of.model, of.rubric)? {
        let fits = match &said.calibration {
            None => true,
            Some(id) if reader.blobs().contains(id)? => {
                Calibration::decode(&reader.blobs().get(id)?)?.fits(of.model, of.rubric, of.prompt_sha256)
            }
            Some(_) => false,
        };
        if fits {
            found.push((record, said));
        }
    }
    Ok(found)
}

/// What was in use before the current one first was.
pub fn before(
    fitting: &[(Record, Calibrated)],
    current: Option<ContentHash>,
) -> Option<&(Record, Calibrated)> {
    let first = fitting.iter().position(|(_, c)| c.calibration == current)?;
    first.checked_sub(1).map(|at| &fitting[at])
}

/// What a fit to decisions stands upon: what is live, as it was before decisions were fitted to. What came with an earlier
/// version of the program may not have been kept: what comes with this one takes its place.
fn base(reader: &Reader, of: For<'_>) -> Result<Option<Calibration>> {
    let built_in = || Calibration::built_in(of.model, of.rubric, of.prompt_sha256);
    let Some(live) = live(Some(reader), of)? else {
        return Ok(built_in());
    };
    let Some(upon) = live.upon else {
        return Ok(live.focus.is_some().then_some(live).or_else(built_in));
    };
    if let Some(built_in) = built_in()
        && built_in.id()? == upon
    {
        return Ok(Some(built_in));
    }
    let blobs = reader.blobs();
    if !blobs.contains(&upon)? {
        return Ok(built_in());
    }
    Calibration::decode(&blobs.get(&upon)?).map(Some)
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

#[cfg(test)]
mod tests {
    use std::io::{Write as _, stdout};
    use std::time::{Duration, Instant};

    use half::f16;

    use super::*;
    use crate::engine::{Assessment, Trace};
    use crate::review::Act;
    use crate::seed::Seed;
    use crate::store::testing::{assessed, calibrated, decided, read, trace, with_store};

    const DIMENSIONS: [&str; 8] = [
        "ownership",
        "delivery",
        "quality",
        "collaboration",
        "communication",
        "growth",
        "problem-solving",
        "impact",
    ];

    /// The model's view of a dimension of a person, of states of `width` numbers and papers of `papers` tokens, and what
    /// somebody gave: a level that shows through the noise of every number.
    fn rated(person: u32, dimension: usize, (width, papers): (usize, usize)) -> Result<[Draft; 2]> {
        let name = DIMENSIONS[dimension];
        let mut stream = Seed::root(u64::from(person)).branch(name).stream();
        let level = 1.0 + stream.below(5) as f32;
        let sign = |i: usize| if i.is_multiple_of(3) { -1.0 } else { 1.0 };
        let state = (0..width).map(|i| sign(i) * level + 4.0 * stream.unit() as f32);
        let bits: Vec<u16> = state.map(|x| f16::from_f32(x).to_bits()).collect();
        let trace = Trace {
            prefix: vec![7; papers],
            hidden: bits.clone(),
            text: bits,
            ..trace(person, name, 3.0)
        };
        let bytes = trace.encode()?;
        let hash = ContentHash::of(&bytes);
        let draft = assessed(&format!("a-{person}-{name}"), person, name, 3.0);
        let entry = match draft.entry {
            Entry::Assessment(said) => Entry::Assessment(Box::new(Assessment { id: hash, ..*said })),
            other => other,
        };
        let assessed = Draft {
            entry,
            blobs: vec![(hash, bytes)],
            ..draft
        };
        let act = Act::Override {
            score: level,
            reason: None,
        };
        let id = format!("d-{person}-{name}");
        let decided = decided(&id, person, name, Some(&assessed), act);
        Ok([assessed, decided])
    }

    fn folder() -> Result<tempfile::TempDir> {
        tempfile::tempdir().map_err(|e| Error::new(ErrorKind::Io, "a folder").because(e))
    }

    /// Of the scores that [`trace`] tells of.
    fn calibration(said: &Trace) -> Calibration {
        Calibration {
            model: said.model.clone(),
            rubric: said.rubric.clone(),
            prompt_sha256: said.prompt_sha256,
            ..Calibration::example(BTreeMap::new())
        }
    }

    fn of(said: &Trace) -> For<'_> {
        For {
            model: &said.model,
            rubric: &said.rubric,
            prompt_sha256: said.prompt_sha256,
        }
    }

    #[test]
    fn what_does_not_fit_is_not_returned_to() -> Result<()> {
        let (dir, said) = (folder()?, trace(0, "delivery", 3.0));
        let own = calibration(&said);
        let other = Calibration {
            prompt_sha256: ContentHash::of(b"another wording"),
            ..own.clone()
        };
        with_store(dir.path(), |store| {
            for (id, calibration) in [("c1", &other), ("c2", &own)] {
                store.commit_blocking(calibrated(id, &calibration.encode()?))?;
            }
            let reader = Reader::open(dir.path())?;
            let fitting = fitting(&reader, of(&said))?;
            assert_eq!(fitting.len(), 1, "{fitting:?}");
            assert_eq!(live(Some(&reader), of(&said))?, Some(own.clone()));
            let current = fitting[0].1.clone();
            assert!(before(&fitting, current.calibration).is_none());
            let none = Calibrated {
                calibration: None,
                ..current
            };
            let by = ("chen".into(), "reviewer".to_owned());
            let unasked = || Fresh::unasked(dir.path(), of(&said));
            assert!(unasked().is_err(), "it looks for decisions");
            store.commit_blocking(draft(none, RecordId::new("c3"), by.0, by.1, Vec::new()))?;
            assert!(unasked()?.is_none(), "somebody went back");
            assert_eq!(live(Some(&Reader::open(dir.path())?), of(&said))?, None);
            Ok(())
        })
    }

    #[test]
    fn what_a_fit_stands_upon_is_kept_with_it() -> Result<()> {
        let (dir, said) = (folder()?, trace(0, "delivery", 3.0));
        let below = calibration(&said);
        let above = |upon| Calibration {
            upon: Some(upon),
            ..below.clone()
        };
        let kept = Fresh {
            base: Some(below.clone()),
            ..Fresh::recorded(above(below.id()?), 0, Vec::new(), String::new())?
        };
        with_store(dir.path(), |store| {
            // What came with an earlier version, and was not kept.
            let lost = above(ContentHash::of(b"gone")).encode()?;
            store.commit_blocking(calibrated("c1", &lost))?;
            assert_eq!(base(&Reader::open(dir.path())?, of(&said))?, None);
            store.commit_blocking(kept.draft(
                RecordId::new("c2"),
                "chen".into(),
                "reviewer".to_owned(),
            )?)?;
            assert_eq!(base(&Reader::open(dir.path())?, of(&said))?, Some(below.clone()));
            Ok(())
        })
    }

    #[test]
    fn the_file_that_was_fitted_to_is_known() -> Result<()> {
        let (dir, said) = (folder()?, trace(0, "delivery", 3.0));
        let (own, file) = (calibration(&said), ContentHash::of(b"ratings"));
        let fresh = Fresh::recorded(own.clone(), 20, Vec::new(), "a file".to_owned())?.of_file(file);
        with_store(dir.path(), |store| {
            store.commit_blocking(fresh.draft(
                RecordId::new("c1"),
                "chen".into(),
                "reviewer".to_owned(),
            )?)?;
            let reader = Reader::open(dir.path())?;
            assert!(fitted_to(&reader, own.id()?, file)?);
            assert!(!fitted_to(&reader, own.id()?, ContentHash::of(b"others"))?);
            assert!(!fitted_to(&reader, ContentHash::of(b"another"), file)?);
            Ok(())
        })
    }

    /// 24 people; with `PLUMB_SOAK=1`, 500 decisions about papers and states of real size, and the clock is watched.
    #[test]
    fn a_fit_follows_the_decisions_of_a_workspace() -> Result<()> {
        let soak = std::env::var_os("PLUMB_SOAK").is_some();
        let (people, sizes) = if soak { (63, (896, 4_000)) } else { (24, (16, 8)) };
        let (dir, said) = (folder()?, trace(0, "delivery", 3.0));
        let of = of(&said);
        with_store(dir.path(), |store| {
            for person in 0..people {
                store.commit_blocking(read(&format!("r-{person}"), person))?;
                for dimension in 0..DIMENSIONS.len() {
                    for draft in rated(person, dimension, sizes)? {
                        store.commit_blocking(draft)?;
                    }
                }
            }
            let begun = Instant::now();
            let fresh = Fresh::of_decisions(dir.path(), of)?;
            let took = begun.elapsed();
            assert_eq!(fresh.record.ratings, 8 * people);
            for (dimension, reader) in &fresh.calibration.dimensions {
                assert!(
                    reader.mae_after < reader.mae_before / 2.0,
                    "{dimension}: {reader:?}"
                );
            }
            assert_eq!(fresh.calibration.dimensions.len(), DIMENSIONS.len());
            if soak {
                let figure = format!("a refit of {} ratings takes {took:?}", fresh.record.ratings);
                writeln!(stdout(), "{figure}")
                    .map_err(|e| Error::new(ErrorKind::Io, "standard output").because(e))?;
                // Alone on a machine it is below one; the soak has it for company.
                assert!(took < Duration::from_secs(10), "{figure}");
            }
            Ok(())
        })
    }
}
