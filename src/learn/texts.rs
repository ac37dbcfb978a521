//! What a model says of rated texts, read once and kept: each text is scored as a dossier of one source is, words left
//! out.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;
use serde::{Deserialize, Serialize};

use super::calibrate::Observation;
use super::forms::RatedText;
use super::kept::Kept;
use crate::dossier::{Dossier, Language};
use crate::engine::scorer::{Run, Scorer};
use crate::engine::{Calibration, ScoreEvent, ScoreReading, ScoreRequest, Ticket};
use crate::error::Result;
use crate::evidence::EvidenceKind;
use crate::id::DimensionId;
use crate::ingest;
use crate::rubric::Rubric;
use crate::watch::{self, Watch};

/// What the model says of one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextReading {
    /// The mean state over the tokens of the prompt's shared part, f16 bit patterns; empty where the dimensions were read
    /// off the segments that bear on them.
    pub text: Vec<u16>,
    /// By dimension.
    pub dimensions: BTreeMap<DimensionId, Said>,
}

/// What the model says of one dimension of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The score.
    pub reading: ScoreReading,
    /// The state at the score's position, f16 bit patterns.
    pub hidden: Vec<u16>,
    /// What it cites: spans of the text, in bytes.
    pub evidence: Vec<(usize, usize)>,
}

/// A text, and what is asked of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What to call it.
    pub id: String,
    /// What it answers, or where it comes from.
    pub context: String,
    /// The language it is written in.
    pub lang: Language,
    /// The text.
    pub text: String,
    /// By what it is rated.
    pub rubric: Arc<Rubric>,
}

/// Reads texts.
pub struct TextReader {
    scorer: Scorer,
    /// Scores are read through it.
    calibration: Option<Arc<Calibration>>,
    kept: Kept,
}

impl TextReader {
    /// A reader that keeps what it read; scores are read through `calibration`.
    pub fn new(scorer: Scorer, calibration: Option<Arc<Calibration>>, kept: Kept) -> Self {
        Self {
            scorer,
            calibration,
            kept,
        }
    }

    /// What scores are read through.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_deref()
    }

    /// The model.
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// What the model says of every text, in their order. What was read before is not read again, so that a stopped
    /// run goes on where it was.
    ///
    /// # Errors
    /// `Cancelled` when the watcher wants an end; otherwise whatever stopped the work.
    pub fn read(&mut self, texts: &[Asked], watch: &dyn Watch) -> Result<Vec<TextReading>> {
        let mut readings = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            watch.tell("reading texts", i, texts.len());
            watch::check(
                watch,
                "what was read is kept: the same command goes on from there",
            )?;
            readings.push(self.kept_or_read(text, watch)?);
        }
        Ok(readings)
    }

    fn kept_or_read(&mut self, text: &Asked, watch: &dyn Watch) -> Result<TextReading> {
        let kept = self.kept.clone();
        let calibration = self.calibration().map(Calibration::id).transpose()?;
        let of = (
            (self.scorer.fingerprint(), text.rubric.hash, calibration),
            (&text.text, &text.context, text.lang),
        );
        kept.or_read(&of, || {
            let dossier = ingest::of_text(&text.id, &text.context, text.lang, &text.text)?;
            self.read_dossier(Arc::new(dossier), text, watch)
        })
    }

    fn read_dossier(
        &mut self,
        dossier: Arc<Dossier>,
        text: &Asked,
        watch: &dyn Watch,
    ) -> Result<TextReading> {
        let request = ScoreRequest {
            ticket: Ticket(1),
            dossier,
            rubric: Arc::clone(&text.rubric),
            dimensions: Vec::new(),
            language: text.lang,
            seed: 0,
            score_only: true,
            influence: false,
            calibration: self.calibration.clone(),
        };
        let mut read = TextReading {
            text: Vec::new(),
            dimensions: BTreeMap::new(),
        };
        let mut take = |event: ScoreEvent| {
            if let ScoreEvent::Finished { assessment, trace } = event {
                if trace.focus.is_none() {
                    read.text.clone_from(&trace.text);
                }
                let quotes = assessment
                    .evidence
                    .iter()
                    .filter(|link| link.kind == EvidenceKind::Quote);
                let said = Said {
                    reading: assessment.reading,
                    hidden: trace.hidden.clone(),
                    evidence: quotes.map(|link| (link.place.start, link.place.end)).collect(),
                };
                read.dimensions.insert(assessment.dimension, said);
            }
        };
        self.scorer.score(
            &request,
            &mut Run {
                sink: &mut take,
                cancelled: &|| watch.stopped(),
            },
        )?;
        Ok(read)
    }
}

/// What is asked of rated texts: all dimensions of one rubric.
pub fn asked(texts: &[RatedText], rubric: &Arc<Rubric>) -> Vec<Asked> {
    let ask = |text: &RatedText| Asked {
        id: text.id.clone(),
        context: text.context.clone(),
        lang: text.lang,
        text: text.text.clone(),
        rubric: Arc::clone(rubric),
    };
    texts.iter().map(ask).collect()
}

/// What the `n`-th of some rated texts is called among observations.
pub fn place(n: usize) -> String {
    n.to_string()
}

/// The ratings of `texts` in the dimensions that were read, beside what the model says. Ratings are matched to
/// dimensions by id, letter case aside. An item is known by [`place`]: ids are unique in one file alone.
pub fn observations(texts: &[RatedText], readings: &[TextReading]) -> Vec<Observation> {
    let wide = |bits: &[u16]| -> Vec<f32> { bits.iter().map(|b| f16::from_bits(*b).to_f32()).collect() };
    let mut found = Vec::new();
    for (n, (text, reading)) in texts.iter().zip(readings).enumerate() {
        for (name, rating) in &text.dims {
            let dimension = DimensionId::new(name.to_lowercase());
            if let Some(said) = reading.dimensions.get(&dimension) {
                found.push(Observation {
                    item: place(n),
                    group: text.group.clone(),
                    level: text.level(*rating),
                    text: wide(&reading.text),
                    hidden: wide(&said.hidden),
                    reading: said.reading,
                    dimension,
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::redaction::Redaction;

    #[test]
    fn a_text_is_not_changed_by_what_it_is_called() -> Result<()> {
        let text = "Nobody on the committee knew of nobody.";
        let dossier = ingest::of_text("committee", "", Language::En, text)?;
        let redaction = Redaction::of(&dossier, Language::En);
        assert_eq!(redaction.hide(text), text);
        assert_eq!(redaction.subject().as_deref(), Some("Person A"));
        assert_eq!(redaction.hide("Call +44 20 7946 0958."), "Call <phone>.");
        Ok(())
    }
}
