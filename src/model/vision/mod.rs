//! A picture answered in words: Qwen3-VL (Apache-2.0), in this process.
//!
//! The picture is scaled to whole patches ([`picture`]), which a vision transformer makes states of ([`tower`]); these
//! take the places of the image tokens in the prompt, and this project's own decoder answers, rotating every row by its
//! place in the text or in the picture ([`rope`]). Dense models of the Qwen3-VL family only; one picture a question.
//!
//! The method is that of the Qwen3-VL technical report (arXiv:2511.21631); what is computed was held against Hugging
//! Face's implementation on random weights (`tests/data/qwen3-vl-tiny`).

use std::path::{Path, PathBuf};

use candle_core::{D, IndexOp as _, Tensor};
use image::RgbImage;
use tokenizers::Tokenizer;

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::backend::Backend;
use crate::model::decoder::{Decoder, Patches, Step};
use crate::model::kv::BranchKv;
use crate::model::local::LocalModel;

mod config;
mod picture;
mod rope;
mod tower;
mod weights;

#[cfg(test)]
mod tests;

use config::Config;
use rope::Axes;
use tower::Tower;
use weights::Files;

/// The names of the files beside the weights.
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// Tokens that an answer may have.
const LONGEST_ANSWER: usize = 2048;
/// What ends an answer.
const ENDS: [&str; 2] = ["<|im_end|>", "<|endoftext|>"];

/// The model, ready to look.
#[derive(Debug)]
pub struct Vision {
    config: Config,
    tokenizer: Tokenizer,
    ends: Vec<u32>,
    tower: Tower,
    decoder: Decoder,
    axes: Axes,
    /// Tokens that an answer may have.
    longest: usize,
}

/// What the model says of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its words. Untrusted: what stands in the picture can have written them.
    pub text: String,
    /// The mean probability of their tokens, 0 to 1.
    pub confidence: f32,
}

impl Vision {
    /// Loads the model; it is held and runs as the engine's configuration says.
    ///
    /// # Errors
    /// `Model` when a file is not what it should be or the model is one that is not read here; `Io` when a file cannot be
    /// read.
    pub fn load(model: &LocalModel, engine: &EngineConfig) -> Result<Self> {
        let folder = model.path.parent().unwrap_or(Path::new("."));
        let config = Config::read(&folder.join(CONFIG))?;
        let tokenizer = tokenizer(&folder.join(TOKENIZER))?;
        let is_weights = |name: &&str| Path::new(name).extension().is_some_and(|e| e == "safetensors");
        let names = model.manifest.files.iter().map(|file| file.name.as_str());
        let paths: Vec<PathBuf> = names.filter(is_weights).map(|name| folder.join(name)).collect();
        let files = Files::open(&paths, engine.weights)?;
        let backend = Backend::open(engine.device)?;
        let ends = ENDS
            .iter()
            .filter_map(|name| tokenizer.token_to_id(name))
            .collect();
        Ok(Self {
            tower: Tower::load(&config.vision, &files, &backend)?,
            decoder: Decoder::of(config.text.clone(), &files, engine.weights, &backend, &|_| {})?,
            axes: Axes::new(&config),
            longest: LONGEST_ANSWER,
            config,
            tokenizer,
            ends,
        })
    }

    /// What the model answers to an instruction about a picture: at every step the likeliest word.
    ///
    /// The instruction is part of the prompt's template: it must be the program's own.
    ///
    /// # Errors
    /// `Input` when the picture is too narrow for its length; `Engine` when the answer does not end; else the arithmetic
    /// failed.
    pub fn ask(&self, picture: &RgbImage, instruction: &str) -> Result<Answer> {
        let seen = picture::patches(picture, &self.config.vision)?;
        let (image, deep) = self.tower.forward(&seen)?;
        let prompt = self.prompt(instruction, image.dim(0)?)?;
        let first = self.first_patch(&prompt)?;
        let patches = Patches {
            first,
            states: &image,
            deep: &deep,
        };
        let positions = rope::positions(prompt.len(), first, seen.merged(self.config.vision.merge));
        let mut next = rope::behind(&positions);
        let mut kv = BranchKv::root(self.decoder.geometry());
        let mut logits = self.pass(&prompt, &positions, Some(patches), &mut kv)?;
        let (mut answer, mut certainty) = (Vec::new(), 0.0);
        while answer.len() < self.longest {
            let (token, probability) = likeliest(&logits)?;
            certainty += probability;
            if self.ends.contains(&token) {
                return self.answer(&answer, certainty / (answer.len() + 1) as f32);
            }
            answer.push(token);
            logits = self.pass(&[token], &[[next; 3]], None, &mut kv)?;
            next += 1;
        }
        let what = format!(
            "the answer about the picture does not end within {} tokens",
            self.longest
        );
        Err(Error::new(ErrorKind::Engine, what))
    }

    /// The logits `[V]` behind the last of some rows.
    fn pass(
        &self,
        tokens: &[u32],
        positions: &[[usize; 3]],
        patches: Option<Patches>,
        kv: &mut BranchKv,
    ) -> Result<Tensor> {
        let step = Step {
            tokens,
            spans: &[tokens.len()],
            wanted: &[tokens.len() as u32 - 1],
        };
        let rope = self.axes.rope(positions, self.decoder.device())?;
        let output = self.decoder.forward_turned(&step, &rope, patches, &mut [kv])?;
        Ok(output.logits.i(0)?)
    }

    /// The chat template of the Qwen3-VL models around a picture of so many image tokens and an instruction.
    fn prompt(&self, instruction: &str, image: usize) -> Result<Vec<u32>> {
        let pads = "<|image_pad|>".repeat(image);
        let prompt = format!(
            "<|im_start|>user\n<|vision_start|>{pads}<|vision_end|>{instruction}<|im_end|>\n<|im_start|>assistant\n"
        );
        let encoding = self.tokenizer.encode_fast(prompt, false);
        let encoding = encoding.map_err(|e| Error::new(ErrorKind::Engine, "cannot tokenize").because(e))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Where the image tokens begin.
    fn first_patch(&self, prompt: &[u32]) -> Result<usize> {
        let found = prompt.iter().position(|&token| token == self.config.image_token);
        found.ok_or_else(|| {
            let what = format!("{TOKENIZER} does not know the image token of {CONFIG}");
            Error::new(ErrorKind::Model, what).hint("`plumb models verify` reads the model's files again")
        })
    }

    fn answer(&self, tokens: &[u32], confidence: f32) -> Result<Answer> {
        let text = self.tokenizer.decode(tokens, true);
        let text = text.map_err(|e| Error::new(ErrorKind::Engine, "the answer is no text").because(e))?;
        Ok(Answer { text, confidence })
    }
}

/// The likeliest token and its probability.
fn likeliest(logits: &Tensor) -> Result<(u32, f32)> {
    let token = logits.argmax(D::Minus1)?.to_scalar::<u32>()?;
    let others = logits.broadcast_sub(&logits.get(token as usize)?)?;
    let probability = others.exp()?.sum_all()?.recip()?.to_scalar::<f32>()?;
    Ok((token, probability))
}

fn tokenizer(path: &Path) -> Result<Tokenizer> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    Tokenizer::from_bytes(bytes).map_err(|e| {
        let what = format!("{} is no tokenizer this program can use", path.display());
        Error::new(ErrorKind::Model, what).because(e)
    })
}
