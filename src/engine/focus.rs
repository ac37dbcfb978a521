//! Which segments bear on a dimension, read off the states that the model has of them once it has read the dossier.
//!
//! One linear probe a dimension on the mean state of a segment's tokens (Alain & Bengio, 2017). It finds what the words
//! of a rubric cannot: evidence that shares none of them. What is said of a dimension then rests on the states of those
//! segments (attention pooling; Ilse et al., 2018), and not on the mean of everything that somebody left behind,
//! which is the same for all dimensions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::id::DimensionId;

/// The most segments that a pooled state is made of. Like [`STEEPNESS`] a round number, chosen on made-up people who were
/// left out in turn: 8 to 16 agree with their levels about as well, and more do not.
const WIDTH: usize = 16;
/// How steeply the weight of a segment falls with its bearing: by this much, it is a third.
const STEEPNESS: f32 = 0.2;

/// A linear function of a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// One for each number of the state, `[H]`.
    pub weights: Vec<f32>,
    /// What is added.
    pub constant: f32,
}

impl Probe {
    /// Its value at a state, `[H]`.
    pub fn at(&self, state: &[f32]) -> f32 {
        let products = state.iter().zip(&self.weights).map(|(x, w)| x * w);
        self.constant + products.sum::<f32>()
    }
}

/// For each dimension, how much a segment bears on it: about 1 where it shows something of it, about 0 where it does
/// not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Focus {
    /// By dimension.
    pub dimensions: BTreeMap<DimensionId, Probe>,
}

impl Focus {
    /// Names it: traces say under which focus their states were pooled.
    pub fn id(&self) -> ContentHash {
        let mut bytes = Vec::new();
        for (dimension, probe) in &self.dimensions {
            bytes.extend(dimension.as_str().bytes());
            bytes.push(0);
            bytes.extend(bytemuck::cast_slice::<f32, u8>(&probe.weights));
            bytes.extend(probe.constant.to_le_bytes());
        }
        ContentHash::of(&bytes)
    }

    /// How much each of the segments with these states bears on a dimension; none where the dimension is not known, or
    /// the states are of another size.
    pub fn bearings(&self, dimension: &DimensionId, states: &[Vec<f32>]) -> Option<Vec<f32>> {
        let probe = self.dimensions.get(dimension)?;
        let fits = !states.is_empty() && states.iter().all(|state| state.len() == probe.weights.len());
        fits.then(|| states.iter().map(|state| probe.at(state)).collect())
    }
}

/// What each state has of its own: apart from the mean of all, which tells one dossier from another and nothing more.
pub fn apart(mut states: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let n = states.len() as f32;
    for f in 0..states.first().map_or(0, Vec::len) {
        let mean = states.iter().map(|state| state[f]).sum::<f32>() / n;
        for state in &mut states {
            state[f] -= mean;
        }
    }
    states
}

/// The positions of `bearings`, those that bear most first.
pub fn order(bearings: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..bearings.len()).collect();
    order.sort_by(|&a, &b| bearings[b].total_cmp(&bearings[a]).then(a.cmp(&b)));
    order
}

/// The mean of the states that bear most on a dimension, each the heavier the more it does: `[H]`. Empty where there is no
/// state.
pub fn pooled(bearings: &[f32], states: &[Vec<f32>]) -> Vec<f32> {
    let mut order = order(bearings);
    order.truncate(WIDTH);
    let Some(&first) = order.first() else {
        return Vec::new();
    };
    let mut mean = vec![0.0; states[first].len()];
    let mut total = 0.0;
    for at in order {
        let weight = ((bearings[at] - bearings[first]) / STEEPNESS).exp();
        total += weight;
        for (sum, x) in mean.iter_mut().zip(&states[at]) {
            *sum += weight * x;
        }
    }
    for sum in &mut mean {
        *sum /= total;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the third bears nothing, the first bears by STEEPNESS * ln 3 more than the second, so three parts to one.
    #[test]
    fn states_are_pooled_by_how_much_they_bear() {
        let more = STEEPNESS * 3.0_f32.ln();
        let probe = Probe {
            weights: vec![1.0, 0.0],
            constant: 0.5,
        };
        let focus = Focus {
            dimensions: BTreeMap::from([("delivery".into(), probe)]),
        };
        let states = [vec![more, 1.0], vec![0.0, 5.0], vec![-9.0, 7.0]];
        let bearings = focus.bearings(&"delivery".into(), &states).expect("bearings");
        assert!((bearings[0] - more - 0.5).abs() < 1e-6, "{bearings:?}");
        assert_eq!(order(&bearings), [0, 1, 2]);
        let mean = pooled(&bearings, &states);
        assert!((mean[1] - 2.0).abs() < 1e-5, "{mean:?}");
        assert_eq!(focus.bearings(&"quality".into(), &states), None);
        assert_eq!(focus.bearings(&"delivery".into(), &[vec![1.0]]), None);
        assert_eq!(pooled(&[], &[]), Vec::<f32>::new());
    }

    #[test]
    fn what_all_states_share_is_left_out() {
        let states = apart(vec![vec![1.0, 4.0], vec![3.0, 4.0]]);
        assert_eq!(states, [[-1.0, 0.0], [1.0, 0.0]]);
        assert!(apart(Vec::new()).is_empty());
    }

    #[test]
    fn a_focus_is_named_by_what_it_holds() {
        let of = |weight: f32| Focus {
            dimensions: BTreeMap::from([(
                "delivery".into(),
                Probe {
                    weights: vec![weight],
                    constant: 0.0,
                },
            )]),
        };
        assert_eq!(of(1.0).id(), of(1.0).id());
        assert_ne!(of(1.0).id(), of(2.0).id());
    }
}
