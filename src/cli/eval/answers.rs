//! `plumb eval answers`: what the scorings of a dataset's held-out people are answered with.

use std::sync::Arc;

use serde::Serialize;

use super::{AnswersArgs, Report, text};
use crate::cli::onlooker::Onlooker;
use crate::cli::{adapters, engine, out};
use crate::config::Config;
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::answers::{Compared, Sampling, compare};
use crate::learn::dataset::Part;
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

/// Both adapters, and how was answered under them.
#[derive(Serialize)]
struct Both {
    /// The second one; nothing where it is the model by itself.
    beside: Option<String>,
    /// Scorings whose prompt is too long.
    left_out: usize,
    #[serde(flatten)]
    compared: Compared,
}

pub(super) fn run(args: &AnswersArgs, config: &Config) -> Result<()> {
    let model = engine::model(config)?;
    let beside = adapters::wanted(&args.beside, config, &model.identity, &model.path)?;
    let path = args.dir.join(Part::HeldOut.file());
    let samples = sequences::read(&path)?;
    let gguf = Gguf::open(&model.path)?;
    let tokenizer = Arc::new(Tokenizer::from_gguf(&gguf)?);
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    let mut tasks = tasks(&samples.items, &tokenizer, &frame)?;
    let count = tasks.len();
    if let Some(longest) = args.longest_prompt {
        tasks.retain(|task| task.prompt.len() <= longest as usize);
    }
    let left_out = count - tasks.len();
    tasks.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    if tasks.is_empty() {
        let what = format!(
            "{} holds no scoring that counts",
            line(&path.display().to_string())
        );
        return Err(Error::new(ErrorKind::Input, what)
            .hint("`plumb dataset build` writes some; a larger --longest-prompt lets longer prompts count"));
    }
    let settings = GrpoSettings::default();
    let sampling = Sampling {
        tokenizer: &tokenizer,
        grammars: &GrammarFactory::new(Arc::clone(&tokenizer))?,
        levels: &LevelTokens::of(&tokenizer)?,
        draws: args.draw as usize,
        temperature: settings.temperature,
        longest_answer: settings.longest_answer,
        seed: Seed::root(args.seed).branch("eval answers"),
    };
    let watch = Onlooker::start();
    let backend = Backend::open(model.options.device)?;
    let base = Decoder::load(&gguf, model.options.weights, &backend, &|part| {
        watch.tell("loading the weights", (part * 100.0) as usize, 100);
    })?;
    let under = |adapter: Option<&NamedAdapter>| {
        let adapter = adapter.map(|named| &named.adapter);
        if let Some(adapter) = adapter {
            frame.check_invocation(&adapter.invocation, &tokenizer)?;
        }
        base.with_adapter(adapter)
    };
    let decoders = [under(model.adapter.as_deref())?, under(beside.as_deref())?];
    let answered = sampling.answers(decoders.each_ref(), &tasks, &watch);
    watch.end();
    let both = Both {
        beside: beside.as_deref().map(NamedAdapter::label),
        left_out,
        compared: compare(&tasks, answered?, sampling.draws),
    };
    let report = Report::new("answers", &path, model.identity, both);
    if args.json {
        return out::json(&report);
    }
    let Both { beside, compared, .. } = &report.compared;
    let mut lines = text::answers(report.adapter.as_deref(), beside.as_deref(), compared);
    if left_out > 0 {
        lines.push(format!("{left_out} scorings have a longer prompt"));
    }
    out::lines(&lines)
}
