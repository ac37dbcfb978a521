//! Whole runs on tiny random models.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::answering::Task;
use super::folder::{DataIdentity, Look, MachineIdentity, RunKind, check_base};
use super::grpo::Grpo;
use super::judge::Judge;
use super::learner::Learner;
use super::reward::{Pair, RewardModel, Split};
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
            weights: Some("f32".to_owned()),
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

/// The end of an answer is learnt where all is said: behind its score an answer goes on.
#[test]
fn a_sample_without_its_words_stops_at_the_score() -> Result<()> {
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

/// The file of the factors that were learnt.
fn learnt(folder: &RunFolder) -> Option<Vec<u8>> {
    std::fs::read(folder.adapter().join(crate::model::peft::WEIGHTS)).ok()
}

/// Stopped in the middle of steps again and again, a run tells the same numbers and learns the same factors.
#[test]
fn resumed_is_uninterrupted() -> Result<()> {
    let world = World::new(settings())?;
    let train = sequences();
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &train[..3]);
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
    assert!(learnt(&whole).is_some() && learnt(&whole) == learnt(&parts));
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

/// Wherever it is stopped, in a step or in a measurement, a run goes on to the same numbers, and says what is saved.
#[test]
fn stopped_anywhere_a_run_goes_on_alike() -> Result<()> {
    let mut settings = settings();
    (settings.batch.epochs, settings.batch.evaluate_every) = (2, 2);
    let world = World::new(settings)?;
    let train = sequences();
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &train[..3]);
    let manifest = world.manifest(RunKind::Sft, objective.steps());
    let looks = Impatient(AtomicUsize::new(usize::MAX));
    let whole = world.run("whole", &objective, &manifest, &looks)?;
    let looks = usize::MAX - looks.0.into_inner();
    assert!(looks > 10, "{looks}");
    for n in 0..looks {
        let name = format!("stopped-{n}");
        let stopped = world.run(&name, &objective, &manifest, &Impatient(AtomicUsize::new(n)));
        let Err(stopped) = stopped else {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("look {n} did not stop it"),
            ));
        };
        let folder = RunFolder::at(&world.folder.path().join(&name));
        let steps = folder
            .state(&world.settings)?
            .map(|(_, optimiser)| optimiser.steps());
        let saved = stopped.message().contains("they are saved");
        assert_eq!((stopped.kind(), saved), (ErrorKind::Cancelled, steps != Some(0)));
        assert!(
            stopped.hints()[0].contains(&format!("--run {name}")),
            "{stopped:?}"
        );
        assert!(
            learnt(&folder).is_some(),
            "what was learnt is written wherever it stops"
        );
        world.run(&name, &objective, &manifest, &Nobody)?;
        assert_eq!(figures(&whole)?, figures(&folder)?, "{n} of {looks}");
        assert_eq!(learnt(&whole), learnt(&folder), "{n} of {looks}");
    }
    Ok(())
}

/// Fails when it is to be measured after so many steps.
struct Failing<'a>(&'a dyn Objective, usize);

impl Objective for Failing<'_> {
    fn begin(&self) -> Result<Parameters> {
        self.0.begin()
    }

    fn step(&self, step: usize, parameters: &Parameters, watch: &dyn Watch) -> Result<Found> {
        self.0.step(step, parameters, watch)
    }

    fn measure(
        &self,
        done: usize,
        parameters: &Parameters,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<String, f64>> {
        if done == self.1 {
            return Err(Error::new(ErrorKind::Io, "the disk is full"));
        }
        self.0.measure(done, parameters, watch)
    }

    fn write(&self, parameters: &Parameters, dir: &Path) -> Result<()> {
        self.0.write(parameters, dir)
    }
}

#[test]
fn a_step_that_was_not_told_of_does_not_count_and_those_before_it_are_saved() -> Result<()> {
    let mut settings = settings();
    settings.batch.save_every = 100;
    let world = World::new(settings)?;
    let train = sequences();
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &[]);
    let manifest = world.manifest(RunKind::Sft, objective.steps());
    let failed = world.run("run", &Failing(&objective, 3), &manifest, &Nobody);
    assert!(failed.is_err_and(|e| e.message() == "the disk is full"));
    let folder = RunFolder::at(&world.folder.path().join("run"));
    let saved = folder
        .state(&world.settings)?
        .map(|(_, optimiser)| optimiser.steps());
    assert_eq!(saved, Some(2));
    assert_eq!(folder.telemetry()?.last().map(|told| told.step), Some(2));
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
        let objective = Sft::new(world.learner(), &world.tokenizer, &train, &[]);
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
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &[]);
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

#[test]
fn a_run_is_the_same_one_wherever_its_data_lies_but_not_on_weights_in_another_form() -> Result<()> {
    let world = World::new(settings())?;
    let folder = RunFolder::at(&world.folder.path().join("run"));
    let manifest = world.manifest(RunKind::Sft, 2);
    folder.begin(&manifest)?;
    let mut moved = manifest.clone();
    moved.data.path = "elsewhere".into();
    folder.begin(&moved)?;
    let blocks = Manifest {
        weights: Some("blocks".to_owned()),
        ..manifest.clone()
    };
    assert!(folder.begin(&blocks).is_err_and(|e| e.kind() == ErrorKind::Usage));
    // A run from before the form was kept goes on in either.
    let old = RunFolder::at(&world.folder.path().join("old"));
    old.begin(&Manifest {
        weights: None,
        ..manifest.clone()
    })?;
    old.begin(&blocks)?;
    old.begin(&manifest)
}

#[test]
fn one_process_trains_a_run() -> Result<()> {
    let world = World::new(settings())?;
    let train = sequences();
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &[]);
    let manifest = world.manifest(RunKind::Sft, 1);
    let folder = RunFolder::at(&world.folder.path().join("run"));
    let lock = folder.lock()?;
    let refused = world.run("run", &objective, &manifest, &Nobody);
    assert!(refused.is_err_and(|e| e.kind() == ErrorKind::Locked));
    drop(lock);
    world.run("run", &objective, &manifest, &Nobody)?;
    Ok(())
}

#[test]
fn an_adapter_that_was_learnt_on_another_base_is_refused() -> Result<()> {
    let world = World::new(settings())?;
    let folder = RunFolder::at(&world.folder.path().join("run"));
    let manifest = world.manifest(RunKind::Sft, 2);
    folder.begin(&manifest)?;
    folder.replace_adapter(|_| Ok(()))?;
    check_base(&folder.adapter(), &manifest.model)?;
    let other = ModelIdentity {
        sha256: ContentHash::of(b"other"),
        ..manifest.model.clone()
    };
    let refused = check_base(&folder.adapter(), &other);
    assert!(refused.is_err_and(|e| e.message().contains("learnt on another base")));
    // Of an adapter that came from elsewhere nothing is known.
    check_base(&world.folder.path().join("nowhere"), &other)
}

/// A run that cannot be read does not stand before those that can, and half an adapter is never there.
#[test]
fn what_is_broken_hides_nothing() -> Result<()> {
    let world = World::new(settings())?;
    let runs = world.folder.path().join("runs");
    let folder = RunFolder::at(&runs.join("good"));
    folder.begin(&world.manifest(RunKind::Sft, 2))?;
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(candle_core::Error::from);
    let broken = runs.join("later");
    std::fs::create_dir_all(&broken).map_err(candle_core::Error::from)?;
    write(&broken.join("manifest.json"), "{")?;
    let good = || Ok::<_, Error>(Look::newest(&runs)?.map(|look| (look.name, look.stopped.is_some())));
    assert_eq!(good()?, Some(("good".to_owned(), true)));
    let lock = folder.lock()?;
    assert_eq!(good()?, Some(("good".to_owned(), false)), "somebody trains it");
    drop(lock);

    let file = folder.adapter().join("a");
    let read = || std::fs::read_to_string(&file).ok();
    folder.replace_adapter(|dir| Ok(write(&dir.join("a"), "first")?))?;
    let failed = folder.replace_adapter(|dir| {
        write(&dir.join("a"), "half")?;
        Err(Error::new(ErrorKind::Io, "the disk is full"))
    });
    assert!(failed.is_err());
    assert_eq!(read().as_deref(), Some("first"));
    folder.replace_adapter(|dir| Ok(write(&dir.join("a"), "second")?))?;
    assert_eq!(read().as_deref(), Some("second"));
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
    let objective = Sft::new(world.learner(), &world.tokenizer, &train, &[]);
    let manifest = world.manifest(RunKind::Sft, objective.steps());
    let refused = world.run("run", &objective, &manifest, &Nobody);
    let message = refused.err().map_or_else(String::new, |e| e.to_string());
    assert!(message.contains("not a number"), "{message}");
    let folder = RunFolder::at(&world.folder.path().join("run"));
    let (saved, optimiser) = folder
        .state(&world.settings)?
        .unwrap_or_else(|| (Parameters::default(), AdamW::new(&world.settings.optimiser)));
    assert!(optimiser.steps() > 0);
    for (name, tensor) in &saved.0 {
        let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        assert!(values.iter().all(|value| value.is_finite()), "{name}");
    }
    Ok(())
}

/// Answers that hold a certain token are preferred: what is held out says that it was learnt.
#[test]
fn a_preference_is_learnt_and_measured_on_others() -> Result<()> {
    let mut settings = settings();
    settings.batch.pack = 120;
    settings.batch.epochs = 12;
    settings.optimiser.learning_rate = 0.01;
    settings.reward.held_out = 0.34;
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
    let how = Settings {
        seed: 1,
        ..world.settings.clone()
    };
    let Split { train, held_out, .. } = super::reward::split((0..48).map(pair).collect(), &how)?;
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

/// By hand: the head is zero before the first step, so that the reward of an answer of n tokens is -0.7 ln n.
#[test]
fn a_judge_charges_for_length_as_training_does() -> Result<()> {
    let mut settings = settings();
    settings.reward.length_penalty = 0.7;
    let world = World::new(settings)?;
    let dir = world.folder.path();
    let objective = RewardModel::new(world.learner(), &[], &[]);
    objective.write(&objective.begin()?, dir)?;
    let answers = [vec![5], vec![5; 4]];
    let judge = Judge::load(dir, &world.decoder)?;
    let worth = judge.worth(&[7, 8], &answers)?;
    let four = 1.0 / (1.0 + 4.0_f64.powf(0.7));
    assert!(
        (worth[0] - 0.5).abs() < 1e-6 && (worth[1] - four).abs() < 1e-6,
        "{worth:?}"
    );
    // Of a head that was written before the charge was kept, nothing is charged.
    let path = dir.join(super::reward::HEAD_FILE);
    let mut tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu)?;
    tensors.remove(super::reward::LENGTH_PENALTY);
    candle_core::safetensors::save(&tensors, &path)?;
    let worth = Judge::load(dir, &world.decoder)?.worth(&[7, 8], &answers)?;
    assert!((worth[1] - 0.5).abs() < 1e-6, "{worth:?}");
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
