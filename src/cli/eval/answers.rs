//! `plumb eval answers`: what the scorings of a dataset's held-out people are answered with.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{AnswersArgs, Report, text};
use crate::cli::onlooker::Onlooker;
use crate::cli::{adapters, engine, out};
use crate::config::Config;
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::answers::{Compared, Sitting, compare};
use crate::learn::train::answering::tasks;
use crate::learn::train::sequences;
use crate::learn::train::settings::GrpoSettings;
use crate::model::backend::Backend;
use crate::model::chat::ChatFrame;
use crate::model::decoder::Decoder;
use crate::model::gguf::Gguf;
use crate::model::lora::NamedAdapter;
use crate::model::tokenizer::Tokenizer;
use crate::sanitize::line;
use crate::seed::Seed;
use crate::watch::Watch as _;

/// The scorings that nothing is learnt from.
const HELD_OUT: &str = "heldout.jsonl";

/// Both models, and how they answered.
#[derive(Serialize)]
struct Both {
    /// What is laid over the second; nothing where it is the model by itself.
    beside: Option<String>,
    #[serde(flatten)]
    compared: Compared,
}

pub(super) fn run(args: &AnswersArgs, config: &Config) -> Result<()> {
    let model = engine::model(config)?;
    let beside = adapters::wanted(&args.beside, config, &model.identity, &model.path)?;
    let path = args.dir.join(HELD_OUT);
    let samples = sequences::read(&path)?;
    let gguf = Gguf::open(&model.path)?;
    let tokenizer = Arc::new(Tokenizer::from_gguf(&gguf)?);
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let mut tasks = tasks(&samples.items, &tokenizer, &frame)?;
    if let Some(longest) = args.longest {
        tasks.retain(|task| task.prompt.len() <= longest as usize);
    }
    tasks.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    if tasks.is_empty() {
        let what = format!(
            "{} holds no scoring that counts",
            line(&path.display().to_string())
        );
        return Err(Error::new(ErrorKind::Input, what)
            .hint("`plumb dataset build` writes some; a larger --longest lets longer prompts count"));
    }
    let settings = GrpoSettings::default();
    let sitting = Sitting {
        tokenizer: &tokenizer,
        grammars: &GrammarFactory::new(Arc::clone(&tokenizer))?,
        levels: &LevelTokens::of(&tokenizer)?,
        draws: args.draw as usize,
        temperature: settings.temperature,
        longest: settings.longest_answer,
        seed: Seed::root(args.seed).branch("eval answers"),
    };
    let watch = Onlooker::start();
    let backend = Backend::open(model.options.device)?;
    let base = Decoder::load(&gguf, model.options.weights, &backend, &|part| {
        watch.tell("loading the weights", (part * 100.0) as usize, 100);
    })?;
    let under = |adapter: Option<&NamedAdapter>| base.with_adapter(adapter.map(|a| &a.adapter));
    let (first, second) = (under(model.adapter.as_deref())?, under(beside.as_deref())?);
    let answered = sitting.answers([&first, &second], &tasks, &watch);
    watch.end();
    let [first, second] = answered?;
    let both = Both {
        beside: beside.as_deref().map(NamedAdapter::label),
        compared: compare(&tasks, [&first, &second], sitting.draws),
    };
    let report = Report::new("answers", Path::new(&path), model.identity, both);
    if args.json {
        return out::json(&report);
    }
    let Both { beside, compared } = &report.compared;
    out::lines(&text::answers(
        report.adapter.as_deref(),
        beside.as_deref(),
        compared,
    ))
}
