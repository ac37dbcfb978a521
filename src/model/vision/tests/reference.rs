//! The whole model written out in f64, by loops over rows: slow, and easy to hold against the formulas.
//!
//! Nothing here is shared with what it checks but the weights' file. A matrix is a list of its rows.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device};
use image::RgbImage;

type Matrix = Vec<Vec<f64>>;

/// Sizes of `config.json`.
const PATCH: usize = 4;
const SIDE: usize = 6;
const TOWER_HEADS: usize = 2;
const HEADS: usize = 4;
const KEY_HEADS: usize = 2;
const DIM: usize = 16;

pub(super) struct Reference(HashMap<String, Vec<f64>>);

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn plus(a: &Matrix, b: &Matrix) -> Matrix {
    let row = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(row).collect()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
    scores.iter().map(|s| (s - most).exp() / sum).collect()
}

/// The tanh approximation.
fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
}

/// The exact one; the integral of the normal density by Simpson's rule.
fn gelu(x: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let n = 2000;
    let step = x / f64::from(n);
    let inner: f64 = (1..n)
        .map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * density(f64::from(i) * step))
        .sum();
    x * (0.5 + step / 3.0 * (density(0.0) + inner + density(x)))
}

/// Turns the pairs (i, i + n/2) of a head by their angles.
fn turned(head: &[f64], angles: &[f64]) -> Vec<f64> {
    let half = head.len() / 2;
    let mut out = head.to_vec();
    for (i, angle) in angles.iter().enumerate() {
        let (a, b) = (head[i], head[i + half]);
        out[i] = a * angle.cos() - b * angle.sin();
        out[i + half] = b * angle.cos() + a * angle.sin();
    }
    out
}

/// One head of attention; query `i` reads the keys below `seen(i)`.
fn attended(q: &Matrix, k: &Matrix, v: &Matrix, seen: impl Fn(usize) -> usize) -> Matrix {
    let scale = (q[0].len() as f64).sqrt();
    let row = |(i, q): (usize, &Vec<f64>)| {
        let keys = seen(i);
        let shares = softmax(&k[..keys].iter().map(|k| dot(q, k) / scale).collect::<Vec<_>>());
        let column = |d: usize| shares.iter().zip(v).map(|(share, v)| share * v[d]).sum();
        (0..v[0].len()).map(column).collect()
    };
    q.iter().enumerate().map(row).collect()
}

/// Some columns of a matrix.
fn columns(x: &Matrix, from: usize, len: usize) -> Matrix {
    x.iter().map(|row| row[from..from + len].to_vec()).collect()
}

/// Matrices side by side.
fn beside(parts: Vec<Matrix>) -> Matrix {
    (0..parts[0].len())
        .map(|i| parts.iter().flat_map(|part| part[i].clone()).collect())
        .collect()
}

/// Row and column of each patch: blocks of 2 x 2, row by row.
fn places(rows: usize, columns: usize) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    for row in (0..rows).step_by(2) {
        for column in (0..columns).step_by(2) {
            all.extend([
                (row, column),
                (row, column + 1),
                (row + 1, column),
                (row + 1, column + 1),
            ]);
        }
    }
    all
}

impl Reference {
    pub(super) fn read(folder: &Path) -> candle_core::Result<Self> {
        let tensors = candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu)?;
        let numbers = |(name, tensor): (String, candle_core::Tensor)| {
            Ok((name, tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?))
        };
        Ok(Self(
            tensors
                .into_iter()
                .map(numbers)
                .collect::<candle_core::Result<_>>()?,
        ))
    }

    fn get(&self, name: &str) -> &[f64] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// `x W^T + b`, without `b` where there is none.
    fn linear(&self, name: &str, x: &Matrix) -> Matrix {
        let (weight, bias) = (
            self.get(&format!("{name}.weight")),
            self.get(&format!("{name}.bias")),
        );
        let row = |x: &Vec<f64>| {
            let out = weight.chunks(x.len()).map(|w| dot(w, x));
            out.enumerate()
                .map(|(i, y)| y + bias.get(i).copied().unwrap_or(0.0))
                .collect()
        };
        x.iter().map(row).collect()
    }

    fn layer_norm(&self, name: &str, x: &Matrix) -> Matrix {
        let (weight, bias) = (
            self.get(&format!("{name}.weight")),
            self.get(&format!("{name}.bias")),
        );
        let row = |x: &Vec<f64>| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let at = |(i, x): (usize, &f64)| (x - mean) / (variance + 1e-6).sqrt() * weight[i] + bias[i];
            x.iter().enumerate().map(at).collect()
        };
        x.iter().map(row).collect()
    }

    fn rms_norm(&self, name: &str, x: &Matrix) -> Matrix {
        let weight = self.get(&format!("{name}.weight"));
        let row = |x: &Vec<f64>| {
            let square = dot(x, x) / x.len() as f64;
            x.iter()
                .zip(weight)
                .map(|(x, w)| x / (square + 1e-6).sqrt() * w)
                .collect()
        };
        x.iter().map(row).collect()
    }

    /// The patches as the convolution reads them: channel, frame, y, x.
    pub(super) fn embedded(&self, picture: &RgbImage) -> Matrix {
        let (rows, columns) = (
            picture.height() as usize / PATCH,
            picture.width() as usize / PATCH,
        );
        let patch = |(row, column): (usize, usize)| {
            let mut numbers = Vec::new();
            for channel in 0..3 {
                for _frame in 0..2 {
                    for y in 0..PATCH {
                        for x in 0..PATCH {
                            let pixel =
                                picture.get_pixel((column * PATCH + x) as u32, (row * PATCH + y) as u32);
                            numbers.push((f64::from(pixel.0[channel]) / 255.0 - 0.5) / 0.5);
                        }
                    }
                }
            }
            numbers
        };
        let patches: Matrix = places(rows, columns).into_iter().map(patch).collect();
        self.linear("model.visual.patch_embed.proj", &patches)
    }

    /// The learned square of embeddings stretched over the picture, linear in both directions.
    pub(super) fn placed(&self, rows: usize, columns: usize) -> Matrix {
        let learned: Matrix = self
            .get("model.visual.pos_embed.weight")
            .chunks(16)
            .map(<[f64]>::to_vec)
            .collect();
        let tent = |at: f64, node: usize| (1.0 - (at - node as f64).abs()).max(0.0);
        let place = |(row, column): (usize, usize)| {
            let y = row as f64 * (SIDE - 1) as f64 / (rows - 1) as f64;
            let x = column as f64 * (SIDE - 1) as f64 / (columns - 1) as f64;
            let at = |d: usize| {
                let nodes = (0..SIDE * SIDE).map(|n| tent(y, n / SIDE) * tent(x, n % SIDE) * learned[n][d]);
                nodes.sum()
            };
            (0..16).map(at).collect()
        };
        places(rows, columns).into_iter().map(place).collect()
    }

    fn tower_attention(&self, name: &str, x: &Matrix, places: &[(usize, usize)]) -> Matrix {
        let qkv = self.linear(&format!("{name}.qkv"), x);
        let dim = x[0].len() / TOWER_HEADS;
        // 1 and 10000^(-1/2): two frequencies for the row, the same two for the column.
        let angles = |(row, column): (usize, usize)| {
            let (row, column) = (row as f64, column as f64);
            [row, row * 0.01, column, column * 0.01]
        };
        let rotated = |from: usize| -> Matrix {
            let part = columns(&qkv, from, dim);
            part.iter()
                .zip(places)
                .map(|(head, at)| turned(head, &angles(*at)))
                .collect()
        };
        let head = |h: usize| {
            let (q, k) = (rotated(h * dim), rotated(16 + h * dim));
            attended(&q, &k, &columns(&qkv, 32 + h * dim, dim), |_| x.len())
        };
        self.linear(
            &format!("{name}.proj"),
            &beside((0..TOWER_HEADS).map(head).collect()),
        )
    }

    fn merged(&self, name: &str, x: &Matrix, joined: bool) -> Matrix {
        let join = |x: &Matrix| -> Matrix { x.chunks(4).map(<[Vec<f64>]>::concat).collect() };
        let norm = format!("{name}.norm");
        let x = if joined {
            self.layer_norm(&norm, &join(x))
        } else {
            join(&self.layer_norm(&norm, x))
        };
        let up = self.linear(&format!("{name}.linear_fc1"), &x);
        let up = up
            .iter()
            .map(|row| row.iter().map(|x| gelu(*x)).collect())
            .collect();
        self.linear(&format!("{name}.linear_fc2"), &up)
    }

    /// The states of the tokens, and those of the first two blocks.
    pub(super) fn tower(&self, picture: &RgbImage) -> (Matrix, Vec<Matrix>) {
        let (rows, columns) = (
            picture.height() as usize / PATCH,
            picture.width() as usize / PATCH,
        );
        let places = places(rows, columns);
        let mut x = plus(&self.embedded(picture), &self.placed(rows, columns));
        let mut deep = Vec::new();
        for i in 0..3 {
            let name = format!("model.visual.blocks.{i}");
            let normed = self.layer_norm(&format!("{name}.norm1"), &x);
            x = plus(
                &x,
                &self.tower_attention(&format!("{name}.attn"), &normed, &places),
            );
            let up = self.linear(
                &format!("{name}.mlp.linear_fc1"),
                &self.layer_norm(&format!("{name}.norm2"), &x),
            );
            let up = up
                .iter()
                .map(|row| row.iter().map(|x| gelu_tanh(*x)).collect())
                .collect();
            x = plus(&x, &self.linear(&format!("{name}.mlp.linear_fc2"), &up));
            if i < 2 {
                deep.push(self.merged(&format!("model.visual.deepstack_merger_list.{i}"), &x, true));
            }
        }
        (self.merged("model.visual.merger", &x, false), deep)
    }

    fn attention(&self, name: &str, x: &Matrix, positions: &[[f64; 3]]) -> Matrix {
        // Sections 4, 2, 2 interleaved: of eight frequencies height turns the second and fifth, width the third and sixth.
        let axes = [0, 1, 2, 0, 1, 2, 0, 0];
        let angles = |at: &[f64; 3]| -> Vec<f64> {
            let angle = |(i, axis): (usize, &usize)| at[*axis] / 10_000_f64.powf(2.0 * i as f64 / DIM as f64);
            axes.iter().enumerate().map(angle).collect()
        };
        let heads = |part: &str, norm: &str, h: usize| -> Matrix {
            let all = self.linear(&format!("{name}.{part}"), x);
            let normed = self.rms_norm(&format!("{name}.{norm}"), &columns(&all, h * DIM, DIM));
            normed
                .iter()
                .zip(positions)
                .map(|(head, at)| turned(head, &angles(at)))
                .collect()
        };
        let values = self.linear(&format!("{name}.v_proj"), x);
        let head = |h: usize| {
            let group = h / (HEADS / KEY_HEADS);
            let (q, k) = (heads("q_proj", "q_norm", h), heads("k_proj", "k_norm", group));
            attended(&q, &k, &columns(&values, group * DIM, DIM), |i| i + 1)
        };
        self.linear(&format!("{name}.o_proj"), &beside((0..HEADS).map(head).collect()))
    }

    /// The logits behind the last token of a prompt whose tokens from `first` on are a picture.
    pub(super) fn logits(
        &self,
        tokens: &[usize],
        first: usize,
        image: &Matrix,
        deep: &[Matrix],
        (rows, columns): (usize, usize),
    ) -> Vec<f64> {
        let table = "model.language_model.embed_tokens";
        let embeddings: Vec<&[f64]> = self.get(&format!("{table}.weight")).chunks(32).collect();
        let mut x: Matrix = tokens.iter().map(|token| embeddings[*token].to_vec()).collect();
        let mut positions = Vec::new();
        for (at, state) in x.iter_mut().enumerate() {
            positions.push(match at.checked_sub(first) {
                None => [at as f64; 3],
                Some(i) if i < image.len() => {
                    state.clone_from(&image[i]);
                    let (row, column) = (i / columns, i % columns);
                    [first as f64, (first + row) as f64, (first + column) as f64]
                }
                Some(i) => [(first + rows.max(columns) + i - image.len()) as f64; 3],
            });
        }
        for i in 0..3 {
            let name = format!("model.language_model.layers.{i}");
            let normed = self.rms_norm(&format!("{name}.input_layernorm"), &x);
            x = plus(
                &x,
                &self.attention(&format!("{name}.self_attn"), &normed, &positions),
            );
            let normed = self.rms_norm(&format!("{name}.post_attention_layernorm"), &x);
            let gate = self.linear(&format!("{name}.mlp.gate_proj"), &normed);
            let up = self.linear(&format!("{name}.mlp.up_proj"), &normed);
            let fed = |(gate, up): (&Vec<f64>, &Vec<f64>)| {
                let silu = |g: f64| g / (1.0 + (-g).exp());
                gate.iter().zip(up).map(|(g, u)| silu(*g) * u).collect()
            };
            let fed = gate.iter().zip(&up).map(fed).collect();
            x = plus(&x, &self.linear(&format!("{name}.mlp.down_proj"), &fed));
            for (row, deep) in deep.get(i).into_iter().flatten().enumerate() {
                x[first + row]
                    .iter_mut()
                    .zip(deep)
                    .for_each(|(x, deep)| *x += deep);
            }
        }
        let last = self.rms_norm("model.language_model.norm", &vec![x[x.len() - 1].clone()]);
        self.linear(table, &last).concat()
    }
}
