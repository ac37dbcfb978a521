//! `AdamW` with decoupled decay (Loshchilov & Hutter 2019, arXiv:1711.05101), clipping, and the schedule of the step size.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::settings::OptimiserSettings;
use crate::error::{Error, ErrorKind, Result};

/// What learns, by name: the factors of an adapter as PEFT names them, and the head of a reward model.
#[derive(Debug, Clone, Default)]
pub struct Parameters(pub BTreeMap<String, Tensor>);

/// Means of the gradients and of their squares.
#[derive(Debug, Clone, PartialEq)]
struct Moments {
    mean: Vec<f32>,
    square: Vec<f32>,
}

/// Where a step leads. The optimiser and the parameters before it are as they were: whoever takes the step may still give
/// it up.
#[derive(Debug)]
pub struct Stepped {
    /// The parameters behind it.
    pub parameters: Parameters,
    /// The optimiser behind it.
    pub optimiser: AdamW,
    /// How long the gradient was, over all parameters together, before it was clipped.
    pub grad_norm: f64,
}

/// The optimiser with its state.
#[derive(Debug, Clone)]
pub struct AdamW {
    settings: OptimiserSettings,
    /// Steps taken.
    steps: usize,
    moments: BTreeMap<String, Moments>,
}

impl AdamW {
    /// Before the first step.
    pub fn new(settings: &OptimiserSettings) -> Self {
        Self {
            settings: settings.clone(),
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Clips `gradients`, and says where one step of size `learning_rate` from `parameters` leads. With m and v the means
    /// and t the number of the step: `p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + lr decay p`.
    ///
    /// # Errors
    /// A gradient or what it leads to is not a number, or a gradient does not belong to a parameter.
    pub fn step(
        &self,
        parameters: &Parameters,
        gradients: &Parameters,
        learning_rate: f64,
    ) -> Result<Stepped> {
        let astray = |what: String| {
            Error::new(ErrorKind::Engine, format!("{what} is not a number"))
                .hint("a smaller optimiser.learning_rate may help; the steps before this one are saved")
        };
        let mut flat: BTreeMap<&String, Vec<f32>> = BTreeMap::new();
        for (name, gradient) in &gradients.0 {
            flat.insert(name, gradient.flatten_all()?.to_vec1()?);
        }
        let squares = flat.values().flatten().map(|&g| f64::from(g) * f64::from(g));
        let norm = squares.sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Err(astray("the gradient".to_owned()));
        }
        let clip = (self.settings.max_grad_norm / norm.max(1e-12)).min(1.0);
        let OptimiserSettings {
            beta1,
            beta2,
            epsilon,
            weight_decay,
            ..
        } = self.settings;
        let t = i32::try_from(self.steps + 1).unwrap_or(i32::MAX);
        let (unbias1, unbias2) = (1.0 - beta1.powi(t), 1.0 - beta2.powi(t));
        let (mut moved, mut optimiser) = (parameters.clone(), self.clone());
        for (name, gradient) in flat {
            let unknown = || Error::new(ErrorKind::Internal, format!("a gradient of no parameter: {name}"));
            let parameter = parameters.0.get(name).ok_or_else(unknown)?;
            let mut values = parameter.flatten_all()?.to_vec1::<f32>()?;
            if values.len() != gradient.len() {
                return Err(unknown());
            }
            let moments = optimiser.moments.entry(name.clone()).or_insert_with(|| Moments {
                mean: vec![0.0; gradient.len()],
                square: vec![0.0; gradient.len()],
            });
            for (i, value) in values.iter_mut().enumerate() {
                let g = f64::from(gradient[i]) * clip;
                let mean = beta1 * f64::from(moments.mean[i]) + (1.0 - beta1) * g;
                let square = beta2 * f64::from(moments.square[i]) + (1.0 - beta2) * g * g;
                (moments.mean[i], moments.square[i]) = (mean as f32, square as f32);
                let step = mean / unbias1 / ((square / unbias2).sqrt() + epsilon);
                let was = f64::from(*value);
                *value = (was - learning_rate * (step + weight_decay * was)) as f32;
            }
            if !values.iter().all(|value| value.is_finite()) {
                return Err(astray(format!("what the step makes of {name}")));
            }
            let tensor = Tensor::from_vec(values, parameter.shape(), &Device::Cpu)?;
            moved.0.insert(name.clone(), tensor);
        }
        optimiser.steps += 1;
        Ok(Stepped {
            parameters: moved,
            optimiser,
            grad_norm: norm,
        })
    }

    /// The state as tensors by name, to be saved beside the parameters.
    ///
    /// # Errors
    /// candle fails.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let steps = Tensor::new(&[self.steps as u32], &Device::Cpu)?;
        let mut state = vec![("optimiser.steps".to_owned(), steps)];
        for (name, moments) in &self.moments {
            for (part, values) in [("mean", &moments.mean), ("square", &moments.square)] {
                let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu)?;
                state.push((format!("optimiser.{part}.{name}"), tensor));
            }
        }
        Ok(state)
    }

    /// The optimiser whose [`state`](Self::state) is among `tensors`.
    ///
    /// # Errors
    /// A part is missing.
    pub fn restored(
        settings: &OptimiserSettings,
        tensors: &std::collections::HashMap<String, Tensor>,
    ) -> Result<Self> {
        let missing = |name: &str| Error::new(ErrorKind::Damaged, format!("the saved state lacks {name}"));
        let get = |name: &str| tensors.get(name).ok_or_else(|| missing(name));
        let steps = get("optimiser.steps")?.to_vec1::<u32>()?;
        let mut moments = BTreeMap::new();
        for name in tensors.keys().filter_map(|k| k.strip_prefix("optimiser.mean.")) {
            let read =
                |part: &str| -> Result<Vec<f32>> { Ok(get(&format!("optimiser.{part}.{name}"))?.to_vec1()?) };
            let part = Moments {
                mean: read("mean")?,
                square: read("square")?,
            };
            moments.insert(name.to_owned(), part);
        }
        Ok(Self {
            settings: settings.clone(),
            steps: steps.first().map_or(0, |&s| s as usize),
            moments,
        })
    }
}

/// The step size of step `step` (from 0) of `steps`: it rises in equal parts to the largest, which the last step of the
/// warm-up has, and falls along half a cosine to 0 behind the last step.
pub fn learning_rate(settings: &OptimiserSettings, step: usize, steps: usize) -> f64 {
    let warmup = (settings.warmup_ratio * steps as f64).ceil() as usize;
    if step < warmup {
        return settings.learning_rate * (step + 1) as f64 / warmup as f64;
    }
    let gone = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
    settings.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * gone).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(values: &[f32]) -> Result<Parameters> {
        let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu)?;
        Ok(Parameters([("p".to_owned(), tensor)].into()))
    }

    fn values(parameters: &Parameters) -> Result<Vec<f32>> {
        Ok(parameters.0["p"].to_vec1()?)
    }

    /// By hand, with b1 = 0.9, b2 = 0.99, lr = 0.1, decay = 0.5, no clipping. First step: m/(1-b1) = g, v/(1-b2) = g^2,
    /// so the parameter moves by lr sign(g) and lr decay p. Second step, g = 1 then -1: m = 0.9 * 0.1 - 0.1 = -0.01, over
    /// 1 - 0.81 = -0.0526316; v = 0.99 * 0.01 + 0.01 = 0.0199, over 1 - 0.9801 = 1.
    #[test]
    fn steps_by_hand() -> Result<()> {
        let settings = OptimiserSettings {
            beta2: 0.99,
            weight_decay: 0.5,
            max_grad_norm: 1e9,
            ..OptimiserSettings::default()
        };
        let first = AdamW::new(&settings).step(&one(&[2.0])?, &one(&[1.0])?, 0.1)?;
        assert!((first.grad_norm - 1.0).abs() < 1e-12);
        assert!((values(&first.parameters)?[0] - (2.0 - 0.1 - 0.1)).abs() < 1e-6);
        let second = first.optimiser.step(&first.parameters, &one(&[-1.0])?, 0.1)?;
        let expected = 1.8 + 0.1 * 0.052_631_6 - 0.1 * 0.5 * 1.8;
        let moved = values(&second.parameters)?;
        assert!((moved[0] - expected).abs() < 1e-6, "{moved:?}");
        assert_eq!(second.optimiser.steps(), 2);
        Ok(())
    }

    /// A gradient of length 5 clipped to 1 moves as one of length 1: compared with the means, which show it.
    #[test]
    fn long_gradients_are_clipped_together() -> Result<()> {
        let adam = AdamW::new(&OptimiserSettings::default());
        let stepped = adam.step(&one(&[0.0, 0.0])?, &one(&[3.0, 4.0])?, 0.1)?;
        assert!((stepped.grad_norm - 5.0).abs() < 1e-12);
        let mean = &stepped.optimiser.moments["p"].mean;
        assert!(
            (mean[0] - 0.06).abs() < 1e-7 && (mean[1] - 0.08).abs() < 1e-7,
            "{mean:?}"
        );
        Ok(())
    }

    #[test]
    fn what_is_not_a_number_is_no_step() -> Result<()> {
        let adam = AdamW::new(&OptimiserSettings::default());
        let refused = adam.step(&one(&[1.0])?, &one(&[f32::NAN])?, 0.1);
        assert!(refused.is_err_and(|e| e.message() == "the gradient is not a number"));
        // The gradient is one; what a step of this size makes of the parameter is not.
        let refused = adam.step(&one(&[1.0])?, &one(&[1.0])?, 1e39);
        assert!(refused.is_err_and(|e| e.message() == "what the step makes of p is not a number"));
        Ok(())
    }

    #[test]
    fn a_restored_state_goes_on_as_if_nothing_had_been() -> Result<()> {
        let settings = OptimiserSettings::default();
        let first = AdamW::new(&settings).step(&one(&[1.0, -2.0])?, &one(&[0.3, 0.1])?, 0.1)?;
        let again = AdamW::restored(&settings, &first.optimiser.state()?.into_iter().collect())?;
        let second =
            |adam: &AdamW| values(&adam.step(&first.parameters, &one(&[0.2, -0.7])?, 0.1)?.parameters);
        assert_eq!(second(&first.optimiser)?, second(&again)?);
        assert!(AdamW::restored(&settings, &std::collections::HashMap::new()).is_err());
        Ok(())
    }

    /// By hand: 100 steps, a warm-up of 3; halfway between 3 and 100 lies 51.5.
    #[test]
    fn the_step_size_rises_and_falls() {
        let settings = OptimiserSettings::default();
        let at = |step| learning_rate(&settings, step, 100) / 2e-4;
        assert!((at(0) - 1.0 / 3.0).abs() < 1e-9 && (at(2) - 1.0).abs() < 1e-9 && (at(3) - 1.0).abs() < 1e-9);
        assert!((at(51) + at(52) - 1.0).abs() < 1e-9);
        assert!(at(99) > 0.0 && at(99) < 1e-3);
        assert!((learning_rate(&settings, 0, 1) - 2e-4).abs() < 1e-12);
    }
}
