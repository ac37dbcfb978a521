//! Whole runs on tiny random models.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::answering::Task;
use super::folder::{DataIdentity, MachineIdentity, RunKind};
use super::grpo::Grpo;
use super::judge::Judge;
use super::learner::Learner;
use super::reward::{Pair, RewardModel};
use super::sequences::{Instruction, Said, Sequence, sequence};
use super::sft::Sft;
use super::*;
use crate::engine::assessment::ModelIdentity;
use crate::engine::grammar::GrammarFactory;
use crate::engine::reading::LevelTokens;
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::model::backend::Backend;
use crate::model::chat::ChatFrame;
use crate::model::decoder::Decoder;
use crate::model::gguf::Gguf;
use crate::model::linear::WeightForm;
use crate::model::testing::Tiny;
use crate::model::tokenizer::Tokenizer;
use crate::watch::Nobody;

struct World {
    decoder: Decoder,
    tokenizer: Arc<Tokenizer>,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl World {
    fn new(settings: Settings) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(candle_core::Error::from)?;
        let path = folder.path().join("tiny.gguf");
        Tiny::new("qwen2")?.write(&path)?;
        let gguf = Gguf::open(&path)?;
        Ok(Self {
            decoder: Decoder::load(&gguf, WeightForm::F32, &Backend::Kernels, &|_| {})?,
            tokenizer: Arc::new(Tokenizer::from_gguf(&gguf)?),
            settings,
            folder,
        })
    }

    fn learner(&self) -> Learner<'_> {
        Learner {
            decoder: &self.decoder,
            settings: &self.settings,
            start: None,
            base: None,
            checkpointing: false,
        }
    }

    fn manifest(&self, kind: RunKind, steps: usize) -> Manifest {
        Manifest {
            judge: None,
            kind,
            model: ModelIdentity {
                id: ModelId::new("tiny"),
                sha256: ContentHash::ZERO,
                adapter: None,
            },
            start: None,
            settings: self.settings.clone(),
            data: DataIdentity {
                path: "data".into(),
                sha256: ContentHash::ZERO,
                samples: 0,
                tokens: 0,
                left_out: 0,
            },
            steps,
            parameters: 0,
            program: "test".to_owned(),
            machine: MachineIdentity::here(),
        }
    }

    fn run(
        &self,
        name: &str,
        objective: &dyn Objective,
        manifest: &Manifest,
        watch: &dyn Watch,
    ) -> Result<RunFolder> {
        let folder = RunFolder::at(&self.folder.path().join(name));
        let run = Run {
            objective,
            manifest,
            folder: &folder,
            limit: None,
            watch,
        };
        run.run()?;
        Ok(folder)
    }
}

/// The end of the answer is learnt with the whole alone: behind its score an answer goes on.
#[test]
fn a_sample_without_its_words_ends_with_the_score() -> Result<()> {
    let world = World::new(Settings::default())?;
    let said = |role: &str, content: &str| Said {
        role: role.to_owned(),
        content: content.to_owned(),
    };
    let item = Instruction {
        id: "1".to_owned(),
        subject: String::new(),
        kind: None,
        given: r#"{"evidence":["#.to_owned(),
        messages: vec![
            said("user", "1. a"),
            said(
                "assistant",
                r#"{"evidence":[1],"score":4,"rationale":"b","suggestion":"c"}"#,
            ),
        ],
    };
    let frame = ChatFrame {
        before_system: Vec::new(),
        before_user: Vec::new(),
        before_answer: Vec::new(),
    };
    let learnt = |words: bool| -> Result<String> {
        let sequence = sequence(&world.tokenizer, &frame, &item, words)?;
        let bytes = world.tokenizer.decode(&sequence.tokens[sequence.answer..]);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    assert_eq!(learnt(false)?, r#"1],"score":4"#);
    let whole = learnt(true)?;
    assert!(whole.starts_with(r#"1],"score":4,"rationale":"b","suggestion":"c"}"#));
    let sequence = sequence(&world.tokenizer, &frame, &item, true)?;
    assert_eq!(sequence.tokens.last(), Some(&world.tokenizer.end()));
    Ok(())
}

fn sequences() -> Vec<Sequence> {
    (0..12_u32)
        .map(|n| Sequence {
            id: n.to_string(),
            // The answer repeats the end of the prompt: something to learn.
            tokens: (0..8).chain(4..8).map(|i| 97 + (i * 3 + n) % 20).collect(),
            answer: 8,
        })
        .collect()
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.optimiser.learning_rate = 0.02;
    settings.batch.pack = 40;
    settings.batch.accumulation = 2;
    settings.batch.epochs = 4;
    settings.batch.save_every = 3;
    settings
}

/// Wants an end after so many looks.
struct Impatient(AtomicUsize);

impl Watch for Impatient {
    fn tell(&self, _: &str, _: usize, _: usize) {}

    fn stopped(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_err()
    }
}

fn figures(folder: &RunFolder) -> Result<Vec<BTreeMap<String, f64>>> {
    Ok(folder.telemetry()?.into_iter().map(|t| t.figures).collect())
}

/// Stopped in the middle of steps again and again, a run tells the same numbers and learns the same factors.
#[test]
fn resumed_is_uninterrupted() -> Result<()> {
    let world = World::new(settings())?;
    let train = sequences();
    let objective = Sft {
        learner: world.learner(),
        tokenizer: &world.tokenizer,
        train: &train,
        valid: &train[..3],
    };
    let manifest = world.manifest(RunKind::Sft, objective.steps());
    let whole = world.run("whole", &objective, &manifest, &Nobody)?;
    let mut stops = 0;
    let parts = loop {
        match world.run("parts", &objective, &manifest, &Impatient(AtomicUsize::new(8))) {
            Ok(folder) => break folder,
            Err(e) if e.kind() == ErrorKind::Cancelled => stops += 1,
            Err(e) => return Err(e),
        }
    };
    assert!(stops > 1, "{stops}");
    assert_eq!(figures(&whole)?, figures(&parts)?);
    let read = |folder: &RunFolder| std::fs::read(folder.adapter().join(crate::model::peft::WEIGHTS)).ok();
    assert!(read(&whole).is_some() && read(&whole) == read(&parts));
    // A kill without a word: what was told behind the last saved state is told anew.
    let kept = parts.forget_after(3)?;
    assert_eq!(kept.last().map(|t| t.step), Some(3));
    assert_eq!(parts.telemetry()?, kept);
    let losses = figures(&whole)?;
    let first = losses[0]["valid_loss"];
    let last = losses[losses.len() - 1]["valid_loss"];
    assert!(last < first - 0.5, "{first} then {last}");
    Ok(())
}

/// What sequences begin with alike is read once, and the step is the same as if each had read it for itself.
#[test]
fn a_shared_beginning_is_learnt_from_as_a_repeated_one() -> Result<()> {
    let train: Vec<Sequence> = (0..3_u32)
        .map(|n| Sequence {
            id: n.to_string(),
            tokens: (0..260)
                .chain((0..20).map(|i| i * 3 + n))
                .map(|i| 97 + i % 23)
                .collect(),
            answer: 270,
        })
        .collect();
    let step = |pack: usize, accumulation: usize| {
        let mut settings = settings();
        settings.lora.dropout = 0.0;
        (settings.batch.pack, settings.batch.accumulation) = (pack, accumulation);
        let world = World::new(settings)?;
        let objective = Sft {
            learner: world.learner(),
            tokenizer: &world.tokenizer,
            train: &train,
            valid: &[],
        };
        objective.step(0, &objective.begin()?, &Nobody)
    };
    let (shared, apart) = (step(400, 1)?, step(280, 3)?);
    assert_eq!((shared.tokens, apart.tokens), (260 + 3 * 20, 3 * 280));
    assert!((shared.figures["loss"] - apart.figures["loss"]).abs() < 1e-5);
    for (name, gradient) in &shared.gradients.0 {
        let difference = (gradient - &apart.gradients.0[name])?
            .abs()?
            .max_all()?
            .to_scalar::<f32>()?;
        let size = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(
            difference <= 1e-4 * size.max(1e-3),
            "{name}: {difference} of {size}"
        );
    }
    Ok(())
}

#[test]
fn another_run_is_not_gone_on_with() -> Result<()> {
    let world = World::new(settings())?;
    let train = sequences();
    let objective = Sft {
        learner: world.learner(),
        tokenizer: &world.tokenizer,
        train: &train,
        valid: &[],
    };
    let manifest = world.manifest(RunKind::Sft, 2);
    let folder = world.run("run", &objective, &manifest, &Nobody)?;
    let other = Manifest {
        steps: 3,
        ..manifest.clone()
    };
    let refused = world.run("run", &objective, &other, &Nobody);
    assert!(refused.is_err_and(|e| e.message().contains("holds another run")));
    std::fs::write(folder.dir().join("state.safetensors"), "no").map_err(candle_core::Error::from)?;
    let damaged = world.run("run", &objective, &manifest, &Nobody);
    assert!(damaged.is_err_and(|e| e.message().contains("is not what was written")));
    Ok(())
}

/// A step size that blows the factors up ends with a message, and the state saved before is still there.
#[test]
fn numbers_that_are_none_end_the_run() -> Result<()> {
    let mut settings = settings();
    settings.optimiser.learning_rate = 1e38;
    settings.optimiser.warmup_ratio = 0.0;
    settings.batch.save_every = 1;
    let world = World::new(settings)?;
    let train = sequences();
    let objective = Sft {
        learner: world.learner(),
        tokenizer: &world.tokenizer,
        train: &train,
        valid: &[],
    };
    let manifest = world.manifest(RunKind::Sft, objective.steps());
    let refused = world.run("run", &objective, &manifest, &Nobody);
    let message = refused.err().map_or_else(String::new, |e| e.to_string());
    assert!(message.contains("not a number"), "{message}");
    let folder = RunFolder::at(&world.folder.path().join("run"));
    assert!(
        folder
            .state(&world.settings)?
            .is_some_and(|(_, optimiser)| optimiser.steps() > 0)
    );
    Ok(())
}

/// Answers that hold a certain token are preferred: what is held out says that it was learnt.
#[test]
fn a_preference_is_learnt_and_measured_on_others() -> Result<()> {
    let mut settings = settings();
    settings.batch.pack = 120;
    settings.batch.epochs = 12;
    settings.optimiser.learning_rate = 0.01;
    let world = World::new(settings)?;
    let pair = |n: u32| {
        let words = |offset: u32| -> Vec<u32> {
            (0..5 + n % 3)
                .map(|i| 100 + (i * 7 + n * 3 + offset) % 20)
                .collect()
        };
        let mut chosen = words(0);
        chosen.insert(2, 65);
        Pair {
            group: format!("g{}", n % 6),
            prompt: vec![70, 71, 72 + n % 4],
            chosen,
            rejected: words(5),
            margin: 0.0,
        }
    };
    let (train, held_out) = super::reward::split((0..48).map(pair).collect(), 0.34, 1)?;
    let objective = RewardModel::new(world.learner(), &train, &held_out);
    let manifest = world.manifest(RunKind::Reward, objective.steps());
    let folder = world.run("reward", &objective, &manifest, &Nobody)?;
    let told = figures(&folder)?;
    let (first, last) = (&told[0], &told[told.len() - 1]);
    assert!(
        (first["valid_accuracy"] - 0.5).abs() < 1e-12,
        "nothing is known before the first step"
    );
    assert!(last["valid_accuracy"] > 0.85, "{last:?}");
    assert!(last["loss"] < 0.5, "{last:?}");
    // What was written judges answers beside each other as it was measured.
    let judge = Judge::load(&folder.adapter(), &world.decoder)?;
    let mut right = 0;
    for pair in &held_out {
        let worth = judge.worth(&pair.prompt, &[pair.chosen.clone(), pair.rejected.clone()])?;
        assert!(worth.iter().all(|w| (0.0..=1.0).contains(w)), "{worth:?}");
        right += usize::from(worth[0] > worth[1]);
    }
    let share = right as f64 / held_out.len() as f64;
    assert!((share - last["valid_accuracy"]).abs() < 1e-9, "{share}");
    // Beside each other behind papers that were read before, two answers are as far apart as they are behind one prompt.
    let end = 9;
    let pair = &held_out[0];
    let answers = [&pair.chosen, &pair.rejected];
    let ended = answers.map(|tokens| [&tokens[..], &[end]].concat());
    let odds = |worth: f64| (worth / (1.0 - worth)).ln();
    let worth = judge.worth(&pair.prompt, &ended)?;
    let first = 1.0 / (1.0 + (odds(worth[1]) - odds(worth[0])).exp());
    let entropy = -first * first.log2() - (1.0 - first) * (1.0 - first).log2();
    let (papers, question) = pair.prompt.split_at(2);
    let mut drawn = crate::review::testing::pair("quality", 1);
    for (candidate, tokens) in drawn.candidates.iter_mut().zip(answers) {
        candidate.trace.branch = question.to_vec();
        candidate.trace.output.clone_from(tokens);
    }
    let doubt = f64::from(judge.doubt(&judge.read(papers)?, &drawn, end)?);
    assert!((doubt - entropy).abs() < 1e-4, "{doubt} is not {entropy}");
    let nothing = Judge::load(world.folder.path(), &world.decoder).err();
    assert!(nothing.is_some_and(|e| e.kind() == ErrorKind::Usage && e.message().contains("no reward model")));
    Ok(())
}

/// Two arms: one of two lines is the evidence, and the level is known. Rewards teach it; shuffled rewards do not.
/// How much more is earned at the end, while learning and on what is held out.
fn two_armed(shuffled: bool, seed: u64) -> Result<[f64; 2]> {
    const STEPS: usize = 40;
    let mut settings = Settings {
        seed,
        ..Settings::default()
    };
    settings.optimiser.learning_rate = 0.003;
    settings.grpo.steps = STEPS;
    settings.grpo.prompts = 2;
    settings.grpo.group = 8;
    settings.grpo.words = false;
    settings.grpo.longest_answer = 48;
    settings.grpo.beta = 0.0;
    // The random model is sure of level 5: a draw has to reach the others.
    settings.grpo.temperature = 4.0;
    settings.grpo.shuffled = shuffled;
    settings.grpo.weights.schema = 0.0;
    settings.grpo.weights.counts = 0.0;
    settings.grpo.weights.evidence = 0.0;
    let world = World::new(settings)?;
    let grammars = GrammarFactory::new(Arc::clone(&world.tokenizer))?;
    let levels = LevelTokens::of(&world.tokenizer)?;
    let task = |n: u32| Task {
        id: n.to_string(),
        subject: n.to_string(),
        prompt: vec![80 + n, 81, 82],
        lines: vec![1, 2],
        text: "[1] a\n[2] b".to_owned(),
        score: 1,
        evidence: BTreeSet::from([2]),
    };
    let tasks: Vec<Task> = (0..4).map(task).collect();
    let objective = Grpo {
        learner: world.learner(),
        tokenizer: &world.tokenizer,
        grammars: &grammars,
        levels: &levels,
        tasks: &tasks,
        held_out: &tasks[..2],
        judge: None,
    };
    let begun = objective.begin()?;
    let measured = || objective.measure(0, &begun, &Nobody);
    assert_eq!(measured()?, measured()?, "the same draws each time");
    let manifest = world.manifest(RunKind::Grpo, STEPS);
    let folder = world.run("grpo", &objective, &manifest, &Nobody)?;
    let told = figures(&folder)?;
    let mean =
        |steps: &[BTreeMap<String, f64>]| steps.iter().map(|f| f["reward"]).sum::<f64>() / steps.len() as f64;
    assert_eq!(folder.samples().len(), 16, "the last step's answers are kept");
    let held_out: Vec<f64> = told
        .iter()
        .filter_map(|f| f.get("valid_reward").copied())
        .collect();
    assert_eq!(held_out.len(), 2, "measured before and after");
    // What is told first is what was measured before the first step.
    Ok([
        mean(&told[STEPS - 7..]) - mean(&told[1..9]),
        held_out[1] - held_out[0],
    ])
}

#[test]
fn rewards_teach_and_shuffled_ones_do_not() -> Result<()> {
    let seeds = [1, 2, 3];
    let gains = |shuffled| {
        seeds
            .iter()
            .map(|&seed| two_armed(shuffled, seed))
            .collect::<Result<Vec<[f64; 2]>>>()
    };
    let (taught, control) = (gains(false)?, gains(true)?);
    let mean = |gains: &[[f64; 2]]| gains.iter().map(|gain| gain[0]).sum::<f64>() / gains.len() as f64;
    assert!(taught.iter().flatten().all(|&gain| gain > 0.2), "{taught:?}");
    assert!(
        mean(&control).abs() < 0.15 && mean(&taught) > mean(&control) + 0.2,
        "{taught:?}, shuffled {control:?}"
    );
    Ok(())
}
