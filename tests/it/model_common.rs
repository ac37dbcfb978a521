//! What the tests of the models share: real weights, loaded once for the whole binary, and small arithmetic.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::Tensor;
use plumbline::model::decoder::{Decoder, Step};
use plumbline::model::gguf::Gguf;
use plumbline::model::kv::BranchKv;
use plumbline::model::tokenizer::Tokenizer;

use crate::tiny::Tiny;

/// What a test answers.
pub type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// The default model.
pub const QWEN: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m";
/// The small model.
pub const SMOL: &str = "smollm2-135m-instruct-q4_1";

/// A model ready to run.
pub struct Loaded {
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
}

impl Loaded {
    pub fn open(path: &Path) -> Tested<Self> {
        let gguf = Gguf::open(path)?;
        Ok(Self {
            decoder: Decoder::load(&gguf, &|_| {})?,
            tokenizer: Tokenizer::from_gguf(&gguf)?,
        })
    }

    /// Exactly `count` tokens of `text`.
    pub fn tokens(&self, text: &str, count: usize) -> Tested<Vec<u32>> {
        let mut tokens = self.tokenizer.encode(text)?;
        if tokens.len() < count {
            return Err(format!("the text has {} tokens, not {count}", tokens.len()).into());
        }
        tokens.truncate(count);
        Ok(tokens)
    }

    /// Logits `[tokens, V]` of every token of one pass over `branch`.
    pub fn extend(&self, branch: &mut BranchKv, tokens: &[u32]) -> Tested<Tensor> {
        let wanted: Vec<u32> = (0..tokens.len() as u32).collect();
        let spans = [tokens.len()];
        let step = Step {
            tokens,
            spans: &spans,
            wanted: &wanted,
        };
        Ok(self.decoder.forward(&step, &mut [branch])?.logits)
    }

    /// Logits `[tokens, V]` of one pass from scratch.
    pub fn logits(&self, tokens: &[u32]) -> Tested<Tensor> {
        let mut branch = BranchKv::root(self.decoder.config(), tokens.len())?;
        self.extend(&mut branch, tokens)
    }
}

/// The weights of a model. `PLUMB_MODELS` names the folder that holds one folder a model.
pub fn weights(id: &str) -> Tested<PathBuf> {
    let missing =
        || format!("no weights of {id} under PLUMB_MODELS: run the tests with `make test`, which pulls them");
    let store = std::env::var_os("PLUMB_MODELS").ok_or_else(missing)?;
    let folder = Path::new(&store).join(id);
    let files = folder.read_dir().map_err(|_| missing())?;
    let mut paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let gguf = paths.find(|path| path.extension().is_some_and(|e| e == "gguf"));
    Ok(gguf.ok_or_else(missing)?)
}

/// The default model, loaded once.
pub fn qwen() -> Tested<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();
    once(&LOADED, QWEN)
}

/// The small model, loaded once.
pub fn smol() -> Tested<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();
    once(&LOADED, SMOL)
}

fn once(cell: &'static OnceLock<Result<Loaded, String>>, id: &str) -> Tested<&'static Loaded> {
    cell.get_or_init(|| {
        weights(id)
            .and_then(|path| Loaded::open(&path))
            .map_err(|e| e.to_string())
    })
    .as_ref()
    .map_err(|e| e.clone().into())
}

/// Writes a tiny model of `arch` into `folder`.
pub fn tiny_file(folder: &Path, arch: &str) -> Tested<PathBuf> {
    let path = folder.join(format!("tiny-{arch}.gguf"));
    Tiny::new(arch)?.write(&path)?;
    Ok(path)
}

/// The largest |a - b|.
pub fn largest_difference(a: &Tensor, b: &Tensor) -> Tested<f32> {
    largest(&(a - b)?)
}

/// The largest |x|.
pub fn largest(x: &Tensor) -> Tested<f32> {
    Ok(x.abs()?.flatten_all()?.max(0)?.to_scalar()?)
}
