//! What is learnt from: the samples of a dataset, its scorings, and pairs of answers.

use std::path::{Path, PathBuf};

use super::base::Base;
use crate::cli::dataset;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::learn::dataset::Part;
use crate::learn::export::{Comparison, Message};
use crate::learn::forms::{self, Majority, RatedPair};
use crate::learn::train::Settings;
use crate::learn::train::answering::{Task, tasks};
use crate::learn::train::estimate::Load;
use crate::learn::train::folder::DataIdentity;
use crate::learn::train::reward::{Pair, Split, passes, split};
use crate::learn::train::sequences::{self, Family, Sequence, epochs, sequence};
use crate::sanitize::line;

/// A dataset in tokens.
pub(super) struct Data {
    pub(super) train: Vec<Sequence>,
    pub(super) valid: Vec<Sequence>,
    pub(super) identity: DataIdentity,
}

impl Data {
    /// Reads the samples, and leaves out those that are too long.
    pub(super) fn read(dir: &Path, base: &Base) -> Result<Self> {
        let (path, batch) = (dir.join(Part::Train.file()), &base.settings.batch);
        let longest = batch.longest.min(batch.pack);
        let samples = sequences::read(&path)?;
        let tokens = |items: &[sequences::Instruction]| -> Result<Vec<Sequence>> {
            items
                .iter()
                .map(|item| sequence(&base.tokenizer, &base.frame, item, base.settings.sft.words))
                .collect()
        };
        let mut train = tokens(&samples.items)?;
        let count = train.len();
        train.retain(|s| s.tokens.len() <= longest);
        if train.is_empty() {
            let what = format!("all {count} samples have more than {longest} tokens");
            return Err(Error::new(ErrorKind::Usage, what).hint("raise batch.longest and batch.pack"));
        }
        let valid_path = dir.join(Part::Valid.file());
        let mut valid = Vec::new();
        if valid_path.exists() {
            valid = tokens(&sequences::read(&valid_path)?.items)?;
            valid.retain(|s| s.tokens.len() <= longest);
        }
        Ok(Self {
            identity: DataIdentity {
                path,
                sha256: samples.sha256,
                samples: train.len(),
                tokens: train.iter().map(|s| s.tokens.len()).sum(),
                left_out: count - train.len(),
            },
            train,
            valid,
        })
    }

    /// What there is to read and to learn from.
    pub(super) fn load(&self, settings: &Settings) -> Load {
        let read = |pass: &Vec<Family>| pass.iter().map(|family| family.tokens).sum();
        let passes: Vec<Vec<usize>> = epochs(&self.train, settings)
            .iter()
            .map(|passes| passes.iter().map(read).collect())
            .collect();
        let learnt = self.train.iter().map(Sequence::learnt).sum::<usize>();
        Load::of_passes(&settings.batch, &passes, learnt * settings.batch.epochs)
    }
}

/// The scorings of a dataset.
pub(super) struct Tasks {
    pub(super) train: Vec<Task>,
    pub(super) held_out: Vec<Task>,
    pub(super) identity: DataIdentity,
}

impl Tasks {
    /// Reads the scorings, and leaves out those whose prompt is too long.
    pub(super) fn read(dir: &Path, base: &Base) -> Result<Self> {
        let path = dir.join(Part::Train.file());
        let samples = sequences::read(&path)?;
        let tasks = |items: &[sequences::Instruction]| tasks(items, &base.tokenizer, &base.frame);
        let mut train = tasks(&samples.items)?;
        let (count, longest) = (train.len(), base.settings.batch.longest);
        train.retain(|t| t.prompt.len() <= longest);
        if train.is_empty() {
            let what = format!(
                "{} holds no scoring of at most {longest} tokens",
                line(&path.display().to_string())
            );
            return Err(Error::new(ErrorKind::Input, what));
        }
        let out = dir.join(Part::HeldOut.file());
        let mut held_out = Vec::new();
        if out.exists() {
            held_out = tasks(&sequences::read(&out)?.items)?;
            held_out.retain(|t| t.prompt.len() <= longest);
        }
        Ok(Self {
            identity: DataIdentity {
                path,
                sha256: samples.sha256,
                samples: train.len(),
                tokens: train.iter().map(|t| t.prompt.len()).sum(),
                left_out: count - train.len(),
            },
            train,
            held_out,
        })
    }

    /// What there is to read and to write, estimated.
    pub(super) fn load(&self, settings: &Settings) -> Load {
        /// Tokens of an answer up to its score, and of a whole one, as the samples have them.
        const SCORE: usize = 16;
        const WHOLE: usize = 120;
        let grpo = &settings.grpo;
        let answer = if grpo.words {
            WHOLE.min(grpo.longest_answer)
        } else {
            SCORE
        };
        let longest = self.train.iter().map(|t| t.prompt.len()).max().unwrap_or(0);
        let prompts = grpo.steps * grpo.prompts;
        let prompt = self.identity.tokens / self.train.len().max(1);
        let drawn = prompts * grpo.group * answer;
        let measurements = (0..=grpo.steps).filter(|&done| settings.batch.measures_after(done, grpo.steps));
        let measured = measurements.count() * self.held_out.len().min(settings.batch.evaluate_on);
        // The reference reads everything once more, and what is measured is read once, forwards: half a pass.
        let read = (prompts * prompt + drawn) * 3 / 2 + (prompts + measured) * prompt / 2;
        Load {
            steps: grpo.steps,
            tokens: read,
            learnt: drawn * 2,
            written: drawn + measured * grpo.group * answer,
            rows: longest + grpo.group * grpo.longest_answer,
        }
    }
}

/// Pairs of answers in tokens.
pub(super) struct Pairs {
    pub(super) train: Vec<Pair>,
    pub(super) held_out: Vec<Pair>,
    pub(super) identity: DataIdentity,
    /// The tokens of each pass.
    passes: Vec<usize>,
}

impl Pairs {
    /// Reads the pairs of a file, or those of the workspace, and leaves out those that are too long.
    pub(super) fn read(path: Option<&Path>, base: &Base, config: &Config) -> Result<Self> {
        let (comparisons, identity) = comparisons(path, config)?;
        let pairs: Vec<Pair> = comparisons
            .iter()
            .map(|c| Pair::of(c, &base.tokenizer, &base.frame))
            .collect::<Result<_>>()?;
        let Split {
            train,
            held_out,
            left_out,
        } = split(pairs, &base.settings)?;
        let passes = passes(&train, base.settings.batch.pack);
        Ok(Self {
            identity: DataIdentity {
                samples: train.len(),
                tokens: passes.iter().sum(),
                left_out,
                ..identity
            },
            train,
            held_out,
            passes,
        })
    }

    /// What there is to read.
    pub(super) fn load(&self, settings: &Settings) -> Load {
        let epochs = vec![self.passes.clone(); settings.batch.epochs];
        Load::of_passes(&settings.batch, &epochs, 0)
    }
}

/// Pairs from a file, or from what people decided in the workspace.
fn comparisons(path: Option<&Path>, config: &Config) -> Result<(Vec<Comparison>, DataIdentity)> {
    let identity = |path: PathBuf, sha256| DataIdentity {
        path,
        sha256,
        samples: 0,
        tokens: 0,
        left_out: 0,
    };
    let Some(path) = path else {
        let comparisons = dataset::compared(config)?;
        let text = format!("{comparisons:?}");
        return Ok((
            comparisons,
            identity(config.workspace.clone(), ContentHash::of(text.as_bytes())),
        ));
    };
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let pairs: Vec<RatedPair> = forms::parse(&line(&path.display().to_string()), &text)?;
    let one = |pair: RatedPair| {
        let (chosen, rejected) = match pair.majority {
            Majority::A => (pair.a, pair.b),
            Majority::B => (pair.b, pair.a),
            Majority::Tie => return None,
        };
        let prompt = vec![Message {
            role: "user",
            content: pair.prompt,
        }];
        Some(Comparison {
            group: pair.group,
            prompt,
            chosen,
            rejected,
            margin: 0.0,
        })
    };
    let comparisons = pairs.into_iter().filter_map(one).collect();
    Ok((
        comparisons,
        identity(path.to_path_buf(), ContentHash::of(text.as_bytes())),
    ))
}
