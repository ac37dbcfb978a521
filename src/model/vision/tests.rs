//! The reader beside Hugging Face's implementation on a tiny model of random weights (`tests/data/qwen3-vl-tiny`, made by
//! its `make.py`), and beside every step written out in f64 ([`reference`]).

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::picture::patches;
use super::*;
use crate::config::WeightForm;
use crate::id::ModelId;
use crate::model::manifest::Catalogue;

mod reference;

use reference::Reference;

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// Tokens of the picture, and where they begin.
const IMAGE: (usize, usize) = (70, 7);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/qwen3-vl-tiny")
}

/// The tiny model under the manifest of a real one.
fn local() -> Result<LocalModel> {
    let mut manifest = Catalogue::builtin()?
        .find(&ModelId::new("qwen3-vl-2b-instruct"))?
        .clone();
    manifest.files.truncate(3);
    Ok(LocalModel {
        path: folder().join("model.safetensors"),
        sha256: crate::hash::ContentHash::ZERO,
        manifest,
    })
}

fn engine(weights: WeightForm) -> EngineConfig {
    EngineConfig {
        threads: 1,
        context_limit: 4096,
        temperature: 0.0,
        shortlist: 1,
        weights,
        device: crate::config::DeviceChoice::Cpu,
        cache_mb: 0,
    }
}

fn tiny(weights: WeightForm) -> Result<Vision> {
    Vision::load(&local()?, &engine(weights))
}

fn picture(name: &str) -> std::result::Result<RgbImage, image::ImageError> {
    Ok(image::open(folder().join(name))?.into_rgb8())
}

/// What Hugging Face's implementation gave.
struct Expected(HashMap<String, Tensor>);

impl Expected {
    fn read() -> candle_core::Result<Self> {
        let path = folder().join("expected.safetensors");
        Ok(Self(candle_core::safetensors::load(path, &Device::Cpu)?))
    }

    fn numbers(&self, name: &str) -> candle_core::Result<Vec<f32>> {
        let tensor = self
            .0
            .get(name)
            .ok_or_else(|| candle_core::Error::Msg(name.to_owned()))?;
        tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }

    fn counts(&self, name: &str) -> candle_core::Result<Vec<usize>> {
        Ok(self.numbers(name)?.into_iter().map(|n| n as usize).collect())
    }

    /// The largest difference between a tensor and the one of this name.
    fn off(&self, name: &str, found: &Tensor) -> candle_core::Result<f32> {
        let found = found.flatten_all()?.to_vec1::<f32>()?;
        Ok(apart(&found, &self.numbers(name)?))
    }
}

/// The largest difference.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Numbers of the picture's pixels, 0 to 255.
fn levels(pixels: &[f32]) -> Vec<f32> {
    pixels.iter().map(|x| ((x + 1.0) * 127.5).round()).collect()
}

#[test]
fn the_patches_are_those_of_the_models_processor() -> Outcome {
    let (vision, expected) = (tiny(WeightForm::F32)?, Expected::read()?);
    let seen = patches(&picture("picture.png")?, &vision.config.vision)?;
    assert_eq!(expected.counts("grid")?, [1, seen.rows, seen.columns]);
    assert_eq!(
        levels(&seen.pixels),
        expected.numbers("pixels")?,
        "nothing is scaled"
    );
    let seen = patches(&picture("larger.png")?, &vision.config.vision)?;
    assert_eq!(expected.counts("larger.grid")?, [1, seen.rows, seen.columns]);
    let len = vision.config.vision.patch_len();
    let fourth: Vec<f32> = seen.pixels.chunks(len).step_by(4).flatten().copied().collect();
    let (fourth, theirs) = (levels(&fourth), expected.numbers("larger.pixels")?);
    let mean = fourth
        .iter()
        .zip(&theirs)
        .map(|(a, b)| (a - b).abs())
        .sum::<f32>()
        / theirs.len() as f32;
    assert!(
        apart(&fourth, &theirs) <= 1.0 && mean < 0.05,
        "{} {mean}",
        apart(&fourth, &theirs)
    );
    Ok(())
}

#[test]
fn prompt_and_positions_are_those_of_the_model() -> Outcome {
    let (vision, expected) = (tiny(WeightForm::F32)?, Expected::read()?);
    let prompt = vision.prompt("Read it.", IMAGE.0)?;
    let tokens: Vec<usize> = prompt.iter().map(|token| *token as usize).collect();
    assert_eq!(tokens, expected.counts("tokens")?);
    assert_eq!(vision.first_patch(&prompt)?, IMAGE.1);
    let found = rope::positions(prompt.len(), IMAGE.1, (7, 10));
    let axes: Vec<usize> = (0..3)
        .flat_map(|axis| found.iter().map(move |at| at[axis]))
        .collect();
    assert_eq!(axes, expected.counts("positions")?);
    Ok(())
}

/// Both in f32, in other orders: Hugging Face's own f32 is 1.5e-5 from its f64.
#[test]
fn the_tower_gives_what_hugging_faces_gives() -> Outcome {
    let (vision, expected) = (tiny(WeightForm::F32)?, Expected::read()?);
    let seen = patches(&picture("picture.png")?, &vision.config.vision)?;
    let (patches, placed) = vision.tower.first_states(&seen)?;
    let (image, deep) = vision.tower.forward(&seen)?;
    assert_eq!(deep.len(), 2);
    let found = [
        ("patches", &patches),
        ("interpolated", &placed),
        ("image", &image),
        ("deep.0", &deep[0]),
        ("deep.1", &deep[1]),
    ];
    for (name, tensor) in found {
        let off = expected.off(name, tensor)?;
        assert!(off < 2e-5, "{name} {off}");
    }
    Ok(())
}

/// The logits behind the prompt and behind each word of Hugging Face's answer.
fn steps(vision: &Vision, expected: &Expected) -> Result<Vec<Tensor>> {
    let picture =
        picture("picture.png").map_err(|e| Error::new(ErrorKind::Internal, "no picture").because(e))?;
    let (image, deep) = vision.tower.forward(&patches(&picture, &vision.config.vision)?)?;
    let prompt = vision.prompt("Read it.", IMAGE.0)?;
    let positions = rope::positions(prompt.len(), IMAGE.1, (7, 10));
    let patches = Patches {
        first: IMAGE.1,
        states: &image,
        deep: &deep,
    };
    let mut kv = BranchKv::root(vision.decoder.geometry());
    let mut all = vec![vision.pass(&prompt, &positions, Some(patches), &mut kv)?];
    let answer = expected.counts("answer")?;
    for (i, token) in answer[..answer.len() - 1].iter().enumerate() {
        let at = rope::behind(&positions) + i;
        all.push(vision.pass(&[*token as u32], &[[at; 3]], None, &mut kv)?);
    }
    Ok(all)
}

#[test]
fn the_answers_logits_are_those_of_hugging_faces() -> Outcome {
    let expected = Expected::read()?;
    let found = Tensor::stack(&steps(&tiny(WeightForm::F32)?, &expected)?, 0)?;
    let off = expected.off("steps", &found)?;
    assert!(off < 5e-5, "{off}");
    let words = found.argmax(D::Minus1)?.to_vec1::<u32>()?;
    let words: Vec<usize> = words.into_iter().map(|word| word as usize).collect();
    assert_eq!(words, expected.counts("answer")?);
    // Eight bits a weight and sixteen a key: near, on logits of up to 5.8.
    let rounded = Tensor::stack(&steps(&tiny(WeightForm::Blocks)?, &expected)?, 0)?;
    let off = expected.off("steps", &rounded)?;
    assert!(off > 1e-4 && off < 0.5, "{off}");
    Ok(())
}

#[test]
fn an_answer_that_does_not_end_is_an_error() -> Outcome {
    let mut vision = tiny(WeightForm::F32)?;
    vision.ends.clear();
    vision.longest = 9;
    let said = vision
        .ask(&picture("picture.png")?, "Read it.")
        .expect_err("endless")
        .to_string();
    assert!(said.contains("does not end within 9 tokens"), "{said}");
    Ok(())
}

#[test]
fn an_answer_ends_at_its_end_token() -> Outcome {
    let mut vision = tiny(WeightForm::F32)?;
    // The third word of the answer stands for the end.
    vision.ends = vec![144];
    let answer = vision.ask(&picture("picture.png")?, "Read it.")?;
    let two = vision
        .tokenizer
        .decode(&[5, 56], true)
        .map_err(|e| e.to_string())?;
    assert_eq!(answer.text, two);
    assert!((0.0..=1.0).contains(&answer.confidence), "{}", answer.confidence);
    Ok(())
}

/// Every step in f64, by loops: the same numbers within what f32 leaves out.
#[test]
fn every_block_is_what_its_formula_says() -> Outcome {
    let vision = tiny(WeightForm::F32)?;
    let reference = Reference::read(&folder())?;
    let seen = patches(&picture("picture.png")?, &vision.config.vision)?;
    let near = |name: &str, found: &Tensor, exact: &[Vec<f64>]| -> Outcome {
        let exact: Vec<f32> = exact.iter().flatten().map(|x| *x as f32).collect();
        let off = apart(&found.flatten_all()?.to_vec1::<f32>()?, &exact);
        assert!(off < 2e-5, "{name}: {off}");
        Ok(())
    };
    let (embedded, placed) = vision.tower.first_states(&seen)?;
    let (patches, places) = (
        reference.embedded(&picture("picture.png")?),
        reference.placed(14, 20),
    );
    near("patch embedding", &embedded, &patches)?;
    near("interpolated positions", &placed, &places)?;
    let (image, deep) = vision.tower.forward(&seen)?;
    let (exact, exact_deep) = reference.tower(&picture("picture.png")?);
    near("merged", &image, &exact)?;
    near("first deep", &deep[0], &exact_deep[0])?;
    near("second deep", &deep[1], &exact_deep[1])?;
    let expected = Expected::read()?;
    let logits = steps(&vision, &expected)?;
    let exact = reference.logits(&expected.counts("tokens")?, IMAGE.1, &exact, &exact_deep, (7, 10));
    let off = apart(
        &logits[0].to_vec1::<f32>()?,
        &exact.iter().map(|x| *x as f32).collect::<Vec<_>>(),
    );
    assert!(off < 5e-5, "logits: {off}");
    Ok(())
}

#[test]
fn files_that_are_not_those_of_a_model_are_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    let names = ["config.json", "tokenizer.json", "model.safetensors"];
    for broken in names {
        for name in names {
            std::fs::copy(folder().join(name), dir.path().join(name))?;
        }
        let mut bytes = std::fs::read(folder().join(broken))?;
        bytes.truncate(bytes.len() / 2);
        std::fs::write(dir.path().join(broken), bytes)?;
        let mut model = local()?;
        model.path = dir.path().join("model.safetensors");
        let refused = Vision::load(&model, &engine(WeightForm::F32))
            .expect_err(broken)
            .to_string();
        assert!(refused.contains(broken) && !refused.contains('\n'), "{refused}");
    }
    Ok(())
}
