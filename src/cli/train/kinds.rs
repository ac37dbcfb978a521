//! The three kinds of run: what each reads, checks before the weights are loaded, and learns.

use std::path::Path;
use std::sync::Arc;

use super::base::Base;
use super::data::{Data, Pairs, Tasks};
use super::ending::train;
use super::{TrainArgs, folder};
use crate::cli::onlooker::Onlooker;
use crate::config::Config;
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::train::folder::{Manifest, RunKind, check_base};
use crate::learn::train::grpo::Grpo;
use crate::learn::train::judge::Judge;
use crate::learn::train::reward::RewardModel;
use crate::learn::train::sft::Sft;

/// `plumb train sft`.
pub(super) fn sft(dir: &Path, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let data = Data::read(dir, &base)?;
    let estimate = base.estimate(data.load(&base.settings))?;
    estimate.check()?;
    let folder = folder(config, how.run.as_deref(), RunKind::Sft)?;
    let (watch, tokenizer) = (Onlooker::start(), Arc::clone(&base.tokenizer));
    let loaded = base.load(&estimate, &watch)?;
    let objective = Sft::new(loaded.learner(), &tokenizer, &data.train, &data.valid);
    let manifest = loaded.manifest(RunKind::Sft, &objective, objective.steps(), data.identity)?;
    train(&objective, &manifest, &folder, how, &watch)
}

/// `plumb train grpo`.
pub(super) fn grpo(dir: &Path, judge: Option<&Path>, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let weight = base.settings.grpo.weights.model;
    if judge.is_some() != (weight > 0.0) {
        let what = if judge.is_some() {
            "a reward model is named, and its weight is 0"
        } else {
            "grpo.weights.model is above 0, and no reward model is named"
        };
        return Err(Error::new(ErrorKind::Usage, what)
            .hint("name one with --judge DIR and set grpo.weights.model in the settings, or neither"));
    }
    if let Some(judge) = judge {
        Judge::check(judge)?;
        check_base(judge, &base.model.identity)?;
    }
    let tasks = Tasks::read(dir, &base)?;
    let estimate = base.estimate(tasks.load(&base.settings))?;
    estimate.check()?;
    let folder = folder(config, how.run.as_deref(), RunKind::Grpo)?;
    let (watch, tokenizer) = (Onlooker::start(), Arc::clone(&base.tokenizer));
    let grammars = GrammarFactory::new(Arc::clone(&tokenizer))?;
    let levels = LevelTokens::of(&tokenizer)?;
    let loaded = base.load(&estimate, &watch)?;
    let judge = judge.map(|dir| Judge::load(dir, &loaded.decoder)).transpose()?;
    let objective = Grpo {
        judge: judge.as_ref(),
        learner: loaded.learner(),
        tokenizer: &tokenizer,
        grammars: &grammars,
        levels: &levels,
        tasks: &tasks.train,
        held_out: &tasks.held_out,
    };
    let steps = loaded.settings.grpo.steps;
    let manifest = Manifest {
        judge: judge.as_ref().map(|judge| judge.sha256),
        ..loaded.manifest(RunKind::Grpo, &objective, steps, tasks.identity)?
    };
    train(&objective, &manifest, &folder, how, &watch)
}

/// `plumb train reward`.
pub(super) fn reward(path: Option<&Path>, how: &TrainArgs, config: &Config) -> Result<()> {
    let base = Base::new(how, config)?;
    let pairs = Pairs::read(path, &base, config)?;
    let estimate = base.estimate(pairs.load(&base.settings))?;
    estimate.check()?;
    let folder = folder(config, how.run.as_deref(), RunKind::Reward)?;
    let watch = Onlooker::start();
    let loaded = base.load(&estimate, &watch)?;
    let objective = RewardModel::new(loaded.learner(), &pairs.train, &pairs.held_out);
    let manifest = loaded.manifest(RunKind::Reward, &objective, objective.steps(), pairs.identity)?;
    train(&objective, &manifest, &folder, how, &watch)
}
