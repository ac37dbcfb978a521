//! What a model has of a dossier once it has read it: the state of the text, and of each segment where somebody asks.

use half::f16;

use crate::engine::calibration::Calibration;
use crate::engine::event::ScoreRequest;
use crate::engine::focus::{self, Focus, Probe};
use crate::engine::plan::Plan;
use crate::hash::ContentHash;
use crate::id::DimensionId;
use crate::model::kv::SharedPrefix;

/// The middle of the scale of levels: a segment that shows less speaks against the person. Of the 293 key segments of the
/// samples, whose sides their authors set, 77 in 100 fall on the right side.
const MIDDLE: f32 = 3.0;

/// As traces keep states.
pub fn rounded(state: &[f32]) -> Vec<f16> {
    state.iter().copied().map(f16::from_f32).collect()
}

/// The mean state of each segment's tokens, apart from what all have in common.
pub fn segment_states(plan: &Plan, prefix: &SharedPrefix) -> Vec<Vec<f32>> {
    let states = plan.places.iter().map(|place| prefix.mean_state(place.clone()));
    focus::apart(states.collect())
}

/// What the model has of the dossier once it has read it.
pub struct Impression<'a> {
    /// Without one there are no segments.
    focus: Option<&'a Focus>,
    /// What else is read off them.
    calibration: Option<&'a Calibration>,
    /// The state of each segment in the prompt.
    segments: Vec<Vec<f32>>,
    /// The mean state of the whole prefix.
    whole: Vec<f16>,
}

impl<'a> Impression<'a> {
    /// Of the dossier of `request`, as `plan` put it and `prefix` holds it.
    pub fn of(request: &'a ScoreRequest, plan: &Plan, prefix: &SharedPrefix) -> Self {
        let calibration = request.calibration.as_deref();
        let focus = calibration.and_then(|c| c.focus.as_ref());
        Self {
            focus,
            calibration,
            segments: focus.map_or_else(Vec::new, |_| segment_states(plan, prefix)),
            whole: rounded(&prefix.mean_state(0..prefix.len())),
        }
    }

    /// Whether it is known which segments bear on a dimension.
    pub fn is_focused(&self) -> bool {
        self.focus.is_some()
    }

    fn bearings(&self, dimension: &DimensionId) -> Option<Vec<f32>> {
        self.focus?.bearings(dimension, &self.segments)
    }

    /// The segments, those that bear most on a dimension first.
    pub fn order(&self, dimension: &DimensionId) -> Option<Vec<usize>> {
        self.bearings(dimension).map(|bearings| focus::order(&bearings))
    }

    /// The state of the text as far as it bears on a dimension.
    pub fn text(&self, dimension: &DimensionId) -> TextState {
        match self.bearings(dimension) {
            Some(bearings) => TextState {
                state: rounded(&focus::pooled(&bearings, &self.segments)),
                focus: self.focus.map(Focus::id),
                against: self.against(dimension),
            },
            None => TextState {
                state: self.whole.clone(),
                focus: None,
                against: Vec::new(),
            },
        }
    }

    /// Whether each segment shows a level below the middle of the scale.
    fn against(&self, dimension: &DimensionId) -> Vec<bool> {
        let shown = self.calibration.and_then(|c| c.shown.get(dimension));
        let shown = shown.filter(|probe| self.segments.iter().all(|s| s.len() == probe.weights.len()));
        let below = |probe: &Probe| self.segments.iter().map(|s| probe.at(s) < MIDDLE).collect();
        shown.map_or_else(Vec::new, below)
    }
}

/// The state of the text as far as it bears on a dimension. As the trace keeps it: what is fitted to traces later reads the
/// same numbers.
pub struct TextState {
    /// `[H]`.
    pub state: Vec<f16>,
    /// What said which segments do; none where it is the mean of the whole.
    pub focus: Option<ContentHash>,
    /// Whether each segment of the prompt speaks against the person; empty where that is not known.
    pub against: Vec<bool>,
}
