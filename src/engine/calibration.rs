//! From what the model says to what the organisation would say: a score read through a probe that people's own ratings
//! were fitted to. Fitting is [`crate::learn::calibrate`]'s work; this module applies.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use crate::engine::assessment::{ModelIdentity, RubricIdentity, ScoreReading};
use crate::engine::focus::{Focus, Probe};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::DimensionId;
use crate::metrics::{Isotonic, mean};

/// Numbers beside the states: the logarithms of the five probabilities, and the expected level.
const READING: usize = 6;

/// What a score is read from.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    /// The state of the text, `[H]`: of the segments that bear on the dimension where it is known which do; else the mean over
    /// all tokens of the shared prefix.
    pub text: &'a [f32],
    /// The state at the score's position, `[H]`.
    pub hidden: &'a [f32],
    /// What the model says.
    pub reading: &'a ScoreReading,
}

impl Features<'_> {
    /// All of them in a row, and the lengths of the blocks it consists of.
    pub fn row(&self) -> (Vec<f32>, [usize; 3]) {
        let logs = self.reading.probabilities.iter().map(|p| p.max(1e-6).ln());
        let reading = logs.chain([self.reading.raw_score]);
        let states = self.text.iter().chain(self.hidden).copied();
        (
            states.chain(reading).collect(),
            [self.text.len(), self.hidden.len(), READING],
        )
    }
}

/// How one dimension is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reader {
    /// One for each feature.
    pub weights: Vec<f32>,
    /// What is added.
    pub constant: f32,
    /// From there to the level.
    pub curve: Isotonic,
    /// About nine of ten people's ratings lie so near, in levels: the quantile of the distances of predictions by fits to
    /// other groups (cross-conformal; Vovk, 2015).
    pub margin: f32,
    /// How many ratings it was fitted to.
    pub ratings: usize,
    /// Of how many people or prompts.
    pub groups: usize,
    /// The mean distance from people's ratings before, in levels, over ratings it was not fitted to.
    pub mae_before: f32,
    /// The same after.
    pub mae_after: f32,
    /// What people gave where it read about 1, 2, 3, 4 or 5; levels that it never read are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
}

/// Ratings that a fit did not see and put nearest to one level: one point of a reliability diagram (Murphy & Winkler,
/// 1977).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The level that was read, 1 to 5, rounded.
    pub level: u8,
    /// The mean of what people gave.
    pub given: f32,
    /// How many ratings.
    pub ratings: usize,
}

impl Bin {
    /// The points of pairs (what people gave, what was read), by level.
    pub fn all(pairs: &[(f64, f64)]) -> Vec<Self> {
        let bin = |level: u8| {
            let near = |(_, read): &&(f64, f64)| read.round().clamp(1.0, 5.0) as u8 == level;
            let given: Vec<f64> = pairs.iter().filter(near).map(|(given, _)| *given).collect();
            Some(Self {
                level,
                given: mean(&given)? as f32,
                ratings: given.len(),
            })
        };
        (1..=5).filter_map(bin).collect()
    }
}

impl Reader {
    /// Features of a model whose states have `hidden` numbers.
    pub fn length(hidden: usize) -> usize {
        2 * hidden + READING
    }

    /// Whether nothing counts but the state of the text: neither that at the score nor what the model says.
    fn reads_the_text_alone(&self) -> bool {
        let text = self.weights.len().saturating_sub(READING) / 2;
        self.weights[text..].iter().all(|w| *w == 0.0)
    }

    /// What is read off the features, before the curve.
    pub fn linear(&self, features: &[f32]) -> f64 {
        let products = features
            .iter()
            .zip(&self.weights)
            .map(|(x, w)| f64::from(*x) * f64::from(*w));
        f64::from(self.constant) + products.sum::<f64>()
    }

    /// The level, 1 to 5.
    pub fn level(&self, features: &[f32]) -> f32 {
        self.curve.at(self.linear(features)).clamp(1.0, 5.0) as f32
    }
}

/// What was fitted to the decisions of an organisation, for one model, one rubric and one wording of the prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Layout version.
    pub v: u32,
    /// Which weights.
    pub model: ModelIdentity,
    /// Which rubric.
    pub rubric: RubricIdentity,
    /// SHA-256 over the prompt templates.
    pub prompt_sha256: ContentHash,
    /// The calibration that this one was fitted on top of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upon: Option<ContentHash>,
    /// Which segments bear on a dimension; none takes the text as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<Focus>,
    /// The level that a segment shows by itself, off its state; empty where that is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown: BTreeMap<DimensionId, Probe>,
    /// The dimensions that had enough ratings.
    pub dimensions: BTreeMap<DimensionId, Reader>,
}

/// Fitted to made-up people, for whoever has not decided anything yet: see `models/calibrations/README.md`.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models/calibrations");

impl Calibration {
    /// The calibration that comes with the program for these weights and this rubric, if one does.
    pub fn built_in(
        model: &ModelIdentity,
        rubric: &RubricIdentity,
        prompt_sha256: ContentHash,
    ) -> Option<Self> {
        let name = format!("{}.{}.json", model.id, rubric.id);
        let file = BUILT_IN.get_file(name)?;
        let calibration = Self::decode(file.contents()).ok()?;
        calibration
            .fits(model, rubric, prompt_sha256)
            .then_some(calibration)
    }

    /// Its address.
    ///
    /// # Errors
    /// As [`Calibration::encode`].
    pub fn id(&self) -> Result<ContentHash> {
        Ok(ContentHash::of(&self.encode()?))
    }

    /// The blob's bytes: RFC 8785 canonical JSON.
    ///
    /// # Errors
    /// Only when a number is not finite.
    pub fn encode(&self) -> Result<Vec<u8>> {
        serde_json_canonicalizer::to_vec(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot encode a calibration").because(e))
    }

    /// Reads a blob.
    ///
    /// # Errors
    /// `Damaged` when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|e| Error::new(ErrorKind::Damaged, "the calibration cannot be read").because(e))
    }

    /// Whether it was fitted to what these weights say under this rubric and wording.
    pub fn fits(&self, model: &ModelIdentity, rubric: &RubricIdentity, prompt_sha256: ContentHash) -> bool {
        self.fits_weights(model) && self.rubric == *rubric && self.prompt_sha256 == prompt_sha256
    }

    /// Whether it was fitted to what these weights say. Where nothing of an answer is read, it does not matter what is laid
    /// over answers.
    pub fn fits_weights(&self, model: &ModelIdentity) -> bool {
        self.model == *model
            || self.model.reads_as() == model.reads_as()
                && self.dimensions.values().all(Reader::reads_the_text_alone)
    }

    /// The reading of a dimension with the level that people would give; unchanged where the dimension had too few
    /// ratings, or what is read is not of the shape it was fitted to.
    pub fn apply(&self, dimension: &DimensionId, features: Features) -> ScoreReading {
        let mut reading = *features.reading;
        let (row, _) = features.row();
        let reader = self.dimensions.get(dimension);
        if let Some(reader) = reader.filter(|reader| reader.weights.len() == row.len()) {
            reading.score = reader.level(&row);
            reading.margin = Some(reader.margin);
        }
        reading
    }
}

#[cfg(test)]
impl Calibration {
    /// Of weights, a rubric and a wording that nothing else is of.
    pub(crate) fn example(dimensions: BTreeMap<DimensionId, Reader>) -> Self {
        Self {
            v: 2,
            model: ModelIdentity {
                id: "m".into(),
                sha256: ContentHash::of(b"m"),
                adapter: None,
            },
            rubric: RubricIdentity {
                id: "r".into(),
                version: "1".to_owned(),
                sha256: ContentHash::of(b"r"),
            },
            prompt_sha256: ContentHash::of(b"p"),
            upon: None,
            focus: None,
            shown: BTreeMap::new(),
            dimensions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::reading;

    fn reader() -> Reader {
        let mut weights = vec![0.0; 4 + READING];
        weights[0] = 1.0;
        weights[3] = -0.5;
        Reader {
            weights,
            constant: 2.0,
            curve: Isotonic::fit(&[(0.0, 1.0), (4.0, 9.0)]),
            margin: 0.75,
            ratings: 20,
            groups: 5,
            mae_before: 1.0,
            mae_after: 0.5,
            reliability: Vec::new(),
        }
    }

    fn calibration() -> Calibration {
        Calibration::example(BTreeMap::from([("delivery".into(), reader())]))
    }

    #[test]
    fn ratings_are_gathered_where_they_were_read() {
        let pairs = [(2.0, 1.6), (3.0, 2.4), (5.0, 4.5), (1.0, 0.2)];
        let bins: Vec<_> = Bin::all(&pairs)
            .iter()
            .map(|bin| (bin.level, bin.given, bin.ratings))
            .collect();
        assert_eq!(bins, [(1, 1.0, 1), (2, 2.5, 2), (5, 5.0, 1)]);
        assert!(Bin::all(&[]).is_empty());
    }

    /// By hand: 2 + 1 * 0.5 - 0.5 * 4 = 0.5, and the curve is 1 + 2 x there.
    #[test]
    fn a_score_is_read_through_the_probe() {
        let said = reading::read([0.0; 5], &[0.0; 5]);
        let features = Features {
            text: &[0.5, 9.0],
            hidden: &[9.0, 4.0],
            reading: &said,
        };
        let read = calibration().apply(&"delivery".into(), features);
        assert!((read.score - 2.0).abs() < 1e-6, "{read:?}");
        assert_eq!(read.margin, Some(0.75));
        assert!((read.raw_score - 3.0).abs() < 1e-6);
        assert_eq!(calibration().apply(&"ownership".into(), features), said);
        let short = Features {
            text: &[0.5],
            ..features
        };
        assert_eq!(calibration().apply(&"delivery".into(), short), said);
    }

    #[test]
    fn it_comes_back_from_its_blob() {
        let bytes = calibration().encode().expect("bytes");
        let back = Calibration::decode(&bytes).expect("a calibration");
        assert_eq!(back, calibration());
        assert_eq!(back.id().expect("an id"), ContentHash::of(&bytes));
        assert!(Calibration::decode(b"{}").is_err());
    }

    /// A changed rubric, prompt or weights' file would leave what ships unused, and nobody would be told:
    /// `plumb calibrate --made-up --out models/calibrations/NAME.json` fits it anew.
    #[test]
    fn what_ships_fits_what_ships() -> Result<()> {
        let mut found = 0;
        for file in BUILT_IN
            .files()
            .filter(|file| file.path().extension().is_some_and(|e| e == "json"))
        {
            let calibration = Calibration::decode(file.contents())?;
            let manifest = crate::model::manifest::find(&calibration.model.id)?;
            let weights = manifest.weights().sha256;
            assert_eq!(
                weights,
                Some(calibration.model.sha256),
                "{}",
                file.path().display()
            );
            let rubric = crate::rubric::builtin(calibration.rubric.id.as_str())?;
            let of = (&calibration.model, &RubricIdentity::of(&rubric));
            let prompt = crate::engine::prompt::templates_hash();
            assert_eq!(
                Calibration::built_in(of.0, of.1, prompt),
                Some(calibration.clone())
            );
            for dimension in &rubric.dimensions {
                let focus = calibration
                    .focus
                    .as_ref()
                    .and_then(|f| f.dimensions.get(&dimension.id));
                let width = focus.map_or(0, |probe| probe.weights.len());
                let reader = &calibration.dimensions[&dimension.id];
                assert_eq!(reader.weights.len(), Reader::length(width), "{}", dimension.id);
                assert!(reader.mae_after < reader.mae_before, "{}", dimension.id);
            }
            found += 1;
        }
        assert!(found > 0);
        Ok(())
    }

    #[test]
    fn it_fits_only_what_it_was_fitted_to() {
        let c = calibration();
        assert!(c.fits(&c.model, &c.rubric, c.prompt_sha256));
        let adapted = ModelIdentity {
            adapter: Some("a".to_owned()),
            ..c.model.clone()
        };
        assert!(!c.fits(&adapted, &c.rubric, c.prompt_sha256));
        // What is laid over answers changes nothing that is read before them.
        let answers = ModelIdentity {
            adapter: Some("a@0/answers".to_owned()),
            ..c.model.clone()
        };
        assert!(!c.fits(&answers, &c.rubric, c.prompt_sha256));
        let mut text = c.clone();
        for reader in text.dimensions.values_mut() {
            reader.weights[2..].fill(0.0);
        }
        assert!(text.fits(&answers, &c.rubric, c.prompt_sha256));
        assert!(!text.fits(&adapted, &c.rubric, c.prompt_sha256));
    }
}
