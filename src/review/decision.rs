//! What goes into the journal: what was read, what the model said, and what a person decided about it.

use serde::{Deserialize, Serialize};

use crate::dossier::{Dossier, DossierMeta, SourceFormat, SourceKind};
use crate::engine::assessment::{Assessment, AssessmentId, ModelIdentity, RubricIdentity};
use crate::evidence::{EvidenceLink, Place};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, RecordId, SegmentNo};
use crate::model::lora::LoraSettings;
use crate::review::comparison::Comparison;

/// One entry of the journal: the record's `type` and `body`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body", rename_all = "snake_case")]
pub enum Entry {
    /// A dossier was read: its sources, in the order their segments are numbered.
    Dossier(DossierRead),
    /// The model said something; the trace is the blob with the assessment's id.
    Assessment(Box<Assessment>),
    /// A person decided something about one dimension.
    Decision(Box<Decision>),
    /// A person compared two answers of the model to one question.
    Comparison(Box<Comparison>),
    /// A person closed a dossier.
    SignOff(SignOff),
    /// A person took an earlier record back. A new record: nothing is ever removed.
    Undo(Undo),
    /// Something happened to an adapter: it came in, was tried, went live or was taken back. Speaks of no dossier.
    Adapter(Box<AdapterRecord>),
    /// From here on scores are read through this calibration, or through none. Speaks of no dossier.
    Calibration(Box<Calibrated>),
}

/// What happened to an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterRecord {
    /// The weights it is laid over; their own adapter is none.
    pub model: ModelIdentity,
    /// What people call it.
    pub name: String,
    /// The blob with its factors; none where the weights answer by themselves from now on.
    pub adapter: Option<ContentHash>,
    /// What it was made with.
    pub settings: Option<LoraSettings>,
    /// What happened.
    pub step: AdapterStep,
    /// What the gate found, where it was asked.
    pub verdict: Option<Verdict>,
    /// The blob with the manifest of the run that made it: data, seed, settings, program.
    pub manifest: Option<ContentHash>,
    /// Why, in a person's words.
    pub reason: Option<String>,
}

impl AdapterRecord {
    /// That the weights answer by themselves.
    pub fn by_itself(model: &ModelIdentity) -> Self {
        Self {
            model: ModelIdentity {
                adapter: None,
                ..model.clone()
            },
            name: String::new(),
            adapter: None,
            settings: None,
            step: AdapterStep::RolledBack,
            verdict: None,
            manifest: None,
            reason: None,
        }
    }

    /// That it is live by this step, for which the gate was not asked.
    #[must_use]
    pub fn unasked(self, step: AdapterStep, reason: Option<String>) -> Self {
        Self {
            step,
            verdict: None,
            reason,
            ..self
        }
    }
}

/// What happened to an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterStep {
    /// It comes with the program, and is live until somebody decides otherwise. No record says so.
    Shipped,
    /// It came into the workspace.
    Imported,
    /// The gate refused it, or could not decide.
    Refused,
    /// The gate admitted it: it is live.
    Admitted,
    /// A person put it live over the gate's verdict.
    Overridden,
    /// A person chose it on the screen, or the model by itself: it is live.
    Chosen,
    /// It is live again, or none is: the one before was taken back.
    RolledBack,
}

impl AdapterStep {
    /// Whether scores come from this adapter from here on.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::Shipped | Self::Admitted | Self::Overridden | Self::Chosen | Self::RolledBack
        )
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "comes with the program",
            Self::Imported => "imported",
            Self::Refused => "refused",
            Self::Admitted => "admitted",
            Self::Overridden => "put live over the gate",
            Self::Chosen => "chosen on the screen",
            Self::RolledBack => "rolled back to",
        }
    }
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// People it was tried on.
    pub subjects: u32,
    /// Whether it may go live; none where there were too few people to tell.
    pub admitted: Option<bool>,
    /// Figure by figure.
    pub figures: Vec<GateFigure>,
}

/// One figure of the gate; larger is better in all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateFigure {
    /// Which.
    pub name: String,
    /// Of what is live now.
    pub before: f64,
    /// Of the adapter.
    pub after: f64,
    /// The 95 % interval of the paired difference, drawn by people.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Whether the adapter is not worse, as far as this figure goes.
    pub holds: bool,
    /// Whether it is better for certain.
    pub better: bool,
}

/// What a figure of the gate says of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is worse for certain.
    Worse,
    /// It is not shown to be no worse.
    Unsure,
    /// It is not worse.
    Holds,
    /// It is better for certain.
    Better,
}

impl GateFigure {
    /// What it says of the adapter.
    pub fn finding(&self) -> Finding {
        match (self.holds, self.better) {
            (false, _) if self.high < 0.0 => Finding::Worse,
            (false, _) => Finding::Unsure,
            (true, true) => Finding::Better,
            (true, false) => Finding::Holds,
        }
    }

    /// As people read it: what is live, the adapter, and the two ends of the interval.
    pub fn numbers(&self) -> [String; 4] {
        [
            format!("{:.3}", self.before),
            format!("{:.3}", self.after),
            format!("{:+.3}", self.low),
            format!("{:+.3}", self.high),
        ]
    }
}

/// Which calibration is in use from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// For which weights.
    pub model: ModelIdentity,
    /// For which rubric.
    pub rubric: RubricIdentity,
    /// The blob of the calibration; none to show what the model says.
    pub calibration: Option<ContentHash>,
    /// How many ratings by people it was fitted to.
    pub ratings: u32,
    /// What it does, dimension by dimension.
    pub dimensions: Vec<Gain>,
    /// Why: what it was fitted to, or what is returned to.
    pub cause: String,
    /// SHA-256 of the file it was fitted to, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ContentHash>,
}

/// What a calibration does for one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Which.
    pub dimension: DimensionId,
    /// Ratings it was fitted to.
    pub ratings: u32,
    /// The mean distance from people's ratings before, in levels, over ratings it was not fitted to.
    pub mae_before: f32,
    /// The same after.
    pub mae_after: f32,
}

/// What a dossier consisted of when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DossierRead {
    /// What `dossier.toml` says.
    pub meta: DossierMeta,
    /// The sources, in order.
    pub sources: Vec<SourceRead>,
}

/// One source as it was read; its bytes are the blob with its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRead {
    /// Its path in the dossier.
    pub path: String,
    /// Its title (sanitised).
    pub title: String,
    /// What it is about.
    pub kind: SourceKind,
    /// How it is laid out.
    pub format: SourceFormat,
    /// SHA-256 of the raw bytes.
    pub sha256: ContentHash,
    /// Size of the raw file in bytes.
    pub bytes: u64,
    /// The encoding it was read as.
    pub encoding: String,
    /// How many segments it gave.
    pub segments: u32,
    /// Of a recording or a picture: SHA-256 of the text that its segments lie in, a blob too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<ContentHash>,
}

impl DossierRead {
    /// What a dossier consists of.
    pub fn of(dossier: &Dossier) -> Self {
        let sources = dossier.sources.iter().map(|source| SourceRead {
            path: source.path.clone(),
            title: source.title.clone(),
            kind: source.kind,
            format: source.format,
            sha256: source.hash,
            bytes: source.bytes,
            encoding: source.encoding.to_owned(),
            segments: u32::try_from(source.segments.len()).unwrap_or(u32::MAX),
            rendition: source.rendition(),
        });
        Self {
            meta: dossier.meta.clone(),
            sources: sources.collect(),
        }
    }
}

/// What was on the screen when a person decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Blind-first mode was on.
    pub blind: bool,
    /// The model's score was visible before the person decided.
    pub model_visible: bool,
    /// The model's score at that moment, visible or not.
    pub model_score: Option<f32>,
    /// The source in the document pane.
    pub source: Option<String>,
    /// The segment under the cursor.
    pub segment: Option<SegmentNo>,
}

/// What a person decided about one dimension of one dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Of which dossier.
    pub dossier: DossierId,
    /// Of which dimension.
    pub dimension: DimensionId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// About which assessment; none when the person decided before the model had spoken.
    pub assessment: Option<AssessmentId>,
    /// What was on the screen.
    pub seen: Seen,
    /// What they did.
    pub act: Act,
}

/// The acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// The model's score stands.
    Accept {
        /// The score accepted: the model's, rounded to the half level that was shown.
        score: f32,
    },
    /// The person's score stands.
    Override {
        /// 1..=5 in halves.
        score: f32,
        /// A word from the reason picker or the person's own.
        reason: Option<String>,
    },
    /// A link was added by the person.
    LinkAdded {
        /// The link.
        link: EvidenceLink,
    },
    /// A link was dropped.
    LinkDropped {
        /// The link as it was.
        link: EvidenceLink,
        /// Why.
        reason: Option<String>,
    },
    /// A link, or the dimension when `place` is none, was annotated.
    Note {
        /// What was said.
        text: String,
        /// The place it speaks of.
        place: Option<Place>,
    },
    /// Blind-first mode showed the model's score.
    Reveal,
}

/// A person closed a dossier: every dimension with the score that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignOff {
    /// Which dossier.
    pub dossier: DossierId,
    /// By which rubric.
    pub rubric: RubricIdentity,
    /// The final score per dimension, in rubric order.
    pub scores: Vec<(DimensionId, f32)>,
    /// Words for the record.
    pub note: Option<String>,
}

/// A person took a record back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Which dossier it spoke of.
    pub dossier: DossierId,
    /// The record taken back.
    pub record: RecordId,
}

impl Entry {
    /// The dossier it speaks of, if it speaks of one.
    pub fn dossier(&self) -> Option<&DossierId> {
        match self {
            Self::Dossier(read) => Some(&read.meta.id),
            Self::Assessment(assessment) => Some(&assessment.dossier),
            Self::Decision(decision) => Some(&decision.dossier),
            Self::Comparison(comparison) => Some(&comparison.dossier),
            Self::SignOff(sign_off) => Some(&sign_off.dossier),
            Self::Undo(undo) => Some(&undo.dossier),
            Self::Calibration(_) | Self::Adapter(_) => None,
        }
    }
}

impl Act {
    /// Its name in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "accept",
            Self::Override { .. } => "override",
            Self::LinkAdded { .. } => "link_added",
            Self::LinkDropped { .. } => "link_dropped",
            Self::Note { .. } => "note",
            Self::Reveal => "reveal",
        }
    }
}
