//! Whisper from `CTranslate2`'s names and shapes to those of `OpenAI`'s own checkpoints, which ggml files keep.
//!
//! `CTranslate2` fuses what is multiplied together: self-attention has query, key and value in the rows of one matrix,
//! cross-attention key and value. They are taken apart again; a key's bias, which Whisper does not have, is left out.

use std::io::{Read, Seek, Write};

use super::ctranslate2::{Model, Tensor, bad};
use super::ggml::{self, Type};
use super::vocabulary;
use crate::error::Result;
use crate::model::speech::mel;

/// No Whisper model has more; the largest have 32.
const MAX_LAYERS: usize = 1000;
/// Every head of every Whisper model is so wide.
const HEAD: usize = 64;

/// Converts a whole model.
pub(super) fn convert(file: impl Read + Seek, tokenizer: Option<&[u8]>, out: &mut impl Write) -> Result<()> {
    let mut model = Model::open(file)?;
    let tokens = match tokenizer {
        Some(json) => vocabulary::tokens(json)?,
        None => vocabulary::tokens(&model.rest()?)?,
    };
    let layers = head(&model, &tokens, out)?;
    let mut writer = Writer { model, out };
    writer.side("encoder", layers.encoder)?;
    writer.side("decoder", layers.decoder)
}

struct Layers {
    encoder: usize,
    decoder: usize,
}

/// The sizes, the filters and the vocabulary.
fn head<R: Read + Seek>(model: &Model<R>, tokens: &[Vec<u8>], out: &mut impl Write) -> Result<Layers> {
    let size = |name: &str, index: usize| -> Result<i32> {
        let dims = model.dims(name)?;
        let size = dims
            .get(index)
            .ok_or_else(|| bad(format!("{name} has no size {index}")))?;
        Ok(*size as i32)
    };
    let (words, width) = (
        size("decoder/embeddings/weight", 0)?,
        size("decoder/embeddings/weight", 1)?,
    );
    let bands = size("encoder/conv1/weight", 1)?;
    let layers = Layers {
        encoder: count(model, "encoder"),
        decoder: count(model, "decoder"),
    };
    let heads = width / HEAD as i32;
    ggml::numbers(out, &[ggml::MAGIC, words])?;
    for (side, layers) in [("encoder", layers.encoder), ("decoder", layers.decoder)] {
        let positions = size(&format!("{side}/position_encodings/encodings"), 0)?;
        ggml::numbers(out, &[positions, width, heads, layers as i32])?;
    }
    // f16 where there is a choice.
    ggml::numbers(out, &[bands, 1])?;
    ggml::numbers(out, &[bands, mel::BINS as i32])?;
    for weight in mel::filters(bands as usize) {
        ggml::raw(out, &weight.to_le_bytes())?;
    }
    ggml::numbers(out, &[tokens.len() as i32])?;
    for token in tokens {
        ggml::numbers(out, &[token.len() as i32])?;
        ggml::raw(out, token)?;
    }
    Ok(layers)
}

fn count<R: Read + Seek>(model: &Model<R>, side: &str) -> usize {
    let there = |n: &usize| model.has(&format!("{side}/layer_{n}/ffn/linear_0/weight"));
    (0..MAX_LAYERS).take_while(there).count()
}

struct Writer<'a, R, W> {
    model: Model<R>,
    out: &'a mut W,
}

impl<R: Read + Seek, W: Write> Writer<'_, R, W> {
    fn side(&mut self, side: &str, layers: usize) -> Result<()> {
        self.same(
            &format!("{side}.positional_embedding"),
            &format!("{side}/position_encodings/encodings"),
        )?;
        if side == "encoder" {
            for conv in ["conv1", "conv2"] {
                self.linear(&format!("{side}.{conv}"), &format!("{side}/{conv}"))?;
            }
        } else {
            self.same("decoder.token_embedding.weight", "decoder/embeddings/weight")?;
        }
        for layer in 0..layers {
            self.block(
                &format!("{side}.blocks.{layer}"),
                &format!("{side}/layer_{layer}"),
                side,
            )?;
        }
        let last = if side == "encoder" { "ln_post" } else { "ln" };
        self.norm(&format!("{side}.{last}"), &format!("{side}/layer_norm"))
    }

    fn block(&mut self, to: &str, from: &str, side: &str) -> Result<()> {
        let (attention, to_attention) = (format!("{from}/self_attention"), format!("{to}.attn"));
        let fused = ["query", "key", "value"];
        self.split(&to_attention, &format!("{attention}/linear_0"), &fused)?;
        self.linear(&format!("{to_attention}.out"), &format!("{attention}/linear_1"))?;
        self.norm(&format!("{to}.attn_ln"), &format!("{attention}/layer_norm"))?;
        if side == "decoder" {
            let (attention, to_attention) = (format!("{from}/attention"), format!("{to}.cross_attn"));
            self.split(&to_attention, &format!("{attention}/linear_0"), &fused[..1])?;
            self.split(&to_attention, &format!("{attention}/linear_1"), &fused[1..])?;
            self.linear(&format!("{to_attention}.out"), &format!("{attention}/linear_2"))?;
            self.norm(&format!("{to}.cross_attn_ln"), &format!("{attention}/layer_norm"))?;
        }
        self.linear(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"))?;
        self.linear(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"))?;
        self.norm(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"))
    }

    /// One matrix and its bias, taken apart into `names`.
    fn split(&mut self, to: &str, from: &str, names: &[&str]) -> Result<()> {
        let weight = self.model.tensor(&format!("{from}/weight"))?;
        let bias = self.model.tensor(&format!("{from}/bias"))?;
        for (i, name) in names.iter().enumerate() {
            self.write(&format!("{to}.{name}.weight"), &weight.part(i, names.len()))?;
            if *name != "key" {
                self.write(&format!("{to}.{name}.bias"), &bias.part(i, names.len()))?;
            }
        }
        Ok(())
    }

    fn linear(&mut self, to: &str, from: &str) -> Result<()> {
        self.same(&format!("{to}.weight"), &format!("{from}/weight"))?;
        self.same(&format!("{to}.bias"), &format!("{from}/bias"))
    }

    fn norm(&mut self, to: &str, from: &str) -> Result<()> {
        self.same(&format!("{to}.weight"), &format!("{from}/gamma"))?;
        self.same(&format!("{to}.bias"), &format!("{from}/beta"))
    }

    fn same(&mut self, to: &str, from: &str) -> Result<()> {
        let tensor = self.model.tensor(from)?;
        self.write(to, &tensor)
    }

    /// Matrices stay in half precision. What is added, which costs nothing, is f32, and the bias of a convolution is a
    /// column.
    fn write(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let added = tensor.dims.len() < 2 || name.ends_with("positional_embedding");
        let kind = if added { Type::F32 } else { Type::F16 };
        let mut dims = tensor.dims.clone();
        if name.contains(".conv") && dims.len() == 1 {
            dims.push(1);
        }
        ggml::tensor(
            self.out,
            name,
            &dims,
            kind,
            tensor.values.iter().map(|v| v.to_f32()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::ctranslate2::tests::file;
    use super::*;

    const WIDTH: usize = 64;

    /// A model of one layer a side, its numbers counting up, so that every one is seen to land in its place.
    fn tiny() -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut variables = Vec::new();
        let mut add = |name: String, dims: &[usize]| {
            let first = variables.len() as f32;
            let values = (0..dims.iter().product()).map(|i| first + i as f32 / 1e4);
            variables.push((name, dims.to_vec(), values.collect()));
        };
        add("decoder/embeddings/weight".to_owned(), &[3, WIDTH]);
        add("encoder/conv1/weight".to_owned(), &[WIDTH, 80, 3]);
        add("encoder/conv2/weight".to_owned(), &[WIDTH, WIDTH, 3]);
        for conv in ["conv1", "conv2"] {
            add(format!("encoder/{conv}/bias"), &[WIDTH]);
        }
        for side in ["encoder", "decoder"] {
            add(format!("{side}/position_encodings/encodings"), &[4, WIDTH]);
            let layer = format!("{side}/layer_0");
            let mut linears = vec![("self_attention/linear_0", 3), ("self_attention/linear_1", 1)];
            linears.extend([("ffn/linear_0", 4), ("ffn/linear_1", 1)]);
            if side == "decoder" {
                linears.extend([
                    ("attention/linear_0", 1),
                    ("attention/linear_1", 2),
                    ("attention/linear_2", 1),
                ]);
            }
            for (linear, times) in linears {
                add(format!("{layer}/{linear}/weight"), &[times * WIDTH, WIDTH]);
                add(format!("{layer}/{linear}/bias"), &[times * WIDTH]);
            }
            for norm in ["layer_0/self_attention", "layer_0/attention", "layer_0/ffn"] {
                add(format!("{side}/{norm}/layer_norm/gamma"), &[WIDTH]);
                add(format!("{side}/{norm}/layer_norm/beta"), &[WIDTH]);
            }
            add(format!("{side}/layer_norm/gamma"), &[WIDTH]);
            add(format!("{side}/layer_norm/beta"), &[WIDTH]);
        }
        variables
    }

    /// The tensors of a ggml file: name, sizes, type, data.
    fn tensors(mut file: &[u8]) -> Vec<(String, Vec<i32>, i32, Vec<u8>)> {
        let number = |file: &mut &[u8]| {
            let (head, rest) = file.split_at(4);
            *file = rest;
            i32::from_le_bytes(head.try_into().unwrap_or_default())
        };
        let mut found = Vec::new();
        while !file.is_empty() {
            let (rank, length, kind) = (number(&mut file), number(&mut file), number(&mut file));
            let sizes: Vec<i32> = (0..rank).map(|_| number(&mut file)).collect();
            let (name, rest) = file.split_at(length as usize);
            let bytes = sizes.iter().product::<i32>() * if kind == 0 { 4 } else { 2 };
            let (data, rest) = rest.split_at(bytes as usize);
            found.push((
                String::from_utf8_lossy(name).into_owned(),
                sizes,
                kind,
                data.to_vec(),
            ));
            file = rest;
        }
        found
    }

    #[test]
    fn fused_matrices_are_taken_apart_and_every_number_lands_in_its_place() -> Result<()> {
        let variables = tiny();
        let tokenizer = br#"{"model": {"vocab": {"a": 0, "b": 1}}}"#;
        let mut out = Vec::new();
        convert(std::io::Cursor::new(file(&variables)), Some(tokenizer), &mut out)?;
        let number = |at: usize| i32::from_le_bytes(out[at * 4..at * 4 + 4].try_into().unwrap_or_default());
        let head: Vec<i32> = (1..14).map(number).collect();
        assert_eq!(head, [3, 4, 64, 1, 1, 4, 64, 1, 1, 80, 1, 80, 201]);
        let words = 4 * 14 + 80 * 201 * 4;
        assert_eq!(&out[words..words + 14], b"\x02\0\0\0\x01\0\0\0a\x01\0\0\0b");
        let tensors = tensors(&out[words + 14..]);
        // 15 in an encoder's block, 24 in a decoder's, 11 around them: 245 in whisper-base, as whisper.cpp says.
        assert_eq!(tensors.len(), 11 + 15 + 24);
        let find = |name: &str| tensors.iter().find(|t| t.0 == name);
        let key = find("decoder.blocks.0.cross_attn.key.weight").map(|t| (t.1.clone(), t.2, t.3.clone()));
        let source = variables
            .iter()
            .find(|v| v.0 == "decoder/layer_0/attention/linear_1/weight");
        let first_half = source.map(|v| &v.2[..WIDTH * WIDTH]).unwrap_or_default();
        let wanted: Vec<u8> = first_half
            .iter()
            .flat_map(|v| half::f16::from_f32(*v).to_le_bytes())
            .collect();
        assert_eq!(key, Some((vec![64, 64], 1, wanted)));
        assert!(find("encoder.blocks.0.attn.key.bias").is_none());
        let bias = find("encoder.conv1.bias").map(|t| (t.1.clone(), t.2));
        assert_eq!(bias, Some((vec![1, 64], 0)));
        Ok(())
    }
}
