//! What the model says of one dimension, and everything needed to say it again.

use serde::{Deserialize, Serialize};

use crate::dossier::Language;
use crate::evidence::EvidenceLink;
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, ModelId, RubricId};
use crate::model::lora::{ANSWERS, is_label_of};
use crate::rubric::Rubric;

/// The address of an assessment: the hash of its trace, so that the same answer has the same name.
pub type AssessmentId = ContentHash;

/// Which weights answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The manifest's id.
    pub id: ModelId,
    /// SHA-256 of the weights file.
    pub sha256: ContentHash,
    /// The adapter on top, if any.
    pub adapter: Option<String>,
}

impl ModelIdentity {
    /// Which weights a dossier is read with: those without the adapter where that is laid over answers alone.
    #[must_use]
    pub fn reads_as(&self) -> Self {
        let adapter = self.adapter.clone().filter(|label| !label.ends_with(ANSWERS));
        Self {
            adapter,
            ..self.clone()
        }
    }

    /// Whether the adapter with this hash is on top; for none, whether nothing is.
    pub fn wears(&self, adapter: Option<&ContentHash>) -> bool {
        match (&self.adapter, adapter) {
            (Some(label), Some(hash)) => is_label_of(label, hash),
            (label, hash) => label.is_none() && hash.is_none(),
        }
    }
}

/// Which rubric was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RubricIdentity {
    /// The rubric's id.
    pub id: RubricId,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: ContentHash,
}

impl RubricIdentity {
    /// That of a rubric.
    pub fn of(rubric: &Rubric) -> Self {
        Self {
            id: rubric.id.clone(),
            version: rubric.version.clone(),
            sha256: rubric.hash,
        }
    }
}

/// A score read from the model's distribution over the levels 1..5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScoreReading {
    /// What is shown: the expected level, after calibration where there is one.
    pub score: f32,
    /// The expected level of the raw distribution, sum of p(k) k.
    pub raw_score: f32,
    /// Standard deviation of the distribution, in levels.
    pub sd: f32,
    /// p(1)..p(5), the softmax over the raw logits of the five level tokens only.
    pub probabilities: [f32; 5],
    /// The share of the whole vocabulary's probability that fell on the five level tokens, 0..1.
    pub validity: f32,
    /// Nine of ten ratings by people lie so near the score, in levels; known only of a calibrated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
}

/// What the model says of one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Its address.
    pub id: AssessmentId,
    /// Of which dossier.
    pub dossier: DossierId,
    /// Of which dimension.
    pub dimension: DimensionId,
    /// The score.
    #[serde(flatten)]
    pub reading: ScoreReading,
    /// The calibration that made `score` of what the model said; none where there is none for this dimension.
    pub calibration: Option<ContentHash>,
    /// What it rests on.
    pub evidence: Vec<EvidenceLink>,
    /// Why (sanitised).
    pub rationale: String,
    /// What to do next (sanitised).
    pub suggestion: String,
    /// How many segments did not fit the context and were not read.
    pub omitted: u32,
    /// The language of the prompt.
    pub language: Language,
    /// Which weights.
    pub model: ModelIdentity,
    /// Which rubric.
    pub rubric: RubricIdentity,
    /// SHA-256 over the prompt templates.
    pub prompt_sha256: ContentHash,
    /// The seed of the run.
    pub seed: u64,
}

/// Everything needed to say an assessment again, kept as a blob: calibration, training and audit read it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Layout version of this blob.
    pub v: u32,
    /// Of which dossier.
    pub dossier: DossierId,
    /// Of which dimension.
    pub dimension: DimensionId,
    /// Token ids of the shared prefix.
    pub prefix: Vec<u32>,
    /// Token ids of this dimension's branch prompt.
    pub branch: Vec<u32>,
    /// Token ids of the answer.
    pub output: Vec<u32>,
    /// Raw logits of the level tokens 1..5 at the score position, before the grammar's mask.
    pub logits: [f32; 5],
    /// The final hidden state at the score position (after the last norm), f16 bit patterns, `hidden_size` long.
    pub hidden: Vec<u16>,
    /// The state of the text, f16 bit patterns, `hidden_size` long: of the segments that bear on the dimension under
    /// `focus`; the mean over all tokens of the shared prefix where there is none.
    #[serde(default)]
    pub text: Vec<u16>,
    /// What said which segments bear on the dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<ContentHash>,
    /// The seed of the run.
    pub seed: u64,
    /// Which weights.
    pub model: ModelIdentity,
    /// Which rubric.
    pub rubric: RubricIdentity,
    /// SHA-256 over the prompt templates.
    pub prompt_sha256: ContentHash,
    /// The segments shown to the model, in prompt order: prompt number i+1 is `(source, start, end)`.
    pub segments: Vec<(ContentHash, usize, usize)>,
}

/// A margin beyond this, in levels, says that the score alone decides nothing.
const WIDE: f32 = 1.0;

/// Standard deviations from the mean that hold nine of ten values, were they normal.
const NINE_IN_TEN: f32 = 1.645;

impl ScoreReading {
    /// The standard deviation around the score, in levels: what goes with the margin where people's ratings gave one, else
    /// the spread of the model's own distribution.
    pub fn spread(&self) -> f32 {
        self.margin.map_or(self.sd, |margin| margin / NINE_IN_TEN)
    }

    /// Whether a person must look before the score is relied on: its margin reaches beyond a whole level.
    pub fn needs_a_person(&self) -> bool {
        self.margin.is_some_and(|margin| margin > WIDE)
    }
}

impl Trace {
    /// The blob's bytes: RFC 8785 canonical JSON.
    ///
    /// # Errors
    /// Only when a number is not finite.
    pub fn encode(&self) -> crate::error::Result<Vec<u8>> {
        serde_json_canonicalizer::to_vec(self).map_err(|e| {
            crate::error::Error::new(crate::error::ErrorKind::Internal, "cannot encode a trace").because(e)
        })
    }
}

/// How long a run took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Tokens of the shared prefix that were read.
    pub prefill_tokens: usize,
    /// Tokens of the shared prefix that were kept from before.
    pub kept_tokens: usize,
    /// Milliseconds until the prefix was there.
    pub prefill_ms: f64,
    /// Milliseconds from the request to the first score.
    pub first_score_ms: f64,
    /// Milliseconds from the request to the last word.
    pub total_ms: f64,
    /// Tokens written, forced ones included.
    pub generated_tokens: usize,
    /// Bytes of the keys and values of the prefix and all branches at the end.
    #[serde(default)]
    pub kv_bytes: usize,
}
