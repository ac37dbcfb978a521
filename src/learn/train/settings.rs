//! Everything that can be set about a training run, in one TOML file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::lora::LoraSettings;
use crate::sanitize::line;

/// One run's settings; what a file leaves out keeps its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Root of the random numbers.
    pub seed: u64,
    /// What learns.
    pub lora: LoraSettings,
    /// What it is laid over.
    pub over: Over,
    /// How it learns.
    pub optimiser: OptimiserSettings,
    /// How much at once.
    pub batch: BatchSettings,
    /// Supervised fine-tuning's.
    pub sft: SftSettings,
    /// The reward model's.
    pub reward: RewardSettings,
    /// GRPO's.
    pub grpo: GrpoSettings,
}

/// What of a text an adapter is laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All of it: papers are read in another way, and every calibration has to be fitted anew.
    #[default]
    Everything,
    /// The answers alone (activated `LoRA`: Greenewald et al. 2025, arXiv:2504.12397): what the model has read serves with the
    /// adapter as without it, and so does what scores are read through.
    Answers,
}

/// `AdamW` and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptimiserSettings {
    /// The largest step size, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// The share of the steps in which the step size rises; then it falls along a cosine to 0.
    pub warmup_ratio: f64,
    /// Decoupled decay of the weights.
    pub weight_decay: f64,
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// What keeps the quotient finite.
    pub epsilon: f64,
    /// The longest a gradient may be, over all factors together.
    pub max_grad_norm: f64,
}

impl Default for OptimiserSettings {
    fn default() -> Self {
        Self {
            learning_rate: 2e-4,
            warmup_ratio: 0.03,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_grad_norm: 1.0,
        }
    }
}

/// Whether a block's activations are computed again backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpointing {
    /// Where they would take more than a quarter of the memory that is free.
    Auto,
    /// Always: least memory, a third more time.
    Always,
    /// Never.
    Never,
}

/// How much is read at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchSettings {
    /// Tokens of one packed pass.
    pub pack: usize,
    /// Passes whose gradients are added up before a step.
    pub accumulation: usize,
    /// How often the data is gone through.
    pub epochs: usize,
    /// Samples with more tokens are left out.
    pub longest: usize,
    /// Steps, at most; 0 is as many as the epochs have.
    pub max_steps: usize,
    /// Steps between two measurements on the validation samples; 0 measures at the end only.
    pub evaluate_every: usize,
    /// Validation samples that are measured on, at most.
    pub evaluate_on: usize,
    /// Steps between two saved states.
    pub save_every: usize,
    /// Whether a block's activations are computed again backwards.
    pub checkpointing: Checkpointing,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            pack: 1024,
            accumulation: 4,
            epochs: 1,
            longest: 1024,
            max_steps: 0,
            evaluate_every: 0,
            evaluate_on: 64,
            save_every: 10,
            checkpointing: Checkpointing::Auto,
        }
    }
}

impl BatchSettings {
    /// Steps of the whole run, where each epoch has so many passes.
    pub fn steps(&self, epochs: impl IntoIterator<Item = usize>) -> usize {
        let steps = |passes: usize| passes.div_ceil(self.accumulation);
        let all: usize = epochs.into_iter().map(steps).sum();
        match self.max_steps {
            0 => all,
            most => all.min(most),
        }
    }

    /// Whether something is measured after `done` of `steps` steps: before the first, after the last, and as often
    /// between them as is asked for.
    pub fn measures_after(&self, done: usize, steps: usize) -> bool {
        let between = self.evaluate_every > 0 && done.is_multiple_of(self.evaluate_every);
        done == 0 || done == steps || between
    }
}

/// Supervised fine-tuning's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SftSettings {
    /// Whether what stands behind an answer's score is learnt, the rationale and the suggestion. They are nine in ten of its
    /// tokens: without them a short run is spent on what to cite and which level to give.
    pub words: bool,
}

impl Default for SftSettings {
    fn default() -> Self {
        Self { words: true }
    }
}

/// The reward model's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RewardSettings {
    /// Lambda of `(r_chosen + r_rejected)^2`, which keeps rewards around 0.
    pub centre: f64,
    /// What the natural logarithm of an answer's length in tokens is charged with: the reward is then no longer paid for
    /// length alone.
    pub length_penalty: f64,
    /// The share of the groups that is held out to measure on.
    pub held_out: f64,
}

impl Default for RewardSettings {
    fn default() -> Self {
        Self {
            centre: 0.01,
            length_penalty: 0.0,
            held_out: 0.2,
        }
    }
}

/// How a group's losses are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// Over the tokens of each answer, then over the answers (Shao et al. 2024, arXiv:2402.03300).
    Grpo,
    /// Over a constant number of tokens, so that long answers are not favoured (Liu et al. 2025, arXiv:2503.20783).
    DrGrpo,
}

/// What a group's rewards are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Their standard deviation.
    Std,
    /// Nothing.
    None,
}

/// What the divergence is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The model without any adapter.
    Base,
    /// The adapter that the run began with.
    Start,
}

/// GRPO's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrpoSettings {
    /// Steps.
    pub steps: usize,
    /// Prompts of one step.
    pub prompts: usize,
    /// Answers to each.
    pub group: usize,
    /// Temperature of the answers.
    pub temperature: f64,
    /// The most tokens of an answer.
    pub longest_answer: usize,
    /// How far the ratio may fall below 1 before it stops counting.
    pub epsilon: f64,
    /// How far it may rise.
    pub epsilon_high: f64,
    /// Weight of the divergence from the reference.
    pub beta: f64,
    /// What the divergence is measured from.
    pub reference: Reference,
    /// Averaging.
    pub loss: LossType,
    /// Scaling of the advantages.
    pub scaling: Scaling,
    /// Whether answers go on behind their score, to the rationale and the suggestion.
    pub words: bool,
    /// Weights of the rewards in their sum.
    pub weights: RewardWeights,
    /// Whether rewards are shuffled within each group: a control that must not learn.
    pub shuffled: bool,
}

impl Default for GrpoSettings {
    fn default() -> Self {
        Self {
            steps: 40,
            prompts: 4,
            group: 8,
            temperature: 1.0,
            longest_answer: 256,
            epsilon: 0.2,
            epsilon_high: 0.28,
            beta: 0.04,
            reference: Reference::Base,
            loss: LossType::DrGrpo,
            scaling: Scaling::Std,
            words: true,
            weights: RewardWeights::default(),
            shuffled: false,
        }
    }
}

/// How much each reward counts; each lies in 0..1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RewardWeights {
    /// Closeness of the score to the known level.
    pub score: f64,
    /// F1 of the cited lines against the known ones.
    pub evidence: f64,
    /// Whether the answer has the asked form.
    pub schema: f64,
    /// Whether the counts it states are those of the papers.
    pub counts: f64,
    /// What the reward model says.
    pub model: f64,
}

impl Default for RewardWeights {
    fn default() -> Self {
        Self {
            score: 1.0,
            evidence: 1.0,
            schema: 0.5,
            counts: 0.5,
            model: 0.0,
        }
    }
}

impl RewardWeights {
    fn all(&self) -> [f64; 5] {
        [self.score, self.evidence, self.schema, self.counts, self.model]
    }
}

impl Settings {
    /// Reads a file; without one, the defaults.
    ///
    /// # Errors
    /// The file cannot be read, has a key that is not known, or a value makes no sense.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let name = path.display().to_string();
        let wrong = |fault: toml::de::Error| Error::toml(&name, &text, &fault);
        // Only here is a key that is not known an error: manifests of runs outlive settings that were given up.
        let mut unknown = Vec::new();
        let file = toml::Deserializer::parse(&text).map_err(wrong)?;
        let settings: Self =
            serde_ignored::deserialize(file, |key| unknown.push(key.to_string())).map_err(wrong)?;
        if let Some(key) = unknown.first() {
            let what = format!("{}: there is no setting {}", line(&name), line(key));
            return Err(
                Error::new(ErrorKind::Usage, what).hint("the README names the settings of a training run")
            );
        }
        settings.check()?;
        if !settings.lora.invocation.is_empty() {
            let what = format!(
                "{}: lora.invocation follows from `over` and is not set",
                path.display()
            );
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("over = \"answers\" lays the adapter over answers alone"));
        }
        Ok(settings)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first one that makes no sense.
    pub fn check(&self) -> Result<()> {
        self.lora.check()?;
        let (o, b, g, r) = (&self.optimiser, &self.batch, &self.grpo, &self.reward);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let weights = g.weights.all();
        let share = |x: f64| (0.0..1.0).contains(&x);
        let checks = [
            ("optimiser.learning_rate is above 0", positive(o.learning_rate)),
            (
                "optimiser.warmup_ratio is from 0 to below 1",
                share(o.warmup_ratio),
            ),
            (
                "optimiser.weight_decay is not below 0",
                o.weight_decay >= 0.0 && o.weight_decay.is_finite(),
            ),
            ("optimiser.beta1 is from 0 to below 1", share(o.beta1)),
            ("optimiser.beta2 is from 0 to below 1", share(o.beta2)),
            ("optimiser.epsilon is above 0", positive(o.epsilon)),
            ("optimiser.max_grad_norm is above 0", positive(o.max_grad_norm)),
            ("batch.pack is from 16 to 32768", (16..=32_768).contains(&b.pack)),
            (
                "batch.accumulation is from 1 to 4096",
                (1..=4096).contains(&b.accumulation),
            ),
            ("batch.epochs is from 1 to 1000", (1..=1000).contains(&b.epochs)),
            (
                "batch.longest is from 16 to 32768",
                (16..=32_768).contains(&b.longest),
            ),
            ("batch.save_every is above 0", b.save_every > 0),
            (
                "reward.centre is not below 0",
                r.centre >= 0.0 && r.centre.is_finite(),
            ),
            (
                "reward.length_penalty is not below 0",
                r.length_penalty >= 0.0 && r.length_penalty.is_finite(),
            ),
            (
                "reward.held_out is above 0 and below 1",
                share(r.held_out) && r.held_out > 0.0,
            ),
            ("grpo.steps is from 1 to 100000", (1..=100_000).contains(&g.steps)),
            ("grpo.prompts is from 1 to 256", (1..=256).contains(&g.prompts)),
            ("grpo.group is from 2 to 256", (2..=256).contains(&g.group)),
            ("grpo.temperature is above 0", positive(g.temperature)),
            (
                "grpo.longest_answer is from 8 to 4096",
                (8..=4096).contains(&g.longest_answer),
            ),
            (
                "grpo.epsilon is above 0 and below 1",
                share(g.epsilon) && g.epsilon > 0.0,
            ),
            ("grpo.epsilon_high is above 0", positive(g.epsilon_high)),
            ("grpo.beta is not below 0", g.beta >= 0.0 && g.beta.is_finite()),
            (
                "of grpo.weights none is below 0 and one is above",
                weights.iter().all(|&w| w.is_finite() && w >= 0.0) && weights.iter().any(|&w| w > 0.0),
            ),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            None => Ok(()),
            Some((rule, _)) => Err(Error::new(
                ErrorKind::Usage,
                format!("a setting is out of range: {rule}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::io("make", Path::new("."), e))?;
        let path = folder.path().join("train.toml");
        let load = |text: &str| {
            std::fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
            Settings::load(Some(&path))
        };
        let settings = load(
            "seed = 3\n[lora]\nr = 4\nalpha = 8.0\ntargets = [\"q_proj\", \"down_proj\"]\n[grpo]\nloss = \"grpo\"\n",
        )?;
        assert_eq!(
            (settings.seed, settings.lora.r, settings.grpo.loss),
            (3, 4, LossType::Grpo)
        );
        assert_eq!(settings.optimiser, OptimiserSettings::default());
        let message = |text: &str| load(text).err().map_or_else(String::new, |e| e.to_string());
        assert!(message("[optimiser]\nlr = 1.0\n").contains("there is no setting optimiser.lr"));
        assert!(message("[lora]\nr = 0\n").contains("lora.r is 0"));
        assert!(message("[grpo]\ngroup = 1\n").contains("grpo.group is from 2"));
        assert!(message("[lora]\ntargets = []\n").contains("lora.targets"));
        for weights in [
            "score = -1.0",
            "model = nan",
            "score = 0\nevidence = 0\nschema = 0\ncounts = 0",
        ] {
            let said = message(&format!("[grpo.weights]\n{weights}\n"));
            assert!(said.contains("grpo.weights none is below 0"), "{weights}: {said}");
        }
        // Of a run that was made when there was another setting.
        let old = serde_json::from_str::<Settings>(r#"{"seed":4,"grpo":{"silent":0.1,"steps":9}}"#);
        assert_eq!(old.map(|s| (s.seed, s.grpo.steps)).ok(), Some((4, 9)));
        Ok(())
    }
}
