//! What the tests of the models share: real weights, loaded once for the whole binary, and small arithmetic.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::Tensor;
use plumbline::model::backend::Backend;
use plumbline::model::decoder::{Decoder, Step};
use plumbline::model::gguf::Gguf;
use plumbline::model::kv::BranchKv;
use plumbline::model::linear::WeightForm;
use plumbline::model::tokenizer::Tokenizer;

use crate::env::{DEFAULT_MODEL, Outcome, SMALL_MODEL, real_weights};
use crate::tiny::Tiny;

/// A model ready to run.
pub struct Loaded {
    pub gguf: Gguf,
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
}

impl Loaded {
    pub fn open(path: &Path) -> Outcome<Self> {
        Self::open_as(path, WeightForm::default())
    }

    pub fn open_as(path: &Path, form: WeightForm) -> Outcome<Self> {
        let gguf = Gguf::open(path)?;
        Ok(Self {
            decoder: Decoder::load(&gguf, form, &Backend::Kernels, &|_| {})?,
            tokenizer: Tokenizer::from_gguf(&gguf)?,
            gguf,
        })
    }

    /// Exactly `count` tokens of `text`.
    pub fn tokens(&self, text: &str, count: usize) -> Outcome<Vec<u32>> {
        let mut tokens = self.tokenizer.encode(text)?;
        if tokens.len() < count {
            return Err(format!("the text has {} tokens, not {count}", tokens.len()).into());
        }
        tokens.truncate(count);
        Ok(tokens)
    }

    /// Logits `[tokens, V]` of every token of one pass over `branch`.
    pub fn extend(&self, branch: &mut BranchKv, tokens: &[u32]) -> Outcome<Tensor> {
        let every: Vec<u32> = (0..tokens.len() as u32).collect();
        self.pass(branch, tokens, &every)
    }

    /// Reads `tokens` into `branch` without asking for logits.
    pub fn read(&self, branch: &mut BranchKv, tokens: &[u32]) -> Outcome {
        self.pass(branch, tokens, &[]).map(drop)
    }

    fn pass(&self, branch: &mut BranchKv, tokens: &[u32], wanted: &[u32]) -> Outcome<Tensor> {
        let step = Step {
            tokens,
            spans: &[tokens.len()],
            wanted,
        };
        Ok(self.decoder.forward(&step, &mut [branch])?.logits)
    }

    /// Logits `[tokens, V]` of one pass from scratch.
    pub fn logits(&self, tokens: &[u32]) -> Outcome<Tensor> {
        let mut branch = BranchKv::root(self.decoder.geometry());
        self.extend(&mut branch, tokens)
    }
}

/// The default model, loaded once.
pub fn qwen() -> Outcome<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();
    once(&LOADED, DEFAULT_MODEL)
}

/// The small model, loaded once.
pub fn smol() -> Outcome<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();
    once(&LOADED, SMALL_MODEL)
}

fn once(cell: &'static OnceLock<Result<Loaded, String>>, id: &str) -> Outcome<&'static Loaded> {
    cell.get_or_init(|| {
        real_weights(id)
            .and_then(|model| Loaded::open(&model.path))
            .map_err(|e| e.to_string())
    })
    .as_ref()
    .map_err(|e| e.clone().into())
}

/// Writes a tiny model of `arch` into `folder`.
pub fn tiny_file(folder: &Path, arch: &str) -> Outcome<PathBuf> {
    let path = folder.join(format!("tiny-{arch}.gguf"));
    Tiny::new(arch)?.write(&path)?;
    Ok(path)
}

/// The largest |a - b|.
pub fn largest_difference(a: &Tensor, b: &Tensor) -> Outcome<f32> {
    largest(&(a - b)?)
}

/// The largest |x|.
pub fn largest(x: &Tensor) -> Outcome<f32> {
    Ok(x.abs()?.flatten_all()?.max(0)?.to_scalar()?)
}
