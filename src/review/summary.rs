//! How far a dossier is, in a few figures: what the queue shows and sorts by.

use crate::review::dimension::{DimensionState, Phase, Standing};
use crate::review::ledger::Ledger;

/// How far a dossier is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    /// Dimensions of the rubric.
    pub total: usize,
    /// Dimensions the model has scored.
    pub scored: usize,
    /// Dimensions a person has decided.
    pub decided: usize,
    /// Undecided dimensions whose score is in doubt.
    pub in_doubt: usize,
    /// The largest difference between a person's score and the model's.
    pub disagreement: Option<f32>,
    /// The mean standard deviation around the model's scores.
    pub spread: Option<f32>,
    /// A person has closed it.
    pub signed_off: bool,
}

impl Summary {
    /// Of what all records add up to.
    pub fn of(ledger: &Ledger) -> Self {
        let dimensions = ledger.dimensions();
        let count = |keep: &dyn Fn(&DimensionState) -> bool| dimensions.iter().filter(|d| keep(d)).count();
        let spreads: Vec<f32> = dimensions
            .iter()
            .filter_map(|d| d.model.reading.map(|r| r.spread()))
            .collect();
        Self {
            total: dimensions.len(),
            scored: count(&|d| d.model.phase == Phase::Scored),
            decided: count(&|d| d.human.verdict.is_some()),
            in_doubt: count(&|d| matches!(d.standing(), Standing::NeedsHuman(_) | Standing::Failed)),
            disagreement: dimensions.iter().filter_map(disagreement).reduce(f32::max),
            spread: (!spreads.is_empty()).then(|| spreads.iter().sum::<f32>() / spreads.len() as f32),
            signed_off: ledger.signed_off().is_some(),
        }
    }

    /// Where the dossier stands in a queue, most urgent first: doubts before disagreement before spread; closed last.
    pub fn urgency(&self) -> (bool, usize, f32, f32) {
        (
            !self.signed_off,
            self.in_doubt,
            self.disagreement.unwrap_or_default(),
            self.spread.unwrap_or_default(),
        )
    }
}

/// How far a person's score lies from the model's.
fn disagreement(dimension: &DimensionState) -> Option<f32> {
    let human = dimension.human.verdict.as_ref()?.score;
    let model = dimension.model.reading?.score;
    Some((human - model).abs())
}
